"""The boundary that every collector and reader stands on.

A `Document` is bytes as found. Opening it (`gate.trust`) gives an `Envelope`. A reader turns a payload into a `Reading`: facts of
one kind, with diagnostics instead of exceptions for what is odd and `EvidenceInvalid` for what is bad. Foreign formats are read
under ``gate/evidence`` and nowhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from gate.limits import Limits
from gate.model.crypto import CbomAsset
from gate.model.evidence import Diagnostic, Kind, Origin, Producer
from gate.model.findings import Cvss, Epss, Fix, Kev, Package, SastFinding, Severity
from gate.model.input import ProvenanceFact
from gate.model.sbom import Completeness, Component, MinimumElements
from gate.model.stig import StigReport

_UNKNOWN_FIX = Fix(state="unknown")


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """Bytes as they were found, and where."""

    data: bytes
    origin: Origin
    source: str
    """Path, ``referrer sha256:…``, ``tag sha256-….att layer N``: for people and for the record."""
    media_type: str = ""
    attached_to: str | None = None
    """Digest of the manifest that it hangs on; null for files."""
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Descriptor annotations. Not signed: hints, and the carrier of legacy cosign signatures."""
    tool_digest: str | None = None
    """Digest of the program that the gate ran to make it; null for what it did not make."""
    notes: tuple[Diagnostic, ...] = ()
    """What is to be recorded of that run."""


@dataclasses.dataclass(frozen=True, slots=True)
class NamedDigest:
    """A digest that a document says it is about. ``role``: ``manifest`` (image or index), ``config`` (image id) or ``any``."""

    digest: str
    role: str = "any"


@dataclasses.dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding as one scanner reported it, normalized but not merged."""

    id: str
    aliases: tuple[str, ...]
    package: Package
    severity: Severity
    severity_source: str
    severities: Mapping[str, Severity]
    cvss: tuple[Cvss, ...] = ()
    epss: Epss | None = None
    kev: Kev | None = None
    fix: Fix = _UNKNOWN_FIX
    malware: bool = False
    match: str = "unknown"
    suppressed: str = ""
    """The scanner's own reason for not counting it; empty when it counts."""
    reachable: str = "unknown"
    url: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class ScanFacts:
    scanner: str
    findings: tuple[ReportedFinding, ...]
    packages: tuple[str, ...] | None
    """purls of all packages that the report lists; null when the format has no package list."""
    packages_catalogued: int | None
    db_built: str | None = None
    distro: str = ""
    distro_eol: bool | None = None
    degraded: bool = False
    partial: bool = False
    """Whether it looks at one kind of packages only: it stands for no scan, and its silence says nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class SbomFacts:
    spec_version: str
    name: str
    components: tuple[Component, ...]
    """``Component.evidence`` is empty here; assembly fills it in."""
    completeness: Completeness
    minimum_elements: MinimumElements
    graph: Any = None
    """`gate.vex.graph.SbomGraph`: what contains what, for VEX about a product around the vulnerable package."""
    crypto: tuple[CbomAsset, ...] = ()
    """Cryptographic assets of a CBOM; `CbomAsset.evidence` is empty here."""


@dataclasses.dataclass(frozen=True, slots=True)
class SastFacts:
    tool: str
    version: str
    revision: str
    findings: tuple[SastFinding, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of one document."""

    kind: Kind
    format: str
    producer: Producer
    created: str | None
    names: tuple[NamedDigest, ...]
    """Digests the document itself says it is about; empty when it says nothing."""
    diagnostics: tuple[Diagnostic, ...] = ()
    scan: ScanFacts | None = None
    sbom: SbomFacts | None = None
    sast: SastFacts | None = None
    provenance: ProvenanceFact | None = None
    stig: tuple[StigReport, ...] = ()
    """Reports of scanners and checklists; `StigReport.evidence` is empty here."""
    vex: Any = None
    """`gate.vex.document.VexDocument` for kind ``vex``, and for an SBOM with analyses inside."""


class Reader(Protocol):
    """One foreign format."""

    name: str

    def recognises(self, head: bytes, media_type: str) -> bool:
        """Whether the first 4 KiB look like this format; cheap and never raising."""

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid (malformed), LimitExceeded, FormatRefused; no other exception escapes."""
