"""Hanging documents on a digest in a repository: OCI 1.1 referrers, the fallback tag, and cosign's legacy tags.

A registry that knows referrers says so with ``OCI-Subject``; for any other the client keeps the list itself, as an index under
the tag ``sha256-<hex>`` (distribution-spec v1.1, "Pushing Manifests with Subject"). Such a tag is read, changed and written
without a lock, so two writers can lose each other's entries. Against that:

1. the write is conditional (``If-Match``) where the registry gives an ETag, and 412 means to begin again;
2. after writing, the tag is read again, late enough for whoever had read it before to have written; if an entry of ours is gone,
   we begin again. Writers of one process take turns;
3. what others listed stays, byte for byte; something under the tag that is no index is never overwritten.

No client can do more on such a registry: one that stalls for long between its reading and its writing may still win.
"""

from __future__ import annotations

import dataclasses
import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.model.base import digest_of, to_json
from gate.oci.attachments import DSSE, SIMPLE_SIGNING, attachment_tag
from gate.oci.bound import Bound
from gate.oci.media import ACCEPT, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Descriptor
from gate.oci.push import RegistryWriter
from gate.oci.reference import Reference
from gate.oci.session import Session
from gate.oci.strict import is_digest, parse_object

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY_DIGEST = digest_of(EMPTY)
TRIES = 30
SETTLE_SECONDS = 0.05
"""At least so long after a write the tag is read again (2)."""
MAX_SETTLE_SECONDS = 2.0
_TURNS: dict[str, threading.Lock] = {}
_TURNS_LOCK = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class Attached:
    """A referrer's manifest and what it needs, ready to be put anywhere."""

    data: bytes
    blobs: Mapping[str, bytes]
    subject: str
    artifact_type: str
    annotations: Mapping[str, str]

    @property
    def digest(self) -> str:
        return digest_of(self.data)

    def entry(self) -> dict[str, Any]:
        """The descriptor that a list of referrers holds of it."""
        return {
            "mediaType": OCI_MANIFEST,
            "digest": self.digest,
            "size": len(self.data),
            "artifactType": self.artifact_type,
            "annotations": dict(self.annotations),
        }


def referrer(subject: Descriptor, artifact_type: str, data: bytes, annotations: Mapping[str, str]) -> Attached:
    """The manifest that hangs one document on a subject, laid out as cosign 3 does; equal inputs give equal bytes."""
    value = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": {"mediaType": EMPTY_TYPE, "artifactType": artifact_type, "digest": EMPTY_DIGEST, "size": len(EMPTY)},
        "layers": [{"mediaType": artifact_type, "digest": digest_of(data), "size": len(data)}],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": dict(annotations),
    }
    blobs = {EMPTY_DIGEST: EMPTY, digest_of(data): data}
    return Attached(to_json(value), blobs, subject.digest, artifact_type, dict(annotations))


