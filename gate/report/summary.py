"""What every report says first, worked out once: what blocks, and the shortest way to green."""

from __future__ import annotations

from gate.model.evidence import Evidence
from gate.model.findings import SEVERITIES
from gate.model.verdict import CompactFinding, Outcome, Result, RuleOutcome

ORDER = ("denied", "no_verdict", "warned", "waived", "passed", "not_applicable")
MARKS = {"denied": "✗", "no_verdict": "?", "warned": "!", "waived": "~", "passed": "✓", "not_applicable": "-"}


def blocking(outcome: Outcome) -> tuple[RuleOutcome, ...]:
    """Rules that keep the verdict from ALLOW: denials first, most severe first."""
    ranks = {"critical": 0, "high": 1, "medium": 2, "low": 3, "info": 4}
    rules = [rule for rule in outcome.rules if rule.state in ("denied", "no_verdict")]
    return tuple(sorted(rules, key=lambda rule: (rule.state != "denied", ranks.get(rule.severity, 0), rule.rule)))


def deciding(rule: RuleOutcome) -> tuple[Result, ...]:
    """The results of a rule that made its state."""
    effect = {"denied": "deny", "no_verdict": "no_verdict", "warned": "warn", "waived": "waived"}.get(rule.state)
    return tuple(result for result in rule.results if result.effect == effect)


def rule_counts(outcome: Outcome) -> dict[str, int]:
    """All six states, zero included."""
    counts = dict.fromkeys(ORDER, 0)
    for rule in outcome.rules:
        counts[rule.state] += 1
    return counts


def findings_of(outcome: Outcome, rule: str) -> tuple[CompactFinding, ...]:
    """Findings that a rule counts against the image."""
    return tuple(finding for finding in outcome.findings if rule in finding.blocks)


def state_of(item: Evidence) -> str:
    """One phrase on why an item may or may not be believed."""
    if item.verification.state == "verified":
        signer = item.verification.identity or item.verification.key_id or ""
        return f"verified, {item.binding}, signed by {signer}"
    reason = f" ({item.verification.reason})" if item.verification.reason else ""
    return f"{item.verification.state}{reason}, {item.binding}"


def title(outcome: Outcome) -> str:
    """``name@digest`` with the full digest, and the platform where there is one."""
    subject = outcome.subject
    platform = f" ({subject.platform})" if subject.platform else ""
    return f"{subject.name}@{subject.digest}{platform}"


def debt_line(outcome: Outcome) -> str:
    """The baseline's debt in one phrase; empty without a baseline (`gate baseline`)."""
    debt = outcome.waivers.debt
    if debt is None:
        return ""
    named = ", ".join(f"{count} {severity}" for severity in SEVERITIES if (count := getattr(debt.findings, severity)))
    line = f"{debt.findings.total} findings" + (f" ({named})" if named else "") + f" under {debt.waivers} baseline waivers"
    line += f", the next ends on {debt.next_expiry}" if debt.next_expiry else ""
    return line + (f"; {debt.gone} no longer needed (gate baseline shrink)" if debt.gone else "")


def excused(outcome: Outcome, rule: str) -> tuple[CompactFinding, ...]:
    """The findings that a waiver of this rule took out of its count."""
    ids = {waiver.id for waiver in outcome.waivers.active if waiver.rule == rule}
    terms = {waiver.term for waiver in outcome.waivers.active if waiver.rule == rule}
    return tuple(f for f in outcome.findings if f.waiver and (f.waiver in ids or f.key in terms))
