"""What the reports say, and what text in evidence can make them say."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import UsageError
from gate.model.base import digest_of, to_json
from gate.model.evidence import Verification
from gate.model.verdict import Upgrade
from gate.report import FORMATS, renderer
from gate.report.escape import escape, markdown, workflow_data, workflow_property
from gate.report.interface import Report, Style, load_report
from gate.report.markdown import LIMIT_BYTES
from tests.factory import decision, evidence, finding, replace, result, rule, verdict

EVIL = "a\x1b[2J\n::set-env name=X::1\u202etxt.exe[/red]|<script>alert(1)</script>`@team`"
RENDERED = [name for name in FORMATS if name != "vsa"]


def render(name: str, *verdicts: object, verbose: bool = False) -> str:
    report = Report(verdicts=tuple(verdicts))  # type: ignore[arg-type]  # verdicts only
    return renderer(name)(report, Style(verbose=verbose)).decode()


def test_text_says_first_what_blocks_and_how_to_get_green() -> None:
    """The first lines name the verdict, the rule that denies, its findings and the fix."""
    steps = (Upgrade(package="pyyaml", version="5.3", to="5.4", clears=2, findings=()),)
    lines = render("text", verdict(upgrades=steps)).splitlines()
    assert lines[0].startswith("DENY  registry.example/app@sha256:" + "a" * 64)
    assert "vulnerabilities.max_high" in lines[3]
    assert any("6 high vulnerabilities, at most 4 are allowed" in line for line in lines[3:6])
    assert any("CVE-2020-1747" in line and "fixed in 5.3.1" in line for line in lines)
    assert "  1. upgrade pyyaml 5.3 to 5.4: clears 2 blocking findings" in lines


def test_text_has_no_escape_codes_unless_asked() -> None:
    """Colour is the caller's choice and never in a plain log."""
    plain = renderer("text")(Report(verdicts=(verdict(),)), Style())
    colored = renderer("text")(Report(verdicts=(verdict(),)), Style(color=True))
    assert b"\x1b" not in plain
    assert b"\x1b[1;31mDENY" in colored


def test_digests_are_never_cut() -> None:
    """A log in which the digest cannot be grepped is useless."""
    text = render("text", verdict())
    assert text.count("sha256:" + "a" * 64) >= 3


def test_no_verdict_at_all_is_no_verdict() -> None:
    """An empty run is never an ALLOW (invariant 1)."""
    empty = Report(verdicts=())
    assert empty.decision == "NO_VERDICT"
    assert empty.exit_code == 3
    assert "NO VERDICT" in renderer("text")(empty, Style()).decode()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["ALLOW"], 0), (["ALLOW", "DENY"], 1), (["NO_VERDICT", "DENY"], 1), (["ALLOW", "NO_VERDICT"], 3), (["NO_VERDICT"], 3)],
)
def test_exit_code_is_the_first_of_deny_no_verdict_allow(words: list[str], code: int) -> None:
    """Several subjects end in the first of 1, 3, 0 that occurs."""
    assert Report(verdicts=tuple(verdict(decision=word) for word in words)).exit_code == code


def test_exit_zero_maps_deny_and_nothing_else() -> None:
    """--exit-zero lets a DENY pass, never a NO VERDICT."""
    assert Report(verdicts=(verdict(enforced=False, policy=decision(exit_zero=True)),)).exit_code == 0
    assert Report(verdicts=(verdict(decision="NO_VERDICT", enforced=False, policy=decision(exit_zero=True)),)).exit_code == 3


@pytest.mark.parametrize("name", RENDERED)
def test_evidence_text_cannot_write_the_report(name: str) -> None:
    """Names, messages and sources made by an attacker reach no report as control characters, lines or markup (invariant 9)."""
    evil = verdict(
        rules=(rule(results=(result(msg=EVIL, term=EVIL, fix=EVIL),)),),
        findings=(finding(id=EVIL, package=EVIL, key=EVIL),),
        evidence=(evidence(source=EVIL, format=EVIL, verification=Verification(state="failed", reason=EVIL)),),
    )
    text = render(name, evil)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n::set-env" not in text
    if name == "markdown":
        assert "<script>" not in text
        assert "@team" not in text


@pytest.mark.parametrize("name", RENDERED)
def test_reports_are_deterministic(name: str) -> None:
    """The same verdict gives the same bytes."""
    assert render(name, verdict()) == render(name, verdict())


