"""The merged file system: whiteouts, links and duplicates against a reference, and the layers' own view."""

from __future__ import annotations

import dataclasses
import gzip
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import DEFAULT
from gate.oci.filesystem import Digest, read_layers
from tests.oci.layering import File, blob, codes, folder, hardlink, listing, read, reference, symlink, tar_of

WH = ".wh."
OPQ = ".wh..wh..opq"

CASES: dict[str, list[list[File]]] = {
    "a file": [[File("a", b"1", mode=0o4755)]],
    "a later layer replaces": [[File("a", b"1")], [File("a", b"2")]],
    "a whiteout removes a file": [[File("a", b"1"), File("b", b"2")], [File(WH + "a")]],
    "a whiteout removes a tree": [[folder("d"), folder("d/e"), File("d/e/f", b"1"), File("k")], [File(WH + "d")]],
    "a whiteout, then the name again": [[folder("d"), File("d/old")], [File(WH + "d"), folder("d", 0o700), File("d/new")]],
    "an opaque directory": [[folder("d"), File("d/old"), File("o")], [folder("d"), File(f"d/{OPQ}"), File("d/new", b"n")]],
    "opaque, a level deeper": [
        [folder("d"), folder("d/e"), File("d/e/old"), File("d/x")],
        [folder("d"), File(f"d/{OPQ}"), folder("d/e"), File("d/e/new")],
    ],
    "a whiteout of nothing": [[File("a")], [File(WH + "b")]],
    "a file for a directory": [[folder("d"), File("d/x")], [File("d", b"file")]],
    "a directory for a file": [[File("d", b"file")], [folder("d"), File("d/x")]],
    "a directory's mode changes": [[folder("d", 0o755), File("d/x")], [folder("d", 0o1777)]],
    "hard links": [[File("a", b"1", mode=0o755), hardlink("b", "a", 0o755)], [File("a", b"2", mode=0o755)]],
    "symlinks": [
        [folder("usr"), folder("usr/lib"), symlink("lib", "usr/lib"), File("usr/lib/x", b"1")],
        [symlink("y", "/lib/x")],
    ],
    "a whiteout of a symlink": [[folder("t"), File("t/x"), symlink("s", "t")], [File(WH + "s")]],
    "dots and slashes": [[folder("./"), File("./a", b"1"), folder("./d//"), File("./d/./b", b"2")]],
    "long names": [[folder("d" * 90), File(f"{'d' * 90}/{'e' * 120}", b"1")]],
    "names in other letters": [[File("ümläut", b"1")]],
}


@pytest.mark.parametrize("name", CASES)
def test_merging_is_what_extraction_gives(name: str, tmp_path: Path) -> None:
    """Names, kinds, modes, link targets and contents are those of sequential extraction."""
    layers = CASES[name]
    assert listing(read(*layers)) == reference(layers, tmp_path / "root")


_NAMES = st.sampled_from(["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a"])
_FILES = st.builds(
    lambda name, what, data: folder(name) if what == "dir" else File(name, data),
    _NAMES,
    st.sampled_from(["dir", "file"]),
    st.binary(max_size=3),
)
_WHITEOUTS = st.sampled_from([File(f"{place}{WH}{name}") for place in ("", "d/", "d/e/") for name in ("a", "d", "e", ".wh..opq")])


