"""STIG outcomes as statements of others' types: in-toto ``test-result/v0.1`` per report, ``svr/v0.2`` for the decision.

Only accepted reports are said again. A rule without an answer is among the failed ones: whoever reads the statement must not take
it for a pass. FIPS outcomes follow when the gate decides about FIPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gate.attest import statement
from gate.attest.produce import Produced
from gate.attest.types import find_type
from gate.model.input import Input
from gate.model.stig import StigReport
from gate.model.verdict import Outcome

_ANSWERED_WELL = frozenset({"pass", "notapplicable"})
_SILENT = frozenset({"notapplicable", "notselected", "informational"})


def compliance(document: Input, outcome: Outcome, *, verifier_id: str) -> Iterator[Produced]:
    """The statements; none without accepted STIG evidence."""
    about = [statement.subject_of(document.subject.name, document.subject.digest)]
    test_result, svr = find_type("test-result").uri, find_type("svr").uri
    for report in document.stig.scanner_results:
        yield Produced("stig", test_result, statement.make(about, test_result, _test_result(report)))
    asked = document.decision.params.fail_on_stig
    if asked is not None and document.stig.scanner_results:
        yield Produced("stig-outcome", svr, statement.make(about, svr, _svr(document, outcome, verifier_id, asked)))


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


def _svr(document: Input, outcome: Outcome, verifier_id: str, asked: str) -> dict[str, Any]:
    states = {rule.state for rule in outcome.rules if rule.rule.startswith("stig.")}
    kept = bool(states & {"passed", "warned", "waived"}) and not states & {"denied", "no_verdict"}
    digest = outcome.digests.policy.removeprefix("sha256:")
    return {
        "verifier": {"id": verifier_id, "policies": [{"digest": {"sha256": digest}}]},
        "timeCreated": document.time.now,
        "properties": [f"STIG_CAT_{asked}_{'KEPT' if kept and outcome.enforced else 'NOT_KEPT'}"],
    }
