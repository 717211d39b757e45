"""Azure Key Vault and Managed HSM: ``azurekms://VAULT.vault.azure.net/KEY[/VERSION]``.

Credentials are those of ``DefaultAzureCredential``: environment, workload identity, managed identity, ``az login``. Without a
version, the current one signs. Azure signs ECDSA with the hash of the curve only, and answers ``r || s``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gate.errors import UsageError
from gate.sign import publickey
from gate.sign.interface import KeyInfo
from gate.sign.publickey import SignerKey
from gate.sign.service import TIMEOUT_S, bad_uri, digest, guarded, load_extra

_URI = re.compile(
    r"azurekms://(?P<vault>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?)/(?P<key>[A-Za-z0-9-]{1,127})(?:/(?P<version>[0-9a-f]{32}))?"
)
_FORM = "azurekms://VAULT.vault.azure.net/KEY, with /VERSION (32 hexadecimal digits) at the end to fix the version"
_ECDSA = {"sha256": "ES256", "sha384": "ES384", "sha512": "ES512"}


def open_key(uri: str, environ: Mapping[str, str]) -> AzureKey:
    """The key that the URI names; UsageError for a malformed one, SigningError without the extra ``azure``."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise bad_uri(uri, "it is not a vault's host name, a key and perhaps a version", _FORM)
    load_extra("azure.keyvault.keys", "azure", uri)
    identity = load_extra("azure.identity", "azure", uri)
    with guarded(uri, "preparing the client"):
        credential, options = connect(identity)
    return AzureKey(uri, f"https://{found['vault']}", found["key"], found["version"], credential, options)


def connect(identity: Any) -> tuple[Any, dict[str, Any]]:
    """The credential and the clients' options; apart, so that they can be pointed at another server."""
    return identity.DefaultAzureCredential(), {"connection_timeout": TIMEOUT_S, "read_timeout": TIMEOUT_S}


class AzureKey:
    """A Key Vault key; see `gate.sign.interface.KeyService`."""

    def __init__(self, uri: str, vault: str, key: str, version: str | None, credential: Any, options: Mapping[str, Any]) -> None:
        self.name = uri
        self._id = key
        self._wanted = version
        self._credential = credential
        self._options = options
        keys = load_extra("azure.keyvault.keys", "azure", uri)
        self._client = keys.KeyClient(vault_url=vault, credential=credential, **options)
        self._key: Any = None

    def describe(self) -> KeyInfo:
        key, version = self._read(self._wanted)
        return KeyInfo(key, key.registry_hash, version)

    def versions(self) -> tuple[str, ...]:
        with guarded(self.name, "listing the versions of the key"):
            listed = [item for item in self._client.list_properties_of_key_versions(self._id) if item.enabled]
            return tuple(str(item.version) for item in sorted(listed, key=lambda item: item.created_on))

    def _read(self, version: str | None) -> tuple[SignerKey, str]:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        with guarded(self.name, "reading the public key"):
            found = self._client.get_key(self._id, version)
            jwk, kind = found.key, str(found.key.kty.value if hasattr(found.key.kty, "value") else found.key.kty)
            public: object = None
            if kind in ("EC", "EC-HSM"):
                curve = str(jwk.crv.value if hasattr(jwk.crv, "value") else jwk.crv)
                curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
                if curve in curves:
                    x, y = int.from_bytes(jwk.x, "big"), int.from_bytes(jwk.y, "big")
                    public = ec.EllipticCurvePublicNumbers(x, y, curves[curve]).public_key()
                kind = f"{kind} {curve}"
            elif kind in ("RSA", "RSA-HSM"):
                public = rsa.RSAPublicNumbers(int.from_bytes(jwk.e, "big"), int.from_bytes(jwk.n, "big")).public_key()
            number = str(found.properties.version)
        if public is None:
            raise publickey.refused_kind(kind, self.name)
        if self._key is None:
            self._key = found
        return publickey.of(public, self.name), number

    def public_key(self, version: str) -> SignerKey:
        return self._read(version)[0]

    def sign(self, data: bytes, hash_name: str) -> bytes:
        crypto = load_extra("azure.keyvault.keys.crypto", "azure", self.name)
        with guarded(self.name, "signing"):
            algorithm = crypto.SignatureAlgorithm(self._algorithm(hash_name))
            # the key itself, with its version: asking by name could give another version
            client = crypto.CryptographyClient(self._key, self._credential, **self._options)
            return bytes(client.sign(algorithm, digest(data, hash_name)).signature)

    def _algorithm(self, hash_name: str) -> str:
        ec_key = getattr(self._key.key, "x", None) is not None
        return _ECDSA[hash_name] if ec_key else "RS256"

    def create(self) -> None:
        if self._wanted:
            raise UsageError(f"{self.name}: Azure chooses the versions", fix="leave the version out to make a key")
        missing = load_extra("azure.core.exceptions", "azure", self.name).ResourceNotFoundError
        with guarded(self.name, "making the key"):
            try:
                self._client.get_key(self._id)
            except missing:
                self._client.create_ec_key(self._id, curve="P-256", key_operations=["sign", "verify"])
                return
        raise UsageError(f"{self.name}: there is such a key", fix="choose another name, or use the key as it is")
