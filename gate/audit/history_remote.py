"""The history beside a store in a registry: an artifact under the tag ``history``, for runners that keep nothing.

A tag can be moved by whoever may push, and by two runs at once. So what is written is what is there joined with what was seen,
under the condition that nothing came between (``If-Match``, where the registry knows it), and it is read back. What another run
replaced is entered again.
"""

from __future__ import annotations

from collections.abc import Sequence

from gate.audit import history
from gate.audit.history import History, Sighting
from gate.audit.remote import parse
from gate.errors import StoreError
from gate.limits import Limits
from gate.model.base import digest_of, to_json
from gate.oci.bound import Bound
from gate.oci.media import manifest
from gate.oci.options import RegistryOptions
from gate.oci.push import RegistryWriter
from gate.oci.registry import client_for, session_for

TAG = "history"
MEDIA_TYPE = "application/vnd.policy-gate.history.v1+json"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = b"{}"
_TRIES = 5


class RemoteHistory:
    """The history in one repository, named as its store is: ``oci://REPOSITORY``."""

    def __init__(self, text: str, options: RegistryOptions, limits: Limits) -> None:
        """Raises UsageError for a text that is no ``oci://REPOSITORY``."""
        self._reference = parse(text)
        self._client = client_for(self._reference, options, limits)
        self._writer = RegistryWriter(session_for(self._reference, options, limits), limits)
        self._limits = limits
        self.name = f"{text}:{TAG}"

    def read(self) -> History:
        """The history; one that has not begun where the repository has none. Raises StoreError, EvidenceUnavailable."""
        return self._read()[0]

    def _read(self) -> tuple[History, str]:
        """The history, and the digest of the manifest that the tag stands for; empty without one."""
        data = self._client.tagged(self._reference, TAG)
        if data is None:
            return History({}, begun=False), ""
        found = manifest(data, self.name, self._limits)
        if found.artifact_type != MEDIA_TYPE or len(found.layers) != 1 or found.layers[0].media_type != MEDIA_TYPE:
            raise StoreError(f"{self.name} is no history", why="its manifest is of another type", fix="name another repository")
        bound = Bound("document_bytes", self._limits.document_bytes)
        return history.decode(self._client.blob(self._reference, found.layers[0].digest, bound), self.name), digest_of(data)

    def record(self, sightings: Sequence[Sighting]) -> None:
        """Enters what was seen. Raises StoreError when others kept coming between, EvidenceUnavailable."""
        for _ in range(_TRIES):
            before, tagged = self._read()
            images = history.merged(before, sightings)
            if before.begun and images == before.images:
                return
            self._put(history.encode(images), tagged)
        if history.merged(now := self.read(), sightings) != now.images:
            raise StoreError(f"{self.name} was changed by others {_TRIES} times while it was written", fix="run again")

    def start(self) -> None:
        """Makes an empty history. Raises StoreError where there is one."""
        if self.read().begun:
            raise StoreError(
                f"{self.name} is there already", why="to begin again would make every finding look new", fix="leave it"
            )
        self._put(history.encode({}), "")

    def _put(self, data: bytes, tagged: str) -> None:
        for blob in (data, _EMPTY):
            self._writer.put_blob(self._reference, digest_of(blob), len(blob), lambda blob=blob: (blob,))  # type: ignore[misc]
        encoded = to_json(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST_TYPE,
                "artifactType": MEDIA_TYPE,
                "config": _descriptor("application/vnd.oci.empty.v1+json", _EMPTY),
                "layers": [_descriptor(MEDIA_TYPE, data)],
            }
        )
        condition = {"if_match": tagged} if tagged else {"if_none_match": "*"}
        self._writer.put_manifest(self._reference, TAG, _MANIFEST_TYPE, encoded, digest_of(encoded), **condition)


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
