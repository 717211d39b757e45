"""SARIF logs: source findings, or vulnerabilities as far as SARIF can carry them.

A run of a known vulnerability scanner is read as a *degraded* scan: package and version stand in prose, severities are those of
the first package of a rule, and there are no purls to speak of, so the native JSON of the scanner is always better. Every other
run is static analysis. A log may hold both; then both facts are there and the kind is ``vulnerabilities``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from gate.evidence.interface import NamedDigest, Reading, ReportedFinding, ScanFacts
from gate.evidence.source import document as sarif
from gate.evidence.source import sast
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.lenient import Notes
from gate.evidence.vulnerabilities.purls import Purls, purl_type
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Fix, Package, Severity

_SCANNERS = {
    "grype": "grype",
    "trivy": "trivy",
    "snyk": "snyk",
    "snyk container": "snyk",
    "snyk open source": "snyk",
    "docker scout": "docker scout",
    "osv-scanner": "osv-scanner",
}
_FIELD = re.compile(r"^[ \t]*([A-Z][A-Za-z ]{2,30}?)[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_HELP_ID = re.compile(r"^Vulnerability:? +(\S+)", re.MULTILINE)
_GRYPE_NEW = re.compile(r"vulnerability in (\S+) package: (.+?), version (.+?) (?:was|is) found at")
_GRYPE_OLD = re.compile(r"reports (\S+) at version (\S+)\s+which .*?vulnerable \((\S+)\) package")
_SNYK = re.compile(r"^\((?P<ids>[^)]*)\)\s*(?P<package>\S+)@(?P<version>\S+)$")
_OSV = re.compile(r"Package '(.+)@([^'@]*)' is vulnerable")
_WORD = re.compile(r"\b(critical|high|medium|moderate|low|negligible)[ -](?:severity|vulnerability)", re.IGNORECASE)
_SNYK_TYPE = re.compile(r"SNYK-([A-Z]+)\d*-")
_SNYK_TYPES = {
    "DEBIAN": "deb", "UBUNTU": "deb", "ALPINE": "apk", "WOLFI": "apk", "CHAINGUARD": "apk", "RHEL": "rpm", "CENTOS": "rpm",
    "AMZN": "rpm", "ORACLE": "rpm", "SLES": "rpm", "ROCKY": "rpm", "JS": "npm", "JAVA": "maven", "PYTHON": "pypi",
    "GOLANG": "golang", "RUBY": "gem", "DOTNET": "nuget", "PHP": "composer", "RUST": "cargo",
}  # fmt: skip
_SNYK_DIGEST = re.compile(r"@sha256_([0-9a-f]{64})")
_TWO_DIGESTS = re.compile(r"@(sha256:[0-9a-f]{64})@sha256:")


class SarifReader:
    """`gate.evidence.interface.Reader` for SARIF 2.1.0."""

    name = "sarif"

    def recognises(self, head: bytes, media_type: str) -> bool:
        """The media type, the schema's name or ``runs`` near the start."""
        return "sarif" in media_type.lower() or b'"runs"' in head or (b'"$schema"' in head and b"sarif" in head.lower())

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, LimitExceeded, FormatRefused (another SARIF version, external property files)."""
        notes = Notes()
        runs = sarif.parse(data, notes, limits)
        scans = [run for run in runs if _scanner(run)]
        purls = Purls(notes)
        findings: list[ReportedFinding] = []
        source_runs: list[sarif.Run] = [run for run in runs if not _scanner(run)]
        chosen: list[list[tuple[sarif.Result, sarif.Rule]]] = [list(run.results) for run in source_runs]
        for run in scans:
            rest = [pair for pair in run.results if not _is_vulnerability(pair[1])]
            findings += [_finding(run, result, rule, notes, purls) for result, rule in run.results if _is_vulnerability(rule)]
            if rest:
                notes.add(
                    "not_vulnerabilities",
                    f"results of {run.name} that are no vulnerabilities are source findings",
                    run.where,
                    len(rest),
                )
                source_runs.append(run)
                chosen.append(rest)
        scanner = "+".join(dict.fromkeys(_scanner(run) for run in scans))
        return Reading(
            kind="vulnerabilities" if scans else "sast",
            format="sarif 2.1.0",
            producer=Producer(
                name=scanner or ", ".join(dict.fromkeys(run.name for run in runs)),
                version=", ".join(dict.fromkeys(run.version for run in runs if run.version)),
            ),
            created=words.timestamp(next((run.time for run in runs if run.time), None), notes, "/runs/invocations"),
            names=_names(scans, notes),
            diagnostics=notes.diagnostics(),
            scan=ScanFacts(scanner=scanner, findings=tuple(findings), packages=None, packages_catalogued=None, degraded=True)
            if scans
            else None,
            sast=sast.facts(source_runs, chosen) if source_runs else None,
        )


READER = SarifReader()


def _scanner(run: sarif.Run) -> str:
    """The gate's name of a known vulnerability scanner; empty for any other tool."""
    return _SCANNERS.get(run.name.strip().lower(), "")


