"""XCCDF 1.2 (NIST IR 7275r4) results: one TestResult a verdict inside a benchmark of the judged rules.

A waiver is an ``override`` that leaves the result as it is: what is waived stays failed. The checks only name where
the answer came from; the benchmark is there for titles, references and fix texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from gate.model.verdict import Verdict
from gate.report.compliance.common import (
    findings_text,
    identifier,
    line,
    report_identifier,
    subject_of,
    target_of,
    token,
    version,
)
from gate.report.compliance.controls import Item, Status, items, waived_text
from gate.report.escape import escape
from gate.report.interface import Report, Style

SPACE = "http://checklists.nist.gov/xccdf/1.2"
_OWN = "xccdf_io.policy-gate"
_WORDS: Mapping[Status, str] = {
    "pass": "pass",
    "open": "fail",
    "waived": "fail",
    "not_applicable": "notapplicable",
    "not_reviewed": "notchecked",
    "not_asked": "notselected",
}
_CCI = "http://cyber.mil/cci"
_SYSTEMS = (
    ("vuln_ids", "http://cyber.mil/legacy"),
    ("cci", _CCI),
    ("srg", "https://public.cyber.mil/stigs/srg"),
    ("nist", "http://csrc.nist.gov/publications/nistpubs/800-53"),
    ("others", "urn:policy-gate:control"),
)


def render(report: Report, style: Style) -> bytes:
    """One document; a file with several images is for people, as readers take one image a file."""
    identity = report_identifier(report, "xccdf")
    root = ElementTree.Element("Benchmark", {"xmlns": SPACE, "id": f"{_OWN}_benchmark_gate", "resolved": "true"})
    _add(root, "status", "draft", date=_day(report))
    _add(root, "title", "Controls judged by gate")
    _add(root, "description", "Made from a verdict; identifiers of rules are those of the gate and of the reports it accepted.")
    _add(root, "version", identity)
    rules: dict[str, Item] = {}
    listed = [(verdict, items(verdict.outcome)) for verdict in report.verdicts]
    for _, found in listed:
        for item in found:
            rules.setdefault(_name(item), item)
    for name, item in rules.items():
        _group(root, name, item)
    for verdict, found in listed:
        _result(root, verdict, found)
    ElementTree.indent(root)
    text = str(ElementTree.tostring(root, encoding="unicode"))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _add(parent: ElementTree.Element, name: str, text: str = "", /, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name, {key.replace("_", "-"): value for key, value in attributes.items()})
    element.text = text or None
    return element


def _day(report: Report) -> str:
    return max((verdict.outcome.time.now[:10] for verdict in report.verdicts), default="1970-01-01")


def _name(item: Item) -> str:
    """Reports may share rule ids with each other, so theirs carry a mark of the report."""
    if item.source == "gate":
        return token(item.id)
    return f"{token(item.id)}.{hashlib.sha256(escape(item.key).encode()).hexdigest()[:8]}"


def _group(root: ElementTree.Element, name: str, item: Item) -> None:
    group = _add(root, "Group", id=f"{_OWN}_group_{token(item.vuln_ids[0]) if item.vuln_ids else 'rule'}.{name}")
    _add(group, "title", line(", ".join(item.srg) or item.domain))
    rule = _add(group, "Rule", id=f"{_OWN}_rule_{name}", severity=item.severity, selected="true")
    _add(rule, "version", line(item.version, item.id))
    _add(rule, "title", line(item.title))
    for system, text in _idents(item):
        _add(rule, "ident", text, system=system)
    if item.fix:
        _add(rule, "fixtext", "\n".join(line(text) for text in item.fix.splitlines()))
    _check(rule, item)


def _idents(item: Item) -> Iterator[tuple[str, str]]:
    for field, system in _SYSTEMS:
        for text in getattr(item, field):
            yield system, line(text)


def _result(root: ElementTree.Element, verdict: Verdict, found: tuple[Item, ...]) -> None:
    outcome = verdict.outcome
    about = _add(
        root,
        "TestResult",
        id=f"{_OWN}_testresult_{identifier('xccdf', verdict.outcome_digest)}",
        start_time=outcome.time.now,
        end_time=outcome.time.now,
        test_system=f"cpe:/a:policy-gate:gate:{version(outcome.gate)}",
        version=outcome.digests.policy,
    )
    _add(about, "benchmark", href="#", id=f"{_OWN}_benchmark_gate")
    _add(about, "title", f"{outcome.decision} {subject_of(outcome)}")
    _add(
        about,
        "remark",
        f"record {verdict.outcome_digest}; policy {outcome.digests.policy}; profile {line(outcome.policy.profile)}",
    )
    _add(about, "target", target_of(outcome))
    facts = _add(about, "target-facts")
    for name, value in (
        ("urn:xccdf:fact:identifier", target_of(outcome)),
        ("urn:xccdf:fact:scanner:name", "gate"),
        ("urn:xccdf:fact:scanner:version", version(outcome.gate)),
    ):
        _add(facts, "fact", value, name=name, type="string")
    for item in found:
        _rule_result(about, item, outcome.time.now)
    passed = sum(1 for item in found if item.status == "pass")
    most = sum(1 for item in found if item.status in ("pass", "open", "waived"))
    # The schema asks for a score; the gate itself never reads one.
    _add(about, "score", f"{passed:.1f}", system="urn:xccdf:scoring:flat-unweighted", maximum=f"{max(most, 1):.1f}")


def _rule_result(about: ElementTree.Element, item: Item, now: str) -> None:
    word = _WORDS[item.status]
    result = _add(about, "rule-result", idref=f"{_OWN}_rule_{_name(item)}", severity=item.severity, time=now)
    _add(result, "result", word)
    for waiver in item.waivers:
        override = _add(result, "override", time=now, authority=line(waiver.approved_by or waiver.owner))
        _add(override, "old-result", word)
        _add(override, "new-result", word)
        _add(override, "remark", line(waived_text(waiver)))
    for system, text in _idents(item):
        _add(result, "ident", text, system=system)
    if item.status != "pass" and item.status != "not_asked":
        _add(result, "message", findings_text(item), severity="error" if item.status == "open" else "info")
    _check(result, item)


def _check(parent: ElementTree.Element, item: Item) -> None:
    """Where the answer came from: a rule of the gate's packs, or a rule of a report."""
    _add(_add(parent, "check", system="urn:policy-gate:rego"), "check-content-ref", href=line(item.source), name=line(item.id))
