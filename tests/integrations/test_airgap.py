"""The archive for machines without a network: the same bytes each time, and it installs and decides with no interface at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from tests import samples
from tests.docs.pages import code_blocks
from tests.docs.shell import bare_layout
from tests.tools import repository, tool
from tools.airgap import own_wheel

_EPOCH = 1_700_000_000


def _run(command: list[str | Path], **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, "SOURCE_DATE_EPOCH": str(_EPOCH), **environ}, capture_output=True, text=True, check=False,
        timeout=250, cwd=repository(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive with OPA, grype and its database: syft is copied in the same way."""
    tool("opa"), tool("grype")
    path = tmp_path_factory.mktemp("airgap") / "gate.tar"
    done = _run([sys.executable, "-m", "tools.airgap", "archive", path, "--tools", "opa,grype", "--database", samples.grype_db()])
    if done.returncode and "pip" in done.stderr:
        pytest.skip("the locked wheels cannot be had here (pip download)")
    assert done.returncode == 0, done.stderr
    return path


def _unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)  # Debian 12's Python, 3.11.2, knows none
        tar.extractall(folder)
    return folder / "policy-gate-airgap"


def test_the_same_bytes_each_time(archive: Path, tmp_path: Path) -> None:
    """Nothing of this machine, user or hour is in it, and our wheel is the same when it is built again."""
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
        assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
        assert {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {(0, 0, "", "", _EPOCH)}
    kept = tmp_path / "kept"  # so that nobody changes anything between the two
    for part in ("gate", "policies", "integrations"):
        shutil.copytree(repository() / part, kept / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository() / part, kept)
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(hashlib.sha256(own_wheel(tmp_path / name, _EPOCH, kept).read_bytes()).hexdigest())
    assert made[0] == made[1]


def test_it_installs_and_decides_without_a_network(archive: Path, tmp_path: Path) -> None:
    """In a network namespace without interfaces: the installer ends well, the demonstration denies and allows, grype scans."""
    alone: list[str | Path] = ["unshare", "--map-root-user", "--net"]
    if _run([*alone, "true"]).returncode:
        pytest.skip("unshare --net is not permitted here")
    folder, prefix = _unpack(archive, tmp_path), tmp_path / "prefix"
    lines = _run([*alone, "sh", "-c", "tail -n +3 /proc/net/dev"]).stdout.split()
    assert [word for word in lines if word.endswith(":")] in ([], ["lo:"])
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": sys.executable, "PYTHONPATH": "", "PIP_NO_COMPILE": "1"}
    done = _run([*alone, folder / "install", prefix], **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready: gate verify IMAGE" in done.stdout
    demo = prefix / "share/policy-gate/demo/tools/demo.py"
    shown = _run([*alone, prefix / "bin/python", demo], **{**environ, "PATH": f"{prefix / 'bin'}:/usr/bin:/bin"})
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "A DENY (exit code 1) with its reasons, an ALLOW (exit code 0) with its signed summary." in shown.stdout
    bare_layout(tmp_path / "image", "vulnerable")
    environ |= {"PATH": f"{prefix / 'bin'}:/usr/bin:/bin", "GRYPE_DB_CACHE_DIR": str(prefix / "share/policy-gate/grype")}
    scan = [
        *alone,
        "gate",
        "verify",
        f"oci:{tmp_path / 'image'}",
        "--profile",
        "dev",
        "--max-critical",
        "0",
        "--scan",
        "--offline",
    ]
    scanned = _run(scan, **environ)
    assert scanned.returncode == 1 and "CVE-2018-7750" in scanned.stdout, scanned.stdout + scanned.stderr
    assert {"gate-ci", "gate-predeploy", "opa"} <= {path.name for path in (prefix / "bin").iterdir()}


def test_a_damaged_archive_is_not_installed(archive: Path, tmp_path: Path) -> None:
    """A changed program, a further wheel that pip would prefer, or another Python: nothing is installed."""
    folder = _unpack(archive, tmp_path)
    with (folder / "tools" / "opa").open("ab") as file:
        file.write(b"x")
    done = _run([folder / "install", tmp_path / "prefix"], PYTHON=sys.executable)
    assert done.returncode == 3 and "the archive is damaged" in done.stderr
    (folder / "SHA256SUMS").write_text("")
    (folder / "PYTHON").write_text("2.7 vax\n")
    assert _run([folder / "install", tmp_path / "prefix"], PYTHON=sys.executable).returncode in (2, 3)
    assert not (tmp_path / "prefix").exists()


def test_the_readmes_installation(archive: Path, tmp_path: Path) -> None:
    """`integrations/install` with GATE_WHEELS, as the README types it: the gate, its scripts and OPA are on the PATH, also of
    GitHub's later steps. That all wheels install by their hashes is shown above; here they are this environment's."""
    wheels, handed = tmp_path / "wheels", tmp_path / "path"
    own = next((_unpack(archive, tmp_path) / "wheels").glob("policy_gate-*.whl"))
    wheels.mkdir()
    shutil.copy(own, wheels)
    pinned = (own.parent / "requirements.txt").read_text().splitlines()[-1]
    (wheels / "requirements.txt").write_text(pinned + "\n")
    readme = (repository() / "README.md").read_text("utf-8")
    [script] = [block.text for block in code_blocks(readme) if "integrations/install" in block.text]
    (tmp_path / "policy-gate").symlink_to(repository())
    _run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".gate"])
    environ = {"GATE_WHEELS": str(wheels), "GITHUB_PATH": str(handed), "PYTHON": sys.executable}
    environ |= {
        "PIP_NO_COMPILE": "1",
        "PIP_NO_DEPS": "1",
        "PIP_FORCE_REINSTALL": "1",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
    done = _run(["sh", "-euc", f"cd {tmp_path}\n{script}\ncommand -v gate"], **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready: gate verify IMAGE" in done.stdout
    assert f"{tmp_path}/.gate/bin/gate\n" in done.stdout
    path = os.pathsep.join([*handed.read_text().split(), "/usr/bin", "/bin"])
    found = {name: shutil.which(name, path=path) for name in ("gate", "gate-ci", "gate-predeploy", "opa")}
    assert None not in found.values()


def test_the_image_downloads_nothing_and_is_not_root() -> None:
    """The Dockerfile starts from what the builder names, by no default, and ends as a numeric user."""
    text = (repository() / "Dockerfile").read_text("utf-8")
    steps = [line for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    assert [step for step in steps if step.startswith("FROM ")] == ["FROM ${BASE} AS install", "FROM ${BASE}"]
    assert all(step == "ARG BASE" for step in steps if step.startswith("ARG BASE"))
    assert [step for step in steps if step.startswith("USER ")] == ["USER 65532:65532"]
    assert steps.index("USER 65532:65532") > max(n for n, step in enumerate(steps) if step.startswith("COPY "))
    assert not re.search(r"\b(curl|wget|apt-get|apk|pip install|ADD) ", text)
