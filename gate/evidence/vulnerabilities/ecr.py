"""Amazon ECR: ``aws ecr describe-image-scan-findings``, basic scans and enhanced ones by Amazon Inspector.

The answer says whether a scan has finished; any status but ``COMPLETE`` (basic) and ``ACTIVE`` (enhanced) shows nothing, and so
does one page of several.
"""

from __future__ import annotations

from datetime import UTC, datetime
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

_DONE = {"COMPLETE": "findings", "ACTIVE": "enhancedFindings"}
_AGAIN = "aws ecr describe-image-scan-findings --repository-name NAME --image-id imageDigest=DIGEST, without --max-items"
_SYSTEMS = {
    "DEBIAN": "deb", "UBUNTU": "deb", "ALPINE": "apk", "AMAZON": "rpm", "REDHAT": "rpm", "RHEL": "rpm", "CENTOS": "rpm",
    "ORACLE": "rpm", "SUSE": "rpm", "SLES": "rpm", "ROCKY": "rpm", "ALMA": "rpm", "FEDORA": "rpm", "PHOTON": "rpm",
}  # fmt: skip
_TYPES = {"nodepkg": "npm", "pythonpkg": "pypi", "gobinary": "golang", "dotnet_core": "nuget", "rustbinary": "cargo"}


class _Attribute(msgspec.Struct):
    key: str
    value: str | None = None


class _Basic(msgspec.Struct):
    name: str
    uri: str | None = None
    severity: str | None = None
    attributes: list[_Attribute] | None = None


class _Package(msgspec.Struct, rename="camel"):
    name: str
    version: str | None = None
    epoch: int | None = None
    release: str | None = None
    package_manager: str | None = None
    file_path: str | None = None
    fixed_in_version: str | None = None


class _Cvss(msgspec.Struct, rename="camel"):
    base_score: float | None = None
    scoring_vector: str | None = None
    source: str | None = None
    version: str | None = None


class _Details(msgspec.Struct, rename="camel"):
    vulnerability_id: str
    cvss: list[_Cvss] | None = None
    source_url: str | None = None
    vendor_severity: str | None = None
    related_vulnerabilities: list[str] | None = None
    vulnerable_packages: list[_Package] | None = None


class _Image(msgspec.Struct):
    platform: str | None = None


class _ResourceDetails(msgspec.Struct, rename="camel"):
    aws_ecr_container_image: _Image | None = None


class _Resource(msgspec.Struct):
    details: _ResourceDetails | None = None


class _Enhanced(msgspec.Struct, rename="camel"):
    package_vulnerability_details: _Details
    severity: str | None = None
    status: str | None = None
    resources: list[_Resource] | None = None


class _ImageId(msgspec.Struct, rename="camel"):
    image_digest: str | None = None


class _Status(msgspec.Struct):
    status: str | None = None
    description: str | None = None


class _Head(msgspec.Struct, rename="camel"):
    image_id: _ImageId | None = None
    image_scan_status: _Status | None = None
    next_token: str | None = None
    next_token_of_the_cli: str | None = msgspec.field(name="NextToken", default=None)


_head = Lenient(_Head)
_basic = Lenient(_Basic)
_enhanced = Lenient(_Enhanced)


class EcrReader:
    """`gate.evidence.interface.Reader` for Amazon ECR."""

    name = "amazon ecr"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """The member that holds the findings."""
        return b'"imageScanFindings"' in head or b'"imageScanStatus"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid (a scan that has not finished, one page of several), LimitExceeded."""
        notes = Notes()
        body = guard(data, limits)
        parts = members(body, "an ECR answer")
        head = _head.decode(body, "an ECR answer", notes)
        status = (head.image_scan_status.status if head.image_scan_status else None) or ""
        if status not in _DONE or "imageScanFindings" not in parts:
            raise EvidenceInvalid(
                f"the scan has not finished: its status is {status[:40] or 'not given'!r}",
                why="a scan that failed, waits or cannot read the image shows nothing about it",
                fix=_AGAIN,
            )
        if head.next_token or head.next_token_of_the_cli:
            raise EvidenceInvalid("the answer is one page of several", why="the findings on the others are missing", fix=_AGAIN)
        found = members(parts["imageScanFindings"], "/imageScanFindings")
        listed = [name for name in _DONE.values() if name in found]
        if not listed:
            raise EvidenceInvalid("the answer has no list of findings", why="without one, none is not shown", fix=_AGAIN)
        findings: list[ReportedFinding] = []
        total = 0
        for name in listed:
            place = f"/imageScanFindings/{name}"
            entries = elements(found[name], place, bound=limits.findings - total)
            total += len(entries)
            make = _of_basic if name == "findings" else _of_enhanced
            for number, raw in enumerate(entries):
                findings += make(raw, f"{place}/{number}", notes)
        counted = _counted(found)
        if counted > total:
            raise EvidenceInvalid(
                f"the answer counts {counted} findings and lists {total}", why="it was cut, or is one page of several", fix=_AGAIN
            )
        inspector = "enhancedFindings" in listed
        built = _time(found.get("vulnerabilitySourceUpdatedAt"), notes, "vulnerabilitySourceUpdatedAt")
        return Reading(
            kind="vulnerabilities",
            format="amazon ecr",
            producer=Producer(name="amazon inspector" if inspector else "amazon ecr", db_built=built),
            created=_time(found.get("imageScanCompletedAt"), notes, "imageScanCompletedAt"),
            names=words.unique(
                words.digests([head.image_id.image_digest if head.image_id else None], "manifest", notes, "/imageId")
            ),
            diagnostics=notes.diagnostics(),
            scan=ScanFacts(
                scanner="amazon inspector" if inspector else "amazon ecr",
                findings=tuple(findings),
                packages=None,
                packages_catalogued=None,
                db_built=built,
            ),
        )


