"""A gate with a store of its own, and a laboratory for images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.gate import Gate
from tests.e2e.lab import Lab


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Gate:
    """`gate` in this process, under a home and a store that nothing else uses."""
    home = tmp_path / "gate"
    home.mkdir()
    return Gate(home, monkeypatch, capfd)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Makes and signs images below the test's own folder."""
    folder = tmp_path / "lab"
    folder.mkdir()
    return Lab(folder)
