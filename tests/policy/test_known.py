"""Kept answers about the gate's own pack are for its exact bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.limits import Limits
from gate.policy import known
from gate.policy.bundle import load_policy
from gate.policy.engine import Engine
from gate.policy.opa import OpaBinary
from tests.tools import tool

LIMITS = Limits()


@pytest.fixture(scope="module")
def rego() -> dict[str, str]:
    """The Rego of the gate's own pack."""
    with OpaBinary(tool("opa")) as binary, Engine(binary, load_policy([], LIMITS), LIMITS) as engine:
        return engine.rego


def test_the_own_pack_is_known_and_read_as_opa_reads_it(rego: dict[str, str]) -> None:
    """The inventory from the kept answers is the one that OPA gives now."""
    with OpaBinary(tool("opa")) as binary, Engine(binary, load_policy([], LIMITS), LIMITS) as engine:
        kept = known.answers(rego)
        assert kept is not None
        packages, annotations, heads = engine.ask_inventory()
        assert (kept.packages, kept.annotations, kept.heads) == (packages, annotations, heads)


@pytest.mark.parametrize("change", ["text", "name", "more", "fewer", "swapped"])
def test_any_other_pack_is_not(rego: dict[str, str], change: str) -> None:
    """One byte, one name, one file more or fewer, two texts swapped: OPA is asked."""
    other = dict(rego)
    first, second = sorted(other)[:2]
    if change == "text":
        other[first] += "\n"
    elif change == "name":
        other[f"{first}x"] = other.pop(first)
    elif change == "more":
        other["rules/x/x.rego"] = "package rules.x"
    elif change == "fewer":
        del other[first]
    else:
        other[first], other[second] = other[second], other[first]
    assert known.answers(other) is None


def test_without_the_file_opa_is_asked(rego: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file saves time and nothing rests on it."""
    monkeypatch.setattr(known, "PATH", tmp_path / "gone.json")
    assert known.answers(rego) is None
