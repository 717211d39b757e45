"""Packed evidence: the same facts, the id of the bytes as given, and no bomb."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.collect import Opened, Opener
from gate.evidence.interface import Document
from gate.evidence.packed import unpacked
from gate.limits import DEFAULT, Limits
from gate.model.base import digest_of
from gate.trust.entry import Trust

GRYPE = json.dumps({"matches": [], "source": None, "distro": {}, "descriptor": {"name": "grype"}}).encode()


def _zstd(data: bytes) -> bytes:
    zstd: Any = pytest.importorskip("backports.zstd")
    packed: bytes = zstd.compress(data)
    return packed


_PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": _zstd}


def _open(data: bytes, limits: Limits = DEFAULT) -> list[Opened]:
    return Opener(Trust(entries=()), limits).open_all([Document(data=data, origin="file", source="a")])


@pytest.mark.parametrize("name", _PACKERS)
def test_packed_evidence_is_read_and_keeps_the_id_of_its_bytes(name: str) -> None:
    """The facts are those of the plain file; the id is the digest of what was given, the payload's that of what is inside."""
    packed = _PACKERS[name](GRYPE)
    (plain,), (opened,) = _open(GRYPE), _open(packed)
    assert opened.error is None
    assert opened.reading == plain.reading
    assert (opened.id, opened.payload_digest) == (digest_of(packed), digest_of(GRYPE))
    assert opened.document.data == packed


@pytest.mark.parametrize("name", _PACKERS)
def test_a_bomb_stops_at_the_limit(name: str) -> None:
    """A kilobyte that would be megabytes is an error, as an error of the evidence and not of the gate."""
    bomb = _PACKERS[name](b" " * 8_000_000 + GRYPE)
    assert len(bomb) < 20_000
    limits = Limits(document_bytes=1_000_000)
    with pytest.raises(LimitExceeded, match="document_bytes"):
        unpacked(bomb, "a", limits)
    (opened,) = _open(bomb, limits)
    assert opened.reading is None and opened.error is not None
    assert opened.error.code == "limit"


@pytest.mark.parametrize("name", _PACKERS)
def test_damage_is_an_error(name: str) -> None:
    """Cut, damaged, trailed by something else, or empty inside: never an empty report."""
    packed = _PACKERS[name](GRYPE)
    for data in (packed[:-9], packed[:20], packed + b"x" * 20, packed[:12] + b"\xff" * 8 + packed[20:]):
        with pytest.raises(EvidenceInvalid):
            unpacked(data, "a", DEFAULT)
    (opened,) = _open(_PACKERS[name](b""))
    assert opened.error is not None and opened.error.code == "unreadable"


@pytest.mark.parametrize("name", _PACKERS)
def test_streams_one_after_the_other_are_one_document_and_twice_packed_is_refused(name: str) -> None:
    """As ``cat a.gz b.gz`` makes it; only one layer is taken off."""
    pack = _PACKERS[name]
    assert unpacked(pack(GRYPE[:9]) + pack(GRYPE[9:]) + b"\0" * 8, "a", DEFAULT) == GRYPE
    (opened,) = _open(gzip.compress(pack(GRYPE)))
    assert opened.error is not None and opened.error.code == "refused"


def test_many_streams_are_bounded() -> None:
    """Empty members cost time and hold nothing."""
    with pytest.raises(EvidenceInvalid, match="streams"):
        unpacked(gzip.compress(b"") * 1_100, "a", DEFAULT)


def test_plain_bytes_are_the_same_object() -> None:
    """Nothing is copied where nothing is packed."""
    assert unpacked(GRYPE, "a", DEFAULT) is GRYPE


def test_several_documents_in_a_packed_file_are_several_items() -> None:
    """A packed JSONL file of statements is split as a plain one is."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://a.example/v1",
        "subject": [],
        "predicate": {},
    }
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": "", "signatures": []}
    lines = b"\n".join(json.dumps(envelope | {"x": str(number)} | {"y": statement}).encode() for number in range(2))
    plain, packed = _open(lines), _open(gzip.compress(lines))
    assert [item.id for item in plain] == [item.id for item in packed]
    assert len(packed) == 2
