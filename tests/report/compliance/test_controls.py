"""What counts as a pass, and what never does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gate.model.verdict import Control
from gate.report.compliance.controls import Item, counts, items
from gate.report.compliance.section import section
from tests.evidence.stig.support import rule as reported
from tests.factory import decision, parameters, result, rule
from tests.report.compliance.makers import LAYER, STIG, control, every_state, full, made, report, stig_rules


def by_id(verdict: Any) -> dict[str, Item]:
    """The items of a verdict."""
    return {item.id: item for item in items(verdict.outcome)}


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("denied", "open"), ("setuid", "waived"), ("passed", "pass"), ("reported", "open"), ("untold", "not_reviewed"),
        ("silent", "not_asked"), ("none", "not_applicable"), ("deployment", "not_reviewed"), ("excluded", "not_reviewed"),
        ("milder", "open"), ("unselected", "not_asked"), ("error", "not_reviewed"),
        ("nobody", "not_reviewed"), ("beyond.V-235808", "not_reviewed"),
    ],
)  # fmt: skip
def test_states_of_rules(name: str, status: str) -> None:
    """Only a rule that passed is a pass; what is softened, excluded or left to people is open or not reviewed."""
    assert by_id(made())[f"hardening.{name}"].status == status


def test_names_places_and_waivers() -> None:
    """Ids are told apart by their shape, files with their layers are found in the data, a waived result has its waiver."""
    item = by_id(made())["hardening.setuid"]
    assert (item.vuln_ids, item.srg, item.cci, item.nist) == (("V-233163",), ("SRG-APP-000342",), ("CCI-002235",), ("AC-6(10)",))
    assert item.others == ("CIS-Docker 4.1",)
    assert [(place.path, place.layer) for place in item.details[0].places] == [("usr/bin/su", LAYER)]
    assert [waiver.id for waiver in item.waivers] == ["W1"]
    assert (item.severity, item.category) == ("high", "1")


def test_rules_without_controls_are_none() -> None:
    """What names none is none, whatever its domain; what only names a NIST control and passed is not in the short section."""
    nist = control("fips.looked", "passed", controls=(Control(framework="NIST-800-53", id="CM-6"),))
    verdict = made(rule(), rule(rule="fips.module", controls=(), results=()), nist)
    assert list(by_id(verdict)) == ["fips.looked"]
    assert section(verdict.outcome) is None


@pytest.mark.parametrize(
    ("changes", "rules", "params", "status"),
    [
        ({}, {}, {}, "pass"),
        ({}, {}, {"fail_on_stig": None}, "not_reviewed"),
        ({"format": "dockle"}, {}, {}, "not_reviewed"),
        ({"scanner": "gate"}, {}, {}, "not_reviewed"),
        ({}, {}, {"stig_benchmarks": ("DEBIAN-12",)}, "not_reviewed"),
        ({}, {}, {"stig_benchmarks": ("B",)}, "pass"),
        ({"benchmark": ""}, {}, {"stig_benchmarks": ("*",)}, "not_reviewed"),
        ({}, {"scanner_too_old": "no_verdict"}, {}, "not_reviewed"),
        ({}, {"coverage_below": "no_verdict"}, {}, "not_reviewed"),
        ({}, {"nothing_evaluated": "not_applicable"}, {}, "not_reviewed"),
    ],
)
def test_a_pass_in_a_report_counts_only_where_the_rules_let_it(
    changes: dict[str, Any], rules: dict[str, str], params: dict[str, Any], status: str
) -> None:
    """Not asked for, not of a fitting benchmark, too old or too little looked at, also where that was excluded or softened."""
    states = {
        name: rule(
            rule=f"stig.{name}",
            state="no_verdict",
            results=(result(rule=f"stig.{name}", term=f"{STIG}#0", effect=effect, because="report mode"),),
        )
        for name, effect in rules.items()
    }
    policy = decision(params=parameters(**({"fail_on_stig": "2"} | params)))
    verdict = made(*stig_rules(**states), stig=(report(**changes),), policy=policy)
    found = by_id(verdict)
    assert found["SV-230222r1_rule"].status == status
    assert found["SV-230221r1_rule"].status == "open"  # a failure counts whatever is thought of the report


def test_reports_need_the_rules_that_judge_them() -> None:
    """A selection without them lets no pass through."""
    verdict = made(*stig_rules()[1:], stig=(report(),))
    assert by_id(verdict)["SV-230222r1_rule"].status == "not_reviewed"


@pytest.mark.parametrize("word", ["error", "unknown", "notchecked", "informational"])
def test_no_answer_is_none(word: str) -> None:
    """What a scanner could not tell is not reviewed."""
    verdict = made(*stig_rules(), stig=(report(reported("SV-230221r1_rule", word)),))
    assert by_id(verdict)["SV-230221r1_rule"].status == "not_reviewed"


def test_two_reports_keep_their_own_answers() -> None:
    """Nothing is merged away: the same rule, passing here and failing there, is there twice."""
    one = report(reported("SV-230221r1_rule", "pass"))
    two = report(reported("SV-230221r1_rule", "fail"), evidence="sha256:" + "7" * 64)
    found = [item for item in items(made(*stig_rules(), stig=(one, two)).outcome) if item.id == "SV-230221r1_rule"]
    assert sorted(item.status for item in found) == ["open", "pass"]
    assert len({item.key for item in found}) == 2


def test_the_section_is_short_or_not_there() -> None:
    """Nothing where nobody asked; else coverage, then open controls before waived ones."""
    assert section(made(rule(), *stig_rules()).outcome) is None
    assert section(made(control("hardening.silent", "not_applicable")).outcome) is None
    found = section(full().outcome)
    assert found is not None
    assert found.summary == ("8 of 17 controls evaluated (47 %): 2 pass, 4 open, 2 waived, 2 not applicable, 7 not reviewed"), (
        found.summary
    )
    assert [line.status for line in found.lines] == ["open"] * 4 + ["waived"] * 2 + ["not_reviewed"] * 7
    assert any("usr/bin/su in sha256:666666666666" in note for line in found.lines for note in line.notes)
    assert any("waived until 2027-01-30" in note and "no-new-privileges" in note for line in found.lines for note in line.notes)


def test_counts_have_every_state() -> None:
    """Zero included."""
    assert set(counts(())) == {"pass", "open", "waived", "not_applicable", "not_reviewed", "not_asked"}
    assert sum(counts(items(made(*every_state()).outcome)).values()) == len(every_state())


def test_no_order_of_rules_changes_the_items() -> None:
    """Reports of one outcome are equal."""
    verdict = full()
    turned = msgspec.structs.replace(verdict.outcome, rules=tuple(reversed(verdict.outcome.rules)))
    assert items(verdict.outcome) == items(turned)
