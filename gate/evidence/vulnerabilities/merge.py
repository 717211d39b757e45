"""Many scans, one list: a finding is one vulnerability in one package version, whoever reported it and under which name.

1. A finding stays as long as one scan reports it. A suppression by a scanner is kept on the finding only when every scan that
   reports it suppressed it; else the disagreement is recorded and the finding is an ordinary one.
2. Severity is the highest of the scanners' own (primary) severities. ``unknown`` is the lowest rank, so it never hides a known
   one and stands only when nobody knows. Every source's word is kept in ``by_source``, the highest where one is quoted twice.
3. A fix is available if one scanner knows one.
4. KEV and malware hold if one source says so; EPSS is the newest estimate, then the highest.
5. The result does not depend on the order of the scans, and time and memory are linear in the number of findings.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gate.errors import LimitExceeded
from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.evidence.vulnerabilities.clusters import cluster
from gate.evidence.vulnerabilities.differences import differences
from gate.evidence.vulnerabilities.enrich import Enrichment
from gate.evidence.vulnerabilities.purls import Identity, identity, identity_of_purl, without_qualifiers
from gate.evidence.vulnerabilities.vocabulary import RANK
from gate.limits import DEFAULT, Limits
from gate.model.findings import (
    Counts,
    Cvss,
    Disagreement,
    Epss,
    Finding,
    Fix,
    Kev,
    Package,
    Scan,
    Severity,
    SeverityFact,
    Suppression,
)

_FIX_ORDER = ("available", "eol", "wont_fix", "deferred", "none", "unknown")
_MATCH_ORDER = ("exact", "indirect", "cpe", "text", "unknown")
_SUPPRESSING = frozenset({"not_affected", "fixed"})


@dataclasses.dataclass(frozen=True, slots=True)
class Merged:
    findings: tuple[Finding, ...]
    """By key."""
    scans: tuple[Scan, ...]
    """By evidence id; ``db_age_s`` is null, since it needs a clock."""
    disagreements: tuple[Disagreement, ...]
    """By finding, then field."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Labelled:
    """A scan with the name that disagreements know it by."""

    evidence: str
    label: str
    facts: ScanFacts


_Member = tuple[int, ReportedFinding]
"""(position of the scan, what it reported)."""


@dataclasses.dataclass(slots=True)
class _Cluster:
    """Everything that becomes one finding."""

    name: str
    packages: set[Identity]
    aliases: set[str]
    members: list[_Member]
    """By scan; within a scan in the report's order."""

    def add(self, package: Identity, aliases: Iterable[str], members: Iterable[_Member]) -> None:
        self.packages.add(package)
        self.aliases.update(aliases)
        self.members.extend(members)
        self.members.sort(key=lambda member: member[0])


def merge(
    scans: Sequence[tuple[str, Reading]],
    *,
    enrich: Enrichment | None = None,
    first_seen: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
) -> Merged:
    """One finding per alias cluster, package and version of all ``scans`` of one subject.

    ``scans`` are (evidence id, reading); readings without a scan are passed over. ``enrich`` gives EPSS and KEV where no report
    does; ``first_seen`` maps finding keys to RFC 3339 times. Raises LimitExceeded above ``limits.findings``.
    """
    scans = list(dict(scans).items())  # the same bytes found in two places are one scan
    labelled = _label(scans)
    if sum(len(scan.facts.findings) for scan in labelled) > limits.findings:
        raise LimitExceeded("findings", limits.findings, "findings of all scans of one subject")
    groups = _by_package(labelled)
    keyed: dict[str, _Cluster] = {}
    for package, members in groups.items():
        for name, aliases, positions in cluster(*_names(members)):
            chosen = [members[position] for position in positions]
            key = _key(name, _package(chosen))
            if key in keyed:
                keyed[key].add(package, aliases, chosen)
            else:
                keyed[key] = _Cluster(name, {package}, set(aliases), chosen)
    seen = _seen(labelled, groups)
    times = first_seen or {}
    findings: list[Finding] = []
    disagreements: list[Disagreement] = []
    for key in sorted(keyed):
        found = keyed[key]
        findings.append(_finding(key, found, labelled, enrich, times.get(key)))
        if len(labelled) > 1:
            by_label = _by_scan(found.members, labelled)
            silent = [
                scan.label
                for scan, packages in zip(labelled, seen, strict=True)
                if scan.label not in by_label and not packages.isdisjoint(found.packages)
            ]
            disagreements.extend(differences(key, by_label, silent))
    return Merged(tuple(findings), tuple(_scan(scan, reading) for scan, reading in _pair(labelled, scans)), tuple(disagreements))


