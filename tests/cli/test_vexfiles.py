"""What ``--vex`` may name: documents, compressed ones, folders and VEX repositories."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gate.cli.vexfiles import VexInputs, load
from gate.errors import EvidenceInvalid, GateError, LimitExceeded, UsageError
from gate.evidence.collect import Opener
from gate.evidence.interface import Document
from gate.evidence.packed import unpacked
from gate.evidence.vexrepository import from_repositories
from gate.limits import DEFAULT, Limits
from gate.trust.entry import Trust
from gate.vex import repository
from gate.vex.match import Image
from tests.factory import subject
from tests.vex import corpus
from tests.vex.make import statement

DOCUMENT = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/1",
    "author": "a",
    "timestamp": "2025-01-01T00:00:00Z",
    "version": 1,
    "statements": [statement()],
}
DATA = json.dumps(DOCUMENT).encode()


def _load(*paths: Path, limits: Limits = DEFAULT) -> tuple[VexInputs, list[str]]:
    seen: list[str] = []
    return load(map(str, paths), limits, lambda name, data: seen.append(name)), seen


def test_a_name_that_no_verdict_could_hold_is_a_usage_error(tmp_path: Path) -> None:
    """A file whose name is no UTF-8 is refused by its name, and never ends in an internal error."""
    (tmp_path / "a\udcff.json").write_bytes(DATA)
    with pytest.raises(UsageError, match="not UTF-8"):
        _load(tmp_path)


def _repository(folder: Path, *packages: tuple[str, str], documents: Iterable[str] = ()) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    listed = [{"id": purl, "location": location, "format": "openvex"} for purl, location in packages]
    (folder / "index.json").write_text(json.dumps({"updated_at": "2025-01-01T00:00:00Z", "packages": listed}))
    for name in documents:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(DATA)
    return folder


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lzma.compress, lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])]
)
def test_compression_is_seen_in_the_bytes(tmp_path: Path, pack: Any) -> None:
    """gzip and xz, also in several streams, whatever the file is called; the document is what is inside."""
    path = tmp_path / "vex.json"
    path.write_bytes(pack(DATA))
    found, seen = _load(path)
    assert [item.data for item in found.documents] == [DATA]
    assert seen == [str(path)]


@pytest.mark.parametrize("data", [gzip.compress(DATA)[:-9], lzma.compress(DATA)[:-9], b"\x1f\x8brubbish", b"\xfd7zXZ\x00rubbish"])
def test_broken_compression_is_an_error(data: bytes) -> None:
    """Cut off or damaged data is not half a document."""
    with pytest.raises(EvidenceInvalid):
        unpacked(data, "x", DEFAULT)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_bomb_is_stopped_at_the_limit_of_a_document(pack: Any) -> None:
    """A hundred megabytes of zeros in a few kilobytes are not held."""
    with pytest.raises(LimitExceeded):
        unpacked(pack(bytes(100_000_000)), "x", Limits(document_bytes=1_000_000))


def test_many_streams_are_refused() -> None:
    """A file of thousands of empty streams is nothing that a tool wrote."""
    with pytest.raises(EvidenceInvalid, match="compressed streams"):
        unpacked(gzip.compress(b"") * 100, "x", DEFAULT)


def test_other_compression_is_left_to_the_reader() -> None:
    """bzip2 is refused by its name later."""
    assert unpacked(bz2.compress(DATA), "x", DEFAULT).startswith(b"BZh")


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    """Documents in folders below too; hidden files, notes and a provider's metadata are left alone."""
    for name in ("b.json", "a/c.openvex.json.gz", ".git/x.json", "readme.md", "provider-metadata.json", "d.vex"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(DATA) if name.endswith(".gz") else DATA)
    found, _ = _load(tmp_path)
    assert [Path(item.source).name for item in found.documents] == ["c.openvex.json.gz", "b.json", "d.vex"]