READER = EcrReader()


def _counted(found: dict[str, msgspec.Raw]) -> int:
    try:
        counts: Any = msgspec.json.decode(found.get("findingSeverityCounts", b"{}"))
    except (msgspec.MsgspecError, UnicodeError):
        return 0
    return sum(value for value in counts.values() if isinstance(value, int)) if isinstance(counts, dict) else 0


def _time(raw: msgspec.Raw | None, notes: Notes, where: str) -> str | None:
    """RFC 3339, or seconds since 1970 as version 1 of the CLI writes them."""
    try:
        value: Any = msgspec.json.decode(raw) if raw is not None else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = datetime.fromtimestamp(value, UTC).isoformat()
    except (msgspec.MsgspecError, UnicodeError, ValueError, OverflowError, OSError):
        value = None
    return words.timestamp(value if isinstance(value, str) else None, notes, where)


def _severity(text: str | None, notes: Notes, where: str) -> Severity:
    return "unknown" if (text or "").upper() in ("UNDEFINED", "UNTRIAGED") else words.severity(text, notes, where)


def _of_basic(raw: msgspec.Raw, where: str, notes: Notes) -> list[ReportedFinding]:
    item = _basic.decode(raw, where, notes)
    said = {entry.key: entry.value or "" for entry in item.attributes or ()}
    if not said.get("package_name"):
        raise EvidenceInvalid(f"{where} names no package", why="a finding in nothing cannot be counted or waived", fix=_AGAIN)
    own = words.vulnerability_id(item.name, where)
    aliases = words.alias_ids(own, ())
    severity = _severity(item.severity, notes, where)
    cvss = []
    for key, version in (("CVSS4", "4.0"), ("CVSS3", "3.1"), ("CVSS2", "2.0")):
        score = _number(said.get(f"{key}_SCORE"))
        if score or said.get(f"{key}_VECTOR"):
            cvss.append(Cvss(source="amazon ecr", version=version, vector=said.get(f"{key}_VECTOR", ""), score=score))
    package = Package(name=said["package_name"], version=said.get("package_version", ""), type="generic", purl="")
    return [
        ReportedFinding(
            id=own,
            aliases=aliases,
            package=package,
            severity=severity,
            severity_source="amazon ecr",
            severities={"amazon ecr": severity},
            cvss=tuple(cvss),
            url=item.uri or "",
        )
    ]


def _number(text: str | None) -> float | None:
    try:
        return words.score(float(text)) if text else None
    except ValueError:
        return None


def _of_enhanced(raw: msgspec.Raw, where: str, notes: Notes) -> list[ReportedFinding]:
    item = _enhanced.decode(raw, where, notes)
    details = item.package_vulnerability_details
    if not details.vulnerable_packages:
        raise EvidenceInvalid(f"{where} names no package", why="a finding in nothing cannot be counted or waived", fix=_AGAIN)
    own = words.vulnerability_id(details.vulnerability_id, where)
    aliases = words.alias_ids(own, [name for name in details.related_vulnerabilities or () if not words.is_cve(name)])
    severity = _severity(item.severity, notes, where)
    severities: dict[str, Severity] = {"amazon inspector": severity}
    if details.vendor_severity:
        severities["vendor"] = _severity(details.vendor_severity, notes, where)
    malware = words.is_malware((own, *aliases))
    platform = next((image.platform for resource in item.resources or () if (image := _image(resource)) and image.platform), "")
    status = (item.status or "ACTIVE").upper()
    return [
        ReportedFinding(
            id=own,
            aliases=aliases,
            package=_package(package, platform or ""),
            severity="critical" if malware else severity,
            severity_source="amazon inspector",
            severities=severities,
            cvss=tuple(
                Cvss(
                    source=(c.source or "").lower(),
                    version=c.version or "",
                    vector=c.scoring_vector or "",
                    score=words.score(c.base_score),
                )
                for c in details.cvss or ()
            ),
            fix=_fix(package),
            malware=malware,
            suppressed="" if status == "ACTIVE" else f"{status.lower()[:40]} in Amazon Inspector",
            url=details.source_url or "",
        )
        for package in details.vulnerable_packages
    ]


def _image(resource: _Resource) -> _Image | None:
    return resource.details.aws_ecr_container_image if resource.details else None


def _package(item: _Package, platform: str) -> Package:
    manager = (item.package_manager or "").lower()
    kind = _TYPES.get(manager, purl_type(manager))
    if manager in ("os", ""):
        kind = _SYSTEMS.get(platform.upper().partition("_")[0].partition(" ")[0], "generic")
    version = item.version or ""
    if kind == "rpm" and item.release:
        version = f"{version}-{item.release}"
    if item.epoch and ":" not in version:
        version = f"{item.epoch}:{version}"
    return Package(name=item.name, version=version, type=kind, purl="", locations=(item.file_path,) if item.file_path else ())


def _fix(item: _Package) -> Fix:
    fixed = item.fixed_in_version or ""
    if fixed and fixed.lower() not in ("notavailable", "none"):
        return Fix(state="available", versions=(fixed,))
    return Fix(state="none" if fixed else "unknown")
