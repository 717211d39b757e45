"""How much of something is read, and which limit says so."""

from __future__ import annotations

import dataclasses

from gate.limits import Limits


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """How much of a body to read, and which field of `Limits` says so."""

    name: str
    bytes: int

    @classmethod
    def of(cls, max_bytes: int, limits: Limits) -> Bound:
        """The bound with the name of the limit that the number comes from."""
        names = ("config_bytes", "manifest_bytes", "bundle_bytes", "document_bytes")
        return cls(next((name for name in names if getattr(limits, name) == max_bytes), "document_bytes"), max_bytes)
