"""Headers and the dynamic segment of an ELF file (System V gABI), from program headers only: a stripped file has no sections.

Nothing in a header is believed: offsets outside the file, endless tables and strings that lead nowhere are left out and named in
``problems``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import msgspec

MAGIC = b"\x7fELF"
_LOAD, _DYNAMIC, _INTERP = 1, 2, 3
_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 0, 1, 5, 10, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000
_HEADERS = 512
_TAGS = 4096
_NAMES = 512
_NAME_BYTES = 4096

Read = Callable[[int, int], bytes | None]
"""Bytes at an offset of the file; None where they are not at hand."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """The file header."""

    wide: bool
    order: str
    kind: int
    """1 relocatable, 2 executable, 3 shared object or position-independent program, 4 core."""
    machine: int
    table: int
    """Offset of the program headers."""
    size: int
    count: int


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One program header."""

    kind: int
    flags: int
    """1 execute, 2 write, 4 read."""
    offset: int
    address: int
    size: int
    """In the file."""


class Dynamic(msgspec.Struct, frozen=True, gc=False):
    """What the dynamic linker is told."""

    present: bool = False
    needed: tuple[str, ...] = ()
    soname: str = ""
    rpath: str = ""
    runpath: str = ""
    program: bool = False
    problems: tuple[str, ...] = ()


def read_header(head: bytes | bytearray) -> Header | None:
    """The file header; None for what no loader takes."""
    if len(head) < 64 or not head.startswith(MAGIC) or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return None
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
    kind, machine = struct.unpack_from(f"{order}HH", head, 16)
    if wide:
        (table,) = struct.unpack_from(f"{order}Q", head, 32)
        size, count = struct.unpack_from(f"{order}HH", head, 54)
    else:
        (table,) = struct.unpack_from(f"{order}I", head, 28)
        size, count = struct.unpack_from(f"{order}HH", head, 42)
    return Header(wide, order, kind, machine, table, size, count)


def read_segments(header: Header, read: Read) -> tuple[Segment, ...] | None:
    """The program headers; None when they are not at hand or are none."""
    least = 56 if header.wide else 32
    if header.size < least or not 0 < header.count <= _HEADERS:
        return None
    data = read(header.table, header.size * header.count)
    if data is None or len(data) < header.size * header.count:
        return None
    found = []
    for place in range(0, header.size * header.count, header.size):
        if header.wide:
            kind, flags, offset, address, _, size = struct.unpack_from(f"{header.order}IIQQQQ", data, place)
        else:
            kind, offset, address, _, size, _, flags = struct.unpack_from(f"{header.order}IIIIIII", data, place)
        found.append(Segment(kind, flags, offset, address, size))
    return tuple(found)


def interpreter(segments: tuple[Segment, ...], read: Read) -> str:
    """The program that loads it; empty without one."""
    for segment in segments:
        if segment.kind == _INTERP:
            data = read(segment.offset, min(segment.size, _NAME_BYTES)) or b""
            return data.partition(b"\0")[0].decode("utf-8", "backslashreplace")
    return ""


def dynamic_range(segments: tuple[Segment, ...]) -> tuple[int, int] | None:
    """Offset and length of the dynamic segment."""
    for segment in segments:
        if segment.kind == _DYNAMIC:
            return segment.offset, min(segment.size, 16 * _TAGS)
    return None


def code_ranges(segments: tuple[Segment, ...]) -> tuple[tuple[int, int], ...]:
    """Ranges of the file that hold code and nothing else: executable segments that do not begin with the file's own headers.

    Linkers that put constants and code into one segment (GNU ld without separate-code, gold, Go) begin it at offset 0. What a
    segment of data shares is not one.
    """
    data = [(s.offset, s.offset + s.size) for s in segments if s.kind == _LOAD and not s.flags & 1 and s.size]
    code = [(s.offset, s.offset + s.size) for s in segments if s.kind == _LOAD and s.flags & 3 == 1 and s.offset and s.size]
    if not any(segment.kind == _LOAD and not segment.flags & 3 and segment.size for segment in segments):
        return ()  # no constants anywhere else
    return tuple(sorted((a, b) for a, b in code if not any(c < b and a < d for c, d in data)))


def read_dynamic(header: Header, segments: tuple[Segment, ...], read: Read) -> Dynamic:
    """The dynamic segment; ``problems`` names what could not be read of it."""
    place = dynamic_range(segments)
    if place is None:
        return Dynamic()
    address = next(segment.address for segment in segments if segment.kind == _DYNAMIC)
    if _offset(segments, address) != place[0]:  # a loader goes by the address, and never by the offset
        return Dynamic(present=True, problems=("the dynamic segment is not where its address is",))
    data = read(*place)
    if not data:
        return Dynamic(present=True, problems=("the dynamic segment is not in the file",))
    form = struct.Struct(f"{header.order}{'QQ' if header.wide else 'II'}")
    values: list[tuple[int, int]] = []
    problems: list[str] = []
    for at in range(0, len(data) - form.size + 1, form.size):
        tag, value = form.unpack_from(data, at)
        if tag == _NULL:
            break
        values.append((tag, value))
    else:
        problems.append("the dynamic segment has no end")
    tags = dict(values[::-1])
    table = _offset(segments, tags.get(_STRTAB, 0))
    limit = tags.get(_STRSZ, 0)

    def text(index: int) -> str:
        got = None if table is None or index >= limit else read(table + index, min(_NAME_BYTES, limit - index))
        if got is None or b"\0" not in got:
            problems.append("a name of the dynamic segment leads out of its table")
            return ""
        return got.partition(b"\0")[0].decode("utf-8", "backslashreplace")

    named = {tag: text(tags[tag]) for tag in (_SONAME, _RPATH, _RUNPATH) if tag in tags}
    wanted = [value for tag, value in values if tag == _NEEDED]
    if len(wanted) > _NAMES:
        problems.append(f"{len(wanted)} needed libraries, of which {_NAMES} were read")
    needed = tuple(name for value in wanted[:_NAMES] if (name := text(value)))
    return Dynamic(
        present=True,
        needed=needed,
        soname=named.get(_SONAME, ""),
        rpath=named.get(_RPATH, ""),
        runpath=named.get(_RUNPATH, ""),
        program=bool(tags.get(_FLAGS_1, 0) & _PIE),
        problems=tuple(sorted(set(problems))),
    )


def has_code(segments: tuple[Segment, ...]) -> bool:
    """Whether anything in the file can be executed; files of debug symbols keep headers only."""
    return any(segment.kind == _LOAD and segment.flags & 1 and segment.size for segment in segments)


def _offset(segments: tuple[Segment, ...], address: int) -> int | None:
    """Where an address of memory is in the file; None also where segments lie over each other and do not agree."""
    places = {
        segment.offset + address - segment.address
        for segment in segments
        if segment.kind == _LOAD and segment.address <= address < segment.address + segment.size
    }
    return places.pop() if len(places) == 1 else None
