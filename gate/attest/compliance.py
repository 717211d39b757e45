"""STIG and FIPS outcomes as statements of others' types: in-toto ``test-result/v0.1``, and ``svr/v0.2`` for the decision.

Only accepted STIG reports are said again; of the STIG baseline and of FIPS, the gate's own rules are the tests. A rule without an
answer is among the failed ones: whoever reads the statement must not take it for a pass. ``KEPT`` says that the policy was kept,
waivers included; of a selection that leaves rules of the domain out it is never said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gate.attest import statement
from gate.attest.produce import Produced
from gate.attest.types import find_type
from gate.model.input import Input
from gate.model.stig import StigReport
from gate.model.verdict import Outcome, RuleOutcome

_ANSWERED_WELL = frozenset({"pass", "notapplicable"})
_SILENT = frozenset({"notapplicable", "notselected", "informational"})


def compliance(document: Input, outcome: Outcome, *, verifier_id: str) -> Iterator[Produced]:
    """The statements; none of STIG without accepted evidence or a look inside, none of FIPS where the image was not looked at."""
    about = [statement.subject_of(document.subject.name, document.subject.digest)]
    test_result, svr = find_type("test-result").uri, find_type("svr").uri
    for report in document.stig.scanner_results:
        yield Produced("stig", test_result, statement.make(about, test_result, _test_result(report)))
    asked = document.decision.params.fail_on_stig
    looked = document.hardening.collected
    if asked is not None and looked:
        yield Produced("stig-baseline", test_result, statement.make(about, test_result, _own_result(outcome, "hardening")))
    if asked is not None and (document.stig.scanner_results or looked):
        # what scanners and what the image itself show is one policy: neither is kept where the other is not
        property_ = f"STIG_CAT_{asked}_{_kept(outcome, 'stig.', 'hardening.')}"
        yield Produced("stig-outcome", svr, statement.make(about, svr, _svr(document, outcome, verifier_id, property_)))
    if document.decision.params.fail_on_fips_issues and document.fips.collected:
        yield Produced("fips", test_result, statement.make(about, test_result, _own_result(outcome, "fips")))
        property_ = f"FIPS_POLICY_{_kept(outcome, 'fips.')}"
        yield Produced("fips-outcome", svr, statement.make(about, svr, _svr(document, outcome, verifier_id, property_)))


def _test_result(report: StigReport) -> dict[str, Any]:
    passed = sorted({result.term for result in report.results if result.result == "pass"})
    failed = sorted({result.term for result in report.results if result.result not in _ANSWERED_WELL | _SILENT})
    name = "/".join(part for part in (report.benchmark, report.profile) if part) or report.format
    return {
        # Nothing evaluated is no pass: a report in which every rule was left out proves nothing.
        "result": "PASSED" if passed and not failed else "FAILED",
        "configuration": [{"name": name, "digest": {"sha256": report.evidence.removeprefix("sha256:")}}],
        "passedTests": passed,
        "warnedTests": [],
        "failedTests": failed,
    }


def _own_result(outcome: Outcome, domain: str) -> dict[str, Any]:
    """One test a rule of the domain; what a waiver or a report-only mode lets through is a warning."""
    rules = [rule for rule in outcome.rules if rule.rule.startswith(f"{domain}.")]
    passed = sorted(rule.rule for rule in rules if rule.state == "passed")
    warned = sorted(rule.rule for rule in rules if rule.state in {"warned", "waived"} or _let_through(rule))
    failed = sorted({rule.rule for rule in rules if rule.state in {"denied", "no_verdict"}} - set(warned))
    digest = outcome.digests.policy.removeprefix("sha256:")
    return {
        "result": "FAILED" if failed or not passed else "WARNED" if warned else "PASSED",
        "configuration": [{"name": f"rules.{domain}", "digest": {"sha256": digest}}],
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }


def _let_through(rule: RuleOutcome) -> bool:
    return rule.mode == "report" and rule.state in {"denied", "no_verdict"}


def _kept(outcome: Outcome, *domains: str) -> str:
    states = {rule.state for rule in outcome.rules if rule.rule.startswith(domains)}
    kept = bool(states & {"passed", "warned", "waived"}) and not states & {"denied", "no_verdict"}
    whole = all(_selects_all(outcome.policy.selection, domain.rstrip(".")) for domain in domains)
    return "KEPT" if kept and whole and outcome.enforced else "NOT_KEPT"


def _selects_all(selection: Sequence[str], domain: str) -> bool:
    """Whether nothing of the domain was left out. Collections of the base pack have all of it."""
    left_out = any(entry.startswith("-") and entry[1:].partition(".")[0] in (domain, "*", "@prod", "@dev") for entry in selection)
    return not left_out and any(entry in ("*", domain, "@prod", "@dev") for entry in selection)


def _svr(document: Input, outcome: Outcome, verifier_id: str, property_: str) -> dict[str, Any]:
    digest = outcome.digests.policy.removeprefix("sha256:")
    return {
        "verifier": {"id": verifier_id, "policies": [{"digest": {"sha256": digest}}]},
        "timeCreated": document.time.now,
        "properties": [property_],
    }
