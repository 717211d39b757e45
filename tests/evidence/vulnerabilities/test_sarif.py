"""SARIF of vulnerability scanners: a degraded scan out of prose."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding
from gate.evidence.vulnerabilities.sarif import READER
from tests.evidence.vulnerabilities.support import CONFIG, DIGEST, LIMITS, codes, encode, sarif

_TRIVY_TEXT = (
    "Package: libx\nInstalled Version: 1.0\nVulnerability CVE-2024-0001\nSeverity: LOW\nFixed Version: 1.1, 1.2\nLink: [x](y)"
)


def _read(log: dict[str, Any]) -> Reading:
    return READER.read(encode(log), LIMITS)


def _only(log: dict[str, Any]) -> ReportedFinding:
    scan = _read(log).scan
    assert scan is not None
    (found,) = scan.findings
    return found


def _result(rule: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"ruleId": rule, "message": {"text": text}, **more}


def _shape(found: ReportedFinding) -> tuple[str, str, str, str]:
    return (found.id, found.package.type, found.package.name, found.package.version)


def test_trivy_prose() -> None:
    """Package, version, severity and fixes are lines of the message."""
    found = _only(sarif("Trivy", _result("CVE-2024-0001", _TRIVY_TEXT)))
    assert _shape(found) == ("CVE-2024-0001", "", "libx", "1.0")
    assert (found.severity, found.severity_source, found.fix.versions, found.match) == ("low", "trivy", ("1.1", "1.2"), "text")


@pytest.mark.parametrize(
    "text",
    [
        "The path /status reports libx at version 1.0  which is a vulnerable (deb) package installed in the container",
        "The path /status reports libx at version 1.0  which would result in a vulnerable (deb) package",
        "A medium vulnerability in deb package: libx, version 1.0 was found at: /var/lib/dpkg/status",
    ],
)
def test_grype_prose_old_and_new(text: str) -> None:
    """The rule id is the vulnerability and the package; security-severity does not outrank grype's own word."""
    rule = {
        "id": "CVE-2024-0001-libx",
        "shortDescription": {"text": "CVE-2024-0001 medium vulnerability for libx package"},
        "help": {"text": "Vulnerability CVE-2024-0001\nSeverity: medium\nPackage: libx\nFix Version: 1.1\n"},
        "properties": {"security-severity": "10.0", "purls": ["pkg:deb/debian/libx@1.0?arch=amd64"]},
    }
    found = _only(sarif("Grype", _result("CVE-2024-0001-libx", text), rules=[rule]))
    assert _shape(found) == ("CVE-2024-0001", "deb", "libx", "1.0")
    assert (found.severity, found.severities, found.fix.versions) == ("medium", {"grype": "medium", "cvss": "critical"}, ("1.1",))
    assert found.package.purl == "pkg:deb/debian/libx@1.0?arch=amd64"


def test_a_rules_purl_of_another_version_is_not_taken() -> None:
    """A rule carries the purl of its first result only."""
    rule = {"id": "CVE-2024-0001-libx", "properties": {"purls": ["pkg:deb/debian/libx@0.9"]}}
    text = "A low vulnerability in deb package: libx, version 1.0 was found at: /x"
    assert _only(sarif("grype", _result("CVE-2024-0001-libx", text), rules=[rule])).package.purl == ""


def test_snyk_prose() -> None:
    """Ids stand in the rule's description; distribution packages are written source/binary; the digest is in the file name."""
    rule = {
        "id": "SNYK-DEBIAN12-APT-1",
        "shortDescription": {"text": "Low severity - Improper Verification vulnerability in apt"},
        "fullDescription": {"text": "(CVE-2024-0001, CVE-2024-0002) apt/libapt-pkg6.0@2.6.1"},
    }
    place = {"physicalLocation": {"artifactLocation": {"uri": f"web@sha256_{'a' * 64}"}}}
    log = sarif("Snyk Container", _result("SNYK-DEBIAN12-APT-1", "a vulnerable apt package", locations=[place]), rules=[rule])
    found = _only(log)
    assert _shape(found) == ("SNYK-DEBIAN12-APT-1", "deb", "libapt-pkg6.0", "2.6.1")
    assert (found.aliases, found.severity) == (("CVE-2024-0001", "CVE-2024-0002"), "low")
    assert _read(log).names == (NamedDigest(DIGEST, "manifest"),)


