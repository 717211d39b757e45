"""What was read out of an envelope, before anything of it is believed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import Literal

Version = Literal["0.1", "0.2", "0.3", "cosign", "dsse"]
"""Bundle version, ``cosign`` for annotations of a legacy layer, ``dsse`` for a bare envelope."""


@dataclasses.dataclass(frozen=True)
class DsseContent:
    """A DSSE envelope. Signatures are over `pae`, and ``payload_type`` is covered by them.

    Hashes are kept: a large payload meets up to `Limits.log_entries` signatures and entries, times every key.
    """

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]
    envelope: bytes | None = None
    """The envelope's own bytes where a log or timestamp may have hashed them (legacy cosign)."""

    @functools.cached_property
    def pae(self) -> bytes:
        """Pre-authentication encoding (DSSE v1, protocol.md): lengths count bytes."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)

    @functools.cached_property
    def payload_sha256(self) -> str:
        """Hexadecimal."""
        return hashlib.sha256(self.payload).hexdigest()

    @functools.cached_property
    def _hashes(self) -> dict[str, bytes]:
        return {}

    def pae_hash(self, algorithm: str) -> bytes:
        """Digest of `pae` by ``sha256``, ``sha384`` or ``sha512``."""
        if algorithm not in self._hashes:
            self._hashes[algorithm] = hashlib.new(algorithm, self.pae).digest()
        return self._hashes[algorithm]


@dataclasses.dataclass(frozen=True, slots=True)
class MessageContent:
    """A signature over a message that may be known by its digest only. One of digest and data is needed to verify it."""

    signature: bytes
    algorithm: str = ""
    """Of the digest: ``sha256``, ``sha384``, ``sha512``; empty when none is given."""
    digest: bytes = b""
    data: bytes | None = None

    def hash(self, algorithm: str) -> bytes | None:
        """The message's digest by that algorithm, or None when it cannot be known."""
        if self.data is not None and algorithm in ("sha256", "sha384", "sha512"):
            return hashlib.new(algorithm, self.data).digest()
        return self.digest if algorithm == self.algorithm and self.digest else None


@dataclasses.dataclass(frozen=True, slots=True)
class InclusionProof:
    """RFC 6962 2.1.1, with the signed head it leads to."""

    log_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry that a bundle says is in a transparency log."""

    log_index: int
    log_id: bytes
    kind: str
    version: str
    body: bytes
    """Canonical bytes that the log hashed."""
    integrated_time: int | None
    """Seconds since 1970. Only a signed entry timestamp makes it count."""
    signed_entry_timestamp: bytes | None
    proof: InclusionProof | None

    @property
    def is_v2(self) -> bool:
        """Rekor v2 knows one kind of entry and no time."""
        return (self.kind, self.version) == ("hashedrekord", "0.0.2")


@dataclasses.dataclass(frozen=True, slots=True)
class Signed:
    """Content with everything that came along to verify it."""

    version: Version
    content: DsseContent | MessageContent
    chain: tuple[bytes, ...] = ()
    """DER certificates, leaf first; empty when a key signed."""
    key_hint: str = ""
    """For people; decides nothing."""
    log_entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()
    """DER RFC 3161 responses."""
    timestamped: bytes | None = None
    """What the timestamps are over, where that is not the signature."""
