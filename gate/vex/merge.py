"""Several VEX documents into one, and what changed between two.

Merging works on the documents as they stand (`gate.vex.history`): nothing is interpreted away. A statement of another author says
so in its notes, since a document has one author only and policies judge by that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gate.errors import ConfigError, EvidenceInvalid
from gate.vex import history, holds, openvex, write
from gate.vex.convert import Converted, Losses, named
from gate.vex.document import SUPPRESSING, VexDocument, VexStatement, instant


def merge(
    bodies: Sequence[tuple[str, Mapping[str, Any]]], *, author: str, role: str, now: datetime, current: bool = False
) -> Converted:
    """One OpenVEX 0.2.0 document with every statement once, oldest first; ``current`` leaves out what a later one replaces.

    ``bodies`` are OpenVEX 0.2.0 documents by name. Without ``author`` they must have the same one (else ConfigError).
    """
    losses = Losses()
    authors = sorted({str(body.get("author", "")) for _, body in bodies})
    if not author and len(authors) != 1:
        raise ConfigError(
            f"the documents have {len(authors)} authors: {', '.join(authors)}",
            why="a document has one author, who answers for all of it",
            fix="--author, if you take their statements as your own; else give readers the documents as they are",
        )
    author = author or authors[0]
    statements: dict[bytes, dict[str, Any]] = {}
    newest = holds.newest_versions((_lineage(body), _version(body)) for _, body in bodies if body.get("@id"))
    for name, body in bodies:
        for item in _dated(name, body):
            if _version(body) < newest.get(_lineage(body), 0) and item.get("status") in SUPPRESSING:
                losses.add("statement", "a later version of its document was given, which holds alone", name)
                continue
            made = item if body.get("author") == author else _credited(item, body)
            statements.setdefault(write.canonical({**made, "@id": ""}), made)
        kept = {"@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling", "statements"}
        for field in sorted(set(body) - kept):
            losses.add(field, "field of the document; not kept", name)
        if body.get("author") != author:
            losses.add("author", f"{body.get('author')}; named in the notes of its statements", name)
        if body.get("role") and body.get("role") != role:
            losses.add("role", f"{body.get('role')}", name)
    if not statements:
        raise ConfigError("no statement to merge")
    ordered = sorted(statements.values(), key=lambda item: (_moment(item), write.canonical(item)))
    result = write.document(
        ordered,
        id=write.document_id("merged", author, *sorted(str(body.get("@id", name)) for name, body in bodies)),
        author=author,
        role=role,
        timestamp=now,
        version=max(sum(_version(body) for _, body in bodies), 1),
    )
    if current:
        result = {**result, "statements": _counted(result, now, losses)}
        kept_ones = history.current(result)
        gone = len(result["statements"]) - len(kept_ones["statements"])
        losses.add("statement", "replaced by a later one on the same vulnerability and products", "", gone)
        partly = sum(item not in result["statements"] for item in kept_ones["statements"])
        losses.add("statement", "replaced for some of its products by a later one", "", partly)
        result = kept_ones
    return Converted(write.to_bytes(result), losses.listed())


def _counted(body: Mapping[str, Any], now: datetime, losses: Losses) -> list[dict[str, Any]]:
    """Without statements that suppress for other readers and not for this gate: they replace none that counts."""
    kept = []
    for raw, item in zip(body["statements"], openvex.read(write.to_bytes(body)).statements, strict=True):
        future = item.timestamp is not None and item.timestamp > now
        if item.status in SUPPRESSING and (item.problem or future):
            losses.add("statement", f"does not count: {item.problem or 'its time lies in the future'}", item.id)
        else:
            kept.append(raw)
    if not kept:
        raise ConfigError("no statement counts", why="what is left out is invalid or from the future", fix="gate vex lint FILE")
    return kept


def _version(body: Mapping[str, Any]) -> int:
    value = body.get("version")
    return value if isinstance(value, int) else 0


def _lineage(body: Mapping[str, Any]) -> tuple[str, str]:
    """What the versions of one document share (`gate.vex.resolve`, rule 4)."""
    return str(body.get("@id", "")), str(body.get("author", ""))


def _dated(name: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    listed = body.get("statements")
    if body.get("@context") != write.CONTEXT or not isinstance(listed, list):
        raise EvidenceInvalid(f"{name} is no OpenVEX 0.2.0 document", fix="gate vex convert --to openvex FILE")
    made = []
    for item in listed:
        if not isinstance(item, dict):
            raise EvidenceInvalid(f"{name}: a statement is no object")
        dated = {**item} if "timestamp" in item else {**item, "timestamp": body.get("timestamp")}
        _moment(dated)
        made.append(dated)
    return made


def _credited(item: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    said = f"Said by {body.get('author')} in {body.get('@id')}, version {body.get('version')}."
    text = item.get("status_notes")
    return {**item, "status_notes": f"{text}\n\n{said}" if text else said}


def _moment(item: Mapping[str, Any]) -> datetime:
    moment, _ = instant(item.get("timestamp"))
    if moment is None:
        raise EvidenceInvalid(f"statement {item.get('@id', '')!r} has no usable time", fix="gate vex lint FILE")
    return moment


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Change:
    vulnerability: str
    product: str
    before: str
    """Status and justification; empty where nothing was said."""
    after: str


def diff(before: VexDocument, after: VexDocument) -> tuple[Change, ...]:
    """What holds for each vulnerability and product, in one document and the other; of several statements the newest holds."""
    old, new = _holding(before), _holding(after)
    changes = [Change(*key, old.get(key, ""), new.get(key, "")) for key in {*old, *new} if old.get(key) != new.get(key)]
    return tuple(sorted(changes))


def _holding(document: VexDocument) -> dict[tuple[str, str], str]:
    held = holds.latest(
        document.statements,
        places=lambda item: [(named(item)[0], product) for product in _about(item)],
        rank=lambda item: holds.moment(item.timestamp),
    )
    return {place: " ".join(part for part in (item.status, item.justification) if part) for place, item in held.items()}


def _about(item: VexStatement) -> list[str]:
    made = []
    for product in item.products:
        names = product.component.ids or tuple(value for _, value in product.component.hashes)
        inner = [text for part in product.subcomponents for text in part.ids]
        made += [f"{name} → {text}" for name in names for text in inner] if inner else list(names)
    return made or ["(no product)"]
