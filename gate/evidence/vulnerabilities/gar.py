"""Google Artifact Analysis: occurrences of the Container Analysis API v1, as the API and ``gcloud artifacts`` write them.

Whether an image was scanned stands in an occurrence of kind ``DISCOVERY``. Without one, what is listed counts, and the list is
no scan: an image that was never looked at has the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.evidence.vulnerabilities.purls import purl_type
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Fix, Package, Severity

_AGAIN = "gcloud artifacts docker images describe IMAGE@DIGEST --show-package-vulnerability --show-all-metadata --format=json"
_DONE = frozenset({"FINISHED_SUCCESS", "COMPLETE"})
_CPE_SYSTEMS = {
    "debian": "deb",
    "canonical": "deb",
    "alpinelinux": "apk",
    "redhat": "rpm",
    "centos": "rpm",
    "suse": "rpm",
    "google": "",
}
_WORDS = {"MINIMAL": "negligible", "SEVERITY_UNSPECIFIED": "unknown"}
_CPE = re.compile(r"cpe:/o:([a-z0-9_]+):")


class _Version(msgspec.Struct, rename="camel"):
    kind: str | None = None
    epoch: int | None = None
    name: str | None = None
    revision: str | None = None
    full_name: str | None = None


class _Location(msgspec.Struct, rename="camel"):
    file_path: str | None = None


class _Issue(msgspec.Struct, rename="camel"):
    affected_package: str
    affected_cpe_uri: str | None = None
    affected_version: _Version | None = None
    fixed_version: _Version | None = None
    package_type: str | None = None
    effective_severity: str | None = None
    file_location: list[_Location] | None = None


class _CvssV3(msgspec.Struct, rename="camel"):
    base_score: float | None = None


class _Details(msgspec.Struct, rename="camel"):
    severity: str | None = None
    effective_severity: str | None = None
    short_description: str | None = None
    cvss_score: float | None = None
    cvss_v3: _CvssV3 | None = msgspec.field(name="cvssv3", default=None)
    package_issue: list[_Issue] | None = None


class _Discovery(msgspec.Struct, rename="camel"):
    analysis_status: str | None = None
    last_scan_time: str | None = None


class _Occurrence(msgspec.Struct, rename="camel"):
    kind: str | None = None
    resource_uri: str | None = None
    note_name: str | None = None
    update_time: str | None = None
    vulnerability: _Details | None = None
    discovery: _Discovery | None = None


_occurrence = Lenient(_Occurrence)


class GarReader:
    """`gate.evidence.interface.Reader` for Google Artifact Analysis."""

    name = "google artifact analysis"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """Members of an occurrence, or of gcloud's summary."""
        return (b'"noteName"' in head and b'"resourceUri"' in head) or b'"package_vulnerability_summary"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid (a scan that has not finished, several images, one page of several), LimitExceeded."""
        notes = Notes()
        findings: list[ReportedFinding] = []
        resources: dict[str, None] = {}
        statuses: list[str] = []
        times: list[str] = []
        for number, raw in enumerate(_occurrences(guard(data, limits), limits)):
            where = f"/occurrences/{number}"
            item = _occurrence.decode(raw, where, notes)
            if item.resource_uri:
                resources[item.resource_uri.rpartition("@")[2] if "@" in item.resource_uri else item.resource_uri] = None
            if item.discovery is not None:
                statuses.append(item.discovery.analysis_status or "")
                times += [item.discovery.last_scan_time or item.update_time or ""]
            elif item.vulnerability is not None:
                findings += _findings(item, item.vulnerability, where, notes)
            elif item.kind in (None, "VULNERABILITY", "DISCOVERY"):
                raise EvidenceInvalid(f"{where} holds neither a vulnerability nor a discovery", fix=_AGAIN)
        if len(resources) > 1:
            raise EvidenceInvalid("the occurrences are about several images", fix=_AGAIN)
        if not findings and not statuses:
            raise EvidenceInvalid(
                "nothing says that the image was scanned", why="an image never looked at has no findings too", fix=_AGAIN
            )
        if any(status not in _DONE for status in statuses):
            raise EvidenceInvalid(
                f"the scan has not finished: its status is {next(s for s in statuses if s not in _DONE)[:40]!r}",
                why="a scan that failed, waits or cannot read the image shows nothing about it",
                fix=_AGAIN,
            )
        if not statuses:
            notes.add("no_scan_status", "no occurrence says that the image was scanned, so the list stands for no scan")
        named = [text for text in resources if text.startswith("sha256:")]
        return Reading(
            kind="vulnerabilities",
            format="google artifact analysis",
            producer=Producer(name="google artifact analysis"),
            created=words.timestamp(max(times, default=""), notes, "/discovery"),
            names=words.unique(words.digests(named, "manifest", notes, "/resourceUri")),
            diagnostics=notes.diagnostics(),
            scan=ScanFacts(
                scanner="google artifact analysis",
                findings=tuple(findings),
                packages=None,
                packages_catalogued=None,
                partial=not statuses,
            ),
        )


