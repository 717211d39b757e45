"""Where something is written to: ``oci:DIR[:TAG]`` and paths are layouts, all else is a registry."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from gate.errors import UsageError
from gate.limits import Limits
from gate.oci import copy as copying
from gate.oci import reference as references
from gate.oci.archive import DaemonSource
from gate.oci.attach import Attached, Attacher
from gate.oci.layout import LayoutSource
from gate.oci.layout_write import LayoutWriter
from gate.oci.media import Descriptor
from gate.oci.options import RegistryOptions
from gate.oci.push import RegistryWriter
from gate.oci.reference import Reference
from gate.oci.registry import RegistrySource, session_for
from gate.oci.source import ImageSource, open_source, split_path

_PATHS = ("/", "./", "../", "~")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def attacher_for(reference: Reference, options: RegistryOptions, limits: Limits) -> Attacher:
    """What attaches to the digests of a repository."""
    session = session_for(reference, options, limits)
    return Attacher(session, RegistryWriter(session, limits), reference, limits)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """An image where attestations can be put beside it: a repository, or a layout directory."""

    source: RegistrySource | LayoutSource
    subject: Descriptor
    repository: str
    """Name of the repository; empty for a layout."""
    _options: RegistryOptions
    _limits: Limits

    def attach(self, items: Sequence[Attached]) -> None:
        """Puts the referrers there; those that are there already change nothing."""
        if self.repository:
            attacher_for(references.parse(self.repository), self._options, self._limits).attach(items)
            return
        writer = LayoutWriter(self._folder(), self._limits)
        for item in items:
            writer.attach(item)

    def legacy(self, subject: str, suffix: str, layers: Sequence[tuple[str, bytes, Mapping[str, str]]]) -> None:
        """Adds layers to cosign's tag of a digest; raises UsageError for a layout."""
        if not self.repository:
            raise UsageError("--legacy-tags is for registries", why="in a layout the bundle lies beside the image")
        attacher_for(references.parse(self.repository), self._options, self._limits).legacy(subject, suffix, layers)

    def _folder(self) -> Path:
        return split_path(self.source.reference.removeprefix("oci:"))[0]


def open_place(text: str, options: RegistryOptions, limits: Limits) -> Place:
    """The image to sign or to attest, resolved. Raises UsageError, with the reason, for what cannot carry a signature."""
    source = open_source(text, options=options, limits=limits)
    if isinstance(source, RegistrySource):
        return Place(source, source.resolve(), source.name, options, limits)
    if isinstance(source, LayoutSource) and source.directory:
        return Place(source, source.resolve(), "", options, limits)
    with contextlib.closing(source):
        if isinstance(source, DaemonSource):
            raise UsageError(
                f"{text} cannot be signed: it is a `docker save` tarball",
                why="it holds no manifest; the digest that a registry will know the image by comes into being when it is pushed",
                fix="push it and sign REPOSITORY@DIGEST, or export a layout: docker buildx build --output type=oci,tar=false",
            )
        if isinstance(source, LayoutSource):
            raise UsageError(f"{text} is an archive, and nothing can be put into it", fix="unpack it: tar -xf, then sign oci:DIR")
    raise UsageError(
        f"{text} names no place where a signature could be put",
        why="a digest alone, or a reference with --offline, is in no repository",
        fix="name REPOSITORY@DIGEST, without --offline, or a layout",
    )


def open_origin(text: str, options: RegistryOptions, limits: Limits) -> RegistrySource | LayoutSource:
    """An image to be copied; raises UsageError for what is none."""
    source: ImageSource = open_source(text, options=options, limits=limits)
    if isinstance(source, RegistrySource | LayoutSource):
        return source
    source.close()
    raise UsageError(
        f"{text} cannot be copied: it is no image that a registry would know",
        why="a `docker save` tarball, like a digest alone, holds no manifest",
        fix="push it with docker, or export a layout: docker buildx build --output type=oci,tar=false",
    )


def open_target(
    text: str, options: RegistryOptions, limits: Limits, *, origin: RegistrySource | LayoutSource
) -> tuple[copying.Target, str | None, str]:
    """The target, the tag that is to stand for the image there, and the target's name for messages.

    Raises UsageError for a reference with a digest: what an image's digest is, is not the target's to say.
    """
    if text.startswith("oci:") or text.startswith(_PATHS):
        path, tag = _layout_path(text.removeprefix("oci:"))
        return copying.LayoutTarget(LayoutWriter(path, limits)), tag, str(path)
    reference = references.parse(text.removeprefix("docker://"))
    if reference.digest is not None:
        raise UsageError(f"{text}: a target has no digest", fix=f"write {reference.name}:TAG")
    session = session_for(reference, options, limits)
    writer = RegistryWriter(session, limits)
    same = (
        isinstance(origin, RegistrySource) and origin.name.startswith(f"{reference.registry}/") and origin.name != reference.name
    )
    mount = origin.name.removeprefix(f"{reference.registry}/") if same else ""
    attacher = Attacher(session, writer, reference, limits)
    return copying.RegistryTarget(writer, attacher, reference, mount_from=mount), reference.tag, str(reference)


def _layout_path(text: str) -> tuple[Path, str | None]:
    head, colon, tag = text.rpartition(":")
    if colon and _TAG.fullmatch(tag) and "/" not in tag:
        return Path(head).expanduser(), tag
    return Path(text).expanduser(), None
