"""``gate waiver``: write, list, check, end and draft waivers. What a waiver is worth is judged where a verdict judges it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit, read_bounded, write_atomically
from gate.cli.options import F

if TYPE_CHECKING:
    from gate.cli.waiverbook import Line

_DRAFTS = """Drafts (gate waiver import): each waives nothing until owner, ticket, reason and end are filled in
and the line that says draft is deleted."""
_FORMATS = ("trivyignore", "trivyignore-yaml", "grype", "osv-scanner", "snyk", "pip-audit", "nancy")


def _policy(function: F) -> F:
    """By which policy waivers are judged."""
    for option in (
        click.option("--bundle", "bundles", multiple=True, metavar="PATH[@sha256:…]", help="A further policy pack. Repeatable."),
        click.option("--profile", metavar="dev|prod|PATH", help="Profile of the bundle, or a profile file."),
        click.option("--environment", metavar="NAME", help="Environment of the policy file."),
        click.option("--policy-file", metavar="FILE", help="A gate.policy/v1 file, such as security-policy.yaml."),
    ):
        function = option(function)
    return function


def _verdict(text: str) -> Callable[[F], F]:
    return click.option("--from", "verdict", metavar="FILE|DIGEST", help=text)


_STORE = click.option(
    "--store", metavar="DIR", help="Where verdicts are kept; default $GATE_STORE or ~/.local/share/policy-gate."
)


@click.group("waiver")
def command() -> None:
    """Risks that somebody accepted until a date: rule, finding, reason, owner, ticket, end.

    A waiver is judged by the policy in force: unknown rules, rules that cannot be waived, and lifetimes beyond waiver_max_days
    make it invalid, and an invalid one waives nothing. VEX says that a finding does not apply; a waiver, that it does.
    """


@command.command("add", short_help="Write one waiver.")
@click.argument("file", metavar="FILE")
@click.option("--rule", required=True, metavar="DOMAIN.RULE", help="Exactly one rule (gate explain lists them).")
@click.option("--term", metavar="TERM", help="What of it: CVE-…, CVE-…|pkg:deb/debian/openssl, or the term that a report shows.")
@click.option("--whole-rule", is_flag=True, help="In place of --term: all that the rule finds.")
@click.option("--owner", required=True, metavar="NAME", help="Who answers for it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why the risk is accepted.")
@click.option("--ticket", required=True, metavar="ID", help="Where the work is planned.")
@click.option("--expires", required=True, metavar="DATE", help="When it ends, exclusive, UTC.")
@click.option("--image", "images", multiple=True, metavar="REPOSITORY", help="Only this image. Repeatable.")
@click.option("--digest", "digests", multiple=True, metavar="sha256:…", help="Only this digest. Repeatable.")
@click.option("--package", "packages", multiple=True, metavar="PURL", help="Only this package. Repeatable.")
@click.option("--approved-by", default="", metavar="NAME", help="Who agreed.")
@click.option("--id", "name", metavar="ID", help="Default: made from rule, term and scope.")
@_verdict("A verdict that it must match something in.")
@_STORE
@_policy
def add(**options: Any) -> int:
    """Write one waiver at the end of FILE, which is made if it is not there. Comments in it stay.

    \b
    Example:
      gate waiver add waivers.yaml --rule vulnerabilities.max_high --term CVE-2026-1234 --image registry.example/app \\
          --owner ann@example.org --ticket SEC-314 --reason "not compiled in" --expires 2027-01-31 --from verdict.json
    """
    from gate.cli.waiverbook import add as run

    return run(options)


@command.command("list", short_help="Show waivers with their state and the days that are left.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_verdict("A verdict, to say which waivers nothing there needs.")
@click.option(
    "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the answer."
)
@click.option("--effective-time", metavar="RFC3339", help="As of then.")
@_STORE
@_policy
def list_(**options: Any) -> int:
    """Show the waivers of each FILE, those that end first at the top: active, expiring, pending, expired, draft, invalid, unused.

    \b
    Examples:
      gate waiver list waivers.yaml
      gate waiver list waivers/*.yaml --from verdict.json --output json
    """
    import json

    from gate.cli.waiverbook import plain, read_all

    lines, _ = read_all(options)
    if options["form"] == "json":
        emit(
            (json.dumps({"schema": "gate.waiver-list/v1", "waivers": [plain(line) for line in lines]}, indent=2) + "\n").encode()
        )
    else:
        emit(("\n".join([*map(_shown, lines), f"{len(lines)} waivers"]) + "\n").encode())
    return 0


@command.command("check", short_help="Check waiver files, as before a commit.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_verdict("A verdict that every waiver must match something in.")
@click.option("--strict", is_flag=True, help="Drafts and expired waivers are errors too.")
@click.option("--effective-time", metavar="RFC3339", help="As of then.")
@_STORE
@_policy
def check(**options: Any) -> int:
    """Check each FILE: its form, every waiver's rule, term, end and owner, and that no two have one id.

    \b
    Exit codes: 0 all hold, 1 some waive nothing (invalid; with --from unused; with --strict draft or expired),
    2 a file that is no waiver file.

    \b
    Example, for pre-commit:
      gate waiver check waivers.yaml --policy-file security-policy.yaml
    """
    from gate.cli.waiverbook import read_all

    lines, files = read_all(options)
    bad = {"invalid", "unused", *(("draft", "expired") if options["strict"] else ())}
    wrong = [line for line in lines if line.state in bad]
    notes = [line for line in lines if line.state in ("draft", "expired", "expiring") and line not in wrong]
    shown = [_shown(line) for line in (*wrong, *notes)]
    emit(("\n".join([*shown, f"{files} files, {len(lines)} waivers: {len(wrong)} waive nothing"]) + "\n").encode())
    return 1 if wrong else 0


@command.command("expire", short_help="End a waiver now.")
@click.argument("file", metavar="FILE")
@click.argument("name", metavar="ID")
@click.option("--reason", default="ended early", metavar="TEXT", help="Written beside the new end.")
def expire(file: str, name: str, reason: str) -> int:
    """End the waiver ID of FILE now. It stays in the file, with its old end in a comment: what was accepted is not forgotten.

    \b
    Example:
      gate waiver expire waivers.yaml W-2026-14 --reason "fixed in 1.4.2"
    """
    from gate.cli.waiverbook import expire as run

    return run(file, name, reason)


@command.command("import", short_help="Draft waivers from another tool's ignore file.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--output", required=True, metavar="FILE", help="Waiver file (YAML) to write; - for standard output.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="Where the file's name does not tell.")
@click.option("--rule", "rules", multiple=True, metavar="DOMAIN.RULE", help="What is to be waived; else by --from. Repeatable.")
@_verdict("A verdict: rules, terms and images are taken from it, and entries that match nothing are named.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@_STORE
def import_(**options: Any) -> int:
    """Draft waivers from .trivyignore, .trivyignore.yaml, .grype.yaml, osv-scanner.toml, .snyk, .nancy-ignore, and pip-audit's
    --ignore-vuln in any text.

    A draft waives nothing: fill in owner, ticket, reason and end, and delete `draft: true`. What a waiver cannot hold (path
    globs, wildcards, whole packages, conditions, entries that ended) is named on standard error, and the exit code is 1 then.

    \b
    Examples:
      gate waiver import .trivyignore --from verdict.json --output waivers/imported.yaml
      gate waiver import .snyk --rule vulnerabilities.max_high --output waivers/imported.yaml
    """
    from pathlib import Path

    from gate.cli.messages import warn
    from gate.cli.waiverbook import now, outcomes_of
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.policy.drafts import drafts
    from gate.policy.ignorefiles import read_ignores
    from gate.policy.waiverfile import render

    path = options["output"]
    if path != "-" and Path(path).exists() and not options["force"]:
        raise UsageError(f"{path} is there already", fix="name another file, or replace it with --force")
    outcomes = outcomes_of(options["verdict"], options["store"])
    if not outcomes and not options["rules"]:
        raise UsageError(
            "an ignore file does not say which rule is to be waived",
            fix="--from verdict.json finds the rules and the exact findings; or name it: --rule vulnerabilities.max_high",
        )
    bound = Limits.from_environment().policy_file_bytes
    entries = [
        entry
        for file in options["files"]
        for entry in read_ignores(file, read_bounded(file, bound, "ignore file"), options["kind"], bound)
    ]
    made, left = drafts(entries, options["rules"], outcomes, now())
    written = render(made, _DRAFTS).encode()
    if path == "-":
        emit(written)
    else:
        write_atomically(path, written)
        emit(f"{path}: {len(made)} drafts of {len(entries)} entries\n".encode())
    for item in left:
        warn(f"not held: {item.place}: {item.what}: {item.why}")
    return 1 if left else 0


def _shown(line: Line) -> str:
    from gate.report.escape import escape

    waiver = line.waiver
    left = "" if line.days is None else f"{line.days} days" if line.days >= 0 else f"{-line.days} days ago"
    term = f" {waiver.term}" if waiver.term else " (whole rule)"
    text = f"{line.state:<9} {left:>13}  {waiver.id}  {waiver.rule}{term}  {waiver.owner}, until {waiver.expires or '?'}"
    return escape(text + (f": {line.note}" if line.note else ""))
