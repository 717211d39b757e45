"""The commands in docs/keys.md work as they are written there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.__main__ import run as gate
from gate.sign.signer import SERVICES, open_signer
from gate.trust.keys import load_public_key
from tests.sign.servers.sigstore import instance
from tests.sign.servers.sigstore import token as identity_token
from tests.tools import repository, tool

PAGE = (repository() / "docs/keys.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PASSWORD = {"COSIGN_PASSWORD": "pass"}


def run(script: str, folder: Path, *programs: Path) -> str:
    """Run the text of a block in `folder`, with ``gate`` and the programs on PATH."""
    here = folder / "bin"
    here.mkdir(exist_ok=True)
    gate = here / "gate"
    gate.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gate "$@"\n')
    gate.chmod(0o755)
    path = os.pathsep.join([str(here), *(str(program.parent) for program in programs), os.environ["PATH"]])
    environ = {"PATH": path, "HOME": str(folder), "PYTHONPATH": str(repository()), **PASSWORD}
    done = subprocess.run(["sh", "-e", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_pair(folder: Path, name: str) -> str:
    """The private half opens and belongs to the public half; returns its digest."""
    key = open_signer(str(folder / f"{name}.key"), PASSWORD).public_key
    assert key.pem == (folder / f"{name}.pub").read_bytes()
    return key.key_id


def block(heading: str) -> str:
    """The first block of commands under that heading."""
    text = PAGE.partition(f"\n## {heading}\n")[2]
    found = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert found, heading
    return found[1]


def commands(heading: str) -> list[list[str]]:
    """The commands of that block, each as its arguments after ``gate``."""
    lines = [shlex.split(line, comments=True) for line in block(heading).splitlines()]
    assert all(line[0] == "gate" for line in lines)
    return [line[1:] for line in lines]


def test_making_a_pair(tmp_path: Path) -> None:
    """The first block makes a pair and prints the digest of its public half."""
    first = BLOCKS[0].replace("export COSIGN_PASSWORD=…", "export COSIGN_PASSWORD=pass")
    assert first != BLOCKS[0]
    out = run(first, tmp_path)
    assert assert_pair(tmp_path, "gate") in out


def test_pinning(tmp_path: Path) -> None:
    """The block about pins works on the pair that was made, and says that nothing was rotated."""
    run("gate keys generate", tmp_path)
    assert "same     sha256:" in run(block("Pin, and notice a rotation"), tmp_path)
    assert (tmp_path / "pinned.pub").read_bytes() == (tmp_path / "gate.pub").read_bytes()


def _token(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> None:
    held = request.getfixturevalue("token")
    for name, value in held.environ.items():
        patch.setenv(name, value)


def _vault(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> None:
    for name, value in request.getfixturevalue("bao").environ.items():
        patch.setenv(name, value)


SERVERS: dict[str, Callable[[pytest.FixtureRequest, pytest.MonkeyPatch], object]] = {
    "AWS KMS": lambda request, patch: request.getfixturevalue("aws"),
    "Google Cloud KMS": lambda request, patch: request.getfixturevalue("gcp"),
    "Azure Key Vault": lambda request, patch: request.getfixturevalue("azure"),
    "Vault and OpenBao": _vault,
    "Hardware modules": _token,
}


@pytest.mark.parametrize("heading", SERVERS)
def test_keys_in_services(
    heading: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The commands of each service work as they are written there, on a server of its kind."""
    SERVERS[heading](request, monkeypatch)
    monkeypatch.chdir(tmp_path)
    for arguments in commands(heading):
        assert gate(arguments) == 0, capsys.readouterr().err
    assert "same     sha256:" in capsys.readouterr().out
    load_public_key((tmp_path / "gate.pub").read_bytes())


def test_keyless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command without a key works under a private instance; the rest of what it needs stands in for yours."""
    tool("opa")
    text = block("Keyless").replace('"$IMAGE"', f"oci:{repository()}/testdata/images/clean")
    text = text.replace("cosign.pub", f"{repository()}/testdata/keys/cosign.pub")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", identity_token())
    ages = ["--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500"]
    with instance(tmp_path) as private:
        _, config = private.write()
        more = [*ages, "--resource-uri", "oci://registry.example/clean"]
        arguments = shlex.split(text.replace("keyless://", f"keyless://{config}"))[1:]
        assert gate([*arguments, *more]) == 0, capsys.readouterr().err
    assert list(tmp_path.glob("*.vsa.sigstore.json"))


def test_every_kind_of_key_is_described() -> None:
    """Each scheme has a row in the table, and each extra is named."""
    for scheme in SERVICES:
        assert f"| `{scheme}:" in PAGE or f", `{scheme}:" in PAGE
    extras = tomllib.loads((repository() / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in ("aws", "azure", "gcp", "keyless", "pkcs11"):
        assert extra in extras
        assert f"`policy-gate[{extra}]`" in PAGE


def test_making_a_pkcs8_pair(tmp_path: Path) -> None:
    """The openssl block makes a pair that signs."""
    if shutil.which("openssl") is None:
        pytest.skip("tool openssl is not here")
    run(block("FIPS 140"), tmp_path)
    assert_pair(tmp_path, "gate")


def test_sharing_with_cosign(tmp_path: Path) -> None:
    """The cosign block prints our public key and makes a pair that signs here."""
    run("gate keys generate", tmp_path)
    out = run(block("With cosign"), tmp_path, tool("cosign"))
    assert out.strip() == (tmp_path / "gate.pub").read_text().strip()
    assert_pair(tmp_path, "cosign")
