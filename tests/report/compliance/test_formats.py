"""OSCAL, CKLB and XCCDF, read by our own readers and by the tools of others: no control lost, no failure turned into a pass."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.model.verdict import Verdict
from gate.report import renderer
from gate.report.compliance.controls import Status, items
from gate.report.interface import Failure, Report, Style
from tests.evidence.stig.support import read
from tests.factory import DIGEST, replace, rule
from tests.report.compliance.makers import control, full, made, report, stig_rules, waiver
from tests.tools import repository, tool

FORMATS = ("oscal-ar", "cklb", "xccdf")
EVIL = "a\x00\x1b[2J\n\u202e]]><x>&amp;sha256:" + "9" * 64
WORDS: dict[Status, str] = {
    "pass": "pass", "open": "fail", "waived": "fail", "not_applicable": "notapplicable", "not_reviewed": "notchecked",
}  # fmt: skip


def corpus_file(path: str) -> bytes:
    """A real document of the corpus folder (GATE_CORPUS); the test is skipped without it."""
    folder = Path(os.environ.get("GATE_CORPUS") or repository().parent / "shared" / "corpus") / "compliance"
    if not (folder / path).is_file():
        pytest.skip(f"the corpus folder has no {path}")
    data = (folder / path).read_bytes()
    return gzip.decompress(data) if path.endswith(".gz") else data


def render(name: str, *verdicts: Verdict, failures: tuple[Failure, ...] = ()) -> bytes:
    """One format of one report."""
    return renderer(name)(Report(verdicts=verdicts, failures=failures), Style())


def document(name: str, *verdicts: Verdict) -> Any:
    """The inside of an OSCAL document, or a checklist."""
    parsed = json.loads(render(name, *verdicts))
    return next(iter(parsed.values())) if name.startswith("oscal") else parsed


@pytest.mark.parametrize("name", FORMATS)
def test_our_own_readers_find_every_control_as_it_was(name: str) -> None:
    """Waived is failed, undecided is not checked, and only what passed passes; ids, severity and the image's digest stay."""
    verdict = full()
    reading = read(render(name, verdict))
    assert {named.digest for named in reading.names} == {DIGEST}
    found = sorted((r.vuln_id, r.result, r.severity, r.cci, r.srg) for part in reading.stig for r in part.results)
    expected = []
    for item in items(verdict.outcome):
        word = "notchecked" if item.status == "not_asked" else WORDS[item.status]
        if item.status == "not_asked" and name != "cklb":
            continue  # XCCDF has it as notselected, OSCAL not at all
        expected.append((next(iter(item.vuln_ids), ""), word, item.severity, item.cci, item.srg))
    assert found == sorted(expected)


@pytest.mark.parametrize("name", [*FORMATS, "oscal-poam"])
def test_the_same_verdict_gives_the_same_bytes(name: str) -> None:
    """Identifiers follow from the outcome; another outcome has others."""
    assert render(name, full()) == render(name, full())
    other = msgspec.structs.replace(full(), outcome_digest="sha256:" + "8" * 64)
    assert render(name, full()) != render(name, other)


@pytest.mark.parametrize("name", [*FORMATS, "oscal-poam"])
def test_text_of_evidence_stays_text(name: str) -> None:
    """Markup, control characters, bidi and lone surrogates are shown; no other digest gets into what names the image."""
    bad = control("hardening.evil", "denied", "deny", data={"path": EVIL, "layer": EVIL}, title=EVIL)
    verdict = made(bad, *stig_rules(), stig=(report(benchmark="b" + EVIL),))
    subject = replace(verdict.outcome.subject, name="r.example/" + "sha256:" + "9" * 64)
    verdict = msgspec.structs.replace(verdict, outcome=replace(verdict.outcome, subject=subject))
    data = render(name, verdict)
    assert b"\x00" not in data
    assert b"\x1b" not in data
    assert "\u202e" not in data.decode()
    if name != "oscal-poam":
        assert {named.digest for named in read(data).names} == {DIGEST}


@pytest.mark.parametrize("name", [*FORMATS, "oscal-poam"])
def test_nothing_judged_is_a_document_too(name: str) -> None:
    """An empty run says so and passes nothing."""
    data = render(name, failures=(Failure(subject="r.example/a:1", exit_code=3, reason="unreachable", fix=""),))
    assert b"satisfied" not in data.replace(b"not-satisfied", b"")
    assert b"not_a_finding" not in data


def test_a_waiver_in_each_format() -> None:
    """Open everywhere, with end, approver and compensating control; a milestone at its end."""
    poam, ar, cklb = document("oscal-poam", full()), document("oscal-ar", full()), document("cklb", full())
    risk = next(risk for risk in poam["risks"] if risk["title"] == "Title of hardening.setuid")
    assert (risk["status"], risk["deadline"]) == ("deviation-approved", "2027-01-30T00:00:00Z")
    assert risk["mitigating-factors"][0]["description"] == "no-new-privileges is enforced by admission"
    [task] = risk["remediations"][0]["tasks"]
    assert task["timing"] == {"on-date": {"date": "2027-01-30T00:00:00Z"}}
    finding = next(one for one in ar["results"][0]["findings"] if one["title"] == "Title of hardening.setuid")
    assert finding["target"]["status"]["state"] == "not-satisfied"
    assert "waived until 2027-01-30" in finding["target"]["status"]["remarks"]
    listed = next(one for one in cklb["stigs"][0]["rules"] if one["rule_id_src"] == "hardening.setuid")
    assert listed["status"] == "open"
    assert "ciso@acme.example" in listed["comments"]
    assert "compensating control: no-new-privileges" in listed["comments"]
    assert b"<override" in render("xccdf", full())
    assert b"<new-result>pass" not in render("xccdf", full())


