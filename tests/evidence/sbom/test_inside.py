"""SBOMs in the image's own file system: found within bounds, and what is beyond them is said."""

from __future__ import annotations

import json

import pytest

from gate.evidence.filesystem.choose import several
from gate.evidence.sbom import inside
from gate.oci.filesystem import FileSystem
from tests.oci.layering import File, read

SBOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"component": {"type": "application", "name": "app", "bom-ref": "r"}},
    "components": [{"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "bom-ref": "a"}],
}
DATA = json.dumps(SBOM).encode()


def _read(*layers: list[File]) -> FileSystem:
    return read(*layers, choose=several({inside.COLLECTOR: inside.chooser()}))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("usr/share/sbom/anything", True),
        ("var/lib/db/sbom/bash-5.2-r0.spdx.json", True),
        ("opt/bitnami/redis/.spdx-redis.spdx", True),
        ("app/sbom.json", True),
        ("app/build.CDX.json", True),
        ("app/bom.xml", True),
        ("app/package.json", False),
        ("usr/share/sbom-tools/readme", False),
        ("app/nosbom.jsonl", False),
    ],
)
def test_where_they_are_looked_for(path: str, found: bool) -> None:
    """By the paths that apko, Bitnami, syft and build tools use."""
    documents, notes = inside.documents(_read([File(path, DATA)]))
    assert [item.source for item in documents] == ([f"/{path}"] if found else [])
    assert all(item.origin == "image" and item.data == DATA for item in documents)
    assert notes == ()


def test_what_a_later_layer_deletes_is_not_the_images() -> None:
    """Only the finished file system counts, and its version of a file."""
    documents, _ = inside.documents(
        _read([File("sbom.json", b"{}"), File("bom.json", DATA)], [File(".wh.bom.json"), File("sbom.json", DATA)])
    )
    assert [(item.source, item.data) for item in documents] == [("/sbom.json", DATA)]


def test_bounds_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beyond the bounds are counted and passed over; they neither fill the memory nor fail the look."""
    monkeypatch.setattr(inside, "_FILES", 2)
    monkeypatch.setattr(inside, "_FILE_BYTES", 1000)
    files = [File(f"usr/share/sbom/{number}", DATA) for number in range(4)]
    documents, (note,) = inside.documents(_read([File("usr/share/sbom/large", b"x" * 1001), *files]))
    assert len(documents) == 2
    assert (note.code, note.count) == ("sbom_passed_over", 3)
