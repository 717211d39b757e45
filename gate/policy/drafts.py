"""Drafts of waivers from other tools' ignore files. Pure. A draft waives nothing until a person has made it their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gate.model.verdict import CompactFinding, Outcome
from gate.model.waiver import Scope, Waiver
from gate.policy.ignorefiles import Entry, Ignored, NotHeld
from gate.policy.times import parse_moment

_LIMITS = {"critical": "max_critical", "high": "max_high", "medium": "max_medium", "low": "max_low", "unknown": "max_unknown"}


def drafts(
    entries: Sequence[Entry], rules: Sequence[str], outcomes: Sequence[Outcome], now: str
) -> tuple[tuple[Waiver, ...], tuple[NotHeld, ...]]:
    """One draft for each entry and rule, and all that could not be held.

    With ``outcomes`` the rules are those that the finding concerns there, the terms are exact, and an entry that names no finding
    is not held. Without, ``rules`` are taken and the term is as wide as the entry.
    """
    made: dict[str, Waiver] = {}
    left = [entry for entry in entries if isinstance(entry, NotHeld)]
    moment = parse_moment(now)
    for entry in entries:
        if not isinstance(entry, Ignored):
            continue
        end = parse_moment(entry.expires) if entry.expires else None
        if end is not None and moment is not None and end <= moment:
            left.append(NotHeld(entry.place, entry.id, f"it ended on {entry.expires}"))
            continue
        found = list(_named(entry, outcomes, rules) if outcomes else _told(entry, rules))
        if not found:
            why = (
                "no finding of the verdict is named so" if outcomes else "only a verdict can tell which package is meant: --from"
            )
            left.append(NotHeld(entry.place, entry.id, why))
        for rule, term, scope in found:
            waiver = _draft(entry, rule, term, scope)
            made.setdefault(waiver.id, waiver)
    return tuple(made[name] for name in sorted(made)), tuple(left)


def _told(entry: Ignored, rules: Sequence[str]) -> list[tuple[str, str, Scope]]:
    if entry.package_name:
        return []
    terms = [f"{entry.id}|{purl}" for purl in entry.packages] or [entry.id]
    return [(rule, term, Scope()) for rule in rules for term in terms]


def _named(entry: Ignored, outcomes: Sequence[Outcome], rules: Sequence[str]) -> list[tuple[str, str, Scope]]:
    found = []
    for outcome in outcomes:
        subject = outcome.subject
        scope = (
            Scope(digests=(subject.digest,)) if subject.kind == "digest" or not subject.name else Scope(images=(subject.name,))
        )
        for finding in outcome.findings:
            if entry.id in (finding.id, *finding.aliases) and _is_in(entry, finding):
                own = finding.blocks or (f"vulnerabilities.{_LIMITS.get(finding.severity, 'max_vulnerabilities')}",)
                found += [(rule, finding.key, scope) for rule in rules or own]
    return found


def _is_in(entry: Ignored, finding: CompactFinding) -> bool:
    package = finding.key.partition("|")[2]
    if entry.packages and not any(package == purl or package.startswith(purl + "@") for purl in entry.packages):
        return False
    name, _, version = finding.package.rpartition(" ")
    if entry.package_name and entry.package_name != (name or finding.package):
        return False
    return not entry.package_version or entry.package_version == version


def _draft(entry: Ignored, rule: str, term: str, scope: Scope) -> Waiver:
    name = "\0".join((rule, term, *scope.images, *scope.digests))
    return Waiver(
        id=f"import-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}",
        rule=rule,
        term=term,
        scope=scope,
        reason=entry.reason,
        owner="",
        ticket="",
        created="",
        expires=entry.expires,
        state="draft",
        draft=True,
    )
