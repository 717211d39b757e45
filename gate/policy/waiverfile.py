"""Waiver files as text: written, added to, and cut without touching what else stands in them.

A person's comments and order stay. Every text that is made is read again and compared with what was meant, so that no odd
character in a term, and no unusual layout of a file, can turn into another waiver.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gate.errors import UsageError
from gate.limits import DEFAULT
from gate.model.waiver import Scope, Waiver
from gate.policy.waivers import SCHEMA, waivers_of
from gate.policy.yamlfile import Source, parse_source

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@+-]*|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:]{8}Z)?")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_ORDER = ("id", "rule", "term", "scope", "reason", "owner", "ticket", "created", "expires", "approved_by", "draft", "baseline")
_ALWAYS = ("id", "rule", "reason", "owner", "ticket", "expires")
"""Written even when empty: a draft shows what has to be filled in."""


def entry_of(waiver: Waiver) -> dict[str, Any]:
    """The waiver as a file says it; a term that is empty is left out, for an empty one would make it invalid."""
    scope = {name: list(items) for name, items in msgspec.structs.asdict(waiver.scope).items() if items}
    values = {**msgspec.structs.asdict(waiver), "scope": scope}
    return {name: values[name] for name in _ORDER if values[name] or name in _ALWAYS}


def render(waivers: Sequence[Waiver], comment: str = "") -> str:
    """A whole file with these waivers; ``comment`` stands above them, a line each."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    if not waivers:
        return f"{head}schema: {SCHEMA}\nwaivers: []\n"
    text = f"{head}schema: {SCHEMA}\nwaivers:\n" + "".join(_block(entry_of(waiver), 2) for waiver in waivers)
    return _checked(text, list(waivers))


def added(source: Source, text: str, waivers: Sequence[Waiver]) -> str:
    """The file with these waivers at its end. Raises UsageError for a layout that cannot be added to."""
    before = list(waivers_of(source))
    if source.name.endswith(".json"):
        entries = [*source.value["waivers"], *(entry_of(waiver) for waiver in waivers)]
        return _checked(_json({**source.value, "waivers": entries}), [*before, *waivers], source.name)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    line = source.lines.get(("waivers", 0))
    if not before:
        kept = [re.sub(r"^(waivers:)\s*\[\s*\]", r"\1", each) for each in lines]
        indent = 2
    else:
        assert line is not None  # YAML has lines
        kept, indent = lines, len(lines[line - 1]) - len(lines[line - 1].lstrip(" "))
    made = "".join(kept) + "".join(_block(entry_of(waiver), indent) for waiver in waivers)
    return _checked(made, [*before, *waivers], source.name)


def without(source: Source, text: str, drop: frozenset[int]) -> str:
    """The file without the waivers at these places, from 0. Raises UsageError for a layout that cannot be cut."""
    kept = [waiver for place, waiver in enumerate(waivers_of(source)) if place not in drop]
    if not drop:
        return text
    if source.name.endswith(".json"):
        entries = [entry for place, entry in enumerate(source.value["waivers"]) if place not in drop]
        return _checked(_json({**source.value, "waivers": entries}), kept, source.name)
    lines = text.splitlines(keepends=True)
    starts = [source.lines[("waivers", place)] - 1 for place in range(len(source.value["waivers"]))]
    ends = [*starts[1:], _end(lines, starts[-1])]
    result = lines[: starts[0]]
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        result += [] if place in drop else lines[start:end]
    made = "".join(result + lines[ends[-1] :])
    return _checked(made if kept else re.sub(r"(?m)^waivers:[ \t]*$", "waivers: []", made), kept, source.name)


def ended(source: Source, text: str, place: int, moment: str, note: str) -> str:
    """The file with that waiver's end moved to ``moment``, and its old end in a comment beside it."""
    before = list(waivers_of(source))
    old = before[place].expires
    after = [msgspec.structs.replace(w, expires=moment) if at == place else w for at, w in enumerate(before)]
    if source.name.endswith(".json"):
        entries = [{**entry, "expires": moment} if at == place else entry for at, entry in enumerate(source.value["waivers"])]
        return _checked(_json({**source.value, "waivers": entries}), after, source.name)
    lines = text.splitlines(keepends=True)
    number = source.lines.get(("waivers", place, "expires"), 0)
    match = re.match(r"^([ ]*(?:- )?expires:)", lines[number - 1]) if number else None
    if match:
        plain = "".join(letter if letter.isprintable() else " " for letter in note)
        lines[number - 1] = f"{match[1]} {moment}  # was {old}; {plain}\n"
    return _checked("".join(lines), after, source.name)


def _end(lines: list[str], last: int) -> int:
    """Where the last entry ends: at the next line that is not indented deeper than its dash, or with the file."""
    indent = len(lines[last]) - len(lines[last].lstrip(" "))
    for number in range(last + 1, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip(" ")) <= indent:
            return number
    return len(lines)


def _block(entry: Mapping[str, Any], indent: int) -> str:
    lines = []
    for name, value in entry.items():
        lines.append(f"{name}: {_value(value)}")
    pad = " " * indent
    return pad + "- " + f"\n{pad}  ".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_quoted(item) for item in value) + "]"
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    def escaped(letter: str) -> str:
        if letter in '"\\':
            return "\\" + letter
        if " " <= letter <= "~" or (letter.isprintable() and ord(letter) < 0xD800):
            return letter
        code = ord(letter)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return '"' + "".join(map(escaped, text)) + '"'


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _plain(waiver: Waiver) -> Waiver:
    """The waiver without what reading and judging add to it."""
    scope = Scope(**msgspec.structs.asdict(waiver.scope))
    return msgspec.structs.replace(waiver, source="", state="invalid", problem="", expires_in_s=None, scope=scope)


def _checked(text: str, meant: Sequence[Waiver], name: str = "waivers.yaml") -> str:
    """The text, if it says exactly what is meant."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        found = waivers_of(parse_source(data, name=name, max_bytes=DEFAULT.document_bytes, error=UsageError))
    except UsageError as error:
        raise _cannot(name, error.what) from None
    if list(map(_plain, found)) != list(map(_plain, meant)):
        raise _cannot(name, "the result would not say what is meant")
    return text


def _cannot(name: str, why: str) -> UsageError:
    return UsageError(f"{name} cannot be edited by a program: {why}", fix="edit it by hand; one waiver a block, one key a line")
