"""What ``--vex`` and ``vex.files`` name: a document, a compressed one, a folder of them, or a VEX repository."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

from gate.cli.files import read_bounded
from gate.errors import LimitExceeded, UsageError
from gate.evidence.interface import Document
from gate.evidence.packed import unpacked
from gate.limits import Limits
from gate.vex import repository

_ENDS = (".json", ".jsonl", ".vex")
_PACKED = (".gz", ".xz", ".zst")
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
            if any("\ud800" <= char <= "\udfff" for char in str(inner)):
                raise UsageError(
                    f"--vex {folder}: the name {str(inner)!a} is not UTF-8",
                    why="a verdict names each document, and could not name this one",
                    fix="rename the file",
                )
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
    return Document(data=unpacked(data, path, limits), origin="file", source=path)
