"""What is checked of every JSON document before a reader types it: size, encoding, nesting, repeated names.

msgspec takes the last of two equal names and so does OPA, while other readers take the first: a second ``matches`` would show
findings to one tool and hide them from another. RFC 8259 §4 leaves it open, so such a document means nothing certain and is
refused. The cost is linear; 50 MB take about 0.5 s and memory of the size of the document.
"""

from __future__ import annotations

import codecs
import itertools
import json
import math
import re
from typing import Any, NoReturn

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits

_UTF8_BOM = b"\xef\xbb\xbf"
_FOREIGN_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_BRACES_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_ESCAPE = re.compile(rb'\\[\\"]')
_STRING = re.compile(rb'"[^"]*"?')
_STEP = {ord("["): 1, ord("]"): -1}
_PIECE = 1 << 20
_PEELS = 16
"""Real documents nest less than this; what is left after so many peels is counted bracket by bracket."""


def guard(data: bytes, limits: Limits) -> bytes:
    """Return ``data`` without a byte order mark; raise EvidenceInvalid or LimitExceeded when no reader should see it.

    A document that passes is well-formed JSON (RFC 8259) in UTF-8 with unique names in every object, no deeper than
    ``limits.json_depth`` and no longer than ``limits.document_bytes``, and is not ``null``.
    """
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, f"JSON document of {len(data)} bytes")
    data = _utf8(data)
    head = data[:64].strip(b" \t\r\n")
    if not head and not data.strip(b" \t\r\n"):
        raise EvidenceInvalid(
            "the document is empty",
            why="an empty file does not say that nothing was found; the tool that wrote it probably failed",
            fix="run the tool again and look at its exit code",
        )
    if head == b"null":
        raise EvidenceInvalid(
            "the document is null",
            why="null names no tool, no image and no package, so it does not say that nothing was found",
            fix="write the report again with a current version of the tool",
        )
    if depth(data, limits.json_depth) > limits.json_depth:
        raise LimitExceeded("json_depth", limits.json_depth, "nesting of a JSON document")
    _refuse_repeated_names(data, limits)
    return data


def _utf8(data: bytes) -> bytes:
    if data.startswith(_UTF8_BOM):
        data = data[len(_UTF8_BOM) :]
    encoding = next((name for bom, name in _FOREIGN_BOMS.items() if data.startswith(bom)), None)
    # JSON starts with ASCII, so a zero byte among the first two is UTF-16 or UTF-32 without a mark.
    if encoding is None and b"\x00" in data[:2]:
        encoding = "UTF-16 or UTF-32"
    if encoding is None:
        _check_utf8(data)
        return data
    raise EvidenceInvalid(
        f"the document is in {encoding}, not UTF-8",
        why="JSON is exchanged in UTF-8 (RFC 8259 §8.1), and signatures and digests are over these bytes",
        fix="let the tool write the file itself (-o json=FILE); > in Windows PowerShell writes UTF-16",
    )


def _check_utf8(data: bytes) -> None:
    """Decode in pieces and keep none of them: a string of 50 MB with one emoji would take 200 MB."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(view[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise EvidenceInvalid(
            f"the document is not UTF-8: {error.reason}",
            why="JSON is exchanged in UTF-8 (RFC 8259 §8.1)",
            fix="write it again with the tool itself, or convert it",
        ) from error


def depth(data: bytes, enough: int) -> int:
    """Nesting of brackets outside strings; exact up to ``enough``, then any number above it.

    Works on the skeleton of the document with whole-buffer operations instead of a loop over its bytes.
    """
    skeleton = data
    if b"\\" in skeleton:
        # Backslashes stand in strings only, so their runs start unescaped: pairs and escaped quotes go, from left to right.
        skeleton = _ESCAPE.sub(b"", skeleton)
    skeleton = skeleton.translate(_BRACES_TO_BRACKETS, _NOT_STRUCTURE)
    # Two quotes side by side have only nothing between them, inside a string or outside: dropping both keeps the parity.
    skeleton = _STRING.sub(b"", skeleton.replace(b'""', b""))
    if skeleton.count(b"[") <= enough and len(skeleton) < 4096:
        return _deepest(skeleton)
    for peeled in range(_PEELS):
        if not skeleton:
            return peeled
        skeleton = skeleton.replace(b"[]", b"")
    return _PEELS + _deepest(skeleton)


def _deepest(brackets: bytes) -> int:
    return max(itertools.accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _refuse_repeated_names(data: bytes, limits: Limits) -> None:
    """Parse once without keeping anything: the hook sees each object's pairs and returns None in place of a dictionary."""
    try:
        # latin-1 keeps one byte a character; equal names stay equal. Integers are not needed: `len` of their digits
        # costs nothing and cannot hit the interpreter's limit on long ones.
        json.loads(
            data.decode("latin-1"),
            object_pairs_hook=_unique,
            parse_int=len,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
    except RecursionError as error:
        raise LimitExceeded("json_depth", limits.json_depth, "nesting of a JSON document") from error
    except json.JSONDecodeError as error:
        raise EvidenceInvalid(
            f"the document is not JSON: {error.msg} at byte {error.pos} of {len(data)}",
            why="it was cut short or is in another format" if error.pos >= len(data) - 1 else "",
            fix="write it again; a report that was cut short says nothing about what is missing",
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = dict(pairs)
    if len(names) == len(pairs):
        return
    seen: set[str] = set()
    name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add gives None
    raise EvidenceInvalid(
        f"an object in the document has the name {name!r} more than once",
        why="readers differ in which one counts, so the document can show findings to one tool and hide them from another",
        fix="write the report again with the tool itself; no scanner repeats a name",
    )


def _finite(text: str) -> None:
    if math.isinf(float(text)):
        raise EvidenceInvalid(
            f"the document holds the number {text[:40]}, which is too large for any reader",
            why="one reader would take it for infinity and another for nothing",
            fix="write it again with the tool itself",
        )


def _refuse_constant(name: str) -> NoReturn:
    raise EvidenceInvalid(
        f"the document holds {name}, which is not JSON", fix="write it again with a tool that emits JSON numbers"
    )
