"""The commands in docs/keys.md work as they are written there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gate.sign.signer import open_signer
from tests.tools import repository, tool

BLOCKS = re.findall(r"```sh\n(.*?)```", (repository() / "docs/keys.md").read_text(), re.DOTALL)
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


def test_making_a_pair(tmp_path: Path) -> None:
    """The first block makes a pair and prints the digest of its public half."""
    first = BLOCKS[0].replace("export COSIGN_PASSWORD=…", "export COSIGN_PASSWORD=pass")
    assert first != BLOCKS[0]
    out = run(first, tmp_path)
    assert assert_pair(tmp_path, "gate") in out


def test_making_a_pkcs8_pair(tmp_path: Path) -> None:
    """The openssl block makes a pair that signs."""
    if shutil.which("openssl") is None:
        pytest.skip("tool openssl is not here")
    run(BLOCKS[1], tmp_path)
    assert_pair(tmp_path, "gate")


def test_sharing_with_cosign(tmp_path: Path) -> None:
    """The cosign block prints our public key and makes a pair that signs here."""
    run("gate keys generate", tmp_path)
    out = run(BLOCKS[2], tmp_path, tool("cosign"))
    assert out.strip() == (tmp_path / "gate.pub").read_text().strip()
    assert_pair(tmp_path, "cosign")