class Attacher:
    """Puts referrers and legacy tags into one repository."""

    def __init__(self, session: Session, writer: RegistryWriter, reference: Reference, limits: Limits) -> None:
        self._session = session
        self._writer = writer
        self._reference = reference
        self._limits = limits

    def attach(self, items: Sequence[Attached]) -> None:
        """Pushes the referrers of one repository; those that are there already change nothing."""
        unlisted: dict[str, list[dict[str, Any]]] = {}
        for item in items:
            for digest, data in item.blobs.items():
                self._writer.put_bytes(self._reference, digest, data)
            if not self.put(item.data, item.digest, OCI_MANIFEST, item.subject):
                unlisted.setdefault(item.subject, []).append(item.entry())
        for subject, entries in unlisted.items():
            self.list_referrers(subject, entries)

    def put(self, data: bytes, digest: str, media_type: str, subject: str) -> bool:
        """Pushes one manifest with a subject; False when the registry does not list it itself.

        Raises EvidenceInvalid when the registry took it for a referrer of something else.
        """
        answer = self._writer.put_manifest(self._reference, digest, media_type, data, digest)
        said = answer.headers.get("oci-subject")
        if said is not None and said != subject:
            raise EvidenceInvalid(
                f"{self._reference.registry} lists {digest} under another subject",
                why=f"pushed for {subject}, it says {said[:100]}",
                fix="tell the registry's operator; nobody will find the attestation where it belongs",
            )
        return said is not None

    def list_referrers(self, subject: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Enters referrers into the fallback tag of their subject (1) to (3)."""
        tag = attachment_tag(subject)

        def edit(old: bytes | None) -> bytes | None:
            index: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
            if old is not None:
                index = self._index(old, tag)
            known = [item.get("digest") for item in index["manifests"] if isinstance(item, dict)]
            new = [dict(entry) for entry in entries if entry["digest"] not in known]
            if not new:
                return None
            index["manifests"] = [*index["manifests"], *new]
            if len(index["manifests"]) > self._limits.referrers:
                raise LimitExceeded("referrers", self._limits.referrers, f"tag {tag} of {self._reference.name}")
            return to_json(index)

        self._change(tag, OCI_INDEX, edit)

    def legacy(self, subject: str, suffix: str, layers: Sequence[tuple[str, bytes, Mapping[str, str]]]) -> None:
        """Adds layers of (media type, bytes, annotations) to cosign's tag ``sha256-<hex>.sig`` or ``.att`` (1) to (3)."""
        for _, data, _ in layers:
            self._writer.put_bytes(self._reference, digest_of(data), data)
        tag = f"{attachment_tag(subject)}.{suffix}"

        def edit(old: bytes | None) -> bytes | None:
            listed = [] if old is None else self._legacy_layers(old, tag)
            known = {_identity(layer) for layer in listed}
            new = [
                {"mediaType": kind, "digest": digest_of(data), "size": len(data), "annotations": dict(hints)}
                for kind, data, hints in layers
            ]
            new = [layer for layer in new if _identity(layer) not in known]
            return None if not new else self._legacy_manifest([*listed, *new])

        self._change(tag, OCI_MANIFEST, edit)

    def join_legacy(self, tag: str, data: bytes) -> None:
        """Lets a legacy tag hold the layers of this manifest beside those that it has; without any, the manifest as it is."""

        def edit(old: bytes | None) -> bytes | None:
            if old is None or old == data:
                return data if old is None else None
            listed = self._legacy_layers(old, tag)
            known = {_identity(layer) for layer in listed}
            new = [layer for layer in self._legacy_layers(data, tag) if _identity(layer) not in known]
            return None if not new else self._legacy_manifest([*listed, *new])

        self._change(tag, OCI_MANIFEST, edit)

    def _legacy_manifest(self, layers: list[Any]) -> bytes:
        """An image manifest as cosign 2 writes it; its configuration is pushed here."""
        digests = [layer["digest"] for layer in layers]
        config = to_json(
            {
                "architecture": "",
                "config": {},
                "created": "0001-01-01T00:00:00Z",
                "history": [{"created": "0001-01-01T00:00:00Z"} for _ in digests],
                "os": "",
                "rootfs": {"type": "layers", "diff_ids": digests},
            }
        )
        self._writer.put_bytes(self._reference, digest_of(config), config)
        about = {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)}
        return to_json({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": about, "layers": layers})

    def _index(self, data: bytes, tag: str) -> dict[str, Any]:
        value = parse_object(data, f"tag {tag}", self._limits)
        if not isinstance(value.get("manifests"), list) or "layers" in value or "config" in value:
            raise _foreign(f"tag {tag} of {self._reference.name}", "an index of referrers")
        return value

    def _legacy_layers(self, data: bytes, tag: str) -> list[Any]:
        value = parse_object(data, f"tag {tag}", self._limits)
        layers = value.get("layers")
        known = (SIMPLE_SIGNING, DSSE)  # compared, not hashed: somebody else wrote what is looked for
        if not isinstance(layers, list) or not all(isinstance(one, dict) and one.get("mediaType") in known for one in layers):
            raise _foreign(f"tag {tag} of {self._reference.name}", "cosign's manifest of signatures")
        if not all(is_digest(one.get("digest")) for one in layers):
            raise EvidenceInvalid(f"tag {tag} of {self._reference.name} has a layer without a digest")
        if len(layers) >= self._limits.referrers:
            raise LimitExceeded("referrers", self._limits.referrers, f"tag {tag} of {self._reference.name}")
        return layers

    def _change(self, tag: str, media_type: str, edit: Callable[[bytes | None], bytes | None]) -> None:
        """Read, change, write, look again; ``edit`` gives the new bytes, None when nothing is to be done."""
        name = f"{self._reference.name}:{tag}"
        with _TURNS_LOCK:
            turn = _TURNS.setdefault(name, threading.Lock())
        with turn:
            for attempt in range(TRIES):
                started = time.monotonic()
                old, etag = self._read(tag)
                new = edit(old)
                if new is None:
                    return
                condition = {"if_match": etag} if etag else {}
                answer = self._writer.put_manifest(self._reference, tag, media_type, new, digest_of(new), **condition)
                took = time.monotonic() - started
                if answer.status != 412:  # (1)
                    time.sleep(min(MAX_SETTLE_SECONDS, max(SETTLE_SECONDS, 3 * took) * random.uniform(1.0, 1.5)))  # noqa: S311
                    now, _ = self._read(tag)
                    if now == new or edit(now) is None:  # (2)
                        return
                time.sleep(random.uniform(0, min(1.0, 0.02 * 2.0**attempt)))  # noqa: S311  # jitter, not a secret
        raise EvidenceUnavailable(
            f"{name} was overwritten {TRIES} times while it was changed",
            why="several writers add to it at once, and the registry has no referrers API to order them",
            fix="run again; what was pushed before stays",
        )

    def _read(self, tag: str) -> tuple[bytes | None, str]:
        """The tag's manifest and its ETag; None when there is none."""
        what = f"tag {tag} of {self._reference.name}"
        path = f"{self._reference.repository}/manifests/{tag}"
        bound = Bound("manifest_bytes", self._limits.manifest_bytes)
        answer = self._session.get(self._reference, path, ACCEPT, bound, what)
        if answer.status == 404:
            return None, ""
        if answer.status != 200:
            raise self._session.failure(self._reference, answer, what)
        return answer.body, answer.headers.get("etag", "")


def _identity(layer: Mapping[str, Any]) -> str:
    """What makes two legacy layers the same: blob and annotations (the signature of a simple-signing layer is one)."""
    return json.dumps([layer.get("digest"), layer.get("annotations") or {}], sort_keys=True)


def _foreign(what: str, wanted: str) -> EvidenceInvalid:
    return EvidenceInvalid(
        f"{what} is not {wanted}",
        why="it would be lost if the gate wrote there",
        fix="find out who pushed it, and delete or rename the tag",
    )
