"""The file system of an image, read in one pass over its layers and never unpacked.

Whoever wants something of a file says so from its header, before its contents pass by (`Chooser`); all collectors share the pass.
What is kept: the merged tree (`gate.oci.tree`), and every layer's own entries, for a file that a later layer deletes is shipped
all the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits
from gate.model.evidence import Diagnostic
from gate.model.input import Subject
from gate.oci.layers import LayerBlob, layers_of
from gate.oci.layertar import Header, walk
from gate.oci.source import ImageSource
from gate.oci.tree import Entry, Tree
from gate.oci.unpack import Unpacked

CONFUSING = frozenset(
    {
        "broken_hard_link",
        "bytes_after_end",
        "contents_of_no_file",
        "file_as_directory",
        "global_header",
        "impossible_name",
        "leads_out",
        "odd_whiteout",
        "through_link",
        "unknown_type",
        "unreachable",
        "whiteout_of_own_layer",
    }
)
"""Notes after which two runtimes may see different files: what is not in the merged tree cannot be said to be absent."""


class Sink(Protocol):
    """Takes the contents of one file as they pass by."""

    def feed(self, data: memoryview) -> None:
        """The next piece; it is not valid afterwards."""

    def result(self) -> Any:
        """What it made of the whole; bytes count against ``image_kept_bytes``."""


Chooser = Callable[[Header], Sink | None]
"""Asked for every regular file with contents; None lets it pass by."""


class Keep:
    """Keeps the contents. Choose it for files of bounded size only."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, data: memoryview) -> None:
        """Copies the piece."""
        self._pieces.append(bytes(data))

    def result(self) -> bytes:
        """The contents."""
        return b"".join(self._pieces)


class Digest:
    """Hashes the contents."""

    def __init__(self) -> None:
        self._hasher = hashlib.sha256()

    def feed(self, data: memoryview) -> None:
        """Hashes the piece."""
        self._hasher.update(data)

    def result(self) -> str:
        """``sha256:…``."""
        return f"sha256:{self._hasher.hexdigest()}"


@dataclasses.dataclass(frozen=True, slots=True)
class LayerView:
    """What one layer ships, whether it is still visible or not."""

    digest: str
    diff_id: str
    size: int
    """Compressed, -1 when nobody says."""
    unpacked: int
    entries: tuple[Entry, ...]
    whiteouts: int


@dataclasses.dataclass(frozen=True, slots=True)
class FileSystem:
    """The merged view and the layers' own; ``notes`` are what was odd, by layer."""

    tree: Tree
    layers: tuple[LayerView, ...]
    notes: tuple[Diagnostic, ...]

    @property
    def certain(self) -> bool:
        """Whether every runtime sees this merged tree."""
        return not any(note.code in CONFUSING for note in self.notes)

    def entries(self) -> Iterator[Entry]:
        """The merged file system."""
        return self.tree.entries()

    def hidden(self) -> Iterator[Entry]:
        """Files that are shipped and that a later layer deletes or replaces."""
        for layer in self.layers:
            for entry in layer.entries:
                if entry.kind != "dir" and not self.tree.visible(entry):
                    yield entry

    def layer_name(self, entry: Entry) -> str:
        """The digest of the entry's layer; its diff id where only that is known."""
        layer = self.layers[entry.layer]
        return layer.digest or layer.diff_id


def read_filesystem(source: ImageSource, subject: Subject, choose: Chooser) -> FileSystem:
    """Reads all layers of an image once, lowest first.

    Raises EvidenceInvalid for a layer that no runtime can read or whose diff id differs, FormatRefused, LimitExceeded,
    EvidenceUnavailable.
    """
    return read_layers(layers_of(source, subject), choose, source.limits)


