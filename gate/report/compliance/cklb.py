"""CKLB, the JSON checklist of STIG Viewer 3: one checklist a verdict's source of controls (the gate, and each accepted report).

A checklist is about one asset, so of a report with several verdicts each is a group of checklists with its image in the name.
``not_a_finding`` only for what passed; what a waiver covers is ``open``, with the waiver in the comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gate.model.verdict import Outcome, Verdict
from gate.report.compliance.common import (
    OWN,
    findings_text,
    identifier,
    line,
    name_of,
    report_identifier,
    subject_of,
    target_of,
    token,
    waivers_text,
)
from gate.report.compliance.controls import Item, Status, items
from gate.report.interface import Report, Style

_STATES: Mapping[Status, str] = {
    "pass": "not_a_finding",
    "open": "open",
    "waived": "open",
    "not_applicable": "not_applicable",
    "not_reviewed": "not_reviewed",
    "not_asked": "not_reviewed",
}


def render(report: Report, style: Style) -> bytes:
    """Indented JSON."""
    first = report.verdicts[0].outcome if report.verdicts else None
    targets = sorted({target_of(verdict.outcome) for verdict in report.verdicts})
    document = {
        "title": line(f"gate {subject_of(first)}") if first is not None else "gate: nothing was verified",
        "id": report_identifier(report, "cklb"),
        "cklb_version": "1.0",
        "active": False,
        "mode": 1,
        "has_path": False,
        "target_data": {
            "target_type": "Computing",
            "host_name": name_of(first) if first is not None else "",
            "ip_address": "",
            "mac_address": "",
            "fqdn": "",
            "comments": "; ".join(targets),
            "role": "None",
            "is_web_database": False,
            "technology_area": "",
            "web_db_site": "",
            "web_db_instance": "",
        },
        "stigs": [stig for verdict in report.verdicts for stig in _stigs(verdict, many=len(report.verdicts) > 1)],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _stigs(verdict: Verdict, *, many: bool) -> list[dict[str, Any]]:
    outcome = verdict.outcome
    groups: dict[str, list[Item]] = {}
    for item in items(outcome):
        groups.setdefault(item.source, []).append(item)
    return [_stig(verdict, source, found, many=many) for source, found in groups.items()]


def _stig(verdict: Verdict, source: str, found: list[Item], *, many: bool) -> dict[str, Any]:
    outcome = verdict.outcome
    name = "Controls judged by gate" if source == "gate" else f"Report {source}"
    name += f" of {subject_of(outcome)}" if many else ""
    own = identifier("cklb", verdict.outcome_digest, source)
    return {
        "stig_name": line(name),
        "display_name": line(name),
        "stig_id": token(OWN if source == "gate" else f"{OWN}.{source}"),
        "version": "1",
        "release_info": f"Release: 1 Benchmark Date: {outcome.time.now[:10]}",
        "uuid": own,
        "reference_identifier": outcome.digests.policy,
        "size": len(found),
        "rules": [_rule(outcome, own, item) for item in found],
    }


def _rule(outcome: Outcome, stig: str, item: Item) -> dict[str, Any]:
    own = identifier("cklb", stig, item.key)
    group = item.vuln_ids[0] if item.vuln_ids else token(item.id)
    controls = ", ".join((*item.nist, *item.others))
    return {
        "uuid": own,
        "stig_uuid": stig,
        "STIGUuid": stig,
        "target_key": None,
        "stig_ref": None,
        "group_id": group,
        "rule_id": token(item.id.removesuffix("_rule")),
        "rule_id_src": token(item.id),
        "weight": "10.0",
        "classification": "UNCLASSIFIED",
        "severity": item.severity,
        "rule_version": line(item.version, (item.srg or (item.id,))[0]),
        "group_title": line((item.srg or (item.title,))[0]),
        "rule_title": line(item.title),
        "fix_text": "\n".join(line(text) for text in item.fix.splitlines()),
        "false_positives": "",
        "false_negatives": "",
        "discussion": line(f"Controls: {controls}") if controls else "",
        "check_content": line(f"gate explain {item.id}") if item.source == "gate" else "",
        "documentable": "false",
        "mitigations": "\n".join(line(waiver.compensating_control) for waiver in item.waivers if waiver.compensating_control),
        "potential_impacts": "",
        "third_party_tools": "",
        "mitigation_control": "",
        "responsibility": "",
        "security_override_guidance": "",
        "ia_controls": "",
        "check_content_ref": {"href": "", "name": "M"},
        "legacy_ids": list(item.vuln_ids[1:]),
        "ccis": list(item.cci),
        "group_tree": [{"id": group, "title": line(srg), "description": ""} for srg in item.srg or (item.title,)],
        "createdAt": outcome.time.now,
        "updatedAt": outcome.time.now,
        "status": _STATES[item.status],
        "overrides": {},
        "comments": waivers_text(item),
        "finding_details": findings_text(item),
    }
