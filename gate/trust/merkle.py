"""RFC 6962 inclusion proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: domain-separated from inner nodes (RFC 6962 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def root_from_proof(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Root hash that the proof leads to, or None when its shape does not fit the index and size (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != 32:
        return None
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0 or len(sibling) != 32:
            return None
        if node & 1 or node == last:
            result = hashlib.sha256(b"\x01" + sibling + result).digest()
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            result = hashlib.sha256(b"\x01" + result + sibling).digest()
        node >>= 1
        last >>= 1
    return result if last == 0 else None
