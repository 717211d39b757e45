"""Policy packs: read once, bounded, hashed; the bytes that were hashed are the bytes that OPA gets (invariant 10).

A pack is a directory or a ``.tar.gz`` with Rego, ``data.json``/``data.yaml`` and a ``.manifest``. Only what is evaluated belongs
to it and to its digest: tests (``*_test.rego``), schemas and texts do not, so that a better test is not another policy. Which
pack owns which package and which part of ``data`` is checked by `gate.policy.ownership`.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from gate.errors import LimitExceeded, PolicyError, UsageError
from gate.limits import Limits
from gate.model.base import digest_of
from gate.policy.yamlfile import parse_source

DEFAULT_NAME = "policy-gate"
"""The name of the pack that comes with the gate; a given pack of that name takes its place."""

Name = tuple[str, ...]
"""A place in ``data``: ``("profiles", "prod")``."""

_PIN = re.compile(r"(?P<path>.+)@(?P<digest>sha256:[0-9a-f]{64})\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_REMOTE = re.compile(r"(git::|git\+|git@|[a-z][a-z0-9+.-]*://)")
_TEST_PACKAGE = re.compile(rb"^\s*package\s+(\S+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


@dataclasses.dataclass(frozen=True, slots=True)
class BundleSpec:
    """A pack as the caller named it."""

    path: str
    digest: str | None = None
    """The digest that it must have."""
    base: str = ""
    """Directory that a relative path starts from; empty is the working directory."""


@dataclasses.dataclass(frozen=True)
class Pack:
    """One loaded pack."""

    name: str
    source: str
    files: Mapping[str, bytes]
    """By path inside the pack, sorted."""
    metadata: Mapping[str, Any]
    """``metadata`` of the manifest."""
    pinned: bool = False
    builtin: bool = False
    """Whether it is the pack that came with the gate and nobody named it."""

    @cached_property
    def archive(self) -> bytes:
        """Deterministic tar of the files: what is hashed, stored and replayed."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, data in self.files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode, info.mtime = len(data), 0o644, 0
                tar.addfile(info, io.BytesIO(data))
        return stream.getvalue()

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of `archive`."""
        return digest_of(self.archive)

    @cached_property
    def documents(self) -> tuple[tuple[Name, dict[str, Any]], ...]:
        """Each data file's place in ``data`` and its value; raises PolicyError on a malformed one."""
        found = []
        for name, content in self.files.items():
            if not name.endswith(("data.json", "data.yaml")):
                continue
            where = f"{self.source}/{name}"
            value = parse_source(content, name=where, max_bytes=len(content), error=PolicyError).value
            if not isinstance(value, dict):
                raise PolicyError(f"{where}: a data file must hold an object")
            found.append((tuple(name.split("/")[:-1]), value))
        return tuple(found)

    @property
    def approved(self) -> bool:
        """Whether its content was chosen with care: pinned by digest, or installed with the gate."""
        return self.pinned or self.builtin

    @property
    def settings(self) -> Mapping[str, Any]:
        """``metadata.gate`` of the manifest: ``standalone``, ``default_profile``, ``allow_exit_zero``, ``engines``."""
        value = self.metadata.get("gate", {})
        return value if isinstance(value, dict) else {}


@dataclasses.dataclass(frozen=True)
class Policy:
    """All packs of one evaluation; no two share a name or a file path."""

    packs: tuple[Pack, ...]

    @cached_property
    def owner(self) -> Mapping[str, Pack]:
        """The pack that each file path comes from; raises PolicyError when two packs have one."""
        result: dict[str, Pack] = {}
        for pack in self.packs:
            for path in pack.files:
                if path == ".manifest":
                    continue
                other = result.setdefault(path, pack)
                if other is not pack:
                    raise conflict(path, other, pack)
        return result

    @property
    def digests(self) -> dict[str, str]:
        """Digest by pack name."""
        return {pack.name: pack.digest for pack in self.packs}

    @property
    def pinned(self) -> bool:
        """Whether any pack was pinned by digest, so that everything outside may only tighten (invariant 7)."""
        return any(pack.pinned for pack in self.packs)

    @property
    def deciding(self) -> tuple[Pack, ...]:
        """The packs whose settings count: all, or the approved ones where any is pinned (invariant 7)."""
        return tuple(pack for pack in self.packs if pack.approved) if self.pinned else self.packs

    @property
    def engine_required(self) -> tuple[str, ...]:
        """Digests of the engines that every pack with a list allows; empty without any list. Raises PolicyError."""
        lists = [{str(digest) for digest in pack.settings["engines"]} for pack in self.deciding if pack.settings.get("engines")]
        common = set.intersection(*lists) if lists else set()
        if lists and not common:
            raise PolicyError("the packs allow no engine in common", fix="make the lists metadata.gate.engines agree")
        return tuple(sorted(common))

    def original(self, path: str) -> str:
        """``<pack source>/<path>`` of a file in the merged tree, for messages."""
        pack = self.owner.get(path)
        return f"{pack.source}/{path}" if pack else path


