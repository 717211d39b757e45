"""What `gate vex` writes, under the real grype and trivy: both suppress what the gate says, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_vex import AUTHOR, VULNERABLE
from tests.e2e.gate import AGES, Done, Gate
from tests.fakes.registry import FakeRegistry
from tests.samples import digest, evidence, grype_db
from tests.tools import tool
from tests.vex import trivydb

TRIAGE = """\
schema: gate.triage/v1
author: Acme Security <security@acme.example>
reviewer: Jane Doe <jane@acme.example>
decisions:
  - {vulnerability: CVE-2018-7750, status: not_affected, justification: vulnerable_code_not_in_execute_path}
  - {vulnerability: CVE-2026-27171, status: not_affected, justification: vulnerable_code_not_present}
  - {vulnerability: CVE-2019-10906, status: affected}
"""


class Bench:
    """The vulnerable sample in a registry, with a verdict on it and databases for both scanners."""

    def __init__(self, gate: Gate, folder: Path, host: str) -> None:
        self.gate, self.folder = gate, folder
        self.cache = trivydb.build(folder / "trivy")
        self.image = f"{host}/team/app:1"
        assert gate("copy", "--image-only", "--plain-http", "--quiet", VULNERABLE, self.image).code == 0
        self.report = self.verify("report.json")

    def verify(self, name: str, *flags: str, subject: str = "") -> str:
        path = str(self.folder / name)
        scan = ("--evidence", str(evidence("vulnerable", "grype.json")))
        self.gate("verify", subject or self.image, "--plain-http", *scan, *flags, *AGES, "--quiet", "--output", f"json={path}")
        return path

    def triage(self, text: str = TRIAGE, *flags: str, report: str = "") -> str:
        (self.folder / "decisions.yaml").write_text(text)
        target = str(self.folder / "app.openvex.json")
        done = self.gate(
            "vex",
            "triage",
            "--from",
            report or self.report,
            "--decisions",
            self.folder / "decisions.yaml",
            "--output",
            target,
            *flags,
        )
        assert done.code == 0, done.err
        return target

    def check(self, *files: str, report: str = "", target: str = "") -> Done:
        return self.gate(
            "vex", "check", "--image-from", report or self.report, "--with", "grype", "--with", "trivy", "--grype-db", grype_db(),
            "--trivy-cache", self.cache, "--plain-http", "--format", "json", *(("--target", target) if target else ()), *files,
        )  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    """Skips, by name, without the scanners."""
    folders = {tool(name).parent for name in ("grype", "trivy")}
    home = tmp_path / "gate"
    home.mkdir()
    gate = Gate(home, monkeypatch, capfd)
    monkeypatch.setenv("PATH", ":".join(map(str, folders)), prepend=":")
    with FakeRegistry() as registry:
        yield Bench(gate, tmp_path, registry.host)


def effects(done: Done) -> dict[str, tuple[str, str, str]]:
    """Gate, grype and trivy, by vulnerability."""
    return {
        row["finding"].partition("|")[0]: (row["gate"], row["tools"]["grype"], row["tools"]["trivy"])
        for row in json.loads(done.out)[0]["findings"]
    }


ALL = ("suppressed", "suppressed", "suppressed")
NONE = ("kept", "kept", "kept")


def test_both_scanners_suppress_what_triage_ruled_out(bench: Bench) -> None:
    """A Python package that grype knows by its GHSA id, and a Debian package whose epoch the two write differently."""
    done = bench.check(bench.triage())
    assert done.code == 0, done.out + done.err
    found = effects(done)
    assert len(found) == 11
    assert {name for name, effect in found.items() if effect == ALL} == {"CVE-2018-7750", "CVE-2026-27171"}
    assert {effect for name, effect in found.items() if name not in ("CVE-2018-7750", "CVE-2026-27171")} == {NONE}


def test_both_scanners_suppress_what_generate_repeats(bench: Bench) -> None:
    """The whole document for the image, after a verdict that accepted the triage."""
    second = bench.verify("second.json", "--vex", bench.triage(), "--param", "vex_require_signed=false")
    target = str(bench.folder / "generated.json")
    assert bench.gate("vex", "generate", "--from", second, *AUTHOR, "--output", target).code == 0
    done = bench.check(target)
    assert done.code == 0, done.out + done.err
    assert [effects(done)[name] for name in ("CVE-2018-7750", "CVE-2026-27171", "CVE-2019-10906")] == [ALL, ALL, NONE]


def test_scanners_differ_on_a_reversal_until_it_is_merged(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """grype takes the oldest statement, trivy the newest: lint warns, check proves it, `merge --current` ends it."""
    text = "schema: gate.triage/v1\nauthor: a\nreviewer: b\ndecisions:\n  - {vulnerability: CVE-2018-7750, WHAT}\n"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    bench.triage(text.replace("WHAT", "status: under_investigation"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000100")
    target = bench.triage(text.replace("WHAT", "status: not_affected, justification: vulnerable_code_not_present"))
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert "readers_differ" in bench.gate("vex", "lint", target).out
    done = bench.check(target)
    assert done.code == 1 and effects(done)["CVE-2018-7750"] == ("suppressed", "kept", "suppressed")
    assert bench.gate("vex", "merge", "--current", target, "--output", bench.folder / "now.json").code == 0
    done = bench.check(str(bench.folder / "now.json"))
    assert done.code == 0 and effects(done)["CVE-2018-7750"] == ALL


def test_a_layout_is_known_by_its_packages_only(bench: Bench) -> None:
    """Scanners know no digest of it: what is bound to the digest does nothing there, what is bound to the package does."""
    report = bench.verify("layout.json", subject=VULNERABLE)
    bound = bench.check(bench.triage(report=report), report=report)
    assert bound.code == 1 and effects(bound)["CVE-2018-7750"] == ("suppressed", "kept", "kept")
    (bench.folder / "app.openvex.json").unlink()
    loose = bench.check(bench.triage(TRIAGE, "--scope", "package", report=report), report=report)
    assert loose.code == 0 and effects(loose)["CVE-2018-7750"] == ALL


def test_a_statement_about_another_digest_binds_nowhere(bench: Bench) -> None:
    """Neither here nor in the scanners."""
    path = Path(bench.triage())
    path.write_bytes(path.read_bytes().replace(digest("vulnerable").encode(), b"sha256:" + b"0" * 64))
    path.write_bytes(path.read_bytes().replace(digest("vulnerable").partition(":")[2].encode(), b"0" * 64))
    done = bench.check(str(path))
    assert done.code == 1 and set(effects(done).values()) == {NONE}


def test_a_scanner_that_sees_nothing_proves_nothing(bench: Bench) -> None:
    """Without findings there is nothing to suppress; that is no agreement."""
    import shutil

    shutil.rmtree(bench.cache / "db")
    done = bench.check(bench.triage())
    assert done.code == 3 and "trivy" in done.err
