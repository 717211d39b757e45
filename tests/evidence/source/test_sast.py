"""Static analysis out of SARIF."""

from __future__ import annotations

from typing import Any

import pytest

from gate.evidence.interface import Reading, SastFacts
from gate.evidence.vulnerabilities.sarif import READER
from gate.model.findings import SastFinding
from tests.evidence.vulnerabilities.support import LIMITS, encode, sarif


def _read(log: dict[str, Any]) -> Reading:
    return READER.read(encode(log), LIMITS)


def _facts(log: dict[str, Any]) -> SastFacts:
    facts = _read(log).sast
    assert facts is not None
    return facts


def _only(result: dict[str, Any], rule: dict[str, Any] | None = None) -> SastFinding:
    (found,) = _facts(sarif("CodeQL", result, rules=[rule] if rule else None)).findings
    return found


def test_a_run_of_any_other_tool_is_static_analysis() -> None:
    """Tool, revision, time and findings; the kind is sast and there is no scan."""
    place = {"physicalLocation": {"artifactLocation": {"uri": "src/a.py"}, "region": {"startLine": 7}}}
    reading = _read(
        sarif(
            "CodeQL",
            {"ruleId": "py/sqli", "level": "error", "message": {"text": "bad"}, "locations": [place]},
            rules=[{"id": "py/sqli", "properties": {"security-severity": "8.8"}}],
            versionControlProvenance=[{"revisionId": "abc123"}],
            invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-07-01T00:00:00Z"}],
        )
    )
    assert (reading.kind, reading.scan, reading.created, reading.producer.name) == (
        "sast",
        None,
        "2026-07-01T00:00:00Z",
        "CodeQL",
    )
    assert reading.sast is not None
    assert (reading.sast.tool, reading.sast.version, reading.sast.revision) == ("CodeQL", "1.2", "abc123")
    assert reading.sast.findings == (
        SastFinding(
            rule="py/sqli", level="error", message="bad", location="src/a.py:7", security_severity=8.8, suppressed="", evidence=""
        ),
    )


def test_the_code_scanner_of_a_vulnerability_vendor_is_static_analysis() -> None:
    """SnykCode looks at source, Snyk Container at packages."""
    assert _read(sarif("SnykCode", {"ruleId": "x", "message": {"text": "y"}})).kind == "sast"


@pytest.mark.parametrize(
    ("result", "rule", "expected"),
    [
        ({"level": "note"}, None, "note"),
        ({}, None, "warning"),
        ({}, {"id": "r", "defaultConfiguration": {"level": "error"}}, "error"),
        ({"level": "error", "kind": "pass"}, None, "none"),
        ({"kind": "fail"}, None, "warning"),
        ({"level": "terrible"}, None, "error"),
    ],
)
def test_levels(result: dict[str, Any], rule: dict[str, Any] | None, expected: str) -> None:
    """SARIF §3.27.10: the result's, else the rule's, else warning; an unknown word counts as an error."""
    assert _only({"ruleId": "r", "message": {"text": "x"}, **result}, rule).level == expected


@pytest.mark.parametrize(
    "result", [{"ruleIndex": 0}, {"rule": {"index": 0}}, {"rule": {"id": "r"}}, {"ruleId": "r/sub"}, {"ruleId": "r"}]
)
def test_the_rule_is_found_by_index_or_id(result: dict[str, Any]) -> None:
    """All the ways in which SARIF lets a result refer to its rule."""
    rule = {"id": "r", "defaultConfiguration": {"level": "error"}}
    assert _only({"message": {"text": "x"}, **result}, rule).level == "error"


def test_an_index_that_contradicts_the_id_is_not_followed() -> None:
    """The id is what people see; a wrong index must not lend another rule's level."""
    log = sarif(
        "CodeQL",
        {"ruleId": "strict", "ruleIndex": 0, "message": {"text": "x"}},
        rules=[
            {"id": "lax", "defaultConfiguration": {"level": "note"}},
            {"id": "strict", "defaultConfiguration": {"level": "error"}},
        ],
    )
    assert _facts(log).findings[0].level == "error"


def test_rules_of_extensions_are_found() -> None:
    """CodeQL keeps its rules in query packs."""
    log = sarif("CodeQL", {"rule": {"id": "r", "index": 0, "toolComponent": {"index": 0}}, "message": {"text": "x"}})
    log["runs"][0]["tool"]["extensions"] = [{"name": "pack", "rules": [{"id": "r", "defaultConfiguration": {"level": "error"}}]}]
    assert _facts(log).findings[0].level == "error"


def test_messages_by_id_are_filled_in() -> None:
    """SARIF §3.11.7."""
    rule = {"id": "r", "messageStrings": {"default": {"text": "{0} flows to {1}"}}}
    assert _only({"ruleId": "r", "message": {"id": "default", "arguments": ["a", "b"]}}, rule).message == "a flows to b"


def test_suppressed_results_come_back_marked() -> None:
    """What the tool or a comment in the source suppressed is a result with its reason (invariant 6)."""
    found = _only({"ruleId": "r", "message": {"text": "x"}, "suppressions": [{"kind": "inSource", "justification": "test code"}]})
    assert found.suppressed == "test code"


def test_results_without_rule_place_or_text_stay() -> None:
    """An odd result is still a result."""
    found = _only({})
    assert (found.rule, found.message, found.location, found.level) == ("(no rule)", "", "", "warning")


def test_all_runs_count() -> None:
    """Tools and versions are joined, results added up."""
    log = sarif("CodeQL", {"ruleId": "a"})
    log["runs"] += sarif("Semgrep", {"ruleId": "b"}, {"ruleId": "c"})["runs"]
    facts = _facts(log)
    assert (facts.tool, facts.version, len(facts.findings)) == ("CodeQL, Semgrep", "1.2", 3)
