"""The record that an import leaves beside a trusted root: what was imported, as of when, from where, by whom.

A record says how old a root is and nothing about whom to believe. It counts only for the file whose SHA-256 it names; a day in
the policy file has to agree with it.
"""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

from gate.errors import ConfigError
from gate.model.base import Model

SCHEMA: Literal["gate.trust_root/v1"] = "gate.trust_root/v1"
SUFFIX = ".record.json"
"""Of the record's file name, after the name of the root's file."""


class TufVersions(Model, frozen=True, kw_only=True):
    """Versions of the TUF metadata that vouched for the root. A later import may not go back behind them."""

    root: int
    timestamp: int
    snapshot: int
    targets: int


class RootRecord(Model, frozen=True, kw_only=True):
    """``gate.trust_root/v1``."""

    schema: Literal["gate.trust_root/v1"] = SCHEMA
    sha256: str
    """Of the trusted root's file."""
    as_of: str
    """The day for which the importer vouches that this was current: ``YYYY-MM-DD``."""
    imported_at: str
    """RFC 3339, by the importer's clock."""
    importer: str
    """User and host; for people."""
    source: str
    """The directory or file that it came from."""
    method: Literal["tuf", "file"]
    """``tuf``: verified from the pinned bootstrap root; ``file``: taken as given."""
    bootstrap_sha256: str | None = None
    """Of the TUF root that the verification began with."""
    tuf: TufVersions | None = None
    expires: dict[str, str] = msgspec.field(default_factory=dict)
    """When each TUF role's metadata ends; nothing is refused at run time because of it."""


def read_record(data: bytes, name: str) -> RootRecord:
    """Raises ConfigError for what is no record."""
    try:
        record = msgspec.json.decode(data, type=RootRecord)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ConfigError(f"{name} is no record of an import: {error}", fix="import the trusted root again") from error
    if not is_day(record.as_of):
        raise ConfigError(f"{name}: as_of is {record.as_of!r}", fix="a day, such as 2026-11-23")
    return record


def is_day(text: str) -> bool:
    """Whether the text is a day as ``YYYY-MM-DD``."""
    try:
        return len(text) == 10 and datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def end_of_day(day: str) -> datetime.datetime:
    """The first moment after the day, UTC: what was current on it was current at some time before."""
    return datetime.datetime.combine(datetime.date.fromisoformat(day), datetime.time(), datetime.UTC) + datetime.timedelta(days=1)
