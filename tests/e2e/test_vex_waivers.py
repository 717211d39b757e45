"""VEX and waivers through the command line: what they suppress, and that nothing they do is hidden."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gate import KEY, Done, Gate
from tests.e2e.lab import VEX, Lab, grype, openvex
from tests.fakes import images
from tests.samples import digest, layout

BUILT = images.image()
CRITICAL = ("CVE-2026-1", "Critical")
VULNERABLE = f"oci:{layout('vulnerable')}"
SOON = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)).strftime("%Y-%m-%dT00:00:00Z")


def judged(gate: Gate, lab: Lab, *documents: Any, flags: tuple[str, ...] = ()) -> Done:
    """dev with no critical finding allowed, on one critical finding and these VEX files."""
    report = lab.file("scan.json", grype(BUILT.digest, findings=[CRITICAL]))
    files = [part for number, document in enumerate(documents) for part in ("--vex", lab.file(f"vex{number}.json", document))]
    return gate.verify(BUILT.digest, "--evidence", report, *files, "--profile", "dev", "--max-critical", "0", *flags)


def test_an_applied_statement_annotates_and_does_not_delete(gate: Gate, lab: Lab) -> None:
    """The finding stays in the verdict with the statement that took it out of the count."""
    done = judged(gate, lab, openvex("CVE-2026-1"))
    assert done.code == 0, done.out
    assert (done.outcome["reported"]["critical"], done.outcome["effective"]["critical"]) == (1, 0)
    [finding] = done.outcome["findings"]
    assert finding["vex"]["status"] == "not_affected" and finding["vex"]["counts"] is True
    assert [use["finding"] for use in done.outcome["vex"]["statements_used"]] == [finding["key"]]


def test_an_unmatched_statement_is_reported(gate: Gate, lab: Lab) -> None:
    """A statement about another package or finding changes nothing and is named."""
    done = judged(gate, lab, openvex("CVE-2026-1", product="pkg:pypi/other@1.0"), openvex("CVE-1999-1"))
    assert done.code == 1
    assert len(done.outcome["vex"]["unmatched"]) == 2
    assert "vex.unmatched" in done.out


def test_a_conflict_takes_the_less_favourable(gate: Gate, lab: Lab) -> None:
    """Two statements of equal rank and time that differ: affected holds, and the conflict is named."""
    done = judged(gate, lab, openvex("CVE-2026-1"), openvex("CVE-2026-1", "affected", action_statement="upgrade"))
    assert done.code == 1
    assert len(done.outcome["vex"]["conflicts"]) == 1
    assert "vex.conflicting" in done.out


def test_a_statement_from_the_future_does_not_suppress(gate: Gate, lab: Lab) -> None:
    """Time is evidence too."""
    document = {**openvex("CVE-2026-1"), "timestamp": "2999-01-01T00:00:00Z"}
    done = judged(gate, lab, document)
    assert done.code == 1 and "vex.rejected" in done.out


def test_an_author_who_is_not_listed(gate: Gate, lab: Lab) -> None:
    """With a list of authors, a statement by another one counts for nothing and is named."""
    done = judged(
        gate, lab, openvex("CVE-2026-1", author="stranger@example"), flags=("--param", 'vex_authors=["sec@acme.example"]')
    )
    assert done.code == 1
    assert "stranger@example" in done.outcome["vex"]["rejected"][0]["detail"]


def test_prod_takes_signed_vex_of_a_listed_author(gate: Gate, lab: Lab) -> None:
    """Signed by a trusted key and by a listed author: applied. By an author who is not listed: not."""
    items = [*lab.full(BUILT.digest, findings=[CRITICAL]), lab.bundle(VEX, openvex("CVE-2026-1"), BUILT.digest)]
    subject = lab.layout("app", BUILT, items)
    assert gate.verify(subject, *lab.key).code == 1
    listed = gate.verify(subject, *lab.key, "--param", 'vex_authors=["sec@acme.example"]')
    assert (listed.code, listed.outcome["effective"]["critical"]) == (0, 0)


def waivers(path: Path, **changes: Any) -> Path:
    """A file with one waiver for CVE-2018-7750."""
    values = {
        "id": "W-1",
        "rule": "vulnerabilities.max_critical",
        "term": "CVE-2018-7750",
        "reason": "not reachable",
        "owner": "team-shop",
        "ticket": "SEC-1",
        "expires": SOON,
        **changes,
    }
    lines = "".join(f"    {name}: {value!r}\n" for name, value in values.items() if value is not None)
    path.write_text("schema: gate.waivers/v1\nwaivers:\n  -" + lines[3:])
    return path


def waived(gate: Gate, path: Path, *flags: str) -> Done:
    """The vulnerable sample with one critical finding too many."""
    return gate.verify(VULNERABLE, *KEY, "--max-high", "9", "--waivers", path, *flags)


def test_an_active_waiver(gate: Gate, tmp_path: Path) -> None:
    """It lets the finding pass, and the report says which waiver, whose and until when."""
    done = waived(gate, waivers(tmp_path / "w.yaml"))
    assert done.code == 0, done.out
    assert done.rule("vulnerabilities.max_critical")["state"] == "waived"
    assert "W-1" in done.out and "team-shop" in done.out and SOON[:10] in done.out
    finding = next(finding for finding in done.outcome["findings"] if finding["waiver"])
    assert finding["waiver"] == "W-1" and "CVE-2018-7750" in (finding["id"], *finding["aliases"])


@pytest.mark.parametrize(
    ("changes", "heading", "word"),
    [
        ({"expires": "2026-01-01T00:00:00Z", "created": "2025-12-01T00:00:00Z"}, "expired", "W-1"),
        ({"expires": "2036-01-01T00:00:00Z"}, "invalid", "waiver_max_days"),
        ({"owner": None}, "invalid", "lacks owner"),
        ({"ticket": ""}, "invalid", "lacks ticket"),
        ({"rule": "vulnerabilities.max_critcal"}, "invalid", "unknown rule"),
        ({"rule": "vulnerabilities"}, "invalid", "more than one rule"),
        ({"rule": "*"}, "invalid", "more than one rule"),
        ({"term": "*"}, "invalid", "matched exactly"),
        ({"rule": "vulnerabilities.unreadable"}, "invalid", "cannot be waived"),
        ({"expires": "next year"}, "invalid", "next year"),
        ({"expire": SOON}, "invalid", "unknown key"),
        ({"scope": {"images": ["registry.example/other"]}}, "unused", "W-1"),
        ({"scope": {"image": ["x"]}}, "invalid", "unknown scope"),
        ({"scope": {"images": []}}, "invalid", "no list"),
        ({"term": "CVE-1999-1"}, "unused", "W-1"),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items())[:40] if isinstance(value, dict) else "",
)
def test_a_waiver_that_does_not_hold(gate: Gate, tmp_path: Path, changes: dict[str, Any], heading: str, word: str) -> None:
    """The image stays denied, and the waiver is listed under what is wrong with it."""
    done = waived(gate, waivers(tmp_path / "w.yaml", **changes))
    assert (done.code, done.reasons) == (1, ["vulnerabilities.max_critical"])
    [line] = [line for line in done.out.splitlines() if line.startswith(f"  {heading}:")]
    assert word in line


def test_a_waiver_is_not_for_what_could_not_be_told(gate: Gate, lab: Lab) -> None:
    """The same waiver covers an SBOM that is not there, and none that cannot be read; one for a `no_verdict` rule is invalid."""
    scan = ("--evidence", lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")])))
    flags = (*scan, "--profile", "dev", "--param", "require_sbom=true")
    text = ("--waivers", waivers(lab.folder / "w.yaml", rule="sbom.required", term=None))
    absent = gate.verify(BUILT.digest, *flags, *text)
    assert (absent.code, absent.rule("sbom.required")["state"]) == (0, "waived"), absent.out
    unread = lab.file("sbom.json", {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 7})
    asked = waivers(lab.folder / "never.yaml", id="W-2", rule="evidence.no_collector", term=None)
    done = gate.verify(BUILT.digest, *flags, *text, "--evidence", unread, "--fail-on-fips-issues", "--waivers", asked)
    assert done.code == 3 and {"sbom.required", "evidence.no_collector"} <= {*done.reasons}
    assert done.rule("sbom.required")["state"] == done.rule("evidence.no_collector")["state"] == "no_verdict"
    by_state = {state: [one["id"] for one in done.outcome["waivers"][state]] for state in ("active", "unused", "invalid")}
    assert by_state == {"active": ["W-1"], "unused": ["W-1"], "invalid": ["W-2"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "waivers: []",
        "schema: gate.waivers/v1",
        "schema: gate.waivers/v1\nwaivers: 7",
        "schema: gate.waivers/v1\nwaivers: []\nwaiver: []",
        "schema: gate.waivers/v1\nwaivers: []\nwaivers: []",
        "schema: gate.waivers/v2\nwaivers: []",
        "schema: gate.waivers/v1\nwaivers: [&a [*a]]",
        "schema: gate.waivers/v1\nwaivers: !!python/object/apply:os.system ['true']",
        "[[[[",
        "\0",
    ],
)
def test_a_file_that_is_no_waiver_file(gate: Gate, tmp_path: Path, text: str) -> None:
    """Exit 2 with the file's name, before any subject is looked at."""
    (tmp_path / "w.yaml").write_text(text)
    done = gate("verify", digest("clean"), "--waivers", tmp_path / "w.yaml", "--profile", "dev")
    assert (done.code, done.out) == (2, "")
    assert "w.yaml" in done.err


