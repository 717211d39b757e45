"""Digests and strict JSON."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import DEFAULT
from gate.oci.strict import check_digest, hash_as, is_digest, parse_json, parse_object


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b'{"a":1,"a":2}', "duplicate key"),
        (b'{"a":{"b":1,"b":1}}', "duplicate key"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":1', "not valid JSON"),
        (b'{"a":1}x', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":"\x00"}', "not valid JSON"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'{"a":' + b"9" * 5000 + b"}", "not valid JSON"),
    ],
)
def test_ambiguous_json_is_refused(data: bytes, reason: str) -> None:
    """What two parsers could read as two things is read as none."""
    with pytest.raises(EvidenceInvalid, match=reason):
        parse_json(data, "it", DEFAULT)


@pytest.mark.parametrize("depth", [600, 100_000])
def test_deep_nesting_is_a_limit_by_name(depth: int) -> None:
    """Neither 600 levels nor 100,000 crash the reader."""
    with pytest.raises(LimitExceeded) as caught:
        parse_json(b"[" * depth + b"]" * depth, "it", DEFAULT)
    assert caught.value.limit == "json_depth"


def test_nesting_up_to_the_bound_is_read() -> None:
    """The bound itself is allowed."""
    limits = dataclasses.replace(DEFAULT, json_depth=3)
    assert parse_json(b"[[[1]]]", "it", limits) == [[[1]]]
    with pytest.raises(LimitExceeded):
        parse_json(b"[[[[1]]]]", "it", limits)


@pytest.mark.parametrize("data", [b"null", b"[]", b"1", b'"x"'])
def test_an_object_is_an_object(data: bytes) -> None:
    """Null and lists are no manifests."""
    with pytest.raises(EvidenceInvalid, match="not a JSON object"):
        parse_object(data, "it", DEFAULT)


@given(st.binary(max_size=200))
def test_no_bytes_cause_another_exception(data: bytes) -> None:
    """Whatever the bytes, the result is a value or our error."""
    try:
        parse_json(data, "it", DEFAULT)
    except EvidenceInvalid:
        return


def test_digests_are_checked_in_their_own_algorithm() -> None:
    """SHA-512 digests are as good as SHA-256 ones, others are none."""
    for name in ("sha256:", "sha512:"):
        digest = hash_as(name, b"x")
        assert is_digest(digest)
        assert check_digest(digest, b"x", "it") == b"x"
        with pytest.raises(EvidenceInvalid) as caught:
            check_digest(digest, b"y", "it")
        assert digest in caught.value.why
    assert not is_digest("md5:" + "0" * 32)
    assert not is_digest("sha256:" + "0" * 63)
    assert not is_digest("sha256:" + "0" * 64 + "\n")
    assert not is_digest(None)