def _is_vulnerability(rule: sarif.Rule) -> bool:
    """Trivy marks its rules; whatever is not marked as something else counts as a vulnerability."""
    marks = {tag.lower() for tag in sarif.tags(rule)}
    if "vulnerability" in marks or (rule.name or "").endswith("Vulnerability"):
        return True
    return (rule.name or "") not in ("Misconfiguration", "Secret", "License") and not marks & {
        "misconfiguration",
        "secret",
        "license",
    }


def _finding(run: sarif.Run, result: sarif.Result, rule: sarif.Rule, notes: Notes, purls: Purls) -> ReportedFinding:
    text, rule_text = sarif.message(result, rule), (rule.help.text if rule.help else None) or ""
    fields = dict(_FIELD.findall(rule_text)) | dict(_FIELD.findall(text))
    rule_name = sarif.rule_id(result, rule)
    kind, name, version, ids = _package(rule_name, rule, text, fields)
    purl, purl_kind = _purl(rule, fields, name, version, purls, run.where)
    if purl and not name:
        tail = unquote(purl.partition("?")[0].rpartition("/")[2])
        name, version = tail.rpartition("@")[0] or tail, tail.rpartition("@")[2] if "@" in tail else version
    if not name:
        notes.add("no_package", "a result does not say which package it is in", run.where)
        name = sarif.location(result) or "(unknown)"
    own = words.vulnerability_id(_id(rule_name, name, rule_text), f"{run.where}, rule {rule_name!r}")
    aliases = words.alias_ids(own, [*ids, *(rule.deprecated_ids or ())])
    severities = _severities(_scanner(run), rule, text, fields, notes, run.where)
    if words.is_malware((own, *aliases)):
        severities = {"malware": "critical", **severities}
    source = next(iter(severities))
    versions = tuple(
        part.strip() for part in _fixed(rule, fields).split(",") if part.strip() and part.strip().lower() != "not fixed"
    )
    return ReportedFinding(
        id=own,
        aliases=aliases,
        package=Package(name=name, version=version, type=purl_kind or kind, purl=purl, locations=_places(result)),
        severity=severities[source],
        severity_source=source,
        severities=severities,
        fix=Fix(state="available", versions=versions) if versions else Fix(state="unknown"),
        malware="malware" in severities,
        match="text",
        suppressed=sarif.suppressed(result),
        url=rule.help_uri or "",
    )


def _package(rule_name: str, rule: sarif.Rule, text: str, fields: dict[str, str]) -> tuple[str, str, str, list[str]]:
    """(type, name, version, further ids), each empty where the prose does not say."""
    if found := _GRYPE_NEW.search(text):
        return purl_type(found[1]), found[2], found[3], []
    if found := _GRYPE_OLD.search(text):
        return purl_type(found[3]), found[1], found[2], []
    if found := _OSV.search(text):
        return "", found[1], found[2], []
    described = (rule.full_description.text if rule.full_description else None) or ""
    if rule_name.startswith("SNYK-") and (found := _SNYK.match(described.strip())):
        system = _SNYK_TYPE.match(rule_name)
        kind = _SNYK_TYPES.get(system[1], "") if system else ""
        # Distribution packages are written source/binary.
        name = found["package"].rpartition("/")[2] if kind in ("deb", "rpm", "apk") else found["package"]
        return kind, name, found["version"], re.split(r"[,\s]+", found["ids"])
    name = fields.get("Package", "")
    version = fields.get("Installed Version") or fields.get("Version") or ""
    return purl_type(fields.get("Type")), "" if name.startswith("pkg:") else name, version, []


