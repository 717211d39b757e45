"""Replay: what differs is named, and a store that is not what it was is an error, not a decision."""

from __future__ import annotations

import msgspec

from gate.audit.store import Record, Store
from gate.replay import Impact, Replayed, _differences, impact
from gate.report.interface import outcome_digest
from tests.e2e.conftest import gate as gate
from tests.e2e.gate import KEY, Gate
from tests.factory import DIGEST, OTHER, outcome
from tests.samples import layout

CLEAN = f"oci:{layout('clean')}"


def test_what_differs_is_named() -> None:
    """Another gate, another engine, another decision: each in words."""
    then = outcome()
    now = msgspec.structs.replace(
        then, gate="9.9.9", decision="ALLOW", digests=msgspec.structs.replace(then.digests, engine=OTHER)
    )
    words = "\n".join(_differences(then, now))
    assert "9.9.9 now" in words and OTHER in words and "decision differs" in words
    assert list(_differences(then, then)) == []


def test_identity_is_of_bytes_and_decision_of_words() -> None:
    """The same word with other reasons is the same decision and not identical."""
    then = outcome()
    record = Record(
        manifest="", verdict="", outcome=outcome_digest(then), subject=DIGEST, decision="DENY", name="", time=then.time.now
    )
    other = Replayed(record, then, msgspec.structs.replace(then, reasons=("x",)), ())
    assert (other.identical, other.same_decision) == (False, True)
    assert Replayed(record, then, outcome(), ()).identical


def test_a_record_that_cannot_be_decided_again_is_reported(gate: Gate) -> None:
    """A missing input is an impact without a word, never skipped."""
    from gate.limits import DEFAULT
    from gate.policy.bundle import load_policy
    from gate.policy.engine import Engine
    from gate.policy.opa import OpaBinary
    from tests.tools import tool

    done = gate.verify(CLEAN, *KEY)
    store = Store(gate.store)
    (gate.store / "blobs" / "sha256" / done.outcome["digests"]["input"].removeprefix("sha256:")).unlink()
    with OpaBinary(tool("opa")) as binary, Engine(binary, load_policy([], DEFAULT), DEFAULT) as engine:
        [found] = impact(store, store.verdicts(), engine)
    assert isinstance(found, Impact)
    assert (found.before, found.after, found.flips) == ("ALLOW", None, True) and found.error
    listed = gate("policy", "impact", "--bundle", layout("clean").parents[2] / "policies")
    assert listed.code == 3 and "ERROR  ALLOW -> ?" in listed.out


def test_a_lost_pack(gate: Gate) -> None:
    """Exit 3 with the digest of what is gone."""
    done = gate.verify(CLEAN, *KEY)
    [digest] = done.outcome["digests"]["bundles"].values()
    (gate.store / "blobs" / "sha256" / digest.removeprefix("sha256:")).unlink()
    again = gate("replay", done.report["verdicts"][0]["outcome_digest"])
    assert again.code == 3 and digest in again.err
