"""Attestations that wait in the store: kept once, sent once, read back whole, and the record of what was sent all the same."""

import json
from pathlib import Path

import pytest

from gate.audit.outbox import Entry, Outbox, entry_of, override_of
from gate.audit.store import Store
from gate.errors import StoreError
from gate.limits import DEFAULT
from gate.oci.attach import Attached, referrer
from gate.oci.media import OCI_MANIFEST, Descriptor
from tests.audit.verdicts import SUBJECT, fill

ABOUT = Descriptor(SUBJECT, OCI_MANIFEST, 100)


def item(text: str = "one") -> Attached:
    """Something to attach."""
    return referrer(ABOUT, "application/x", text.encode(), {"a": text})


def entry(attached: Attached, decision: str = "ALLOW") -> Entry:
    """Its entry."""
    return entry_of(
        attached,
        repository="r.example/app",
        name="vsa",
        predicate_type="https://a",
        decision=decision,
        outcome="sha256:" + "1" * 64,
        kept="2026-01-01T00:00:00Z",
    )


def test_what_is_kept_waits_and_comes_back(tmp_path: Path) -> None:
    """The same bytes, hashed again, in a store that verdicts share."""
    store, outbox = Store(tmp_path), Outbox(tmp_path, DEFAULT)
    data, digest, refs = fill(store)
    store.commit_verdict(data, digest, refs)
    kept = outbox.keep(item(), entry(item()))
    assert outbox.waiting() == (kept,)
    assert outbox.attached(kept) == item()
    assert len(list(store.verdicts())) == 1


def test_keeping_it_again_changes_nothing(tmp_path: Path) -> None:
    """What was sent is not sent again because it was made again."""
    outbox = Outbox(tmp_path, DEFAULT)
    kept = outbox.keep(item(), entry(item()))
    outbox.mark_sent(kept, "2026-01-02T00:00:00Z", "r.example/app")
    assert outbox.keep(item(), entry(item())).sent
    assert outbox.waiting() == ()
    assert [one.sent_to for one in outbox.entries()] == ["r.example/app"]


def test_a_store_without_outbox_has_nothing_to_send(tmp_path: Path) -> None:
    """Also where there is no store at all."""
    assert Outbox(tmp_path / "none", DEFAULT).waiting() == ()
    assert not (tmp_path / "none").exists()


def test_an_entry_that_was_changed_is_noticed(tmp_path: Path) -> None:
    """An entry may not move an attestation to another image."""
    outbox = Outbox(tmp_path, DEFAULT)
    kept = outbox.keep(item(), entry(item()))
    path = next((tmp_path / "outbox").glob("*.json"))
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "subject": "sha256:" + "9" * 64}))
    [changed] = outbox.entries()
    with pytest.raises(StoreError, match="about"):
        outbox.attached(changed)
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "manifest": "sha256:" + "9" * 64}))
    with pytest.raises(StoreError, match="another attestation"):
        outbox.waiting()
    assert kept.subject == SUBJECT


@pytest.mark.parametrize("text", ["", "{", "[]", '{"manifest":1}', '{"unknown":"x"}', "\xff"])
def test_a_damaged_entry_is_an_error(text: str, tmp_path: Path) -> None:
    """It is never passed over: what should be pushed would be forgotten."""
    outbox = Outbox(tmp_path, DEFAULT)
    outbox.keep(item(), entry(item()))
    next((tmp_path / "outbox").glob("*.json")).write_text(text, encoding="latin-1")
    with pytest.raises(StoreError, match="cannot be read"):
        outbox.waiting()


def test_a_damaged_blob_is_an_error(tmp_path: Path) -> None:
    """Bytes are hashed when they are read."""
    outbox = Outbox(tmp_path, DEFAULT)
    kept = outbox.keep(item(), entry(item()))
    (tmp_path / "blobs" / "sha256" / kept.manifest.removeprefix("sha256:")).write_bytes(b"{}")
    with pytest.raises(StoreError, match="changed"):
        outbox.attached(kept)


def test_an_entry_of_something_else_is_not_kept(tmp_path: Path) -> None:
    """Entry and attestation belong together."""
    with pytest.raises(StoreError):
        Outbox(tmp_path, DEFAULT).keep(item("one"), entry(item("two")))


def test_overrides_are_recorded_one_by_one(tmp_path: Path) -> None:
    """A line each, never overwritten, also in a store that is new."""
    outbox = Outbox(tmp_path / "store", DEFAULT)
    for actor in ("alice", "bob"):
        outbox.record_override(override_of(entry(item(), "DENY"), time="2026-01-01T00:00:00Z", actor=actor, target="r/x"))
    lines = (tmp_path / "store" / "outbox" / "overrides.jsonl").read_text().splitlines()
    assert [json.loads(line)["actor"] for line in lines] == ["alice", "bob"]
    assert json.loads(lines[0])["subject"] == SUBJECT


def test_an_override_that_cannot_be_recorded_is_an_error(tmp_path: Path) -> None:
    """Then nothing is pushed: the record comes first."""
    outbox = Outbox(tmp_path, DEFAULT)
    outbox.keep(item(), entry(item()))
    (tmp_path / "outbox" / "overrides.jsonl").mkdir()
    with pytest.raises(StoreError, match="could not be recorded"):
        outbox.record_override(override_of(entry(item(), "DENY"), time="", actor="", target=""))
