"""When each finding was first seen: ``gate.history/v1``, a file of its own or one beside the store, that only grows older.

1. A date that stands is never replaced by a later one. What is not known is the oldest of all, and stays so.
2. Without a history everything is of unknown age, and what is found then is entered as such: to lose or delete the file makes no
   finding younger. Only `started` (``gate history init``), which a person calls, makes an empty one that counts from now.
3. A history that was damaged is an error; it is not an empty one, and it is never written over.
4. A date in the future says nothing: unknown. A shared file with a wrong clock behind it is so harmless to others.
5. Names are those of the finding and all its aliases, with the package without its version, in the image's repository: a rebuild,
   an upgrade that does not help and a scanner that calls it otherwise change no date.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from gate.errors import StoreError
from gate.limits import DEFAULT, Limits
from gate.model.base import digest_of, to_json

SCHEMA: Literal["gate.history/v1"] = "gate.history/v1"
FILE = "history.json"
"""Its name in the folder of a store."""
LOCK_SECONDS = 30.0
_MOMENT = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    schema: Literal["gate.history/v1"]
    images: dict[str, dict[str, str | None]]
    """By repository, by ``<vulnerability>|<type>/<package>``: RFC 3339 in UTC, or null where the age is not known."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sighting:
    """One finding of one image, as a run met it."""

    image: str
    keys: tuple[str, ...]
    """One for each name that it goes by."""
    first_seen: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    images: Mapping[str, Mapping[str, str | None]]
    begun: bool
    """False where there was none: then nothing is known about the age of anything."""
    digest: str = ""
    """Of the bytes it was read from; empty where there were none."""

    def first_seen(self, image: str, keys: Iterable[str], now: str, latest: str) -> str | None:
        """The oldest date under any of the names; ``now`` for what a history that has begun does not know; null when unknown.

        ``latest`` is the end of the permitted clock skew. Times are RFC 3339 in UTC with whole seconds, which sort as text.
        """
        known = self.images.get(image, {})
        dates = [known[key] for key in keys if key in known]
        if not dates:
            return now if self.begun else None
        oldest = _oldest(dates)
        if oldest is None or oldest > latest:
            return None  # (4)
        return min(oldest, now)


def keys_of(names: Iterable[str], package: str) -> tuple[str, ...]:
    """The keys of a finding that goes by these names, in a package named ``type/name``."""
    return tuple(f"{name}|{package}" for name in sorted({*names}))


def decode(data: bytes, where: str) -> History:
    """The history in these bytes. Raises StoreError for anything but a whole, well-formed one (3)."""
    try:
        document = msgspec.json.decode(data, type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(where, str(error)) from None
    for dates in document.images.values():
        for key, date in dates.items():
            if date is not None and not _MOMENT.fullmatch(date):
                raise _damaged(where, f"{key[:100]!r} has the date {date[:40]!r}")
    return History(document.images, begun=True, digest=digest_of(data))


def _damaged(where: str, why: str) -> StoreError:
    return StoreError(
        f"the history {where} cannot be read: {why}",
        why="taken for empty, it would make every finding look new",
        fix="restore it from a copy; without one, delete it: then everything is of unknown age, which counts as the oldest",
    )


def encode(images: Mapping[str, Mapping[str, str | None]]) -> bytes:
    """Sorted, so that equal histories are equal bytes."""
    return to_json(Document(schema=SCHEMA, images={name: dict(images[name]) for name in sorted(images)})) + b"\n"


def read(path: Path, limits: Limits = DEFAULT) -> History:
    """The history of a file; one that has not begun where there is none. Raises StoreError."""
    data = _bytes(path, limits)
    return History({}, begun=False) if data is None else decode(data, str(path))


def merged(history: History, sightings: Iterable[Sighting]) -> dict[str, dict[str, str | None]]:
    """The history with what was seen; every date is the older of both (1)."""
    images = {name: dict(dates) for name, dates in history.images.items()}
    for sighting in sightings:
        known = images.setdefault(sighting.image, {})
        dates = [known[key] for key in sighting.keys if key in known]
        if sighting.first_seen is not None or not dates:  # a run whose clock is wrong does not know a date, and unlearns none
            dates.append(sighting.first_seen)
        date = _oldest(dates)
        for key in sighting.keys:
            known[key] = date
    return images


def record(path: Path, sightings: Iterable[Sighting], limits: Limits = DEFAULT) -> None:
    """Enters what was seen, beside what others have entered since it was read. After a StoreError nothing has changed."""
    with _locked(path):
        before = _bytes(path, limits)
        history = History({}, begun=False) if before is None else decode(before, str(path))
        after = encode(merged(history, sightings))
        if len(after) > limits.document_bytes:
            raise StoreError(f"the history {path} would be larger than document_bytes = {limits.document_bytes}")
        if after != before:
            _replace(path, after)


def start(path: Path, limits: Limits = DEFAULT) -> None:
    """Makes an empty history, from which on findings are new. Raises StoreError when there is one already (2)."""
    with _locked(path):
        if _bytes(path, limits) is not None:
            raise StoreError(
                f"{path} is there already",
                why="to begin again would make every finding look new",
                fix="leave it; or delete it yourself, where others see it",
            )
        _replace(path, encode({}))


def _oldest(dates: list[str | None]) -> str | None:
    return None if None in dates else min(date for date in dates if date is not None)


def _bytes(path: Path, limits: Limits) -> bytes | None:
    try:
        if path.exists() and not path.is_file():
            raise StoreError(f"the history {path} is not a regular file")
        with path.open("rb") as file:
            data = file.read(limits.document_bytes + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"the history {path} cannot be read: {error}", fix="check the path and its permissions") from None
    if len(data) > limits.document_bytes:
        raise StoreError(f"the history {path} is larger than document_bytes = {limits.document_bytes}")
    return data


def _replace(path: Path, data: bytes) -> None:
    """All or nothing, and on the disk."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            Path(temporary).replace(path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"the history {path} could not be written: {error.strerror or error}") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time: the folder itself is the lock, which leaves no file behind and goes away with its process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, ValueError) as error:
        raise StoreError(f"the history {path} could not be written: {error}", fix="name a folder that can be written") from None
    try:
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StoreError(f"the history {path} was locked for {LOCK_SECONDS:g} seconds by another process") from None
            except OSError as error:
                raise StoreError(f"the history {path} cannot be locked: {error.strerror}") from None
            time.sleep(0.01)
        yield
    finally:
        os.close(folder)