def conflict(what: str, first: Pack, second: Pack) -> PolicyError:
    """The error for something that two packs both define."""
    return PolicyError(
        f"{what} is defined by two packs: {first.name} ({first.source}) and {second.name} ({second.source})",
        why="a second definition could empty the rules of the first, so each package and each part of data has one owner",
        fix="give the second pack names of its own",
    )


def parse_spec(text: str, *, base: str = "") -> BundleSpec:
    """``PATH`` or ``PATH@sha256:…``; raises UsageError for what this version does not fetch."""
    match = _PIN.match(text)
    path, digest = (match["path"], match["digest"]) if match else (text, None)
    if _REMOTE.match(path):
        raise UsageError(
            f"bundle {text}: packs are not fetched over the network in this version",
            why="a pack is read from a directory or a .tar.gz file",
            fix="fetch it in a step before, and pin it: --bundle PATH@sha256:…",
        )
    if not match and "@sha256" in text:
        raise UsageError(
            f"bundle {text}: the pin is not @sha256: and 64 hex digits", fix="`gate policy check --bundle PATH` prints it"
        )
    return BundleSpec(path, digest, base)


def default_path() -> Path:
    """The pack that comes with the gate: inside the installed package, else in the source tree."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_policies"
    return installed if installed.is_dir() else package.parent / "policies"


def load_policy(specs: Iterable[BundleSpec], limits: Limits) -> Policy:
    """The given packs, with the default pack before them unless one of them has its name or says ``standalone``.

    Raises PolicyError on an unreadable pack, another digest than pinned, or a name that two packs have.
    """
    packs = [load_pack(spec, limits) for spec in specs]
    replacing = [pack for pack in packs if pack.name == DEFAULT_NAME or pack.settings.get("standalone") is True]
    for pack in replacing:
        if not pack.pinned and any(other.pinned for other in packs):
            raise PolicyError(
                f"{pack.source}: takes the place of the gate's own pack without being pinned, beside a pinned pack",
                why="where a pack is pinned, everything outside it may only tighten",
                fix=f"pin it: --bundle {pack.source}@{pack.digest}",
            )
    if not replacing:
        packs.insert(0, dataclasses.replace(load_pack(BundleSpec("default"), limits), builtin=True))
    names = [pack.name for pack in packs]
    for pack in packs:
        if names.count(pack.name) > 1:
            first, second = [other for other in packs if other.name == pack.name][:2]
            raise conflict(f"the pack name {pack.name!r}", first, second)
    policy = Policy(tuple(packs))
    _ = policy.owner  # refuses a file that two packs have
    return policy


def load_pack(spec: BundleSpec, limits: Limits) -> Pack:
    """One pack; raises PolicyError."""
    path = default_path() if spec.path == "default" else Path(spec.base) / spec.path
    if path.is_dir():
        raw: Iterator[tuple[str, bytes]] = _walk(path, limits)
        stem = path.resolve().name
    elif path.is_file():
        raw = _untar(_unzip(path, limits), str(path), limits)
        stem = re.sub(r"(\.tar|\.tgz|\.tar\.gz)\Z", "", path.name)
    else:
        raise PolicyError(f"bundle {path}: no such directory or file", fix="name a directory or a .tar.gz file")
    return _finish(raw, source=str(path), stem=stem, pin=spec.digest, limits=limits)


def load_archive(data: bytes, *, name: str, limits: Limits) -> Pack:
    """A pack from the bytes of `Pack.archive`, as the store keeps them."""
    return _finish(_untar(data, name, limits), source=name, stem=name, pin=None, limits=limits)


def _finish(raw: Iterator[tuple[str, bytes]], *, source: str, stem: str, pin: str | None, limits: Limits) -> Pack:
    files: dict[str, bytes] = {}
    total = 0
    for name, data in raw:
        if name in files:
            raise PolicyError(f"{source}: {name} is there twice", fix="build the archive again")
        total += len(data)
        if total > limits.policy_bundle_bytes:
            raise _limit("policy_bundle_bytes", limits.policy_bundle_bytes, source)
        files[name] = data
    for name in files:
        if name.endswith("data.json") and name.removesuffix("json") + "yaml" in files:
            raise PolicyError(f"{source}: {name} stands beside data.yaml", fix="keep one of them")
    if not any(name.endswith((".rego", "data.json", "data.yaml")) for name in files):
        raise PolicyError(f"{source}: holds no Rego and no data", fix="name the root of a pack: rules/<domain>/<domain>.rego")
    metadata = _manifest(files.get(".manifest", b"{}"), source, limits)
    name = metadata.get("name", stem)
    if not isinstance(name, str) or not _NAME.match(name):
        raise PolicyError(f"{source}: the pack name {name!r} is not made of letters, digits, dots and dashes")
    pack = Pack(name=name, source=source, files=dict(sorted(files.items())), metadata=metadata, pinned=pin is not None)
    if pin is not None and pack.digest != pin:
        raise PolicyError(
            f"{source}: the pack is {pack.digest}, pinned is {pin}",
            why="its rules or data are not those that were approved",
            fix="restore the approved pack, or have the new digest approved",
        )
    return pack


def _manifest(data: bytes, source: str, limits: Limits) -> Mapping[str, Any]:
    value = parse_source(data, name=f"{source}/.manifest.json", max_bytes=limits.policy_file_bytes, error=PolicyError).value
    metadata = value.get("metadata", {}) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(metadata, dict):
        raise PolicyError(f"{source}/.manifest: must be an object, and its metadata too")
    if value.get("rego_version", 1) != 1:
        raise PolicyError(f"{source}/.manifest: rego_version must be 1", fix="migrate it with `opa fmt --rego-v1`")
    engines = metadata.get("gate", {}).get("engines", []) if isinstance(metadata.get("gate", {}), dict) else None
    if not isinstance(engines, list):
        raise PolicyError(f"{source}/.manifest: metadata.gate must be an object, and its engines a list of digests")
    return metadata


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


def _walk(root: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
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
                raise _limit("policy_bundle_files", limits.policy_bundle_files, str(root))
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
        raise _limit("policy_bundle_bytes", limits.policy_bundle_bytes, str(path))
    return data


def _unzip(path: Path, limits: Limits) -> bytes:
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
        raise _limit("policy_bundle_bytes", limits.policy_bundle_bytes, str(path))
    return plain


def _untar(data: bytes, source: str, limits: Limits) -> Iterator[tuple[str, bytes]]:
    count = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                count += 1
                if count > limits.policy_bundle_files:
                    raise _limit("policy_bundle_files", limits.policy_bundle_files, source)
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise PolicyError(f"{source}: {member.name} is no regular file", fix="pack files only, no links or devices")
                name = _checked(member.name.removeprefix("./").removeprefix("/"), source)
                if name is None or not _may_matter(name):
                    continue
                if member.size > limits.policy_bundle_bytes:
                    raise _limit("policy_bundle_bytes", limits.policy_bundle_bytes, source)
                stream = tar.extractfile(member)
                assert stream is not None  # a regular member has one
                content = stream.read()
                if _wanted(name, content, source):
                    yield name, content
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as problem:
        raise PolicyError(f"{source}: not a tar archive: {problem}", fix="name a directory or a .tar.gz file") from problem


def _limit(name: str, bound: float, source: str) -> PolicyError:
    limit = LimitExceeded(name, bound, source)  # for its text; a pack that is too large is the policy author's to mend
    return PolicyError(limit.what, why=limit.why, fix=f"raise the bound with GATE_LIMIT_{name.upper()} if the pack is genuine")
