"""The image as OpenSSL sees it: configuration files and libraries by path, links followed inside the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import shown
from gate.evidence.fips.openssl_conf import Contents, Unreadable
from gate.evidence.fips.openssl_files import CONF, LIBRARY, LibraryFacts
from gate.model.input import Subject
from gate.oci.filesystem import FileSystem
from gate.oci.tree import Entry


class NotLookedAt(Unreadable):
    """The file is there, and its contents were not kept: it is too large, sparse, or nothing told that it matters."""


class View:
    """Reads of one image; ``unread`` collects the files whose contents are not known."""

    def __init__(self, files: FileSystem) -> None:
        self.files = files
        self.unread: dict[str, None] = {}
        self._folders: dict[str, list[str]] | None = None

    def read(self, path: str) -> Contents:
        """Contents, names of a directory, or None. Raises NotLookedAt."""
        if path.strip("/") in {"dev/null"} or not path:
            return b""
        entry = self.files.tree.get(path)
        if entry is None:
            return None
        if entry.kind == "dir":
            return self._names(entry.path)
        if entry.kind == "file" and not entry.size:
            return b""
        data = found(entry, CONF)
        if not isinstance(data, bytes):
            self.unread[entry.path] = None
            raise NotLookedAt(f"{path}: was not looked at")
        return data

    def text(self, path: str) -> str | None:
        """The text of a small file, stripped; None without it, or where it is a directory."""
        try:
            data = self.read(path)
        except NotLookedAt:
            return None
        return data.decode("utf-8", "backslashreplace").strip() if isinstance(data, bytes) else None

    def script(self, word: str, search: str) -> tuple[str, str] | None:
        """Path and text of a small script that a word of the command names, where it speaks of a variable that matters."""
        for place in (word,) if "/" in word else tuple(f"{folder}/{word}" for folder in search.split(":")[:50]):
            entry = self.files.tree.get(place)
            data = found(entry, CONF)
            if entry is not None and isinstance(data, bytes) and data.startswith(b"#!"):
                return f"/{shown(entry.path)}", data.decode("utf-8", "backslashreplace")
            if entry is not None and entry.kind == "file":
                return None
        return None

    def library(self, path: str) -> tuple[Entry, LibraryFacts] | None:
        """A library and what it says of itself."""
        entry = self.files.tree.get(path)
        made = found(entry, LIBRARY)
        return (entry, made) if entry is not None and isinstance(made, LibraryFacts) else None

    def libraries(self) -> Iterator[tuple[Entry, LibraryFacts]]:
        """All of them, by path; hard links are listed once a name."""
        for entry in sorted(self.files.entries(), key=lambda item: item.path):
            made = found(entry, LIBRARY)
            if entry.kind == "file" and isinstance(made, LibraryFacts) and made.elf:
                yield entry, made

    def _names(self, folder: str) -> Sequence[str]:
        if self._folders is None:
            self._folders = {}
            for entry in self.files.entries():
                above, _, name = entry.path.rpartition("/")
                self._folders.setdefault(above, []).append(name)
        return tuple(self._folders.get(folder, ()))


def variables(subject: Subject) -> dict[str, str]:
    """``Env`` of the image; the last assignment of a name counts, as for runtimes."""
    made: dict[str, str] = {}
    for item in subject.config.env if subject.config is not None else ():
        name, equals, value = item.partition("=")
        if equals:
            made[name] = value
    return made
