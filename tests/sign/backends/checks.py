"""What holds for a key in any service."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gate.sign.interface import KeyService
from gate.sign.service import ServiceSigner
from gate.sign.signer import open_service, open_signer
from gate.trust.keys import load_public_key

DATA = (b"", b"short", b"x" * 100_000)
"""The last is over what AWS takes as a message."""


def opened(uri: str, environ: Mapping[str, str]) -> ServiceSigner:
    """The signer of a key in a service."""
    signer = open_signer(uri, environ)
    assert isinstance(signer, ServiceSigner)
    return signer


def service(uri: str, environ: Mapping[str, str]) -> KeyService:
    """The key, not yet asked for anything."""
    return open_service(uri, environ)


def signs(uri: str, environ: Mapping[str, str], kind: str) -> ServiceSigner:
    """The key is of that kind, and what it signs verifies under its public half in the gate's verifier and is of one form."""
    signer = opened(uri, environ)
    assert signer.public_key.kind == kind
    verifier = load_public_key(signer.public_key.pem)
    assert verifier.key_id == signer.public_key.key_id
    for data in DATA:
        signature = signer.sign(data)
        assert verifier.verify(signature, data)
        assert not verifier.verify(signature, data + b".")
        if kind.startswith("ECDSA"):
            decode_dss_signature(signature)
    return signer
