"""Envelopes and bundles: the layouts that cosign writes."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gate.errors import SigningError
from gate.sign import bundle
from gate.sign.signer import LocalSigner

SIGNER = LocalSigner(ec.generate_private_key(ec.SECP256R1()), "test")
PAYLOAD = b'{"_type":"x"}'


def verify(envelope: dict[str, object], payload: bytes, payload_type: str) -> None:
    signatures = envelope["signatures"]
    assert isinstance(signatures, list)
    key = load_der_public_key(SIGNER.public_key.der)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = base64.b64decode(signatures[0]["sig"])
    key.verify(signature, bundle.pae(payload, payload_type), ec.ECDSA(hashes.SHA256()))


def test_pae_is_that_of_the_specification() -> None:
    """The example of DSSE's protocol.md."""
    assert bundle.pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_pae_counts_bytes() -> None:
    """Lengths are of the UTF-8 bytes, not of characters."""
    assert bundle.pae("é".encode(), "é") == "DSSEv1 2 é 2 é".encode()


def test_the_envelope_holds_payload_type_and_one_signature() -> None:
    """A bare envelope has cosign's three members, and the signature is over the PAE."""
    envelope = json.loads(bundle.write_dsse(PAYLOAD, bundle.INTOTO_PAYLOAD_TYPE, SIGNER))
    assert sorted(envelope) == ["payload", "payloadType", "signatures"]
    assert base64.b64decode(envelope["payload"]) == PAYLOAD
    assert [sorted(entry) for entry in envelope["signatures"]] == [["sig"]]
    verify(envelope, PAYLOAD, bundle.INTOTO_PAYLOAD_TYPE)
    with pytest.raises(InvalidSignature):
        verify(envelope, PAYLOAD + b" ", bundle.INTOTO_PAYLOAD_TYPE)
    with pytest.raises(InvalidSignature):
        verify(envelope, PAYLOAD, "text/plain")


def test_the_bundle_names_the_key_by_its_digest() -> None:
    """Bundle v0.3 with a publicKey hint of base64(SHA-256(SPKI)) and nothing else as verification material."""
    document = json.loads(bundle.write_bundle(PAYLOAD, bundle.INTOTO_PAYLOAD_TYPE, SIGNER))
    assert document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    hint = base64.b64encode(hashlib.sha256(SIGNER.public_key.der).digest()).decode()
    assert document["verificationMaterial"] == {"publicKey": {"hint": hint}}
    verify(document["dsseEnvelope"], PAYLOAD, bundle.INTOTO_PAYLOAD_TYPE)


def test_both_forms_share_one_signature() -> None:
    """`write_both` signs once."""
    full, bare = bundle.write_both(PAYLOAD, bundle.INTOTO_PAYLOAD_TYPE, SIGNER)
    assert json.loads(full)["dsseEnvelope"] == json.loads(bare)


@pytest.mark.parametrize(("payload", "payload_type"), [(b"", "t"), (b"p", "")])
def test_nothing_is_not_signed(payload: bytes, payload_type: str) -> None:
    """An empty payload or type is a SigningError."""
    with pytest.raises(SigningError):
        bundle.write_dsse(payload, payload_type, SIGNER)
