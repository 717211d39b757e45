"""What OPA says of the gate's own pack, kept beside it, so that a run need not ask again.

The answers belong to exact bytes of Rego; for any other file they are not used, and OPA is asked. A test makes them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gate.model.base import Model

PATH = Path(__file__).with_name("known.json")


class Known(Model, frozen=True, kw_only=True):
    """The answers of both runs of `gate.policy.inventory`, and the files that they are about."""

    rego: str
    """`digest` of the files."""
    packages: dict[str, str]
    annotations: list[dict[str, Any]]
    heads: dict[str, Any]


# The inventory is read in a thread, and msgspec must not meet a type for the first time in two of them.
_DECODER = msgspec.json.Decoder(Known)


def digest(rego: Mapping[str, str]) -> str:
    """One digest over names and texts of Rego files."""
    hasher = hashlib.sha256()
    for path in sorted(rego):
        for part in (path, rego[path]):
            data = part.encode()
            hasher.update(b"%d:" % len(data))
            hasher.update(data)
    return f"sha256:{hasher.hexdigest()}"


def answers(rego: Mapping[str, str]) -> Known | None:
    """The kept answers; None for any other set of files."""
    try:
        data = PATH.read_bytes()
    except OSError:
        return None
    made = digest(rego)
    if made.encode() not in data[:200]:
        return None  # before a quarter of a megabyte is decoded for nothing
    known = _DECODER.decode(data)
    return known if known.rego == made else None
