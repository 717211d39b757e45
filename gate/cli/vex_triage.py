"""``gate vex triage``: ask, or read decisions, and append what was decided to the project's VEX."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit, read_bounded, write_atomically
from gate.cli.lock import locked
from gate.cli.messages import warn
from gate.errors import ConfigError, UsageError
from gate.report.escape import escape

if TYPE_CHECKING:
    from gate.model.verdict import Verdict
    from gate.vex.history import Appended
    from gate.vex.triage import Applied, Decision, DecisionFile, Open

_SHOWN = 6
"""Packages of one vulnerability that are listed before the question."""
_TICK, _PAUSE = timedelta(seconds=1), 0.05
_LETTERS = {"n": "not_affected", "a": "affected", "u": "under_investigation", "s": "skip", "q": "quit"}


def triage(verdicts: tuple[Verdict, ...], options: Mapping[str, Any]) -> int:
    """Triage the verdicts of one run one after the other."""
    from gate.vex.triage import open_findings

    if options["template"]:
        emit(template(open_findings(verdicts)).encode())
        return 0
    given = _given(options)
    images: dict[str, list[Verdict]] = {}
    for verdict in verdicts:  # the platforms of an index have one name, and one document
        images.setdefault(verdict.outcome.subject.name, []).append(verdict)
    if options["output"] and len(images) > 1:
        raise UsageError("one --output for several images", fix="choose one with --image, or use --output-dir")
    for name, found in images.items():
        _one(name, found, given, options)
    return 0


def _given(options: Mapping[str, Any]) -> DecisionFile:
    """The decision file; without one, a terminal is needed to ask on."""
    from gate.vex.triage import DecisionFile, read_decisions

    if options["decisions"]:
        from gate.limits import Limits
        from gate.policy import yamlfile

        bound = Limits.from_environment().policy_file_bytes
        data = read_bounded(options["decisions"], bound, "decisions")
        given = read_decisions(yamlfile.parse_source(data, name=options["decisions"], max_bytes=bound).value)
    elif sys.stdin.isatty() or options["ask"]:
        given = None
    else:
        raise UsageError(
            "there is no terminal to ask on",
            why="triage needs somebody's decisions",
            fix="give them as a file: gate vex triage --from … --template > decisions.yaml, then --decisions decisions.yaml",
        )
    author = options["author"] or (given.author if given else "")
    if not author:
        raise UsageError(
            "no author", why="a statement is worth what its author is", fix="--author 'Acme Security <security@acme.example>'"
        )
    return DecisionFile(
        author=author,
        role=options["role"] or (given.role if given else ""),
        scope=options["scope"] or (given.scope if given else None),
        decisions=given.decisions if given else (),
    )


def _one(name: str, verdicts: Sequence[Verdict], given: DecisionFile, options: Mapping[str, Any]) -> None:
    from gate.vex import write
    from gate.vex.triage import apply, open_findings

    decisions = given.decisions
    if not options["decisions"]:
        decisions = tuple(ask(open_findings(verdicts), reviewer=options["reviewer"] or given.author))
    whole = {verdict.outcome.subject.digest for verdict in verdicts if verdict.outcome.children}

    def at(now: datetime) -> list[Applied]:
        return [apply(decisions, verdict, scope=given.scope or "digest", now=now, whole=whole) for verdict in verdicts]

    applied = at(write.clock(os.environ))
    for decision in applied[0].unmatched:
        if all(decision in one.unmatched for one in applied):
            where = f" in {decision.package}" if decision.package else ""
            warn(f"{name} has no finding {decision.vulnerability}{where}: nothing was written for it")
    if not any(one.statements for one in applied):
        click.echo(f"{escape(name)}: nothing was decided, nothing was written")
        return
    target = Path(options["output"] or Path(options["output_dir"]) / f"{slug(name)}.openvex.json")
    with locked(target):  # from reading to writing, so that two runs at one time both add what they decided
        done = _append(target, at, name, given, options)
        if done.added:
            write_atomically(str(target), write.to_bytes(done.body))
    for item in done.added:
        parts = {part["@id"] for product in item["products"] for part in product.get("subcomponents", (product,))}
        click.echo(f"  {item['status']:<19}  {item['vulnerability']['name']}  {escape(', '.join(sorted(parts)))}")
    said = f", {done.unchanged} said already" if done.unchanged else ""
    click.echo(f"{escape(str(target))}  version {done.body['version']}: {len(done.added)} statements added{said}")


def _append(
    target: Path, at: Callable[[datetime], list[Applied]], name: str, given: DecisionFile, options: Mapping[str, Any]
) -> Appended:
    """What is there, continued; the time of the new statements is taken now, after what another run has just written."""
    from gate.limits import Limits
    from gate.vex import history, write

    identifier = write.document_id("triage", given.author, name)
    existing = None
    if target.exists():
        limits = Limits.from_environment()
        data = read_bounded(str(target), limits.document_bytes, "VEX")
        existing = history.open_document(data, id=None if options["output"] else identifier, author=given.author, limits=limits)
    while True:
        now = write.clock(os.environ)
        statements = list({item["@id"]: item for one in at(now) for item in one.statements}.values())
        try:
            return history.append(existing, statements, id=identifier, author=given.author, role=given.role, now=now)
        except ConfigError:
            # Times are whole seconds: what another run wrote within this one is waited for, a clock that is behind is not.
            last = history.newest(existing) if existing is not None else None
            if os.environ.get("SOURCE_DATE_EPOCH") or last is None or not now <= last <= now + _TICK:
                raise
            time.sleep(_PAUSE)


def slug(name: str) -> str:
    """A file name from an image name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "image"


