"""`gate explain --from`: why a verdict is what it is, and what turns it. Whatever is proposed is done, and judged again."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest

from gate.whatif import WhatIf
from tests.e2e.gate import AGES, KEY, Gate
from tests.e2e.lab import SCAN, Lab, grype, scanned
from tests.fakes import images
from tests.samples import layout


def verdict(gate: Gate, *arguments: str | Path) -> Path:
    """The file of the verdict of one run."""
    path = gate.folder / "verdict.json"
    gate("verify", *arguments, *AGES, "--quiet", "--output", f"json={path}")
    return path


def rebuilt(lab: Lab, *findings: tuple[str, str], name: str = "app", fix: bool = True) -> str:
    """An image with all that `prod` asks for and these findings."""
    image = images.image(seed=name)
    report = grype(findings=findings)
    if not fix:
        for match in report["matches"]:
            match["vulnerability"]["fix"] = {"versions": [], "state": "not-fixed"}
    return with_report(lab, image, report, name)


def with_report(lab: Lab, image: images.Built, report: dict[str, Any], name: str) -> str:
    """The image with all that `prod` asks for, and this report as its scan."""
    signature, sbom, _, provenance = lab.full(image.digest)
    return lab.layout(name, image, [signature, sbom, provenance, lab.bundle(SCAN, scanned(report), image.digest)])


def test_all_that_blocks_is_explained(gate: Gate) -> None:
    """Each denying rule with what was expected, what was there, the evidence with its signer, and the fix."""
    done = gate("explain", "--from", verdict(gate, f"oci:{layout('vulnerable')}", *KEY))
    assert done.code == 0
    for text in (
        "vulnerabilities.max_high  denied",
        "expected  4",
        "got       5",
        "evidence  vulnerabilities grype from referrer sha256:",
        "signed by sha256:",
        "CVE-2021-33503  urllib3 1.24.1  upgrade to 1.26.5",
    ):
        assert text in done.out, text


def test_a_finding_by_any_of_its_names(gate: Gate) -> None:
    """Id, alias, package and term lead to the finding; what is nowhere is a usage error that names the nearest rule."""
    path = verdict(gate, f"oci:{layout('vulnerable')}", *KEY)
    for name in ("CVE-2021-33503", "GHSA-q2q7-5pp4-w6pg", "urllib3", "CVE-2021-33503|pkg:pypi/urllib3@1.24.1"):
        done = gate("explain", "--from", path, name)
        assert done.code == 0 and "blocks    vulnerabilities.max_high" in done.out, (name, done.err)
    rule = gate("explain", "--from", path, "signatures.required")
    assert "it found nothing to say" in rule.out
    unknown = gate("explain", "--from", path, "vulnerabilities.max_hihg")
    assert unknown.code == 2 and "vulnerabilities.max_high" in unknown.err


@pytest.mark.parametrize("arguments", [("--what-if",), ("--from", "x.json", "--bundle", "y")])
def test_options_that_do_not_go_together(gate: Gate, arguments: tuple[str, ...]) -> None:
    """Exit 2 with a fix."""
    assert gate("explain", *arguments).code == 2


def test_upgrades_that_were_found_turn_the_verdict(gate: Gate, lab: Lab) -> None:
    """An image without the findings of the proposed upgrades is allowed, and one that lacks any of them is not."""
    many = [(f"CVE-2026-{number:04}", "high") for number in range(6)]
    path = verdict(gate, rebuilt(lab, *many), *lab.key)
    done = gate("explain", "--from", path, "--what-if", "--quiet")
    assert done.code == 0, done.out
    assert "DENY becomes ALLOW with 1 step:\n  1. upgrade acme-lib 1.0 to 2.0 (clears 6 findings)" in done.out
    assert gate.verify(rebuilt(lab, name="upgraded"), *lab.key).code == 0


def test_waivers_that_were_found_turn_the_verdict_and_none_is_too_many(gate: Gate, lab: Lab) -> None:
    """Where there is no fix, as many waivers as it takes are named; written to a file they allow, and one fewer denies."""
    many = [(f"CVE-2026-{number:04}", "high") for number in range(6)]
    image = rebuilt(lab, *many, fix=False)
    done = gate("explain", "--from", verdict(gate, image, *lab.key), "--what-if", "--quiet")
    found = re.findall(r"waive (\S+) of (\S+) until (\S+)", done.out)
    assert done.code == 0 and len(found) == 2, done.out
    assert "no single step can be left out" in done.out
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).strftime("%Y-%m-%dT00:00:00Z")
    waivers = [
        {
            "id": f"W-{number}",
            "rule": rule,
            "term": term,
            "reason": "no fix yet",
            "owner": "team@acme.example",
            "ticket": "T-1",
            "expires": until,
        }
        for number, (rule, term, _) in enumerate(found)
    ]
    codes = []
    for number in (2, 1):
        file = lab.file(f"waivers-{number}.yaml", {"schema": "gate.waivers/v1", "waivers": waivers[:number]})
        policy = lab.file(
            "policy.yaml", {"schema": "gate.policy/v1", "environments": {"e": {"profile": "prod", "waivers": [file.name]}}}
        )
        codes.append(gate.verify(image, *lab.key, "--policy-file", policy, "--environment", "e").code)
    assert codes == [0, 1]


def test_a_waiver_that_nobody_could_write_is_not_proposed(gate: Gate, lab: Lab) -> None:
    """A waiver of a term with * in it is invalid, so what only such waivers would turn is not turned: exit 1."""
    report = grype(findings=[(f"ACME-*-{number:04}", "high") for number in range(6)])
    for match in report["matches"]:
        match["vulnerability"]["fix"] = {"versions": [], "state": "not-fixed"}
    subject = with_report(lab, images.image(seed="star"), report, "star")
    done = gate("explain", "--from", verdict(gate, subject, *lab.key), "--what-if", "--quiet")
    assert done.code == 1, done.out
    assert "vulnerabilities.max_high" in done.out.split("would still block")[1]


def test_missing_evidence_is_a_step_and_not_a_waiver(gate: Gate) -> None:
    """An image whose signers nobody trusts needs its evidence accepted; that what is ideal may differ is said."""
    done = gate("explain", "--from", verdict(gate, f"oci:{layout('clean')}"), "--what-if", "--quiet")
    assert done.code == 0, done.out
    assert "sign the image with a key or identity that a trust entry names; 1 found and not accepted" in done.out
    assert "taken for ideal" in done.out
    assert "waive " not in done.out


def test_what_nothing_turns_is_said(gate: Gate, lab: Lab) -> None:
    """Malware without a fix can neither be upgraded nor waived: exit 1, and the rule that stays is named."""
    image = images.image(seed="malware")
    report = grype(findings=[("MAL-2026-1", "critical")])
    report["matches"][0]["vulnerability"]["fix"] = {"versions": [], "state": "not-fixed"}
    subject = with_report(lab, image, report, "malware")
    done = gate("explain", "--from", verdict(gate, subject, *lab.key), "--what-if", "--quiet")
    assert done.code == 1
    assert "would still block" in done.out and "vulnerabilities.malware" in done.out


def test_an_allow_needs_nothing(gate: Gate) -> None:
    """And no time is spent on it."""
    done = gate("explain", "--from", verdict(gate, f"oci:{layout('clean')}", *KEY), "--what-if", "--quiet")
    assert done.code == 0 and "it is ALLOW already" in done.out


def test_what_is_decided_otherwise_now_is_no_answer(gate: Gate) -> None:
    """Where this engine says ALLOW to the input of a DENY nothing is explained away: exit 2, and replay is named."""
    path = verdict(gate, f"oci:{layout('vulnerable')}", *KEY)
    gate.patch.setattr("gate.whatif.what_if", lambda *_, **__: WhatIf("ALLOW", "ALLOW", (), (), 1, True))
    done = gate("explain", "--from", path, "--what-if", "--quiet")
    assert done.code == 2 and "gate replay sha256:" in done.err and "ALLOW already" not in done.out


def test_a_verdict_that_is_not_in_the_store(gate: Gate) -> None:
    """A file alone has no input document: exit 2 with a fix, and never a guess."""
    path = verdict(gate, f"oci:{layout('clean')}", *KEY)
    done = gate("explain", "--from", path, "--what-if", "--store", gate.folder / "elsewhere")
    assert done.code != 0 and json.loads(path.read_bytes())["verdicts"][0]["outcome_digest"] in done.err
