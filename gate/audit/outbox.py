"""Attestations that were signed and not yet pushed: kept in the store, sent later, once or as often as it takes.

Bytes lie among the store's blobs; one small file per attestation under ``outbox/`` says where it belongs and whether it was
sent. Sending is idempotent, for everything is named by digest, so a file is marked only after the registry has taken all of it.
What was sent although the gate denied the image is recorded in ``outbox/overrides.jsonl``, before it is sent.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gate.audit.layout import Layout
from gate.errors import EvidenceError, StoreError
from gate.limits import Limits
from gate.model.base import digest_of, to_json
from gate.oci.attach import Attached
from gate.oci.media import manifest

_NAME = re.compile(r"[0-9a-f]{64}\.json")
_FOLDER = "outbox"
_ENTRY_BYTES = 64 * 1024


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attestation and where it belongs."""

    manifest: str
    """Digest of the referrer's manifest; the entry's identity."""
    repository: str
    """Where it is to be pushed; empty when the image was in no registry."""
    subject: str
    name: str
    """``vsa``, ``sbom`` … for people."""
    predicate_type: str
    decision: str
    """Of the verdict that it was made after; empty when there was none."""
    outcome: str
    kept: str
    """RFC 3339."""
    sent: str = ""
    """RFC 3339; empty while it waits."""
    sent_to: str = ""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was pushed for an image that the gate had denied."""

    time: str
    actor: str
    subject: str
    outcome: str
    target: str
    what: str


class Outbox:
    """The outbox of the store in a folder. Every method raises StoreError and no other exception of its own."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._layout = Layout(path)
        self._limits = limits

    def keep(self, item: Attached, entry: Entry) -> Entry:
        """Keeps an attestation; the same one again changes nothing, and is not sent again if it was sent."""
        if entry.manifest != item.digest:
            raise StoreError(f"{entry.manifest} is not the attestation {item.digest}")
        for data in (*item.blobs.values(), item.data):
            self._layout.add(data)
        known = self._read(self._file(item.digest)) if self._file(item.digest).exists() else None
        if known is not None:
            return known
        self._write(entry)
        return entry

    def entries(self) -> Iterator[Entry]:
        """All, sent or not, by time."""
        folder = self.path / _FOLDER
        try:
            names = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else []
        except OSError as error:
            raise StoreError(f"{folder} cannot be read: {error.strerror or error}") from None
        yield from sorted((self._read(path) for path in names), key=lambda entry: (entry.kept, entry.manifest))

    def waiting(self) -> tuple[Entry, ...]:
        """Those that were not sent."""
        return tuple(entry for entry in self.entries() if not entry.sent)

    def attached(self, entry: Entry) -> Attached:
        """The attestation's bytes, hashed again."""
        data = self._layout.read(entry.manifest, self._limits.manifest_bytes)
        try:
            found = manifest(data, f"the attestation {entry.manifest}", self._limits)
        except EvidenceError as error:
            raise StoreError(f"the attestation {entry.manifest} in the store is damaged: {error.what}") from None
        if found.subject is None or found.subject.digest != entry.subject or found.config is None:
            raise StoreError(
                f"the entry of {entry.manifest} says that it is about {entry.subject}, which it is not",
                why="the outbox was changed by another hand",
                fix=f"look at {self._file(entry.manifest)}",
            )
        blobs = {one.digest: self._layout.read(one.digest, self._limits.document_bytes) for one in (found.config, *found.layers)}
        return Attached(data, blobs, entry.subject, found.artifact_type, found.annotations)

    def mark_sent(self, entry: Entry, when: str, target: str) -> None:
        """Remembers that the registry has taken it."""
        self._write(msgspec.structs.replace(entry, sent=when, sent_to=target))

    def record_override(self, override: Override) -> None:
        """Remembers, before it happens, that something is pushed for a denied image."""
        self._layout.create()
        try:
            (self.path / _FOLDER).mkdir(exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            descriptor = os.open(self.path / _FOLDER / "overrides.jsonl", flags, 0o644)
            try:
                os.write(descriptor, to_json(override) + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(f"the override could not be recorded: {error.strerror or error}", fix="nothing was pushed") from None

    def _file(self, digest: str) -> Path:
        return self.path / _FOLDER / f"{digest.removeprefix('sha256:')}.json"

    def _read(self, path: Path) -> Entry:
        try:
            with path.open("rb") as file:
                entry = msgspec.json.decode(file.read(_ENTRY_BYTES), type=Entry)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreError(f"{path} cannot be read: {error}", fix="restore it from a copy of the store, or remove it") from None
        if self._file(entry.manifest) != path:
            raise StoreError(f"{path} is the entry of another attestation, {entry.manifest}")
        return entry

    def _write(self, entry: Entry) -> None:
        target = self._file(entry.manifest)
        temporary = target.parent / f".{secrets.token_hex(8)}"
        try:
            target.parent.mkdir(exist_ok=True)
            with temporary.open("xb") as file:
                file.write(to_json(entry))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreError(f"{target} could not be written: {error.strerror or error}") from None


def entry_of(item: Attached, *, repository: str, name: str, predicate_type: str, decision: str, outcome: str, kept: str) -> Entry:
    """The entry of an attestation that waits."""
    return Entry(
        manifest=digest_of(item.data),
        repository=repository,
        subject=item.subject,
        name=name,
        predicate_type=predicate_type,
        decision=decision,
        outcome=outcome,
        kept=kept,
    )


def override_of(entry: Entry, *, time: str, actor: str, target: str) -> Override:
    """The record of pushing an attestation of a denied image."""
    return Override(time=time, actor=actor, subject=entry.subject, outcome=entry.outcome, target=target, what=entry.name)
