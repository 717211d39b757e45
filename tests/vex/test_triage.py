"""From open findings and decisions to statements."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from gate.errors import ConfigError
from gate.model.findings import AppliedVex, Fix
from gate.model.input import VexFacts, VexProblem, VexUse
from gate.vex import notes, openvex, schema, write
from gate.vex.check import check, sources_of
from gate.vex.triage import SCHEMA, Applied, apply, open_findings, read_decisions
from tests.factory import DIGEST, finding, verdict

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CVE = "CVE-2020-1747"
KEY = f"{CVE}|pkg:pypi/pyyaml@5.3"
REASON = "vulnerable_code_not_in_execute_path"
YES: dict[str, Any] = {"vulnerability": CVE, "status": "not_affected", "justification": REASON, "reviewer": "Jane"}


def decided(*entries: dict[str, Any], findings: tuple[Any, ...] | None = None, scope: Any = "digest", **top: Any) -> Applied:
    """Apply a decision file to a verdict with one finding of pyyaml."""
    given = read_decisions({"schema": SCHEMA, "author": "a", "decisions": list(entries), **top})
    return apply(given.decisions, verdict(findings=findings or (finding(),)), scope=scope, now=NOW)


def use(status: str = "not_affected") -> VexUse:
    return VexUse(statement="s", finding=KEY, status=status, author="a", evidence=DIGEST)


def test_what_blocks_comes_first() -> None:
    """Then what is known to be exploited, then by severity and EPSS; one item for each vulnerability."""
    found = (
        finding(key="CVE-1|a", id="CVE-1", blocks=(), severity="critical"),
        finding(key="CVE-2|a", id="CVE-2", blocks=(), kev=True, severity="low"),
        finding(key="CVE-3|a", id="CVE-3", severity="high", epss=0.1),
        finding(key="CVE-4|a", id="CVE-4", severity="high", epss=0.9),
        finding(key="CVE-4|b", id="CVE-4", severity="high", purl="pkg:pypi/b@1", package="b 1"),
    )
    items = open_findings((verdict(findings=found),))
    assert [item.vulnerability for item in items] == ["CVE-4", "CVE-3", "CVE-2", "CVE-1"]
    assert len(items[0].findings) == 2


@pytest.mark.parametrize(
    ("facts", "is_open"),
    [
        (VexFacts(), True),
        (VexFacts(statements_used=(use(),)), False),
        (VexFacts(statements_used=(use("affected"),)), False),
        (VexFacts(statements_used=(use("under_investigation"),)), True),
        (
            VexFacts(
                statements_used=(use(),),
                overdue=(VexProblem(statement="s", finding=KEY, kind="expired", detail="", evidence=DIGEST),),
            ),
            True,
        ),
    ],
)
def test_open_is_what_no_accepted_statement_settles(facts: VexFacts, is_open: bool) -> None:
    """Investigation goes on, an overdue review opens again, and a statement that nobody accepts settles nothing."""
    untrusted = AppliedVex(status="not_affected", justification=REASON, statement="s", author="x", evidence=DIGEST, counts=False)
    assert bool(open_findings((verdict(findings=(finding(vex=untrusted),), vex=facts),))) is is_open


def test_a_waived_finding_is_open() -> None:
    """A waiver accepts a risk and says nothing about the product."""
    assert open_findings((verdict(findings=(finding(waiver="w-1"),)),))


def test_a_decision_becomes_a_statement_that_binds() -> None:
    """With the reviewer, a review date and the evidence in the notes; and it is what the schema allows."""
    [item] = decided({**YES, "evidence": ["https://x.example/1"], "impact": "Loaded nowhere."}).statements
    data = write.to_bytes(write.document([item], id="urn:x:1", author="a", timestamp=NOW))
    assert schema.problems(data) == ()
    kept = notes.read(item["status_notes"])
    assert (kept.reviewer, str(kept.review_by), kept.evidence) == ("Jane", "2027-02-21", ("https://x.example/1",))
    assert kept.text == "Loaded nowhere."
    checked = check(sources_of({"x": openvex.read(data)}), verdict())
    assert checked.suppressed == {KEY} and not checked.idle


def test_every_name_of_the_finding_is_written() -> None:
    """grype calls it GHSA, trivy CVE; the CVE is the name and the others are aliases, whichever was decided about."""
    found = finding(id="GHSA-1", aliases=(CVE, "SNYK-1"), key="GHSA-1|x")
    [item] = decided({**YES, "vulnerability": "snyk-1"}, findings=(found,)).statements
    assert item["vulnerability"] == {"name": CVE, "aliases": ["GHSA-1", "SNYK-1"]}


def test_the_scanners_spelling_is_kept() -> None:
    """Qualifiers are left out of the product and noted."""
    raw = "pkg:deb/debian/zlib1g@1.2-1?arch=amd64&distro=debian-12"
    [item] = decided(YES, findings=(finding(purl=raw),)).statements
    assert notes.read(item["status_notes"]).found_as == (raw,)


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({**YES, "justification": ""}, "without a justification"),
        ({**YES, "justification": "we say so"}, "unknown justification"),
        ({**YES, "reviewer": ""}, "without reviewer"),
        ({**YES, "review_by": "2026-11-22"}, "has passed"),
        ({**YES, "review_by": "next year"}, "is no date"),
        ({**YES, "status": "fixed"}, "status 'fixed'"),
        ({**YES, "status": "Not_Affected"}, "status 'Not_Affected'"),
        ({**YES, "statis": "affected"}, "unknown field 'statis'"),
        ({**YES, "status": "affected"}, "affected with a justification"),
        ({**YES, "vulnerability": ""}, "no vulnerability"),
        ({**YES, "evidence": "https://x.example"}, "evidence is no list"),
        ({**YES, "impact": ["a"]}, "impact is no text"),
        ({**YES, "package": "pkg:nonsense"}, "no package URL"),
        ({**YES, "reviewer": "Jane\nReview-by: 2099-01-01"}, "line break"),
    ],
)
def test_a_decision_that_must_not_be_written(entry: dict[str, Any], what: str) -> None:
    """Each with the reason; nothing at all is written then."""
    with pytest.raises(ConfigError, match=what):
        decided(entry)


@pytest.mark.parametrize(
    "value", [None, [], "text", {"schema": "gate.triage/v2"}, {"schema": SCHEMA}, {"schema": SCHEMA, "decisions": {}},
              {"schema": SCHEMA, "decisions": ["CVE-1"]}, {"schema": SCHEMA, "decisions": [], "autor": "x"},
              {"schema": SCHEMA, "decisions": [], "scope": "world"}],
)  # fmt: skip
def test_a_file_that_is_no_decision_file(value: Any) -> None:
    """Anything unknown is an error: a misspelt field would be a decision lost."""
    with pytest.raises(ConfigError):
        read_decisions(value)


def test_an_entry_without_status_is_no_decision() -> None:
    """The template is a valid file that decides nothing."""
    assert decided({"vulnerability": CVE, "status": ""}, {"vulnerability": CVE, "status": None}).statements == ()


def test_a_decision_about_nothing_is_named_and_not_written() -> None:
    """It would be a statement that binds nothing."""
    done = decided({**YES, "vulnerability": "CVE-1999-1"}, {**YES, "package": "pkg:pypi/pyyaml@9"})
    assert done.statements == () and len(done.unmatched) == 2


def test_two_decisions_about_one_finding_are_refused() -> None:
    """Nobody can say which one was meant."""
    with pytest.raises(ConfigError, match="two decisions"):
        decided(YES, {"vulnerability": CVE, "status": "affected"})


@pytest.mark.parametrize("package", ["pkg:pypi/b@1", "pkg:pypi/b", "b", "b 1"])
def test_a_package_narrows_the_decision(package: str) -> None:
    """By purl, name, or name and version."""
    other = finding(key=f"{CVE}|pkg:pypi/b@1", purl="pkg:pypi/b@1", package="b 1")
    [item] = decided({**YES, "package": package}, findings=(finding(), other)).statements
    assert [part["@id"] for part in item["products"][0]["subcomponents"]] == ["pkg:pypi/b@1"]


def test_affected_names_the_upgrade() -> None:
    """Where a fix is known; else the action must be given."""
    assert (
        decided({"vulnerability": CVE, "status": "affected"}).statements[0]["action_statement"] == "Upgrade pyyaml 5.3 to 5.3.1."
    )
    with pytest.raises(ConfigError, match="no fix is known"):
        decided({"vulnerability": CVE, "status": "affected"}, findings=(finding(fix=Fix(state="none")),))


def test_a_package_without_purl_is_not_ruled_out() -> None:
    """The statement would have to cover the whole image."""
    with pytest.raises(ConfigError, match="no package URL"):
        decided(YES, findings=(finding(purl=""),))


@pytest.mark.parametrize(
    ("scope", "product"),
    [
        ("digest", f"pkg:oci/app@{DIGEST}"),
        ("repository", "pkg:oci/app?repository_url=registry.example%2Fapp"),
        ("package", "pkg:pypi/pyyaml@5.3"),
    ],
)
def test_the_scope_says_what_it_is_bound_to(scope: str, product: str) -> None:
    """This image, its repository, or the package anywhere; each binds here."""
    [item] = decided(YES, scope=scope).statements
    assert item["products"][0]["@id"] == product
    document = openvex.read(write.to_bytes(write.document([item], id="urn:x:1", author="a", timestamp=NOW)))
    assert check(sources_of({"x": document}), verdict()).suppressed == {KEY}


def test_what_call_analysis_says_is_a_proposal() -> None:
    """Only when it says so of every package; it decides nothing."""
    items = open_findings((verdict(findings=(finding(reachable="no"),)),))
    assert items[0].proposal.startswith(f"not_affected {REASON}")
    both = (finding(reachable="no"), finding(key="x", reachable="unknown"))
    assert open_findings((verdict(findings=both),))[0].proposal == ""


def test_what_one_platform_is_spared_is_not_said_of_the_index() -> None:
    """A reader finds every platform under the index's digest; only an index judged as a whole is named."""
    index = "sha256:" + "b" * 64
    subject = msgspec.structs.replace(verdict().outcome.subject, index_digest=index)
    given = verdict(subject=subject, findings=(finding(),))
    decisions = read_decisions({"schema": SCHEMA, "author": "a", "decisions": [YES]}).decisions
    alone = apply(decisions, given, scope="digest", now=NOW)
    together = apply(decisions, given, scope="digest", now=NOW, whole={index})
    assert index.removeprefix("sha256:") not in str(alone.statements)
    assert index.removeprefix("sha256:") in str(together.statements)
