"""Checkpoints, promises and proofs, one wrong thing at a time."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest
import rfc8785

from gate.trust import rekor
from gate.trust.material import InclusionProof, LogEntry
from gate.trust.rejected import Rejected
from tests.trust.simulator import NOW, Log, Sigstore, b64, sign

BODY = b'{"kind":"dsse"}'
ROOT = hashlib.sha256(b"\x00" + BODY).digest()
SIM = Sigstore()
LOG = SIM.log
KNOWN = SIM.root().tlogs[0]


def _proof(checkpoint: str | None = None, **changes: Any) -> InclusionProof:
    proof = InclusionProof(log_index=0, tree_size=1, root_hash=ROOT, hashes=(), checkpoint=checkpoint or LOG.checkpoint(ROOT))
    return dataclasses.replace(proof, **changes)


def _entry(**changes: Any) -> LogEntry:
    seconds = int(NOW.timestamp())
    entry = LogEntry(
        log_index=7,
        log_id=LOG.id,
        kind="dsse",
        version="0.0.1",
        body=BODY,
        integrated_time=seconds,
        signed_entry_timestamp=LOG.promise(BODY, seconds),
        proof=_proof(),
    )
    return dataclasses.replace(entry, **changes)


def _refused(check: str, entry: LogEntry, version: Any = "0.3") -> None:
    with pytest.raises(Rejected) as caught:
        rekor.check_entry(entry, SIM.root(), version)
    assert caught.value.check == check


def test_promise_and_proof_together() -> None:
    """Both are checked; the index and time are the promised ones."""
    logged = rekor.check_entry(_entry(), SIM.root(), "0.3")
    assert logged.checks == ("signed_entry_timestamp", "inclusion_proof", "checkpoint")
    assert (logged.index, logged.integrated) == (7, NOW)


def test_proof_alone_has_the_proven_index_and_no_time() -> None:
    """Without a promise the outer index and time are nobody's word."""
    logged = rekor.check_entry(_entry(signed_entry_timestamp=None), SIM.root(), "0.3")
    assert (logged.index, logged.integrated) == (0, None)


def test_neither_is_refused() -> None:
    """An entry that nobody vouches for, also where a proof has no checkpoint."""
    _refused("log_entry", _entry(signed_entry_timestamp=None, proof=None), "cosign")
    _refused("log_entry", _entry(signed_entry_timestamp=None, proof=_no_checkpoint()), "0.1")


def _no_checkpoint() -> InclusionProof:
    return dataclasses.replace(_proof(), checkpoint=None)


def test_a_proof_without_checkpoint_must_still_be_right_beside_a_promise() -> None:
    """In a v0.1 bundle it counts for nothing, and a wrong one is a reason to refuse."""
    assert rekor.check_entry(_entry(proof=_no_checkpoint()), SIM.root(), "0.1").checks == ("signed_entry_timestamp",)
    _refused("inclusion_proof", _entry(proof=dataclasses.replace(_no_checkpoint(), root_hash=bytes(32))), "0.1")


@pytest.mark.parametrize(
    "changes", [{"root_hash": bytes(32)}, {"tree_size": 2}, {"log_index": 1}, {"hashes": (bytes(32),)}, {"tree_size": 0}]
)
def test_a_wrong_proof_is_refused(changes: dict[str, Any]) -> None:
    """Another root, size, index or number of hashes."""
    _refused("inclusion_proof", _entry(proof=_proof(**changes)))


NOTE = f"{LOG.name}\n1\n{b64(ROOT)}\n"


def _signed(note: str, name: str = LOG.name, hint: bytes = LOG.id[:4]) -> str:
    return f"{note}\n\u2014 {name} {b64(hint + sign(LOG.key, note.encode()))}\n"


WITNESS = f"\u2014 witness.example {b64(b'abcd' + bytes(72))}\n"


