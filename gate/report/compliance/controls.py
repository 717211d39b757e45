"""The controls of one verdict: from the rules that name any, and from accepted reports of STIG scanners and checklists.

1. Only a rule that passed, or a pass in a report that the rules of ``stig`` let count, is a pass. What nobody asked
   for, could not be told or was excluded is *not reviewed*; what a waiver covers stays *open* and says so.
2. Nothing is merged away: a rule is one item, and so is every result of every report.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from gate.model.stig import StigReport, StigResult
from gate.model.verdict import Control, Outcome, Result, RuleOutcome
from gate.model.waiver import COMPLIANCE_DOMAINS, Waiver

Status = Literal["pass", "open", "waived", "not_applicable", "not_reviewed", "not_asked"]
Severity = Literal["high", "medium", "low"]

OPEN_FINDINGS = "stig.open_findings"
_CATEGORIES: Mapping[Severity, str] = {"high": "1", "medium": "2", "low": "3"}
_SEVERITIES: Mapping[str, Severity] = {"critical": "high", "high": "high", "medium": "medium", "low": "low", "info": "low"}
_UNDECIDABLE = frozenset({"deployment", "manual", "host", "requires_fips_host"})
"""Words with which a rule says that an image cannot show it; such a control is left to people, and never not applicable."""
_PLACES = 20
_DEPTH = 4
_NIST = re.compile(r"[A-Z]{2}-\d{1,2}(?:\s?\(\d{1,2}\))*[a-z]?\b.*")


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A file that a result is about."""

    path: str
    layer: str


@dataclasses.dataclass(frozen=True, slots=True)
class Detail:
    """One thing that was found. ``waiver`` is the one that covers it."""

    term: str
    text: str
    fix: str
    places: tuple[Place, ...]
    evidence: tuple[str, ...]
    waiver: Waiver | None


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One control as it was judged."""

    id: str
    """Rule of the gate, or of the report."""
    source: str
    """``gate``, or the report's benchmark with its place: items of two reports may bear one id."""
    domain: str
    title: str
    severity: Severity
    category: str
    """``1`` to ``3``."""
    status: Status
    reason: str
    """Why it is not reviewed, or not applicable; else empty."""
    vuln_ids: tuple[str, ...]
    srg: tuple[str, ...]
    cci: tuple[str, ...]
    nist: tuple[str, ...]
    others: tuple[str, ...]
    """``framework id``, such as ``CIS-Docker 4.1``."""
    version: str
    details: tuple[Detail, ...]
    comment: str = ""

    @property
    def key(self) -> str:
        """Unique in one verdict."""
        return f"{self.source}\0{self.id}"

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """Those that cover something of it, each once."""
        return tuple({detail.waiver.id: detail.waiver for detail in self.details if detail.waiver is not None}.values())

    @property
    def fix(self) -> str:
        """What to do, in one text."""
        return "\n".join(dict.fromkeys(detail.fix for detail in self.details if detail.fix))

    @property
    def names(self) -> tuple[str, ...]:
        """Every id that auditors know it by."""
        return (*self.vuln_ids, *self.srg, *self.cci, *self.nist, *self.others)


def items(outcome: Outcome) -> tuple[Item, ...]:
    """Every control of the verdict, the gate's own rules first; sorted, so that reports of one outcome are equal."""
    waivers = {waiver.id: waiver for waiver in (*outcome.waivers.active, *outcome.waivers.expiring)}
    own = [_own(rule, waivers) for rule in outcome.rules if rule.controls or rule.rule.partition(".")[0] in COMPLIANCE_DOMAINS]
    found = [item for report in outcome.stig for item in _reported(outcome, report, waivers)]
    return (*sorted(own, key=lambda item: item.key), *sorted(found, key=lambda item: item.key))


def about_compliance(outcome: Outcome) -> tuple[Item, ...]:
    """Items of the compliance domains that somebody asked for, and of reports; what short reports list.

    The gate's own rules of ``stig`` are about those reports and no controls themselves.
    """
    return tuple(
        item
        for item in items(outcome)
        if item.domain in COMPLIANCE_DOMAINS and item.status != "not_asked" and (item.source, item.domain) != ("gate", "stig")
    )


