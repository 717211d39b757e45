"""The rows of the benchmark and how they are shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tests.bench.measure import Summary

__all__ = ["Row", "markdown", "text"]


@dataclasses.dataclass(frozen=True)
class Row:
    """One measurement beside its target; a row without one is for comparison."""

    what: str
    summary: Summary
    seconds: float | None = None
    """The median may be this long."""
    mib: float | None = None
    """The memory that counts may be this large."""
    peaks: tuple[float, float, float] | None = None
    """The process, its largest child, and both at one moment; MiB."""
    whole: bool = False
    """What counts is the last of them; else the larger of the first two."""
    note: str = ""

    @property
    def memory(self) -> float:
        """MiB that count for the target."""
        if self.peaks is None:
            return 0
        return self.peaks[2] if self.whole else max(self.peaks[:2])

    @property
    def verdict(self) -> str:
        if self.seconds is None:
            return ""
        slow = self.summary.median > self.seconds
        large = self.mib is not None and self.memory > self.mib
        return "missed: " + " and ".join(["time"] * slow + ["memory"] * large) if slow or large else "met"


_HEAD = ("what", "target", "median", "min", "CPU", "peak MiB: gate / OPA / both", "verdict")


def _cells(row: Row) -> tuple[str, ...]:
    target = "" if row.seconds is None else f"≤ {row.seconds:g} s" + (f", ≤ {row.mib:g} MiB" if row.mib else "")
    memory = " / ".join(f"{value:.0f}" for value in row.peaks) if row.peaks else ""
    times = (f"{value:.3f} s" for value in (row.summary.median, row.summary.best, row.summary.cpu))
    return (row.what, target, *times, memory, " · ".join(part for part in (row.verdict, row.note) if part))


def markdown(rows: Sequence[Row]) -> str:
    """A table for docs/performance.md."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (_HEAD, ("---",) * len(_HEAD), *map(_cells, rows))]
    return "\n".join(lines) + "\n"


def text(rows: Sequence[Row]) -> str:
    """The same for a terminal."""
    table = [_HEAD, *map(_cells, rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(_HEAD))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n" for cells in table
    )
