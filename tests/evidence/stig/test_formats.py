"""Checklists, HDF, dockle and OSCAL: their words in XCCDF's, and what people changed stays visible and improves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits
from tests.evidence.stig.support import DIGEST, OTHER, codes, counted, only, read, rule, single, xccdf


def ckl(status: str, *, severity: str = "medium", more: str = "", host: str = "app") -> bytes:
    """A checklist with one rule."""
    data = {"Vuln_Num": "V-257777", "Severity": severity, "Rule_ID": "SV-257777r1_rule", "CCI_REF": "CCI-000366"}
    pairs = "".join(
        f"<STIG_DATA><VULN_ATTRIBUTE>{name}</VULN_ATTRIBUTE><ATTRIBUTE_DATA>{value}</ATTRIBUTE_DATA></STIG_DATA>"
        for name, value in data.items()
    )
    return (
        f"<!--DISA STIG Viewer :: 2.17--><CHECKLIST><ASSET><HOST_NAME>{host}</HOST_NAME></ASSET><STIGS><iSTIG>"
        f"<STIG_INFO><SI_DATA><SID_NAME>stigid</SID_NAME><SID_DATA>RHEL_9_STIG</SID_DATA></SI_DATA></STIG_INFO>"
        f"<VULN>{pairs}<STATUS>{status}</STATUS><COMMENTS>we looked</COMMENTS>{more}</VULN></iSTIG></STIGS></CHECKLIST>"
    ).encode()


def cklb(status: str, **rule: Any) -> dict[str, Any]:
    item = {"rule_id": "SV-257777r1", "group_id": "V-257777", "severity": "medium", "status": status, "comments": "we looked"}
    return {"target_data": {"host_name": "app"}, "stigs": [{"stig_id": "RHEL_9_STIG", "rules": [item | rule]}]}


def hdf(*statuses: str, impact: float = 0.5, **control: Any) -> dict[str, Any]:
    results = [{"status": status, "code_desc": f"it {status}"} for status in statuses]
    tags = {"gid": "V-1234", "cci": ["CCI-000366"], "nist": ["CM-6", "Rev_4"]}
    one = {"id": "c", "impact": impact, "tags": tags, "results": results} | control
    return {"platform": {"name": "debian"}, "version": "5", "profiles": [{"name": "p", "controls": [one]}]}


def oscal(state: str, reason: str = "", **finding: Any) -> dict[str, Any]:
    status = {"state": state} | ({"reason": reason} if reason else {})
    one = {"title": "t", "target": {"target-id": "ac-6.1_obj", "status": status}} | finding
    return {"assessment-results": {"results": [{"title": "r", "findings": [one]}]}}


_STATUSES = [
    ("Open", "open", "fail"),
    ("NotAFinding", "not_a_finding", "pass"),
    ("Not_Applicable", "not_applicable", "notapplicable"),
    ("Not_Reviewed", "not_reviewed", "notchecked"),
    ("", "", "unknown"),
    ("Pass", "pass", "unknown"),
]


@pytest.mark.parametrize(("old", "new", "word"), _STATUSES)
def test_words_of_checklists(old: str, new: str, word: str) -> None:
    """The four states of STIG Viewer; XCCDF's own words are none of them."""
    for found in (single(ckl(old)), single(cklb(new))):
        assert (found.result, found.term, found.comment) == (word, "V-257777", "we looked")


@pytest.mark.parametrize(("change", "category"), [("low", "2"), ("high", "1"), ("nonsense", "1")])
def test_an_overridden_severity_only_rises(change: str, category: str) -> None:
    """Lowered by hand, a finding keeps its category, and the change is visible."""
    more = f"<SEVERITY_OVERRIDE>{change}</SEVERITY_OVERRIDE><SEVERITY_JUSTIFICATION>why</SEVERITY_JUSTIFICATION>"
    new = cklb("open", overrides={"severity": {"severity": change, "reason": "why"}})
    for found in (single(ckl("Open", more=more)), single(new)):
        assert (found.category, found.override) == (category, f"severity made {change}: why")


def test_checklists_name_their_target() -> None:
    """A digest in the host name or comment binds; a plain host name says nothing."""
    documents: list[Any] = [ckl("Open", host=f"app@{DIGEST}"), cklb("open") | {"target_data": {"comments": DIGEST}}]
    for document in documents:
        assert [name.digest for name in read(document).names] == [DIGEST]
    assert read(ckl("Open")).names == () == read(cklb("open")).names


def test_what_is_no_checklist() -> None:
    """A rule outside a STIG, a rule without status, and none at all are errors; bounds hold."""
    documents: list[Any] = [
        b"<CHECKLIST><VULN><STATUS>Open</STATUS></VULN></CHECKLIST>",
        b"<CHECKLIST><STIGS><iSTIG/></STIGS></CHECKLIST>",
        {"stigs": [{"rules": [{"rule_id": "x"}]}]},
        {"stigs": []},
        {"stigs": {"rules": []}},
    ]
    for document in documents:
        with pytest.raises(EvidenceInvalid):
            read(document)
    with pytest.raises(LimitExceeded):
        read({"stigs": [{"rules": [{"status": "open"}] * 3}]}, Limits(findings=2))


