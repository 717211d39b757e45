"""Several collectors, one pass: each chooses for itself, and gets back what its own sinks made of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gate.oci.filesystem import Chooser, Sink
from gate.oci.layertar import Header
from gate.oci.tree import Entry


class _Tee:
    def __init__(self, sinks: Mapping[str, Sink]) -> None:
        self._sinks = sinks

    def feed(self, data: memoryview) -> None:
        """Hands the piece on."""
        for sink in self._sinks.values():
            sink.feed(data)

    def result(self) -> dict[str, Any] | None:
        """What each made of it; None when none made anything."""
        found = {name: result for name, sink in self._sinks.items() if (result := sink.result()) is not None}
        return found or None


def several(choosers: Mapping[str, Chooser]) -> Chooser:
    """A chooser that asks all of them; take results with `found`."""

    def choose(header: Header) -> Sink | None:
        sinks = {name: sink for name, chooser in choosers.items() if (sink := chooser(header)) is not None}
        return _Tee(sinks) if sinks else None

    return choose


def found(entry: Entry | None, name: str) -> Any:
    """What the sink of the collector ``name`` made of the file; None without one."""
    return entry.found.get(name) if entry is not None and isinstance(entry.found, dict) else None
