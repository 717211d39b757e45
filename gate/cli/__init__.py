"""The command line: one file per command, imported only when the command is called."""

from __future__ import annotations

import importlib

import click

from gate import __version__
from gate.cli.exit_codes import help_text

_COMMANDS = {
    "verify": ("gate.cli.verify", "Decide whether images may ship."),
    "verify-vsa": ("gate.cli.verify_vsa", "Check a signed verification summary before a deploy."),
    "report": ("gate.cli.report", "Render a stored verdict again, in any format."),
    "replay": ("gate.cli.replay", "Decide again from the store and compare."),
    "explain": ("gate.cli.explain", "What a rule checks and how to satisfy it."),
    "policy": ("gate.cli.policy", "Check a policy bundle; show what a change would flip."),
    "init": ("gate.cli.init", "Write a commented security-policy.yaml."),
    "config": ("gate.cli.config", "Check the policy file; show what is in force and from where."),
    "baseline": ("gate.cli.baseline", "Adopt the gate on an image with findings; new ones deny."),
    "waiver": ("gate.cli.waiver", "Write, list, check, end and import waivers."),
    "history": ("gate.cli.history", "When findings were first seen, for deadlines."),
    "evidence": ("gate.cli.evidence", "Show what the gate understands of a document."),
    "input": ("gate.cli.input", "Show the input document that policies see."),
    "inspect": ("gate.cli.inspect", "Show what is inside an image."),
    "vex": ("gate.cli.vex", "Triage findings, generate VEX, prove that it binds."),
    "sign": ("gate.cli.sign", "Sign an image and push the signature beside it."),
    "attest": ("gate.cli.attest", "Sign a statement about an image."),
    "attestations": ("gate.cli.attestations", "List, verify and download what is attached to an image."),
    "push": ("gate.cli.push", "Push a layout with its signatures, or what the store holds back."),
    "copy": ("gate.cli.copy", "Copy an image with its signatures and attestations."),
    "sbom": ("gate.cli.sbom", "Generate an SBOM with syft."),
    "keys": ("gate.cli.keys", "Make and look at signing keys."),
    "trust": ("gate.cli.trust_roots", "Import trusted roots; show and check their age."),
    "export": ("gate.cli.export", "Make the admission policy of a cluster."),
    "chain": ("gate.cli.chain", "Follow an image to its sources and bases."),
    "doctor": ("gate.cli.doctor", "What is installed, what is missing, what to type."),
    "completion": ("gate.cli.completion", "Print a shell completion script."),
}


class _Lazy(click.Group):
    """Knows every command's name and summary, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found = importlib.import_module(entry[0]).command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_Lazy, epilog=help_text(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gate", message="%(prog)s %(version)s")
def command() -> None:
    """Decide whether a container image may ship, and prove why.

    \b
    Start here:
      gate doctor                        what is installed
      gate init                          write security-policy.yaml
      gate verify IMAGE                  decide, with the prod profile
      gate explain RULE                  what a rule wants
    """
