"""Tarballs, looked through once and never unpacked (POSIX ustar and pax, GNU long names).

Not `tarfile`: it reads a pax header of any size into memory, follows links within the archive and takes a cut archive for a short
one. Here:

1. Every header is checked by its sum, extended headers are bounded, members are counted.
2. ``..``, absolute names, devices and two files of one name are refused: no image tool writes them, and readers disagree on them.
3. A link is noted and never followed; what needs the file behind it gets an error.
4. An archive without its end marker is cut, and refused.
5. Of a gzipped archive, the JSON members are kept in a private temporary file; others are found by reading it again.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gate.errors import EvidenceInvalid, EvidenceUnavailable, FormatRefused, LimitExceeded
from gate.limits import Limits
from gate.oci.bound import Bound

BLOCK = 512
EXTENDED_BYTES = 1024 * 1024
CHUNK = 1024 * 1024
_PACKED = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A regular file (``kind`` "file") or a link (3); ``offset`` is of its first byte in the unpacked archive."""

    name: str
    kind: str
    size: int
    offset: int
    kept: int | None = None
    """Offset in the temporary file (5)."""


class TarFiles:
    """The members of a tarball as `gate.oci.files.Files`; safe to use from many threads."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Looks through the archive; raises EvidenceInvalid, FormatRefused, LimitExceeded, EvidenceUnavailable."""
        self._path = path
        self._limits = limits
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise EvidenceUnavailable(f"{path} cannot be read", why=str(error.strerror)) from error
        self._spool: IO[bytes] | None = None
        try:
            head = self._at(self._file, 6, 0)
            packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)
            if packed is not None:
                raise FormatRefused(
                    f"{path} is a {packed} archive", why="tarballs are read plain or gzipped", fix="unpack it first"
                )
            self._gzipped = head.startswith(b"\x1f\x8b")
            if self._gzipped:
                self._spool = self._temporary()
            self._members = self._scan()
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        """The archive's path."""
        return str(self._path)

    def size(self, name: str) -> int | None:
        """The size of a member, None when there is none; raises EvidenceInvalid for a link (3)."""
        member = self._members.get(name)
        if member is None:
            return None
        if member.kind != "file":
            raise EvidenceInvalid(f"{self._path}: {name} is a link", why="links in an archive are not followed")
        return member.size

    def read(self, name: str, bound: Bound) -> bytes | None:
        """The bytes of a member."""
        size = self.size(name)
        if size is None:
            return None
        if size > bound.bytes:
            raise LimitExceeded(bound.name, bound.bytes, f"{self._path}: {name}")
        member = self._members[name]
        if not self._gzipped:
            data = self._at(self._file, size, member.offset)
        elif self._spool is not None and member.kept is not None:
            data = self._at(self._spool, size, member.kept)
        else:
            data = self._again(member.offset, size)
        if len(data) != size:
            raise EvidenceInvalid(f"{self._path} has changed while it was read")
        return data

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of an existing member of any size, in pieces."""
        size, member = self.size(name), self._members[name]
        left = size or 0
        if not self._gzipped:
            while left and (piece := self._at(self._file, min(left, CHUNK), member.offset + member.size - left)):
                left -= len(piece)
                yield piece
            return
        try:
            with self._path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
                reader = _Stream(stream, self._path, self._limits)
                reader.skip(member.offset)
                while left:
                    piece = reader.take(min(left, CHUNK))
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise EvidenceUnavailable(f"{self._path} cannot be read", why=str(error.strerror)) from error

    def names(self, folder: str) -> list[str]:
        """The members right in a folder."""
        start = f"{folder}/"
        return sorted(name for name in self._members if name.startswith(start) and "/" not in name[len(start) :])

    def close(self) -> None:
        """Closes the archive and removes the temporary file."""
        self._file.close()
        if self._spool is not None:
            self._spool.close()

    def _at(self, file: IO[bytes], size: int, offset: int) -> bytes:
        try:
            return os.pread(file.fileno(), size, offset)
        except OSError as error:
            raise EvidenceUnavailable(f"{self._path} cannot be read", why=str(error.strerror)) from error

    def _again(self, offset: int, size: int) -> bytes:
        try:
            with self._path.open("rb") as file, gzip.GzipFile(fileobj=file) as stream:
                reader = _Stream(stream, self._path, self._limits)
                reader.skip(offset)
                return reader.take(size)
        except OSError as error:
            raise EvidenceUnavailable(f"{self._path} cannot be read", why=str(error.strerror)) from error

    def _temporary(self) -> IO[bytes]:
        try:
            return tempfile.TemporaryFile(prefix="gate-")
        except OSError as error:
            raise EvidenceUnavailable(
                f"no temporary space to read {self._path}", why=str(error.strerror), fix="set TMPDIR"
            ) from error

    def _scan(self) -> dict[str, Member]:
        members: dict[str, Member] = {}
        self._file.seek(0)
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=self._file) if self._gzipped else self._file
        reader = _Stream(stream, self._path, self._limits, seekable=not self._gzipped)
        for member in _walk(reader, self._path, self._limits):
            if member.name in members:
                raise EvidenceInvalid(
                    f"{self._path} holds {member.name!r} twice", why="which one counts depends on the reader", fix="make it again"
                )  # (2)
            members[member.name] = self._keep(member, reader)
        while self._gzipped and reader.some(CHUNK):
            pass  # to the end of the stream, where its sum is checked
        return members

    def _keep(self, member: Member, reader: _Stream) -> Member:
        """Puts a JSON member of a gzipped archive aside (5)."""
        spool = self._spool
        if spool is None or member.kind != "file" or not 0 < member.size <= self._limits.bundle_bytes:
            return member
        start = spool.tell()
        if start + member.size > self._limits.attachment_bytes:
            return member
        first = reader.take(min(member.size, BLOCK))
        if first.lstrip()[:1] not in {b"{", b"["}:
            return member
        try:
            spool.write(first)
            spool.write(reader.take(member.size - len(first)))
            spool.flush()
        except OSError as error:
            raise EvidenceUnavailable(
                f"no temporary space to read {self._path}", why=str(error.strerror), fix="set TMPDIR"
            ) from error
        return dataclasses.replace(member, kept=start)


class _Stream:
    """Reads forward, counts, and turns what may go wrong into our errors."""

    def __init__(self, stream: io.BufferedIOBase, path: Path, limits: Limits, *, seekable: bool = False) -> None:
        self._stream = stream
        self._path = path
        self._limits = limits
        self._end = stream.seek(0, io.SEEK_END) if seekable else None
        if seekable:
            stream.seek(0)
        self.position = 0

    def take(self, size: int) -> bytes:
        """Exactly ``size`` bytes; raises EvidenceInvalid when the archive ends before."""
        data = self.some(size)
        if len(data) != size:
            raise self.cut()
        return data

    def some(self, size: int) -> bytes:
        """Up to ``size`` bytes, fewer only at the end."""
        try:
            data = self._stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise EvidenceInvalid(f"{self._path} is damaged or cut", why=str(error), fix="make or download it again") from error
        except OSError as error:
            raise EvidenceUnavailable(f"{self._path} cannot be read", why=str(error.strerror)) from error
        self.position += len(data)
        if self.position > self._limits.archive_bytes:
            raise LimitExceeded("archive_bytes", self._limits.archive_bytes, str(self._path))
        return data

    def skip(self, size: int) -> None:
        """Passes over bytes without keeping them."""
        if self._end is not None:
            if self.position + size > self._end:
                raise self.cut()
            self._stream.seek(size, io.SEEK_CUR)
            self.position += size
            return
        while size > 0:
            size -= len(self.take(min(size, CHUNK)))

    def cut(self) -> EvidenceInvalid:
        """The error for an archive that ends too early (4)."""
        return EvidenceInvalid(
            f"{self._path} is cut",
            why=f"it ends after {self.position} bytes, inside the archive",
            fix="make or download it again",
        )


def _walk(reader: _Stream, path: Path, limits: Limits) -> Iterator[Member]:
    """The regular files and links of an archive. The consumer may read from the start of the member it was given."""
    extended: dict[str, str] = {}
    count = 0
    while True:
        header = reader.some(BLOCK)
        if len(header) == BLOCK and not any(header):
            return
        if len(header) != BLOCK:
            raise reader.cut()  # (4)
        count += 1
        if count > limits.archive_members:
            raise LimitExceeded("archive_members", limits.archive_members, str(path))  # (1)
        size, kind = _check(header, path), header[156:157]
        if kind in {b"x", b"g", b"L", b"K"}:
            if size > EXTENDED_BYTES:
                raise EvidenceInvalid(f"{path} has an extended header of {size} bytes", why=f"at most {EXTENDED_BYTES} are read")
            data = reader.take(size)
            reader.skip(-size % BLOCK)
            extended |= _extended(kind, data, path)
            continue
        size = _number_of(extended.get("size"), size, path)
        name = _clean(extended.get("path") or _name(header), path)
        extended = {}
        start = reader.position
        if kind in {b"0", b"\0", b"7"} and name:
            yield Member(name, "file", size, start)
        elif kind in {b"1", b"2"}:
            size = 0
            yield Member(name, "link", 0, start)
        elif kind == b"5" or not name:
            size = 0 if kind == b"5" else size
        else:
            raise EvidenceInvalid(f"{path}: {name!r} is a device or a special file", why="an image archive holds files")  # (2)
        end = start + size + (-size % BLOCK)
        reader.skip(end - reader.position)


def _check(header: bytes, path: Path) -> int:
    said = header[148:156].split(b"\0")[0].strip()
    total = sum(header[:148]) + 8 * 32 + sum(header[156:])
    try:
        good = int(said or b"0", 8) == total
    except ValueError:
        good = False
    if not good:
        raise EvidenceInvalid(
            f"{path} is no tar archive, or damaged", why="a header has a wrong sum", fix="make or download it again"
        )
    field = header[124:136]
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    return _octal(field, path)


def _octal(field: bytes, path: Path) -> int:
    try:
        return int(field.split(b"\0")[0].strip() or b"0", 8)
    except ValueError as error:
        raise EvidenceInvalid(f"{path} is damaged", why="a header has no valid size") from error


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0")[0]
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0")[0]
        name = prefix + b"/" + name if prefix else name
    return name.decode("utf-8", "surrogateescape")


def _extended(kind: bytes, data: bytes, path: Path) -> dict[str, str]:
    if kind in b"LK":
        return {"path": data.split(b"\0")[0].decode("utf-8", "surrogateescape")} if kind == b"L" else {}
    records: dict[str, str] = {}
    while data:
        length, space, _ = data.partition(b" ")
        if not space or not length.isdigit() or len(length) > 9 or not len(length) + 1 < int(length) <= len(data):
            raise EvidenceInvalid(f"{path} is damaged", why="a pax header is malformed")
        record, data = data[len(length) + 1 : int(length) - 1], data[int(length) :]
        key, _, value = record.partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
    if any(key.startswith("GNU.sparse") for key in records) or (kind == b"g" and records.keys() & {"path", "size"}):
        raise EvidenceInvalid(
            f"{path} uses sparse files or global names", why="readers disagree on them", fix="make it with plain tar"
        )
    return records if kind == b"x" else {}


def _number_of(text: str | None, size: int, path: Path) -> int:
    if text is None:
        return size
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise EvidenceInvalid(f"{path} is damaged", why="a pax header has no valid size")
    return int(text)


def _clean(name: str, path: Path) -> str:
    """The name without ``./``; empty for the root; raises EvidenceInvalid for one that leads out (2)."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise EvidenceInvalid(
            f"{path} holds a file named {name[:200]!r}",
            why="absolute names and '..' lead out of the archive",
            fix="do not use this archive",
        )
    return "/".join(parts)
