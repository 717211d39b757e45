"""Tables of ``docs/compliance.md``: the controls of the STIG baseline, from METADATA and the pack's data."""

from __future__ import annotations

from typing import Any

import yaml

from tests.policies.paths import POLICIES
from tests.policies.rules import Rule, anchor, described

__all__ = ["baseline", "beyond_table", "control_rules", "controls_table"]

_CATEGORIES = {"1": "I", "2": "II", "3": "III"}
_SHORT = {"disa-container": "D", "cis-docker-4": "C", "gpos": "G", "distroless": "L"}


def baseline() -> dict[str, Any]:
    """The pack's data about the baseline."""
    loaded: dict[str, Any] = yaml.safe_load((POLICIES / "lib" / "hardening" / "baseline" / "data.yaml").read_text("utf-8"))
    return loaded


def control_rules() -> tuple[Rule, ...]:
    """The rules that are controls: those with a category."""
    return tuple(rule for rule in described().rules if rule.domain == "hardening" and "rule_data" in rule.custom)


def _ids(rule: Rule, *frameworks: str) -> str:
    return " ".join(control["id"] for control in rule.custom["controls"] if control["framework"] in frameworks)


def controls_table() -> str:
    """One row a control: how it is decided, its ids, and the profiles that select it."""
    profiles = baseline()["profiles"]
    rows = []
    for rule in control_rules():
        short = rule.custom["short_name"]
        chosen = "".join(letter for name, letter in _SHORT.items() if short in profiles[name])
        text = " ".join(rule.description.split()).replace("|", "\\|")
        ids = [_ids(rule, "DISA-STIG", "DISA-SRG"), _ids(rule, "CCI"), _ids(rule, "NIST-800-53"), _ids(rule, "CIS-Docker")]
        category = _CATEGORIES[rule.custom["rule_data"]["category"]]
        rows.append(
            f"| [`{short}`](rules.md#{anchor(rule)}) | {category} | {chosen} | **{rule.title}.** {text} | {' | '.join(ids)} |\n"
        )
    return (
        "| control | CAT | profiles | how it is decided | STIG, SRG | CCI | NIST 800-53 | CIS Docker |\n"
        "|---|---|---|---|---|---|---|---|\n" + "".join(rows)
    )


def beyond_table() -> str:
    """What no image can show."""
    rows = "".join(
        f"| `{name}` | {entry['title']} | {entry['status']} | {_CATEGORIES[entry['category']]} "
        f"| {entry['srg']} | {entry['cci']} |\n"
        for name, entry in baseline()["beyond"].items()
    )
    return "| id | control | decided by | CAT | SRG | CCI |\n|---|---|---|---|---|---|\n" + rows
