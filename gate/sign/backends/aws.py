"""AWS KMS: ``awskms://[HOST]/{key id | key ARN | alias/NAME | alias ARN}``.

Credentials and region come from the environment as for every AWS client; a region in an ARN goes before. A host makes the
endpoint ``https://HOST``. Digests are sent (``MessageType=DIGEST``), because KMS takes no message over 4,096 bytes.
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

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}"
_ALIAS = r"alias/[A-Za-z0-9/_-]+"
_URI = re.compile(
    r"awskms://(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?)?/"
    rf"(?P<key>(?:arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{{12}}:(?:key/(?:{_ID})|{_ALIAS}))|{_ID}|{_ALIAS})"
)
_FORM = "awskms:///alias/NAME, awskms:///arn:aws:kms:REGION:ACCOUNT:key/UUID or awskms://HOST/UUID"
_ALGORITHMS = {
    "ECDSA P-256": ("ECDSA_SHA_256", "sha256"),
    "ECDSA P-384": ("ECDSA_SHA_384", "sha384"),
    "ECDSA P-521": ("ECDSA_SHA_512", "sha512"),
}


def open_key(uri: str, environ: Mapping[str, str]) -> AwsKey:
    """The key that the URI names; UsageError for a malformed one, SigningError without the extra ``aws``."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise bad_uri(uri, "it holds no key id, alias or ARN of KMS", _FORM)
    boto3 = load_extra("boto3", "aws", uri)
    config = load_extra("botocore.config", "aws", uri).Config(
        connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"mode": "standard", "total_max_attempts": 4}
    )
    region = found["region"] or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
    endpoint = f"https://{found['host']}" if found["host"] else None
    with guarded(uri, "preparing the client", fix="set AWS_REGION, and credentials that may use the key"):
        client = boto3.client("kms", region_name=region, endpoint_url=endpoint, config=config)
    return AwsKey(uri, found["key"], client)


class AwsKey:
    """An asymmetric KMS key; see `gate.sign.interface.KeyService`. Such keys are never rotated in place."""

    def __init__(self, uri: str, key: str, client: Any) -> None:
        self.name = uri
        self._key = key
        self._client = client
        self._algorithm = ""

    def describe(self) -> KeyInfo:
        with guarded(self.name, "kms:GetPublicKey"):
            answer = self._client.get_public_key(KeyId=self._key)
            usage, raw, arn = str(answer["KeyUsage"]), bytes(answer["PublicKey"]), str(answer["KeyId"])
        if usage != "SIGN_VERIFY":
            raise publickey.refused_kind(f"{usage.lower()} (not for signing)", self.name)
        key = publickey.parse(raw, self.name)
        self._algorithm, hash_name = _ALGORITHMS.get(key.kind, ("RSASSA_PKCS1_V1_5_SHA_256", "sha256"))
        if key.kind == "Ed25519":  # whole messages of up to 4,096 bytes only, which statements exceed
            raise publickey.refused_kind("Ed25519 in AWS KMS", self.name)
        self._key = arn  # an alias may be pointed at another key at any moment
        return KeyInfo(key, hash_name, version=arn.rpartition("/")[2])

    def versions(self) -> tuple[str, ...]:
        return ()

    def public_key(self, version: str) -> SignerKey:
        raise UsageError(f"{self.name}: keys in AWS KMS have no versions")

    def sign(self, data: bytes, hash_name: str) -> bytes:
        request = {"KeyId": self._key, "Message": digest(data, hash_name), "MessageType": "DIGEST"}
        with guarded(self.name, "kms:Sign"):
            return bytes(self._client.sign(**request, SigningAlgorithm=self._algorithm)["Signature"])

    def create(self) -> None:
        if not self._key.startswith("alias/"):
            raise UsageError(
                f"{self.name}: AWS chooses the id of a new key",
                fix="give the alias that the key shall have: awskms:///alias/NAME",
            )
        with guarded(self.name, "looking for the alias"):
            pages = self._client.get_paginator("list_aliases").paginate()
            taken = any(alias["AliasName"] == self._key for page in pages for alias in page["Aliases"])
        if taken:
            raise UsageError(f"{self.name}: there is such a key", fix="choose another alias, or use the key as it is")
        with guarded(self.name, "making the key", fix="kms:CreateKey and kms:CreateAlias are needed"):
            made = self._client.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Description="policy-gate signing key")
            self._client.create_alias(AliasName=self._key, TargetKeyId=made["KeyMetadata"]["KeyId"])
