"""Is a log entry about *this* signature, *this* signer and *this* content (3)?

A log proves that somebody logged something; without these comparisons an entry of another signature would do (CVE-2022-36056,
CVE-2026-22703). Signers are compared as DER: the PEM in real entries differs in line width.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from gate.errors import EvidenceInvalid
from gate.limits import Limits
from gate.trust.encoding import load_json, mapping, optional_mapping, pem_bodies, sequence, text, unbase64
from gate.trust.material import DsseContent, LogEntry, MessageContent
from gate.trust.rejected import Rejected

CHECK: Final = "log_entry"
_WHAT: Final = "the log entry"
_V2_ALGORITHMS: Final = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """What an entry must be about."""

    content: DsseContent | MessageContent
    signature: bytes
    """The one that verified."""
    signer: bytes
    """DER of the certificate, or of the public key."""


def check_bound(entry: LogEntry, bound: Bound, limits: Limits) -> None:
    """Raises Rejected unless the entry's body is about what `Bound` says (4)."""
    try:
        body = load_json(entry.body, limits, _WHAT)
        if not isinstance(body, dict):
            raise _mismatch("its body is no object")
        if (body.get("kind"), body.get("apiVersion")) != (entry.kind, entry.version):
            raise _mismatch("its body is of another kind than the bundle says")
        spec = mapping(body, "spec", _WHAT)
        match entry.kind, entry.version, bound.content:
            case "hashedrekord", "0.0.1", MessageContent():
                _hashedrekord_v1(spec, bound, bound.content)
            case "hashedrekord", "0.0.2", _:
                _hashedrekord_v2(mapping(spec, "hashedRekordV002", _WHAT), bound)
            case "dsse", "0.0.1", DsseContent():
                _dsse(spec, bound, bound.content)
            case "intoto", "0.0.1", DsseContent():
                _intoto_v1(spec, bound, bound.content)
            case "intoto", "0.0.2", DsseContent():
                _intoto_v2(spec, bound, bound.content)
            case _:
                raise _mismatch(f"entries of kind {entry.kind} {entry.version} say nothing about this form of signature")
    except EvidenceInvalid as error:
        raise _mismatch(error.what) from error


def _mismatch(reason: str) -> Rejected:
    return Rejected(CHECK, f"the entry is not about this signature: {reason}")


def _same_signature(value: bytes, bound: Bound) -> None:
    if value != bound.signature:
        raise _mismatch("another signature")


def _same_signer(pem_base64: Any, bound: Bound) -> None:
    """Base64 of PEM, certificate or public key, against the DER that verified."""
    pem = unbase64(pem_base64, _WHAT).decode("utf-8", "replace")
    label = "PUBLIC KEY" if "-----BEGIN PUBLIC KEY-----" in pem else "CERTIFICATE"
    if pem_bodies(pem, label, _WHAT) != (bound.signer,):
        raise _mismatch("another signer")


def _same_payload(content: Mapping[str, Any], expected: DsseContent) -> None:
    payload = mapping(content, "payloadHash", _WHAT)
    if text(payload, "algorithm", _WHAT) != "sha256" or text(payload, "value", _WHAT) != expected.payload_sha256:
        raise _mismatch("another payload")


def _hashedrekord_v1(spec: Mapping[str, Any], bound: Bound, content: MessageContent) -> None:
    signature = mapping(spec, "signature", _WHAT)
    _same_signature(unbase64(signature.get("content"), _WHAT), bound)
    _same_signer(mapping(signature, "publicKey", _WHAT).get("content"), bound)
    hash_ = mapping(mapping(spec, "data", _WHAT), "hash", _WHAT)
    expected = content.hash(text(hash_, "algorithm", _WHAT))
    if expected is None or text(hash_, "value", _WHAT) != expected.hex():
        raise _mismatch("another artifact")


def _hashedrekord_v2(spec: Mapping[str, Any], bound: Bound) -> None:
    signature = mapping(spec, "signature", _WHAT)
    _same_signature(unbase64(signature.get("content"), _WHAT), bound)
    verifier = mapping(signature, "verifier", _WHAT)
    certificate = optional_mapping(verifier, "x509Certificate", _WHAT)
    holder = certificate if certificate is not None else mapping(verifier, "publicKey", _WHAT)
    if unbase64(holder.get("rawBytes"), _WHAT) != bound.signer:
        raise _mismatch("another signer")
    data = mapping(spec, "data", _WHAT)
    algorithm = _V2_ALGORITHMS.get(text(data, "algorithm", _WHAT), "")
    expected: bytes | None
    if isinstance(bound.content, MessageContent):
        expected = bound.content.hash(algorithm)
    else:
        # rekor-tiles has no DSSE kind: what is hashed there is the pre-authentication encoding
        expected = bound.content.pae_hash(algorithm) if algorithm else None
    if expected is None or unbase64(data.get("digest"), _WHAT) != expected:
        raise _mismatch("another artifact or payload")


def _dsse(spec: Mapping[str, Any], bound: Bound, content: DsseContent) -> None:
    """The envelope hash in it cannot be computed again (the envelope's JSON is not canonical); payload and signatures can."""
    _same_payload(spec, content)
    logged: set[bytes] = set()
    for item in sequence(spec, "signatures", _WHAT):
        if not isinstance(item, dict):
            raise _mismatch("a signature is no object")
        value = unbase64(item.get("signature"), _WHAT)
        if value == bound.signature:
            _same_signer(item.get("verifier"), bound)
        logged.add(value)
    if logged != set(content.signatures):
        raise _mismatch("other signatures")


def _intoto_v1(spec: Mapping[str, Any], bound: Bound, content: DsseContent) -> None:
    """The oldest kind names no signature. Its hash of the envelope does, and is checked where the envelope's bytes are known."""
    inner = mapping(spec, "content", _WHAT)
    _same_signer(spec.get("publicKey"), bound)
    _same_payload(inner, content)
    if content.envelope is not None:
        envelope = mapping(inner, "hash", _WHAT)
        expected = hashlib.sha256(content.envelope).hexdigest()
        if text(envelope, "algorithm", _WHAT) != "sha256" or text(envelope, "value", _WHAT) != expected:
            raise _mismatch("another envelope")


def _intoto_v2(spec: Mapping[str, Any], bound: Bound, content: DsseContent) -> None:
    inner = mapping(spec, "content", _WHAT)
    _same_payload(inner, content)
    envelope = mapping(inner, "envelope", _WHAT)
    if text(envelope, "payloadType", _WHAT) != content.payload_type:
        raise _mismatch("another payload type")
    logged: set[bytes] = set()
    for item in sequence(envelope, "signatures", _WHAT):
        if not isinstance(item, dict):
            raise _mismatch("a signature is no object")
        # Rekor kept the client's base64 and encoded it again
        value = unbase64(unbase64(item.get("sig"), _WHAT).decode("ascii", "replace"), _WHAT)
        if value == bound.signature:
            _same_signer(item.get("publicKey"), bound)
        logged.add(value)
    if logged != set(content.signatures):
        raise _mismatch("other signatures")
