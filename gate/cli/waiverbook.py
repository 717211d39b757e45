"""What the commands of ``gate waiver`` do: read, judge by the policy in force, and write."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gate.cli.files import emit, read_bounded, write_atomically
from gate.cli.messages import warn
from gate.cli.plan import effective_of, time_of
from gate.cli.render import load
from gate.cli.start import start
from gate.errors import EvidenceUnavailable, UsageError
from gate.limits import Limits
from gate.model.parameters import Parameters
from gate.model.verdict import Outcome
from gate.model.waiver import Scope, Waiver
from gate.policy.decoding import did_you_mean
from gate.policy.inventory import Inventory
from gate.policy.waiverfile import added, ended, entry_of, render
from gate.policy.waivers import judge, judge_all, matching, waivers_of
from gate.policy.yamlfile import Source, parse_source
from gate.report.escape import escape

_DAY = 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A waiver as it is listed."""

    waiver: Waiver
    state: str
    """As judged; ``expiring`` within waiver_warn_days of the end, ``unused`` when nothing in the verdict given needs it."""
    days: int | None
    """Whole days to the end; negative when it is past."""
    note: str


def now() -> str:
    """The clock's time."""
    return time_of(None).now


def outcomes_of(verdict: str | None, store: str | None) -> list[Outcome]:
    """The decisions of a report; none without one. Raises UsageError, EvidenceUnavailable when a subject has none."""
    if verdict is None:
        return []
    report = load(verdict, store)
    if report.failures or not report.verdicts:
        raise EvidenceUnavailable("there is no verdict of some subject", fix="verify again, and give that verdict")
    return [each.outcome for each in report.verdicts]


def matches(waiver: Waiver, outcomes: Sequence[Outcome]) -> bool:
    """Whether the waiver, were it active, would cover something in the verdicts: a result of its rule, or a finding."""
    active = msgspec.structs.replace(waiver, state="active")
    for outcome in outcomes:
        for rule in outcome.rules:
            if rule.rule == waiver.rule and any(
                r.effect in ("deny", "waived") and matching(active, rule.rule, r.term, outcome.subject, exploited=False)
                for r in rule.results
            ):
                return True
        if not (waiver.term or waiver.scope.packages) or not waiver.rule.startswith("vulnerabilities."):
            continue
        for finding in outcome.findings:
            names = (finding.id, *finding.aliases)
            exploited = finding.kev or finding.malware
            if matching(active, waiver.rule, finding.key, outcome.subject, names, exploited=exploited):
                return True
    return False


def read_all(options: Mapping[str, Any]) -> tuple[list[Line], int]:
    """All waivers of the files, judged together, those that end first at the top; and how many files there are."""
    limits = Limits.from_environment()
    moment = time_of(options["effective_time"]).now
    outcomes = outcomes_of(options["verdict"], options["store"])
    read = [waiver for path in options["files"] for waiver in waivers_of(_source(path, limits)[0])]
    inventory, params = _in_force(options, limits)
    lines = [_line(waiver, params, outcomes) for waiver in judge_all(read, moment, params, inventory)]
    lines.sort(key=lambda line: (line.days is None, line.days, line.waiver.id, line.waiver.source))
    return lines, len(options["files"])


def plain(line: Line) -> dict[str, Any]:
    """For JSON."""
    values = {**entry_of(line.waiver), "source": line.waiver.source}
    return {**values, "state": line.state, "days_left": line.days, "note": line.note}