def test_json_report_loads_again_and_notices_a_change() -> None:
    """A report can be rendered later from its JSON, and a changed outcome is refused."""
    text = render("json", verdict())
    report = load_report(text.encode())
    assert report.verdicts == (verdict(),)
    with pytest.raises(UsageError, match="is not the one"):
        load_report(text.replace('"decision": "DENY"', '"decision": "ALLOW"').encode())
    with pytest.raises(UsageError, match="neither"):
        load_report(b"{}")


def test_a_report_of_an_older_gate_loads() -> None:
    """A field that came later is missing from an older document, whose digest is still that of what it says."""
    document = json.loads(render("json", verdict()))
    outcome = document["verdicts"][0]["outcome"]
    del outcome["children"]
    document["verdicts"][0]["outcome_digest"] = digest_of(to_json(outcome))
    assert load_report(json.dumps(document).encode()).verdicts[0].outcome.children == ()


def test_sarif_is_valid_in_the_parts_that_code_scanning_needs() -> None:
    """One rule id per policy rule, a physical location and a fingerprint that does not hold the digest."""
    first = json.loads(render("sarif", verdict()))
    other = verdict(subject=replace(verdict().outcome.subject, digest="sha256:" + "e" * 64))
    second = json.loads(render("sarif", other))
    schema = {
        "type": "object",
        "required": ["version", "runs"],
        "properties": {"version": {"const": "2.1.0"}, "runs": {"minItems": 1}},
    }
    jsonschema_rs.validate(schema, first)
    found = first["runs"][0]["results"][0]
    assert found["ruleId"] == "vulnerabilities.max_high"
    assert found["level"] == "error"
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "security-policy.yaml"
    assert found["partialFingerprints"] == second["runs"][0]["results"][0]["partialFingerprints"]


def test_sarif_marks_waived_results_as_suppressed() -> None:
    """A waived result stays in the report, with the waiver as its justification."""
    waived = rule(state="waived", results=(result(effect="waived", because="W-1"),))
    found = json.loads(render("sarif", verdict(rules=(waived,))))["runs"][0]["results"][0]
    assert found["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "W-1"}]


def test_github_says_how_many_annotations_it_left_out() -> None:
    """GitHub drops annotations beyond ten a step without a word; the ninth is followed by a count."""
    rules = tuple(rule(rule=f"acme.rule_{number:02}", results=(result(rule=f"acme.rule_{number:02}"),)) for number in range(30))
    lines = [line for line in render("github", verdict(rules=rules)).splitlines() if line.startswith("::error")]
    assert len(lines) == 10
    assert lines[-1].endswith("21 more, see the summary")


def test_markdown_stays_below_what_github_drops() -> None:
    """A summary of 50,000 findings ends with a notice instead of being dropped whole."""
    many = tuple(result(term=f"t{number}", msg="x" * 400) for number in range(20_000))
    rules = tuple(rule(rule=f"acme.r{number}", results=many[:60]) for number in range(200))
    data = renderer("markdown")(Report(verdicts=(verdict(rules=rules),)), Style())
    assert len(data) <= LIMIT_BYTES
    assert b"Cut here" in data
    assert b"DENY" in data[:200]


def test_not_enforced_is_said_at_the_top() -> None:
    """A recorded bypass is visible in text and Markdown."""
    assert "not enforced" in render("text", verdict(enforced=False, policy=decision(exit_zero=True))).splitlines()[2]
    assert "Not enforced" in render("markdown", verdict(enforced=False, policy=decision(exit_zero=True)))


@given(st.text(), st.text())
def test_escaping_is_injective(first: str, second: str) -> None:
    """Names that differ stay different when shown: a collision could hide behind a waived name."""
    assert (escape(first) == escape(second)) == (first == second)


@given(st.text())
def test_escaped_text_is_one_printable_line(text: str) -> None:
    """Whatever the evidence says, it is shown on one line of printable characters."""
    shown = escape(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    for safe in (markdown(text), workflow_data(text), workflow_property(text)):
        assert len(safe.splitlines()) <= 1


def test_workflow_properties_cannot_end_the_command() -> None:
    """Percent, colon and comma are escaped in properties, percent in data."""
    assert workflow_property("a:b,c%") == "a%3Ab%2Cc%25"
    assert workflow_data("100%") == "100%25"
