"""Public keys: what may sign, and whether it signed this.

P-256, P-384, P-521, RSA of 2048 to 8192 bits (PKCS #1 v1.5 or PSS) and Ed25519; the hash follows from the key (Sigstore's
algorithm registry), with SHA-256 as second try for the big curves, because older signers used it with every curve.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from gate.errors import ConfigError

Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

HASHES: Final[dict[str, type[hashes.SHA256] | type[hashes.SHA384] | type[hashes.SHA512]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_CURVES: Final = {"secp256r1": ("sha256", 32), "secp384r1": ("sha384", 48), "secp521r1": ("sha512", 66)}
"""Curve: the registry's hash, and the bytes of one coordinate."""
_RSA_BITS: Final = range(2048, 8193)
"""Below is weak; above costs whoever verifies more than anybody needs."""


@dataclasses.dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that can verify. Two are equal when their SubjectPublicKeyInfo is."""

    key: Key = dataclasses.field(compare=False, repr=False)
    spki: bytes = dataclasses.field(repr=False)
    """DER SubjectPublicKeyInfo (RFC 5280 4.1)."""

    @property
    def key_id(self) -> str:
        """``sha256:<hex>`` of the DER SubjectPublicKeyInfo."""
        return "sha256:" + hashlib.sha256(self.spki).hexdigest()

    @property
    def pem(self) -> bytes:
        """PEM SubjectPublicKeyInfo, as ``cosign.pub`` holds it."""
        return self.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature is this key's over the bytes. Ed25519 and, for messages that were hashed first, Ed25519ph."""
        if isinstance(self.key, ed25519.Ed25519PublicKey):
            return _ed25519(self.key, signature, data) or _ed25519ph(self.key, signature, data)
        return any(self.verify_digest(signature, name, hashlib.new(name, data).digest()) for name in self.hash_names)

    def verify_digest(self, signature: bytes, algorithm: str, digest: bytes) -> bool:
        """Whether the signature is this key's over a message with that digest (``sha256``, ``sha384`` or ``sha512``).

        Ed25519 cannot be checked from a digest: always False.
        """
        hash_type = HASHES.get(algorithm)
        if hash_type is None or len(digest) != hash_type.digest_size:
            return False
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            return _ecdsa(self.key, signature, hash_type(), digest)
        if isinstance(self.key, rsa.RSAPublicKey):
            return _rsa(self.key, signature, hash_type(), digest)
        return False

    @property
    def hash_names(self) -> tuple[str, ...]:
        """Hashes that the key signs, the registry's first (9); none for Ed25519, which takes the message whole."""
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            return tuple(dict.fromkeys((_CURVES[self.key.curve.name][0], "sha256")))
        return ("sha256",) if isinstance(self.key, rsa.RSAPublicKey) else ()


def load_public_key(data: bytes) -> PublicKey:
    """A key from PEM or DER SubjectPublicKeyInfo; raises ConfigError for anything else, certificates and private keys too."""
    for marker, thing in ((b"PRIVATE KEY-----", "a private key"), (b"BEGIN CERTIFICATE-----", "a certificate")):
        if marker in data:
            raise ConfigError(
                f"a public key was expected and {thing} was given",
                why="a certificate names an identity that a trusted root must vouch for; a key stands for itself",
                fix="give the public key (cosign.pub), or use an identity with a trusted root",
            )
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            key = serialization.load_pem_public_key(data.strip() + b"\n")
        else:
            key = serialization.load_der_public_key(data)
        return wrap(key)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            f"the public key cannot be used: {error}",
            why="keys are P-256, P-384, P-521, RSA of 2048 to 8192 bits or Ed25519, as PEM or DER SubjectPublicKeyInfo",
            fix="export it with `cosign public-key --key …` or `openssl pkey -pubout`",
        ) from error


def wrap(key: object) -> PublicKey:
    """The key of a certificate or trusted root; raises ValueError for a kind or size that is not accepted."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise ValueError(f"the curve {key.curve.name} is not accepted")
    elif isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_BITS:
            raise ValueError(f"RSA with {key.key_size} bits is not accepted")
    elif not isinstance(key, ed25519.Ed25519PublicKey):
        raise ValueError(f"{type(key).__name__} is not accepted")
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key=key, spki=spki)


def _ecdsa(key: ec.EllipticCurvePublicKey, signature: bytes, hash_: hashes.HashAlgorithm, digest: bytes) -> bool:
    """DER, or IEEE P1363 ``r||s`` as PKCS#11 and some cloud signers write it, told apart by length; both are tried."""
    algorithm = ec.ECDSA(Prehashed(hash_))
    candidates = [signature]
    size = _CURVES[key.curve.name][1]
    if len(signature) == 2 * size:
        candidates.append(encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")))
    for candidate in candidates:
        try:
            key.verify(candidate, digest, algorithm)
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def _rsa(key: rsa.RSAPublicKey, signature: bytes, hash_: hashes.HashAlgorithm, digest: bytes) -> bool:
    """PKCS #1 v1.5, or PSS with the same hash in its mask and any length of salt: neither form can be made from the other."""
    for form in (padding.PKCS1v15(), padding.PSS(mgf=padding.MGF1(hash_), salt_length=padding.PSS.AUTO)):
        try:
            key.verify(signature, digest, form, Prehashed(hash_))
        except (InvalidSignature, ValueError):
            continue
        return True
    return False


def _ed25519(key: ed25519.Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ed25519ph(key: ed25519.Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """RFC 8032 Ed25519ph without a context, cosign's form for Ed25519 keys in ``hashedrekord`` entries."""
    from nacl import bindings
    from nacl.exceptions import CryptoError

    if len(signature) != bindings.crypto_sign_BYTES:
        return False
    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, data)
    try:
        return bool(bindings.crypto_sign_ed25519ph_final_verify(state, signature, key.public_bytes_raw()))
    except CryptoError:
        return False
