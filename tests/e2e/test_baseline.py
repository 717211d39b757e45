"""`gate baseline` on a real scan: what is covered, what never is, and that the debt only shrinks."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.shell import bare_layout
from tests.e2e.gate import Done, Gate
from tests.samples import evidence

SOON = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).strftime("%Y-%m-%d")
LIMITS = ("--profile", "dev", "--max-critical", "0", "--max-high", "0")
NO_LIMITS = ("--param", "max_critical=null", "--param", "deny_malware=false")
_FOUND: dict[str, bytes] = {}
OWNER = ("--owner", "team-shop", "--expires", SOON)


class Week:
    """The vulnerable sample without attachments, judged on what grype said of it, changed as the days go by."""

    def __init__(self, gate: Gate, folder: Path) -> None:
        self.gate, self.folder = gate, folder
        self.subject = f"oci:{folder / 'app'}"
        bare_layout(folder / "app", "vulnerable")
        self.baseline = folder / "baseline.yaml"

    def verify(self, *flags: str | Path, without: tuple[str, ...] = (), kev: tuple[str, ...] = (), limits: Any = LIMITS) -> Done:
        document = json.loads(evidence("vulnerable", "grype.json").read_bytes())
        named = {
            match["relatedVulnerabilities"][0]["id"]: match for match in document["matches"] if match["relatedVulnerabilities"]
        }
        for name in without:
            document["matches"].remove(named[name])
        for name in kev:
            entry = {"cve": name, "dateAdded": "2026-11-01", "dueDate": "2030-06-15", "knownRansomwareCampaignUse": "Unknown"}
            named[name]["vulnerability"]["knownExploited"] = [entry]
        scan = self.folder / "scan.json"
        scan.write_text(json.dumps(document))
        done = self.gate.verify(self.subject, "--evidence", scan, *limits, *flags)
        (self.folder / "verdict.json").write_text(json.dumps(done.report))
        return done

    def found(self, **how: Any) -> None:
        """The verdict of `verify` without waivers, for tests of what is made of it: reached once for all of them."""
        kept = _FOUND.get(repr(how))
        if kept is None:
            self.verify(**how)
            kept = _FOUND[repr(how)] = (self.folder / "verdict.json").read_bytes()
        (self.folder / "verdict.json").write_bytes(kept)

    def create(self, *flags: str | Path) -> Done:
        return self.gate("baseline", "create", "--from", self.folder / "verdict.json", *OWNER, "--output", self.baseline, *flags)

    def shrink(self, *flags: str | Path) -> Done:
        return self.gate("baseline", "shrink", "--from", self.folder / "verdict.json", self.baseline, *flags)

    @property
    def waived(self) -> tuple[str | Path, ...]:
        return ("--waivers", self.baseline)


@pytest.fixture
def week(gate: Gate, tmp_path: Path) -> Week:
    return Week(gate, tmp_path)


def test_the_baseline_lets_pass_what_was_there_and_nothing_else(week: Week) -> None:
    """Day one is covered; a new finding denies; an old one denies from the day it is known to be exploited."""
    assert week.verify(without=("CVE-2021-33503",)).code == 1
    made = week.create()
    assert made.code == 0, made.err
    first = week.baseline.read_bytes()
    assert week.create().code == 2 and week.baseline.read_bytes() == first, "never overwritten unasked"
    assert week.create("--force").code == 0 and week.baseline.read_bytes() == first, "the same verdict gives the same file"

    same = week.verify(*week.waived, without=("CVE-2021-33503",))
    assert same.code == 0, same.out
    assert same.outcome["waivers"]["debt"]["findings"]["total"] == 5 and "debt: 5 findings (1 critical, 4 high)" in same.out

    new = week.verify(*week.waived)
    assert new.code == 1 and new.reasons == ["vulnerabilities.max_high"]
    assert [f["id"] for f in new.outcome["findings"] if f["blocks"]] == ["CVE-2021-33503"]

    # `dev` takes exploited findings; the baseline does not
    attacked = week.verify(*week.waived, without=("CVE-2021-33503",), kev=("CVE-2018-7750",))
    assert attacked.code == 1 and attacked.reasons == ["vulnerabilities.max_critical"]
    assert attacked.outcome["waivers"]["debt"]["findings"]["critical"] == 0

    merged = week.create("--merge")
    assert merged.code == 1 and "CVE-2018-7750" in merged.err, "what is exploited now is not covered again"
    assert week.baseline.read_bytes() == first


def test_what_is_exploited_is_left_to_be_fixed(week: Week) -> None:
    """The rest is covered, the exploited finding is named with its remedy, and the exit code says that something is left."""
    week.found(kev=("CVE-2018-7750",))
    made = week.create()
    assert made.code == 1
    assert "not covered, to be fixed: vulnerabilities.max_critical CVE-2018-7750" in made.err and "KEV" in made.err
    assert "CVE-2018-7750" not in week.baseline.read_text() and "CVE-2021-33503" in week.baseline.read_text()


def test_only_the_excess_over_a_limit_is_waived(week: Week) -> None:
    """Four high findings are allowed and five there: one waiver, so that a sixth denies."""
    limits = ("--profile", "dev", "--max-high", "4")
    week.found(limits=limits)
    assert week.create().out.startswith(f"{week.baseline}: 1 waivers")
    assert week.verify(*week.waived, limits=limits).code == 0
    sixth = week.verify(*week.waived, limits=("--profile", "dev", "--max-high", "3"))
    assert sixth.code == 1 and "4 high vulnerabilities, at most 3" in sixth.out


def test_terms_that_nothing_may_have(week: Week) -> None:
    """The error names the bound and the latest end; nothing is written."""
    week.found()
    for flags, says in (
        (("--expires", "2036-01-01"), "waiver_max_days is 180"),
        (("--expires", "2020-01-01"), "not after the verdict"),
        (("--expires", "soon"), "no date"),
        (("--owner", " "), "--owner is empty"),
        (("--reason", ""), "--reason is empty"),
        (("--merge", "--force"), "contradict each other"),
    ):
        done = week.create(*flags)
        assert done.code == 2 and says in done.err and not week.baseline.exists(), flags


def test_no_verdict_is_no_debt(week: Week) -> None:
    """What could not be told is neither accepted nor gone: exit 3, nothing written, nothing dropped."""
    week.verify()
    week.create()
    before = week.baseline.read_bytes()
    sbom = evidence("vulnerable", "sbom.cdx.json")
    unclear = week.gate.verify(week.subject, "--evidence", sbom, "--profile", "dev", "--param", "require_scan=false", *NO_LIMITS)
    stale = week.gate.verify(
        week.subject,
        "--evidence",
        week.folder / "scan.json",
        "--profile",
        "dev",
        *NO_LIMITS,
        ages=("--param", "max_db_age_days=0"),
    )
    for done, expected in ((unclear, "scan"), (stale, "verdict")):
        (week.folder / "verdict.json").write_text(json.dumps(done.report))
        shrunk = week.shrink()
        assert shrunk.code == 3 and expected in shrunk.err
        assert week.baseline.read_bytes() == before
    assert stale.code == 3 and week.create("--force").code == 3 and week.baseline.read_bytes() == before


def test_shrink_drops_what_is_gone_and_nothing_else(week: Week) -> None:
    """Comments, other images' waivers and ends stay; the debt before and now is shown."""
    week.verify()
    (week.folder / "first.json").write_bytes((week.folder / "verdict.json").read_bytes())
    week.create()
    text = week.baseline.read_text()
    other = text[text.index("  - id:") :].split("  - id:")[1].replace('["app"]', '["elsewhere"]').replace("baseline-", "other-")
    week.baseline.write_text(f"{text}  # of another image\n  - id:{other}")
    assert week.verify(*week.waived, without=("CVE-2018-7750",)).code == 0
    checked = week.shrink("--check")
    assert checked.code == 1 and "to drop: " in checked.out
    done = week.shrink("--previous", week.folder / "first.json")
    assert done.code == 0, done.err
    assert "dropped: baseline-" in done.out and "CVE-2018-7750|pkg:pypi/paramiko@2.0.7  (gone)" in done.out
    assert "5 findings (5 high) under 5 baseline waivers" in done.out and "0 findings under 0 waivers (+5)" in done.out
    left = week.baseline.read_text()
    assert "# of another image" in left and "CVE-2018-7750" not in left and left.count(f"expires: {SOON}") == 6
    assert week.verify(*week.waived, without=("CVE-2018-7750",)).code == 0
    debt = json.loads(week.gate("baseline", "debt", "--from", week.folder / "verdict.json", "--output", "json").out)
    assert debt["now"][0]["waivers"] == 5 and debt["previous"][0]["image"] == "app", "the earlier verdict comes from the store"
    back = week.verify(*week.waived)
    assert back.code == 1 and back.reasons == ["vulnerabilities.max_critical"]
