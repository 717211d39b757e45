"""Copying an image with everything that hangs on it: platforms, referrers, referrers of referrers, cosign's legacy tags.

1. Everything is read by digest and checked on the way; the last piece of a wrong blob is never sent.
2. Nothing large is held: blobs stream from one side to the other, a few at a time.
3. The tag comes last, so whoever pulls by it finds the image with its signatures.
4. What is there already is not sent again; a copy that was broken off is taken up by running it again.
5. What says that it hangs on the image and does not is left out and named; what cannot be had breaks the copy off.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits
from gate.oci.attach import Attacher
from gate.oci.attachments import attachment_tag, concurrently
from gate.oci.layout_write import LayoutWriter
from gate.oci.media import OCI_MANIFEST, Descriptor, Manifest, manifest
from gate.oci.push import Opened, RegistryWriter
from gate.oci.reference import Reference
from gate.oci.strict import hash_as

STREAMS = 4
"""Blobs on their way at once (2)."""
MAX_DEPTH = 6
LISTS = 10
"""Full lists of referrers that one copy may come to; all manifests of a copy are held."""
_LEGACY = ("sig", "att", "sbom")
_JOINED = re.compile(r"sha(256|512)-[0-9a-f]{64}\.(sig|att)")
"""Tags that hold what several signers made."""
_STAYS_OUTSIDE = ("foreign", "nondistributable")
"""In media types of layers that are fetched from elsewhere and that registries refuse."""


class Origin(Protocol):
    """Where an image is read."""

    @property
    def limits(self) -> Limits:
        """The bounds in force."""

    @property
    def name(self) -> str:
        """For messages."""

    def manifest(self, digest: str) -> bytes:
        """A manifest by digest, checked."""

    def stream(self, digest: str, size: int) -> Iterator[bytes]:
        """A blob in pieces, checked before the last."""

    def referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """What refers to a digest; None where only the fallback tag can tell."""

    def tagged(self, tag: str, digest: str) -> bytes | None:
        """The manifest under a tag."""


class Target(Protocol):
    """Where an image is written."""

    def has(self, digest: str) -> bool:
        """Whether a manifest is there, which is to say with all that it needs."""

    def blob(self, found: Descriptor, opened: Opened) -> bool:
        """Brings a blob there; whether bytes were sent."""

    def manifest(self, node: Node) -> None:
        """Puts a manifest by digest, and lists it if it has a subject."""

    def finish(self, unlisted: Iterable[str]) -> None:
        """After all manifests: the fallback tags of the subjects, where they are needed."""

    def tag(self, tag: str | None, node: Node) -> None:
        """Lets a tag stand for a manifest; without one it is only made sure that the manifest is found by its digest."""


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A manifest with its own digest and media type."""

    found: Descriptor
    data: bytes
    parsed: Manifest

    @property
    def subject(self) -> str | None:
        return self.parsed.subject.digest if self.parsed.subject else None

    def entry(self) -> dict[str, Any]:
        """Its descriptor in a list of referrers (distribution-spec: annotations and type are those of the manifest)."""
        config = self.parsed.config.media_type if self.parsed.config else ""
        return {
            "mediaType": self.found.media_type,
            "digest": self.found.digest,
            "size": self.found.size,
            "artifactType": self.parsed.artifact_type or config,
            **({"annotations": dict(self.parsed.annotations)} if self.parsed.annotations else {}),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did."""

    digest: str
    manifests: int
    blobs_sent: int
    blobs_there: int
    bytes_sent: int
    referrers: int
    legacy_tags: tuple[str, ...]
    left_out: tuple[str, ...]
    """Why something that was listed was not copied (5)."""


@dataclasses.dataclass(slots=True)
class _Plan:
    nodes: dict[str, Node] = dataclasses.field(default_factory=dict)
    """In the order in which they can be pushed."""
    images: list[str] = dataclasses.field(default_factory=list)
    referrers: set[str] = dataclasses.field(default_factory=set)
    tags: dict[str, Node] = dataclasses.field(default_factory=dict)
    left_out: list[str] = dataclasses.field(default_factory=list)

    def add(self, digest: str, node: Node, limits: Limits) -> None:
        """Raises LimitExceeded when all lists together are too long, though each is short enough."""
        if len(self.nodes) >= LISTS * limits.referrers:
            raise LimitExceeded("referrers", limits.referrers, f"{LISTS} times the manifests to copy")
        self.nodes[digest] = node


def copy(origin: Origin, root: Descriptor, target: Target, tag: str | None, *, attached: bool = True) -> Copied:
    """Copies ``root`` with everything attached to it, and lets ``tag`` stand for it in the end (3).

    Raises EvidenceUnavailable, EvidenceInvalid, LimitExceeded, StoreError.
    """
    plan = _Plan()
    _walk(origin, root.digest, plan, 0)
    plan.images = list(plan.nodes)
    if attached:
        _attached(origin, plan)
    top = plan.nodes[root.digest]
    there = {digest for digest, has in zip(plan.nodes, concurrently(target.has, plan.nodes, STREAMS), strict=True) if has}
    counts = _send(origin, [node for digest, node in plan.nodes.items() if digest not in there], plan.tags, target)
    for digest, node in plan.nodes.items():
        if digest not in there or digest in plan.referrers:  # a referrer may be there and not be listed
            target.manifest(node)
    target.finish(sorted({node.subject for node in plan.nodes.values() if node.subject}))
    for name, node in plan.tags.items():
        target.tag(name, node)
    target.tag(tag, top)
    return Copied(
        digest=root.digest,
        manifests=len(plan.nodes) - len(there),
        blobs_sent=counts[0],
        blobs_there=counts[1],
        bytes_sent=counts[2],
        referrers=len(plan.referrers),
        legacy_tags=tuple(plan.tags),
        left_out=tuple(plan.left_out),
    )


def _walk(origin: Origin, digest: str, plan: _Plan, depth: int) -> None:
    """Puts the manifest and those it needs into the plan, the needed ones first."""
    if digest in plan.nodes:
        return
    if depth > MAX_DEPTH:
        raise EvidenceInvalid(f"{origin.name}: indexes within indexes, more than {MAX_DEPTH} deep")
    node = _node(origin.manifest(digest), digest, origin.limits)
    if len(node.parsed.children) > origin.limits.referrers:
        raise LimitExceeded("referrers", origin.limits.referrers, f"children of {digest}")
    for child in node.parsed.children:
        _walk(origin, child.digest, plan, depth + 1)
    plan.add(digest, node, origin.limits)


def _node(data: bytes, digest: str, limits: Limits) -> Node:
    parsed = manifest(data, f"manifest {digest}", limits)
    return Node(Descriptor(digest, parsed.media_type, len(data), parsed.annotations), data, parsed)


def _attached(origin: Origin, plan: _Plan) -> None:
    """Adds what hangs on the images, and what hangs on that, to the plan."""
    subjects = list(plan.images)
    for _ in range(MAX_DEPTH):
        found: list[str] = []
        for listed in concurrently(lambda subject: _listed(origin, subject), subjects, origin.limits.workers):
            for subject, entry in listed:
                found += _referrer(origin, subject, entry.digest, plan)
        if not found:
            break
        subjects = found
    else:
        raise EvidenceInvalid(f"{origin.name}: referrers of referrers, more than {MAX_DEPTH} deep")
    names = [(f"{attachment_tag(digest)}.{suffix}", digest) for digest in plan.images for suffix in _LEGACY]
    for (name, digest), data in zip(
        names, concurrently(lambda pair: origin.tagged(*pair), names, origin.limits.workers), strict=True
    ):
        if data is not None:
            node = _node(data, hash_as("sha256:", data), origin.limits)
            if node.parsed.kind == "index":
                plan.left_out.append(f"tag {name} of {digest}: an index, where cosign writes a manifest")
            else:
                plan.tags[name] = node


def _listed(origin: Origin, subject: str) -> list[tuple[str, Descriptor]]:
    listed = origin.referrers(subject)
    if listed is None:
        data = origin.tagged(attachment_tag(subject), subject)
        if data is None:
            return []
        index = manifest(data, f"tag {attachment_tag(subject)}", origin.limits)
        if index.kind != "index":
            raise EvidenceInvalid(
                f"tag {attachment_tag(subject)} is no index", why="the referrers tag schema of OCI 1.1 wants one"
            )
        listed = index.children
    if len(listed) > origin.limits.referrers:
        raise LimitExceeded("referrers", origin.limits.referrers, f"referrers of {subject}")
    return [(subject, entry) for entry in {entry.digest: entry for entry in listed}.values()]


def _referrer(origin: Origin, subject: str, digest: str, plan: _Plan) -> list[str]:
    """The referrer put into the plan, as a list of one; empty when it is none, or is there (5)."""
    if digest in plan.nodes:
        return []
    try:
        node = _node(origin.manifest(digest), digest, origin.limits)
    except EvidenceInvalid as error:
        plan.left_out.append(f"referrer {digest}: {error.what}")
        return []
    if node.subject != subject:
        plan.left_out.append(f"referrer {digest} is listed for {subject}, but its own subject is {node.subject or 'missing'}")
        return []
    for child in node.parsed.children:
        _walk(origin, child.digest, plan, 1)
    plan.add(digest, node, origin.limits)
    plan.referrers.add(digest)
    return [digest]


def _send(origin: Origin, nodes: Iterable[Node], tags: Mapping[str, Node], target: Target) -> tuple[int, int, int]:
    """Brings over the blobs of the manifests; how many were sent, how many were there, and the bytes sent."""
    needed: dict[str, Descriptor] = {}
    for node in (*nodes, *tags.values()):
        config = [node.parsed.config] if node.parsed.config else []
        for found in (*config, *node.parsed.layers):
            known = needed.setdefault(found.digest, found)
            if known.size != found.size:
                raise EvidenceInvalid(f"blob {found.digest} has two sizes: {known.size} and {found.size}")
    wanted = [found for found in needed.values() if not any(word in found.media_type for word in _STAYS_OUTSIDE)]
    wanted.sort(key=lambda found: -found.size)  # the largest first, so that none is left for the end
    broken = threading.Event()

    def one(found: Descriptor) -> bool:
        if broken.is_set():
            return False
        try:
            return target.blob(found, lambda: origin.stream(found.digest, found.size))
        except BaseException:
            broken.set()  # the others need not be sent: the copy has failed
            raise

    sent = concurrently(one, wanted, STREAMS)
    return sum(sent), len(sent) - sum(sent), sum(found.size for found, done in zip(wanted, sent, strict=True) if done)


class RegistryTarget:
    """A repository."""

    def __init__(self, writer: RegistryWriter, attacher: Attacher, reference: Reference, *, mount_from: str = "") -> None:
        self._writer = writer
        self._attacher = attacher
        self._reference = reference
        self._mount_from = mount_from
        self._unlisted: dict[str, list[dict[str, Any]]] = {}

    def has(self, digest: str) -> bool:
        return self._writer.has_manifest(self._reference, digest)

    def blob(self, found: Descriptor, opened: Opened) -> bool:
        return self._writer.put_blob(self._reference, found.digest, found.size, opened, mount_from=self._mount_from)

    def manifest(self, node: Node) -> None:
        found = node.found
        if node.subject is None:
            self._writer.put_manifest(self._reference, found.digest, found.media_type, node.data, found.digest)
        elif not self._attacher.put(node.data, found.digest, found.media_type, node.subject):
            self._unlisted.setdefault(node.subject, []).append(node.entry())

    def finish(self, unlisted: Iterable[str]) -> None:
        for subject in unlisted:
            if subject in self._unlisted:
                self._attacher.list_referrers(subject, self._unlisted[subject])

    def tag(self, tag: str | None, node: Node) -> None:
        if tag is not None and _JOINED.fullmatch(tag) and node.found.media_type == OCI_MANIFEST:
            self._attacher.join_legacy(tag, node.data)  # others may have signed there
        elif tag is not None:
            self._writer.put_tag(self._reference, tag, node.found.media_type, node.data, node.found.digest)


class LayoutTarget:
    """An image layout."""

    def __init__(self, writer: LayoutWriter) -> None:
        self._writer = writer

    def has(self, digest: str) -> bool:
        return False  # a layout may hold a manifest without its blobs

    def blob(self, found: Descriptor, opened: Opened) -> bool:
        return self._writer.put_blob(found.digest, found.size, opened)

    def manifest(self, node: Node) -> None:
        self._writer.put_bytes(node.found.digest, node.data)

    def finish(self, unlisted: Iterable[str]) -> None:
        """A layout is searched for subjects; it keeps no list."""

    def tag(self, tag: str | None, node: Node) -> None:
        self._writer.put_bytes(node.found.digest, node.data)
        self._writer.enter(node.found, tag)
