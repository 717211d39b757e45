"""Signed statements as bytes: DSSE envelopes and Sigstore bundles v0.3.

Under a key, layouts are those of cosign 3 (``attest-blob --key``): no ``keyid`` in the envelope, and a ``publicKey`` whose
hint is base64(SHA-256(SubjectPublicKeyInfo)). Both hold the very same envelope. A `BundleSigner` (keyless) makes its own.
"""

from __future__ import annotations

import base64

import msgspec

from gate.errors import SigningError
from gate.sign.interface import BundleSigner, Signer

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
DSSE_MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
INTOTO_PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload: bytes, payload_type: str) -> bytes:
    """DSSE v1 pre-authentication encoding: what is signed. Lengths count bytes (DSSE protocol.md)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def write_dsse(payload: bytes, payload_type: str, signer: Signer) -> bytes:
    """A DSSE envelope with one signature; raises SigningError when the signer cannot sign."""
    return write_both(payload, payload_type, signer)[1]


def write_bundle(payload: bytes, payload_type: str, signer: Signer) -> bytes:
    """A Sigstore bundle v0.3 with a DSSE envelope; under a key it has a public-key hint and neither log entry nor timestamp."""
    return write_both(payload, payload_type, signer)[0]


def write_both(payload: bytes, payload_type: str, signer: Signer) -> tuple[bytes, bytes]:
    """The bundle and the bare envelope around one and the same signature.

    The envelope of a keyless bundle lacks what it is verified with; only the bundle is worth publishing then.
    """
    if not payload or not payload_type:
        raise SigningError("there is nothing to sign: the payload or its type is empty")
    if isinstance(signer, BundleSigner):
        made = signer.bundle(payload, payload_type)
        return made, msgspec.json.encode(msgspec.json.decode(made)["dsseEnvelope"])
    envelope = _envelope(payload, payload_type, signer)
    return msgspec.json.encode(_bundle(envelope, signer)), msgspec.json.encode(envelope)


def _bundle(envelope: dict[str, object], signer: Signer) -> dict[str, object]:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": signer.public_key.hint}},
        "dsseEnvelope": envelope,
    }


def _envelope(payload: bytes, payload_type: str, signer: Signer) -> dict[str, object]:
    signature = signer.sign(pae(payload, payload_type))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"sig": base64.b64encode(signature).decode()}],
    }
