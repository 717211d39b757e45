"""Images with evidence made and signed on the spot, each wrong in the one place that a test is about."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
from gate.sign.signer import LocalSigner
from tests.fakes import images
from tests.fakes.images import Built

SBOM = "https://cyclonedx.org/bom"
SCAN = "https://cosign.sigstore.dev/attestation/vuln/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
VEX = "https://openvex.dev/ns/v0.2.0"

PACKAGE = "pkg:pypi/acme-lib@1.0"


def now() -> str:
    """This second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sbom(digest: str = "", *, components: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """CycloneDX of one library, about the digest if one is given."""
    listed = [{"type": "library", "bom-ref": "lib", "name": "acme-lib", "version": "1.0", "purl": PACKAGE}]
    root: dict[str, Any] = {"type": "container", "bom-ref": "root", "name": "registry.example/app"}
    if digest:
        root["version"] = digest
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": now(), "component": root},
        "components": listed if components is None else list(components),
        "dependencies": [{"ref": "root", "dependsOn": ["lib"]}] if components is None else [],
    }


def grype(
    digest: str = "", *, findings: Sequence[tuple[str, str]] = (), built: str = "", name: str = "acme-lib"
) -> dict[str, Any]:
    """A grype report with findings of (id, severity) in one package."""
    matches = [
        {
            "vulnerability": {"id": vulnerability, "severity": severity, "fix": {"versions": ["2.0"], "state": "fixed"}},
            "relatedVulnerabilities": [],
            "matchDetails": [{"type": "exact-direct-match", "matcher": "python-matcher"}],
            "artifact": {"id": "1", "name": name, "version": "1.0", "type": "python", "purl": f"pkg:pypi/{name}@1.0"},
        }
        for vulnerability, severity in findings
    ]
    target = {"userInput": "app", "imageID": "", "manifestDigest": digest, "mediaType": images.OCI_MANIFEST, "tags": []}
    return {
        "matches": matches,
        "source": {"type": "image", "target": target},
        "distro": {"name": "debian", "version": "12"},
        "descriptor": {
            "name": "grype",
            "version": "0.117.0",
            "timestamp": now(),
            "db": {"status": {"schemaVersion": "v6.1.9", "built": built or now(), "valid": True}},
        },
    }


def trivy(digest: str, *, packages: bool = False) -> dict[str, Any]:
    """A trivy report without findings, with or without the packages that it looked at."""
    result: dict[str, Any] = {"Target": "python", "Class": "lang-pkgs", "Type": "python-pkg"}
    if packages:
        result["Packages"] = [{"Name": "acme-lib", "Version": "1.0", "Identifier": {"PURL": PACKAGE}}]
    return {
        "SchemaVersion": 2,
        "CreatedAt": now(),
        "ArtifactName": "app",
        "ArtifactType": "container_image",
        "Metadata": {"RepoDigests": [f"registry.example/app@{digest}"], "OS": {"Family": "debian", "Name": "12.5"}},
        "Results": [result],
    }


def openvex(
    finding: str, status: str = "not_affected", *, product: str = PACKAGE, author: str = "sec@acme.example", **more: Any
) -> Any:
    """OpenVEX with one statement."""
    statement = {"vulnerability": {"name": finding}, "products": [{"@id": product}], "status": status, **more}
    if status == "not_affected":
        statement.setdefault("justification", "vulnerable_code_not_present")
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"https://acme.example/vex/{finding}-{status}",
        "author": author,
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [statement],
    }


def scanned(report: Mapping[str, Any]) -> dict[str, Any]:
    """cosign's vulnerability predicate around a report."""
    return {
        "invocation": {"parameters": None, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {"uri": "pkg:grype", "version": "0.117.0", "db": {"uri": "", "version": ""}, "result": report},
        "metadata": {"scanStartedOn": now(), "scanFinishedOn": now()},
    }


def slsa(builder: str = "https://builder.example/v1") -> dict[str, Any]:
    """SLSA v1 provenance."""
    source = {
        "uri": "git+https://git.example/app@refs/tags/v1",
        "digest": {"gitCommit": "4f0c1d2b8a6e97c35b1f0a4d2e8c6b7a9d3e5f10"},
    }
    return {
        "buildDefinition": {
            "buildType": "https://builder.example/buildtypes/container/v1",
            "externalParameters": {"source": source["uri"]},
            "internalParameters": {},
            "resolvedDependencies": [source],
        },
        "runDetails": {
            "builder": {"id": builder},
            "metadata": {"invocationId": "https://builder.example/1", "startedOn": now(), "finishedOn": now()},
        },
    }


class Lab:
    """A key pair, and images that carry what it signed."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder = folder
        self.signer = LocalSigner(ec.generate_private_key(ec.SECP256R1()), "lab")
        self.public = folder / "lab.pub"
        self.public.write_bytes(self.signer.public_key.pem)
        self.key = ("--key", str(self.public))

    def file(self, name: str, value: Any) -> Path:
        """A file: JSON of a value, or bytes as they are."""
        path = self.folder / name
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        return path

    def statement(self, kind: str, predicate: Any, *digests: str) -> bytes:
        """An in-toto statement about the digests."""
        subjects = [{"name": "app", "digest": {"sha256": digest.removeprefix("sha256:")}} for digest in digests]
        value = {"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": kind, "predicate": predicate}
        return json.dumps(value).encode()

    def bundle(self, kind: str, predicate: Any, *digests: str, signer: LocalSigner | None = None) -> bytes:
        """The same in a signed bundle."""
        return write_bundle(self.statement(kind, predicate, *digests), INTOTO_PAYLOAD_TYPE, signer or self.signer)

    def full(self, digest: str, *, findings: Sequence[tuple[str, str]] = ()) -> list[bytes]:
        """All that `prod` asks for, about the digest."""
        return [
            self.bundle(SIGNATURE, {}, digest),
            self.bundle(SBOM, sbom(), digest),
            self.bundle(SCAN, scanned(grype(findings=findings)), digest),
            self.bundle(PROVENANCE, slsa(), digest),
        ]

    def layout(self, name: str, built: Built, attached: Sequence[bytes] | Mapping[str, Sequence[bytes]] = ()) -> str:
        """A layout of the image with bundles attached to it, or to the digests that the mapping names."""
        by_digest = attached if isinstance(attached, Mapping) else {built.digest: attached}
        referrers: list[tuple[Built, dict[str, str]]] = [
            (images.referrer(digest, data), {}) for digest, items in by_digest.items() for data in items
        ]
        images.write_layout(self.folder / name, [(built, {images_tag: "1"}), *referrers])
        return f"oci:{self.folder / name}:1"


images_tag = "org.opencontainers.image.ref.name"
