"""Unpacking an image for a scanner: nothing leads out, nothing dangerous is made, and what was not kept is told."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable, FormatRefused, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.rootfs import unpack
from gate.oci.source import open_source
from tests.e2e.test_inspect import built, layout
from tests.oci.layering import File, folder, hardlink, symlink

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may set owners")


def unpacked(work: Path, *layers: Iterable[File], limits: Limits = DEFAULT) -> tuple[Path, Counter[str]]:
    """The root of an image of these layers, and what was not kept."""
    name = layout(work / "image", built(*layers))
    folder = work / "private"
    folder.mkdir()
    with contextlib.closing(open_source(name, options=RegistryOptions(), limits=DEFAULT)) as source:
        image = load(source, source.resolve(), ())
        _, notes = unpack(source, image.subject, folder, limits)
    return folder / "root", notes


def test_the_merged_files_are_there(tmp_path: Path) -> None:
    """Contents, modes with setuid, hard links as one file, whiteouts applied, empty files."""
    root, notes = unpacked(
        tmp_path,
        [
            folder("etc"),
            File("etc/a", b"1", mode=0o600),
            File("etc/gone", b"x"),
            File("su", b"s", mode=0o4755),
            hardlink("su2", "su", 0o4755),
        ],
        [File("etc/a", b"22", mode=0o640), File("etc/.wh.gone"), File("etc/empty"), folder("t", 0o1777)],
    )
    assert (root / "etc/a").read_bytes() == b"22"
    assert stat.S_IMODE((root / "etc/a").stat().st_mode) == 0o640
    assert not (root / "etc/gone").exists()
    assert (root / "etc/empty").read_bytes() == b""
    assert stat.S_IMODE((root / "su").stat().st_mode) == 0o4755
    assert (root / "su").stat().st_ino == (root / "su2").stat().st_ino
    assert stat.S_IMODE((root / "t").stat().st_mode) == 0o1777
    assert notes == Counter()
    assert stat.S_IMODE(root.parent.stat().st_mode) & 0o7000 == 0


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("l", "/etc/passwd"), ("l", "../../../../../../etc/passwd"), ("d/l", "/"), ("d/l", "../.."), ("d/l", "../../../../.."),
        ("d/l", "deep/../../../../../../../etc"), ("d/l", "/proc/self/environ"), ("d/l", "l"), ("d/l", ""), ("d/l", "deep/x"),
    ],
)  # fmt: skip
def test_no_link_leads_out(place: str, target: str, tmp_path: Path) -> None:
    """Followed by the machine's own rules, every link stays inside; also through a link to a deeper place."""
    outside = tmp_path / "private" / "secret"
    files = [folder("d"), folder("d/e"), folder("d/e/f"), symlink("d/deep", "e/f"), *([symlink(place, target)] if target else [])]
    root, _ = unpacked(tmp_path, files)
    outside.write_text("no")
    for path in root.rglob("*"):
        if path.is_symlink():
            assert not os.path.isabs(os.readlink(path))
            assert Path(os.path.realpath(path)).is_relative_to(root.resolve()), (path, os.readlink(path))


def test_links_still_lead_where_they_did(tmp_path: Path) -> None:
    """An absolute link, one through another link, and a merged /usr."""
    root, _ = unpacked(
        tmp_path,
        [
            folder("usr"),
            folder("usr/lib"),
            File("usr/lib/x", b"1"),
            symlink("lib", "/usr/lib"),
            folder("a"),
            symlink("a/y", "/lib/x"),
        ],
    )
    assert (root / "a/y").read_bytes() == b"1"
    assert (root / "lib/x").read_bytes() == b"1"


def test_devices_are_never_made(tmp_path: Path) -> None:
    """Devices and fifos are left out, and counted."""
    root, notes = unpacked(
        tmp_path, [File("n", kind=tarfile.CHRTYPE), File("b", kind=tarfile.BLKTYPE), File("p", kind=tarfile.FIFOTYPE)]
    )
    assert list(root.iterdir()) == []
    assert notes == Counter({"left_out": 3})


def test_what_two_runtimes_see_differently_is_not_scanned(tmp_path: Path) -> None:
    """A scanner would see one of them."""
    with pytest.raises(EvidenceInvalid, match="cannot be told for certain"):
        unpacked(tmp_path, [File("../evil", b"x")])


def test_bounds(tmp_path: Path) -> None:
    """All contents count, also of files that a later layer replaces."""
    layers = [[File("a", bytes(600))], [File("a", bytes(600))]]
    with pytest.raises(LimitExceeded, match="unpacked_bytes"):
        unpacked(tmp_path, *layers, limits=dataclasses.replace(DEFAULT, unpacked_bytes=1000))


def test_a_name_that_no_file_system_takes(tmp_path: Path) -> None:
    """An error of its own, not a bug."""
    with pytest.raises(EvidenceUnavailable, match="could not be unpacked"):
        unpacked(tmp_path, [File("n" * 300, b"x")])


@pytest.mark.parametrize(("name", "refused"), [("etc/passwd", True), ("var/log/lastlog", False)])
def test_sparse_files(name: str, refused: bool, tmp_path: Path) -> None:
    """Never expanded: an empty one where no rule looks, refused elsewhere."""
    sparse = File(
        name,
        b"1\n0\n4\n".ljust(512, b"\0") + b"data",
        pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9999"},
    )
    if refused:
        with pytest.raises(FormatRefused, match="sparse"):
            unpacked(tmp_path, [sparse])
    else:
        root, notes = unpacked(tmp_path, [sparse])
        assert (root / name).read_bytes() == b""
        assert notes == Counter({"sparse": 1})


@ROOT
def test_owners_are_kept_for_root(tmp_path: Path) -> None:
    """A rule about owners sees the image's."""
    root, notes = unpacked(tmp_path, [dataclasses.replace(File("f", b"1", mode=0o4755), uid=1234)])
    assert (root / "f").stat().st_uid == 1234
    assert stat.S_IMODE((root / "f").stat().st_mode) == 0o4755
    assert notes == Counter()


def test_without_root_it_says_what_it_could_not_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Owners stay the gate's, and what nobody may read is made readable to it: both are counted."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "chown", lambda *_, **__: pytest.fail("not root"))
    root, notes = unpacked(tmp_path, [folder("d", 0o000), File("d/shadow", b"1", mode=0o000)])
    assert (root / "d/shadow").read_bytes() == b"1"
    assert stat.S_IMODE((root / "d/shadow").stat().st_mode) == 0o400
    assert notes["mode_not_kept"] == 2
    assert notes["owner_not_kept"] >= 1