def test_docker_scout_prose_has_the_purl() -> None:
    """Its package line is a purl."""
    text = """  Vulnerability   : CVE-2024-0001
  Severity        : HIGH
  Package         : pkg:apk/alpine/openssl@3.1.2-r0?os_name=alpine
  Fixed version   : 3.1.4-r0"""
    found = _only(sarif("docker scout", _result("CVE-2024-0001", text)))
    assert _shape(found) == ("CVE-2024-0001", "apk", "openssl", "3.1.2-r0")
    assert (found.severity, found.fix.versions) == ("high", ("3.1.4-r0",))
    assert found.package.purl == "pkg:apk/alpine/openssl@3.1.2-r0?os_name=alpine"


def test_osv_scanner_prose_and_its_aliases() -> None:
    """deprecatedIds are the other names."""
    rule = {
        "id": "CVE-2024-0001",
        "deprecatedIds": ["CVE-2024-0001", "GHSA-aaaa-bbbb-cccc"],
        "properties": {"security-severity": "7.5"},
    }
    found = _only(
        sarif("osv-scanner", _result("CVE-2024-0001", "Package '@a/b@1.0' is vulnerable to 'CVE-2024-0001'."), rules=[rule])
    )
    assert _shape(found) == ("CVE-2024-0001", "", "@a/b", "1.0")
    assert (found.aliases, found.severity, found.severity_source) == (("GHSA-aaaa-bbbb-cccc",), "high", "cvss")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"properties": {"tags": ["vulnerability", "CRITICAL"]}}, "critical"),
        ({"properties": {"security-severity": 9.1}}, "critical"),
        ({"properties": {"security-severity": "0.0"}}, "unknown"),
        ({"properties": {"security-severity": "many"}}, "unknown"),
        ({"properties": {"tags": ["UNKNOWN"], "security-severity": "5"}}, "medium"),
        ({"shortDescription": {"text": "High severity - x vulnerability in y"}}, "high"),
        ({"defaultConfiguration": {"level": "note"}}, "unknown"),
    ],
)
def test_severities(rule: dict[str, Any], expected: str) -> None:
    """The tool's word, then its score; the level alone is too coarse and stays unknown."""
    assert _only(sarif("Trivy", _result("CVE-2024-0001", "x"), rules=[{"id": "CVE-2024-0001", **rule}])).severity == expected


def test_a_result_without_package_stays_a_finding() -> None:
    """Its place stands for the package, and a diagnostic says so."""
    place = {"physicalLocation": {"artifactLocation": {"uri": "usr/lib"}, "region": {"startLine": 1}}}
    log = sarif("grype", _result("CVE-2024-0001", "?", locations=[place]))
    assert _only(log).package.name == "usr/lib:1"
    assert codes(_read(log))["no_package"] == 1


def test_a_result_without_rule_is_an_error() -> None:
    """A vulnerability without a name cannot be counted."""
    with pytest.raises(EvidenceInvalid, match="no vulnerability id"):
        _read(sarif("grype", {"message": {"text": "x"}}))


def test_malware_is_critical() -> None:
    """MAL- ids have no severity in SARIF either."""
    found = _only(sarif("osv-scanner", _result("MAL-2024-1", "Package 'a@1' is vulnerable")))
    assert (found.malware, found.severity) == (True, "critical")


@pytest.mark.parametrize(
    ("suppressions", "reason"),
    [
        ([{"kind": "external", "status": "accepted", "justification": "agreed"}], "agreed"),
        ([{"kind": "inSource"}], "suppressed inSource"),
        ([{"status": "accepted"}, {"status": "underReview"}], ""),
        ([{"status": "rejected"}], ""),
        ([], ""),
        (None, ""),
    ],
)
def test_accepted_suppressions_mark_the_finding(suppressions: Any, reason: str) -> None:
    """SARIF §3.27.23: one that is under review or rejected leaves the result unsuppressed."""
    assert _only(sarif("Trivy", _result("CVE-2024-0001", _TRIVY_TEXT, suppressions=suppressions))).suppressed == reason


def test_trivys_digests_stand_in_the_run() -> None:
    """Repository digests, the name it was asked for, the image id."""
    properties = {"imageName": f"shop/web@{DIGEST}", "repoDigests": [f"shop/web@{DIGEST}"], "repoTags": [], "imageID": CONFIG}
    assert _read(sarif("Trivy", properties=properties)).names == (NamedDigest(DIGEST, "manifest"), NamedDigest(CONFIG, "config"))


def test_grypes_digest_is_the_first_of_two() -> None:
    """With one digest only it is a layer's, which names no image."""
    layer = "sha256:" + "c" * 64
    two = {"logicalLocations": [{"fullyQualifiedName": f"web@{DIGEST}@{layer}:/x"}]}
    one = {"logicalLocations": [{"fullyQualifiedName": f"web:1@{layer}:/x"}]}
    assert _read(sarif("grype", _result("CVE-2024-0001", locations=[two]))).names == (NamedDigest(DIGEST, "manifest"),)
    assert _read(sarif("grype", _result("CVE-2024-0001", locations=[one]))).names == ()


