"""`--offline` opens no socket."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import Any

import pytest

from tests.e2e.gate import AGES, KEY, Gate, process
from tests.samples import digest, evidence, layout


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt to make a socket or to look up a name is refused and noted."""
    asked: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        asked.append(arguments)
        raise AssertionError("a socket was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


@pytest.mark.parametrize("name", ["clean", "multi", "legacy"])
def test_layouts_need_no_socket(gate: Gate, no_socket: list[Any], name: str) -> None:
    """The whole run, evidence and decision, without one."""
    assert gate.verify(f"oci:{layout(name)}", *KEY, "--offline").code == 0
    assert no_socket == []


def test_a_registry_is_refused(gate: Gate, no_socket: list[Any]) -> None:
    """Asking for what needs a network under --offline is said at once, before any socket."""
    done = gate("verify", "registry.example/app:1", *KEY, "--offline")
    assert done.code in (2, 3) and "offline" in (done.out + done.err).lower()
    assert no_socket == []


def test_reading_deciding_and_reporting_need_no_socket(gate: Gate, no_socket: list[Any]) -> None:
    """Neither do replay, report, explain and `evidence read`, without being told."""
    done = gate.verify(digest("vulnerable"), "--evidence", evidence("vulnerable", "grype.json"), "--profile", "dev")
    assert done.code == 0
    record = done.report["verdicts"][0]["outcome_digest"]
    assert gate("replay", record).code == 0
    assert gate("report", "--from", record).code == 0
    assert gate("evidence", "read", evidence("clean", "sbom.cdx.json")).code == 0
    assert gate("explain").code == 0
    assert no_socket == []


def test_without_a_network_at_all(gate: Gate) -> None:
    """In a network namespace of its own, without even a loopback: the same verdicts."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare -rn is not permitted here")
    for name, code in (("clean", 0), ("vulnerable", 1)):
        done = process(gate, "verify", f"oci:{layout(name)}", *KEY, *AGES, "--offline", before=(unshare, "-rn"))
        assert done.code == code, done.err
