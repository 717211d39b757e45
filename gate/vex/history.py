"""Append-only history of an OpenVEX document: statements are added, none is changed or taken out, and the version rises.

It works on the document as it stands, not on what the gate understands of it, so that fields unknown to the gate survive. A
statement that had no time of its own gets the time that the document had (OpenVEX 0.2.0, "Inheritance Flow").
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gate.errors import ConfigError, EvidenceInvalid
from gate.limits import DEFAULT, Limits
from gate.vex import holds, notes, write
from gate.vex.document import instant, load

Place = tuple[str, str, str]
"""Vulnerability, product, subcomponent (empty for the whole product)."""


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
    spoken: defaultdict[Place, list[Mapping[str, Any]]] = defaultdict(list)
    for item in old:
        for place in _places(item):
            spoken[place].append(item)
    added = [item for item in new if not _is_said(item, latest.get(_about(item)), spoken)]
    unchanged = len(new) - len(added)
    if not added:
        return Appended(dict(body), (), unchanged)
    last = newest(body)
    if last is not None and last >= now:
        raise ConfigError(
            f"the newest statement there is of {write.stamp(last)}, and now it is {write.stamp(now)}",
            why="readers order statements by time; this decision would not hold",
            fix="correct the clock or SOURCE_DATE_EPOCH",
        )
    changed = {**body, "version": body["version"] + 1, "last_updated": write.stamp(now), "tooling": write.TOOLING}
    if role:
        changed["role"] = role
    return Appended({**changed, "statements": [*old, *added]}, tuple(added), unchanged)


def newest(body: Mapping[str, Any]) -> datetime | None:
    """The time of the newest statement; None in a document without any."""
    return max((_time(item) for item in _timed(body)), default=None)


def _is_said(
    item: Mapping[str, Any], before: Mapping[str, Any] | None, spoken: Mapping[Place, Sequence[Mapping[str, Any]]]
) -> bool:
    """Whether the newest statement on the same products says it, and none since speaks of any of them."""
    if before is None or _says(before) != _says(item):
        return False
    others = (other for place in _places(item) for other in spoken.get(place, ()))
    return all(other is before or _time(other) < _time(before) for other in others)


def current(body: Mapping[str, Any]) -> dict[str, Any]:
    """The document with only what no later statement on the same vulnerability, product and subcomponent replaces, for readers
    that take the oldest. What was said at one time stays, also where it contradicts itself."""
    return {**body, "statements": holds.shortened(_timed(body), _time, _places, _without)}


def _without(item: dict[str, Any], replaced: set[Place]) -> dict[str, Any] | None:
    """The statement without the products that a later one is about; None when nothing is left of it."""
    names = _vulnerabilities(item)
    left: list[Any] = []
    for product in _products(item):
        outer, inner = _product(product)
        if any((name, outer, "") in replaced for name in names):
            continue
        kept = [part for part in inner if not any((name, outer, _key(part)) in replaced for name in names)]
        if len(kept) == len(inner):
            left.append(product)
        elif kept:
            left.append({**product, "subcomponents": kept})
    if left == _products(item):
        return item if left or not any((name, "", "") in replaced for name in names) else None
    if not left:
        return None
    # Its id is that of all that it said.
    return write.identified({name: value for name, value in {**item, "products": left}.items() if name != "@id"})


def _places(item: Mapping[str, Any]) -> set[Place]:
    """What the statement is about, under each name of the vulnerability."""
    pairs = [(outer, _key(part) if part is not None else "") for outer, part in _pairs(item)]
    return {(name, outer, inner) for name in _vulnerabilities(item) for outer, inner in pairs or [("", "")]}


def _pairs(item: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for product in _products(item):
        outer, inner = _product(product)
        yield from ((outer, part) for part in inner or [None])


def _products(item: Mapping[str, Any]) -> list[Any]:
    listed = item.get("products")
    return listed if isinstance(listed, list) else []


def _product(product: Any) -> tuple[str, list[Any]]:
    """The product's key, and its subcomponents."""
    inner = product.get("subcomponents") if isinstance(product, dict) else None
    return _key(product), inner if isinstance(inner, list) else []


def _key(component: Any) -> str:
    """A component by its ``@id``, else by all that it says."""
    if isinstance(component, dict) and isinstance(component.get("@id"), str):
        return str(component["@id"])
    return write.canonical(component).decode()


def _vulnerabilities(item: Mapping[str, Any]) -> frozenset[str]:
    found = item.get("vulnerability")
    if isinstance(found, dict):
        aliases = found.get("aliases")
        names = [found.get("name"), *(aliases if isinstance(aliases, list) else ())]
    else:
        names = [found]
    return frozenset(name.casefold() for name in names if isinstance(name, str) and name)


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
