"""Layers packed with Zstandard: honest, of many frames, chunked, and hostile."""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
from typing import Any

import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.oci.filesystem import read_layers
from gate.oci.unpack import Unpacked
from tests.oci.layering import File, blob, tar_of

TAR = tar_of([File("a", os.urandom(5000)), File("b", b"2" * 300_000), File("c", b"end")])


def skipped(data: bytes, nibble: int = 0) -> bytes:
    """A frame that is to be skipped."""
    return struct.pack("<II", 0x184D2A50 + nibble, len(data)) + data


def unpacked(packed: bytes, limits: Limits = DEFAULT) -> bytes:
    """What a layer comes to."""
    return b"".join(bytes(piece) for piece in Unpacked([packed], "layer", limits).pieces(1 << 62))


def seen(packed: bytes) -> list[str]:
    """Paths in a layer, whose diff id is that of `TAR`."""
    return sorted(entry.path for entry in read_layers([blob(TAR, packed)], lambda header: None, DEFAULT).entries())


@pytest.mark.parametrize("level", [-5, 3, 19])
def test_one_frame(level: int) -> None:
    """Of every level, with a checksum and without."""
    assert seen(zstd.compress(TAR, level)) == ["a", "b", "c"]
    assert seen(zstd.compress(TAR, options={zstd.CompressionParameter.checksum_flag: 1})) == ["a", "b", "c"]


def test_many_frames_and_those_to_be_skipped() -> None:
    """zstd:chunked has a frame for every file and its table of contents in frames to be skipped; one may also come first."""
    frames = b"".join(zstd.compress(TAR[start : start + 700]) for start in range(0, len(TAR), 700))
    for packed in (
        frames,
        frames + skipped(b"toc" * 100, 15) + skipped(b"GNUlInUx"),
        skipped(b"") + frames,
        skipped(b"x" * 70_000, 3) + frames,
    ):
        assert seen(packed) == ["a", "b", "c"]


def test_what_the_real_program_writes() -> None:
    """From a pipe, so that the frame does not say how long it is."""
    if shutil.which("zstd") is None:
        pytest.skip("there is no zstd here")
    assert seen(subprocess.run(["zstd", "-c"], input=TAR, capture_output=True, check=True).stdout) == ["a", "b", "c"]


def test_a_bomb_is_bounded_in_size_and_memory() -> None:
    """4 GB in 130 kB: it ends at the limit, and no piece is longer than a megabyte."""
    packed = zstd.compress(bytes(64 * 1024 * 1024)) * 64
    stream = Unpacked([packed], "layer", dataclasses.replace(DEFAULT, image_bytes=300_000_000))
    tracemalloc.start()
    with pytest.raises(LimitExceeded) as caught:
        for piece in stream.pieces(1 << 62):
            assert len(piece) <= 1024 * 1024
    assert caught.value.limit == "image_bytes"
    assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    tracemalloc.stop()


def test_a_window_that_fills_memory_is_refused() -> None:
    """A frame may ask for two gigabytes before its first byte; 128 MiB are taken."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0x00, (31 - 10) << 3]) + b"\x01\x00\x00"
    with pytest.raises(FormatRefused, match="window of more than 128 MiB"):
        unpacked(header)
    assert unpacked(b"\x28\xb5\x2f\xfd" + bytes([0x00, (27 - 10) << 3]) + b"\x01\x00\x00") == b""


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (zstd.compress(TAR)[:-1], "is cut"),
        (zstd.compress(TAR)[:40], "is cut"),
        (zstd.compress(TAR)[:5], "is cut"),
        (zstd.compress(TAR) + b"\x28\xb5", "is cut"),
        (zstd.compress(TAR) + b"trailing", "is damaged"),
        (zstd.compress(TAR) + bytes(64), "is damaged"),
        (skipped(b"x" * 100)[:50], "is cut"),
        (skipped(b"x"), "no tar stream|diff id|configuration names|is cut"),
    ],
)
def test_what_is_no_whole_stream_is_refused(packed: bytes, text: str) -> None:
    """Never taken for a shorter layer."""
    with pytest.raises(EvidenceInvalid, match=text):
        seen(packed)


def test_a_changed_byte_is_noticed() -> None:
    """By the frame's own sum, or by the diff id."""
    packed = bytearray(zstd.compress(TAR, options={zstd.CompressionParameter.checksum_flag: 1}))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(EvidenceInvalid):
        seen(bytes(packed))


def test_without_the_package_it_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name in {"backports", "compression"}:
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FormatRefused) as caught:
        unpacked(zstd.compress(TAR))
    assert "policy-gate[zstd]" in caught.value.fix


def test_it_is_imported_only_for_such_a_layer() -> None:
    """Reading gzip must not load it."""
    code = "import sys, gate.limits, gate.oci.unpack as u; list(u.Unpacked([b'x' * 600], 'l', gate.limits.DEFAULT).pieces(9))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print('backports.zstd' in sys.modules)"], capture_output=True, check=True
    )
    assert done.stdout.strip() == b"False"


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_only_known_errors_escape(noise: bytes, place: int) -> None:
    """Whatever stands in the frames."""
    good = zstd.compress(TAR[:2000])
    for packed in (b"\x28\xb5\x2f\xfd" + noise, good[:place] + noise + good[place + len(noise) :], skipped(noise) + noise):
        with contextlib.suppress(GateError):
            unpacked(packed)
