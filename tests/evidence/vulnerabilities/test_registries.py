"""Scan exports of registries: what has not finished, was cut or was never looked at is never "no findings".

The documents are written after the published schemas (Harbor's pluggable scanner specification 1.1, the APIs of Amazon ECR and of
Google Container Analysis v1): no real export is in the corpus.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, GateError
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding
from gate.evidence.sniff import read_payload
from tests.evidence.vulnerabilities.support import DIGEST, LIMITS, codes, encode

HARBOR: dict[str, Any] = {
    "generated_at": "2025-01-02T03:04:05.123Z",
    "artifact": {"repository": "library/app", "digest": DIGEST, "mime_type": "application/vnd.oci.image.manifest.v1+json"},
    "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "v0.60.0"},
    "severity": "High",
    "vulnerabilities": [
        {
            "id": "CVE-2024-0001",
            "package": "zlib1g",
            "version": "1:1.2.13",
            "fix_version": "1:1.2.14, 1:1.3",
            "severity": "High",
            "links": ["https://a.example"],
            "preferred_cvss": {"score_v3": 7.5, "vector_v3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"},
        }
    ],
}
MIME = "application/vnd.security.vulnerability.report; version=1.1"
BASIC: dict[str, Any] = {
    "imageScanFindings": {
        "findings": [
            {
                "name": "CVE-2024-0001",
                "uri": "https://a.example",
                "severity": "HIGH",
                "attributes": [
                    {"key": "package_name", "value": "zlib"},
                    {"key": "package_version", "value": "1.2"},
                    {"key": "CVSS3_SCORE", "value": "7.5"},
                ],
            }
        ],
        "imageScanCompletedAt": 1735787045.0,
        "vulnerabilitySourceUpdatedAt": "2025-01-01T00:00:00+00:00",
        "findingSeverityCounts": {"HIGH": 1},
    },
    "registryId": "1",
    "repositoryName": "app",
    "imageId": {"imageDigest": DIGEST},
    "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
}
ENHANCED: dict[str, Any] = {
    **BASIC,
    "imageScanStatus": {"status": "ACTIVE"},
    "imageScanFindings": {
        "enhancedFindings": [
            {
                "severity": "CRITICAL",
                "status": "ACTIVE",
                "packageVulnerabilityDetails": {
                    "vulnerabilityId": "GHSA-aaaa-bbbb-cccc",
                    "relatedVulnerabilities": ["CVE-2024-0001", "CVE-2024-0002"],
                    "vendorSeverity": "medium",
                    "cvss": [{"baseScore": 9.8, "scoringVector": "CVSS:3.1/AV:N", "source": "NVD", "version": "3.1"}],
                    "vulnerablePackages": [
                        {
                            "name": "openssl",
                            "version": "3.0.7",
                            "release": "1.amzn2023",
                            "epoch": 1,
                            "packageManager": "OS",
                            "fixedInVersion": "1:3.0.8",
                        },
                        {
                            "name": "express",
                            "version": "4",
                            "packageManager": "NODEPKG",
                            "filePath": "app/package.json",
                            "fixedInVersion": "NotAvailable",
                        },
                    ],
                },
                "resources": [{"details": {"awsEcrContainerImage": {"platform": "AMAZON_LINUX_2023"}}}],
            }
        ],
        "findingSeverityCounts": {"CRITICAL": 1},
    },
}
VULNERABILITY: dict[str, Any] = {
    "kind": "VULNERABILITY",
    "resourceUri": f"https://us-docker.pkg.dev/p/r/app@{DIGEST}",
    "noteName": "projects/goog-vulnz/notes/CVE-2024-0001",
    "vulnerability": {
        "severity": "HIGH",
        "effectiveSeverity": "MINIMAL",
        "cvssv3": {"baseScore": 7.5},
        "packageIssue": [
            {
                "affectedCpeUri": "cpe:/o:debian:debian_linux:12",
                "affectedPackage": "zlib",
                "affectedVersion": {"kind": "NORMAL", "epoch": 1, "name": "1.2", "revision": "3", "fullName": "1:1.2-3"},
                "fixedVersion": {"kind": "MAXIMUM"},
                "packageType": "OS",
                "effectiveSeverity": "MINIMAL",
            }
        ],
    },
}
DISCOVERY: dict[str, Any] = {
    "kind": "DISCOVERY",
    "resourceUri": f"https://us-docker.pkg.dev/p/r/app@{DIGEST}",
    "noteName": "projects/goog-analysis/notes/PACKAGE_VULNERABILITY",
    "discovery": {"analysisStatus": "FINISHED_SUCCESS", "lastScanTime": "2025-01-02T03:04:05Z"},
}
GAR = {"occurrences": [VULNERABILITY, DISCOVERY]}
SUMMARY: dict[str, Any] = {
    "image_summary": {"digest": DIGEST},
    "discovery_summary": {"discovery": [DISCOVERY]},
    "package_vulnerability_summary": {"vulnerabilities": {"HIGH": [VULNERABILITY]}, "total_vulnerability_count": 1},
}


def _read(value: Any) -> Reading:
    return read_payload(encode(value), media_type="", predicate_type=None, predicate=None, limits=LIMITS)


def _findings(value: Any) -> list[ReportedFinding]:
    scan = _read(value).scan
    assert scan is not None
    return list(scan.findings)


def _without(value: dict[str, Any], path: str, replacement: Any = None) -> dict[str, Any]:
    """A copy with one member changed, or taken out for None; ``/`` between names, ``#`` in front of list positions."""
    made = copy.deepcopy(value)
    place: Any = made
    *steps, last = path.split("/")
    for step in steps:
        place = place[int(step[1:])] if step.startswith("#") else place[step]
    if replacement is None:
        del place[last]
    else:
        place[last] = replacement
    return made


