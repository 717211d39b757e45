"""Tests of waivers: what makes one hold, and that a bad one never widens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.limits import DEFAULT
from gate.policy.inventory import Inventory
from gate.policy.waivers import Book, judge, judge_all, matching, read_waivers, waived_for
from tests.policy.packs import NOW, PARAMS, domain, engine, finding, make_input, rule, waiver, write_pack

GOOD = """\
schema: gate.waivers/v1
waivers:
  - id: W-1
    rule: demo.limit
    term: CVE-2026-1
    scope: {packages: ["pkg:deb/debian/openssl"]}
    reason: not reachable
    owner: ann@example.org
    ticket: T-1
    created: 2026-11-01
    expires: 2026-12-31
"""
SUBJECT = make_input().subject


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    with engine(write_pack(tmp_path_factory.mktemp("pack"), domain(rule("limit"), rule("strict", waivable=False)))) as made:
        return made.inventory


def read(tmp_path: Path, text: str) -> Any:
    (tmp_path / "waivers.yaml").write_text(text)
    return read_waivers(tmp_path / "waivers.yaml", DEFAULT)


def judged(inventory: Inventory, held: Any, now: str = NOW) -> Any:
    return judge(held, now, PARAMS, None, inventory)


def test_a_good_waiver_is_active(tmp_path: Path, inventory: Inventory) -> None:
    """Dates stay text on reading, the source has line and digest, and the end is counted from now."""
    (held,) = read(tmp_path, GOOD)
    assert held.source.startswith(f"{tmp_path}/waivers.yaml:3@sha256:") and held.expires == "2026-12-31"
    found = judged(inventory, held)
    assert (found.state, found.problem, found.expires_in_s) == ("active", "", 37 * 86_400 + 43_200)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2026-10-31T23:00:00Z", "pending"),
        ("2026-11-01T00:00:00Z", "active"),
        ("2026-12-30T23:59:59Z", "active"),
        ("2026-12-31T00:00:00Z", "expired"),
        ("2026-12-31T00:30:00+01:00", "active"),
        ("yesterday", "invalid"),
    ],
)
def test_the_end_is_exclusive_and_in_utc(inventory: Inventory, now: str, state: str) -> None:
    """A date is its first second in UTC; an unreadable time of the run lets nothing hold."""
    assert judged(inventory, waiver(), now).state == state


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"reason": ""}, "lacks reason"),
        ({"owner": "", "ticket": ""}, "lacks owner, ticket"),
        ({"expires": ""}, "lacks expires"),
        ({"expires": "2026-12-31T10:00:00"}, "write 2027-01-31"),
        ({"expires": "soon"}, "expires is 'soon'"),
        ({"expires": "2026-02-30"}, "expires is"),
        ({"created": "soon"}, "created is"),
        ({"expires": "2027-11-01"}, "lasts 365 days; waiver_max_days is 90"),
        ({"created": "", "expires": "2027-03-01"}, "lasts 98 days"),
        ({"expires": "2026-10-01"}, "ends before it begins"),
        ({"rule": "demo"}, "more than one rule"),
        ({"rule": "*"}, "more than one rule"),
        ({"rule": "demo.*"}, "more than one rule"),
        ({"rule": "@prod"}, "more than one rule"),
        ({"rule": "demo.limti"}, "did you mean 'demo.limit'"),
        ({"rule": "demo.strict"}, "cannot be waived"),
        ({"term": "CVE-*"}, "matched exactly"),
        ({"problem": "scope is no mapping"}, "scope is no mapping"),
    ],
)
def test_what_makes_a_waiver_invalid(inventory: Inventory, change: dict[str, Any], problem: str) -> None:
    """Each problem is named, and the waiver does not hold."""
    found = judged(inventory, waiver(**change))
    assert found.state == "invalid" and problem in found.problem


def test_two_waivers_of_one_id_are_both_invalid(inventory: Inventory) -> None:
    """A verdict names the waiver by its id."""
    assert [each.state for each in judge_all([waiver(), waiver(term="CVE-1")], NOW, PARAMS, inventory)] == ["invalid", "invalid"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("reason: not reachable", "reason: 3", "reason is no string"),
        ("ticket: T-1", "tikcet: T-1", "did you mean 'ticket'"),
        ("term: CVE-2026-1", "term: ' '", "term is empty"),
        ('{packages: ["pkg:deb/debian/openssl"]}', "{package: [x]}", "unknown scope 'package'"),
        ('{packages: ["pkg:deb/debian/openssl"]}', "{packages: []}", "no list of names"),
        ('{packages: ["pkg:deb/debian/openssl"]}', "{packages: openssl}", "no list of names"),
        ('{packages: ["pkg:deb/debian/openssl"]}', "everywhere", "scope is no mapping"),
        ("waivers:\n", "waivers:\n  - text\n", "no mapping"),
    ],
)
def test_a_malformed_entry_is_invalid_and_the_others_stand(
    tmp_path: Path, inventory: Inventory, old: str, new: str, problem: str
) -> None:
    """Above all, a scope that cannot be read never becomes one that holds everywhere."""
    found = judged(inventory, read(tmp_path, GOOD.replace(old, new))[0])
    assert found.state == "invalid" and problem in found.problem


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "schema: gate.waivers/v2\nwaivers: []",
        "schema: gate.waivers/v1",
        "schema: gate.waivers/v1\nwavers: []",
        GOOD + "more: 1\n",
    ],
)
def test_a_file_that_is_no_waiver_file_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    """Exit 2, since what it holds cannot be told."""
    with pytest.raises(ConfigError):
        read(tmp_path, text)


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """A waiver file that was named has to be there."""
    with pytest.raises(ConfigError, match="No such file"):
        read_waivers(tmp_path / "none.yaml", DEFAULT)


@pytest.mark.parametrize(
    ("term", "result", "matches"),
    [
        ("CVE-1", "CVE-1|pkg:deb/a@1", True),
        ("CVE-1", "CVE-10|pkg:deb/a@1", False),
        ("CVE-1|pkg:deb/a", "CVE-1|pkg:deb/a@1", True),
        ("CVE-1|pkg:deb/a", "CVE-1|pkg:deb/ab@1", False),
        ("CVE-1|pkg:deb/a@1", "CVE-1|pkg:deb/a@10", False),
        ("CVE-1|", "CVE-1|pkg:deb/a@1", False),
        ("", "anything", True),
        ("high", "high", True),
        ("cve-1", "CVE-1|pkg:deb/a@1", False),
    ],
)
def test_terms_match_exactly(term: str, result: str, matches: bool) -> None:
    """By id or key; a purl without version is every version of exactly that package."""
    assert matching(waiver(term=term), "demo.limit", result, SUBJECT, exploited=False) is matches


def test_findings_are_taken_out_of_counts_by_name_only() -> None:
    """A waiver without term and package waives the result, not each finding."""
    about = finding("CVE-1", aliases=("GHSA-1",))
    assert waived_for(Book([waiver(term="GHSA-1")]), about, SUBJECT) == ("demo.limit",)
    assert waived_for(Book([waiver()]), about, SUBJECT) == ()
    assert waived_for(Book([waiver(term="CVE-1", state="expired")]), about, SUBJECT) == ()


@pytest.mark.parametrize("extra", ["draft: true", "draft: yes", "draft: ''", "draft: null", "draft: 0", 'draft: "false"'])
def test_a_draft_waives_nothing(tmp_path: Path, inventory: Inventory, extra: str) -> None:
    """However complete, and however the word is spelt: only a plain false, or no word, makes it somebody's own."""
    (held,) = read(tmp_path, f"{GOOD}    {extra}\n")
    found = judged(inventory, held)
    assert found.state == "draft" and "nobody has accepted it" in found.problem
    about = finding("CVE-2026-1")
    assert not matching(found, "demo.limit", about.key, SUBJECT, ("CVE-2026-1",), exploited=False)
    assert waived_for(Book([found]), about, SUBJECT) == ()


