"""Statements: the form of in-toto v1, the same bytes each time, never about nothing."""

from __future__ import annotations

import json

import pytest

from gate.attest import statement
from gate.errors import SigningError
from gate.limits import DEFAULT
from gate.trust.statement import Subject, parse_statement

DIGEST = "sha256:" + "a" * 64


def test_a_statement_reads_back() -> None:
    """What `make` writes is what the gate's own reader reads."""
    made = statement.make([statement.subject_of("app", DIGEST)], "https://example.com/type", {"b": 1, "a": [None, "é"]})
    read = parse_statement(made, DEFAULT)
    assert (read.type, read.predicate_type) == ("https://in-toto.io/Statement/v1", "https://example.com/type")
    assert read.subjects == (Subject(name="app", digest={"sha256": "a" * 64}),)
    assert read.predicate == {"a": [None, "é"], "b": 1}


def test_the_bytes_do_not_depend_on_the_order_of_members() -> None:
    """Sorted keys and no white space."""
    subjects = [statement.subject_of("app", DIGEST)]
    first = statement.make(subjects, "https://example.com/t", {"a": 1, "b": {"d": 2, "c": 3}})
    assert first == statement.make(subjects, "https://example.com/t", {"b": {"c": 3, "d": 2}, "a": 1})
    assert first == json.dumps(json.loads(first), sort_keys=True, separators=(",", ":")).encode()


def test_a_subject_without_name_has_none() -> None:
    """An empty name is left out, as cosign does."""
    made = json.loads(statement.make([statement.subject_of("", DIGEST)], "https://example.com/t", {}))
    assert made["subject"] == [{"digest": {"sha256": "a" * 64}}]


def test_nothing_is_no_subject() -> None:
    """No subjects, one without a digest, one with a weak digest only, and no type are refused."""
    good = [statement.subject_of("app", DIGEST)]
    for subjects in ([], [Subject(name="app", digest={})], [*good, Subject(name="app", digest={"sha1": "a" * 40})]):
        with pytest.raises(SigningError, match="subject with a digest"):
            statement.make(subjects, "https://example.com/t", {})
    with pytest.raises(SigningError, match="predicate type"):
        statement.make(good, "", {})


@pytest.mark.parametrize("digest", ["sha384:" + "b" * 96, "sha512:" + "c" * 128])
def test_other_strong_digests_are_subjects(digest: str) -> None:
    """SHA-384 and SHA-512 name an artifact as well."""
    assert statement.subject_of("", digest).digest == dict([digest.split(":")])


@pytest.mark.parametrize(
    "digest", ["", "a" * 64, "sha256:", "sha256:" + "a" * 63, "sha256:" + "A" * 64, "md5:" + "a" * 32, "sha1:" + "a" * 40]
)
def test_weak_and_malformed_digests_are_not(digest: str) -> None:
    """Anything else cannot be a subject."""
    with pytest.raises(SigningError, match="cannot be the subject"):
        statement.subject_of("", digest)
