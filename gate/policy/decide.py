"""The decision: pure and total. Input, inventory and OPA's answer become an outcome; no clock, no file, no socket.

What OPA said is only the beginning: selection, waivers, dates, enforcement modes, dependencies and required evidence are applied
here, each leaving its mark in ``because``. Nothing here turns a verdict better silently, and nothing is dropped (invariant 6).
"""

from __future__ import annotations

import dataclasses
import graphlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from gate.errors import PolicyError
from gate.model.base import to_json
from gate.model.input import Input
from gate.model.verdict import ChildOutcome, Digests, Engine, Outcome, Result, RuleOutcome, RuleState, VerdictSubject, Word
from gate.model.waiver import Waiver
from gate.policy import builtin
from gate.policy.findings import compact, waiver_report
from gate.policy.inventory import Inventory, RuleMeta
from gate.policy.parameters import is_asked
from gate.policy.required import candidates, is_required, parameter, unmet
from gate.policy.results import Evaluation, RawResult
from gate.policy.selection import Selection, parse_selection
from gate.policy.times import parse_moment
from gate.policy.upgrades import plan
from gate.policy.waivers import Book, is_exploited, matching

Effect = Literal["deny", "no_verdict", "warn", "waived", "not_applicable"]
_VULN_ID = re.compile(r"V-\d{3,7}")
_SET_EFFECT: Mapping[str, Effect] = {
    "deny": "deny",
    "no_verdict": "no_verdict",
    "warn": "warn",
    "not_applicable": "not_applicable",
}
_STATE_ORDER: tuple[tuple[Effect, RuleState], ...] = (
    ("deny", "denied"),
    ("no_verdict", "no_verdict"),
    ("warn", "warned"),
    ("waived", "waived"),
    ("not_applicable", "not_applicable"),
)


def packages_to_evaluate(document: Input, inventory: Inventory) -> tuple[str, ...]:
    """The packages that have a selected rule for this kind of subject; what `Engine.evaluate` is to be asked for."""
    selection = parse_selection(document.decision.selection, document.decision.enforcement, inventory)
    return tuple(sorted({meta.package for meta in _asked(document, inventory, selection)}))


def _asked(document: Input, inventory: Inventory, selection: Selection) -> list[RuleMeta]:
    return [
        meta
        for meta in inventory.rules.values()
        if selection.selected(meta) and document.subject.kind in meta.custom.applies_to
    ]  # fmt: skip


@dataclasses.dataclass
class _Case:
    """What every step of one decision looks at."""

    document: Input
    inventory: Inventory
    selection: Selection
    now: float | None
    waivers: Book
    """The active ones."""
    aliases: Mapping[str, tuple[str, ...]]
    """Other names of a finding, by its key."""
    exploited: frozenset[str]
    """Keys of findings that no baseline waiver covers."""
    waived_rules: frozenset[str]
    """Rules that some finding was taken out of by a waiver."""
    used: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    """Id and source of the waivers that were applied."""


