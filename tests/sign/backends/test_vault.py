"""Vault and OpenBao, against a real OpenBao."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gate.errors import SigningError, UsageError
from gate.sign.backends.vault import open_key
from tests.sign.backends.checks import opened, service, signs
from tests.sign.servers.vault import TOKEN, OpenBao, openbao

KINDS = {
    "ecdsa-p256": "ECDSA P-256",
    "ecdsa-p384": "ECDSA P-384",
    "ecdsa-p521": "ECDSA P-521",
    "rsa-2048": "RSA 2048",
    "rsa-3072": "RSA 3072",
    "ed25519": "Ed25519",
}


@pytest.mark.parametrize("scheme", ["hashivault", "openbao"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_transit_key_signs(bao: OpenBao, scheme: str, kind: str) -> None:
    """Every asymmetric kind signs, under both schemes."""
    bao.make(f"sign-{kind}", kind)
    signs(f"{scheme}://sign-{kind}", bao.environ, KINDS[kind])


def test_the_version_that_was_described_signs(bao: OpenBao) -> None:
    """A rotation between opening and signing changes nothing; the next opening has the new version."""
    bao.make("rotated")
    first = opened("openbao://rotated", bao.environ)
    bao.rotate("rotated")
    assert first.sign(b"data")
    second = opened("openbao://rotated", bao.environ)
    assert (first.info.version, second.info.version, second.service.versions()) == ("1", "2", ("1", "2"))
    assert second.service.public_key("1") == first.public_key != second.public_key


def test_a_symmetric_key_is_refused(bao: OpenBao) -> None:
    """An encryption key says what it is."""
    bao.make("secret", "aes256-gcm96")
    with pytest.raises(SigningError, match="kind aes256-gcm96 is not one that the gate signs with"):
        opened("hashivault://secret", bao.environ)


def test_a_key_is_made_once(bao: OpenBao) -> None:
    """`create` makes P-256; a second time is an error, since the server would keep silent."""
    service("openbao://fresh", bao.environ).create()
    signs("openbao://fresh", bao.environ, "ECDSA P-256")
    with pytest.raises(UsageError, match="there is such a key"):
        service("openbao://fresh", bao.environ).create()


@pytest.mark.parametrize(
    ("change", "message", "fix"),
    [
        ({"BAO_TOKEN": "wrong-token-12345"}, "HTTP 403", "capabilities"),
        ({"TRANSIT_SECRET_ENGINE_PATH": "other/mount"}, "there is no such key", "TRANSIT_SECRET_ENGINE_PATH"),
        ({"BAO_ADDR": "http://127.0.0.1:9"}, "reading the key failed: ConnectError", "address"),
        ({"BAO_CACERT": "/nonexistent", "BAO_ADDR": "https://127.0.0.1:9"}, "FileNotFoundError", "address"),
    ],
)
def test_what_goes_wrong_is_said_without_the_token(bao: OpenBao, change: dict[str, str], message: str, fix: str) -> None:
    """Wrong token, mount, address and authority are SigningErrors with a way out, and no token in them."""
    environ = {**bao.environ, **change}
    with pytest.raises(SigningError, match=message) as caught:
        opened("openbao://nothing", environ)
    assert fix in caught.value.fix
    assert environ["BAO_TOKEN"] not in caught.value.what + caught.value.why + caught.value.fix


def test_settings_that_are_missing_are_named(tmp_path: Path) -> None:
    """Address and token have no default; hashivault:// does not look at BAO_…, openbao:// looks at both."""
    home = {"HOME": str(tmp_path)}
    for scheme, name in (("hashivault", "VAULT"), ("openbao", "BAO")):
        with pytest.raises(SigningError, match=f"{name}_ADDR is not set"):
            open_key(f"{scheme}://k", home)
        with pytest.raises(SigningError, match=f"{name}_TOKEN is not set"):
            open_key(f"{scheme}://k", {**home, f"{name}_ADDR": "https://v"})
    bao = {"BAO_ADDR": "https://v", "BAO_TOKEN": "t"}
    with pytest.raises(SigningError, match="VAULT_ADDR is not set"):
        open_key("hashivault://k", bao)
    open_key("openbao://k", {"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t"})
    (tmp_path / ".vault-token").write_text("t\n")
    open_key("hashivault://k", {**home, "VAULT_ADDR": "https://v"})


@pytest.mark.parametrize("key", ["", "a/b", "a?x=1", "a#b", "../sys", "-a", "a-", "a b", "ä", "a\n"])
@pytest.mark.parametrize("scheme", ["hashivault", "openbao"])
def test_only_bare_names_are_keys(scheme: str, key: str) -> None:
    """What could reach another path of the server is no name."""
    with pytest.raises(UsageError, match="not a key address"):
        open_key(f"{scheme}://{key}", {"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t"})


