"""Typed decoding that survives a wrong type in one field.

Real SBOMs have numbers for versions and objects for lists; refusing 14 MB for one of them would lose every fact. The document is
decoded in one go; only where that fails is it taken apart, so that each anomaly is named and counted and the rest is kept. A list
element that is no object becomes an empty one: it is counted as unidentified, not dropped.
"""

from __future__ import annotations

import types
import typing
from typing import Any, TypeVar

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits
from gate.model.evidence import Diagnostic

T = TypeVar("T", bound=msgspec.Struct)


class Anomalies:
    """Wrong types by path pattern, each with its count and first place."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, str, int]] = {}

    def add(self, path: str, wanted: str) -> None:
        pattern = "/".join("*" if part.isdigit() else part for part in path.split("/"))
        where, what, count = self._found.get(pattern, (path, wanted, 0))
        self._found[pattern] = (where, what, count + 1)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(
            Diagnostic(code="wrong_type", message=f"{pattern} is not {what}; read as absent", count=count, where=where)
            for pattern, (where, what, count) in sorted(self._found.items())
        )


def decode(data: bytes, kind: type[T], limits: Limits, *, essential: frozenset[str]) -> tuple[T, tuple[Diagnostic, ...]]:
    """The document as ``kind``; raises EvidenceInvalid when it is no object or an ``essential`` field has a wrong type."""
    try:
        return msgspec.json.decode(data, type=kind), ()
    except msgspec.ValidationError:
        pass
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise EvidenceInvalid(f"the document is not JSON: {error}") from None
    except RecursionError:
        raise LimitExceeded("json_depth", limits.json_depth, "nesting of a JSON document") from None
    found = Anomalies()
    try:
        value = _value(msgspec.Raw(data), kind, "", found, essential)
    except RecursionError:
        raise LimitExceeded("json_depth", limits.json_depth, "nesting of a JSON document with wrong types") from None
    if not isinstance(value, kind):
        raise EvidenceInvalid("the document is not a JSON object", fix="write it again with the tool that made it")
    return value, found.diagnostics()


def _value(raw: msgspec.Raw, kind: Any, path: str, found: Anomalies, essential: frozenset[str]) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError):
        pass
    inner = _without_none(kind)
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        return _struct(raw, inner, path, found, essential)
    if typing.get_origin(inner) is list:
        return _list(raw, typing.get_args(inner)[0], path, found, essential)
    if path in essential:
        _refuse(path)
    found.add(path, "text" if inner is str else "of the expected type")
    return None


def _struct(raw: msgspec.Raw, kind: type[msgspec.Struct], path: str, found: Anomalies, essential: frozenset[str]) -> Any:
    try:
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError):
        if path in essential:
            _refuse(path)
        found.add(path, "an object")
        return None
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in fields:
            place = f"{path}/{field.encode_name}"
            values[field.name] = _value(fields[field.encode_name], hints[field.name], place, found, essential)
    return kind(**values)


def _list(raw: msgspec.Raw, element: Any, path: str, found: Anomalies, essential: frozenset[str]) -> Any:
    try:
        items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError):
        if path in essential:
            _refuse(path)
        found.add(path, "an array")
        return None
    values = [_value(item, element, f"{path}/{number}", found, essential) for number, item in enumerate(items)]
    if isinstance(element, type) and issubclass(element, msgspec.Struct):
        return [element() if value is None else value for value in values]
    return [value for value in values if value is not None]


def _without_none(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(part for part in typing.get_args(kind) if part is not type(None))
    return kind


def _refuse(path: str) -> None:
    raise EvidenceInvalid(
        f"{path} has the wrong type",
        why="what it should list cannot be told, and nothing must not pass for none",
        fix="write the document again with the tool that made it",
    )
