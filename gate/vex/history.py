"""Append-only history of an OpenVEX document: statements are added, none is changed or taken out, and the version rises.

It works on the document as it stands, not on what the gate understands of it, so that fields unknown to the gate survive. A
statement that had no time of its own gets the time that the document had (OpenVEX 0.2.0, "Inheritance Flow").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gate.errors import ConfigError, EvidenceInvalid
from gate.limits import DEFAULT, Limits
from gate.vex import notes, write
from gate.vex.document import instant, load


@dataclasses.dataclass(frozen=True, slots=True)
class Appended:
    body: dict[str, Any]
    added: tuple[dict[str, Any], ...]
    unchanged: int
    """New statements that the newest one on the same products already says."""


def open_document(data: bytes, *, id: str | None, author: str, limits: Limits = DEFAULT) -> dict[str, Any]:
    """An existing document that may be continued by this author under this id (None: whichever it has).

    Raises EvidenceInvalid when it is no OpenVEX 0.2.0 document, ConfigError when it is somebody else's.
    """
    body = load(data, limits, "OpenVEX document")
    statements = body.get("statements")
    if (
        body.get("@context") != write.CONTEXT
        or not isinstance(statements, list)
        or not all(isinstance(s, dict) for s in statements)
    ):
        raise EvidenceInvalid("the file there is no OpenVEX 0.2.0 document", fix="move it away, or name another with --output")
    if not isinstance(body.get("version"), int) or instant(body.get("timestamp"))[0] is None:
        raise EvidenceInvalid("the document there has no version or timestamp", fix="correct it by hand: gate vex lint FILE")
    if body.get("author") != author:
        raise ConfigError(
            f"the document there is by {body.get('author')!r}, not by {author!r}",
            why="a document has one author, whom policies accept or not",
            fix="name another file with --output, or triage under that author",
        )
    if id is not None and body.get("@id") != id:
        raise ConfigError(f"the document there is about another image: {body.get('@id')}", fix="name another file with --output")
    return body


def append(
    body: Mapping[str, Any] | None,
    new: Sequence[dict[str, Any]],
    *,
    id: str,
    author: str,
    role: str,
    now: datetime,
) -> Appended:
    """The document with the new statements behind the old ones; unchanged when they say nothing new.

    Raises ConfigError when the clock stands before the document's newest statement: readers order by time, and a decision that
    is made to look older than its predecessor would not hold.
    """
    if body is None:
        made = write.document(new, id=id, author=author, role=role, timestamp=now)
        return Appended(made, tuple(new), 0)
    inherited = body["timestamp"]
    old = [{**item} if "timestamp" in item else {**item, "timestamp": inherited} for item in body["statements"]]
    latest = {_about(item): item for item in sorted(old, key=_time)}
    added = [item for item in new if _says(latest.get(_about(item))) != _says(item)]
    unchanged = len(new) - len(added)
    if not added:
        return Appended(dict(body), (), unchanged)
    newest = max((_time(item) for item in old), default=now)
    if newest >= now:
        raise ConfigError(
            f"the newest statement there is of {write.stamp(newest)}, and now it is {write.stamp(now)}",
            why="readers order statements by time; this decision would not hold",
            fix="correct the clock or SOURCE_DATE_EPOCH",
        )
    changed = {**body, "version": body["version"] + 1, "last_updated": write.stamp(now), "tooling": write.TOOLING}
    if role:
        changed["role"] = role
    return Appended({**changed, "statements": [*old, *added]}, tuple(added), unchanged)


def current(body: Mapping[str, Any]) -> dict[str, Any]:
    """The document with only the newest statement on each vulnerability and products, for readers that take the oldest."""
    latest = {_about(item): item for item in sorted(_timed(body), key=_time)}
    keep = {write.canonical(item) for item in latest.values()}
    return {**body, "statements": [item for item in _timed(body) if write.canonical(item) in keep]}


def _timed(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    inherited = body.get("timestamp") or body.get("last_updated")
    return [
        {**item} if "timestamp" in item or inherited is None else {**item, "timestamp": inherited}
        for item in body.get("statements", ())
        if isinstance(item, dict)
    ]


def _about(item: Mapping[str, Any]) -> bytes:
    """Vulnerability and products: what two statements must share for the later to replace the earlier."""
    found = item.get("vulnerability")
    name = found.get("name") if isinstance(found, dict) else found
    listed = item.get("products")
    products = sorted(write.canonical(entry) for entry in listed) if isinstance(listed, list) else []
    return write.canonical([name, [entry.decode() for entry in products]])


def _says(item: Mapping[str, Any] | None) -> bytes | None:
    if item is None:
        return None
    said = {name: value for name, value in item.items() if name not in ("@id", "timestamp", "last_updated", "status_notes")}
    text = item.get("status_notes")
    # The same decision after another run of the gate is no new one.
    return write.canonical([said, repr(dataclasses.replace(notes.read(text), verdict="")) if isinstance(text, str) else None])


def _time(item: Mapping[str, Any]) -> datetime:
    moment, _ = instant(item.get("last_updated") or item.get("timestamp"))
    if moment is None:
        raise EvidenceInvalid(
            f"statement {item.get('@id', '')!r} has no usable time", why="history is ordered by time", fix="gate vex lint FILE"
        )
    return moment
