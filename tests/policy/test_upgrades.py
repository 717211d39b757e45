"""Tests of the upgrades that a report proposes."""

from __future__ import annotations

import msgspec
import pytest

from gate.model.findings import Fix, Package
from gate.policy.upgrades import compare, plan
from tests.policy.packs import finding


@pytest.mark.parametrize(
    ("left", "right", "kind", "expected"),
    [
        ("1.2.10", "1.2.9", "npm", 1),
        ("v1.2", "1.2.0", "golang", 0),
        ("1.0.0-rc1", "1.0.0", "npm", None),
        ("1.2+build", "1.3", "npm", -1),
        ("1:1.0", "2.0", "deb", 1),
        ("1.0~rc1", "1.0", "deb", -1),
        ("1.0-1", "1.0-1+deb12u1", "deb", -1),
        ("1.0-10", "1.0-9", "deb", 1),
        ("3.0.11-1~deb12u2", "3.0.11-1~deb12u10", "deb", -1),
        ("1.0a", "1.0", "deb", 1),
    ],
)
def test_versions_sort_as_their_ecosystem_does(left: str, right: str, kind: str, expected: int | None) -> None:
    """Debian's algorithm for deb and rpm, numbers for the rest, and no guess about anything else."""
    found = compare(left, right, kind)
    assert found == expected if expected is None or found is None else (found > 0) - (found < 0) == expected


def one(name: str, *fixes: str, kind: str = "npm", version: str = "1.0.0") -> object:
    package = Package(name="lib", version=version, type=kind, purl="")
    return msgspec.structs.replace(finding(name), package=package, fix=Fix(state="available", versions=fixes))


@pytest.mark.parametrize(
    ("findings", "target"),
    [
        ([one("A", "1.0.1")], "1.0.1"),
        ([one("A", "1.0.1"), one("B", "1.0.3")], "1.0.3"),
        ([one("A", "2.0.0", "1.0.5")], "1.0.5"),
        ([one("A", "1.0.5", "2.0.1"), one("B", "2.0.0")], "2.0.1"),
        ([one("A", "1.0.0-rc2", "1.0.2")], "1.0.0-rc2 | 1.0.2"),
        ([one("A", "0.9.0")], "0.9.0"),
    ],
)
def test_the_smallest_version_that_clears_all(findings: list[object], target: str) -> None:
    """Release lines count; what cannot be compared is listed."""
    (upgrade,) = plan(findings)  # type: ignore[arg-type]
    assert (upgrade.to, upgrade.clears) == (target, len(findings))


def test_a_finding_without_fix_has_no_upgrade() -> None:
    """Nothing is proposed that does not exist."""
    assert plan([one("A")]) == ()  # type: ignore[list-item]
