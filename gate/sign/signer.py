"""Opening a signing key by cosign's URI forms. Nothing is imported here for a kind of key that is not asked for."""

from __future__ import annotations

import importlib
import os
import re
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gate.errors import SigningError, UsageError
from gate.sign import keyfile, publickey
from gate.sign.interface import KeyService, Signer
from gate.sign.publickey import SignerKey
from gate.sign.service import ServiceSigner, redact

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["SERVICES", "LocalSigner", "Signer", "SignerKey", "open_service", "open_signer"]

SERVICES = {
    "awskms": "gate.sign.backends.aws",
    "azurekms": "gate.sign.backends.azure",
    "gcpkms": "gate.sign.backends.gcp",
    "hashivault": "gate.sign.backends.vault",
    "openbao": "gate.sign.backends.vault",
    "pkcs11": "gate.sign.backends.pkcs11",
}
"""Scheme: the module whose ``open_key(uri, environ)`` gives the `KeyService`."""
KEYLESS = "keyless"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(pkcs11):")


class LocalSigner:
    """A private key in memory: ECDSA on P-256, P-384 or P-521, RSA of 2048 bits and more, or Ed25519."""

    def __init__(self, key: PrivateKeyTypes, name: str) -> None:
        self._name = name
        self._key = key
        self.public_key = publickey.of(key.public_key(), name)
        # SHA-256 with every curve: cosign verifies envelopes under a key file with nothing else, whatever the curve
        self._hash = publickey.hash_of("sha256")

    def sign(self, data: bytes) -> bytes:
        """See `Signer`. Each signature is verified before it is returned, so that no bad one is ever published."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        try:
            signature = self._sign(data)
            self.public_key.verify(signature, data, "sha256")
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


def open_signer(uri: str, environ: Mapping[str, str]) -> Signer:
    """The signer named by `uri`: a key file's path, ``env://VARIABLE`` holding the text of one, or the URI of a key service.

    ``keyless://`` gives a signer that makes bundles only (`BundleSigner`). Raises UsageError for an empty name or a malformed
    URI; SigningError for an unknown kind of key, an unreadable file, a wrong password, a missing extra, a service that does not
    answer, or a kind of key that the gate does not sign with.
    """
    if not uri:
        raise UsageError("no signing key is named", fix="name a key file, env://VARIABLE, or the URI of a key service")
    scheme = scheme_of(uri)
    if scheme == "":
        return LocalSigner(keyfile.load(_read(uri), environ, uri), uri)
    if scheme == "env":
        variable = uri.removeprefix("env://")
        text = environ.get(variable)
        if not text:
            raise SigningError(f"{uri}: the variable is not set or is empty", fix=f"put the text of the key file into {variable}")
        return LocalSigner(keyfile.load(os.fsencode(text), environ, uri), uri)
    if scheme == KEYLESS:
        from gate.sign.backends.keyless import KeylessSigner

        return KeylessSigner(uri, environ)
    return ServiceSigner(open_service(uri, environ))


def open_service(uri: str, environ: Mapping[str, str]) -> KeyService:
    """The key in a key service, not yet asked for anything; raises as `open_signer` does."""
    scheme = scheme_of(uri)
    if scheme not in SERVICES:
        raise SigningError(
            f"{scheme or redact(uri)}: this version cannot sign with a key of this kind",
            why="it opens key files, env://VARIABLE, "
            + ", ".join(SERVICES)
            + " and keyless; a key that cannot be opened is never "
            "replaced by another",
            fix="use a key file made by `gate keys generate` or `cosign generate-key-pair`, or one of these (docs/keys.md)",
        )
    service: KeyService = importlib.import_module(SERVICES[scheme]).open_key(uri, environ)
    return service


def needs_network(uri: str) -> bool:
    """Whether signing with that key opens a connection: it does for every service, not for files, variables and modules."""
    return scheme_of(uri) in {*SERVICES, KEYLESS} - {"pkcs11"}


def scheme_of(uri: str) -> str:
    """The scheme as written, or nothing for a path: schemes are lower case, and no file is ever taken for one."""
    found = _SCHEME.match(uri)
    return (found[1] or found[2]) if found else ""


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
