"""The debt of the day a gate is adopted: what denies today becomes waivers that are seen, owned and end. Pure.

1. One waiver for one result: exactly its rule and its term, with package and version, for this image's repository only.
2. Never for what is known to be exploited, for malware, or for a rule that cannot be waived; what is left is named.
3. Of a limit only the excess is waived, least severe first. Where all were, the limit would be free for as many new findings;
   so a limit on something other than vulnerabilities, of which no part can be named, is left.
4. `shrink` only ever takes away.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from gate.errors import EvidenceUnavailable, UsageError
from gate.model.acceptance import satisfies
from gate.model.findings import SEVERITIES, Counts
from gate.model.verdict import CompactFinding, Outcome, Result, RuleOutcome
from gate.model.waiver import COMPLIANCE_DOMAINS, Scope, Waiver
from gate.policy.times import parse_moment

_DAY = 86_400
_SUPPRESSING = ("not_affected", "fixed")


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """Who accepts the debt, and until when."""

    owner: str
    ticket: str
    reason: str
    expires: str


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """Something that denies and that no baseline covers."""

    rule: str
    term: str
    why: str
    fix: str


@dataclasses.dataclass(frozen=True, slots=True)
class Proposal:
    waivers: tuple[Waiver, ...]
    """By id."""
    left: tuple[Left, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Dropped:
    place: int
    """In the file, from 0."""
    waiver: Waiver
    why: str


def propose(outcomes: Sequence[Outcome], terms: Terms) -> Proposal:
    """Waivers for all that denies. Raises EvidenceUnavailable without a verdict, UsageError for terms that nothing may have."""
    _all_decided(outcomes, [outcome for outcome in outcomes if outcome.decision == "NO_VERDICT"])
    for name in ("owner", "ticket", "reason"):
        if not getattr(terms, name).strip():
            raise UsageError(f"--{name} is empty", why="a risk that nobody owns is looked at by nobody", fix=f"say --{name} …")
    waivers: dict[str, Waiver] = {}
    left: dict[tuple[str, str], Left] = {}
    for outcome in outcomes:
        _within_bounds(outcome, terms.expires)
        findings = {finding.key: finding for finding in outcome.findings}
        for rule in outcome.rules:
            for result in rule.results:
                if outcome.children:  # an index is denied for what denies its platforms
                    continue
                if result.effect == "no_verdict":
                    unclear = Left(rule.rule, result.term, "it could not be told", result.fix)
                    left.setdefault((rule.rule, result.term), unclear)
                if result.effect != "deny":
                    continue
                for term, problem in _terms(outcome, rule, result, findings):
                    if problem:
                        left.setdefault((rule.rule, term), Left(rule.rule, term, problem, result.fix))
                    else:
                        waiver = _waiver(outcome, rule.rule, term, terms)
                        waivers.setdefault(waiver.id, waiver)
    return Proposal(tuple(waivers[name] for name in sorted(waivers)), tuple(left[name] for name in sorted(left)))


def _all_decided(outcomes: Sequence[Outcome], doubtful: Sequence[Outcome]) -> None:
    """Raises EvidenceUnavailable where something could not be told: what nobody has seen is nobody's accepted risk."""
    unclear = sorted({rule.rule for outcome in doubtful for rule in outcome.rules if rule.state == "no_verdict"})
    if unclear or doubtful or not outcomes:
        raise EvidenceUnavailable(
            "there is no verdict to work from" + (f": {', '.join(unclear)}" if unclear else ""),
            why="what could not be looked at may hold anything, so it can be neither accepted nor called gone",
            fix="mend what the report names, verify again, and give that verdict",
        )


def latest_end(created: str, days: int) -> str:
    """The last date, as YYYY-MM-DD, on which a waiver made then may end."""
    moment = parse_moment(created)
    assert moment is not None  # the time of a verdict
    return datetime.datetime.fromtimestamp(moment + days * _DAY, datetime.UTC).strftime("%Y-%m-%d")