def decide(
    document: Input,
    inventory: Inventory,
    evaluation: Evaluation,
    *,
    digests: Digests,
    engine: Engine,
    gate: str,
    children: Sequence[ChildOutcome] = (),
) -> Outcome:
    """The outcome. Digests and versions are given, since a pure function cannot know them.

    Raises PolicyError when the evaluation lacks a package that a selected rule is in, or when the selection names nothing.
    """
    decision = document.decision
    case = _Case(
        document=document,
        inventory=inventory,
        selection=parse_selection(decision.selection, decision.enforcement, inventory),
        now=parse_moment(document.time.now),
        waivers=Book(decision.waivers),
        aliases={finding.key: (finding.id, *finding.aliases) for finding in document.vulnerabilities.findings},
        exploited=frozenset(finding.key for finding in document.vulnerabilities.findings if is_exploited(finding)),
        waived_rules=frozenset(rule for finding in document.vulnerabilities.findings for rule in finding.waived_for),
    )
    selected = [meta for meta in inventory.rules.values() if case.selection.selected(meta)]
    outcomes = _settle(case, selected, {meta.id: _results(case, meta, evaluation) for meta in selected})
    asked = _asked(document, inventory, case.selection)
    judged = [meta for meta in asked if meta.set in ("deny", "no_verdict") and outcomes[meta.id].state != "not_applicable"]
    clean = _word(outcomes.values()) == "ALLOW"
    own = builtin.outcomes(document, asked, judged=len(judged), clean=clean, children=children)
    rules = tuple(sorted((*outcomes.values(), *own), key=lambda outcome: outcome.rule))
    word = _word(rules)
    findings = compact(document, rules, decision.waivers)
    blocking = {finding.key for finding in findings if finding.blocks}
    subject = document.subject
    return Outcome(
        subject=VerdictSubject(
            name=subject.name,
            reference=subject.reference,
            digest=subject.digest,
            media_type=subject.media_type,
            kind=subject.kind,
            platform=subject.platform,
            index_digest=subject.index_digest,
            config_digest=subject.config_digest,
        ),
        decision=word,
        reasons=_reasons(rules, word),
        # a run in which nothing could have denied was no enforcement, whatever it was called
        enforced=not decision.exit_zero and (bool(children) or any(outcomes[meta.id].mode == "enforce" for meta in judged)),
        policy=decision,
        rules=rules,
        reported=document.vulnerabilities.reported,
        effective=document.vulnerabilities.effective,
        findings=findings,
        upgrades=plan(finding for finding in document.vulnerabilities.findings if finding.key in blocking),
        evidence=document.evidence,
        errors=document.errors,
        vex=document.vex,
        waivers=waiver_report(document, case.used),
        time=document.time,
        digests=digests,
        engine=engine,
        gate=gate,
        children=tuple(children),
        stig=document.stig.scanner_results,
        chain=document.provenance.chain,
    )


def _word(rules: Iterable[RuleOutcome]) -> Word:
    states = {outcome.state for outcome in rules}
    return "DENY" if "denied" in states else "NO_VERDICT" if "no_verdict" in states else "ALLOW"


def _reasons(rules: Iterable[RuleOutcome], word: Word) -> tuple[str, ...]:
    wanted = {"DENY": "denied", "NO_VERDICT": "no_verdict", "ALLOW": ""}[word]
    return tuple(sorted(outcome.rule for outcome in rules if outcome.state == wanted))


def _results(case: _Case, meta: RuleMeta, evaluation: Evaluation) -> list[Result]:
    """All results of a selected rule with their effects, before dependencies."""
    if case.document.subject.kind not in meta.custom.applies_to:
        return []
    results: list[Result] = []
    if meta.package in evaluation.failures:
        text = f"{meta.package} could not be evaluated: {evaluation.failures[meta.package]}"
        failed = RawResult(rule=meta.id, msg=text, fix="correct the rule; the input is kept for replay")
        results.append(_effect(case, meta, "no_verdict", failed))
    elif meta.package not in evaluation.results:
        raise PolicyError(f"{meta.package} was not evaluated", why="a rule that did not run did not pass (invariant 5)")
    else:
        for name, found in evaluation.results[meta.package].items():
            results.extend(_effect(case, meta, _SET_EFFECT[name], raw) for raw in found if raw.rule == meta.id)
    for need in meta.custom.requires_evidence:
        if is_required(case.document, need, meta.custom.applies_to):
            missing = unmet(case.document, need, meta.id)
            # the rule's own words are better, when it has said as much itself
            said = {"deny"} if missing is not None and missing.effect == "deny" else {"deny", "no_verdict"}
            if missing is not None and not any(result.effect in said for result in results):
                results.append(_effect(case, meta, missing.effect, missing.result))
    return results


def _effect(case: _Case, meta: RuleMeta, effect: Effect, raw: RawResult) -> Result:
    """What a result does to the verdict, and why when that differs from what the rule said."""
    final, because = effect, ""
    if effect in ("deny", "no_verdict", "warn") and not case.selection.selected(meta, raw.term):
        final, because = "not_applicable", f"selection: {case.selection.excluded_by(meta, raw.term)}"
    elif effect in ("deny", "no_verdict"):
        waiver = _waiver(case, meta, raw.term) if effect == "deny" else None  # no_verdict is never waived (invariant 6)
        start = parse_moment(meta.custom.effective_on) if meta.custom.effective_on else None
        if waiver is not None:
            final, because = "waived", f"waiver {waiver.id}"
        elif start is not None and case.now is not None and case.now < start:  # an invalid date is in force
            final, because = "warn", f"effective on {meta.custom.effective_on}"
        elif case.selection.mode(meta, raw.term) == "report":
            final, because = "warn", "report mode"
    return Result(
        rule=raw.rule,
        term=raw.term,
        msg=raw.msg,
        evidence=raw.evidence,
        expected=raw.expected,
        got=raw.got,
        fix=raw.fix or (meta.custom.solution if effect != "not_applicable" else ""),
        data=raw.data,
        effect=final,
        because=because,
    )


