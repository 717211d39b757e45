"""What hangs on a digest: Sigstore bundles and other referrers, and cosign's legacy tags.

The same code reads a registry and a layout; both are a `Shelf`. Rules, each with a test:

1. A list that cannot be had is an error, never an empty list.
2. A manifest counts as a referrer only if its own ``subject`` is the digest: lists are made by registries, and by anyone who may
   push a fallback tag.
3. One bad attachment spoils itself and not the others. It is kept, with its problem, so that it is reported.
4. Everything is fetched by digest, checked, and counted against `Limits.referrers`.

Formats: OCI image-spec v1.1 (subject, artifactType), distribution-spec v1.1 (referrers, fallback tag), cosign's SIGNATURE_SPEC.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Literal, Protocol, TypeVar

from gate.errors import EvidenceError, EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci.media import Descriptor, Manifest, manifest

Kind = Literal["bundle", "sig", "att", "other"]

BUNDLE = "application/vnd.dev.sigstore.bundle"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
COSIGN_SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
_EVIDENCE_WORDS = ("spdx", "cyclonedx", "sarif", "in-toto", "intoto", "openvex", "vex+json", "csaf", "dsse")
"""Parts of media types under which evidence is attached; read as kind ``other``, everything else is only listed."""

T = TypeVar("T")
R = TypeVar("R")


@dataclasses.dataclass(frozen=True, slots=True)
class Attachment:
    """A document that hangs on a manifest, as found. ``problem`` is set, and ``data`` empty, when it could not be read."""

    data: bytes
    media_type: str
    source: str
    """``referrer sha256:…``, ``tag sha256-….att layer N``."""
    annotations: Mapping[str, str]
    attached_to: str
    kind: Kind
    problem: EvidenceError | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class InventoryItem:
    """Something that is there and is no evidence: an unsigned SBOM tag, a buildkit attestation, an unknown referrer."""

    digest: str
    media_type: str
    source: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Attachments:
    """All that hangs on one digest."""

    items: tuple[Attachment, ...] = ()
    inventory: tuple[InventoryItem, ...] = ()


class Shelf(Protocol):
    """Where manifests lie: a repository or a layout."""

    @property
    def limits(self) -> Limits:
        """The bounds in force."""

    def manifest(self, digest: str) -> bytes:
        """A manifest by digest, checked."""

    def blob(self, digest: str, max_bytes: int) -> bytes:
        """A blob by digest, checked and bounded."""

    def referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """Descriptors of what refers to the digest; None where there is no such list and the fallback tag counts."""

    def tagged(self, tag: str, digest: str) -> bytes | None:
        """The manifest under one of cosign's or the specification's tags for the digest; None when there is none."""


class _Budget:
    """Counts bytes before they are fetched, over all threads of one `collect`."""

    def __init__(self, limits: Limits, what: str) -> None:
        self._left = self._all = limits.attachment_bytes
        self._what = what
        self._lock = Lock()

    def take(self, size: int) -> None:
        """Raises LimitExceeded when the sizes taken so far pass ``attachment_bytes`` (4)."""
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise LimitExceeded("attachment_bytes", self._all, self._what)


def attachment_tag(digest: str) -> str:
    """``sha256-<hex>``: the referrers tag of the distribution-spec, and the stem of cosign's; longer digests are cut to 64."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}-{value[:64]}"


def collect(shelf: Shelf, digest: str) -> Attachments:
    """Everything attached to the digest; raises EvidenceUnavailable when any of the lists could not be had (1)."""
    tag = attachment_tag(digest)
    budget = _Budget(shelf.limits, f"attachments of {digest}")
    lists: list[Callable[[], Attachments]] = [
        lambda: _referrers(shelf, digest, tag, budget),
        lambda: _legacy(shelf, digest, f"{tag}.sig", "sig", budget),
        lambda: _legacy(shelf, digest, f"{tag}.att", "att", budget),
        lambda: _legacy_sbom(shelf, digest, f"{tag}.sbom", budget),
    ]
    parts = concurrently(lambda read: read(), lists, shelf.limits.workers)
    items = tuple(item for part in parts for item in part.items)
    if len(items) > shelf.limits.referrers:
        raise LimitExceeded("referrers", shelf.limits.referrers, f"attachments of {digest}")
    return Attachments(items, tuple(item for part in parts for item in part.inventory))


def concurrently(work: Callable[[T], R], items: Iterable[T], workers: int) -> list[R]:
    """The results in the order of the items; the first error is raised after all have ended."""
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(workers, len(todo)), thread_name_prefix="gate-oci") as pool:
        return list(pool.map(work, todo))


def _referrers(shelf: Shelf, digest: str, tag: str, budget: _Budget) -> Attachments:
    listed = shelf.referrers(digest)
    where = "referrer"
    if listed is None:
        where = f"tag {tag}, referrer"
        data = shelf.tagged(tag, digest)
        if data is None:
            return Attachments()
        try:
            fallback = manifest(data, f"tag {tag}", shelf.limits)
            if fallback.kind != "index":
                raise EvidenceInvalid(f"tag {tag} is no index", why="the referrers tag schema of OCI 1.1 wants one")
        except EvidenceError as error:
            return Attachments((_bad(error, f"tag {tag}", digest, "other", ""),))  # (3)
        listed = fallback.children
    unique = {item.digest: item for item in listed}
    if len(unique) > shelf.limits.referrers:
        raise LimitExceeded("referrers", shelf.limits.referrers, f"referrers of {digest}")  # (4)
    parts = concurrently(lambda item: _referrer(shelf, digest, item, where, budget), unique.values(), shelf.limits.workers)
    return Attachments(
        tuple(item for part in parts for item in part.items), tuple(item for part in parts for item in part.inventory)
    )


