"""Package identity across tools: what one tool calls a package, another must find again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from gate.evidence.interface import ScanFacts
from gate.model.sbom import Component

# The same distribution under two names (research: syft and grype say rhel, trivy says redhat).
_NAMESPACES = {"redhat": "rhel", "suse": "sles"}


def identity(purl: str) -> tuple[str, str, str] | None:
    """(type, lower-case namespace/name, version) without qualifiers and subpath; null for what is no purl with a version."""
    if not purl.startswith("pkg:"):
        return None
    path = purl[4:].split("#", 1)[0].split("?", 1)[0].strip("/")
    kind, _, rest = path.partition("/")
    name, at, version = rest.rpartition("@")
    if not at or not name or not version:
        return None
    parts = unquote(name).lower().split("/")
    if len(parts) > 1:
        parts[0] = _NAMESPACES.get(parts[0], parts[0])
    text = "/".join(parts)
    if kind.lower() == "pypi":
        text = text.replace("_", "-").replace(".", "-")
    return kind.lower(), text, unquote(version)


def missing_from(components: Sequence[Component], scans: Iterable[ScanFacts]) -> tuple[str, ...]:
    """purls of packages that a scanner saw and no component is, sorted. Packages without a usable purl cannot be compared."""
    known = {identity(component.purl) for component in components}
    missing: set[str] = set()
    for scan in scans:
        if scan.degraded:
            continue
        purls = scan.packages if scan.packages is not None else tuple(finding.package.purl for finding in scan.findings)
        missing.update(purl for purl in purls if (key := identity(purl)) is not None and key not in known)
    return tuple(sorted(missing))
