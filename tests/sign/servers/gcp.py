"""Cloud KMS in this process: a gRPC server that speaks the client's own message types."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tests.trust.simulator import PrivateKey

RING = "projects/acme/locations/global/keyRings/release"
ALGORITHMS: dict[str, Callable[[], PrivateKey]] = {
    "EC_SIGN_P256_SHA256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EC_SIGN_P384_SHA384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EC_SIGN_ED25519": ed25519.Ed25519PrivateKey.generate,
    "RSA_SIGN_PKCS1_2048_SHA256": lambda: rsa.generate_private_key(65537, 2048),
    "RSA_SIGN_PSS_2048_SHA256": lambda: rsa.generate_private_key(65537, 2048),
}


class CloudKms:
    """Keys with versions, and what was asked of them."""

    def __init__(self) -> None:
        self.kms = pytest.importorskip("google.cloud.kms_v1", reason="google-cloud-kms is not here (requirements/servers.txt)")
        self.keys: dict[str, list[tuple[str, PrivateKey]]] = {}
        self.disabled: set[str] = set()
        self.list_refused = False
        self.answer: Callable[[bytes], bytes] = lambda signature: signature
        self.answer_name: Callable[[str], str] = lambda name: name

    def make(self, name: str, algorithm: str = "EC_SIGN_P256_SHA256") -> str:
        """A key, or a further version of it; the URI."""
        self.keys.setdefault(f"{RING}/cryptoKeys/{name}", []).append((algorithm, ALGORITHMS[algorithm]()))
        return f"gcpkms://{RING}/cryptoKeys/{name}"

    def _version(self, path: str) -> tuple[str, PrivateKey]:
        key, _, number = path.rpartition("/cryptoKeyVersions/")
        versions = self.keys.get(key, [])
        if path in self.disabled or not 0 < int(number) <= len(versions):
            raise KeyError(path)
        return versions[int(number) - 1]

    def list_crypto_key_versions(self, request: Any) -> Any:
        """ListCryptoKeyVersions, of enabled ones."""
        assert request.filter == "state=ENABLED"
        if self.list_refused:
            raise KeyError(request.parent)
        paths = [f"{request.parent}/cryptoKeyVersions/{n + 1}" for n in range(len(self.keys[request.parent]))]
        listed = [self.kms.CryptoKeyVersion(name=path) for path in reversed(paths) if path not in self.disabled]
        return self.kms.ListCryptoKeyVersionsResponse(crypto_key_versions=listed)

    def get_public_key(self, request: Any) -> Any:
        """GetPublicKey."""
        algorithm, key = self._version(request.name)
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, info).decode()
        return self.kms.PublicKey(name=self.answer_name(request.name), pem=pem, algorithm=algorithm)

    def asymmetric_sign(self, request: Any) -> Any:
        """AsymmetricSign."""
        _, key = self._version(request.name)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            signature = key.sign(request.data)
        elif isinstance(key, rsa.RSAPrivateKey):
            signature = key.sign(request.digest.sha256, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        elif key.curve.name == "secp384r1":
            signature = key.sign(request.digest.sha384, ec.ECDSA(Prehashed(hashes.SHA384())))
        else:
            signature = key.sign(request.digest.sha256, ec.ECDSA(Prehashed(hashes.SHA256())))
        return self.kms.AsymmetricSignResponse(name=request.name, signature=self.answer(signature))

    def create_crypto_key(self, request: Any) -> Any:
        """CreateCryptoKey."""
        path = f"{request.parent}/cryptoKeys/{request.crypto_key_id}"
        if path in self.keys:
            raise FileExistsError(path)
        self.make(request.crypto_key_id, request.crypto_key.version_template.algorithm.name)
        return self.kms.CryptoKey(name=path)


@contextlib.contextmanager
def cloud_kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudKms]:
    """Start the server, and point the gate's client at it."""
    fake = CloudKms()
    import grpc  # type: ignore[import-untyped, import-not-found, unused-ignore]  # there after make test

    names = {
        "ListCryptoKeyVersions": (fake.list_crypto_key_versions, fake.kms.ListCryptoKeyVersionsRequest),
        "GetPublicKey": (fake.get_public_key, fake.kms.GetPublicKeyRequest),
        "AsymmetricSign": (fake.asymmetric_sign, fake.kms.AsymmetricSignRequest),
        "CreateCryptoKey": (fake.create_crypto_key, fake.kms.CreateCryptoKeyRequest),
    }

    def handler(method: Callable[[Any], Any], kind: Any) -> Any:
        def handle(request: Any, context: Any) -> Any:
            try:
                return method(request)
            except KeyError as error:
                context.abort(grpc.StatusCode.NOT_FOUND, f"{error} not found.")
            except FileExistsError as error:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, f"{error} already exists.")

        return grpc.unary_unary_rpc_method_handler(
            handle, request_deserializer=kind.deserialize, response_serializer=lambda answer: type(answer).serialize(answer)
        )

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2))
    handlers = {name: handler(*what) for name, what in names.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.cloud.kms.v1.KeyManagementService", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def connect(kms: Any) -> Any:
        from google.cloud.kms_v1.services.key_management_service import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
            transports,
        )

        return kms.KeyManagementServiceClient(transport=transports.KeyManagementServiceGrpcTransport(channel=channel))

    monkeypatch.setattr("gate.sign.backends.gcp.connect", connect)
    try:
        yield fake
    finally:
        channel.close()
        server.stop(None).wait()
