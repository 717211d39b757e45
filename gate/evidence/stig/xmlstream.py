"""One pass over an XML document with expat, in memory of the elements that a reader asks for and no others.

What makes XML dangerous is refused before it acts: a document type declaration, and with it every entity, is an error at its
first character, nothing is ever fetched, nesting and text are bounded. Everything outside the elements that are asked for is
skipped with handlers that only count the nesting, so that 34 MB of OVAL cost little.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import NoReturn
from xml.parsers import expat

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits

_PIECE = 1 << 20
_TEXT_CHARACTERS = 1 << 20
"""Text of one element that is kept; what is longer is cut, and bounded anyway by the document's own size."""
_DEPTH = 200
"""Real documents nest less than 40."""


@dataclasses.dataclass(slots=True)
class Element:
    """An element that was asked for. ``name`` is ``namespace local``, or ``local`` without a namespace."""

    name: str
    attributes: Mapping[str, str]
    children: list[Element] = dataclasses.field(default_factory=list)
    text: str = ""

    def first(self, local: str) -> Element | None:
        """The first child of this local name."""
        return next((child for child in self.children if child.local == local), None)

    def every(self, local: str) -> list[Element]:
        return [child for child in self.children if child.local == local]

    def words(self, local: str) -> str:
        """Text of the first such child, without white space around it; empty without one."""
        child = self.first(local)
        return child.text.strip() if child is not None else ""

    @property
    def local(self) -> str:
        return self.name.rpartition(" ")[2]


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """What a reader wants of a document; all names are qualified."""

    enter: Mapping[str, Callable[[Mapping[str, str]], None]]
    """Called with the attributes at the start of the element."""
    leave: Mapping[str, Callable[[], None]]
    """Called at its end."""
    capture: Mapping[str, Callable[[Element], None]]
    """Called with the whole element at its end."""
    keep: frozenset[str]
    """Names kept inside captured elements; others are skipped with all that is in them."""
    skip: frozenset[str] = frozenset()
    """Elements that hold nothing wanted, and much of it."""
    text_characters: int = _TEXT_CHARACTERS
    """Text that is kept of one captured element and all in it."""


def stream(data: bytes, shape: Shape, limits: Limits) -> None:
    """Raises EvidenceInvalid (malformed, cut short, with a document type) or LimitExceeded."""
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, f"XML document of {len(data)} bytes")
    parser = expat.ParserCreate(namespace_separator=" ", intern={})
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    _forbid(parser)
    _Walk(parser, shape, min(_DEPTH, limits.json_depth)).start()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            parser.Parse(bytes(view[start : start + _PIECE]), False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        cut = error.code in (expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS], _UNCLOSED, _NO_END)
        raise EvidenceInvalid(
            f"the document is not XML: {expat.ErrorString(error.code)} at line {error.lineno}",
            why="it was cut short, and may have gone on with open findings" if cut else "what it goes on with cannot be told",
            fix="write the report again, and look at the scanner's own exit code and messages",
        ) from error
    except (ValueError, LookupError) as error:
        # pyexpat looks other encodings up in Python's codecs; unknown or multi-byte ones end here.
        raise EvidenceInvalid(f"the document is not XML: {error}", fix="write it in UTF-8") from error


_UNCLOSED = expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN]
_NO_END = expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR]


def _forbid(parser: expat.XMLParserType) -> None:
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_doctype
    parser.UnparsedEntityDeclHandler = _refuse_doctype
    parser.ExternalEntityRefHandler = _refuse_doctype
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)


def _refuse_doctype(*_: object) -> NoReturn:
    raise EvidenceInvalid(
        "the document has a document type declaration",
        why="entities can read other files and grow without bound, and no scanner writes them",
        fix="write the report again with the scanner itself",
    )


class _Walk:
    """Handlers for three states: looking for names, inside a captured element, inside what is skipped."""

    def __init__(self, parser: expat.XMLParserType, shape: Shape, deepest: int) -> None:
        self._parser = parser
        self._shape = shape
        self._deepest = deepest
        self._depth = 0
        self._until = 0
        self._stack: list[Element] = []
        self._texts: list[list[str]] = []
        self._room = 0

    def start(self) -> None:
        self._look()

    def _look(self) -> None:
        self._parser.StartElementHandler = self._opened
        self._parser.EndElementHandler = self._closed
        self._parser.CharacterDataHandler = None

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        self._deeper()
        shape = self._shape
        if name in shape.skip:
            self._pass_over()
        elif name in shape.capture:
            self._parser.StartElementHandler = self._inner
            self._parser.EndElementHandler = self._outer
            self._begin(name, attributes)
        elif name in shape.enter:
            shape.enter[name](attributes)

    def _closed(self, name: str) -> None:
        self._depth -= 1
        if name in self._shape.leave:
            self._shape.leave[name]()

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > self._deepest:
            raise LimitExceeded("json_depth", self._deepest, "nesting of an XML document")

    def _pass_over(self) -> None:
        self._until = self._depth
        self._parser.StartElementHandler = self._skipped
        self._parser.EndElementHandler = self._skipped_end
        self._parser.CharacterDataHandler = None

    def _skipped(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > self._deepest:
            raise LimitExceeded("json_depth", self._deepest, "nesting of an XML document")

    def _skipped_end(self, name: str) -> None:
        self._depth -= 1
        if self._depth >= self._until:
            return
        if not self._stack:
            self._look()
            return
        self._parser.StartElementHandler = self._inner
        self._parser.EndElementHandler = self._outer
        self._parser.CharacterDataHandler = self._said

    def _inner(self, name: str, attributes: dict[str, str]) -> None:
        self._deeper()
        if name in self._shape.keep:
            self._begin(name, attributes)
        else:
            self._pass_over()

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes)
        if self._stack:
            self._stack[-1].children.append(element)
        else:
            self._room = self._shape.text_characters
        self._stack.append(element)
        self._texts.append([])
        self._parser.CharacterDataHandler = self._said

    def _said(self, text: str) -> None:
        if self._room > 0:
            self._texts[-1].append(text[: self._room])
            self._room -= len(text)

    def _outer(self, name: str) -> None:
        self._depth -= 1
        element = self._stack.pop()
        element.text = "".join(self._texts.pop())
        if not self._stack:
            self._look()
            self._shape.capture[name](element)


_ENCODED = re.compile(rb"\s*<")
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\xef\xbb\xbf": "utf-8"}


def looks_like_xml(data: bytes) -> bool:
    """By the first characters, in UTF-8 or UTF-16 with or without a byte order mark."""
    return _ENCODED.match(opening(data)) is not None


def opening(data: bytes) -> bytes:
    """The first 64 KiB as ASCII-compatible bytes, for patterns; XML in UTF-16 is read too, as Windows tools write it."""
    head = data[:131_072]
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace").encode()[:65_536]
    if head[:2] in (b"<\x00", b"\x00<"):
        return head.decode("utf-16-le" if head[:1] == b"<" else "utf-16-be", "replace").encode()[:65_536]
    return head[:65_536]
