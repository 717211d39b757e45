"""Hostile layers: bounded, counted by name, never followed, never expanded."""

from __future__ import annotations

import dataclasses
import gzip
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import DEFAULT
from gate.oci.filesystem import FileSystem, read_layers
from tests.oci.layering import File, blob, codes, folder, hardlink, keep_all, read, symlink, tar_of

END = bytes(1024)


def raw(tar: bytes) -> FileSystem:
    """The file system of one layer of these bytes."""
    return read_layers([blob(tar)], keep_all, DEFAULT)


def header(name: str, size: int, flag: bytes = b"0", mode: int = 0o644, patch: dict[int, bytes] | None = None) -> bytes:
    """One header block with a good sum."""
    info = tarfile.TarInfo(name)
    info.mode = mode
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    block[124:136] = b"%011o\0" % size
    block[156:157] = flag
    for place, data in (patch or {}).items():
        block[place : place + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(records: dict[str, bytes], flag: bytes = b"x") -> bytes:
    """An extended header."""
    data = b""
    for key, value in records.items():
        length = len(key) + len(value) + 3
        while len(str(length)) + len(key) + len(value) + 3 != length:
            length = len(str(length)) + len(key) + len(value) + 3
        data += b"%d %s=%s\n" % (length, key.encode(), value)
    return header("pax", len(data), flag) + data + bytes(-len(data) % 512)


def plain(name: str, data: bytes = b"", flag: bytes = b"0") -> bytes:
    """A header with contents."""
    return header(name, len(data), flag) + data + bytes(-len(data) % 512)


def test_names_that_lead_out_stay_inside_and_are_said() -> None:
    """``..`` and absolute names are joined to the root, as runtimes do."""
    found = read([File("../../etc/cron.d/x", b"1"), File("/abs", b"2"), folder("a"), File("a/../b", b"3")])
    assert found.tree.get("etc/cron.d/x") and found.tree.get("abs") and found.tree.get("b")
    assert {"leads_out", "dotted_name"} <= codes(found) and not found.certain


def test_devices_and_fifos_are_facts() -> None:
    """They are listed by kind; nothing is opened."""
    found = read([File("null", kind=tarfile.CHRTYPE), File("sda", kind=tarfile.BLKTYPE), File("p", kind=tarfile.FIFOTYPE)])
    assert [entry.kind for entry in found.layers[0].entries] == ["char", "block", "fifo"]
    assert codes(found) == {"device"}


def test_entries_are_bounded_also_the_implied_ones() -> None:
    """A billion files, a billion directories in one name, and a billion headers that say nothing."""
    few = dataclasses.replace(DEFAULT, image_entries=100)
    for tar in (
        tar_of([File(str(number)) for number in range(200)]),
        tar_of([File("/".join("a" * 200))]),
        tar_of([File("x") for _ in range(200)]),
        pax({"comment": b"x"}) * 500,
        b"".join(plain(f".wh.{number}") for number in range(200)) + END,
    ):
        with pytest.raises(LimitExceeded) as caught:
            read_layers([blob(tar)], keep_all, few)
        assert caught.value.limit == "image_entries"


def test_long_names_are_bounded() -> None:
    """Few entries may still fill the memory, with names of 4 KiB and attributes of 1 MiB."""
    deep = "/".join("a" * 1900)
    for files in ([File(f"{deep}/{number}") for number in range(30)], [symlink(str(number), "x" * 4000) for number in range(30)]):
        with pytest.raises(LimitExceeded) as caught:
            read(files, limits=dataclasses.replace(DEFAULT, image_kept_bytes=100_000))
        assert caught.value.limit == "image_kept_bytes"


@pytest.mark.parametrize("kind", ["links", "marks"])
def test_work_is_bounded(kind: str) -> None:
    """Links with long ways through links, and marks that empty a full directory again and again."""
    if kind == "links":
        files = [
            folder("d"),
            *(symlink(f"l{number}", "./" * 1000 + f"l{number - 1}") for number in range(1, 40)),
            symlink("l0", "d"),
        ]
        files += [File(f"l39/{number}") for number in range(100)]
    else:
        files = [folder("d"), *(File(f"d/{number}") for number in range(400)), *(File("d/.wh..wh..opq") for _ in range(400))]
    with pytest.raises(LimitExceeded, match="steps"):
        read(files, limits=dataclasses.replace(DEFAULT, image_entries=1000))


def test_a_gzip_bomb_is_bounded() -> None:
    """By the unpacked bytes of the layer; what is kept of it is nothing."""
    tar = header("zeros", 1 << 33) + bytes(64 << 20)
    with pytest.raises(LimitExceeded) as caught:
        read_layers([blob(tar)], lambda header: None, dataclasses.replace(DEFAULT, image_bytes=16 << 20))
    assert caught.value.limit == "image_bytes"


@pytest.mark.parametrize(
    "tar",
    [
        pax({"GNU.sparse.major": b"1", "GNU.sparse.minor": b"0", "GNU.sparse.name": b"big", "GNU.sparse.realsize": b"9" * 15})
        + plain("GNUSparseFile.1/big", b"0\n" + bytes(510)),
        header("big", 0, b"S", patch={482: b"\1", 483: b"77777777777\0"}) + bytes(504) + b"\1" + bytes(7) + bytes(512),
    ],
    ids=["pax", "gnu"],
)
def test_a_sparse_file_is_never_expanded(tar: bytes) -> None:
    """Its size is said, its contents are not looked at, and what follows is read."""
    found = raw(tar + plain("after", b"1") + END)
    big = found.tree.get("big")
    assert big is not None and big.size > 1 << 30 and big.found is None and codes(found) == {"sparse"}
    assert found.tree.get("after") is not None


def test_the_last_of_two_entries_counts() -> None:
    """As it does on extraction; that there were two is said, and the first is still shipped."""
    found = read([File("a", b"1"), File("a", b"2")])
    assert found.tree.get("a").found == b"2"  # type: ignore[union-attr]
    assert codes(found) == {"duplicate"} and [entry.found for entry in found.hidden()] == [b"1"]


def test_circles_of_links_end() -> None:
    """Names below links that go round are left out, and said."""
    found = read([symlink("a", "b"), symlink("b", "a"), File("a/x", b"1"), hardlink("h", "a/x")])
    assert codes(found) == {"unreachable", "broken_hard_link"} and not found.certain


@pytest.mark.parametrize(
    ("tar", "code"),
    [
        (plain("a") + END + b"hidden" + bytes(506), "bytes_after_end"),
        (plain("a"), "no_end_marker"),
        (plain("a") + bytes(512), "no_end_marker"),
        (pax({"path": b"other"}, b"g") + plain("a") + END, "global_header"),
        (plain("a") + header("x", 0, b"?") + END, "unknown_type"),
        (plain("a") + pax({"path": b"x" * 5000}) + plain("b") + END, "impossible_name"),
        (plain("a") + header("link", 512, b"2") + END, "contents_of_no_file"),
        (plain("a") + plain("a/b") + END, "file_as_directory"),
        (plain("a") + plain(".wh..") + END, "odd_whiteout"),
        (plain("a") + header(".wh.a", 0, b"2") + END, "odd_whiteout"),
        (plain("a") + plain(".wh..wh.plnk") + END, "aufs_metadata"),
    ],
)
def test_what_is_odd_has_a_name(tar: bytes, code: str) -> None:
    """It is counted, with the layer and the first place, and reading goes on."""
    found = raw(tar)
    assert code in codes(found) and found.tree.get("a") is not None


@pytest.mark.parametrize(
    "tar",
    [
        b"no tar at all" + bytes(1011),
        plain("a")[:100],
        header("a", 5000) + bytes(512),
        plain("a") + bytes(512) + plain("b") + END,
        header("a", 0, patch={124: b"\xff" * 12}) + END,
        header("a", 0, patch={100: b"0x12zz!!"}) + END,
        header("pax", 1 << 21, b"x") + bytes(1 << 21) + END,
        header("pax", 5, b"x") + b"9 a=b" + bytes(507) + END,
        header("pax", 5, b"x") + b"-5 a=" + bytes(507) + END,
        header("pax", 6, b"x") + b"3 a=b\n" + bytes(506) + END,
        pax({"size": b"-1"}) + plain("a") + END,
        pax({"size": b"1_0"}) + plain("a") + END,
        header("s", 0, b"S", patch={482: b"\1"}),
        plain("a") + b"\1" * 512,
    ],
)
def test_what_no_runtime_can_read_is_refused(tar: bytes) -> None:
    """Wrong sums, cut streams, numbers that are none."""
    with pytest.raises(EvidenceInvalid):
        raw(tar)


@pytest.mark.parametrize("cut", [5, 30, -1, -8, -9])
def test_a_cut_gzip_stream_is_refused(cut: int) -> None:
    """Also where its sum is missing."""
    tar = tar_of([File("a", b"1" * 5000)])
    with pytest.raises(EvidenceInvalid):
        read_layers([blob(tar, gzip.compress(tar)[:cut])], keep_all, DEFAULT)


def test_a_wrong_sum_and_rubbish_behind_gzip_are_refused() -> None:
    """Zlib's own checks reach the caller as ours."""
    tar = tar_of([File("a", b"1" * 5000)])
    good = gzip.compress(tar)
    for bad in (good[:-8] + bytes(4) + good[-4:], good + b"rubbish", b"\x1f\x8b" + zlib.compress(tar)):
        with pytest.raises(EvidenceInvalid):
            read_layers([blob(tar, bad)], keep_all, DEFAULT)


def test_negative_and_large_owners_are_read() -> None:
    """GNU base 256, as Go and tar write it."""
    tar = header("a", 0, patch={108: b"\xff" * 8, 116: b"\x80\0\0\0" + (3_000_000_000).to_bytes(4, "big")}) + END
    entry = raw(tar).tree.get("a")
    assert entry is not None and (entry.uid, entry.gid) == (-1, 3_000_000_000)


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 3000), data=st.binary(min_size=1, max_size=8))
def test_no_damage_raises_anything_else(place: int, data: bytes) -> None:
    """Any byte may be anything."""
    tar = bytearray(
        tar_of([folder("d"), File("d/a", b"1", pax={"SCHILY.xattr.user.x": "1"}), symlink("s", "d"), hardlink("h", "d/a")])
    )
    place %= len(tar) - len(data)
    tar[place : place + len(data)] = data
    try:
        raw(bytes(tar))
    except EvidenceInvalid:
        return


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_give_a_file_system_or_our_error(data: bytes) -> None:
    """Plain bytes and rubbish after a gzip magic."""
    for packed in (data, b"\x1f\x8b\x08\x00" + data):
        try:
            read_layers([blob(data, packed)], keep_all, DEFAULT)
        except EvidenceInvalid:
            continue
