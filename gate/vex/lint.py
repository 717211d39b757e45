"""What is wrong, risky or stale in VEX documents, before any scanner silently does something else with them. Pure.

``error``: readers will not do what the author meant. ``warning``: some reader does something else, or somebody should look.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence, Sized
from datetime import datetime
from typing import Literal

from gate.model.input import VexProblem
from gate.model.verdict import Verdict
from gate.vex import holds, schema
from gate.vex.check import check
from gate.vex.document import SUPPRESSING, VexComponent, VexDocument, VexStatement
from gate.vex.graph import SbomGraph
from gate.vex.index import VexSource
from gate.vex.purl import parse
from gate.vex.triage import aliases_of

Level = Literal["error", "warning"]
_PINNED = ("arch", "distro", "upstream", "os_name", "os_version", "os_distro")
_NAMESPACES = {"rhel": "redhat", "redhat": "rhel", "sles": "suse", "suse": "sles"}
_ERRORS = frozenset({"unjustified", "unknown_status", "without_vulnerability", "without_time", "bad_timestamp"})
"""Diagnostics of the readers that are errors; the others are warnings."""
_CURRENT = "hand scanners what holds now: gate vex merge --current FILE"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Remark:
    file: str
    code: str
    """Stable snake_case name."""
    where: str
    """Statement id or place in the document."""
    level: Level
    message: str
    fix: str = ""


def lint(
    sources: Sequence[VexSource],
    *,
    now: datetime,
    raw: Sequence[tuple[str, bytes]] = (),
    verdict: Verdict | None = None,
    graphs: Sequence[SbomGraph] = (),
) -> tuple[Remark, ...]:
    """Every remark once, sorted. ``raw`` are the bytes of OpenVEX documents by name; with a verdict also what binds in it, where
    ``graphs`` of SBOMs of the image show what contains what."""
    found: set[Remark] = set()
    for name, data in raw:
        found.update(_schema(name, data))
    for source in sources:
        found.update(_document(source.evidence, source.document, now))
    found.update(_orders(sources) if verdict is None else _against(sources, verdict, now, graphs))
    return tuple(sorted(found))


def _schema(name: str, data: bytes) -> Iterable[Remark]:
    """Problems with the published schema; the same one at many places once, with the first place."""
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for where, message in schema.problems(data):
        last = where.rpartition("/")[2]
        kinds[message if last.isdecimal() else f"{last} {message}".strip()].append(where)
    for message, places in kinds.items():
        count = f" (×{len(places)})" if len(places) > 1 else ""
        yield Remark(name, "schema", places[0], "error", message + count)


def _document(name: str, document: VexDocument, now: datetime) -> Iterable[Remark]:
    for item in document.diagnostics:
        level: Level = "error" if item.code in _ERRORS else "warning"
        count = f" (×{item.count})" if item.count > 1 else ""
        yield Remark(name, item.code, item.where, level, item.message + count)
    if not document.author:
        yield Remark(name, "no_author", "", "error", "the document has no author; no policy can accept it")
    for statement in document.statements:
        for rule in (_time, _review, _purls):
            yield from rule(name, statement, now)


def _time(name: str, statement: VexStatement, now: datetime) -> Iterable[Remark]:
    if statement.timestamp is not None and statement.timestamp > now:
        message = f"its time is {statement.timestamp.isoformat()}, after now; it will not suppress"
        yield Remark(name, "future", statement.id, "error", message, "correct the clock that wrote it")


def _review(name: str, statement: VexStatement, now: datetime) -> Iterable[Remark]:
    if statement.bad_review:
        message = f"its review date {statement.bad_review!r} is no date; the review counts as overdue"
        yield Remark(name, "review_overdue", statement.id, "error", message, "write Review-by: 2027-02-01 in status_notes")
    if statement.review_by is not None and statement.review_by < now:
        message = f"its review was due by {statement.review_by.date().isoformat()}"
        yield Remark(name, "review_overdue", statement.id, "warning", message, "look again: gate vex triage --from VERDICT")


def _purls(name: str, statement: VexStatement, now: datetime) -> Iterable[Remark]:
    """What makes a purl mean something to one tool only; statements that suppress nothing are left alone. One remark a kind."""
    if statement.status not in SUPPRESSING:
        return
    purls = {text: purl for part in _leaves(statement) for text in part.ids if (purl := parse(text)) is not None}
    spelt = {(purl.namespace.lower(), purl.name) for purl in purls.values() if purl.type == "rpm"}
    pinned: dict[str, list[str]] = {}
    single: dict[str, tuple[str, str]] = {}
    for text, purl in purls.items():
        if purl.type in ("oci", "docker"):
            continue
        if qualifiers := [qualifier for qualifier, _ in purl.qualifiers if qualifier in _PINNED]:
            pinned[text] = qualifiers
        other = _NAMESPACES.get(purl.namespace.lower()) if purl.type == "rpm" else None
        if other and (other, purl.name) not in spelt:
            single[text] = purl.namespace, other
    if pinned:
        text, qualifiers = next(iter(pinned.items()))
        message = f"{text}{_more(pinned)}: grype and trivy write {', '.join(qualifiers)} differently; one of them will not match"
        yield Remark(name, "pinned_qualifiers", statement.id, "warning", message, "leave these qualifiers out")
    if single:
        text, (namespace, other) = next(iter(single.items()))
        message = f"{text}{_more(single)}: syft writes one of {namespace} and {other}, trivy the other"
        yield Remark(name, "one_namespace", statement.id, "warning", message, f"add the same purl with {other}")


def _more(found: Sized) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def _leaves(statement: VexStatement) -> Iterable[VexComponent]:
    for product in statement.products:
        yield from product.subcomponents or (product.component,)


def _orders(sources: Sequence[VexSource]) -> Iterable[Remark]:
    """Without a verdict: statements on one vulnerability and package where the oldest and the newest differ in suppressing."""
    groups: defaultdict[tuple[str, tuple[str, ...]], list[tuple[str, VexStatement]]] = defaultdict(list)
    for source in sources:
        for statement in source.document.statements:
            for key in {(name.casefold(), package) for name in statement.vulnerabilities for package in _packages(statement)}:
                groups[key].append((source.evidence, statement))
    for (_, package), items in groups.items():
        timed = [(statement.timestamp, statement.id, name, statement) for name, statement in items if statement.timestamp]
        if len(timed) < 2:
            continue
        oldest, newest = holds.ends(timed, key=lambda item: item[:3])
        when, _, file, last = newest
        first = oldest[3]
        about = f"{last.vulnerabilities[0]} in {package[-1]}"
        if (first.status in SUPPRESSING) != (last.status in SUPPRESSING):
            message = f"{about}: first {first.status}, now {last.status}; grype takes the oldest, trivy and this gate the newest"
            yield Remark(file, "readers_differ", last.id, "warning", message, _CURRENT)
        at_once = {item[3].status for item in timed if item[0] == when}
        if len(at_once) > 1:
            message = f"{about}: {' and '.join(sorted(at_once))} at one time; the least favourable holds"
            yield Remark(file, "conflict", last.id, "error", message, "say later what holds: gate vex triage")


def _packages(statement: VexStatement) -> Iterable[tuple[str, ...]]:
    for product in statement.products:
        for component in product.subcomponents or (product.component,):
            for text in component.ids:
                purl = parse(text) if text.startswith("pkg:") else None
                yield (*purl.package, f"{purl.name} {purl.release}".strip()) if purl else (text,)


def _against(sources: Sequence[VexSource], verdict: Verdict, now: datetime, graphs: Sequence[SbomGraph]) -> Iterable[Remark]:
    checked = check(sources, verdict, now=now, graphs=graphs)
    for item in checked.idle:
        yield Remark(
            item.file,
            "unmatched",
            item.statement,
            "error",
            f"{item.vulnerabilities[:1]}: {item.detail}".replace("('", "").replace("',)", ""),
        )
    for problem in checked.facts.conflicts:
        yield _remark("conflict", "error", problem)
    for problem in checked.facts.superseded:
        if problem.readers:
            yield dataclasses.replace(_remark("readers_differ", "warning", problem), fix=_CURRENT)
    names = {finding.key: set(aliases_of(finding)) for finding in verdict.outcome.findings}
    by_id = {(source.evidence, item.id): item for source in sources for item in source.document.statements}
    for use in checked.facts.statements_used:
        statement = by_id.get((use.evidence, use.statement))
        missing = sorted(names[use.finding] - set(statement.vulnerabilities)) if statement else []
        if missing and use.status in SUPPRESSING:
            message = f"{use.finding}: scanners also call it {', '.join(missing)}, and the statement does not"
            yield Remark(use.evidence, "missing_alias", use.statement, "warning", message, "add the aliases")


def _remark(code: str, level: Level, problem: VexProblem) -> Remark:
    return Remark(problem.evidence, code, problem.statement, level, f"{problem.finding}: {problem.detail}")
