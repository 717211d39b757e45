"""Typed decoding of foreign JSON that survives what is odd and stops at what is bad.

A document is taken apart once into raw members and elements; each element is decoded into a struct that names only the fields
that are needed. A field of the wrong type is taken out and becomes a diagnostic; a missing required field is `EvidenceInvalid`,
because a finding that cannot be read must not vanish from the count.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.model.evidence import Diagnostic

T = TypeVar("T")

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_PATH = re.compile(r" - at `\$(?P<path>.*)`$")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_REPAIRS = 200
"""Fields taken out of one element before it counts as unreadable."""


class Notes:
    """Diagnostics of one document, counted by code and message; the place of the first occurrence is kept."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[Any]] = {}

    def add(self, code: str, message: str, where: str = "", count: int = 1) -> None:
        entry = self._found.setdefault((code, message[:300]), [0, where])
        entry[0] += count

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(
            Diagnostic(code=code, message=message, count=count, where=where)
            for (code, message), (count, where) in sorted(self._found.items())
        )


class Lenient(Generic[T]):
    """A decoder of one struct type."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, raw: bytes | msgspec.Raw, where: str, notes: Notes) -> T:
        """The value without its fields of wrong type; raises EvidenceInvalid when a required one is missing or wrong."""
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError:
            return self._repair(raw, where, notes)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise EvidenceInvalid(f"{where} is not JSON: {error}") from error
        except RecursionError as error:
            raise LimitExceeded("json_depth", 1000, where) from error

    def _repair(self, raw: bytes | msgspec.Raw, where: str, notes: Notes) -> T:
        try:
            value = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise EvidenceInvalid(f"{where} is not JSON: {error}") from error
        message = ""
        for _ in range(_REPAIRS):
            try:
                return msgspec.convert(value, self._kind)
            except msgspec.ValidationError as error:
                message = str(error)
            found = _PATH.search(message)
            if message.startswith("Object missing") or found is None:
                break
            place = _take_out(value, found["path"])
            if not place:
                break
            notes.add("wrong_type", f"{re.sub(r'[0-9]+', '*', place)}: {message[: found.start()]}; read as absent", where)
        raise EvidenceInvalid(
            f"{where} cannot be read: {message}",
            why="a finding that cannot be read must not vanish from the count",
            fix="write the report again with the scanner itself",
        )


def _take_out(value: Any, path: str) -> str:
    """Delete what the path points at, or the nearest container that can be named; the path as deleted, empty if nothing was."""
    steps: list[str | int] = []
    for step in _STEP.finditer(path):
        if step["index"] == "...":
            break  # a value of a mapping: msgspec does not say which, so the mapping goes
        steps.append(step["name"] if step["name"] is not None else int(step["index"]))
    if not steps:
        return ""
    parent = value
    for part in steps[:-1]:
        parent = parent[part]
    del parent[steps[-1]]
    return "".join(f"/{step}" for step in steps)


def members(data: bytes | msgspec.Raw, where: str) -> dict[str, msgspec.Raw]:
    """The members of an object; raises EvidenceInvalid for anything else."""
    try:
        return _MEMBERS.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise EvidenceInvalid(f"{where} is not a JSON object: {error}") from error


def elements(raw: bytes | msgspec.Raw | None, where: str, *, bound: int) -> list[msgspec.Raw]:
    """The elements of an array, none for null; raises EvidenceInvalid for anything else and LimitExceeded above ``findings``."""
    if raw is None or (memoryview(raw).nbytes < 64 and bytes(raw).strip() == b"null"):
        return []
    try:
        found = _ELEMENTS.decode(raw)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise EvidenceInvalid(
            f"{where} is not a JSON array: {error}",
            why="what it lists cannot be told, and that must not pass for nothing",
        ) from error
    if len(found) > bound:
        raise LimitExceeded("findings", bound, where)
    return found