def _within_bounds(outcome: Outcome, expires: str) -> None:
    days, created = outcome.policy.params.waiver_max_days, outcome.time.now
    end, start = parse_moment(expires), parse_moment(created)
    if end is None or start is None:
        raise UsageError(f"--expires {expires}: no date", fix="write 2027-01-31 (UTC, exclusive) or 2027-01-31T12:00:00Z")
    latest = latest_end(created, days)
    if end <= start:
        raise UsageError(f"--expires {expires} is not after the verdict, {created}", fix=f"at most --expires {latest}")
    if end - start > days * _DAY:
        raise UsageError(
            f"--expires {expires} is {(end - start) / _DAY:.0f} days after the verdict; waiver_max_days is {days}",
            why=f"the {outcome.policy.profile} profile wants each risk looked at again by then",
            fix=f"--expires {latest}, or change waiver_max_days in the policy file, where others see it",
        )


def _terms(outcome: Outcome, rule: RuleOutcome, result: Result, findings: dict[str, CompactFinding]) -> Iterable[tuple[str, str]]:
    """What a result that denies is about, each with what keeps it from being waived; empty when nothing does."""
    finding = findings.get(result.term)
    if not rule.waivable:
        yield result.term, "the rule cannot be waived"
    elif finding is not None and (problem := _never(finding)):
        yield result.term, problem
    elif outcome.policy.params.waiver_compensating_control and rule.rule.partition(".")[0] in COMPLIANCE_DOMAINS:
        yield result.term, "a waiver of a control says what compensates for it and who approved that; write it by hand"
    elif "*" in result.term or result.term != result.term.strip():
        yield result.term, "its term cannot be written as a waiver"
    elif result.term or not isinstance(result.got, int) or not isinstance(result.expected, int):
        yield result.term, ""
    else:
        yield from _excess(outcome, rule, result, result.got - result.expected)


def _never(finding: CompactFinding) -> str:
    if finding.malware:
        return "malware is never part of a baseline"
    return "known to be exploited (KEV), which is never part of a baseline" if finding.kev else ""


def _excess(outcome: Outcome, rule: RuleOutcome, result: Result, excess: int) -> Iterable[tuple[str, str]]:
    counted = _counted(outcome, rule.rule, result.data)
    if not counted:
        yield result.term, "it counts no vulnerabilities, so a waiver would let any number pass; write one by hand"
        return
    able = [finding for finding in counted if not _never(finding) and "*" not in finding.key]
    able.sort(key=lambda finding: (-SEVERITIES.index(finding.severity), bool(finding.fix.versions), finding.key))
    for finding in able[:excess]:
        yield finding.key, ""
    if len(able) < excess:
        for finding in counted:
            if finding not in able:
                yield finding.key, _never(finding) or "its term cannot be written as a waiver"


def _counted(outcome: Outcome, rule: str, data: Any) -> list[CompactFinding]:
    """The findings that a limit counted. A result lists the first thousand; beyond, all of the same severities that count."""
    listed = [finding for finding in outcome.findings if rule in finding.blocks]
    told = data.get("findings") if isinstance(data, dict) else None
    total = told.get("total") if isinstance(told, dict) else None
    if not isinstance(total, int) or total <= len(listed):
        return listed
    severities = {finding.severity for finding in listed}
    return [finding for finding in outcome.findings if finding.severity in severities and _counts(finding) and not finding.waiver]


def _counts(finding: CompactFinding) -> bool:
    vex = finding.vex
    return finding.malware or vex is None or not vex.counts or vex.status not in _SUPPRESSING


def _waiver(outcome: Outcome, rule: str, term: str, terms: Terms) -> Waiver:
    subject = outcome.subject
    scope = Scope(digests=(subject.digest,)) if subject.kind == "digest" or not subject.name else Scope(images=(subject.name,))
    name = "\0".join((rule, term, *scope.images, *scope.digests))
    return Waiver(
        id=f"baseline-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}",
        rule=rule,
        term=term,
        scope=scope,
        reason=terms.reason,
        owner=terms.owner,
        ticket=terms.ticket,
        created=outcome.time.now,
        expires=terms.expires,
        state="active",
        baseline=True,
    )


