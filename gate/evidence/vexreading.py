"""A VEX document as the pipeline carries it."""

from __future__ import annotations

from gate.evidence.interface import Reading
from gate.model.evidence import Producer
from gate.vex.document import VexDocument


def vex_reading(document: VexDocument) -> Reading:
    """The reading of a document that is VEX and nothing else."""
    return Reading(
        kind="vex",
        format=f"{document.format} {document.spec_version}",
        producer=Producer(name=document.author),
        created=document.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ") if document.timestamp else None,
        names=(),
        diagnostics=document.diagnostics,
        vex=document,
    )
