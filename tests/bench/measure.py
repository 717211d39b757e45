"""One child process, measured: wall time, CPU time and peak memory of it and of its own children.

Memory is not taken from ``ru_maxrss``: a child inherits that mark from the process that forked it.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Run", "Summary", "once", "peaks", "repeat"]


@dataclasses.dataclass(frozen=True)
class Run:
    """What one process cost."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of user and system time, the process and its children together."""
    code: int
    output: str


@dataclasses.dataclass(frozen=True)
class Summary:
    """Several runs of the same command."""

    runs: tuple[Run, ...]

    @property
    def median(self) -> float:
        return statistics.median(run.wall for run in self.runs)

    @property
    def best(self) -> float:
        return min(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)


def once(command: Sequence[str], environ: Mapping[str, str], *, codes: Sequence[int] = (0,)) -> Run:
    """Run it; raises RuntimeError with what it printed when it ends with another code."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    with process.stdout:
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = code = os.waitstatus_to_exitcode(status)
    text = output.decode("utf-8", "replace")
    if code not in codes:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {code}:\n{text[-1000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, code, text)


def repeat(
    command: Sequence[str], environ: Mapping[str, str], times: int, *, codes: Sequence[int] = (0,), stores: Path | None = None
) -> Summary:
    """Run it so many times, each with an empty store below ``stores``, as in a fresh CI job. One run before fills file caches."""
    runs = []
    for number in range(times + (times > 1)):
        own = {**environ, "GATE_STORE": str(stores / f"{time.time_ns()}-{number}")} if stores else environ
        runs.append(once(command, own, codes=codes))
        if stores:
            shutil.rmtree(own["GATE_STORE"], ignore_errors=True)
    return Summary(tuple(runs[-times:]))


def peaks(command: Sequence[str], environ: Mapping[str, str], *, codes: Sequence[int] = (0,)) -> tuple[float, float, float]:
    """MiB at their highest: the process, all of its children, and the whole at one moment. Linux; looked at every 5 ms.

    The first two are the kernel's own marks (VmHWM), read until the process ends; the third is a sum of samples, in which
    pages that two processes share count twice.
    """
    process = subprocess.Popen(command, env=dict(environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = threading.Event()

    def wait() -> None:
        process.wait()
        done.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    own = children = whole = 0.0
    while not done.is_set():
        mark, now = _memory(process.pid)
        own = max(own, mark)
        for child in _children(process.pid):
            child_mark, child_now = _memory(child)
            children, now = max(children, child_mark), now + child_now
        whole = max(whole, now)
        done.wait(0.005)
    waiter.join()
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {process.returncode}")
    return own, children, whole


def _memory(pid: int) -> tuple[float, float]:
    """VmHWM and VmRSS in MiB; zeros for a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    values = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmHWM", "VmRSS"))}
    return int(values.get("VmHWM", 0)) / 1024, int(values.get("VmRSS", 0)) / 1024


def _children(pid: int) -> list[int]:
    """Children started by any thread of the process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(text) for text in task.read_text().split()]
        except OSError:
            continue
    return found
