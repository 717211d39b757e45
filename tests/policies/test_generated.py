"""What is generated is as committed, and the profiles and base inputs are what the contract says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gate.model.base import to_json
from gate.model.input import Input
from gate.model.parameters import Parameters
from gate.policy.parameters import looser
from tests.policies.generate import GENERATED
from tests.policies.opa import query
from tests.policies.paths import REPOSITORY
from tests.policies.samples import make_input, parameters, profile


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_generated_files_are_current(path: Path) -> None:
    """`python -m tests.policies.generate` would change nothing."""
    assert path.read_text("utf-8") == GENERATED[path]()


@pytest.mark.parametrize("name", ["base", "nothing"])
def test_rego_tests_start_from_real_inputs(name: str) -> None:
    """The documents that Rego tests change are inputs that the gate itself could have written, with every field there."""
    found = query(f"data.lib.testing_test.{name}", {}, tests=True)
    document = msgspec.json.decode(to_json(found), type=Input)
    assert msgspec.json.decode(to_json(document)) == found


@pytest.mark.parametrize("name", ["prod", "dev"])
def test_profiles_say_every_parameter(name: str) -> None:
    """A profile has each parameter with its type, and nothing else beside what goes with one."""
    loaded = profile(name)
    assert set(loaded) - {"allow_exit_zero"} == {"description", "select", "enforcement", "params"}
    assert loaded.get("allow_exit_zero", False) is (name == "dev")
    assert set(loaded["params"]) == set(Parameters.__struct_fields__)
    assert isinstance(parameters(name), Parameters)
    assert loaded["select"] == ["*"], "rules of other packs run under a shipped profile too"
    assert loaded["enforcement"] == {}


def test_prod_is_nowhere_looser_than_dev() -> None:
    """What passes in production would have passed in development."""
    assert [spec.name for spec in looser(parameters("dev"), parameters("prod"))] == []


def test_profiles_are_where_the_engine_looks() -> None:
    """The data file of a profile lands at `data.profiles.<name>`."""
    found = query("data.profiles", make_input())
    assert {name: found[name]["params"]["max_critical"] for name in found} == {"prod": 0, "dev": 10}
