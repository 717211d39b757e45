"""Opening a signing key by cosign's URI forms, and the signatures it makes."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from gate.errors import SigningError, UsageError
from gate.sign import keyfile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(pkcs11):")
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_RSA_BITS = 2048


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


class Signer(Protocol):
    """One key that signs; `sign` raises SigningError and returns only what verifies under `public_key`."""

    @property
    def public_key(self) -> SignerKey: ...

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`: DER for ECDSA and PKCS#1 v1.5 for RSA, both over SHA-256; 64 bytes for Ed25519."""
        ...


class LocalSigner:
    """A private key in memory: ECDSA on P-256, P-384 or P-521, RSA of 2048 bits and more, or Ed25519."""

    def __init__(self, key: PrivateKeyTypes, name: str) -> None:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        self._name = name
        self._key = key
        # SHA-256 with every curve: cosign verifies envelopes under a key file with nothing else, whatever the curve
        self._hash = hashes.SHA256()
        if not (
            (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES)
            or (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _RSA_BITS)
            or isinstance(key, ed25519.Ed25519PrivateKey)
        ):
            kind = type(key).__name__.lstrip("_").removesuffix("PrivateKey")
            size = f" of {key.key_size} bits" if hasattr(key, "key_size") else ""
            raise SigningError(
                f"{name}: a key of kind {kind}{size} is not one that the gate signs with",
                why="it signs with ECDSA on P-256, P-384 and P-521, with RSA from 2048 bits, and with Ed25519",
                fix="make a key pair with `gate keys generate`",
            )
        encode = key.public_key().public_bytes
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public_key = SignerKey(pem=encode(serialization.Encoding.PEM, info), der=encode(serialization.Encoding.DER, info))

    def sign(self, data: bytes) -> bytes:
        """See `Signer`. Each signature is verified before it is returned, so that no bad one is ever published."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        try:
            signature = self._sign(data)
            self._verify(signature, data)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
            raise SigningError(
                f"{self._name}: the key made a signature that does not verify ({type(error).__name__})",
                why="every signature is checked before it leaves the gate",
                fix="the key file or the machine is damaged; sign elsewhere and compare",
            ) from None
        return signature

    def _sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(self._hash))
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), self._hash)
        assert isinstance(self._key, ed25519.Ed25519PrivateKey)  # __init__ admits no fourth type
        return self._key.sign(data)

    def _verify(self, signature: bytes, data: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        key = load_der_public_key(self.public_key.der)  # the published half, not the one derived inside the private key
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(self._hash))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), self._hash)
        else:
            assert isinstance(key, ed25519.Ed25519PublicKey)  # __init__ admits no fourth type
            key.verify(signature, data)


def open_signer(uri: str, environ: Mapping[str, str]) -> Signer:
    """The signer named by `uri`: a key file's path or ``env://VARIABLE`` holding the text of one.

    Raises UsageError for an empty name; SigningError for a key service (not in this version), an unreadable file, a wrong
    password, or a kind of key that the gate does not sign with.
    """
    if not uri:
        raise UsageError("no signing key is named", fix="name a key file, or env://VARIABLE")
    scheme = _SCHEME.match(uri)
    if scheme is None:
        return LocalSigner(keyfile.load(_read(uri), environ, uri), uri)
    if scheme[1] == "env":
        variable = uri.removeprefix("env://")
        text = environ.get(variable)
        if not text:
            raise SigningError(f"{uri}: the variable is not set or is empty", fix=f"put the text of the key file into {variable}")
        return LocalSigner(keyfile.load(os.fsencode(text), environ, uri), uri)
    raise SigningError(
        f"{scheme[1] or scheme[2]}: this version cannot sign with a key of this kind",
        why="it opens key files and env://VARIABLE only; a key that cannot be opened is never replaced by another",
        fix="use a key file made by `gate keys generate` or `cosign generate-key-pair`, or env://VARIABLE",
    )


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", opener=_no_wait) as file:  # Path.open takes no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SigningError(f"{path}: not a file", fix="name a key file, or env://VARIABLE")
            return file.read(keyfile.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SigningError(
            f"{path}: the signing key cannot be read: {reason}", fix="name a key file, or make one with `gate keys generate`"
        ) from None


def _no_wait(path: str, flags: int) -> int:
    """Open without waiting for the other end, were the path a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)