@pytest.mark.parametrize(
    "change",
    [
        {"VAULT_ADDR": "ftp://v"},
        {"VAULT_ADDR": "https://user:pw@v"},
        {"VAULT_ADDR": "https://v/?a=b"},
        {"VAULT_TOKEN": "a\r\nX-Evil: 1"},
        {"VAULT_TOKEN": "ä"},
        {"TRANSIT_SECRET_ENGINE_PATH": "../sys"},
        {"TRANSIT_SECRET_ENGINE_PATH": "a?b"},
    ],
)
def test_settings_that_are_none_are_refused(change: dict[str, str]) -> None:
    """An address, a token or a mount of another form does not reach a request."""
    with pytest.raises((SigningError, UsageError)) as caught:
        open_key("hashivault://k", {"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t", **change})
    assert "pw" not in caught.value.what


class Liar:
    """A server that answers what it is told to."""

    def __init__(self) -> None:
        self.answers: Callable[[str], tuple[int, bytes, dict[str, str]]] = lambda path: (200, b"", {})
        self.seen: list[str] = []


@pytest.fixture
def liar() -> Iterator[tuple[Liar, dict[str, str]]]:
    """One on a loopback port, and the environment that leads there."""
    fake = Liar()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.seen.append(self.path)
            status, body, headers = fake.answers(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield fake, {"VAULT_ADDR": f"http://127.0.0.1:{server.server_port}", "VAULT_TOKEN": TOKEN}
    server.shutdown()
    server.server_close()


def test_a_redirect_is_not_followed(liar: tuple[Liar, dict[str, str]]) -> None:
    """The token goes to the address that was given and to no other."""
    fake, environ = liar
    fake.answers = lambda path: (307, b"", {"Location": "/elsewhere?x=1"})
    with pytest.raises(SigningError, match=r"redirected to /elsewhere$") as caught:
        opened("hashivault://k", environ)
    assert "active server" in caught.value.fix
    assert fake.seen == ["/v1/transit/keys/k"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": {}}',
        b'{"data": {"type": "ecdsa-p256", "latest_version": 2, "keys": {"1": {"public_key": "x"}}}}',
        b'{"data": {"type": "ecdsa-p256", "latest_version": 1, "keys": {"1": {"public_key": ""}}}}',
        b'{"data": {"type": "ed25519", "latest_version": 1, "keys": {"1": {"public_key": "AAAA"}}}}',
        b'{"data": {"type": "ecdsa-p256", "latest_version": 1, "keys": {"x": {"public_key": "x"}}}}',
        b'{"data": ' + b" " * 2_000_000 + b"}",
    ],
)
def test_an_answer_that_is_none_is_refused(liar: tuple[Liar, dict[str, str]], body: bytes) -> None:
    """Pages, empty answers, other versions, bad keys and endless bodies are SigningErrors."""
    fake, environ = liar
    fake.answers = lambda path: (200, body, {})
    with pytest.raises(SigningError):
        opened("hashivault://k", environ)


@pytest.mark.parametrize("signature", ["", "vault:v2:AAAA", "vault:v1:!!", "AAAA", "vault:v1:AAA", "vault:v1:AAAA", None])
def test_a_signature_that_is_none_is_refused(bao: OpenBao, liar: tuple[Liar, dict[str, str]], signature: str | None) -> None:
    """Garbage, another version's prefix, and bytes that do not verify never leave."""
    bao.make("garbage")
    key = bao.call("GET", "transit/keys/garbage")
    fake, environ = liar
    answers = {"keys": json.dumps(key).encode(), "sign": json.dumps({"data": {"signature": signature}}).encode()}
    fake.answers = lambda path: (200, answers[path.split("/")[3]], {})
    signer = opened("hashivault://garbage", environ)
    with pytest.raises(SigningError):
        signer.sign(b"data")


def test_an_error_that_repeats_the_token_is_cleaned(liar: tuple[Liar, dict[str, str]]) -> None:
    """Even a server that echoes the token does not get it into a message."""
    fake, environ = liar
    fake.answers = lambda path: (400, json.dumps({"errors": [f"bad token {TOKEN}\nnext"]}).encode(), {})
    with pytest.raises(SigningError, match=r"HTTP 400: bad token … next") as caught:
        opened("hashivault://k", environ)
    assert TOKEN not in str(caught.value)


def test_the_server_is_not_asked_to_verify(liar: tuple[Liar, dict[str, str]], bao: OpenBao) -> None:
    """Only the key and the signature are asked for."""
    bao.make("asked")
    fake, environ = liar
    key = json.dumps(bao.call("GET", "transit/keys/asked")).encode()
    other = opened("openbao://asked", bao.environ)
    fake.answers = lambda path: (200, key, {})
    signer = opened("hashivault://asked", environ)
    assert signer.public_key == other.public_key
    with pytest.raises(SigningError):
        signer.sign(b"data")
    assert fake.seen == ["/v1/transit/keys/asked", "/v1/transit/sign/asked"]


def test_a_server_with_an_authority_of_its_own(tmp_path: Path) -> None:
    """TLS under the authority that …_CACERT names; without it the server is not believed, and gets no token."""
    with openbao(tmp_path, tls=True) as server:
        server.make("k")
        signs("openbao://k", server.environ, "ECDSA P-256")
        bare = {name: value for name, value in server.environ.items() if not name.endswith("CACERT")}
        with pytest.raises(SigningError, match="CERTIFICATE_VERIFY_FAILED"):
            opened("openbao://k", bare)