def test_a_waiver_beside_an_open_result_approves_nothing() -> None:
    """One of two findings waived: the risk stays open."""
    mixed = control("hardening.setuid", "denied", "deny", "waived", because="waiver W1")
    [risk] = document("oscal-poam", made(mixed))["risks"]
    assert risk["status"] == "open"


def test_nothing_open_is_said() -> None:
    """The format wants an item."""
    [item] = document("oscal-poam", made(control("hardening.passed", "passed")))["poam-items"]
    assert item["title"] == "Nothing is open"


def test_several_verdicts_in_one_file() -> None:
    """A result each; identifiers differ. Our readers refuse such a file: it could bind by one image and pass by another."""
    second = full()
    subject = replace(second.outcome.subject, digest="sha256:" + "b" * 64)
    second = msgspec.structs.replace(
        second, outcome=replace(second.outcome, subject=subject), outcome_digest="sha256:" + "c" * 64
    )
    both = document("oscal-ar", full(), second)["results"]
    assert len({result["uuid"] for result in both}) == 2
    uuids = [finding["uuid"] for result in both for finding in result["findings"]]
    assert len(set(uuids)) == len(uuids)


def test_fields_of_checklists_are_those_of_real_ones() -> None:
    """Every key that the files of STIG Manager have."""
    listed = document("cklb", full())
    assert {"title", "id", "active", "mode", "has_path", "target_data", "stigs", "cklb_version"} <= listed.keys()
    assert {
        "stig_name",
        "display_name",
        "stig_id",
        "version",
        "release_info",
        "uuid",
        "reference_identifier",
        "size",
        "rules",
    } <= (listed["stigs"][0].keys())
    keys = (
        "uuid stig_uuid target_key stig_ref group_id rule_id rule_id_src weight classification severity rule_version group_title "
        "rule_title fix_text false_positives false_negatives discussion check_content documentable mitigations potential_impacts "
        "third_party_tools mitigation_control responsibility security_override_guidance ia_controls check_content_ref legacy_ids "
        "group_tree createdAt updatedAt STIGUuid status overrides comments finding_details ccis"
    )
    for one in listed["stigs"]:
        assert one["size"] == len(one["rules"])
        for found in one["rules"]:
            assert set(keys.split()) <= found.keys()


@pytest.mark.parametrize("verdicts", [0, 1, 2])
def test_xccdf_by_the_schema_of_openscap(verdicts: int, tmp_path: Path) -> None:
    """`oscap xccdf validate` accepts it; with a waiver by the schema alone: its Schematron then wants one for every rule."""
    oscap = tool("oscap")
    second = made(*(rule for rule in full().outcome.rules if rule.state != "waived"))
    path = tmp_path / "results.xml"
    path.write_bytes(render("xccdf", *(second, full())[:verdicts]))
    skipped = ("--skip-schematron",) if verdicts == 2 else ()
    done = subprocess.run([oscap, "xccdf", "validate", *skipped, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["full", "passed", "empty", "other_rules"])
def test_oscal_by_compliance_trestle(kind: str, tmp_path: Path) -> None:
    """The models of compliance-trestle accept both documents."""
    reason = "compliance-trestle is not here (requirements/servers.txt)"
    results = pytest.importorskip("trestle.oscal.assessment_results", reason=reason)
    poam = pytest.importorskip("trestle.oscal.poam", reason=reason)
    evil = control("hardening.evil", "denied", "deny", data={"path": EVIL, "layer": EVIL}, title=EVIL)
    odd = msgspec.structs.replace(full().outcome.waivers, active=(waiver(expires="x"),))
    verdicts = {
        "full": (full(), made(evil, waivers=odd)),
        "passed": (made(control("hardening.passed", "passed")),),
        "empty": (),
        "other_rules": (made(rule()),),
    }[kind]
    for name, model in (("oscal-ar", results.AssessmentResults), ("oscal-poam", poam.PlanOfActionAndMilestones)):
        path = tmp_path / f"{name}.json"
        path.write_bytes(render(name, *verdicts))
        assert model.oscal_read(path) is not None, name


REAL = ("xccdf-results/xccdf-results-scc-rhel8.xml.gz", "ckl/three_stig_checklist.ckl.gz", "cklb/Asset_a-multi-stig.cklb",
        "oscap/deb12-vs-ubuntu2204-stig.xccdf.xml.gz", "oscap-matrix/telnetd-A.oscap142.testresult.xml")  # fmt: skip


@pytest.mark.parametrize("path", REAL)
def test_real_reports_come_back_as_they_were(path: str) -> None:
    """Of files by scanners and people, every open rule is open in each format, and nothing passes that did not."""
    data = corpus_file(path)
    given = tuple(msgspec.structs.replace(part, evidence=f"sha256:{number:064x}") for number, part in enumerate(read(data).stig))
    verdict = made(*stig_rules(), stig=given)
    before = Counter((one.vuln_id or one.rule.lower(), one.result in ("fail", "fixed")) for part in given for one in part.results)
    for name in FORMATS:
        listed = [
            one for part in read(render(name, verdict)).stig for one in part.results if one.vuln_id or "stig." not in one.rule
        ]
        after = Counter((one.vuln_id or _bare(one.rule), one.result == "fail") for one in listed)
        assert after == before, name
        known = {one.rule.removesuffix("_rule") for part in given for one in part.results if one.result == "pass"}
        assert {_bare(one.rule, lower=False) for one in listed if one.result == "pass"} <= known


def _bare(rule: str, *, lower: bool = True) -> str:
    """The rule's own id, without the mark of its report."""
    name = re.sub(r"\.[0-9a-f]{8}$", "", rule)
    return name.lower() if lower else name.removesuffix("_rule")
