"""in-toto vulnerabilities (``https://in-toto.io/attestation/vulns/v0.2``, spec/predicates/vulns_02.md), as the gate writes them.

The type names vulnerabilities without the packages that have them. The gate puts each package's purl into the annotations, so its
own attestations can be read again; where a result has none, the whole is refused: a finding without a package cannot be merged,
waived or suppressed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Notes
from gate.evidence.vulnerabilities.purls import Purls
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Package

TYPE = "https://in-toto.io/attestation/vulns/v0.2"
_PARTIAL = frozenset({"govulncheck"})
"""Scanners that look at one kind of packages only, whoever attests what they found."""


class _Db(msgspec.Struct):
    lastUpdate: str


class _Severity(msgspec.Struct):
    method: str
    score: str


class _Result(msgspec.Struct):
    id: str
    severity: list[_Severity]
    annotations: list[dict[str, Any]] = []


class _Scanner(msgspec.Struct):
    uri: str
    db: _Db
    result: list[_Result]
    version: str = ""


class _Metadata(msgspec.Struct):
    scanStartedOn: str
    scanFinishedOn: str


class _Predicate(msgspec.Struct):
    scanner: _Scanner
    metadata: _Metadata


def read(predicate: Any, limits: Limits) -> Reading:
    """Raises EvidenceInvalid for what is not of the type, FormatRefused for results without packages, LimitExceeded."""
    try:
        found = msgspec.convert(predicate, _Predicate)
    except msgspec.ValidationError as error:
        raise EvidenceInvalid(f"the vulnerabilities are not those of {TYPE}: {error}") from None
    if len(found.scanner.result) > limits.findings:
        raise LimitExceeded("findings", limits.findings, "vulnerabilities of an attestation")
    notes = Notes()
    purls = Purls(notes)
    name = found.scanner.uri.rpartition("/")[2].partition("@")[0] or found.scanner.uri
    built = words.timestamp(found.scanner.db.lastUpdate, notes, "/scanner/db/lastUpdate")
    findings = tuple(
        _finding(result, f"/scanner/result/{number}", notes, purls) for number, result in enumerate(found.scanner.result)
    )
    partial = name in _PARTIAL
    scan = ScanFacts(scanner=name, findings=findings, packages=None, packages_catalogued=None, db_built=built, partial=partial)
    return Reading(
        kind="vulnerabilities",
        format="in-toto vulns 0.2",
        producer=Producer(name=name, version=found.scanner.version, db_built=built),
        created=words.timestamp(found.metadata.scanFinishedOn, notes, "/metadata/scanFinishedOn"),
        names=(),
        diagnostics=notes.diagnostics(),
        scan=scan,
    )


def _finding(result: _Result, where: str, notes: Notes, purls: Purls) -> ReportedFinding:
    texts = [note["purl"] for note in result.annotations if isinstance(note.get("purl"), str)]
    purl, kind = purls.normalise(texts[0], where) if len(texts) == 1 else ("", "")
    if not purl:
        raise FormatRefused(
            f"vulnerabilities of type {TYPE} are not read where they name no package",
            why=f"{where} ({result.id[:60]}) has no package URL among its annotations",
            fix="attest grype's or trivy's JSON: cosign attest --type vuln",
        )
    from packageurl import PackageURL

    package = PackageURL.from_string(purl)
    own = words.vulnerability_id(result.id, where)
    others = [alias for note in result.annotations for alias in note.get("aliases") or () if isinstance(alias, str)]
    severities = {
        one.method: words.severity(one.score, notes, where) for one in result.severity if not one.method.startswith("cvss")
    }
    worst = words.highest(severities.values()) if severities else "unknown"
    return ReportedFinding(
        id=own,
        aliases=words.alias_ids(own, others),
        package=Package(name=package.name, version=package.version or "", type=kind, purl=purl),
        severity=worst,
        severity_source=next((method for method, value in severities.items() if value == worst), ""),
        severities=severities,
        cvss=tuple(_cvss(one) for one in result.severity if one.method.startswith("cvss")),
        malware=words.is_malware((own, *others)),
    )


def _cvss(one: _Severity) -> Cvss:
    try:
        value = words.score(float(one.score))
    except ValueError:
        value = None
    return Cvss(source="", version=one.method.removeprefix("cvss").removeprefix("_v"), vector="", score=value)
