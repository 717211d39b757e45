"""Descriptors, manifests and the media types that the gate knows (OCI image-spec v1.1, Docker schema 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from gate.errors import EvidenceInvalid, FormatRefused
from gate.limits import Limits
from gate.model.input import Platform
from gate.oci.strict import is_digest, parse_object

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))

REF_NAME = "org.opencontainers.image.ref.name"
BUILDKIT_TYPE = "vnd.docker.reference.type"


@dataclasses.dataclass(frozen=True, slots=True)
class Descriptor:
    """A digest with what is said about it. ``size`` in bytes, -1 when nobody said."""

    digest: str
    media_type: str
    size: int = -1
    annotations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    platform: Platform | None = None
    artifact_type: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index, by its structure; ``media_type`` is never one that contradicts it."""

    kind: Literal["manifest", "index"]
    media_type: str
    artifact_type: str
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]


def descriptor(value: Any, what: str) -> Descriptor:
    """A descriptor from a manifest; raises EvidenceInvalid when it has no sound digest, size or media type."""
    if not isinstance(value, dict):
        raise EvidenceInvalid(f"{what}: a descriptor is not an object")
    digest, size, media_type = value.get("digest"), value.get("size"), value.get("mediaType", "")
    if not isinstance(digest, str) or not is_digest(digest):
        raise EvidenceInvalid(f"{what}: a descriptor has no valid digest", why=f"it says {str(digest)[:100]!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise EvidenceInvalid(f"{what}: the descriptor of {digest} has no valid size", why=f"it says {str(size)[:40]!r}")
    if not isinstance(media_type, str):
        raise EvidenceInvalid(f"{what}: the descriptor of {digest} has no valid media type")
    artifact_type = value.get("artifactType") or ""
    if not isinstance(artifact_type, str):
        raise EvidenceInvalid(f"{what}: the descriptor of {digest} has no valid artifact type")
    annotations = strings(value.get("annotations"), f"{what}: annotations of {digest}")
    return Descriptor(digest, media_type, size, annotations, _platform(value.get("platform"), what), artifact_type)


def manifest(data: bytes, what: str, limits: Limits) -> Manifest:
    """Reads a manifest or an index.

    Raises EvidenceInvalid for what is neither, or both, or says it is the other; FormatRefused for Docker schema 1.
    """
    value = parse_object(data, what, limits)
    if value.get("schemaVersion") == 1:
        raise FormatRefused(
            f"{what} is a Docker schema 1 manifest",
            why="its digest does not cover the image",
            fix="push the image again with a current tool",
        )
    said = value.get("mediaType") or ""
    if not isinstance(said, str):
        raise EvidenceInvalid(f"{what}: the media type is not a text")
    is_index = isinstance(value.get("manifests"), list)
    is_manifest = isinstance(value.get("layers"), list) or isinstance(value.get("config"), dict)
    if (is_index and is_manifest) or (said in INDEXES and not is_index) or (said in MANIFESTS and not is_manifest):
        raise EvidenceInvalid(
            f"{what} can be read as an image and as an index", why="two programs would see two images (CVE-2021-41190)"
        )
    if not is_index and not is_manifest:
        raise EvidenceInvalid(f"{what} is neither an image manifest nor an index")
    if said and said not in INDEXES | MANIFESTS:
        raise FormatRefused(f"{what} is of type {said[:120]!r}", why="this version reads OCI and Docker manifests and indexes")
    artifact_type = value.get("artifactType") or ""
    subject = value.get("subject")
    config = value.get("config")
    if is_manifest and not isinstance(config, dict):
        raise EvidenceInvalid(f"{what} has no configuration descriptor")
    return Manifest(
        kind="index" if is_index else "manifest",
        media_type=said or (OCI_INDEX if is_index else OCI_MANIFEST),
        artifact_type=artifact_type if isinstance(artifact_type, str) else "",
        config=descriptor(config, what) if is_manifest else None,
        layers=tuple(descriptor(item, what) for item in _list(value.get("layers"), what)),
        children=tuple(descriptor(item, what) for item in _list(value.get("manifests"), what)),
        subject=None if subject is None else descriptor(subject, what),
        annotations=strings(value.get("annotations"), f"{what}: annotations"),
    )


def strings(value: Any, what: str) -> dict[str, str]:
    """A map of text to text, empty for null; raises EvidenceInvalid for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise EvidenceInvalid(f"{what}: not a map of text to text")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise EvidenceInvalid(f"{what}: a list was expected", why=f"it is {type(value).__name__}")
    return value


def _platform(value: Any, what: str) -> Platform | None:
    if value is None:
        return None
    parts = [value.get(name) or "" for name in ("os", "architecture", "variant")] if isinstance(value, dict) else [None]
    os, architecture, variant = (part if isinstance(part, str) else None for part in (*parts, None, None)[:3])
    if os is None or architecture is None or variant is None:
        raise EvidenceInvalid(f"{what}: a platform is malformed")
    return Platform(os=os, architecture=architecture, variant=variant) if os or architecture else None
