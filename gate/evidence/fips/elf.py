"""ELF files as they pass by: how they are linked, and which implementations of cryptography they carry.

1. Any file that begins as ELF counts, whatever its name and mode: wheels ship shared objects that nobody may execute.
2. One pass and bounded memory: the first and last megabytes and the dynamic segment are kept; what a hostile
   header points at beyond them is a problem that is named, never a reason to believe that nothing is there.
3. Marks are found in everything that is not code alone; sections, which a stripped file has none of, are not asked.
"""

from __future__ import annotations

import hashlib

import msgspec

from gate.evidence.fips.elfheaders import (
    MAGIC,
    Dynamic,
    Segment,
    code_ranges,
    dynamic_range,
    has_code,
    interpreter,
    read_dynamic,
    read_header,
    read_segments,
)
from gate.evidence.fips.elfmarks import CRATE, CRATES, FOLLOW, IN_CODE, LOADS, MARKS, OPENSSL, PACKED, Mark, library_family
from gate.oci.layertar import Header

ELF = "elf"
"""Name of this collector."""
_LEAST = 64
_HEAD = 24 * 1024 * 1024
_TAIL = 8 * 1024 * 1024
_WINDOW = 1024 * 1024
_OVERLAP = 512
"""Longer than any mark with its value."""
_LAST = 64 * 1024
_VALUES = 16
"""Of one mark in one file."""
_SHARED, _EXECUTABLE = 3, 2


class ElfFacts(msgspec.Struct, frozen=True, gc=False):
    """One program or shared object."""

    program: bool
    """Whether it is started, rather than loaded by one."""
    machine: int
    """``e_machine``."""
    dynamic: bool
    """Whether it has a dynamic segment; a static program has none."""
    interpreter: str
    needed: tuple[str, ...]
    soname: str
    rpath: str
    runpath: str
    sha256: str
    marks: tuple[tuple[str, tuple[str, ...]], ...]
    """Marks of `gate.evidence.fips.elfmarks` with the values that they have; an empty text where a mark has none."""
    problems: tuple[str, ...]

    def values(self, mark: str) -> tuple[str, ...] | None:
        """The values of a mark; None without it."""
        return dict(self.marks).get(mark)

    def has(self, mark: str) -> bool:
        """Whether it is there."""
        return any(name == mark for name, _ in self.marks)


def choose_elf(header: Header) -> ElfSink | None:
    """A sink for every file that has room for an ELF header; it lets go at once of what is none."""
    return ElfSink(header.size) if header.size >= _LEAST else None


def _odd(digest: str) -> ElfFacts:
    """A file that begins as ELF and goes on as none: Linux starts programs of a class or byte order that nobody knows."""
    return ElfFacts(
        False, 0, False, "", (), "", "", "", f"sha256:{digest}", (), ("its header is of no known class or byte order",)
    )


