"""What a baseline may forget: only what a whole, accepted scan of the image no longer shows."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import EvidenceUnavailable
from gate.model.evidence import Verification
from gate.model.waiver import Scope, Waiver
from gate.policy.baseline import Terms, propose, shrink
from tests.factory import OTHER, decision, evidence, outcome, parameters, replace, result, rule

SCAN = evidence(kind="vulnerabilities", format="grype")
OLD = Waiver(
    id="baseline-1",
    rule="vulnerabilities.max_high",
    term="CVE-1|pkg:deb/debian/gone@1",
    scope=Scope(),
    reason="r",
    owner="o",
    ticket="t",
    created="",
    expires="2027-01-01",
    state="active",
    baseline=True,
)
UNSCANNED: list[tuple[Any, ...]] = [
    (),
    (replace(SCAN, partial=True),),
    (replace(SCAN, binding="none"),),
    (replace(SCAN, verification=Verification(state="failed", reason="x")),),
    (evidence(kind="sbom"),),
]


def test_what_a_scan_no_longer_shows_is_dropped() -> None:
    """The same verdict with an accepted scan forgets it."""
    [dropped] = shrink([OLD], [outcome(evidence=(SCAN,))])
    assert dropped.waiver == OLD


@pytest.mark.parametrize("items", UNSCANNED, ids=["nothing", "partial", "another image", "badly signed", "sbom"])
def test_without_a_whole_scan_nothing_is_gone(items: tuple[Any, ...]) -> None:
    """A scan of one kind of packages, or one that nobody accepted, shows nothing; nor does another image's in the same report."""
    blind = outcome(evidence=items)
    other = outcome(evidence=(SCAN,), subject=replace(outcome().subject, digest=OTHER))
    for outcomes in ([blind], [other, blind]):
        with pytest.raises(EvidenceUnavailable):
            shrink([OLD], outcomes)


@pytest.mark.parametrize(("asked", "waived"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("domain", ["stig", "hardening", "fips", "crypto"])
def test_a_waiver_of_a_control_needs_more_than_a_baseline_says(domain: str, asked: bool, waived: int) -> None:
    """Where `waiver_compensating_control` is on it would be invalid, so it is left, and named, instead of written."""
    failed = rule(rule=f"{domain}.x", results=(result(rule=f"{domain}.x", term="t", effect="deny", expected=None, got=None),))
    policy = decision(params=parameters(waiver_compensating_control=asked))
    proposal = propose([outcome(rules=(failed,), policy=policy)], Terms("o", "t", "r", "2026-12-24"))
    assert (len(proposal.waivers), len(proposal.left)) == (waived, 1 - waived)
    assert waived or "compensates" in proposal.left[0].why


def test_a_limit_on_something_else_is_not_waived_as_a_whole() -> None:
    """A waiver without term of a limit on errors of static analysis would take any number of new ones."""
    found = {"findings": {"first": ["a.py:1"], "total": 1}}
    over = rule(rule="source.max_sast_errors", results=(result(rule="source.max_sast_errors", expected=0, got=1, data=found),))
    proposal = propose([outcome(rules=(over,))], Terms("o", "t", "r", "2026-12-24"))
    assert proposal.waivers == () and "any number" in proposal.left[0].why
