"""Which history a run reads and writes: ``--history FILE``, or the one that is kept with the store that was named."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gate.audit import history
from gate.audit.history import History, Sighting
from gate.cli.messages import warn
from gate.cli.stores import local_path, remote_name
from gate.errors import EvidenceError, GateError, StoreError
from gate.limits import Limits
from gate.model.input import Time
from gate.model.parameters import Parameters
from gate.oci.options import RegistryOptions

if TYPE_CHECKING:
    from gate.audit.history_remote import RemoteHistory


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """A history as it was read, and where it goes back to; nowhere where the time is not the clock's."""

    history: History
    name: str
    path: Path | None = None
    remote: RemoteHistory | None = None

    @property
    def source(self) -> str:
        """As the verdict names what had a say."""
        return f"{self.name}@{self.history.digest or 'none'}"

    def record(self, sightings: Sequence[Sighting], limits: Limits) -> None:
        """Enters what was seen. Raises StoreError, EvidenceUnavailable."""
        if self.path is not None:
            history.record(self.path, sightings, limits)
        if self.remote is not None:
            self.remote.record(sightings)


def kept(options: Mapping[str, Any], params: Parameters, time: Time, registry: RegistryOptions, limits: Limits) -> Kept | None:
    """The history of this run; None where none is asked for and no store named.

    One that cannot be read is an error where it is asked for, by ``--history`` or by a deadline; elsewhere a warning, and all
    is of unknown age. Raises StoreError, EvidenceError.
    """
    writes = time.source == "clock"  # what another day's run would have seen is nothing that was seen
    given = options.get("history")
    if given:
        path = Path(given)
        return Kept(history.read(path, limits), given, path if writes else None)
    if not (options.get("store") or os.environ.get("GATE_STORE")):
        return None
    try:
        return _of_store(options.get("store"), writes, registry, limits)
    except (StoreError, EvidenceError) as error:
        if any(days is not None for days in msgspec.structs.astuple(params.remediation_days)):  # a deadline asks for it
            raise
        _say(error)
        return None


def _of_store(named: str | None, writes: bool, registry: RegistryOptions, limits: Limits) -> Kept:
    remote = remote_name(named)
    if remote is not None:
        from gate.audit.history_remote import RemoteHistory

        place = RemoteHistory(remote, registry, limits)
        return Kept(place.read(), place.name, remote=place if writes else None)
    path = local_path(named) / history.FILE
    return Kept(history.read(path, limits), str(path), path if writes else None)


def _say(error: GateError) -> None:
    warn(f"{error.what}; every finding is of unknown age in this run, and nothing is entered")
