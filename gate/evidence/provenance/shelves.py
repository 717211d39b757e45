"""Where the statements of a chain are looked for: files, what hangs on an image, a git repository's notes.

Only what the caller names is asked. A statement that names another place never makes the gate go there.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from gate.errors import EvidenceUnavailable, LimitExceeded
from gate.evidence.collect import Opened, Opener
from gate.evidence.gather import attached
from gate.evidence.interface import Document
from gate.evidence.provenance.chain import Items
from gate.limits import Limits
from gate.oci.source import ImageSource

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OBJECT_BYTES: Final = 16 * 1024 * 1024


class Shelves:
    """A `Shelf` that looks in several places, each once for each subject."""

    def __init__(
        self, opened: Iterable[Opened], sources: Sequence[ImageSource], history: Git | Folder | None, opener: Opener
    ) -> None:
        self._first = Items(opened)
        self._sources = sources
        self._history = history
        self._opener = opener
        self._found: dict[str, tuple[Opened, ...]] = {}
        self.problems: list[str] = []
        """What could not be looked at; a link that is missing may be there."""

    def about(self, subject: str) -> Sequence[Opened]:
        items = [*self._first.about(subject), *(one for one in self._look(subject) if subject in one.subjects)]
        return tuple({item.id: item for item in items}.values())

    def attached(self, digest: str) -> Sequence[Opened]:
        return (*self._first.attached(digest), *(one for one in self._look(digest) if one.document.attached_to == digest))

    def commit(self, name: str) -> bytes | None:
        if self._history is None or not _COMMIT.fullmatch(name):
            return None
        return self._history.commit(name)

    def _look(self, subject: str) -> tuple[Opened, ...]:
        if subject not in self._found:
            self._found[subject] = tuple(self._fetch(subject))
        return self._found[subject]

    def _fetch(self, subject: str) -> list[Opened]:
        kind, _, value = subject.partition(":")
        if kind == "gitCommit":
            note = self._history.note(value) if self._history is not None and _COMMIT.fullmatch(value) else None
            if note is None:
                return []
            return self._opener.open_all([Document(data=note, origin="file", source=f"git note of {value}")])
        found: list[Opened] = []
        for source in self._sources:
            gathered = attached(source, [subject], self._opener)
            found += gathered.opened
            self.problems += [f"{error.source}: {error.reason}" for error in gathered.errors]
        return found


class Folder:
    """``COMMIT.jsonl`` (bundles) and ``COMMIT.commit`` (the commit object) in a directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, commit: str) -> bytes | None:
        return self._read(f"{commit}.jsonl")

    def commit(self, name: str) -> bytes | None:
        return self._read(f"{name}.commit")

    def _read(self, name: str) -> bytes | None:
        try:
            with (self._path / name).open("rb") as file:
                data = file.read(_OBJECT_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceUnavailable(f"{self._path / name}: {error.strerror or error}") from error
        return _bounded(data, name)


class Git:
    """Notes and commit objects of a local clone, read by the ``git`` program; nothing is fetched."""

    def __init__(self, path: Path, git: str, ref: str, environ: Mapping[str, str], limits: Limits) -> None:
        self._command = [git, "-C", str(path), "--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false"]
        self._ref = ref
        self._limits = limits
        # The clone is what is asked, whatever the caller's shell points git at.
        self._environ = {key: value for key, value in environ.items() if not key.startswith("GIT_")} | {
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_LAZY_FETCH": "1",
        }

    def note(self, commit: str) -> bytes | None:
        return self._run("notes", f"--ref={self._ref}", "show", commit)

    def commit(self, name: str) -> bytes | None:
        return self._run("cat-file", "commit", name)

    def _run(self, *arguments: str) -> bytes | None:
        try:
            with subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environ,
            ) as process:
                assert process.stdout is not None
                data = process.stdout.read(_OBJECT_BYTES + 1)
                if len(data) > _OBJECT_BYTES:
                    process.kill()
                code = process.wait(self._limits.tool_seconds)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EvidenceUnavailable(f"git could not be run: {error}", fix="check --git") from error
        return _bounded(data, arguments[-1]) if code == 0 or len(data) > _OBJECT_BYTES else None


def _bounded(data: bytes, name: str) -> bytes:
    if len(data) > _OBJECT_BYTES:
        raise LimitExceeded("bundle_bytes", _OBJECT_BYTES, name)
    return data


def open_history(git: str | None, notes: str | None, program: str | None, ref: str, limits: Limits) -> Git | Folder | None:
    """The place where commits and their statements are; raises EvidenceUnavailable without the ``git`` program."""
    if notes is not None:
        return Folder(Path(notes))
    if git is None:
        return None
    if program is None:
        raise EvidenceUnavailable("there is no git program", fix="install git, or export the notes and give --notes DIR")
    return Git(Path(git), program, ref, os.environ, limits)
