"""The tar reader, against Python's own as writer and against hostile archives."""

import dataclasses
import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, EvidenceUnavailable, FormatRefused, GateError, LimitExceeded
from gate.limits import DEFAULT
from gate.oci.bound import Bound
from gate.oci.tar import TarFiles
from tests.fakes.images import write_tar

BIG = Bound("document_bytes", 10_000_000)


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, mode: str = "w") -> Path:
    with tarfile.open(path, mode, format=form) as archive:  # type: ignore[call-overload]
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def _info(name: str, **fields: Any) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(member, field, value)
    return member


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_every_form_is_read(tmp_path: Path, form: int, mode: str) -> None:
    """ustar with a prefix, GNU long names, pax paths; plain and gzipped; JSON kept and not kept."""
    names = ["a.json", "x" * 90 + "/" + "y" * 60, "./dot/b.bin", "blobs/sha256/c"]
    data = [b'{"a":1}', b"{}" * 600, b"\1\2\3" * 999, b""]
    path = _tar(tmp_path / "t", *((_info(n), d) for n, d in zip(names, data, strict=True)), form=form, mode=mode)
    files = TarFiles(path, DEFAULT)
    for name, expected in zip(names, data, strict=True):
        clean = name.removeprefix("./")
        assert files.size(clean) == len(expected)
        assert files.read(clean, BIG) == expected
    assert files.names("blobs/sha256") == ["blobs/sha256/c"]
    assert files.names("dot") == ["dot/b.bin"]
    assert files.read("missing", BIG) is None
    files.close()


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../b", "/etc/passwd", "a\\..\\b", ".."])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    """The whole archive is, for it was made to harm."""
    with pytest.raises(EvidenceInvalid, match="holds a file named"):
        TarFiles(_tar(tmp_path / "t", (_info("a"), b""), (_info(name), b"x")), DEFAULT)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S", b"V"])
def test_devices_and_special_members_are_refused(tmp_path: Path, kind: bytes) -> None:
    """No image archive holds one."""
    with pytest.raises(EvidenceInvalid, match="special file"):
        TarFiles(_tar(tmp_path / "t", (_info("a", type=kind), b"")), DEFAULT)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_not_followed(tmp_path: Path, kind: bytes) -> None:
    """Neither to this machine's files nor within the archive; old `docker save` has some among the layers."""
    files = TarFiles(_tar(tmp_path / "t", (_info("manifest.json", type=kind, linkname="/etc/passwd"), b"")), DEFAULT)
    with pytest.raises(EvidenceInvalid, match="is a link"):
        files.read("manifest.json", BIG)
    files.close()


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """The first counts for some readers, the last for others."""
    with pytest.raises(EvidenceInvalid, match="twice"):
        TarFiles(_tar(tmp_path / "t", (_info("a"), b"1"), (_info("./a"), b"2")), DEFAULT)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_cut_archive_is_invalid_wherever_it_is_cut(tmp_path: Path, mode: str) -> None:
    """In a header, in a file, before the end marker, in the middle of the compressed stream."""
    whole = write_tar(tmp_path / "t", {"a.json": b"{}" * 700, "b": b"\1" * 3000}, mode).read_bytes()
    end = len(whole) if mode == "w:gz" else 512 + 1536 + 512 + 3072
    for length in {1, 100, 511, 600, 1100, 2048, 2600, end - 600, end - 1, end} & set(range(1, end + (mode == "w"))):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(EvidenceInvalid):
            TarFiles(tmp_path / "cut", DEFAULT)


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 100, b"x" * 2000, b"\x1f\x8b" + b"x" * 100, gzip.compress(b"no tar" * 200, mtime=0)],
    ids=["empty", "short", "text", "no gzip", "no tar"],
)
def test_what_is_no_tar_is_invalid(tmp_path: Path, data: bytes) -> None:
    """Also when it only begins like a gzip file."""
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(EvidenceInvalid):
        TarFiles(tmp_path / "t", DEFAULT)


@pytest.mark.parametrize(
    ("magic", "name"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh91", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\x03\x04", "zip")]
)
def test_other_compressions_are_refused_by_name(tmp_path: Path, magic: bytes, name: str) -> None:
    """With what to do instead."""
    (tmp_path / "t").write_bytes(magic + b"x" * 100)
    with pytest.raises(FormatRefused, match=name):
        TarFiles(tmp_path / "t", DEFAULT)


