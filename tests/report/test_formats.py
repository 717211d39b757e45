"""What CI systems, spreadsheets and trackers read: JUnit, Code Quality, CSV and CycloneDX VDR."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

from gate.model.findings import AppliedVex, Fix
from gate.model.verdict import Verdict
from gate.report import renderer
from gate.report.interface import Failure, Report, Style
from tests.factory import DIGEST, finding, replace, result, rule, verdict

OTHER = "sha256:" + "e" * 64
FAILURE = Failure(subject="registry.example/gone:1", exit_code=3, reason="the registry does not answer", fix="retry")


def render(name: str, *verdicts: Verdict, failures: tuple[Failure, ...] = ()) -> str:
    return renderer(name)(Report(verdicts=verdicts, failures=failures), Style()).decode()


def every_state() -> Verdict:
    """A verdict with a rule in each of the six states."""
    return verdict(
        rules=(
            rule(rule="a.denied", state="denied", results=(result(effect="deny", msg="too many", fix="upgrade"),)),
            rule(rule="b.unknown", state="no_verdict", results=(result(effect="no_verdict", msg="cannot tell"),)),
            rule(rule="c.warned", state="warned", results=(result(effect="warn", msg="look here"),)),
            rule(rule="d.waived", state="waived", results=(result(effect="waived", msg="accepted", because="waiver W-1"),)),
            rule(rule="e.passed", state="passed", results=()),
            rule(rule="f.skipped", state="not_applicable", results=()),
        )
    )


def moved(value: Verdict) -> Verdict:
    """The same verdict about the next build of the image."""
    return replace(value, outcome=replace(value.outcome, subject=replace(value.outcome.subject, digest=OTHER)))


def test_junit_has_a_case_per_rule_and_no_pass_for_what_did_not_pass() -> None:
    """A denial is a failure, no verdict an error, waived and not applicable are skipped with the reason."""
    root = ET.fromstring(render("junit", every_state()))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    ends = {name: [child.tag for child in case] for name, case in cases.items()}
    assert ends == {
        "verdict": ["failure"],
        "a.denied": ["failure"],
        "b.unknown": ["error"],
        "c.warned": ["system-out"],
        "d.waived": ["skipped"],
        "e.passed": [],
        "f.skipped": ["skipped"],
    }
    assert cases["a.denied"][0].get("message") == "too many"
    assert "fix: upgrade" in (cases["a.denied"][0].text or "")
    assert cases["d.waived"][0].get("message") == "waived: waiver W-1"
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "2",
        "errors": "1",
        "skipped": "2",
    }


def test_junit_is_xml_whatever_a_failure_says() -> None:
    """Characters that XML cannot hold are escaped in the remedy too."""
    evil = Failure(subject="a\x00", exit_code=3, reason="b\x1b[31m", fix="c\x00\ud800")
    [error] = ET.fromstring(render("junit", failures=(evil,))).iter("error")
    assert error.text == "c\\u{0}\\u{d800}"


def test_junit_cases_keep_their_names_from_build_to_build() -> None:
    """Neither digest nor message is part of a case's identity."""

    def names(value: Verdict) -> list[tuple[str | None, str | None]]:
        root = ET.fromstring(render("junit", value))
        return [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]

    assert names(every_state()) == names(moved(every_state()))


def test_nothing_verified_is_never_green() -> None:
    """An empty run and a subject that cannot be had are errors in every format that a CI system colours."""
    for failures in ((), (FAILURE,)):
        root = ET.fromstring(render("junit", failures=failures))
        assert root.get("errors") == "1"
        assert len(json.loads(render("gitlab-codequality", failures=failures))) == 1
    assert "the registry does not answer" in render("csv", failures=(FAILURE,))
    assert "the registry does not answer" in render("cyclonedx-vdr", failures=(FAILURE,))