def _waiver(case: _Case, meta: RuleMeta, term: str) -> Waiver | None:
    if not meta.custom.waivable:
        return None
    names = case.aliases.get(term, ())
    numbers = {control.id for control in meta.custom.controls if _VULN_ID.fullmatch(control.id)}
    for waiver in case.waivers.about(meta.id, term, (*names, *numbers)):
        # the V-id of the control that the rule is names the rule as a whole; a baseline is about its own term only
        about = msgspec.structs.replace(waiver, term="") if waiver.term in numbers and not waiver.baseline else waiver
        if matching(about, meta.id, term, case.document.subject, names, exploited=term in case.exploited):
            case.used.add((waiver.id, waiver.source))
            return waiver
    return None


def _settle(case: _Case, selected: Sequence[RuleMeta], results: Mapping[str, list[Result]]) -> dict[str, RuleOutcome]:
    """Rule outcomes in order of dependency: what only follows from another rule's failure is not reported as a second one."""
    by_id = {meta.id: meta for meta in selected}
    outcomes: dict[str, RuleOutcome] = {}
    ended: dict[str, str] = {}
    """``denied`` or ``no_verdict`` by rule: how it ended, or how what it depends on did."""
    order = graphlib.TopologicalSorter({meta.id: [name for name in meta.custom.depends_on if name in by_id] for meta in selected})
    for rule in order.static_order():  # circles were refused with the inventory
        meta = by_id[rule]
        failed = {name: ended[name] for name in meta.custom.depends_on if name in ended}
        outcome = _outcome(case, meta, [_follow(result, failed) for result in results[rule]], failed)
        outcomes[rule] = outcome
        if outcome.state in ("denied", "no_verdict"):
            ended[rule] = outcome.state
        elif failed:
            ended[rule] = "denied" if "denied" in failed.values() else "no_verdict"
    return outcomes


def _follow(result: Result, failed: Mapping[str, str]) -> Result:
    """A consequence of a failed dependency does not count again; a deny stays when the dependency only gave no verdict."""
    for name, state in sorted(failed.items()):
        if result.effect == "no_verdict" or (result.effect == "deny" and state == "denied"):
            return msgspec.structs.replace(result, effect="not_applicable", because=f"depends on {name}")
    return result


def _outcome(case: _Case, meta: RuleMeta, results: list[Result], failed: Mapping[str, str]) -> RuleOutcome:
    effects = {result.effect for result in results}
    state = next((state for effect, state in _STATE_ORDER if effect in effects), None) or _silent(case, meta, failed)
    return RuleOutcome(
        rule=meta.id,
        state=state,
        title=meta.title,
        severity=meta.custom.severity,
        waivable=meta.custom.waivable,
        mode=case.selection.mode(meta, ""),
        controls=meta.custom.controls,
        collections=meta.custom.collections,
        results=tuple(sorted(results, key=lambda result: (result.term, result.effect, to_json(result)))),
    )


def _silent(case: _Case, meta: RuleMeta, failed: Mapping[str, str]) -> RuleState:
    """A rule that said nothing passed only if there was something for it to judge."""
    document = case.document
    if failed or document.subject.kind not in meta.custom.applies_to:
        return "not_applicable"
    if meta.custom.parameter is not None and not is_asked(parameter(document, meta.custom.parameter)):
        return "not_applicable"
    for need in meta.custom.requires_evidence:
        if not is_required(document, need, meta.custom.applies_to) and not candidates(document, need):
            return "not_applicable"
    if meta.id in case.waived_rules:
        return "waived"  # silent because a waiver took findings out of its count
    return "passed"
