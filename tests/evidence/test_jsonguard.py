"""The checks that every JSON document passes before a reader sees it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, GateError, LimitExceeded
from gate.evidence.jsonguard import depth, guard
from gate.limits import Limits

LIMITS = Limits()

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('[]{}"\\:, é\x00a'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\a', max_size=4), inner, max_size=4),
    max_leaves=30,
)


def _depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth_of, value), default=0)
    return 0


def test_a_plain_document_passes_unchanged() -> None:
    """Bytes without anything odd come back as they are."""
    assert guard(b' {"a": [1, 2.5, null, "x"]}\n', LIMITS) == b' {"a": [1, 2.5, null, "x"]}\n'


def test_the_utf8_byte_order_mark_is_dropped() -> None:
    """RFC 8259 §8.1 lets a reader ignore the mark."""
    assert guard(b'\xef\xbb\xbf{"a": 1}', LIMITS) == b'{"a": 1}'


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-32-le"])
def test_other_encodings_are_refused_with_the_way_out(encoding: str) -> None:
    """UTF-16 and UTF-32, with a mark or without, get a message that names the usual cause."""
    with pytest.raises(EvidenceInvalid, match="UTF-") as caught:
        guard('{"matches": []}'.encode(encoding), LIMITS)
    assert "PowerShell" in caught.value.fix


@pytest.mark.parametrize("data", [b'{"a": "\xff"}', b'["\xc3', b'["\xed\xa0\x80"]', '{"a": "é"}'.encode("latin-1")])
def test_bytes_outside_utf8_are_refused(data: bytes) -> None:
    """Broken encodings are named as such and never reach a parser that would raise its own error."""
    with pytest.raises(EvidenceInvalid, match="UTF-8"):
        guard(data, LIMITS)


def test_text_beyond_ascii_passes() -> None:
    """UTF-8 across the piece boundary of the check is no error."""
    data = ('{"a": "' + "é😀" * 400_000 + '"}').encode()
    assert guard(data, LIMITS) == data


@pytest.mark.parametrize("data", [b"", b"   \n", b"\xef\xbb\xbf", b" " * 100])
def test_an_empty_document_is_refused(data: bytes) -> None:
    """An empty file is no report without findings."""
    with pytest.raises(EvidenceInvalid, match="empty"):
        guard(data, LIMITS)


@pytest.mark.parametrize("data", [b"null", b" null\n"])
def test_null_is_refused(data: bytes) -> None:
    """Old trivy writes null for nothing; it names nothing and proves nothing."""
    with pytest.raises(EvidenceInvalid, match="null"):
        guard(data, LIMITS)


@pytest.mark.parametrize(
    "data", [b'{"a": [1, 2', b'{"a": "x', b'{"a": 1} {}', b"{'a': 1}", b"{]", b"<html>", b'{"a": 01}', b'{"a": "\x00"}']
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    """Truncated, doubled and foreign text is malformed evidence."""
    with pytest.raises(EvidenceInvalid):
        guard(data, LIMITS)


@pytest.mark.parametrize("data", [b'{"a": NaN}', b"[Infinity]", b"[-Infinity]"])
def test_constants_outside_json_are_refused(data: bytes) -> None:
    """Python's parser would take NaN; RFC 8259 §6 has no such number."""
    with pytest.raises(EvidenceInvalid, match="not JSON"):
        guard(data, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b'{"matches": [1], "matches": []}',
        b'{"matches": [1], "m\\u0061tches": []}',
        b'{"a": [{"b": {"severity": "Critical", "x": 1, "severity": "Low"}}]}',
        b'[{"": 1, "": 1}]',
    ],
)
def test_repeated_names_are_refused_at_any_depth(data: bytes) -> None:
    """A name that stands twice in one object, also when escaped, makes the document ambiguous."""
    with pytest.raises(EvidenceInvalid, match="more than once"):
        guard(data, LIMITS)


@pytest.mark.parametrize("unit", [b"[", b'{"a":', b'[{"a":'])
def test_a_document_nested_100000_deep_is_refused(unit: bytes) -> None:
    """Deep nesting ends in the bound's name, not in a RecursionError."""
    with pytest.raises(LimitExceeded, match="json_depth"):
        guard(unit * 100_000, LIMITS)


def test_the_depth_bound_is_exact() -> None:
    """A document at the bound passes, one deeper does not."""
    limits = Limits(json_depth=100)
    assert guard(b"[" * 100 + b"]" * 100, limits)
    with pytest.raises(LimitExceeded, match="json_depth = 100"):
        guard(b"[" * 101 + b"]" * 101, limits)


def test_brackets_in_strings_are_not_nesting() -> None:
    """Only structure counts, whatever strings and escapes hold."""
    assert guard(json.dumps({"a": '\\"' + "[" * 10_000, "b\\": "{" * 10_000}).encode(), LIMITS)


def test_the_size_bound_is_named() -> None:
    """Too long a document is refused before anything is parsed."""
    with pytest.raises(LimitExceeded, match="document_bytes"):
        guard(b"[" + b" " * 100 + b"]", Limits(document_bytes=100))


def test_long_integers_do_not_stop_the_guard() -> None:
    """A number of 10,000 digits is JSON; whether a field may hold it is the reader's question."""
    assert guard(b"[" + b"9" * 10_000 + b"]", LIMITS)


@pytest.mark.parametrize("number", ["1e999", "-1E+400", "9" * 400 + ".0"])
def test_numbers_beyond_every_reader_are_refused(number: str) -> None:
    """What one reader takes for infinity, and another for an error, means nothing certain."""
    with pytest.raises(EvidenceInvalid, match="too large"):
        guard(b'{"a": [' + number.encode() + b"]}", LIMITS)
    assert guard(b"[1e308, 1e-999]", LIMITS)


def test_broad_and_nested_documents_stay_fast() -> None:
    """Alternating nesting of two million brackets is linear work."""
    started = time.perf_counter()
    unit = b"[" * 40 + b"]" * 40
    guard(b"[" + b",".join([unit] * 25_000) + b"]", LIMITS)
    assert time.perf_counter() - started < 5


@given(_values)
def test_depth_is_that_of_the_value(value: object) -> None:
    """The skeleton count agrees with a walk over the parsed value."""
    assert depth(json.dumps(value).encode(), 500) == _depth_of(value)
    assert depth(json.dumps(value, ensure_ascii=False, indent=1).encode(), 0) == _depth_of(value)


@given(st.binary(max_size=200) | st.text('{}[]",:0 \\antrue', max_size=60).map(str.encode))
def test_nothing_but_gate_errors_escapes(data: bytes) -> None:
    """Any bytes give bytes or a GateError."""
    try:
        guard(data, LIMITS)
    except GateError:
        return
