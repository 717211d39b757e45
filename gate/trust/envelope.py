"""Open whatever somebody signed: the entry point to `gate.trust`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.model.evidence import Verification
from gate.trust import bundle, dsse, legacy
from gate.trust.encoding import load_json, malformed
from gate.trust.entry import Trust
from gate.trust.material import DsseContent, MessageContent, Signed
from gate.trust.rejected import Rejected
from gate.trust.statement import PAYLOAD_TYPE, Statement, parse_statement
from gate.trust.verifier import verify

Form = Literal["bundle", "dsse", "simple-signing", "message"]
_MARKERS: Final = (b"payloadType", b"verificationMaterial", bundle.MEDIA_TYPE_PREFIX.encode())
_LEGACY: Final = (legacy.SIGNATURE, legacy.CERTIFICATE, legacy.BUNDLE, legacy.TIMESTAMP)


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """Signed content, and what verifying it gave. Nothing in it may be believed beyond ``verification``."""

    form: Form
    """``bundle``: DSSE in a Sigstore bundle; ``message``: a bundle over an artifact's digest; ``dsse``: a bare envelope or a
    cosign attestation layer; ``simple-signing``: a cosign signature layer."""
    payload: bytes
    """What was signed; empty for ``message``."""
    payload_type: str
    statement: Statement | None
    """The in-toto statement, where the payload type says that it is one."""
    message_digest: str | None
    """``algorithm:hex`` of the artifact (``message``), or of the image manifest (``simple-signing``). The caller compares it."""
    verification: Verification


def open_envelope(
    data: bytes,
    *,
    annotations: Mapping[str, str],
    media_type: str,
    trust: Trust,
    limits: Limits,
    artifact: bytes | None = None,
    artifact_digest: str | None = None,
) -> Envelope | None:
    """The envelope, verified; None when the bytes are no envelope of a known form.

    ``artifact`` or ``artifact_digest`` (``sha256:<hex>``) is what a ``message`` bundle should be about: needed where the bundle
    names no digest or an Ed25519 key signed, and checked where it names one. Raises EvidenceInvalid for a malformed envelope,
    FormatRefused for an unknown version, LimitExceeded; never for a signature that does not verify.
    """
    if media_type == legacy.SIMPLE_SIGNING or (annotations.get(legacy.SIGNATURE) and b"docker-manifest-digest" in data):
        signed, digest = legacy.simple_signing(data, annotations, limits)
        return Envelope("simple-signing", data, legacy.SIMPLE_SIGNING, None, digest, verify(signed, trust, limits))
    document = _envelope_document(data, media_type, limits)
    if document is None:
        return None
    signed = _parse(document, data, annotations, limits)
    if isinstance(signed.content, DsseContent):
        content = signed.content
        return Envelope(
            form="dsse" if signed.version in ("cosign", "dsse") else "bundle",
            payload=content.payload,
            payload_type=content.payload_type,
            statement=parse_statement(content.payload, limits) if content.payload_type == PAYLOAD_TYPE else None,
            message_digest=None,
            verification=verify(signed, trust, limits),
        )
    return _message(signed, signed.content, trust, limits, artifact, artifact_digest)


def describe_signer(data: bytes, annotations: Mapping[str, str], limits: Limits = DEFAULT) -> str | None:
    """Whom the envelope itself names, for messages only: nothing of it was verified. None when it names nobody."""
    try:
        if annotations.get(legacy.SIGNATURE):
            signed, _ = legacy.simple_signing(data, annotations, limits)
        else:
            document = _envelope_document(data, "", limits)
            if document is None:
                return None
            signed = _parse(document, data, annotations, limits)
        if not signed.chain:
            return f"unverified key with the hint {signed.key_hint}" if signed.key_hint else None
        from gate.trust import certificate, identity

        who = identity.read(certificate.read(signed.chain[0]))
        return f"unverified identity {who.text}"
    except (EvidenceInvalid, Rejected):
        return None


def split_jsonl(data: bytes) -> list[bytes]:
    """The documents of JSON lines, or the one document that the bytes are; raises LimitExceeded past ``evidence_documents``."""
    if not data.lstrip().partition(b"\n")[0].rstrip().endswith(b"}"):
        return [data]  # a pretty-printed document, which may be large, is not cut into lines
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) < 2 or not all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return [data]
    if len(lines) > DEFAULT.evidence_documents:
        raise LimitExceeded("evidence_documents", DEFAULT.evidence_documents, "JSON lines")
    return lines


def split_documents(data: bytes) -> list[bytes]:
    """The envelopes in a file: JSON lines, the answer of GitHub's attestations API, or what `gh attestation verify` prints.

    Each in its own bytes, so that a key that stands twice is still seen. Raises EvidenceInvalid for an answer without bundles,
    LimitExceeded past ``evidence_documents``.
    """
    head = data[:4096].lstrip()
    if not (head.startswith(b"{") and b'"attestations"' in head) and not (head.startswith(b"[") and b'"attestation"' in head):
        return split_jsonl(data)
    items = _github_items(data)
    if items is None:
        return split_jsonl(data)
    if len(items) > DEFAULT.evidence_documents:
        raise LimitExceeded("evidence_documents", DEFAULT.evidence_documents, "attestations of an answer")
    bundles = [bytes(item.bundle) for item in items]
    if not all(bundle.startswith(b"{") for bundle in bundles):
        raise malformed(
            "the answer of GitHub's API",
            "an attestation without its bundle (large ones have a bundle_url; use gh attestation download)",
        )
    return bundles


class _Item(msgspec.Struct):
    bundle: msgspec.Raw = msgspec.Raw(b"")


class _Answer(msgspec.Struct):
    attestations: list[_Item]


class _Printed(msgspec.Struct):
    attestation: _Item


def _github_items(data: bytes) -> list[_Item] | None:
    """The attestations of either form; None when the document has neither's shape."""
    try:
        if data.lstrip().startswith(b"["):
            return [printed.attestation for printed in msgspec.json.decode(data, type=list[_Printed])]
        return msgspec.json.decode(data, type=_Answer).attestations
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _parse(document: Mapping[str, Any], data: bytes, annotations: Mapping[str, str], limits: Limits) -> Signed:
    if "verificationMaterial" in document or _is_bundle_type(document.get("mediaType")):
        return bundle.parse(document, limits)
    if any(annotations.get(name) for name in _LEGACY):
        return legacy.attestation(data, document, annotations, limits)
    return Signed(version="dsse", content=dsse.parse(document, limits))


