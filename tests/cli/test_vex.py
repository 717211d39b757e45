"""`gate vex` from the command line: triage, generate, lint, check, merge, diff, convert."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from gate.cli import command as root
from gate.cli.lock import locked
from gate.errors import StoreError
from gate.model.verdict import Verdict
from tests.e2e.gate import Done, Gate, spawn
from tests.factory import OTHER, finding, outcome, replace, verdict
from tests.samples import digest, evidence, layout

AUTHOR = ("--author", "Acme Security <security@acme.example>")
VULNERABLE = f"oci:{layout('vulnerable')}"
DECISIONS = """\
schema: gate.triage/v1
author: Acme Security <security@acme.example>
reviewer: Jane Doe <jane@acme.example>
decisions:
  - vulnerability: GHSA-232r-66cg-79px
    status: not_affected
    justification: vulnerable_code_not_in_execute_path
    impact: We use the client only; the flaw is in the server.
    review_by: 2099-01-01
  - vulnerability: CVE-2019-10906
    status: affected
"""


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Gate:
    """`gate` in this process, in an empty folder."""
    home = tmp_path / "gate"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    return Gate(home, monkeypatch, capfd)


def stored(folder: Path, *verdicts: Verdict, name: str = "verdict.json") -> str:
    """A report file."""
    from gate.report import renderer
    from gate.report.interface import Report, Style

    path = folder / name
    path.write_bytes(renderer("json")(Report(verdicts=verdicts), Style()))
    return str(path)


def decisions(folder: Path, text: str = DECISIONS) -> str:
    path = folder / "decisions.yaml"
    path.write_text(text)
    return str(path)


def judged(gate: Gate, *flags: str) -> tuple[Done, str]:
    """A verdict on the vulnerable sample, and the file that holds it."""
    done = gate.verify(
        VULNERABLE, "--evidence", evidence("vulnerable", "grype.json"), "--profile", "dev", "--max-critical", "0", *flags
    )
    return done, str(gate.folder / f"report-{gate._number}.json")


def test_from_deny_to_allow_by_triage(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify, decide, verify with what was written: the critical finding is ruled out, and everything is on record."""
    before, report = judged(gate)
    assert before.code == 1
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    done = gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path))
    assert done.code == 0 and "vex/vulnerable.openvex.json  version 1: 2 statements added" in done.out
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    after, second = judged(gate, "--vex", "vex/vulnerable.openvex.json", "--param", "vex_require_signed=false")
    assert after.code == 0, after.out
    assert (after.outcome["reported"]["critical"], after.outcome["effective"]["critical"]) == (1, 0)
    assert gate("vex", "lint", "vex", "--from", second, "--strict").code == 0
    assert gate("vex", "check", "--image-from", second, "vex").code == 0
    made = gate("vex", "generate", "--from", second, *AUTHOR)
    said = {item["vulnerability"]["name"]: item["status"] for item in json.loads(made.out)["statements"]}
    assert len(said) == 11 and said["CVE-2018-7750"] == "not_affected" and said["CVE-2019-10906"] == "affected"
    assert said["CVE-2026-27171"] == "under_investigation"


