"""A trivy database from the advisories of ``testdata/grype-db``: the smallest bbolt file that trivy opens.

bbolt (go.etcd.io/bbolt, ``internal/common``): two meta pages with an FNV-1a checksum, an empty free list, and one leaf page per
bucket. trivy-db schema 2: ``<ecosystem>::<source>`` → package → id, ``data-source`` and ``vulnerability``.
"""

from __future__ import annotations

import json
import struct
import tomllib
from pathlib import Path
from typing import Any

from tests.tools import repository

__all__ = ["build"]

_PAGE = 4096
_LEAF, _META, _FREE = 0x02, 0x04, 0x10
_BUCKET = 0x01
Tree = dict[bytes, Any]
"""Keys to bytes, or to a tree (a bucket)."""


def build(cache: Path) -> Path:
    """Fill a trivy cache directory (``--cache-dir``) and return it."""
    advisories = tomllib.loads((repository() / "testdata" / "grype-db" / "advisories.toml").read_text())["advisory"]
    pip, debian = b"pip::GitHub Security Advisory pip", b"debian 12"
    tree: Tree = {pip: {}, debian: {}, b"data-source": {}, b"vulnerability": {}}
    tree[b"data-source"][pip] = _json(
        {"ID": "ghsa", "Name": "GitHub Security Advisory pip", "URL": "https://github.com/advisories"}
    )
    tree[b"data-source"][debian] = _json({"ID": "debian", "Name": "Debian", "URL": "https://salsa.debian.org"})
    for item in advisories:
        name = item.get("cve") or item["id"]
        if item["id"].startswith("GHSA-"):
            range_ = item["range"].replace(",", ", ")
            body = {"PatchedVersions": [item["fixed"]], "VulnerableVersions": [range_], "VendorIDs": [item["id"]]}
            tree[pip].setdefault(item["package"].encode(), {})[name.encode()] = _json(body)
        else:
            tree[debian].setdefault(b"zlib", {})[name.encode()] = _json({"Severity": 1, "Status": 2})
        tree[b"vulnerability"][name.encode()] = _json({"Title": item["summary"], "Severity": item["severity"].upper()})
    folder = cache / "db"
    folder.mkdir(parents=True)
    (folder / "trivy.db").write_bytes(_database(tree))
    far = "2099-01-01T00:00:00Z"
    (folder / "metadata.json").write_bytes(
        _json({"Version": 2, "NextUpdate": far, "UpdatedAt": "2026-11-01T00:00:00Z", "DownloadedAt": far})
    )
    return cache


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _database(tree: Tree) -> bytes:
    pages: list[bytes] = [b"", b"", struct.pack("<QHHI", 2, _FREE, 0, 0).ljust(_PAGE, b"\0")]
    root = _bucket(tree, pages)
    for number in (0, 1):
        fields = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, _PAGE, 0, root, 0, 2, len(pages), number)
        meta = struct.pack("<QHHI", number, _META, 0, 0) + fields + struct.pack("<Q", _fnv(fields))
        pages[number] = meta.ljust(_PAGE, b"\0")
    return b"".join(pages)


def _bucket(tree: Tree, pages: list[bytes]) -> int:
    """Append the bucket's page after those of the buckets in it; returns its number."""
    items = []
    for key in sorted(tree):
        value = tree[key]
        if isinstance(value, dict):
            items.append((_BUCKET, key, struct.pack("<QQ", _bucket(value, pages), 0)))
        else:
            items.append((0, key, value))
    elements, data = b"", b""
    for index, (flags, key, value) in enumerate(items):
        position = 16 * (len(items) - index) + len(data)
        elements += struct.pack("<IIII", flags, position, len(key), len(value))
        data += key + value
    body = elements + data
    count = -(-(16 + len(body)) // _PAGE)
    number = len(pages)
    page = (struct.pack("<QHHI", number, _LEAF, len(items), count - 1) + body).ljust(count * _PAGE, b"\0")
    pages += [page[start : start + _PAGE] for start in range(0, len(page), _PAGE)]
    return number


def _fnv(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value
