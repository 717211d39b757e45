"""OpenVEX from a verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.model.evidence import Producer, Verification
from gate.model.findings import AppliedVex, Fix
from gate.model.input import Time, VexFacts, VexUse
from gate.model.verdict import Verdict
from gate.vex import openvex, schema
from gate.vex.check import check, sources_of
from gate.vex.generate import document, documents
from tests.factory import CONFIG, DIGEST, INDEX, OTHER, evidence, finding, outcome, replace, verdict

NOFIX = Fix(state="none")
KEY = "CVE-2020-1747|pkg:pypi/pyyaml@5.3"


def applied(status: str = "not_affected", justification: str = "vulnerable_code_not_present", **changes: Any) -> dict[str, Any]:
    """Fields of a verdict on one finding for which a statement holds that the policy accepted."""
    values: dict[str, Any] = {
        "statement": "urn:v:1",
        "author": "Vendor",
        "evidence": DIGEST,
        "counts": status in ("not_affected", "fixed"),
    }
    vex = AppliedVex(status=status, justification=justification, **(values | changes))  # type: ignore[arg-type]  # a status
    used = VexUse(statement="urn:v:1", finding=KEY, status=status, author="Vendor", evidence=DIGEST)
    return {"findings": (finding(vex=vex, fix=NOFIX),), "vex": VexFacts(statements_used=(used,))}


def said(**changes: Any) -> dict[str, Any]:
    """The only statement of the document made from a verdict with these fields."""
    data = document(verdict(**changes), author="Acme")
    assert schema.problems(data) == ()
    [item] = json.loads(data)["statements"]
    return dict(item)


def scan(id: str, name: str = "grype") -> Any:
    return evidence(id=id, kind="vulnerabilities", format="grype", producer=Producer(name=name))


def test_a_fix_makes_it_affected_with_the_upgrade() -> None:
    """The action statement says what to type."""
    item = said()
    assert item["status"] == "affected" and item["action_statement"] == "Upgrade pyyaml 5.3 to 5.3.1."


def test_without_fix_and_statement_it_is_under_investigation() -> None:
    """Nothing is known, and that is what is said."""
    assert said(findings=(finding(fix=NOFIX),))["status"] == "under_investigation"


def test_a_counted_statement_is_repeated_with_its_source() -> None:
    """Justification, id and author."""
    item = said(**applied())
    assert (item["status"], item["justification"]) == ("not_affected", "vulnerable_code_not_present")
    assert "urn:v:1 by Vendor" in item["status_notes"]


def test_an_impact_text_stays_a_text() -> None:
    """A reason in words is no label."""
    item = said(**applied(justification="only on Windows"))
    assert item["impact_statement"] == "only on Windows" and "justification" not in item


def test_a_vendors_fixed_is_repeated_as_not_affected() -> None:
    """The finding is still reported, so this digest cannot be called fixed; the vulnerable code is not there, says the vendor."""
    item = said(**applied("fixed", ""))
    assert (item["status"], item["justification"]) == ("not_affected", "vulnerable_code_not_present")
    assert "fixed, says urn:v:1" in item["status_notes"]


def test_a_statement_that_nobody_accepts_says_nothing() -> None:
    """Whatever an untrusted author claims, the document does not repeat."""
    fields = applied(counts=False) | {"vex": VexFacts()}
    assert said(**fields)["status"] == "under_investigation"
    assert said(**applied("affected", counts=False) | {"vex": VexFacts()})["status"] == "under_investigation"


@pytest.mark.parametrize(("status", "written"), [("affected", "affected"), ("under_investigation", "under_investigation")])
def test_an_accepted_statement_that_does_not_suppress(status: str, written: str) -> None:
    """Is repeated too."""
    assert said(**applied(status))["status"] == written


def test_a_proposal_is_no_status() -> None:
    """Call analysis says it is not called: the note says so, and no reader can apply it."""
    item = said(findings=(finding(fix=NOFIX, reachable="no"),))
    assert item["status"] == "under_investigation" and "justification" not in item
    assert item["status_notes"].startswith("Proposal: not_affected vulnerable_code_not_in_execute_path")
    assert said(findings=(finding(reachable="no"),))["status"] == "affected"


def test_a_waiver_changes_nothing() -> None:
    """A waived finding is as affected as before."""
    assert said(findings=(finding(waiver="w-1"),))["status"] == "affected"


def test_a_package_without_purl_is_listed_and_never_suppressed() -> None:
    """It cannot be bound, and the whole image must not be."""
    fields = applied()
    fields["findings"] = (replace(fields["findings"][0], purl=""),)
    item = said(**fields)
    assert item["status"] == "under_investigation"
    assert item["products"][0]["subcomponents"][0]["@id"] == "pkg:generic/pyyaml@5.3"


def test_every_finding_is_listed_once() -> None:
    """Findings of one vulnerability with one status share a statement."""
    other = finding(key="CVE-2020-1747|pkg:pypi/b@1", purl="pkg:pypi/b@1", package="b 1", fix=NOFIX)
    data = document(verdict(findings=(finding(), other, finding(key="CVE-1|x", id="CVE-1"))), author="Acme")
    assert len(json.loads(data)["statements"]) == 3
    checked = check(
        sources_of({"x": openvex.read(data)}), verdict(findings=(finding(), other, finding(key="CVE-1|x", id="CVE-1")))
    )
    assert {key for item in checked.bindings for key in item.binds} == {KEY, other.key, "CVE-1|x"}


def test_the_same_verdict_gives_the_same_bytes() -> None:
    """Ids and times come from the verdict."""
    assert document(verdict(), author="Acme") == document(verdict(), author="Acme")
    assert document(verdict(), author="Acme") != document(verdict(), author="Other")


def rescan(**changes: Any) -> tuple[Verdict, Verdict]:
    """A verdict with two findings and a later one on the same digest that has one of them, by the same scanner."""
    gone = finding(key="CVE-1|x", id="CVE-1", aliases=("GHSA-1",))
    before = verdict(findings=(finding(), gone), evidence=(scan(INDEX),))
    after: dict[str, Any] = {"time": Time(now="2026-11-24T12:00:00Z", source="clock"), "evidence": (scan(OTHER),)}
    return before, verdict(**(after | changes))


def test_fixed_is_what_a_rescan_no_longer_shows() -> None:
    """And only that."""
    before, after = rescan()
    made = {
        item["vulnerability"]["name"]: item["status"]
        for item in json.loads(document(after, author="A", previous=before))["statements"]
    }
    assert made == {"CVE-1": "fixed", "CVE-2020-1747": "affected"}


def test_a_finding_under_another_name_is_not_gone() -> None:
    """The scanner calls it GHSA now."""
    before, after = rescan(findings=(finding(key="GHSA-1|x", id="GHSA-1"),))
    names = {
        item["vulnerability"]["name"]: item["status"]
        for item in json.loads(document(after, author="A", previous=before))["statements"]
    }
    assert names["CVE-2020-1747"] == "fixed" and "fixed" not in (names.get("GHSA-1"), names.get("CVE-1"))


@pytest.mark.parametrize(
    "change",
    [
        {"time": Time(now="2026-11-23T12:00:00Z", source="clock")},
        {"time": Time(now="2026-11-22T12:00:00Z", source="clock")},
        {"evidence": ()},
        {"evidence": (scan(INDEX),)},
        {"evidence": (scan(OTHER, "trivy"),)},
        {"evidence": (scan(OTHER, "trivy"), replace(scan(CONFIG), binding="none"))},
        {"evidence": (scan(OTHER, "trivy"), replace(scan(CONFIG), verification=Verification(state="failed", reason="x")))},
        {"evidence": (replace(scan(OTHER), format="sarif"),)},
        {"decision": "NO_VERDICT"},
        {"subject": replace(outcome().subject, digest=OTHER)},
    ],
)
def test_what_is_no_rescan_fixes_nothing(change: dict[str, Any]) -> None:
    """Not later, no new scan, another scanner or format of it, one that nobody accepted, no verdict, another image: refused."""
    before, after = rescan(**change)
    with pytest.raises(ConfigError):
        document(after, author="A", previous=before)


@pytest.mark.parametrize(("purl", "written"), [("pkg:golang/x.example/m@v1", {}), ("pkg:pypi/m@1", {"CVE-1": "fixed"})])
def test_a_module_that_govulncheck_no_longer_reports_is_not_fixed(purl: str, written: dict[str, str]) -> None:
    """Its next run may be about another program; and a new run of it beside an old scan is no rescan."""
    partial = replace(scan(CONFIG, "govulncheck"), partial=True)
    gone = finding(key=f"CVE-1|{purl}", id="CVE-1", aliases=(), purl=purl)
    before = verdict(findings=(finding(), gone), evidence=(scan(INDEX), partial))
    later = {"time": Time(now="2026-11-24T12:00:00Z", source="clock")}
    after = verdict(findings=(finding(),), evidence=(scan(OTHER), replace(partial, id="sha256:" + "f" * 64)), **later)
    made = json.loads(document(after, author="A", previous=before))["statements"]
    assert {item["vulnerability"]["name"]: item["status"] for item in made if item["status"] == "fixed"} == dict(written)
    stale = verdict(findings=(finding(),), evidence=(scan(INDEX), replace(partial, id="sha256:" + "f" * 64)), **later)
    with pytest.raises(ConfigError):
        document(stale, author="A", previous=before)


def test_platforms_that_differ_do_not_share_the_index() -> None:
    """Both are found under the index's digest: what suppresses on one of them is bound to that platform alone."""
    subject = replace(outcome().subject, index_digest=INDEX)
    arm = replace(subject, digest=OTHER)
    data = documents((verdict(subject=subject, **applied()), verdict(subject=arm)), author="A")
    by_status = {item["status"]: [product["@id"] for product in item["products"]] for item in json.loads(data)["statements"]}
    assert not any(INDEX in name for name in by_status["not_affected"])
    assert any(INDEX in name for name in by_status["affected"])
    same = json.loads(documents((verdict(subject=subject, **applied()), verdict(subject=arm, **applied())), author="A"))
    assert all(any(INDEX in product["@id"] for product in item["products"]) for item in same["statements"])


