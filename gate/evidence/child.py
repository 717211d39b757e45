"""One run of somebody else's program on evidence, bounded.

1. It runs in its own process group, which is killed when time or output reach their bounds and when the gate is interrupted.
2. Its environment is scrubbed: credentials and the way out are the caller's, nothing that it would read as its own configuration.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from gate.children import watched
from gate.errors import EvidenceError, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits

# (2)
_KEPT = (
    "PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
_STDERR_SHOWN = 2000
_PIECE = 1 << 16
SILENT = "it said nothing"
"""Why a program failed that wrote nothing to standard error."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    """What a program gave back."""

    output: bytes
    errors: str
    """The end of what it said on standard error."""
    code: int


class Child:
    """Runs one program at a time under the bounds of `Limits` (1). ``files`` bounds the bytes of each file that it writes."""

    def __init__(
        self,
        work: Path,
        limits: Limits,
        environ: Mapping[str, str],
        *,
        extra: Mapping[str, str] | None = None,
        files: int | None = None,
    ) -> None:
        self._work, self._limits, self._files = work, limits, files
        kept = {name: environ[name] for name in _KEPT if name in environ}
        self._environ = {**kept, "TZ": "UTC", "NO_COLOR": "1", **(extra or {})}

    def run(self, command: Sequence[str], accept: Sequence[int] = (0,)) -> Ran:
        """Raises EvidenceUnavailable when it cannot be started, takes too long or ends with another code; LimitExceeded."""
        name = Path(command[0]).name
        with tempfile.TemporaryFile(dir=self._work) as errors:
            try:
                child = subprocess.Popen(
                    command,
                    cwd=self._work,
                    env=self._environ,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                raise EvidenceUnavailable(f"{name} could not be started: {reason}", fix=f"try: {command[0]} version") from error
            with _ended(child):
                if self._files is not None:
                    # it may have ended already, and not every system has the call; the size is checked afterwards too
                    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
                        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (self._files, self._files))
                output = self._collect(child, name)
                code = child.wait(timeout=self._limits.tool_seconds)
            if code in accept:
                return Ran(output, _tail(errors), code)
            raise EvidenceUnavailable(
                f"{name} failed with exit code {code}",
                why=_tail(errors) or SILENT,
                fix="run it by hand to see more; a database is fetched with `grype db update`"
                if name == "grype"
                else "run it by hand to see more",
            )

    def _collect(self, child: subprocess.Popen[bytes], name: str) -> bytes:
        assert child.stdout is not None
        until = time.monotonic() + self._limits.tool_seconds
        parts: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as ready:
            ready.register(child.stdout, selectors.EVENT_READ)
            while True:
                left = until - time.monotonic()
                if left <= 0 or not ready.select(left):
                    raise _late(name, self._limits)
                piece = os.read(child.stdout.fileno(), _PIECE)
                if not piece:
                    return b"".join(parts)
                size += len(piece)
                if size > self._limits.document_bytes:
                    raise LimitExceeded("document_bytes", self._limits.document_bytes, f"output of {name}")
                parts.append(piece)


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens inside, the whole process group is gone afterwards."""
    try:
        with watched(child):
            yield
    except subprocess.TimeoutExpired as error:
        raise EvidenceUnavailable(f"{Path(str(child.args)).name} closed its output and did not end") from error
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def _late(name: str, limits: Limits) -> EvidenceError:
    return EvidenceUnavailable(
        f"{name} was stopped after {limits.tool_seconds:g} seconds",
        why="tool_seconds bounds each run",
        fix="raise it with GATE_LIMIT_TOOL_SECONDS, or scan beforehand and give the report with --evidence",
    )


def _tail(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _STDERR_SHOWN))
    return errors.read().decode("utf-8", "replace").strip()