class ElfSink:
    """Looks through one file."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._started = False
        self._dead = False
        self._head = bytearray()
        self._tail: list[bytes] = []
        self._tail_size = 0
        self._window = bytearray()
        self._position = 0
        """Offset in the file of the window's first byte."""
        self._seen = 0
        self._segments: tuple[Segment, ...] | None = None
        self._code: tuple[tuple[int, int], ...] = ()
        self._wanted: tuple[int, int] | None = None
        self._dynamic = bytearray()
        self._marks: dict[str, set[bytes]] = {}
        self._sought = MARKS
        self._hasher = hashlib.sha256()

    def feed(self, data: memoryview) -> None:
        """Keeps what is needed later, and looks through what has come together."""
        if self._dead:
            return
        if not self._started:
            self._window += data
            if len(self._window) < len(MAGIC):
                return
            self._dead = not self._window.startswith(MAGIC)
            data, self._window = memoryview(bytes(b"" if self._dead else self._window)), bytearray()
            self._started = True
        self._hasher.update(data)
        self._keep(data)
        self._window += data
        self._seen += len(data)
        if len(self._window) >= _WINDOW:
            self._look(False)

    def result(self) -> ElfFacts | None:
        """The facts; None for what no loader takes as program or shared object."""
        if self._dead or not self._started:
            return None
        header = read_header(self._head)
        if header is None:
            return _odd(self._hasher.hexdigest()) if len(self._head) >= _LEAST else None
        if header.kind not in {_SHARED, _EXECUTABLE}:
            return None
        self._look(True)
        segments = self._segments or read_segments(header, self._read)
        problems: list[str] = []
        dynamic, loader = Dynamic(), ""
        if segments is None:
            problems.append("its program headers are not in the file")
        else:
            dynamic, loader = read_dynamic(header, segments, self._read), interpreter(segments, self._read)
            problems += dynamic.problems if has_code(segments) else ()
        if self._seen != self._size:
            problems.append("the file is shorter than its header in the layer says")
        packer = self._packer()
        if packer:
            self._marks[PACKED] = {packer}
        if any(library_family(name) == OPENSSL for name in (*dynamic.needed, dynamic.soname)):
            self._marks.pop(LOADS, None)  # the names stand in its version tables
        return ElfFacts(
            program=header.kind == _EXECUTABLE or bool(loader) or dynamic.program or not dynamic.present,
            machine=header.machine,
            dynamic=dynamic.present,
            interpreter=loader,
            needed=dynamic.needed,
            soname=dynamic.soname,
            rpath=dynamic.rpath,
            runpath=dynamic.runpath,
            sha256=f"sha256:{self._hasher.hexdigest()}",
            marks=tuple(
                (name, tuple(sorted(value.decode("utf-8", "backslashreplace") for value in values)))
                for name, values in sorted(self._marks.items())
            ),
            problems=tuple(problems),
        )

    def _packer(self) -> bytes:
        """What has packed a program into this one, which it unpacks when it starts."""
        last = self._read(max(0, self._seen - _LAST), _LAST) or b""
        if b"UPX!" in self._head[:4096] or b"UPX!" in last[-4096:]:
            return b"UPX"
        if bytes(self._head[8:11]) in {b"AI\1", b"AI\2"}:
            return b"AppImage"
        return b"PyInstaller" if b"MEI\014\013\012\013\016" in last else b""

    def _keep(self, data: memoryview) -> None:
        """The head, the end, and the dynamic segment once it is known where that is (2)."""
        room = _HEAD - len(self._head)
        if room > 0:
            self._head += data[:room]
        if self._seen + len(data) > max(_HEAD, self._size - _TAIL):
            self._tail.append(bytes(data))
        if self._wanted is not None:
            start = max(self._wanted[0], self._seen)
            end = min(sum(self._wanted), self._seen + len(data))
            if start < end:
                self._dynamic += data[start - self._seen : end - self._seen]

    def _plan(self) -> None:
        """Where code alone is, and the dynamic segment, from the program headers as soon as they have passed."""
        header = read_header(self._head)
        if header is None:
            return
        self._segments = read_segments(header, self._read)
        if self._segments is None:
            return
        self._code = code_ranges(self._segments)
        place = dynamic_range(self._segments)
        if place is not None and place[0] >= self._seen:
            self._wanted = place

    def _look(self, last: bool) -> None:
        """Finds the marks in the window; its end is looked at again with the next one."""
        if self._segments is None:
            self._plan()
        window = bytes(self._window)
        self._search(window)
        kept = b"" if last else window[-_OVERLAP:]
        self._position += len(window) - len(kept)
        self._window = bytearray(kept)

    def _search(self, window: bytes) -> None:
        place, known = 0, set(self._marks)
        for start, end in self._code:
            a, b = max(start - self._position, place), min(end - self._position, len(window))
            if a >= b:
                continue
            self._find(window, place, a, self._sought)
            self._crates(window, place, a)
            self._find(window, a, b, IN_CODE)
            place = b
        self._find(window, place, len(window), self._sought)
        self._crates(window, place, len(window))
        more = tuple(mark for name in self._marks.keys() - known for mark in FOLLOW.get(name, ()) if mark not in self._sought)
        if more:
            self._sought += more
            for passed in (bytes(self._head), window):
                self._find(passed, 0, len(passed), more)

    def _find(self, window: bytes, start: int, end: int, marks: tuple[Mark, ...]) -> None:
        for literal, name, pattern in marks:
            if window.find(literal, start, end) >= 0:
                for match in pattern.finditer(window, max(0, start - _OVERLAP), end):
                    self._add(name, match.group(1))

    def _crates(self, window: bytes, start: int, end: int) -> None:
        for match in CRATE.finditer(window, start, end):
            self._add(f"crate:{CRATES[match.group(1)]}", match.group(1) + b"-" + match.group(2))

    def _add(self, name: str, value: bytes) -> None:
        values = self._marks.setdefault(name, set())
        if len(values) < _VALUES:
            values.add(value)

    def _read(self, offset: int, size: int) -> bytes | None:
        """Bytes of the file that are still at hand, fewer at its end; None when they are not."""
        if offset < 0 or size < 0 or offset >= self._seen:
            return None
        end = min(offset + size, self._seen)
        if end <= len(self._head):
            return bytes(self._head[offset:end])
        if self._wanted is not None and self._wanted[0] <= offset and end <= self._wanted[0] + len(self._dynamic):
            return bytes(self._dynamic[offset - self._wanted[0] : end - self._wanted[0]])
        if len(self._tail) > 1:
            self._tail = [b"".join(self._tail)]
        first = self._seen - sum(map(len, self._tail))
        if self._tail and offset >= first:
            return self._tail[0][offset - first : end - first]
        return None
