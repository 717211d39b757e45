"""``gate vex``: from findings to VEX that binds, and proof that it does."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit, write_atomically
from gate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.model.verdict import Verdict
    from gate.vex.graph import SbomGraph


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
_SBOM = click.option(
    "--sbom",
    "--evidence",
    "sboms",
    multiple=True,
    metavar="FILE",
    help="An SBOM of the image: statements about a product around a package need it. Repeatable.",
)
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
@click.option("--inspect", metavar="IMAGE", help="Read this image's files too: propose what is not in it.")
@click.option("--offline", is_flag=True, help="With --inspect: open no socket.")
@click.option("--plain-http", is_flag=True, help="With --inspect: talk to the registry without TLS.")
@click.option("--ca-file", metavar="PEM", help="With --inspect: further certificate authorities for the registry.")
@click.option("--output", metavar="FILE", help="Default: standard output.")
@_IMAGE
@_STORE
def generate(**options: Any) -> int:
    """Write an OpenVEX document for the image: each finding as affected (with the upgrade), not affected, under investigation.

    `not_affected` is said only where a statement that the policy accepted said it. What a tool merely suggests stands in the
    notes as a proposal and changes no status. With --inspect, so does `component_not_present`, where every place at which a
    scanner saw the package is absent from the image's files.

    \b
    Examples:
      gate vex generate --from verdict.json --author 'Acme Security <security@acme.example>' --output app.openvex.json
      gate vex generate --from today.json --previous last-week.json --author 'Acme Security <security@acme.example>'
      gate vex generate --from verdict.json --inspect IMAGE --author 'Acme Security <security@acme.example>'
    """
    from gate.vex import write
    from gate.vex.generate import documents

    store, image, previous = options["store"], options["image"], options["previous"]
    verdicts = _verdicts(options["source"], store, image)
    proposals = None
    if options["inspect"]:
        from gate.cli.vex_inspect import absent

        proposals = absent(options["inspect"], verdicts, options)
    data = documents(
        verdicts,
        author=options["author"],
        role=options["role"] or "",
        now=write.clock(os.environ),
        previous=_verdicts(previous, store, image) if previous else (),
        proposals=proposals,
    )
    _deliver(data, options["output"])
    return 0


def _deliver(data: bytes, output: str | None) -> None:
    if output is None:
        emit(data)
    else:
        write_atomically(output, data)


@command.command("lint", short_help="What is wrong, risky or overdue in VEX documents.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--from", "source", metavar="FILE|DIGEST", help="A verdict: then also what binds nothing in its image.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_SBOM
@_IMAGE
@_STORE
def lint(
    files: tuple[str, ...],
    source: str | None,
    strict: bool,
    form: str,
    sboms: tuple[str, ...],
    image: str | None,
    store: str | None,
) -> int:
    """Say where documents break the schema, where readers disagree, where a review is overdue and where nothing is bound.

    grype takes the oldest of several statements, trivy and this gate the newest: `readers_differ` names where that matters.
    Exit code 1 when there is an error.

    \b
    Examples:
      gate vex lint vex/
      gate vex lint vendor.json.xz --from verdict.json --strict
    """
    from gate.cli.vex_files import as_json, open_files
    from gate.report.escape import escape
    from gate.vex import write
    from gate.vex.lint import lint as remarks_on

    opened = open_files(files)
    raw = [(item.name, item.data) for item in opened if item.document.format == "openvex" and not item.source.subjects]
    sources = [item.source for item in opened]
    now = write.clock(os.environ)
    verdicts = _verdicts(source, store, image) if source else (None,)
    graphs: Mapping[str, tuple[SbomGraph, ...]] = {}
    if sboms:
        from gate.cli.vex_sboms import graphs_for

        if source is None:
            raise UsageError("--sbom without --from", why="an SBOM is about an image", fix="give the verdict on it: --from")
        graphs = graphs_for(sboms, [verdict for verdict in verdicts if verdict is not None])
    found = [
        remarks_on(
            sources,
            now=now,
            raw=raw,
            verdict=verdict,
            graphs=graphs.get(verdict.outcome.subject.digest, ()) if verdict is not None else (),
        )
        for verdict in verdicts
    ]
    remarks = sorted({remark for one in found for remark in one})
    if form == "json":
        emit(as_json(remarks))
    for remark in remarks if form == "text" else ():
        at = f" {remark.where}" if remark.where else ""
        click.echo(f"{escape(remark.file)}: {remark.level}: {remark.code}:{escape(at)} {escape(remark.message)}")
        if remark.fix:
            click.echo(f"  fix: {escape(remark.fix)}")
    errors = sum(1 for remark in remarks if remark.level == "error")
    if form == "text":
        statements = sum(len(item.document.statements) for item in opened)
        click.echo(f"{statements} statements in {len(opened)} documents: {errors} errors, {len(remarks) - errors} warnings")
    return 1 if errors or (strict and remarks) else 0


@command.command("check", short_help="Prove which findings each statement binds.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--image-from", "source", required=True, metavar="FILE|DIGEST", help="A verdict on the image.")
@click.option("--with", "tools", multiple=True, type=click.Choice(["grype", "trivy"]), help="Ask this scanner too. Repeatable.")
@click.option("--target", metavar="REF", help="What the scanners scan; default: the image as the verdict names it.")
@click.option("--grype-db", metavar="PATH", help="A grype database; default: the one that grype keeps.")
@click.option("--trivy-cache", metavar="DIR", help="trivy's cache with a database; default: ~/.cache/trivy.")
@click.option("--plain-http", is_flag=True, help="Talk to the registry without TLS.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@_SBOM
@_IMAGE
@_STORE
def check(**options: Any) -> int:
    """Show for each statement which findings of the image it binds, and with --with that scanners suppress the same set.

    Exit code 1 when a statement binds nothing or a scanner does something else than the gate. Whether a policy accepts a
    statement's author is not asked here.

    \b
    Examples:
      gate vex check --image-from verdict.json vex/app.openvex.json
      gate vex check --image-from verdict.json --with grype --with trivy vex/app.openvex.json
      gate vex check --image-from verdict.json --sbom app.cdx.json supplier.csaf.json
    """
    from gate.cli.vex_check import run

    return run(_verdicts(options["source"], options["store"], options["image"]), options)


@command.command("merge", short_help="Several OpenVEX documents into one.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_AUTHOR
@_ROLE
@click.option("--current", is_flag=True, help="Leave out what a later statement replaces: for readers that take the oldest.")
@click.option("--output", metavar="FILE", help="Default: standard output.")
def merge(files: tuple[str, ...], author: str | None, role: str | None, current: bool, output: str | None) -> int:
    """Merge OpenVEX documents, each statement once. What is lost is said on standard error.

    \b
    Examples:
      gate vex merge --current vex/app.openvex.json --output for-scanners.openvex.json
      gate vex merge vex/*.json --author 'Acme Security <security@acme.example>'
    """
    from gate.cli.vex_files import open_files, tell_losses
    from gate.errors import UsageError
    from gate.vex import write
    from gate.vex.convert import load_raw
    from gate.vex.merge import merge as merged

    opened = open_files(files)
    foreign = [item.name for item in opened if item.document.format != "openvex"]
    if foreign:
        raise UsageError(f"{foreign[0]} is no OpenVEX", fix=f"gate vex convert --to openvex {foreign[0]}")
    bodies = [(item.name, load_raw(item.data)) for item in opened]
    done = merged(bodies, author=author or "", role=role or "", now=write.clock(os.environ), current=current)
    tell_losses(done.losses)
    _deliver(done.data, output)
    return 0


@command.command("diff", short_help="What changed between two VEX documents.")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(before: str, after: str, form: str) -> int:
    """Compare what holds for each vulnerability and product, in any format. Exit code 1 when something differs.

    \b
    Example:
      gate vex diff vex/app.openvex.json new.openvex.json
    """
    from gate.cli.vex_files import as_json, open_files
    from gate.errors import UsageError
    from gate.report.escape import escape
    from gate.vex.merge import diff as changes

    documents = open_files([before, after])
    if len(documents) != 2:
        raise UsageError(f"{len(documents)} documents were found, and two are compared", fix="name two files")
    found = changes(documents[0].document, documents[1].document)
    if form == "json":
        emit(as_json(found))
    for change in found if form == "text" else ():
        click.echo(escape(f"{change.vulnerability}  {change.product}"))
        click.echo(f"  {escape(change.before or 'nothing')} → {escape(change.after or 'nothing')}")
    return 1 if found else 0


@command.command("convert", short_help="OpenVEX, CycloneDX 1.6 or CSAF 2.0 from any format that is read.")
@click.argument("file", metavar="FILE")
@click.option("--to", "form", required=True, type=click.Choice(["openvex", "cyclonedx", "csaf"]))
@click.option("--namespace", default="", metavar="URL", help="The publisher's address, for CSAF.")
@click.option("--author", default="", metavar="NAME", help="For a document that names none.")
@click.option("--output", metavar="FILE", help="Default: standard output.")
def convert(file: str, form: str, namespace: str, author: str, output: str | None) -> int:
    """Write a VEX document in another format. What that cannot hold is said on standard error, never dropped silently.

    A statement that suppresses is left out and named rather than widened. CycloneDX is the exception: the image stands once, in
    metadata.component, and readers that look only at affects see the package wherever it is.

    \b
    Examples:
      gate vex convert --to openvex vendor-csaf.json.xz --output vendor.openvex.json
      gate vex convert --to csaf --namespace https://acme.example vex/app.openvex.json
    """
    from gate.cli.vex_files import open_files, tell_losses
    from gate.errors import UsageError
    from gate.vex import write

    opened = open_files([file])
    if len(opened) != 1:
        raise UsageError(f"{file} holds {len(opened)} documents", fix="convert them one by one")
    document, now = opened[0].document, write.clock(os.environ)
    if not document.author:
        document = dataclasses.replace(document, author=author)
    if form == "openvex":
        from gate.vex.convert import to_openvex

        source = opened[0].data if document.format == "openvex" and not opened[0].source.subjects else None
        done = to_openvex(document, now=now, source=source)
    elif form == "cyclonedx":
        from gate.vex.to_cyclonedx import to_cyclonedx

        done = to_cyclonedx(document, now=now)
    else:
        from gate.vex.to_csaf import to_csaf

        done = to_csaf(document, now=now, namespace=namespace)
    tell_losses(done.losses)
    _deliver(done.data, output)
    return 0
