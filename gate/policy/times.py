"""Moments as configuration and documents write them, as seconds since 1970, UTC."""

from __future__ import annotations

import datetime
import re

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})\Z")


def parse_moment(text: str) -> float | None:
    """RFC 3339, or a date, which is its first second in UTC. None for anything else, a time without zone included."""
    if not (_DATE.match(text) or _MOMENT.match(text)):
        return None
    try:
        moment = datetime.datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None
