"""Files of an image layout, wherever they lie, and the directory that holds them.

A layout comes from somebody else. Names are built from checked digests, a symlink is followed only when it stays inside the
directory, and only regular files are read: a FIFO or a device would hang the gate, a link to ``/etc`` would show what is in it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci.bound import Bound

PIECE_BYTES = 1024 * 1024


def checked(pieces: Iterable[bytes], digest: str, size: int, what: str) -> Iterator[bytes]:
    """The pieces, hashed on the way; the last one only after the whole is found to be what the digest names.

    Raises EvidenceInvalid for other bytes.
    """
    algorithm, _, wanted = digest.partition(":")
    hasher, got, held = hashlib.new(algorithm), 0, b""
    for piece in pieces:
        got += len(piece)
        hasher.update(piece)
        if got > size:
            break
        if held:
            yield held
        held = piece
    if got != size or hasher.hexdigest() != wanted:
        raise EvidenceInvalid(
            f"{what}: the bytes there are not the ones asked for",
            why=f"expected {size} bytes of {digest}, got {got} of {algorithm}:{hasher.hexdigest()}",
            fix="the file is damaged or was changed; fetch the image again from its origin",
        )
    if held:
        yield held


class Files(Protocol):
    """Named bytes; names use ``/`` and are relative."""

    @property
    def place(self) -> str:
        """Where they lie, for messages."""

    def size(self, name: str) -> int | None:
        """The size in bytes, None when there is no such file."""

    def read(self, name: str, bound: Bound) -> bytes | None:
        """The bytes, None when there is no such file; raises EvidenceInvalid, EvidenceUnavailable, LimitExceeded."""

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of an existing file of any size, in pieces; raises as `read`."""

    def names(self, folder: str) -> list[str]:
        """The names of the files right in a folder, sorted, with the folder."""

    def close(self) -> None:
        """Lets go of what is open."""


class DirectoryFiles:
    """The files of a directory; safe to use from many threads."""

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = Path(os.path.realpath(root))
        self._given = root
        self._limits = limits

    @property
    def place(self) -> str:
        """The directory as the caller gave it."""
        return str(self._given)

    def size(self, name: str) -> int | None:
        """The size of a regular file; raises EvidenceInvalid for anything else of that name."""
        path = self._inside(name)
        try:
            found = path.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise EvidenceUnavailable(f"{self._given}/{name} cannot be read", why=str(error.strerror)) from error
        if not stat.S_ISREG(found.st_mode):
            raise EvidenceInvalid(f"{self._given}/{name} is no regular file", why="a layout holds regular files only")
        return found.st_size

    def read(self, name: str, bound: Bound) -> bytes | None:
        """The bytes of a regular file inside the directory."""
        if self.size(name) is None:
            return None
        path = self._inside(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(bound.bytes + 1)
        except OSError as error:
            raise EvidenceUnavailable(f"{self._given}/{name} cannot be read", why=str(error.strerror)) from error
        if len(data) > bound.bytes:
            raise LimitExceeded(bound.name, bound.bytes, f"{self._given}/{name}")
        return data

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of a regular file inside the directory, in pieces."""
        path = self._inside(name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise EvidenceUnavailable(f"{self._given}/{name} cannot be read", why=str(error.strerror)) from error

    def names(self, folder: str) -> list[str]:
        """The entries of a folder; raises LimitExceeded beyond ``archive_members``."""
        names: list[str] = []
        try:
            with os.scandir(self._inside(folder)) as entries:
                for entry in entries:
                    names.append(f"{folder}/{entry.name}")
                    if len(names) > self._limits.archive_members:
                        raise LimitExceeded("archive_members", self._limits.archive_members, f"{self._given}/{folder}")
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise EvidenceUnavailable(f"{self._given}/{folder} cannot be read", why=str(error.strerror)) from error
        return sorted(names)

    def close(self) -> None:
        """Nothing stays open."""

    def _inside(self, name: str) -> Path:
        path = Path(os.path.realpath(self._root / name))
        if path != self._root and self._root not in path.parents:
            raise EvidenceInvalid(
                f"{self._given}/{name} leads out of the layout",
                why=f"it is a link to {path}",
                fix="copy the layout with links resolved: cp -rL",
            )
        return path
