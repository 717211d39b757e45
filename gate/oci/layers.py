"""The layers of an image as byte streams, whatever source it comes from; nothing is kept on disk.

A blob of a registry or layout is checked against its digest on the way. The uncompressed bytes are checked against the diff id
of the configuration by `gate.oci.filesystem`: runtimes do the same, and for a daemon tarball it is the only check there is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, runtime_checkable

from gate.errors import EvidenceInvalid, EvidenceUnavailable, FormatRefused
from gate.model.input import Subject
from gate.oci.archive import DaemonSource
from gate.oci.source import ImageSource

_TYPES = frozenset(
    prefix + suffix
    for prefix in (
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    )
    for suffix in ("", "+gzip", ".gzip", "+zstd", ".zstd")
)


@dataclasses.dataclass(frozen=True, slots=True)
class LayerBlob:
    """One layer as it is shipped. ``digest`` is the blob's, empty in a daemon tarball."""

    digest: str
    diff_id: str
    size: int
    pieces: Callable[[], Iterable[bytes]]
    """Opens it for one reading; raises EvidenceUnavailable, EvidenceInvalid."""

    @property
    def name(self) -> str:
        """For messages."""
        return f"layer {self.digest or self.diff_id}"


@runtime_checkable
class _Streams(Protocol):
    def stream(self, digest: str, size: int) -> Iterator[bytes]:
        """A blob of any size, in pieces, checked."""


def layers_of(source: ImageSource, subject: Subject) -> tuple[LayerBlob, ...]:
    """The layers of one image (no index), lowest first.

    Raises EvidenceUnavailable where only a digest is known, FormatRefused for layers that are no tar streams, EvidenceInvalid
    when the configuration does not list as many.
    """
    if subject.kind == "index" or subject.config is None:
        raise EvidenceUnavailable(
            f"{subject.reference} has no file system that can be read",
            why="nothing but a digest is known of it"
            if subject.kind == "digest"
            else "it is no single image with a configuration",
            fix="name the image in a registry, a layout or a tarball, and a platform",
        )
    diff_ids = subject.config.diff_ids
    if isinstance(source, DaemonSource):
        names = source.layers()
        _same_number(len(names), len(diff_ids), subject)
        return tuple(
            LayerBlob("", diff_id, -1, _opener(source.layer, name)) for name, diff_id in zip(names, diff_ids, strict=True)
        )
    if not isinstance(source, _Streams):
        raise EvidenceUnavailable(f"the layers of {subject.reference} cannot be read from here", fix="use a registry or a layout")
    _same_number(len(subject.layers), len(diff_ids), subject)
    for layer in subject.layers:
        if layer.media_type not in _TYPES:
            raise FormatRefused(
                f"layer {layer.digest} of {subject.reference} is {layer.media_type[:100] or 'of no media type'}",
                why="file systems are read from tar layers",
            )
    return tuple(
        LayerBlob(layer.digest, diff_id, layer.size, _blob_opener(source, layer.digest, layer.size))
        for layer, diff_id in zip(subject.layers, diff_ids, strict=True)
    )


def _opener(read: Callable[[str], Iterator[bytes]], name: str) -> Callable[[], Iterator[bytes]]:
    return lambda: read(name)


def _blob_opener(source: _Streams, digest: str, size: int) -> Callable[[], Iterator[bytes]]:
    return lambda: source.stream(digest, size)


def _same_number(blobs: int, diff_ids: int, subject: Subject) -> None:
    if blobs != diff_ids:
        raise EvidenceInvalid(
            f"{subject.reference} has {blobs} layers and {diff_ids} diff ids",
            why="no runtime can start such an image, and it cannot be told what would be in it",
            fix="build and push the image again",
        )
