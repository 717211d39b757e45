"""Waivers: read, judged and matched here and nowhere else (invariant 6).

A waiver is a risk that somebody accepted until a date. What is wrong with one makes that one ``invalid`` and it is reported; only
a file that is no waiver file at all is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from gate.errors import ConfigError
from gate.limits import Limits
from gate.model.findings import Finding
from gate.model.input import Subject
from gate.model.parameters import Parameters
from gate.model.verdict import VerdictSubject
from gate.model.waiver import COMPLIANCE_DOMAINS, Scope, Waiver
from gate.policy.decoding import did_you_mean
from gate.policy.inventory import Inventory
from gate.policy.times import parse_moment
from gate.policy.yamlfile import Source, read_source

SCHEMA = "gate.waivers/v1"
State = Literal["active", "pending", "expired", "invalid", "draft"]
_DAY = 86_400
_PLAIN = frozenset({"stig", "hardening", "fips"})
"""Domains whose terms are paths, names and ids without parts: a file may be called ``su|x``, and is another one than ``su``."""
_TEXTS = ("id", "rule", "term", "reason", "owner", "ticket", "created", "expires", "approved_by", "compensating_control")
_NEEDED = ("id", "rule", "reason", "owner", "ticket", "expires")
_FLAGS = ("draft", "baseline")
_SCOPES = ("images", "digests", "packages")


def read_waivers(path: Path, limits: Limits) -> tuple[Waiver, ...]:
    """The waivers of a YAML or JSON file, with what is malformed in each noted. Raises ConfigError for the file as a whole."""
    return waivers_of(read_source(path, max_bytes=limits.policy_file_bytes))


def waivers_of(source: Source) -> tuple[Waiver, ...]:
    """The waivers of a document ``{schema: gate.waivers/v1, waivers: [...]}``; not judged yet."""
    value = source.value
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        found = value.get("schema") if isinstance(value, dict) else None
        raise ConfigError(f"{source.name}: not a waiver file (schema is {found!r})", fix=f"begin it with `schema: {SCHEMA}`")
    unknown = sorted(value.keys() - {"schema", "waivers"})
    if unknown:
        raise ConfigError(f"{source.at((unknown[0],))}: unknown key {unknown[0]!r}", fix=did_you_mean(unknown[0], ["waivers"]))
    entries = value.get("waivers")
    if not isinstance(entries, list):
        raise ConfigError(f"{source.name}: waivers must be a list", fix="write `waivers: []` for none")
    return tuple(_read(source, index, entry) for index, entry in enumerate(entries))


def _read(source: Source, index: int, entry: Any) -> Waiver:
    where = f"{source.at(('waivers', index))}@{source.digest}"
    problems: list[str] = []
    if not isinstance(entry, dict):
        return _waiver({}, Scope(), where, ["it is no mapping"])
    texts: dict[str, str] = {}
    for name in _TEXTS:
        text = entry.get(name, "")
        if isinstance(text, str):
            texts[name] = text.strip()
        else:
            problems.append(f"{name} is no string")
    if "term" in entry and texts.get("term") == "":
        # a variable that was not filled in must not become a waiver of everything that the rule finds
        problems.append("term is empty; leave it out to waive the rule as a whole")
    flags = {name: entry.get(name, False) for name in _FLAGS}
    problems.extend(f"{name} is neither true nor false" for name, value in flags.items() if not isinstance(value, bool))
    known = [*_TEXTS, *_FLAGS, "scope"]
    problems.extend(f"unknown key {name!r}: {did_you_mean(name, known)}" for name in sorted(entry.keys() - {*known}))
    scope = _scope(entry.get("scope", {}), problems)
    # anything but a plain false is taken for the stricter of the two
    return _waiver(texts, scope, where, problems, {name: value is not False for name, value in flags.items()})


def _scope(value: Any, problems: list[str]) -> Scope:
    """A scope that cannot be read must not become an empty one, which would hold everywhere: it makes the waiver invalid."""
    lists: dict[str, tuple[str, ...]] = {}
    if not isinstance(value, dict):
        problems.append("scope is no mapping")
        return Scope()
    for name, items in value.items():
        if name not in _SCOPES:
            problems.append(f"unknown scope {name!r}: {did_you_mean(name, _SCOPES)}")
        elif not isinstance(items, list) or not items or not all(isinstance(item, str) and item.strip() for item in items):
            problems.append(f"scope.{name} is no list of names")
        else:
            lists[name] = tuple(item.strip() for item in items)
    return Scope(**lists)


def _waiver(
    texts: Mapping[str, str], scope: Scope, where: str, problems: list[str], flags: Mapping[str, bool] | None = None
) -> Waiver:
    fields = {**{name: texts.get(name, "") for name in _TEXTS}, **(flags or {})}
    unjudged = {"scope": scope, "source": where, "state": "invalid", "problem": "; ".join(problems)}
    return Waiver(**fields, **unjudged)  # type: ignore[arg-type]  # every name in _TEXTS is a text field


def judge(waiver: Waiver, now: str, params: Parameters, subject: Subject | None, inventory: Inventory) -> Waiver:
    """The one function that decides whether a waiver holds: ``active``, ``pending``, ``expired``, ``draft``,
    or ``invalid`` with the problem.

    The end is exclusive. A draft stays one, however complete, until a person deletes the word. ``problem`` that reading noted
    stays. A waiver for another subject is active and simply matches nothing.
    """
    del subject  # scopes are matched per result; the state of a waiver is the same for every subject
    moment = parse_moment(now)
    if moment is None:
        return _judged(waiver, "invalid", f"the time of the run, {now!r}, is no time", None)
    problem = waiver.problem or _problem(waiver, moment, params, inventory)
    end = parse_moment(waiver.expires)
    left = None if end is None else int(end - moment)
    if waiver.draft:
        return _judged(waiver, "draft", f"nobody has accepted it yet{f' and it {problem}' if problem else ''}", left)
    if problem:
        return _judged(waiver, "invalid", problem, left)
    start = parse_moment(waiver.created) if waiver.created else None
    if start is not None and start > moment + params.clock_skew_seconds:
        return _judged(waiver, "pending", "", left)
    assert end is not None  # else _problem said so
    return _judged(waiver, "active" if moment < end else "expired", "", left)


def _judged(waiver: Waiver, state: State, problem: str, left: int | None) -> Waiver:
    return msgspec.structs.replace(waiver, state=state, problem=problem, expires_in_s=left)


def _problem(waiver: Waiver, now: float, params: Parameters, inventory: Inventory) -> str:
    missing = [name for name in _NEEDED if not getattr(waiver, name)]
    if missing:
        return f"lacks {', '.join(missing)}"
    meta = inventory.rules.get(waiver.rule)
    if "*" in waiver.rule or waiver.rule in inventory.domains or waiver.rule.startswith("@"):
        return f"{waiver.rule} is more than one rule; name domain.rule"
    if meta is None:
        return f"unknown rule {waiver.rule!r}: {did_you_mean(waiver.rule, inventory.rules)}"
    if not meta.custom.waivable:
        return f"{waiver.rule} cannot be waived"
    if params.waiver_compensating_control and waiver.rule.partition(".")[0] in COMPLIANCE_DOMAINS:
        lacking = [name for name in ("compensating_control", "approved_by") if not any(map(str.isalnum, getattr(waiver, name)))]
        if lacking:
            return f"lacks {' and '.join(lacking)}, which a waiver of a control has to have (waiver_compensating_control)"
    if "*" in waiver.term:
        return "a term is matched exactly; * names nothing"
    end = parse_moment(waiver.expires)
    if end is None:
        return f"expires is {waiver.expires!r}; write 2027-01-31 (UTC) or 2027-01-31T12:00:00Z"
    start = parse_moment(waiver.created) if waiver.created else now
    if start is None:
        return f"created is {waiver.created!r}; write a date or an RFC 3339 time"
    if end <= start:
        return "it ends before it begins"
    if end - start > params.waiver_max_days * _DAY:
        return f"it lasts {(end - start) / _DAY:.0f} days; waiver_max_days is {params.waiver_max_days}"
    return ""


def judge_all(waivers: Iterable[Waiver], now: str, params: Parameters, inventory: Inventory) -> tuple[Waiver, ...]:
    """All of them judged, sorted; of two with one id both are invalid, since a verdict could not say which one held."""
    given = list(waivers)
    ids = Counter(waiver.id for waiver in given)
    judged = []
    for waiver in given:
        if waiver.id and ids[waiver.id] > 1:
            twice = "; ".join(part for part in (waiver.problem, f"the id {waiver.id!r} is used twice") if part)
            waiver = msgspec.structs.replace(waiver, problem=twice)
        judged.append(judge(waiver, now, params, None, inventory))
    return tuple(sorted(judged, key=lambda waiver: (waiver.id, waiver.source)))


def matching(
    waiver: Waiver, rule: str, term: str, subject: Subject | VerdictSubject, aliases: Collection[str] = (), *, exploited: bool
) -> bool:
    """Whether an active waiver covers this result.

    ``aliases``: other ids of the finding that the term names; ``exploited``: that finding is known to be exploited, or malware.
    """
    if waiver.state != "active" or waiver.rule != rule:
        return False
    if waiver.baseline and (exploited or waiver.term != term):
        return False  # a baseline is about what was there and as it was: no other name, no other version, no news of attacks
    name, bar, package = (term, "", "") if rule.partition(".")[0] in _PLAIN else term.partition("|")
    if waiver.term and waiver.term != term:
        named, waived_bar, waived_package = waiver.term.partition("|")
        if waived_bar and not _names(waived_package, package):
            return False
        if named != name and not (bar and named in aliases):
            return False
    scope = waiver.scope
    if scope.images and subject.name not in scope.images:
        return False
    if scope.digests and not ({subject.digest, subject.index_digest} & set(scope.digests)):
        return False
    return not scope.packages or any(_names(item, package) for item in scope.packages)


def is_exploited(finding: Finding) -> bool:
    """Whether a baseline waiver must not cover it: known to be exploited, or malware."""
    return finding.kev is not None or finding.malware


def _names(purl: str, package: str) -> bool:
    """A purl names its package; one without version names every version."""
    return bool(purl) and (package == purl or package.startswith(purl + "@"))


class Book:
    """The active waivers, found by rule and by the first part of their term: a baseline has one of thousands for each finding."""

    def __init__(self, waivers: Iterable[Waiver]) -> None:
        self._by: dict[tuple[str, str], list[tuple[int, Waiver]]] = {}
        for place, waiver in enumerate(waivers):
            if waiver.state == "active":
                self._by.setdefault((waiver.rule, waiver.term.partition("|")[0]), []).append((place, waiver))
        self.rules = tuple(sorted({rule for rule, _ in self._by}))

    def about(self, rule: str, term: str, names: Iterable[str] = ()) -> list[Waiver]:
        """Those of the rule that may cover a result of that term, or of one of the other names, in the order given."""
        first = {"", term.partition("|")[0], *names}
        found = [each for name in first for each in self._by.get((rule, name), ())]
        return [waiver for _, waiver in sorted(found, key=lambda each: each[0])]


def covering(book: Book, rule: str, finding: Finding, subject: Subject) -> list[Waiver]:
    """The active waivers of a rule that name the finding by term or package, and so take it out of a count.

    A waiver without term waives the rule's result as a whole, which `gate.policy.decide` does; it takes no finding out of a
    count, unless its scope names packages.
    """
    names = (finding.id, *finding.aliases)
    return [
        waiver
        for waiver in book.about(rule, finding.key, names)
        if (waiver.term or waiver.scope.packages)
        and matching(waiver, rule, finding.key, subject, names, exploited=is_exploited(finding))
    ]


def waived_for(book: Book, finding: Finding, subject: Subject) -> tuple[str, ...]:
    """Rule ids of active waivers that take the finding out of a count; for ``Finding.waived_for``."""
    return tuple(rule for rule in book.rules if covering(book, rule, finding, subject))
