"""moto's KMS on a loopback port. It hashes digests once more before it signs them; `corrected` does as AWS does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

ENVIRON = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret", "AWS_REGION": "eu-west-1"}


@contextlib.contextmanager
def moto() -> Iterator[dict[str, str]]:
    """Start the server; gives the environment that leads there."""
    pytest.importorskip("boto3", reason="boto3 is not here (requirements/servers.txt)")
    module = pytest.importorskip("moto.server", reason="moto is not here (requirements/servers.txt)")
    server = module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield {**ENVIRON, "AWS_ENDPOINT_URL_KMS": f"http://{host}:{port}"}
    finally:
        server.stop()


def corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign what was sent as the digest that it is. A message that is no digest is refused, so nothing else can have been sent."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from moto.kms import utils  # type: ignore[import-untyped, import-not-found, unused-ignore]  # there after make test

    by_name = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}

    def ecdsa(self: Any, message: bytes, signing_algorithm: str) -> bytes:
        signature: bytes = self.private_key.sign(message, ec.ECDSA(Prehashed(by_name[signing_algorithm[-3:]])))
        return signature

    def rsa(self: Any, message: bytes, signing_algorithm: str) -> bytes:
        assert signing_algorithm.startswith("RSASSA_PKCS1_V1_5_")
        signature: bytes = self.private_key.sign(message, padding.PKCS1v15(), Prehashed(by_name[signing_algorithm[-3:]]))
        return signature

    monkeypatch.setattr(utils.ECDSAPrivateKey, "sign", ecdsa)
    monkeypatch.setattr(utils.RSAPrivateKey, "sign", rsa)


def make(environ: dict[str, str], spec: str, alias: str = "", usage: str = "SIGN_VERIFY") -> str:
    """A key of that spec, perhaps with an alias; its ARN."""
    import boto3  # type: ignore[import-untyped, import-not-found, unused-ignore]  # there after make test

    client = boto3.client(
        "kms",
        region_name=environ["AWS_REGION"],
        endpoint_url=environ["AWS_ENDPOINT_URL_KMS"],
        aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
    )
    made = client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    if alias:
        with contextlib.suppress(client.exceptions.NotFoundException):
            client.delete_alias(AliasName=f"alias/{alias}")
        client.create_alias(AliasName=f"alias/{alias}", TargetKeyId=made["KeyId"])
    return str(made["Arn"])
