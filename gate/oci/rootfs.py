"""The merged file system of an image on disk, for a scanner that reads nothing else. For tools only: the gate's own facts come
from `gate.oci.filesystem`, which unpacks nothing.

1. Only directories, regular files and symlinks are made. Devices, fifos and sparse contents are not, and are counted.
2. Every name is put below directories that were made here, so no link of the image is followed while unpacking.
3. A symlink is written anew: relative, to where it ends up inside the root, or where it would. None leads above the root, so
   a reader that follows links by the machine's rules stays inside.
4. Owners are set only where the process may (root); rights are kept, but for the owner's own, without which nothing could be
   read or removed again. What could not be kept is noted.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from io import FileIO
from pathlib import Path

from gate.errors import EvidenceInvalid, EvidenceUnavailable, FormatRefused, LimitExceeded
from gate.limits import Limits
from gate.model.input import Subject
from gate.oci.filesystem import FileSystem, read_filesystem
from gate.oci.layertar import CAPABILITY, Header
from gate.oci.source import ImageSource
from gate.oci.tree import Entry

_SPARSE_ALLOWED = ("var/",)
"""Where sparse files are usual (``var/log/lastlog``) and no rule looks into them; elsewhere an empty one would mislead."""


class _Spool:
    """Takes one file's contents to disk."""

    def __init__(self, store: _Store, name: str) -> None:
        self._store, self._name = store, name
        self._file = store.open(name)

    def feed(self, data: memoryview) -> None:
        self._store.count(len(data))
        view = data
        while view:
            view = view[self._file.write(view) or 0 :]

    def result(self) -> str:
        self._store.close()
        return self._name


class _Store:
    """Contents by number, before it is known which of them are visible in the end."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder, self._limits = folder, limits
        self._files = self._bytes = 0
        self._last: FileIO | None = None

    def open(self, name: str) -> FileIO:
        """One file at a time is written; the one before it is closed, also where reading ended with an error."""
        self.close()
        self._last = (self.folder / name).open("xb", buffering=0)
        return self._last

    def close(self) -> None:
        if self._last is not None:
            self._last.close()

    def choose(self, header: Header) -> _Spool | None:
        self._files += 1
        return _Spool(self, str(self._files))

    def count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._limits.unpacked_bytes:
            raise LimitExceeded("unpacked_bytes", self._limits.unpacked_bytes, "contents of an image unpacked for a scanner")


def unpack(source: ImageSource, subject: Subject, work: Path, limits: Limits) -> tuple[FileSystem, Counter[str]]:
    """Puts the image's files into ``work/root``; ``work`` is private and empty. Returns the tree and what could not be kept.

    Raises EvidenceInvalid where two runtimes would see different files, FormatRefused, LimitExceeded, EvidenceUnavailable.
    """
    folder, root = work / "contents", work / "root"
    notes: Counter[str] = Counter()
    try:
        folder.mkdir(mode=0o700)
        root.mkdir(mode=0o700)
        with contextlib.closing(_Store(folder, limits)) as store:
            files = read_filesystem(source, subject, store.choose)
        if not files.certain:
            odd = ", ".join(sorted({note.code for note in files.notes}))
            raise EvidenceInvalid(
                f"the files of {subject.reference} cannot be told for certain",
                why=f"two runtimes may see different ones ({odd}), and a scanner would see only one of them",
                fix="build the image without such entries; `gate inspect` shows where they are",
            )
        _write(files, folder, root, notes)
    except OSError as error:
        raise EvidenceUnavailable(
            f"{subject.reference} could not be unpacked: {error.strerror or error}",
            fix="see that TMPDIR has room, on a file system that takes all names",
        ) from error
    return files, notes


def _write(files: FileSystem, contents: Path, root: Path, notes: Counter[str]) -> None:
    entries = list(files.entries())
    for entry in entries:  # directories come before what is in them (2)
        path = root / entry.path
        if entry.kind == "dir":
            path.mkdir(mode=0o700)
        elif entry.kind == "file":
            _file(entry, contents, path, notes)
        elif entry.kind == "symlink":
            path.symlink_to(_inside(entry, files))
            _own(path, entry, notes)
        else:
            notes["left_out"] += 1  # (1)
    for entry in reversed(entries):
        if entry.kind == "dir":
            _rights(root / entry.path, entry, 0o700, notes)


def _file(entry: Entry, contents: Path, path: Path, notes: Counter[str]) -> None:
    if entry.sparse and entry.size:
        if not entry.path.startswith(_SPARSE_ALLOWED):
            raise FormatRefused(
                f"{entry.path[:200]!r} is a sparse file", why="its contents are never expanded, so none can be scanned"
            )
        notes["sparse"] += 1
    if isinstance(entry.found, str):
        os.link(contents / entry.found, path)  # names of one hard link share what they are linked to
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _rights(path, entry, 0o400, notes)
    if entry.capability:
        try:
            os.setxattr(path, CAPABILITY, entry.capability, follow_symlinks=False)
        except (OSError, AttributeError):
            notes["capability_not_kept"] += 1


def _rights(path: Path, entry: Entry, least: int, notes: Counter[str]) -> None:
    """(4)"""
    _own(path, entry, notes)
    mode = stat.S_IMODE(entry.mode)
    if os.geteuid() != 0 and mode & least != least:
        notes["mode_not_kept"] += 1
        mode |= least
    path.chmod(mode)


def _own(path: Path, entry: Entry, notes: Counter[str]) -> None:
    if os.geteuid() != 0:
        if (entry.uid, entry.gid) != (os.geteuid(), os.getegid()):
            notes["owner_not_kept"] += 1
        return
    try:
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    except (OSError, OverflowError):
        notes["owner_not_kept"] += 1


def _inside(link: Entry, files: FileSystem) -> str:
    """(3)"""
    end = files.tree.get(link.path, follow=True)
    folder = link.path.split("/")[:-1]
    parts = end.path.split("/") if end is not None else _lexical(link.link, folder)
    same = 0
    while same < min(len(folder), len(parts)) and folder[same] == parts[same]:
        same += 1
    return "/".join([".."] * (len(folder) - same) + parts[same:]) or "."


def _lexical(target: str, folder: list[str]) -> list[str]:
    """The names of where a link would lead, by its text alone; ``..`` at the root stays there."""
    place = [] if target.startswith("/") else list(folder)
    for name in target.split("/"):
        if name == "..":
            with contextlib.suppress(IndexError):
                place.pop()
        elif name not in {"", "."}:
            place.append(name)
    return place
