"""A CycloneDX 1.6 vulnerability disclosure report: what was found in the image, and what is known of each finding.

CycloneDX's own names are used where it has one; `analysis` is what an accepted VEX statement says, never a waiver, which is a
property. Finding and statement stay apart: a state is only written where somebody stated it.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from gate.report.escape import escape

if TYPE_CHECKING:
    from gate.model.verdict import CompactFinding, Verdict
    from gate.report.interface import Report, Style

_STATES = {"not_affected": "not_affected", "affected": "exploitable", "fixed": "resolved", "under_investigation": "in_triage"}
_SEVERITIES = {"negligible": "info"}
_SPACE = uuid.UUID("6f1d3f6c-2f0e-5d0a-8d52-5b2d1e8f6a11")


def render(report: Report, style: Style) -> bytes:
    """One BOM for all verdicts; an image that could not be judged is an annotation and no component."""
    components: dict[str, dict[str, Any]] = {}
    vulnerabilities: list[dict[str, Any]] = []
    for verdict in report.verdicts:
        image = _image(verdict)
        components[image["bom-ref"]] = image
        for finding in verdict.outcome.findings:
            ref = f"{image['bom-ref']}#{finding.purl or finding.package}"
            components.setdefault(ref, _component(ref, finding))
            vulnerabilities.append(_vulnerability(verdict, ref, finding))
    first = report.verdicts[0].outcome if report.verdicts else None
    identity = "\n".join(verdict.outcome_digest for verdict in report.verdicts)
    bom: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, identity)}",
        "version": 1,
        "metadata": {
            **({"timestamp": first.time.now} if first else {}),
            "tools": {"components": [{"type": "application", "name": "gate", "version": first.gate if first else "0"}]},
            "properties": [{"name": "gate:decision", "value": report.decision}],
        },
        "components": list(components.values()),
        "vulnerabilities": vulnerabilities,
    }
    if report.failures:
        bom["metadata"]["properties"] += [
            {"name": "gate:failure", "value": escape(f"{failure.subject}: {failure.reason}")} for failure in report.failures
        ]
    # ASCII: names are data and stay as they are, and nothing in them reaches a terminal as a control character.
    return (json.dumps(bom, indent=2) + "\n").encode("ascii")


def _image(verdict: Verdict) -> dict[str, Any]:
    subject = verdict.outcome.subject
    return {
        "type": "container",
        "bom-ref": f"{subject.name}@{subject.digest}",
        "name": subject.name,
        "version": subject.digest,
        "hashes": [{"alg": "SHA-256", "content": subject.digest.removeprefix("sha256:")}],
        "properties": [
            {"name": "gate:decision", "value": verdict.outcome.decision},
            {"name": "gate:outcome", "value": verdict.outcome_digest},
        ],
    }


def _component(ref: str, finding: CompactFinding) -> dict[str, Any]:
    name, _, version = finding.package.rpartition(" ")
    return {
        "type": "library",
        "bom-ref": ref,
        "name": name or finding.package,
        **({"version": version} if name else {}),
        **({"purl": finding.purl} if finding.purl else {}),
    }


def _vulnerability(verdict: Verdict, ref: str, finding: CompactFinding) -> dict[str, Any]:
    made: dict[str, Any] = {
        "bom-ref": str(uuid.uuid5(_SPACE, f"{verdict.outcome_digest}\n{finding.key}")),
        "id": finding.id,
        "ratings": [{"severity": _SEVERITIES.get(finding.severity, finding.severity)}],
        "affects": [{"ref": ref}],
    }
    if finding.url.startswith("https://"):
        made["source"] = {"url": finding.url}
    if finding.aliases:
        made["references"] = [{"id": alias, "source": {"name": alias.partition("-")[0]}} for alias in finding.aliases]
    if finding.fix.versions:
        made["recommendation"] = f"upgrade to {', '.join(finding.fix.versions)}"
    if finding.vex is not None and finding.vex.counts:
        made["analysis"] = {"state": _STATES[finding.vex.status]}
        if finding.vex.justification:
            made["analysis"]["detail"] = finding.vex.justification
    properties = {
        "gate:key": finding.key,
        "gate:kev": "true" if finding.kev else "",
        "gate:malware": "true" if finding.malware else "",
        "gate:epss": "" if finding.epss is None else f"{finding.epss:.5f}",
        "gate:waiver": finding.waiver or "",
        "gate:blocks": " ".join(finding.blocks),
    }
    made["properties"] = [{"name": name, "value": value} for name, value in properties.items() if value]
    return made
