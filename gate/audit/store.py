"""The store: verdicts with all that they were reached on, each piece by the digest of its bytes.

One OCI manifest per verdict: the verdict is its configuration, the input document, policy bundles, engine capabilities and
evidence are its layers. ``index.json`` lists the manifests, so any OCI tool can copy a store or parts of it; full pages of
the list are image indexes of their own, so that entering a verdict costs the same in a store of any age. Annotations in the
list serve to find a verdict; `Store.load` checks them against the verdict's own bytes before anything is believed.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from gate.audit.layout import Layout
from gate.errors import StoreError, UsageError
from gate.limits import DEFAULT, Limits
from gate.model.base import digest_of, to_json
from gate.model.verdict import SCHEMA

Kind = Literal["input", "verdict", "bundle", "evidence", "capabilities"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEDIA_TYPES: dict[Kind, str] = {
    "input": "application/vnd.policy-gate.input.v1+json",
    "verdict": "application/vnd.policy-gate.verdict.v1+json",
    "bundle": "application/vnd.policy-gate.bundle.v1.tar",
    "evidence": "application/vnd.policy-gate.evidence.v1",
    "capabilities": "application/vnd.policy-gate.capabilities.v1+json",
}
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_PAGE_TYPE = "application/vnd.policy-gate.verdicts.v1"
PAGE = 256
"""Verdicts that ``index.json`` lists itself; when there are more they become a page."""
_PREFIX = "io.policy-gate."
_FIELDS = ("verdict", "outcome", "subject", "decision", "name", "time")
_QUERY = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A verdict as the index lists it: a hint where to look until `Store.load` has checked it."""

    manifest: str
    verdict: str
    outcome: str
    subject: str
    decision: str
    name: str
    time: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """A verdict's bytes and the digests of what it was reached on, by kind; all checked."""

    record: Record
    data: bytes
    refs: Mapping[Kind, tuple[str, ...]]


class _Outline(msgspec.Struct):
    schema: str
    outcome: msgspec.Raw
    outcome_digest: str


class _Subject(msgspec.Struct):
    digest: str
    name: str


class _Time(msgspec.Struct):
    now: str


class _Digests(msgspec.Struct):
    input: str


class _Outcome(msgspec.Struct):
    subject: _Subject
    decision: str
    time: _Time
    digests: _Digests


class _Descriptor(msgspec.Struct, kw_only=True, omit_defaults=True):
    mediaType: str
    digest: str
    size: int
    artifactType: str = ""
    annotations: dict[str, str] = {}


class _Manifest(msgspec.Struct, kw_only=True, omit_defaults=True):
    schemaVersion: Literal[2]
    mediaType: str
    artifactType: str
    config: _Descriptor
    layers: list[_Descriptor]
    annotations: dict[str, str] = {}


class _Page(msgspec.Struct, kw_only=True):
    schemaVersion: Literal[2]
    mediaType: str
    artifactType: str
    manifests: list[_Descriptor]


