"""Which findings are about packages whose recorded places are not in the image: drafts for a person, decisions of nobody.

A scanner that looks at all layers, or at a list of what was built, reports packages that a later layer deletes or that never
reached the image. Only if every place of a finding is known and absent from the merged file system is anything proposed. A place
may be inside an archive (``/app.jar/inner.jar``, ``/app.jar:inner.jar``): it is there as long as the archive is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gate.model.verdict import CompactFinding
from gate.oci.filesystem import FileSystem

State = Literal["present", "deleted", "nowhere", "unknown"]

_LENGTH = 4096
_PARTS = 64
_SHOWN = 3


class Presence:
    """What is where in one image."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._hidden = frozenset(entry.path for entry in files.hidden())
        self._known: dict[str, State] = {}

    def state(self, location: str) -> State:
        """``deleted``: a layer ships it and a later one takes it away; ``nowhere``: in no layer under this name.

        ``unknown`` is every text that need not be a path in an image: without a slash (trivy's ``Java``), an address, a climb.
        Raises LimitExceeded.
        """
        found = self._known.get(location)
        if found is None:
            found = self._known[location] = self._state(location)
        return found

    def proposals(self, findings: Sequence[CompactFinding]) -> dict[str, str]:
        """Text for the ``Proposal`` line by finding key; none at all where runtimes disagree on what the image holds."""
        if not self._files.certain:
            return {}
        made: dict[str, str] = {}
        for finding in findings:
            states = {place: self.state(place) for place in sorted(set(finding.locations))}
            if states and all(state in ("deleted", "nowhere") for state in states.values()):
                made[finding.key] = _text(states)
        return made

    def _state(self, location: str) -> State:
        if not _is_path(location):
            return "unknown"
        path = "/".join(part for part in location.split("/") if part not in ("", "."))
        tree = self._files.tree
        if not path or tree.get(path, follow=False) is not None:
            return "present"
        for place, letter in enumerate(path):
            if letter in "/:!":
                entry = tree.get(path[:place])
                if entry is not None and entry.kind != "dir":
                    return "present"
        return "deleted" if path in self._hidden else "nowhere"


def _is_path(location: str) -> bool:
    """Whether the text can only be a path in a file system, written as it is."""
    parts = location.split("/")
    cuts = sum(location.count(letter) for letter in "/:!")
    return (
        len(parts) > 1
        and cuts <= _PARTS
        and len(location) <= _LENGTH
        and ".." not in parts
        and "://" not in location
        and not any(letter in "\\%\ufffd" or not letter.isprintable() for letter in location)
    )


def _text(states: dict[str, State]) -> str:
    words = {"deleted": "deleted by a later layer", "nowhere": "in no layer"}
    shown = [f"{place} is {words[state]}" for place, state in list(states.items())[:_SHOWN]]
    more = f", and {len(states) - _SHOWN} more places" if len(states) > _SHOWN else ""
    return f"not_affected component_not_present (not in the image's file system: {', '.join(shown)}{more})"
