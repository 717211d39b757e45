"""The annotation linter: what each rule and package says of itself is whole, true and tested."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from gate.model.parameters import Parameters
from tests.policies.opa import query
from tests.policies.paths import POLICIES
from tests.policies.rules import SETS, Rule, anchor, described

_FOUND = described()
_IDS = [rule.id for rule in _FOUND.rules]
_KEYS = {"short_name", "failure_msg", "solution", "severity", "waivable", "controls", "applies_to", "collections", "ref"}
_OPTIONAL = {"parameter", "requires_evidence", "effective_on", "depends_on", "rule_data"}
_FRAMEWORKS = {
    "NIST-800-53",
    "NIST-800-190",
    "NIST-SSDF",
    "SLSA",
    "NTIA-SBOM",
    "DISA-SRG",
    "CCI",
    "DISA-STIG",
    "CIS-Docker",
    "dockle",
}
_TEST_NAME = re.compile(r"^(test_\w+)", re.MULTILINE)
_HEAD = re.compile(rf"^({'|'.join(SETS)}) contains ", re.MULTILINE)


def _modules(root: str) -> list[Path]:
    return sorted(path for path in (POLICIES / root).rglob("*.rego") if not path.name.endswith("_test.rego"))


@pytest.mark.parametrize("rule", _FOUND.rules, ids=_IDS)
def test_rule_is_described(rule: Rule) -> None:
    """A rule has every key, with values that mean something."""
    custom = rule.custom
    assert custom.keys() >= _KEYS
    assert custom.keys() <= _KEYS | _OPTIONAL
    assert re.fullmatch(r"[a-z][a-z0-9_]*", custom["short_name"])
    assert rule.title and not rule.title.endswith(".")
    assert rule.description.strip().endswith(".")
    assert custom["solution"].strip().endswith(".")
    assert custom["failure_msg"].strip()
    assert "%s" not in custom["failure_msg"] and "%d" not in custom["failure_msg"], "%v never fails on another type"
    assert custom["severity"] in {"critical", "high", "medium", "low", "info"}
    assert isinstance(custom["waivable"], bool)
    assert set(custom["applies_to"]) <= {"image", "index", "archive", "digest"} and custom["applies_to"]
    assert set(custom["collections"]) <= {"prod", "dev"} and custom["collections"]
    assert custom["ref"] == f"docs/rules.md#{anchor(rule)}"


@pytest.mark.parametrize("rule", _FOUND.rules, ids=_IDS)
def test_rule_refers_to_what_exists(rule: Rule) -> None:
    """Parameters, other rules, controls and dates that a rule names are real."""
    custom = rule.custom
    names = set(Parameters.__struct_fields__)
    assert custom.get("parameter", "max_high") in names
    assert all(set(control) == {"framework", "id"} and control["framework"] in _FRAMEWORKS for control in custom["controls"])
    assert set(custom.get("depends_on", [])) <= set(_IDS)
    for need in custom.get("requires_evidence", []):
        assert need["when"] in names
        assert need["state"] in {"verified", "accepted"}
    if "effective_on" in custom:
        datetime.fromisoformat(custom["effective_on"])


@pytest.mark.parametrize("rule", [rule for rule in _FOUND.rules if rule.set == "no_verdict"], ids=lambda rule: rule.id)
def test_no_verdict_cannot_be_waived(rule: Rule) -> None:
    """A waiver accepts a known risk; what is not known cannot be accepted."""
    assert rule.custom["waivable"] is False


def test_ids_are_unique() -> None:
    """No two rules share an id, not even across the sets."""
    assert len(_IDS) == len(set(_IDS))


def test_every_rule_is_annotated() -> None:
    """As many annotated rules as rules in each file: a rule without METADATA cannot hide beside others."""
    heads = Counter[str]()
    for path in _modules("rules"):
        heads[path.parent.name] += len(_HEAD.findall(path.read_text("utf-8")))
    annotated = {domain: sum(rule.domain == domain for rule in _FOUND.rules) for domain in heads}
    assert heads == annotated


def test_packages_lie_where_their_names_say() -> None:
    """Package path equals file path, and every package has METADATA with a title and a description."""
    for path in (*_modules("rules"), *_modules("lib")):
        package = ".".join(path.parent.relative_to(POLICIES).parts)
        text = path.read_text("utf-8")
        assert f"\npackage {package}\n" in text
        assert len(text.splitlines()) <= 400
        assert {"title", "description"} <= _FOUND.packages[package].keys()


def test_lines_are_short() -> None:
    """Code is at most 120 characters wide; texts in METADATA and tests may be longer."""
    long = [
        f"{path}:{number}"
        for path in (*_modules("rules"), *_modules("lib"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line.expandtabs(4)) > 120 and not line.startswith("#")
    ]
    assert long == []


@pytest.mark.parametrize("domain", sorted({rule.domain for rule in _FOUND.rules}))
def test_every_rule_has_its_four_cases(domain: str) -> None:
    """Each rule is tested to allow, to fire, on an empty field and when nothing is known; no case is of a rule that is gone."""
    cases = query(f"{{name: object.keys(case) | some name, case in data.rules.{domain}_test.cases}}", {}, tests=True)
    assert set(cases) == {rule.custom["short_name"] for rule in _FOUND.rules if rule.domain == domain}
    assert all(set(keys) == {"allows", "fires", "empty_field", "nothing_fires"} for keys in cases.values())
    tests = set(_TEST_NAME.findall((POLICIES / "rules" / domain / f"{domain}_test.rego").read_text("utf-8")))
    assert {"test_allows", "test_fires", "test_empty_field", "test_empty_input"} <= tests
