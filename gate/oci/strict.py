"""Bytes to values, strictly: digests that are checked, and JSON of which every reader understands the same.

A manifest is what a digest stands for, so two programs must not read two different images out of one. Duplicate keys, other
encodings than UTF-8, ``NaN`` and lone surrogates are therefore refused here (OCI image-spec: "canonicalization", and the
ambiguity of CVE-2021-41190).
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NoReturn

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits

DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
"""The registered algorithms of the OCI image-spec (descriptor.md, "Digests")."""


def is_digest(text: object) -> bool:
    """Whether the text is a digest of a registered algorithm, in lower case."""
    return isinstance(text, str) and DIGEST.fullmatch(text) is not None


def hash_as(digest: str, data: bytes) -> str:
    """The digest of the data in the algorithm that ``digest`` uses."""
    algorithm = digest.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, data, usedforsecurity=True).hexdigest()}"


def check_digest(digest: str, data: bytes, what: str) -> bytes:
    """The data, when it has the digest; raises EvidenceInvalid naming both digests."""
    got = hash_as(digest, data)
    if got != digest:
        raise EvidenceInvalid(
            f"{what}: the bytes served are not the ones asked for",
            why=f"expected {digest}, got {got}",
            fix="the registry, a proxy or the file is damaged or lies; fetch the image again from its origin",
        )
    return data


def parse_json(data: bytes, what: str, limits: Limits) -> Any:
    """The JSON value of UTF-8 bytes; raises EvidenceInvalid on anything ambiguous and LimitExceeded beyond ``json_depth``."""

    def refuse(reason: str) -> NoReturn:
        raise EvidenceInvalid(f"{what} is not valid JSON: {reason}", why="it cannot be read the same by everybody")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(items)
        if len(value) != len(items):
            names = [name for name, _ in items]
            refuse(f"duplicate key {next(n for n in names if names.count(n) > 1)!r}")
        return value

    def constant(text: str) -> NoReturn:
        refuse(f"{text} is no JSON number")

    if not data.strip():
        refuse("it is empty")
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except UnicodeDecodeError as error:
        raise EvidenceInvalid(f"{what} is not valid JSON: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise LimitExceeded("json_depth", limits.json_depth, what) from error
    except ValueError as error:
        raise EvidenceInvalid(f"{what} is not valid JSON: {error}") from error
    _check_depth(value, what, limits)
    if "\\u" in text:
        _check_text(value, what)
    return value


def parse_object(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    """As `parse_json`, and a JSON object; raises EvidenceInvalid otherwise."""
    value = parse_json(data, what, limits)
    if not isinstance(value, dict):
        raise EvidenceInvalid(f"{what} is not a JSON object", why=f"it is {type(value).__name__}")
    return value


def _check_depth(value: Any, what: str, limits: Limits) -> None:
    level = [value]
    for _ in range(limits.json_depth):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise LimitExceeded("json_depth", limits.json_depth, what)


def _check_text(value: Any, what: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise EvidenceInvalid(f"{what} is not valid JSON: it holds half of a surrogate pair") from error