def test_the_second_triage_appends(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said twice, nothing is changed, and the version rises only when something is added."""
    report = stored(tmp_path, verdict())
    text = "schema: gate.triage/v1\nauthor: a\ndecisions:\n  - {vulnerability: CVE-2020-1747, status: STATUS}\n"
    target = tmp_path / "vex" / "registry.example-app.openvex.json"
    for epoch, status, version, count in ((1, "affected", 1, 1), (2, "affected", 1, 1), (3, "under_investigation", 2, 2)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(epoch))
        done = gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, text.replace("STATUS", status)))
        assert done.code == 0, done.err
        body = json.loads(target.read_bytes())
        assert (body["version"], len(body["statements"])) == (version, count)
    assert (
        gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, text.replace("STATUS", "affected"))).code == 2
    )
    assert json.loads(target.read_bytes()) == body


def test_two_runs_at_one_time_lose_nothing(gate: Gate, tmp_path: Path) -> None:
    """Both wait for the folder, and both decisions are in the document, one version after the other."""
    found = (finding(), finding(key="CVE-2020-2|pkg:pypi/x@1", id="CVE-2020-2", aliases=(), purl="pkg:pypi/x@1", package="x 1"))
    report = stored(tmp_path, verdict(findings=found))
    folder = tmp_path / "vex"
    folder.mkdir()
    text = "schema: gate.triage/v1\nauthor: a\ndecisions:\n  - {vulnerability: NAME, status: under_investigation}\n"
    children = []
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    for name in ("CVE-2020-1747", "CVE-2020-2"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text.replace("NAME", name))
        options = ("--from", report, "--decisions", file, "--output-dir", folder)
        children.append(spawn(gate, "vex", "triage", *options, env={"SOURCE_DATE_EPOCH": ""}))
    time.sleep(1.5)
    assert not list(folder.iterdir())
    os.close(held)
    said = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    body = json.loads((folder / "registry.example-app.openvex.json").read_bytes())
    assert {item["vulnerability"]["name"] for item in body["statements"]} == {"CVE-2020-1747", "CVE-2020-2"}
    assert (body["version"], len(list(folder.iterdir()))) == (2, 1)


def test_a_folder_that_stays_locked_is_an_error(tmp_path: Path) -> None:
    """Nothing is written without the lock."""
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(StoreError, match="another run"), locked(tmp_path / "x", seconds=0.05):
        raise AssertionError
    os.close(held)


def test_the_same_input_gives_the_same_bytes(gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SOURCE_DATE_EPOCH."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    report, file = stored(tmp_path, verdict()), decisions(tmp_path, DECISIONS.replace("GHSA-232r-66cg-79px", "CVE-2020-1747"))
    for name in ("one", "two"):
        assert gate("vex", "triage", "--from", report, "--decisions", file, "--output-dir", name).code == 0
    name = "registry.example-app.openvex.json"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (DECISIONS.replace("    justification: vulnerable_code_not_in_execute_path\n", ""), "without a justification"),
        (DECISIONS.replace("reviewer: Jane Doe <jane@acme.example>\n", ""), "without reviewer"),
        (DECISIONS.replace("status: affected", "status: fixed"), "only a rescan"),
        (DECISIONS.replace("author: Acme Security <security@acme.example>\n", ""), "no author"),
        (DECISIONS.replace("status: affected", "status: affected\n    status: affected"), "stands twice"),
        ("- a\n", "gate.triage/v1"),
        ("{", "YAML"),
    ],
)
def test_bad_decisions_write_nothing(gate: Gate, tmp_path: Path, text: str, what: str) -> None:
    """Exit 2 with the reason; not even the good decisions of the file are written."""
    _, report = judged(gate)
    done = gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, text))
    assert done.code == 2 and what in done.err
    assert not (tmp_path / "vex").exists()


def test_without_terminal_and_decisions_there_is_nobody_to_ask(gate: Gate, tmp_path: Path) -> None:
    """It says how to decide by file."""
    done = gate("vex", "triage", "--from", stored(tmp_path, verdict()), *AUTHOR)
    assert done.code == 2 and "--template" in done.err


def test_the_template_is_a_file_that_decides_nothing(gate: Gate, tmp_path: Path) -> None:
    """It can be given back as it is, but for the author."""
    report = stored(tmp_path, verdict())
    template = gate("vex", "triage", "--from", report, "--template")
    assert '- vulnerability: "CVE-2020-1747"' in template.out and "blocks the release" in template.out
    done = gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, template.out), *AUTHOR)
    assert done.code == 0 and "nothing was decided" in done.out


def asked(report: str, answers: str, *flags: str) -> Any:
    return CliRunner().invoke(root, ["vex", "triage", "--from", report, *AUTHOR, "--ask", *flags], input=answers)


def test_questions_and_answers(gate: Gate, tmp_path: Path) -> None:
    """Not affected asks for the reason, the evidence, the reviewer and the date; affected offers the upgrade."""
    found = (finding(), finding(key="CVE-1|x", id="CVE-1", severity="low", blocks=()))
    done = asked(stored(tmp_path, verdict(findings=found)), "n\n4\nNever called.\nhttps://x.example/1\nJane\n2099-01-01\na\n\n")
    assert done.exit_code == 0, done.output
    one, two = json.loads((tmp_path / "vex" / "registry.example-app.openvex.json").read_bytes())["statements"]
    assert one["justification"] == "vulnerable_code_not_in_execute_path"
    assert one["status_notes"].startswith("Reviewer: Jane\nReview-by: 2099-01-01\nEvidence: https://x.example/1\n")
    assert two["action_statement"] == "Upgrade pyyaml 5.3 to 5.3.1."


@pytest.mark.parametrize("answers", ["a\n\nq\n", "a\n\n", "a\n\nn\n4\n"])
def test_stopping_keeps_what_was_answered(gate: Gate, tmp_path: Path, answers: str) -> None:
    """By q, by the end of input, or in the middle of a question."""
    found = (finding(), finding(key="CVE-1|x", id="CVE-1", severity="low", blocks=()))
    done = asked(stored(tmp_path, verdict(findings=found)), answers)
    assert done.exit_code == 0, done.output
    [only] = json.loads((tmp_path / "vex" / "registry.example-app.openvex.json").read_bytes())["statements"]
    assert only["status"] == "affected"


def test_what_a_scanner_wrote_cannot_paint_the_terminal(gate: Gate, tmp_path: Path) -> None:
    """Control characters in names are shown as what they are."""
    found = finding(package="evil\x1b[2J\r\n 1", url="https://x.example/\x07")
    report = stored(tmp_path, verdict(findings=(found,)))
    for text in (asked(report, "q\n").output, gate("vex", "triage", "--from", report, "--template").out):
        assert "\x1b" not in text and "\x07" not in text


def test_platforms_of_an_index_share_a_document(gate: Gate, tmp_path: Path) -> None:
    """One file for the name, with a statement for each platform's digest."""
    arm = replace(outcome().subject, digest=OTHER)
    report = stored(tmp_path, verdict(), verdict(subject=arm))
    text = "schema: gate.triage/v1\nauthor: a\ndecisions:\n  - {vulnerability: CVE-2020-1747, status: affected}\n"
    assert gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, text)).code == 0
    body = json.loads((tmp_path / "vex" / "registry.example-app.openvex.json").read_bytes())
    assert len(body["statements"]) == 2 and body["version"] == 1