def _own(rule: RuleOutcome, waivers: Mapping[str, Waiver]) -> Item:
    status, reason = _status(rule)
    shown = {"open": ("deny", "warn", "waived"), "waived": ("waived",), "not_reviewed": ("no_verdict", "not_applicable")}
    effects = shown.get(status, ("not_applicable",))
    severity = _SEVERITIES.get(rule.severity, "high")
    return Item(
        id=rule.rule,
        source="gate",
        domain=rule.rule.partition(".")[0],
        title=rule.title,
        severity=severity,
        category=_CATEGORIES[severity],
        status=status,
        reason=reason,
        version="",
        details=tuple(_detail(result, waivers) for result in rule.results if result.effect in effects),
        **_names(rule.controls),
    )


def _status(rule: RuleOutcome) -> tuple[Status, str]:
    """(1)"""
    if rule.state in ("denied", "warned"):
        return "open", ""
    if rule.state == "waived":
        return "waived", ""
    if rule.state == "passed":
        return "pass", ""
    if rule.state == "no_verdict":
        return "not_reviewed", next((result.msg for result in rule.results if result.effect == "no_verdict"), "")
    if not rule.results:
        return "not_asked", "not asked for, or nothing there to judge"
    softened = next((result.because for result in rule.results if result.because), "")
    if softened:
        return "not_reviewed", softened
    left = next((word for result in rule.results for word in _words(result.data) if word in _UNDECIDABLE), "")
    if left:
        return "not_reviewed", f"{left}: {rule.results[0].msg}"
    return "not_applicable", rule.results[0].msg


def _words(data: Any) -> Iterator[str]:
    """Values of a result's data by which it says why it is not applicable."""
    if isinstance(data, Mapping):
        yield from (value for value in data.values() if isinstance(value, str))


def _detail(result: Result, waivers: Mapping[str, Waiver]) -> Detail:
    named = result.because.removeprefix("waiver ") if result.effect == "waived" else ""
    return Detail(
        term=result.term,
        text=result.msg,
        fix=result.fix,
        places=places_of(result),
        evidence=result.evidence,
        waiver=waivers.get(named),
    )


def places_of(result: Result) -> tuple[Place, ...]:
    """The files that a result names in its data, wherever it has them; the first of many."""
    return tuple(dict.fromkeys(_places(result.data, _DEPTH)))[:_PLACES]


def _places(data: Any, depth: int) -> Iterator[Place]:
    if depth == 0:
        return
    if isinstance(data, Mapping):
        path, layer = data.get("path"), data.get("layer")
        if isinstance(path, str) and path:
            yield Place(path, layer if isinstance(layer, str) else "")
        for value in data.values():
            yield from _places(value, depth - 1)
    elif isinstance(data, Sequence) and not isinstance(data, str | bytes):
        for value in data[:1000]:
            yield from _places(value, depth - 1)


def _names(controls: Iterable[Control]) -> dict[str, Any]:
    """Ids by what they are; their shape tells, as frameworks are named freely."""
    found: dict[str, list[str]] = {"vuln_ids": [], "srg": [], "cci": [], "nist": [], "others": []}
    for control in controls:
        name = control.id.strip()
        if re.fullmatch(r"V-\d{3,7}", name):
            kind = "vuln_ids"
        elif name.startswith("SRG-"):
            kind = "srg"
        elif re.fullmatch(r"CCI-\d{6}", name):
            kind = "cci"
        elif "NIST" in control.framework.upper() and _NIST.fullmatch(name):
            kind = "nist"
        else:
            kind, name = "others", f"{control.framework} {name}".strip()
        found[kind].append(name)
    return {kind: tuple(dict.fromkeys(names)) for kind, names in found.items()}


