"""What holds now: one rule for merge, diff, convert, lint and the resolver."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.vex import history, holds, openvex
from gate.vex.convert import Losses
from gate.vex.effective import effective
from gate.vex.merge import diff
from tests.vex.make import OPENSSL, document, run, source, statement

EARLY, LATE = "2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z"


def test_without_a_time_is_just_now() -> None:
    """Later than anything that can be written."""
    assert holds.moment(None) > datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert holds.moment(datetime(2025, 1, 1, tzinfo=UTC)) == datetime(2025, 1, 1, tzinfo=UTC)


def test_the_latest_of_each_place() -> None:
    """By rank, and of equal ones the last; every place has its own."""
    items = [("a", 1, "xy"), ("b", 3, "x"), ("c", 2, "xz"), ("d", 3, "x")]
    held = holds.latest(items, places=lambda item: item[2], rank=lambda item: item[1])
    assert {place: item[0] for place, item in held.items()} == {"x": "d", "y": "a", "z": "c"}
    assert [item[0] for item in holds.ends(items, key=lambda item: item[1:])] == ["a", "d"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (statement(timestamp=EARLY), statement("affected", timestamp=LATE), "affected"),
        (statement("affected", timestamp=LATE), statement(timestamp=EARLY), "affected"),
        (statement("affected", timestamp=EARLY), statement(timestamp=LATE), "not_affected"),
        (statement(timestamp=LATE), statement("under_investigation", timestamp=EARLY), "not_affected"),
        (statement(timestamp=LATE), statement("affected", timestamp=LATE), "affected"),
    ],
)
def test_every_part_agrees(first: dict[str, Any], second: dict[str, Any], expected: str) -> None:
    """The resolver, the shortened document and the converted one say the same of two statements on one package."""
    both = [{**item, "products": [OPENSSL], "action_statement": "upgrade"} for item in (first, second)]
    assert run(source(*both))[1].status == expected
    [(kept, _)] = effective(document(*both), Losses(), datetime(2026, 1, 1, tzinfo=UTC))
    assert kept.status == expected
    short = history.current({"statements": both})["statements"]
    read = openvex.read(json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "author": "a", "statements": short}).encode())
    assert run(source(*short))[1].status == expected
    if len(short) == 1:
        shorter, longer = (diff(document(), other) for other in (read, document(*both)))
        assert [change.after for change in shorter] == [change.after for change in longer]
