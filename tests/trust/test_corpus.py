"""Real signatures: what GitHub, Google, cosign and others made, and what the gate says about them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gate.errors import EvidenceInvalid
from gate.trust.entry import Trust, TrustEntry
from gate.trust.envelope import describe_signer, split_jsonl
from gate.trust.keys import load_public_key
from gate.trust.merkle import leaf_hash, root_from_proof
from tests.conformance.client import SIGNATURES
from tests.samples import layout as sample_layout
from tests.samples import public_key as sample_key
from tests.trust.corpus import layers, needs_corpus, trust
from tests.trust.helpers import opened, reason

GENERATOR = (
    r"https://github\.com/slsa-framework/slsa-github-generator/\.github/workflows/generator_container_slsa3\.yml@refs/tags/"
)
SOURCE = r"https://github\.com/slsa-framework/source-actions/\.github/workflows/compute_slsa_source\.yml@refs/heads/main"


def _attestation(version: str) -> tuple[dict[str, Any], bytes]:
    layout = SIGNATURES / "slsa-verifier" / "gha_generic_container" / version / "container_workflow_dispatch"
    ((descriptor, data),) = layers(layout, "dev.cosignproject.cosign/atts")
    return descriptor, data


@needs_corpus
@pytest.mark.parametrize(
    ("version", "subject", "time", "source"),
    [
        ("v1.4.0", "a74d89d8dd863ca5dae4a29e0feede81ddf59197849a80784af5a02ab7786925", "2023-01-11T16:52:57Z", "904e2c3e"),
        ("v2.1.0", "234e2c830c2fb31ac5671789d22adfe44d30c3ee831d01beae5e237841a13122", "2025-02-25T21:58:07Z", "4d329c75"),
    ],
)
def test_real_provenance_of_real_layouts(version: str, subject: str, time: str, source: str) -> None:
    """The legacy attestations of slsa-github-generator verify, with subject, time and claims (intoto 0.0.1, dsse 0.0.1)."""
    descriptor, data = _attestation(version)
    arguments = {"annotations": descriptor["annotations"], "media_type": descriptor["mediaType"]}
    envelope = opened(data, trust(GENERATOR + version.replace(".", r"\.")), **arguments)
    assert envelope.verification.state == "verified", envelope.verification.reason
    assert envelope.verification.timestamp == time
    assert envelope.verification.claims["github_workflow_sha"].startswith(source)
    assert envelope.statement is not None
    assert envelope.statement.predicate_type == "https://slsa.dev/provenance/v0.2"
    assert envelope.statement.is_about(f"sha256:{subject}")
    assert "identity" in reason(data, trust(GENERATOR + "v9"), **arguments)
    other = _attestation("v1.4.0" if version == "v2.1.0" else "v2.1.0")[0]["annotations"]
    changed = {**descriptor["annotations"], "dev.sigstore.cosign/bundle": other["dev.sigstore.cosign/bundle"]}
    assert "not about this signature" in reason(data, trust(".*"), annotations=changed, media_type=descriptor["mediaType"])


@needs_corpus
def test_new_claims_come_by_name() -> None:
    """Certificates since 2023 say where the source is and who built it."""
    descriptor, data = _attestation("v2.1.0")
    claims = opened(
        data, trust(".*"), annotations=descriptor["annotations"], media_type=descriptor["mediaType"]
    ).verification.claims
    assert claims["source_repository_uri"] == "https://github.com/slsa-framework/example-package"
    assert claims["source_repository_digest"] == "4d329c75e7ec1725f7c9ce917a8799d408d06be3"
    assert claims["source_repository_ref"] == "refs/heads/main"
    assert claims["runner_environment"] == "github-hosted"
    assert claims["build_signer_uri"].endswith("@refs/tags/v2.1.0")
    assert claims["source_repository_visibility_at_signing"] == "public"
    assert len(claims) == 20


@needs_corpus
def test_source_track_notes() -> None:
    """All source verification summaries and provenances in git notes verify and name their commit."""
    seen = 0
    for path in sorted((SIGNATURES / "source-track" / "go-vex").glob("*.jsonl")):
        for line in split_jsonl(path.read_bytes()):
            envelope = opened(line, trust(SOURCE))
            assert envelope.verification.state == "verified", (path.name, envelope.verification.reason)
            assert envelope.statement is not None
            assert {subject.digest.get("gitCommit") for subject in envelope.statement.subjects} == {path.stem}
            seen += 1
    assert seen == 40


@needs_corpus
@pytest.mark.parametrize(
    ("path", "issuer", "form", "checks"),
    [
        ("cosign/pkg/cosign/testdata/oci-attestation.sigstore.json", "https://github.com/login/oauth", "bundle", set()),
        ("sigstore-rs/tests/data/bundle_v03.json", "https://token.actions.githubusercontent.com", "bundle", {"timestamp"}),
        (
            "sigstore-rust/crates/sigstore-bundle/tests/fixtures/happy-path.json",
            "https://token.actions.githubusercontent.com",
            "bundle",
            set(),
        ),
    ],
)
def test_bundles_of_other_tools(path: str, issuer: str, form: str, checks: set[str]) -> None:
    """Bundles by cosign (with a v0.1 statement), and those in two Rust libraries, verify under production."""
    envelope = opened((SIGNATURES / path).read_bytes(), trust(".*", issuer))
    assert envelope.form == form
    assert envelope.verification.state == "verified", envelope.verification.reason
    assert checks <= set(envelope.verification.checks)
    assert envelope.statement is not None


@needs_corpus
@pytest.mark.parametrize(
    ("name", "words"),
    [("bundle_v3.json", "not in the trusted root"), ("bundle_v3_jdx_communique.json", "0 logs")],
)
def test_bundles_of_other_instances_fail_under_production(name: str, words: str) -> None:
    """A bundle of staging, and GitHub's own without a log, fail and say why; nothing about them selects another root."""
    data = (SIGNATURES / "sigstore-rust" / "crates" / "sigstore-bundle" / "tests" / "fixtures" / name).read_bytes()
    assert words in reason(data, trust(".*"))
    assert reason(data, trust(".*", require_log=False, require_sct=False)).startswith("corpus: time:")
    assert describe_signer(data, {}) is not None


