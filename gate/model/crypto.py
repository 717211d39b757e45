"""Algorithms that an image is configured for, and the keys and certificates in it. Judged by policies, at ``time.now``."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Model
from gate.model.evidence import Diagnostic


class ConfiguredAlgorithm(Model, frozen=True, kw_only=True):
    """One algorithm, protocol version or mode that a configuration, or a program's own default, allows."""

    path: str
    """The file that says so; the program's where its default holds."""
    layer: str
    scope: Literal["sshd", "ssh", "tls", "crypto-policies", "jdk", "gnutls", "other"]
    setting: str
    """``Ciphers``, ``MinProtocol``, ``ssl_protocols`` …"""
    name: str
    """As it is written: ``chacha20-poly1305@openssh.com``."""
    algorithm: str
    """Key of the bundle's table of algorithms (SP 800-131A); empty when nobody knows it."""
    use: Literal["apply", "process", "both"]
    by: Literal["configured", "default", "unknown"]
    """``default``: nobody configured it and the program allows it by itself."""
    detail: str


class CryptoCertificate(Model, frozen=True, kw_only=True):
    """One X.509 certificate."""

    path: str
    layer: str
    visible: bool
    """False: a later layer deletes or replaces it."""
    role: Literal["trust_anchor", "end_entity", "intermediate", "unknown"]
    """The signature on a trust anchor is never verified, so its hash does not count."""
    subject: str
    issuer: str
    serial: str
    fingerprint: str
    """``sha256:…`` of the DER."""
    key: str
    """``rsa``, ``ec``, ``ed25519``, ``ed448``, ``dsa`` …; empty when it could not be read."""
    bits: int | None
    curve: str
    signature_hash: str
    not_before: str | None
    not_after: str | None
    expired: bool
    """At ``time.now``."""
    expires_in_s: int | None
    packaged: bool | None = None
    """Whether the distribution's package of trust anchors brings it, by the package database; null where that cannot be told."""


class CryptoKey(Model, frozen=True, kw_only=True):
    """A private or public key in a file, as far as it can be read without a password."""

    path: str
    layer: str
    visible: bool
    private: bool
    key: str
    bits: int | None
    curve: str
    encrypted: bool | None


class CbomAsset(Model, frozen=True, kw_only=True):
    """A cryptographic asset that a CycloneDX CBOM of accepted evidence names: a claim."""

    evidence: str
    name: str
    kind: str
    """``assetType``: ``algorithm``, ``certificate``, ``protocol``, ``related-crypto-material``."""
    algorithm: str
    """As in `ConfiguredAlgorithm`."""
    certification: tuple[str, ...]
    """``certificationLevel``: a claim without a certificate number."""
    locations: tuple[str, ...]


class CryptoFacts(Model, frozen=True, kw_only=True):
    """Empty until the image was looked at; ``cbom`` is filled from evidence all the same."""

    collected: bool = False
    certain: bool = False
    complete: bool = False
    algorithms: tuple[ConfiguredAlgorithm, ...] = ()
    certificates: tuple[CryptoCertificate, ...] = ()
    keys: tuple[CryptoKey, ...] = ()
    cbom: tuple[CbomAsset, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
