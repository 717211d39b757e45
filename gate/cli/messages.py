"""What the gate says on stderr: errors with what, why and fix; progress for what takes longer than a second."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

from gate.report.escape import escape


def complain(what: str, *, why: str = "", fix: str = "") -> None:
    """Three lines at most, on stderr, safe to show."""
    lines = [f"error: {_lines(what)}"]
    if why:
        lines.append(f"  why: {_lines(why)}")
    if fix:
        lines.append(f"  fix: {_lines(fix)}")
    print("\n".join(lines), file=sys.stderr)


def warn(text: str) -> None:
    print(f"warning: {_lines(text)}", file=sys.stderr)


def _lines(text: str) -> str:
    # Our own messages may have several lines; each is escaped, so that evidence in them cannot start one.
    return "\n       ".join(escape(line) for line in text.splitlines())


def wants_color(choice: str, stream: object = None) -> bool:
    """``always``, ``never``, or ``auto``: only on a terminal, and never with NO_COLOR set."""
    if choice != "auto":
        return choice == "always"
    target = stream or sys.stdout
    return not os.environ.get("NO_COLOR") and bool(getattr(target, "isatty", lambda: False)())


@contextlib.contextmanager
def progress(text: str, *, quiet: bool = False, after_s: float = 1.0) -> Iterator[None]:
    """Say what is going on once it has taken longer than a second; nothing for what is quick."""
    if quiet:
        yield
        return
    timer = threading.Timer(after_s, lambda: print(f"… {escape(text)}", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
