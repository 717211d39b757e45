"""The fields of Snyk's JSON that the gate reads (snyk-test/legacy.ts of Snyk's CLI)."""

from __future__ import annotations

from typing import Any

import msgspec


class Identifiers(msgspec.Struct):
    cve: list[str] | None = msgspec.field(name="CVE", default=None)
    ghsa: list[str] | None = msgspec.field(name="GHSA", default=None)


class Rating(msgspec.Struct, rename="camel"):
    """``cvssDetails`` up to 2024, ``cvssSources`` after."""

    assigner: str | None = None
    severity: str | None = None
    vector: str | None = None
    base_score: float | None = None
    old_vector: str | None = msgspec.field(name="cvssV3Vector", default=None)
    old_score: float | None = msgspec.field(name="cvssV3BaseScore", default=None)


class EpssDetails(msgspec.Struct, rename="camel"):
    probability: str | float | None = None
    percentile: str | float | None = None
    model_version: str | None = None


class Reason(msgspec.Struct):
    reason: str | None = None
    source: str | None = None


class Filtered(msgspec.Struct):
    ignored: list[Reason] | None = None
    patches: list[Any] | None = None


class Vulnerability(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    package_name: str | None = None
    version: str | None = None
    package_manager: str | None = None
    type: str | None = None
    severity: str | None = None
    severity_with_critical: str | None = None
    original_severity: str | None = None
    nvd_severity: str | None = None
    relative_importance: str | None = None
    cvss_v3: str | None = msgspec.field(name="CVSSv3", default=None)
    cvss_score: float | None = None
    cvss_details: list[Rating] | None = None
    cvss_sources: list[Rating] | None = None
    epss_details: EpssDetails | None = None
    identifiers: Identifiers | None = None
    fixed_in: list[str] | None = None
    nearest_fixed: str | None = msgspec.field(name="nearestFixedInVersion", default=None)
    is_disputed: bool | None = None
    malicious: bool | None = None
    filtered: Filtered | None = None


class Head(msgspec.Struct, rename="camel"):
    ok: bool | None = None
    dependency_count: int | None = None
    unique_count: int | None = None
    package_manager: str | None = None
    severity_threshold: str | None = None
    has_unknown_versions: bool | None = None
    path: str | None = None
    target_file: str | None = None
    display_target_file: str | None = None
