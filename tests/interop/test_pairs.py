"""Every row of docs/interop.md, on three registries, of which only ours has the referrers API; and the page itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.oci import attach
from tests.fakes.docker_registry import crane_registry, docker_registry
from tests.fakes.registry import FakeRegistry
from tests.interop.page import PAGE, page
from tests.interop.pairs import PAIRS, Bench, Pair
from tests.tools import repository, tool

_CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
REGISTRIES = ("docker-registry", "crane", "referrers API")


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Keys, a registry with an image, and the programs."""
    monkeypatch.setattr(attach, "SETTLE_SECONDS", 0.01)
    for name, value in {
        "XDG_CACHE_HOME": _CACHE,
        "COSIGN_PASSWORD": "",
        "HOME": str(tmp_path),
        "GATE_OPA": str(tool("opa")),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GATE_STORE", raising=False)
    if request.param == "docker-registry":
        (tmp_path / "registry").mkdir()
        with docker_registry(tmp_path / "registry") as host:
            yield Bench(tmp_path, host)
    elif request.param == "crane":
        with crane_registry(tool("crane")) as host:
            yield Bench(tmp_path, host)
    else:
        with FakeRegistry() as registry:
            yield Bench(tmp_path, registry.host)


def _cases() -> Iterator[object]:
    for pair in PAIRS:
        for registry in REGISTRIES if pair.everywhere else REGISTRIES[-1:]:
            name = f"{pair.made_by} - {pair.checked_by} - {pair.form} - {registry}".replace("`", "")
            yield pytest.param(registry, pair, id=name)


@pytest.mark.parametrize(("bench", "pair"), list(_cases()), indirect=["bench"])
def test_pair(pair: Pair, bench: Bench) -> None:
    """What the row says."""
    pair.check(bench)


def test_the_page_is_the_table() -> None:
    """``python -m tests.interop.page`` writes it again."""
    assert (repository() / PAGE).read_text() == page()
