"""Findings and waivers as a verdict carries them: compact, with what each finding blocks and which waiver covers it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gate.model.findings import Counts, Finding
from gate.model.input import Input
from gate.model.verdict import CompactFinding, Debt, RuleOutcome, WaiverReport
from gate.model.waiver import Waiver
from gate.policy.waivers import Book, covering

_DAY = 86_400
_MOST_LOCATIONS = 32


def _keys(term: str, data: Any) -> Iterable[str]:
    """The findings that a result is about: its term, and those that a limit counted (``data.findings.first``)."""
    yield term
    listed = data.get("findings") if isinstance(data, dict) else None
    if isinstance(listed, dict):
        listed = listed.get("first")
    if isinstance(listed, list):
        yield from (key for key in listed if isinstance(key, str))


def compact(document: Input, rules: Sequence[RuleOutcome], waivers: Sequence[Waiver]) -> tuple[CompactFinding, ...]:
    """All findings, in the order of the input."""
    blocks: dict[str, set[str]] = {}
    waived: dict[str, str] = {}
    for outcome in rules:
        for result in outcome.results:
            if result.effect == "deny":
                for key in _keys(result.term, result.data):
                    blocks.setdefault(key, set()).add(outcome.rule)
            elif result.effect == "waived":
                waived.setdefault(result.term, result.because.removeprefix("waiver "))
    book = Book(waivers)
    return tuple(
        CompactFinding(
            key=finding.key,
            id=finding.id,
            aliases=finding.aliases,
            package=f"{finding.package.name} {finding.package.version}".strip(),
            purl=finding.package.purl,
            severity=finding.severity.value,
            fix=finding.fix,
            kev=finding.kev is not None,
            malware=finding.malware,
            epss=finding.epss.probability if finding.epss is not None else None,
            vex=finding.vex,
            suppressed_by_scanner=tuple(f"{item.scanner}: {item.reason}" for item in finding.suppressed_by_scanner),
            waiver=waived.get(finding.key) or next((waiver.id for waiver in _covering(document, finding, book)), None),
            blocks=tuple(sorted(blocks.get(finding.key, ()))),
            url=finding.url,
            reachable=finding.reachable,
            locations=places if len(places := finding.package.locations) <= _MOST_LOCATIONS else (),
        )
        for finding in document.vulnerabilities.findings
    )


def _covering(document: Input, finding: Finding, book: Book) -> Iterable[Waiver]:
    """The active waivers that took the finding out of a count."""
    for rule in finding.waived_for:
        yield from covering(book, rule, finding, document.subject)


def waiver_report(document: Input, used: Iterable[tuple[str, str]]) -> WaiverReport:
    """Every waiver, by what became of it. One that is pending is listed as unused."""
    waivers = document.decision.waivers
    book = Book(waivers)
    taken = set(used)
    owed: Counter[str] = Counter()
    terms = {waiver.term for waiver in waivers if waiver.baseline and (waiver.id, waiver.source) in taken}
    for finding in document.vulnerabilities.findings:
        found = list(_covering(document, finding, book))
        taken.update((waiver.id, waiver.source) for waiver in found)
        if finding.key in terms or any(waiver.baseline for waiver in found):
            owed[finding.severity.value] += 1
    active = [waiver for waiver in waivers if waiver.state == "active"]
    soon = document.decision.params.waiver_warn_days * _DAY
    return WaiverReport(
        active=tuple(active),
        expiring=tuple(waiver for waiver in active if waiver.expires_in_s is not None and waiver.expires_in_s <= soon),
        expired=tuple(waiver for waiver in waivers if waiver.state == "expired"),
        unused=tuple(
            waiver
            for waiver in waivers
            if waiver.state == "pending" or (waiver.state == "active" and (waiver.id, waiver.source) not in taken)
        ),
        invalid=tuple(waiver for waiver in waivers if waiver.state == "invalid"),
        draft=tuple(waiver for waiver in waivers if waiver.state == "draft"),
        debt=_debt(document, [waiver for waiver in active if waiver.baseline], taken, owed),
    )


def _debt(
    document: Input, baseline: Sequence[Waiver], taken: Collection[tuple[str, str]], owed: Mapping[str, int]
) -> Debt | None:
    """The baseline of this image: waivers of other images are no debt of this one, and nothing of theirs is gone."""
    name = document.subject.name
    own = [waiver for waiver in baseline if not waiver.scope.images or name in waiver.scope.images]
    if not own:
        return None
    needed = [waiver for waiver in own if (waiver.id, waiver.source) in taken]
    ends = sorted((waiver.expires_in_s or 0, waiver.expires) for waiver in needed)
    return Debt(
        findings=Counts(**owed, total=sum(owed.values())),
        waivers=len(needed),
        gone=len(own) - len(needed),
        next_expiry=ends[0][1] if ends else "",
    )
