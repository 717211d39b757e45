"""Configuration documents as plain values with the line of each: YAML read by its events, JSON by the standard library.

What PyYAML's loaders would let pass is refused here: duplicate keys, aliases (and with them alias bombs), explicit tags, keys
that are not strings, more than one document. Scalars follow the YAML 1.2 core schema in its JSON spelling: ``no`` and
``2026-12-01`` are strings, ``0777`` is one too, so that nothing changes its type behind the writer's back.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gate.errors import ConfigError, GateError
from gate.model.base import digest_of

MAX_DEPTH = 64
MAX_NODES = 500_000

_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_WORDS: Mapping[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip

Location = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A configuration document as read: its value, where it came from and on which line each part stands."""

    name: str
    value: Any
    digest: str = ""
    """``sha256:…`` of the bytes; empty for what came from no file."""
    lines: Mapping[Location, int] = dataclasses.field(default_factory=dict)
    """1-based line by path from the root; empty for JSON."""

    def at(self, path: Location) -> str:
        """``file:line`` of the nearest part whose line is known."""
        for end in range(len(path), -1, -1):
            line = self.lines.get(path[:end])
            if line is not None:
                return f"{self.name}:{line}"
        return self.name


def read_source(path: Path, *, max_bytes: int, error: type[GateError] = ConfigError, name: str | None = None) -> Source:
    """Reads and parses one file; raises ``error`` when it is missing, too large or malformed."""
    try:
        if path.exists() and not path.is_file():
            raise error(f"{path}: not a regular file", why="a pipe would be waited for without end", fix="name a file")
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as problem:
        raise error(f"{path}: {problem.strerror or problem}", fix="check the path and its permissions") from problem
    return parse_source(data, name=name or str(path), max_bytes=max_bytes, error=error)


def parse_source(data: bytes, *, name: str, max_bytes: int, error: type[GateError] = ConfigError) -> Source:
    """Parses JSON (names ending in ``.json``) or YAML; raises ``error``."""
    if len(data) > max_bytes:
        raise error(
            f"{name}: larger than {max_bytes} bytes", why="every reader is bounded", fix="raise GATE_LIMIT_POLICY_FILE_BYTES"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{name}: not UTF-8 text (byte {problem.start})", fix="save it as UTF-8") from problem
    if name.endswith(".json"):
        return Source(name, json_value(text, name, error), digest_of(data))
    value, lines = _Builder(name, error).build(text)
    return Source(name, value, digest_of(data), lines)


def json_value(text: str, name: str, error: type[GateError] = ConfigError) -> Any:
    """The value of a JSON text; raises ``error`` for repeated keys, NaN, halves of surrogate pairs and what is no JSON."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            keys = [key for key, _ in items]
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise error(f"{name}: the key {twice[0]!r} stands twice in one object", fix="keep one of them")
        return result

    def constant(word: str) -> Any:
        raise error(f"{name}: {word} is not JSON", fix="write a number or null")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is a character to Python and to nobody else
        return value
    except json.JSONDecodeError as problem:
        raise error(f"{name}:{problem.lineno}: {problem.msg}", fix="correct the JSON") from problem
    except (RecursionError, ValueError) as problem:
        raise error(f"{name}: not readable as JSON: {type(problem).__name__}", fix="correct the JSON") from problem


class _Builder:
    """Turns YAML events into values without recursion, so that nesting cannot exhaust the stack."""

    def __init__(self, name: str, error: type[GateError]) -> None:
        self._name = name
        self._error = error
        self._lines: dict[Location, int] = {}
        self._stack: list[dict[str, Any] | list[Any]] = []
        self._keys: list[str | None] = []
        self._path: list[str | int] = []
        self._root: Any = None
        self._done = False

    def build(self, text: str) -> tuple[Any, dict[Location, int]]:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is not in every build of PyYAML
        count = 0
        try:
            for event in yaml.parse(text, Loader=loader):
                count += 1
                if count > MAX_NODES:
                    raise self._error(f"{self._name}: more than {MAX_NODES} values", why="every reader is bounded")
                self._take(event, yaml)
        except yaml.MarkedYAMLError as problem:
            line = problem.problem_mark.line + 1 if problem.problem_mark else 1
            raise self._error(f"{self._name}:{line}: {problem.problem or 'not YAML'}", fix="correct the YAML") from problem
        except (yaml.YAMLError, ValueError, RecursionError) as problem:
            raise self._error(f"{self._name}: not YAML: {problem}", fix="correct the YAML") from problem
        return self._root, self._lines

    def _fail(self, event: Any, what: str, fix: str) -> GateError:
        return self._error(f"{self._name}:{event.start_mark.line + 1}: {what}", fix=fix)

    def _take(self, event: Any, yaml: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent) and self._done:
            raise self._fail(event, "a second document in one file", "keep one document in a file")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._fail(event, "anchors and aliases are not read", "write the value out where it is needed")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if event.tag is not None:
                raise self._fail(event, f"the tag {event.tag} is not read", "remove the tag")
            if len(self._stack) >= MAX_DEPTH:
                raise self._fail(event, f"nested deeper than {MAX_DEPTH}", "flatten it")
            if self._wants_key():
                raise self._fail(event, "a key must be a string", "write the key as text")
            container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._place(container, event)
            self._stack.append(container)
            self._keys.append(None)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()
            self._keys.pop()
            if self._path:
                self._path.pop()
            self._after()

    def _wants_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1], dict) and self._keys[-1] is None

    def _scalar(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            raise self._fail(event, f"the tag {event.tag} is not read", "remove the tag; quote the value if it is a string")
        if self._wants_key():
            top = self._stack[-1]
            if event.value in top:
                raise self._fail(event, f"the key {event.value!r} stands twice in one mapping", "keep one of them")
            self._keys[-1] = event.value
            self._lines[(*self._path, event.value)] = event.start_mark.line + 1
            return
        plain = event.implicit[0] and event.style in (None, "")
        self._place(_resolve(event.value) if plain else event.value, event)
        if self._path:
            self._path.pop()
        self._after()

    def _place(self, value: Any, event: Any) -> None:
        """Puts a value into its container and makes its path the current one."""
        if not self._stack:
            self._root, self._done = value, True
        else:
            top = self._stack[-1]
            if isinstance(top, dict):
                key = self._keys[-1]
                assert key is not None  # a value without key cannot come out of the parser
                top[key] = value
                self._path.append(key)
            else:
                self._path.append(len(top))
                top.append(value)
        self._lines.setdefault(tuple(self._path), event.start_mark.line + 1)  # of the key, where there is one

    def _after(self) -> None:
        if self._keys:
            self._keys[-1] = None


def _resolve(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text) if len(text) <= 18 else text
    if _FLOAT.match(text):
        return float(text)
    return text
