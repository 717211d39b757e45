"""From bytes as found to evidence that was opened and read; what it binds to is decided in `gate.evidence.binding`.

Opening does not depend on the subject, so a document that is given once for many subjects is opened once.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable
from typing import Any

import msgspec

from gate.errors import EvidenceError, EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.interface import Document, Reading
from gate.evidence.packed import unpacked
from gate.limits import Limits
from gate.model.base import digest_of
from gate.model.evidence import UNVERIFIED, CollectionError, Kind, Verification
from gate.trust.entry import Trust
from gate.trust.envelope import Envelope, open_envelope, split_documents
from gate.trust.statement import Statement, parse_statement

COSIGN_SIGN = "https://sigstore.dev/cosign/sign/v1"
_STATEMENT_MARK = b'"predicateType"'
_ONE_AT_A_TIME = threading.Lock()
"""Held while a document is opened: platforms and subjects are gathered in threads, and msgspec crashes the process when two
threads decode into the same type for the first time. Decoding holds the interpreter's lock anyway, so nothing is lost."""


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """One document, opened by trust and read by a reader, or the reason why not."""

    document: Document
    id: str
    payload_digest: str
    kind: Kind
    format: str
    predicate_type: str | None
    predicate: Any
    """The body of a statement without a reader of its own; null otherwise, since bodies can be large."""
    subjects: tuple[str, ...]
    """``algorithm:…`` digests that the statement or signature names (``gitCommit:…`` for sources); empty for a bare document."""
    signature_form: str
    """``cosign-sign-v1``, ``simple-signing``, ``message-signature`` for a signature on the image itself; else empty."""
    annotations: dict[str, str]
    docker_reference: str
    verification: Verification
    reading: Reading | None
    error: CollectionError | None
    statement: Statement | None = None
    """Of provenance, summaries and attestations: what the chain from source to binary is made of."""


def split(document: Document, limits: Limits) -> list[Document]:
    """One document per envelope: a JSONL file of bundles, or the attestations that GitHub's API returns, hold several.

    What is packed is looked into, and stays packed unless it holds several.
    """
    if document.origin != "file":
        return [document]
    from gate.evidence.sniff import is_stream

    plain = unpacked(document.data, document.source, limits)
    if is_stream(plain):
        return [document]
    lines = split_documents(plain)
    if len(lines) < 2:
        return [document if not lines or lines[0] is plain else dataclasses.replace(document, data=lines[0])]
    return [_part(document, number, line) for number, line in enumerate(lines, 1)]


def _part(document: Document, number: int, data: bytes) -> Document:
    return dataclasses.replace(document, data=data, source=f"{document.source}#{number}")


class Opener:
    """Opens documents, each distinct one once."""

    def __init__(self, trust: Trust, limits: Limits) -> None:
        self._trust = trust
        self._limits = limits
        self._known: dict[tuple[Any, ...], Opened] = {}

    def open_all(self, documents: Iterable[Document]) -> list[Opened]:
        """Every document as `Opened`; one that cannot be read becomes an item with an error, never an exception."""
        opened: list[Opened] = []
        for document in documents:
            try:
                parts = split(document, self._limits)
            except EvidenceError as error:
                opened.append(_unreadable(document, error, UNVERIFIED, "unknown"))
                continue
            opened += [self._open(part) for part in parts]
            if len(opened) > self._limits.evidence_documents:
                raise LimitExceeded("evidence_documents", self._limits.evidence_documents, "evidence of one subject")
        return opened

    def broken(self, document: Document, error: EvidenceError) -> Opened:
        """An attachment that was reached and is bad; listed, and neither satisfying nor denying anything."""
        return _unreadable(document, error, Verification(state="failed", reason=error.what), "unknown")

    def _open(self, document: Document) -> Opened:
        annotations = tuple(sorted(document.annotations.items()))
        identity = (digest_of(document.data), annotations, document.media_type, document.origin, document.attached_to)
        known = self._known.get(identity)
        if known is None:
            with _ONE_AT_A_TIME:
                known = self._known[identity] = _open(document, self._trust, self._limits)
        return dataclasses.replace(known, document=document)


def _open(document: Document, trust: Trust, limits: Limits) -> Opened:
    try:
        plain = unpacked(document.data, document.source, limits)
        envelope = open_envelope(
            plain,
            annotations=document.annotations,
            media_type=document.media_type,
            trust=trust,
            limits=limits,
            artifact_digest=document.attached_to,
        )
    except EvidenceError as error:
        return _unreadable(document, error, Verification(state="failed", reason=error.what), "unknown")
    if envelope is not None:
        return _open_envelope(document, envelope, limits)
    statement = _bare_statement(plain, limits)
    if statement is not None:
        return _open_statement(document, statement, plain, UNVERIFIED, limits)
    return _read(document, plain, UNVERIFIED, None, limits)


def _bare_statement(data: bytes, limits: Limits) -> Statement | None:
    """An in-toto statement outside any envelope; its claims are worth what an unsigned document is worth."""
    if _STATEMENT_MARK not in data or b"in-toto.io/Statement" not in data:
        return None
    try:
        return parse_statement(data, limits)
    except EvidenceError:
        return None


