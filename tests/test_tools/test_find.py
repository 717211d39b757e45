"""Finding external programs in tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tools


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Forget what was found, before and after."""
    tools.find.cache_clear()
    yield
    tools.find.cache_clear()


def test_the_cache_comes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pinned program of the cache is preferred to whatever PATH has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = tmp_path / "policy-gate" / "tools" / "bin" / "git"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert tools.find("git") == program


def test_a_missing_optional_program_skips_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The skip names the program and the command that provides it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match=r"tool zot is not here \(make tools-extra\)"):
        tools.tool("zot")


def test_missing_opa_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """opa is never optional: its absence fails a test instead of skipping it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="never optional"):
        tools.tool("opa")
