"""Key Vault on a loopback port: the REST API that the client speaks, with its challenge for a token."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

VAULT = "acme.vault.azure.net"
CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def b64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class KeyVault:
    """Keys with versions."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Key | str]] = {}
        self.answer: Callable[[bytes], bytes] = lambda signature: signature

    def make(self, name: str, kind: str = "P-256") -> str:
        """A key of a curve or ``RSA``, or a further version of it; the URI. Any other kind has no public half that is used."""
        versions = self.keys.setdefault(name, {})
        made: Key | str = (
            rsa.generate_private_key(65537, 2048)
            if kind == "RSA"
            else ec.generate_private_key(CURVES[kind])
            if kind in CURVES
            else kind
        )
        versions[f"{len(versions) + 1:032x}"] = made
        return f"azurekms://{VAULT}/{name}"

    def describe(self, name: str, version: str) -> dict[str, Any]:
        """A key bundle."""
        number = int(version, 16)
        attributes = {"enabled": True, "created": 1_700_000_000 + number, "updated": 1_700_000_000 + number}
        kid = f"https://{VAULT}/keys/{name}/{version}"
        return {
            "key": {"kid": kid, "key_ops": ["sign", "verify"], **self._jwk(self.keys[name][version])},
            "attributes": attributes,
        }

    def _jwk(self, key: Key | str) -> dict[str, str]:
        if isinstance(key, str):
            return {"kty": "EC", "crv": key, "x": b64url(b"\1" * 32), "y": b64url(b"\2" * 32)}
        if isinstance(key, rsa.RSAPrivateKey):
            numbers = key.public_key().public_numbers()
            return {"kty": "RSA", "n": b64url(numbers.n.to_bytes(256, "big")), "e": b64url(numbers.e.to_bytes(3, "big"))}
        size = (key.key_size + 7) // 8
        point = key.public_key().public_numbers()
        name = next(name for name, curve in CURVES.items() if curve.name == key.curve.name)
        return {
            "kty": "EC-HSM",
            "crv": name,
            "x": b64url(point.x.to_bytes(size, "big")),
            "y": b64url(point.y.to_bytes(size, "big")),
        }

    def sign(self, name: str, version: str, algorithm: str, digest: bytes) -> bytes:
        """What the service answers: ``r || s`` for curves."""
        key = self.keys[name][version]
        hashed = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[-3:]]
        if isinstance(key, rsa.RSAPrivateKey):
            assert algorithm == "RS256"
            return self.answer(key.sign(digest, padding.PKCS1v15(), Prehashed(hashed)))
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert algorithm == {256: "ES256", 384: "ES384", 521: "ES512"}[key.key_size]
        size = (key.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(hashed))))
        return self.answer(r.to_bytes(size, "big") + s.to_bytes(size, "big"))

    def serve(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One request."""
        parts = path.partition("?")[0].strip("/").split("/")[1:]
        name, rest = parts[0], parts[1:]
        if rest == ["create"]:
            self.make(name, body["crv"])
        versions = self.keys.get(name)
        if not versions or (rest and rest[0] not in (*versions, "versions", "create")):
            return 404, {
                "error": {"code": "KeyNotFound", "message": f"A key with (name/id) {name} was not found in this key vault."}
            }
        if rest == ["versions"]:
            listed = [self.describe(name, version) for version in reversed(versions)]
            return 200, {"value": [{"kid": item["key"]["kid"], "attributes": item["attributes"]} for item in listed]}
        if rest[1:] == ["sign"]:
            digest = base64.urlsafe_b64decode(body["value"] + "==")
            value = self.sign(name, rest[0], body["alg"], digest)
            return 200, {"kid": f"https://{VAULT}/keys/{name}/{rest[0]}", "value": b64url(value)}
        return 200, self.describe(name, rest[0] if rest and rest[0] in versions else list(versions)[-1])


@contextlib.contextmanager
def key_vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyVault]:
    """Start the server, and point the gate's clients at it."""
    pytest.importorskip("azure.keyvault.keys", reason="azure-keyvault-keys is not here (requirements/servers.txt)")
    from azure.core.credentials import AccessToken  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from azure.core.pipeline.transport import RequestsTransport  # type: ignore[import-not-found, import-untyped, unused-ignore]

    fake = KeyVault()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = 401, {"error": {"code": "Unauthorized", "message": "no token"}}
            if self.headers.get("Authorization") == "Bearer token-of-the-tests":
                status, document = fake.serve(self.command, self.path, json.loads(raw or b"{}"))
            data = json.dumps(document).encode()
            self.send_response(status)
            if status == 401:
                challenge = 'Bearer authorization="https://login.windows.net/tenant", resource="https://vault.azure.net"'
                self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    class Loopback(RequestsTransport):  # type: ignore[misc, unused-ignore]  # a class without types
        """Sends what goes to the vault to the server instead; everything above sees the vault's address."""

        def send(self, request: Any, **options: Any) -> Any:
            url = request.url
            assert url.startswith(f"https://{VAULT}/"), url
            request.url = url.replace(f"https://{VAULT}", f"http://127.0.0.1:{server.server_port}")
            try:
                return super().send(request, **options)
            finally:
                request.url = url  # the request is sent again with a token

    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            assert scopes == ("https://vault.azure.net/.default",)
            return AccessToken("token-of-the-tests", int(time.time()) + 3600)

    monkeypatch.setattr("gate.sign.backends.azure.connect", lambda identity: (Credential(), {"transport": Loopback()}))
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
