"""OCI image layouts (image-spec "image-layout.md"), those of `cosign save`, and the OCI archives that hold one.

In a layout nothing lists referrers, so the blobs are looked through once for manifests with a ``subject``: so lie the bundles of
cosign v3 there, and what `oras cp -r` copies. `cosign save` of older versions marks its manifests with the annotation
``kind``; tag names (``sha256-….sig``) are understood too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

from gate.errors import EvidenceError, EvidenceInvalid, EvidenceUnavailable, UsageError
from gate.limits import Limits
from gate.oci.attachments import Attachment, Attachments, collect
from gate.oci.bound import Bound
from gate.oci.files import DirectoryFiles, Files, checked
from gate.oci.media import BUILDKIT_TYPE, REF_NAME, Descriptor, descriptor, manifest
from gate.oci.source import Kind
from gate.oci.strict import check_digest, is_digest, parse_object

COSIGN_KIND = "kind"
_COSIGN = "dev.cosignproject.cosign/"
_CONTAINERD_NAME = "io.containerd.image.name"
_ATTACHMENT_TAG = re.compile(r"sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?")


def open_layout(path: Path, given: str, selector: str, limits: Limits) -> LayoutSource:
    """The layout in a directory; raises UsageError when it is none."""
    files = DirectoryFiles(path, limits)
    if files.size("index.json") is None:
        raise UsageError(
            f"{path} is no OCI image layout",
            why="it has no index.json",
            fix="give the directory that holds oci-layout, index.json and blobs/",
        )
    name = path.resolve().name
    return LayoutSource(files, name, given, selector, limits)


class LayoutSource:
    """An image or index in a layout."""

    kind: Kind = "image"

    def __init__(self, files: Files, name: str, given: str, selector: str, limits: Limits) -> None:
        self.name = name
        self.reference = given
        self.limits = limits
        self._files = files
        self._selector = selector
        self._lock = threading.Lock()
        self._referrers: dict[str, list[Descriptor]] | None = None
        self._resolved: Descriptor | None = None
        self._entries = self._read_index()

    @property
    def directory(self) -> bool:
        """Whether it is a directory, to which something can be added; else it is an archive."""
        return isinstance(self._files, DirectoryFiles)

    def resolve(self) -> Descriptor:
        """The one image of the layout, or the selected one; raises UsageError that lists them, EvidenceInvalid."""
        if self._resolved is None:
            chosen = self._choose()
            data = self.manifest(chosen.digest)
            found = manifest(data, f"manifest {chosen.digest} in {self._files.place}", self.limits)
            self._resolved = Descriptor(chosen.digest, found.media_type, len(data), found.annotations, chosen.platform)
        return self._resolved

    def manifest(self, digest: str) -> bytes:
        """A manifest by digest."""
        return self._blob(digest, Bound("manifest_bytes", self.limits.manifest_bytes))

    def blob(self, digest: str, max_bytes: int) -> bytes:
        """A blob by digest."""
        return self._blob(digest, Bound.of(max_bytes, self.limits))

    def stream(self, digest: str, size: int) -> Iterator[bytes]:
        """A blob of any size, in pieces, checked."""
        name = _blob_name(digest)
        if self._files.size(name) is None:
            raise self._missing(digest)
        return checked(self._files.pieces(name), digest, size, f"{digest} in {self._files.place}")

    def collect(self, digest: str) -> Attachments:
        """All that is attached to the digest in the layout."""
        return collect(self, digest)

    def attachments(self, digest: str) -> tuple[Attachment, ...]:
        """The evidence candidates among them."""
        return self.collect(digest).items

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """The manifests among the blobs that have the digest as their subject."""
        with self._lock:
            if self._referrers is None:
                self._referrers = {}
                for subject, found in self._scan():
                    self._referrers.setdefault(subject, []).append(found)
        return tuple(self._referrers.get(digest, ()))

    def tagged(self, tag: str, digest: str) -> bytes | None:
        """A manifest tagged so, or marked by `cosign save` as the signatures or attestations of the image."""
        for entry in self._entries:
            if has_tag(entry, tag) or self._cosign_pair(entry, tag, digest):
                return self.manifest(entry.digest)
        return None

    def candidates(self) -> tuple[Descriptor, ...]:
        """The images and indexes that the layout offers as subjects, each once, in the order of ``index.json``."""
        found: dict[str, Descriptor] = {}
        for entry in self._entries:
            if entry.digest not in found and not self._is_attachment(entry):
                found[entry.digest] = entry
        return tuple(found.values())

    def tagged_entries(self, tag: str) -> tuple[str, ...]:
        """The digests in ``index.json`` under a tag or full name."""
        return tuple(entry.digest for entry in self._entries if has_tag(entry, tag))

    def has(self, digest: str) -> bool:
        """Whether the blob is in the layout."""
        return self._files.size(_blob_name(digest)) is not None

    def close(self) -> None:
        """Closes the archive, if it is one."""
        self._files.close()

    def _read_index(self) -> tuple[Descriptor, ...]:
        what = f"{self._files.place}/index.json"
        data = self._files.read("index.json", Bound("manifest_bytes", self.limits.manifest_bytes))
        if data is None:
            raise EvidenceInvalid(f"{self._files.place} has no index.json")
        version = self._files.read("oci-layout", Bound("manifest_bytes", self.limits.manifest_bytes))
        if version is not None:
            said = parse_object(version, f"{self._files.place}/oci-layout", self.limits).get("imageLayoutVersion")
            if said != "1.0.0":
                raise EvidenceInvalid(
                    f"{self._files.place} is a layout of version {str(said)[:40]!r}", why="version 1.0.0 is known"
                )
        entries = parse_object(data, what, self.limits).get("manifests")
        if not isinstance(entries, list):
            raise EvidenceInvalid(f"{what} has no list of manifests")
        return tuple(descriptor(entry, what) for entry in entries)

    def _choose(self) -> Descriptor:
        place = self._files.place
        if self._selector.startswith("@"):
            digest = self._selector[1:]
            if not is_digest(digest):
                raise UsageError(f"{digest!r} is no digest", why="a digest is sha256: and 64 hexadecimal digits in lower case")
            if not self.has(digest):
                raise UsageError(f"{place} does not hold {digest}", fix=self._listing())
            return next((entry for entry in self._entries if entry.digest == digest), Descriptor(digest, ""))
        images = self.candidates()
        if self._selector:
            images = tuple(
                image for image in images if any(has_tag(e, self._selector) for e in self._entries if e.digest == image.digest)
            )
        if len(images) == 1:
            return images[0]
        if not images:
            raise UsageError(
                f"{place} holds no image" + (f" tagged {self._selector!r}" if self._selector else ""), fix=self._listing()
            )
        raise UsageError(f"{place} holds {len(images)} images", why="one run judges one of them", fix=self._listing())

    def _listing(self) -> str:
        lines = []
        for entry in self.candidates()[:20]:
            tags = [e.annotations.get(REF_NAME, "") for e in self._entries if e.digest == entry.digest]
            lines.append(f"@{entry.digest}" + "".join(f" ({tag})" for tag in tags if tag))
        return "name one of: " + ", ".join(lines) if lines else "there is nothing in it that is an image"

    def _is_attachment(self, entry: Descriptor) -> bool:
        """Whether an entry of ``index.json`` is a signature or another referrer, not an image in its own right."""
        kind, tag = entry.annotations.get(COSIGN_KIND, ""), entry.annotations.get(REF_NAME, "").rpartition(":")[2]
        if kind.startswith(_COSIGN):
            return kind.removeprefix(_COSIGN) not in {"image", "imageIndex"}
        if BUILDKIT_TYPE in entry.annotations or _is_attachment_tag(tag):
            return True
        try:
            return manifest(self.manifest(entry.digest), entry.digest, self.limits).subject is not None
        except EvidenceError:
            return False  # it stays a candidate, and the error is shown to whoever chooses it

    def _cosign_pair(self, entry: Descriptor, tag: str, digest: str) -> bool:
        """`cosign save` does not say which image signatures are of; with one image, or one of the same name, it is clear."""
        wanted = {".sig": "sigs", ".att": "atts"}.get(tag[-4:])
        if wanted is None or entry.annotations.get(COSIGN_KIND) != _COSIGN + wanted:
            return False
        images = [e for e in self._entries if e.annotations.get(COSIGN_KIND) in {f"{_COSIGN}image", f"{_COSIGN}imageIndex"}]
        if len({image.digest for image in images}) == 1:
            return images[0].digest == digest
        name = entry.annotations.get(REF_NAME)
        return name is not None and any(i.digest == digest and i.annotations.get(REF_NAME) == name for i in images)

    def _scan(self) -> Iterator[tuple[str, Descriptor]]:
        """Every manifest with a subject among the blobs. One that is damaged is left out: nothing names it."""
        bound = Bound("manifest_bytes", self.limits.manifest_bytes)
        for name in self._files.names("blobs/sha256"):
            digest = "sha256:" + name.rpartition("/")[2]
            if not is_digest(digest):
                continue
            try:
                size = self._files.size(name)
                if size is None or size > bound.bytes:
                    continue
                data = self._files.read(name, bound)
                if data is None or data.lstrip()[:1] != b"{" or b'"subject"' not in data:
                    continue
                found = manifest(data, name, self.limits)
            except EvidenceInvalid:
                continue  # a layer, a document that has a subject of its own, or a link
            if found.subject is not None:
                yield found.subject.digest, Descriptor(digest, found.media_type, len(data), {}, None, found.artifact_type)

    def _blob(self, digest: str, bound: Bound) -> bytes:
        data = self._files.read(_blob_name(digest), bound)
        if data is None:
            raise self._missing(digest)
        return check_digest(digest, data, f"{digest} in {self._files.place}")

    def _missing(self, digest: str) -> EvidenceUnavailable:
        return EvidenceUnavailable(
            f"{digest} is not in {self._files.place}",
            why="the layout is incomplete",
            fix="copy the image again with all its platforms and attachments: gate copy IMAGE oci:DIR",
        )


def _blob_name(digest: str) -> str:
    if not is_digest(digest):
        raise EvidenceInvalid(f"{digest[:200]!r} is no digest")
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def has_tag(entry: Descriptor, tag: str) -> bool:
    """Whether an entry of ``index.json`` carries the tag or the full name."""
    names = (entry.annotations.get(REF_NAME, ""), entry.annotations.get(_CONTAINERD_NAME, ""))
    return any(name == tag or name.endswith(f":{tag}") for name in names)


def _is_attachment_tag(tag: str) -> bool:
    return _ATTACHMENT_TAG.fullmatch(tag) is not None
