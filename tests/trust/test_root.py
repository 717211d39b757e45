"""Trusted roots: what is read, and what is refused rather than half read."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.model.base import digest_of
from gate.trust.root import MEDIA_TYPES, Validity, load_trusted_root
from tests.trust.helpers import opened, reason
from tests.trust.simulator import Sigstore, b64


def _load(document: Any) -> Any:
    return load_trusted_root(json.dumps(document).encode())


@pytest.mark.parametrize("media_type", sorted(MEDIA_TYPES))
def test_media_types_in_use_are_read(media_type: str) -> None:
    """All three spellings of the media type are read."""
    assert len(_load({**Sigstore().document(), "mediaType": media_type})) == 1


def test_json_lines_are_several_roots() -> None:
    """JSONL, as gh writes it, gives one root per line; each has the digest of its line."""
    lines = [json.dumps(Sigstore().document()).encode() for _ in range(2)]
    roots = load_trusted_root(b"\n".join(lines) + b"\n\n")
    assert [root.digest for root in roots] == [digest_of(line) for line in lines]


def test_pretty_printed_json_is_one_root() -> None:
    """White space does not make lines of a document."""
    assert len(load_trusted_root(json.dumps(Sigstore().document(), indent=2).encode())) == 1


def test_missing_lists_are_empty() -> None:
    """A root without logs (GitHub's has none) is a root (15)."""
    document = Sigstore().document()
    for name in ("tlogs", "ctlogs", "timestampAuthorities"):
        del document[name]
    root = _load(document)[0]
    assert (root.tlogs, root.ctlogs, root.timestamp_authorities) == ((), (), ())


def _change(path: list[str | int], value: Any) -> dict[str, Any]:
    document: Any = Sigstore().document()
    target = document
    for step in path[:-1]:
        target = target[step]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return dict(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["mediaType"], None),
        (["mediaType"], "application/vnd.dev.sigstore.trustedroot.v9+json"),
        (["tlogs", 0, "publicKey", "validFor"], None),
        (["tlogs", 0, "publicKey", "validFor", "start"], None),
        (["tlogs", 0, "publicKey", "validFor", "start"], "yesterday"),
        (["tlogs", 0, "publicKey", "validFor", "start"], "2026-01-01T00:00:00"),
        (["tlogs", 0, "publicKey", "validFor", "end"], 3),
        (["tlogs", 0, "logId"], None),
        (["tlogs", 0, "publicKey", "rawBytes"], "!"),
        (["tlogs"], {}),
        (["ctlogs", 0], "x"),
        (["certificateAuthorities", 0, "validFor"], None),
        (["certificateAuthorities", 0, "certChain", "certificates"], []),
        (["certificateAuthorities", 0, "certChain", "certificates", 0], "x"),
    ],
)
def test_a_malformed_root_is_refused_whole(path: list[str | int], value: Any) -> None:
    """A missing start, an unknown type, a broken key: no part of such a root is used (6)(15)."""
    with pytest.raises(ConfigError, match="trusted root"):
        _load(_change(path, value))


@pytest.mark.parametrize("data", [b"", b"\n", b"[]", b"null", b"{", b"\xff", b'{"a":1,"a":2}'])
def test_garbage_is_refused(data: bytes) -> None:
    """Empty, truncated, not UTF-8, duplicate keys: a configuration error."""
    with pytest.raises(ConfigError):
        load_trusted_root(data)


def test_validity_is_inclusive() -> None:
    """Both ends are in the range; a moment beyond is not."""
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    end = start + datetime.timedelta(days=1)
    moment = datetime.timedelta(microseconds=1)
    assert Validity(start, end).covers(start)
    assert Validity(start, end).covers(end)
    assert not Validity(start, end).covers(start - moment)
    assert not Validity(start, end).covers(end + moment)
    assert Validity(start, None).covers(end + datetime.timedelta(days=9999))


def test_a_key_of_an_unknown_kind_spoils_only_its_log() -> None:
    """A log with an unreadable key does not keep the rest of the root from being used."""
    sim = Sigstore()
    good = sim.dsse(sim.signer())
    document = sim.document()
    document["tlogs"].insert(0, {**document["tlogs"][0], "logId": {"keyId": b64(b"other")}})
    document["tlogs"][0]["publicKey"] = {**document["tlogs"][0]["publicKey"], "rawBytes": b64(b"junk")}
    trust = sim.trust()
    entry = trust.entries[0]
    import dataclasses

    from gate.trust.entry import Trust

    trust = Trust((dataclasses.replace(entry, roots=_load(document)),))
    assert opened(good, trust).verification.state == "verified"
    document["tlogs"] = [{**document["tlogs"][0], "logId": document["tlogs"][1]["logId"]}]
    trust = Trust((dataclasses.replace(entry, roots=_load(document)),))
    assert "cannot be used" in reason(good, trust)
