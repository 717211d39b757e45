"""From a source to `gate.model.input.Subject`: manifest, configuration, platforms, base image. Layers are never read.

1. An index without a single runnable platform is an error, not an empty success.
2. Only what says ``unknown/unknown``, or has no image configuration, is left out of an index, and then it is in the inventory.
3. An entry that says ``unknown`` and whose configuration has a platform runs when it is named by digest: it is judged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from gate.errors import EvidenceInvalid, LimitExceeded, UsageError
from gate.model.input import Base, Layer, Platform, Subject
from gate.oci import media, platforms
from gate.oci.attachments import InventoryItem, concurrently
from gate.oci.config import Configuration, read_config
from gate.oci.media import BUILDKIT_TYPE, IMAGE_CONFIGS, Descriptor, Manifest
from gate.oci.source import ImageSource
from gate.oci.strict import is_digest

MAX_DEPTH = 4
_BASE_NAME = "org.opencontainers.image.base.name"
_BASE_DIGEST = "org.opencontainers.image.base.digest"
_NO_BASE = Base(name="", digest=None, origin="none")


@dataclasses.dataclass(frozen=True, slots=True)
class Skipped:
    """A runnable platform of an index that the filter left out. An index with one was not judged as a whole."""

    platform: Platform | None
    digest: str


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedImage:
    """A subject with its platforms (of an index), and what lies beside them without being one."""

    subject: Subject
    children: tuple[LoadedImage, ...] = ()
    inventory: tuple[InventoryItem, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def load(source: ImageSource, descriptor: Descriptor, platform_filter: str | Sequence[str] | None = None) -> LoadedImage:
    """The subject that the descriptor (of `ImageSource.resolve`) stands for.

    ``platform_filter``: one or more ``os/arch[/variant]``. Raises UsageError when the image has none of a platform asked for,
    EvidenceInvalid, LimitExceeded and EvidenceUnavailable.
    """
    wanted = (platform_filter,) if isinstance(platform_filter, str) else tuple(platform_filter or ())
    for text in wanted:
        platforms.parse(text)
    if source.kind == "digest":
        return LoadedImage(_subject(source, descriptor, "digest", None, None, _NO_BASE))
    if source.kind == "archive":
        image = _archive(source, descriptor)
    else:
        data = source.manifest(descriptor.digest)
        what = f"manifest {descriptor.digest} of {source.name}"
        found = media.manifest(data, what, source.limits)
        if found.kind == "index":
            return _index(source, descriptor, found, wanted)
        image = _image(source, descriptor, found, None)
    _require(wanted, [image.subject.platform], source)
    return image


def _index(source: ImageSource, top: Descriptor, found: Manifest, wanted: tuple[str, ...]) -> LoadedImage:
    walk = _Walk(source, wanted)
    walk.below(found, 0)
    loaded = concurrently(lambda item: _image(source, item[0], item[1], top.digest), walk.images, source.limits.workers)
    kept: list[LoadedImage] = []
    for child in loaded:
        subject = child.subject
        if not platforms.runnable(subject.platform):
            walk.note(subject.digest, subject.media_type, "platform unknown")  # (2)
        elif wanted and not any(_is(text, subject.platform) for text in wanted):
            walk.skipped.append(Skipped(subject.platform, subject.digest))
        else:
            kept.append(child)
    if not kept and not walk.skipped:
        raise EvidenceInvalid(
            f"{source.reference} is an index without a runnable platform",  # (1)
            why=f"it has {len(walk.inventory)} other entries" if walk.inventory else "it is empty",
            fix="push the image again",
        )
    _require(wanted, [child.subject.platform for child in kept] + [item.platform for item in walk.skipped], source)
    base = _base_from(found.annotations, "annotation")
    subject = _subject(source, top, "index", None, None, base, media_type=found.media_type, annotations=found.annotations)
    inventory = tuple(sorted(walk.inventory, key=lambda item: item.digest))
    return LoadedImage(subject, tuple(kept), inventory, tuple(walk.skipped))


class _Walk:
    """The image manifests below an index, nested ones included, each once; bounded by ``platforms`` and `MAX_DEPTH`."""

    def __init__(self, source: ImageSource, wanted: tuple[str, ...]) -> None:
        self._source = source
        self._wanted = wanted
        self._seen: set[str] = set()
        self.images: list[tuple[Descriptor, Manifest]] = []
        self.inventory: list[InventoryItem] = []
        self.skipped: list[Skipped] = []

    def note(self, digest: str, media_type: str, reason: str) -> None:
        """Lists an entry that is no platform."""
        self.inventory.append(InventoryItem(digest, media_type, f"index entry {digest}", reason))

    def below(self, found: Manifest, depth: int) -> None:
        """Adds what is below an index."""
        source = self._source
        if depth >= MAX_DEPTH:
            raise EvidenceInvalid(f"{source.reference}: indexes are nested more than {MAX_DEPTH} deep")
        unique = {child.digest: child for child in found.children}
        todo = [child for child in unique.values() if child.digest not in self._seen]
        self._seen.update(unique)
        if len(self._seen) > 2 * source.limits.platforms:  # each platform may have an attestation manifest beside it
            raise LimitExceeded("platforms", source.limits.platforms, f"entries of the index {source.reference}")
        todo = [child for child in todo if not self._settled(child)]
        for child, inner in zip(todo, concurrently(self._read, todo, source.limits.workers), strict=True):
            if inner.kind == "index":
                self.below(inner, depth + 1)
            elif inner.config is not None and inner.config.media_type not in IMAGE_CONFIGS:
                self.note(child.digest, inner.media_type, f"no image: its configuration is {inner.config.media_type}")  # (2)
            else:
                self.images.append((child, inner))
        if len(self.images) + len(self.skipped) > source.limits.platforms:
            raise LimitExceeded("platforms", source.limits.platforms, f"platforms of {source.reference}")

    def _settled(self, child: Descriptor) -> bool:
        """Whether the descriptor alone says that the manifest need not be read."""
        if child.platform is None:
            return False
        if not platforms.runnable(child.platform):
            if child.annotations.get(BUILDKIT_TYPE) != "attestation-manifest":
                return False  # hidden as unknown, perhaps; the configuration decides
            self.note(child.digest, child.media_type, "buildkit attestation: unsigned, listed only")
            return True
        if self._wanted and not any(_is(text, child.platform) for text in self._wanted):
            self.skipped.append(Skipped(child.platform, child.digest))
            return True
        return False

    def _read(self, child: Descriptor) -> Manifest:
        data = self._source.manifest(child.digest)
        if len(data) != child.size:
            raise EvidenceInvalid(f"manifest {child.digest} has {len(data)} bytes", why=f"the index says {child.size}")
        return media.manifest(data, f"manifest {child.digest} of {self._source.name}", self._source.limits)


def _image(source: ImageSource, descriptor: Descriptor, found: Manifest, index: str | None) -> LoadedImage:
    configuration = None
    if found.config is not None and found.config.media_type in IMAGE_CONFIGS:
        data = source.blob(found.config.digest, source.limits.config_bytes)
        if len(data) != found.config.size:
            raise EvidenceInvalid(f"configuration {found.config.digest} has {len(data)} bytes", why=f"not {found.config.size}")
        configuration = read_config(data, f"configuration {found.config.digest} of {source.name}", source.limits)
    platform = _platform(descriptor, configuration)
    base = _base_from(found.annotations, "annotation")
    if base.origin == "none" and configuration is not None:
        base = _base_from(configuration.config.labels, "label")
    subject = _subject(
        source,
        descriptor,
        "image",
        platform,
        configuration,
        base,
        media_type=found.media_type,
        index=index,
        config_digest=found.config.digest if configuration is not None and found.config is not None else None,
        layers=tuple(Layer(digest=layer.digest, media_type=layer.media_type, size=layer.size) for layer in found.layers),
        annotations=found.annotations,
    )
    return LoadedImage(subject)


def _archive(source: ImageSource, descriptor: Descriptor) -> LoadedImage:
    data = source.blob(descriptor.digest, source.limits.config_bytes)
    configuration = read_config(data, f"configuration {descriptor.digest} of {source.name}", source.limits)
    base = _base_from(configuration.config.labels, "label")
    platform = _platform(descriptor, configuration)
    digest = descriptor.digest
    return LoadedImage(_subject(source, descriptor, "archive", platform, configuration, base, config_digest=digest))


def _platform(descriptor: Descriptor, configuration: Configuration | None) -> Platform | None:
    """What the index says, for runtimes choose by that; the configuration where the index says nothing or "unknown" (3)."""
    own = configuration.platform if configuration is not None else None
    said = descriptor.platform
    if said is None or (own is not None and not platforms.runnable(said)):
        return own
    return said


def _base_from(texts: Mapping[str, str], origin: str) -> Base:
    name, digest = texts.get(_BASE_NAME, ""), texts.get(_BASE_DIGEST, "")
    if not name and not digest:
        return _NO_BASE
    return Base(name=name, digest=digest if is_digest(digest) else None, origin="label" if origin == "label" else "annotation")


def _require(wanted: tuple[str, ...], available: Sequence[Platform | None], source: ImageSource) -> None:
    for text in wanted:
        if not any(_is(text, platform) for platform in available):
            listing = ", ".join(sorted({str(platform) if platform else "unknown" for platform in available}))
            raise UsageError(
                f"{source.reference} has no platform {text}", why=f"it has: {listing}", fix="name one of these with --platform"
            )


def _is(text: str, platform: Platform | None) -> bool:
    return platforms.matches(platforms.parse(text), platform, variant_named=text.count("/") == 2)


def _subject(
    source: ImageSource,
    descriptor: Descriptor,
    kind: str,
    platform: Platform | None,
    configuration: Configuration | None,
    base: Base,
    *,
    media_type: str = "",
    index: str | None = None,
    config_digest: str | None = None,
    layers: tuple[Layer, ...] = (),
    annotations: Mapping[str, str] | None = None,
) -> Subject:
    return Subject(
        name=source.name,
        reference=source.reference,
        digest=descriptor.digest,
        media_type=media_type or descriptor.media_type,
        kind=kind,  # type: ignore[arg-type]  # each caller gives one of the four words
        platform=platform,
        index_digest=index,
        config_digest=config_digest,
        config=configuration.config if configuration is not None else None,
        base=base,
        layers=layers,
        annotations=dict(annotations or {}),
    )