def test_somebody_elses_document_is_not_continued(gate: Gate, tmp_path: Path) -> None:
    """Nor one about another image under the same file name."""
    report = stored(tmp_path, verdict())
    text = "schema: gate.triage/v1\nauthor: AUTHOR\ndecisions:\n  - {vulnerability: CVE-2020-1747, status: affected}\n"
    assert gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, text.replace("AUTHOR", "a"))).code == 0
    done = gate("vex", "triage", "--from", report, "--decisions", decisions(tmp_path, text.replace("AUTHOR", "b")))
    assert done.code == 2 and "not by 'b'" in done.err
    named = replace(outcome().subject, name="registry.example-app")
    other = stored(tmp_path, verdict(subject=named), name="other.json")
    done = gate("vex", "triage", "--from", other, "--decisions", decisions(tmp_path, text.replace("AUTHOR", "a")))
    assert done.code == 2 and "another image" in done.err


def test_a_rescan_makes_fixed(gate: Gate, tmp_path: Path) -> None:
    """Only with an earlier verdict that this one is a rescan of; a verdict against itself is none."""
    report = stored(tmp_path, verdict())
    done = gate("vex", "generate", "--from", report, "--previous", report, *AUTHOR)
    assert done.code == 2 and "no rescan" in done.err


def test_generate_writes_a_file(gate: Gate, tmp_path: Path) -> None:
    """Atomically, where it is told to; standard output stays empty."""
    done = gate("vex", "generate", "--from", stored(tmp_path, verdict()), *AUTHOR, "--output", tmp_path / "out.json")
    assert done.code == 0 and done.out == "" and json.loads((tmp_path / "out.json").read_bytes())["version"] == 1


