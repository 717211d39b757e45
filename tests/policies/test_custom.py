"""A rule of one's own, in one file of another pack, as docs/custom-rules.md shows it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gate.limits import DEFAULT
from gate.model.base import to_json
from gate.model.input import Input
from gate.policy.bundle import load_policy, parse_spec
from gate.policy.engine import Engine
from gate.policy.opa import OpaBinary
from tests.policies.opa import fired, opa
from tests.policies.paths import POLICIES, REPOSITORY, SCHEMA
from tests.policies.samples import make_input
from tests.tools import tool

_PACK = Path(__file__).resolve().parent / "custom" / "acme-pack"


def _referred_to(reference: str) -> Input:
    document = make_input()
    return msgspec.structs.replace(document, subject=msgspec.structs.replace(document.subject, reference=reference))


@pytest.mark.parametrize(
    ("reference", "denied"),
    [
        ("registry.example/acme/app:latest", True),
        ("registry.example/acme/app", True),
        ("registry.example:5000/app", True),
        ("registry.example/acme/app:1.0", False),
        ("registry.example/acme/app@sha256:" + "0" * 64, False),
    ],
)
def test_one_file_is_a_pack(reference: str, denied: bool) -> None:
    """The rule runs beside those that come with the gate, and uses their library."""
    found = fired(_referred_to(reference), POLICIES, _PACK)
    assert found["deny"] == ({"acme.no_latest_tag"} if denied else set())


def test_the_gate_knows_the_rule() -> None:
    """The engine lists it with its METADATA and evaluates it without being told more."""
    policy = load_policy([parse_spec(str(_PACK))], DEFAULT)
    with OpaBinary(tool("opa")) as binary, Engine(binary, policy, DEFAULT) as engine:
        rule = engine.inventory.rules["acme.no_latest_tag"]
        answer = engine.evaluate(to_json(_referred_to("app:latest")), ["rules.acme"])
    assert (rule.package, rule.set, rule.custom.collections) == ("rules.acme", "deny", ("acme",))
    [result] = answer.results["rules.acme"]["deny"]
    assert result.msg == "app:latest is referred to by the tag latest"


def test_the_rule_checks_against_the_schema() -> None:
    """The command that the page gives for checking a rule while writing it."""
    done = opa("check", "--strict", "--schema", str(SCHEMA), str(POLICIES / "lib"), str(_PACK))
    assert done.returncode == 0, done.stderr.decode()


def test_the_page_shows_the_rule_that_is_tested() -> None:
    """The documentation has the very text of the file."""
    page = (REPOSITORY / "docs" / "custom-rules.md").read_text("utf-8")
    source = (_PACK / "rules" / "acme" / "acme.rego").read_text("utf-8")
    assert source.strip() in page
