"""Decoding that keeps what can be read and never drops an element."""

from __future__ import annotations

import json

import msgspec
import pytest

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members


class _Inner(msgspec.Struct):
    name: str
    size: int | None = None


class _Outer(msgspec.Struct):
    id: str
    tags: list[str] | None = None
    inner: list[_Inner] | None = None
    scores: dict[str, int] | None = None


_DECODER = Lenient(_Outer)


def test_what_fits_is_decoded_without_a_note() -> None:
    """Unknown members are passed over; null is absent."""
    notes = Notes()
    assert _DECODER.decode(b'{"id": "a", "tags": null, "new": [1, {}]}', "/x", notes) == _Outer(id="a")
    assert notes.diagnostics() == ()


@pytest.mark.parametrize(
    ("data", "expected", "place"),
    [
        ('{"id": "a", "tags": 3}', _Outer(id="a"), "/tags"),
        ('{"id": "a", "tags": ["x", 1, "y"]}', _Outer(id="a", tags=["x", "y"]), "/tags/*"),
        ('{"id": "a", "inner": [{"name": "n", "size": "big"}]}', _Outer(id="a", inner=[_Inner(name="n")]), "/inner/*/size"),
        ('{"id": "a", "scores": {"x": "y", "z": 1}}', _Outer(id="a"), "/scores"),
    ],
)
def test_a_field_of_a_wrong_type_is_taken_out_and_noted(data: str, expected: _Outer, place: str) -> None:
    """Only that field or element goes; a mapping goes as a whole, since the bad value cannot be told."""
    notes = Notes()
    assert _DECODER.decode(data.encode(), "/x", notes) == expected
    (found,) = notes.diagnostics()
    assert (found.code, found.where) == ("wrong_type", "/x")
    assert found.message.startswith(f"{place}: ")


@pytest.mark.parametrize(
    "data",
    [
        "{}",
        '{"id": 1}',
        "3",
        "[]",
        '{"id": "a", "inner": [{"size": 1}]}',
        '{"id": "\\ud800"}',
        '{"id": "a", "tags": 3, "x": "\\ud800"}',
    ],
)
def test_what_lacks_a_required_field_is_an_error(data: str) -> None:
    """So is text that is no Unicode."""
    with pytest.raises(EvidenceInvalid, match="/x"):
        _DECODER.decode(data.encode(), "/x", Notes())


def test_repair_is_bounded() -> None:
    """An element with hundreds of wrong values is refused instead of mended one by one."""
    with pytest.raises(EvidenceInvalid, match="/x"):
        _DECODER.decode(json.dumps({"id": "a", "tags": list(range(1000))}).encode(), "/x", Notes())


def test_deep_nesting_is_a_limit() -> None:
    """No RecursionError escapes, whatever came past the guard."""
    with pytest.raises(LimitExceeded, match="json_depth"):
        _DECODER.decode(b'{"new":' * 100_000, "/x", Notes())


def test_arrays_are_bounded_and_typed() -> None:
    """Null and absent are empty; another type is an error, because what it lists cannot be told."""
    assert elements(None, "/x", bound=1) == []
    assert elements(b" null ", "/x", bound=1) == []
    assert [bytes(item) for item in elements(b"[1, {}]", "/x", bound=2)] == [b"1", b"{}"]
    with pytest.raises(LimitExceeded, match="findings"):
        elements(b"[1, 2]", "/x", bound=1)
    for data in (b"{}", b"3", b"[", b'"x"'):
        with pytest.raises(EvidenceInvalid, match="/x"):
            elements(data, "/x", bound=1)


@pytest.mark.parametrize("data", [b"[]", b"3", b"null", b"{", b'{"\xff": 1}'])
def test_only_objects_have_members(data: bytes) -> None:
    """Everything else is an error that names the document."""
    with pytest.raises(EvidenceInvalid, match="a report"):
        members(data, "a report")


def test_notes_are_counted_and_ordered() -> None:
    """Equal ones are one diagnostic with the first place."""
    notes = Notes()
    for number in range(3):
        notes.add("b", "text", f"/{number}")
    notes.add("a", "text", "/z", 5)
    assert [(entry.code, entry.count, entry.where) for entry in notes.diagnostics()] == [("a", 5, "/z"), ("b", 3, "/0")]
