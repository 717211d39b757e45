"""Reading what the caller named, and writing what the caller asked for. Nothing is half-written (invariant 10)."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from gate.errors import LimitExceeded, StoreError, UsageError


def read_bounded(path: str, max_bytes: int, what: str) -> bytes:
    """All bytes of a regular file, or of standard input for ``-``.

    Raises UsageError when it cannot be opened, LimitExceeded (named ``document_bytes``) when it is larger.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read(max_bytes + 1)
        else:
            if not Path(path).is_file():
                raise UsageError(
                    f"{what} {path}: no such file" if not Path(path).exists() else f"{what} {path}: not a regular file",
                    fix="give the path of a file that exists",
                )
            with Path(path).open("rb") as file:
                data = file.read(max_bytes + 1)
    except OSError as error:
        raise UsageError(f"{what} {path}: {error.strerror or error}", fix="check the path and its permissions") from None
    if len(data) > max_bytes:
        raise LimitExceeded("document_bytes", max_bytes, f"{what} {path}")
    return data


def write_atomically(path: str, data: bytes, *, mode: int = 0o644) -> None:
    """Write all or nothing, and reach the disk. Raises StoreError.

    A path that is no regular file (``/dev/stderr``, a pipe) is written to in place.
    """
    target = Path(path)
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        folder = target.parent
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"{path} could not be written: {error.strerror or error}",
            why="a verdict that nobody can read afterwards decides nothing",
            fix="check the folder, its permissions and the space left",
        ) from None


def forget(path: str) -> None:
    """Remove what an earlier run handed over, so that a run that ends early leaves no old answer. Raises StoreError."""
    try:
        if Path(path).is_file():
            Path(path).unlink()
    except OSError as error:
        raise StoreError(f"{path} could not be removed: {error.strerror or error}") from None


def append(path: str, text: str) -> None:
    """Append to a file that the CI system gave (``$GITHUB_OUTPUT``); raises StoreError."""
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path} could not be written: {error.strerror or error}") from None


def emit(data: bytes) -> None:
    """Bytes to standard output. Raises StoreError when they cannot be delivered (a full disk behind a redirection)."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StoreError(f"standard output could not be written: {error.strerror or error}") from None
