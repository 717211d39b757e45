"""XCCDF 1.1 and 1.2 results (NIST IR 7275r4) and ARF 1.1 around them, as OpenSCAP and SCC write them.

The embedded benchmark is read for what the results lack: SSG content names CCIs and SRGs in the references of its rules only.
``weight`` and ``score`` are not read. ``override`` never makes a result more favourable than the scanner found it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading
from gate.evidence.stig import build
from gate.evidence.stig.xmlstream import Element, Shape, looks_like_xml, opening, stream
from gate.evidence.vulnerabilities.lenient import Notes
from gate.limits import Limits
from gate.model.stig import StigReport, StigResult

_SPACES = ("http://checklists.nist.gov/xccdf/1.2", "http://checklists.nist.gov/xccdf/1.1")
_ARF = "http://scap.nist.gov/schema/asset-reporting-format/1.1 asset-report-collection"
_KEPT = ("version", "title", "ident", "reference", "fact")
_KEPT_IN_RESULTS = ("result", "override", "old-result", "new-result", "remark", "message")
_SKIP = frozenset(
    {
        "http://oval.mitre.org/XMLSchema/oval-definitions-5 oval_definitions",
        "http://oval.mitre.org/XMLSchema/oval-results-5 oval_results",
        "http://scap.nist.gov/schema/ocil/2.0 ocil",
        "http://cpe.mitre.org/dictionary/2.0 cpe-list",
        *(f"{space} {name}" for space in _SPACES for name in ("Value", "Profile", "description", "front-matter", "set-value")),
    }
)
_CPE = re.compile(r"^cpe:/a:([^:]+):([^:]+):([^:]+)|^cpe:2\.3:a:([^:]+):([^:]+):([^:]+)")
_IDENTIFIER = "urn:xccdf:fact:identifier"
_NAME, _VERSION = "urn:xccdf:fact:scanner:name", "urn:xccdf:fact:scanner:version"
_OS = ("urn:scap:fact:asset:identifier:os_name", "urn:scap:fact:asset:identifier:os_version")


@dataclasses.dataclass(slots=True)
class _Rule:
    version: str
    title: str
    severity: str
    vuln: str
    texts: list[str]


@dataclasses.dataclass(slots=True)
class _Run:
    attributes: Mapping[str, str]
    benchmark: str
    parts: list[Element] = dataclasses.field(default_factory=list)
    results: list[Element] = dataclasses.field(default_factory=list)
    unselected: int = 0


class _Collector:
    """What the walk brings: rules of the benchmark, and test results."""

    def __init__(self) -> None:
        self.rules: dict[str, _Rule] = {}
        self.runs: list[_Run] = []
        self.arf = False
        self._groups: list[list[str]] = []
        self._benchmark = ""
        self._run: _Run | None = None

    def shape(self) -> Shape:

        def each(names: str, call: object) -> dict[str, object]:
            return {f"{space} {name}": call for space in _SPACES for name in names.split()}

        enter = {**each("Benchmark", self._benchmark_starts), **each("Group", self._group), **each("TestResult", self._starts)}
        enter[_ARF] = self._arf
        leave = {**each("Group", lambda: self._groups.pop()), **each("TestResult", self._ends)}
        capture = {
            **each("Rule", self._ruled),
            **each("rule-result", self._said),
            **each("benchmark profile target target-facts platform", self._part),
            **each("title", self._titled),
        }
        keep = frozenset(f"{space} {name}" for space in _SPACES for name in (*_KEPT, *_KEPT_IN_RESULTS))
        return Shape(enter=enter, leave=leave, capture=capture, keep=keep, skip=_SKIP)  # type: ignore[arg-type]

    def _arf(self, attributes: Mapping[str, str]) -> None:
        self.arf = True

    def _benchmark_starts(self, attributes: Mapping[str, str]) -> None:
        self._benchmark = attributes.get("id", "")

    def _group(self, attributes: Mapping[str, str]) -> None:
        self._groups.append([attributes.get("id", "")])

    def _titled(self, element: Element) -> None:
        if self._groups and self._run is None:
            self._groups[-1].append(element.text)

    def _starts(self, attributes: Mapping[str, str]) -> None:
        if self._run is not None:
            raise EvidenceInvalid("a TestResult stands inside another", why="it is not XCCDF")
        self._run = _Run(attributes, self._benchmark)

    def _ends(self) -> None:
        if self._run is not None:
            self.runs.append(self._run)
        self._run = None

    def _ruled(self, element: Element) -> None:
        own = [child.text for child in element.children if child.local in ("ident", "reference")]
        group = self._groups[-1] if self._groups else []
        rule = _Rule(
            version=element.words("version"),
            title=element.words("title"),
            severity=element.attributes.get("severity", ""),
            vuln=build.vuln_id(build.short(element.attributes.get("id", "")), *(group[:1]), *own),
            texts=[*own, *group[1:]],
        )
        self.rules.setdefault(element.attributes.get("id", ""), rule)

    def _said(self, element: Element) -> None:
        if self._run is None:
            return
        if element.words("result") == "notselected" and element.first("override") is None:
            self._run.unselected += 1
        else:
            self._run.results.append(element)

    def _part(self, element: Element) -> None:
        if self._run is not None:
            self._run.parts.append(element)


class XccdfReader:
    """XCCDF results and ARF."""

    name = "XCCDF"

    def recognises(self, head: bytes, media_type: str) -> bool:
        text = opening(head)
        return looks_like_xml(head) and any(mark in text for mark in (b"TestResult", b"Benchmark", b"asset-report-collection"))

    def read(self, data: bytes, limits: Limits) -> Reading:
        notes, found = Notes(), _Collector()
        stream(data, found.shape(), limits)
        kind = "arf" if found.arf else "xccdf"
        reports, targets = [], []
        for place, run in enumerate(found.runs):
            facts = _facts(run)
            reports.append(_report(run, facts, found.rules, notes, place, kind))
            targets.append(build.digests([*facts.get(_IDENTIFIER, ()), *_texts(run, "target")]))
        return build.reading(reports, targets, notes, limits)


def _facts(run: _Run) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {}
    for block in run.parts:
        for fact in block.every("fact"):
            facts.setdefault(fact.attributes.get("name", ""), []).append(fact.text.strip())
    return facts


def _texts(run: _Run, local: str) -> list[str]:
    return [part.text.strip() for part in run.parts if part.local == local]


def _report(
    run: _Run, facts: Mapping[str, list[str]], rules: Mapping[str, _Rule], notes: Notes, place: int, kind: str
) -> StigReport:
    name, version = _scanner(run, facts, notes)
    named = next((part.attributes.get("id", "") for part in run.parts if part.local == "benchmark"), "")
    platforms = [part.attributes.get("idref", "") for part in run.parts if part.local == "platform"]
    system = " ".join(value for key in _OS for value in facts.get(key, ())[:1])
    return build.report(
        [_result(item, rules, notes) for item in run.results],
        notes,
        place=place,
        format=kind,
        scanner=name,
        scanner_version=version,
        benchmark=named or run.benchmark,
        benchmark_version=run.attributes.get("version", ""),
        profile=next((part.attributes.get("idref", "") for part in run.parts if part.local == "profile"), ""),
        target=next(iter(_texts(run, "target")), ""),
        platforms=[*platforms, system],
        finished=build.moment(run.attributes.get("end-time")),
        unselected=run.unselected,
    )


def _scanner(run: _Run, facts: Mapping[str, list[str]], notes: Notes) -> tuple[str, str]:
    """By ``test-system`` and by the facts; where they differ, neither version is believed, so none is new enough."""
    match = _CPE.match(run.attributes.get("test-system", ""))
    product, stated = (match[2] or match[5], match[3] or match[6]) if match else ("", "")
    names = {word.lower() for word in (product, *facts.get(_NAME, ())) if word}
    versions = {word for word in (stated, *facts.get(_VERSION, ())) if word}
    if len(names) > 1 or len(versions) > 1:
        notes.add("scanner_contradicts_itself", f"scanner {sorted(names)} {sorted(versions)}; its version counts as unknown")
        return "openscap" if "openscap" in names else min(names, default=""), ""
    return next(iter(names), ""), next(iter(versions), "")


def _result(element: Element, rules: Mapping[str, _Rule], notes: Notes) -> StigResult:
    identifier = element.attributes.get("idref", "")
    rule = rules.get(identifier)
    idents = [child.text for child in element.every("ident")]
    texts = [*idents, *(rule.texts if rule else ())]
    rank = build.severity(element.attributes.get("severity") or (rule.severity if rule else ""), notes)
    if rule is not None and rule.severity and element.attributes.get("severity"):
        rank = build.worse_severity(rank, build.severity(rule.severity, notes))
    said = element.words("result")
    outcome, override = build.word(said, notes), ""
    for change in element.every("override"):
        outcome = build.worse(outcome, build.word(change.words("old-result"), notes))
        who = change.attributes.get("authority", "")
        override = f"{change.words('old-result')} made {change.words('new-result')} by {who}: {change.words('remark')}"
        notes.add("override", "a result was changed by hand; the less favourable one counts", identifier)
    short = build.short(identifier)
    return build.result(
        short,
        outcome=outcome,
        rank=rank,
        vuln=build.vuln_id(short, rule.vuln if rule else "", *texts),
        srg=build.srgs([*texts, short]),
        version=element.attributes.get("version") or (rule.version if rule else ""),
        title=rule.title if rule else "",
        cci=build.ccis(texts),
        said=said,
        override=override,
        comment="; ".join(child.text for child in element.every("message")),
    )


READER = XccdfReader()
