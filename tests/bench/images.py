"""Signed images to measure with: an OCI layout, and many small images for a registry. Keys are made at the time."""

from __future__ import annotations

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

from gate.attest import statement
from gate.sign import keyfile
from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
from gate.sign.signer import Signer, open_signer
from tests.bench import documents
from tests.fakes import images

__all__ = ["Keys", "attachments", "make_keys", "summary", "write_signed_layout"]

COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
PROVENANCE = "https://slsa.dev/provenance/v1"
VSA = "https://slsa.dev/verification_summary/v1"


@dataclasses.dataclass(frozen=True)
class Keys:
    """A key pair in files, and the signer."""

    private: Path
    public: Path
    signer: Signer


def make_keys(folder: Path) -> Keys:
    """A cosign key pair without password."""
    folder.mkdir(parents=True, exist_ok=True)
    private, public = keyfile.write_pair(folder / "bench", *keyfile.generate(b""))
    return Keys(private, public, open_signer(str(private), {"COSIGN_PASSWORD": ""}))


def attachments(image: images.Built, keys: Keys, *, sbom: bytes) -> list[images.Built]:
    """What `cosign sign` and two `cosign attest` leave: signature, SBOM and provenance as Sigstore bundles."""
    subjects = [statement.subject_of("", image.digest)]
    bodies: tuple[tuple[str, dict[str, Any]], ...] = (
        (COSIGN_SIGN, {}),
        (CYCLONEDX, json.loads(sbom)),
        (PROVENANCE, documents.predicate()),
    )
    made = []
    for kind, body in bodies:
        data = write_bundle(statement.make(subjects, kind, body), INTOTO_PAYLOAD_TYPE, keys.signer)
        hints = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": kind}
        made.append(images.referrer(image, data, annotations=hints))
    return made


def summary(keys: Keys, digest: str, *, verifier: str, resource: str, policy: str) -> bytes:
    """A signed verification summary of now."""
    predicate = {
        "verifier": {"id": verifier},
        "timeVerified": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resourceUri": resource,
        "policy": {"uri": "https://gate.example/policy", "digest": {"sha256": policy.removeprefix("sha256:")}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["POLICY_GATE_PASSED"],
        "slsaVersion": "1.2",
    }
    payload = statement.make([statement.subject_of("", digest)], VSA, predicate)
    return write_bundle(payload, INTOTO_PAYLOAD_TYPE, keys.signer)


def write_signed_layout(folder: Path, keys: Keys, *, components: int) -> str:
    """An image with signature, provenance and an SBOM of so many components; returns its digest."""
    image = images.image(seed="bench")
    attached = attachments(image, keys, sbom=documents.cyclonedx(components, image.digest))
    images.write_layout(folder, [(image, {"org.opencontainers.image.ref.name": "bench"}), *((item, {}) for item in attached)])
    return image.digest
