"""govulncheck beside and instead of a scan: its findings count, and alone it is never enough."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.gate import Gate
from tests.e2e.lab import SCAN, Lab, grype
from tests.evidence.vulnerabilities.test_govulncheck import RUN, stream
from tests.factory import OTHER
from tests.fakes import images

BUILT = images.image()
ASSERTED = ("--profile", "dev")


@pytest.mark.parametrize("messages", [RUN[:3], RUN], ids=["clean", "findings"])
@pytest.mark.parametrize("required", ["true", "false"])
def test_alone_it_is_never_an_allow(gate: Gate, lab: Lab, messages: tuple[Any, ...], required: str) -> None:
    """With require_scan a scan is missing; without it, a limit on findings has no scan to count in."""
    given = lab.file("go.json", stream(*messages))
    options = (*ASSERTED, "--param", f"require_scan={required}", "--param", "max_unknown=100", "--evidence", given)
    done = gate.verify(BUILT.digest, *options, ages=())
    expected = (1, "vulnerabilities.required") if required == "true" else (3, "gate.limit_without_scan")
    assert done.code == expected[0], done.out + done.err
    assert expected[1] in done.reasons


def test_beside_a_scan_its_findings_count(gate: Gate, lab: Lab) -> None:
    """What it alone reports is over a limit; one that is signed is read out of its attestation."""
    whole = lab.file("grype.json", json.dumps(grype(BUILT.digest, findings=[("CVE-2026-1", "Low")])).encode())
    given = lab.file("go.json", stream(*RUN))
    options = (*ASSERTED, "--evidence", whole, "--evidence", given)
    assert gate.verify(BUILT.digest, *options, "--param", "max_unknown=2").code == 0
    done = gate.verify(BUILT.digest, *options, "--param", "max_unknown=1")
    assert (done.code, done.reasons) == (1, ["vulnerabilities.max_unknown"])
    attested = lab.bundle(SCAN, {"scanner": {"result": list(RUN)}}, BUILT.digest)
    alone = gate.verify(lab.layout("app", BUILT, [attested]), *lab.key, *ASSERTED, "--param", "require_scan=true")
    assert "vulnerabilities.required" in alone.reasons
    assert len(alone.outcome["findings"]) == 2


def test_not_called_is_proposed_and_not_applied(gate: Gate, lab: Lab) -> None:
    """Grype's finding under another alias gets a draft from the run signed for this image, none from another's."""
    body = grype(BUILT.digest, findings=[("CVE-2020-14040", "High")], name="x")
    body["matches"][0]["artifact"] |= {"name": "golang.org/x/text", "version": "v0.3.5", "type": "go-module"}
    body["matches"][0]["artifact"]["purl"] = "pkg:golang/golang.org/x/text@v0.3.5"
    whole = lab.file("grype.json", json.dumps(body).encode())
    for digest, drafts in ((BUILT.digest, 1), (OTHER, 0)):
        attested = lab.bundle(SCAN, {"scanner": {"result": list(RUN)}}, digest)
        subject = lab.layout(f"app{drafts}", BUILT, [attested])
        done = gate.verify(subject, *lab.key, *ASSERTED, "--evidence", whole, "--param", "max_high=0")
        assert "vulnerabilities.max_high" in done.reasons
        made = gate("vex", "generate", "--from", lab.file("report.json", json.dumps(done.report).encode()), "--author", "Acme")
        [item] = [item for item in json.loads(made.out)["statements"] if item["vulnerability"]["name"] == "CVE-2020-14040"]
        assert item["status"] == "affected"
        assert item.get("status_notes", "").count("Proposal: not_affected vulnerable_code_not_in_execute_path") == drafts