def test_a_decompression_bomb_ends_at_the_bound(tmp_path: Path) -> None:
    """The unpacked size is counted, not the file's."""
    write_tar(tmp_path / "t", {"zeros": b"\0" * 5_000_000}, "w:gz")
    assert (tmp_path / "t").stat().st_size < 20_000
    with pytest.raises(LimitExceeded) as caught:
        TarFiles(tmp_path / "t", dataclasses.replace(DEFAULT, archive_bytes=1_000_000))
    assert caught.value.limit == "archive_bytes"


def test_members_are_counted(tmp_path: Path) -> None:
    """By the bound's name."""
    write_tar(tmp_path / "t", {str(number): b"" for number in range(20)})
    with pytest.raises(LimitExceeded) as caught:
        TarFiles(tmp_path / "t", dataclasses.replace(DEFAULT, archive_members=10))
    assert caught.value.limit == "archive_members"


def test_a_huge_extended_header_is_not_read(tmp_path: Path) -> None:
    """Python's own reader would take it into memory whole."""
    header = _info("x", type=b"x", size=3 * 1024**3).tobuf()
    (tmp_path / "t").write_bytes(header + b"\0" * 4096)
    with pytest.raises(EvidenceInvalid, match="extended header"):
        TarFiles(tmp_path / "t", DEFAULT)


@pytest.mark.parametrize(
    "records", [{"GNU.sparse.major": "1"}, {"size": "-5"}, {"size": "9" * 30}, {"path": "../x"}, {"path": "/x"}]
)
def test_tricks_in_pax_headers_are_refused(tmp_path: Path, records: dict[str, str]) -> None:
    """A second name, a second size, a sparse map."""
    with pytest.raises(EvidenceInvalid):
        TarFiles(_tar(tmp_path / "t", (_info("a", pax_headers=records), b"abc")), DEFAULT)


def test_a_wrong_header_sum_is_damage(tmp_path: Path) -> None:
    """One flipped bit."""
    data = bytearray(write_tar(tmp_path / "t", {"a": b"x"}).read_bytes())
    data[5] ^= 1
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(EvidenceInvalid, match="damaged"):
        TarFiles(tmp_path / "t", DEFAULT)


def test_a_member_beyond_the_readers_bound_is_a_limit(tmp_path: Path) -> None:
    """The reader of a manifest does not get a film."""
    files = TarFiles(write_tar(tmp_path / "t", {"a": b"x" * 100}), DEFAULT)
    with pytest.raises(LimitExceeded) as caught:
        files.read("a", Bound("manifest_bytes", 99))
    assert caught.value.limit == "manifest_bytes"
    files.close()


def test_an_archive_that_shrinks_while_it_is_read_is_invalid(tmp_path: Path) -> None:
    """No short read passes for the document."""
    path = write_tar(tmp_path / "t", {"a": b"x" * 5000})
    files = TarFiles(path, DEFAULT)
    with path.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(EvidenceInvalid, match="has changed"):
        files.read("a", BIG)
    files.close()


def test_a_missing_file_is_unavailable(tmp_path: Path) -> None:
    """And no traceback."""
    with pytest.raises(EvidenceUnavailable):
        TarFiles(tmp_path / "none", DEFAULT)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 255))
def test_any_changed_byte_gives_a_result_or_our_error(tmp_path_factory: pytest.TempPathFactory, place: int, value: int) -> None:
    """Fuzzing one byte of a real archive."""
    folder = tmp_path_factory.mktemp("fuzz")
    data = bytearray(write_tar(folder / "t", {"a.json": b"{}", "b/c": b"data" * 100}).read_bytes())
    data[place] = value
    (folder / "t").write_bytes(data)
    try:
        files = TarFiles(folder / "t", DEFAULT)
        for name in ("a.json", "b/c"):
            files.read(name, BIG)
        files.close()
    except GateError:
        return


def test_a_pax_record_of_a_length_too_long_to_be_a_number_is_refused(tmp_path: Path) -> None:
    """Python reads no number of more than 4,300 digits."""
    data = (b"000099999" + b"0" * 5000 + b" a=b\n").ljust(100_000, b"0")
    (tmp_path / "t").write_bytes(_info("x", type=b"x", size=len(data)).tobuf() + data + b"\0" * 2048)
    with pytest.raises(EvidenceInvalid, match="damaged"):
        TarFiles(tmp_path / "t", DEFAULT)
