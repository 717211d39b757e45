"""A trusted root out of a copy of a TUF repository, verified offline as of a day (TUF specification 1.0.34, section 5).

`python-tuf` reads metadata and checks signatures; the order of steps is here, because its own client reads the clock and the
network. Invariants, by the section of the specification:

(5.3)  roots are walked from the pinned one, each signed by a threshold of the one before and of itself, one version at a time;
       the last one has not expired as of the day.
(5.4)  the timestamp is signed by the root's timestamp keys and has not expired; (5.5) the snapshot is the one it names, likewise;
(5.6)  the targets are those that the snapshot names, likewise.
(5.7)  the file has the length and hashes that the targets say.
       No version lies behind the one of an earlier import (rollback).

The day is the operator's word for when the copy was made. Everything else is checked.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from gate.errors import ConfigError, UsageError
from gate.trust.record import TufVersions

if TYPE_CHECKING:
    from tuf.api.metadata import Metadata

TARGET: Final = "trusted_root.json"
_ROTATIONS: Final = 256
Read = Callable[[str], bytes | None]
"""A file of the copy by its name (``timestamp.json``, ``targets/…``), bounded; null when it is not there."""


@dataclasses.dataclass(frozen=True, slots=True)
class Imported:
    """A target that a chain of signatures from the pinned root vouches for."""

    data: bytes
    versions: TufVersions
    expires: dict[str, str]


def import_target(
    read: Read, bootstrap: bytes, as_of: datetime.datetime, *, before: TufVersions | None = None, target: str = TARGET
) -> Imported:
    """Verify the copy and return the target. ``as_of`` is an aware time, ``before`` the versions of an earlier import.

    Raises ConfigError saying which step does not hold, UsageError without python-tuf.
    """
    try:
        from tuf.api import exceptions, metadata
    except ImportError:
        raise UsageError(
            "importing from TUF needs python-tuf", fix="install it: pip install 'policy-gate[tuf]'; or give --file"
        ) from None
    errors = (exceptions.RepositoryError, ValueError, KeyError, TypeError)
    try:
        return _Steps(metadata, read, as_of, before).run(bootstrap, target)
    except errors as error:
        raise ConfigError(
            f"the TUF repository does not verify: {error}",
            why="a copy that is incomplete, old or changed proves nothing about the file in it",
            fix="copy the repository again, whole, and import it as of the day of the copy",
        ) from error


class _Steps:
    def __init__(self, metadata: Any, read: Read, as_of: datetime.datetime, before: TufVersions | None) -> None:
        self._tuf = metadata
        self._read = read
        self._as_of = as_of
        self._before = before

    def run(self, bootstrap: bytes, target: str) -> Imported:
        root = self._root(bootstrap)  # (5.3)
        timestamp = self._load("timestamp", self._need("timestamp.json"), root, self._tuf.Timestamp)  # (5.4)
        pinned = timestamp.snapshot_meta
        name = f"{pinned.version}.snapshot.json" if root.signed.consistent_snapshot else "snapshot.json"
        raw = self._need(name)
        pinned.verify_length_and_hashes(raw)
        snapshot = self._load("snapshot", raw, root, self._tuf.Snapshot)  # (5.5)
        self._same("snapshot", snapshot.version, pinned.version)
        listed = snapshot.meta["targets.json"]
        name = f"{listed.version}.targets.json" if root.signed.consistent_snapshot else "targets.json"
        raw = self._need(name)
        listed.verify_length_and_hashes(raw)
        targets = self._load("targets", raw, root, self._tuf.Targets)  # (5.6)
        self._same("targets", targets.version, listed.version)
        data = self._target(target, targets, consistent=bool(root.signed.consistent_snapshot))  # (5.7)
        versions = TufVersions(
            root=root.signed.version, timestamp=timestamp.version, snapshot=snapshot.version, targets=targets.version
        )
        self._not_behind(versions)
        named = {"root": root.signed, "timestamp": timestamp, "snapshot": snapshot, "targets": targets}
        return Imported(data, versions, {name: part.expires.strftime("%Y-%m-%dT%H:%M:%SZ") for name, part in named.items()})

    def _root(self, bootstrap: bytes) -> Metadata[Any]:
        current: Metadata[Any] = self._tuf.Metadata.from_bytes(bootstrap)
        if current.signed.type != "root":
            raise ValueError("the bootstrap file is no TUF root")
        _signed("root", current, current)
        for _ in range(_ROTATIONS):
            raw = self._read(f"{current.signed.version + 1}.root.json")
            if raw is None:
                break
            following = self._tuf.Metadata.from_bytes(raw)
            if following.signed.type != "root":
                raise ValueError(f"{current.signed.version + 1}.root.json is no TUF root")
            _signed("root", current, following)
            _signed("root", following, following)
            self._same("root", following.signed.version, current.signed.version + 1)
            current = following
        else:
            raise ValueError(f"more than {_ROTATIONS} versions of the root")
        self._fresh("root", current.signed)
        return current

    def _load(self, role: str, raw: bytes, root: Metadata[Any], kind: type[Any]) -> Any:
        loaded = self._tuf.Metadata.from_bytes(raw)
        if not isinstance(loaded.signed, kind):
            raise ValueError(f"{role}.json is of type {loaded.signed.type}")
        _signed(role, root, loaded)
        self._fresh(role, loaded.signed)
        return loaded.signed

    def _target(self, name: str, targets: Any, *, consistent: bool) -> bytes:
        info = targets.targets.get(name)
        if info is None:
            raise ValueError(f"its targets have no {name}")
        names = [f"targets/{value}.{name}" for value in info.hashes.values()] if consistent else []
        for path in (*names, f"targets/{name}"):
            raw = self._read(path)
            if raw is not None:
                info.verify_length_and_hashes(raw)
                return raw
        raise ValueError(f"the file targets/{name} is not in the copy")

    def _need(self, name: str) -> bytes:
        raw = self._read(name)
        if raw is None:
            raise ValueError(f"{name} is not in the copy")
        return raw

    def _fresh(self, role: str, signed: Any) -> None:
        if signed.is_expired(self._as_of):
            raise ValueError(f"{role}.json expired at {signed.expires:%Y-%m-%d}, which is before the day of the import")

    def _same(self, role: str, found: int, wanted: int) -> None:
        if found != wanted:
            raise ValueError(f"{role}.json has version {found}, and {wanted} was named")

    def _not_behind(self, versions: TufVersions) -> None:
        for role in TufVersions.__struct_fields__ if self._before is not None else ():
            if getattr(versions, role) < getattr(self._before, role):
                raise ValueError(
                    f"{role}.json has version {getattr(versions, role)}, and {getattr(self._before, role)} was imported before: "
                    "this copy is older"
                )


def _signed(role: str, root: Any, loaded: Any) -> None:
    """A threshold of the keys that the root names for the role signed it."""
    root.signed.verify_delegate(role, loaded.signed_bytes, loaded.signatures)
