"""Trivy's JSON report: ``SchemaVersion`` 2 (0.20 to today) and the array before it (pkg/types/report.go).

Almost every field is left out when empty, so absence is never "no". ``Status: fixed`` means that a fix exists.
``ExperimentalModifiedFindings`` (``--show-suppressed``) come back as findings marked with what made trivy leave them out. The
report has no database time, EPSS, KEV or aliases.
"""

from __future__ import annotations

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.evidence.vulnerabilities.purls import Purls, purl_type
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Fix, Package, Severity

_BY_NUMBER: tuple[Severity, ...] = ("unknown", "low", "medium", "high", "critical")
_FIX: dict[str, str] = {
    "fixed": "available",
    "affected": "none",
    "not_affected": "none",
    "will_not_fix": "wont_fix",
    "fix_deferred": "deferred",
    "end_of_life": "eol",
    "under_investigation": "unknown",
    "unknown": "unknown",
    "": "unknown",
}
_UNREAD = ("Misconfigurations", "Secrets", "Licenses", "CustomResources")


class _Identifier(msgspec.Struct):
    purl: str | None = msgspec.field(name="PURL", default=None)


class _Cvss(msgspec.Struct, rename="pascal"):
    v2_vector: str | None = None
    v3_vector: str | None = None
    v40_vector: str | None = None
    v2_score: float | None = None
    v3_score: float | None = None
    v40_score: float | None = None


class _Vulnerability(msgspec.Struct, rename="pascal"):
    id: str = msgspec.field(name="VulnerabilityID")
    pkg_name: str
    pkg_path: str | None = None
    pkg_identifier: _Identifier | None = None
    installed_version: str | None = None
    fixed_version: str | None = None
    status: str | None = None
    severity_source: str | None = None
    primary_url: str | None = msgspec.field(name="PrimaryURL", default=None)
    severity: str | None = None
    vendor_severity: dict[str, int] | None = None
    cvss: dict[str, _Cvss] | None = msgspec.field(name="CVSS", default=None)


class _Modified(msgspec.Struct, rename="pascal"):
    type: str | None = None
    status: str | None = None
    statement: str | None = None
    source: str | None = None
    finding: msgspec.Raw = msgspec.Raw(b"null")


class _Package(msgspec.Struct, rename="pascal"):
    identifier: _Identifier | None = None


class _System(msgspec.Struct, rename="pascal"):
    family: str | None = None
    name: str | None = None
    eosl: bool | None = msgspec.field(name="EOSL", default=None)


class _Metadata(msgspec.Struct, rename="pascal"):
    os: _System | None = msgspec.field(name="OS", default=None)
    image_id: str | None = msgspec.field(name="ImageID", default=None)
    repo_digests: list[str] | None = None


class _Tool(msgspec.Struct, rename="pascal"):
    version: str | None = None


class _Head(msgspec.Struct, rename="pascal"):
    trivy: _Tool | None = None
    created_at: str | None = None
    artifact_name: str | None = None
    artifact_type: str | None = None
    metadata: _Metadata | None = None


class _Result(msgspec.Struct, rename="pascal"):
    target: str | None = None
    type: str | None = None
    class_: str | None = msgspec.field(name="Class", default=None)


_vulnerability = Lenient(_Vulnerability)
_package = Lenient(_Package)
_head = Lenient(_Head)
_result = Lenient(_Result)


class TrivyReader:
    """`gate.evidence.interface.Reader` for trivy."""

    name = "trivy"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """Member names near the start."""
        if b'"SchemaVersion"' in head or b'"ArtifactName"' in head:
            return True
        if b'"ClusterName"' in head:
            return True
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") and b'"Target"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, LimitExceeded, FormatRefused (``trivy k8s``, another ``SchemaVersion``)."""
        notes = Notes()
        data = guard(data, limits)
        if data.lstrip().startswith(b"["):
            notes.add("legacy_format", "written by trivy before 0.20: it does not say which image it is about")
            head, results = _Head(), elements(data, "a trivy report", bound=limits.components)
            if not results:
                raise EvidenceInvalid(
                    "an empty array names no tool, no image and no package", fix="scan again with a current trivy"
                )
        else:
            head, results = _current(data, notes, limits)
        return _reading(head, results, notes, limits)


