"""Grype's JSON report, 0.24 to 0.116 (grype/presenter/models; the format carries no schema version).

Subject: ``source.target`` of an image. ``fix.state: fixed`` means that a fix exists. ``ignoredMatches`` come back as findings
marked with the rule or VEX statement that made grype ignore them.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import grype_report as report
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.evidence.vulnerabilities.purls import Purls, purl_type
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Epss, Fix, Kev, Package, Severity

_FIX: dict[str, str] = {"fixed": "available", "not-fixed": "none", "wont-fix": "wont_fix", "unknown": "unknown", "": "unknown"}
_MATCH = {"exact-direct-match": "exact", "exact-indirect-match": "indirect", "cpe-match": "cpe"}


_match = Lenient(report.Match)
_source = Lenient(report.Source)
_distro = Lenient(report.Distro | None)  # type: ignore[arg-type]  # msgspec takes unions, which mypy does not call types
_descriptor = Lenient(report.Descriptor)
_alerts = Lenient(report.Alerts)


class GrypeReader:
    """`gate.evidence.interface.Reader` for grype."""

    name = "grype"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """Member names near the start; other formats have none of these pairs."""
        if b'"matches"' in head:
            return (
                b'"vulnerability"' in head
                or b'"descriptor"' in head
                or b'"source"' in head
                or b'"matches":[]' in head.replace(b" ", b"")
            )
        return b'"ignoredMatches"' in head or (b'"alertsByPackage"' in head) or (b'"descriptor"' in head and b'"grype"' in head)

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, LimitExceeded, FormatRefused (0.7 and older)."""
        notes = Notes()
        document = members(guard(data, limits), "a grype report")
        if "matches" not in document or not document.keys() & {"source", "distro", "descriptor"}:
            raise EvidenceInvalid(
                "the document is no grype report: it lacks matches, or all of source, distro and descriptor",
                fix="write it with grype -o json",
            )
        descriptor = _optional(_descriptor, document, "descriptor", notes) or report.Descriptor()
        purls = Purls(notes)
        matches = elements(document["matches"], "matches", bound=limits.findings)
        ignored = elements(document.get("ignoredMatches"), "ignoredMatches", bound=limits.findings - len(matches))
        _refuse_old(matches)
        findings = [_finding(raw, f"/matches/{number}", notes, purls, ignored=False) for number, raw in enumerate(matches)]
        findings += [_finding(raw, f"/ignoredMatches/{number}", notes, purls, ignored=True) for number, raw in enumerate(ignored)]
        built = _database(descriptor, notes)
        alerts = [
            alert.type
            for number, raw in enumerate(elements(document.get("alertsByPackage"), "alertsByPackage", bound=limits.components))
            for alert in _alerts.decode(raw, f"/alertsByPackage/{number}", notes).alerts or ()
        ]
        distro = _optional(_distro, document, "distro", notes)
        created = words.timestamp(descriptor.timestamp, notes, "/descriptor/timestamp")
        names = _names(document, notes)
        return Reading(
            kind="vulnerabilities",
            format="grype",
            producer=Producer(name=descriptor.name or "grype", version=descriptor.version or "", db_built=built),
            created=created,
            names=names,
            diagnostics=notes.diagnostics(),
            scan=ScanFacts(
                scanner="grype",
                findings=tuple(findings),
                packages=None,
                packages_catalogued=None,
                db_built=built,
                distro=f"{distro.name or ''} {distro.version or ''}".strip() if distro else "",
                distro_eol=True if "distro-eol" in alerts else None,
            ),
        )


READER = GrypeReader()


def _optional(decoder: Lenient[Any], document: dict[str, msgspec.Raw], member: str, notes: Notes) -> Any:
    raw = document.get(member)
    if raw is None or bytes(raw).strip() == b"null":
        notes.add(f"no_{member}", f"the report has no {member}")
        return None
    try:
        return decoder.decode(raw, f"/{member}", notes)
    except EvidenceInvalid:
        notes.add("wrong_type", f"{member} is no object; read as absent", f"/{member}")
        return None


def _refuse_old(matches: list[msgspec.Raw]) -> None:
    if not matches:
        return
    try:
        first = msgspec.json.decode(matches[0])
    except msgspec.MsgspecError:  # a number that no machine holds; the reader of matches says where
        return
    old = isinstance(first, dict) and (
        isinstance(first.get("matchDetails"), dict)
        or (
            isinstance(first.get("vulnerability"), dict)
            and not first["vulnerability"].keys().isdisjoint({"cvssV2", "cvssV3", "fixedInVersion"})
        )
    )
    if old:
        raise FormatRefused(
            "this is the report format of grype 0.7 and older, which is not read",
            why="it has neither namespaces nor fix states, so findings cannot be told apart",
            fix="scan again with a current grype",
        )


def _names(document: dict[str, msgspec.Raw], notes: Notes) -> tuple[NamedDigest, ...]:
    source = _optional(_source, document, "source", notes)
    if source is None or source.type != "image":
        return ()
    try:
        target = msgspec.convert(source.target, report.Target)
    except msgspec.ValidationError as error:
        notes.add("wrong_type", f"the target of the image source cannot be read: {error}", "/source/target")
        return ()
    return words.unique(
        words.digests([target.manifest_digest], "manifest", notes, "/source/target/manifestDigest")
        + words.digests(target.repo_digests or (), "manifest", notes, "/source/target/repoDigests")
        + words.digests([target.image_id], "config", notes, "/source/target/imageID")
    )


