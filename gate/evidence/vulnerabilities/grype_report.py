"""The fields of grype's JSON that the gate reads (grype/presenter/models).

Go writes null for an empty list and leaves out empty values, so everything but the names of things is optional.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Metrics(msgspec.Struct, rename="camel"):
    base_score: float | None = None


class Cvss(msgspec.Struct):
    source: str | None = None
    version: str | None = None
    vector: str | None = None
    metrics: Metrics | None = None


class Epss(msgspec.Struct):
    epss: float | None = None
    percentile: float | None = None
    date: str | None = None


class Kev(msgspec.Struct, rename="camel"):
    date_added: str | None = None
    due_date: str | None = None
    known_ransomware_campaign_use: str | None = None


class Available(msgspec.Struct):
    version: str | None = None
    date: str | None = None


class Fix(msgspec.Struct):
    state: str | None = None
    versions: list[str] | None = None
    available: list[Available] | None = None


class Vulnerability(msgspec.Struct, rename="camel"):
    id: str
    data_source: str | None = None
    namespace: str | None = None
    severity: str | None = None
    cvss: list[Cvss] | None = None
    epss: list[Epss] | None = None
    known_exploited: list[Kev] | None = None
    fix: Fix | None = None


class SuggestedFix(msgspec.Struct, rename="camel"):
    suggested_version: str | None = None


class Detail(msgspec.Struct):
    type: str | None = None
    fix: SuggestedFix | None = None


class Location(msgspec.Struct):
    path: str | None = None


class Artifact(msgspec.Struct):
    name: str
    version: str | None = None
    type: str | None = None
    locations: list[Location] | None = None
    purl: str | None = None


class Rule(msgspec.Struct, rename="kebab"):
    vulnerability: str | None = None
    reason: str | None = None
    namespace: str | None = None
    fix_state: str | None = None
    vex_status: str | None = None
    vex_justification: str | None = None
    match_type: str | None = None


class Match(msgspec.Struct, rename="camel"):
    vulnerability: Vulnerability
    artifact: Artifact
    related_vulnerabilities: list[Vulnerability] | None = None
    match_details: list[Detail] | None = None
    applied_ignore_rules: list[Rule] | None = None


class Alert(msgspec.Struct):
    type: str | None = None


class Alerts(msgspec.Struct):
    alerts: list[Alert] | None = None


class Target(msgspec.Struct):
    image_id: str | None = msgspec.field(name="imageID", default=None)
    manifest_digest: str | None = msgspec.field(name="manifestDigest", default=None)
    repo_digests: list[str] | None = msgspec.field(name="repoDigests", default=None)


class Source(msgspec.Struct):
    type: str | None = None
    target: Any = None


class Distro(msgspec.Struct):
    name: str | None = None
    version: str | None = None


class Status(msgspec.Struct):
    built: str | None = None
    valid: bool | None = None
    error: str | None = None


class Database(msgspec.Struct):
    built: str | None = None
    error: str | None = None
    status: Status | None = None


class Descriptor(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    timestamp: str | None = None
    db: Database | None = None
