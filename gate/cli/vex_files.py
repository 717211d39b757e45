"""Reading VEX documents for the commands of ``gate vex``, and showing what became of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from gate.errors import EvidenceInvalid
from gate.report.escape import escape

if TYPE_CHECKING:
    from gate.vex.convert import Loss
    from gate.vex.document import VexDocument
    from gate.vex.index import VexSource


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    name: str
    data: bytes
    """The payload: without compression, and without the envelope where there was one."""
    source: VexSource

    @property
    def document(self) -> VexDocument:
        return self.source.document


def open_files(paths: Iterable[str]) -> list[Opened]:
    """Every VEX document in the files and folders. Raises UsageError, EvidenceInvalid for what is no VEX, LimitExceeded."""
    from gate.cli.trust import trust_from_keys
    from gate.cli.vexfiles import load
    from gate.evidence.collect import Opener
    from gate.limits import Limits
    from gate.vex.index import VexSource

    limits = Limits.from_environment()
    found = []
    for item in Opener(trust_from_keys(()), limits).open_all(load(paths, limits, lambda name, data: None).documents):
        name = item.document.source
        if item.error is not None:
            raise EvidenceInvalid(f"{name}: {item.error.reason}", fix=item.error.fix)
        if item.reading is None or item.reading.vex is None:
            raise EvidenceInvalid(f"{name}: no VEX in it ({item.kind}, {item.format})", fix=f"gate evidence read {name}")
        subjects = tuple(item.subjects)
        found.append(Opened(name, item.document.data, VexSource(name, item.reading.vex, item.verification, subjects)))
    return found


def tell_losses(losses: Sequence[Loss]) -> None:
    """On standard error, one line each."""
    for loss in losses:
        at = f"  {loss.where}" if loss.where else ""
        click.echo(escape(f"lost: {loss.field}: {loss.detail} (×{loss.count}){at}"), err=True)


def table(rows: Sequence[Sequence[str]], widest: int = 72) -> str:
    """Columns side by side; nothing is cut, long cells only stop the alignment."""
    if not rows:
        return ""
    widths = [min(max(len(row[place]) for row in rows), widest) for place in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def as_json(value: Any) -> bytes:
    import msgspec

    from gate.model.base import to_json

    return msgspec.json.format(to_json(value), indent=2) + b"\n"
