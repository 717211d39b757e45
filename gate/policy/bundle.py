"""Policy packs: read once, bounded, hashed; the bytes that were hashed are the bytes that OPA gets (invariant 10).

A pack is a directory or a ``.tar.gz`` with Rego, ``data.json``/``data.yaml`` and a ``.manifest``. Only what is evaluated belongs
to it and to its digest: tests (``*_test.rego``), schemas and texts do not, so that a better test is not another policy. Which
pack owns which package and which part of ``data`` is checked by `gate.policy.ownership`.
"""

from __future__ import annotations

import dataclasses
import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from gate.errors import PolicyError, UsageError
from gate.limits import Limits
from gate.model.base import digest_of
from gate.policy.packfiles import over_limit, untar, unzip, walk
from gate.policy.yamlfile import parse_source

DEFAULT_NAME = "policy-gate"
"""The name of the pack that comes with the gate; a given pack of that name takes its place."""

Name = tuple[str, ...]
"""A place in ``data``: ``("profiles", "prod")``."""

_PIN = re.compile(r"(?P<path>.+)@(?P<digest>sha256:[0-9a-f]{64})\Z")
_REMOTE = re.compile(r"(git::|git\+|git@|[a-z][a-z0-9+.-]*://)")
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
        raw: Iterator[tuple[str, bytes]] = walk(path, limits)
        stem = path.resolve().name
    elif path.is_file():
        raw = untar(unzip(path, limits), str(path), limits)
        stem = re.sub(r"(\.tar|\.tgz|\.tar\.gz)\Z", "", path.name)
    else:
        raise PolicyError(f"bundle {path}: no such directory or file", fix="name a directory or a .tar.gz file")
    return _finish(raw, source=str(path), stem=stem, pin=spec.digest, limits=limits)


def load_archive(data: bytes, *, name: str, limits: Limits) -> Pack:
    """A pack from the bytes of `Pack.archive`, as the store keeps them."""
    return _finish(untar(data, name, limits), source=name, stem=name, pin=None, limits=limits)


def _finish(raw: Iterator[tuple[str, bytes]], *, source: str, stem: str, pin: str | None, limits: Limits) -> Pack:
    files: dict[str, bytes] = {}
    total = 0
    for name, data in raw:
        if name in files:
            raise PolicyError(f"{source}: {name} is there twice", fix="build the archive again")
        total += len(data)
        if total > limits.policy_bundle_bytes:
            raise over_limit("policy_bundle_bytes", limits.policy_bundle_bytes, source)
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