def count(findings: Iterable[Finding], *, effective: bool) -> Counts:
    """Findings by severity; ``effective`` leaves out those that a counting VEX statement calls not affected or fixed.

    What a scanner suppressed counts (invariant 6); waivers are applied by the rules.
    """
    tally: Counter[str] = Counter()
    for finding in findings:
        vex = finding.vex
        if effective and not finding.malware and vex is not None and vex.counts and vex.status in _SUPPRESSING:
            continue
        tally[finding.severity.value] += 1
    return Counts(**tally, total=tally.total())


def _names(members: list[_Member]) -> tuple[list[tuple[str, tuple[str, ...]]], list[int]]:
    return [(finding.id, finding.aliases) for _, finding in members], [scan for scan, _ in members]


def _label(scans: Sequence[tuple[str, Reading]]) -> list[_Labelled]:
    """By scanner and evidence id; scanners that occur twice are told apart by evidence id."""
    facts = sorted(
        ((reading.scan.scanner, evidence, reading.scan) for evidence, reading in scans if reading.scan), key=lambda scan: scan[:2]
    )
    often = Counter(scanner for scanner, _, _ in facts)
    return [
        _Labelled(evidence, scanner if often[scanner] == 1 else f"{scanner} {evidence}", scan)
        for scanner, evidence, scan in facts
    ]


def _pair(labelled: list[_Labelled], scans: Sequence[tuple[str, Reading]]) -> list[tuple[_Labelled, Reading]]:
    readings = dict(scans)
    return sorted(((scan, readings[scan.evidence]) for scan in labelled), key=lambda pair: pair[0].evidence)


def _by_package(scans: list[_Labelled]) -> dict[Identity, list[_Member]]:
    groups: dict[Identity, list[_Member]] = {}
    known: dict[tuple[str, str, str, str], Identity] = {}
    for position, scan in enumerate(scans):
        for finding in scan.facts.findings:
            package = finding.package
            spelling = (package.purl, package.name, package.version, package.type)
            same = known.get(spelling)
            if same is None:
                same = known[spelling] = identity(package)
            groups.setdefault(same, []).append((position, finding))
    _adopt(groups)
    return groups


def _adopt(groups: dict[Identity, list[_Member]]) -> None:
    """Prose does not always say a package's type: such a group joins the only typed one of equal name and version."""
    untyped = [package for package in groups if not package[0]]
    if not untyped:
        return
    typed: dict[tuple[str, str], list[Identity]] = {}
    for package in groups:
        if package[0]:
            typed.setdefault(package[1:], []).append(package)
    for package in untyped:
        if len(same := typed.get(package[1:], [])) == 1:
            groups[same[0]] = sorted(groups[same[0]] + groups.pop(package), key=lambda member: member[0])


def _seen(scans: list[_Labelled], groups: Mapping[Identity, list[_Member]]) -> list[set[Identity]]:
    """Packages that each scan shows to have looked at; a degraded or partial scan shows nothing by being silent."""
    seen: list[set[Identity]] = [set() for _ in scans]
    if len(scans) < 2:
        return seen
    for package, members in groups.items():
        for position, _ in members:
            seen[position].add(package)
    for packages, scan in zip(seen, scans, strict=True):
        if scan.facts.degraded or scan.facts.partial:
            packages.clear()
        else:
            packages.update(identity_of_purl(purl) for purl in scan.facts.packages or ())
    return seen


def _by_scan(members: list[_Member], scans: list[_Labelled]) -> dict[str, list[ReportedFinding]]:
    found: dict[str, list[ReportedFinding]] = {}
    for position, finding in members:
        found.setdefault(scans[position].label, []).append(finding)
    return found


def _package(members: list[_Member]) -> ReportedFinding:
    """The member whose spelling of the package stands: the first with a purl, else the first."""
    for _, finding in members:
        if finding.package.purl:
            return finding
    return members[0][1]


def _key(name: str, finding: ReportedFinding) -> str:
    package = finding.package
    if package.purl:
        return f"{name}|{without_qualifiers(package.purl, package.version)}"
    return f"{name}|{package.type}/{package.name}@{package.version}"