def test_generate_proposes_what_is_not_in_the_image(gate: Gate, tmp_path: Path) -> None:
    """From a real scan nothing: all is there. A place that is not there gives a proposal, and no other status."""
    from gate.cli.render import load

    scanned = tmp_path / "scanned.json"
    options = ("--evidence", evidence("vulnerable", "grype.json"), "--profile", "dev", "--quiet")
    gate("verify", VULNERABLE, *options, "--output", f"json={scanned}")
    gate.patch.setenv("SOURCE_DATE_EPOCH", "4102444800")  # the two runs may fall into two seconds
    plain = gate("vex", "generate", "--from", scanned, *AUTHOR)
    real = gate("vex", "generate", "--from", scanned, *AUTHOR, "--inspect", VULNERABLE, "--offline")
    assert real.code == 0 and real.out == plain.out, real.err

    [one] = load(str(scanned), None).verdicts
    assert all(item.locations for item in one.outcome.findings), "grype says where packages are"
    moved = [replace(item, locations=("/gone/zlib",)) if item.id == "CVE-2026-27171" else item for item in one.outcome.findings]
    changed = stored(tmp_path, verdict(subject=one.outcome.subject, findings=tuple(moved)))
    made = gate("vex", "generate", "--from", changed, *AUTHOR, "--inspect", VULNERABLE, "--offline")
    noted = [item for item in json.loads(made.out)["statements"] if "component_not_present" in item.get("status_notes", "")]
    assert [(item["vulnerability"]["name"], item["status"]) for item in noted] == [("CVE-2026-27171", "under_investigation")]
    assert "/gone/zlib is in no layer" in noted[0]["status_notes"]


def test_generate_inspects_the_image_of_the_verdict_only(gate: Gate, tmp_path: Path) -> None:
    """The files of another image say nothing; a verdict that does not know where packages are is told of."""
    report = stored(tmp_path, verdict())
    done = gate("vex", "generate", "--from", report, *AUTHOR, "--inspect", VULNERABLE)
    assert done.code == 2 and done.out == "" and "no verdict is about" in done.err
    subject = replace(verdict().outcome.subject, digest=digest("vulnerable"))
    own = stored(tmp_path, verdict(subject=subject), name="own.json")
    done = gate("vex", "generate", "--from", own, *AUTHOR, "--inspect", VULNERABLE)
    assert done.code == 0 and "do not say where their package is" in done.err and "component_not_present" not in done.out


def document(folder: Path, name: str, *statements: dict[str, Any]) -> str:
    from tests.vex.test_lint import body

    path = folder / name
    path.write_text(json.dumps(body(*statements)))
    return str(path)


def test_lint_exits_1_on_errors_and_strictly_on_warnings(gate: Gate, tmp_path: Path) -> None:
    """Readers that differ are a warning; what binds nothing in the verdict's image is an error."""
    from tests.vex.test_lint import statement

    report = stored(tmp_path, verdict())
    turned = document(tmp_path, "turned.json", statement("affected"), statement(at="2026-11-02T00:00:00Z"))
    assert gate("vex", "lint", turned).code == 0
    done = gate("vex", "lint", turned, "--strict", "--format", "json")
    assert done.code == 1 and [item["code"] for item in json.loads(done.out)] == ["readers_differ"]
    idle = document(tmp_path, "idle.json", statement(product="pkg:pypi/pyyaml@9"))
    assert gate("vex", "lint", idle).code == 0
    assert gate("vex", "lint", idle, "--from", report).code == 1


