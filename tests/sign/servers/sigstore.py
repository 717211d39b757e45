"""A private Sigstore instance over HTTP, with the keys of the in-memory one: authority, CT log, Rekor v1 and v2, timestamps."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.trust import simulator
from tests.trust.simulator import Log, Signer, Sigstore
from tests.trust.test_timestamp import OPENSSL, Authority

ISSUER = "https://token.ci.example"
SUBJECT = "https://ci.example/acme/app/release@refs/tags/v1"


def token(**changes: Any) -> str:
    """An identity token as a CI system gives it."""
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "sigstore", "iat": now - 5, "exp": now + 600, **changes}
    return jwt.encode(claims, "a secret that nobody needs to know, as nobody verifies", algorithm="HS256")


class Instance:
    """The services. Each answer can be replaced by a test."""

    def __init__(self, folder: Path, *, v2: bool) -> None:
        now = datetime.datetime.now(datetime.UTC)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(simulator, "NOW", now)
            self.sim = Sigstore()
            start = now - datetime.timedelta(days=1)
            self.sim.log = Log("rekor.example", v2=v2, start=start)
            self.sim.ct = [Log("ct.example", start=start)]
            self.sim.tlogs = [self.sim.log]
        self.v2 = v2
        self.folder = folder
        self.tsa = Authority(folder) if v2 else None
        if self.tsa:
            self.sim.tsas = [self.tsa.describe()]
        self.address = ""
        self.asked: list[str] = []
        self.changed: dict[str, Callable[[Any], Any]] = {}

    def document(self) -> dict[str, Any]:
        """The trusted root, with the kinds of keys spelt as the client demands."""
        document = self.sim.document()
        for log, described in zip([*self.sim.tlogs, *self.sim.ct], [*document["tlogs"], *document["ctlogs"]], strict=True):
            described["publicKey"]["keyDetails"] = "PKIX_ED25519" if log.v2 else "PKIX_ECDSA_P256_SHA_256"
        for authority in (*document["certificateAuthorities"], *document["timestampAuthorities"]):
            authority["subject"] = {"organization": "test", "commonName": "test"}
        return document

    def write(self) -> tuple[str, str]:
        """Trusted root, and client trust config with it, as files."""
        service = {"url": self.address, "operator": "test", "validFor": {"start": "2020-01-01T00:00:00Z"}}
        signing: dict[str, Any] = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [{**service, "majorApiVersion": 1}],
            "oidcUrls": [],
            "rekorTlogUrls": [{**service, "majorApiVersion": 2 if self.v2 else 1}],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [{**service, "url": f"{self.address}/tsa", "majorApiVersion": 1}] if self.v2 else [],
            "tsaConfig": {"selector": "ANY"},
        }
        config = {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.document(),
            "signingConfig": signing,
        }
        paths = self.folder / "trusted_root.json", self.folder / "client_trust_config.json"
        for path, document in zip(paths, (self.document(), config), strict=True):
            path.write_text(json.dumps(document))
        return str(paths[0]), str(paths[1])

    def serve(self, path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        """One request."""
        self.asked.append(path)
        if path.endswith("/signingCert"):
            answer = self._certificate(json.loads(body), authorization.removeprefix("Bearer "))
        elif path.endswith("/api/v1/log/entries"):
            answer = self._rekor_v1(json.loads(body))
        elif path.endswith("/log/entries"):
            answer = self._rekor_v2(json.loads(body))
        elif path == "/tsa":
            return 201, self._stamp(body)
        else:
            return 404, b"{}"
        change = self.changed.get(path.rpartition("/")[2], lambda value: value)
        changed = change(answer)
        return (500, b'{"message": "broken"}') if changed is None else (201, json.dumps(changed).encode())

    def _certificate(self, request: dict[str, Any], raw: str) -> dict[str, Any]:
        claims = jwt.decode(raw, options={"verify_signature": False, "verify_aud": False})
        csr = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        assert csr.is_signature_valid
        holder: Any = _Holder(csr.public_key())
        signer = self.sim.signer(
            key=holder,
            names=[x509.UniformResourceIdentifier(claims["sub"])],
            issuer=claims["iss"],
            begin=datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2),
        )
        assert signer.certificate is not None
        chain = [cert.public_bytes(serialization.Encoding.PEM).decode() for cert in (signer.certificate, self.sim.ca)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def _rekor_v1(self, request: dict[str, Any]) -> dict[str, Any]:
        proposed = request["spec"]["proposedContent"]
        envelope = json.loads(proposed["envelope"])
        payload = base64.b64decode(envelope["payload"])
        certificate = x509.load_pem_x509_certificate(base64.b64decode(proposed["verifiers"][0]))
        signer = Signer(self.sim.ca_key, certificate)
        body = simulator.dsse_body(signer, payload, base64.b64decode(envelope["signatures"][0]["sig"]))
        body["spec"]["envelopeHash"]["value"] = hashlib.sha256(proposed["envelope"].encode()).hexdigest()
        # sigstore-python compares the body with the certificate's PEM as it was sent
        body["spec"]["signatures"][0]["verifier"] = proposed["verifiers"][0]
        entry = self.sim.log.entry(body, datetime.datetime.now(datetime.UTC))
        proof = entry["inclusionProof"]
        return {
            "0" * 64: {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry["integratedTime"]),
                "logID": self.sim.log.id.hex(),
                "logIndex": int(entry["logIndex"]),
                "verification": {
                    "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                    "inclusionProof": {
                        "logIndex": int(proof["logIndex"]),
                        "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                        "treeSize": int(proof["treeSize"]),
                        "hashes": [],
                        "checkpoint": proof["checkpoint"]["envelope"],
                    },
                },
            }
        }

    def _rekor_v2(self, request: dict[str, Any]) -> dict[str, Any]:
        asked = request["hashedRekordRequestV002"]
        body = {
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {
                "hashedRekordV002": {
                    "data": {"algorithm": "SHA2_256", "digest": asked["digest"]},
                    "signature": asked["signature"],
                }
            },
        }
        return self.sim.log.entry(body)

    def _stamp(self, query: bytes) -> bytes:
        assert OPENSSL is not None
        (self.folder / "query").write_bytes(query)
        flags = ["-queryfile", "query", "-config", "tsa.cnf", "-section", "tsa", "-signer", "tsa.pem", "-inkey", "tsa.key"]
        subprocess.run(
            [OPENSSL, "ts", "-reply", *flags, "-out", "reply"], cwd=self.folder, check=True, capture_output=True, timeout=60
        )
        return (self.folder / "reply").read_bytes()


class _Holder:
    """Stands where a private key would, for whoever asks for its public half only."""

    def __init__(self, public: object) -> None:
        self._public = public

    def public_key(self) -> object:
        """The public half."""
        return self._public


@contextlib.contextmanager
def instance(folder: Path, *, v2: bool = False) -> Iterator[Instance]:
    """Start one."""
    pytest.importorskip("sigstore", reason="sigstore is not here (requirements/dev.txt)")
    if v2 and OPENSSL is None:
        pytest.skip("no openssl program to stamp with")
    made = Instance(folder, v2=v2)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data = made.serve(self.path, body, self.headers.get("Authorization") or "")
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    made.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
