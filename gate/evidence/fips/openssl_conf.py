"""OpenSSL's configuration files, as its own parser reads them (config(5); ``crypto/conf/conf_def.c``). Pure.

1. The last assignment of a name in a section counts; a section may be continued; values that it lacks are those of ``default``.
2. ``.include`` takes a file or a directory (``*.cnf``, ``*.conf``); a missing one is no error. A relative name belongs to
   ``.pragma includedir`` or ``OPENSSL_CONF_INCLUDE``, else to the working directory of whatever program reads it.
3. A variable without a value, a line without ``=`` and a bracket that is not closed make the whole file unreadable.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

DEFAULT = "default"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_!.%&*+,/;?@^~|-")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_QUOTES = "'\"`"
_ESCAPES = {"r": "\r", "n": "\n", "b": "\b", "t": "\t"}
_MOST_FILES = 64
_MOST_VALUES = 20_000
_LONGEST = 65_536
_DEPTH = 16

Contents = bytes | Sequence[str] | None
"""A file, the names in a directory, or nothing at that path."""


class Unreadable(Exception):
    """OpenSSL would refuse the configuration, or it is beyond what is read; the text says where and why."""


@dataclasses.dataclass
class Conf:
    """Sections with their values; names of each in order of their last assignment."""

    sections: dict[str, dict[str, str]] = dataclasses.field(default_factory=lambda: {DEFAULT: {}})
    problems: list[str] = dataclasses.field(default_factory=list)
    """What is odd and no error: includes that are missing."""
    doubts: list[str] = dataclasses.field(default_factory=list)
    """Why the values may be others when a program reads them: working directory, order of files in a directory."""
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def get(self, section: str, name: str) -> str | None:
        """The value of a name; that of ``default`` where the section has none."""
        value = self.sections.get(section, {}).get(name)
        if value is None and section == "ENV":
            value = self.env.get(name)
        return value if value is not None else self.sections[DEFAULT].get(name)


def parse(path: str, read: Callable[[str], Contents], env: Mapping[str, str], folder: str) -> Conf:
    """The configuration at a path. ``folder`` is OpenSSL's own directory, where relative includes are looked for, with a problem.

    Raises Unreadable.
    """
    data = read(path)
    if not isinstance(data, bytes):
        raise Unreadable(f"{path}: no such file")
    parser = _Parser(read, Conf(env=env), folder)
    parser.file(path, data, 0)
    return parser.conf


class _Parser:
    def __init__(self, read: Callable[[str], Contents], conf: Conf, folder: str) -> None:
        self._read = read
        self.conf = conf
        self._folder = folder
        self._section = DEFAULT
        self._files = 0
        self._values = 0
        self._includedir = ""
        self._dollarid = False
        self._abspath = False
        self._given: dict[tuple[str, str], str] = {}
        """What the file at hand, and those that it includes, assign."""

    def file(self, path: str, data: bytes, depth: int) -> None:
        self._files += 1
        if self._files > _MOST_FILES or depth > _DEPTH:
            raise Unreadable(f"{path}: more than {_MOST_FILES} files, or includes that go in circles")
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "backslashreplace")
        for number, line in _lines(text):
            try:
                self._line(line, depth)
            except Unreadable as error:
                if depth or ": line " in str(error):
                    raise
                raise Unreadable(f"{path}: line {number}: {error}") from None

    def _line(self, line: str, depth: int) -> None:
        text = _uncommented(line).strip()
        if not text:
            return
        if text.startswith("["):
            inside, close, _ = text[1:].partition("]")
            if not close:
                raise Unreadable("a section without a closing bracket")
            self._section = self._copied(inside.strip(), self._section)
            self.conf.sections.setdefault(self._section, {})
            return
        name, rest = _name(text)
        section = self._section
        if rest.startswith("::"):
            section = name
            name, rest = _name(rest[2:])
        spaced = rest[:1].isspace()
        rest = rest.strip()
        directive = name in {".pragma", ".include"} and (spaced or rest.startswith("="))
        if directive:
            value = rest.removeprefix("=").strip()
            if name == ".pragma":
                self._pragma(value)
            else:
                self._include(self._copied(value, section), depth)
            return
        if not rest.startswith("="):
            raise Unreadable(f"no '=' after {name[:80]!r}")
        self._assign(section, name, self._copied(rest[1:].strip(), section))

    def _assign(self, section: str, name: str, value: str) -> None:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise Unreadable(f"more than {_MOST_VALUES} values")
        values = self.conf.sections.setdefault(section, {})
        values.pop(name, None)  # (1): last wins, in the place of the last
        values[name] = value
        self._given[section, name] = value

    def _pragma(self, text: str) -> None:
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or not value.strip():
            raise Unreadable("a pragma that is none")
        name, value = name.strip(), value.strip()
        flag = value.lower() in {"on", "true"}
        if name == "dollarid":
            self._dollarid = flag
        elif name == "abspath":
            self._abspath = flag
        elif name == "includedir":
            self._includedir = value

    def _include(self, name: str, depth: int) -> None:
        base = self.conf.env.get("OPENSSL_CONF_INCLUDE") or self._includedir
        path = name
        if not name.startswith("/"):
            if self._abspath:
                raise Unreadable(f"the include {name[:200]!r} is relative, and a pragma forbids that")
            path = f"{base or self._folder}/{name}"
            if not base:
                self.conf.doubts.append(f"the include {name[:200]!r} depends on the working directory")
                return  # (2): what a program finds there is not known, so nothing may rely on it
        found = self._read(path)
        if found is None:
            self.conf.problems.append(f"the include {path[:200]!r} does not exist")
        elif isinstance(found, bytes):
            self.file(path, found, depth + 1)
        else:
            self._children(path, found, depth)

    def _children(self, folder: str, names: Sequence[str], depth: int) -> None:
        """The files of a directory, which OpenSSL takes in the order of the disk: no order may be relied upon."""
        given: dict[tuple[str, str], str] = {}
        for child in sorted(names):
            name = child.lower()
            wanted = (name.endswith(".cnf") and len(name) > 4) or (name.endswith(".conf") and len(name) > 5)
            data = self._read(f"{folder}/{child}") if wanted else None
            if not isinstance(data, bytes):
                continue
            above, self._given = self._given, {}
            self.file(f"{folder}/{child}", data, depth + 1)
            if any(given.get(key, value) != value for key, value in self._given.items()):
                self.conf.doubts.append(f"files of {folder[:200]} say different things, and are read in any order")
            given |= self._given
            self._given = above | self._given

    def _copied(self, text: str, section: str) -> str:
        """The value with quotes, escapes and variables resolved (``str_copy``)."""
        out: list[str] = []
        place, size = 0, len(text)
        while place < size:
            letter = text[place]
            if letter in _QUOTES:
                place += 1
                while place < size and text[place] != letter:
                    place += text[place] == "\\" and place + 1 < size
                    out.append(text[place])
                    place += 1
                place += 1
            elif letter == "\\":
                following = text[place + 1 : place + 2]
                out.append(_ESCAPES.get(following, following))
                place += 2
            elif letter == "$" and (not self._dollarid or text[place + 1 : place + 2] in {"{", "("}):
                value, place = self._variable(text, place + 1, section)
                out.append(value)
            else:
                out.append(letter)
                place += 1
        value = "".join(out)
        if len(value) > _LONGEST:
            raise Unreadable("a value that is too long")
        return value

    def _variable(self, text: str, place: int, section: str) -> tuple[str, int]:
        close = {"{": "}", "(": ")"}.get(text[place : place + 1], "")
        place += bool(close)
        name, end = _word(text, place)
        if text[end : end + 2] == "::":
            section = name
            name, end = _word(text, end + 2)
        if close:
            if text[end : end + 1] != close:
                raise Unreadable(f"a variable without {close!r}")
            end += 1
        value = self.conf.get(section, name)
        if value is None:
            raise Unreadable(f"the variable {section[:80]}::{name[:80]} has no value")
        return value, end


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines with their numbers; one that ends in a backslash goes on in the next."""
    made: list[tuple[int, str]] = []
    begun = ""
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.rstrip("\r")
        if bare.endswith("\\") and not bare.endswith("\\\\"):
            begun += bare[:-1]
            if len(begun) > _LONGEST:
                raise Unreadable("a line that is too long")
            continue
        made.append((number, begun + bare))
        begun = ""
    if begun:
        made.append((len(made) + 1, begun))
    return made


def _uncommented(line: str) -> str:
    place, size = 0, len(line)
    while place < size:
        letter = line[place]
        if letter == "#":
            return line[:place]
        if letter in _QUOTES:
            place += 1
            while place < size and line[place] != letter:
                place += 2 if line[place] == "\\" else 1
            place += 1
        else:
            place += 2 if letter == "\\" else 1
    return line


def _name(text: str) -> tuple[str, str]:
    """A name as OpenSSL cuts it off, and what follows."""
    end = 0
    while end < len(text) and (text[end] in _NAME or text[end] == "\\"):
        end += 2 if text[end] == "\\" else 1
    return text[:end], text[end:]


def _word(text: str, place: int) -> tuple[str, int]:
    end = place
    while end < len(text) and text[end] in _WORD:
        end += 1
    return text[place:end], end
