"""in-toto statements v1 and v0.1 (in-toto/attestation, spec/v1/statement.md)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gate.errors import LimitExceeded
from gate.limits import Limits
from gate.trust.encoding import check_depth, load_json, malformed, mapping, sequence, text

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPES: Final = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
STRONG_ALGORITHMS: Final = ("sha256", "sha384", "sha512")
"""Digests that may name an artifact; SHA-1 and MD5 may not. ``gitCommit`` names sources and is compared by who reads sources."""

_WHAT: Final = "the in-toto statement"
_SMALL: Final = 1024 * 1024
"""Up to here a statement is searched for duplicate keys in full; above, everything but the predicate is."""


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about. The name is a hint: match by digest."""

    name: str
    digest: Mapping[str, str]
    """Algorithm to lower-case hex, as the statement says; may hold algorithms that nobody should match by."""
    annotations: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Foreign; source-track summaries name refs here."""


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """A claim of a type about subjects. Believe it only as far as the envelope's verification goes."""

    type: str
    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Any

    def is_about(self, digest: str) -> bool:
        """Whether a subject has that ``algorithm:hex`` digest, by a strong algorithm."""
        algorithm, _, value = digest.partition(":")
        return algorithm in STRONG_ALGORITHMS and any(subject.digest.get(algorithm) == value.lower() for subject in self.subjects)


class _Skeleton(msgspec.Struct):
    """Cuts the predicate out, so that a large one is parsed once and fast."""

    predicate: msgspec.Raw = msgspec.Raw(b"null")


def parse_statement(payload: bytes, limits: Limits) -> Statement:
    """The statement; raises EvidenceInvalid when malformed, LimitExceeded past ``document_bytes`` or ``json_depth``."""
    if len(payload) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, _WHAT)
    if len(payload) <= _SMALL:
        document = load_json(payload, limits, _WHAT)
        predicate = document.get("predicate") if isinstance(document, dict) else None
    else:
        document, predicate = _parse_large(payload, limits)
    if not isinstance(document, dict):
        raise malformed(_WHAT, "no JSON object")
    type_ = text(document, "_type", _WHAT)
    if type_ not in STATEMENT_TYPES:
        raise malformed(_WHAT, f"_type is {type_!r}, neither Statement/v1 nor Statement/v0.1")
    subjects = tuple(_subject(item) for item in sequence(document, "subject", _WHAT))
    if not subjects:
        raise malformed(_WHAT, "it is about nothing: no subject")
    predicate_type = text(document, "predicateType", _WHAT)
    if not predicate_type:
        raise malformed(_WHAT, "an empty predicateType")
    return Statement(type=type_, subjects=subjects, predicate_type=predicate_type, predicate=predicate)


def _parse_large(payload: bytes, limits: Limits) -> tuple[Any, Any]:
    try:
        raw = bytes(msgspec.json.decode(payload, type=_Skeleton).predicate)
        predicate = msgspec.json.decode(raw)
    except RecursionError as error:
        raise LimitExceeded("json_depth", limits.json_depth, _WHAT) from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise malformed(_WHAT, str(error)) from error
    check_depth([predicate], limits, _WHAT)
    if len(raw) < _SMALL // 2:
        return load_json(payload, limits, _WHAT), predicate
    # A second "predicate" key stays in what is left and is found there as a duplicate.
    return load_json(payload.replace(raw, b"null", 1), limits, _WHAT), predicate


def _subject(item: Any) -> Subject:
    if not isinstance(item, dict):
        raise malformed(_WHAT, "a subject is no object")
    name = item.get("name")
    digest = mapping(item, "digest", f"{_WHAT}: subject")
    if not digest or not all(isinstance(value, str) and value for value in digest.values()):
        raise malformed(_WHAT, "a subject without a digest")
    annotations = item.get("annotations")
    return Subject(
        name=name if isinstance(name, str) else "",
        digest={k: v.lower() for k, v in digest.items()},
        annotations=annotations if isinstance(annotations, dict) else {},
    )
