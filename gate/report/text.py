"""For a terminal and for a log that somebody greps: no tables, no truncation, what blocks first."""

from __future__ import annotations

from gate.model.findings import SEVERITIES
from gate.model.verdict import CompactFinding, Outcome, RuleOutcome, Verdict
from gate.report.compliance.section import section
from gate.report.escape import escape
from gate.report.interface import Report, Style
from gate.report.summary import (
    MARKS,
    blocking,
    debt_line,
    deciding,
    excused,
    findings_of,
    rule_counts,
    state_of,
    title,
)

_COLORS = {"ALLOW": "32", "DENY": "31", "NO_VERDICT": "33"}
_WORDS = {"ALLOW": "ALLOW", "DENY": "DENY", "NO_VERDICT": "NO VERDICT"}
_SHOWN = 10


def render(report: Report, style: Style) -> bytes:
    """Plain lines, UTF-8; colour only when the style asks for it."""
    blocks = ["\n".join(_verdict(verdict, style)) for verdict in report.verdicts]
    for failure in report.failures:
        lines = [_paint(f"NO VERDICT  {escape(failure.subject)}", "NO_VERDICT", style), f"    {escape(failure.reason)}"]
        blocks.append("\n".join([*lines, f"    fix: {escape(failure.fix)}"] if failure.fix else lines))
    if not blocks:
        blocks = [_paint("NO VERDICT  nothing was verified", "NO_VERDICT", style)]
    if len(report.verdicts) > 1:
        lines = [f"{_WORDS[v.outcome.decision]:<10}  {escape(title(v.outcome))}" for v in report.verdicts]
        blocks.append("\n".join([_paint(f"{_WORDS[report.decision]}  {len(lines)} verdicts", report.decision, style), *lines]))
    return ("\n\n".join(blocks) + "\n").encode("utf-8", "backslashreplace")


def _paint(text: str, word: str, style: Style) -> str:
    return f"\x1b[1;{_COLORS[word]}m{text}\x1b[0m" if style.color else text


def _verdict(verdict: Verdict, style: Style) -> list[str]:
    outcome = verdict.outcome
    lines = [_paint(f"{_WORDS[outcome.decision]}  {escape(title(outcome))}", outcome.decision, style), _summary(outcome)]
    if not outcome.enforced:
        lines.append("  not enforced: --exit-zero lets the step go on; this verdict never becomes a PASSED summary")
    if outcome.time.source == "override":
        lines.append(f"  evaluated at {escape(outcome.time.now)} by --effective-time; never becomes a PASSED summary")
    lines += [f"  {_WORDS[child.decision]:<10} {escape(child.platform or '')} {child.digest}" for child in outcome.children]
    for rule in blocking(outcome):
        lines += ["", *_rule(outcome, rule, style)]
    lines += _upgrades(outcome)
    lines += _notes(outcome, style)
    lines += _compliance(outcome, style)
    lines += _evidence(outcome)
    lines += _waivers(outcome, style)
    lines += ["", f"record  {verdict.outcome_digest}", f"policy  {outcome.digests.policy}", f"input   {outcome.digests.input}"]
    return lines


def _summary(outcome: Outcome) -> str:
    counts = rule_counts(outcome)
    states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items() if count)
    effective = outcome.effective
    named = {name: getattr(effective, name) for name in SEVERITIES}
    severities = ", ".join(f"{count} {name}" for name, count in named.items() if count)
    found = f"{effective.total} findings" + (f" ({severities})" if severities else "")
    return f"  {escape(outcome.policy.profile)} profile · {len(outcome.rules)} rules: {states or 'none'} · {found}"


def _rule(outcome: Outcome, rule: RuleOutcome, style: Style) -> list[str]:
    results = deciding(rule)
    shown = results if style.verbose else results[:_SHOWN]
    lines = [_paint(f"{MARKS[rule.state]} {rule.rule}", "DENY" if rule.state == "denied" else "NO_VERDICT", style)]
    fixes: list[str] = []
    for result in shown:
        lines.append(f"    {escape(result.msg)}")
        if result.fix and result.fix not in fixes:
            fixes.append(result.fix)
    if len(results) > len(shown):
        lines.append(f"    … and {len(results) - len(shown)} more (--verbose)")
    named = {result.term for result in results}
    findings = [finding for finding in findings_of(outcome, rule.rule) if finding.key not in named]
    lines += [f"      {_finding(finding)}" for finding in (findings if style.verbose else findings[:_SHOWN])]
    if len(findings) > _SHOWN and not style.verbose:
        lines.append(f"      … and {len(findings) - _SHOWN} more (--verbose)")
    lines += [f"    fix: {escape(fix)}" for fix in fixes[:3]]
    return lines


def _finding(finding: CompactFinding) -> str:
    versions = ", ".join(escape(version) for version in finding.fix.versions)
    fix = f"fixed in {versions}" if versions else finding.fix.state.replace("_", " ").replace("none", "no fix yet")
    marks = "".join(f" [{mark}]" for mark, on in (("KEV", finding.kev), ("malware", finding.malware)) if on)
    return f"{finding.severity:<10} {escape(finding.id)}  {escape(finding.package)}  {fix}{marks}"


