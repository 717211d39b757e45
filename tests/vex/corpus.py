"""Real documents from the corpus folder (GATE_CORPUS); a test that needs one is skipped by name when it is absent."""

from __future__ import annotations

import gzip
import lzma
import os
from pathlib import Path

import pytest


def folder() -> Path:
    """The corpus folder; skips the test when it is not there."""
    place = Path(os.environ.get("GATE_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
    if not place.is_dir():
        pytest.skip(f"no corpus folder at {place} (GATE_CORPUS)")
    return place


def document(name: str) -> bytes:
    """The bytes of one corpus file, decompressed."""
    path = folder() / name
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    return gzip.decompress(data) if path.suffix == ".gz" else data
