"""What the tests of `gate.oci` share: bounds that fail fast, options without this machine's credentials, registries."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gate.limits import DEFAULT, Limits
from gate.oci import transport
from gate.oci.options import RegistryOptions
from gate.oci.source import ImageSource, open_source
from tests.fakes.registry import FakeRegistry

Opener = Callable[[str], ImageSource]


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between tries are real, but short."""
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def limits() -> Limits:
    """The default bounds, with little patience."""
    return dataclasses.replace(DEFAULT, http_seconds=1.0, http_retries=2)


@pytest.fixture
def options(tmp_path: Path) -> Iterator[RegistryOptions]:
    """Options of a user with an empty home."""
    made = RegistryOptions(environ={"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]})
    yield made
    made.close()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """An open registry with the referrers API."""
    with FakeRegistry() as made:
        yield made


@pytest.fixture
def opener(options: RegistryOptions, limits: Limits) -> Iterator[Opener]:
    """Opens sources and closes them at the end."""
    opened: list[ImageSource] = []

    def make(text: str) -> ImageSource:
        source = open_source(text, options=options, limits=limits)
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.close()


@pytest.fixture
def corpus() -> Path:
    """The folder of real documents; skips the test, by name, without it."""
    named = os.environ.get("GATE_CORPUS")
    path = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "corpus"
    if not path.is_dir():
        pytest.skip(f"the corpus folder (GATE_CORPUS) is not at {path}")
    return path
