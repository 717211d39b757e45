"""SBOM facts in the input document."""

from __future__ import annotations

import msgspec

from gate.model.base import Model


class Component(Model, frozen=True, kw_only=True):
    purl: str
    name: str
    version: str
    type: str
    supplier: str
    licenses: tuple[str, ...]
    hashes: dict[str, str]
    evidence: str


class Completeness(Model, frozen=True, kw_only=True):
    """Counts, each with the first few offenders where a person needs them. Directions of relationships are normalized first."""

    components: int
    without_name: int
    without_version: int
    without_purl: int
    invalid_purl: int
    without_supplier: int
    without_license: int
    without_hash: int
    duplicate_refs: int
    dangling_refs: int
    root_present: bool
    root_matches_subject: bool | None
    """Null when the root carries no digest or purl that could be compared."""
    unreachable_from_root: int
    cycles: int
    dependency_nodes: int
    """Components whose dependencies are declared, also as none."""
    aggregate: str
    """CycloneDX composition aggregate or SPDX equivalent: ``complete``, ``incomplete``, ``unknown``, ``absent``."""
    files_only: bool
    unidentified: tuple[str, ...]
    """Up to 20 names or refs of components without name, version or purl."""
    missing_from_sbom: tuple[str, ...]
    """Packages (purls) that a scanner saw and no SBOM of the subject lists; filled by assembly from all accepted scans."""


class MinimumElements(Model, frozen=True, kw_only=True):
    """Document-level facts that the minimum-element standards ask for; ``unknown_declared`` tells NOASSERTION from missing."""

    author: str
    timestamp: str
    tool: str
    spec_version: str
    serial: str
    generation_context: str
    unknown_declared: int
    missing: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Elements that the document lacks, by standard: ``ntia-2021``, ``cisa-2026``, ``bsi-tr-03183-2``. Empty lists are whole;
    a standard that is not there was not assessed."""


class SbomDocument(Model, frozen=True, kw_only=True):
    evidence: str
    format: str
    spec_version: str
    name: str
    completeness: Completeness
    minimum_elements: MinimumElements


class Sbom(Model, frozen=True, kw_only=True):
    documents: tuple[SbomDocument, ...] = ()
    components: tuple[Component, ...] = ()