def test_nothing_to_say_is_an_error() -> None:
    """No finding, no author, no verdict."""
    with pytest.raises(ConfigError, match="no findings"):
        document(verdict(findings=()), author="A")
    with pytest.raises(ConfigError, match="no author"):
        document(verdict(), author="")
    with pytest.raises(ConfigError, match="no verdict"):
        documents((), author="A")


def test_a_proposal_of_the_caller_changes_no_status() -> None:
    """It stands in the notes of the finding that it is about, under the image that it is about, and nothing reads it as VEX."""
    given = verdict(findings=(finding(fix=NOFIX),))
    draft = "not_affected component_not_present (/gone is in no layer)"
    data = document(given, author="Acme", proposals={DIGEST: {KEY: draft}})
    [item] = json.loads(data)["statements"]
    assert item["status"] == "under_investigation" and "justification" not in item
    assert f"Proposal: {draft}" in item["status_notes"]
    assert data == document(given, author="Acme", proposals={DIGEST: {KEY: draft}})
    for elsewhere in ({OTHER: {KEY: draft}}, {DIGEST: {"CVE-0000-0001|x": draft}}):
        assert document(given, author="Acme", proposals=elsewhere) == document(given, author="Acme")


def test_two_proposals_are_both_kept() -> None:
    """The package is not there, and a scanner says that its code is not called."""
    given = verdict(findings=(finding(fix=NOFIX, reachable="no"),))
    [item] = json.loads(document(given, author="Acme", proposals={DIGEST: {KEY: "not there"}}))["statements"]
    assert "Proposal: not there; not_affected vulnerable_code_not_in_execute_path" in item["status_notes"]
