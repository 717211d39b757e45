"""Append-only history of a document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.errors import ConfigError, EvidenceInvalid
from gate.vex import history, openvex, write

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def said(status: str = "under_investigation", at: datetime = NOW, product: str = "pkg:a/b@1", **fields: Any) -> dict[str, Any]:
    return write.statement(name="CVE-1", aliases=(), products=[{"@id": product}], status=status, timestamp=at, **fields)  # type: ignore[arg-type]  # a status


def first(*statements: dict[str, Any]) -> dict[str, Any]:
    return history.append(None, statements or (said(),), id="urn:x:1", author="a", role="", now=NOW).body


def add(body: dict[str, Any], *statements: dict[str, Any], now: datetime = LATER) -> history.Appended:
    return history.append(body, statements, id="urn:x:1", author="a", role="", now=now)


def test_old_statements_stay_as_they_are() -> None:
    """A new one is put behind them, the version rises, the document's own time stays."""
    body = first()
    done = add(body, said("fixed", LATER))
    assert done.body["statements"][0] == body["statements"][0]
    assert done.body["version"] == 2 and done.body["timestamp"] == body["timestamp"]
    assert done.body["last_updated"] == "2026-11-24T12:00:00Z"
    assert body["version"] == 1 and len(body["statements"]) == 1


def test_an_inherited_time_is_written_out() -> None:
    """A statement without time had the document's; it must not become newer when the document changes."""
    body = first()
    del body["statements"][0]["timestamp"]
    done = add(body, said("fixed", LATER))
    assert done.body["statements"][0]["timestamp"] == "2026-11-23T12:00:00Z"


def test_unknown_fields_survive() -> None:
    """History works on the document as it stands."""
    body = first()
    body["x-extension"] = body["statements"][0]["supplier"] = "somebody"
    done = add(body, said("fixed", LATER))
    assert done.body["x-extension"] == "somebody" and done.body["statements"][0]["supplier"] == "somebody"


def test_what_is_said_already_is_not_said_again() -> None:
    """The same decision changes nothing, also after another run of the gate; another one does."""
    body = first(said("not_affected", justification="component_not_present", notes="Verdict: sha256:1"))
    again = add(body, said("not_affected", LATER, justification="component_not_present", notes="Verdict: sha256:2"))
    assert again.body == body and again.added == () and again.unchanged == 1
    assert add(body, said("not_affected", LATER, justification="vulnerable_code_not_present")).body["version"] == 2


def test_a_decision_that_a_part_of_another_turned_round_is_new() -> None:
    """affected of two packages, then not_affected of one: affected of both again is a new decision, under an alias too."""

    def of(status: str, days: int, *purls: str, name: str = "CVE-1", aliases: tuple[str, ...] = ()) -> dict[str, Any]:
        why: dict[str, Any] = {"action": "upgrade"} if status == "affected" else {"justification": "component_not_present"}
        products = [{"@id": "pkg:oci/app", "subcomponents": [{"@id": purl} for purl in purls]}]
        at = NOW + timedelta(days=days)
        return write.statement(name=name, aliases=aliases, products=products, status=status, timestamp=at, **why)  # type: ignore[arg-type]  # a status

    both = "pkg:a/b@1", "pkg:a/c@1"
    for turned in (of("not_affected", 1, both[0]), of("not_affected", 1, both[0], name="GHSA-1", aliases=("CVE-1",))):
        body = add(first(of("affected", 0, *both)), turned).body
        now = LATER + timedelta(days=1)
        assert len(add(body, of("affected", 2, *both), now=now).added) == 1
        held = history.current(body)["statements"]
        assert [[part["@id"] for part in item["products"][0]["subcomponents"]] for item in held] == [[both[1]], [both[0]]]
        assert len({item["@id"] for item in [*held, *body["statements"]]}) == 3


@pytest.mark.parametrize("vulnerability", [{"name": 5, "aliases": 5}, {"aliases": [{}, None]}, 5, None, [], {"aliases": "CVE-1"}])
@pytest.mark.parametrize("products", [None, 5, [], [None, 5, {"subcomponents": 5}, {"@id": 5, "subcomponents": [5, {}]}]])
def test_odd_statements_are_kept_as_they_are(vulnerability: Any, products: Any) -> None:
    """What names nothing that can be compared replaces nothing and is replaced by nothing."""
    body = first(said())
    body["statements"].append({**body["statements"][0], "vulnerability": vulnerability, "products": products})
    assert len(add(body, said("fixed", LATER)).body["statements"]) == 3
    assert history.current(body)["statements"] == body["statements"]


def test_what_contradicts_itself_at_one_time_stays_so() -> None:
    """`current` does not decide a conflict by the order of the statements."""
    body = first(said(), said("fixed"))
    assert history.current(body)["statements"] == body["statements"]


def test_a_decision_after_an_opposite_one_is_new() -> None:
    """Only the newest on the same products counts as said."""
    body = add(first(), said("fixed", LATER)).body
    assert len(add(body, said(at=LATER + timedelta(days=1)), now=LATER + timedelta(days=1)).added) == 1


@pytest.mark.parametrize("now", [NOW, NOW - timedelta(days=1)])
def test_a_clock_behind_the_history_is_refused(now: datetime) -> None:
    """A decision that readers would order before its predecessor would not hold."""
    with pytest.raises(ConfigError, match="newest statement"):
        add(first(), said("fixed", now), now=now)


def test_only_what_holds_remains() -> None:
    """`current` leaves the newest statement on each vulnerability and products."""
    body = add(first(said(), said(product="pkg:a/c@1")), said("fixed", LATER)).body
    assert [item["status"] for item in history.current(body)["statements"]] == ["under_investigation", "fixed"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"author": "b"}, ConfigError),
        ({"@id": "urn:x:2"}, ConfigError),
        ({"@context": "https://openvex.dev/ns/v0.0.1"}, EvidenceInvalid),
        ({"statements": {}}, EvidenceInvalid),
        ({"statements": ["text"]}, EvidenceInvalid),
        ({"version": "2"}, EvidenceInvalid),
        ({"timestamp": "yesterday"}, EvidenceInvalid),
    ],
)
def test_a_document_of_somebody_else_is_not_continued(change: dict[str, Any], error: type[Exception]) -> None:
    """Nor one about another image, nor one that is no OpenVEX 0.2.0."""
    data = write.to_bytes(first())
    assert history.open_document(data, id="urn:x:1", author="a")["version"] == 1
    with pytest.raises(error):
        history.open_document(write.canonical({**first(), **change}), id="urn:x:1", author="a")


def test_an_old_statement_without_usable_time_is_an_error() -> None:
    """History is ordered by time."""
    body = first()
    body["statements"][0]["timestamp"] = "soon"
    with pytest.raises(EvidenceInvalid, match="no usable time"):
        add(body, said("fixed", LATER))


def test_the_result_is_read_in_order() -> None:
    """The reader gives each statement its own time."""
    body = add(first(), said("fixed", LATER)).body
    times = [item.timestamp for item in openvex.read(write.to_bytes(body)).statements]
    assert times == [NOW, LATER]
