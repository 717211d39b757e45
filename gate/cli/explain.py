"""``gate explain``: what a rule checks, why a verdict is what it is, and what would turn it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit

if TYPE_CHECKING:
    from gate.model.verdict import CompactFinding, Outcome, Result, RuleOutcome, Verdict
    from gate.whatif import WhatIf

_SHOWN = 50


@click.command("explain")
@click.argument("name", metavar="[RULE|TERM]", required=False)
@click.option("--from", "source", metavar="FILE|DIGEST", help="Explain a verdict: its file, or a digest in the store.")
@click.option("--what-if", is_flag=True, help="Find the smallest set of upgrades, evidence and waivers that turns the verdict.")
@click.option("--bundle", "bundles", multiple=True, metavar="PATH", help="A further policy pack. Repeatable.")
@click.option("--store", metavar="DIR", help="Where verdicts are kept; default $GATE_STORE or your data folder.")
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def command(name: str | None, source: str | None, what_if: bool, bundles: tuple[str, ...], store: str | None, quiet: bool) -> int:
    """Explain RULE from its metadata, or why a verdict is what it is; without either, list all rules.

    With --from, RULE is a rule of the verdict, and TERM what it found: a vulnerability, a package, a path, a V-id. Without
    one, all that blocks is explained: which evidence, what was expected, what was there, who signed it, what would make it pass.

    --what-if decides again on the stored input, with upgrades, evidence and waivers in place, and prints a set of them that
    turns the verdict and of which no single step can be left out. It needs the store that the verdict was written to. Nothing
    is changed: an ideal document stands for evidence that is missing, and a real one may say more.

    \b
    Examples:
      gate explain
      gate explain vulnerabilities.max_high
      gate explain acme.no_latest_tag --bundle ./acme-pack
      gate explain --from verdict.json CVE-2021-33503
      gate explain --from sha256:4f2a… --what-if

    Exit code 0 when it could be explained; with --what-if 1 when no set turns the verdict.
    """
    from gate.errors import UsageError

    if source is None:
        if what_if:
            raise UsageError("--what-if needs a verdict", fix="name it with --from")
        return _rules(name, bundles)
    if bundles:
        raise UsageError("--bundle does not go with --from", why="a verdict is explained with the packs that decided it")
    return _what_if(source, store, quiet) if what_if else _verdict(source, store, name)


def _rules(rule: str | None, bundles: tuple[str, ...]) -> int:
    from gate.errors import UsageError
    from gate.limits import Limits
    from gate.policy.bundle import load_policy, parse_spec
    from gate.policy.decoding import did_you_mean
    from gate.policy.engine import Engine
    from gate.policy.opa import find_opa

    limits = Limits.from_environment()
    policy = load_policy([parse_spec(text) for text in bundles], limits)
    with find_opa(os.environ) as binary, Engine(binary, policy, limits) as engine:
        rules = engine.inventory.rules
    if rule is None:
        width = max(len(name) for name in rules)
        emit("".join(f"{name:<{width}}  {rules[name].title}\n" for name in sorted(rules)).encode())
        return 0
    if rule not in rules:
        raise UsageError(f"there is no rule {rule}", why=did_you_mean(rule, rules), fix="gate explain lists all rules")
    emit("\n".join(_explain(rules[rule])).encode() + b"\n")
    return 0


def _explain(meta: Any) -> list[str]:
    from gate.report.escape import escape

    custom = meta.custom
    effect = {"deny": "denies", "warn": "warns", "no_verdict": "gives no verdict"}.get(meta.set, "explains itself")
    lines = [f"{meta.id}  {escape(meta.title)}", "", *(escape(line) for line in meta.description.strip().splitlines()), ""]
    lines.append(f"it {effect}; severity {custom.severity}; {'can' if custom.waivable else 'cannot'} be waived")
    for need in custom.requires_evidence:
        when = f" when {need.when} is set" if need.when else ""
        lines.append(f"needs {need.kind} ({need.state}, on the {need.on}, {need.select}){when}")
    if custom.parameter:
        lines.append(f"parameter: {custom.parameter}")
    if custom.depends_on:
        lines.append(f"depends on: {', '.join(custom.depends_on)}")
    if custom.controls:
        lines.append("controls: " + ", ".join(f"{control.framework} {control.id}" for control in custom.controls))
    lines += [f"collections: {', '.join(custom.collections)}", f"defined in: {escape(meta.location)}", ""]
    return [*lines, "how to satisfy it:", *(f"  {escape(line)}" for line in custom.solution.strip().splitlines())]


def _verdict(source: str, store: str | None, name: str | None) -> int:
    from gate.cli.render import load
    from gate.errors import UsageError

    report = load(source, store)
    blocks = []
    for verdict in report.verdicts:
        about = list(_about(verdict.outcome, name))
        if about:
            blocks.append("\n".join([*_head(verdict), *about]))
    if not blocks and name is not None:
        rules = sorted({rule.rule for verdict in report.verdicts for rule in verdict.outcome.rules})
        from gate.policy.decoding import did_you_mean

        raise UsageError(
            f"the verdict says nothing of {name}",
            why=did_you_mean(name, rules) or "it is neither a rule that was judged, nor a finding, nor the term of a result",
            fix="gate report --from … --verbose shows all that it says",
        )
    emit(("\n\n".join(blocks) + "\n").encode("utf-8", "backslashreplace"))
    return 0


def _head(verdict: Verdict) -> list[str]:
    from gate.report.escape import escape
    from gate.report.summary import title

    outcome = verdict.outcome
    return [f"{outcome.decision.replace('_', ' ')}  {escape(title(outcome))}", f"record  {verdict.outcome_digest}"]


def _about(outcome: Outcome, name: str | None) -> Iterator[str]:
    """What the outcome says of a rule or term; of all that blocks without one."""
    from gate.report.summary import blocking, deciding

    if name is None:
        rules = blocking(outcome)
        if not rules:
            yield f"\n{outcome.decision}: {', '.join(outcome.reasons) or 'no rule denied, and every rule was evaluated'}"
        for rule in rules:
            yield from _rule(outcome, rule, deciding(rule))
        return
    named = [rule for rule in outcome.rules if rule.rule == name]
    for rule in named:
        yield from _rule(outcome, rule, rule.results)
    if named:
        return
    findings = [f for f in outcome.findings if name in (f.key, f.id, f.package, f.purl, *f.aliases, f.package.rpartition(" ")[0])]
    for finding in findings:
        yield from _finding(outcome, finding)
    keys = {finding.key for finding in findings}
    for rule in outcome.rules:
        results = tuple(r for r in rule.results if r.term and (r.term == name or r.term in keys))
        if results:
            yield from _rule(outcome, rule, results)


def _rule(outcome: Outcome, rule: RuleOutcome, results: tuple[Result, ...]) -> Iterator[str]:
    from gate.report.escape import escape

    yield f"\n{rule.rule}  {rule.state.replace('_', ' ')}  ({rule.severity}, {'can' if rule.waivable else 'cannot'} be waived)"
    yield f"  {escape(rule.title)}"
    if rule.controls:
        yield "  controls: " + ", ".join(f"{control.framework} {control.id}" for control in rule.controls)
    if not results:
        yield {"passed": "  it found nothing to say", "not_applicable": "  it does not apply to this subject"}.get(rule.state, "")
    for result in results[:_SHOWN]:
        yield f"  - {escape(result.msg)}"
        if result.effect != rule.state and result.because:
            yield f"      {result.effect.replace('_', ' ')}: {escape(result.because)}"
        if result.term:
            yield f"      term      {escape(result.term)}"
        for label, value in (("expected", result.expected), ("got", result.got), ("fields", result.data)):
            if value not in (None, "", {}, []):
                yield f"      {label:<9} {_value(value)}"
        for line in _evidence(outcome, result):
            yield f"      evidence  {line}"
        if result.fix:
            yield f"      fix       {escape(result.fix)}"
    if len(results) > _SHOWN:
        yield f"  … and {len(results) - _SHOWN} more, in the JSON report"
    blocked = [finding for finding in outcome.findings if rule.rule in finding.blocks]
    for finding in blocked[:_SHOWN]:
        fix = f"upgrade to {', '.join(finding.fix.versions)}" if finding.fix.versions else f"fix: {finding.fix.state}"
        yield f"      {finding.severity:<10} {escape(finding.id)}  {escape(finding.package)}  {escape(fix)}"
    if len(blocked) > _SHOWN:
        yield f"      … and {len(blocked) - _SHOWN} more findings"


def _value(value: object) -> str:
    """One line of JSON, cut where a terminal would drown."""
    import msgspec

    from gate.report.escape import escape

    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
    return escape(text if len(text) <= 400 else text[:400] + " …").replace('\\\\"', '"')


def _evidence(outcome: Outcome, result: Result) -> Iterator[str]:
    from gate.report.escape import escape
    from gate.report.summary import state_of

    items = {item.id: item for item in outcome.evidence}
    for name in result.evidence[:5]:
        item = items.get(name)
        yield f"{item.kind} {escape(item.format)} from {escape(item.source)}: {escape(state_of(item))}" if item else name
    if len(result.evidence) > 5:
        yield f"… and {len(result.evidence) - 5} more"


def _finding(outcome: Outcome, finding: CompactFinding) -> Iterator[str]:
    from gate.report.escape import escape

    yield f"\n{escape(finding.id)}  {finding.severity}  {escape(finding.package)}"
    if finding.aliases:
        yield f"  also      {escape(', '.join(finding.aliases))}"
    marks = [word for word, on in (("known exploited", finding.kev), ("malware", finding.malware)) if on]
    marks += [] if finding.epss is None else [f"EPSS {finding.epss:.3f}"]
    marks += [] if finding.reachable == "unknown" else [f"reachable: {finding.reachable}"]
    if marks:
        yield f"  known as  {', '.join(marks)}"
    for place in finding.locations[:5]:
        yield f"  in        {escape(place)}"
    if finding.url:
        yield f"  see       {escape(finding.url)}"
    versions = ", ".join(finding.fix.versions)
    yield f"  fix       {f'upgrade to {escape(versions)}' if versions else finding.fix.state.replace('_', ' ')}"
    if finding.vex is not None:
        counts = "counts" if finding.vex.counts else "does not count: author or signature is not accepted"
        yield f"  vex       {finding.vex.status} by {escape(finding.vex.author)} ({counts})"
    if finding.waiver:
        yield f"  waiver    {escape(finding.waiver)}"
    for scanner in finding.suppressed_by_scanner:
        yield f"  note      {escape(scanner)} suppressed it; it counts all the same"
    yield f"  blocks    {', '.join(finding.blocks) or 'nothing'}"


def _what_if(source: str, store: str | None, quiet: bool) -> int:
    from gate.audit.store import Store
    from gate.cli.messages import progress
    from gate.cli.options import store_path
    from gate.cli.render import find_one, load
    from gate.errors import PolicyError, UsageError
    from gate.limits import Limits
    from gate.policy.engine import Engine
    from gate.policy.opa import find_opa
    from gate.replay import stored_input, stored_policy
    from gate.report.escape import escape
    from gate.whatif import what_if

    limits = Limits.from_environment()
    report = load(source, store)
    if len(report.verdicts) != 1:
        fix = "name one of them: " + ", ".join(verdict.outcome_digest for verdict in report.verdicts[:10])
        raise UsageError(f"--what-if is about one verdict, and {source} holds {len(report.verdicts)}", fix=fix)
    place = Store(store_path(store), limits)
    kept = find_one(place, report.verdicts[0].outcome_digest, str(place.path))
    verdict, document, data = stored_input(place, kept)
    if verdict.outcome.children:
        raise UsageError("an index is as good as its platforms", fix="ask for the verdict of the platform that blocks")
    policy = stored_policy(place, kept, verdict.outcome, limits)
    with (
        find_opa(os.environ) as binary,
        Engine(binary, policy, limits) as engine,
        progress("deciding again with upgrades, evidence and waivers", quiet=quiet),
    ):
        found = what_if(document, data, engine, trust=verdict.outcome.digests.trust)
    if found.before != verdict.outcome.decision:
        raise PolicyError(
            f"the stored input is decided otherwise now: {found.before}, and {verdict.outcome.decision} then",
            why="another engine or gate decides here than did then",
            fix=f"gate replay {verdict.outcome_digest} says what differs",
        )
    emit(
        ("\n".join([*_head(verdict), "", *(escape(line) for line in _turned(found))]) + "\n").encode("utf-8", "backslashreplace")
    )
    return 0 if found.after == "ALLOW" else 1


def _turned(found: WhatIf) -> Iterator[str]:
    before, after = found.before.replace("_", " "), found.after.replace("_", " ")
    if found.before == "ALLOW":
        yield "it is ALLOW already"
        return
    if found.after == "ALLOW":
        yield f"{before} becomes {after} with {len(found.steps)} {'step' if len(found.steps) == 1 else 'steps'}:"
    elif found.steps:
        yield f"{before} stays {after}; the most that can be done is:"
    else:
        yield f"{before} stays: no upgrade, evidence or waiver turns it"
    yield from (f"  {number}. {step.text}" for number, step in enumerate(found.steps, 1))
    if found.left:
        yield "what would still block:"
        yield from (
            f"  - {result.rule}: {result.msg}" + (f" (fix: {result.fix})" if result.fix else "") for result in found.left[:20]
        )
        if len(found.left) > 20:
            yield f"  … and {len(found.left) - 20} more"
    if found.steps:
        least = "no single step can be left out" if found.minimal else "time was up before every step had been tried without"
        yield f"evaluated {found.evaluations} times; {least}"
    if any(step.kind == "evidence" for step in found.steps):
        yield "evidence that is missing was taken for ideal; a real document may say more"
    if any(step.kind == "waiver" for step in found.steps):
        yield "a waiver accepts a risk: it needs an owner and a reason, and ends"