def add(options: Mapping[str, Any]) -> int:
    """Write one waiver. Raises UsageError for one that would not hold, or that matches nothing in the verdict given."""
    limits = Limits.from_environment()
    path = options["file"]
    if bool(options["term"]) == options["whole_rule"]:
        raise UsageError("say what is waived", fix="--term CVE-2026-1234, or --whole-rule for all that the rule finds")
    scope = Scope(images=options["images"], digests=options["digests"], packages=options["packages"])
    term = options["term"] or ""
    key = "\0".join((options["rule"], term, *scope.images, *scope.digests, *scope.packages, options["expires"]))
    waiver = Waiver(
        id=options["name"] or f"W-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}",
        rule=options["rule"],
        term=term,
        scope=scope,
        reason=options["reason"].strip(),
        owner=options["owner"].strip(),
        ticket=options["ticket"].strip(),
        created=now(),
        expires=options["expires"],
        approved_by=options["approved_by"],
        state="invalid",
    )
    inventory, params = _in_force(options, limits)
    judged = judge(waiver, waiver.created, params, None, inventory)
    if judged.state != "active":
        raise UsageError(
            f"this waiver would be {judged.state}: {judged.problem or 'its end is past'}",
            why="what does not hold is never applied, and a file full of such waivers hides the ones that do",
            fix="gate explain lists the rules, and whether they can be waived",
        )
    outcomes = outcomes_of(options["verdict"], options["store"])
    if outcomes and not matches(waiver, outcomes):
        found = [finding for outcome in outcomes for finding in outcome.findings if waiver.rule in finding.blocks]
        keys = [name for finding in found for name in ((finding.id,) if "|" not in term else (finding.key,))]
        terms = [r.term for o in outcomes for rule in o.rules if rule.rule == waiver.rule for r in rule.results if r.term]
        raise UsageError(
            f"{waiver.rule} {term}: nothing in the verdict is named so",
            why="a waiver that matches nothing waives nothing, or something else later",
            fix=did_you_mean(term, {*keys, *terms}),
        )
    if Path(path).exists():
        source, text = _source(path, limits)
        if any(each.id == waiver.id for each in waivers_of(source)):
            raise UsageError(f"{path} has a waiver {waiver.id} already", fix="give another --id")
        written = added(source, text, [waiver])
    else:
        written = render([waiver])
    write_atomically(path, written.encode())
    emit(
        f"{escape(path)}: {escape(waiver.id)} for {escape(waiver.rule)} {escape(term)}, until {escape(waiver.expires)}\n".encode()
    )
    if not outcomes:
        warn("not checked that it matches anything: give a verdict with --from")
    return 0


def expire(path: str, name: str, reason: str) -> int:
    """End a waiver now. Raises UsageError when there is none of that id, or more than one, or it has ended."""
    from gate.policy.times import parse_moment

    limits = Limits.from_environment()
    source, text = _source(path, limits)
    waivers = waivers_of(source)
    places = [place for place, waiver in enumerate(waivers) if waiver.id == name]
    if len(places) != 1:
        found = f"{len(places)} waivers" if places else "no waiver"
        raise UsageError(f"{path} has {found} {name!r}", fix=did_you_mean(name, [waiver.id for waiver in waivers]))
    moment = now()
    end, current = parse_moment(waivers[places[0]].expires), parse_moment(moment)
    if end is not None and current is not None and end <= current:
        raise UsageError(f"{name} has ended on {waivers[places[0]].expires} already", fix="nothing is to be done")
    write_atomically(path, ended(source, text, places[0], moment, reason).encode())
    emit(f"{escape(path)}: {escape(name)} ended on {moment}\n".encode())
    return 0


def _line(waiver: Waiver, params: Parameters, outcomes: Sequence[Outcome]) -> Line:
    left = waiver.expires_in_s
    days = None if left is None else left // _DAY
    state: str = waiver.state
    note = waiver.problem
    if state in ("active", "pending") and outcomes and not matches(waiver, outcomes):
        state, note = "unused", "nothing in the verdict needs it"
    elif state == "active" and left is not None and left <= params.waiver_warn_days * _DAY:
        state = "expiring"
    return Line(waiver, state, days, note)


def _source(path: str, limits: Limits) -> tuple[Source, str]:
    data = read_bounded(path, limits.policy_file_bytes, "waivers")
    return parse_source(data, name=path, max_bytes=limits.policy_file_bytes), data.decode("utf-8-sig")


def _in_force(options: Mapping[str, Any], limits: Limits) -> tuple[Inventory, Parameters]:
    """The rules and the parameters that waivers are judged by. Raises ConfigError, PolicyError, EngineMissing."""
    with contextlib.ExitStack() as stack:
        started = start(options, limits, stack)
        return started.engine.inventory, effective_of(started.chosen, options, limits).params
