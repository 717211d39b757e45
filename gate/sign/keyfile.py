"""Private keys as files: cosign's encrypted form and PEM PKCS#8, SEC 1 and PKCS#1. Made, read and written here."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import SigningError, UsageError
from gate.sign import cosignkey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PASSWORD_VARIABLE = "COSIGN_PASSWORD"  # noqa: S105  # the name of a variable, not a password
MAX_BYTES = 64 * 1024
"""A private key file; the largest RSA key in use has 13 kB of PEM."""
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s+(.*?)-----END \1-----", re.DOTALL)
_CLEAR = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")


def generate(password: bytes) -> tuple[bytes, bytes]:
    """A new ECDSA P-256 key: the private key as a cosign key file under `password`, the public key as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return cosignkey.encrypt(der, password), public


def write_pair(prefix: Path, private: bytes, public: bytes) -> tuple[Path, Path]:
    """Write ``<prefix>.key`` (mode 0600) and ``<prefix>.pub``; never over an existing file, and both or neither.

    Raises UsageError when either exists, SigningError when a file cannot be written.
    """
    paths = prefix.with_name(prefix.name + ".key"), prefix.with_name(prefix.name + ".pub")
    made: list[Path] = []
    try:
        for path, data, mode in ((paths[0], private, 0o600), (paths[1], public, 0o644)):
            # O_EXCL follows no symbolic link and never opens what is there: a key cannot be lost by making another
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            made.append(path)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise UsageError(
                f"{path} exists",
                why="a key that is overwritten is lost, and with it everything that only it could sign for",
                fix="choose another name, or move the old file away",
            ) from None
        raise SigningError(f"{path} cannot be written: {error.strerror}") from None
    return paths


def load(data: bytes, environ: Mapping[str, str], name: str) -> PrivateKeyTypes:
    """The private key in `data`, a cosign key file or PEM; encrypted ones are opened with ``COSIGN_PASSWORD``.

    `name` is what messages call the file. Raises SigningError with the reason when there is no usable key.
    """
    if len(data) > MAX_BYTES:
        raise SigningError(f"{name}: too large for a private key (more than {MAX_BYTES} bytes)")
    blocks = _PEM.findall(data)
    labels = [label.decode() for label, _ in blocks]
    usable = [(label, body) for label, body in blocks if label.decode() in (*cosignkey.LABELS, *_CLEAR, "ENCRYPTED PRIVATE KEY")]
    if len(usable) != 1:
        raise _no_key(name, labels)
    label, body = usable[0][0].decode(), usable[0][1]
    if label in cosignkey.LABELS:
        try:
            document = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            raise SigningError(f"{name}: the body of the key file is not base64", fix="restore the file from a copy") from None
        return _from_der(cosignkey.decrypt(document, _password(environ, name), name), name)
    return _from_pem(data, _password(environ, name) if label == "ENCRYPTED PRIVATE KEY" else None, name)


def _no_key(name: str, labels: list[str]) -> SigningError:
    if labels and all(label in ("PUBLIC KEY", "CERTIFICATE") for label in labels):
        return SigningError(f"{name}: this is a {labels[0].lower()}, which cannot sign", fix="name the private key file")
    found = ", ".join(labels) if labels else "no PEM block"
    return SigningError(
        f"{name}: exactly one private key is needed; the file holds: {found}",
        fix="use a key made by `gate keys generate`, `cosign generate-key-pair` or `openssl genpkey`",
    )


def _password(environ: Mapping[str, str], name: str) -> bytes:
    text = environ.get(PASSWORD_VARIABLE)
    if text is None:
        raise SigningError(
            f"{name}: the key is encrypted and {PASSWORD_VARIABLE} is not set",
            fix=f"set {PASSWORD_VARIABLE} in the environment (it may be empty)",
        )
    return os.fsencode(text)


def _from_der(der: bytes, name: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        return load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SigningError(f"{name}: opened, but what is inside is not a PKCS#8 private key: {error}") from None


def _from_pem(data: bytes, password: bytes | None, name: str) -> PrivateKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        fix = f"set {PASSWORD_VARIABLE} to the password the key was made with" if password is not None else ""
        raise SigningError(f"{name}: the private key cannot be read: {error}", fix=fix) from None
