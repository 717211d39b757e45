"""One OPA child process: scrubbed environment, own process group, bounded time, memory and output (invariants 3 and 8)."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from gate.children import watched
from gate.errors import EngineError
from gate.limits import Limits

_STDERR_BYTES = 64 * 1024
_VIRTUAL_SLACK = 3 * 1024 * 1024 * 1024
"""Address space that the Go runtime reserves without using it; OPA 1.22.2 starts within 1.6 GiB."""
_SMALL_INPUT = 2 * 1024 * 1024
"""Bytes of input up to which OPA's heap is small whatever the collector does."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """What a child left behind."""

    code: int
    stdout: bytes
    stderr: str


def run(
    executable: str,
    arguments: Sequence[str],
    *,
    pass_fds: Sequence[int],
    home: Path,
    limits: Limits,
    seconds: float,
    stdin: bytes = b"",
) -> Finished:
    """Runs OPA to its end; raises EngineError when it exceeds its time or output, or cannot be started.

    OPA reads flags that are not given from ``OPA_*`` variables, so the child gets an environment written here and nothing else.
    """
    environment = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "GOMEMLIMIT": f"{limits.engine_memory_bytes}B",
        # A small heap is not worth collecting often: a third less CPU time; a large one stays as small as it can.
        "GOGC": "400" if len(stdin) < _SMALL_INPUT else "100",
        "GOTRACEBACK": "none",
    }
    # A file as stdin: the child reads at its own pace and there is no second pipe to feed while the first one is drained.
    with tempfile.TemporaryFile(dir=home) as feed:
        feed.write(stdin)
        feed.seek(0)
        try:
            process = subprocess.Popen(
                [executable, *arguments],
                stdin=feed,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=home,
                env=environment,
                pass_fds=tuple(pass_fds),
                process_group=0,
            )
        except OSError as problem:
            raise EngineError(f"OPA could not be started: {problem.strerror}", fix="run `gate doctor`") from problem
    try:
        with watched(process):
            _bound_memory(process.pid, limits)
            stdout, stderr = _drain(process, limits, time.monotonic() + seconds, seconds)
            return Finished(process.wait(timeout=10), stdout, stderr.decode("utf-8", "replace"))
    except subprocess.TimeoutExpired as problem:
        raise EngineError("OPA closed its output and did not end", fix="retry; then report it") from problem
    finally:  # also on Ctrl-C: the group does not get the terminal's signal
        _end(process)


def _bound_memory(pid: int, limits: Limits) -> None:
    """A hard bound above GOMEMLIMIT, which the Go runtime only tries to keep. Linux only; elsewhere the soft one stands alone."""
    if sys.platform != "linux":
        return
    import resource

    bound = limits.engine_memory_bytes + _VIRTUAL_SLACK
    with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):  # it may be gone already; the soft bound stands
        resource.prlimit(pid, resource.RLIMIT_AS, (bound, bound))


def _drain(process: subprocess.Popen[bytes], limits: Limits, deadline: float, seconds: float) -> tuple[bytes, bytes]:
    assert process.stdout is not None and process.stderr is not None
    chunks: dict[IO[bytes], list[bytes]] = {process.stdout: [], process.stderr: []}
    sizes = {process.stdout: 0, process.stderr: 0}
    with selectors.DefaultSelector() as selector:
        for stream in chunks:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise timed_out(seconds)
            for key, _ in selector.select(left):
                stream = process.stdout if key.fileobj is process.stdout else process.stderr
                data = stream.read(1024 * 1024)
                if data is None:
                    continue
                if not data:
                    selector.unregister(stream)
                    continue
                sizes[stream] += len(data)
                if stream is process.stdout and sizes[stream] > limits.engine_output_bytes:
                    raise EngineError(
                        f"OPA wrote more than engine_output_bytes = {limits.engine_output_bytes}",
                        why="a rule makes far more results than findings exist, or prints in a loop",
                        fix="look for a rule without bound, or raise GATE_LIMIT_ENGINE_OUTPUT_BYTES",
                    )
                if stream is process.stdout or sizes[stream] <= _STDERR_BYTES:
                    chunks[stream].append(data)
    return b"".join(chunks[process.stdout]), b"".join(chunks[process.stderr])


def timed_out(seconds: float) -> EngineError:
    """The error for an evaluation that took too long."""
    return EngineError(
        f"OPA did not finish within engine_seconds = {seconds:g}",
        why="a rule may be quadratic in the findings: look up in complete rules with a comprehension, not in partial rules",
        fix="profile it with `opa eval --profile`, or raise GATE_LIMIT_ENGINE_SECONDS",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
