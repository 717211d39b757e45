"""What BSI TR-03183-2 v2.1.0 asks of a CycloneDX component: its properties ``bsi:component``, and the deployable's hash."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

_CONTACT = re.compile(rb'https?://[^\s"]+|[^\s"@]+@[^\s"@]+\.[^\s"@]+')
_PROPERTIES = ("filename", "executable", "archive", "structured")
_SHA512 = re.compile(r"[0-9a-fA-F]{128}")


class _Property(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | None = None


class _Hash(msgspec.Struct, gc=False):
    alg: str | None = None
    content: str | None = None


class _Reference(msgspec.Struct, gc=False):
    type: str | None = None
    hashes: list[_Hash] | None = None


def reachable(raw: bytes) -> bool:
    """Whether an e-mail address or a URL stands in it."""
    return _CONTACT.search(raw) is not None


def parts(properties: bytes, references: bytes, contacts: Iterable[bytes], *, concluded: bool) -> frozenset[str]:
    """`gate.evidence.sbom.elements.BSI_PARTS` that a component has."""
    found = {"licence"} if concluded else set()
    if any(reachable(raw) for raw in contacts):
        found.add("creator")
    try:
        if b"bsi:component:" in properties:
            listed = msgspec.json.decode(properties, type=list[_Property])
            names = {item.name for item in listed if item.value}
            found |= {name for name in _PROPERTIES if f"bsi:component:{name}" in names}
        if b"SHA-512" in references:
            known = msgspec.json.decode(references, type=list[_Reference])
            hashes = (entry for item in known if item.type == "distribution" for entry in item.hashes or ())
            if any(entry.alg == "SHA-512" and _SHA512.fullmatch(entry.content or "") for entry in hashes):
                found.add("sha512")
    except (msgspec.MsgspecError, UnicodeError):
        pass  # of a wrong type: what cannot be read is missing
    return frozenset(found)