def _upgrades(outcome: Outcome) -> list[str]:
    if not outcome.upgrades:
        return []
    lines = ["", "shortest way to green"]
    for number, step in enumerate(outcome.upgrades[:_SHOWN], 1):
        plural = "finding" if step.clears == 1 else "findings"
        lines.append(
            f"  {number}. upgrade {escape(step.package)} {escape(step.version)} to {escape(step.to)}: "
            f"clears {step.clears} blocking {plural}"
        )
    if len(outcome.upgrades) > _SHOWN:
        lines.append(f"  … and {len(outcome.upgrades) - _SHOWN} more")
    return lines


def _notes(outcome: Outcome, style: Style) -> list[str]:
    lines: list[str] = []
    for state, heading in (("warned", "warnings"), ("waived", "waived")):
        rules = [rule for rule in outcome.rules if rule.state == state]
        if not rules:
            continue
        lines += ["", heading]
        for rule in rules:
            results = deciding(rule)
            shown = results if style.verbose else results[:3]
            for result in shown:
                because = f" [{escape(result.because)}]" if result.because else ""
                lines.append(f"  {MARKS[state]} {rule.rule}: {escape(result.msg)}{because}")
            if len(results) > len(shown):
                lines.append(f"    … and {len(results) - len(shown)} more (--verbose)")
            if not results:
                without = excused(outcome, rule.rule)
                names = ", ".join(f"{finding.id} ({finding.waiver})" for finding in without[: None if style.verbose else _SHOWN])
                more = f" and {len(without) - _SHOWN} more (--verbose)" if len(without) > _SHOWN and not style.verbose else ""
                lines.append(f"  {MARKS[state]} {rule.rule}: counted without {escape(names)}{more}")
    if style.verbose:
        passed = [rule.rule for rule in outcome.rules if rule.state == "passed"]
        skipped = [rule.rule for rule in outcome.rules if rule.state == "not_applicable"]
        lines += ["", "passed  " + (", ".join(passed) or "none"), "not applicable  " + (", ".join(skipped) or "none")]
    return lines


def _compliance(outcome: Outcome, style: Style) -> list[str]:
    found = section(outcome)
    if found is None:
        return []
    marks = {"open": "✗", "waived": "~", "not_reviewed": "?"}
    lines = ["", f"compliance  {found.summary}"]
    shown = found.lines if style.verbose else [line for line in found.lines if line.status != "not_reviewed"][:_SHOWN]
    for line in shown:
        lines.append(f"  {marks[line.status]} {escape(line.heading)}")
        if style.verbose or line.status != "open":  # what is open was said above, rule by rule
            lines += [f"      {escape(note)}" for note in line.notes]
        if line.fix and style.verbose:
            lines.append(f"      fix: {escape(line.fix)}")
    if len(found.lines) > len(shown):
        lines.append(f"  … and {len(found.lines) - len(shown)} more open, waived or not reviewed (--verbose)")
    return lines


def _evidence(outcome: Outcome) -> list[str]:
    lines = ["", f"evidence  {len(outcome.evidence)} found"]
    for item in outcome.evidence:
        mark = {"verified": "✓", "unverified": "·", "failed": "✗"}[item.verification.state]
        lines.append(f"  {mark} {item.kind}  {escape(item.format)}  {escape(state_of(item))}  {escape(item.source)}")
        lines += [f"      {escape(note.message)}" for note in item.diagnostics if note.code == "wrong_subject"]
    for error in outcome.errors:
        lines.append(f"  ? {error.kind}  {escape(error.source)}: {escape(error.reason)}")
        if error.fix:
            lines.append(f"      fix: {escape(error.fix)}")
    decisive = [problem for problem in outcome.vex.superseded if problem.readers]
    for problem in (*outcome.vex.unmatched, *outcome.vex.conflicts, *outcome.vex.rejected, *outcome.vex.overdue, *decisive):
        lines.append(f"  ! vex {problem.kind}: {escape(problem.statement)}: {escape(problem.detail)}")
    return lines


def _waivers(outcome: Outcome, style: Style) -> list[str]:
    report = outcome.waivers
    lines = [f"  debt: {escape(debt)}"] if (debt := debt_line(outcome)) else []
    for heading, waivers in (
        ("active", report.active),
        ("expiring", report.expiring),
        ("expired", report.expired),
        ("unused", report.unused),
        ("invalid", report.invalid),
        ("draft", report.draft),
    ):
        for waiver in waivers:
            if waiver.baseline and heading in ("active", "expiring", "unused") and not style.verbose:
                continue  # the line about the debt tells of them together; the warning names those that end soon
            detail = waiver.problem or f"until {waiver.expires}, {waiver.owner}: {waiver.reason}"
            lines.append(f"  {heading}: {escape(waiver.id)} for {escape(waiver.rule)} {escape(waiver.term)} – {escape(detail)}")
    return ["", "waivers", *lines] if lines else []
