"""in-toto statements: versions, subjects, bounds."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import DEFAULT
from gate.trust.statement import parse_statement
from tests.trust.simulator import STATEMENT

BASE: dict[str, Any] = json.loads(STATEMENT)


def _parse(document: Any) -> Any:
    return parse_statement(json.dumps(document).encode(), DEFAULT)


@pytest.mark.parametrize("version", ["v1", "v0.1"])
def test_both_versions_are_read(version: str) -> None:
    """v1, and v0.1 as cosign still writes it."""
    statement = _parse({**BASE, "_type": f"https://in-toto.io/Statement/{version}"})
    assert statement.predicate == {"ok": True}
    assert statement.subjects[0].name == "app"


def test_a_subject_needs_no_name() -> None:
    """`cosign sign` v3 writes subjects without a name."""
    assert _parse({**BASE, "subject": [{"digest": {"sha256": "AB"}}]}).subjects[0].digest == {"sha256": "ab"}


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "gitCommit", "sha224"])
def test_weak_digests_name_no_artifact(algorithm: str) -> None:
    """A subject by MD5, SHA-1 or a commit is kept and never matches an artifact."""
    statement = _parse({**BASE, "subject": [{"digest": {algorithm: "ab"}}]})
    assert statement.subjects[0].digest == {algorithm: "ab"}
    assert not statement.is_about(f"{algorithm}:ab")


def test_any_strong_digest_matches_whatever_its_case() -> None:
    """Subjects match by SHA-256, SHA-384 or SHA-512; an unknown algorithm beside them is passed over."""
    statement = _parse({**BASE, "subject": [{"digest": {"x": "1", "sha512": "AB"}}, {"digest": {"sha256": "cd"}}]})
    assert statement.is_about("sha512:AB")
    assert statement.is_about("sha256:cd")
    assert not statement.is_about("sha256:ab")
    assert not statement.is_about("sha256:")
    assert not statement.is_about("")


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v2"},
        {"_type": None},
        {"predicateType": ""},
        {"predicateType": 7},
        {"subject": []},
        {"subject": None},
        {"subject": {}},
        {"subject": ["x"]},
        {"subject": [{"name": "x"}]},
        {"subject": [{"digest": {}}]},
        {"subject": [{"digest": {"sha256": ""}}]},
        {"subject": [{"digest": {"sha256": 7}}]},
    ],
)
def test_malformed_statements_are_refused(changes: dict[str, Any]) -> None:
    """Unknown types, no subject, a subject without digest: invalid."""
    with pytest.raises(EvidenceInvalid):
        _parse({**BASE, **changes})


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"\xff\xfe{\0}\0", STATEMENT + b"x", b'{"_type":"\\ud800"}', b"NaN", b"1e999"]
)
def test_garbage_is_invalid(data: bytes) -> None:
    """Empty, null, truncated, UTF-16, trailing bytes, half a surrogate pair, NaN."""
    with pytest.raises(EvidenceInvalid):
        parse_statement(data, DEFAULT)


@pytest.mark.parametrize("size", [0, 2_000_000])
def test_duplicate_keys_are_refused_small_and_large(size: int) -> None:
    """A second predicate, or a second subject, makes a statement mean two things; also when the predicate is large."""
    predicate = json.dumps({"padding": "x" * size})
    text = json.dumps(BASE)[:-1]
    assert parse_statement((text.replace('{"ok": true}', predicate) + "}").encode(), DEFAULT).predicate["padding"] == "x" * size
    for extra in (', "predicate": {}}', f', "predicate": {predicate}}}', ', "subject": []}'):
        with pytest.raises(EvidenceInvalid, match="same key twice"):
            parse_statement((text.replace('{"ok": true}', predicate) + extra).encode(), DEFAULT)


@pytest.mark.parametrize("padding", ["", "x" * 2_000_000])
def test_depth_is_bounded_small_and_large(padding: str) -> None:
    """JSON nested 100,000 deep is refused by the bound's name, whatever else is in it."""
    deep = "[" * 100_000 + "]" * 100_000
    text = json.dumps({**BASE, "predicate": padding}).replace(f'"{padding}"', f'["{padding}", {deep}]')
    with pytest.raises(LimitExceeded, match="json_depth"):
        parse_statement(text.encode(), DEFAULT)


def test_depth_is_exact_and_strings_do_not_count() -> None:
    """As deep as the bound is fine, one more is not; brackets in strings are text."""
    limits = dataclasses.replace(DEFAULT, json_depth=4)
    shallow = parse_statement(json.dumps({**BASE, "predicate": [['[[[[[["\\']]}).encode(), limits)
    assert shallow.predicate == [['[[[[[["\\']]
    with pytest.raises(LimitExceeded, match="json_depth"):
        parse_statement(json.dumps({**BASE, "predicate": [[[[]]]]}).encode(), limits)


def test_size_is_bounded() -> None:
    """A statement over ``document_bytes`` is refused by the bound's name."""
    with pytest.raises(LimitExceeded, match="document_bytes"):
        parse_statement(STATEMENT, dataclasses.replace(DEFAULT, document_bytes=10))


def test_a_large_subject_list_is_read() -> None:
    """More than a megabyte of subjects beside a small predicate is read like any other."""
    subjects = [{"name": f"file-{i}", "digest": {"sha256": f"{i:064x}"}} for i in range(12_000)]
    statement = _parse({**BASE, "subject": subjects, "predicate": {}})
    assert len(statement.subjects) == 12_000
    assert statement.predicate == {}
