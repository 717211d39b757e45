"""Running what the pages tell people to type, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests import samples
from tests.tools import cache_folder, repository

__all__ = ["bare_layout", "gate_command", "run_script"]


def bare_layout(target: Path, name: str = "clean") -> str:
    """A copy of a sample image with nothing attached: only its own blobs, as a build would leave it. Returns its digest."""
    source = samples.layout(name)
    index = json.loads((source / "index.json").read_bytes())
    root = index["manifests"][0]
    manifest = json.loads((source / "blobs" / "sha256" / root["digest"][7:]).read_bytes())
    (target / "blobs" / "sha256").mkdir(parents=True)
    for digest in (root["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])):
        shutil.copy(source / "blobs" / "sha256" / digest[7:], target / "blobs" / "sha256")
    shutil.copy(source / "oci-layout", target)
    (target / "index.json").write_text(json.dumps({**index, "manifests": [root]}))
    return str(root["digest"])


def gate_command(folder: Path, extra: Mapping[str, str]) -> Path:
    """A folder for PATH with a `gate` that adds flags to the commands named: what only a test needs to say."""
    path = folder / "bin" / "gate"
    path.parent.mkdir(parents=True)
    cases = "".join(f'  "{words}"*) set -- "$@" {flags} ;;\n' for words, flags in extra.items())
    path.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexec {sys.executable} -m gate "$@"\n')
    path.chmod(0o755)
    return path.parent


def run_script(
    script: str, folder: Path, *, path: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Bash, stopping at the first failure; home, store and caches are in the folder, programs those of `make tools`."""
    base = {
        "PATH": os.pathsep.join((str(path), str(cache_folder() / "bin"), os.environ.get("PATH", ""))),
        "HOME": str(folder),
        "GATE_STORE": str(folder / "store"),
        "PYTHONPATH": str(repository()),
        "COSIGN_PASSWORD": "",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**base, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
