"""An OCI 1.1 registry in this process: push, pull, referrers with paging, basic and bearer authentication, faults on demand.

It keeps everything in memory and listens on loopback. `FakeRegistry.log` holds every request, so that a test can say what was
asked and with which credentials.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.fakes.images import OCI_INDEX, Built, push

USER, PASSWORD, IDENTITY = "gatekeeper", "open:sesame", "identity-token"


@dataclasses.dataclass
class Fault:
    """What goes wrong with requests that match ``pattern`` (on ``METHOD /path``), ``times`` times (-1: always)."""

    pattern: str
    status: int = 0
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    """Sent in place of the true body; with ``status`` 0 under the true status."""
    cut: bool = False
    """Close the connection in the middle of the body."""
    delay: float = 0.0
    """Seconds before the answer."""
    drip: float = 0.0
    """Seconds between the bytes of the body."""
    hang_up: bool = False
    """Do what was asked, and close the connection without an answer."""
    skip: int = 0
    """Let so many matching requests through first."""
    times: int = -1


@dataclasses.dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class FakeRegistry:
    """Start it with ``with``; ``host`` is ``127.0.0.1:port``."""

    def __init__(
        self,
        *,
        auth: str = "",
        referrers_api: bool = True,
        page_size: int = 0,
        anonymous_token: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.auth = auth
        """Empty, ``basic`` or ``bearer``."""
        self.referrers_api = referrers_api
        self.page_size = page_size
        self.anonymous_token = anonymous_token
        self.tls = tls
        self.etags = False
        """Give ETags of manifests, and heed If-Match."""
        self.subject_header = True
        """Answer a manifest with a subject with OCI-Subject, where there is a referrers API."""
        self.lie = False
        """Say another digest than that of the manifest pushed."""
        self.truncate_upload = -1
        """The next request with so many bytes or more of a blob is cut there, and its connection closed."""
        self.whole_limit = 0
        """Refuse a blob of more bytes in one request (413)."""
        self.location_query = ""
        """Put behind the address of an upload, such as ``?state=x``."""
        self.chunk_min = 0
        """Announce this OCI-Chunk-Min-Length."""
        self.expires_in = 300
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.faults: list[Fault] = []
        self.log: list[Request] = []
        self.connections = 0
        self.proxied = 0
        """Requests that came as to a proxy."""
        self.tokens: dict[str, float] = {}
        self.scopes: dict[str, str] = {}
        """What each token was asked for."""
        self.pull_scope_only = False
        """Name a scope that only pulls in every challenge, as some registries do."""
        self.lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> FakeRegistry:
        registry = self

        class Handler(_Handler):
            server_registry = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        with self.lock:
            sockets, self._sockets = self._sockets, set()
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster

    @property
    def host(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def push(self, repository: str, built: Built, tag: str = "") -> str:
        """Fills the registry; returns the digest."""
        headers = {"authorization": _basic()} if self.auth else {}
        auth, self.auth = self.auth, ""
        try:
            return push(self.host, repository, built, tag, headers=headers)
        finally:
            self.auth = auth
            self.log.clear()

    def fail(self, pattern: str, **how: Any) -> None:
        """Adds a `Fault`."""
        self.faults.append(Fault(pattern, **how))

    def count(self, pattern: str) -> int:
        """How many requests matched ``METHOD /path``."""
        return sum(bool(re.search(pattern, f"{request.method} {request.path}")) for request in self.log)

    def opened(self, connection: socket.socket) -> None:
        """A connection has come in."""
        with self.lock:
            self.connections += 1
            self._sockets.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """A connection has gone."""
        with self.lock:
            self._sockets.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    server_registry: FakeRegistry
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        self.server_registry.opened(self.connection)

    def finish(self) -> None:
        self.server_registry.closed(self.connection)
        try:
            super().finish()
        except OSError:
            return  # the client left in the middle of an answer

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET

    def _serve(self) -> None:
        registry = self.server_registry
        if self.path.startswith("http://"):  # as a proxy is asked
            registry.proxied += 1
            self.path = "/" + self.path.split("/", 3)[3]
        length = int(self.headers.get("content-length") or 0)
        if 0 <= registry.truncate_upload < length and self.command in {"PUT", "PATCH"} and "/uploads/" in self.path:
            return self._cut_upload(registry.truncate_upload)
        body = self.rfile.read(length)
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = self._chunks()
        headers = {name.lower(): value for name, value in self.headers.items()}
        with registry.lock:
            registry.log.append(Request(self.command, self.path, headers, body))
        fault = self._fault()
        if fault is not None and fault.delay:
            time.sleep(fault.delay)
        try:
            if fault is not None and fault.hang_up:
                self._answer(body, headers)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif fault is not None and fault.status:
                self._send(fault.status, fault.body or b"", dict(fault.headers), fault)
            else:
                status, answer, more = self._answer(body, headers)
                if fault is not None:
                    answer = answer if fault.body is None else fault.body
                    more = {**more, **fault.headers}
                self._send(status, answer, more, fault)
        except OSError:
            self.close_connection = True

    def _fault(self) -> Fault | None:
        registry = self.server_registry
        with registry.lock:
            for fault in registry.faults:
                if fault.times != 0 and re.search(fault.pattern, f"{self.command} {self.path}"):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def _cut_upload(self, keep: int) -> None:
        """Takes the beginning of a body and hangs up; a chunk's beginning counts, a whole blob's does not."""
        registry = self.server_registry
        found = re.fullmatch(r"/v2/(.+?)/blobs/uploads/.*", self.path.split("?")[0])
        body = self.rfile.read(keep)
        with registry.lock:
            registry.truncate_upload = -1
            registry.log.append(Request(self.command, self.path, {}, body))
            if self.command == "PATCH" and found is not None:
                key = (found.group(1), self.path.split("?")[0])
                registry.blobs[key] = registry.blobs.get(key, b"") + body
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None) -> None:
        self.send_response(status)
        names = {name.lower() for name in headers}
        for name, value in headers.items():
            self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.cut:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
        elif fault is not None and fault.drip:
            for number in range(len(body)):
                self.wfile.write(body[number : number + 1])
                self.wfile.flush()
                time.sleep(fault.drip)
        else:
            self.wfile.write(body)

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/token":
            return self._token(query, body, headers)
        if not self._allowed(headers):
            realm = f'Bearer realm="http://{self.server_registry.host}/token",service="fake",scope="{self._scope(url.path)}"'
            challenge = realm if self.server_registry.auth == "bearer" else 'Basic realm="fake"'
            return 401, b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}', {"www-authenticate": challenge}
        if url.path in {"/v2/", "/v2"}:
            return 200, b"{}", {}
        found = re.fullmatch(r"/v2/(.+?)/(manifests|blobs/uploads|blobs|referrers|tags)/(.*)", url.path)
        if found is None:
            return 404, b"", {}
        repository, kind, name = found.groups()
        return getattr(self, "_" + kind.replace("/", "_"))(repository, name, query, body, headers)  # type: ignore[no-any-return]

    def _scope(self, path: str) -> str:
        found = re.match(r"/v2/(.+?)/(manifests|blobs|referrers)/", path)
        writes = self.command in {"POST", "PUT", "PATCH", "DELETE"} and not self.server_registry.pull_scope_only
        return f"repository:{found.group(1)}:{'pull,push' if writes else 'pull'}" if found else ""

    def _allowed(self, headers: Mapping[str, str]) -> bool:
        registry = self.server_registry
        given = headers.get("authorization", "")
        if registry.auth == "basic":
            return given == _basic()
        if registry.auth == "bearer":
            token = given.removeprefix("Bearer ")
            writes = self.command in {"POST", "PUT", "PATCH", "DELETE"} and "/token" not in self.path
            if writes and "push" not in registry.scopes.get(token, ""):
                return False
            return registry.tokens.get(token, 0) > time.monotonic()
        return True

    def _token(self, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        registry = self.server_registry
        form = dict(urllib.parse.parse_qsl(body.decode()))
        good = headers.get("authorization") == _basic() or form.get("refresh_token") == IDENTITY
        if not good and not (registry.anonymous_token and "authorization" not in headers):
            return 401, b"{}", {}
        token = f"token-{len(registry.tokens)}"
        registry.tokens[token] = time.monotonic() + registry.expires_in
        asked = [value for name, value in urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query) if name == "scope"]
        registry.scopes[token] = " ".join([*asked, form.get("scope", "")])
        name = "access_token" if form else "token"
        return 200, json.dumps({name: token, "expires_in": registry.expires_in}).encode(), {}

    def _manifests(
        self, repository: str, name: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        registry = self.server_registry
        if self.command == "PUT":
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            old = registry.tags.get((repository, name), "")
            if registry.etags and "if-match" in headers and headers["if-match"] != f'"{old}"':
                return 412, b"{}", {}
            registry.manifests[repository, digest] = (headers.get("content-type", ""), body)
            if not name.startswith("sha256:"):
                registry.tags[repository, name] = digest
            more = {"docker-content-digest": digest if not registry.lie else "sha256:" + "0" * 64, "location": self.path}
            subject = json.loads(body).get("subject")
            if subject and registry.referrers_api and registry.subject_header:
                more["oci-subject"] = subject["digest"]
            return 201, b"", more
        digest = registry.tags.get((repository, name), name)
        if (repository, digest) not in registry.manifests:
            return 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', {}
        kind, data = registry.manifests[repository, digest]
        etag = {"etag": f'"{digest}"'} if registry.etags else {}
        return 200, data, {"content-type": kind, "docker-content-digest": digest, **etag}

    def _blobs(
        self, repository: str, name: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        data = self.server_registry.blobs.get((repository, name))
        if data is None:
            return 404, b"", {}
        more = {"content-type": "application/octet-stream"}
        asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if asked is not None:
            start = int(asked[1])
            return 206, data[start:], {**more, "content-range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        return 200, data, more

    def _blobs_uploads(
        self, repository: str, name: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        registry = self.server_registry
        more = {"oci-chunk-min-length": str(registry.chunk_min)} if registry.chunk_min else {}
        if self.command == "POST":
            digest = query.get("mount", "")
            if digest and (query.get("from", ""), digest) in registry.blobs:
                registry.blobs[repository, digest] = registry.blobs[query["from"], digest]
                return 201, b"", {"location": f"/v2/{repository}/blobs/{digest}"}
            session = f"/v2/{repository}/blobs/uploads/{len(registry.log)}"
            registry.blobs[repository, session] = b""
            return 202, b"", {"location": session + registry.location_query, **more}
        session = self.path.split("?")[0]
        held = registry.blobs.get((repository, session))
        if held is None:
            return 404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}', {}
        if self.command == "GET":
            return 204, b"", {"location": session, "range": f"0-{max(0, len(held) - 1)}"}
        if self.command == "PATCH":
            start = headers.get("content-range", "").partition("-")[0]
            if start and int(start) != len(held):
                return 416, b"{}", {"location": session, "range": f"0-{max(0, len(held) - 1)}"}
            registry.blobs[repository, session] = held + body
            return 202, b"", {"location": session, "range": f"0-{len(held) + len(body) - 1}"}
        if registry.whole_limit and len(body) > registry.whole_limit:
            return 413, b"", {}
        registry.blobs.pop((repository, session), None)
        data = held + body
        if query["digest"] != "sha256:" + hashlib.sha256(data).hexdigest():
            return 400, b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}', {}
        registry.blobs[repository, query["digest"]] = data
        return 201, b"", {"docker-content-digest": query["digest"], "location": f"/v2/{repository}/blobs/{query['digest']}"}

    def _tags(
        self, repository: str, name: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        """``tags/list`` with paging by ``n`` and ``last``, of at most `page_size`."""
        registry = self.server_registry
        tags = sorted(tag for where, tag in registry.tags if where == repository and tag > query.get("last", ""))
        most = min(int(query.get("n", 1000)), registry.page_size or 1000)
        link = f'</v2/{repository}/tags/list?n={most}&last={tags[most - 1]}>; rel="next"' if len(tags) > most else ""
        return 200, json.dumps({"name": repository, "tags": tags[:most]}).encode(), {"link": link} if link else {}

    def _referrers(
        self, repository: str, name: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        registry = self.server_registry
        if not registry.referrers_api:
            return 404, b"404 page not found", {"content-type": "text/plain"}
        entries = []
        for (where, digest), (kind, data) in registry.manifests.items():
            value = json.loads(data)
            if where == repository and (value.get("subject") or {}).get("digest") == name:
                artifact = value.get("artifactType") or value["config"]["mediaType"]
                entries.append({"mediaType": kind, "digest": digest, "size": len(data), "artifactType": artifact})
        more = {"content-type": OCI_INDEX}
        start = int(query.get("last", 0))
        if registry.page_size and start + registry.page_size < len(entries):
            more["link"] = f'<{self.path.split("?")[0]}?last={start + registry.page_size}>; rel="next"'
        if registry.page_size:
            entries = entries[start : start + registry.page_size]
        return 200, json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode(), more


def _basic() -> str:
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
