"""The store in a registry: ``--store oci://REPOSITORY``. A verdict with all that it was reached on, found again from any machine.

What is pushed is the manifest that the local store keeps, byte for byte. Three tags lead to it: ``outcome-<hex>``,
``verdict-<hex>`` and ``subject-<hex>`` (the newest of an image). Tags are hints of whoever may push: what is fetched goes
into a new local store, which hashes everything again and names the verdict by what it holds, not by what it was called.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from gate.audit.layout import Layout
from gate.audit.store import MEDIA_TYPES, Kind, Record, Store
from gate.errors import EvidenceInvalid, LimitExceeded, StoreError, UsageError
from gate.limits import Limits
from gate.oci import reference as references
from gate.oci.bound import Bound
from gate.oci.media import Descriptor, Manifest, manifest
from gate.oci.options import RegistryOptions
from gate.oci.push import RegistryWriter
from gate.oci.reference import Reference
from gate.oci.registry import client_for, session_for
from gate.oci.strict import parse_object
from gate.oci.transport import join, origin

SCHEME = "oci://"
_KINDS: dict[str, Kind] = {media_type: kind for kind, media_type in MEDIA_TYPES.items()}
_TAG = re.compile(r"(?:outcome|verdict|subject)-([0-9a-f]{64})")
_QUERY = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_MOST_TAGS = 100_000
_MOST_VERDICTS = 50


class RemoteStore:
    """Verdicts in one repository."""

    def __init__(self, text: str, options: RegistryOptions, limits: Limits) -> None:
        """Raises UsageError for a text that is no ``oci://REPOSITORY``."""
        self._reference = parse(text)
        self._session = session_for(self._reference, options, limits)
        self._client = client_for(self._reference, options, limits)
        self._writer = RegistryWriter(self._session, limits)
        self._limits = limits

    @property
    def name(self) -> str:
        """As it is given with ``--store``."""
        return SCHEME + self._reference.name

    def publish(self, store: Store, record: Record) -> str:
        """Pushes a verdict of a local store with what it was reached on; returns the manifest's digest.

        Idempotent: what is there is not sent. Raises StoreError, EvidenceUnavailable, EvidenceInvalid.
        """
        data = Layout(store.path).read(record.manifest, self._limits.manifest_bytes)
        found = manifest(data, f"the record {record.manifest}", self._limits)
        for blob in _blobs(found):
            self._writer.put_blob(self._reference, blob.digest, blob.size, functools.partial(_bytes_of, store, blob.digest))
        self._writer.put_manifest(self._reference, record.manifest, _MANIFEST_TYPE, data, record.manifest)
        for tag in (f"outcome-{_hex(record.outcome)}", f"verdict-{_hex(record.verdict)}", f"subject-{_hex(record.subject)}"):
            self._writer.put_tag(self._reference, tag, _MANIFEST_TYPE, data, record.manifest)
        return record.manifest

    def fetch(self, text: str, into: Store) -> int:
        """Brings the verdicts that a digest, or the beginning of one, may name into a local store; how many came.

        Raises UsageError for a text that is no digest, StoreError for a verdict that is not what it says, EvidenceUnavailable.
        """
        match = _QUERY.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is not a digest or the beginning of one", fix="take the digest from the report's first lines"
            )
        found: dict[str, bytes] = {}
        for tag in self._tags(match[1]):
            data = self._client.tagged(self._reference, tag)
            if data is not None:
                found[tag] = data
        if len(match[1]) == 64 and not found:
            answer = self._session.request(
                "GET",
                self._reference,
                f"{self._reference.repository}/manifests/sha256:{match[1]}",
                headers={"accept": _MANIFEST_TYPE},
                bound=Bound("manifest_bytes", self._limits.manifest_bytes),
                what=f"the record sha256:{match[1]}",
            )
            if answer.status == 200:
                found["manifest"] = answer.body
        for data in {bytes(data) for data in found.values()}:
            self._load(data, into)
        return len(found)

    def _load(self, data: bytes, into: Store) -> None:
        what = f"a record of {self.name}"
        try:
            found = manifest(data, what, self._limits)
        except EvidenceInvalid as error:
            raise StoreError(f"{what} cannot be read: {error.what}") from None
        outcome = found.annotations.get("io.policy-gate.outcome", "")
        if found.artifact_type != MEDIA_TYPES["verdict"] or found.config is None or not outcome:
            raise StoreError(
                f"{what} is no verdict", why="its manifest is of another type", fix="name the repository of the store"
            )
        refs: dict[Kind, list[str]] = {}
        left = self._limits.attachment_bytes
        for layer in found.layers:
            kind = _KINDS.get(layer.media_type)
            if kind is None or kind == "verdict":
                raise StoreError(f"{what} has a layer of an unknown type {layer.media_type[:100]!r}")
            blob = self._blob(layer)
            left -= len(blob)
            if left < 0:
                raise LimitExceeded("attachment_bytes", self._limits.attachment_bytes, what)
            refs.setdefault(kind, []).append(into.put(kind, blob, layer.annotations))
        into.commit_verdict(self._blob(found.config), outcome, {kind: tuple(digests) for kind, digests in refs.items()})

    def _blob(self, found: Descriptor) -> bytes:
        return self._client.blob(self._reference, found.digest, Bound("document_bytes", self._limits.document_bytes))

    def _tags(self, start: str) -> Iterator[str]:
        """The tags that may lead to what is asked for; all are looked through only for the beginning of a digest."""
        if len(start) == 64:
            yield from (f"{kind}-{start}" for kind in ("outcome", "verdict", "subject"))
            return
        hits = 0
        for tag in self._listed():
            named = _TAG.fullmatch(tag)
            if named is not None and named[1].startswith(start):
                hits += 1
                if hits > _MOST_VERDICTS:
                    raise UsageError(f"{start} names more than {_MOST_VERDICTS} verdicts", fix="give more of the digest")
                yield tag

    def _listed(self) -> Iterator[str]:
        path, count = f"{self._reference.repository}/tags/list?n=1000", 0
        what = f"the tags of {self._reference.name}"
        while path:
            bound = Bound("manifest_bytes", self._limits.manifest_bytes)
            answer = self._session.get(self._reference, path, "application/json", bound, what)
            if answer.status == 404:
                return
            if answer.status != 200:
                raise self._session.failure(self._reference, answer, what)
            tags = parse_object(answer.body, what, self._limits).get("tags") or []
            if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
                raise EvidenceInvalid(f"{what}: the registry's answer is no list")
            yield from tags
            count += max(1, len(tags))
            if count > _MOST_TAGS:
                raise StoreError(f"{self.name} has more than {_MOST_TAGS} tags", fix="give the whole digest")
            following = re.match(r'\s*<([^>]*)>\s*;\s*rel="?next"?', answer.headers.get("link", ""))
            path = join(answer.url, following[1]) if following else ""
            if path and origin(path) != origin(answer.url):
                raise EvidenceInvalid(f"{what}: the next page is at another server")


def is_remote(text: str | None) -> bool:
    """Whether a ``--store`` names a registry."""
    return text is not None and text.startswith(SCHEME)


def parse(text: str) -> Reference:
    """The repository of an ``oci://`` store. Raises UsageError."""
    named = text.removeprefix(SCHEME)
    found = references.parse(named)
    if not text.startswith(SCHEME) or found.digest is not None or ":" in named.rpartition("/")[2] or not urlsplit(text).netloc:
        raise UsageError(f"--store {text}: a store in a registry is oci://REGISTRY/REPOSITORY, without tag and digest")
    return found


def _blobs(found: Manifest) -> list[Descriptor]:
    return [*([found.config] if found.config else []), *found.layers]


def _bytes_of(store: Store, digest: str) -> tuple[bytes, ...]:
    data = store.get(digest)
    return (data,) if data else ()


def _hex(digest: str) -> str:
    return digest.partition(":")[2]
