"""Image tarballs: OCI archives, and `docker save` old and new.

A new `docker save` is both at once. What counts then is the OCI index, when its manifests and configurations are complete, and
only if ``manifest.json`` names the same images under the same tags: an older `docker load` reads that file, and must not load an
image that nobody judged. A daemon tarball has no manifest that a registry knows; it is identified by the digest of its
configuration.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gate.errors import EvidenceError, EvidenceInvalid, UsageError
from gate.limits import Limits
from gate.model.base import digest_of
from gate.oci.attachments import Attachment, Attachments
from gate.oci.bound import Bound
from gate.oci.files import Files
from gate.oci.layout import LayoutSource
from gate.oci.media import DOCKER_CONFIG, IMAGE_CONFIGS, Descriptor, manifest
from gate.oci.source import ImageSource, Kind
from gate.oci.strict import check_digest, parse_json
from gate.oci.tar import TarFiles

_CONFIG_NAME = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")
_MAX_DEPTH = 4


@dataclasses.dataclass(frozen=True, slots=True)
class _Saved:
    """One entry of ``manifest.json``."""

    config: str
    digest: str
    size: int
    tags: tuple[str, ...]
    layers: tuple[str, ...] = ()
    """Members of the archive that hold the layers, lowest first."""


def open_archive(path: Path, given: str, selector: str, limits: Limits) -> ImageSource:
    """The image tarball at a path; raises UsageError when it is none, EvidenceInvalid, FormatRefused, LimitExceeded."""
    if not path.is_file():
        raise UsageError(f"{path} is no image", why="it is neither a layout directory nor a file")
    files = TarFiles(path, limits)
    try:
        saved = _read_saved(files, limits)
        if files.size("index.json") is not None:
            layout = LayoutSource(files, path.name, given, selector, limits)
            if saved is None:
                return layout
            configs = _configs(layout)
            if configs is not None:
                _check_same(saved, layout, configs, path)
                return layout
        if saved is not None:
            return DaemonSource(files, saved, path, given, selector, limits)
    except BaseException:
        files.close()
        raise
    files.close()
    raise UsageError(
        f"{path} is no image tarball",
        why="it has neither index.json nor manifest.json at its top",
        fix="make it with docker save, or of a layout with: tar -C LAYOUT -cf app.tar .",
    )


class DaemonSource:
    """An image of a daemon tarball. Its digest is that of its configuration, recomputed; it has no attachments."""

    kind: Kind = "archive"

    def __init__(self, files: Files, saved: tuple[_Saved, ...], path: Path, given: str, selector: str, limits: Limits) -> None:
        self.name = path.name
        self.reference = given
        self.limits = limits
        self._files = files
        self._image = _select(saved, selector, path)

    def resolve(self) -> Descriptor:
        """The configuration's digest."""
        return Descriptor(self._image.digest, DOCKER_CONFIG, self._image.size)

    def manifest(self, digest: str) -> bytes:
        """There is none."""
        raise EvidenceInvalid(f"{self._files.place} has no manifest {digest}", why="a daemon tarball has configurations only")

    def blob(self, digest: str, max_bytes: int) -> bytes:
        """The configuration, by its digest."""
        data = self._files.read(self._image.config, Bound("config_bytes", max_bytes)) if digest == self._image.digest else None
        if data is None:
            raise EvidenceInvalid(
                f"{self._files.place} has no blob {digest}", why="of a daemon tarball only the configuration is read"
            )
        return check_digest(digest, data, f"{self._files.place}: {self._image.config}")

    def layers(self) -> tuple[str, ...]:
        """The names of the members that hold the layers, lowest first. Nothing vouches for them but their diff ids."""
        return self._image.layers

    def layer(self, name: str) -> Iterator[bytes]:
        """The bytes of such a member, as they are in the archive; raises EvidenceInvalid when it is none."""
        if self._files.size(name) is None:
            raise EvidenceInvalid(f"{self._files.place} does not hold the layer {name[:200]!r}", fix="make the archive again")
        return self._files.pieces(name)

    def collect(self, digest: str) -> Attachments:
        """Nothing is attached."""
        return Attachments()

    def attachments(self, digest: str) -> tuple[Attachment, ...]:
        """Nothing is attached."""
        return ()

    def close(self) -> None:
        """Closes the archive."""
        self._files.close()


