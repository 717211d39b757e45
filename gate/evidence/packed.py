"""Documents in gzip, xz or Zstandard: told by their first bytes, unpacked in memory, never beyond the limit of one document.

The evidence id stays the digest of the bytes as they were given, since those are what is stored, signed and compared;
``payload_digest`` is that of the document inside. One layer of packing is taken off: what is packed twice is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits

GZIP = b"\x1f\x8b"
XZ = b"\xfd7zXZ\x00"
ZSTD = b"\x28\xb5\x2f\xfd"
_XZ_MEMORY = 128 * 1024 * 1024
"""What xz -9 takes is 65 MiB; whoever packed the file chose the size of its dictionary."""
_ZSTD_WINDOW = 27
"""Logarithm of the largest window: 128 MiB, what the zstd program takes unless told otherwise."""
_STREAMS = 64


def unpacked(data: bytes, name: str, limits: Limits) -> bytes:
    """The bytes inside, or the same object where nothing is packed. Raises EvidenceInvalid, FormatRefused, LimitExceeded."""
    if data.startswith(GZIP):
        import zlib

        return _drain(lambda: zlib.decompressobj(wbits=31), (zlib.error,), data, name, limits)
    if data.startswith(XZ):
        import lzma

        return _drain(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), (lzma.LZMAError,), data, name, limits)
    if data.startswith(ZSTD):
        from gate.oci.unpack import zstd_library

        zstd = zstd_library(name)
        options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW}
        return _drain(lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError,), data, name, limits)
    return data


def _drain(make: Callable[[], Any], errors: tuple[type[Exception], ...], data: bytes, name: str, limits: Limits) -> bytes:
    """Decompress all streams, never holding more than the limit of one document."""
    whole, rest, streams = bytearray(), data, 0
    caught: tuple[type[Exception], ...] = (*errors, MemoryError)
    try:
        while rest:
            if streams and not rest.strip(b"\0"):
                break  # padding after the last stream
            stream = make()
            whole += stream.decompress(rest, limits.document_bytes + 1 - len(whole))
            if len(whole) > limits.document_bytes:
                raise LimitExceeded("document_bytes", limits.document_bytes, f"{name}, decompressed")
            if not stream.eof:
                raise EvidenceInvalid(
                    f"{name}: the compressed data ends too early",
                    why="a report that was cut short says nothing about what is missing",
                    fix="fetch the file again",
                )
            rest = stream.unused_data
            streams += 1
            if streams > _STREAMS:
                raise EvidenceInvalid(f"{name}: more than {_STREAMS} compressed streams")
    except caught as error:
        raise EvidenceInvalid(f"{name}: broken compression ({error})", fix="fetch the file again") from None
    return bytes(whole)