def test_a_pinned_bundle_refuses_waivers_and_looser_flags(gate: Gate, tmp_path: Path) -> None:
    """Where the pack is pinned by digest, what lies outside may only tighten."""
    import re
    import shutil

    from tests.tools import repository

    pack = tmp_path / "pack"
    shutil.copytree(repository() / "policies", pack)
    shown = gate("policy", "check", "--bundle", pack)
    assert shown.code == 0, shown.err
    [pin] = re.findall(r"sha256:[0-9a-f]{64}", shown.out)
    pinned = ("--bundle", f"{pack}@{pin}")
    subject = (f"oci:{layout('clean')}", *KEY, "--quiet")
    tighter = gate("verify", *subject, *pinned, "--max-high", "0")
    assert tighter.code in (0, 3), tighter.err
    for flags in (["--max-high", "5"], ["--param", "max_unknown=null"], ["--waivers", str(waivers(tmp_path / "w.yaml"))]):
        done = gate("verify", *subject, *pinned, *flags)
        assert done.code == 2, flags
        assert "pinned" in done.err and ("looser" in done.err or "outside" in done.err)
    assert gate("verify", *subject, "--bundle", f"{pack}@sha256:{'0' * 64}").code == 2


def test_attached_noise_from_the_command_line(gate: Gate, lab: Lab) -> None:
    """The report counts it, denials stay denials, and asking to deny on untrusted authors lets nobody block the release."""
    scan = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    body = openvex("CVE-2026-1")
    body["statements"] = [body["statements"][0] | {"@id": f"urn:x:{place}"} for place in range(500)]
    subject = lab.layout("app", BUILT, [lab.bundle(VEX, body, BUILT.digest)])
    done = gate.verify(subject, "--profile", "dev", "--evidence", scan, "--param", "vex_deny_untrusted=true")
    assert done.code == 0, done.out
    assert done.outcome["vex"]["unlisted"] == 400
    assert "400 more problems" in done.message("vex.unlisted")
