"""Finding the OPA binary, and making sure that the file which was hashed is the file that runs.

The file is opened once. What is executed is that open file (``/proc/self/fd/N``), so a PATH that others write to cannot swap it
afterwards. A file could still be rewritten in place; so its inode's times and size are compared when the digest is handed out,
which is after the evaluation and before any verdict. Hashing 59 MB takes 70 ms: it happens in a thread beside evidence
collection. No cache of digests is kept, because whoever can write the cache could name any digest.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path

from gate.errors import EngineError, EngineMissing
from gate.limits import DEFAULT, Limits
from gate.policy import child

PINNED = "1.22.2"
_VERSION = re.compile(r"^Version: *v?(\d+)\.(\d+)\.(\d+)(\S*)", re.MULTILINE)
_INSTALL = f'GOBIN="$HOME/.cache/policy-gate/tools/bin" go install github.com/open-policy-agent/opa@v{PINNED}'


class OpaBinary:
    """An OPA that was found. ``digest`` and ``version`` wait for the thread that works them out."""

    def __init__(self, path: Path) -> None:
        """Opens the file; raises EngineMissing when that cannot be done."""
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as problem:
            raise _missing(f"{path}: {problem.strerror}") from problem
        self._before = self._stamp()
        self._digest = ""
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._hash, name="opa-digest")
        self._thread.start()

    def _stamp(self) -> tuple[int, ...]:
        stat = os.fstat(self._file.fileno())
        return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def _hash(self) -> None:
        try:
            with open(os.dup(self._file.fileno()), "rb") as stream:  # noqa: PTH123  # a descriptor, not a path
                stream.seek(0)
                self._digest = "sha256:" + file_digest(stream, "sha256").hexdigest()
        except (OSError, ValueError) as problem:
            self._problem = problem

    @property
    def digest(self) -> str:
        """``sha256:…`` of the file that runs; raises EngineError when it changed since. Read it after evaluating."""
        self._thread.join()
        if self._problem is not None:
            raise EngineError(f"{self.path} could not be read: {self._problem}") from self._problem
        if self._stamp() != self._before:
            raise EngineError(
                f"{self.path} changed while it was in use",
                why="the binary that gave the answer may not be the one whose digest the verdict would name",
                fix="install OPA where only you can write, and run again",
            )
        return self._digest

    @cached_property
    def version(self) -> str:
        """``1.22.2``; raises EngineMissing for what is not an OPA of version 1."""
        with tempfile.TemporaryDirectory(prefix="gate-opa-") as home:
            found = self.run(["version"], home=Path(home), limits=DEFAULT, seconds=30)
        match = _VERSION.search(found.stdout.decode("utf-8", "replace"))
        if match is None:
            raise _missing(f"{self.path} does not answer as OPA does")
        if int(match[1]) != 1:
            raise _missing(f"{self.path} is OPA {match[0].split(':')[1].strip()}; the rules are Rego v1, which needs OPA 1.x")
        return f"{match[1]}.{match[2]}.{match[3]}{match[4]}"

    def run(self, arguments: Sequence[str], *, home: Path, limits: Limits, seconds: float, stdin: bytes = b"") -> child.Finished:
        """Runs the opened file; see `child.run`."""
        fd = self._file.fileno()
        by_descriptor = sys.platform == "linux" and Path("/proc/self/fd").is_dir()
        return child.run(
            f"/proc/self/fd/{fd}" if by_descriptor else str(self.path),
            arguments,
            pass_fds=(fd,) if by_descriptor else (),
            home=home,
            limits=limits,
            seconds=seconds,
            stdin=stdin,
        )

    def close(self) -> None:
        """Ends the thread and closes the file."""
        self._thread.join()
        self._file.close()

    def __enter__(self) -> OpaBinary:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def find_opa(environ: Mapping[str, str]) -> OpaBinary:
    """The first of: ``GATE_OPA``, the ``policy_gate_opa`` wheel, PATH, the tool cache. Raises EngineMissing.

    A ``GATE_OPA`` that is no file is an error, not a reason to look further. Relative entries of PATH are skipped: they would
    let the directory that is being judged bring its own engine.
    """
    named = environ.get("GATE_OPA")
    if named:
        if not os.access(named, os.X_OK) or not Path(named).is_file():
            raise _missing(f"GATE_OPA names {named}, which is no executable file")
        return OpaBinary(Path(named).absolute())
    for path in _candidates(environ):
        if path.is_file() and os.access(path, os.X_OK):
            return OpaBinary(path)
    raise _missing("no OPA was found in GATE_OPA, the policy_gate_opa package, PATH or the tool cache")


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    spec = find_spec("policy_gate_opa")
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent / "bin" / "opa"
    folders = os.pathsep.join(part for part in environ.get("PATH", "").split(os.pathsep) if Path(part).is_absolute())
    found = shutil.which("opa", path=folders) if folders else None
    if found:
        yield Path(found)
    cache = environ.get("XDG_CACHE_HOME") or (environ["HOME"] + "/.cache" if environ.get("HOME") else "")
    if cache:
        yield Path(cache) / "policy-gate" / "tools" / "bin" / "opa"


def _missing(what: str) -> EngineMissing:
    return EngineMissing(
        what,
        why="Open Policy Agent is the one engine: policies are never judged by a re-implementation",
        fix=f"{_INSTALL}\n(or `make tools` in the source tree, or GATE_OPA=/path/to/opa)",
    )
