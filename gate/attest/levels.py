"""SLSA levels by name (slsa.dev/spec/v1.2/verification_summary, "SlsaResult values")."""

from __future__ import annotations

import re
from collections.abc import Iterable

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
ROLE = "vsa"
"""What a trust entry must vouch for to sign summaries."""
_LEVEL = re.compile(r"SLSA_([A-Z]+)_LEVEL_([0-9])")
_CONTROL = re.compile(r"(?:slsa[ _-])?(build|source)[ _-]l(?:evel)?[ _-]?([0-9])", re.IGNORECASE)


def parse(level: str) -> tuple[str, int] | None:
    """Track and number of ``SLSA_<TRACK>_LEVEL_<n>``; None for every other name."""
    match = _LEVEL.fullmatch(level)
    return (match[1], int(match[2])) if match else None


def of_control(identifier: str) -> tuple[str, int] | None:
    """Track and number that a rule's SLSA control names: ``SLSA_BUILD_LEVEL_3``, ``BUILD_LEVEL_3`` or ``Build L3``."""
    match = _CONTROL.fullmatch(identifier)
    return (match[1].upper(), int(match[2])) if match else None


def covers(verified: Iterable[str], wanted: str) -> bool:
    """Whether the levels include the wanted one: a SLSA level implies the lower ones of its track."""
    found = tuple(verified)
    target = parse(wanted)
    if target is None:
        return wanted in found
    return any(level[0] == target[0] and level[1] >= target[1] for level in map(parse, found) if level)
