"""Google Cloud KMS: ``gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/versions/N]`` (or ``/cryptoKeyVersions/N``).

Credentials are the application default ones. Without a version, the newest enabled one signs. The CRC32C sums of the API
are not used: a signature that was damaged on its way does not verify here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gate.errors import SigningError, UsageError
from gate.sign import publickey
from gate.sign.interface import KeyInfo
from gate.sign.publickey import SignerKey
from gate.sign.service import TIMEOUT_S, bad_uri, digest, guarded, load_extra

_PART = r"[A-Za-z0-9_-]{1,63}"
_URI = re.compile(
    rf"gcpkms://(?P<ring>projects/(?P<project>[a-z0-9.:-]+)/locations/{_PART}/keyRings/{_PART})/cryptoKeys/(?P<key>{_PART})"
    r"(?:/(?:cryptoKeyVersions|versions)/(?P<version>[1-9]\d{0,8}))?"
)
_FORM = "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K, with /versions/N at the end to fix the version"
_HASHES = {
    "EC_SIGN_P256_SHA256": "sha256",
    "EC_SIGN_P384_SHA384": "sha384",
    "RSA_SIGN_PKCS1_2048_SHA256": "sha256",
    "RSA_SIGN_PKCS1_3072_SHA256": "sha256",
    "RSA_SIGN_PKCS1_4096_SHA256": "sha256",
    "EC_SIGN_ED25519": "",
}


def open_key(uri: str, environ: Mapping[str, str]) -> GcpKey:
    """The key that the URI names; UsageError for a malformed one, SigningError without the extra ``gcp``."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise bad_uri(uri, "it is not the full resource name of a key", _FORM)
    kms = load_extra("google.cloud.kms_v1", "gcp", uri)
    with guarded(uri, "preparing the client", fix="gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS"):
        client = connect(kms)
    return GcpKey(uri, found["ring"], found["key"], found["version"] or "", client)


def connect(kms: Any) -> Any:
    """The client; apart, so that it can be pointed at another server."""
    return kms.KeyManagementServiceClient()


class GcpKey:
    """A Cloud KMS key; see `gate.sign.interface.KeyService`."""

    def __init__(self, uri: str, ring: str, key: str, version: str, client: Any) -> None:
        self.name = uri
        self._ring = ring
        self._id = key
        self._version = version
        self._client = client

    @property
    def _path(self) -> str:
        return f"{self._ring}/cryptoKeys/{self._id}"

    def describe(self) -> KeyInfo:
        if not self._version:
            versions = self.versions()
            if not versions:
                raise SigningError(
                    f"{self.name}: the key has no enabled version", fix="enable or create one: gcloud kms keys versions create"
                )
            self._version = versions[-1]
        key, algorithm = self._read(self._version)
        if algorithm not in _HASHES:
            raise publickey.refused_kind(algorithm, self.name)
        return KeyInfo(key, _HASHES[algorithm], self._version)

    def versions(self) -> tuple[str, ...]:
        with guarded(self.name, "listing the versions of the key"):
            request = {"parent": self._path, "filter": "state=ENABLED"}
            found = [item.name for item in self._client.list_crypto_key_versions(request=request, timeout=TIMEOUT_S)]
            return tuple(sorted((name.rpartition("/")[2] for name in found), key=int))

    def _read(self, version: str) -> tuple[SignerKey, str]:
        wanted = f"{self._path}/cryptoKeyVersions/{version}"
        with guarded(self.name, "reading the public key"):
            answer = self._client.get_public_key(request={"name": wanted}, timeout=TIMEOUT_S)
            pem, algorithm, name = str(answer.pem), str(answer.algorithm.name), str(answer.name)
        if name != wanted:
            raise SigningError(f"{self.name}: the service answered about another key", fix="check the endpoint")
        return publickey.parse(pem.encode(), self.name), algorithm

    def public_key(self, version: str) -> SignerKey:
        return self._read(version)[0]

    def sign(self, data: bytes, hash_name: str) -> bytes:
        content = {"digest": {hash_name: digest(data, hash_name)}} if hash_name else {"data": data}
        request = {"name": f"{self._path}/cryptoKeyVersions/{self._version}", **content}
        with guarded(self.name, "signing"):
            return bytes(self._client.asymmetric_sign(request=request, timeout=TIMEOUT_S).signature)

    def create(self) -> None:
        if self._version:
            raise UsageError(f"{self.name}: Google numbers the versions", fix="leave the version out to make a key")
        template = {"purpose": "ASYMMETRIC_SIGN", "version_template": {"algorithm": "EC_SIGN_P256_SHA256"}}
        request = {"parent": self._ring, "crypto_key_id": self._id, "crypto_key": template}
        exists = load_extra("google.api_core.exceptions", "gcp", self.name).AlreadyExists
        with guarded(self.name, "making the key"):
            try:
                self._client.create_crypto_key(request=request, timeout=TIMEOUT_S)
            except exists:
                raise UsageError(
                    f"{self.name}: there is such a key", fix="choose another name, or use the key as it is"
                ) from None