def _purl(rule: sarif.Rule, fields: dict[str, str], name: str, version: str, purls: Purls, where: str) -> tuple[str, str]:
    """The result's own purl, or the rule's if it is of this very version: a rule carries that of its first result only."""
    if fields.get("Package", "").startswith("pkg:"):
        return purls.normalise(fields["Package"], where)
    listed = (rule.properties or {}).get("purls")
    for raw in listed if isinstance(listed, list) else ():
        purl, kind = purls.normalise(raw if isinstance(raw, str) else "", where)
        tail = unquote(purl.partition("?")[0].rpartition("/")[2])
        if purl and (not name or tail == f"{name}@{version}"):
            return purl, kind
    return "", ""


def _id(rule_name: str, package: str, rule_text: str) -> str:
    """The vulnerability's id; grype's rule ids are ``<id>-<package>``, and its help text begins with the id alone."""
    if (found := _HELP_ID.search(rule_text)) and rule_name.startswith(found[1]):
        return found[1]
    return rule_name.removesuffix(f"-{package}")


def _severities(
    scanner: str, rule: sarif.Rule, text: str, fields: dict[str, str], notes: Notes, where: str
) -> dict[str, Severity]:
    """The scanner's word first, then the rating of ``security-severity``; ``unknown`` without both: ``level`` is too coarse."""
    found: dict[str, Severity] = {}
    described = (rule.short_description.text if rule.short_description else None) or ""
    said = fields.get("Severity") or next((tag for tag in sarif.tags(rule) if tag.lower() in words.RANK), "")
    if not said and (match := _WORD.search(described) or _WORD.search(text)):
        said = match[1]
    if said:
        found[scanner] = words.severity(said, notes, where)
    score = sarif.security_severity(rule)
    if score:
        found["cvss"] = words.rating(score)
    if found.get(scanner) == "unknown" and "cvss" in found:
        del found[scanner]
    return found or {scanner: words.severity(None, notes, where)}


def _fixed(rule: sarif.Rule, fields: dict[str, str]) -> str:
    own = (rule.properties or {}).get("fixed_version")
    return (
        fields.get("Fixed Version")
        or fields.get("Fixed version")
        or fields.get("Fix Version")
        or (own if isinstance(own, str) else "")
    )


def _places(result: sarif.Result) -> tuple[str, ...]:
    found = {
        entry.physical_location.artifact_location.uri
        for entry in result.locations or ()
        if entry.physical_location and entry.physical_location.artifact_location and entry.physical_location.artifact_location.uri
    }
    return tuple(sorted(found))


def _names(runs: Sequence[sarif.Run], notes: Notes) -> tuple[NamedDigest, ...]:
    """Where each scanner puts the digest: trivy in run properties, snyk in file names, grype in logical locations."""
    found: list[NamedDigest] = []
    for run in runs:
        properties = run.head.properties or {}
        listed = properties.get("repoDigests")
        texts = [text for text in (listed if isinstance(listed, list) else ()) if isinstance(text, str)]
        if isinstance(own := properties.get("imageName"), str) and "@sha256:" in own:
            texts.append(own)
        found += words.digests(texts, "manifest", notes, f"{run.where}/properties")
        if isinstance(image := properties.get("imageID"), str):
            found += words.digests([image], "config", notes, f"{run.where}/properties/imageID")
        for result, _ in run.results:
            for entry in result.locations or ():
                uri = (
                    entry.physical_location.artifact_location.uri
                    if entry.physical_location and entry.physical_location.artifact_location
                    else None
                )
                if uri and (match := _SNYK_DIGEST.search(uri)):
                    found.append(NamedDigest(f"sha256:{match[1]}", "manifest"))
                for logical in entry.logical_locations or ():
                    # name@image@layer:path; with one digest only, it is the layer's.
                    if match := _TWO_DIGESTS.search(logical.fully_qualified_name or ""):
                        found.append(NamedDigest(match[1], "manifest"))
    return words.unique(found)
