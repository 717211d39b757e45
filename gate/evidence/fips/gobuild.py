"""Go programs: the build information that the linker wrote, and the traces of the FIPS 140 module, from a file that passes by.

Build information (debug/buildinfo of Go ≥ 1.18): the magic at a multiple of 16, pointer size, flags (bit 1: inline), from byte 32
the version and the module text, each after its length (uvarint); the text stands between two sentinels of 16 bytes.

1. Build information is plain text that anybody can write. What it says is a claim; the package paths in the function table, which
   survive stripping, are a second witness.
2. Neither says whether the mode is on: ``GODEBUG`` in the environment decides that when the program starts.
"""

from __future__ import annotations

import re

import msgspec

from gate.oci.layertar import Header

_MAGIC = b"\xff Go buildinf:"
_ELF = b"\x7fELF"
_LEAST = 4096
_TEXT = 8 * 1024 * 1024
_OVERLAP = 256
_SNAPSHOT_FIND = b"crypto/internal/fips140/v"
_SNAPSHOT = re.compile(rb"crypto/internal/fips140/(v[0-9][0-9A-Za-z.-]{0,40})/")
_BORING = b"_goboringcrypto_"
_CRYPTO = b"\0crypto/"
"""Before a function of the standard library's cryptography in the table of functions; programs without any have none."""
_RUNTIME = b"\0runtime.goexit"
"""In the table of functions of every Go program."""
_OTHER = b"\0golang.org/x/crypto/"
_OPENSSL = b"golang-fips/openssl"
_VERSIONS = 20
_TRIES = 64
"""False beginnings in one file, after which nothing is said of it but that it has some."""


class GoBuild(msgspec.Struct, frozen=True, gc=False):
    """What one program says of its build. ``version`` is empty where too many false beginnings hide it."""

    version: str
    settings: tuple[tuple[str, str], ...]
    modules: tuple[tuple[str, str], ...]
    snapshots: tuple[str, ...]
    boring: bool
    crypto: bool = True
    """Whether functions of the standard library's cryptography are in it."""
    other: bool = False
    """Whether functions of golang.org/x/crypto are."""
    openssl: bool = False
    """Whether the package is that hands cryptography to OpenSSL."""


def choose_go(header: Header) -> GoSink | None:
    """A sink for what may be a program or a shared object."""
    return GoSink() if header.size >= _LEAST else None  # a loader starts what nobody may execute


class GoSink:
    """Looks through one file; lets go at once of what is no ELF file."""

    def __init__(self) -> None:
        self._position = 0
        """Offset in the file of the first byte of ``_tail``."""
        self._tail = b""
        self._elf: bool | None = None
        self._capture: bytearray | None = None
        self._start = 0
        self._tries = 0
        self._found: tuple[str, str] | None = None
        self._snapshots: set[str] = set()
        self._boring = False
        self._crypto = False
        self._other = False
        self._openssl = False
        self._runtime = False

    def feed(self, data: memoryview) -> None:
        """Looks through the piece and the end of the one before."""
        if self._elf is False:
            return
        window = self._tail + bytes(data)
        if self._elf is None:
            if len(window) < len(_ELF):
                self._tail = window
                return
            self._elf = window.startswith(_ELF)
            if not self._elf:
                self._tail = b""
                return
        if self._found is None:
            self._search(window, len(window) - len(data))
        if len(self._snapshots) < _VERSIONS and _SNAPSHOT_FIND in window:
            self._snapshots |= {match.group(1).decode("ascii") for match in _SNAPSHOT.finditer(window)}
        self._boring = self._boring or _BORING in window
        self._crypto = self._crypto or _CRYPTO in window
        self._other = self._other or _OTHER in window
        self._openssl = self._openssl or _OPENSSL in window
        self._runtime = self._runtime or _RUNTIME in window
        kept = window[-_OVERLAP:]
        self._position += len(window) - len(kept)
        self._tail = kept

    def result(self) -> GoBuild | None:
        """The build information, empty of a program with cryptography that has none, or that of before Go 1.18."""
        if self._found is None:
            if not (self._crypto and self._runtime):
                return None
            self._found = ("", "")
        version, text = self._found
        settings, modules = read_text(text)
        return GoBuild(
            version, settings, modules, tuple(sorted(self._snapshots)), self._boring, self._crypto, self._other, self._openssl
        )

    def _search(self, window: bytes, old: int) -> None:
        """Begins at the next magic, or goes on with the one that was begun; a false one is looked through again behind it."""
        if self._capture is None:
            place = self._next(window, self._position, max(0, old - len(_MAGIC)))
            if place is None:
                return
            self._start, self._capture = self._position + place, bytearray(window[place:])
        else:
            self._capture += window[old:]
        while self._capture is not None:
            parsed = parse(self._capture)
            if parsed is None and len(self._capture) <= _TEXT:
                return
            self._tries += 1
            if parsed or self._tries > _TRIES:
                self._found = parsed or ("", "")
                self._capture = None
                return
            place = self._next(self._capture, self._start, 1)
            if place is None:
                self._capture = None
            else:
                del self._capture[:place]
                self._start += place

    def _next(self, data: bytes | bytearray, offset: int, begin: int) -> int | None:
        """Where the next magic at a multiple of 16 begins; ``offset`` is the data's own in the file."""
        place = data.find(_MAGIC, begin)
        while place >= 0 and (offset + place) % 16:
            place = data.find(_MAGIC, place + 1)
        return place if place >= 0 else None


def parse(data: bytes | bytearray) -> tuple[str, str] | tuple[()] | None:
    """Version and module text of build information that begins here; None: more is needed; empty: it is none."""
    if len(data) < 33:
        return None
    if not data[15] & 2:
        return ()  # older than 1.18: pointers into memory
    version = _string(data, 32)
    if version is None:
        return None
    text, place = version
    if not text.startswith((b"go", b"devel")) or len(text) > 200:
        return ()
    module = _string(data, place)
    if module is None:
        return None
    body = module[0]
    if len(body) >= 33 and body[-17:-16] == b"\n":
        body = body[16:-16]
    elif body:
        return ()
    return text.decode("utf-8", "backslashreplace"), body.decode("utf-8", "backslashreplace")


def read_text(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """The build settings in order, and the modules with their versions (``dep`` and ``mod`` lines)."""
    settings: list[tuple[str, str]] = []
    modules: list[tuple[str, str]] = []
    for line in text.split("\n"):
        kind, _, rest = line.partition("\t")
        if kind == "build":
            name, _, value = rest.partition("=")
            settings.append((name.strip('"'), _unquoted(value)))
        elif kind in {"mod", "dep"}:
            fields = rest.split("\t")
            modules.append((fields[0], fields[1] if len(fields) > 1 else ""))
    return tuple(settings), tuple(modules)


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in '"`':
        return value[1:-1]
    return value


def _string(data: bytes | bytearray, place: int) -> tuple[bytes, int] | None:
    """The string after its length, and where the next begins; None when it is not all there. A length too long is never there."""
    size, shift = 0, 0
    while True:
        if place >= len(data):
            return None
        byte = data[place]
        place += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
        if shift > 28:
            return b"", place
    if size > _TEXT:
        return b"", place
    if place + size > len(data):
        return None
    return bytes(data[place : place + size]), place + size
