"""``gate evidence read``: what the gate understood of a document, without judging it."""

from __future__ import annotations

from typing import Any

import click

from gate.cli.files import emit, read_bounded


@click.group("evidence")
def command() -> None:
    """Look at evidence documents."""


@command.command("read", short_help="Show what the gate understands of each FILE.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--key", "keys", multiple=True, metavar="PEM", help="Public key to verify envelopes with.")
def read(files: tuple[str, ...], form: str, keys: tuple[str, ...]) -> int:
    """Show what the gate understands of each FILE: kind, format, subject, findings, components, oddities.

    Nothing is judged and nothing is fetched. Exit code 3 when a document could not be read.

    \b
    Examples:
      gate evidence read grype.json sbom.cdx.json
      gate evidence read --key cosign.pub provenance.sigstore.json
      gate evidence read --format json trivy.json | jq '.[0].reading.scan.findings | length'
    """
    from gate.cli.trust import trust_from_keys
    from gate.evidence.collect import Opener
    from gate.evidence.interface import Document
    from gate.limits import Limits

    limits = Limits.from_environment()
    opener = Opener(trust_from_keys(keys), limits)
    documents = [
        Document(data=read_bounded(path, limits.document_bytes, "evidence"), origin="file", source=path) for path in files
    ]
    opened = opener.open_all(documents)
    if form == "json":
        emit(_json(opened))
    else:
        emit("\n".join(line for item in opened for line in _text(item)).encode() + b"\n")
    return 3 if any(item.error is not None for item in opened) else 0


def _json(opened: list[Any]) -> bytes:
    import msgspec

    from gate.model.base import to_json

    items = [
        {
            "source": item.document.source,
            "id": item.id,
            "payload_digest": item.payload_digest,
            "kind": item.kind,
            "format": item.format,
            "predicate_type": item.predicate_type,
            "subjects": item.subjects,
            "verification": item.verification,
            "reading": _shown(item.reading),
            "error": item.error,
        }
        for item in opened
    ]
    return msgspec.json.format(to_json(items), indent=2) + b"\n"


def _shown(reading: Any) -> Any:
    """The reading without the graph of an SBOM, which is the components' relations once more, made for searching."""
    import dataclasses

    if reading is None or reading.sbom is None:
        return reading
    return dataclasses.replace(reading, sbom=dataclasses.replace(reading.sbom, graph=None))


def _text(item: Any) -> list[str]:
    from gate.report.escape import escape

    lines = [f"{escape(item.document.source)}  {item.kind}  {escape(item.format)}  {item.id}"]
    if item.error is not None:
        lines.append(f"  not read ({item.error.code}): {escape(item.error.reason)}")
        if item.error.fix:
            lines.append(f"  fix: {escape(item.error.fix)}")
        return lines
    signer = item.verification.identity or item.verification.key_id or item.verification.reason or ""
    lines.append(f"  {item.verification.state}: {escape(signer)}")
    names = [*item.subjects, *(f"{name.digest} ({name.role})" for name in (item.reading.names if item.reading else ()))]
    lines.append("  about " + (", ".join(escape(name) for name in names[:5]) or "no digest: it can only be asserted"))
    reading = item.reading
    if reading is None:
        return lines
    producer = reading.producer
    if producer.name:
        built = f", database of {producer.db_built}" if producer.db_built else ""
        lines.append(
            f"  by {escape(producer.name)} {escape(producer.version)}{escape(built)}, {escape(reading.created or 'no date')}"
        )
    lines += _facts(reading)
    lines += [f"  ! {note.code} ×{note.count}: {escape(note.message)}" for note in reading.diagnostics]
    return lines


def _facts(reading: Any) -> list[str]:
    from collections import Counter

    from gate.model.findings import SEVERITIES
    from gate.report.escape import escape

    lines: list[str] = []
    if reading.scan is not None:
        counts = Counter(finding.severity for finding in reading.scan.findings)
        severities = ", ".join(f"{counts[name]} {name}" for name in SEVERITIES if counts[name]) or "none"
        suppressed = sum(1 for finding in reading.scan.findings if finding.suppressed)
        catalogued = reading.scan.packages_catalogued
        lines.append(f"  {len(reading.scan.findings)} findings: {severities}; {suppressed} suppressed by the scanner")
        lines.append(f"  packages catalogued: {'not said' if catalogued is None else catalogued}")
    if reading.sbom is not None:
        facts = reading.sbom.completeness
        lines.append(
            f"  {facts.components} components; without name {facts.without_name}, version {facts.without_version}, "
            f"purl {facts.without_purl}; unreachable from the root {facts.unreachable_from_root}"
        )
    if reading.sast is not None:
        levels = Counter(finding.level for finding in reading.sast.findings)
        lines.append(f"  {len(reading.sast.findings)} results: " + ", ".join(f"{levels[name]} {name}" for name in sorted(levels)))
    if reading.provenance is not None:
        fact = reading.provenance
        lines.append(f"  built by {escape(fact.builder)} from {escape(fact.source_uri)} at {escape(fact.source_digest)}")
    if reading.vex is not None:
        lines.append(f"  {len(reading.vex.statements)} statements by {escape(reading.vex.author)}")
    return lines
