"""One writer at a time for a file that is read, continued and written anew: two runs would each lose what the other added.

The lock is ``flock`` on the folder: the file itself is replaced by each write, a lock on the folder leaves nothing behind, and it
goes away with its process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from gate.errors import StoreError

SECONDS = 30.0
"""How long to wait for another writer; what is done under the lock takes milliseconds."""
_PAUSE = 0.02


@contextlib.contextmanager
def locked(target: Path, *, seconds: float = SECONDS) -> Iterator[None]:
    """Hold the folder of ``target``, which is made if need be. Raises StoreError when it cannot be had in that time."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(
            f"{target.parent} cannot be opened: {error.strerror or error}", fix="check the folder and its permissions"
        ) from None
    try:
        _wait(descriptor, target, time.monotonic() + seconds)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, target: Path, until: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise StoreError(
                    f"another run is writing to {target.parent}",
                    why="each would lose what the other adds",
                    fix="wait, then run again",
                ) from None
        except OSError as error:
            raise StoreError(
                f"{target.parent} cannot be locked: {error.strerror or error}",
                why="two runs at one time would lose each other's decisions",
                fix="put it on a file system with locks",
            ) from None
        time.sleep(_PAUSE)
