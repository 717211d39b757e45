"""Single-field mutations of a JSON document."""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def mutations(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Path, kind of change and changed copy, for every field and array item of the document."""
    for path in _paths(document, ()):
        name = "/".join("*" if isinstance(step, int) else step for step in path)
        for kind, value in _changes(_get(document, path)):
            yield name, kind, _set(document, path, value)
        yield name, "delete", _delete(document, path)


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value[:2]):
            yield (*path, index)
            yield from _paths(item, (*path, index))


def _changes(value: Any) -> Iterator[tuple[str, Any]]:
    yield "null", None
    if isinstance(value, str):
        yield "empty", ""
        if value.isdigit():
            yield "plus one", str(int(value) + 1)
            return
        yield "cut", value[:-5]
        try:
            raw = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) > 3:
            yield from ((kind, base64.b64encode(changed).decode()) for kind, changed in _flips(raw))
        else:
            yield "character", value[: len(value) // 2] + "0" + value[len(value) // 2 + 1 :]
    elif isinstance(value, int):
        yield "plus one", value + 1
    elif isinstance(value, list):
        yield "empty", []
        yield "twice", value * 2
    elif isinstance(value, dict):
        yield "empty", {}


def _flips(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """One bit, at places spread over the value."""
    for step in range(33):
        position = min(len(raw) - 1, len(raw) * step // 32)
        yield "bit", raw[:position] + bytes([raw[position] ^ (1 << (step % 8))]) + raw[position + 1 :]


def _get(document: Any, path: Path) -> Any:
    for step in path:
        document = document[step]
    return document


def _set(document: Any, path: Path, value: Any) -> Any:
    changed = copy.deepcopy(document)
    _get(changed, path[:-1])[path[-1]] = value
    return changed


def _delete(document: Any, path: Path) -> Any:
    changed = copy.deepcopy(document)
    del _get(changed, path[:-1])[path[-1]]
    return changed