@pytest.mark.parametrize(
    ("value", "scanner", "created"),
    [
        (HARBOR, "harbor trivy", "2025-01-02T03:04:05Z"),
        ({MIME: HARBOR}, "harbor trivy", "2025-01-02T03:04:05Z"),
        (BASIC, "amazon ecr", "2025-01-02T03:04:05Z"),
        (ENHANCED, "amazon inspector", None),
        (GAR, "google artifact analysis", "2025-01-02T03:04:05Z"),
        ([VULNERABILITY, DISCOVERY], "google artifact analysis", "2025-01-02T03:04:05Z"),
        (SUMMARY, "google artifact analysis", "2025-01-02T03:04:05Z"),
    ],
)
def test_each_shape_is_a_scan_of_the_digest_that_it_names(value: Any, scanner: str, created: str | None) -> None:
    """Scanner, time, digest and findings."""
    reading = _read(value)
    assert reading.scan is not None
    assert (reading.kind, reading.scan.scanner, reading.created) == ("vulnerabilities", scanner, created)
    assert reading.names == (NamedDigest(DIGEST, "manifest"),)
    assert reading.scan.findings and not reading.scan.partial


def test_what_a_finding_holds() -> None:
    """Packages, versions, severities, scores and fixes in the gate's words."""
    (harbor,), (basic,), (system, module), (google,) = map(_findings, (HARBOR, BASIC, ENHANCED, GAR))
    assert (harbor.id, harbor.package.version, harbor.severity, harbor.fix.versions) == (
        "CVE-2024-0001",
        "1:1.2.13",
        "high",
        ("1:1.2.14", "1:1.3"),
    )
    assert [entry.score for entry in harbor.cvss] == [7.5]
    assert (basic.package.name, basic.severity, basic.cvss[0].score, basic.fix.state) == ("zlib", "high", 7.5, "unknown")
    assert (system.package.type, system.package.version, system.fix.versions) == ("rpm", "1:3.0.7-1.amzn2023", ("1:3.0.8",))
    assert (system.severity, system.severities["vendor"], system.aliases) == ("critical", "medium", ())
    assert (module.package.type, module.package.locations, module.fix.state) == ("npm", ("app/package.json",), "none")
    assert (google.package.type, google.package.version, google.severity, google.fix.state) == (
        "deb",
        "1:1.2-3",
        "negligible",
        "none",
    )
    assert google.severities == {"google": "high", "distribution": "negligible"}


@pytest.mark.parametrize("status", ["SUPPRESSED", "CLOSED"])
def test_what_inspector_hides_comes_back(status: str) -> None:
    """A suppressed finding is a finding marked so."""
    found = _findings(_without(ENHANCED, "imageScanFindings/enhancedFindings/#0/status", status))
    assert {finding.suppressed for finding in found} == {f"{status.lower()} in Amazon Inspector"}


def test_google_occurrences_without_a_scan_status_stand_for_no_scan() -> None:
    """``gcloud artifacts vulnerabilities list`` says what was found, and not whether anything was looked at."""
    reading = _read([VULNERABILITY])
    assert reading.scan is not None and reading.scan.partial
    assert codes(reading) == {"no_scan_status": 1}