def _referrer(shelf: Shelf, digest: str, listed: Descriptor, where: str, budget: _Budget) -> Attachments:
    source = f"{where} {listed.digest}"
    try:
        data = shelf.manifest(listed.digest)
        found = manifest(data, source, shelf.limits)
        if found.subject is None or found.subject.digest != digest:  # (2)
            raise EvidenceInvalid(
                f"{source} does not refer to {digest}",
                why=f"its subject is {found.subject.digest if found.subject else 'missing'}",
                fix="the registry's list or the fallback tag is wrong; ignore it, or repair the repository",
            )
    except EvidenceError as error:
        return Attachments((_bad(error, source, digest, _kind(listed.artifact_type) or "other", listed.artifact_type),))  # (3)
    artifact_type = found.artifact_type or (found.config.media_type if found.config else "")
    kind = _kind(artifact_type)
    if kind is None or found.kind == "index":
        return Attachments(inventory=(InventoryItem(listed.digest, artifact_type, source, "not a known type of evidence"),))
    return Attachments(_layers(shelf, found, source, digest, kind, budget))


def _legacy(shelf: Shelf, digest: str, tag: str, kind: Kind, budget: _Budget) -> Attachments:
    data = shelf.tagged(tag, digest)
    if data is None:
        return Attachments()
    try:
        found = manifest(data, f"tag {tag}", shelf.limits)
        if found.kind != "manifest":
            raise EvidenceInvalid(f"tag {tag} is an index", why="cosign writes an image manifest there")
    except EvidenceError as error:
        return Attachments((_bad(error, f"tag {tag}", digest, kind, ""),))  # (3)
    return Attachments(_layers(shelf, found, f"tag {tag}", digest, kind, budget))


def _legacy_sbom(shelf: Shelf, digest: str, tag: str, budget: _Budget) -> Attachments:
    """cosign's unsigned SBOM attachment: deprecated, listed as any unsigned referrer. A failure to look is no error."""
    try:
        data = shelf.tagged(tag, digest)
        if data is None:
            return Attachments()
        found = manifest(data, f"tag {tag}", shelf.limits)
    except EvidenceError:
        return Attachments()
    reason = "cosign attach sbom: unsigned and deprecated, so it satisfies nothing; attach a signed attestation instead"
    inventory = tuple(InventoryItem(layer.digest, layer.media_type, f"tag {tag}", reason) for layer in found.layers)
    try:
        read = _layers(shelf, found, f"tag {tag}", digest, "other", budget)
    except EvidenceError:
        read = ()
    return Attachments(tuple(item for item in read if item.problem is None), inventory)


def _layers(shelf: Shelf, found: Manifest, source: str, digest: str, kind: Kind, budget: _Budget) -> tuple[Attachment, ...]:
    if len(found.layers) > shelf.limits.referrers:
        raise LimitExceeded("referrers", shelf.limits.referrers, f"layers of {source}")  # (4)
    bound = shelf.limits.document_bytes if kind == "other" else shelf.limits.bundle_bytes

    def read(item: tuple[int, Descriptor]) -> Attachment:
        number, layer = item
        name = source if len(found.layers) == 1 and kind in {"bundle", "other"} else f"{source} layer {number}"
        annotations = {**found.annotations, **layer.annotations}
        budget.take(layer.size)
        try:
            if layer.size > bound:
                raise LimitExceeded("document_bytes" if kind == "other" else "bundle_bytes", bound, name)
            data = shelf.blob(layer.digest, bound)
            if len(data) != layer.size:
                raise EvidenceInvalid(f"{name} has {len(data)} bytes", why=f"its descriptor says {layer.size}")
        except EvidenceError as error:
            return _bad(error, name, digest, kind, layer.media_type, annotations)  # (3)
        return Attachment(data, layer.media_type, name, annotations, digest, kind)

    return tuple(concurrently(read, enumerate(found.layers), shelf.limits.workers))


def _kind(artifact_type: str) -> Kind | None:
    known = artifact_type.lower()
    if known.startswith(BUNDLE):
        return "bundle"
    if known in {COSIGN_SIGNATURE, SIMPLE_SIGNING}:
        return "sig"
    if known == DSSE:
        return "att"
    return "other" if any(word in known for word in _EVIDENCE_WORDS) else None


def _bad(
    error: EvidenceError, source: str, digest: str, kind: Kind, media_type: str, annotations: Mapping[str, str] | None = None
) -> Attachment:
    return Attachment(b"", media_type, source, annotations or {}, digest, kind, error)


def unreachable(items: Iterable[Attachment]) -> tuple[Attachment, ...]:
    """The attachments that are there but could not be had: retrying may help."""
    return tuple(item for item in items if isinstance(item.problem, EvidenceUnavailable))
