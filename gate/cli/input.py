"""``gate input``: the document that policies see."""

from __future__ import annotations

import click

from gate.cli.files import emit


@click.group("input")
def command() -> None:
    """Look at the input document that policies see."""


@command.command("show")
@click.argument("digest", metavar="DIGEST")
@click.option("--store", metavar="DIR", help="Where verdicts are kept; default $GATE_STORE or ~/.local/share/policy-gate.")
@click.option("--raw", is_flag=True, help="The stored bytes as they were hashed and given to OPA.")
def show(digest: str, store: str | None, raw: bool) -> int:
    """Print the input document of a verdict.

    \b
    Examples:
      gate input show sha256:4f2a… | jq .sbom.documents[0].completeness
      gate input show --raw sha256:4f2a… | opa eval -I -b policies 'data.rules.sbom.deny'
    """
    import msgspec

    from gate.audit.store import Store
    from gate.cli.options import store_path
    from gate.cli.render import stored
    from gate.replay import stored_input

    place = Store(store_path(store))
    _, _, data = stored_input(place, stored(digest, store))
    emit(data if raw else msgspec.json.format(data, indent=2) + b"\n")
    return 0


@command.command("schema")
def schema() -> int:
    """Print the JSON Schema of gate.input/v1."""
    import msgspec

    from gate.model.input import Input

    emit(msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Input), order="sorted"), indent=2) + b"\n")
    return 0
