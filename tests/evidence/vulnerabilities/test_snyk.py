"""Snyk's container JSON: one finding a package, suppressed ones come back, and nothing that failed passes for clean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding
from gate.evidence.sniff import read_payload
from gate.evidence.vulnerabilities.snyk import READER
from gate.limits import Limits
from tests.evidence.vulnerabilities.support import DIGEST, LIMITS, codes, corpus, encode

VULNERABILITY: dict[str, Any] = {
    "id": "SNYK-DEBIAN12-ZLIB-1",
    "name": "zlib/zlib1g",
    "version": "1:1.2.13",
    "packageManager": "debian:12",
    "severity": "high",
    "identifiers": {"CVE": ["CVE-2024-0001"], "CWE": ["CWE-1"]},
    "from": ["docker-image|app@1", "zlib/zlib1g@1:1.2.13"],
}


def result(*vulnerabilities: Any, **fields: Any) -> dict[str, Any]:
    """One result of a container test."""
    return {
        "vulnerabilities": list(vulnerabilities),
        "ok": not vulnerabilities,
        "dependencyCount": 3,
        "packageManager": "deb",
        "docker": {},
        "path": f"registry.example/app@{DIGEST}/app",
        **fields,
    }


def _read(value: Any, limits: Limits = LIMITS) -> Reading:
    return read_payload(encode(value), media_type="", predicate_type=None, predicate=None, limits=limits)


def _findings(value: Any) -> tuple[ReportedFinding, ...]:
    scan = _read(value).scan
    assert scan is not None
    return scan.findings


def test_a_real_report_has_one_finding_a_package() -> None:
    """1,038 entries, one a path, are 460 findings; both applications are counted; the path names the digest."""
    reading = READER.read(corpus("snyk/ubuntu1804_container_4MB.json"), LIMITS)
    assert reading.scan is not None
    assert (len(reading.scan.findings), reading.scan.packages_catalogued) == (460, 723)
    assert [name.role for name in reading.names] == ["manifest"]
    assert {finding.package.type for finding in reading.scan.findings} == {"deb"}


def test_a_report_that_was_cut_is_refused_and_whole_it_gives_epss() -> None:
    """A published sample lists 1 of 13 vulnerabilities; with its counts made to fit, its npm part has EPSS as numbers."""
    data = corpus("snyk/container_epss_cvssdetails.json")
    with pytest.raises(EvidenceInvalid, match="counts 13 vulnerabilities and lists 1"):
        READER.read(data, LIMITS)
    found = _findings(json.loads(data) | {"uniqueCount": 1})
    jwt = next(finding for finding in found if finding.package.name == "express-jwt")
    assert jwt.epss is not None
    assert (jwt.epss.probability, jwt.epss.percentile) == (0.00197, 0.57214)
    assert jwt.aliases == ("CVE-2020-15084", "GHSA-6g6m-m6h5-w9gf")
    assert (jwt.package.type, jwt.fix.versions, jwt.severities["nvd"]) == ("npm", ("6.0.0",), "critical")


def test_lists_and_applications_are_one_scan() -> None:
    """A list, and applications nested in it, are summed; each finding keeps the file that it is in."""
    app = {k: v for k, v in result({**VULNERABILITY, "name": "@scope/a", "packageManager": "npm"}).items() if k != "docker"}
    app |= {"packageManager": "npm", "targetFile": "/app/package.json"}
    found = _findings([result(VULNERABILITY, applications=[app]), result(VULNERABILITY)])
    assert [(f.package.type, f.package.name, f.package.locations) for f in found] == [
        ("deb", "zlib1g", ()),
        ("npm", "@scope/a", ("/app/package.json",)),
    ]


def test_what_snyk_hides_comes_back() -> None:
    """Ignored and patched entries are findings marked so, unless another path to the package counts."""
    ignored = VULNERABILITY | {"filtered": {"ignored": [{"reason": "later"}]}}
    (found,) = _findings(result(ok=True, filtered={"ignore": [ignored], "patch": []}))
    assert found.suppressed == "ignored by Snyk: later"
    (found,) = _findings(result(VULNERABILITY, filtered={"ignore": [ignored], "patch": []}))
    assert found.suppressed == ""
    (found,) = _findings(result(filtered={"patch": [VULNERABILITY]}))
    assert found.suppressed == "patched by Snyk"


@pytest.mark.parametrize(
    ("change", "severity", "source", "code"),
    [
        ({}, "high", "snyk", None),
        ({"severityWithCritical": "critical"}, "critical", "snyk", None),
        ({"severity": "low", "originalSeverity": "critical"}, "critical", "snyk", "severity_lowered"),
        ({"severity": "high", "originalSeverity": "low"}, "high", "snyk", None),
        ({"severity": "low", "malicious": True}, "critical", "malware", None),
        ({"severity": "weird"}, "unknown", "snyk", "unknown_severity"),
        ({"severity": None}, "unknown", "snyk", "missing_severity"),
        ({"isDisputed": True}, "high", "snyk", "disputed"),
        ({"epssDetails": {"probability": "many"}}, "high", "snyk", "bad_epss"),
    ],
)
def test_severities(change: dict[str, Any], severity: str, source: str, code: str | None) -> None:
    """The worse of what Snyk and its user say; malware is critical; disputed ones count; unknown stays unknown."""
    reading = _read(result(VULNERABILITY | change))
    assert reading.scan is not None
    (found,) = reading.scan.findings
    assert (found.severity, found.severity_source) == (severity, source)
    assert code is None or code in codes(reading)


def test_an_entry_for_several_cves_is_several_findings() -> None:
    """Uniting them under one id would count two vulnerabilities as one."""
    found = _findings(result(VULNERABILITY | {"identifiers": {"CVE": ["CVE-2024-0002", "CVE-2024-0001"]}}))
    assert [(f.id, f.aliases) for f in found] == [("CVE-2024-0001", ()), ("CVE-2024-0002", ())]


def test_programs_without_a_package_manager() -> None:
    """``binariesVulns`` are findings too, and a reference to an issue that is not there is an error."""
    binaries: dict[str, Any] = {
        "issuesData": {"SNYK-UPSTREAM-NODE-1": {"id": "SNYK-UPSTREAM-NODE-1", "severity": "high"}},
        "affectedPkgs": {"node@5": {"pkg": {"name": "node", "version": "5"}, "issues": {"SNYK-UPSTREAM-NODE-1": {}}}},
    }
    (found,) = _findings(result(docker={"baseImage": "node:5", "binariesVulns": binaries}))
    assert (found.package.name, found.package.version, found.package.type) == ("node", "5", "generic")
    with pytest.raises(EvidenceInvalid, match="issuesData does not have"):
        _read(result(docker={"binariesVulns": binaries | {"issuesData": {}}}))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"ok": False, "error": "authentication failed", "path": "app"}, "authentication failed"),
        ([result(), {"ok": False, "error": "no such image", "path": "app"}], "no such image"),
        (result(applications=[{"error": "timeout", "docker": {}}]), "timeout"),
        (result(ok=False), "lists no vulnerability"),
        (result(uniqueCount=1), "counts 1 vulnerabilities and lists 0"),
        (result(VULNERABILITY | {"name": ""}), "names no package"),
        (result({"name": "a"}), "cannot be read"),
        (result(VULNERABILITY | {"id": " "}), "no vulnerability id"),
        (result(vulnerabilities={}), "not a JSON array"),
        ([result(), result(path=f"b@sha256:{'c' * 64}")], "several images"),
        ({k: v for k, v in result().items() if k != "docker"}, "snyk test"),
    ],
)
def test_what_is_no_clean_scan_is_an_error(value: Any, error: str) -> None:
    """Failures, cuts, contradictions and reports of something else never read as "no findings"."""
    with pytest.raises(GateError, match=error):
        _read(value)


def test_a_threshold_makes_it_stand_for_no_scan() -> None:
    """What is below ``--severity-threshold`` is missing, so the report meets no requirement; ``low`` leaves nothing out."""
    for threshold, partial in (("high", True), ("low", False)):
        scan = _read(result(severityThreshold=threshold)).scan
        assert scan is not None and scan.partial is partial


@pytest.mark.parametrize("path", ["registry.example/app:1", "app", f"app@{DIGEST}x", "app@sha256:123", None])
def test_only_a_digest_binds(path: str | None) -> None:
    """A tag names nothing; the digest is the one in the path."""
    assert _read(result(path=path)).names == ()
    assert _read(result()).names == (NamedDigest(DIGEST, "manifest"),)


def test_bounds() -> None:
    """Entries are counted over all parts together."""
    with pytest.raises(LimitExceeded, match="findings"):
        _read([result(VULNERABILITY), result(VULNERABILITY)], Limits(findings=1))
    with pytest.raises(FormatRefused):
        _read([{k: v for k, v in result().items() if k != "docker"}])
