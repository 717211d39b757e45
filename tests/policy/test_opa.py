"""Tests of finding OPA and of running the file that was hashed."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from gate.errors import EngineError, EngineMissing
from gate.limits import DEFAULT
from gate.policy.opa import OpaBinary, find_opa
from tests.tools import tool


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


FAKE = 'echo "Version: 1.99.0"\n'


def test_the_real_opa_has_a_version_and_the_digest_of_its_file() -> None:
    """Both are what the verdict records."""
    path = tool("opa")
    with OpaBinary(path) as binary:
        assert binary.version.startswith("1.")
        assert binary.digest == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_order_of_places(tmp_path: Path) -> None:
    """GATE_OPA, PATH, then the tool cache."""
    named = script(tmp_path / "named/opa", FAKE)
    on_path = script(tmp_path / "bin/opa", FAKE)
    cached = script(tmp_path / "home/.cache/policy-gate/tools/bin/opa", FAKE)
    environ = {"GATE_OPA": str(named), "PATH": str(on_path.parent), "HOME": str(tmp_path / "home")}
    for key, expected in (("", named), ("GATE_OPA", on_path), ("PATH", cached)):
        environ.pop(key, None)
        with find_opa(environ) as binary:
            assert binary.path == expected and binary.version == "1.99.0"
    environ["HOME"] = str(tmp_path)
    with pytest.raises(EngineMissing) as caught:
        find_opa(environ)
    assert "go install github.com/open-policy-agent/opa@v" in caught.value.fix


def test_a_named_opa_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """It is not passed over for another one."""
    environ = {"GATE_OPA": str(tmp_path / "none"), "PATH": str(script(tmp_path / "bin/opa", FAKE).parent)}
    with pytest.raises(EngineMissing, match="GATE_OPA"):
        find_opa(environ)


def test_relative_entries_of_path_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory that is being judged does not bring the engine."""
    script(tmp_path / "opa", FAKE)
    monkeypatch.chdir(tmp_path)
    for path in (".", "", ":", "./"):
        with pytest.raises(EngineMissing):
            find_opa({"PATH": path})


@pytest.mark.parametrize("text", ["echo hello\n", "exit 3\n", 'echo "Version: 0.68.0"\n'])
def test_what_is_no_opa_of_version_1_is_refused(tmp_path: Path, text: str) -> None:
    """Rego v1 needs OPA 1.x."""
    with OpaBinary(script(tmp_path / "opa", text)) as binary, pytest.raises(EngineMissing):
        _ = binary.version


def test_a_swapped_file_does_not_run(tmp_path: Path) -> None:
    """After opening, another file under the same name changes nothing: the opened one runs, and the swap is told."""
    path = tmp_path / "opa"
    shutil.copy(tool("opa"), path)
    with OpaBinary(path) as binary:
        assert binary.digest.startswith("sha256:")
        os.replace(script(tmp_path / "evil", 'echo "Version: 1.66.6"\n'), path)
        assert binary.version != "1.66.6"
        with pytest.raises(EngineError, match="changed while it was in use"):
            _ = binary.digest


def test_a_file_rewritten_in_place_is_noticed(tmp_path: Path) -> None:
    """The digest is only handed out when size and times are those of the opened file."""
    path = script(tmp_path / "opa", FAKE)
    with OpaBinary(path) as binary:
        _ = binary.digest
        path.write_text("#!/bin/sh\necho other\n")
        with pytest.raises(EngineError, match="changed"):
            _ = binary.digest


def test_the_child_gets_no_environment_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets and OPA's own variables stay with the parent; time zone and memory bound are set."""
    monkeypatch.setenv("OPA_EVAL_DATA", "/etc")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with OpaBinary(script(tmp_path / "opa", "/usr/bin/env\n")) as binary:
        done = binary.run([], home=tmp_path, limits=DEFAULT, seconds=10)
    names = {line.split("=")[0] for line in done.stdout.decode().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"HOME", "TMPDIR", "TZ", "LC_ALL", "GOGC", "GOMEMLIMIT", "GOTRACEBACK"}
    assert "TZ=UTC" in done.stdout.decode()


def test_a_child_that_hangs_is_killed_with_its_group(tmp_path: Path) -> None:
    """Also what it started, so that nothing stays behind."""
    marker = tmp_path / "pid"
    binary = OpaBinary(script(tmp_path / "opa", f"sleep 60 & echo $! > {marker}; wait\n"))
    with binary, pytest.raises(EngineError, match="engine_seconds"):
        binary.run([], home=tmp_path, limits=DEFAULT, seconds=1)
    pid = int(marker.read_text())
    state = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 10  # the signal is sent before the call returns, and takes effect when the kernel gets to it
    while _runs(state) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(state)


def _runs(state: Path) -> bool:
    try:
        return state.read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
