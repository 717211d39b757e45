"""What one X.509 certificate (RFC 5280) or key says of itself; the same bytes are taken apart once.

1. A name in a certificate is text of whoever made it; nothing is verified here.
2. Nothing that needs a password is tried: the number of iterations is chosen by whoever made the file.
3. What a library does not know is named by its OID or left empty, never taken for something good.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import warnings
from typing import Any

import msgspec

_NAME = 500
_LIMIT = 64 * 1024
"""Bytes of one certificate; real ones have two to four thousand."""
_BY_OID = {
    "2.16.840.1.101.3.4.3.17": "ml-dsa-44",
    "2.16.840.1.101.3.4.3.18": "ml-dsa-65",
    "2.16.840.1.101.3.4.3.19": "ml-dsa-87",
}
_SLH = "2.16.840.1.101.3.4.3."


class CertificateDetail(msgspec.Struct, frozen=True, gc=False):
    """One certificate, as far as it could be read."""

    fingerprint: str
    subject: str
    issuer: str
    serial: str
    key: str
    bits: int | None
    curve: str
    signature_hash: str
    not_before: datetime.datetime
    not_after: datetime.datetime
    authority: bool | None
    """``cA`` of the basic constraints; None without them."""
    self_issued: bool
    spki: str
    """SHA-256 of the public key, to find its private half; empty when unreadable."""


class KeyDetail(msgspec.Struct, frozen=True, gc=False):
    """One key. ``key``: ``rsa``, ``ec`` …; empty when it could not be told."""

    private: bool
    key: str
    bits: int | None
    curve: str
    encrypted: bool | None
    spki: str = ""


def certificate(der: bytes) -> CertificateDetail | None:
    """What a certificate says; None for what is none."""
    return _certificate(der) if 0 < len(der) <= _LIMIT else None


@functools.lru_cache(maxsize=4096)
def _certificate(der: bytes) -> CertificateDetail | None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old roots have odd serial numbers and encodings
            cert = x509.load_der_x509_certificate(der)
            start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
            try:
                subject, issuer = cert.subject.rfc4514_string(), cert.issuer.rfc4514_string()
                self_issued = cert.subject == cert.issuer
            except ValueError:
                subject = issuer = ""
                self_issued = False
            try:
                found = cert.signature_hash_algorithm
                hashed = found.name if found is not None else ""
            except UnsupportedAlgorithm:
                hashed = f"oid:{cert.signature_algorithm_oid.dotted_string}"
            authority: bool | None
            try:
                authority = cert.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
            except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
                authority = None
            key, bits, curve, spki = _public(cert)
            serial = f"{cert.serial_number:x}"
    except (ValueError, TypeError, OverflowError):
        return None
    return CertificateDetail(
        fingerprint=f"sha256:{hashlib.sha256(der).hexdigest()}",
        subject=subject[:_NAME],
        issuer=issuer[:_NAME],
        serial=serial[:_NAME],
        key=key,
        bits=bits,
        curve=curve,
        signature_hash=hashed,
        not_before=start,
        not_after=end,
        authority=authority,
        self_issued=self_issued,
        spki=spki,
    )


def _public(cert: Any) -> tuple[str, int | None, str, str]:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return of_key(cert.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        oid = cert.public_key_algorithm_oid.dotted_string
        if oid.startswith(_SLH) and oid.rpartition(".")[2].isdigit() and 20 <= int(oid.rpartition(".")[2]) <= 31:
            return "slh-dsa", None, "", ""
        return _BY_OID.get(oid, f"oid:{oid}"), None, "", ""


def of_key(key: Any) -> tuple[str, int | None, str, str]:
    """Family, bits, curve and SPKI digest of a public key object of `cryptography`."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = f"sha256:{hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()}"
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa", key.key_size, "", spki
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ec", key.curve.key_size, key.curve.name, spki
    if isinstance(key, dsa.DSAPublicKey):
        return "dsa", key.key_size, "", spki
    name = type(key).__name__.removesuffix("PublicKey").lstrip("_").casefold()
    return name.replace("mldsa", "ml-dsa-"), None, "", spki


def private_pem(block: bytes, label: str, encrypted: bool | None) -> KeyDetail:
    """A private key in PEM; ``label`` is that of the block in lower case."""
    if label == "openssh private key":
        return _openssh(block, encrypted)
    family = label.removesuffix("private key").strip()
    family = family if family in {"rsa", "ec", "dsa"} else ""
    if encrypted is not False:
        return KeyDetail(True, family, None, "", encrypted)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(block, None, unsafe_skip_rsa_key_validation=True)
        return KeyDetail(True, *_split(of_key(key.public_key()), encrypted))
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        return KeyDetail(True, family, None, "", encrypted)


def public_pem(block: bytes) -> KeyDetail:
    """A public key in PEM."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return KeyDetail(False, *_split(of_key(load_pem_public_key(block)), None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return KeyDetail(False, "", None, "", None)


def _split(made: tuple[str, int | None, str, str], encrypted: bool | None) -> tuple[str, int | None, str, bool | None, str]:
    family, bits, curve, spki = made
    return family, bits, curve, encrypted, spki


def _openssh(block: bytes, encrypted: bool | None) -> KeyDetail:
    """The public half stands in clear before the sealed one (OpenSSH PROTOCOL.key)."""
    import base64
    import binascii

    body = b"".join(line for line in block.splitlines() if not line.startswith(b"-----"))
    try:
        data = base64.b64decode(body)
    except binascii.Error:
        return KeyDetail(True, "", None, "", encrypted)
    if not data.startswith(b"openssh-key-v1\0"):
        return KeyDetail(True, "", None, "", encrypted)
    rest = data[15:]
    for _ in range(3):
        _, rest = _field(rest)
    blob, _ = _field(rest[4:])
    made = ssh_blob(blob)
    return KeyDetail(True, made.key, made.bits, made.curve, encrypted, made.spki)


def ssh_blob(blob: bytes) -> KeyDetail:
    """A public key in SSH's own encoding (RFC 4253, section 6.6)."""
    name, rest = _field(blob)
    kind = name.decode("ascii", "replace")
    if kind == "ssh-rsa":
        _, rest = _field(rest)
        modulus, _ = _field(rest)
        return KeyDetail(False, "rsa", int.from_bytes(modulus[:8192], "big").bit_length() or None, "", None)
    if kind == "ssh-dss":
        prime, _ = _field(rest)
        return KeyDetail(False, "dsa", int.from_bytes(prime[:8192], "big").bit_length() or None, "", None)
    for size in (256, 384, 521):
        if kind.endswith(f"nistp{size}") or f"nistp{size}@" in kind:
            return KeyDetail(False, "ec", size, f"secp{size}r1", None)
    return KeyDetail(False, "ed25519" if "ed25519" in kind else "", None, "", None)


def _field(data: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[:4], "big")
    return data[4 : 4 + size], data[4 + size :]