def test_code_quality_has_what_the_widget_needs() -> None:
    """Fields and words are GitLab's; each fingerprint is there once and outlives the build."""
    entries = json.loads(render("gitlab-codequality", every_state()))
    assert {entry["check_name"] for entry in entries} >= {"a.denied", "b.unknown", "c.warned"}
    assert "e.passed" not in {entry["check_name"] for entry in entries}
    for entry in entries:
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert entry["location"]["lines"]["begin"] >= 1
        assert entry["description"]
    prints = [entry["fingerprint"] for entry in entries]
    assert len(prints) == len(set(prints))
    assert prints == [entry["fingerprint"] for entry in json.loads(render("gitlab-codequality", moved(every_state())))]
    assert json.loads(render("gitlab-codequality", every_state(), every_state())) == entries


def test_code_quality_names_what_blocks() -> None:
    """A denial that counts findings lists each of them, and one that no rule made is there as well."""
    entries = json.loads(render("gitlab-codequality", verdict()))
    assert any("CVE-2020-1747" in entry["description"] and entry["check_name"] == "vulnerabilities.max_high" for entry in entries)
    bare = json.loads(render("gitlab-codequality", verdict(rules=(), decision="NO_VERDICT", reasons=("gate.required_evidence",))))
    assert [entry["check_name"] for entry in bare] == ["gate.required_evidence"]


def test_csv_rows_are_findings_and_results() -> None:
    """Every row has every column, and a cell that a spreadsheet would run is text."""
    evil = finding(key="k", id='=HYPERLINK("https://evil")', package="@SUM(A1) 1", fix=Fix(state="available", versions=("2",)))
    rows = list(csv.DictReader(io.StringIO(render("csv", verdict(findings=(evil,)), every_state()))))
    found = next(row for row in rows if row["kind"] == "finding")
    assert found["id"] == '\'=HYPERLINK("https://evil")'
    assert found["package"] == "'@SUM(A1) 1"
    assert found["fixed_in"] == "2"
    assert {row["digest"] for row in rows} == {DIGEST}
    assert {(row["rule"], row["state"]) for row in rows if row["kind"] == "rule"} >= {
        ("a.denied", "deny"),
        ("d.waived", "waived"),
    }
    assert all(None not in row and None not in row.values() for row in rows)


def test_csv_formulas_at_full_width_are_text_too() -> None:
    """Spreadsheets set to an East Asian language take ＝ for =."""
    for sign in "=+-@＝＋－＠":
        [row] = [
            row
            for row in csv.reader(io.StringIO(render("csv", verdict(findings=(finding(id=f"{sign}1+1"),)))))
            if row[4] == "finding"
        ]
        assert row[6] == f"'{sign}1+1"


def test_vdr_keeps_finding_statement_and_waiver_apart() -> None:
    """Only a statement that counts is an analysis; a waiver is a property, and every finding affects a listed component."""

    def stated(counts: bool) -> AppliedVex:
        return AppliedVex(
            status="not_affected",
            justification="component_not_present",
            statement="s",
            author="a",
            evidence=DIGEST,
            counts=counts,
        )

    findings = (
        finding(key="CVE-1|pkg:pypi/a@1", id="CVE-1", purl="pkg:pypi/a@1", package="a 1", vex=stated(True)),
        finding(key="CVE-2|pkg:pypi/a@1", id="CVE-2", purl="pkg:pypi/a@1", package="a 1", vex=stated(False)),
        finding(key="CVE-3|deb/b@2", id="CVE-3", purl="", package="b 2", vex=None, waiver="W-1", url="javascript:alert(1)"),
    )
    bom = json.loads(render("cyclonedx-vdr", verdict(findings=findings)))
    listed = {item["id"]: item for item in bom["vulnerabilities"]}
    assert listed["CVE-1"]["analysis"]["state"] == "not_affected"
    assert "analysis" not in listed["CVE-2"]
    assert "analysis" not in listed["CVE-3"]
    assert "source" not in listed["CVE-3"]
    assert {"name": "gate:waiver", "value": "W-1"} in listed["CVE-3"]["properties"]
    refs = {component["bom-ref"] for component in bom["components"]}
    assert len(refs) == len(bom["components"]) == 3
    assert all(affected["ref"] in refs for item in bom["vulnerabilities"] for affected in item["affects"])
