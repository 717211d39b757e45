"""``gate vex``: from findings to VEX that binds, and proof that it does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit, write_atomically
from gate.errors import UsageError

if TYPE_CHECKING:
    from gate.model.verdict import Verdict


@click.group("vex")
def command() -> None:
    """Triage findings, generate OpenVEX, and prove that it binds.

    \b
    Examples:
      gate verify IMAGE --output json=verdict.json
      gate vex triage --from verdict.json --author 'Acme Security <security@acme.example>'
      gate vex lint vex/*.json --from verdict.json
      gate vex check --image-from verdict.json vex/*.json
      gate verify IMAGE --vex vex/app.openvex.json
    """


def _verdicts(source: str, store: str | None, image: str | None) -> tuple[Verdict, ...]:
    """The verdicts with findings of a report, or the one on an image; an index's own verdict is about its platforms."""
    from gate.cli.render import load

    verdicts = [verdict for verdict in load(source, store).verdicts if not verdict.outcome.children]
    if image:
        verdicts = [verdict for verdict in verdicts if image in (verdict.outcome.subject.name, verdict.outcome.subject.digest)]
    if not verdicts:
        raise UsageError(f"{source} has no verdict{f' on {image}' if image else ''}", fix="gate report --from shows what it has")
    return tuple(verdicts)


_FROM = click.option(
    "--from", "source", required=True, metavar="FILE|DIGEST", help="Verdict or report, or a digest in the store."
)
_STORE = click.option("--store", metavar="DIR", help="Where verdicts are kept.")
_IMAGE = click.option("--image", metavar="NAME|DIGEST", help="Only this image of the report.")
_AUTHOR = click.option("--author", metavar="NAME", help="Who says so, as policies list it in vex_authors.")
_ROLE = click.option("--role", metavar="TEXT", help="The author's role.")


@command.command("triage", short_help="Decide about open findings; append to vex/.")
@_FROM
@_AUTHOR
@_ROLE
@click.option("--decisions", metavar="FILE", help="A gate.triage/v1 file (YAML or JSON) instead of questions.")
@click.option("--template", is_flag=True, help="Print a decision file with every open finding, and stop.")
@click.option("--reviewer", metavar="NAME", help="Default answer for who looked.")
@click.option(
    "--scope",
    type=click.Choice(["digest", "repository", "package"]),
    help="What statements are bound to: this image (default), its repository, or the package anywhere.",
)
@click.option("--output-dir", default="vex", show_default=True, metavar="DIR", help="One document for each image name.")
@click.option("--output", metavar="FILE", help="The document to continue or make, instead.")
@click.option("--ask", is_flag=True, hidden=True, help="Ask although standard input is no terminal.")
@_IMAGE
@_STORE
def triage(**options: Any) -> int:
    """Walk the open findings of a verdict and write what was decided as OpenVEX 0.2.0.

    Open is what no accepted statement has settled. Statements are only ever added; the version rises. `not_affected` needs a
    justification and a reviewer and gets a date for the next review (90 days unless given). `fixed` cannot be decided: a rescan
    shows it. A waiver is something else and stays in its own file.

    \b
    Examples:
      gate vex triage --from verdict.json --author 'Acme Security <security@acme.example>'
      gate vex triage --from verdict.json --template > decisions.yaml
      gate vex triage --from verdict.json --decisions decisions.yaml
    """
    from gate.cli import vex_triage

    return vex_triage.triage(_verdicts(options["source"], options["store"], options["image"]), options)


@command.command("generate", short_help="OpenVEX that lists every finding of an image.")
@_FROM
@click.option("--author", required=True, metavar="NAME", help="Who says so, as policies list it in vex_authors.")
@_ROLE
@click.option("--previous", metavar="FILE|DIGEST", help="An earlier verdict on the same digest: what is gone since is fixed.")
@click.option("--output", metavar="FILE", help="Default: standard output.")
@_IMAGE
@_STORE
def generate(
    source: str, author: str, role: str | None, previous: str | None, output: str | None, image: str | None, store: str | None
) -> int:
    """Write an OpenVEX document for the image: each finding as affected (with the upgrade), not affected, under investigation.

    `not_affected` is said only where a statement that the policy accepted said it. What a tool merely suggests stands in the
    notes as a proposal and changes no status.

    \b
    Examples:
      gate vex generate --from verdict.json --author 'Acme Security <security@acme.example>' --output app.openvex.json
      gate vex generate --from today.json --previous last-week.json --author 'Acme Security <security@acme.example>'
    """
    from gate.vex import write
    from gate.vex.generate import documents

    data = documents(
        _verdicts(source, store, image),
        author=author,
        role=role or "",
        now=write.clock(os.environ),
        previous=_verdicts(previous, store, image) if previous else (),
    )
    _deliver(data, output)
    return 0


def _deliver(data: bytes, output: str | None) -> None:
    if output is None:
        emit(data)
    else:
        write_atomically(output, data)
