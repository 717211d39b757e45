"""Writing in-toto statements: v1, deterministic bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gate.errors import SigningError
from gate.model.base import to_json
from gate.trust.statement import STATEMENT_TYPES, STRONG_ALGORITHMS, Subject

_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


def subject_of(name: str, digest: str) -> Subject:
    """The subject with the one digest ``algorithm:hex``; raises SigningError unless that is SHA-256, SHA-384 or SHA-512."""
    algorithm, _, value = digest.partition(":")
    if algorithm not in STRONG_ALGORITHMS or len(value) != _HEX_DIGITS[algorithm] or set(value) - set("0123456789abcdef"):
        raise SigningError(
            f"{digest!r} cannot be the subject of a statement",
            why="a statement is about bytes, named by their SHA-256, SHA-384 or SHA-512 digest",
        )
    return Subject(name=name, digest={algorithm: value})


def make(subjects: Sequence[Subject], predicate_type: str, predicate: Mapping[str, Any] | msgspec.Raw) -> bytes:
    """An in-toto Statement v1 (in-toto/attestation spec/v1/statement.md) as JSON with sorted keys and no white space.

    A predicate given as `msgspec.Raw` keeps its own bytes: large numbers, order and all.

    Raises SigningError for a statement about nothing, or of no type.
    """
    if not subjects or not all(set(subject.digest) & set(STRONG_ALGORITHMS) for subject in subjects):
        raise SigningError(
            "a statement needs a subject with a digest", why="signed, a statement about nothing could be put beside anything"
        )
    if not predicate_type:
        raise SigningError("a statement needs a predicate type")
    return to_json(
        {
            "_type": STATEMENT_TYPES[0],
            "subject": [
                {"name": subject.name, "digest": dict(subject.digest)} if subject.name else {"digest": dict(subject.digest)}
                for subject in subjects
            ],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )
