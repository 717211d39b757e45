"""Formats that are recognised and not read. Each is refused by its name, with what the gate reads instead.

A document is never guessed at: an unread format that slipped through as "no findings" would be an allow out of nothing. XML is
looked at with a pattern on its first bytes and not parsed here, so entities and external documents do nothing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused

Keys = Mapping[str, msgspec.Raw]

_SCAN = "grype -o json, trivy image -f json or osv-scanner --format json"
_SBOM = "syft scan IMAGE -o cyclonedx-json or -o spdx-json"
_SARIF = "SARIF 2.1.0, which the tool can write too"
_NO_COMPLIANCE = "nothing: certificates of crypto modules are data of the policy pack, not evidence"
_STIG = "the scanner's results: oscap xccdf eval --results results.xml, a CKL or CKLB checklist, HDF or OSCAL assessment results"


@dataclasses.dataclass(frozen=True, slots=True)
class Format:
    """A format by its name, the top-level names that give it away, and what is read instead."""

    name: str
    keys: frozenset[str]
    instead: str
    check: Callable[[Keys], bool] | None = None


def _has(*names: str) -> frozenset[str]:
    return frozenset(names)


def _any(*names: str) -> Callable[[Keys], bool]:
    return lambda keys: any(name in keys for name in names)


def _without(*names: str) -> Callable[[Keys], bool]:
    return lambda keys: not any(name in keys for name in names)


def _inside(name: str, *marks: bytes) -> Callable[[Keys], bool]:
    return lambda keys: all(mark in bytes(keys[name])[:65_536] for mark in marks)


_OBJECTS: tuple[Format, ...] = (
    # SBOM
    Format("syft's own JSON", _has("artifacts", "artifactRelationships"), _SBOM),
    Format("a Docker Scout SBOM", _has("artifacts", "source"), _SBOM, _without("artifactRelationships", "matches")),
    Format("GitHub's SBOM export", _has("sbom"), "the SPDX document inside: jq .sbom", _inside("sbom", b'"spdxVersion"')),
    # VEX
    Format("a CSAF provider's metadata", _has("canonical_url", "publisher"), "the CSAF documents that it points to"),
    Format("a VEX repository's index", _has("packages", "updated_at"), "the folder that holds it, with --vex DIR"),
    # vulnerability reports
    Format("a trivy k8s report", _has("ClusterName"), "one report an image: trivy image -f json IMAGE"),
    Format("a GitLab security report", _has("scan", "vulnerabilities", "version"), f"the scanner's own report: {_SCAN}"),
    Format("an OWASP Dependency-Check report", _has("scanInfo", "reportSchema"), _SCAN),
    Format("an npm audit report", _has("auditReportVersion"), _SCAN),
    Format("a cargo audit report", _has("database", "lockfile", "vulnerabilities"), _SCAN),
    Format("a pip-audit report", _has("dependencies", "fixes"), _SCAN),
    Format("a Clair report", _has("package_vulnerabilities"), _SCAN),
    Format("an Anchore Engine report", _has("imageDigest", "vulnerability_type"), _SCAN),
    Format(
        "a bare cosign vulnerability predicate", _has("invocation", "scanner", "metadata"), "the signed attestation around it"
    ),
    Format("an OSV record", _has("id", "affected", "modified"), _SCAN),
    # source
    Format("a Semgrep report", _has("results", "errors", "paths"), f"{_SARIF}: semgrep --sarif"),
    Format("a Bandit report", _has("results", "errors", "metrics", "generated_at"), f"{_SARIF}: bandit -f sarif"),
    Format("a gosec report", _has("Issues", "Stats"), f"{_SARIF}: gosec -fmt sarif"),
    Format("a Checkov report", _has("check_type", "results"), f"{_SARIF}: checkov -o sarif"),
    Format("a SonarQube export", _has("issues", "components", "paging"), _SARIF),
    Format("a gitleaks finding", _has("RuleID", "Match"), f"{_SARIF}: gitleaks -f sarif"),
    Format("a TruffleHog finding", _has("SourceMetadata", "DetectorName"), _SARIF),
    # compliance
    Format("InSpec's short report", _has("controls", "version"), "its whole one: inspec exec --reporter json"),
    Format(
        "an OSCAL document",
        frozenset(),
        "OSCAL assessment results: plans and catalogues say what to look at, not what was found",
        _any(
            "assessment-plan",
            "component-definition",
            "system-security-plan",
            "plan-of-action-and-milestones",
            "mapping-collection",
        ),
    ),
    Format("a CMVP certificate", _has("certificate", "metadata"), _NO_COMPLIANCE),
    Format("a CMVP module list", _has("metadata", "modules"), _NO_COMPLIANCE),
    Format("a CMVP module list", _has("metadata", "modules_in_process"), _NO_COMPLIANCE),
    # enrichment
    Format("CISA's KEV catalogue", _has("catalogVersion", "vulnerabilities"), "it as enrichment data, not as evidence"),
    Format("a CVE record", _has("dataType", "cveMetadata"), _SCAN),
    # statements and image parts
    Format("an image configuration", _has("architecture", "config", "os"), "the image itself: name it as the subject"),
    Format("an image manifest", _has("schemaVersion", "layers"), "the image itself: name it as the subject"),
    Format("an image index", _has("schemaVersion", "manifests"), "the image itself: name it as the subject"),
    Format("an in-toto link", _has("signatures", "signed"), "in-toto statements in DSSE: cosign attest"),
    Format(
        "a bare SLSA predicate", _has("buildDefinition", "runDetails"), "the signed statement around it, which names the image"
    ),
    Format("a bare SLSA predicate", _has("builder", "buildType"), "the signed statement around it, which names the image"),
    Format("a bare VSA predicate", _has("verifier", "verificationResult"), "gate verify-vsa on the signed statement around it"),
)

_ARRAYS: tuple[Format, ...] = (
    Format("a gitleaks report", _has("RuleID", "Match"), f"{_SARIF}: gitleaks -f sarif"),
    Format("a CMVP module list", _has("Certificate Number"), _NO_COMPLIANCE),
    Format("a docker inspect answer", _has("RepoDigests", "RootFS"), "the image itself: name it as the subject"),
)

_XML: tuple[tuple[str, re.Pattern[bytes], str], ...] = (
    ("CVRF, which is CSAF 1.2", re.compile(rb"<(?:\w+:)?cvrfdoc[\s>]"), "CSAF 2.0 JSON"),
    ("an SPDX RDF document", re.compile(rb"<rdf:RDF[\s>]"), "SPDX 2.3 JSON: syft scan IMAGE -o spdx-json"),
    ("a SCAP data stream", re.compile(rb"<(?:[\w-]+:)?data-stream-collection[\s>]"), _STIG),
    ("an OVAL document", re.compile(rb"<(?:[\w-]+:)?oval_(?:results|definitions)[\s>]"), _STIG),
    ("an OWASP Dependency-Check report", re.compile(rb"<analysis[\s>]"), _SCAN),
    ("a Nessus report", re.compile(rb"<NessusClientData_v2[\s>]"), _SCAN),
    ("a JUnit report", re.compile(rb"<testsuites?[\s>]"), _SARIF),
    ("an HTML page", re.compile(rb"<(?:!doctype )?html[\s>]", re.IGNORECASE), f"the JSON that the tool writes: {_SCAN}"),
)
_PROLOG = re.compile(rb"\s*(?:<\?[^>]*?\?>|<!--.*?-->|<!DOCTYPE(?![ \t]+html)[^>\[]*(?:\[[^\]]*\])?\s*>)", re.DOTALL)

_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"\x1f\x8b", 0, "gzip"),
    (b"\xfd7zXZ\x00", 0, "xz"),
    (b"\x28\xb5\x2f\xfd", 0, "Zstandard"),
    (b"BZh", 0, "bzip2"),
    (b"PK\x03\x04", 0, "ZIP"),
    (b"ustar", 257, "tar"),
)

_TEXTS: tuple[tuple[str, re.Pattern[bytes], str], ...] = (
    ("SPDX YAML", re.compile(rb"(?s)(?=.{0,4000}\nspdxVersion:)|\s*spdxVersion:"), "SPDX 2.3 JSON: syft scan IMAGE -o spdx-json"),
    ("an EPSS table", re.compile(rb"#model_version:|cve,epss,percentile"), "it as enrichment data, not as evidence"),
    ("a grype table", re.compile(rb"NAME\s+INSTALLED\s+"), "grype -o json"),
    ("Go build information", re.compile(rb"\S+: go1\.\d+"), _SBOM),
    ("PEM data", re.compile(rb"-----BEGIN "), "keys with --key, not as evidence"),
)


def refuse_bytes(data: bytes) -> None:
    """Refuse by the first bytes what is no JSON text; return when it may be JSON."""
    for magic, offset, name in _MAGIC:
        if data[offset : offset + len(magic)] == magic:
            _refuse(
                f"{name}-compressed data inside what was read" if name not in ("ZIP", "tar") else f"a {name} archive",
                "the plain file, or one packed once with gzip, xz or zstd",
            )
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"<"):
        _refuse_xml(data[:65_536].removeprefix(b"\xef\xbb\xbf"))
    if not head.startswith((b"{", b"[")):
        for name, pattern, instead in _TEXTS:
            if pattern.match(head):
                _refuse(name, instead)


def xml_root(head: bytes) -> bytes:
    """The text from the document element on, without declarations, comments and document type."""
    rest = head
    while match := _PROLOG.match(rest):
        rest = rest[match.end() :]
    return rest.lstrip()


def _refuse_xml(head: bytes) -> NoReturn:
    rest = xml_root(head)
    for name, pattern, instead in _XML:
        if pattern.match(rest):
            _refuse(name, instead)
    raise EvidenceInvalid(
        f"the document is XML of an unknown kind, starting {rest[:60]!r}",
        why="of XML, the gate reads CycloneDX, XCCDF results, ARF and CKL checklists",
        fix=f"write it with {_SCAN}, or {_SBOM}",
    )


def refuse_stream(head: bytes) -> None:
    """Refuse streams of JSON values that are no one document."""
    if b'"SourceMetadata"' in head and b'"DetectorName"' in head:
        _refuse("TruffleHog's JSON", _SARIF)


def refuse_object(keys: Keys) -> None:
    """Refuse an object whose top-level names give away a format that is not read."""
    _refuse_known(keys, _OBJECTS)


def refuse_array(first: Any) -> None:
    """Refuse an array by the names of its first element."""
    if isinstance(first, Mapping):
        _refuse_known(first, _ARRAYS)


def _refuse_known(keys: Keys, formats: tuple[Format, ...]) -> None:
    present = keys.keys()
    for candidate in formats:
        if candidate.keys <= present and (candidate.check is None or candidate.check(keys)):
            _refuse(candidate.name, candidate.instead)


def _refuse(name: str, instead: str) -> NoReturn:
    raise FormatRefused(
        f"this is {name}, which is not read",
        why="the format is known, but this version has no reader for it",
        fix=f"give {instead}",
    )