def test_check_exits_1_when_a_statement_binds_nothing(gate: Gate, tmp_path: Path) -> None:
    """And names it."""
    from tests.vex.test_lint import statement

    report = stored(tmp_path, verdict())
    idle = document(tmp_path, "idle.json", statement(product="pkg:pypi/pyyaml@9"))
    done = gate("vex", "check", "--image-from", report, idle)
    assert done.code == 1 and "1 statements bind nothing" in done.out
    done = gate("vex", "check", "--image-from", report, idle, "--format", "json")
    assert json.loads(done.out)[0]["statements"][0]["binds"] == []


def test_merge_diff_and_convert(gate: Gate, tmp_path: Path) -> None:
    """What is lost is said on standard error; a difference exits 1."""
    from tests.vex.test_lint import statement

    old = document(tmp_path, "old.json", statement("affected"), statement(at="2026-11-02T00:00:00Z"))
    merged = gate("vex", "merge", "--current", old, "--output", tmp_path / "now.json")
    assert merged.code == 0 and "lost: statement: replaced by a later one" in merged.err
    assert gate("vex", "diff", old, tmp_path / "now.json").code == 0
    new = document(tmp_path, "new.json", statement("fixed"))
    assert "not_affected vulnerable_code_not_present → fixed" in gate("vex", "diff", old, new).out
    for form, word in (("openvex", "openvex.dev"), ("cyclonedx", "CycloneDX"), ("csaf", "csaf_vex")):
        done = gate("vex", "convert", "--to", form, "--namespace", "https://acme.example", old)
        assert done.code == 0 and word in done.out
    assert gate("vex", "convert", "--to", "csaf", old).code == 2


@pytest.mark.parametrize("words", [("lint",), ("merge",), ("check", "--image-from", "REPORT")])
def test_what_is_no_vex_is_refused(gate: Gate, tmp_path: Path, words: tuple[str, ...]) -> None:
    """By name, with exit code 3."""
    report = stored(tmp_path, verdict())
    sbom = evidence("clean", "sbom.cdx.json")
    done = gate("vex", *(report if word == "REPORT" else word for word in words), sbom)
    assert done.code == 3 and "no VEX in it" in done.err


def test_a_changed_verdict_is_refused(gate: Gate, tmp_path: Path) -> None:
    """VEX from a verdict that nobody gave would bind what nobody decided."""
    path = Path(stored(tmp_path, verdict()))
    body = json.loads(path.read_bytes())
    body["verdicts"][0]["outcome"]["findings"] = []
    path.write_bytes(msgspec.json.encode(body))
    assert gate("vex", "generate", "--from", path, *AUTHOR).code == 2


def test_waivers_and_vex_are_not_turned_into_each_other(gate: Gate) -> None:
    """A waiver accepts a risk, VEX states a fact: no command makes one of the other."""
    for command in (("vex", "from-waivers"), ("waivers", "from-vex"), ("vex", "convert", "x", "--to", "waivers")):
        assert gate(*command).code == 2


def test_an_sbom_for_vex_check_has_to_be_one_of_this_image(gate: Gate, tmp_path: Path) -> None:
    """Another image's SBOM, no SBOM at all, or one without a verdict to go with it is refused and never ignored."""
    report = stored(tmp_path, verdict())
    said = tmp_path / "said.json"
    made = gate("vex", "generate", "--from", report, *AUTHOR)
    said.write_text(made.out)
    other = tmp_path / "other.json"
    root = {"type": "container", "name": "x", "version": OTHER, "bom-ref": "r"}
    other.write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root}, "components": []})
    )
    for option in ("--sbom", "--evidence"):
        done = gate("vex", "check", "--image-from", report, option, other, said)
        assert (done.code, "another image" in done.err) == (2, True), done.err
    assert gate("vex", "check", "--image-from", report, "--sbom", said, said).code == 2
    done = gate("vex", "lint", "--sbom", other, said)
    assert (done.code, "--from" in done.err) == (2, True)
    own = tmp_path / "own.json"
    own.write_text(other.read_text().replace(OTHER, verdict().outcome.subject.digest))
    done = gate("vex", "check", "--image-from", report, "--sbom", own, said)
    assert (done.code, "reached without it" in done.err) == (0, True), done.err
