"""Small SBOMs for tests."""

from __future__ import annotations

import json
from typing import Any

from gate.evidence.interface import Reading
from gate.evidence.sbom.cyclonedx import READER as CYCLONEDX
from gate.evidence.sbom.spdx import READER as SPDX
from gate.limits import DEFAULT, Limits
from gate.model.sbom import Completeness

LIBRARY = {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "bom-ref": "a"}
ROOT = {"type": "container", "name": "app", "bom-ref": "root"}
PACKAGE: dict[str, Any] = {
    "SPDXID": "SPDXRef-a",
    "name": "a",
    "versionInfo": "1",
    "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}],
}
IMAGE: dict[str, Any] = {"SPDXID": "SPDXRef-root", "name": "app"}


def cyclonedx(*components: Any, limits: Limits = DEFAULT, root: Any = ROOT, **fields: Any) -> Reading:
    """A CycloneDX document read; ``fields`` replace or add top-level ones."""
    body: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root}}
    return CYCLONEDX.read(json.dumps(body | {"components": list(components)} | fields).encode(), limits)


def spdx(*packages: Any, edges: tuple[tuple[str, str, str], ...] = (), limits: Limits = DEFAULT, **fields: Any) -> Reading:
    """An SPDX document read, which describes IMAGE; edges without their ``SPDXRef-`` prefixes."""
    body: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "doc",
        "creationInfo": {"created": "2025-01-01T00:00:00Z", "creators": ["Tool: syft-1.51.0", "Organization: Us"]},
        "packages": [IMAGE, *packages],
        "relationships": [edge("DOCUMENT", "DESCRIBES", "root"), *(edge(*item) for item in edges)],
    }
    return SPDX.read(json.dumps(body | fields).encode(), limits)


def edge(source: str, kind: str, target: str) -> dict[str, str]:
    """One SPDX relationship."""
    names = [text if text in ("NONE", "NOASSERTION") or ":" in text else f"SPDXRef-{text}" for text in (source, target)]
    return {"spdxElementId": names[0], "relationshipType": kind, "relatedSpdxElement": names[1]}


def facts(reading: Reading) -> Completeness:
    """Its completeness."""
    assert reading.sbom is not None
    return reading.sbom.completeness


def codes(reading: Reading) -> dict[str, int]:
    """Diagnostics as counts by code."""
    return {item.code: item.count for item in reading.diagnostics}
