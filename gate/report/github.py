"""GitHub workflow commands. GitHub keeps 10 errors and 10 warnings of a step and drops the rest without a word."""

from __future__ import annotations

from gate.model.verdict import RuleOutcome, Verdict
from gate.report.compliance.section import section
from gate.report.escape import workflow_data, workflow_property
from gate.report.interface import Report, Style
from gate.report.summary import blocking, debt_line, deciding, title

_MOST = 9


def render(report: Report, style: Style) -> bytes:
    """At most nine errors and nine warnings, one per rule and subject, then how many more there are."""
    warnings: list[str] = []
    errors = [
        f"::error title=gate no verdict::{workflow_data(f'{failure.subject}: {failure.reason}')}" for failure in report.failures
    ]
    for verdict in report.verdicts:
        errors += [_command("error", verdict, rule) for rule in blocking(verdict.outcome)]
        warnings += [_command("warning", verdict, rule) for rule in verdict.outcome.rules if rule.state == "warned"]
        if verdict.outcome.decision != "ALLOW" and not blocking(verdict.outcome):
            reasons = ", ".join(verdict.outcome.reasons)
            errors.append(f"::error title=gate::{workflow_data(f'{verdict.outcome.decision}: {reasons}')}")
    lines = [f"::notice title=gate::{workflow_data(f'{v.outcome.decision} {title(v.outcome)}')}" for v in report.verdicts[:_MOST]]
    lines += [f"::notice title=gate debt::{workflow_data(debt)}" for v in report.verdicts[:1] if (debt := debt_line(v.outcome))]
    for verdict in report.verdicts[:_MOST]:
        if (found := section(verdict.outcome)) is not None:
            lines.append(f"::notice title=gate compliance::{workflow_data(f'{title(verdict.outcome)}: {found.summary}')}")
    for level, commands in (("error", errors), ("warning", warnings)):
        lines += commands[:_MOST]
        if len(commands) > _MOST:
            lines.append(f"::{level} title=gate::{len(commands) - _MOST} more, see the summary")
    return ("\n".join(lines) + "\n").encode()


def _command(level: str, verdict: Verdict, rule: RuleOutcome) -> str:
    results = deciding(rule)
    message = results[0].msg if results else rule.title
    more = f" (and {len(results) - 1} more)" if len(results) > 1 else ""
    heading = workflow_property(f"{rule.rule} {rule.state.replace('_', ' ')}")
    return f"::{level} title={heading}::{workflow_data(f'{title(verdict.outcome)}: {message}{more}')}"
