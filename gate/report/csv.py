"""Findings as comma-separated values (RFC 4180) for a spreadsheet: a row a finding and subject."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from gate.report.escape import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.verdict import CompactFinding, Outcome, RuleOutcome
    from gate.report.interface import Report, Style

COLUMNS = (
    "decision",
    "image",
    "digest",
    "platform",
    "kind",
    "rule",
    "id",
    "severity",
    "package",
    "purl",
    "fixed_in",
    "kev",
    "epss",
    "state",
    "vex",
    "waiver",
    "message",
    "fix",
)
"""``kind`` is ``finding``, ``rule`` or ``subject``; a finding's ``rule`` names what it makes deny."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Also at full width: a spreadsheet set to an East Asian language takes those for the same."""


def render(report: Report, style: Style) -> bytes:
    """All findings, then every other result of a rule that denied, could not tell, warned or was waived."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for verdict in report.verdicts:
        outcome = verdict.outcome
        head = [outcome.decision, outcome.subject.name, outcome.subject.digest, str(outcome.subject.platform or "")]
        rows = [["subject", *[""] * 8, outcome.decision.lower(), "", "", ", ".join(outcome.reasons), ""]]
        rows += [_finding(finding) for finding in outcome.findings]
        rows += [row for rule in outcome.rules for row in _results(rule, outcome)]
        writer.writerows([_cell(cell) for cell in (*head, *row)] for row in rows)
    for failure in report.failures:
        cells = ["NO_VERDICT", failure.subject, "", "", "subject", *[""] * 8, "no_verdict", "", "", failure.reason, failure.fix]
        writer.writerow([_cell(cell) for cell in cells])
    return out.getvalue().encode()


def _finding(finding: CompactFinding) -> list[str]:
    return [
        "finding",
        " ".join(finding.blocks),
        finding.id,
        finding.severity,
        finding.package,
        finding.purl,
        " ".join(finding.fix.versions) or finding.fix.state,
        "yes" if finding.kev else "",
        "" if finding.epss is None else f"{finding.epss:.5f}",
        "blocks" if finding.blocks else "waived" if finding.waiver else "open",
        finding.vex.status if finding.vex else "",
        finding.waiver or "",
        "",
        finding.url,
    ]


def _results(rule: RuleOutcome, outcome: Outcome) -> Iterator[list[str]]:
    known = {finding.key for finding in outcome.findings}
    for result in rule.results:
        if result.effect != "not_applicable" and result.term not in known:
            yield [
                "rule",
                rule.rule,
                result.term,
                rule.severity,
                *[""] * 5,
                result.effect,
                "",
                result.because,
                result.msg,
                result.fix,
            ]


def _cell(text: str) -> str:
    """On one line, and never a formula: a spreadsheet runs what begins like one (CWE-1236)."""
    shown = escape(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