def _is_bundle_type(media_type: object) -> bool:
    return isinstance(media_type, str) and media_type.startswith(bundle.MEDIA_TYPE_PREFIX)


def _envelope_document(data: bytes, media_type: str, limits: Limits) -> Mapping[str, Any] | None:
    """The JSON object of an envelope; None when the bytes are something else, without reading a large SBOM in full."""
    declared = _is_bundle_type(media_type) or media_type == legacy.DSSE_ENVELOPE
    if not declared and not (any(marker in data for marker in _MARKERS) and _looks_like_envelope(data)):
        return None
    document = load_json(data, limits, "the envelope")
    if not isinstance(document, dict):
        raise malformed("the envelope", "no JSON object")
    return document


def _looks_like_envelope(data: bytes) -> bool:
    try:
        top = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    media_type = bytes(top.get("mediaType", b""))
    return (
        "verificationMaterial" in top
        or {"payloadType", "signatures"} <= top.keys()
        or media_type.startswith(b'"' + bundle.MEDIA_TYPE_PREFIX.encode())
    )


def _message(
    signed: Signed, content: MessageContent, trust: Trust, limits: Limits, artifact: bytes | None, digest: str | None
) -> Envelope:
    verification: Verification | None = None
    if artifact is not None:
        content = dataclasses.replace(content, data=artifact)
    elif digest is not None:
        algorithm, _, value = digest.partition(":")
        if not content.digest:
            content = dataclasses.replace(content, algorithm=algorithm, digest=_unhex(value))
        elif content.algorithm == algorithm and content.digest != _unhex(value):
            verification = Verification(state="failed", reason=f"the bundle is about {_digest(content)}, not {digest}")
    if verification is None:
        verification = verify(dataclasses.replace(signed, content=content), trust, limits)
    return Envelope("message", b"", "", None, _digest(content), verification)


def _unhex(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        return b""


def _digest(content: MessageContent) -> str | None:
    if content.data is not None:
        return f"sha256:{(content.hash('sha256') or b'').hex()}"
    return f"{content.algorithm}:{content.digest.hex()}" if content.digest else None
