"""Other people's registries on loopback: Debian's docker-registry and `crane registry serve`, both without the referrers API."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import find


def find_docker_registry() -> str:
    """The binary's path; skips the test, by name, when there is none."""
    named = os.environ.get("GATE_DOCKER_REGISTRY")
    path = Path(named) if named else find("docker-registry")
    if path is None or not path.is_file():
        pytest.skip("docker-registry is not here: install Debian's docker-registry or set GATE_DOCKER_REGISTRY")
    return str(path)


@contextlib.contextmanager
def docker_registry(root: Path) -> Iterator[str]:
    """Runs Debian's docker-registry with its data under ``root``; gives ``127.0.0.1:port``."""
    binary, port = find_docker_registry(), _free_port()
    config = root / "registry.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {root / 'data'}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with _running([binary, "serve", str(config)], port):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def crane_registry(crane: Path | str) -> Iterator[str]:
    """Runs `crane registry serve` in memory; gives ``127.0.0.1:port``."""
    port = _free_port()
    with _running([str(crane), "registry", "serve", "--address", f"127.0.0.1:{port}"], port):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(100):
        if process.poll() is not None:
            raise AssertionError(f"{process.args!r} ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError(f"{process.args!r} does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
