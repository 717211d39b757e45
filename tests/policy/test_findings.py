"""Findings as a verdict carries them."""

from __future__ import annotations

import msgspec

from gate.model.verdict import CompactFinding
from gate.policy.findings import compact
from tests.factory import finding as stored
from tests.policy.packs import finding, make_input


def test_places_come_along_unless_they_are_too_many() -> None:
    """All or none: a list that was cut would let a reader take a package for gone that is elsewhere."""

    def places(count: int) -> tuple[str, ...]:
        given = finding()
        there = tuple(f"/opt/{number}" for number in range(count))
        package = msgspec.structs.replace(given.package, locations=there)
        [made] = compact(make_input(findings=(msgspec.structs.replace(given, package=package),)), (), ())
        return made.locations

    assert [len(places(count)) for count in (0, 1, 32, 33)] == [0, 1, 32, 0]


def test_a_verdict_from_before_places_were_kept_is_read() -> None:
    """Without the field the places are not known."""
    body = msgspec.to_builtins(stored())
    del body["locations"]
    assert msgspec.convert(body, CompactFinding).locations == ()
