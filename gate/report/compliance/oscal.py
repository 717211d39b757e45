"""What OSCAL documents share (NIST, version 1.1): metadata, the image as a component, observations and risks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gate.model.verdict import Verdict
from gate.model.waiver import Waiver
from gate.report.compliance.common import findings_text, identifier, line, report_identifier, subject_of, target_of
from gate.report.compliance.controls import Item, waived_text
from gate.report.interface import Report

OSCAL = "1.1.3"
NAMESPACE = "urn:policy-gate:oscal"
_START = "1970-01-01T00:00:00Z"


def encoded(document: Mapping[str, Any]) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def moment_of(report: Report) -> str:
    """The newest evaluation time."""
    return max((verdict.outcome.time.now for verdict in report.verdicts), default=_START)


def metadata(report: Report, title: str) -> dict[str, Any]:
    """``metadata`` of a document."""
    version = report.verdicts[0].outcome.gate if report.verdicts else "0"
    return {
        "title": title,
        "last-modified": moment_of(report),
        "version": report_identifier(report, "version"),
        "oscal-version": OSCAL,
        "props": [prop("decision", report.decision), prop("tool", f"gate {version}")],
    }


def prop(name: str, value: str) -> dict[str, str]:
    """A property of our own namespace."""
    return {"name": name, "ns": NAMESPACE, "value": line(value)}


def component(verdict: Verdict) -> dict[str, Any]:
    """The image; what the digest is read from."""
    outcome = verdict.outcome
    return {
        "uuid": identifier("component", verdict.outcome_digest),
        "type": "software",
        "title": subject_of(outcome),
        "description": "The container image that was judged.",
        "props": [prop("target", target_of(outcome))],
        "status": {"state": "other"},
    }


def observation(verdict: Verdict, item: Item) -> dict[str, Any]:
    """What was seen of one control."""
    found = {
        "uuid": identifier("observation", verdict.outcome_digest, item.key),
        "title": line(item.title),
        "description": findings_text(item),
        "methods": ["TEST"],
        "subjects": [{"subject-uuid": identifier("component", verdict.outcome_digest), "type": "component"}],
        "collected": verdict.outcome.time.now,
    }
    evidence = sorted({digest for detail in item.details for digest in detail.evidence})[:50]
    if evidence:
        found["relevant-evidence"] = [{"description": f"Evidence {digest}"} for digest in evidence]
    return found


def risk(verdict: Verdict, item: Item) -> dict[str, Any]:
    """What remains of one control that is open, waived or untold."""
    own = identifier("risk", verdict.outcome_digest, item.key)
    waivers = item.waivers
    found: dict[str, Any] = {
        "uuid": own,
        "title": line(item.title),
        "description": findings_text(item),
        "statement": line(f"{', '.join(item.names) or item.id}, CAT {item.category}, is {item.status.replace('_', ' ')}"),
        "props": [prop("rule-id", item.id), prop("category", item.category)],
        "status": "deviation-approved" if item.status == "waived" else "open",
    }
    factors = [
        {"uuid": identifier(own, "factor", waiver.id), "description": line(waiver.compensating_control)}
        for waiver in waivers
        if waiver.compensating_control
    ]
    if factors:
        found["mitigating-factors"] = factors
    ends = sorted(moment for waiver in waivers if (moment := _moment(waiver.expires)))
    if ends:
        found["deadline"] = ends[0]
    remediations = [_milestone(own, waiver) for waiver in waivers] + _recommendation(own, item)
    return {**found, "remediations": remediations} if remediations else found


def _milestone(risk: str, waiver: Waiver) -> dict[str, Any]:
    own = identifier(risk, "waiver", waiver.id)
    remediation: dict[str, Any] = {
        "uuid": own,
        "lifecycle": "planned",
        "title": line(f"Waiver {waiver.id}, {waiver.ticket}"),
        "description": line(waived_text(waiver)),
        "props": [prop("owner", waiver.owner), prop("approver", waiver.approved_by), prop("ticket", waiver.ticket)],
    }
    moment = _moment(waiver.expires)
    if moment:
        remediation["tasks"] = [
            {
                "uuid": identifier(own, "end"),
                "type": "milestone",
                "title": "The waiver ends",
                "description": "From here on the control counts as open again.",
                "timing": {"on-date": {"date": moment}},
            }
        ]
    return remediation


def _recommendation(risk: str, item: Item) -> list[dict[str, Any]]:
    if not item.fix:
        return []
    own = identifier(risk, "fix")
    return [{"uuid": own, "lifecycle": "recommendation", "title": "Fix", "description": line(item.fix)}]


def _moment(text: str) -> str:
    """A waiver's end as RFC 3339; a date is its first moment in UTC."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return f"{text}T00:00:00Z"
    return text if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt].+([Zz]|[+-]\d\d:\d\d)", text) else ""
