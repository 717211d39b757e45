"""Evidence documents of any size, the same bytes for the same arguments; shaped as grype and syft write them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

__all__ = ["NOW", "component_count", "cyclonedx", "cyclonedx_of_size", "grype", "predicate", "spdx_of_size"]

NOW = "2026-11-23T12:00:00Z"
"""The time that every measured run decides as of."""
_EARLIER = "2026-11-23T06:00:00Z"
_SEVERITIES = ("Low", "Medium", "Medium", "High", "Negligible", "Low", "Medium", "Low", "High", "Medium")
"""Of 100 findings one more is critical: about what a scan of an old Debian image shows."""
_ECOSYSTEMS = (("deb", "debian/"), ("npm", ""), ("pypi", ""), ("golang", "github.com/"), ("maven", "org.example/"))


def _hex(text: str, length: int = 64) -> str:
    return hashlib.sha512(text.encode()).hexdigest()[:length]


def _package(number: int) -> dict[str, str]:
    kind, prefix = _ECOSYSTEMS[number % len(_ECOSYSTEMS)]
    name, version = f"{prefix}package-{number}", f"{number % 7}.{number % 31}.{number % 11}"
    return {"type": kind, "name": name.rpartition("/")[2], "version": version, "purl": f"pkg:{kind}/{name}@{version}"}


# grype


def grype(findings: int, digest: str, *, packages: int = 1000) -> bytes:
    """A report of `grype -o json` on the image of that digest; its findings are spread over so many packages."""
    report = {
        "matches": [_match(number, packages) for number in range(findings)],
        "source": {
            "type": "image",
            "target": {
                "userInput": "registry.example/shop/bench:1",
                "manifestDigest": digest,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "tags": [],
                "repoDigests": [],
            },
        },
        "distro": {"name": "debian", "version": "12.15", "idLike": []},
        "descriptor": {
            "name": "grype",
            "version": "0.117.0",
            "timestamp": _EARLIER,
            "db": {"status": {"schemaVersion": "v6.1.2", "built": _EARLIER, "valid": True}},
        },
    }
    return json.dumps(report, separators=(",", ":")).encode()


def openvex(statements: int, *, packages: int = 1000) -> bytes:
    """OpenVEX with so many statements, each on one finding of `grype`, or on what it does not report once those are used up."""
    made = []
    for number in range(statements):
        found = _match(number, packages)
        made.append(
            {
                "@id": f"https://bench.example/vex/{number}",
                "vulnerability": {"name": found["vulnerability"]["id"]},
                "products": [{"@id": found["artifact"]["purl"]}],
                "status": "not_affected",
                "justification": "vulnerable_code_not_present",
            }
        )
    body = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://bench.example/vex",
        "author": "bench@bench.example",
        "timestamp": _EARLIER,
        "version": 1,
        "statements": made,
    }
    return json.dumps(body, separators=(",", ":")).encode()


def _match(number: int, packages: int) -> dict[str, Any]:
    package = _package(number % packages)
    severity = "Critical" if number % 101 == 100 else _SEVERITIES[number % len(_SEVERITIES)]
    cve = f"CVE-{2015 + number % 11}-{10000 + number}"
    fixed = number % 3 == 0
    score = {"Critical": 9.8, "High": 7.5, "Medium": 5.3, "Low": 3.1, "Negligible": 1.0}[severity]
    purl_type, path = package["type"], f"/usr/lib/packages/{package['name']}/metadata"
    return {
        "vulnerability": {
            "id": cve,
            "dataSource": f"https://security-tracker.debian.org/tracker/{cve}",
            "namespace": "debian:distro:debian:12",
            "severity": severity,
            "urls": [f"https://advisories.example/{cve}"],
            "description": f"A flaw in {package['name']} lets a remote party that sends crafted input exhaust memory or read "
            f"beyond the end of a buffer, depending on how the library was configured when it was built. Number {number}.",
            "cvss": [
                {
                    "source": "nvd@nist.gov",
                    "type": "Primary",
                    "version": "3.1",
                    "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                    "metrics": {"baseScore": score, "exploitabilityScore": 3.9, "impactScore": 5.9},
                    "vendorMetadata": {},
                }
            ],
            "epss": [{"cve": cve, "epss": (number % 97) / 1000, "percentile": (number % 89) / 100, "date": "2026-11-22"}],
            "fix": {"versions": ["9.0.1"] if fixed else [], "state": "fixed" if fixed else "not-fixed"},
            "advisories": [],
            "risk": 0.4,
        },
        "relatedVulnerabilities": [
            {"id": cve, "dataSource": "nvd", "namespace": "nvd:cpe", "severity": severity, "urls": [], "cvss": []}
        ],
        "matchDetails": [
            {
                "type": "exact-direct-match",
                "matcher": f"{purl_type}-matcher",
                "searchedBy": {
                    "namespace": "debian:distro:debian:12",
                    "package": {"name": package["name"], "version": package["version"]},
                },
                "found": {"vulnerabilityID": cve, "versionConstraint": f"< 9.0.1 ({purl_type})"},
            }
        ],
        "artifact": {
            "id": _hex(package["purl"], 16),
            "name": package["name"],
            "version": package["version"],
            "type": purl_type,
            "locations": [{"path": path, "layerID": f"sha256:{_hex('layer')}", "accessPath": path}],
            "language": "",
            "licenses": ["MIT"],
            "cpes": [f"cpe:2.3:a:{package['name']}:{package['name']}:{package['version']}:*:*:*:*:*:*:*"] * 2,
            "purl": package["purl"],
            "upstreams": [],
        },
    }


# SBOMs


def cyclonedx(components: int, digest: str, *, files: int = 0) -> bytes:
    """CycloneDX 1.6 about the image of that digest, with packages and so many files, as syft lists them."""
    return _joined(_cyclonedx_head(digest), [*_libraries(components), *_files(files)], _tree(components))


def cyclonedx_of_size(size: int, digest: str) -> bytes:
    """The same of about so many bytes: two files to a package, as in a syft scan of an image."""
    return cyclonedx(count := component_count(size), digest, files=2 * count)


def component_count(size: int) -> int:
    """How many packages `cyclonedx_of_size` lists."""
    one = len(cyclonedx(200, "sha256:" + "0" * 64, files=400)) / 200
    return max(1, int(size / one))


def _joined(head: dict[str, Any], components: list[bytes], dependencies: list[bytes]) -> bytes:
    start = json.dumps(head, separators=(",", ":")).encode().removesuffix(b"}")
    return b'%b,"components":[%b],"dependencies":[%b]}' % (start, b",".join(components), b",".join(dependencies))


def _cyclonedx_head(digest: str) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:2b4b8133-a658-4139-8644-ba9b1c31452e",
        "version": 1,
        "metadata": {
            "timestamp": _EARLIER,
            "tools": {"components": [{"type": "application", "author": "anchore", "name": "syft", "version": "1.51.0"}]},
            "authors": [{"name": "The build of the bench"}],
            "component": {"bom-ref": "root", "type": "container", "name": "registry.example/shop/bench", "version": digest},
        },
    }


def _libraries(count: int) -> Iterator[bytes]:
    for number in range(count):
        package = _package(number)
        cpe = f"cpe:2.3:a:{package['name']}:{package['name']}:{package['version']}:*:*:*:*:*:*:*"
        yield json.dumps(
            {
                "bom-ref": f"package-{number}",
                "type": "library",
                "supplier": {"name": "The Example Project"},
                "name": package["name"],
                "version": package["version"],
                "hashes": [{"alg": "SHA-256", "content": _hex(package["purl"])}],
                "licenses": [{"license": {"id": "MIT"}}],
                "cpe": cpe,
                "purl": package["purl"],
                "properties": [
                    {"name": "syft:package:foundBy", "value": "dpkg-db-cataloger"},
                    {"name": "syft:package:type", "value": package["type"]},
                    {"name": "syft:cpe23", "value": cpe},
                    {"name": "syft:location:0:layerID", "value": f"sha256:{_hex('layer')}"},
                    {"name": "syft:location:0:path", "value": f"/usr/lib/packages/{package['name']}/metadata"},
                ],
            },
            separators=(",", ":"),
        ).encode()


def _files(count: int) -> Iterator[bytes]:
    for number in range(count):
        hashes = [{"alg": "SHA-1", "content": _hex(f"f{number}", 40)}, {"alg": "SHA-256", "content": _hex(f"f{number}")}]
        value = {"bom-ref": f"file-{number}", "type": "file", "name": f"/usr/share/data/{number}/file", "hashes": hashes}
        yield json.dumps(value, separators=(",", ":")).encode()


def _tree(count: int) -> list[bytes]:
    """The root needs every tenth package, each of which needs the nine after it."""
    root = {"ref": "root", "dependsOn": [f"package-{number}" for number in range(0, count, 10)]}
    nodes = [root] + [
        {"ref": f"package-{number}", "dependsOn": [f"package-{next_}" for next_ in range(number + 1, min(number + 10, count))]}
        for number in range(0, count, 10)
    ]
    return [json.dumps(node, separators=(",", ":")).encode() for node in nodes]


def spdx_of_size(size: int, digest: str) -> bytes:
    """SPDX 2.3 of about so many bytes about the image of that digest: four files to a package, each in a CONTAINS."""
    one = len(json.dumps(_spdx(50, digest), separators=(",", ":"))) / 50
    return json.dumps(_spdx(max(1, int(size / one)), digest), separators=(",", ":")).encode()


def _spdx(packages: int, digest: str) -> dict[str, Any]:
    root = {
        "name": "registry.example/shop/bench",
        "SPDXID": "SPDXRef-DocumentRoot",
        "versionInfo": digest,
        "supplier": "Organization: Example",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest.removeprefix("sha256:")}],
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "CONTAINER",
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:oci/bench@{digest.replace(':', '%3A')}",
            }
        ],
    }
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "registry.example/shop/bench",
        "documentNamespace": "https://registry.example/spdx/bench",
        "creationInfo": {
            "licenseListVersion": "3.28",
            "creators": ["Organization: Example", "Tool: syft-1.51.0"],
            "created": _EARLIER,
        },
        "packages": [root] + [_spdx_package(number) for number in range(packages)],
        "files": [_spdx_file(number) for number in range(4 * packages)],
        "relationships": [_edge("SPDXRef-DOCUMENT", "SPDXRef-DocumentRoot", "DESCRIBES")]
        + [_edge("SPDXRef-DocumentRoot", f"SPDXRef-Package-{number}", "CONTAINS") for number in range(packages)]
        + [_edge(f"SPDXRef-Package-{number // 4}", f"SPDXRef-File-{number}", "CONTAINS") for number in range(4 * packages)],
    }


def _edge(source: str, target: str, kind: str) -> dict[str, str]:
    return {"spdxElementId": source, "relatedSpdxElement": target, "relationshipType": kind}


def _spdx_package(number: int) -> dict[str, Any]:
    package = _package(number)
    cpe = f"cpe:2.3:a:{package['name']}:{package['name']}:{package['version']}:*:*:*:*:*:*:*"
    return {
        "name": package["name"],
        "SPDXID": f"SPDXRef-Package-{number}",
        "versionInfo": package["version"],
        "supplier": "Organization: The Example Project",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"acquired package info from the metadata in /usr/lib/packages/{package['name']}",
        "checksums": [{"algorithm": "SHA256", "checksumValue": _hex(package["purl"])}],
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "MIT",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": cpe},
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package["purl"]},
        ],
    }


def _spdx_file(number: int) -> dict[str, Any]:
    return {
        "fileName": f"usr/share/data/{number}/file",
        "SPDXID": f"SPDXRef-File-{number}",
        "fileTypes": ["OTHER"],
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": _hex(f"f{number}", 40)},
            {"algorithm": "SHA256", "checksumValue": _hex(f"f{number}")},
        ],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
        "comment": f"layerID: sha256:{_hex('layer')}",
    }


# provenance


def predicate() -> dict[str, Any]:
    """The body of SLSA provenance v1."""
    return {
        "buildDefinition": {
            "buildType": "https://builder.example/buildtypes/container/v1",
            "externalParameters": {"source": "git+https://git.example/shop/bench@refs/tags/v1", "target": "release"},
            "internalParameters": {"runner": "ephemeral"},
            "resolvedDependencies": [
                {"uri": "git+https://git.example/shop/bench@refs/tags/v1", "digest": {"gitCommit": _hex("commit", 40)}}
            ],
        },
        "runDetails": {
            "builder": {"id": "https://builder.example/shop/v1", "version": {"builder": "1.0.0"}},
            "metadata": {
                "invocationId": "https://builder.example/runs/bench/1",
                "startedOn": _EARLIER,
                "finishedOn": _EARLIER,
            },
        },
    }
