"""``gate report``: render a verdict again, without deciding again."""

from __future__ import annotations

import click

from gate.cli.options import OUTPUT_HELP, Output, color_option, parse_outputs


@click.command("report")
@click.option("--from", "source", required=True, metavar="FILE|DIGEST", help="Verdict or report file, or a digest in the store.")
@click.option("--output", "outputs", multiple=True, metavar="FORMAT[=PATH]", help=OUTPUT_HELP)
@click.option("--store", metavar="DIR", help="Where verdicts are kept; default $GATE_STORE or ~/.local/share/policy-gate.")
@click.option("--verbose", is_flag=True, help="Show every result and every rule.")
@color_option
def command(source: str, outputs: tuple[str, ...], store: str | None, verbose: bool, color: str) -> int:
    """Render a stored verdict in another format. Exits as the verdict did.

    A file is not signed: its digest shows damage, not forgery. Whoever needs proof takes the digest of a record in a store that
    only the gate writes to, or checks the signed summary with gate verify-vsa.

    \b
    Examples:
      gate report --from verdict.json --output markdown
      gate report --from sha256:4f2a… --output sarif=gate.sarif --output text
    """
    from gate.cli.render import load, write_outputs

    report = load(source, store)
    write_outputs(report, parse_outputs(outputs) or (Output("text", None),), color=color, verbose=verbose)
    return report.exit_code
