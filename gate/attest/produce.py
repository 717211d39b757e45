"""The statements that follow a verdict, beside the summary: what was found, what is inside, what does not apply.

Only evidence that the policy accepted is said again, and nothing is made up: a scan that does not say when its database was built
cannot be attested as in-toto ``vulns/v0.2``, which demands it, and is left out with a reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from gate.attest import statement
from gate.attest.types import CYCLONEDX, OPENVEX, SPDX, VULNS
from gate.errors import EvidenceError
from gate.limits import Limits
from gate.model.evidence import Evidence
from gate.model.findings import Finding, Scan
from gate.model.input import Input
from gate.trust.entry import Trust
from gate.trust.envelope import open_envelope

_SCANNERS = {
    "grype": "pkg:github/anchore/grype",
    "trivy": "pkg:github/aquasecurity/trivy",
    "osv-scanner": "pkg:github/google/osv-scanner",
}

Accepted = Callable[[Evidence], bool]
VexOf = Callable[[Input], bytes | None]
"""Makes an OpenVEX document of what was decided; None when there is nothing to say."""


@dataclasses.dataclass(frozen=True, slots=True)
class Produced:
    """A statement to be signed, or the reason why there is none."""

    name: str
    predicate_type: str
    payload: bytes
    left_out: str = ""


class _Signed(msgspec.Struct):
    predicate: msgspec.Raw


def produce(
    document: Input, evidence: Mapping[str, bytes], *, accepted: Accepted, limits: Limits, vex_of: VexOf | None = None
) -> Iterator[Produced]:
    """The vulnerabilities of each accepted scan, each accepted SBOM, and the VEX; in that order."""
    about = [statement.subject_of(document.subject.name, document.subject.digest)]
    known = {item.id: item for item in document.evidence if accepted(item)}
    for scan in document.vulnerabilities.scans:
        if scan.evidence in known:
            found = _vulns(document, scan, known[scan.evidence])
            if isinstance(found, str):
                yield Produced("vulns", VULNS, b"", f"{scan.scanner}: {found}")
            else:
                yield Produced("vulns", VULNS, statement.make(about, VULNS, found))
    for item in known.values():
        if item.kind == "sbom":
            kind = SPDX if item.format.startswith("spdx") else CYCLONEDX
            try:
                body = _body(item, evidence[item.id], limits)
            except (EvidenceError, KeyError, msgspec.MsgspecError) as error:
                yield Produced("sbom", kind, b"", f"{item.source}: {error}")
                continue
            yield Produced("sbom", kind, statement.make(about, kind, body))
    vex = vex_of(document) if vex_of is not None else None
    if vex is not None:
        yield Produced("vex", OPENVEX, statement.make(about, OPENVEX, msgspec.Raw(vex)))


def _body(item: Evidence, data: bytes, limits: Limits) -> msgspec.Raw:
    """The document's own bytes; of one that came signed, those inside."""
    envelope = open_envelope(data, annotations={}, media_type=item.media_type, trust=Trust(entries=()), limits=limits)
    if envelope is None:
        return msgspec.Raw(msgspec.json.decode(data, type=msgspec.Raw))  # bytes that are no JSON would spoil the statement
    return msgspec.json.decode(envelope.payload, type=_Signed).predicate


def _vulns(document: Input, scan: Scan, item: Evidence) -> dict[str, Any] | str:
    """in-toto ``vulns/v0.2`` of one scan, or why there is none."""
    if scan.partial:
        return "it looks at one kind of packages only, and the attestation would pass for a whole scan"
    if scan.db_built is None:
        return "the report does not say when its database was built"
    finished = item.created or (document.time.now if item.origin == "computed" else None)
    if finished is None:
        return "the report does not say when it was made"
    name = scan.scanner.lower()
    uri = _SCANNERS.get(name, f"pkg:generic/{name}")
    findings = [finding for finding in document.vulnerabilities.findings if scan.evidence in finding.reported_by]
    return {
        "scanner": {
            "uri": f"{uri}@{scan.version}" if scan.version else uri,
            "version": scan.version,
            "db": {"lastUpdate": scan.db_built},
            "result": [_result(finding) for finding in findings],
        },
        "metadata": {"scanStartedOn": finished, "scanFinishedOn": finished},
    }


def _result(finding: Finding) -> dict[str, Any]:
    severities = [{"method": finding.severity.source or "unknown", "score": finding.severity.value}]
    severities += [
        {"method": f"cvss_v{score.version}", "score": str(score.score)} for score in finding.cvss if score.score is not None
    ]
    notes: list[dict[str, Any]] = [{"purl": finding.package.purl or f"{finding.package.name}@{finding.package.version}"}]
    if finding.aliases:
        notes.append({"aliases": list(finding.aliases)})
    if finding.vex is not None:
        notes.append({"vex": {"status": finding.vex.status, "statement": finding.vex.statement, "counts": finding.vex.counts}})
    return {"id": finding.id, "severity": severities, "annotations": notes}