def _database(descriptor: report.Descriptor, notes: Notes) -> str | None:
    database = descriptor.db or report.Database()
    status = database.status or report.Status()
    if status.valid is False or status.error or database.error:
        notes.add(
            "db_invalid",
            f"grype called its database invalid: {status.error or database.error or 'no reason given'}",
            "/descriptor/db",
        )
        return None
    return words.timestamp(status.built or database.built, notes, "/descriptor/db/built")


def _finding(raw: msgspec.Raw, where: str, notes: Notes, purls: Purls, *, ignored: bool) -> ReportedFinding:
    match = _match.decode(raw, where, notes)
    vulnerability, artifact, related = match.vulnerability, match.artifact, match.related_vulnerabilities or []
    own = words.vulnerability_id(vulnerability.id, where)
    aliases = words.alias_ids(own, [other.id for other in related])
    namespace = vulnerability.namespace or ""
    source = _data_source(namespace)
    severities: dict[str, Severity] = {}
    for other in related:
        if other.severity:
            place = _data_source(other.namespace or "")
            severities[place] = words.highest((severities.get(place, "unknown"), words.severity(other.severity, notes, where)))
    malware = words.is_malware((own, *aliases), namespace)
    severity = words.severity(vulnerability.severity, notes, where) if not malware else "critical"
    severities[source] = severity
    purl, kind = purls.normalise(artifact.purl, where)
    return ReportedFinding(
        id=own,
        aliases=aliases,
        package=Package(
            name=artifact.name,
            version=artifact.version or "",
            type=kind or purl_type(artifact.type),
            purl=purl,
            locations=tuple(sorted({place.path for place in artifact.locations or () if place.path})),
        ),
        severity=severity,
        severity_source=source,
        severities=severities,
        cvss=_cvss([vulnerability, *related]),
        epss=_epss([vulnerability, *related]),
        kev=_kev([vulnerability, *related]),
        fix=_fix(vulnerability.fix, match.match_details or [], notes, where),
        malware=malware,
        match=_quality(match.match_details or [], namespace),
        suppressed=_reason(match.applied_ignore_rules or []) if ignored else "",
        url=vulnerability.data_source or "",
    )


@functools.lru_cache(maxsize=256)
def _data_source(namespace: str) -> str:
    """``debian:distro:debian:11`` is debian's word, ``github:language:go`` GitHub's, as trivy names them."""
    first = namespace.partition(":")[0]
    return {"github": "ghsa", "": "grype"}.get(first, first)


def _quality(details: list[report.Detail], namespace: str) -> str:
    found = {_MATCH.get(detail.type or "", "") for detail in details}
    for quality in ("exact", "indirect", "cpe"):
        if quality in found:
            return quality
    return "cpe" if namespace == "nvd:cpe" else "unknown"


def _cvss(sources: list[report.Vulnerability]) -> tuple[Cvss, ...]:
    return tuple(
        Cvss(
            source=entry.source or _data_source(source.namespace or ""),
            version=entry.version or "",
            vector=entry.vector or "",
            score=words.score(entry.metrics.base_score if entry.metrics else None),
        )
        for source in sources
        for entry in source.cvss or ()
    )


def _epss(sources: list[report.Vulnerability]) -> Epss | None:
    found = [
        Epss(probability=entry.epss, percentile=entry.percentile or 0.0, date=entry.date or "")
        for source in sources
        for entry in source.epss or ()
        if entry.epss is not None and 0 <= entry.epss <= 1
    ]
    return max(found, key=lambda entry: (entry.date, entry.probability), default=None)


def _kev(sources: list[report.Vulnerability]) -> Kev | None:
    found = [
        Kev(
            date_added=entry.date_added or "",
            due_date=entry.due_date or "",
            ransomware=(entry.known_ransomware_campaign_use or "").lower() == "known",
        )
        for source in sources
        for entry in source.known_exploited or ()
    ]
    return min(found, key=lambda entry: (entry.due_date or "9999", entry.date_added), default=None)


def _fix(fix: report.Fix | None, details: list[report.Detail], notes: Notes, where: str) -> Fix:
    if fix is None:
        return Fix(state="unknown")
    state = _FIX.get(fix.state or "")
    if state is None:
        notes.add("unknown_fix_state", f"fix state {(fix.state or '')[:40]!r} is not known", where)
        state = "unknown"
    suggested = [detail.fix.suggested_version for detail in details if detail.fix is not None and detail.fix.suggested_version]
    versions = tuple(dict.fromkeys([*suggested, *(version for version in fix.versions or () if version)]))
    if versions and state == "unknown":
        state = "available"
    since = min((entry.date for entry in fix.available or () if entry.date), default=None)
    return Fix(state=state, versions=versions, available_since=since)  # type: ignore[arg-type]  # values of _FIX


def _reason(rules: list[report.Rule]) -> str:
    """What made grype ignore the match; never empty."""
    parts: list[str] = []
    for rule in rules:
        if rule.vex_status or rule.namespace == "vex":
            parts.append(
                f"VEX {rule.vex_status or 'statement'}" + (f" ({rule.vex_justification})" if rule.vex_justification else "")
            )
        elif rule.reason:
            parts.append(rule.reason)
        else:
            named = {"vulnerability": rule.vulnerability, "fix-state": rule.fix_state, "match-type": rule.match_type}
            parts.append("ignore rule" + "".join(f" {key}={value}" for key, value in named.items() if value))
    return "; ".join(dict.fromkeys(parts)) or "ignored by grype without a rule"
