"""Vulnerability findings and source findings in the input document. Facts only; limits and thresholds live in Rego."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Model

Severity = Literal["critical", "high", "medium", "low", "negligible", "none", "unknown"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "negligible", "none", "unknown")
"""Most severe first. ``unknown`` is its own count with its own limit (invariant 4), not the least severe."""
VexStatus = Literal["not_affected", "affected", "fixed", "under_investigation"]
Reachable = Literal["yes", "no", "unknown"]


class Package(Model, frozen=True, kw_only=True):
    """The package that a finding is in, as first reported; ``type`` is the purl type where a purl is known."""

    name: str
    version: str
    type: str
    purl: str
    """Empty when no scanner gave one that parses."""
    locations: tuple[str, ...] = ()


class SeverityFact(Model, frozen=True, kw_only=True):
    """One chosen severity and where it came from; every source is kept."""

    value: Severity
    source: str
    by_source: dict[str, Severity]


class Cvss(Model, frozen=True, kw_only=True):
    source: str
    version: str
    vector: str
    score: float | None


class Epss(Model, frozen=True, kw_only=True):
    probability: float
    percentile: float
    date: str


class Kev(Model, frozen=True, kw_only=True):
    """An entry in CISA's catalogue of known exploited vulnerabilities."""

    date_added: str
    due_date: str
    ransomware: bool


class Fix(Model, frozen=True, kw_only=True):
    """Whether a fix *exists*; the finding itself is still there. Never to be mixed with a VEX status ``fixed``."""

    state: Literal["available", "none", "wont_fix", "deferred", "eol", "unknown"]
    versions: tuple[str, ...] = ()
    available_since: str | None = None


class Suppression(Model, frozen=True, kw_only=True):
    """A scanner's own claim that a finding does not count; it comes back as a finding marked so, and still counts."""

    scanner: str
    reason: str


class AppliedVex(Model, frozen=True, kw_only=True):
    """The statement that won for a finding."""

    status: VexStatus
    justification: str
    statement: str
    author: str
    evidence: str
    counts: bool
    """Whether the profile lets this statement suppress (author, signature); if not, the finding still counts."""


class Finding(Model, frozen=True, kw_only=True):
    """One vulnerability (alias cluster) in one package version."""

    key: str
    """``<id>|<purl without qualifiers, or type/name@version>``: the term that waivers name."""
    id: str
    aliases: tuple[str, ...]
    package: Package
    severity: SeverityFact
    cvss: tuple[Cvss, ...]
    epss: Epss | None
    kev: Kev | None
    fix: Fix
    malware: bool
    match: Literal["exact", "indirect", "cpe", "text", "unknown"]
    reported_by: tuple[str, ...]
    """Evidence ids."""
    suppressed_by_scanner: tuple[Suppression, ...]
    reachable: Reachable
    first_seen: str | None
    vex: AppliedVex | None
    waived_for: tuple[str, ...]
    """Rule selectors (``vulnerabilities.max_high``, ``vulnerabilities``, ``*``) of active waivers that name this finding."""
    url: str


class Scan(Model, frozen=True, kw_only=True):
    """One scan, and whether anything shows that it looked at packages at all (invariant 1)."""

    evidence: str
    scanner: str
    version: str
    db_built: str | None
    db_age_s: int | None
    packages_catalogued: int | None
    """Packages the report itself lists; null when the format has no package list."""
    findings: int
    distro: str
    distro_eol: bool | None
    degraded: bool
    """True for formats that cannot carry package versions (SARIF)."""
    partial: bool = False
    """True for a scanner that looks at one kind of packages only (govulncheck): its findings count, and it is no scan."""


class Disagreement(Model, frozen=True, kw_only=True):
    """Scanners say different things of one finding; ``values`` by scanner."""

    finding: str
    field: Literal["severity", "fix", "presence"]
    values: dict[str, str]


class Counts(Model, frozen=True, kw_only=True):
    """One per alias cluster × package × version."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    negligible: int = 0
    none: int = 0
    unknown: int = 0
    total: int = 0


class Vulnerabilities(Model, frozen=True, kw_only=True):
    scans: tuple[Scan, ...] = ()
    findings: tuple[Finding, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    reported: Counts = Counts()
    """All findings."""
    effective: Counts = Counts()
    """Findings that no counting VEX statement suppresses; waivers are applied by the rules."""


class SastFinding(Model, frozen=True, kw_only=True):
    """One static-analysis result. ``level`` is SARIF's."""

    rule: str
    level: Literal["error", "warning", "note", "none"]
    message: str
    location: str
    security_severity: float | None
    suppressed: str
    """Justification of a suppression that SARIF marks accepted; empty when there is none."""
    evidence: str


class SastRun(Model, frozen=True, kw_only=True):
    evidence: str
    tool: str
    version: str
    results: int
    revision: str
    """``versionControlProvenance.revisionId``; empty when not given."""


class SourceFacts(Model, frozen=True, kw_only=True):
    runs: tuple[SastRun, ...] = ()
    findings: tuple[SastFinding, ...] = ()
