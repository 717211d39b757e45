"""`pip install .` gives what the README says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.tools import cache_folder, repository, tool


def _install(target: Path, source: Path) -> None:
    """Without the network: the build back end and the dependencies are those of this environment."""
    flags = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *flags, "--target", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr


def test_the_installed_gate_has_its_rules(tmp_path: Path) -> None:
    """The command of the installed package starts outside the source tree and compiles the rules that came with it."""
    tool("opa")
    target = tmp_path / "site"
    _install(target, repository())
    environ = {
        "PATH": os.pathsep.join((str(cache_folder() / "bin"), os.environ.get("PATH", ""))),
        "HOME": str(tmp_path),
        "PYTHONPATH": str(target),
    }
    code = "import gate, sys; from gate.__main__ import run; print(gate.__file__, flush=True); sys.exit(run(['policy', 'check']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(target))
    assert "everything compiles" in done.stdout
    assert (target / "bin" / "gate").is_file()
