"""One self-contained HTML page for people: verdict, why, evidence, chain, waivers, how to reproduce.

It loads nothing, works without its script, and says in its own content security policy what may run: the style and the script at
hand, by hash. Every value is escaped twice: control and direction characters (`gate.report.escape`), then markup (Jinja).
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import functools
import hashlib
import shlex
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from gate.model.findings import SEVERITIES
from gate.report.compliance.section import section
from gate.report.escape import escape
from gate.report.summary import ORDER, blocking, deciding, findings_of, rule_counts

if TYPE_CHECKING:
    from gate.model.evidence import Evidence
    from gate.model.verdict import CompactFinding, Outcome, Result, RuleOutcome, Verdict
    from gate.model.waiver import Waiver
    from gate.report.interface import Report, Style

FINDINGS = 10_000
"""Findings of one verdict that the page lists; the worst come first."""
RESULTS = 200
"""Results of one rule that the page lists."""
_WORDS = {"ALLOW": "ALLOW", "DENY": "DENY", "NO_VERDICT": "NO VERDICT"}
_MEANING = {
    "ALLOW": "Every rule that was asked for was evaluated, and none denied.",
    "DENY": "At least one rule denied. The image must not ship.",
    "NO_VERDICT": "Something could not be told. The image must not ship until it can.",
}
_STATES = {
    "denied": "denied",
    "no_verdict": "no verdict",
    "warned": "warned",
    "waived": "waived",
    "passed": "passed",
    "not_applicable": "not applicable",
}
_WAIVERS = ("invalid", "expired", "expiring", "active", "unused")


def render(report: Report, style: Style) -> bytes:
    """The page, UTF-8; the same bytes for the same verdicts."""
    css, script = _part("page.css"), _part("page.js")
    articles = [_article(number, verdict) for number, verdict in enumerate(report.verdicts, 1)]
    text: str = _template().render(
        word=_WORDS[report.decision],
        decision=report.decision,
        meaning=_MEANING[report.decision] if report.verdicts or report.failures else "Nothing was verified.",
        exit_code=report.exit_code,
        articles=articles,
        failures=report.failures,
        css=Markup(css),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own file
        policy=f"default-src 'none'; style-src '{_hash(css)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'",
        states=_STATES,
        words=_WORDS,
    )
    return text.encode("utf-8", "backslashreplace")


@functools.cache
def _part(name: str) -> str:
    return resources.files("gate.report").joinpath("page", name).read_text("utf-8")


@functools.cache
def _template() -> Any:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["link"] = _link
    return environment.from_string(_part("page.html.j2"))


def _shown(value: object) -> object:
    """Markup of our own stays; everything else is shown on one line without characters that hide or turn text."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else escape(value)


def _link(url: str) -> str:
    """An address that may stand in ``href``: https or nothing."""
    return url if url.startswith("https://") else ""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _article(number: int, verdict: Verdict) -> dict[str, Any]:
    outcome = verdict.outcome
    rank = {name: place for place, name in enumerate(SEVERITIES)}
    findings = sorted(outcome.findings, key=lambda f: (not f.blocks, rank[f.severity], f.key))
    return {
        "id": f"v{number}",
        "outcome": outcome,
        "digest": verdict.outcome_digest,
        "run": verdict.run,
        "word": _WORDS[outcome.decision],
        "why": [_why(outcome, rule) for rule in blocking(outcome)],
        "codes": [reason for reason in outcome.reasons if reason.startswith("gate.")],
        "counts": rule_counts(outcome),
        "severities": [(name, getattr(outcome.reported, name), getattr(outcome.effective, name)) for name in SEVERITIES],
        "evidence": [_evidence(item) for item in outcome.evidence],
        "chain": outcome.chain,
        "compliance": section(outcome),
        "findings": [_finding(finding) for finding in findings[:FINDINGS]],
        "more_findings": max(0, len(findings) - FINDINGS),
        "suppressed": [finding for finding in findings if finding.vex is not None or finding.waiver],
        "vex_problems": [
            problem
            for group in (outcome.vex.rejected, outcome.vex.conflicts, outcome.vex.overdue, outcome.vex.unmatched)
            for problem in group
        ],
        "waivers": [
            (state, waiver, _left(waiver, outcome.time.now)) for state in _WAIVERS for waiver in getattr(outcome.waivers, state)
        ],
        "rules": sorted(outcome.rules, key=lambda rule: (ORDER.index(rule.state), rule.rule)),
        "controls": {rule.rule: [f"{control.framework} {control.id}" for control in rule.controls] for rule in outcome.rules},
        "command": shlex.join(verdict.run.command),
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Why:
    rule: RuleOutcome
    results: tuple[Result, ...]
    more: int
    findings: tuple[CompactFinding, ...]
    more_findings: int
    fixes: tuple[str, ...]


def _why(outcome: Outcome, rule: RuleOutcome) -> _Why:
    results = deciding(rule)
    named = {result.term for result in results}
    findings = [finding for finding in findings_of(outcome, rule.rule) if finding.key not in named]
    return _Why(
        rule,
        results[:RESULTS],
        max(0, len(results) - RESULTS),
        tuple(findings[:20]),
        max(0, len(findings) - 20),
        tuple(dict.fromkeys(result.fix for result in results if result.fix))[:5],
    )


def _evidence(item: Evidence) -> dict[str, Any]:
    check = item.verification
    return {
        "item": item,
        "signer": check.identity or check.key_id or "",
        "issuer": check.issuer or "",
        "when": check.timestamp or item.created or "",
        "notes": [note.message for note in item.diagnostics[:5]],
    }


def _finding(finding: CompactFinding) -> tuple[CompactFinding, str, str]:
    fix = ", ".join(finding.fix.versions) or finding.fix.state.replace("_", " ")
    if finding.blocks:
        state = "blocks"
    elif finding.waiver:
        state = "waived"
    elif finding.vex is not None and finding.vex.counts and finding.vex.status in ("not_affected", "fixed"):
        state = finding.vex.status.replace("_", " ")
    else:
        state = "open"
    return finding, fix, state


def _left(waiver: Waiver, now: str) -> str:
    """How long a waiver still holds, at the time of the verdict."""
    try:
        days = (datetime.datetime.fromisoformat(waiver.expires) - datetime.datetime.fromisoformat(now)).days
    except (ValueError, TypeError):
        return ""
    return f"{days} days left" if days > 0 else "last day" if days == 0 else f"ended {-days} days before"
