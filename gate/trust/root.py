"""Trusted roots: the certificate authorities, logs and timestamp authorities that the operator chose to believe.

Format: ``dev.sigstore.trustroot.v1.TrustedRoot`` as JSON, or JSONL with several (``gh attestation trusted-root``). Validity
ranges are inclusive at both ends, and a missing start is an error (protobuf-specs, ``TimeRange``).
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from gate.errors import ConfigError, EvidenceInvalid
from gate.limits import DEFAULT, Limits
from gate.model.base import digest_of
from gate.trust.encoding import load_json, mapping, optional_mapping, sequence, text, unbase64

if TYPE_CHECKING:
    from cryptography import x509

    from gate.trust.keys import PublicKey

MEDIA_TYPES: Final = frozenset(
    {
        "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "application/vnd.dev.sigstore.trustedroot.v0.1+json",
        "application/vnd.dev.sigstore.trustedroot.v0.2+json",
    }
)
_WHAT: Final = "the trusted root"


@dataclasses.dataclass(frozen=True)
class Validity:
    """From start to end, both included; no end means until further notice."""

    start: datetime.datetime
    end: datetime.datetime | None

    def covers(self, moment: datetime.datetime) -> bool:
        """Whether the moment lies in the range (6)."""
        return self.start <= moment and (self.end is None or moment <= self.end)


@dataclasses.dataclass(frozen=True)
class Log:
    """A transparency log: Rekor or certificate transparency."""

    id: bytes
    """Key id, as entries and SCTs name the log."""
    base_url: str
    key_bytes: bytes = dataclasses.field(repr=False)
    validity: Validity

    @functools.cached_property
    def key(self) -> PublicKey:
        """The log's key, read when first needed; raises ValueError when it is of no known kind."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        from gate.trust.keys import wrap

        try:
            return wrap(load_der_public_key(self.key_bytes))
        except UnsupportedAlgorithm as error:
            raise ValueError(str(error)) from error


@dataclasses.dataclass(frozen=True)
class Authority:
    """A certificate or timestamp authority; the last certificate of its chain is the anchor."""

    uri: str
    chain_bytes: tuple[bytes, ...] = dataclasses.field(repr=False)
    validity: Validity

    @functools.cached_property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The certificates, leaf side first, read when first needed; raises ValueError when one cannot be read."""
        from cryptography import x509

        return tuple(x509.load_der_x509_certificate(der) for der in self.chain_bytes)


@dataclasses.dataclass(frozen=True)
class TrustedRoot:
    """One instance of Sigstore, or of something that speaks its formats. Missing lists are empty."""

    digest: str
    """``sha256:<hex>`` of the bytes that it was read from."""
    tlogs: tuple[Log, ...]
    ctlogs: tuple[Log, ...]
    certificate_authorities: tuple[Authority, ...]
    timestamp_authorities: tuple[Authority, ...]
    as_of: str = ""
    """The day for which its importer vouches, as ``YYYY-MM-DD``; empty when nobody said. Rules look at it, no check does."""


def load_trusted_root(data: bytes, limits: Limits = DEFAULT) -> tuple[TrustedRoot, ...]:
    """Every root of a JSON document or of JSON lines; raises ConfigError when there is none or one is malformed."""
    documents = list(_documents(data))
    if not documents:
        raise ConfigError(
            f"{_WHAT} is empty", fix="export one with `gh attestation trusted-root` or `cosign trusted-root create`"
        )
    try:
        return tuple(_read(document, limits) for document in documents)
    except EvidenceInvalid as error:
        raise ConfigError(
            error.what,
            why="without its whole trusted root a verifier would have to guess whom to believe",
            fix="export it again; check that the file is a trusted_root.json and not a signing config or TUF root",
        ) from error


def _documents(data: bytes) -> Iterator[bytes]:
    """One JSON document, or one per line when the first line alone is a whole object."""
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        yield from lines
    elif data.strip():
        yield data


def _read(data: bytes, limits: Limits) -> TrustedRoot:
    document = load_json(data, limits, _WHAT)
    if not isinstance(document, dict):
        raise EvidenceInvalid(f"{_WHAT} is no JSON object")
    media_type = text(document, "mediaType", _WHAT)
    if media_type not in MEDIA_TYPES:
        raise EvidenceInvalid(f"{_WHAT} has the media type {media_type!r}, which this version does not read")
    return TrustedRoot(
        digest=digest_of(data),
        tlogs=tuple(_log(item, "tlogs") for item in sequence(document, "tlogs", _WHAT)),
        ctlogs=tuple(_log(item, "ctlogs") for item in sequence(document, "ctlogs", _WHAT)),
        certificate_authorities=_authorities(document, "certificateAuthorities"),
        timestamp_authorities=_authorities(document, "timestampAuthorities"),
    )


def _log(item: Any, where: str) -> Log:
    what = f"{_WHAT}: {where}"
    key = mapping(item, "publicKey", what)
    log_id = mapping(item, "logId", what)
    return Log(
        id=unbase64(log_id.get("keyId"), f"{what}: keyId"),
        base_url=str(item.get("baseUrl", "")),
        key_bytes=unbase64(key.get("rawBytes"), f"{what}: rawBytes"),
        validity=_validity(key, what),
    )


def _authorities(document: Mapping[str, Any], where: str) -> tuple[Authority, ...]:
    what = f"{_WHAT}: {where}"
    result = []
    for item in sequence(document, where, _WHAT):
        chain = mapping(item, "certChain", what)
        certificates = sequence(chain, "certificates", what)
        if not certificates:
            raise EvidenceInvalid(f"{what}: a chain without certificates")
        result.append(
            Authority(
                uri=str(item.get("uri", "")),
                chain_bytes=tuple(
                    unbase64(c.get("rawBytes") if isinstance(c, dict) else None, f"{what}: rawBytes") for c in certificates
                ),
                validity=_validity(item, what),
            )
        )
    return tuple(result)


def _validity(parent: Mapping[str, Any], what: str) -> Validity:
    valid_for = optional_mapping(parent, "validFor", what)
    if valid_for is None or valid_for.get("start") is None:
        raise EvidenceInvalid(f"{what}: a key or chain without the start of its validity")
    end = valid_for.get("end")
    return Validity(start=_time(valid_for["start"], what), end=None if end is None else _time(end, what))


def _time(value: Any, what: str) -> datetime.datetime:
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return moment
    raise EvidenceInvalid(f"{what}: {value!r} is no RFC 3339 time")
