"""OpenVEX 0.2.0 checked against its published JSON schema, by hand: the schema is small and validators are not.

Where schema and text of the specification differ the schema is taken, since other tools validate with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gate.limits import DEFAULT
from gate.vex.document import JUSTIFICATIONS, instant, load

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`\x00-\x20]+")
_HASHES = (
    "md5", "sha1", "sha-256", "sha-384", "sha-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512",
    "blake2s-256", "blake2b-256", "blake2b-512",
)  # fmt: skip
_STATUSES = frozenset({"not_affected", "affected", "fixed", "under_investigation"})
_MOST = 200
"""Problems that are listed; a broken document has thousands of the same."""

Problem = tuple[str, str]
"""JSON pointer and what is wrong there."""
Check = Callable[[Any, str], Iterable[Problem]]


def problems(data: bytes) -> tuple[Problem, ...]:
    """What the schema forbids, in document order. Raises EvidenceInvalid for what is no JSON object."""
    body = load(data, DEFAULT, "OpenVEX document")
    found = list(_object(body, "", _DOCUMENT, ("@context", "@id", "author", "timestamp", "version", "statements")))
    return tuple(found[:_MOST])


def _object(value: Any, at: str, fields: Mapping[str, Check], required: Iterable[str] = ()) -> Iterable[Problem]:
    if not isinstance(value, dict):
        yield at, "is no object"
        return
    for name in required:
        if name not in value:
            yield at, f"{name} is missing"
    for name, item in value.items():
        place = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
        check = fields.get(name)
        if check is None:
            yield place, "is not allowed here"
        else:
            yield from check(item, place)


def _text(value: Any, at: str) -> Iterable[Problem]:
    if not isinstance(value, str):
        yield at, "is no text"


def _uri(value: Any, at: str) -> Iterable[Problem]:
    if not isinstance(value, str) or not _URI.fullmatch(value):
        yield at, "is no IRI"


def _time(value: Any, at: str) -> Iterable[Problem]:
    if not isinstance(value, str) or instant(value)[0] is None:
        yield at, "is no RFC 3339 time with a zone"


def _number(value: Any, at: str) -> Iterable[Problem]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        yield at, "is no whole number from 1"


def _one_of(words: frozenset[str]) -> Check:
    def check(value: Any, at: str) -> Iterable[Problem]:
        if not isinstance(value, str) or value not in words:
            yield at, f"is none of {', '.join(sorted(words))}"

    return check


def _list(check: Check, least: int = 0) -> Check:
    def each(value: Any, at: str) -> Iterable[Problem]:
        if not isinstance(value, list) or len(value) < least:
            yield at, "is no list" if not isinstance(value, list) else "is empty"
            return
        seen: set[str] = set()
        for number, item in enumerate(value):
            yield from check(item, f"{at}/{number}")
            key = repr(item)
            if key in seen:
                yield f"{at}/{number}", "stands twice"
            seen.add(key)

    return each


def _nested(fields: Mapping[str, Check], required: Iterable[str] = ()) -> Check:
    return lambda value, at: _object(value, at, fields, required)


def _statement(value: Any, at: str) -> Iterable[Problem]:
    yield from _object(value, at, _STATEMENT, ("vulnerability", "status"))
    if not isinstance(value, dict):
        return
    status = value.get("status")
    if status == "not_affected" and ("justification" in value) == ("impact_statement" in value):
        yield at, "not_affected has either a justification or an impact_statement, not both and not neither"
    if status == "affected" and "action_statement" not in value:
        yield at, "affected has no action_statement"


_NAMED: Mapping[str, Check] = {
    "@id": _uri,
    "identifiers": _nested({"purl": _text, "@cpe22": _text, "@cpe23": _text, "cpe22": _text, "cpe23": _text}),
    "hashes": _nested(dict.fromkeys(_HASHES, _text)),
}
"""The schema has ``@cpe22`` and ``@cpe23``, the text and go-vex ``cpe22`` and ``cpe23``: either will do."""
_STATEMENT: Mapping[str, Check] = {
    "@id": _uri,
    "version": _number,
    "vulnerability": _nested({"@id": _uri, "name": _text, "description": _text, "aliases": _list(_text)}, ("name",)),
    "timestamp": _time,
    "last_updated": _time,
    "products": _list(_nested({**_NAMED, "subcomponents": _list(_nested(_NAMED))})),
    "status": _one_of(_STATUSES),
    "supplier": _text,
    "status_notes": _text,
    "justification": _one_of(JUSTIFICATIONS),
    "impact_statement": _text,
    "action_statement": _text,
    "action_statement_timestamp": _time,
}
_DOCUMENT: Mapping[str, Check] = {
    "@context": _uri,
    "@id": _uri,
    "author": _text,
    "role": _text,
    "timestamp": _time,
    "last_updated": _time,
    "version": _number,
    "tooling": _text,
    "statements": _list(_statement, least=1),
}