class Store:
    """A store in the folder `path`, made by the first write. Every method raises StoreError and no other exception of its own,
    but for UsageError from `find`."""

    def __init__(self, path: Path, limits: Limits = DEFAULT) -> None:
        self.path = path
        self._layout = Layout(path)
        self._max_bytes = max(limits.engine_output_bytes, limits.document_bytes)
        self._annotations: dict[str, dict[str, str]] = {}

    def put(self, kind: Kind, data: bytes, annotations: Mapping[str, str] | None = None) -> str:
        """Keep `data` and return its digest; it is safe from a power cut once a verdict was committed. `annotations` go beside it
        into the manifest of a verdict that this object commits."""
        if kind not in KINDS:
            raise StoreError(f"{kind!r} is not a kind of document that the store keeps")
        if len(data) > self._max_bytes:
            raise StoreError(f"a document of {len(data)} bytes is larger than what the store reads back ({self._max_bytes})")
        digest = self._layout.add(data)
        if annotations:
            self._annotations[digest] = dict(annotations)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, hashed again."""
        return self._layout.read(digest, self._max_bytes)

    def commit_verdict(self, data: bytes, outcome_digest: str, refs: Mapping[Kind, str | Sequence[str]]) -> Record:
        """Enter a verdict into the index, with the digests of what it was reached on, all of which must have been put before.

        The same verdict again changes nothing. Refused: a verdict whose outcome does not have the digest given, and one
        without its input document, for it could not be replayed.
        """
        outcome = _outcome_of(data, outcome_digest)
        layers: list[_Descriptor] = []
        for kind in KINDS:
            given = refs.get(kind, ())
            digests = (given,) if isinstance(given, str) else tuple(given)
            if kind == "verdict" and digests not in ((), (digest_of(data),)):
                raise StoreError("a verdict is not reached on another verdict")
            if kind != "verdict":
                layers += [self._describe(kind, digest) for digest in dict.fromkeys(digests)]
        if unknown := sorted(set(refs) - set(KINDS)):
            raise StoreError(f"{unknown[0]!r} is not a kind of document that the store keeps")
        if not any(layer.mediaType == MEDIA_TYPES["input"] and layer.digest == outcome.digests.input for layer in layers):
            raise StoreError(
                f"the verdict's input document {outcome.digests.input} is not among what is stored with it",
                why="without it the verdict could not be replayed",
            )
        with self._layout.exclusive():
            verdict = self._layout.add_locked(data)
            values = (verdict, outcome_digest, outcome.subject.digest, outcome.decision, outcome.subject.name, outcome.time.now)
            manifest = _Manifest(
                schemaVersion=2,
                mediaType=_MANIFEST_TYPE,
                artifactType=MEDIA_TYPES["verdict"],
                config=_Descriptor(mediaType=MEDIA_TYPES["verdict"], digest=verdict, size=len(data)),
                layers=layers,
                annotations={_PREFIX + field: value for field, value in zip(_FIELDS, values, strict=True)},
            )
            encoded = to_json(manifest)
            descriptor = _Descriptor(
                mediaType=_MANIFEST_TYPE,
                digest=digest_of(encoded),
                size=len(encoded),
                artifactType=manifest.artifactType,
                annotations=manifest.annotations,
            )
            index = self._layout.read_index()
            # only a manifest that was written before can be listed already, so the common case reads no page
            written = self._layout.size(descriptor.digest) is not None
            if not (written and any(entry.digest == descriptor.digest for entry in self._listed(index["manifests"]))):
                self._layout.add_locked(encoded)
                index["manifests"] = self._paged([*index["manifests"], msgspec.to_builtins(descriptor)])
                self._layout.write_index(index)
        return _record(descriptor)

    def verdicts(self) -> Iterator[Record]:
        """Every verdict in the order of entry; none when there is no store. Manifests of others are passed over."""
        if self._layout.exists():
            yield from map(_record, self._listed(self._layout.read_index()["manifests"]))

    def find(self, text: str) -> tuple[Record, ...]:
        """Verdicts whose verdict, outcome, subject or manifest digest begins with `text` (``sha256:`` may be left out),
        newest entry first. Raises UsageError for fewer than 6 hex digits and for what is no digest."""
        match = _QUERY.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text!r} is not a digest or the beginning of one",
                why="a verdict is named by at least 6 hex digits of its own, its outcome's or its subject's digest",
                fix="take the digest from the report's first lines",
            )
        start = "sha256:" + match[1]
        hits = [
            record
            for record in self.verdicts()
            if any(value.startswith(start) for value in (record.verdict, record.outcome, record.subject, record.manifest))
        ]
        return tuple(reversed(hits))

    def load(self, record: Record) -> StoredVerdict:
        """The verdict and what it refers to. Raises StoreError when any of it is not what the index says."""
        try:
            manifest = msgspec.json.decode(self._layout.read(record.manifest, DEFAULT.manifest_bytes), type=_Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreError(f"the manifest {record.manifest} is not that of a verdict: {error}") from None
        data = self.get(manifest.config.digest)
        outcome = _outcome_of(data, record.outcome)
        truth = (manifest.config.digest, record.outcome, outcome.subject.digest)
        said = (record.verdict, record.outcome, record.subject)
        if truth != said or (outcome.decision, outcome.subject.name, outcome.time.now) != (
            record.decision,
            record.name,
            record.time,
        ):
            raise StoreError(
                f"the index says of {record.verdict} what the verdict itself does not say",
                why="the index of the store was changed by another hand",
                fix="restore index.json from a copy of the store",
            )
        refs: dict[Kind, list[str]] = {kind: [] for kind in KINDS if kind != "verdict"}
        kinds = {media_type: kind for kind, media_type in MEDIA_TYPES.items()}
        for layer in manifest.layers:
            kind = kinds.get(layer.mediaType)
            if kind is None or kind == "verdict":
                raise StoreError(f"the manifest {record.manifest} has a layer of an unknown type {layer.mediaType!r}")
            refs[kind].append(layer.digest)
        return StoredVerdict(record=record, data=data, refs={kind: tuple(digests) for kind, digests in refs.items()})

    def _listed(self, entries: list[dict[str, Any]]) -> Iterator[_Descriptor]:
        """The verdicts' descriptors, pages opened, in the order of entry."""
        for entry in entries:
            try:
                if entry.get("artifactType") == MEDIA_TYPES["verdict"]:
                    yield _checked(msgspec.convert(entry, _Descriptor))
                elif entry.get("artifactType") == _PAGE_TYPE:
                    data = self._layout.read(msgspec.convert(entry, _Descriptor).digest, DEFAULT.manifest_bytes)
                    yield from map(_checked, msgspec.json.decode(data, type=_Page).manifests)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise StoreError(f"the index of the store {self.path} is damaged: {error}") from None

    def _paged(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same list with its single verdicts in a page, if there are more than `PAGE`; inside `Layout.exclusive`."""
        single = [entry for entry in entries if entry.get("artifactType") == MEDIA_TYPES["verdict"]]
        if len(single) <= PAGE:
            return entries
        page = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "artifactType": _PAGE_TYPE, "manifests": single}
        data = to_json(page)
        descriptor = {
            "mediaType": _INDEX_TYPE,
            "digest": self._layout.add_locked(data),
            "size": len(data),
            "artifactType": _PAGE_TYPE,
        }
        return [*(entry for entry in entries if entry.get("artifactType") != MEDIA_TYPES["verdict"]), descriptor]

    def _describe(self, kind: Kind, digest: str) -> _Descriptor:
        size = self._layout.size(digest) if self._layout.exists() else None
        if size is None:
            raise StoreError(f"{kind} {digest} was not put into the store before its verdict")
        annotations = self._annotations.get(digest, {})
        return _Descriptor(mediaType=MEDIA_TYPES[kind], digest=digest, size=size, annotations=annotations)


def _checked(descriptor: _Descriptor) -> _Descriptor:
    missing = [field for field in _FIELDS if _PREFIX + field not in descriptor.annotations]
    if missing:
        raise msgspec.ValidationError(f"an entry without {missing[0]}")
    return descriptor


def _record(descriptor: _Descriptor) -> Record:
    values: dict[str, Any] = {field: descriptor.annotations[_PREFIX + field] for field in _FIELDS}
    return Record(manifest=descriptor.digest, **values)


def _outcome_of(data: bytes, outcome_digest: str) -> _Outcome:
    """The parts of a verdict that name it, after checking that its outcome has the digest given."""
    try:
        outline = msgspec.json.decode(data, type=_Outline)
        outcome = msgspec.json.decode(outline.outcome, type=_Outcome)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"these bytes are not a verdict: {error}") from None
    if outline.schema != SCHEMA:
        raise StoreError(f"a verdict of schema {outline.schema!r} is not one that this gate stores")
    actual = digest_of(bytes(outline.outcome))
    if not actual == outline.outcome_digest == outcome_digest:
        raise StoreError(
            f"the outcome has the digest {actual}; the verdict says {outline.outcome_digest}, the caller {outcome_digest}",
            why="an outcome is known by the digest of its bytes",
        )
    return outcome