READER = TrivyReader()


def _current(data: bytes, notes: Notes, limits: Limits) -> tuple[_Head, list[msgspec.Raw]]:
    document = members(data, "a trivy report")
    if "ClusterName" in document:
        raise FormatRefused(
            "this is a report of trivy k8s, which is about a cluster and not an image",
            fix="scan the image: trivy image --format json IMAGE@DIGEST",
        )
    version = bytes(document.get("SchemaVersion", b"")).strip()
    if version != b"2":
        raise FormatRefused(
            f"trivy SchemaVersion {version.decode('utf-8', 'replace')[:20] or '(none)'} is not read; 2 is",
            fix="write the report with trivy 0.20 or newer; if this is a newer format, update the gate",
        )
    head = _head.decode(msgspec.Raw(data), "a trivy report", notes)
    if not head.artifact_type and "Results" not in document:
        raise EvidenceInvalid(
            "the trivy report has neither an artifact type nor results", fix="scan again with trivy image --format json"
        )
    return head, elements(document.get("Results"), "/Results", bound=limits.components)


def _reading(head: _Head, results: list[msgspec.Raw], notes: Notes, limits: Limits) -> Reading:
    purls = Purls(notes)
    findings: list[ReportedFinding] = []
    packages: list[str] = []
    catalogued: int | None = None
    for number, raw in enumerate(results):
        where = f"/Results/{number}"
        result = _result.decode(raw, where, notes)
        parts = members(raw, where)
        for name in _UNREAD:
            if unread := len(elements(parts.get(name), f"{where}/{name}", bound=limits.findings)):
                notes.add("not_read", f"{name} are not vulnerabilities and were not read", where, unread)
        if "Packages" in parts:
            listed = elements(parts["Packages"], f"{where}/Packages", bound=limits.components)
            catalogued = (catalogued or 0) + len(listed)
            for item in listed:
                identifier = _package.decode(item, f"{where}/Packages", notes).identifier
                purl, _ = purls.normalise(identifier.purl if identifier else None, f"{where}/Packages")
                packages.append(purl)
        found = elements(parts.get("Vulnerabilities"), f"{where}/Vulnerabilities", bound=limits.findings - len(findings))
        findings += [
            _finding(item, result, f"{where}/Vulnerabilities/{index}", notes, purls, "") for index, item in enumerate(found)
        ]
        findings += _modified(parts.get("ExperimentalModifiedFindings"), result, where, notes, purls, limits)
    system = (head.metadata or _Metadata()).os or _System()
    return Reading(
        kind="vulnerabilities",
        format="trivy",
        producer=Producer(name="trivy", version=(head.trivy or _Tool()).version or ""),
        created=words.timestamp(head.created_at, notes, "/CreatedAt"),
        names=_names(head, notes),
        diagnostics=notes.diagnostics(),
        scan=ScanFacts(
            scanner="trivy",
            findings=tuple(findings),
            packages=tuple(sorted({purl for purl in packages if purl})) if catalogued is not None else None,
            packages_catalogued=catalogued,
            distro=f"{system.family or ''} {system.name or ''}".strip(),
            # EOSL is left out when false and by versions that do not know: absence is no "no".
            distro_eol=True if system.eosl else None,
        ),
    )


def _names(head: _Head, notes: Notes) -> tuple[NamedDigest, ...]:
    if head.artifact_type not in (None, "", "container_image"):
        return ()
    metadata = head.metadata or _Metadata()
    own = head.artifact_name if head.artifact_name and "@sha256:" in head.artifact_name else None
    return words.unique(
        words.digests(metadata.repo_digests or (), "manifest", notes, "/Metadata/RepoDigests")
        + words.digests([own], "manifest", notes, "/ArtifactName")
        + words.digests([metadata.image_id], "config", notes, "/Metadata/ImageID")
    )