def test_clean_scans_are_read() -> None:
    """An empty list with a finished scan is a scan without findings."""
    for value in (
        HARBOR | {"vulnerabilities": [], "severity": "None"},
        _without(BASIC, "imageScanFindings", {"findings": [], "findingSeverityCounts": {}}),
        {"occurrences": [DISCOVERY]},
        _without(SUMMARY, "package_vulnerability_summary", {"vulnerabilities": {}, "total_vulnerability_count": 0}),
    ):
        assert _findings(value) == []


_UNFINISHED = (
    *(
        "IN_PROGRESS",
        "FAILED",
        "PENDING",
        "UNSUPPORTED_IMAGE",
        "SCAN_ELIGIBILITY_EXPIRED",
        "FINDINGS_UNAVAILABLE",
        "complete",
        "",
    ),
)
_UNANALYSED = ("SCANNING", "PENDING", "FINISHED_FAILED", "FINISHED_UNSUPPORTED", "ANALYSIS_STATUS_UNSPECIFIED")
_DETAILS = "imageScanFindings/enhancedFindings/#0/packageVulnerabilityDetails"
_COUNTED = {"findings": [], "findingSeverityCounts": {"HIGH": 3}}
_VACUOUS: list[tuple[Any, str]] = [
    (HARBOR | {"vulnerabilities": None}, "no list"),
    ({key: value for key, value in HARBOR.items() if key != "generated_at"} | {"x": 1}, "no known format"),
    (HARBOR | {"generated_at": ""}, "no scanner or no time"),
    (HARBOR | {"scanner": {}}, "no scanner or no time"),
    (HARBOR | {"vulnerabilities": []}, "rated 'High'"),
    (HARBOR | {"vulnerabilities": [{"id": "CVE-2024-0001"}]}, "cannot be read"),
    ({MIME: None}, "not a JSON object"),
    ({MIME: HARBOR, "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0": HARBOR}, "several reports"),
    *((_without(BASIC, "imageScanStatus", {"status": status}), "has not finished") for status in _UNFINISHED),
    (_without(BASIC, "imageScanStatus"), "has not finished"),
    (_without(BASIC, "imageScanFindings"), "has not finished"),
    (_without(BASIC, "imageScanFindings/findings"), "no list of findings"),
    (_without(BASIC, "imageScanFindings", _COUNTED), "counts 3 findings and lists 0"),
    (BASIC | {"nextToken": "x"}, "one page of several"),
    (BASIC | {"NextToken": "x"}, "one page of several"),
    (_without(BASIC, "imageScanFindings/findings/#0/attributes", []), "names no package"),
    (_without(ENHANCED, f"{_DETAILS}/vulnerablePackages", []), "names no package"),
    ({"occurrences": []}, "nothing says that the image was scanned"),
    ({"occurrences": [VULNERABILITY], "nextPageToken": "x"}, "one page of several"),
    *(
        ({"occurrences": [VULNERABILITY, _without(DISCOVERY, "discovery/analysisStatus", status)]}, "has not finished")
        for status in _UNANALYSED
    ),
    ({"occurrences": [DISCOVERY, VULNERABILITY | {"resourceUri": f"https://x/app@sha256:{'c' * 64}"}]}, "several images"),
    ({"occurrences": [DISCOVERY, {"kind": "VULNERABILITY", "noteName": "x"}]}, "neither a vulnerability nor a discovery"),
    ({"occurrences": [_without(VULNERABILITY, "vulnerability/packageIssue", []), DISCOVERY]}, "names no package"),
    ({"occurrences": [_without(VULNERABILITY, "noteName", "")]}, "no vulnerability id"),
    (_without(SUMMARY, "package_vulnerability_summary/total_vulnerability_count", 9), "counts 9 vulnerabilities and lists 1"),
    ({"image_summary": {}, "package_vulnerability_summary": {}}, "nothing says that the image was scanned"),
]


@pytest.mark.parametrize(("value", "error"), _VACUOUS)
def test_nothing_vacuous_passes_for_a_clean_scan(value: Any, error: str) -> None:
    """Unfinished, failed, cut, paged, null, about several images, or a finding in nothing."""
    with pytest.raises(GateError, match=error) as caught:
        _read(value)
    assert isinstance(caught.value, EvidenceInvalid)
