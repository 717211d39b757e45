"""Tests of the OPA child and the engine, with the real OPA."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest

from gate.errors import EngineError, PolicyError
from gate.limits import DEFAULT
from gate.policy import capabilities, child
from gate.policy.bundle import BundleSpec, load_policy
from tests.policy.packs import domain, engine, rule, write_pack


def test_results_are_typed_and_sorted(tmp_path: Path) -> None:
    """Results come back by package and set, sorted by rule and term."""
    pack = write_pack(tmp_path, domain(rule("limit", body='some t in ["b", "a"]', term="t")))
    with engine(pack) as made:
        found = made.evaluate(b"{}", ["rules.demo"])
    assert [result.term for result in found.results["rules.demo"]["deny"]] == ["a", "b"]
    assert found.failures == {}


def test_opa_variables_of_the_environment_are_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``OPA_EVAL_DATA`` and its like, which OPA reads as flags, do not reach the child."""
    evil = tmp_path / "evil"
    (evil / "rules/demo").mkdir(parents=True)
    (evil / "rules/demo/more.rego").write_text("package rules.demo\ndeny := set()\n")
    monkeypatch.setenv("OPA_EVAL_DATA", str(evil))
    monkeypatch.setenv("OPA_EVAL_FORMAT", "pretty")
    monkeypatch.setenv("OPA_EVAL_FAIL", "true")
    pack = write_pack(tmp_path / "pack", domain(rule("limit", body="true")))
    with engine(pack) as made:
        assert len(made.evaluate(b"{}", ["rules.demo"]).results["rules.demo"]["deny"]) == 1


@pytest.mark.parametrize("name", sorted(capabilities.FORBIDDEN - {"internal.print", "internal.test_case"}))
def test_forbidden_builtins_do_not_compile(tmp_path: Path, name: str) -> None:
    """A policy that reads the clock, the network, the machine or chance is refused before it runs."""
    arguments = {
        "time.now_ns": "",
        "opa.runtime": "",
        "trace": '"x"',
        "print": '"x"',
        "http.send": "{}",
        "net.lookup_ip_addr": '"x"',
    }
    two = {
        "rand.intn": '"x", 2',
        "uuid.rfc4122": '"x"',
        "rego.parse_module": '"x", "package x"',
        "io.jwt.decode_verify": '"x", {}',
    }
    fallback = {
        "io.jwt.encode_sign": "{}, {}, {}",
        "io.jwt.encode_sign_raw": '"a", "b", "c"',
        "providers.aws.sign_req": "{}, {}, 1",
    }
    call = {**arguments, **two, **fallback}.get(name, '["x"]')
    if name.endswith("with_options"):
        call = '["x"], {}'
    pack = write_pack(
        tmp_path, domain(rule("limit", body=f"x := {name}({call})" if name not in ("trace", "print") else f"{name}({call})"))
    )
    with engine(pack) as made, pytest.raises(PolicyError) as caught:
        made.check()
    assert "rules/demo/demo.rego:" in caught.value.what and name in caught.value.what


def test_capabilities_are_those_of_the_pinned_opa_less_the_forbidden(tmp_path: Path) -> None:
    """The committed file is what the script makes of the pinned OPA's own capabilities."""
    import json

    from gate.policy.opa import PINNED
    from tests.policy.packs import opa

    if opa().version != PINNED:
        pytest.skip(f"opa here is {opa().version}, the committed file is of {PINNED}")
    current = opa().run(["capabilities", "--current"], home=tmp_path, limits=DEFAULT, seconds=30)
    assert capabilities.reduce(json.loads(current.stdout)) == capabilities.PATH.read_bytes()
    kept = {builtin["name"] for builtin in json.loads(capabilities.PATH.read_bytes())["builtins"]}
    assert not kept & capabilities.FORBIDDEN and json.loads(capabilities.PATH.read_bytes())["allow_net"] == []


def test_a_builtin_error_in_one_package_keeps_the_denies_of_another(tmp_path: Path) -> None:
    """The package at fault has no answer and says where; the other one's deny is there."""
    files = domain(rule("limit", body="true")) | domain(rule("div", body="1 / input.zero > 0", domain="bad"), name="bad")
    with engine(write_pack(tmp_path, files)) as made:
        found = made.evaluate(b'{"zero": 0}', ["rules.bad", "rules.demo"])
    assert len(found.results["rules.demo"]["deny"]) == 1
    assert "divide by zero" in found.failures["rules.bad"] and f"{tmp_path}/rules/bad/bad.rego:" in found.failures["rules.bad"]