def read_layers(blobs: Sequence[LayerBlob], choose: Chooser, limits: Limits) -> FileSystem:
    """As `read_filesystem`, of layers at hand."""
    reader = _Pass(choose, limits)
    views = tuple(reader.layer(number, blob) for number, blob in enumerate(blobs))
    notes = tuple(
        Diagnostic(code=code, message=f"layer {layer}: {_MEANING[code]}", count=count, where=_shown(where))
        for (layer, code), (count, where) in sorted(reader.notes.items())
    )
    return FileSystem(reader.tree, views, notes)


class _Pass:
    def __init__(self, choose: Chooser, limits: Limits) -> None:
        self._choose = choose
        self._limits = limits
        self._kept = 0
        self._entries = 0
        self.tree = Tree(limits)
        self.notes: dict[tuple[int, str], tuple[int, str]] = {}

    def layer(self, number: int, blob: LayerBlob) -> LayerView:
        def note(code: str, where: str) -> None:
            count, first = self.notes.get((number, code), (0, where))
            self.notes[number, code] = (count + 1, first)

        stream = Unpacked(blob.pieces(), blob.name, self._limits)
        self.tree.start_layer()
        entries: list[Entry] = []
        for header, stored in walk(stream, self._limits, note):
            self._entries += 1
            if self._entries > self._limits.image_entries:
                raise LimitExceeded("image_entries", self._limits.image_entries, blob.name)
            self._keep(len(header.path) + len(header.link) + sum(map(len, header.xattrs)) + len(header.capability), header)
            found = self._contents(header, stored, stream) if stored and not header.sparse else None
            entry = self.tree.apply(header, found, note)
            if entry is not None:
                entries.append(entry)
        if stream.diff_id != blob.diff_id:
            raise EvidenceInvalid(
                f"{blob.name} is not the one that the configuration names",
                why=f"its diff id is {stream.diff_id}, not {blob.diff_id}; runtimes refuse it",
                fix="build and push the image again",
            )
        return LayerView(blob.digest, blob.diff_id, blob.size, stream.position, tuple(entries), self.tree.whiteouts)

    def _contents(self, header: Header, stored: int, stream: Unpacked) -> Any:
        sink = self._choose(header)
        if sink is None:
            return None
        for piece in stream.pieces(stored):
            sink.feed(piece)
        found = sink.result()
        parts = found.values() if isinstance(found, dict) else (found,)
        self._keep(sum(len(part) for part in parts if isinstance(part, bytes)), header)
        return found

    def _keep(self, size: int, header: Header) -> None:
        """Counts what stays in memory: contents, and names, which may be long."""
        self._kept += size
        if self._kept > self._limits.image_kept_bytes:
            raise LimitExceeded("image_kept_bytes", self._limits.image_kept_bytes, f"names and contents, at {header.path[:200]}")


def _shown(text: str) -> str:
    """A path as text that JSON can hold."""
    return text[:500].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


_MEANING = {
    "aufs_metadata": "metadata of AUFS, which runtimes pass over",
    "broken_hard_link": "hard links whose target is missing",
    "bytes_after_end": "bytes after the end of the archive, shipped and read by nobody",
    "contents_of_no_file": "links or directories that claim contents",
    "device": "device nodes",
    "dotted_name": "names with '..' in them, that stay inside",
    "duplicate": "the same name more than once; the last counts",
    "file_as_directory": "names below something that is no directory",
    "global_header": "global pax headers, which some readers obey and runtimes do not",
    "hard_link_mode": "hard links with another mode than their target",
    "impossible_name": "names that no file can have; left out",
    "leads_out": "names that lead out of the root; put inside",
    "link_leads_out": "links that lead above the root; inside a container they end there",
    "no_end_marker": "the archive has no end marker",
    "odd_whiteout": "whiteouts that are no plain files, or hide nothing that can be",
    "sparse": "sparse files, whose contents are not looked at",
    "through_link": "names put through a symlink of a lower layer; runtimes disagree on where they end up",
    "unknown_type": "entries of a type that nobody knows; left out",
    "unreachable": "names below links that go in circles; left out",
    "whiteout_of_own_layer": "whiteouts of files of the same layer; runtimes disagree",
}
