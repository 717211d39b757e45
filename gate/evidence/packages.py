"""Packages that a scanner saw and no SBOM lists, compared by what a purl means and not by how a tool spells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gate.evidence.interface import ScanFacts
from gate.model.sbom import Component
from gate.vex.purl import parse

Identity = tuple[tuple[str, str, str], str]


def identity(purl: str) -> Identity | None:
    """Package and version in comparable spelling; null for what is no purl or has no version."""
    parsed = parse(purl)
    return (parsed.package, parsed.release) if parsed is not None and parsed.version else None


def missing_from(components: Sequence[Component], scans: Iterable[ScanFacts]) -> tuple[str, ...]:
    """purls of packages that a scanner saw and no component is, sorted. Packages without a usable purl cannot be compared."""
    seen: set[str] = set()
    for scan in scans:
        if not scan.degraded and not scan.partial:
            seen.update(scan.packages if scan.packages is not None else (finding.package.purl for finding in scan.findings))
    # Tools mostly spell alike, and what is spelt alike need not be taken apart.
    unmatched = seen - {component.purl for component in components}
    if not unmatched:
        return ()
    known = {identity(component.purl) for component in components}
    return tuple(sorted(purl for purl in unmatched if (key := identity(purl)) is not None and key not in known))
