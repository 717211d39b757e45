"""SARIF 2.1.0 for code scanning: one rule id per policy rule, within GitHub's limits.

Limits: 25,000 results a run of which 5,000 are shown; a result needs a repository-relative physical location, so each points at
the file that demanded the rule. The fingerprint has the repository name and not the digest, so that an alert keeps its identity
from build to build.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from gate.model.verdict import Result, RuleOutcome, Verdict
from gate.report.compliance.controls import places_of
from gate.report.escape import escape
from gate.report.interface import Report, Style
from gate.report.summary import title

_MOST = 5_000
_LEVELS = {"deny": "error", "no_verdict": "error", "warn": "warning", "waived": "note"}
_SECURITY_SEVERITY = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0", "info": "0.5"}


def render(report: Report, style: Style) -> bytes:
    """One run; denials before warnings, so that the cut takes what matters least."""
    rules: dict[str, dict[str, Any]] = {}
    results: list[tuple[int, dict[str, Any]]] = []
    for verdict in report.verdicts:
        for rule in verdict.outcome.rules:
            shown = [result for result in rule.results if result.effect in _LEVELS]
            if shown:
                rules.setdefault(rule.rule, _rule(rule))
            results += [(_rank(result), _result(verdict, rule, result, style)) for result in shown]
        if verdict.outcome.decision != "ALLOW" and not any(rule.results for rule in verdict.outcome.rules):
            rules.setdefault("gate.no_verdict", {"id": "gate.no_verdict", "shortDescription": {"text": "No rule decided"}})
            results.append((0, _bare(verdict, style)))
    results.sort(key=lambda pair: pair[0])
    indices = {rule: index for index, rule in enumerate(sorted(rules))}
    kept = [{**result, "ruleIndex": indices[result["ruleId"]]} for _, result in results[:_MOST]]
    notes = [
        {"level": "error", "message": {"text": escape(f"{failure.subject}: {failure.reason}")}} for failure in report.failures
    ]
    if len(results) > _MOST:
        notes.append({"level": "warning", "message": {"text": f"{len(results) - _MOST} more results are in the JSON report"}})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "gate",
                "version": report.verdicts[0].outcome.gate if report.verdicts else "0",
                "rules": [rules[rule] for rule in sorted(rules)],
            }
        },
        "invocations": [
            {
                "executionSuccessful": report.decision != "NO_VERDICT",
                "exitCode": report.exit_code,
                "toolExecutionNotifications": notes,
            }
        ],
        "results": kept,
        "columnKind": "utf16CodeUnits",
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _rank(result: Result) -> int:
    return ("deny", "no_verdict", "warn", "waived").index(result.effect)


def _rule(rule: RuleOutcome) -> dict[str, Any]:
    return {
        "id": rule.rule,
        "shortDescription": {"text": rule.title},
        "help": {"text": f"gate explain {rule.rule}"},
        "properties": {
            "tags": ["security", *(f"{control.framework}:{control.id}" for control in rule.controls[:18])],
            "security-severity": _SECURITY_SEVERITY.get(rule.severity, "8.0"),
        },
    }


def _result(verdict: Verdict, rule: RuleOutcome, result: Result, style: Style) -> dict[str, Any]:
    text = escape(result.msg) + (f" Fix: {escape(result.fix)}" if result.fix else "")
    body = _location(verdict, style, rule.rule, result.term) | {
        "ruleId": rule.rule,
        "level": _LEVELS[result.effect],
        "message": {"text": f"{escape(title(verdict.outcome))}: {text}"},
    }
    places = places_of(result)
    properties: dict[str, Any] = {"state": rule.state}
    if rule.controls:
        properties["controls"] = [f"{control.framework} {control.id}" for control in rule.controls]
    if places:
        properties["files"] = [{"path": escape(place.path), "layer": escape(place.layer)} for place in places]
    body["properties"] = properties
    if result.effect == "waived":
        body["suppressions"] = [{"kind": "external", "status": "accepted", "justification": escape(result.because)}]
    return body


def _bare(verdict: Verdict, style: Style) -> dict[str, Any]:
    return _location(verdict, style, "gate.no_verdict", "") | {
        "ruleId": "gate.no_verdict",
        "level": "error",
        "message": {"text": f"{escape(title(verdict.outcome))}: {', '.join(map(escape, verdict.outcome.reasons))}"},
    }


def _location(verdict: Verdict, style: Style, rule: str, term: str) -> dict[str, Any]:
    subject = verdict.outcome.subject
    fingerprint = hashlib.sha256("\0".join((rule, subject.name, str(subject.platform or ""), term)).encode()).hexdigest()
    return {
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": style.policy_path}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": escape(f"{title(verdict.outcome)}#{rule}"), "kind": "module"}],
            }
        ],
        "partialFingerprints": {"gate/v1": fingerprint},
    }
