"""Build information of Go programs: real ones, in pieces of any size, and forged or damaged ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.fips.gobuild import GoBuild, GoSink, choose_go
from gate.oci.layertar import Header
from tests.tools import repository

FOLDER = Path(os.environ.get("GATE_CORPUS", repository().parent / "shared" / "corpus")) / "compliance" / "fips-go"
EXPECTED: dict[str, tuple[str, str, str, str]] = {
    "plain": ("", "", "", "go1.24.4"),
    "nocrypto": ("", "", "", "go1.24.4"),
    "fips-latest": ("latest", "fips140=on", "", "go1.24.4"),
    "fips-v1.0.0": ("v1.0.0", "fips140=on", "fips140v1.0", "go1.24.4"),
    "fips-v1.0.0-stripped": ("v1.0.0", "fips140=on", "fips140v1.0", "go1.24.4"),
    "fips-trim": ("v1.0.0", "fips140=on", "fips140v1.0", "go1.24.4"),
    "fips-inprocess": ("v1.0.0", "fips140=on", "fips140v1.0", "go1.24.4"),
    "only-nofips": ("", "fips140=only", "", "go1.24.4"),
    "boring": ("", "", "", "go1.24.4 X:boringcrypto"),
    "boring-stripped": ("", "", "", "go1.24.4 X:boringcrypto"),
}
ELF = b"\x7fELF" + bytes(4092)


def made(version: bytes = b"go1.25.0", text: bytes = b"path\ta\nbuild\tGOFIPS140=v1.0.0\n", flags: int = 2) -> bytes:
    """A section of build information."""
    body = b"0" * 16 + text + b"1" * 16
    sizes = [bytes([len(version)]), bytes([len(body) & 0x7F | 0x80, len(body) >> 7])]
    return b"\xff Go buildinf:\x08" + bytes([flags]) + bytes(16) + sizes[0] + version + sizes[1] + body


def look(data: bytes, size: int = 1 << 20) -> GoBuild | None:
    """What is found when the file passes by in pieces of a size."""
    sink = GoSink()
    for start in range(0, len(data), size):
        sink.feed(memoryview(data)[start : start + size])
    return sink.result()


@pytest.mark.parametrize("name", EXPECTED)
def test_real_build_information(name: str) -> None:
    """Settings are as `go version -m` prints them, each on its own."""
    path = FOLDER / f"{name}.go.buildinfo.bin"
    if not path.is_file():
        pytest.skip(f"no corpus folder at {FOLDER} (GATE_CORPUS)")
    found = look(ELF + path.read_bytes(), 100)
    assert found is not None
    said = dict(found.settings)
    assert (said.get("GOFIPS140", ""), said.get("DefaultGODEBUG", ""), said.get("-tags", ""), found.version) == EXPECTED[name]


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 400), before=st.integers(0, 60))
def test_pieces_may_be_cut_anywhere(size: int, before: int) -> None:
    """The same facts come out, also of what stands across a border."""
    traces = b"crypto/internal/fips140/v1.0.0-c2097c7c/aes.init\0_goboringcrypto_AES\0"
    found = look(ELF[: 16 * 8] + bytes(before * 16) + made() + traces + bytes(1000), size)
    assert found == GoBuild("go1.25.0", (("GOFIPS140", "v1.0.0"),), (), ("v1.0.0-c2097c7c",), True, crypto=False)


@pytest.mark.parametrize(
    "data",
    [
        b"#!/bin/sh\n" + bytes(6) + made(),
        ELF + bytes(8) + made(),
        ELF + made(flags=0),
        ELF + made(version=b"rustc"),
        ELF + made()[:-1],
        ELF + b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff" * 40,
        ELF + b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff\xff\xff\x7f" + bytes(100),
        ELF,
        b"",
    ],
    ids=["script", "unaligned", "pointers", "other", "cut", "endless", "huge", "none", "empty"],
)
def test_what_is_no_build_information(data: bytes) -> None:
    """Nothing is made up."""
    assert look(data) is None and look(data, 7) is None


def test_a_forged_magic_does_not_hide_the_true_one() -> None:
    """As in programs that themselves look for it."""
    fake = b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x05hello" + bytes(10)
    assert look(ELF + fake + made(), 50) == look(ELF + made())


def test_a_long_false_beginning_does_not_hide_the_true_one() -> None:
    """What the false one claims as its text is looked through again; too many of them are said, and take no time."""
    false = b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\x02go" + b"\x80\x10" + bytes(11)
    long = ELF + false + made() + bytes(4000)
    for size in (100, 5000, 1 << 20):
        assert look(long, size) == look(ELF + made())
    many = look(ELF + false * 200 + made() + bytes(4000), 333)
    assert many is not None and many.version == "" and many.settings == ()


def test_modules_are_listed() -> None:
    """Cryptography from outside the module boundary is seen by its module."""
    found = look(ELF + made(text=b'mod\tm\t(devel)\ndep\tgolang.org/x/crypto\tv0.31.0\th1:x=\nbuild\t-ldflags="-s -w"\n'))
    assert found is not None and found.modules == (("m", "(devel)"), ("golang.org/x/crypto", "v0.31.0"))
    assert found.settings == (("-ldflags", "-s -w"),)


def test_only_what_may_be_a_program_is_chosen() -> None:
    """By size alone: a loader starts what nobody may execute."""

    def header(path: str, mode: int, size: int) -> Header:
        return Header(path, "file", mode, 0, 0, size, "", (), b"", False)

    assert choose_go(header("app", 0o755, 10_000)) and choose_go(header("x.so.1", 0o644, 10_000))
    assert choose_go(header("app", 0o644, 10_000)) and choose_go(header("app", 0o755, 100)) is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 100))
def test_any_bytes_after_the_magic(data: bytes, size: int) -> None:
    """Never an error."""
    look(ELF + b"\xff Go buildinf:\x08\x02" + data, size)
