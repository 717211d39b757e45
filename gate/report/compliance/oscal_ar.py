"""OSCAL 1.1 assessment results, in JSON: one result a verdict, one finding a control.

The state of a target has two words only, so what is not applicable, and what nobody could tell, is ``not-satisfied`` with reason
``not-applicable`` or ``not-tested``; readers that look at the state alone never take either for a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gate.model.verdict import Verdict
from gate.report.compliance.common import findings_text, identifier, line, report_identifier, subject_of, token
from gate.report.compliance.controls import Item, Status, counts, items, waived_text
from gate.report.compliance.oscal import component, encoded, metadata, moment_of, observation, prop, risk
from gate.report.interface import Report, Style

_STATES: Mapping[Status, tuple[str, str]] = {
    "pass": ("satisfied", "pass"),
    "open": ("not-satisfied", "fail"),
    "waived": ("not-satisfied", "fail"),
    "not_applicable": ("not-satisfied", "not-applicable"),
    "not_reviewed": ("not-satisfied", "not-tested"),
}
_CONTROL = re.compile(r"([A-Z]{2})-(\d{1,2})(?:\s?\((\d{1,2})\))?")


def render(report: Report, style: Style) -> bytes:
    """One result a verdict. Controls that nobody asked for are left out."""
    own = report_identifier(report, "oscal-ar")
    plan = identifier(own, "plan")
    body = {
        "uuid": own,
        "metadata": metadata(report, "Assessment results of gate"),
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(verdict) for verdict in report.verdicts] or [_no_result(report, own)],
        "back-matter": {"resources": [_policy(report, plan)]},
    }
    return encoded({"assessment-results": body})


def _policy(report: Report, plan: str) -> dict[str, Any]:
    """What stands where an assessment plan would: the policy in force, by digest."""
    props = [prop("policy", digest) for digest in sorted({v.outcome.digests.policy for v in report.verdicts})]
    resource: dict[str, Any] = {"uuid": plan, "title": "Policy in force", "description": "Rules and parameters by digest."}
    return {**resource, "props": props} if props else resource


def _no_result(report: Report, own: str) -> dict[str, Any]:
    reasons = "; ".join(f"{failure.subject}: {failure.reason}" for failure in report.failures)
    return {
        "uuid": identifier(own, "none"),
        "title": "Nothing was verified",
        "description": line(reasons, "No subject was judged."),
        "start": moment_of(report),
        "reviewed-controls": _reviewed(()),
    }


def _result(verdict: Verdict) -> dict[str, Any]:
    outcome = verdict.outcome
    found = [item for item in items(outcome) if item.status != "not_asked"]
    numbers = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts(found).items())
    result: dict[str, Any] = {
        "uuid": identifier("oscal-ar", verdict.outcome_digest),
        "title": f"{outcome.decision} {subject_of(outcome)}",
        "description": f"Controls: {numbers}. Record {verdict.outcome_digest}.",
        "start": outcome.time.now,
        "end": outcome.time.now,
        "props": [
            prop("scanner", "gate"),
            prop("scanner-version", outcome.gate),
            prop("benchmark", "gate"),
            prop("decision", outcome.decision),
            prop("record", verdict.outcome_digest.removeprefix("sha256:")),
        ],
        "local-definitions": {"components": [component(verdict)]},
        "reviewed-controls": _reviewed(found),
    }
    if found:
        result["observations"] = [observation(verdict, item) for item in found]
        result["findings"] = [_finding(verdict, item) for item in found]
    risks = [risk(verdict, item) for item in found if item.status in ("open", "waived")]
    return {**result, "risks": risks} if risks else result


def _reviewed(found: Iterable[Item]) -> dict[str, Any]:
    controls = sorted({control for item in found for control in map(_control, item.nist) if control})
    if not controls:
        return {"control-selections": [{"description": "Rules without a NIST SP 800-53 control.", "include-all": {}}]}
    return {"control-selections": [{"include-controls": [{"control-id": control} for control in controls]}]}


def _control(nist: str) -> str:
    """``AC-6 (10)`` as OSCAL's catalogue names it, ``ac-6.10``; empty for what is none."""
    found = _CONTROL.match(nist)
    return f"{found[1].lower()}-{found[2]}" + (f".{found[3]}" if found[3] else "") if found else ""


def _finding(verdict: Verdict, item: Item) -> dict[str, Any]:
    state, reason = _STATES[item.status]
    status = {"state": state, "reason": reason}
    if item.waivers or item.reason:
        status["remarks"] = line("; ".join(map(waived_text, item.waivers)) or item.reason)
    finding: dict[str, Any] = {
        "uuid": identifier("finding", verdict.outcome_digest, item.key),
        "title": line(item.title),
        "description": findings_text(item),
        "props": [
            prop("rule-id", item.id),
            prop("source", item.source),
            prop("severity", item.severity),
            prop("category", item.category),
            prop("status", item.status),
            *(prop("vuln-id", name) for name in item.vuln_ids),
            *(prop("srg-id", name) for name in item.srg),
            *(prop("cci", name) for name in item.cci),
            *(prop("nist", name) for name in item.nist),
            *(prop("control", name) for name in item.others),
        ],
        "target": {"type": "objective-id", "target-id": token(item.id), "status": status},
        "related-observations": [{"observation-uuid": identifier("observation", verdict.outcome_digest, item.key)}],
    }
    if item.status == "not_applicable":
        finding["target"]["implementation-status"] = {"state": "not-applicable"}
    if item.status in ("open", "waived"):
        finding["related-risks"] = [{"risk-uuid": identifier("risk", verdict.outcome_digest, item.key)}]
    return finding