def _read_saved(files: Files, limits: Limits) -> tuple[_Saved, ...] | None:
    data = files.read("manifest.json", Bound("manifest_bytes", limits.manifest_bytes))
    if data is None:
        return None
    what = f"{files.place}: manifest.json"
    entries = parse_json(data, what, limits)
    if not isinstance(entries, list) or not entries:
        raise EvidenceInvalid(f"{what} is no list of images")
    return tuple(_entry(entry, files, what, limits) for entry in entries)


def _entry(entry: Any, files: Files, what: str, limits: Limits) -> _Saved:
    name = entry.get("Config") if isinstance(entry, dict) else None
    tags = (entry.get("RepoTags") or []) if isinstance(entry, dict) else []
    if not isinstance(name, str) or not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise EvidenceInvalid(f"{what}: an entry has no configuration, or malformed tags")
    data = files.read(name, Bound("config_bytes", limits.config_bytes))
    if data is None:
        raise EvidenceInvalid(f"{what}: the configuration {name[:200]!r} is not in the archive", fix="make it again")
    digest = digest_of(data)
    named = _CONFIG_NAME.fullmatch(name)
    if named is not None and digest != f"sha256:{named.group(1)}":
        raise EvidenceInvalid(f"{what}: the configuration is not what its name says", why=f"{name} has the digest {digest}")
    layers = entry.get("Layers") or []
    if not isinstance(layers, list) or not all(isinstance(layer, str) for layer in layers):
        raise EvidenceInvalid(f"{what}: an entry has a malformed list of layers")
    return _Saved(name, digest, len(data), tuple(tags), tuple(layers))


def _configs(layout: LayoutSource) -> dict[str, set[str]] | None:
    """The configurations behind each image of the layout, None when the layout is not complete."""
    found: dict[str, set[str]] = {}
    for image in layout.candidates():
        configs = _behind(layout, image.digest, 0)
        if configs is None:
            return None
        found[image.digest] = configs
    return found or None


def _behind(layout: LayoutSource, digest: str, depth: int) -> set[str] | None:
    if depth > _MAX_DEPTH or not layout.has(digest):
        return None
    try:
        item = manifest(layout.manifest(digest), digest, layout.limits)
    except EvidenceError:
        return None
    found: set[str] = set()
    if item.config is not None and item.config.media_type in IMAGE_CONFIGS:
        if not layout.has(item.config.digest):
            return None
        found.add(item.config.digest)
    for child in item.children:
        configs = _behind(layout, child.digest, depth + 1)
        if configs is None:
            return None
        found |= configs
    return found


def _check_same(saved: tuple[_Saved, ...], layout: LayoutSource, configs: dict[str, set[str]], path: Path) -> None:
    everything = set().union(*configs.values())
    for image in saved:
        named = [layout.tagged_entries(tag) for tag in image.tags]
        apart = any(entries and not any(image.digest in configs.get(entry, ()) for entry in entries) for entries in named)
        if image.digest not in everything or apart:
            raise EvidenceInvalid(
                f"{path} holds two different images under one name",
                why=f"manifest.json names the configuration {image.digest}, which index.json does not lead to",
                fix="make the archive again; what docker load would take from it was not what was judged",
            )


def _select(saved: tuple[_Saved, ...], selector: str, path: Path) -> _Saved:
    wanted = {
        image.digest: image
        for image in saved
        if not selector
        or selector == f"@{image.digest}"
        or any(tag == selector or tag.endswith(f":{selector}") for tag in image.tags)
    }
    if len(wanted) == 1:
        return next(iter(wanted.values()))
    names = ", ".join(image.tags[0] if image.tags else f"@{image.digest}" for image in saved[:20])
    if not wanted:
        raise UsageError(f"{path} holds no image {selector.removeprefix('@')!r}", fix=f"name one of: {names}")
    raise UsageError(
        f"{path} holds {len(wanted)} images", why="one run judges one of them", fix=f"name one after the path: {names}"
    )
