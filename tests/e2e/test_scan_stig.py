"""`gate verify --scan stig`, waivers of controls and reports for auditors, from the command line."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gate import NO_SCAN, Done, Gate
from tests.e2e.lab import Lab, grype
from tests.e2e.test_inspect import built, layout
from tests.e2e.test_stig import BUILT, report
from tests.evidence.stig.support import read, rule
from tests.evidence.stig.test_oscap import RELEASE, content
from tests.oci.layering import File
from tests.tools import tool

DAY = datetime.datetime.now(datetime.UTC).date()


def scan(gate: Gate, work: Path, *flags: Any, **absent: str) -> Done:
    """With the real oscap and content whose rules ask that files are not there."""
    gate.patch.setenv("GATE_OSCAP", str(tool("oscap")))
    image = layout(work, built([*RELEASE, File("etc/motd", b"x")]))
    return gate.verify(
        image,
        "--profile",
        "dev",
        *NO_SCAN,
        "--fail-on-stig",
        "2",
        "--scan",
        "stig",
        "--stig-content",
        content(work / "c", **absent),
        *flags,
    )


def newest() -> bool:
    """Whether the oscap that is here counts for images with dpkg."""
    said = subprocess.run([tool("oscap"), "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    return tuple(int(part) for part in said.split()[-1].split(".")[:2]) >= (1, 4)


def stig(done: Done) -> dict[str, str]:
    """States of the rules that judge reports."""
    return {one["rule"]: one["state"] for one in done.outcome["rules"] if one["rule"].startswith("stig.")}


def test_findings_of_the_real_oscap_deny(gate: Gate, tmp_path: Path) -> None:
    """A rule that fails denies by its id; what ran is in the verdict and in the stored evidence."""
    done = scan(gate, tmp_path, there="/etc/motd", gone="/etc/none")
    assert done.code == 1, done.out
    assert [one["term"] for one in done.rule("stig.open_findings")["results"]] == ["there"]
    [item] = [item for item in done.outcome["evidence"] if item["kind"] == "stig"]
    assert (item["origin"], item["binding"], item["source"]) == ("computed", "embedded", "--scan stig")
    assert item["producer"]["digest"].startswith("sha256:")
    assert {"scan_command", "scan_content"} <= {note["code"] for note in item["diagnostics"]}


def test_an_old_oscap_gives_no_verdict_whatever_it_found(gate: Gate, tmp_path: Path) -> None:
    """1.3.7 passes rules about dpkg packages that it did not look at; with 1.4 the same rules pass."""
    (tmp_path / "second").mkdir()
    states = stig(scan(gate, tmp_path, gone="/etc/none"))
    assert states["stig.open_findings"] == "passed"
    assert states["stig.scanner_too_old"] == ("passed" if newest() else "no_verdict")
    assert (
        stig(scan(gate, tmp_path / "second", "--param", 'stig_min_openscap="9.0"', gone="/etc/none"))["stig.scanner_too_old"]
        == "no_verdict"
    )


def test_what_cannot_be_scanned_is_no_verdict(gate: Gate, tmp_path: Path) -> None:
    """No oscap, or no content for the distribution: exit 3 with what to type; never a pass."""
    image = layout(tmp_path, built([File("etc/motd", b"x")]))
    flags = (image, "--profile", "dev", *NO_SCAN, "--fail-on-stig", "3", "--scan", "stig")
    gate.patch.setenv("GATE_OSCAP", "/nonexistent")
    done = gate.verify(*flags)
    assert done.code in (1, 3)
    assert "oscap was not found" in done.out
    assert "apt-get install openscap-scanner" in done.out
    assert done.outcome["decision"] != "ALLOW"
    gate.patch.setenv("GATE_OSCAP", str(tool("oscap")))
    assert "no STIG content is known" in gate.verify(*flags).out


def test_a_profile_that_is_not_there_is_a_mistake_of_the_caller(gate: Gate, tmp_path: Path) -> None:
    """Exit 2, with the profiles that are."""
    done = scan(gate, tmp_path, "--stig-profile", "nope", gone="/etc/none")
    assert (done.code, "xccdf_t_profile_p" in done.err) == (2, True)


@pytest.mark.parametrize("words", [("--scan",), ("--scan", "grype"), ("--scan", "grype", "--scan")])
def test_scan_alone_is_grype(words: tuple[str, ...], gate: Gate, lab: Lab) -> None:
    """What follows it is the image, unless it is a scanner's name."""
    gate.patch.setenv("GATE_GRYPE", "/nonexistent")
    done = gate.verify(*words, layout(lab.folder, built(RELEASE)), "--profile", "dev")
    assert [(error["source"], error["kind"]) for error in done.outcome["errors"]] == [("--scan", "vulnerabilities")]


