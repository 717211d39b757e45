"""The encrypted key file of cosign: PEM around JSON with scrypt and XSalsa20-Poly1305 (nacl secretbox).

The format is go-securesystemslib's ``encrypted`` package; the plaintext is a DER PKCS#8 private key. Only the scrypt costs
that go-securesystemslib accepts are accepted here, so that a key file cannot choose how much memory its reader spends.
Neither scrypt nor secretbox is approved by FIPS 140; under such a mode use an encrypted PKCS#8 file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import Any

import msgspec

from gate.errors import SigningError

LABEL = "ENCRYPTED SIGSTORE PRIVATE KEY"
LABELS = (LABEL, "ENCRYPTED COSIGN PRIVATE KEY")
"""cosign writes the first since 2.0 and reads both."""
COSTS = frozenset({(32768, 8, 1), (65536, 8, 1), (131072, 8, 1)})
"""Allowed (N, r, p); 128 * N * r bytes of memory each."""
NEW_COST = (65536, 8, 1)
_MAX_MEMORY = 256 * 1024 * 1024
_NONCE_BYTES = 24
_SALT_BYTES = 32


class _Params(msgspec.Struct):
    N: int
    r: int
    p: int


class _Kdf(msgspec.Struct):
    name: str
    params: _Params
    salt: str


class _Cipher(msgspec.Struct):
    name: str
    nonce: str


class _File(msgspec.Struct):
    kdf: _Kdf
    cipher: _Cipher
    ciphertext: str


def encrypt(der: bytes, password: bytes) -> bytes:
    """The PEM text of a cosign key file that holds the PKCS#8 key `der`."""
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    n, r, p = NEW_COST
    box = _secret_box(_derive(password, salt, NEW_COST))
    sealed: bytes = box.encrypt(der, nonce).ciphertext
    document = _File(
        kdf=_Kdf(name="scrypt", params=_Params(N=n, r=r, p=p), salt=_b64(salt)),
        cipher=_Cipher(name="nacl/secretbox", nonce=_b64(nonce)),
        ciphertext=_b64(sealed),
    )
    body = _b64(msgspec.json.encode(document))
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {LABEL}-----", *lines, f"-----END {LABEL}-----", ""]).encode()


def decrypt(body: bytes, password: bytes, name: str) -> bytes:
    """The PKCS#8 DER inside the JSON `body` of a cosign key file; `name` is what messages call the file.

    Raises SigningError for a malformed file, for costs outside `COSTS`, and for a wrong password.
    """
    try:
        document = msgspec.json.decode(body, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(name, str(error)) from None
    cost = (document.kdf.params.N, document.kdf.params.r, document.kdf.params.p)
    if document.kdf.name != "scrypt" or document.cipher.name != "nacl/secretbox":
        raise _malformed(name, f"it names {document.kdf.name!r} and {document.cipher.name!r}, not scrypt and nacl/secretbox")
    if cost not in COSTS:
        raise SigningError(
            f"{name}: scrypt costs N={cost[0]} r={cost[1]} p={cost[2]} are not among those that cosign uses",
            why="a key file may not choose how much memory and time its reader spends",
            fix="write the key anew with `gate keys generate` or `cosign import-key-pair`",
        )
    salt, nonce = _unb64(document.kdf.salt, name), _unb64(document.cipher.nonce, name)
    ciphertext = _unb64(document.ciphertext, name)
    if len(nonce) != _NONCE_BYTES:
        raise _malformed(name, f"its nonce has {len(nonce)} bytes, not {_NONCE_BYTES}")
    box = _secret_box(_derive(password, salt, cost))
    from nacl.exceptions import CryptoError

    try:
        plain: bytes = box.decrypt(ciphertext, nonce)
    except CryptoError:
        raise SigningError(
            f"{name}: the password does not open this key",
            why="decryption failed its integrity check: the password is another one, or the file was changed",
            fix="set COSIGN_PASSWORD to the password the key was made with",
        ) from None
    return plain


def _derive(password: bytes, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    try:
        return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, dklen=32, maxmem=_MAX_MEMORY)
    except (ValueError, AttributeError, MemoryError) as error:
        raise SigningError(
            f"scrypt is not to be had here: {error}",
            why="a cosign key file is encrypted with scrypt, which this Python's OpenSSL refuses (it does in FIPS mode)",
            fix="use an encrypted PKCS#8 key file instead",
        ) from None


def _secret_box(key: bytes) -> Any:
    from nacl.secret import SecretBox  # 20 ms that only key files need

    return SecretBox(key)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(name, "it holds text that is not base64") from None


def _malformed(name: str, why: str) -> SigningError:
    return SigningError(f"{name}: not a cosign key file: {why}", fix="make a key pair with `gate keys generate`")
