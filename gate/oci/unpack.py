"""A layer's bytes, decompressed as they come: plain, gzip (RFC 1952) and Zstandard (RFC 8878).

1. What a layer is packed with is told by its first bytes, as container runtimes do, and not by its media type.
2. Many members or frames are one stream, as eStargz and zstd:chunked write them; frames to be skipped are skipped.
3. A piece is never longer than `_OUT`, however well it is packed; a window is never larger than `_WINDOW_LOG` says, which is what
   the zstd program takes unless it is told otherwise.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import Limits

GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPED = b"\x2a\x4d\x18"
"""After a byte from 0x50 to 0x5f: a frame to be skipped, which may come first (RFC 8878, section 3.1.2)."""
_OTHER = {b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_PIECE = 64 * 1024
"""Compressed bytes given to zlib at once: what it does not use it copies, once per gzip member."""
_OUT = 1024 * 1024
_MEMBERS = 2_000_000
_GZIP_WINDOW = 31
_WINDOW_LOG = 27


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
                    why="layers are read plain, gzipped or packed with zstd",
                    fix="build the image with gzip layers (buildx: --output type=image,compression=gzip,force-compression=true)",
                )
        if head.startswith(_ZSTD) or (head[1:4] == _SKIPPED and head[0] & 0xF0 == 0x50):
            yield from self._unzstd(head)
            return
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

    def _unzstd(self, head: bytes) -> Iterator[bytes]:
        zstd = zstd_library(self._what)
        options = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        stream, frames = zstd.ZstdDecompressor(options=options), 1
        try:
            for data in _slices(head, self._source):
                while data or not (stream.eof or stream.needs_input):
                    if stream.eof:
                        stream, frames = zstd.ZstdDecompressor(options=options), frames + 1
                        if frames > _MEMBERS:
                            raise LimitExceeded("image_bytes", self._limits.image_bytes, f"{self._what}: zstd frames")
                    out = stream.decompress(data, _OUT)
                    if out:
                        yield out
                    data = stream.unused_data if stream.eof else b""
        except zstd.ZstdError as error:
            if "memory" in str(error):
                raise FormatRefused(
                    f"{self._what} needs a zstd window of more than {1 << (_WINDOW_LOG - 20)} MiB",
                    why="the window is held in memory, and whoever made the layer chose its size",
                    fix="build the image without zstd's --long or --ultra",
                ) from error
            raise EvidenceInvalid(
                f"{self._what} is damaged", why=f"zstd frame {frames}: {error}", fix="build and push the image again"
            ) from error
        if not stream.eof:
            raise EvidenceInvalid(f"{self._what} is cut", why="its zstd frame has no end", fix="build and push the image again")


def zstd_library(what: str) -> Any:
    """Python's own module from 3.14 on, before that its backport; raises FormatRefused without it."""
    try:
        try:
            from compression import zstd  # type: ignore[import-not-found]  # Python 3.14
        except ImportError:
            from backports import zstd
    except ImportError as error:
        raise FormatRefused(
            f"{what} is packed with zstd", why="the package that reads it is not installed", fix="pip install 'policy-gate[zstd]'"
        ) from error
    return zstd


def _slices(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    for start in range(0, len(head), _PIECE):
        yield head[start : start + _PIECE]
    for piece in rest:
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]
