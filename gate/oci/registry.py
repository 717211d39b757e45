"""A subject in a registry."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from gate.limits import Limits
from gate.oci.attachments import Attachment, Attachments, collect
from gate.oci.bound import Bound
from gate.oci.client import RegistryClient
from gate.oci.media import Descriptor, manifest
from gate.oci.options import RegistryOptions
from gate.oci.reference import Reference
from gate.oci.session import Session
from gate.oci.source import Kind
from gate.oci.transport import Transport


def session_for(reference: Reference, options: RegistryOptions, limits: Limits) -> Session:
    """Connections and tokens for the reference's registry, one per run."""
    shared = options.shared
    transport = shared.get("transport", lambda: Transport(options, limits), Transport.close)
    session: Session = shared.get(("session", reference.registry), lambda: Session(reference, transport, options, limits))
    return session


def client_for(reference: Reference, options: RegistryOptions, limits: Limits) -> RegistryClient:
    """The reading client of the reference's registry."""
    return RegistryClient(session_for(reference, options, limits), limits)


class RegistrySource:
    """An image or index in a repository. The tag is looked at once (invariant 10); manifests are kept, for they are small."""

    kind: Kind = "image"

    def __init__(self, reference: Reference, given: str, options: RegistryOptions, limits: Limits) -> None:
        self.name = reference.name
        self.reference = given
        self.limits = limits
        self._reference = reference
        self._client = client_for(reference, options, limits)
        self._lock = threading.Lock()
        self._resolved: Descriptor | None = None
        self._manifests: dict[str, bytes] = {}

    def resolve(self) -> Descriptor:
        """The digest that the reference stands for, asked for once; raises EvidenceUnavailable, EvidenceInvalid."""
        with self._lock:
            if self._resolved is None:
                digest, data = self._client.resolve(self._reference)
                found = manifest(data, str(self._reference), self.limits)
                self._manifests[digest] = data
                self._resolved = Descriptor(digest, found.media_type, len(data), found.annotations)
            return self._resolved

    def manifest(self, digest: str) -> bytes:
        """A manifest of the repository by digest."""
        kept = self._manifests.get(digest)
        if kept is not None:
            return kept
        data = self._client.manifest(self._reference, digest)
        if len(self._manifests) < self.limits.platforms:
            self._manifests[digest] = data
        return data

    def blob(self, digest: str, max_bytes: int) -> bytes:
        """A blob of the repository by digest."""
        return self._client.blob(self._reference, digest, Bound.of(max_bytes, self.limits))

    def stream(self, digest: str, size: int) -> Iterator[bytes]:
        """A blob of any size, in pieces, checked."""
        return self._client.stream(self._reference, digest, size)

    def referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """What the registry's referrers API lists; None where it has none."""
        return self._client.referrers(self._reference, digest)

    def tagged(self, tag: str, digest: str) -> bytes | None:
        """The manifest under one of the attachment tags."""
        return self._client.tagged(self._reference, tag)

    def collect(self, digest: str) -> Attachments:
        """All that is attached to the digest in the repository."""
        return collect(self, digest)

    def attachments(self, digest: str) -> tuple[Attachment, ...]:
        """The evidence candidates among them."""
        return self.collect(digest).items

    def close(self) -> None:
        """Forgets the manifests; connections belong to the run."""
        self._manifests.clear()
