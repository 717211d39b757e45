"""Images in a registry on loopback with verification summaries attached, each right but for what a test changes."""

from __future__ import annotations

import contextlib
import datetime
import json
from pathlib import Path
from typing import Any

from gate.attest.types import VSA
from gate.limits import DEFAULT
from gate.oci.options import RegistryOptions
from gate.oci.target import open_place
from gate.publish import bundle_referrer, dsse_layer, now
from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
from gate.sign.signer import LocalSigner
from tests.fakes import images

__all__ = ["POLICY", "VERIFIER", "Shop", "ago"]

VERIFIER = "https://acme.example/gate"
POLICY = f"sha256:{'5' * 63}e"


def ago(hours: float) -> str:
    """A time that lies back (or ahead, below zero)."""
    return (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Shop:
    """A registry's repositories, and a verifier's key."""

    def __init__(self, folder: Path, host: str) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self.host = host
        self.folder = folder
        self.signer = LocalSigner(ec.generate_private_key(ec.SECP256R1()), "gate")
        self.public = folder / "gate.pub"
        self.public.write_bytes(self.signer.public_key.pem)
        self._number = 0

    def push(self, name: str) -> str:
        """A small image of its own; the reference by digest."""
        self._number += 1
        built = images.image(seed=str(self._number))
        images.push(self.host, name, built, "1")
        return f"{self.host}/{name}@{built.digest}"

    def statement(self, image: str, *, hours: float = 2.0, **changed: Any) -> bytes:
        """A summary of the image that passed hours ago; ``changed`` replaces members of the predicate."""
        name, _, digest = image.partition("@")
        predicate = {
            "verifier": {"id": VERIFIER},
            "timeVerified": ago(hours),
            "resourceUri": f"oci://{name}",
            "policy": {"uri": "urn:policy", "digest": {"sha256": POLICY.removeprefix("sha256:")}},
            "inputAttestations": [],
            "verificationResult": "PASSED",
            "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            "slsaVersion": "1.2",
            **changed,
        }
        subject = [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}]
        value = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": VSA, "predicate": predicate}
        return json.dumps(value).encode()

    def attach(self, image: str, statement: bytes, *, signer: LocalSigner | None = None, legacy: bool = False) -> None:
        """Sign it and put it beside the image, as a referrer and where asked for at cosign's older tag too."""
        bundle = write_bundle(statement, INTOTO_PAYLOAD_TYPE, signer or self.signer)
        with contextlib.closing(RegistryOptions()) as registry:
            place = open_place(image, registry, DEFAULT)
            place.attach([bundle_referrer(place.subject, bundle, VSA, now())])
            if legacy:
                place.legacy(place.subject.digest, "att", [dsse_layer(bundle, VSA)])
            place.source.close()