def ask(items: tuple[Open, ...], *, reviewer: str) -> list[Decision]:
    """Ask for each open vulnerability. Ctrl-C and end of input stop the questions; what was answered in full counts."""
    made: list[Decision] = []
    click.echo(f"{len(items)} open vulnerabilities" if items else "no open findings")
    for number, item in enumerate(items, 1):
        try:
            click.echo(f"\n[{number}/{len(items)}] " + "\n".join(_shown(item)))
            decision = _ask_one(item, reviewer)
        except (click.Abort, EOFError):
            click.echo("")
            break
        if decision is None:
            break
        if decision:
            made.append(decision[0])
    return made


def _shown(item: Open) -> list[str]:
    """What there is to know about it; every text is evidence and is escaped."""
    first = item.findings[0]
    marks = [first.severity, *(["known exploited"] if first.kev else []), *(["blocks the release"] if item.blocks else [])]
    if first.epss is not None:
        marks.append(f"EPSS {first.epss:.3f}")
    lines = [f"{item.vulnerability}  {', '.join(marks)}", f"    also {', '.join(item.aliases)}" if item.aliases else ""]
    for finding in item.findings[:_SHOWN]:
        fixed = f"  fixed in {', '.join(finding.fix.versions)}" if finding.fix.versions else "  no fix known"
        lines.append(f"    {finding.package}{fixed}  {finding.purl}")
    if len(item.findings) > _SHOWN:
        lines.append(f"    … and {len(item.findings) - _SHOWN} more packages")
    said = {finding.vex.status: finding.vex for finding in item.findings if finding.vex is not None}
    lines += [f"    {vex.author} says {vex.status}; it does not count" for vex in said.values()]
    lines += [f"    {first.url}" if first.url else "", f"    proposal, to be reviewed: {item.proposal}" if item.proposal else ""]
    return [escape(line) for line in lines if line]


def _ask_one(item: Open, reviewer: str) -> tuple[Decision, ...] | None:
    """The decision; empty for skip, None for quit."""
    import datetime

    from gate.vex.document import JUSTIFICATIONS
    from gate.vex.triage import REVIEW_DAYS, Decision, upgrade_of

    letter = click.prompt(
        "    (n)ot affected, (a)ffected, (u)nder investigation, (s)kip, (q)uit", type=click.Choice(list(_LETTERS)),
        default="s", show_choices=False,
    )  # fmt: skip
    status = _LETTERS[letter]
    if status in ("skip", "quit"):
        return () if status == "skip" else None
    fields: dict[str, Any] = {}
    if status == "not_affected":
        reasons = sorted(JUSTIFICATIONS)
        for place, reason in enumerate(reasons, 1):
            click.echo(f"      {place} {reason}")
        chosen = click.prompt("    why", type=click.IntRange(1, len(reasons)))
        soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=REVIEW_DAYS)).strftime("%Y-%m-%d")
        fields = {
            "justification": reasons[chosen - 1],
            "impact": click.prompt("    in a sentence", default="", show_default=False),
            "evidence": tuple(click.prompt("    evidence (links, digests)", default="", show_default=False).split()),
            "reviewer": click.prompt("    reviewer", default=reviewer),
            "review_by": click.prompt("    review by", default=soon, type=click.DateTime(["%Y-%m-%d"])).date(),
        }
    elif status == "affected":
        known = " ".join(dict.fromkeys(upgrade_of(finding) for finding in item.findings)).strip()
        fields = {"action": click.prompt("    action", default=known or None)}
    else:
        fields = {"note": click.prompt("    note", default="", show_default=False)}
    return (Decision(vulnerability=item.vulnerability, status=status, **fields),)  # type: ignore[arg-type]  # from _LETTERS


def template(items: Sequence[Open]) -> str:
    """A decision file with every open vulnerability; entries without status are no decisions."""
    import json

    from gate.vex.document import JUSTIFICATIONS
    from gate.vex.triage import SCHEMA, upgrade_of

    lines = [
        f"schema: {SCHEMA}",
        "author: ''        # who says so: Acme Security <security@acme.example>",
        "reviewer: ''      # who looked",
        "# status: not_affected, affected or under_investigation; an entry without status is left open",
        f"# justification: {', '.join(sorted(JUSTIFICATIONS))}",
        "decisions:" if items else "decisions: []",
    ]
    for item in items:
        first = item.findings[0]
        packages = ", ".join(dict.fromkeys(finding.package for finding in item.findings[:_SHOWN]))
        lines.append(f"  # {escape(packages)}: {first.severity}" + (", blocks the release" if item.blocks else ""))
        if item.proposal:
            lines.append(f"  # proposal, to be reviewed: {escape(item.proposal)}")
        lines += [f"  - vulnerability: {json.dumps(item.vulnerability)}", "    status: ''"]
        action = upgrade_of(first)
        if action:
            lines.append(f"    # action: {json.dumps(action)}")
    return "\n".join(lines) + "\n"
