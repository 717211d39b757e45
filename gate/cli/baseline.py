"""``gate baseline``: adopt the gate on an image with findings, without a silent bypass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gate.cli.files import emit, read_bounded, write_atomically

if TYPE_CHECKING:
    from gate.model.verdict import Outcome
    from gate.policy.baseline import Standing

_FROM = click.option(
    "--from", "source", required=True, metavar="FILE|DIGEST", help="Verdict or report file, or a digest in the store."
)
_STORE = click.option(
    "--store", metavar="DIR", help="Where verdicts are kept; default $GATE_STORE or ~/.local/share/policy-gate."
)
_REASON = "found when the gate was adopted; accepted until it is fixed"


@click.group("baseline")
def command() -> None:
    """Turn today's findings into waivers that are seen, owned and end; new findings deny.

    \b
    The first week:
      gate verify IMAGE --output json=verdict.json --output text
      gate baseline create --from verdict.json --owner team-shop --expires 2027-01-31 --output waivers/baseline.yaml
      gate verify IMAGE --waivers waivers/baseline.yaml
      gate baseline shrink --from verdict.json waivers/baseline.yaml
    """


@command.command("create", short_help="Write waivers for what denies today.")
@_FROM
@click.option("--owner", required=True, metavar="NAME", help="Who answers for the debt: a person or a team.")
@click.option("--expires", required=True, metavar="DATE", help="When it ends, exclusive, UTC; at most waiver_max_days ahead.")
@click.option("--reason", default=_REASON, metavar="TEXT", help=f"Default: {_REASON}.")
@click.option("--ticket", default="baseline", show_default=True, metavar="ID", help="Where paying it off is planned.")
@click.option("--output", required=True, metavar="FILE", help="Waiver file (YAML) to write; - for standard output.")
@click.option("--merge", is_flag=True, help="Add to a file that is there; what is in it stays, ends included.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@_STORE
def create(**options: Any) -> int:
    """Write one waiver for each result that denies, for exactly its rule, finding, package version and image repository.

    Of a limit only the excess is waived, so that one finding more denies. Never waived: what is known to be exploited (KEV),
    malware, and rules that cannot be waived; they are named, and stay what has to be fixed. A finding of the baseline that
    becomes known to be exploited denies from then on. The same verdict gives the same file.

    \b
    Exit codes: 0 all that denies is covered, 1 something is left that no baseline covers (named on standard error),
    2 an end that the policy does not allow, 3 a verdict of NO VERDICT: nothing is written.

    \b
    Example:
      gate baseline create --from verdict.json --owner team-shop --expires 2027-01-31 --output waivers/baseline.yaml
    """
    from pathlib import Path

    from gate.cli.messages import warn
    from gate.errors import UsageError
    from gate.policy.baseline import Terms, propose
    from gate.policy.waiverfile import added, render
    from gate.report.escape import escape

    path = options["output"]
    there = path != "-" and Path(path).exists()
    if options["merge"] and options["force"]:
        raise UsageError("--merge and --force contradict each other", fix="give one of them")
    if there and not (options["merge"] or options["force"]):
        raise UsageError(
            f"{path} is there already",
            why="a baseline that is silently made again would forgive what was found since",
            fix="--merge adds what is new and leaves every end as it is; --force replaces the file",
        )
    outcomes = _outcomes(options["source"], options["store"])
    terms = Terms(owner=options["owner"], ticket=options["ticket"], reason=options["reason"], expires=options["expires"])
    proposal = propose(outcomes, terms)
    made = list(proposal.waivers)
    if there and options["merge"]:
        source, text, before = _waiver_file(path)
        known = {waiver.id for waiver in before}
        again = [waiver for waiver in made if waiver.id in known]
        made = [waiver for waiver in made if waiver.id not in known]
        for waiver in again:  # it denies although it is listed: it has ended, or is invalid
            warn(f"{waiver.id} is in {path} already and is not renewed: {waiver.rule} {waiver.term}")
        written = added(source, text, made) if made else text
    else:
        again = []
        written = render(made, _heading(outcomes))
    if path == "-":
        emit(written.encode())
    else:
        write_atomically(path, written.encode())
        until = f" until {options['expires']}" if made else ""
        emit(f"{path}: {len(made)} waivers{until}, owner {escape(options['owner'])}\n".encode())
    for left in proposal.left:
        warn(f"not covered, to be fixed: {left.rule} {left.term}: {left.why}" + (f"\nfix: {left.fix}" if left.fix else ""))
    return 1 if proposal.left or again else 0


@command.command("shrink", short_help="Drop the waivers that nothing needs any more.")
@_FROM
@click.argument("file", metavar="FILE")
@click.option(
    "--previous", metavar="FILE|DIGEST", help="An earlier verdict to compare with; else the newest earlier one of the store."
)
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when there is something to drop.")
@_STORE
def shrink(source: str, file: str, previous: str | None, check: bool, store: str | None) -> int:
    """Drop from FILE the baseline waivers whose findings are gone, and say how the debt has changed.

    Nothing is added and no end is moved. Waivers of other images, and those that are no baseline, stay as they are, comments
    too. A verdict of NO VERDICT, or one without a scan, shrinks nothing (exit 3).

    \b
    Example:
      gate baseline shrink --from verdict.json waivers/baseline.yaml
    """
    from gate.policy import baseline
    from gate.policy.waiverfile import without
    from gate.report.escape import escape

    outcomes = _outcomes(source, store)
    document, text, waivers = _waiver_file(file)
    dropped = baseline.shrink(waivers, outcomes)
    if dropped and not check:
        write_atomically(file, without(document, text, frozenset(item.place for item in dropped)).encode())
    verb = "to drop" if check else "dropped"
    left = sum(1 for waiver in waivers if waiver.baseline) - len(dropped)
    lines = [
        f"{verb}: {escape(item.waiver.id)}  {escape(item.waiver.rule)} {escape(item.waiver.term)}  ({item.why})"
        for item in dropped
    ]
    lines += [
        f"{file}: {len(dropped)} {verb}, {left} baseline waivers left",
        *_debt(outcomes, _previous(outcomes, previous, store)),
    ]
    emit(("\n".join(lines) + "\n").encode())
    return 1 if check and dropped else 0


@command.command("debt", short_help="Show the debt and how it has changed.")
@_FROM
@click.option(
    "--previous", metavar="FILE|DIGEST", help="An earlier verdict to compare with; else the newest earlier one of the store."
)
@click.option(
    "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the answer."
)
@_STORE
def debt(source: str, previous: str | None, form: str, store: str | None) -> int:
    """Show how many findings the baseline covers, by severity, its next end, and the change since an earlier verdict.

    \b
    Examples:
      gate baseline debt --from verdict.json
      gate baseline debt --from verdict.json --previous last-week.json --output json
    """
    import json

    import msgspec

    from gate.policy.baseline import standing

    outcomes = _outcomes(source, store)
    before = _previous(outcomes, previous, store)
    if form == "json":
        value = {
            "schema": "gate.debt/v1",
            "now": [msgspec.to_builtins(_plain(each)) for each in standing(outcomes)],
            "previous": [msgspec.to_builtins(_plain(each)) for each in standing(before)],
        }
        emit((json.dumps(value, indent=2, sort_keys=True) + "\n").encode())
    else:
        emit(("\n".join(_debt(outcomes, before)) + "\n").encode())
    return 0


def _plain(each: Standing) -> dict[str, Any]:
    import dataclasses

    return {field.name: getattr(each, field.name) for field in dataclasses.fields(each)}


def _outcomes(source: str, store: str | None) -> list[Outcome]:
    """The decisions of a report. A subject about which nothing was decided at all is no verdict."""
    from gate.cli.render import load
    from gate.errors import EvidenceUnavailable

    report = load(source, store)
    if report.failures:
        failure = report.failures[0]
        raise EvidenceUnavailable(f"there is no verdict of {failure.subject}: {failure.reason}", fix=failure.fix)
    return [verdict.outcome for verdict in report.verdicts]


def _waiver_file(path: str) -> tuple[Any, str, tuple[Any, ...]]:
    """The file as it was read, its text, and its waivers in order. Raises ConfigError and UsageError."""
    from gate.limits import Limits
    from gate.policy.waivers import waivers_of
    from gate.policy.yamlfile import parse_source

    bound = Limits.from_environment().policy_file_bytes
    data = read_bounded(path, bound, "waivers")
    source = parse_source(data, name=path, max_bytes=bound)
    return source, data.decode("utf-8-sig"), waivers_of(source)


def _heading(outcomes: list[Outcome]) -> str:
    subjects = sorted({f"{outcome.subject.name}@{outcome.subject.digest}" for outcome in outcomes if not outcome.children})
    shown = [text if text.isprintable() else ascii(text) for text in subjects[:20]]
    return "\n".join(["The debt of the day the gate was adopted (gate baseline create), of:", *(f"  {text}" for text in shown)])


def _previous(outcomes: list[Outcome], named: str | None, store: str | None) -> list[Outcome]:
    """The verdicts to compare with: those named, or of each image the newest older one of the store."""
    if named is not None:
        return _outcomes(named, store)
    from gate.audit.store import Store
    from gate.cli.stores import local_path
    from gate.limits import Limits
    from gate.report.interface import load_report, outcome_digest

    place = Store(local_path(store), Limits.from_environment())
    given = {outcome_digest(outcome) for outcome in outcomes}
    wanted = {
        outcome.subject.name: min(o.time.now for o in outcomes if o.subject.name == outcome.subject.name) for outcome in outcomes
    }
    newest: dict[str, Any] = {}
    for record in place.verdicts():
        # Times are whole seconds, and two runs may fall into one: the verdict itself is told by its digest.
        if record.name in wanted and record.time <= wanted[record.name] and record.outcome not in given:
            held = newest.get(record.name)
            if held is None or record.time >= held.time:
                newest[record.name] = record
    return [verdict.outcome for record in newest.values() for verdict in load_report(place.load(record).data).verdicts]


def _debt(outcomes: list[Outcome], before: list[Outcome]) -> list[str]:
    from gate.model.findings import SEVERITIES
    from gate.policy.baseline import standing
    from gate.report.escape import escape

    earlier = {each.image: each for each in standing(before)}
    lines = []
    for now in standing(outcomes):
        counts = ", ".join(f"{count} {name}" for name in SEVERITIES if (count := getattr(now.findings, name)))
        line = f"debt of {escape(now.image)}: {now.findings.total} findings" + (f" ({counts})" if counts else "")
        line += f" under {now.waivers} baseline waivers"
        if now.next_expiry:
            line += f", the next ends on {escape(now.next_expiry)}"
        lines.append(line)
        then = earlier.get(now.image)
        if then is not None:
            change = now.findings.total - then.findings.total
            word = f"{change:+d}" if change else "unchanged"
            lines.append(
                f"  before, on {escape(then.time)}: {then.findings.total} findings under {then.waivers} waivers ({word})"
            )
    return lines