@pytest.mark.parametrize(
    "checkpoint",
    [
        LOG.checkpoint(ROOT),
        _signed(NOTE + "extra line\n"),
        _signed(f"{LOG.name} - 1193050959916656506\n1\n{b64(ROOT)}\n"),
        LOG.checkpoint(ROOT).replace("\n\n", "\n\n" + WITNESS),
        LOG.checkpoint(ROOT) + WITNESS,
        LOG.checkpoint(ROOT).replace("\n\n", f"\n\n\u2014 {LOG.name} {b64(LOG.id[:4] + b'other key')}\n"),
        LOG.checkpoint(ROOT) + f"\u2014 {LOG.name} !notbase64\n",
    ],
    ids=["plain", "extension", "tree id", "witness first", "witness last", "two with the hint", "odd line"],
)
def test_good_checkpoints(checkpoint: str) -> None:
    """Every line with the log's hint is tried; other lines are passed over wherever they stand (7)."""
    assert "checkpoint" in rekor.check_entry(_entry(proof=_proof(checkpoint)), SIM.root(), "0.3").checks


@pytest.mark.parametrize(
    "checkpoint",
    [
        NOTE,
        NOTE + "\n",
        _signed(NOTE)[:-1],
        _signed(NOTE) + "\n\n",
        _signed(NOTE) + "junk\n",
        _signed(f"\n1\n{b64(ROOT)}\n"),
        _signed(f"{LOG.name}\n{b64(ROOT)}\n"),
        _signed(f"{LOG.name}\n1\n"),
        _signed(f"{LOG.name}\n2\n{b64(ROOT)}\n"),
        _signed(f"{LOG.name}\n-1\n{b64(ROOT)}\n"),
        _signed(f"{LOG.name}\n+1\n{b64(ROOT)}\n"),
        _signed(f"{LOG.name}\n1\n{b64(bytes(32))}\n"),
        _signed(f"{LOG.name}\n1\n!\n"),
        _signed(NOTE, name="other.example"),
        _signed(NOTE, hint=b"abcd"),
        _signed(NOTE).replace(LOG.name, "evil.example"),
        NOTE + "\n" + WITNESS,
        _signed(NOTE).replace("\u2014", "-"),
        _signed(NOTE + "x" * 70_000 + "\n"),
    ],
)
def test_bad_checkpoints(checkpoint: str) -> None:
    """Missing parts, another size, root, name, hint, key or origin, no line of the log's own, and one that is too long."""
    _refused("checkpoint", _entry(proof=_proof(checkpoint)))


def test_a_checkpoint_of_another_log_is_refused() -> None:
    """The name and hint of this log, signed by another key."""
    other = Log(LOG.name)
    other.id = LOG.id
    _refused("checkpoint", _entry(proof=_proof(other.checkpoint(ROOT))))


@pytest.mark.parametrize("time", [2**62, 2**40])
def test_an_impossible_time_is_refused(time: int) -> None:
    """A promise for a time that no calendar has, by the log itself."""
    entry = _entry(integrated_time=time, signed_entry_timestamp=LOG.promise(BODY, time))
    _refused("signed_entry_timestamp", entry)


def test_a_promise_without_time_or_by_another_is_refused() -> None:
    """The promise covers a time, and is the log's."""
    _refused("signed_entry_timestamp", _entry(integrated_time=None))
    _refused("signed_entry_timestamp", _entry(signed_entry_timestamp=Log("x").promise(BODY, int(NOW.timestamp()))))


def test_rekor_v2_needs_its_proof() -> None:
    """A v2 entry with a promise instead of a proof is refused, and a promise beside a proof is no time."""
    entry = _entry(kind="hashedrekord", version="0.0.2")
    _refused("inclusion_proof", dataclasses.replace(entry, proof=None), "0.1")
    _refused("inclusion_proof", dataclasses.replace(entry, proof=_no_checkpoint()), "0.1")
    assert rekor.check_entry(dataclasses.replace(entry, log_index=0), SIM.root(), "0.3").integrated is None


def test_the_promise_message_is_canonical_json() -> None:
    """What is verified equals RFC 8785 of the four members."""
    document: dict[str, str | int] = {"body": b64(BODY), "integratedTime": 5, "logID": LOG.id.hex(), "logIndex": 7}
    signature = sign(LOG.key, rfc8785.dumps({**document}))
    entry = _entry(integrated_time=5, signed_entry_timestamp=signature)
    with pytest.raises(Rejected, match="not valid at its time"):
        rekor.check_promise(entry, signature, KNOWN)
