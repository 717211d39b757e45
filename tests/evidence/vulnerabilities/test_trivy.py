"""Trivy's JSON, with the old array and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding
from gate.evidence.vulnerabilities.trivy import READER
from gate.limits import Limits
from gate.model.findings import Cvss
from tests.evidence.vulnerabilities.support import CONFIG, DIGEST, LIMITS, codes, encode, trivy, trivy_vulnerability


def _read(report: Any) -> Reading:
    return READER.read(encode(report), LIMITS)


def _findings(report: Any) -> tuple[ReportedFinding, ...]:
    scan = _read(report).scan
    assert scan is not None
    return scan.findings


def test_the_facts_of_a_current_report() -> None:
    """Version, time, subject and distribution; trivy writes no database time."""
    reading = _read(trivy(trivy_vulnerability()))
    assert (reading.producer.name, reading.producer.version, reading.producer.db_built) == ("trivy", "0.74.0", None)
    assert reading.created == "2026-08-21T08:00:00Z"
    assert reading.names == (NamedDigest(DIGEST, "manifest"), NamedDigest(CONFIG, "config"))
    assert reading.scan is not None
    assert (reading.scan.distro, reading.scan.packages, reading.scan.packages_catalogued) == ("debian 12.5", None, None)
    assert reading.diagnostics == ()


def test_the_digest_in_the_artifact_name_counts() -> None:
    """What trivy was asked to scan is what the report is about; another kind of artifact is about no image."""
    report = trivy(ArtifactName=f"registry.example/shop/web@{DIGEST}", Metadata={})
    assert _read(report).names == (NamedDigest(DIGEST, "manifest"),)
    assert _read(report | {"ArtifactType": "cyclonedx"}).names == ()


def test_the_package_list_is_counted_and_kept() -> None:
    """--list-all-pkgs shows that trivy looked; packages without a purl are counted too."""
    listed = [{"Name": "libx", "Identifier": {"PURL": "pkg:deb/debian/libx@1.0"}}, {"Name": "liby"}]
    scan = _read(trivy(result={"Packages": listed})).scan
    assert scan is not None
    assert (scan.packages_catalogued, scan.packages) == (2, ("pkg:deb/debian/libx@1.0",))
    empty = _read(trivy(result={"Packages": []})).scan
    assert empty is not None
    assert (empty.packages_catalogued, empty.packages) == (0, ())


@pytest.mark.parametrize(
    ("status", "fixed", "state", "versions"),
    [
        ("fixed", "1.1", "available", ("1.1",)),
        ("affected", "11.0.14, 10.1.49, 9.0.112", "available", ("11.0.14", "10.1.49", "9.0.112")),
        ("affected", "", "none", ()),
        ("will_not_fix", None, "wont_fix", ()),
        ("fix_deferred", None, "deferred", ()),
        ("end_of_life", None, "eol", ()),
        ("under_investigation", None, "unknown", ()),
        ("not_affected", None, "none", ()),
        ("rethinking", None, "unknown", ()),
        (None, None, "unknown", ()),
    ],
)
def test_statuses(status: str | None, fixed: str | None, state: str, versions: tuple[str, ...]) -> None:
    """A status never removes a finding; a named version means that a fix exists."""
    (found,) = _findings(trivy(trivy_vulnerability(Status=status, FixedVersion=fixed)))
    assert (found.fix.state, found.fix.versions, found.suppressed) == (state, versions, "")


def test_severities_and_scores_by_source() -> None:
    """The numbers of VendorSeverity run from UNKNOWN to CRITICAL; a number beyond them is unknown."""
    (found,) = _findings(
        trivy(
            trivy_vulnerability(
                Severity="LOW",
                VendorSeverity={"nvd": 4, "redhat": 2, "odd": 9},
                CVSS={
                    "nvd": {"V2Vector": "AV:N", "V2Score": 5, "V3Vector": "CVSS:3.1/AV:N", "V3Score": 9.8},
                    "ghsa": {"V40Score": 8.1},
                },
            )
        )
    )
    assert (found.severity, found.severity_source) == ("low", "debian")
    assert found.severities == {"nvd": "critical", "redhat": "medium", "odd": "unknown", "debian": "low"}
    assert found.cvss == (
        Cvss(source="ghsa", version="4.0", vector="", score=8.1),
        Cvss(source="nvd", version="2.0", vector="AV:N", score=5),
        Cvss(source="nvd", version="3.1", vector="CVSS:3.1/AV:N", score=9.8),
    )


def test_modified_findings_come_back_marked() -> None:
    """What trivy left out because of VEX or an ignore file is a finding with its reason (invariant 6)."""
    modified = [
        {
            "Type": "vulnerability",
            "Status": "not_affected",
            "Statement": "vulnerable_code_not_present",
            "Source": "OpenVEX",
            "Finding": trivy_vulnerability(VulnerabilityID="CVE-2024-0002"),
        },
        {"Status": "ignored", "Finding": trivy_vulnerability(VulnerabilityID="CVE-2024-0003")},
        {"Type": "secret", "Status": "ignored", "Finding": {"RuleID": "aws"}},
    ]
    report = trivy(result={"Vulnerabilities": [trivy_vulnerability()], "ExperimentalModifiedFindings": modified})
    assert [(item.id, item.suppressed) for item in _findings(report)] == [
        ("CVE-2024-0001", ""),
        ("CVE-2024-0002", "not_affected: vulnerable_code_not_present (OpenVEX)"),
        ("CVE-2024-0003", "ignored"),
    ]
    assert codes(_read(report)) == {"not_read": 1}


@pytest.mark.parametrize("entry", ["x", {"Type": "vulnerability"}, {"Type": 3, "Finding": {}}, {"Finding": {"PkgName": "x"}}])
def test_a_modified_finding_that_cannot_be_read_is_an_error(entry: Any) -> None:
    """A suppressed finding must not vanish."""
    with pytest.raises(EvidenceInvalid):
        _read(trivy(result={"ExperimentalModifiedFindings": [entry]}))


def test_packages_without_purl_have_the_purl_type() -> None:
    """Older reports name a distribution or an ecosystem only; language packages keep the target as their place."""
    old = trivy_vulnerability(PkgIdentifier=None, PkgPath=None)
    (system,) = _findings(trivy(old))
    assert (system.package.type, system.package.purl, system.package.locations) == ("deb", "", ())
    (language,) = _findings(
        trivy(result={"Class": "lang-pkgs", "Type": "gobinary", "Target": "usr/bin/web", "Vulnerabilities": [old]})
    )
    assert (language.package.type, language.package.locations) == ("golang", ("usr/bin/web",))


def test_the_array_of_old_versions_is_read() -> None:
    """Before 0.20: no envelope, so neither version nor subject."""
    reading = _read([{"Target": "web (debian 9)", "Type": "debian", "Vulnerabilities": [trivy_vulnerability()]}, {"Target": "x"}])
    assert reading.scan is not None
    assert len(reading.scan.findings) == 1
    assert (reading.names, reading.created, codes(reading)) == ((), None, {"legacy_format": 1})


def test_a_report_without_results_has_no_findings_and_proves_nothing() -> None:
    """Trivy leaves out what is empty; whether it looked at anything must be shown by something else (invariant 1)."""
    report = trivy()
    del report["Results"]
    scan = _read(report).scan
    assert scan is not None
    assert (scan.findings, scan.packages_catalogued) == ((), None)


@pytest.mark.parametrize(
    ("report", "named"),
    [
        ({"ClusterName": "prod", "Resources": []}, "trivy k8s"),
        ({"ClusterName": "prod", "SchemaVersion": 2, "Results": []}, "trivy k8s"),
        (trivy(SchemaVersion=3), "SchemaVersion 3"),
        (trivy(SchemaVersion="2"), "SchemaVersion"),
        ({"Results": []}, r"SchemaVersion \(none\)"),
    ],
)
def test_other_documents_are_refused_by_name(report: Any, named: str) -> None:
    """A cluster report and another schema are known and not read."""
    with pytest.raises(FormatRefused, match=named):
        _read(report)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b'{"SchemaVersion": 2}',
        b'{"SchemaVersion": 2, "Results": 3, "ArtifactType": "x"}',
        b'[{"Target"',
    ],
)
def test_bad_documents_are_evidence_errors(data: bytes) -> None:
    """Old trivy's null and empty array for nothing found are refused: they do not say what was scanned."""
    with pytest.raises(EvidenceInvalid):
        READER.read(data, LIMITS)


