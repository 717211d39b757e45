"""What ``--vex`` and ``vex.files`` name: a document, a compressed one, a folder of them, or a VEX repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from gate.cli.files import read_bounded
from gate.errors import EvidenceInvalid, LimitExceeded, UsageError
from gate.evidence.interface import Document
from gate.limits import Limits
from gate.vex import repository

_ENDS = (".json", ".jsonl", ".vex")
_PACKED = (".gz", ".xz")
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
_XZ_MEMORY = 256 * 1024 * 1024
"""xz files can ask for gigabytes of dictionary; ``xz -9`` needs 65 MiB."""
_STREAMS = 64
"""Compressed streams one after the other in one file; there is one in practice."""
_SKIPPED = frozenset({repository.MANIFEST, "provider-metadata.json", "changes.csv"})


@dataclasses.dataclass(frozen=True, slots=True)
class VexInputs:
    documents: tuple[Document, ...]
    repositories: tuple[repository.Repository, ...]


def load(paths: Iterable[str], limits: Limits, record: Callable[[str, bytes], None]) -> VexInputs:
    """Read everything that the paths name; ``record`` is told of each file's name and bytes as they lie on disk.

    Raises UsageError for what is not there or a folder without VEX, EvidenceInvalid for broken compression, LimitExceeded.
    """
    documents: list[Document] = []
    repositories: list[repository.Repository] = []
    for path in paths:
        place = Path(path)
        if path == "-" or not place.is_dir():
            documents.append(_document(path, limits, record))
            continue
        try:
            home = repository.find(place)
            files = _files(place, limits) if home is None else []
        except OSError as error:
            raise UsageError(f"--vex {path}: {error.strerror or error}", fix="check the folder and its permissions") from None
        if home is not None:
            index = read_bounded(str(home / repository.INDEX), limits.document_bytes, "VEX repository")
            record(str(home / repository.INDEX), index)
            repositories.append(repository.load(home, index, limits))
        documents += [_document(str(file), limits, record) for file in files]
    return VexInputs(tuple(documents), tuple(repositories))


def _files(folder: Path, limits: Limits) -> list[Path]:
    """VEX documents in a folder and the folders below it, in the order of their names; hidden ones are left alone."""
    found: list[Path] = []
    for item in sorted(folder.rglob("*")):
        inner = item.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts) or not item.is_file() or item.name in _SKIPPED:
            continue
        name = item.name.lower()
        for end in _PACKED:
            name = name.removesuffix(end)
        if name.endswith(_ENDS):
            found.append(item)
        if len(found) > limits.evidence_documents:
            raise LimitExceeded("evidence_documents", limits.evidence_documents, f"VEX documents in {folder}")
    if not found:
        raise UsageError(
            f"--vex {folder}: no VEX document in it",
            why="a folder is searched for .json files, plain or with .gz or .xz, and for the index.json of a VEX repository",
            fix="name the folder that holds the documents",
        )
    return found


def _document(path: str, limits: Limits, record: Callable[[str, bytes], None]) -> Document:
    data = read_bounded(path, limits.document_bytes, "VEX")
    record(path, data)
    return Document(data=unpack(data, path, limits), origin="file", source=path)


def unpack(data: bytes, name: str, limits: Limits) -> bytes:
    """The bytes inside gzip or xz, whatever the name says, or the bytes themselves. Raises EvidenceInvalid, LimitExceeded."""
    if data.startswith(_GZIP):
        import zlib

        return _drain(lambda: zlib.decompressobj(wbits=31), data, name, limits)
    if data.startswith(_XZ):
        import lzma

        return _drain(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), data, name, limits)
    return data


def _drain(make: Callable[[], object], data: bytes, name: str, limits: Limits) -> bytes:
    """Decompress all streams of a file, never holding more than the limit of one document."""
    import lzma
    import zlib

    whole, rest, streams = bytearray(), data, 0
    try:
        while rest:
            if streams and not rest.strip(b"\0"):
                break  # padding after the last stream
            unpacker = make()
            room = limits.document_bytes + 1 - len(whole)
            whole += unpacker.decompress(rest, room)  # type: ignore[attr-defined]  # zlib and lzma agree on this method
            if len(whole) > limits.document_bytes:
                raise LimitExceeded("document_bytes", limits.document_bytes, f"{name}, decompressed")
            if not unpacker.eof:  # type: ignore[attr-defined]  # as above
                raise EvidenceInvalid(f"{name}: the compressed data ends too early", fix="fetch the file again")
            rest = unpacker.unused_data  # type: ignore[attr-defined]  # as above
            streams += 1
            if streams > _STREAMS:
                raise EvidenceInvalid(f"{name}: more than {_STREAMS} compressed streams")
    except (zlib.error, lzma.LZMAError, MemoryError) as error:
        raise EvidenceInvalid(f"{name}: broken compression ({error})", fix="fetch the file again") from None
    return bytes(whole)
