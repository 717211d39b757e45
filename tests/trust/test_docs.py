"""docs/trust.md says what the code does: names of checks and waivers."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from gate.trust.entry import TrustEntry
from tests.trust.helpers import opened
from tests.trust.simulator import ISSUER, Sigstore

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "trust.md").read_text()


def _rows(heading: str) -> list[str]:
    section = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_the_checks_are_listed_in_their_order() -> None:
    """Every check that a verification lists has a row, in the same order."""
    sim = Sigstore()
    rows = _rows("An identity")
    trust = sim.trust(claims=(("issuer", ISSUER),))
    made = opened(sim.dsse(sim.signer()), trust).verification.checks
    assert [row for row in rows if row != "timestamp"] == list(made)
    assert "timestamp" in rows


def test_every_waiver_is_explained() -> None:
    """Each field of a trust entry that weakens a check has a row, and the table has no other."""
    weakening = {field.name for field in dataclasses.fields(TrustEntry) if field.type == "bool"}
    assert {row.split(":")[0] for row in _rows("What an entry can waive")} == weakening
    sim = Sigstore()
    trust = sim.trust(require_log=False, require_sct=False, allow_root_in_chain=True)
    for name in opened(sim.dsse(sim.signer()), trust).verification.relaxed:
        assert f"| `{name}` |" in TEXT
