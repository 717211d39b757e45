"""The project's own example under vex/: what `gate vex triage` makes of the decisions beside it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from gate.policy.yamlfile import parse_source
from gate.vex import history, notes, openvex, schema
from gate.vex.triage import read_decisions
from tests.samples import digest
from tests.tools import repository

FOLDER = repository() / "vex"
DOCUMENT = FOLDER / "vulnerable.openvex.json"


def test_the_example_is_what_the_decisions_say() -> None:
    """Statement by statement, about the sample image and nothing else."""
    data = (FOLDER / "decisions.yaml").read_bytes()
    given = read_decisions(parse_source(data, name="decisions.yaml", max_bytes=1 << 20).value)
    body: dict[str, Any] = history.current(json.loads(DOCUMENT.read_bytes()))
    assert schema.problems(DOCUMENT.read_bytes()) == () and body["author"] == given.author
    said = {item["vulnerability"]["name"]: item for item in body["statements"]}
    assert set(said) == {decision.vulnerability for decision in given.decisions}
    for decision in given.decisions:
        item = said[decision.vulnerability]
        assert (item["status"], item.get("justification", "")) == (decision.status, decision.justification)
        assert notes.read(item["status_notes"]).evidence == decision.evidence
        assert {product["@id"].partition("@")[2] for product in item["products"]} == {digest("vulnerable")}


def test_the_example_has_a_review_date() -> None:
    """Ninety days after it was made."""
    [ruled_out] = [item for item in openvex.read(DOCUMENT.read_bytes()).statements if item.status == "not_affected"]
    assert isinstance(ruled_out.timestamp, datetime) and ruled_out.review_by is not None
    assert (ruled_out.review_by.date() - ruled_out.timestamp.date()).days == 90
