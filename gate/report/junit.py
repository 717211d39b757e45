"""JUnit XML, which Jenkins, Azure DevOps, GitLab and Buildkite show as tests: a suite a subject, a case a rule.

The name of a case is the rule's id and nothing else, so that its history survives other messages. A denial is a failure, no
verdict an error; a waived or not applicable rule is skipped, with the reason.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from gate.report.escape import escape
from gate.report.summary import deciding, title

if TYPE_CHECKING:
    from gate.model.verdict import Outcome, RuleOutcome
    from gate.report.interface import Report, Style

_SHOWN = 50
_DECIDED = "verdict"
"""Name of the case that holds the decision itself, also where no rule decided."""


def render(report: Report, style: Style) -> bytes:
    """One suite per verdict; a subject without a verdict is a suite with an error."""
    root = ET.Element("testsuites", name="gate")
    for verdict in report.verdicts:
        _suite(root, verdict.outcome)
    for failure in report.failures:
        suite = ET.SubElement(root, "testsuite", name=escape(failure.subject))
        _end(_case(suite, failure.subject, _DECIDED), "error", failure.reason, escape(failure.fix))
        _count(suite)
    if not len(root):
        suite = ET.SubElement(root, "testsuite", name="gate")
        _end(_case(suite, "gate", _DECIDED), "error", "nothing was verified", "")
        _count(suite)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode").encode() + b"\n"


def _suite(root: ET.Element, outcome: Outcome) -> None:
    suite = ET.SubElement(root, "testsuite", name=escape(title(outcome)), timestamp=escape(outcome.time.now.removesuffix("Z")))
    # Without the digest: a case whose name changes with every build has no history.
    name = outcome.subject.name + (f" ({outcome.subject.platform})" if outcome.subject.platform else "")
    case = _case(suite, name, _DECIDED)
    if outcome.decision != "ALLOW":
        kind = "failure" if outcome.decision == "DENY" else "error"
        _end(case, kind, f"{outcome.decision.replace('_', ' ')}: {', '.join(outcome.reasons)}", "")
    for rule in outcome.rules:
        _rule(_case(suite, name, rule.rule), rule)
    _count(suite)


def _rule(case: ET.Element, rule: RuleOutcome) -> None:
    results = deciding(rule)
    texts = [result.msg for result in results[:_SHOWN]]
    if len(results) > _SHOWN:
        texts.append(f"… and {len(results) - _SHOWN} more")
    said = "\n".join(map(escape, texts))
    fixes = "\n".join(f"fix: {escape(fix)}" for fix in dict.fromkeys(result.fix for result in results if result.fix))
    if rule.state in ("denied", "no_verdict"):
        _end(case, "failure" if rule.state == "denied" else "error", texts[0] if texts else rule.title, f"{said}\n{fixes}")
    elif rule.state == "waived":
        _end(case, "skipped", "waived" + (f": {results[0].because}" if results and results[0].because else ""), "")
    elif rule.state == "not_applicable":
        _end(case, "skipped", "not applicable", "")
    elif rule.state == "warned":
        ET.SubElement(case, "system-out").text = f"warning: {said}\n{fixes}"


def _case(suite: ET.Element, subject: str, rule: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=escape(subject), name=rule)


def _end(case: ET.Element, kind: str, message: str, text: str) -> None:
    ending = ET.SubElement(case, kind, message=escape(message))
    if kind != "skipped":
        ending.set("type", case.get("name", ""))
        ending.text = text or None


def _count(suite: ET.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for case in cases if case.find(tag) is not None)))
