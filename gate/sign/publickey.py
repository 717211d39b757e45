"""The public half of a signing key, and the check that every signature passes before it leaves the gate."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

from gate.errors import SigningError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes

CURVES = {"secp256r1": ("P-256", 32, "sha256"), "secp384r1": ("P-384", 48, "sha384"), "secp521r1": ("P-521", 66, "sha512")}
"""Curve: its usual name, the bytes of one coordinate, and the hash that the algorithm registry of Sigstore pairs with it."""
RSA_BITS = 2048
"""The smallest RSA key that signs."""


@dataclasses.dataclass(frozen=True, slots=True)
class SignerKey:
    """The public half of a signing key."""

    pem: bytes
    der: bytes
    """SubjectPublicKeyInfo."""

    @property
    def key_id(self) -> str:
        """``sha256:<hex>`` of the DER SubjectPublicKeyInfo."""
        return "sha256:" + hashlib.sha256(self.der).hexdigest()

    @property
    def hint(self) -> str:
        """What cosign puts in ``verificationMaterial.publicKey.hint``: base64 of the same digest."""
        return base64.b64encode(hashlib.sha256(self.der).digest()).decode()

    @property
    def kind(self) -> str:
        """``ECDSA P-256``, ``RSA 3072``, ``Ed25519``."""
        return kind_of(_load(self.der))

    @property
    def registry_hash(self) -> str:
        """The hash that goes with the key where a service leaves no choice: by curve; ``sha256`` for RSA; empty for Ed25519."""
        key = _load(self.der)
        if hasattr(key, "curve"):
            return CURVES[key.curve.name][2]
        return "sha256" if hasattr(key, "key_size") else ""

    def normalised(self, signature: bytes) -> bytes:
        """DER of an ECDSA signature that came as ``r || s`` (IEEE P1363); any other signature as it is."""
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        key = _load(self.der)
        size = CURVES[key.curve.name][1] if hasattr(key, "curve") else 0
        # A DER signature of that very length exists, though a rare one: it starts with its own header.
        if not size or len(signature) != 2 * size or (signature[:1] == b"\x30" and self._is_der(signature)):
            return signature
        return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))

    @staticmethod
    def _is_der(signature: bytes) -> bool:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        try:
            decode_dss_signature(signature)
        except ValueError:
            return False
        return True

    def verify(self, signature: bytes, data: bytes, hash_name: str) -> None:
        """Raises InvalidSignature or ValueError of `cryptography` unless this is the key's signature; see `Signer.sign`."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

        key = _load(self.der)  # the published half, not one that a private key or a service holds
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hash_of(hash_name)))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hash_of(hash_name))
        else:
            assert isinstance(key, ed25519.Ed25519PublicKey)  # `of` admits no fourth kind
            key.verify(signature, data)


def of(key: object, name: str) -> SignerKey:
    """The public half as bytes; `name` is what messages call the key. Raises SigningError for a kind that does not sign here."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if (
        (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES)
        or (isinstance(key, rsa.RSAPublicKey) and key.key_size >= RSA_BITS)
        or isinstance(key, ed25519.Ed25519PublicKey)
    ):
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        return SignerKey(
            pem=key.public_bytes(serialization.Encoding.PEM, info), der=key.public_bytes(serialization.Encoding.DER, info)
        )
    raise refused_kind(kind_of(key), name)


def parse(data: bytes, name: str) -> SignerKey:
    """The public key that a key service gave, as PEM or DER SubjectPublicKeyInfo; raises SigningError for anything else."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

    try:
        key = load_pem_public_key(data) if data.lstrip().startswith(b"-----BEGIN") else load_der_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{name}: the service answered with something that is no public key ({type(error).__name__})",
            why="without the public key no signature can be checked, and none leaves the gate unchecked",
            fix="check that the address is that of the key service, and that the key is one for signing",
        ) from None
    return of(key, name)


def kind_of(key: Any) -> str:
    """A key's kind and size in words."""
    kind = type(key).__name__.lstrip("_").removesuffix("PublicKey").removesuffix("PrivateKey")
    if hasattr(key, "curve"):
        return "ECDSA " + (CURVES[key.curve.name][0] if key.curve.name in CURVES else str(key.curve.name))
    return f"{kind} {key.key_size}" if hasattr(key, "key_size") else kind


def refused_kind(kind: str, name: str) -> SigningError:
    """A key of a kind that the gate does not sign with."""
    return SigningError(
        f"{name}: a key of kind {kind} is not one that the gate signs with",
        why="it signs with ECDSA on P-256, P-384 and P-521, with RSA from 2048 bits (PKCS #1 v1.5), and with Ed25519",
        fix="make a key with `gate keys generate`",
    )


def hash_of(name: str) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """The hash of that name."""
    from cryptography.hazmat.primitives import hashes

    known: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]
    known = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
    return known[name]


def _load(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(der)
