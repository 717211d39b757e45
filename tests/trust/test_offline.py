"""Trusted roots, keyless verification and the chain need no network: no socket is made, and a namespace without one is enough."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chain.makers import BUILD_SIGNER, BUILDER, ISSUER, World, provenance
from tests.fakes.images import image, referrer, write_layout
from tests.trust.test_tuf import DAY, Repository

PROGRAM = """
import sys
made = []
watched = {"socket.__new__", "socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
if sys.argv[1:3] == ["trust", "import"]:
    # python-tuf's key classes import urllib3, which tries on import whether ::1 can be bound; it sends nothing
    watched.remove("socket.__new__")
sys.addaudithook(lambda name, args: made.append(name) if name in watched else None)
from gate.__main__ import main
sys.argv = ["gate", *sys.argv[1:]]
try:
    code = main()
except SystemExit as end:
    code = end.code
assert not made, made
sys.exit(code)
"""


def _unshare() -> list[str]:
    """The command that takes the network away; skips the test, by name, where it is not permitted."""
    program = shutil.which("unshare")
    if program is None or subprocess.run([program, "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("unshare -rn is not permitted here")
    return [program, "-rn"]


def _run(folder: Path, *arguments: str, before: tuple[str, ...] | list[str] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A layout with signed provenance, a trusted root, a copy of a TUF repository."""
    world, built = World(), image()
    write_layout(
        tmp_path / "layout", [(built, {})], beside=[referrer(built, world.bundle(world.build, provenance(built.digest)))]
    )
    (tmp_path / "root.json").write_text(json.dumps(world.sim.document()))
    Repository().copy_to(tmp_path / "copy")
    return tmp_path


IDENTITY = ["--certificate-identity", BUILD_SIGNER, "--certificate-oidc-issuer", ISSUER, "--trusted-root", "root.json"]
COMMANDS = {
    "chain": ["chain", "oci:layout", *IDENTITY, "--builder", f"{BUILDER}=3", "--min-build-level", "3", "--offline"],
    "import": ["trust", "import", "copy", "--as-of", DAY, "--bootstrap", "copy/1.root.json"],
    "show": ["trust", "show", "root.json"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_socket_is_made(place: Path, name: str) -> None:
    """The interpreter's audit events hold no socket, connection or name lookup."""
    done = _run(place, *COMMANDS[name])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_without_any_interface(place: Path, name: str) -> None:
    """In a network namespace that has none, everything works all the same."""
    done = _run(place, *COMMANDS[name], before=_unshare())
    assert done.returncode == 0, done.stdout + done.stderr


def test_offline_refuses_a_registry(place: Path) -> None:
    """A tag cannot be resolved offline, and nothing is asked."""
    done = _run(place, "chain", "registry.example/app:1", *IDENTITY, "--offline")
    assert done.returncode == 2
    assert "cannot be resolved offline" in done.stderr
