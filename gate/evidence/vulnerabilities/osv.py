"""osv-scanner's JSON report (pkg/models/results.go): full OSV records grouped by package, without purls.

A report says neither which image it is about nor which version or database made it. ``groups`` are ready-made alias clusters;
``related`` and ``upstream`` are not aliases. What osv-scanner.toml ignores is not in the report at all.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.cvss import base_score
from gate.evidence.vulnerabilities.ecosystems import package_of
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Fix, Severity


class _Package(msgspec.Struct):
    name: str
    os_package_name: str | None = None
    version: str | None = None
    ecosystem: str | None = None
    commit: str | None = None


class _Severity(msgspec.Struct):
    type: str | None = None
    score: str | None = None


class _Database(msgspec.Struct):
    severity: Any = None
    origins: Any = msgspec.field(name="malicious-packages-origins", default=None)


class _Ecosystem(msgspec.Struct):
    severity: Any = None
    urgency: Any = None
    imports: Any = None
    """Of Go: which packages and symbols of the module are vulnerable."""


class _Event(msgspec.Struct):
    fixed: str | None = None


class _Range(msgspec.Struct):
    type: str | None = None
    events: list[_Event] | None = None


class _AffectedPackage(msgspec.Struct):
    name: str | None = None
    ecosystem: str | None = None


class _Affected(msgspec.Struct):
    package: _AffectedPackage | None = None
    ranges: list[_Range] | None = None
    ecosystem_specific: _Ecosystem | None = None


class Record(msgspec.Struct):
    id: str
    aliases: list[str] | None = None
    withdrawn: str | None = None
    severity: list[_Severity] | None = None
    affected: list[_Affected] | None = None
    database_specific: _Database | None = None


class _Analysis(msgspec.Struct):
    called: bool | None = None
    unimportant: bool | None = None


class _Group(msgspec.Struct):
    ids: list[str]
    aliases: list[str] | None = None
    max_severity: str | None = None
    experimental_analysis: dict[str, _Analysis] | None = None
    # The name in the documentation, and in reports of some versions.
    experimental_analysis_camel: dict[str, _Analysis] | None = msgspec.field(name="experimentalAnalysis", default=None)


class _Source(msgspec.Struct):
    path: str | None = None


class _Result(msgspec.Struct):
    source: _Source | None = None


RECORD = Lenient(Record)
_group = Lenient(_Group)
_result = Lenient(_Result)
_package = Lenient(_Package)


class OsvReader:
    """`gate.evidence.interface.Reader` for osv-scanner."""

    name = "osv-scanner"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """``results`` with packages near the start, or nothing but ``results``; SARIF has ``runs``."""
        if b'"results"' not in head or b'"runs"' in head:
            return False
        return b'"packages"' in head or b'"experimental_config"' in head or b'"results":[]' in b"".join(head.split())

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid and LimitExceeded."""
        notes = Notes()
        document = members(guard(data, limits), "an osv-scanner report")
        if "results" not in document:
            raise EvidenceInvalid(
                "the document is no osv-scanner report: it lacks results", fix="write it with osv-scanner --format json"
            )
        findings: list[ReportedFinding] = []
        purls: list[str] = []
        catalogued = 0
        for number, raw in enumerate(elements(document["results"], "/results", bound=limits.components)):
            where = f"/results/{number}"
            source = _result.decode(raw, where, notes).source or _Source()
            for index, item in enumerate(
                elements(members(raw, where).get("packages"), f"{where}/packages", bound=limits.components)
            ):
                catalogued += 1
                found, purl = _read_package(item, source.path or "", f"{where}/packages/{index}", notes, limits)
                findings += found
                purls.append(purl)
                if len(findings) > limits.findings:
                    raise LimitExceeded("findings", limits.findings, "findings of an osv-scanner report")
        return Reading(
            kind="vulnerabilities",
            format="osv-scanner",
            producer=Producer(name="osv-scanner"),
            created=None,
            names=(),
            diagnostics=notes.diagnostics(),
            scan=ScanFacts(
                scanner="osv-scanner",
                findings=tuple(findings),
                packages=tuple(sorted({purl for purl in purls if purl})),
                packages_catalogued=catalogued,
            ),
        )


READER = OsvReader()