def _finding(key: str, found: _Cluster, scans: list[_Labelled], enrich: Enrichment | None, first_seen: str | None) -> Finding:
    reported = [finding for _, finding in found.members]
    aliases = tuple(sorted(found.aliases))
    one = reported[0]
    if len(reported) == 1:  # most of every report
        package, cvss, epss, kev, fix, match, malware, url = (
            one.package, one.cvss, one.epss, one.kev, one.fix, one.match, one.malware, one.url,
        )  # fmt: skip
    else:
        package = _package(found.members).package
        locations = {place for finding in reported for place in finding.package.locations}
        package = Package(
            name=package.name, version=package.version, type=package.type, purl=package.purl, locations=tuple(sorted(locations))
        )
        cvss = tuple(sorted({entry for finding in reported for entry in finding.cvss}, key=_cvss_order))
        epss = max((finding.epss for finding in reported if finding.epss), key=_newest, default=None)
        kev = min((finding.kev for finding in reported if finding.kev), key=_soonest, default=None)
        fix = _fix([finding.fix for finding in reported])
        match = min((finding.match for finding in reported), key=_MATCH_ORDER.index)
        malware = any(finding.malware for finding in reported)
        url = next((finding.url for finding in reported if finding.url), "")
    if enrich is not None and (epss is None or kev is None):
        epss, kev = _enriched(epss, kev, (found.name, *aliases), enrich)
    return Finding(
        key=key,
        id=found.name,
        aliases=aliases,
        package=package,
        severity=_severity(reported),
        cvss=cvss,
        epss=epss,
        kev=kev,
        fix=fix,
        malware=malware,
        match=match,  # type: ignore[arg-type]  # the readers' words
        reported_by=tuple(sorted({scans[position].evidence for position, _ in found.members})),
        suppressed_by_scanner=_suppressions(found.members, scans),
        reachable=_reachable(found.members, scans),  # type: ignore[arg-type]  # one of three words
        first_seen=first_seen,
        vex=None,
        waived_for=(),
        url=url,
    )


def _suppressions(members: list[_Member], scans: list[_Labelled]) -> tuple[Suppression, ...]:
    """The scanners' reasons if all of them suppressed it, else none: then it is an ordinary finding."""
    reasons: set[tuple[str, str]] = set()
    for position, finding in members:
        if not finding.suppressed:
            return ()
        reasons.add((scans[position].facts.scanner, finding.suppressed))
    return tuple(Suppression(scanner=scanner, reason=reason) for scanner, reason in sorted(reasons))


def _cvss_order(entry: Cvss) -> tuple[str, str, str, float]:
    return (entry.source, entry.version, entry.vector, entry.score or 0.0)


def _newest(entry: Epss) -> tuple[str, float]:
    return (entry.date, entry.probability)


def _soonest(entry: Kev) -> tuple[str, str]:
    return (entry.due_date or "9999", entry.date_added)


def _enriched(epss: Epss | None, kev: Kev | None, names: tuple[str, ...], enrich: Enrichment) -> tuple[Epss | None, Kev | None]:
    if epss is None:
        epss = max(
            (found for name in names if (found := enrich.epss_of(name))), key=lambda entry: entry.probability, default=None
        )
    if kev is None:
        kev = next((entry for name in names if (entry := enrich.kev_of(name))), None)
    return epss, kev


def _severity(reported: list[ReportedFinding]) -> SeverityFact:
    best = reported[0]
    by_source: dict[str, Severity] = dict(best.severities)
    for finding in reported[1:]:
        if RANK[finding.severity] > RANK[best.severity]:
            best = finding
        for source, value in finding.severities.items():
            if source not in by_source or RANK[value] > RANK[by_source[source]]:
                by_source[source] = value
    return SeverityFact(value=best.severity, source=best.severity_source, by_source=by_source)


def _fix(fixes: list[Fix]) -> Fix:
    if len(fixes) == 1:
        return fixes[0]
    state = min((fix.state for fix in fixes), key=_FIX_ORDER.index)
    versions = dict.fromkeys(version for fix in fixes for version in fix.versions)
    return Fix(
        state=state,
        versions=tuple(versions),
        available_since=min((fix.available_since for fix in fixes if fix.available_since), default=None),
    )


def _reachable(members: list[_Member], scans: list[_Labelled]) -> str:
    """Yes if anybody says so; no if a scan says no of every place it lists and nobody says yes; else unknown.

    A partial scan names no file: what it says of one program is not said of a second one that other scans list.
    """
    if len(members) == 1:
        return members[0][1].reachable
    by_scan: dict[int, set[str]] = {}
    for position, finding in members:
        by_scan.setdefault(position, set()).add(finding.reachable)
    if any("yes" in words for words in by_scan.values()):
        return "yes"
    places = {
        place.strip("/")
        for position, finding in members
        if not scans[position].facts.partial
        for place in finding.package.locations
    }
    denied = {position for position, said in by_scan.items() if said == {"no"}}
    if len(places) > 1:
        denied = {position for position in denied if not scans[position].facts.partial}
    return "no" if denied else "unknown"


def _scan(scan: _Labelled, reading: Reading) -> Scan:
    facts = scan.facts
    return Scan(
        evidence=scan.evidence,
        scanner=facts.scanner,
        version=reading.producer.version,
        db_built=facts.db_built,
        db_age_s=None,
        packages_catalogued=facts.packages_catalogued,
        findings=len(facts.findings),
        distro=facts.distro,
        distro_eol=facts.distro_eol,
        degraded=facts.degraded,
        partial=facts.partial,
    )
