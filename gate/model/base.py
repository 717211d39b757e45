"""What every contract type shares: frozen, closed, deterministic bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen value of one of our own documents; an unknown field is an error."""


def to_json(value: Any) -> bytes:
    """Deterministic JSON: sorted keys, no white space, UTF-8. Stored bytes = hashed bytes = bytes given to OPA."""
    return msgspec.json.encode(value, order="sorted")


def digest_of(data: bytes) -> str:
    """``sha256:<64 hex>`` of the bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