@pytest.mark.parametrize("missing", ["VulnerabilityID", "PkgName"])
def test_a_finding_that_cannot_be_read_is_an_error(missing: str) -> None:
    """Without id or package it could not be counted."""
    broken = trivy_vulnerability()
    del broken[missing]
    with pytest.raises(EvidenceInvalid, match="/Results/0/Vulnerabilities/0"):
        _read(trivy(broken))


@pytest.mark.parametrize(
    ("field", "value"),
    [("VendorSeverity", {"nvd": "high"}), ("CVSS", []), ("Severity", 4), ("PkgIdentifier", "x"), ("FixedVersion", 1)],
)
def test_a_wrong_type_costs_only_that_field(field: str, value: Any) -> None:
    """The finding stays and the diagnostic says what was left out."""
    reading = _read(trivy(trivy_vulnerability(**{field: value})))
    assert reading.scan is not None
    assert len(reading.scan.findings) == 1
    assert codes(reading)["wrong_type"] == 1


@pytest.mark.parametrize("head", [{"Metadata": "x"}, {"Metadata": {"RepoDigests": "x"}}, {"Trivy": []}, {"CreatedAt": 3}])
def test_a_wrong_type_in_the_envelope_is_a_diagnostic(head: dict[str, Any]) -> None:
    """Findings do not depend on the envelope."""
    reading = _read(trivy(trivy_vulnerability(), **head))
    assert reading.scan is not None
    assert len(reading.scan.findings) == 1
    assert codes(reading)["wrong_type"] == 1


def test_the_bound_on_findings_holds_over_all_results() -> None:
    """Two results of two findings each are four."""
    result = trivy(trivy_vulnerability(), trivy_vulnerability())["Results"][0]
    with pytest.raises(LimitExceeded, match="findings"):
        READER.read(encode(trivy(Results=[result, result])), Limits(findings=3))
