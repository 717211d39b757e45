"""Small reports to change one thing in, and the corpus folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gate.evidence.interface import Reading, ReportedFinding, ScanFacts
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.findings import Package, Severity

LIMITS = Limits()
DIGEST = "sha256:" + "a" * 64
CONFIG = "sha256:" + "b" * 64


def corpus(name: str) -> bytes:
    """A document of the corpus folder (GATE_CORPUS); the test is skipped by name without it."""
    folder = Path(os.environ.get("GATE_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
    path = folder / name
    if not path.is_file():
        pytest.skip(f"no corpus folder (GATE_CORPUS): {path} is absent")
    return path.read_bytes()


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


def grype_match(**vulnerability: Any) -> dict[str, Any]:
    """A match of CVE-2024-0001 in libx 1.0; keyword arguments go into its vulnerability."""
    return {
        "vulnerability": {
            "id": "CVE-2024-0001",
            "dataSource": "https://advisories.example/CVE-2024-0001",
            "namespace": "debian:distro:debian:12",
            "severity": "High",
            "fix": {"state": "not-fixed", "versions": []},
            **vulnerability,
        },
        "relatedVulnerabilities": [],
        "matchDetails": [{"type": "exact-direct-match"}],
        "artifact": {
            "name": "libx",
            "version": "1.0",
            "type": "deb",
            "locations": [{"path": "/var/lib/dpkg/status"}],
            "purl": "pkg:deb/debian/libx@1.0?arch=amd64&distro=debian-12",
        },
    }


def grype(*matches: dict[str, Any], **top: Any) -> dict[str, Any]:
    """A grype 0.116 report of an image."""
    return {
        "matches": list(matches),
        "source": {"type": "image", "target": {"manifestDigest": DIGEST, "imageID": CONFIG, "repoDigests": []}},
        "distro": {"name": "debian", "version": "12", "idLike": []},
        "descriptor": {
            "name": "grype",
            "version": "0.116.0",
            "timestamp": "2026-07-22T10:00:00.123456789+02:00",
            "db": {"status": {"schemaVersion": "v6.1.0", "built": "2026-07-21T04:12:38Z", "valid": True}},
        },
        **top,
    }


def trivy_vulnerability(**changes: Any) -> dict[str, Any]:
    return {
        "VulnerabilityID": "CVE-2024-0001",
        "PkgName": "libx",
        "PkgIdentifier": {"PURL": "pkg:deb/debian/libx@1.0?arch=amd64&distro=debian-12.5"},
        "InstalledVersion": "1.0",
        "Status": "affected",
        "Severity": "HIGH",
        "SeveritySource": "debian",
        **changes,
    }


def trivy(*vulnerabilities: dict[str, Any], result: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A trivy report of an image with one result."""
    return {
        "SchemaVersion": 2,
        "Trivy": {"Version": "0.74.0"},
        "CreatedAt": "2026-08-21T08:00:00Z",
        "ArtifactName": "shop/web",
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}, "ImageID": CONFIG, "RepoDigests": [f"shop/web@{DIGEST}"]},
        "Results": [
            {"Target": "shop/web (debian 12.5)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": list(vulnerabilities)}
        ]
        if result is None
        else [{"Target": "shop/web (debian 12.5)", "Class": "os-pkgs", "Type": "debian", **result}],
        **top,
    }


def sarif(driver: str, *results: dict[str, Any], rules: list[dict[str, Any]] | None = None, **run: Any) -> dict[str, Any]:
    """A SARIF log of one run."""
    return {
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": driver, "version": "1.2", "rules": rules or []}}, "results": list(results), **run}],
    }


def finding(name: str = "CVE-2024-0001", severity: Severity = "high", **changes: Any) -> ReportedFinding:
    """A reported finding in ``pkg:deb/debian/libx@1.0``."""
    values: dict[str, Any] = {
        "id": name,
        "aliases": (),
        "package": package(),
        "severity": severity,
        "severity_source": "debian",
        "severities": {"debian": severity},
        **changes,
    }
    return ReportedFinding(**values)


def package(
    purl: str = "pkg:deb/debian/libx@1.0", name: str = "libx", version: str = "1.0", kind: str = "deb", **more: Any
) -> Package:
    return Package(name=name, version=version, type=kind, purl=purl, **more)


def scan(scanner: str, *findings: ReportedFinding, **facts: Any) -> Reading:
    """The reading of a scan."""
    values: dict[str, Any] = {"packages": None, "packages_catalogued": None, **facts}
    return Reading(
        kind="vulnerabilities",
        format=scanner,
        producer=Producer(name=scanner, version="1"),
        created=None,
        names=(),
        scan=ScanFacts(scanner=scanner, findings=findings, **values),
    )


def codes(reading: Reading) -> dict[str, int]:
    """How often each diagnostic was made."""
    found: dict[str, int] = {}
    for entry in reading.diagnostics:
        found[entry.code] = found.get(entry.code, 0) + entry.count
    return found
