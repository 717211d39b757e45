"""``gate config``: is the policy file right, and what is in force from where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gate.cli.files import emit
from gate.cli.options import F


@click.group("config")
def command() -> None:
    """Check the policy file; show what is in force and from where."""


def _options(function: F) -> F:
    add: list[Callable[[F], F]] = [
        click.argument("policy_file", required=False, metavar="[FILE]"),
        click.option("--policy-file", "policy_file_option", metavar="FILE", help="The same as FILE."),
        click.option("--environment", metavar="NAME", help="Environment of the policy file."),
        click.option("--profile", metavar="dev|prod|PATH", help="Profile of the bundle, or a profile file."),
        click.option("--bundle", "bundles", multiple=True, metavar="PATH[@sha256:…]", help="A further policy pack."),
        click.option("--param", "params", multiple=True, metavar="NAME=JSON", help="A parameter. Repeatable."),
        click.option("--waivers", multiple=True, metavar="PATH", help="A gate.waivers/v1 file. Repeatable."),
    ]
    for option in reversed(add):
        function = option(function)
    return function


@command.command("check", short_help="Say what is wrong with the policy file.")
@_options
def check(**options: Any) -> int:
    """Read everything that `gate verify --policy-file FILE` would read, and say what is wrong.

    Every environment of the policy file is checked, with its bundles, profiles, keys, roots and waivers.
    """
    import contextlib
    from pathlib import Path

    options["policy_file"] = options["policy_file"] or options.pop("policy_file_option")
    from gate.cli.plan import prepare
    from gate.limits import Limits
    from gate.policy.config import load_policy_file
    from gate.report.escape import escape

    limits = Limits.from_environment()
    names: list[str | None] = [options["environment"]]
    if options["policy_file"] and options["environment"] is None:
        names = list(load_policy_file(Path(options["policy_file"]), limits).file.environments)
    lines = []
    for name in names:
        with contextlib.ExitStack() as stack:
            prepared = prepare({**options, "environment": name}, limits, stack)
            prepared.plan.engine.check()
            waivers = prepared.plan.decision.waivers
        states = ", ".join(f"{waiver.id} {waiver.state} {waiver.problem}".strip() for waiver in waivers)
        lines.append(
            f"{escape(name or 'defaults')}: profile {escape(prepared.effective.profile)}, "
            f"{len(prepared.policy.packs)} packs, {len(prepared.plan.trust.entries)} trust entries, "
            f"waivers: {escape(states) or 'none'}"
        )
    emit(("\n".join([*lines, "everything is well formed"]) + "\n").encode())
    return 0


@command.command("show")
@_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(form: str, **options: Any) -> int:
    """Print every parameter in force and where it comes from."""
    import msgspec

    from gate.cli.plan import policy_of
    from gate.limits import Limits
    from gate.model.base import to_json
    from gate.policy.config import describe
    from gate.report.escape import escape

    options["policy_file"] = options["policy_file"] or options.pop("policy_file_option")
    _, effective = policy_of(options, Limits.from_environment())
    values = describe(effective)
    if form == "json":
        emit(msgspec.json.format(to_json(values), indent=2) + b"\n")
        return 0
    lines = [f"profile      {escape(values['profile'])} {values['profile_digest']}"]
    if values["environment"]:
        lines.append(f"environment  {escape(values['environment'])}")
    lines.append(f"selection    {escape(', '.join(values['selection']['value']))}  (from {escape(values['selection']['from'])})")
    width = max(map(len, values["params"]))
    for name, entry in values["params"].items():
        lines.append(f"{name:<{width}}  {escape(msgspec.json.encode(entry['value']).decode())}  (from {escape(entry['from'])})")
    lines += [f"read         {escape(source['path'])} {source['digest']}" for source in values["sources"]]
    emit(("\n".join(lines) + "\n").encode())
    return 0


@command.command("schema")
def schema() -> int:
    """Print the JSON Schema of gate.policy/v1, for editors."""
    import msgspec

    from gate.policy.template import schema as policy_schema

    emit(msgspec.json.format(msgspec.json.encode(policy_schema(), order="sorted"), indent=2) + b"\n")
    return 0
