"""DSSE envelopes (secure-systems-lab/dsse v1.0.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gate.errors import EvidenceInvalid
from gate.limits import Limits
from gate.trust.encoding import malformed, sequence, text, unbase64
from gate.trust.material import DsseContent, MessageContent
from gate.trust.rejected import Rejected

if TYPE_CHECKING:
    from gate.trust.keys import PublicKey

_WHAT = "the DSSE envelope"


def parse(document: Mapping[str, Any], limits: Limits, *, envelope: bytes | None = None) -> DsseContent:
    """The envelope's content; raises EvidenceInvalid. ``keyid`` is optional and untrusted (it is not read); a signature that
    cannot be decoded is refused only when no other can."""
    signatures: list[bytes] = []
    problem: EvidenceInvalid | None = None
    for item in sequence(document, "signatures", _WHAT, limits.log_entries):
        try:
            signature = unbase64(item.get("sig") if isinstance(item, dict) else None, f"{_WHAT}: sig")
            if not signature:
                raise malformed(_WHAT, "an empty signature")
            signatures.append(signature)
        except EvidenceInvalid as error:
            problem = error
    if not signatures:
        raise problem or malformed(_WHAT, "no signatures")
    return DsseContent(
        payload=unbase64(document.get("payload"), f"{_WHAT}: payload"),
        payload_type=text(document, "payloadType", _WHAT),
        signatures=tuple(signatures),
        envelope=envelope,
    )


def _verify_pae(key: PublicKey, signature: bytes, content: DsseContent) -> bool:
    if not key.hash_names:
        return key.verify(signature, content.pae)
    return any(key.verify_digest(signature, name, content.pae_hash(name)) for name in key.hash_names)


def verify_content(key: PublicKey, content: DsseContent | MessageContent) -> bytes:
    """The signature that verifies under the key; raises Rejected when none does."""
    if isinstance(content, DsseContent):
        for signature in content.signatures:
            if _verify_pae(key, signature, content):
                return signature
        raise Rejected("signature", "no signature of the envelope is by this key over this payload and payload type")
    if content.data is not None:
        # The digest in a bundle is a hint; where the message is known it must at least be right.
        if content.digest and content.hash(content.algorithm) != content.digest:
            raise Rejected("message_digest", "the digest in the bundle is not the artifact's")
        if key.verify(content.signature, content.data):
            return content.signature
    elif not content.digest:
        raise Rejected("message_digest", "the bundle names no digest; the artifact itself is needed")
    elif key.verify_digest(content.signature, content.algorithm, content.digest):
        return content.signature
    raise Rejected("signature", "the signature is not by this key over this message")
