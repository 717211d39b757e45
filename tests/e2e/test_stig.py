"""`--fail-on-stig` with reports of scanners, from the command line."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gate import Done, Gate
from tests.e2e.lab import Lab, grype
from tests.evidence.stig.support import rule, xccdf
from tests.fakes import images

BUILT = images.image()


def report(lab: Lab, *results: str, digest: str = BUILT.digest, **more: str) -> Path:
    """XCCDF results about the image."""
    fact = f'<fact name="urn:xccdf:fact:identifier">registry.example/app@{digest}</fact>' if digest else ""
    today = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    return lab.file("stig.xml", xccdf(*results, facts=fact, **more).replace(b"2026-11-23", today.encode()))


def judge(gate: Gate, lab: Lab, *flags: Any, strict: bool = True) -> Done:
    """Under a policy that asks for nothing but a scan and STIG results that name the image."""
    strictly = ("--param", 'accept={"*": {"verified": false, "bindings": ["signed", "embedded"]}}') if strict else ()
    scan = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    return gate.verify(BUILT.digest, "--profile", "dev", "--evidence", scan, *strictly, *flags)


@pytest.mark.parametrize(("category", "code"), [("1", 0), ("2", 1), ("3", 1)])
def test_categories_decide(gate: Gate, lab: Lab, category: str, code: int) -> None:
    """A failing CAT II rule denies from `--fail-on-stig 2` on, by its V-id, with controls in the report."""
    given = report(lab, rule("SV-230221r1_rule", "fail"), rule("SV-230222r1_rule", "pass"))
    done = judge(gate, lab, "--fail-on-stig", category, "--evidence", given)
    assert done.code == code, done.out
    if code:
        [result] = done.rule("stig.open_findings")["results"]
        assert (result["term"], result["effect"]) == ("V-230221", "deny")


def test_a_waiver_by_v_id(gate: Gate, lab: Lab) -> None:
    """A waiver of the rule with the V-id as term lets that one finding pass, and no other."""
    day = datetime.datetime.now(datetime.UTC).date()
    waiver = {
        "id": "W1", "rule": "stig.open_findings", "term": "V-230221", "reason": "the platform mounts it read-only",
        "owner": "sec@acme.example", "ticket": "SEC-7", "approved_by": "ciso@acme.example",
        "created": str(day), "expires": str(day + datetime.timedelta(days=30)),
    }  # fmt: skip
    waivers = lab.file("waivers.yaml", {"schema": "gate.waivers/v1", "waivers": [waiver]})
    flags = ("--fail-on-stig", "2", "--waivers", waivers, "--evidence")
    done = judge(gate, lab, *flags, report(lab, rule("SV-230221r1_rule", "fail")))
    assert done.code == 0, done.out
    done = judge(gate, lab, *flags, report(lab, rule("SV-230221r1_rule", "fail"), rule("SV-230222r1_rule", "fail")))
    assert done.code == 1, done.out


@pytest.mark.parametrize(
    ("results", "more", "reason"),
    [
        (["notapplicable"], {}, "stig.nothing_evaluated"),
        ([], {}, "stig.nothing_evaluated"),
        (["pass", "error"], {}, "stig.unknown_results"),
        (["pass"], {"system": "cpe:/a:redhat:openscap:1.3.7"}, "stig.scanner_too_old"),
        (["pass"], {"system": ""}, "stig.scanner_too_old"),
    ],
)
def test_reports_that_say_nothing(gate: Gate, lab: Lab, results: list[str], more: dict[str, str], reason: str) -> None:
    """No failure is no pass: exit 3, with the reason."""
    given = report(lab, *(rule(f"SV-23022{number}r1_rule", word) for number, word in enumerate(results)), **more)
    done = judge(gate, lab, "--fail-on-stig", "2", "--evidence", given)
    assert (done.code, done.reasons) == (3, [reason]), done.out


def test_a_report_about_another_image_denies(gate: Gate, lab: Lab) -> None:
    """Results that name another digest do not count, and neither do those that name none where that is asked for."""
    for digest in ("sha256:" + "c" * 64, ""):
        given = report(lab, rule("SV-230221r1_rule", "pass"), digest=digest)
        done = judge(gate, lab, "--fail-on-stig", "2", "--evidence", given)
        assert done.code == 1, done.out
        assert "stig.required" in done.reasons
    assert judge(gate, lab, "--fail-on-stig", "2", "--evidence", given, strict=False).code == 0


def test_without_the_flag_reports_are_listed_and_decide_nothing(gate: Gate, lab: Lab) -> None:
    """Evidence that nobody asked for does not deny."""
    done = judge(gate, lab, "--evidence", report(lab, rule("SV-230221r1_rule", "fail")))
    assert done.code == 0
    assert "stig" in {item["kind"] for item in done.outcome["evidence"]}


def test_a_truncated_report_is_no_verdict(gate: Gate, lab: Lab) -> None:
    """It may have gone on with open findings."""
    data = report(lab, rule("SV-230221r1_rule", "pass")).read_bytes()
    done = judge(gate, lab, "--fail-on-stig", "2", "--evidence", lab.file("cut.xml", data[:-20]))
    assert done.code == 3, done.out
