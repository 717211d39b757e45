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

_OWN = ("gate.", "xccdf_io.policy-gate_benchmark_gate")
OPEN_FINDINGS = "stig.open_findings"
_CATEGORIES: Mapping[Severity, str] = {"high": "1", "medium": "2", "low": "3"}
_SEVERITIES: Mapping[str, Severity] = {"critical": "high", "high": "high", "medium": "medium", "low": "low", "info": "low"}
_UNDECIDABLE = frozenset({"deployment", "manual"})
"""Words with which a rule says that an image cannot show it; such a control is left to people, and never not applicable."""
_SAID: Mapping[str, Status] = {"failed": "open", "not_applicable": "not_applicable", "not_selected": "not_asked"}
"""What a rule may say that its control came to; every other word is no answer."""
_WORST: tuple[Status, ...] = ("open", "waived", "not_reviewed", "not_asked", "not_applicable", "pass")
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
    own = [_own(rule, waivers) for rule in outcome.rules if rule.controls]
    own += [item for rule in outcome.rules if not rule.controls for item in _beyond(rule)]
    found = [item for report in outcome.stig for item in _reported(outcome, report, waivers)]
    return (*sorted(own, key=lambda item: item.key), *sorted(found, key=lambda item: item.key))


def about_compliance(outcome: Outcome) -> tuple[Item, ...]:
    """Items of the compliance domains that somebody asked for, and of reports; what short reports list.

    The gate's own rules of ``stig`` are about those reports and no controls themselves, and neither are rules that name nothing
    but a NIST control and passed: they are about evidence.
    """
    return tuple(
        item for item in items(outcome) if item.domain in COMPLIANCE_DOMAINS and item.status != "not_asked" and _is_one(item)
    )


def _is_one(item: Item) -> bool:
    if item.source != "gate":
        return True
    specific = item.vuln_ids or item.srg or item.cci or item.others
    return item.domain != "stig" and bool(specific or item.status != "pass")


def _own(rule: RuleOutcome, waivers: Mapping[str, Waiver]) -> Item:
    status, reason = _status(rule)
    shown = {
        "open": ("deny", "warn", "waived", "not_applicable"),
        "waived": ("waived",),
        "not_reviewed": ("no_verdict", "not_applicable"),
    }
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
    return min((_left_out(result) for result in rule.results), key=lambda found: _WORST.index(found[0]))


def _left_out(result: Result) -> tuple[Status, str]:
    """What a result that does not apply means: a rule may say under ``status`` what its control came to, also that it failed."""
    if result.because:
        return "not_reviewed", result.because
    said = result.data.get("status", result.data.get("reason")) if isinstance(result.data, Mapping) else None
    if said is None:
        return "not_applicable", result.msg
    return _SAID.get(said, "not_reviewed") if isinstance(said, str) else "not_reviewed", result.msg


def _beyond(rule: RuleOutcome) -> Iterator[Item]:
    """Controls that a rule without any lists because an image cannot show them, each under its own term."""
    for result in rule.results:
        data = result.data
        if result.effect != "not_applicable" or not isinstance(data, Mapping) or data.get("status") not in _UNDECIDABLE:
            continue
        severity: Severity = next((name for name, category in _CATEGORIES.items() if category == data.get("category")), "high")
        names = [Control(framework="SRG", id=str(data.get("srg", ""))), Control(framework="CCI", id=str(data.get("cci", "")))]
        number = re.match(r"V-\d{3,7}", result.term)
        names += [Control(framework="STIG", id=number[0])] if number else []
        yield Item(
            id=f"{rule.rule}.{result.term}",
            source="gate",
            domain=rule.rule.partition(".")[0],
            title=str(data.get("title", result.msg)),
            severity=severity,
            category=_CATEGORIES[severity],
            status="not_reviewed",
            reason=f"{data['status']}: an image cannot show it",
            version="",
            details=(),
            **_names(name for name in names if name.id),
        )


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
    if "gate" in (report.scanner, report.benchmark) or report.benchmark.startswith(_OWN):
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