def test_secrets_and_misconfigurations_are_source_findings() -> None:
    """Trivy writes all of them into one run; none is lost and none becomes a vulnerability."""
    rules = [{"id": "aws-key", "name": "Secret", "properties": {"tags": ["secret", "CRITICAL"]}}]
    reading = _read(sarif("Trivy", _result("CVE-2024-0001", _TRIVY_TEXT), _result("aws-key", level="error"), rules=rules))
    assert reading.scan is not None
    assert reading.sast is not None
    assert ([item.id for item in reading.scan.findings], [item.rule for item in reading.sast.findings]) == (
        ["CVE-2024-0001"],
        ["aws-key"],
    )
    assert codes(reading)["not_vulnerabilities"] == 1


def test_a_log_of_both_kinds_gives_both_facts() -> None:
    """All runs are read: the first does not decide for the others."""
    log = sarif("CodeQL", _result("js/xss", "x"))
    log["runs"] += (
        sarif("Grype", _result("CVE-2024-0001", _TRIVY_TEXT))["runs"]
        + sarif("Trivy", _result("CVE-2024-0002", _TRIVY_TEXT))["runs"]
    )
    reading = _read(log)
    assert (reading.kind, reading.producer.name) == ("vulnerabilities", "grype+trivy")
    assert reading.scan is not None
    assert reading.sast is not None
    assert (len(reading.scan.findings), len(reading.sast.findings), reading.scan.degraded) == (2, 1, True)


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ({"version": "2.1.0", "runs": []}, EvidenceInvalid),
        ({"version": "2.1.0"}, EvidenceInvalid),
        ({"version": "2.0.0", "runs": [{}]}, FormatRefused),
        ({"runs": [{}]}, FormatRefused),
        ({"version": "2.1.0", "runs": [{"results": []}]}, EvidenceInvalid),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "grype"}}}]}, EvidenceInvalid),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "grype"}}, "results": None}]}, EvidenceInvalid),
        ({"version": "2.1.0", "runs": [{"tool": {"driver": {}}, "results": []}]}, EvidenceInvalid),
        (sarif("grype", invocations=[{"executionSuccessful": False}]), EvidenceInvalid),
        (sarif("grype", invocations=[{"executionSuccessful": True}, {"executionSuccessful": False}]), EvidenceInvalid),
        (sarif("CodeQL", invocations=[{"exitSignalName": "SIGKILL"}]), EvidenceInvalid),
        (sarif("Semgrep OSS", invocations=[{"processStartFailureMessage": "no memory"}]), EvidenceInvalid),
        (sarif("grype", externalPropertyFileReferences={"results": []}), FormatRefused),
    ],
)
def test_a_log_that_shows_nothing_is_refused(log: dict[str, Any], error: type[Exception]) -> None:
    """No runs, no results, no tool, a failed run, results elsewhere: none of them is a clean scan."""
    with pytest.raises(error):
        _read(log)


@pytest.mark.parametrize(
    ("tool", "result", "rule", "level", "score"),
    [
        ("gitleaks", {}, None, "warning", None),
        ("Semgrep OSS", {}, {"defaultConfiguration": {"level": "error"}, "properties": {"tags": ["security"]}}, "error", None),
        ("CodeQL", {"level": "note"}, {"properties": {"security-severity": "9.8", "tags": ["security"]}}, "note", 9.8),
        ("SonarQube", {"level": "error"}, {"properties": {"security-severity": 7}}, "error", 7.0),
        ("Checkmarx AST", {"level": "surprising"}, {"properties": {"security-severity": "high"}}, "error", None),
        ("KICS", {"kind": "pass"}, None, "none", None),
    ],
)
def test_dialects_of_code_scanners(tool: str, result: dict[str, Any], rule: Any, level: str, score: float | None) -> None:
    """Levels and scores as each writes them (after their published documents; the corpus has none); errors met are said."""
    rules = [{"id": "r", **rule}] if rule else None
    met = [{"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}, {"level": "note"}]}]
    reading = _read(sarif(tool, {"ruleId": "r", "message": {"text": "x"}, **result}, rules=rules, invocations=met))
    assert reading.sast is not None and reading.scan is None
    (found,) = reading.sast.findings
    assert (found.level, found.security_severity) == (level, score)
    assert codes(reading)["tool_errors"] == 1
