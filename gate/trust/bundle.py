"""Sigstore bundles v0.1 to v0.3 (protobuf-specs, ``sigstore_bundle.proto``): reading only, nothing is believed here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gate.errors import FormatRefused
from gate.limits import Limits
from gate.trust import dsse
from gate.trust.encoding import integer, malformed, mapping, optional_mapping, sequence, text, unbase64
from gate.trust.material import DsseContent, InclusionProof, LogEntry, MessageContent, Signed, Version

_WHAT: Final = "the Sigstore bundle"
MEDIA_TYPE_PREFIX: Final = "application/vnd.dev.sigstore.bundle"
_MEDIA_TYPE: Final = re.compile(r"application/vnd\.dev\.sigstore\.bundle(?:\+json;version=(0\.[123])|\.v(0\.3)(?:\.\d+)?\+json)")
_ALGORITHMS: Final = {"SHA2_256": ("sha256", 32), "SHA2_384": ("sha384", 48), "SHA2_512": ("sha512", 64)}
_PROOF_HASHES: Final = 64
"""A tree of 2^63 leaves needs no more."""
_CHAIN: Final = 10


def parse(document: Mapping[str, Any], limits: Limits) -> Signed:
    """The bundle's content and material; raises EvidenceInvalid when malformed, FormatRefused for another version."""
    media_type = document.get("mediaType")
    match = _MEDIA_TYPE.fullmatch(media_type) if isinstance(media_type, str) else None
    if match is None:
        raise FormatRefused(
            f"{_WHAT} has the media type {media_type!r}",
            why="v0.1, v0.2 and v0.3 are read; a later version may mean something else by the same fields",
            fix="sign with a tool that writes bundle v0.3, or update the gate",
        )
    version: Version = "0.1" if match[1] == "0.1" else "0.2" if match[1] == "0.2" else "0.3"
    material = mapping(document, "verificationMaterial", _WHAT)
    chain, hint = _signer(material, version)
    data = optional_mapping(material, "timestampVerificationData", _WHAT) or {}
    timestamps = tuple(_timestamp(item) for item in sequence(data, "rfc3161Timestamps", _WHAT, limits.log_entries))
    if len(set(timestamps)) != len(timestamps):
        raise malformed(_WHAT, "the same timestamp twice")
    return Signed(
        version=version,
        content=_content(document, limits),
        chain=chain,
        key_hint=hint,
        log_entries=tuple(_log_entry(item) for item in sequence(material, "tlogEntries", _WHAT, limits.log_entries)),
        timestamps=timestamps,
    )


def _signer(material: Mapping[str, Any], version: Version) -> tuple[tuple[bytes, ...], str]:
    """Certificates, or the hint of a key: exactly one kind (1)."""
    given = [name for name in ("certificate", "x509CertificateChain", "publicKey") if material.get(name) is not None]
    if len(given) != 1:
        raise malformed(_WHAT, f"one of certificate, x509CertificateChain and publicKey was expected, found {given or 'none'}")
    if given == ["publicKey"]:
        hint = mapping(material, "publicKey", _WHAT).get("hint")
        return (), hint if isinstance(hint, str) else ""
    if given == ["certificate"]:
        if version != "0.3":
            raise malformed(_WHAT, f"a single certificate in a v{version} bundle, which has chains")
        return (_certificate(material["certificate"]),), ""
    if version == "0.3":
        raise malformed(_WHAT, "a certificate chain in a v0.3 bundle, which has one certificate")
    certificates = sequence(mapping(material, "x509CertificateChain", _WHAT), "certificates", _WHAT)
    if not 0 < len(certificates) <= _CHAIN:
        raise malformed(_WHAT, f"a chain of {len(certificates)} certificates")
    chain = tuple(_certificate(item) for item in certificates)
    if len(set(chain)) != len(chain):
        raise malformed(_WHAT, "the same certificate twice in its chain")
    return chain, ""


def _certificate(item: Any) -> bytes:
    der = unbase64(item.get("rawBytes") if isinstance(item, dict) else None, f"{_WHAT}: certificate")
    if not der:
        raise malformed(_WHAT, "an empty certificate")
    return der


def _timestamp(item: Any) -> bytes:
    return unbase64(item.get("signedTimestamp") if isinstance(item, dict) else None, f"{_WHAT}: signedTimestamp")


def _content(document: Mapping[str, Any], limits: Limits) -> DsseContent | MessageContent:
    message = optional_mapping(document, "messageSignature", _WHAT)
    envelope = optional_mapping(document, "dsseEnvelope", _WHAT)
    if (message is None) == (envelope is None):
        raise malformed(_WHAT, "one of messageSignature and dsseEnvelope was expected")
    if envelope is not None:
        return dsse.parse(envelope, limits)
    assert message is not None
    signature = unbase64(message.get("signature"), f"{_WHAT}: signature")
    if not signature:
        raise malformed(_WHAT, "an empty signature")
    hint = optional_mapping(message, "messageDigest", _WHAT)
    if hint is None:
        return MessageContent(signature=signature)
    name, size = _ALGORITHMS.get(str(hint.get("algorithm")), ("", 0))
    digest = unbase64(hint.get("digest"), f"{_WHAT}: messageDigest")
    if not name or len(digest) != size:
        raise malformed(_WHAT, "messageDigest is no SHA-256, SHA-384 or SHA-512 digest")
    return MessageContent(signature=signature, algorithm=name, digest=digest)


def _log_entry(item: Any) -> LogEntry:
    what = f"{_WHAT}: tlogEntries"
    if not isinstance(item, dict):
        raise malformed(what, "no object")
    kind = mapping(item, "kindVersion", what)
    promise = optional_mapping(item, "inclusionPromise", what)
    body = unbase64(item.get("canonicalizedBody"), f"{what}: canonicalizedBody")
    if not body:
        raise malformed(what, "an empty body")
    return LogEntry(
        log_index=0 if item.get("logIndex") is None else integer(item, "logIndex", what),
        log_id=unbase64(mapping(item, "logId", what).get("keyId"), f"{what}: keyId"),
        kind=text(kind, "kind", what),
        version=text(kind, "version", what),
        body=body,
        integrated_time=None if item.get("integratedTime") is None else integer(item, "integratedTime", what),
        signed_entry_timestamp=None
        if promise is None
        else unbase64(promise.get("signedEntryTimestamp"), f"{what}: signedEntryTimestamp"),
        proof=_proof(optional_mapping(item, "inclusionProof", what), what),
    )


def _proof(proof: Mapping[str, Any] | None, what: str) -> InclusionProof | None:
    if proof is None:
        return None
    hashes = sequence(proof, "hashes", what)
    if len(hashes) > _PROOF_HASHES:
        raise malformed(what, f"an inclusion proof of {len(hashes)} hashes")
    checkpoint = optional_mapping(proof, "checkpoint", what)
    return InclusionProof(
        # protobuf leaves zero out: entry 0 of a log has no logIndex
        log_index=0 if proof.get("logIndex") is None else integer(proof, "logIndex", what),
        tree_size=integer(proof, "treeSize", what),
        root_hash=unbase64(proof.get("rootHash"), f"{what}: rootHash"),
        hashes=tuple(unbase64(value, f"{what}: hashes") for value in hashes),
        checkpoint=None if checkpoint is None else text(checkpoint, "envelope", what),
    )
