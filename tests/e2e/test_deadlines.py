"""Deadlines from a history of first sights, day by day: what is due, what is unknown, and that no loss makes anything younger."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from tests.e2e.gate import Done, Gate
from tests.e2e.test_baseline import NO_LIMITS, Week

DEV = ("--profile", "dev", *NO_LIMITS)
FEDRAMP = ("--deadlines", "fedramp")


@pytest.fixture
def week(gate: Gate, tmp_path: Path) -> Week:
    return Week(gate, tmp_path)


def on_day(days: int) -> tuple[str, str]:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    return ("--effective-time", moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def overdue(done: Done) -> dict[str, int]:
    """Findings past their deadline, by severity."""
    rule = done.rule("vulnerabilities.overdue")
    found: dict[str, int] = {}
    for result in rule["results"]:
        found[result["data"]["severity"]] = found.get(result["data"]["severity"], 0) + 1
    return found


def test_fedramp_day_by_day(week: Week) -> None:
    """30, 90 and 180 days from first sight, by severity; the store replays each verdict to the byte."""
    history = week.folder / "history.json"
    assert week.gate("history", "init", history).code == 0
    flags = ("--history", history, *FEDRAMP)
    assert week.verify(*flags, limits=DEV).code == 0
    before = history.read_bytes()
    expected = {
        29: {},
        31: {"critical": 1, "high": 5},
        91: {"critical": 1, "high": 5, "medium": 4},
        181: {"critical": 1, "high": 5, "medium": 4, "negligible": 1},
    }
    for days, due in expected.items():
        done = week.verify(*flags, *on_day(days), limits=DEV)
        assert (overdue(done), done.code) == (due, 1 if due else 0), days
    assert history.read_bytes() == before, "a run on another day has seen nothing"
    assert done.outcome["findings"] and f"{history}@sha256:" in json.dumps(done.report["verdicts"][0]["run"]["config_sources"])
    assert week.gate("replay", done.report["verdicts"][0]["outcome_digest"]).code == 0


def test_unknown_age_is_the_oldest(week: Week) -> None:
    """No history, and one that began too late, leave today's findings overdue; deleting it makes nothing younger."""
    assert sum(overdue(week.verify(*FEDRAMP, limits=DEV)).values()) == 11
    history = week.folder / "history.json"
    flags = ("--history", history, *FEDRAMP)
    first = week.verify(*flags, limits=DEV, without=("CVE-2024-3651",))
    assert sum(overdue(first).values()) == 10
    again = week.verify(*flags, limits=DEV)
    assert sum(overdue(again).values()) == 10, "only what came later has a date"
    assert "unknown age" in week.gate("history", "show", history).out
    assert week.gate("history", "init", history).code == 3


def test_a_bare_digest_has_no_history(week: Week) -> None:
    """It names no repository, and a rebuild has another digest: of unknown age in every run, and nothing is entered."""
    history = week.folder / "history.json"
    week.gate("history", "init", history)
    begun = history.read_bytes()
    named = week.verify("--history", history, *FEDRAMP, limits=DEV)
    assert named.code == 0 and history.read_bytes() != begun
    history.write_bytes(begun)
    bare = ("--evidence", week.folder / "scan.json", *DEV, "--history", history, *FEDRAMP)
    done = week.gate.verify(named.outcome["subject"]["digest"], *bare)
    assert (done.code, sum(overdue(done).values())) == (1, 11)
    assert history.read_bytes() == begun


def test_a_damaged_history(week: Week) -> None:
    """Asked for, it is an error; kept unasked beside the store, a warning and unknown ages. It is never written over."""
    history = week.gate.store / "history.json"
    assert week.verify(limits=DEV).code == 0 and history.exists()
    history.write_text("{")
    quiet = week.verify(limits=DEV)
    assert quiet.code == 0 and "unknown age" in quiet.err and history.read_text() == "{"
    for flags in (FEDRAMP, ("--history", history)):
        done = week.verify(*flags, limits=DEV)
        assert done.code == 3 and "cannot be read" in done.err and not done.report
    assert history.read_text() == "{"


def test_exploited_findings_have_the_catalogue_s_date(week: Week) -> None:
    """BOD 22-01: on the due date it passes, the day after it denies; BOD 26-04 gives three days from first sight."""
    history = week.folder / "history.json"
    week.gate("history", "init", history)
    flags = ("--history", history, "--deadlines", "bod-22-01")
    for day, code in (("2030-06-15", 0), ("2030-06-16", 1)):
        done = week.verify(*flags, "--effective-time", f"{day}T23:00:00Z", limits=DEV, kev=("CVE-2018-7750",))
        assert done.code == code, done.out
    assert done.reasons == ["vulnerabilities.kev_overdue"]
    soon = ("--history", history, "--param", 'remediation_days={"kev":3}')
    week.verify(*soon, limits=DEV, kev=("CVE-2018-7750",))
    assert overdue(week.verify(*soon, *on_day(4), limits=DEV, kev=("CVE-2018-7750",))) == {"critical": 1}


def test_sets_only_tighten(week: Week) -> None:
    """A stricter house rule stays; several sets join to the strictest; a name that is none is an error that helps."""
    house = ("--param", 'remediation_days={"critical":7,"high":60}')
    done = week.verify(*house, *FEDRAMP, "--deadlines", "pci-dss", limits=DEV)
    days = done.outcome["policy"]["params"]["remediation_days"]
    assert (days["critical"], days["high"], days["low"], days["kev"]) == (7, 30, 180, 30)
    wrong = week.gate("verify", week.subject, "--deadlines", "fedrmp")
    assert wrong.code == 2 and "did you mean 'fedramp'" in wrong.err
    file = week.folder / "policy.yaml"
    file.write_text("schema: gate.policy/v1\nenvironments: {prod: {profile: dev, deadlines: [fedramp]}}\n")
    shown = week.gate("config", "show", "--policy-file", file)
    assert shown.code == 0 and "policy.yaml fedramp" in shown.out
