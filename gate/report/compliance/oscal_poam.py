"""OSCAL 1.1 plan of action and milestones, in JSON: what is open, waived, or could not be told.

A waiver makes a risk ``deviation-approved``, with its end as deadline and milestone; the item stays on the list.
"""

from __future__ import annotations

from typing import Any

from gate.model.verdict import Verdict
from gate.report.compliance.common import findings_text, identifier, line, report_identifier
from gate.report.compliance.controls import Item, items
from gate.report.compliance.oscal import NAMESPACE, component, encoded, metadata, observation, prop, risk
from gate.report.interface import Report, Style


def render(report: Report, style: Style) -> bytes:
    """One item for every control that is open, waived or could not be told."""
    own = report_identifier(report, "oscal-poam")
    poam: list[dict[str, Any]] = []
    observations: list[dict[str, Any]] = []
    risks: list[dict[str, Any]] = []
    components: list[dict[str, Any]] = []
    for verdict in report.verdicts:
        components.append(component(verdict))
        for item in items(verdict.outcome):
            if item.status in ("open", "waived", "not_reviewed"):
                observations.append(observation(verdict, item))
                risks.append(risk(verdict, item))
                poam.append(_poam_item(verdict, item))
    for failure in report.failures:
        text = line(f"{failure.subject}: {failure.reason}")
        poam.append({"uuid": identifier(own, text), "title": "No verdict", "description": text})
    # The format has no way to say that nothing is open; an empty list is invalid.
    nothing = {
        "uuid": identifier(own, "none"),
        "title": "Nothing is open",
        "description": "No control is open, waived or untold.",
    }
    body: dict[str, Any] = {
        "uuid": own,
        "metadata": metadata(report, "Plan of action and milestones by gate"),
        "system-id": {
            "identifier-type": NAMESPACE,
            "id": line(", ".join(v.outcome.subject.name for v in report.verdicts), "image"),
        },
    }
    if components:
        body["local-definitions"] = {"components": components}
    if observations:
        body |= {"observations": observations, "risks": risks}
    return encoded({"plan-of-action-and-milestones": {**body, "poam-items": poam or [nothing]}})


def _poam_item(verdict: Verdict, item: Item) -> dict[str, Any]:
    return {
        "uuid": identifier("poam", verdict.outcome_digest, item.key),
        "title": line(item.title),
        "description": findings_text(item),
        "props": [prop("rule-id", item.id), prop("category", item.category), prop("status", item.status)],
        "related-observations": [{"observation-uuid": identifier("observation", verdict.outcome_digest, item.key)}],
        "related-risks": [{"risk-uuid": identifier("risk", verdict.outcome_digest, item.key)}],
    }
