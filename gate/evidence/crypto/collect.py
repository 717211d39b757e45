"""From an image's files to `gate.model.crypto.CryptoFacts`."""

from __future__ import annotations

from collections.abc import Mapping

from gate.model.crypto import CryptoFacts
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem


def choosers_at(now: str) -> Mapping[str, Chooser]:
    """The collectors of this package, by name."""
    return {}


def facts(files: FileSystem, subject: Subject, now: str) -> CryptoFacts:
    """The facts of a file system that was read with `choosers_at`."""
    return CryptoFacts()
