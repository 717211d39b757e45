"""For a step summary or a pull-request comment. GitHub drops a summary over 1,024 KiB whole, so this one ends before."""

from __future__ import annotations

from gate.model.verdict import Outcome, Verdict
from gate.report.compliance.section import section
from gate.report.escape import markdown as safe
from gate.report.interface import Report, Style
from gate.report.summary import MARKS, blocking, debt_line, deciding, findings_of, rule_counts, state_of, title

LIMIT_BYTES = 900 * 1024
_ICONS = {"ALLOW": "✅ ALLOW", "DENY": "⛔ DENY", "NO_VERDICT": "❓ NO VERDICT"}
_ROWS = 50


def render(report: Report, style: Style) -> bytes:
    """Verdict and denials first, so that whatever is cut is what matters least."""
    lines = ["<!-- gate verdict -->", f"# {_ICONS[report.decision]}", ""]
    lines += [f"- ❓ **{safe(failure.subject)}** {safe(failure.reason)}" for failure in report.failures]
    for verdict in report.verdicts:
        lines += _head(verdict)
    for verdict in report.verdicts:
        lines += _details(verdict)
    return _cut(lines)


def _cut(lines: list[str]) -> bytes:
    ending = "\n\n_Cut here: the whole report is in the JSON output._\n"
    kept: list[str] = []
    size = len(ending.encode())
    for line in lines:
        size += len(line.encode()) + 1
        if size > LIMIT_BYTES:
            return ("\n".join(kept) + ending).encode()
        kept.append(line)
    return ("\n".join(kept) + "\n").encode()


def _head(verdict: Verdict) -> list[str]:
    outcome = verdict.outcome
    counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in rule_counts(outcome).items())
    lines = [
        f"## {_ICONS[outcome.decision]} {safe(title(outcome))}",
        "",
        f"{safe(outcome.policy.profile)} profile · {counts}",
        "",
    ]
    if not outcome.enforced:
        lines += ["**Not enforced** (`--exit-zero`).", ""]
    if debt := debt_line(outcome):
        lines += [f"Debt: {safe(debt)}", ""]
    for rule in blocking(outcome):
        results = deciding(rule)
        lines.append(f"- {MARKS[rule.state]} **{safe(rule.rule)}** {safe(results[0].msg if results else rule.title)}")
        lines += [f"  - {safe(result.msg)}" for result in results[1:_ROWS]]
        if len(results) > _ROWS:
            lines.append(f"  - … and {len(results) - _ROWS} more")
        if results and results[0].fix:
            lines.append(f"  - fix: {safe(results[0].fix)}")
    for rule in outcome.rules:  # what somebody accepted until a date is looked after in every verdict
        if rule.state == "warned" and rule.rule.startswith("waivers."):
            results = deciding(rule)
            lines.append(f"- {MARKS[rule.state]} **{safe(rule.rule)}** {safe(results[0].msg if results else rule.title)}")
            lines += [f"  - {safe(result.msg)}" for result in results[1:_ROWS]]
            if len(results) > _ROWS:
                lines.append(f"  - … and {len(results) - _ROWS} more")
    if outcome.upgrades:
        lines += ["", "**Shortest way to green**", ""]
        lines += [
            f"1. upgrade {safe(step.package)} {safe(step.version)} to {safe(step.to)} (clears {step.clears})"
            for step in outcome.upgrades[:10]
        ]
    return [*lines, ""]


def _details(verdict: Verdict) -> list[str]:
    outcome = verdict.outcome
    lines = [f"<details><summary>Evidence and rules of {safe(title(outcome))}</summary>", ""]
    named = [(rule, finding) for rule in blocking(outcome) for finding in findings_of(outcome, rule.rule)]
    if named:
        lines += ["| rule | severity | id | package | fix |", "|---|---|---|---|---|"]
        for rule, finding in named[: _ROWS * 4]:
            fix = ", ".join(finding.fix.versions) or finding.fix.state
            lines.append(
                f"| {safe(rule.rule)} | {finding.severity} | {safe(finding.id)} | {safe(finding.package)} | {safe(fix)} |"
            )
        if len(named) > _ROWS * 4:
            lines.append(f"| … | | {len(named) - _ROWS * 4} more | | |")
        lines.append("")
    lines += _compliance(outcome)
    lines += ["| evidence | format | state | source |", "|---|---|---|---|"]
    lines += [
        f"| {item.kind} | {safe(item.format)} | {safe(state_of(item))} | {safe(item.source)} |" for item in outcome.evidence[:200]
    ]
    lines += ["", "| rule | state |", "|---|---|"]
    lines += [f"| {safe(rule.rule)} | {MARKS[rule.state]} {rule.state.replace('_', ' ')} |" for rule in outcome.rules]
    lines += ["", f"record `{verdict.outcome_digest}` · policy `{outcome.digests.policy}`", "", "</details>", ""]
    return lines


def _compliance(outcome: Outcome) -> list[str]:
    """Open and waived controls, with fixes; nothing where nobody asked."""
    found = section(outcome)
    if found is None:
        return []
    lines = [f"Compliance: {safe(found.summary)}", ""]
    if not found.lines:
        return lines
    lines += ["| control | state | found | fix |", "|---|---|---|---|"]
    for line in found.lines[: _ROWS * 4]:
        notes = "<br>".join(safe(note) for note in line.notes)
        lines.append(f"| {safe(line.heading)} | {line.status.replace('_', ' ')} | {notes} | {safe(line.fix)} |")
    if len(found.lines) > _ROWS * 4:
        lines.append(f"| … | | {len(found.lines) - _ROWS * 4} more | |")
    return [*lines, ""]