def test_no_draft_any_more(tmp_path: Path, inventory: Inventory) -> None:
    """With the word gone it is judged like any other: what was left empty makes it invalid."""
    (held,) = read(tmp_path, f"{GOOD}    draft: false\n")
    assert judged(inventory, held).state == "active"
    (empty,) = read(tmp_path, GOOD.replace("ann@example.org", '""'))
    assert (judged(inventory, empty).state, judged(inventory, empty).problem) == ("invalid", "lacks owner")


@pytest.mark.parametrize(
    ("term", "result", "exploited", "covers"),
    [
        ("CVE-1|pkg:deb/debian/a@1", "CVE-1|pkg:deb/debian/a@1", False, True),
        ("CVE-1|pkg:deb/debian/a@1", "CVE-1|pkg:deb/debian/a@1", True, False),
        ("CVE-1|pkg:deb/debian/a@1", "CVE-1|pkg:deb/debian/a@2", False, False),
        ("CVE-1|pkg:deb/debian/a", "CVE-1|pkg:deb/debian/a@1", False, False),
        ("CVE-1", "CVE-1|pkg:deb/debian/a@1", False, False),
        ("GHSA-1|pkg:deb/debian/a@1", "CVE-1|pkg:deb/debian/a@1", False, False),
        ("", "", False, True),
        ("", "V-1", False, False),
    ],
)
def test_a_baseline_covers_exactly_its_term(term: str, result: str, exploited: bool, covers: bool) -> None:
    """No alias, no other version, no other result of the rule, and nothing that is exploited by now."""
    held = waiver(term=term, baseline=True)
    assert matching(held, "demo.limit", result, SUBJECT, ("CVE-1", "GHSA-1"), exploited=exploited) is covers


def test_the_book_leaves_nothing_out() -> None:
    """What it finds by rule and name is all that covers a result, in the order given."""
    terms = [
        "",
        "CVE-1",
        "CVE-2",
        "GHSA-1",
        "CVE-1|pkg:deb/a",
        "CVE-1|pkg:deb/a@1",
        "GHSA-1|pkg:deb/a@1",
        "V-1",
        "|",
        "|pkg:deb/a@1",
    ]
    held = [
        waiver(id=str(number), term=term, rule=rule, state=state)
        for number, (term, rule, state) in enumerate(
            (term, rule, state) for state in ("active", "expired") for rule in ("a.b", "a.c") for term in reversed(terms)
        )
    ]
    book = Book(held)
    for term in terms:
        for names in ((), ("CVE-1", "GHSA-1"), ("V-1",)):
            every = [each for each in held if matching(each, "a.b", term, SUBJECT, names, exploited=False)]
            found = [
                each for each in book.about("a.b", term, names) if matching(each, "a.b", term, SUBJECT, names, exploited=False)
            ]
            assert found == every
    assert book.rules == ("a.b", "a.c") and Book([]).rules == ()
