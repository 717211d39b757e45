"""Real summaries: those that SLSA's source track signs keylessly for commits."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest

from gate.attest.vsa import verify_vsa
from gate.errors import EvidenceInvalid
from gate.trust.entry import IdentityRule, Trust, TrustEntry
from gate.trust.root import load_trusted_root

CORPUS = Path(os.environ.get("GATE_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
NOTES = CORPUS / "signatures/source-track/go-vex"
ROOT = CORPUS / "signatures/trusted-roots/prod/trusted_root.json"
needs_corpus = pytest.mark.skipif(not NOTES.is_dir(), reason=f"no corpus folder (GATE_CORPUS): {NOTES} is absent")
SIGNER = r"https://github\.com/slsa-framework/source-actions/\.github/workflows/compute_slsa_source\.yml@.*"


@needs_corpus
@pytest.mark.parametrize("identity", [SIGNER, "https://github.com/somebody/else"])
def test_a_real_summary_is_verified_and_then_not_about_an_image(identity: str) -> None:
    """With its signer trusted it passes signature and type and fails on the subject, a commit; else on the signature."""
    rule = IdentityRule(identity=identity, issuer="https://token.actions.githubusercontent.com", regexp=True)
    entry = TrustEntry(name="source", roles=("vsa",), identities=(rule,), roots=load_trusted_root(ROOT.read_bytes()))
    seen = 0
    for notes in sorted(NOTES.glob("*.jsonl"))[:3]:
        provenance, summary = notes.read_bytes().splitlines()[:2]
        for data, check in ((summary, "subject digest"), (provenance, "predicate type")):
            with pytest.raises(EvidenceInvalid) as caught:
                verify_vsa(
                    data,
                    trust=Trust(entries=(entry,)),
                    verifier_id="https://github.com/slsa-framework/source-actions",
                    resource_uri="git+https://github.com/openvex/go-vex",
                    subject_digest="sha256:" + "0" * 64,
                    policy_digest="sha256:" + "0" * 64,
                    max_age_s=10**9,
                    now=datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC),
                )
            assert f"check of its {check if identity == SIGNER else 'signature'}:" in caught.value.what
            seen += 1
    assert seen == 6