def _gcb(name: str) -> list[bytes]:
    document = json.loads(
        (SIGNATURES / "slsa-verifier" / "gcb_container" / "v0.3" / f"gcloud-container-{name}.json").read_bytes()
    )
    return [json.dumps(item["envelope"]).encode() for item in document["provenance_summary"]["provenance"]]


def _gcb_trust() -> Trust:
    folder = SIGNATURES / "slsa-verifier" / "gcb-keys" / "materials"
    keys = tuple(load_public_key(path.read_bytes()) for path in sorted(folder.glob("*.key")))
    assert len(keys) == 22
    return Trust((TrustEntry(name="gcb", roles=("provenance",), keys=keys),))


@needs_corpus
def test_google_cloud_build_provenance_by_key() -> None:
    """DSSE with URL-safe base64, verified by Google's published keys."""
    (data,) = _gcb("github-tag")
    envelope = opened(data, _gcb_trust())
    assert envelope.verification.state == "verified"
    assert envelope.verification.roles == ("provenance",)
    assert envelope.statement is not None
    digest = (SIGNATURES / "slsa-verifier" / "gcb_container" / "v0.3" / "gcloud-container-github-tag.digest").read_text().strip()
    assert envelope.statement.is_about(digest if digest.startswith("sha256:") else f"sha256:{digest}")


@needs_corpus
@pytest.mark.parametrize(
    "name", ["github", "gcs", "mismatch-payload-digest", "mismatch-payload-builderid", "multiple-invalid-signatures"]
)
def test_signatures_over_the_bare_payload_are_not_dsse(name: str) -> None:
    """Google's older regional keys signed the payload without its pre-authentication encoding: refused, as are altered copies."""
    for data in _gcb(name):
        assert "signature" in reason(data, _gcb_trust())


@needs_corpus
@pytest.mark.parametrize("name", ["empty-signature", "invalid-signature-encoding"])
def test_broken_google_envelopes_are_malformed(name: str) -> None:
    """An empty or undecodable signature."""
    for data in _gcb(name):
        with pytest.raises(EvidenceInvalid):
            opened(data, _gcb_trust())


VECTORS = SIGNATURES / "sigstore-rust" / "crates" / "sigstore-merkle" / "test-data" / "merkle" / "testdata" / "inclusion"


@needs_corpus
def test_public_inclusion_vectors() -> None:
    """Every inclusion vector of transparency-dev/merkle comes out as it says."""
    paths = sorted(VECTORS.rglob("*.json"))
    assert len(paths) > 90
    for path in paths:
        vector = json.loads(path.read_bytes())
        proof = [base64.b64decode(item) for item in vector["proof"] or []]
        root = root_from_proof(vector["leafIdx"], vector["treeSize"], base64.b64decode(vector["leafHash"] or ""), proof)
        good = root is not None and root == base64.b64decode(vector["root"] or "")
        assert good != vector["wantErr"], path.relative_to(VECTORS)


def test_a_leaf_is_hashed_apart_from_nodes() -> None:
    """RFC 6962 2.1: the empty leaf."""
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def _sample_attachments(name: str) -> list[tuple[dict[str, Any], bytes]]:
    wanted = ("sigstore.bundle", "dsse.envelope", "simplesigning")
    layout: Path = sample_layout(name)
    return [(layer, data) for layer, data in layers(layout) if any(word in layer["mediaType"] for word in wanted)]


@pytest.mark.parametrize(
    ("name", "forms"), [("clean", {"bundle"}), ("multi", {"bundle"}), ("legacy", {"dsse", "simple-signing"})]
)
def test_what_cosign_signed_verifies_by_key(name: str, forms: set[str]) -> None:
    """Bundles and legacy layers that a real cosign put on the sample images verify by its public key, and by no other."""
    trusted = Trust((TrustEntry(name="sample", roles=("*",), keys=(load_public_key(sample_key().read_bytes()),)),))
    seen = set()
    for layer, data in _sample_attachments(name):
        arguments = {"annotations": layer.get("annotations", {}), "media_type": layer["mediaType"]}
        envelope = opened(data, trusted, **arguments)
        assert envelope.verification.state == "verified", envelope.verification.reason
        assert "trusts identities" in reason(data, trust(".*") if SIGNATURES.is_dir() else _nobody(), **arguments)
        seen.add(envelope.form)
    assert seen == forms


def _nobody() -> Trust:
    from tests.trust.simulator import Sigstore

    return Sigstore().trust()