@pytest.mark.parametrize(
    ("statuses", "impact", "word"),
    [
        (["passed", "passed"], 0.5, "pass"),
        (["passed", "failed"], 0.5, "fail"),
        (["passed", "skipped"], 0.5, "notchecked"),
        (["passed", "error"], 0.5, "error"),
        (["passed", "ok"], 0.5, "unknown"),
        ([], 0.5, "notchecked"),
        (["passed"], 0, "notapplicable"),
        (["failed"], 0, "fail"),
    ],
)
def test_words_of_hdf(statuses: list[str], impact: float, word: str) -> None:
    """The worst result of a control is the control's; impact 0 does not make a failure go away."""
    found = single(hdf(*statuses, impact=impact))
    assert (found.result, found.term, found.nist) == (word, "V-1234", ("CM-6", "CM-6 b"))


def test_waivers_inside_hdf_change_nothing() -> None:
    """Neither a waiver nor an attestation, and both are visible."""
    waived = single(hdf("failed", waiver_data={"justification": "later", "run": True}))
    attested = single(hdf("skipped", attestation_data={"status": "passed", "explanation": "seen"}))
    assert (waived.result, waived.override) == ("fail", "waived: later")
    assert (attested.result, attested.override) == ("notchecked", "attested: seen")


def test_overlays_count_once() -> None:
    """A control without results in the overlay is the one below it, which has them."""
    document = hdf("passed")
    document["profiles"].append({"name": "below", "parent_profile": "p", "controls": [{"id": "c", "tags": {"gid": "V-1234"}}]})
    assert counted(only(document)) == {"selected": 1, "evaluated": 1, "passed": 1}
    assert only(document).benchmark == "p"


@pytest.mark.parametrize(
    ("impact", "tag", "category"), [(0.9, None, "1"), (0.5, "high", "1"), (0.1, None, "3"), (0.9, "low", "1"), (None, None, "1")]
)
def test_categories_of_hdf(impact: float | None, tag: str | None, category: str) -> None:
    """Tag or impact, whichever is more severe; neither is CAT I."""
    document = hdf("failed")
    document["profiles"][0]["controls"][0] |= {"impact": impact, "tags": {"severity": tag}}
    assert single(document).category == category


@pytest.mark.parametrize(
    ("level", "word", "category"),
    [
        ("FATAL", "fail", "1"), ("WARN", "fail", "2"), ("INFO", "fail", "3"), ("SKIP", "notchecked", "3"),
        ("IGNORE", "fail", "1"), ("NEW", "unknown", "1"),
    ],
)  # fmt: skip
def test_levels_of_dockle(level: str, word: str, category: str) -> None:
    """What dockle was told to ignore is open; passes are only counted."""
    details = [{"code": "CIS-DI-0001", "title": "user", "level": level, "alerts": ["root"]}]
    report = only({"image": f"app@{DIGEST}", "summary": {"pass": 14}, "details": details})
    [found] = report.results
    assert (found.result, found.category, found.comment) == (word, category, "root")
    assert (report.counts.passed, report.counts.selected) == (14, 15)
    assert bool(found.override) == (level == "IGNORE")


@pytest.mark.parametrize("document", [{"summary": {}, "details": []}, {"summary": [], "details": []}])
def test_an_empty_dockle_report_says_nothing(document: dict[str, Any]) -> None:
    """Neither passes nor findings: nothing was looked at."""
    with pytest.raises(EvidenceInvalid):
        read(document)


@pytest.mark.parametrize(
    ("state", "reason", "word"),
    [
        ("satisfied", "", "pass"), ("satisfied", "pass", "pass"), ("satisfied", "not-applicable", "notapplicable"),
        ("not-satisfied", "", "fail"), ("not-satisfied", "not-applicable", "notapplicable"), ("done", "", "unknown"),
    ],
)  # fmt: skip
def test_states_of_oscal(state: str, reason: str, word: str) -> None:
    """ "Satisfied because not applicable" is no pass, and nothing makes "not satisfied" better."""
    found = single(oscal(state, reason))
    assert (found.result, found.nist, found.category) == (word, ("AC-6 (1)",), "1")


def test_properties_of_oscal() -> None:
    """V-id, CCI and severity from the finding's properties; the digest from the result's, one target a document."""
    props = [{"name": "severity", "value": "low"}, {"name": "vuln-id", "value": "V-7777"}, {"name": "cci", "value": "CCI-000366"}]
    document = oscal("not-satisfied", props=props)
    results = document["assessment-results"]["results"]
    results[0]["props"] = [{"name": "digest", "value": DIGEST}, {"name": "scanner", "value": "Tool"}]
    reading = read(document)
    assert [name.digest for name in reading.names] == [DIGEST]
    assert (reading.stig[0].scanner, reading.stig[0].results[0].term, reading.stig[0].results[0].category) == (
        "tool",
        "V-7777",
        "3",
    )
    assert codes(reading) == []
    results.append(results[0] | {"props": [{"name": "digest", "value": OTHER}]})
    with pytest.raises(EvidenceInvalid, match="several targets"):
        read(document)


def test_a_number_that_rules_share_names_none_of_them() -> None:
    """Else a waiver of what one rule found would cover what another finds later."""
    other = '<ident system="http://cyber.mil/legacy">V-230221</ident>'
    shared = only(xccdf(rule("SV-230221r1_rule", "fail"), rule("b_rule", "pass", other), rule("SV-230222r1_rule", "fail")))
    found = {(one.term, one.vuln_id) for one in shared.results}
    assert {("V-230222", "V-230222")} < found and len({term for term, _ in found}) == 3
    assert "V-230221" not in {term for term, _ in found} and [vuln for _, vuln in found].count("V-230221") == 2
