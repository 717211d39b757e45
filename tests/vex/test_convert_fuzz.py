"""Broken documents through every writer: no foreign exception, and nothing that suppresses more than the original."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.errors import GateError
from gate.vex import csaf, history, openvex, schema, write
from gate.vex.check import check, sources_of
from gate.vex.convert import Converted, to_openvex
from gate.vex.document import VexDocument
from gate.vex.lint import lint
from gate.vex.merge import diff, merge
from gate.vex.to_csaf import to_csaf
from gate.vex.to_cyclonedx import to_cyclonedx
from tests.factory import verdict
from tests.vex.test_convert import IMAGE, NOW
from tests.vex.test_lint import body, statement

LATER = datetime(2026, 11, 24, tzinfo=UTC)
BASE = body(
    statement(products=[IMAGE], status_notes="Reviewer: a\nReview-by: 2027-01-01\n\nx"),
    statement("affected", product="pkg:rpm/redhat/a@1?epoch=1"),
    statement("fixed", "2026-11-02T00:00:00Z", product="cpe:/a:b:c", **{"@id": "urn:x:y"}),
)
ODD: list[Any] = [
    None, "", 0, -1, True, [], {}, "x\r\ny", "\x00", "pkg:", "pkg:oci/@", "\ud800", "9" * 5000, 1e308, ["x"],
    {"@id": "pkg:a/b@1"},
    "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "Reviewer: a\rb", "Review-by: 2027-02-30", "Evidence: \u2028",
]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of every value below."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield (*at, key)
        yield from places(item, (*at, key))


def mutated(seed: int) -> dict[str, Any]:
    """The document with one to three values taken out or replaced."""
    dice = random.Random(seed)
    made: dict[str, Any] = copy.deepcopy(BASE)
    for _ in range(dice.randint(1, 3)):
        path = dice.choice(list(places(made)))
        parent: Any = made
        for key in path[:-1]:
            parent = parent[key]
        if isinstance(parent, dict) and dice.random() < 0.2:
            del parent[path[-1]]
        else:
            parent[path[-1]] = copy.deepcopy(dice.choice(ODD))
    return made


def attempt(what: Callable[[], Any]) -> Any:
    """The result, or None for an error that the gate raises on purpose; any other error fails the test."""
    try:
        return what()
    except GateError:
        return None


def suppressed(document: VexDocument) -> frozenset[str]:
    return check(sources_of({"x": document}), verdict(), now=LATER).suppressed


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_broken_documents(start: int) -> None:
    """Read, linted, merged, continued, converted; what is read back rules out no more than before."""
    for seed in range(start, start + 100):
        value = mutated(seed)
        data = json.dumps(value).encode()
        attempt(lambda: schema.problems(data))  # noqa: B023  # called at once
        document = attempt(lambda: openvex.read(data))  # noqa: B023  # called at once
        if document is None:
            continue
        every(value, data, document)
        writers: list[tuple[Callable[[], Converted], Callable[[bytes], VexDocument]]] = [
            (lambda: to_openvex(document, now=NOW, source=data), openvex.read),  # noqa: B023  # called below
            (lambda: to_csaf(document, now=NOW, namespace="https://acme.example"), csaf.read),  # noqa: B023  # called below
        ]
        for writer, reader in writers:
            done = attempt(writer)
            if done is not None:
                assert suppressed(reader(done.data)) <= suppressed(document), seed


def every(value: dict[str, Any], data: bytes, document: VexDocument) -> None:
    """Whatever else takes a document."""
    sources = sources_of({"x": document})
    attempt(lambda: to_cyclonedx(document, now=NOW))
    lint(sources, now=NOW, raw=(("x", data),), verdict=verdict())
    lint(sources, now=NOW)
    diff(document, document)
    attempt(lambda: merge([("x", value)], author="", role="", now=NOW, current=True))
    attempt(lambda: continued(data))


def continued(data: bytes) -> bytes:
    old = history.open_document(data, id=None, author="a")
    new = write.statement(name="CVE-1", aliases=(), products=[{"@id": "pkg:a/b@1"}], status="fixed", timestamp=LATER)
    return write.to_bytes(history.append(old, [new], id="x", author="a", role="", now=LATER).body)
