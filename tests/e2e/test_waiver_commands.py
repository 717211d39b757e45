"""`gate waiver` from the command line, and what a verdict says of drafts and of what ends soon."""

from __future__ import annotations

import datetime
import html
import json
from pathlib import Path

import pytest

from tests.e2e.gate import Gate
from tests.e2e.test_baseline import Week


def day(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


ADD = ("--owner", "ann", "--ticket", "S-1", "--reason", "not compiled in")
DEV = ("--profile", "dev")


@pytest.fixture
def week(gate: Gate, tmp_path: Path) -> Week:
    return Week(gate, tmp_path)


def test_a_draft_suppresses_nothing_and_is_named(week: Week) -> None:
    """Imported ignores stay drafts in every report until a person fills them in and deletes the word."""
    week.found()
    file, verdict = week.folder / "imported.yaml", week.folder / "verdict.json"
    ignores = week.folder / ".trivyignore"
    ignores.write_text(f"CVE-2018-7750 exp:{day(30)}\nCVE-2000-1\nAVD-DS-0002\n")
    done = week.gate("waiver", "import", ignores, "--from", verdict, "--output", file)
    assert done.code == 1 and "1 drafts of 3 entries" in done.out
    assert "AVD-DS-0002" in done.err and "CVE-2000-1: no finding of the verdict" in done.err
    assert week.gate("waiver", "import", ignores, "--from", verdict, "--output", file).code == 2, "never overwritten unasked"

    for text in (file.read_text(), file.read_text().replace('owner: ""', "owner: ann").replace('ticket: ""', "ticket: T")):
        file.write_text(text.replace('reason: ""', "reason: known"))
        drafted = week.verify("--waivers", file)
        assert drafted.code == 1 and "vulnerabilities.max_critical" in drafted.reasons
        [draft] = drafted.outcome["waivers"]["draft"]
        assert draft["state"] == "draft" and drafted.outcome["waivers"]["active"] == []
        assert "draft: import-" in drafted.out and "waivers.draft" in drafted.out
    for form in ("markdown", "github"):
        shown = week.gate("report", "--from", verdict, "--output", form).out
        assert "waivers.draft" in shown and "is a draft" in shown, form

    file.write_text(file.read_text().replace("    draft: true\n", ""))
    assert "vulnerabilities.max_critical" not in week.verify("--waivers", file).reasons


def test_one_that_ends_soon_is_named_in_every_report(week: Week) -> None:
    """Text, Markdown and GitHub warn while it still holds."""
    week.found()
    file, verdict = week.folder / "w.yaml", week.folder / "verdict.json"
    done = week.gate(
        "waiver", "add", file, "--rule", "vulnerabilities.max_critical", "--term", "CVE-2018-7750", *ADD, "--expires", day(5),
        "--image", "app", "--from", verdict, *DEV,
    )  # fmt: skip
    assert done.code == 0, done.err
    held = week.verify("--waivers", file, limits=(*DEV, "--max-critical", "0"))
    assert held.code == 0 and "expires on" in held.out
    for form in ("text", "markdown", "github"):
        shown = week.gate("report", "--from", verdict, "--output", form)
        assert shown.code == 0 and "waivers.expiring" in shown.out and f"expires on {day(5)}" in html.unescape(shown.out), form
    listed = json.loads(week.gate("waiver", "list", file, "--output", "json", *DEV).out)["waivers"]
    assert [(each["state"], each["days_left"]) for each in listed] == [("expiring", 4)]
    name = listed[0]["id"]
    assert week.gate("waiver", "expire", file, name, "--reason", "fixed").code == 0
    assert f"# was {day(5)}; fixed" in file.read_text()
    assert week.gate("waiver", "expire", file, name).code == 2
    assert week.gate("waiver", "expire", file, "W-none").code == 2
    ended = json.loads(week.gate("waiver", "list", file, "--output", "json", *DEV).out)["waivers"]
    assert [each["state"] for each in ended] == ["expired"], "what that means to a verdict: test_vex_waivers"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--rule", "vulnerabilities.max_hihg", "--term", "CVE-1"), "did you mean 'vulnerabilities.max_high'"),
        (("--rule", "vulnerabilities.malware", "--term", "CVE-1"), "cannot be waived"),
        (("--rule", "vulnerabilities.max_high"), "say what is waived"),
        (("--rule", "vulnerabilities.max_high", "--term", "CVE-1", "--whole-rule"), "say what is waived"),
        (("--rule", "vulnerabilities.max_high", "--term", "CVE-1", "--expires", "2036-01-01"), "waiver_max_days"),
    ],
)
def test_a_waiver_that_would_not_hold_is_not_written(gate: Gate, tmp_path: Path, flags: tuple[str, ...], says: str) -> None:
    """The command says what a verdict would have said, before anything is in the file."""
    file = tmp_path / "w.yaml"
    done = gate("waiver", "add", file, *ADD, "--expires", day(5), *DEV, *flags)
    assert done.code == 2 and says in done.err and not file.exists()


def test_check_is_for_a_commit(week: Week) -> None:
    """0 when all hold, 1 when one waives nothing, 2 for a file that is none; drafts and the expired only with --strict."""
    week.found()
    file = week.folder / "w.yaml"
    add = ("waiver", "add", file, "--rule", "vulnerabilities.max_high", *ADD, "--expires", day(60), *DEV)
    assert week.gate(*add, "--term", "CVE-2021-33503").code == 0
    assert week.gate(*add, "--term", "CVE-2021-33503").code == 2, "the same again"
    assert week.gate(*add, "--term", "CVE-2000-1").code == 0
    wrong = week.gate(*add, "--term", "CVE-2021-3350", "--from", week.folder / "verdict.json")
    assert wrong.code == 2 and "did you mean 'CVE-2021-33503'" in wrong.err
    check = ("waiver", "check", file, *DEV)
    assert week.gate(*check).code == 0
    unused = week.gate(*check, "--from", week.folder / "verdict.json")
    assert unused.code == 1 and "unused" in unused.out and "CVE-2000-1" in unused.out
    assert week.gate(*check, "--effective-time", f"{day(61)}T00:00:00Z").code == 0
    assert week.gate(*check, "--strict", "--effective-time", f"{day(61)}T00:00:00Z").code == 1
    file.write_text(file.read_text().replace("max_high", "max_hihg", 1))
    assert week.gate(*check).code == 1
    file.write_text("waivers: []\n")
    assert week.gate(*check).code == 2
