"""The readers by format, each imported when its first document comes, and the top-level names that give a format away."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from gate.evidence import refused
from gate.evidence.interface import Reader

Keys = Mapping[str, msgspec.Raw]


def _is_osv(keys: Keys) -> bool:
    if "results" not in keys or keys.keys() & {"errors", "metrics", "check_type", "runs", "version"}:
        return False
    return bool(keys.keys() & {"experimental_config", "image_metadata"}) or b'"packages"' in bytes(keys["results"])[:1_000_000]


def _is_openvex(keys: Keys) -> bool:
    return "@context" in keys and b"openvex.dev/ns" in bytes(keys["@context"])[:4096]


def is_spdx3(keys: Keys) -> bool:
    """JSON-LD with a context of SPDX 3."""
    return "@context" in keys and b"spdx.org/rdf/3" in bytes(keys["@context"])[:4096]


def is_snyk(keys: Keys) -> bool:
    """One result of ``snyk container test --json``, or the error that stands in its place."""
    if "vulnerabilities" in keys:
        return bool(keys.keys() & {"dependencyCount", "packageManager"})
    return keys.keys() >= {"ok", "error", "path"}


_HARBOR = (
    "application/vnd.security.vulnerability.report; version=1.1",
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
)


def _is_harbor(keys: Keys) -> bool:
    return any(mime in keys for mime in _HARBOR) or keys.keys() >= {"generated_at", "scanner", "vulnerabilities"}


def _is_gar(keys: Keys) -> bool:
    if "occurrences" in keys:
        return True
    return "package_vulnerability_summary" in keys or keys.keys() >= {"image_summary", "discovery_summary"}


class _Bare(NamedTuple):
    test: Callable[[Keys], bool]
    module: str
    """Under ``gate.evidence``; empty for formats that `gate.vex` reads."""


_BARE: dict[str, _Bare] = {
    "grype JSON": _Bare(
        lambda keys: "matches" in keys and bool(keys.keys() & {"source", "distro", "descriptor"}), "vulnerabilities.grype"
    ),
    "trivy JSON": _Bare(
        lambda keys: (
            "SchemaVersion" in keys
            and "ClusterName" not in keys
            and bool(keys.keys() & {"Results", "ArtifactName", "ArtifactType", "Trivy"})
        ),
        "vulnerabilities.trivy",
    ),
    "osv-scanner JSON": _Bare(_is_osv, "vulnerabilities.osv"),
    "Snyk container JSON": _Bare(is_snyk, "vulnerabilities.snyk"),
    "Harbor's report": _Bare(_is_harbor, "vulnerabilities.harbor"),
    "Amazon ECR's findings": _Bare(
        lambda keys: bool(keys.keys() & {"imageScanFindings", "imageScanStatus"}), "vulnerabilities.ecr"
    ),
    "Google Artifact Analysis": _Bare(_is_gar, "vulnerabilities.gar"),
    "SARIF": _Bare(lambda keys: "runs" in keys and bool(keys.keys() & {"version", "$schema"}), "vulnerabilities.sarif"),
    "CycloneDX": _Bare(lambda keys: "bomFormat" in keys, "sbom.cyclonedx"),
    "SPDX": _Bare(lambda keys: "spdxVersion" in keys, "sbom.spdx"),
    "SPDX 3": _Bare(is_spdx3, "sbom.spdx3"),
    "OpenVEX": _Bare(_is_openvex, ""),
    "CKLB": _Bare(lambda keys: "stigs" in keys, "stig.cklb"),
    "HDF": _Bare(lambda keys: "profiles" in keys and bool(keys.keys() & {"platform", "statistics"}), "stig.hdf"),
    "dockle JSON": _Bare(lambda keys: "details" in keys and "summary" in keys, "stig.dockle"),
    "OSCAL assessment results": _Bare(lambda keys: "assessment-results" in keys, "stig.oscal"),
    "CSAF": _Bare(lambda keys: "document" in keys and b'"csaf_version"' in bytes(keys["document"]), ""),
}
_ARRAYS: dict[str, _Bare] = {
    "trivy JSON": _Bare(lambda keys: "Target" in keys, "vulnerabilities.trivy"),
    "Snyk container JSON": _Bare(is_snyk, "vulnerabilities.snyk"),
    "Google Artifact Analysis": _Bare(lambda keys: keys.keys() >= {"noteName", "resourceUri"}, "vulnerabilities.gar"),
}
_XML: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"<(?:[\w.-]+:)?(?:Benchmark|TestResult|asset-report-collection)[\s/>]"), "stig.xccdf"),
    (re.compile(rb"<CHECKLIST[\s/>]"), "stig.ckl"),
    (re.compile(rb"<(?:[\w.-]+:)?bom[\s/>]"), "sbom.cyclonedx_xml"),
)
_TAG_VALUE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*SPDXVersion[ \t]*:[ \t]*SPDX-")


def fits(keys: Keys) -> list[str]:
    """Every format that a JSON object with these top-level names could be."""
    return [name for name, bare in _BARE.items() if bare.test(keys)]


def array_fits(first: Keys) -> list[str]:
    """Every format that a JSON array with this first element could be."""
    return [name for name, bare in _ARRAYS.items() if bare.test(first)]


def reader(name: str) -> Reader:
    """The reader of a format that `fits` named; not for OpenVEX and CSAF, which `gate.vex` reads."""
    return load(_BARE[name].module)


def load(module: str) -> Reader:
    """The reader of a module under ``gate.evidence``."""
    found: Reader = importlib.import_module(f"gate.evidence.{module}").READER
    return found


def xml_reader(data: bytes) -> Reader | None:
    """The reader of an XML document by its document element; None for JSON and for XML that is not read."""
    from gate.evidence.stig.xmlstream import looks_like_xml, opening

    if not looks_like_xml(data):
        return None
    root = refused.xml_root(opening(data))
    module = next((module for pattern, module in _XML if pattern.match(root)), None)
    return load(module) if module else None


def text_reader(data: bytes) -> Reader | None:
    """The reader of a document that is neither JSON nor XML; None for what is not read."""
    return load("sbom.spdx_tagvalue") if _TAG_VALUE.match(data[:65_536]) else None


def is_stream(data: bytes) -> bool:
    """govulncheck's messages, which are one document on many lines; looked for before anything is imported for it."""
    if b'"protocol_version"' not in data[:4096]:
        return False
    from gate.evidence.vulnerabilities.govulncheck import is_govulncheck

    return is_govulncheck(data)
