"""GitLab's Code Quality report (a subset of Code Climate), whose widget every GitLab tier shows in a merge request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from gate.report.escape import escape
from gate.report.summary import blocking, findings_of, title

if TYPE_CHECKING:
    from gate.model.verdict import CompactFinding, Outcome, Result, RuleOutcome
    from gate.report.interface import Report, Style

_SEVERITY = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}
_SHOWN = {"deny", "no_verdict", "warn"}


def render(report: Report, style: Style) -> bytes:
    """One entry per result; the fingerprint has no digest, so that an entry keeps its identity from build to build."""
    entries = [
        _entry(verdict.outcome, rule, result, style)
        for verdict in report.verdicts
        for rule in verdict.outcome.rules
        for result in rule.results
        if result.effect in _SHOWN
    ]
    entries += [
        _finding(verdict.outcome, rule, finding, style)
        for verdict in report.verdicts
        for rule in blocking(verdict.outcome)
        for finding in findings_of(verdict.outcome, rule.rule)
        if all(result.term != finding.key for result in rule.results)
    ]
    entries += [
        _issue("gate.no_verdict", escape(f"{failure.subject}: {failure.reason}"), "blocker", failure.subject, style)
        for failure in report.failures
    ]
    entries += [
        _issue(code, escape(f"{title(verdict.outcome)}: {code}"), "blocker", verdict.outcome.subject.name, style)
        for verdict in report.verdicts
        for code in _bare(verdict.outcome)
    ]
    if not report.verdicts and not report.failures:
        entries.append(_issue("gate.no_verdict", "nothing was verified", "blocker", "", style))
    # The same issue on several platforms is one: GitLab drops a report with a fingerprint twice.
    unique = {entry["fingerprint"]: entry for entry in reversed(entries)}
    ordered = sorted(unique.values(), key=lambda entry: (entry["check_name"], entry["fingerprint"]))
    return msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n"


def _bare(outcome: Outcome) -> tuple[str, ...]:
    """What kept the verdict from ALLOW without being the result of a rule."""
    if outcome.decision == "ALLOW":
        return ()
    said = {rule.rule for rule in outcome.rules if any(result.effect in ("deny", "no_verdict") for result in rule.results)}
    return tuple(reason for reason in outcome.reasons if reason not in said)


def _entry(outcome: Outcome, rule: RuleOutcome, result: Result, style: Style) -> dict[str, Any]:
    severity = "info" if result.effect == "warn" else _SEVERITY.get(rule.severity, "critical")
    text = escape(result.msg) + (f" Fix: {escape(result.fix)}" if result.fix else "")
    return _issue(rule.rule, text, severity, f"{outcome.subject.name}\0{outcome.subject.platform or ''}\0{result.term}", style)


def _finding(outcome: Outcome, rule: RuleOutcome, finding: CompactFinding, style: Style) -> dict[str, Any]:
    fix = f"fixed in {', '.join(finding.fix.versions)}" if finding.fix.versions else "no fix known"
    text = escape(f"{finding.id} ({finding.severity}) in {finding.package}: {fix}")
    identity = f"{outcome.subject.name}\0{outcome.subject.platform or ''}\0{finding.key}"
    return _issue(rule.rule, text, _SEVERITY.get(rule.severity, "critical"), identity, style)


def _issue(rule: str, text: str, severity: str, identity: str, style: Style) -> dict[str, Any]:
    return {
        "description": text,
        "check_name": rule,
        "fingerprint": hashlib.sha256(f"{rule}\0{identity}".encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": severity,
        "location": {"path": style.policy_path, "lines": {"begin": 1}},
    }
