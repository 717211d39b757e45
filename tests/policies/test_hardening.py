"""The table of the STIG baseline and the METADATA of its rules say the same, and what they say of mappings is true."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
import yaml

import gate.evidence.stig
from tests.docs.controls import baseline, control_rules
from tests.policies.paths import POLICIES
from tests.policies.rules import Rule

_RULES = control_rules()
_CCI = dict(
    line.split(" ", 1)
    for line in (Path(gate.evidence.stig.__file__).parent / "cci.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
_NEW = {"003992": "CM-14", "004909": "SC-17", "003376": "SA-22"}
"""Of revision 5, which the list of CCIs here may not have."""


def test_each_of_the_37_controls_has_a_rule_with_its_category() -> None:
    """The data has the category that Rego compares, METADATA the one that people read."""
    data = {name: control["category"] for name, control in baseline()["controls"].items()}
    assert data == {rule.custom["short_name"]: rule.custom["rule_data"]["category"] for rule in _RULES}
    assert len(data) == 37


@pytest.mark.parametrize("rule", _RULES, ids=lambda rule: rule.id)
def test_ids_are_of_their_form_and_mapped(rule: Rule) -> None:
    """Every CCI is about one of the NIST controls that the rule names."""
    ids: dict[str, list[str]] = {}
    for control in rule.custom["controls"]:
        ids.setdefault(control["framework"], []).append(control["id"])
    assert all(re.fullmatch(r"V-\d{6}|DKER-EE-\d{6}", name) for name in ids.get("DISA-STIG", []))
    assert all(re.fullmatch(r"SRG-(APP|OS)-\d{6}(-GPOS-\d{5})?", name) for name in ids.get("DISA-SRG", []))
    families = {re.match(r"[A-Z]{2}-\d+", name)[0] for name in ids["NIST-800-53"]}  # type: ignore[index]
    for name in ids["CCI"]:
        number = name.removeprefix("CCI-")
        mapped = _CCI.get(number) or _NEW[number]
        assert re.match(r"[A-Z]{2}-\d+", mapped)[0] in families, (name, mapped)  # type: ignore[index]


def test_the_dates_of_releases_are_dates() -> None:
    """So that they compare as text; and the table says of when it is."""
    table = yaml.safe_load((POLICIES / "lib" / "hardening" / "eol" / "data.yaml").read_text("utf-8"))
    days = [day for releases in table["releases"].values() for day in releases.values()]
    assert all(isinstance(day, str) and datetime.date.fromisoformat(day) for day in [table["as_of"], *days])
    assert all(isinstance(name, str) for releases in table["releases"].values() for name in releases)
