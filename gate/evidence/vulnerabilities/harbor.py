"""Harbor's vulnerability report (pluggable scanner specification 1.1): the native JSON, bare or under its MIME type.

Packages have no type and no purl. The report names the artifact that was scanned; a list that is null says nothing.
"""

from __future__ import annotations

import msgspec

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Fix, Package

MIME = "application/vnd.security.vulnerability.report; version=1.1"
_OLD_MIME = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
_AGAIN = "let Harbor scan the artifact again, and fetch .../artifacts/DIGEST/additions/vulnerabilities when it has finished"


class _Cvss(msgspec.Struct):
    score_v3: float | None = None
    score_v2: float | None = None
    vector_v3: str | None = None
    vector_v2: str | None = None


class _Vulnerability(msgspec.Struct):
    id: str
    package: str
    version: str | None = None
    fix_version: str | None = None
    severity: str | None = None
    status: str | None = None
    links: list[str] | None = None
    preferred_cvss: _Cvss | None = None


class _Scanner(msgspec.Struct):
    name: str | None = None
    version: str | None = None


class _Artifact(msgspec.Struct):
    digest: str | None = None


class _Head(msgspec.Struct):
    generated_at: str | None = None
    scanner: _Scanner | None = None
    artifact: _Artifact | None = None
    severity: str | None = None


_vulnerability = Lenient(_Vulnerability)
_head = Lenient(_Head)


class HarborReader:
    """`gate.evidence.interface.Reader` for Harbor."""

    name = "harbor"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """The MIME type, or the names of the native report."""
        return (
            b"vuln.report" in head
            or b"security.vulnerability.report" in head
            or (b'"generated_at"' in head and b'"scanner"' in head)
        )

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid (no scanner, no time, no list, a verdict without findings), LimitExceeded."""
        notes = Notes()
        report = msgspec.Raw(guard(data, limits))
        parts = members(report, "a Harbor report")
        for mime in (MIME, _OLD_MIME):
            if mime in parts:
                if len(parts) != 1:
                    raise EvidenceInvalid("the answer holds several reports", why="which one counts cannot be told", fix=_AGAIN)
                report = parts[mime]
                parts = members(report, mime)
        head = _head.decode(report, "a Harbor report", notes)
        if not head.generated_at or head.scanner is None or not head.scanner.name:
            raise EvidenceInvalid("the report names no scanner or no time", why="nothing shows that it looked", fix=_AGAIN)
        if bytes(parts.get("vulnerabilities", b"null")).strip() == b"null":
            raise EvidenceInvalid(
                "the report has no list of vulnerabilities", why="null does not say that none was found", fix=_AGAIN
            )
        entries = elements(parts["vulnerabilities"], "/vulnerabilities", bound=limits.findings)
        findings = tuple(_finding(raw, head.scanner.name, f"/vulnerabilities/{n}", notes) for n, raw in enumerate(entries))
        if not findings and (head.severity or "none").lower() not in ("none", "unknown"):
            raise EvidenceInvalid(
                f"the report is rated {(head.severity or '')[:20]!r} and lists no vulnerability",
                why="it was cut or edited",
                fix=_AGAIN,
            )
        return Reading(
            kind="vulnerabilities",
            format="harbor",
            producer=Producer(name=head.scanner.name, version=head.scanner.version or ""),
            created=words.timestamp(head.generated_at, notes, "/generated_at"),
            names=words.unique(words.digests([head.artifact.digest if head.artifact else None], "manifest", notes, "/artifact")),
            diagnostics=notes.diagnostics(),
            scan=ScanFacts(
                scanner=f"harbor {head.scanner.name.lower()}", findings=findings, packages=None, packages_catalogued=None
            ),
        )


READER = HarborReader()


def _finding(raw: msgspec.Raw, scanner: str, where: str, notes: Notes) -> ReportedFinding:
    item = _vulnerability.decode(raw, where, notes)
    own = words.vulnerability_id(item.id, where)
    aliases = words.alias_ids(own, ())
    malware = words.is_malware((own, *aliases))
    severity = "critical" if malware else words.severity(item.severity, notes, where)
    said = item.preferred_cvss or _Cvss()
    fixed = tuple(text.strip() for text in (item.fix_version or "").split(",") if text.strip())
    return ReportedFinding(
        id=own,
        aliases=aliases,
        package=Package(name=item.package, version=item.version or "", type="generic", purl=""),
        severity=severity,
        severity_source=scanner.lower(),
        severities={scanner.lower(): severity},
        cvss=tuple(
            Cvss(source=scanner.lower(), version=version, vector=vector or "", score=words.score(score))
            for version, vector, score in (("3.1", said.vector_v3, said.score_v3), ("2.0", said.vector_v2, said.score_v2))
            if vector or words.score(score)
        ),
        fix=Fix(state="available", versions=fixed) if fixed else Fix(state="none"),
        malware=malware,
        url=next(iter(item.links or ()), ""),
    )
