"""SBOMs that an image carries in its own file system: found in the pass over its layers, listed, and vouched for by nobody.

Whoever built the image wrote them, about a part of it or about something else, so they are evidence of origin ``image``: shown,
compared, and never enough where an SBOM is required.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gate.evidence.collect import Opened
from gate.evidence.filesystem.choose import found
from gate.evidence.interface import Document
from gate.model.evidence import Diagnostic
from gate.oci.filesystem import Chooser, FileSystem, Keep, Sink
from gate.oci.layertar import Header

COLLECTOR = "sbom"
_PLACES = re.compile(r"(?:usr/share/sbom|var/lib/db/sbom|usr/share/spdx|sbom)/[^/]+|(?:.*/)?\.spdx-[^/]+\.spdx")
_NAMES = re.compile(
    r"(?:.*/)?[^/]*(?:\.spdx(?:\.json|\.jsonld)?|\.cdx(?:\.json|\.xml)?|\.bom\.json|sbom\.json|bom\.(?:json|xml))", re.IGNORECASE
)
_FILE_BYTES = 8 * 1024 * 1024
_ALL_BYTES = 32 * 1024 * 1024
_FILES = 64
"""apko writes one for each package. What is beyond these bounds is counted and passed over."""


def chooser() -> Chooser:
    """Keeps what looks like an SBOM by its path, within bounds over the whole image."""
    kept, size = 0, 0

    def choose(header: Header) -> Sink | None:
        nonlocal kept, size
        if not looks_like(header.path) or header.size > _FILE_BYTES:
            return None
        if kept >= _FILES or size + header.size > _ALL_BYTES:
            return None
        kept, size = kept + 1, size + header.size
        return Keep()

    return choose


def looks_like(path: str) -> bool:
    """Whether SBOMs have such paths."""
    return _PLACES.fullmatch(path) is not None or _NAMES.fullmatch(path) is not None


def documents(files: FileSystem) -> tuple[tuple[Document, ...], tuple[Diagnostic, ...]]:
    """Those that are visible in the finished image, by path, and how many were passed over."""
    made: list[Document] = []
    passed: list[str] = []
    for entry in sorted(files.entries(), key=lambda entry: entry.path):
        if entry.kind != "file" or not looks_like(entry.path):
            continue
        data = found(entry, COLLECTOR)
        if isinstance(data, bytes):
            made.append(Document(data=data, origin="image", source=f"/{entry.path}".encode("utf-8", "replace").decode()))
        elif entry.size:
            passed.append(entry.path)
    if passed:
        text = f"files that look like SBOMs were passed over: larger than {_FILE_BYTES} bytes, or beyond {_FILES} of them"
        where = passed[0].encode("utf-8", "replace").decode()[:300]
        return tuple(made), (Diagnostic(code="sbom_passed_over", message=text, count=len(passed), where=where),)
    return tuple(made), ()


def only_sboms(opened: Sequence[Opened]) -> list[Opened]:
    """Without what turned out to be something else: a report or statement from inside the image says nothing about it."""
    return [item for item in opened if item.kind == "sbom" and item.reading is not None and item.reading.vex is None]
