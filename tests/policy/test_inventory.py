"""Tests of the inventory: what METADATA must say, and who owns which package."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.errors import PolicyError
from tests.policy.packs import domain, engine, rule, write_pack

GOOD = rule("limit", requires_evidence=[{"kind": "vulnerabilities", "when": "require_scan"}], parameter="max_high")


def refused(tmp_path: Path, *files: dict[str, str]) -> PolicyError:
    folders = [write_pack(tmp_path / f"pack{index}", each, name=f"pack{index}") for index, each in enumerate(files)]
    with pytest.raises(PolicyError) as caught, engine(*folders) as made:
        _ = made.inventory
    return caught.value


def test_a_described_rule_is_listed_with_its_place(tmp_path: Path) -> None:
    """Id, package, set, file and row, requirements and parameter come from METADATA."""
    with engine(write_pack(tmp_path, domain(GOOD, rule("hint", into="warn")))) as made:
        found = made.inventory
    meta = found.rules["demo.limit"]
    assert (meta.package, meta.set, meta.location) == ("rules.demo", "deny", f"{tmp_path}/rules/demo/demo.rego:15")
    assert meta.custom.requires_evidence[0].kind == "vulnerabilities"
    assert found.packages == {"rules.demo": ("deny", "warn")}


def test_a_rule_without_metadata_is_refused(tmp_path: Path) -> None:
    """A second, undescribed body of a set would be a rule that nobody misses."""
    problem = refused(tmp_path, domain(GOOD, 'deny contains {"rule": "demo.limit", "msg": "m"} if input.x\n'))
    assert "2 deny rules, 1 of them with METADATA" in problem.what


def test_two_metadata_blocks_on_one_rule_do_not_cover_two(tmp_path: Path) -> None:
    """Counting blocks is not enough: each has to be on a rule of its own."""
    twice = GOOD.split("deny contains")[0].replace("limit", "other") + GOOD
    problem = refused(tmp_path, domain(twice, 'deny contains {"rule": "demo.limit", "msg": "m"} if input.x\n'))
    assert "1 of them with METADATA" in problem.what


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("limit", solution=None), "lacks 'solution'"),
        (rule("limit", collections=None), "lacks 'collections'"),
        (rule("limit", waivable=None), "lacks 'waivable'"),
        (rule("limit", requires_evidnce=[]), "unknown key 'requires_evidnce'"),
        (rule("limit", severity="fatal"), "severity is 'fatal'"),
        (rule("limit", requires_evidence=[{"kind": "scan"}]), "kind is 'scan'"),
        (rule("limit", requires_evidence=[{"kind": "sbom", "when": "require_sbon"}]), "names the parameter 'require_sbon'"),
        (rule("limit", parameter="max_hihg"), "names the parameter 'max_hihg'"),
        (rule("limit", depends_on=["demo.othr"]), "depends_on names 'demo.othr'"),
        (rule("limit", depends_on=["demo.limit"]), "depends on itself"),
        (rule("a", depends_on=["demo.b"]) + rule("b", depends_on=["demo.a"]), "depends on itself"),
        (rule("limit") + rule("limit", into="warn"), "declared at"),
        (rule("limit").replace("# title: limit", "# scope: document\n# title: limit"), "must have scope rule"),
        (rule("limit").replace("# description: about limit\n", ""), "lacks description"),
        ("helper := 1\n", "defines none of deny"),
        (rule("limit") + "deny.more contains 1 if input.x\n", "data.rules.demo.deny.more"),
        ("deny := {1}\n", "is not a partial set"),
        ("warn(x) := x\n", "is not a partial set"),
        ("deny[x] := 1 if x := 2\n", "is not a partial set"),
        (rule("limit", applies_to=[]), "applies_to is empty"),
    ],
)
def test_what_metadata_must_say(tmp_path: Path, text: str, message: str) -> None:
    """Each gap or misspelling in METADATA is a policy error that names it."""
    assert message in refused(tmp_path, domain(text)).what


def test_a_misplaced_package_is_refused(tmp_path: Path) -> None:
    """The package's path is the file's, in a directory of its own or as the file name."""
    assert (
        "holds package rules.demo" in refused(tmp_path, {"rules/other/other.rego": "package rules.demo\n" + rule("limit")}).what
    )
    with engine(write_pack(tmp_path / "ok", domain(GOOD) | {"lib/tools.rego": "package lib.tools\nx := 1\n"})) as made:
        assert list(made.inventory.rules) == ["demo.limit"]


def test_the_package_system_is_refused(tmp_path: Path) -> None:
    """OPA gives package system a meaning of its own."""
    assert "belongs to OPA" in refused(tmp_path, domain(GOOD) | {"system/system.rego": "package system\nx := 1\n"}).what


def test_the_domain_gate_is_refused(tmp_path: Path) -> None:
    """A pack cannot speak as the gate's own checks."""
    assert "belongs to the gate" in refused(tmp_path, domain(rule("no_rules", domain="gate"), name="gate")).what


FOREIGN = domain(rule("own", domain="other"), name="other")


@pytest.mark.parametrize(
    "second",
    [
        {"lib/tools/more.rego": "package lib.tools\nx := 2\n"},
        {"lib/lib.rego": "package lib\ntools := 1\n"},
        {"lib/tools/deep/deep.rego": "package lib.tools.deep\nx := 2\n"},
        {"profiles/prod/data.yaml": "a: 1\n"},
        {"profiles/data.yaml": "prod: {a: 1}\n"},
        {"data.yaml": "profiles: {prod: {a: 1}}\n"},
        {"lib/tools/data.yaml": "x: 1\n"},
        {"rules/data.json": '{"demo": {"deny": []}}'},
        {"rules/demo/extra.rego": "package rules.demo\n" + rule("more")},
    ],
)
def test_a_package_or_part_of_data_has_one_owner(tmp_path: Path, second: dict[str, str]) -> None:
    """A second pack that defines what a first one does, or something above or below it, is refused and both are named."""
    first = domain(GOOD) | {"lib/tools/tools.rego": "package lib.tools\nx := 1\n", "profiles/prod/data.yaml": "a: 1\n"}
    problem = refused(tmp_path, first, FOREIGN | second)
    assert "pack0" in problem.what and "pack1" in problem.what, problem.what


def test_packs_with_separate_names_go_together(tmp_path: Path) -> None:
    """A second pack may add a domain, a library and a profile."""
    first = write_pack(tmp_path / "a", domain(GOOD) | {"profiles/prod/data.yaml": "a: 1\n"}, name="a")
    second = write_pack(
        tmp_path / "b", FOREIGN | {"profiles/bank/data.yaml": "a: 1\n", "lib/bank.rego": "package lib.bank\nx := 1\n"}, name="b"
    )
    with engine(first, second) as made:
        assert list(made.inventory.rules) == ["demo.limit", "other.own"]


def test_a_one_file_pack_extends_the_gates_own(tmp_path: Path) -> None:
    """A directory with one Rego file, without manifest, is evaluated beside the first-party rules and may use their library."""
    (tmp_path / "rules/acme").mkdir(parents=True)
    (tmp_path / "rules/acme/acme.rego").write_text("package rules.acme\n\n" + rule("own", domain="acme", body="true"))
    with engine(tmp_path) as made:
        found = made.evaluate(b"{}", ["rules.acme"])
        assert "vulnerabilities.max_high" in made.inventory.rules
    assert [result.rule for result in found.results["rules.acme"]["deny"]] == ["acme.own"]