def _modified(
    raw: msgspec.Raw | None, result: _Result, where: str, notes: Notes, purls: Purls, limits: Limits
) -> list[ReportedFinding]:
    found: list[ReportedFinding] = []
    for index, item in enumerate(elements(raw, f"{where}/ExperimentalModifiedFindings", bound=limits.findings)):
        place = f"{where}/ExperimentalModifiedFindings/{index}"
        try:
            entry = msgspec.json.decode(item, type=_Modified)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise EvidenceInvalid(f"{place} cannot be read: {error}", why="a suppressed finding must come back as one") from error
        if entry.type not in (None, "", "vulnerability"):
            notes.add(
                "not_read", f"modified findings of type {entry.type[:40]!r} are not vulnerabilities and were not read", place
            )
            continue
        reason = entry.status or "modified"
        reason += f": {entry.statement}" if entry.statement else ""
        reason += f" ({entry.source})" if entry.source else ""
        found.append(_finding(entry.finding, result, f"{place}/Finding", notes, purls, reason))
    return found


def _finding(raw: msgspec.Raw, result: _Result, where: str, notes: Notes, purls: Purls, suppressed: str) -> ReportedFinding:
    item = _vulnerability.decode(raw, where, notes)
    own = words.vulnerability_id(item.id, where)
    aliases = words.alias_ids(own, ())
    malware = words.is_malware((own, *aliases))
    severities: dict[str, Severity] = {
        source: _BY_NUMBER[number] if 0 <= number < len(_BY_NUMBER) else "unknown"
        for source, number in (item.vendor_severity or {}).items()
    }
    severity = words.severity(item.severity, notes, where) if not malware else "critical"
    source = item.severity_source or "trivy"
    severities[source] = severity
    purl, kind = purls.normalise(item.pkg_identifier.purl if item.pkg_identifier else None, where)
    place = item.pkg_path or ((result.target or "") if result.class_ == "lang-pkgs" else "")
    return ReportedFinding(
        id=own,
        aliases=aliases,
        package=Package(
            name=item.pkg_name,
            version=item.installed_version or "",
            type=kind or purl_type(result.type),
            purl=purl,
            locations=(place,) if place else (),
        ),
        severity=severity,
        severity_source=source,
        severities=severities,
        cvss=_cvss(item.cvss or {}),
        fix=_fix(item, notes, where),
        malware=malware,
        suppressed=suppressed,
        url=item.primary_url or "",
    )


def _cvss(by_source: dict[str, _Cvss]) -> tuple[Cvss, ...]:
    return tuple(
        Cvss(source=source, version=version or _version_of(vector or "", "3.0"), vector=vector or "", score=words.score(value))
        for source, entry in sorted(by_source.items())
        for version, vector, value in (
            ("2.0", entry.v2_vector, entry.v2_score),
            ("", entry.v3_vector, entry.v3_score),
            ("4.0", entry.v40_vector, entry.v40_score),
        )
        if vector or value
    )


def _version_of(vector: str, default: str) -> str:
    """``3.1`` out of ``CVSS:3.1/AV:N…``."""
    head = vector.partition("/")[0]
    return head.removeprefix("CVSS:") if head.startswith("CVSS:") else default


def _fix(item: _Vulnerability, notes: Notes, where: str) -> Fix:
    versions = tuple(dict.fromkeys(version.strip() for version in (item.fixed_version or "").split(",") if version.strip()))
    state = _FIX.get((item.status or "").lower())
    if state is None:
        notes.add("unknown_status", f"status {(item.status or '')[:40]!r} is not known", where)
        state = "unknown"
    return Fix(state="available" if versions else state, versions=versions)  # type: ignore[arg-type]  # values of _FIX
