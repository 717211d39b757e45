"""Threads and children that must not outlive the run: started by this module, and ended by Ctrl-C.

A child is the leader of a process group of its own, so the terminal's signal does not reach it; and the thread that waits for it
is not the one that Python interrupts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_LOCK = threading.Lock()
_RUNNING: set[int] = set()


@contextlib.contextmanager
def watched(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """The child is known to `end_all` while the block runs."""
    with _LOCK:
        _RUNNING.add(child.pid)
    try:
        yield
    finally:
        with _LOCK:
            _RUNNING.discard(child.pid)


def end_all() -> None:
    """Kill every child that is being waited for, with all that it started; those who wait for it find it dead."""
    with _LOCK:
        for group in _RUNNING:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


@contextlib.contextmanager
def pool_of(jobs: int, at_once: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Waits for its threads at the end, but not when nobody wants their answers any more: Ctrl-C, or a run that ends early."""
    from concurrent.futures import ThreadPoolExecutor  # imports logging, which starting OPA does not need

    pool = ThreadPoolExecutor(max(1, min(at_once, jobs)), thread_name_prefix=name)
    try:
        yield pool
    except (KeyboardInterrupt, GeneratorExit):
        pool.shutdown(wait=False, cancel_futures=True)
        end_all()
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
