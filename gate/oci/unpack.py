"""A layer's bytes, decompressed as they come: plain and gzip (RFC 1952, also many members, as eStargz writes them).

What a layer is packed with is told by its first bytes, as container runtimes do, and not by its media type. Zstandard is refused
by name: Python 3.11 cannot read it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import Limits

GZIP = b"\x1f\x8b"
_OTHER = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_PIECE = 64 * 1024
"""Compressed bytes given to zlib at once: what it does not use it copies, once per gzip member."""
_OUT = 1024 * 1024
_MEMBERS = 2_000_000
_GZIP_WINDOW = 31


class Unpacked:
    """The uncompressed bytes of one layer, read forward; hashed on the way (``diff_id``)."""

    def __init__(self, pieces: Iterable[bytes], what: str, limits: Limits) -> None:
        self._what = what
        self._limits = limits
        self._source = iter(pieces)
        self._plain = self._unpack()
        self._buffer = memoryview(b"")
        self._hasher = hashlib.sha256()
        self.position = 0
        self._received = 0

    @property
    def what(self) -> str:
        """The layer, for messages."""
        return self._what

    @property
    def diff_id(self) -> str:
        """``sha256:…`` of the bytes so far received; the layer's diff id once everything was read."""
        return f"sha256:{self._hasher.hexdigest()}"

    def take(self, size: int) -> bytes:
        """Exactly ``size`` bytes, or fewer at the end. For small sizes; the caller bounds them."""
        if len(self._buffer) >= size:
            data = bytes(self._buffer[:size])
            self._buffer = self._buffer[size:]
            self.position += size
            return data
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next ``size`` bytes, or what is left, in pieces that are never copied."""
        while size > 0:
            if not self._buffer and not self._fill():
                return
            piece = self._buffer[:size]
            self._buffer = self._buffer[len(piece) :]
            size -= len(piece)
            self.position += len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """Passes over ``size`` bytes; raises EvidenceInvalid when there are fewer."""
        end = self.position + size
        for _ in self.pieces(size):
            pass
        if self.position != end:
            raise self.cut()

    def drain(self) -> bool:
        """Reads to the end, where sums are checked; whether anything but zeros was left."""
        left = False
        for piece in self.pieces(1 << 62):
            left = left or any(piece)
        return left

    def cut(self) -> EvidenceInvalid:
        """The error for a layer that ends inside a file or header."""
        return EvidenceInvalid(
            f"{self._what} is cut",
            why=f"it ends after {self.position} bytes, inside an entry",
            fix="build and push the image again",
        )

    def _fill(self) -> bool:
        piece = next(self._plain, b"")
        if not piece:
            return False
        self._received += len(piece)
        if self._received > self._limits.image_bytes:
            raise LimitExceeded("image_bytes", self._limits.image_bytes, self._what)
        self._hasher.update(piece)
        self._buffer = memoryview(piece)
        return True

    def _unpack(self) -> Iterator[bytes]:
        head = b""
        for piece in self._source:
            head += piece
            if len(head) >= len(max(_OTHER, key=len)):
                break
        for magic, name in _OTHER.items():
            if head.startswith(magic):
                raise FormatRefused(
                    f"{self._what} is packed with {name}",
                    why="layers are read plain or gzipped by this version",
                    fix="build the image with gzip layers (buildx: --output type=image,compression=gzip,force-compression=true)",
                )
        if not head.startswith(GZIP):
            if head:
                yield head
            yield from (piece for piece in self._source if piece)
            return
        yield from self._gunzip(head)

    def _gunzip(self, head: bytes) -> Iterator[bytes]:
        stream, members = zlib.decompressobj(_GZIP_WINDOW), 1
        try:
            for data in _slices(head, self._source):
                while data:
                    if stream.eof and not any(data):
                        break  # padding
                    if stream.eof:
                        stream, members = zlib.decompressobj(_GZIP_WINDOW), members + 1
                        if members > _MEMBERS:
                            raise LimitExceeded("image_bytes", self._limits.image_bytes, f"{self._what}: gzip members")
                    out = stream.decompress(data, _OUT)
                    if out:
                        yield out
                    data = stream.unused_data if stream.eof else stream.unconsumed_tail
            while not stream.eof and (out := stream.decompress(b"", _OUT)):
                yield out
        except zlib.error as error:
            raise EvidenceInvalid(
                f"{self._what} is damaged", why=f"gzip member {members}: {error}", fix="build and push the image again"
            ) from error
        if not stream.eof:
            raise EvidenceInvalid(f"{self._what} is cut", why="its gzip stream has no end", fix="build and push the image again")


def _slices(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    for start in range(0, len(head), _PIECE):
        yield head[start : start + _PIECE]
    for piece in rest:
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]