def shrink(waivers: Sequence[Waiver], outcomes: Sequence[Outcome]) -> tuple[Dropped, ...]:
    """The baseline waivers of a file that nothing needs any more. Raises EvidenceUnavailable without a verdict.

    Waivers of images that no verdict is about stay, and so does every waiver that is no baseline.
    """
    _all_decided(outcomes, [o for o in outcomes if any(rule.state == "no_verdict" for rule in o.rules)])
    judged = [outcome for outcome in outcomes if not outcome.children]
    if not judged or not all(map(_is_scanned, judged)):
        raise EvidenceUnavailable(
            "the verdict rests on no vulnerability scan",
            why="without one every finding would look gone",
            fix="scan, and verify again",
        )
    needs = [_Needs(outcome) for outcome in judged]
    dropped = []
    for place, waiver in enumerate(waivers):
        about = [need for need in needs if _about(waiver, need.outcome)]
        if waiver.baseline and about and not any(need.needs(waiver) for need in about):
            exploited = any(waiver.term in need.exploited for need in about)
            dropped.append(Dropped(place, waiver, "exploited now: a baseline does not cover it" if exploited else "gone"))
    return tuple(dropped)


def _is_scanned(outcome: Outcome) -> bool:
    """Whether it rests on a scan of all that there is: what govulncheck does not know of is not gone."""
    return any(item.kind == "vulnerabilities" and satisfies(item, outcome.policy.params) for item in outcome.evidence)


def _about(waiver: Waiver, outcome: Outcome) -> bool:
    subject = outcome.subject
    named = subject.name in waiver.scope.images or bool({subject.digest, subject.index_digest} & {*waiver.scope.digests})
    return named or not (waiver.scope.images or waiver.scope.digests)


class _Needs:
    """What one verdict needs of a baseline."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.exploited = frozenset(finding.key for finding in outcome.findings if _never(finding))
        self._known = {_identity(waiver) for waiver in outcome.waivers.active}
        self._unused = {_identity(waiver) for waiver in outcome.waivers.unused}
        self._results = {
            (rule.rule, result.term) for rule in outcome.rules for result in rule.results if result.effect in ("deny", "waived")
        }
        self._blocking = {(rule, finding.key) for finding in outcome.findings for rule in finding.blocks}

    def needs(self, waiver: Waiver) -> bool:
        """Whether the waiver was applied; of one that the verdict did not know, whether it would be."""
        if _identity(waiver) in self._known:
            return _identity(waiver) not in self._unused
        term = (waiver.rule, waiver.term)
        return waiver.term not in self.exploited and (term in self._results or term in self._blocking)


def _identity(waiver: Waiver) -> tuple[str, str, str, Scope]:
    return (waiver.id, waiver.rule, waiver.term, waiver.scope)


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """The debt of an image in one verdict."""

    image: str
    time: str
    findings: Counts
    waivers: int
    gone: int
    next_expiry: str


def standing(outcomes: Sequence[Outcome]) -> tuple[Standing, ...]:
    """The debt by image, with the verdicts of its platforms taken together by the greatest of each number."""
    best: dict[str, Standing] = {}
    for outcome in outcomes:
        debt = outcome.waivers.debt
        if outcome.children:
            continue
        name = outcome.subject.name
        found = Standing(
            image=name,
            time=outcome.time.now,
            findings=debt.findings if debt else Counts(),
            waivers=debt.waivers if debt else 0,
            gone=debt.gone if debt else 0,
            next_expiry=debt.next_expiry if debt else "",
        )
        other = best.get(name)
        if other is None or (found.findings.total, found.waivers) > (other.findings.total, other.waivers):
            best[name] = found
    return tuple(best[name] for name in sorted(best))
