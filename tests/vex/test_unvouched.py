"""What anyone who can push may attach costs little and decides nothing; what authors claim and misspell is named."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

import msgspec
import pytest

from gate.model.base import to_json
from gate.vex import notes
from gate.vex.facts import UNVOUCHED_ROWS
from gate.vex.index import UNVOUCHED_STATEMENTS, VexSource
from gate.vex.lint import lint
from tests.factory import DIGEST, NOW, OTHER
from tests.vex.make import AUTHOR, OPENSSL, SIGNED, UNSIGNED, document, finding, run, source, statement

FAILED = UNSIGNED.__class__(state="failed", reason="attached to the image without a signature")


def noise(*statements: Any, **fields: Any) -> VexSource:
    """A document that hangs on the image, unsigned."""
    return dataclasses.replace(source(*statements, evidence=OTHER, **fields), verification=FAILED, answered_for=False)


@pytest.mark.parametrize("count", [UNVOUCHED_ROWS, UNVOUCHED_ROWS + 1, 3 * UNVOUCHED_STATEMENTS])
@pytest.mark.parametrize("kind", ["about the finding", "about nothing"])
def test_noise_is_counted_and_not_listed(count: int, kind: str) -> None:
    """Whatever hangs on the image, the verdict has a hundred rows of it, and the number of the others."""
    name = {} if kind == "about the finding" else {"vulnerability": {"name": "CVE-1999-1"}}
    facts, applied = run(noise(*(statement("affected", **name, **{"@id": f"urn:x:{place}"}) for place in range(count))))
    assert len(facts.rejected) + len(facts.unmatched) == min(count, UNVOUCHED_ROWS)
    assert facts.unlisted == count - min(count, UNVOUCHED_ROWS)
    assert applied is None or not applied.counts


def test_noise_displaces_nothing() -> None:
    """Statements that count, and problems of documents that somebody answers for, stay as they are beside any noise."""
    loud = noise(*(statement("affected", **{"@id": f"urn:x:{place}"}) for place in range(2 * UNVOUCHED_STATEMENTS)))
    ours = source(statement(products=[OPENSSL]), statement(vulnerability={"name": "CVE-1999-1"}))
    theirs = source(statement("affected"), signed=False, evidence="sha256:" + "e" * 64, author="Mallory")
    alone, beside = run(ours, theirs), run(loud, ours, theirs)
    assert alone[1] == beside[1]
    assert alone[1].counts
    kept = [problem for problem in beside[0].rejected if problem.evidence != OTHER]
    assert kept == list(alone[0].rejected) != []
    assert [problem for problem in beside[0].unmatched if problem.evidence != OTHER] == list(alone[0].unmatched) != []
    assert beside[0].statements_used == alone[0].statements_used


def test_long_texts_of_strangers_are_cut() -> None:
    """A megabyte of id, author and impact in an attached document is not repeated for every finding."""
    long = "x" * 1_000_000
    findings = tuple(msgspec.structs.replace(finding(), key=f"k{place}") for place in range(50))
    given = noise(statement(impact_statement=long, justification="", **{"@id": f"urn:{long}"}), author=long)
    facts, applied = run(given, findings=findings)
    assert not applied.counts
    assert len(to_json(facts)) + len(to_json(applied)) < 100_000
    said = run(source(statement(**{"@id": f"urn:{long}"})))[0].statements_used[0]
    assert len(said.statement) > len(long)


@pytest.mark.parametrize(
    ("authors", "signer", "named"),
    [
        ((AUTHOR,), "vendor", True),
        ((AUTHOR, "vendor"), "vendor", False),
        ((AUTHOR,), AUTHOR, False),
        (("sec@example.com",), "sec@example.com", False),
        (("other",), "vendor", False),
    ],
)
def test_who_signs_in_anothers_name_is_told(authors: tuple[str, ...], signer: str, named: bool) -> None:
    """Only where the statement is in use and ranks by the name that the document claims."""
    by = SIGNED.__class__(state="verified", method="key", trust_entry=signer, roles=("vex",), identity=None)
    facts, _ = run(VexSource(DIGEST, document(statement()), by), authors=authors)
    assert [problem.kind for problem in facts.claimed] == (["claimed"] if named else [])
    assert not named or signer in facts.claimed[0].detail


@pytest.mark.parametrize(
    ("text", "bad", "overdue"),
    [
        ("Review-by: 2999-01-01", "", False),
        ("reviewed. Review by 2999-01-01.", "", False),
        ("Review-by: 2020-01-01", "", True),
        ("Review-by: 2027-02-30", "2027-02-30", True),
        ("Review-by: next year", "next year", True),
        ("Review-by: 01/02/2999", "01/02/2999", True),
        ("Review-by: 2999-1-1", "2999-1-1", True),
        ("Review-by:", "(empty)", True),
        ("Reviewer: Jane\nreview-by: soon\n\ntext", "soon", True),
        ("Review-by: 2999-01-01T99:00:00Z", "2999-01-01T99:00:00Z", True),
        ("to be reviewed by the team", "", False),
        ("please review by the end of the year", "", False),
        ("", "", False),
    ],
)
def test_a_review_date_that_is_none_counts_as_passed(text: str, bad: str, overdue: bool) -> None:
    """A misspelt date would else never come due; the verdict and lint name it, and it is kept when notes are written again."""
    said = statement(status_notes=text)
    facts, applied = run(source(said))
    assert applied.counts
    assert len(facts.overdue) == overdue
    assert not bad or repr(bad) in facts.overdue[0].detail
    remarks = lint([source(said)], now=datetime.fromisoformat(NOW))
    assert any(remark.code == "review_overdue" for remark in remarks) == overdue
    assert notes.marks(notes.write(notes.read(text))).bad_review == bad


def test_a_key_in_two_trust_entries_is_listed_by_either_name() -> None:
    """The signer ranks by the entry that `vex_authors` names, whatever other entries accept the same key."""
    both = dataclasses.replace(
        source(statement(), author="somebody"),
        verification=msgspec.structs.replace(SIGNED, trust_entry="vendor, other", entries=("vendor", "other"), identity=None),
    )
    for listed, counts in (("vendor", True), ("other", True), ("vendor, other", False), ("third", False)):
        _, applied = run(both, authors=(listed,))
        assert applied is not None and applied.counts is counts, listed
