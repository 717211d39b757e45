"""Snyk's container JSON: ``snyk container test --json``, one result or a list of them, applications nested or listed.

One entry stands for one *path* to a package, so entries are united. There are no purls, no times and no versions of the scanner
or its data. What a policy or ``.snyk`` file ignored (``filtered``) comes back as findings marked so, and where a policy of the
organisation lowered a severity, the original one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding, ScanFacts
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities import snyk_report as report
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.evidence.vulnerabilities.purls import purl_type
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Cvss, Epss, Fix, Package, Severity

_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})(?=/|$)")
_SYSTEMS = frozenset({"deb", "rpm", "apk", "linux", "alpm"})
_TYPES = {
    "gomodules": "golang",
    "golangdep": "golang",
    "govendor": "golang",
    "rubygems": "gem",
    "linux": "",
    "upstream": "generic",
}
_AGAIN = "run snyk container test --json IMAGE@DIGEST again and look at its exit code"


_vulnerability = Lenient(report.Vulnerability)
_head = Lenient(report.Head)


class SnykReader:
    """`gate.evidence.interface.Reader` for Snyk's container reports."""

    name = "snyk"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """Member names near the start."""
        return b'"dependencyCount"' in head or (b'"vulnerabilities"' in head and b'"packageManager"' in head)

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid (an error in a result's place, counts that do not fit), LimitExceeded, FormatRefused."""
        data = guard(data, limits)
        read = _Read(limits)
        if data.lstrip().startswith(b"["):
            results = elements(data, "a Snyk report", bound=limits.evidence_documents)
        else:
            results = [msgspec.Raw(data)]
        if not results:
            raise EvidenceInvalid("an empty array names no image and no package", fix=_AGAIN)
        for number, raw in enumerate(results):
            read.result(raw, f"/{number}" if len(results) > 1 else "")
        return read.reading()


READER = SnykReader()


class _Read:
    """What is gathered over all results of one document."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._notes = Notes()
        self._findings: dict[tuple[str, str, str, str, str], ReportedFinding] = {}
        self._entries = 0
        self._names: list[NamedDigest] = []
        self._catalogued: int | None = None
        self._partial = False
        self._bases: set[str] = set()

    def result(self, raw: msgspec.Raw, where: str) -> None:
        parts = members(raw, f"{where or '/'} of a Snyk report")
        if "docker" not in parts and "error" not in parts:
            raise FormatRefused(
                "this is Snyk's report of snyk test, which is about a source project and not an image",
                fix="snyk container test --json IMAGE@DIGEST",
            )
        self._one(raw, parts, where)
        docker = members(parts["docker"], f"{where}/docker") if "docker" in parts else {}
        self._base(docker, where)
        self._binaries(docker, f"{where}/docker/binariesVulns")
        applications = elements(parts.get("applications"), f"{where}/applications", bound=self._limits.evidence_documents)
        for number, inner in enumerate(applications):
            place = f"{where}/applications/{number}"
            self._one(inner, members(inner, place), place)

    def _one(self, raw: msgspec.Raw, parts: Mapping[str, msgspec.Raw], where: str) -> None:
        if "error" in parts or "vulnerabilities" not in parts:
            raise EvidenceInvalid(
                f"{where or 'the report'} has no vulnerabilities: Snyk says {bytes(parts.get('error', b'nothing'))[:120]!r}",
                why="a test that failed shows nothing about what it did not reach",
                fix=_AGAIN,
            )
        head = _head.decode(raw, where or "a Snyk report", self._notes)
        entries = elements(parts["vulnerabilities"], f"{where}/vulnerabilities", bound=self._room())
        ids = {self._add(item, head, f"{where}/vulnerabilities/{number}", "") for number, item in enumerate(entries)}
        hidden = self._hidden(parts, head, where)
        if head.unique_count is not None and head.unique_count > len(ids | hidden):
            raise EvidenceInvalid(
                f"{where or 'the report'} counts {head.unique_count} vulnerabilities and lists {len(ids | hidden)}",
                why="it was cut or edited, and what is missing is not known",
                fix=_AGAIN,
            )
        if head.ok is False and not ids | hidden:
            raise EvidenceInvalid(
                f"{where or 'the report'} says that it is not ok, and lists no vulnerability",
                why="its two halves do not fit together",
                fix=_AGAIN,
            )
        if head.dependency_count is not None and head.dependency_count >= 0:
            self._catalogued = (self._catalogued or 0) + head.dependency_count
        if (head.severity_threshold or "low").lower() != "low":
            self._partial = True
            text = "made with --severity-threshold: what is below is not in it, so it stands for no scan"
            self._notes.add("severity_threshold", text, where)
        if head.has_unknown_versions:
            self._notes.add("unknown_versions", "some packages have no version that Snyk could compare", where)
        if found := _DIGEST.search(head.path or ""):
            self._names.append(NamedDigest(found[1], "manifest"))

    def _hidden(self, parts: Mapping[str, msgspec.Raw], head: report.Head, where: str) -> set[str]:
        """Entries of ``filtered``: ignored ones, and those that Snyk takes for patched."""
        raw = parts.get("filtered")
        if raw is None or bytes(raw).strip() == b"null":
            return set()
        filtered = members(raw, f"{where}/filtered")
        found: set[str] = set()
        for name, word in (("ignore", "ignored by Snyk"), ("patch", "patched by Snyk")):
            place = f"{where}/filtered/{name}"
            listed = elements(filtered.get(name), place, bound=self._room())
            found |= {self._add(item, head, f"{place}/{number}", word) for number, item in enumerate(listed)}
        return found

    def _room(self) -> int:
        return max(0, self._limits.findings - self._entries)

    def _base(self, docker: Mapping[str, msgspec.Raw], where: str) -> None:
        try:
            base = msgspec.json.decode(docker.get("baseImage", b"null"))
        except (msgspec.MsgspecError, UnicodeError):
            base = None
        if isinstance(base, str) and base and base not in self._bases:
            self._bases.add(base)
            self._notes.add("base_image", f"Snyk takes {base[:200]} for the base image", f"{where}/docker/baseImage")

    def _binaries(self, docker: Mapping[str, msgspec.Raw], where: str) -> None:
        """Vulnerabilities of programs that no package manager installed, by package."""
        raw = docker.get("binariesVulns")
        if raw is None or bytes(raw).strip() == b"null":
            return
        parts = members(raw, where)
        issues = members(parts.get("issuesData", b"{}"), f"{where}/issuesData")
        for key, value in members(parts.get("affectedPkgs", b"{}"), f"{where}/affectedPkgs").items():
            place = f"{where}/affectedPkgs/{key}"
            affected = members(value, place)
            package = members(affected.get("pkg", b"{}"), f"{place}/pkg")
            for name in members(affected.get("issues", b"{}"), f"{place}/issues"):
                if name not in issues:
                    raise EvidenceInvalid(f"{place} names {name[:100]}, which issuesData does not have", fix=_AGAIN)
                merged = {
                    **members(issues[name], f"{where}/issuesData/{name}"),
                    **{k: package[k] for k in package if k in ("name", "version")},
                }
                self._add(msgspec.Raw(msgspec.json.encode(merged)), report.Head(package_manager="upstream"), place, "")

    def _add(self, raw: msgspec.Raw, head: report.Head, where: str, hidden: str) -> str:
        """Returns the id as Snyk writes it."""
        self._entries += 1
        if self._entries > self._limits.findings:
            raise LimitExceeded("findings", self._limits.findings, where)
        item = _vulnerability.decode(raw, where, self._notes)
        if item.type == "license":
            self._notes.add("not_read", "licence issues are not vulnerabilities and were not read", where)
            return item.id
        for own, aliases in _ids(item, where):
            made = _finding(item, own, aliases, head, where, hidden, self._notes)
            place = made.package.locations[0] if made.package.locations else ""
            key = (made.id, made.package.type, made.package.name, made.package.version, place)
            known = self._findings.get(key)
            # A package that is reached by one path that counts is there, whatever was ignored on another.
            if known is None or (known.suppressed and not made.suppressed):
                self._findings[key] = made
        return item.id

    def reading(self) -> Reading:
        names = words.unique(self._names)
        if len(names) > 1:
            raise EvidenceInvalid(
                "the report is about several images", why="what was found in which cannot be told", fix="give one report an image"
            )
        return Reading(
            kind="vulnerabilities",
            format="snyk",
            producer=Producer(name="snyk"),
            created=None,
            names=names,
            diagnostics=self._notes.diagnostics(),
            scan=ScanFacts(
                scanner="snyk",
                findings=tuple(self._findings.values()),
                packages=None,
                packages_catalogued=self._catalogued,
                partial=self._partial,
            ),
        )


def _ids(item: report.Vulnerability, where: str) -> list[tuple[str, tuple[str, ...]]]:
    """(id, aliases): Snyk's id with one CVE for its alias; where it stands for several CVEs, each of them on its own."""
    identifiers = item.identifiers or report.Identifiers()
    own = words.vulnerability_id(item.id, where)
    aliases = words.alias_ids(own, [*(identifiers.cve or ()), *(identifiers.ghsa or ())])
    several = [name for name in aliases if words.is_cve(name)]
    return [(name, ()) for name in several] if len(several) > 1 else [(own, aliases)]


def _finding(
    item: report.Vulnerability, own: str, aliases: tuple[str, ...], head: report.Head, where: str, hidden: str, notes: Notes
) -> ReportedFinding:
    malware = bool(item.malicious) or words.is_malware((item.id, own, *aliases))
    if item.is_disputed:
        notes.add("disputed", "Snyk marks it as disputed; it counts all the same", where)
    source, severity, severities = _severity(item, malware, notes, where)
    manager = (item.package_manager or head.package_manager or "").partition(":")[0]
    kind = _TYPES.get(manager.lower(), purl_type(manager))
    system = kind in _SYSTEMS or (head.package_manager or "").lower() in _SYSTEMS
    name = item.name or item.package_name or ""
    if not name:
        raise EvidenceInvalid(f"{where} names no package", why="a finding in nothing cannot be counted or waived", fix=_AGAIN)
    target = head.display_target_file or head.target_file or ""
    return ReportedFinding(
        id=own,
        aliases=aliases,
        package=Package(
            name=name.rpartition("/")[2] if system else name,  # distribution packages are written source/binary
            version=item.version or "",
            type=kind or "generic",
            purl="",
            locations=(target,) if target else (),
        ),
        severity=severity,
        severity_source=source,
        severities=severities,
        cvss=_cvss(item),
        epss=_epss(item.epss_details, notes, where),
        fix=_fix(item),
        malware=malware,
        suppressed=_reason(item, hidden),
        url=f"https://security.snyk.io/vuln/{item.id}" if re.fullmatch(r"[A-Za-z0-9:_.-]+", item.id) else "",
    )


def _severity(item: report.Vulnerability, malware: bool, notes: Notes, where: str) -> tuple[str, Severity, dict[str, Severity]]:
    said = words.severity(item.severity_with_critical or item.severity, notes, where)
    severities: dict[str, Severity] = {}
    for rating in (*(item.cvss_details or ()), *(item.cvss_sources or ())):
        if rating.severity:
            severities[(rating.assigner or "cvss").lower()] = words.severity(rating.severity, notes, where)
    if item.nvd_severity:
        severities["nvd"] = words.severity(item.nvd_severity, notes, where)
    if item.relative_importance and item.relative_importance.lower() in words.RANK:
        severities["distribution"] = words.severity(item.relative_importance, notes, where)
    severities["snyk"] = said
    if item.original_severity:
        original = words.severity(item.original_severity, notes, where)
        if words.RANK[original] > words.RANK[said]:
            notes.add("severity_lowered", "a policy in Snyk lowered a severity; the original one counts", where)
            severities["snyk"] = original
            severities["snyk policy"] = said
    if malware:
        severities["malware"] = "critical"
        return "malware", "critical", severities
    return "snyk", severities["snyk"], severities


def _cvss(item: report.Vulnerability) -> tuple[Cvss, ...]:
    found: dict[tuple[str, str], Cvss] = {}
    own = [report.Rating("Snyk", None, item.cvss_v3, item.cvss_score)]
    for rating in (*own, *(item.cvss_details or ()), *(item.cvss_sources or ())):
        vector, score = rating.vector or rating.old_vector or "", words.score(rating.base_score or rating.old_score)
        if vector or score:
            version = vector.partition("/")[0].removeprefix("CVSS:") if vector.startswith("CVSS:") else "3.0" if vector else ""
            source = (rating.assigner or "Snyk").lower()
            found[source, version] = Cvss(source=source, version=version, vector=vector, score=score)
    return tuple(found.values())


def _epss(entry: report.EpssDetails | None, notes: Notes, where: str) -> Epss | None:
    if entry is None or entry.probability is None:
        return None
    try:
        probability, percentile = float(entry.probability), float(entry.percentile or 0)
    except ValueError:
        probability = percentile = -1.0
    if not (0 <= probability <= 1 and 0 <= percentile <= 1):
        notes.add("bad_epss", "an EPSS value is no number between 0 and 1; read as absent", where)
        return None
    return Epss(probability=probability, percentile=percentile, date="")


def _fix(item: report.Vulnerability) -> Fix:
    versions: Iterable[str] = [item.nearest_fixed] if item.nearest_fixed else item.fixed_in or ()
    listed = tuple(dict.fromkeys(text for text in versions if text))
    if listed:
        return Fix(state="available", versions=listed)
    return Fix(state="none" if item.fixed_in is not None else "unknown")


def _reason(item: report.Vulnerability, hidden: str) -> str:
    if not hidden:
        return ""
    reasons = [
        text for entry in (item.filtered.ignored if item.filtered else None) or () if (text := entry.reason or entry.source)
    ]
    return f"{hidden}: {'; '.join(dict.fromkeys(reasons))}"[:1000] if reasons else hidden
