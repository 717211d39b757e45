"""XCCDF and ARF: joined to the benchmark, bound by digest, never more favourable than the scanner found it."""

from __future__ import annotations

import time

import pytest

from gate.errors import EvidenceInvalid
from tests.evidence.stig.support import (
    DIGEST,
    OTHER,
    SPACE,
    TARGET,
    codes,
    counted,
    only,
    read,
    rule,
    run,
    several,
    single,
    xccdf,
)

_BENCHMARK = f"""<Benchmark xmlns="{SPACE}" id="B">
  <Group id="xccdf_mil.disa.stig_group_V-230221"><title>SRG-OS-000480-GPOS-00227</title>
    <Rule id="xccdf_mil.disa.stig_rule_SV-230221r7_rule" severity="high"><version>RHEL-08-010000</version><title>Supported</title>
      <description>long</description><ident system="http://cyber.mil/legacy">V-99</ident>
      <reference href="https://public.cyber.mil/stigs/cci/">CCI-000366</reference></Rule></Group>
  %s
</Benchmark>"""


def test_a_result_is_joined_to_its_rule() -> None:
    """V-id, SRG, version, title and CCI are the benchmark's, controls follow from the CCI, and the higher severity counts."""
    found = single((_BENCHMARK % run(rule("SV-230221r7_rule", "fail"))).encode())
    assert (found.rule, found.term, found.vuln_id) == ("SV-230221r7_rule", "V-230221", "V-230221")
    assert (found.srg, found.version, found.title) == (("SRG-OS-000480-GPOS-00227",), "RHEL-08-010000", "Supported")
    assert (found.cci, found.nist) == (("CCI-000366",), ("CM-6 b",))
    assert (found.severity, found.category, found.result) == ("high", "1", "fail")


def test_what_the_report_says_of_itself() -> None:
    """Scanner, benchmark, profile, target, platforms, time, and the digest that it is bound by."""
    reading = read(xccdf(rule("a", "pass"), more='<platform idref="cpe:/o:debian:debian_linux:12"/>'))
    [report] = reading.stig
    assert [name.digest for name in reading.names] == [DIGEST]
    assert (reading.kind, reading.format, reading.created) == ("stig", "xccdf", "2026-11-23T01:00:00Z")
    assert (report.scanner, report.scanner_version) == ("openscap", "1.4.2")
    assert (report.benchmark, report.benchmark_version, report.profile, report.target) == ("B", "1", "P", "vm")
    assert report.platforms == ("cpe:/o:debian:debian_linux:12",)


def test_counts_of_every_word() -> None:
    """Evaluated is what passed, failed or was fixed; what was not selected is counted and left out."""
    words = ["pass", "fail", "fixed", "error", "unknown", "notchecked", "notapplicable", "notselected", "informational"]
    report = only(xccdf(*(rule(f"r{number}", word) for number, word in enumerate(words))))
    assert counted(report) == {
        "selected": 8, "evaluated": 3, "passed": 1, "failed": 1, "fixed": 1, "error": 1, "unknown": 1,
        "notchecked": 1, "notapplicable": 1, "notselected": 1, "informational": 1,
    }  # fmt: skip
    assert len(report.results) == 8


@pytest.mark.parametrize("word", ["", "PASS", "passed", "true"])
def test_a_result_that_xccdf_does_not_have_is_unknown(word: str) -> None:
    """A word of another case or language is no pass."""
    reading = read(xccdf(rule("a", word)))
    assert reading.stig[0].results[0].result == "unknown"
    assert codes(reading) == ["unknown_result"]


@pytest.mark.parametrize(
    ("severity", "category"),
    [('severity="low"', "3"), ('severity="info"', "3"), ('severity="unknown"', "1"), ("", "1"), ('severity="grave"', "1")],
)
def test_categories(severity: str, category: str) -> None:
    """A severity that nobody knows is CAT I."""
    assert single(xccdf(rule("a", "fail", severity=severity))).category == category


