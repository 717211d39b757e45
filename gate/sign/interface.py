"""What a signer is, and what a key service has to provide to be one."""

from __future__ import annotations

import dataclasses
from typing import Protocol, runtime_checkable

from gate.sign.publickey import SignerKey


class Signer(Protocol):
    """One key that signs; `sign` raises SigningError and returns only what verifies under `public_key`."""

    @property
    def public_key(self) -> SignerKey: ...

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`: DER for ECDSA and PKCS#1 v1.5 for RSA; 64 bytes for Ed25519.

        ECDSA and RSA sign SHA-256, but where a service allows nothing else, the hash that belongs to the curve.
        """
        ...


@runtime_checkable
class BundleSigner(Protocol):
    """A signer whose signature means nothing without its certificate and log entry: it makes the whole bundle (keyless)."""

    def bundle(self, payload: bytes, payload_type: str) -> bytes:
        """A Sigstore bundle with a DSSE envelope around the payload; raises SigningError."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a key service says about a key."""

    key: SignerKey
    hash_name: str
    """What this service signs with this key: ``sha256``, ``sha384``, ``sha512``; empty for Ed25519."""
    version: str = ""
    """The version that signs; empty where keys have none."""


class KeyService(Protocol):
    """One key in a service or module. Its errors are SigningError (or UsageError), with nothing secret in them."""

    @property
    def name(self) -> str:
        """The key's URI without secrets: for messages and records."""
        ...

    def describe(self) -> KeyInfo:
        """The key that signs now. Called once; `sign` signs with that version, whatever is rotated meanwhile."""
        ...

    def versions(self) -> tuple[str, ...]:
        """All versions, oldest first; empty where keys have none. Apart from `describe`: signing needs no right to list."""
        ...

    def public_key(self, version: str) -> SignerKey:
        """The public half of one of these versions."""
        ...

    def sign(self, data: bytes, hash_name: str) -> bytes:
        """A signature as the service gives it; the caller checks it."""
        ...

    def create(self) -> None:
        """Make a new ECDSA P-256 key under that name; UsageError when there is one, or when the service cannot."""
        ...
