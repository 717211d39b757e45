"""The table of other commands' exit codes in docs/exit-codes.md, cell by cell where a short run shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.__main__ import run
from tests import samples
from tests.tools import repository

DIGEST = f"sha256:{'0' * 64}"
DEMANDS = ("--key", str(samples.public_key()), "--digest", DIGEST, "--policy-digest", DIGEST, "--max-age", "1")
VSA = ("verify-vsa", *DEMANDS, "--verifier-id", "https://a.example", "--resource-uri", "oci://a.example/b")
PACK = ("policy", "impact", "--bundle", str(repository() / "policies"))
READ = ("evidence", "read", str(samples.evidence("clean", "grype.json")))

CASES = {
    "verify-vsa: no summary": ((*VSA, str(samples.evidence("clean", "grype.json"))), 1),
    "verify-vsa: no such path": ((*VSA, "nosuch.json"), 2),
    "verify-vsa: a demand is missing": ((*VSA[:-2], "nosuch.json"), 2),
    "report: no such verdict": (("report", "--from", DIGEST), 2),
    "replay: no such verdict": (("replay", DIGEST), 2),
    "input show: no such verdict": (("input", "show", DIGEST), 2),
    "policy impact: nothing stored": (PACK, 2),
    "evidence read: all were read": (READ, 0),
    "evidence read: one was not": ((*READ, str(samples.evidence("clean", "sbom.syft.json"))), 3),
    "evidence read: no such file": (("evidence", "read", "nosuch.json"), 2),
    "verify: no such layout": (("verify", "oci:nosuch"), 2),
    "verify: prod has no exit-zero": (("verify", f"oci:{samples.layout('clean')}", "--offline", "--exit-zero"), 2),
}


@pytest.mark.parametrize("case", CASES)
def test_exit_codes_of_other_commands(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each ends as the page says, with a message and without a traceback."""
    arguments, expected = CASES[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATE_STORE", str(tmp_path))
    code = run(list(arguments))
    out, err = capfd.readouterr()
    assert code == expected, out + err
    assert "Traceback" not in err
    assert err.startswith("error: ") or expected in (0, 3)