def test_what_names_nothing_is_a_usage_error(tmp_path: Path) -> None:
    """A folder without documents, a file that is not there, and too many documents."""
    with pytest.raises(UsageError, match="no VEX document"):
        _load(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        _load(tmp_path / "missing.json")
    for number in range(4):
        (tmp_path / f"{number}.json").write_bytes(DATA)
    with pytest.raises(LimitExceeded, match="evidence_documents"):
        _load(tmp_path, limits=Limits(evidence_documents=3))


@pytest.mark.parametrize("place", ["", "0.1"])
def test_a_repository_is_known_by_its_index(tmp_path: Path, place: str) -> None:
    """At the top of a clone, or in the version folder that trivy keeps; its documents are not read yet."""
    _repository(tmp_path / place, ("pkg:deb/debian/openssl", "pkg/openssl.json"), documents=["pkg/openssl.json"])
    found, seen = _load(tmp_path)
    assert not found.documents
    assert [list(item.packages) for item in found.repositories] == [[("deb", "debian", "openssl")]]
    assert len(seen) == 1


def test_an_image_layout_is_no_repository(tmp_path: Path) -> None:
    """Its index.json lists manifests."""
    (tmp_path / "index.json").write_text('{"manifests": [], "schemaVersion": 2}')
    assert repository.find(tmp_path) is None


def test_only_documents_about_the_image_are_read(tmp_path: Path) -> None:
    """By package, whatever its version, and by the name of the image."""
    home = _repository(
        tmp_path,
        ("pkg:deb/debian/openssl", "a.json"),
        ("pkg:npm/left-pad", "b.json"),
        ("pkg:oci/app?repository_url=registry.example/app", "c.json"),
        ("pkg:oci/other?repository_url=registry.example/other", "d.json"),
        ("no purl", "e.json"),
    )
    found = repository.load(home, (home / "index.json").read_bytes(), DEFAULT)
    image = Image.of(subject())
    assert found.locations(["pkg:deb/debian/openssl@3.0.11-1?arch=amd64", "rubbish"], image) == ("a.json", "c.json")
    assert found.locations([], image) == ("c.json",)


@pytest.mark.parametrize("location", ["../secret.json", "/etc/passwd", "a/../../secret.json", "link.json", "missing.json", ""])
def test_a_location_outside_the_repository_is_not_read(tmp_path: Path, location: str) -> None:
    """The index is foreign: dots, absolute paths and links that lead out are refused; what is missing is an error too."""
    (tmp_path / "secret.json").write_bytes(DATA)
    home = _repository(tmp_path / "repository", ("pkg:deb/debian/openssl", location))
    (home / "link.json").symlink_to(tmp_path / "secret.json")
    found = repository.load(home, (home / "index.json").read_bytes(), DEFAULT)
    with pytest.raises(GateError):
        found.read(location, DEFAULT)


def test_what_a_repository_cannot_give_is_an_error_of_kind_vex(tmp_path: Path) -> None:
    """The other documents are read all the same."""
    home = _repository(
        tmp_path, ("pkg:oci/app", "gone.json"), ("pkg:oci/app", "../out.json"), ("pkg:oci/app", "a.json"), documents=["a.json"]
    )
    found = repository.load(home, (home / "index.json").read_bytes(), DEFAULT)
    opened, errors = from_repositories([found], [], subject(), Opener(Trust(()), DEFAULT), DEFAULT)
    assert [item.kind for item in opened] == ["vex"]
    assert [error.kind for error in errors] == ["vex", "vex"]
    assert from_repositories([], [], subject(), Opener(Trust(()), DEFAULT), DEFAULT) == ([], [])


def test_packages_are_those_of_scans_and_sboms(tmp_path: Path) -> None:
    """A repository may speak of the vulnerable package, or of one around it that only the SBOM lists."""
    home = _repository(tmp_path, ("pkg:deb/debian/a", "a.json"), ("pkg:deb/debian/b", "b.json"), documents=["a.json", "b.json"])
    found = repository.load(home, (home / "index.json").read_bytes(), DEFAULT)
    artifact = {"name": "a", "version": "1", "type": "deb", "purl": "pkg:deb/debian/a@1", "locations": []}
    matches = [{"vulnerability": {"id": "CVE-1", "severity": "Low"}, "matchDetails": [], "artifact": artifact}]
    scan = {"matches": matches, "source": None, "distro": {}, "descriptor": {"name": "grype", "version": "0.100.0"}}
    sbom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "b", "purl": "pkg:deb/debian/b@1"}]}
    opener = Opener(Trust(()), DEFAULT)
    for body, name in ((scan, "a.json"), (sbom, "b.json")):
        opened = opener.open_all([Document(data=json.dumps(body).encode(), origin="file", source="x")])
        listed, errors = from_repositories([found], opened, subject(), opener, DEFAULT)
        assert not errors
        assert [Path(item.document.source).name for item in listed] == [name]
        with pytest.raises(LimitExceeded):
            from_repositories([found], opened, subject(), opener, Limits(evidence_documents=0))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"packages": {}}'])
def test_an_index_that_is_none(tmp_path: Path, data: bytes) -> None:
    """Wrong shapes are an error; the list is bounded."""
    with pytest.raises(EvidenceInvalid):
        repository.load(tmp_path, data, DEFAULT)
    with pytest.raises(LimitExceeded):
        repository.load(tmp_path, b'{"packages": [{}, {}]}', Limits(components=1))


@pytest.mark.parametrize("name", ["openvex", "csaf", "cdx-vex"])
def test_the_folders_of_the_corpus_are_read_whole(name: str) -> None:
    """Every published document gives statements, or says by name why it has none."""
    found, _ = _load(corpus.folder() / name)
    opened = Opener(Trust(()), DEFAULT).open_all(found.documents)
    assert len(opened) == len([path for path in (corpus.folder() / name).iterdir() if ".json" in path.name])
    for item in opened:
        assert item.error is None, item.document.source
        assert item.reading is not None
        said = item.reading.vex.statements if item.reading.vex else ()
        assert said or {note.code for note in item.reading.diagnostics} & {"without_analysis", "embedded_vulnerabilities"}