def _reported(outcome: Outcome, report: StigReport, waivers: Mapping[str, Waiver]) -> Iterator[Item]:
    doubt = _doubt(outcome, report)
    decided = {rule.rule: rule for rule in outcome.rules}.get(OPEN_FINDINGS)
    judged: dict[str, Result] = {result.term: result for result in decided.results} if decided is not None else {}
    source = f"{report.benchmark or report.format}#{report.evidence.removeprefix('sha256:')[:12]}.{report.place}"
    for found in report.results:
        status, reason = _reported_status(found, doubt)
        decision = judged.get(found.term)
        if status == "open" and decision is not None and decision.effect == "waived":
            status = "waived"
        severity = _SEVERITIES.get(found.severity, "high")
        yield Item(
            id=found.rule,
            source=source,
            domain="stig",
            title=found.title or found.rule,
            severity=severity,
            category=_CATEGORIES[severity],
            status=status,
            reason=reason,
            vuln_ids=(found.vuln_id,) if found.vuln_id else (),
            srg=found.srg,
            cci=found.cci,
            nist=found.nist,
            others=(),
            version=found.version,
            details=(_found(found, report, decision, waivers),) if status in ("open", "waived") else (),
            comment=" / ".join(text for text in (found.override, found.comment) if text),
        )


def _found(found: StigResult, report: StigReport, decision: Result | None, waivers: Mapping[str, Waiver]) -> Detail:
    waiver = None
    if decision is not None and decision.effect == "waived":
        waiver = waivers.get(decision.because.removeprefix("waiver "))
    text = f"{found.result} by {report.scanner or report.format} {report.scanner_version}".strip()
    return Detail(found.term, text, decision.fix if decision is not None else "", (), (report.evidence,), waiver)


def _reported_status(found: StigResult, doubt: str) -> tuple[Status, str]:
    if found.result in ("fail", "fixed"):
        return "open", ""
    if found.result not in ("pass", "notapplicable"):
        return "not_reviewed", found.result
    if doubt:
        return "not_reviewed", doubt  # (1)
    return ("pass", "") if found.result == "pass" else ("not_applicable", "not applicable, as the scanner found")


def _doubt(outcome: Outcome, report: StigReport) -> str:
    """Why passes of a report do not count; empty when they do."""
    params = outcome.policy.params
    if params.fail_on_stig is None:
        return "STIG results were not asked for (fail_on_stig)"
    if report.format == "dockle":
        return "dockle is no STIG"
    if report.scanner == "gate" or report.benchmark in ("gate", "xccdf_io.policy-gate_benchmark_gate"):
        return "the report is the gate's own"
    if params.stig_benchmarks and not _allowed(report.benchmark, params.stig_benchmarks):
        return "the benchmark is none of stig_benchmarks"
    judged = {"stig.nothing_evaluated", "stig.coverage_below", "stig.scanner_too_old", "stig.benchmark"}
    seen = {rule.rule for rule in outcome.rules}
    if not judged <= seen:
        return "the rules that judge reports were not selected"
    term = f"{report.evidence}#{report.place}"
    for rule in outcome.rules:
        if rule.rule in judged:
            for result in rule.results:
                if result.term == term and result.rule == rule.rule:
                    return result.msg
    return ""


def _allowed(name: str, patterns: Sequence[str]) -> bool:
    """As ``data.lib.patterns`` does."""
    return any(
        name == pattern or (pattern.endswith("*") and pattern != "*" and name.startswith(pattern[:-1]))
        for pattern in patterns
        if name
    )


def counts(found: Iterable[Item]) -> dict[Status, int]:
    """Items by status, zero included."""
    numbers: dict[Status, int] = dict.fromkeys(("pass", "open", "waived", "not_applicable", "not_reviewed", "not_asked"), 0)
    for item in found:
        numbers[item.status] += 1
    return numbers


def waived_text(waiver: Waiver) -> str:
    """What every format says of a waiver."""
    who = waiver.approved_by or "nobody named"
    control = waiver.compensating_control or "none stated"
    return (
        f"waived until {waiver.expires} (exclusive) by {who}, {waiver.id}, {waiver.ticket}: {waiver.reason}; "
        f"compensating control: {control}"
    )
