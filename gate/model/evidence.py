"""Evidence as the input document lists it: where it came from, what it is bound to, what was verified (invariant 2)."""

from __future__ import annotations

from typing import Literal

import msgspec

from gate.model.base import Model

Kind = Literal[
    "vulnerabilities",
    "sbom",
    "signature",
    "provenance",
    "sast",
    "vex",
    "vsa",
    "fips",
    "stig",
    "approval",
    "attestation",
    "unknown",
]
"""``attestation`` is a verified or unverified in-toto statement of a predicate type without a reader; policies see its body."""
Origin = Literal["attestation", "referrer", "file", "image", "computed"]
"""``attestation``: signed statement attached to the image; ``referrer``: attached, not an attestation; ``file``: named by the
caller; ``image``: from inside the image or its manifest; ``computed``: a tool that the gate itself ran on the digest."""
Binding = Literal["signed", "embedded", "asserted", "none"]
"""``signed``: a verified statement names the subject's digest; ``embedded``: the document does; ``asserted``: only the caller
does; ``none``: nothing does, or it names another digest."""
On = Literal["index", "platform", "none"]


class Producer(Model, frozen=True, kw_only=True):
    """The tool that made the document, as the document says."""

    name: str = ""
    version: str = ""
    digest: str | None = None
    """Digest of the tool's binary, where the gate ran it itself."""
    db_built: str | None = None
    """RFC 3339 time at which the tool's vulnerability database was built."""


class Diagnostic(Model, frozen=True, kw_only=True):
    """Something odd in a document that did not stop it from being read."""

    code: str
    """Stable snake_case name."""
    message: str
    count: int = 1
    where: str = ""
    """JSON pointer, file or item of the first occurrence."""


class Verification(Model, frozen=True, kw_only=True):
    """What was verified about an item, by which trust entry, and which checks that entry relaxed."""

    state: Literal["verified", "unverified", "failed"]
    method: Literal["", "key", "keyless"] = ""
    trust_entry: str | None = None
    roles: tuple[str, ...] = ()
    """Kinds of evidence that the trust entry vouches for; ``*`` is all."""
    identity: str | None = None
    issuer: str | None = None
    key_id: str | None = None
    """``sha256:<hex>`` of the DER SubjectPublicKeyInfo."""
    log: str | None = None
    """``<log id hex>@<index>`` of the transparency log entry that counted."""
    timestamp: str | None = None
    """RFC 3339 time of the signature, from a log or a timestamp authority; never from the document."""
    checks: tuple[str, ...] = ()
    """Names of the checks that were made, in order."""
    relaxed: tuple[str, ...] = ()
    """Names of the checks that the trust entry waived."""
    entries: tuple[str, ...] = ()
    """Every trust entry that accepted it."""
    relaxed_by: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """What each of those entries waived; entries that waived nothing are left out."""
    failures: dict[str, str] = msgspec.field(default_factory=dict)
    """Name of the check that did not hold, by trust entry, where the state is ``failed`` (``log_known``: the log is not in
    the trusted root)."""
    claims: dict[str, str] = msgspec.field(default_factory=dict)
    """Fulcio certificate extensions by name (``source_repository_uri``, ``source_repository_digest`` …)."""
    reason: str | None = None
    """Why the state is not ``verified``."""


UNVERIFIED = Verification(state="unverified", reason="not signed")


class Evidence(Model, frozen=True, kw_only=True):
    """One document, by the digest of its stored bytes."""

    id: str
    """``sha256:<hex>`` of the stored bytes."""
    payload_digest: str
    """Digest of the document inside the envelope; equal to ``id`` for a bare document."""
    kind: Kind
    format: str
    """Short name and version: ``grype``, ``cyclonedx 1.6``, ``slsa-provenance v1`` …"""
    media_type: str
    predicate_type: str | None
    origin: Origin
    source: str
    """Where it was found: path, referrer digest, tag."""
    subject_digest: str | None
    """The digest of the subject that it is bound to."""
    on: On
    """Whether that digest is the index's or the platform's."""
    binding: Binding
    created: str | None
    """RFC 3339 time, as the document says; freshness uses ``verification.timestamp`` or the database time before it."""
    age_s: int | None
    """Seconds between the best known time and ``time.now``; null when unknown or in the future beyond skew."""
    producer: Producer
    verification: Verification
    diagnostics: tuple[Diagnostic, ...] = ()
    partial: bool = False
    """Its facts count where it is accepted, and it meets no requirement: a scan of one kind of packages (govulncheck)."""


class CollectionError(Model, frozen=True, kw_only=True):
    """Something that kept evidence of a kind from being read; a rule that needs the kind gives no verdict."""

    kind: Kind
    evidence: str | None
    source: str
    code: str
    """Stable snake_case name: ``unreadable``, ``unreachable``, ``limit``, ``no_collector``, ``wrong_subject`` …"""
    reason: str
    fix: str = ""