def _open_envelope(document: Document, envelope: Envelope, limits: Limits) -> Opened:
    if envelope.statement is not None:
        return _open_statement(document, envelope.statement, envelope.payload, envelope.verification, limits)
    if envelope.form == "simple-signing":
        return _open_simple_signing(document, envelope, limits)
    return _opened(
        document,
        envelope.payload,
        envelope.verification,
        kind="signature",
        format="message-signature",
        subjects=(envelope.message_digest,) if envelope.message_digest else (),
        signature_form="message-signature",
    )


def _open_simple_signing(document: Document, envelope: Envelope, limits: Limits) -> Opened:
    try:
        body = msgspec.json.decode(envelope.payload)
        critical = body["critical"]
        digest = critical["image"]["docker-manifest-digest"]
        optional = body.get("optional") or {}
        if not isinstance(digest, str) or not isinstance(optional, dict):
            raise TypeError("docker-manifest-digest is no string")
        if critical.get("type") not in ("cosign container image signature", "atomic container signature"):
            raise ValueError(f"critical.type is {critical.get('type')!r}")
        reference = critical.get("identity", {}).get("docker-reference", "")
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        invalid = EvidenceInvalid(f"simple-signing payload: {error}")
        return _unreadable(document, invalid, envelope.verification, "signature")
    return _opened(
        document,
        envelope.payload,
        envelope.verification,
        kind="signature",
        format="simple-signing",
        subjects=(digest,),
        signature_form="simple-signing",
        annotations={str(key): str(value) for key, value in optional.items()},
        docker_reference=str(reference),
    )


def _open_statement(
    document: Document, statement: Statement, payload: bytes, verification: Verification, limits: Limits
) -> Opened:
    named = [(name, value) for subject in statement.subjects for name, value in subject.digest.items()]
    # A statement about a commit is about something, and so is never merely asserted to be about the image.
    subjects = tuple(f"{name}:{value}" for name, value in sorted(named, key=lambda one: one[0] != "sha256"))
    if statement.predicate_type == COSIGN_SIGN:
        return _opened(
            document,
            payload,
            verification,
            kind="signature",
            format="cosign-sign-v1",
            subjects=subjects,
            signature_form="cosign-sign-v1",
            predicate_type=statement.predicate_type,
        )
    return dataclasses.replace(_read(document, payload, verification, statement, limits), subjects=subjects)


def _read(document: Document, payload: bytes, verification: Verification, statement: Statement | None, limits: Limits) -> Opened:
    from gate.evidence.sniff import read_payload

    try:
        if statement is None:
            reading = read_payload(payload, media_type=document.media_type, predicate_type=None, predicate=None, limits=limits)
        else:
            reading = read_payload(
                payload, media_type="", predicate_type=statement.predicate_type, predicate=statement.predicate, limits=limits
            )
            if reading.kind == "provenance":
                from gate.evidence.provenance.slsa import read_provenance

                fact = read_provenance(statement.predicate_type, statement.predicate, verification.claims)
                reading = dataclasses.replace(reading, provenance=fact)
    except EvidenceError as error:
        from gate.evidence.sniff import kind_of_predicate

        kind = kind_of_predicate(statement.predicate_type) if statement else "unknown"
        return _unreadable(document, error, verification, kind)
    opened = _opened(
        document,
        payload,
        verification,
        kind=reading.kind,
        format=reading.format,
        predicate_type=statement.predicate_type if statement else None,
        reading=reading,
    )
    if statement is not None and reading.kind in ("attestation", "vsa"):
        return dataclasses.replace(opened, predicate=statement.predicate, statement=statement)
    if statement is not None and reading.kind == "provenance":
        return dataclasses.replace(opened, statement=statement)
    return opened


def _opened(
    document: Document,
    payload: bytes,
    verification: Verification,
    *,
    kind: Kind,
    format: str,
    subjects: tuple[str, ...] = (),
    signature_form: str = "",
    predicate_type: str | None = None,
    annotations: dict[str, str] | None = None,
    docker_reference: str = "",
    reading: Reading | None = None,
    error: CollectionError | None = None,
) -> Opened:
    own = digest_of(document.data)
    return Opened(
        document=document,
        id=own,
        payload_digest=own if payload is document.data else digest_of(payload),
        kind=kind,
        format=format,
        predicate_type=predicate_type,
        predicate=None,
        subjects=subjects,
        signature_form=signature_form,
        annotations=annotations or {},
        docker_reference=docker_reference,
        verification=verification,
        reading=reading,
        error=error,
    )


def _unreadable(document: Document, error: EvidenceError, verification: Verification, kind: Kind) -> Opened:
    """An item that says why it is not understood.

    It is an *error* where somebody answers for it: the caller named the file, or a trusted key signed it. Unsigned noise next
    to the image is listed and no more, else anyone who can push could block a release (invariant 2).
    """
    answered_for = document.origin in ("file", "computed") or verification.state == "verified"
    code = "limit" if isinstance(error, LimitExceeded) else "refused" if isinstance(error, FormatRefused) else "unreadable"
    reason = f"{error.what}{': ' + error.why if error.why else ''}"
    problem = CollectionError(
        kind=kind, evidence=digest_of(document.data), source=document.source, code=code, reason=reason, fix=error.fix
    )
    if verification.state != "failed" and not answered_for:
        verification = msgspec.structs.replace(verification, reason=reason)
    return _opened(document, document.data, verification, kind=kind, format="unreadable", error=problem if answered_for else None)