def test_a_scanner_that_nobody_knows(gate: Gate) -> None:
    """Exit 2; after `--` everything is an image."""
    assert gate("verify", "--scan=nessus", "oci:x").code == 2
    assert "--scan" not in gate("verify", "--", "--scan").err.split("error")[0]


def waived(gate: Gate, lab: Lab, *flags: str, **changes: Any) -> Done:
    """An open finding with a waiver, which is whole but for the changes; a field of None is left out."""
    whole: dict[str, Any] = {
        "id": "W1", "rule": "stig.open_findings", "term": "V-230221", "reason": "mounted read-only", "owner": "sec@acme.example",
        "ticket": "SEC-7", "approved_by": "ciso@acme.example", "compensating_control": "admission enforces it",
        "created": str(DAY - datetime.timedelta(days=1)), "expires": str(DAY + datetime.timedelta(days=30)),
    } | changes  # fmt: skip
    waivers = lab.file(
        "waivers.yaml", {"schema": "gate.waivers/v1", "waivers": [{k: v for k, v in whole.items() if v is not None}]}
    )
    evidence = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    given = report(lab, rule("SV-230221r1_rule", "fail"), rule("SV-230222r1_rule", "pass"))
    return gate.verify(
        BUILT.digest,
        "--profile",
        "dev",
        "--evidence",
        evidence,
        "--evidence",
        given,
        "--fail-on-stig",
        "2",
        "--waivers",
        waivers,
        *flags,
    )


LATER = str(DAY + datetime.timedelta(days=2))
STRICT = ("--param", "waiver_compensating_control=true")


@pytest.mark.parametrize(
    ("changes", "flags", "code"),
    [
        ({}, STRICT, 0),
        ({"compensating_control": None}, STRICT, 1),
        ({"expires": str(DAY)}, STRICT, 1),
        ({"created": LATER}, STRICT, 1),
        ({"scope": {"images": ["registry.example/other"]}}, STRICT, 1),
    ],
)
def test_waivers_of_controls(changes: dict[str, Any], flags: tuple[str, ...], code: int, gate: Gate, lab: Lab) -> None:
    """Expired, not yet in force, for another image or control, or without what has to be in it: it waives nothing."""
    assert waived(gate, lab, *flags, **changes).code == code


def test_reports_for_auditors(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """All four from one run and again from the stored verdict, equal; the waived control is open in each."""
    names = {"oscal-ar": "ar.json", "oscal-poam": "poam.json", "cklb": "app.cklb", "xccdf": "app.xml"}
    outputs = [word for name, file in names.items() for word in ("--output", f"{name}={tmp_path / file}")]
    done = waived(gate, lab, *outputs)
    assert done.code == 0, done.out
    assert "waived until" in done.out and "admission enforces it" in done.out
    for name, file in names.items():
        data = (tmp_path / file).read_bytes()
        again = gate("report", "--from", done.report["verdicts"][0]["outcome_digest"], "--output", f"{name}={tmp_path / 'again'}")
        assert again.code == 0, again.err
        assert (tmp_path / "again").read_bytes() == data
        if name != "oscal-poam":
            found = {one.vuln_id: one.result for part in read(data).stig for one in part.results if one.vuln_id}
            assert found["V-230221"] == "fail"
            assert found["V-230222"] == "pass"
        assert b"admission enforces it" in data


def test_a_report_for_auditors_is_no_evidence_for_the_next_run(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """What the gate said itself proves nothing; it would launder what it once accepted."""
    path = tmp_path / "own.xml"
    waived(gate, lab, "--output", f"xccdf={path}")
    evidence = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    done = gate.verify(BUILT.digest, "--profile", "dev", "--evidence", evidence, "--evidence", path, "--fail-on-stig", "1")
    assert done.code != 0
    assert stig(done)["stig.benchmark"] == "no_verdict"
