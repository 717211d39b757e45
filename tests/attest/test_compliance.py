"""STIG and FIPS outcomes: what is not a pass is never signed as one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate.attest.compliance import compliance
from gate.attest.produce import Produced
from gate.attest.types import find_type
from gate.model.fips import FipsFacts
from gate.model.hardening import Hardening
from gate.model.input import Input
from gate.model.stig import StigCounts, StigFacts, StigReport, StigResult
from gate.model.verdict import Outcome
from tests.factory import DIGEST, decision, outcome, parameters, replace, rule
from tests.policies.samples import make_input

VERIFIER = "https://gate.example/ci"


def result(term: str, word: Any) -> StigResult:
    return StigResult(
        rule=term, term=term, vuln_id=term, srg=(), version="", title="", cci=(), nist=(), severity="high", category="1",
        result=word, said="", override="", comment="",
    )  # fmt: skip


def report(*results: StigResult) -> StigReport:
    return StigReport(
        evidence=DIGEST, place=0, format="xccdf 1.2", scanner="openscap", scanner_version="1.4.2", benchmark="stig",
        benchmark_version="1", profile="p", target="", platforms=(), finished=None, counts=StigCounts(), results=results,
    )  # fmt: skip


def made(*results: StigResult, states: tuple[str, ...] = ("passed",), asked: str | None = "2") -> list[Produced]:
    rules = tuple(rule(rule=f"stig.rule_{number}", state=state, results=()) for number, state in enumerate(states))
    document: Input = replace(
        make_input(),
        decision=decision(params=parameters(fail_on_stig=asked)),
        stig=StigFacts(collected=True, scanner_results=(report(*results),)),
    )
    decided: Outcome = outcome(rules=rules, decision="ALLOW")
    return list(compliance(document, decided, verifier_id=VERIFIER))


def body(item: Produced) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(item.payload)["predicate"]
    return found


def test_both_statements_have_the_shape_of_their_types() -> None:
    """What `gate attest` would accept by hand is what is written."""
    first, second = made(result("V-1", "pass"))
    assert find_type("test-result").check(body(first)) == ""
    assert find_type("svr").check(body(second)) == ""
    assert body(first) | {"configuration": []} == {
        "result": "PASSED", "configuration": [], "passedTests": ["V-1"], "warnedTests": [], "failedTests": [],
    }  # fmt: skip
    assert body(second)["properties"] == ["STIG_CAT_2_KEPT"]


@pytest.mark.parametrize("word", ["fail", "fixed", "error", "unknown", "notchecked"])
def test_whatever_is_no_pass_is_listed_as_failed(word: str) -> None:
    """A rule without an answer is no pass."""
    first = body(made(result("V-1", "pass"), result("V-2", word))[0])
    assert (first["result"], first["failedTests"]) == ("FAILED", ["V-2"])


@pytest.mark.parametrize("words", [(), ("notapplicable",), ("notselected", "informational")])
def test_a_report_in_which_nothing_was_evaluated_is_no_pass(words: tuple[str, ...]) -> None:
    """All-notapplicable proves nothing."""
    assert body(made(*(result(f"V-{number}", word) for number, word in enumerate(words)))[0])["result"] == "FAILED"


@pytest.mark.parametrize("states", [("denied",), ("passed", "no_verdict"), ("not_applicable",), ()])
def test_the_outcome_is_kept_only_where_rules_passed(states: tuple[str, ...]) -> None:
    """A denial, no verdict, or no rule that looked: not kept."""
    assert body(made(result("V-1", "pass"), states=states)[1])["properties"] == ["STIG_CAT_2_NOT_KEPT"]


def test_nothing_is_claimed_that_was_not_asked() -> None:
    """Without `fail_on_stig` no outcome is stated; without reports nothing at all."""
    assert [item.name for item in made(result("V-1", "pass"), asked=None)] == ["stig"]
    bare = replace(make_input(), decision=decision(params=parameters(fail_on_stig="1")))
    assert list(compliance(bare, outcome(), verifier_id=VERIFIER)) == []


def fips(*rules: tuple[str, str, str], asked: bool = True, collected: bool = True) -> list[Produced]:
    document: Input = replace(
        make_input(),
        decision=decision(params=parameters(fail_on_fips_issues=asked)),
        fips=FipsFacts(collected=collected, certain=True, complete=True),
    )
    found = tuple(rule(rule=f"fips.{name}", state=state, mode=mode, results=()) for name, state, mode in rules)
    return list(compliance(document, outcome(rules=found, decision="ALLOW"), verifier_id=VERIFIER))


_SPOILT = [
    pytest.param(("a", "denied", "enforce"), "FAILED", "NOT_KEPT", id="denied"),
    pytest.param(("a", "no_verdict", "enforce"), "FAILED", "NOT_KEPT", id="no-verdict"),
    pytest.param(("a", "denied", "report"), "WARNED", "NOT_KEPT", id="reported-only"),
    pytest.param(("a", "waived", "enforce"), "WARNED", "KEPT", id="waived"),
    pytest.param(("a", "warned", "enforce"), "WARNED", "KEPT", id="warned"),
    pytest.param(("a", "passed", "enforce"), "PASSED", "KEPT", id="passed"),
]


@pytest.mark.parametrize(("spoilt", "word", "kept"), _SPOILT)
def test_fips_is_stated_by_its_rules(spoilt: tuple[str, str, str], word: str, kept: str) -> None:
    """One test a rule; nothing but passes is a pass."""
    first, second = fips(("b", "passed", "enforce"), spoilt)
    assert find_type("test-result").check(body(first)) == find_type("svr").check(body(second)) == ""
    assert body(first)["result"] == word
    assert body(second)["properties"] == [f"FIPS_POLICY_{kept}"]


def test_fips_without_a_rule_that_passed_is_no_pass() -> None:
    """No rule looked, or none had anything to say."""
    for states in ((), (("a", "not_applicable", "enforce"),)):
        first, second = fips(*states)
        assert (body(first)["result"], body(second)["properties"]) == ("FAILED", ["FIPS_POLICY_NOT_KEPT"])


def test_fips_is_not_stated_of_what_was_not_looked_at_or_not_asked() -> None:
    """No facts, no statement."""
    assert fips(("a", "passed", "enforce"), collected=False) == fips(("a", "passed", "enforce"), asked=False) == []


@pytest.mark.parametrize(
    ("state", "kept"), [("denied", "NOT_KEPT"), ("no_verdict", "NOT_KEPT"), ("waived", "KEPT"), ("passed", "KEPT")]
)
def test_the_baseline_of_the_image_is_part_of_the_stig_outcome(state: str, kept: str) -> None:
    """With reports that pass and without any: what the image itself shows counts, and is stated by its rules."""
    document: Input = replace(
        make_input(), decision=decision(params=parameters(fail_on_stig="2")), hardening=Hardening(collected=True)
    )
    rules = (rule(rule="stig.benchmark", state="passed", results=()), rule(rule="hardening.setuid", state=state, results=()))
    decided: Outcome = outcome(rules=rules, decision="ALLOW")
    for reports in ((), (report(result("V-1", "pass")),)):
        about = replace(document, stig=StigFacts(collected=bool(reports), scanner_results=reports))
        found = {item.name: body(item) for item in compliance(about, decided, verifier_id=VERIFIER)}
        assert found["stig-outcome"]["properties"] == [f"STIG_CAT_2_{kept}"]
        assert (found["stig-baseline"]["result"] == "PASSED") == (state == "passed")


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        (("*",), True), (("@prod",), True), (("stig", "hardening"), True), (("stig",), False), (("hardening.setuid",), False),
        (("*", "-hardening.setuid"), False), (("*", "-stig"), False), (("*", "-vex"), True), (("*", "-@prod"), False),
    ],
)  # fmt: skip
def test_a_selection_that_leaves_rules_out_keeps_no_policy(selection: tuple[str, ...], kept: bool) -> None:
    """The statement names the category, and whoever reads it does not see which rules were not asked."""
    document = replace(make_input(), decision=decision(params=parameters(fail_on_stig="2")), hardening=Hardening(collected=True))
    decided = outcome(
        rules=(rule(rule="hardening.setuid", state="passed", results=()),), decision="ALLOW", policy=decision(selection=selection)
    )
    [*_, svr] = compliance(document, decided, verifier_id=VERIFIER)
    assert body(svr)["properties"] == [f"STIG_CAT_2_{'KEPT' if kept else 'NOT_KEPT'}"]