def test_conflicting_values_are_the_fault_of_their_package(tmp_path: Path) -> None:
    """Two values of one complete rule, which only shows on some input, end like a builtin error."""
    text = 'level := "a" if input.x\nlevel := "b" if input.x\n\n' + rule("limit", body='level == "a"')
    with engine(write_pack(tmp_path, domain(text))) as made:
        found = made.evaluate(b'{"x": true}', ["rules.demo"])
    assert "conflicting values" in found.failures["rules.demo"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x := [\n", "rules/demo/demo.rego:"),
        (rule("limit", body="nothing_like_it(1)"), "undefined function nothing_like_it"),
        (rule("limit", body="data.rules.demo.limit.x == y"), "y is unsafe"),
    ],
)
def test_compile_errors_name_file_and_row(tmp_path: Path, text: str, message: str) -> None:
    """A policy that does not compile is exit 2, and the place is that in the pack, not in a temporary directory."""
    with engine(write_pack(tmp_path, domain(text))) as made, pytest.raises(PolicyError) as caught:
        made.evaluate(b"{}", made.inventory.packages)
    assert message in caught.value.what and f"{tmp_path}/rules/demo/demo.rego" in caught.value.what
    assert "gate-policy-" not in caught.value.what


BOMB = "some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); some c in numbers.range(1, 3000); a + b + c < 0"


def test_an_evaluation_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """A time-out is EngineError (exit 3), and comes in time."""
    limits = dataclasses.replace(DEFAULT, engine_seconds=1.0)
    with engine(write_pack(tmp_path, domain(rule("bomb", body=BOMB))), limits=limits) as made:
        _ = made.inventory
        start = time.monotonic()
        with pytest.raises(EngineError, match="engine_seconds"):
            made.evaluate(b"{}", ["rules.demo"])
    assert time.monotonic() - start < 8


def test_an_answer_that_is_too_large_is_cut_off(tmp_path: Path) -> None:
    """Output beyond engine_output_bytes is EngineError, not memory."""
    limits = dataclasses.replace(DEFAULT, engine_output_bytes=1_000_000)
    pack = write_pack(tmp_path, domain(rule("many", body="some n in numbers.range(1, 30000)", term='sprintf("%d", [n])')))
    with engine(pack, limits=limits) as made, pytest.raises(EngineError, match="engine_output_bytes"):
        made.evaluate(b"{}", ["rules.demo"])


def test_an_opa_without_memory_is_an_engine_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash says nothing about the policy: exit 3, not 2."""
    monkeypatch.setattr(child, "_VIRTUAL_SLACK", 200 * 1024 * 1024)
    limits = dataclasses.replace(DEFAULT, engine_memory_bytes=100 * 1024 * 1024)
    with (
        engine(write_pack(tmp_path, domain(rule("limit"))), limits=limits) as made,
        pytest.raises(EngineError, match="out of memory"),
    ):
        _ = made.inventory


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ('"text"', "no result"),
        ('{"rule": "demo.limit"}', "no result"),
        ('{"rule": "demo.limit", "msg": 3}', "no result"),
        ('{"rule": "demo.limit", "msg": "m", "sevrity": "low"}', "no result"),
        ('{"rule": "demo.other", "msg": "m"}', "unknown rule 'demo.other'"),
    ],
)
def test_an_element_that_is_no_result_is_a_policy_error(tmp_path: Path, element: str, message: str) -> None:
    """Nothing in a set is ignored: a malformed element or an unknown rule id ends in exit 2."""
    text = rule("limit").split("deny contains")[0] + f"deny contains {element}\n"
    with engine(write_pack(tmp_path, domain(text))) as made, pytest.raises(PolicyError, match=message):
        made.evaluate(b"{}", ["rules.demo"])


def test_a_package_may_not_speak_for_another(tmp_path: Path) -> None:
    """A result of another package's rule is refused."""
    files = domain(rule("limit")) | domain(rule("x", body="true", rule_id="demo.limit", domain="other"), name="other")
    with engine(write_pack(tmp_path, files)) as made, pytest.raises(PolicyError, match=r"speaks for the rule demo\.limit"):
        made.evaluate(b"{}", ["rules.demo", "rules.other"])


def test_the_query_names_exactly_the_declared_sets(tmp_path: Path) -> None:
    """What is asked follows from the inventory, with every name quoted."""
    with engine(write_pack(tmp_path, domain(rule("limit") + rule("hint", into="warn")))) as made:
        query = made.inventory.query(["rules.demo"])
    assert query == '{"rules.demo":{"deny":data["rules"]["demo"]["deny"],"warn":data["rules"]["demo"]["warn"]}}'


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private directory is gone when the engine is left, also after an error."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with pytest.raises(PolicyError), engine(write_pack(tmp_path / "pack", domain("x := ["))) as made:
        folder = next((tmp_path / "tmp").iterdir())
        assert folder.stat().st_mode & 0o77 == 0
        _ = made.inventory
    assert os.listdir(tmp_path / "tmp") == []


def test_the_projects_own_pack_compiles_and_is_described() -> None:
    """Every first-party rule has METADATA and compiles under the capabilities."""
    from gate.policy.engine import Engine
    from tests.policy.packs import opa

    with Engine(opa(), load_policy([BundleSpec("default")], DEFAULT), DEFAULT) as made:
        made.check()
        assert len(made.inventory.rules) > 20
