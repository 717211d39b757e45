"""The files of a pack, from a directory or a tarball: bounded, without links, and only what OPA would load (invariant 8)."""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from gate.errors import LimitExceeded, PolicyError
from gate.limits import Limits

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_TEST_PACKAGE = re.compile(rb"^\s*package\s+(\S+)", re.MULTILINE)


def _wanted(name: str, data: bytes, source: str) -> bool:
    """Whether OPA would load the file; refuses what it would load and this gate does not judge."""
    base = name.rsplit("/", 1)[-1]
    if base == "data.yml" or base.endswith(".wasm") or base == ".signatures.json":
        raise PolicyError(
            f"{source}/{name}: not part of a pack of this gate",
            why="OPA would ignore it, or run it in place of the Rego that was reviewed",
            fix="rename data.yml to data.yaml; remove compiled and signature files",
        )
    if base.endswith("_test.rego"):
        found = _TEST_PACKAGE.search(data)
        if found is None or not found[1].endswith(b"_test"):
            raise PolicyError(
                f"{source}/{name}: a test file must have a package ending in _test",
                why="test files are not evaluated, so a rule in one would never run",
                fix="rename the package or the file",
            )
        return False
    return name == ".manifest" or base.endswith(".rego") or base in {"data.json", "data.yaml"}


def _checked(name: str, source: str) -> str | None:
    """The path inside the pack; None for hidden files, which are no part of it."""
    parts = name.split("/")
    if name == ".manifest" or parts[-1] == ".signatures.json":
        return name
    if any(part.startswith(".") and part not in {".", ".."} for part in parts):
        return None
    if not all(_SEGMENT.match(part) for part in parts):
        raise PolicyError(f"{source}: the file name {name!r} is not allowed in a pack", fix="use letters, digits, _ - and .")
    return name


def walk(root: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    count = 0
    for folder, folders, names in os.walk(root, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *names]:
            if (Path(folder) / name).is_symlink():
                raise PolicyError(
                    f"{Path(folder) / name}: symbolic links are refused in a pack",
                    why="what they point at can change without the pack changing",
                    fix="put the file itself there",
                )
        for name in sorted(names):
            count += 1
            if count > limits.policy_bundle_files:
                raise over_limit("policy_bundle_files", limits.policy_bundle_files, str(root))
            path = Path(folder) / name
            inner = _checked(path.relative_to(root).as_posix(), str(root))
            if inner is None or not path.is_file() or not _may_matter(inner):
                continue
            data = _read(path, limits)
            if _wanted(inner, data, str(root)):
                yield inner, data


def _may_matter(name: str) -> bool:
    return name.endswith((".rego", ".json", ".yaml", ".yml", ".wasm", ".manifest")) or name == ".manifest"


def _unreadable(problem: OSError) -> None:
    raise PolicyError(f"{problem.filename}: {problem.strerror}", fix="check its permissions") from problem


def _read(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(limits.policy_bundle_bytes + 1)
    except OSError as problem:
        raise PolicyError(f"{path}: {problem.strerror}", fix="check its permissions") from problem
    if len(data) > limits.policy_bundle_bytes:
        raise over_limit("policy_bundle_bytes", limits.policy_bundle_bytes, str(path))
    return data


def unzip(path: Path, limits: Limits) -> bytes:
    data = _read(path, limits)
    if not data.startswith(b"\x1f\x8b"):
        return data
    bound = 2 * limits.policy_bundle_bytes  # tests and texts may be in there too
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            plain = stream.read(bound + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise PolicyError(f"{path}: not a whole gzip file: {problem}", fix="build the archive again") from problem
    if len(plain) > bound:
        raise over_limit("policy_bundle_bytes", limits.policy_bundle_bytes, str(path))
    return plain


def untar(data: bytes, source: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                count += 1
                if count > limits.policy_bundle_files:
                    raise over_limit("policy_bundle_files", limits.policy_bundle_files, source)
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise PolicyError(f"{source}: {member.name} is no regular file", fix="pack files only, no links or devices")
                name = _checked(member.name.removeprefix("./").removeprefix("/"), source)
                if name is None or not _may_matter(name):
                    continue
                if member.size > limits.policy_bundle_bytes:
                    raise over_limit("policy_bundle_bytes", limits.policy_bundle_bytes, source)
                stream = tar.extractfile(member)
                assert stream is not None  # a regular member has one
                content = stream.read()
                if _wanted(name, content, source):
                    yield name, content
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as problem:
        raise PolicyError(f"{source}: not a tar archive: {problem}", fix="name a directory or a .tar.gz file") from problem


def over_limit(name: str, bound: float, source: str) -> PolicyError:
    limit = LimitExceeded(name, bound, source)  # for its text; a pack that is too large is the policy author's to mend
    return PolicyError(limit.what, why=limit.why, fix=f"raise the bound with GATE_LIMIT_{name.upper()} if the pack is genuine")
