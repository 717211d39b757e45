"""Signatures and attestations as cosign before v3 hung them on an image: a layer blob, and annotations on its descriptor.

The annotations are not signed. They carry the signature and what vouches for it, and nothing else in them is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gate.limits import Limits
from gate.trust import dsse
from gate.trust.encoding import integer, load_json, malformed, mapping, pem_bodies, text, unbase64
from gate.trust.material import DsseContent, LogEntry, MessageContent, Signed

SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE_ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
SIGNATURE: Final = "dev.cosignproject.cosign/signature"
CERTIFICATE: Final = "dev.sigstore.cosign/certificate"
CHAIN: Final = "dev.sigstore.cosign/chain"
BUNDLE: Final = "dev.sigstore.cosign/bundle"
TIMESTAMP: Final = "dev.sigstore.cosign/rfc3161timestamp"
_TYPE: Final = "cosign container image signature"
_DIGEST: Final = re.compile(r"sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})")


def simple_signing(data: bytes, annotations: Mapping[str, str], limits: Limits) -> tuple[Signed, str]:
    """A ``.sig`` layer: its material, and the manifest digest that its payload names; raises EvidenceInvalid.

    Format: containers/image, docs/containers-signature.5.md. ``docker-reference`` is not looked at, as cosign does not.
    """
    what = "the simple signing payload"
    document = load_json(data, limits, what)
    critical = mapping(document, "critical", what)
    if critical.get("type") != _TYPE:
        raise malformed(what, f"critical.type is {critical.get('type')!r}, not {_TYPE!r}")
    digest = text(mapping(critical, "image", what), "docker-manifest-digest", what)
    if not _DIGEST.fullmatch(digest):
        raise malformed(what, f"docker-manifest-digest is {digest!r}")
    signature = unbase64(annotations.get(SIGNATURE, ""), f"the annotation {SIGNATURE}")
    if not signature:
        raise malformed("the cosign signature", f"no annotation {SIGNATURE}")
    return _signed(MessageContent(signature=signature, data=data), annotations, limits, timestamped=None), digest


def attestation(data: bytes, document: Mapping[str, Any], annotations: Mapping[str, str], limits: Limits) -> Signed:
    """An ``.att`` layer: a DSSE envelope whose annotations vouch for it; raises EvidenceInvalid."""
    # cosign has the timestamp authority sign the whole envelope here, and the bare signature everywhere else
    return _signed(dsse.parse(document, limits, envelope=data), annotations, limits, timestamped=data)


def _signed(
    content: MessageContent | DsseContent, annotations: Mapping[str, str], limits: Limits, *, timestamped: bytes | None
) -> Signed:
    chain = pem_bodies(annotations.get(CERTIFICATE, ""), "CERTIFICATE", f"the annotation {CERTIFICATE}")
    if len(chain) > 1:
        raise malformed(f"the annotation {CERTIFICATE}", "more than one certificate")
    # CHAIN is never read: authorities come from the trusted root, so what a registry adds there cannot matter
    bundle = annotations.get(BUNDLE, "")
    stamp = annotations.get(TIMESTAMP, "")
    return Signed(
        version="cosign",
        content=content,
        chain=chain,
        log_entries=(_log_entry(bundle, limits),) if bundle else (),
        timestamps=(_timestamp(stamp, limits),) if stamp else (),
        timestamped=timestamped,
    )


def _log_entry(annotation: str, limits: Limits) -> LogEntry:
    what = f"the annotation {BUNDLE}"
    document = load_json(annotation.encode("utf-8", "surrogatepass"), limits, what)
    payload = mapping(document, "Payload", what)
    body = unbase64(payload.get("body"), f"{what}: body")
    inner = load_json(body, limits, f"{what}: body")
    if not isinstance(inner, dict):
        raise malformed(f"{what}: body", "no JSON object")
    try:
        log_id = bytes.fromhex(text(payload, "logID", what))
    except ValueError as error:
        raise malformed(what, "logID is not hexadecimal") from error
    return LogEntry(
        log_index=integer(payload, "logIndex", what),
        log_id=log_id,
        kind=text(inner, "kind", what),
        version=text(inner, "apiVersion", what),
        body=body,
        integrated_time=integer(payload, "integratedTime", what),
        signed_entry_timestamp=unbase64(document.get("SignedEntryTimestamp"), f"{what}: SignedEntryTimestamp"),
        proof=None,
    )


def _timestamp(annotation: str, limits: Limits) -> bytes:
    what = f"the annotation {TIMESTAMP}"
    document = load_json(annotation.encode("utf-8", "surrogatepass"), limits, what)
    return unbase64(document.get("SignedRFC3161Timestamp") if isinstance(document, dict) else None, what)
