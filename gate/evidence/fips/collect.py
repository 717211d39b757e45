"""From an image's files and configuration to `gate.model.fips.FipsFacts`."""

from __future__ import annotations

from collections.abc import Mapping

from gate.model.fips import FipsFacts
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem


def choosers() -> Mapping[str, Chooser]:
    """The collectors of this package, by name."""
    return {}


def facts(files: FileSystem, subject: Subject) -> FipsFacts:
    """The facts of a file system that was read with `choosers`."""
    return FipsFacts()