def _sound(layers: list[list[File]]) -> list[list[File]]:
    """Whiteouts first, each name once, directories before what is in them and never below a file of the same layer."""
    out = []
    for number, files in enumerate(layers):
        unique: dict[str, File] = {}
        for file in sorted(files, key=lambda file: (file.name.count("/"), ".wh." not in file.name)):
            parents = ["/".join(file.name.split("/")[:n]) for n in range(1, file.name.count("/") + 1)]
            if number == 0 and ".wh." in file.name:
                continue
            if any(parent in unique and unique[parent].kind != tarfile.DIRTYPE for parent in parents):
                continue
            for parent in parents:
                unique.setdefault(parent, folder(parent))
            unique.setdefault(file.name, file)
        out.append(sorted(unique.values(), key=lambda file: (".wh." not in file.name, file.name.count("/"))))
    return out


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layers=st.lists(st.lists(st.one_of(_FILES, _WHITEOUTS), max_size=6), min_size=1, max_size=3))
def test_any_layers_merge_as_they_extract(layers: list[list[File]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Random layers of files, directories and whiteouts give what extraction gives."""
    sound = _sound(layers)
    for number, files in enumerate(sound):
        places = {file.name.rpartition("/")[0] for file in files if ".wh." in file.name}
        if number and any(not _is_folder(read(*sound[:number]), place) for place in places):
            return  # the reference cannot remove from a directory that is none
    assert listing(read(*sound)) == reference(sound, tmp_path_factory.mktemp("any") / "root")


def _is_folder(found: object, place: str) -> bool:
    entry = found.tree.get(place) if place else None  # type: ignore[attr-defined]
    return not place or (entry is not None and entry.kind == "dir")


def test_what_is_deleted_is_still_shipped() -> None:
    """A key that a later layer deletes is found, with the layer that ships it."""
    found = read([folder("k"), File("k/key", b"secret"), File("stay")], [File(f"k/{WH}key")], [File("stay", b"new")])
    assert [(entry.path, entry.layer, entry.found) for entry in found.hidden()] == [("k/key", 0, b"secret"), ("stay", 0, None)]
    assert found.tree.get("k/key") is None and found.layers[1].whiteouts == 1


def test_a_whiteout_spares_its_own_layer_and_says_so() -> None:
    """By the specification it hides what is below only; one runtime deletes both, so the tree is not certain."""
    found = read([File("a", b"old")], [File("a", b"new"), File(WH + "a")])
    assert found.tree.get("a") is not None
    assert "whiteout_of_own_layer" in codes(found) and not found.certain


def test_links_are_followed_inside_the_root_only() -> None:
    """A link to the machine's own files leads to the image's, or nowhere; circles end."""
    found = read([
        folder("etc"), File("etc/passwd", b"image"), symlink("up", "../../../etc/passwd"), symlink("abs", "/etc/passwd"),
        symlink("loop", "loop"), symlink("gone", "/etc/shadow"), symlink("dir", "/etc"),
    ])  # fmt: skip
    get = found.tree.get
    assert {get(name).found for name in ("up", "abs", "dir/passwd")} == {b"image"}  # type: ignore[union-attr]
    assert get("loop") is None and get("gone") is None and get("dir/none") is None
    assert get("up", follow=False).kind == "symlink"  # type: ignore[union-attr]
    assert "link_leads_out" in codes(found) and found.certain


def test_a_file_put_through_a_link_of_a_lower_layer_is_uncertain() -> None:
    """One runtime writes to the target, another replaces the link: both are said."""
    found = read([folder("usr"), folder("usr/lib"), symlink("lib", "usr/lib")], [File("lib/x", b"1")])
    assert found.tree.get("usr/lib/x") is not None
    assert codes(found) == {"through_link"} and not found.certain


def test_hard_links_share_the_inode() -> None:
    """Mode, size and contents are the target's; setuid on either counts."""
    found = read([File("a", b"12", mode=0o4755), hardlink("b", "./a"), hardlink("c", "none"), hardlink("d", "../a", 0o2755)])
    entry = found.tree.get("b")
    assert entry is not None and (entry.mode, entry.size, entry.found, entry.link) == (0o4755, 2, b"12", "a")
    assert found.tree.get("c") is None and found.tree.get("d").mode == 0o6755  # type: ignore[union-attr]
    assert codes(found) == {"broken_hard_link", "hard_link_mode", "link_leads_out"}


def test_attributes_are_read() -> None:
    """File capabilities and the names of other extended attributes."""
    raw = "\x01\x00\x00\x02\x00\x04\x00\x00"
    found = read([File("ping", b"x", pax={"SCHILY.xattr.security.capability": raw, "SCHILY.xattr.user.a": "1"}, uid=3_000_000)])
    entry = found.tree.get("ping")
    assert entry is not None and entry.capability == raw.encode() and entry.uid == 3_000_000
    assert entry.xattrs == ("security.capability", "user.a")


def test_a_chosen_file_is_hashed_and_others_pass_by() -> None:
    """The choice is made from the header; what was not chosen has no contents."""
    found = read([File("a", b"1"), File("b", b"2")], choose=lambda header: Digest() if header.path == "a" else None)
    assert found.tree.get("a").found.startswith("sha256:6b86b2")  # type: ignore[union-attr]
    assert found.tree.get("b").found is None  # type: ignore[union-attr]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_every_tar_dialect_is_read(form: int) -> None:
    """Long names of GNU, pax and ustar."""
    name = f"{'d' * 90}/{'f' * 60}"
    layer = blob(tar_of([folder("d" * 90), File(name, b"1", mode=0o600)], form))
    entry = read_layers([layer], lambda header: None, DEFAULT).tree.get(name)
    assert entry is not None and entry.mode == 0o600


def test_plain_and_many_gzip_members_are_read() -> None:
    """What packs a layer is told by its bytes; eStargz writes a member per file."""
    tar = tar_of([File("a", os.urandom(5000)), File("b", b"2")])
    members = b"".join(gzip.compress(tar[start : start + 700]) for start in range(0, len(tar), 700))
    for packed in (tar, members, gzip.compress(tar) + bytes(512)):
        found = read_layers([blob(tar, packed)], lambda header: None, DEFAULT)
        assert found.tree.get("b") is not None


@pytest.mark.parametrize(("magic", "name"), [(b"BZh9", "bzip2"), (b"\xfd7zXZ\0", "xz")])
def test_other_packings_are_refused_by_name(magic: bytes, name: str) -> None:
    """Never guessed at."""
    with pytest.raises(FormatRefused, match=name):
        read_layers([blob(b"", magic + bytes(100))], lambda header: None, DEFAULT)


def test_another_diff_id_is_refused() -> None:
    """The configuration names the uncompressed bytes; runtimes refuse others, and a daemon tarball has no other check."""
    layer = dataclasses.replace(blob(tar_of([File("a")])), diff_id="sha256:" + "0" * 64)
    with pytest.raises(EvidenceInvalid, match="not the one that the configuration names"):
        read_layers([layer], lambda header: None, DEFAULT)


def test_kept_contents_are_bounded() -> None:
    """However many files are chosen."""
    with pytest.raises(LimitExceeded) as caught:
        read([File(str(number), bytes(100)) for number in range(20)], limits=dataclasses.replace(DEFAULT, image_kept_bytes=1000))
    assert caught.value.limit == "image_kept_bytes"
