"""Bounded, strict readers for the JSON and base64 that envelopes are made of.

Strict because two readers that disagree on one document are an attack: duplicate keys, NaN, lone surrogates and non-UTF-8 are
refused, and numbers are whole.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits

_INT64 = 2**63
_VALUES = 2_000_000
"""Values in one envelope or small statement: a value takes 20 times its bytes in memory."""


def malformed(what: str, why: str) -> EvidenceInvalid:
    """The error for a document that cannot be read as what it claims to be."""
    return EvidenceInvalid(f"{what} is malformed: {why}", why="a document that can be read in two ways proves nothing")


def check_depth(value: Any, limits: Limits, what: str) -> None:
    """Raises LimitExceeded when arrays and objects are nested deeper than ``json_depth``. Goes by levels, never recursive."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > limits.json_depth:
            raise LimitExceeded("json_depth", limits.json_depth, what)
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]


def load_json(data: bytes, limits: Limits, what: str) -> Any:
    """The document as Python values; raises EvidenceInvalid, or LimitExceeded for one that is too big or too deep."""
    if len(data) > limits.bundle_bytes:
        raise LimitExceeded("bundle_bytes", limits.bundle_bytes, what)
    if sum(data.count(mark) for mark in (b",", b"[", b"{")) > _VALUES:
        raise malformed(what, f"more than {_VALUES} values in it")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_finite)
    except RecursionError as error:
        raise LimitExceeded("json_depth", limits.json_depth, what) from error
    except ValueError as error:
        raise malformed(what, str(error)) from error
    check_depth(value, limits, what)
    if b"\\u" in data:
        _refuse_surrogates(value, what)
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _refuse_surrogates(value: Any, what: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise malformed(what, "a string has half of a surrogate pair") from error


def unbase64(text: Any, what: str) -> bytes:
    """Bytes of standard or URL-safe base64 (DSSE v1.0.2 "Data definitions" allows both); no other character is let through."""
    if not isinstance(text, str):
        raise malformed(what, "not a base64 string")
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            raise malformed(what, "two base64 alphabets in one string")
        text = text.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed(what, f"not base64: {error}") from error


def pem_bodies(pem: str, label: str, what: str) -> tuple[bytes, ...]:
    """DER of every block with that label in PEM text, whatever its line width; raises EvidenceInvalid for other text."""
    result = []
    for block in pem.split(f"-----BEGIN {label}-----")[1:]:
        body, end, _ = block.partition(f"-----END {label}-----")
        try:
            result.append(base64.b64decode("".join(body.split()), validate=True))
        except (binascii.Error, ValueError) as error:
            raise malformed(what, f"not PEM: {error}") from error
        if not end:
            raise malformed(what, "PEM without its end")
    if pem.strip() and not result:
        raise malformed(what, f"no PEM {label} in it")
    return tuple(result)


def mapping(parent: Any, name: str, what: str) -> Mapping[str, Any]:
    """The object at a key; raises EvidenceInvalid when it is absent, null or something else."""
    value = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(value, dict):
        raise malformed(what, f"no object {name!r}")
    return value


def optional_mapping(parent: Mapping[str, Any], name: str, what: str) -> Mapping[str, Any] | None:
    """As `mapping`, and None when the key is absent or null."""
    return None if parent.get(name) is None else mapping(parent, name, what)


def sequence(parent: Mapping[str, Any], name: str, what: str, limit: int | None = None) -> Sequence[Any]:
    """The array at a key, empty when absent or null; raises EvidenceInvalid for something else or more than ``limit`` items."""
    value = parent.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise malformed(what, f"{name!r} is no array")
    if limit is not None and len(value) > limit:
        raise LimitExceeded("log_entries", limit, f"{what}: {name}")
    return value


def text(parent: Mapping[str, Any], name: str, what: str) -> str:
    """The string at a key; raises EvidenceInvalid when there is none."""
    value = parent.get(name)
    if not isinstance(value, str):
        raise malformed(what, f"no string {name!r}")
    return value


def integer(parent: Mapping[str, Any], name: str, what: str) -> int:
    """A whole number from 0 to 2^63-1, as JSON number or, as protobuf writes int64, as a string of digits."""
    value = parent.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _INT64:
        raise malformed(what, f"{name!r} is no whole number from 0 up")
    return value