def _read_package(raw: msgspec.Raw, path: str, where: str, notes: Notes, limits: Limits) -> tuple[list[ReportedFinding], str]:
    parts = members(raw, where)
    if "package" not in parts:
        raise EvidenceInvalid(f"{where} has no package", why="its findings cannot be told apart")
    named = _package.decode(parts["package"], f"{where}/package", notes)
    package = package_of(
        named.ecosystem or "", named.os_package_name or named.name, named.version or named.commit or "", path, notes, where
    )
    records = [
        RECORD.decode(item, f"{where}/vulnerabilities/{number}", notes)
        for number, item in enumerate(elements(parts.get("vulnerabilities"), f"{where}/vulnerabilities", bound=limits.findings))
    ]
    groups = [
        _group.decode(item, f"{where}/groups/{number}", notes)
        for number, item in enumerate(elements(parts.get("groups"), f"{where}/groups", bound=limits.findings))
    ]
    by_id = {name: group for group in groups for name in group.ids}
    unheard = by_id.keys() - {record.id for record in records}
    if unheard:
        # A report that was reduced to its groups still reports these vulnerabilities.
        notes.add("record_missing", "a group names a vulnerability whose record is not in the report", where, len(unheard))
        records += [Record(id=name) for name in sorted(unheard)]
    return [
        ReportedFinding(
            id=(own := words.vulnerability_id(record.id, where)),
            aliases=(aliases := words.alias_ids(own, aliases_of(record, by_id.get(record.id)))),
            package=package,
            severity=(severity := severity_of(record, by_id.get(record.id), (own, *aliases), notes, where))[0],
            severity_source=severity[1],
            severities={severity[1]: severity[0]},
            cvss=tuple(
                Cvss(
                    source="osv",
                    version=(entry.type or "").removeprefix("CVSS_V"),
                    vector=entry.score or "",
                    score=base_score(entry.score or ""),
                )
                for entry in record.severity or ()
                if (entry.type or "").startswith("CVSS_")
            ),
            fix=fix_of(record, named.name),
            malware=is_malware_record(record, (own, *aliases)),
            match="exact",
            suppressed=f"withdrawn {record.withdrawn[:40]}" if record.withdrawn else "",
            reachable=_reachable(by_id.get(record.id), record.id),
            url="",
        )
        for record in records
    ], package.purl


def aliases_of(record: Record, group: _Group | None) -> list[str]:
    return [*(record.aliases or ()), *((*group.ids, *(group.aliases or ())) if group is not None else ())]


def is_malware_record(record: Record, names: tuple[str, ...]) -> bool:
    return words.is_malware(names) or bool(record.database_specific and record.database_specific.origins)


def severity_of(record: Record, group: _Group | None, names: tuple[str, ...], notes: Notes, where: str) -> tuple[Severity, str]:
    """(severity, its source): malware, the database's word, a distribution's, the rating of a CVSS score, unknown."""
    if is_malware_record(record, names):
        return "critical", "malware"
    database = record.database_specific.severity if record.database_specific else None
    if isinstance(database, str) and database:
        return words.severity(database, notes, where), "ghsa" if record.id.startswith("GHSA-") else "osv"
    said = [entry.score for entry in record.severity or () if entry.score and not (entry.type or "").startswith("CVSS_")]
    for affected in record.affected or ():
        specific = affected.ecosystem_specific or _Ecosystem()
        said += [word for word in (specific.severity, specific.urgency) if isinstance(word, str) and word]
    known = [words.severity(word, Notes(), where) for word in said]
    if best := [value for value in known if value != "unknown"]:
        return words.highest(best), "osv"
    try:
        score = float(group.max_severity) if group is not None and group.max_severity else None
    except ValueError:
        score = None
    if score is None:
        scores = [base for entry in record.severity or () if (base := base_score(entry.score or "")) is not None]
        score = max(scores, default=None)
    if score is None:
        notes.add("missing_severity", "a finding has no severity; counted as unknown", where)
    return words.rating(score), ("cvss" if score is not None else "osv")


def _reachable(group: _Group | None, name: str) -> str:
    """``called`` of the call analysis. Of what a distribution calls unimportant nobody looked at calls: ``called: false`` stands
    beside it because the field is always written."""
    if group is None:
        return "unknown"
    found = (group.experimental_analysis or group.experimental_analysis_camel or {}).get(name)
    if found is None:
        return "unknown"
    if found.called:
        return "yes"
    return "no" if found.called is False and not found.unimportant else "unknown"


def fix_of(record: Record, name: str) -> Fix:
    """Versions that the record says fix this package; none said is unknown, since records are often incomplete."""
    versions = dict.fromkeys(
        event.fixed
        for affected in record.affected or ()
        if affected.package is not None and affected.package.name == name
        for span in affected.ranges or ()
        if span.type != "GIT"
        for event in span.events or ()
        if event.fixed
    )
    return Fix(state="available", versions=tuple(versions)) if versions else Fix(state="unknown")