def test_of_two_results_of_a_rule_the_worse_counts() -> None:
    """Duplicates are one result, fail before error before pass, with the higher category, in any order."""
    worse = rule("a", "fail", severity='severity="low"')
    for pair in ([worse, rule("a", "pass")], [rule("a", "pass"), worse]):
        reading = read(xccdf(*pair))
        [found] = reading.stig[0].results
        assert (found.result, found.category) == ("fail", "2")
        assert codes(reading) == ["duplicate_rule"]


def test_an_override_stays_visible_and_makes_nothing_better() -> None:
    """A fail that somebody made a pass is a fail, with who and why beside it."""
    change = (
        '<override time="2026-01-01T00:00:00Z" authority="bob"><old-result>fail</old-result>'
        "<new-result>pass</new-result><remark>accepted</remark></override>"
    )
    found = single(xccdf(rule("a", "pass", change)))
    assert (found.result, found.override) == ("fail", "fail made pass by bob: accepted")
    assert single(xccdf(rule("a", "notselected", change))).result == "fail"


def test_a_scanner_with_two_versions_has_none() -> None:
    """The attribute and the facts have to agree, so that raising one of them gains nothing."""
    facts = TARGET + '<fact name="urn:xccdf:fact:scanner:version">1.3.7</fact>'
    reading = read(xccdf(rule("a", "pass"), facts=facts))
    assert (reading.stig[0].scanner, reading.stig[0].scanner_version) == ("openscap", "")
    assert codes(reading) == ["scanner_contradicts_itself"]
    assert only(xccdf(rule("a", "pass"), system="cpe:2.3:a:spawar:scc:5.4.2:*:*:*:*:*:*:*")).scanner_version == "5.4.2"
    assert only(xccdf(rule("a", "pass"), system="")).scanner == ""


def test_several_runs_of_one_target() -> None:
    """Each is a report of its own; they have to name the same image."""
    reports = read(several([run(rule("a", "pass")), run(rule("a", "fail"))])).stig
    assert [(report.place, report.results[0].result) for report in reports] == [(0, "pass"), (1, "fail")]


@pytest.mark.parametrize("facts", [TARGET.replace(DIGEST, OTHER), ""])
def test_several_targets_are_refused(facts: str) -> None:
    """Bound by the digest of one, the results of another would count for the image."""
    with pytest.raises(EvidenceInvalid, match="several targets"):
        read(several([run(rule("a", "pass")), run(rule("b", "pass"), facts=facts)]))


def test_a_run_inside_a_run_is_refused() -> None:
    """It is no XCCDF, and whose results are whose could not be told."""
    with pytest.raises(EvidenceInvalid, match="inside another"):
        read(xccdf(run(rule("a", "pass"))))


def test_results_of_another_namespace_are_none() -> None:
    """What only looks like XCCDF holds no results."""
    with pytest.raises(EvidenceInvalid, match="no results"):
        read(xccdf(rule("a", "pass")).replace(SPACE.encode(), b"urn:other"))


def test_comments_and_names_are_bounded() -> None:
    """Texts are cut to what a report can show, without control characters."""
    found = single(xccdf(rule("x" * 5000, "fail", f"<message>{'long ' * 5000}</message>")))
    assert (len(found.rule), len(found.comment)) == (300, 1000)


def test_34_megabytes_are_read_fast() -> None:
    """An ARF of 34 MB, most of it OVAL, takes about a second on this machine; the bound is for a busy one."""
    line = '<test test_id="oval:ssg-test:tst:1" check="all" result="true"><tested_item item_id="1" result="true"/></test>\n'
    oval = f'<oval_results xmlns="http://oval.mitre.org/XMLSchema/oval-results-5">{line * 310_000}</oval_results>'
    text = (
        '<a:asset-report-collection xmlns:a="http://scap.nist.gov/schema/asset-reporting-format/1.1">'
        + run(*(rule(f"SV-{200000 + number}r1_rule", "pass") for number in range(500)))
        + oval
        + "</a:asset-report-collection>"
    )
    data = text.encode()
    assert len(data) > 34_000_000
    started = time.process_time()
    report = only(data)
    assert time.process_time() - started < 5
    assert (report.format, report.counts.passed) == ("arf", 500)