READER = GarReader()


def _occurrences(data: bytes, limits: Limits) -> Iterator[msgspec.Raw]:
    """Of a list, of the API's answer, or of ``gcloud artifacts docker images describe``."""
    if data.lstrip().startswith(b"["):
        yield from elements(data, "a list of occurrences", bound=limits.findings)
        return
    parts = members(data, "an answer of Artifact Analysis")
    if _text(parts.get("nextPageToken")):
        raise EvidenceInvalid("the answer is one page of several", why="the findings on the others are missing", fix=_AGAIN)
    if "occurrences" in parts:
        yield from elements(parts["occurrences"], "/occurrences", bound=limits.findings)
        return
    summary = members(parts.get("package_vulnerability_summary", b"{}"), "/package_vulnerability_summary")
    listed = 0
    for severity, raw in members(summary.get("vulnerabilities", b"{}"), "/package_vulnerability_summary/vulnerabilities").items():
        entries = elements(raw, f"/package_vulnerability_summary/vulnerabilities/{severity}", bound=limits.findings - listed)
        listed += len(entries)
        yield from entries
    total = _number(summary.get("total_vulnerability_count"))
    if total > listed:
        raise EvidenceInvalid(f"the answer counts {total} vulnerabilities and lists {listed}", why="it was cut", fix=_AGAIN)
    discovery = members(parts.get("discovery_summary", b"{}"), "/discovery_summary")
    yield from elements(discovery.get("discovery"), "/discovery_summary/discovery", bound=limits.findings)


def _text(raw: msgspec.Raw | None) -> str:
    value: Any = msgspec.json.decode(raw) if raw is not None else None
    return value if isinstance(value, str) else ""


def _number(raw: msgspec.Raw | None) -> int:
    value: Any = msgspec.json.decode(raw) if raw is not None else None
    return value if isinstance(value, int) else 0


def _findings(item: _Occurrence, details: _Details, where: str, notes: Notes) -> list[ReportedFinding]:
    note = (item.note_name or "").rpartition("/")[2]
    short = details.short_description or ""
    own = words.vulnerability_id(note or short, where)
    if not details.package_issue:
        raise EvidenceInvalid(f"{where} names no package", why="a finding in nothing cannot be counted or waived", fix=_AGAIN)
    aliases = words.alias_ids(own, [short] if words.is_cve(short) else ())
    score = words.score(details.cvss_v3.base_score if details.cvss_v3 else details.cvss_score)
    cvss = (Cvss(source="google", version="3.1" if details.cvss_v3 else "", vector="", score=score),) if score else ()
    made: list[ReportedFinding] = []
    for issue in details.package_issue:
        said = {
            name: _severity(text, notes, where)
            for name, text in (
                ("google", details.severity),
                ("distribution", issue.effective_severity or details.effective_severity),
            )
            if text
        }
        severity = said.get("distribution", "unknown")
        if severity == "unknown":
            severity = said.get("google", "unknown")
        malware = words.is_malware((own, *aliases))
        made.append(
            ReportedFinding(
                id=own,
                aliases=aliases,
                package=_package(issue),
                severity="critical" if malware else severity,
                severity_source="distribution" if said.get("distribution", "unknown") != "unknown" else "google",
                severities=said,
                cvss=cvss,
                fix=_fix(issue),
                malware=malware,
            )
        )
    return made


def _severity(text: str, notes: Notes, where: str) -> Severity:
    return words.severity(_WORDS.get(text.upper(), text), notes, where)


def _package(issue: _Issue) -> Package:
    kind = purl_type(issue.package_type)
    if kind in ("", "os"):
        system = _CPE.match(issue.affected_cpe_uri or "")
        kind = (_CPE_SYSTEMS.get(system[1], "") if system else "") or "generic"
    places = tuple(sorted({place.file_path for place in issue.file_location or () if place.file_path}))
    return Package(name=issue.affected_package, version=_version(issue.affected_version), type=kind, purl="", locations=places)


def _version(version: _Version | None) -> str:
    if version is None:
        return ""
    if version.full_name:
        return version.full_name
    text = (version.name or "") + (f"-{version.revision}" if version.revision else "")
    return f"{version.epoch}:{text}" if version.epoch else text


def _fix(issue: _Issue) -> Fix:
    fixed = _version(issue.fixed_version)
    if issue.fixed_version is not None and issue.fixed_version.kind != "MAXIMUM" and fixed:
        return Fix(state="available", versions=(fixed,))
    return Fix(state="none" if issue.fixed_version is not None else "unknown")
