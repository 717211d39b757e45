"""Checking a summary: every demand is met or named."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from gate.attest.vsa import VsaResult, verify_vsa
from gate.errors import EvidenceError, EvidenceInvalid, UsageError
from gate.sign import bundle, keyfile
from gate.sign.signer import LocalSigner
from gate.trust.entry import Trust
from tests.attest.verdicts import DIGEST, POLICY, RESOURCE, SIGNER, VERIFIER, allowed, make, trust
from tests.factory import OTHER
from tests.tools import repository, tool

MADE = allowed()
STATEMENT: dict[str, Any] = json.loads(make(MADE))
NOW = datetime.datetime(2026, 11, 23, 12, 0, 30, tzinfo=datetime.UTC)
DEMANDS: dict[str, Any] = {
    "trust": trust(),
    "verifier_id": VERIFIER,
    "resource_uri": RESOURCE,
    "subject_digest": DIGEST,
    "policy_digest": MADE.outcome.digests.policy,
    "max_age_s": 3600,
    "now": NOW,
}


def sign(document: object, signer: LocalSigner = SIGNER) -> bytes:
    return bundle.write_dsse(json.dumps(document).encode(), bundle.INTOTO_PAYLOAD_TYPE, signer)


def with_predicate(**changes: Any) -> bytes:
    """The good summary with members of its predicate changed, or removed where the value is `...`, signed again."""
    predicate = {name: value for name, value in (STATEMENT["predicate"] | changes).items() if value is not ...}
    return sign(STATEMENT | {"predicate": predicate})


def check(data: bytes, **demands: Any) -> VsaResult:
    return verify_vsa(data, **(DEMANDS | demands))


def fails(data: bytes, message: str, **demands: Any) -> None:
    with pytest.raises(EvidenceInvalid) as caught:
        check(data, **demands)
    assert message in caught.value.what


@pytest.mark.parametrize("write", [bundle.write_bundle, bundle.write_dsse])
def test_what_the_gate_makes_and_signs_it_accepts(write: Any) -> None:
    """As a bundle and bare, with everything that was checked in the result."""
    found = check(write(make(MADE), bundle.INTOTO_PAYLOAD_TYPE, SIGNER))
    assert found.form == ("bundle" if write is bundle.write_bundle else "dsse")
    assert (found.verifier_id, found.resource_uri, found.subject_digest) == (VERIFIER, RESOURCE, DIGEST)
    assert (found.policy_digest, found.policy_uri) == (MADE.outcome.digests.policy, POLICY)
    assert (found.levels, found.age_s, found.input_attestations) == (("POLICY_GATE_PASSED",), 30, 1)
    assert found.verifier_version == {"gate": "0.1.0", "opa": "1.22.2"}
    assert found.verification.key_id == SIGNER.public_key.key_id
    assert found.checks == (
        "signature",
        "predicate type",
        "subject digest",
        "verifier id",
        "resource URI",
        "policy digest",
        "result",
        "age",
    )


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["p384", "p521", "rsa", "ed25519"],
)
def test_every_kind_of_signing_key_is_verified(key: PrivateKeyTypes) -> None:
    """What `gate.sign` signs with, `gate.trust` verifies."""
    signer = LocalSigner(key, "k")
    data = bundle.write_bundle(make(MADE), bundle.INTOTO_PAYLOAD_TYPE, signer)
    assert check(data, trust=trust(signer=signer)).form == "bundle"


def test_another_key_is_no_signature() -> None:
    """(1) A summary that somebody else signed is not verified."""
    stranger = LocalSigner(ec.generate_private_key(ec.SECP256R1()), "stranger")
    fails(sign(STATEMENT, stranger), "check of its signature")


def test_a_changed_payload_is_no_signature() -> None:
    """(1) One byte of the statement changed after signing."""
    document = json.loads(sign(STATEMENT))
    document["payload"] = json.loads(sign(STATEMENT | {"x": 1}))["payload"]
    fails(json.dumps(document).encode(), "check of its signature")


def test_a_signer_of_other_evidence_does_not_decide() -> None:
    """(1) The trust entry must vouch for summaries; ``*`` does."""
    fails(sign(STATEMENT), "not for vsa", trust=trust("sbom", "provenance"))
    assert check(sign(STATEMENT), trust=trust("*")).form == "dsse"


@pytest.mark.parametrize(
    "data", [b"", b"null", b"{}", b"[]", b"\xff\xfe", json.dumps(STATEMENT).encode(), b"[" * 100_000, b'{"payloadType":1}']
)
def test_what_is_not_signed_is_not_a_summary(data: bytes) -> None:
    """Bare statements, other JSON and noise are evidence errors, never a traceback."""
    with pytest.raises(EvidenceError):
        check(data)


def test_the_payload_is_a_statement() -> None:
    """(2) The same bytes under another payload type do not count."""
    fails(bundle.write_dsse(json.dumps(STATEMENT).encode(), "text/plain", SIGNER), "check of its predicate type")


@pytest.mark.parametrize(
    "kind",
    [
        "https://slsa.dev/verification_summary/v0.2",
        "https://slsa.dev/verification_summary/v1.1",
        "https://slsa.dev/verification_summary/v1/",
        "https://SLSA.dev/verification_summary/v1",
        "https://slsa.dev/provenance/v1",
    ],
)
def test_the_predicate_type_is_exact(kind: str) -> None:
    """(2) No other version, kind or spelling."""
    fails(sign(STATEMENT | {"predicateType": kind}), "check of its predicate type")


@pytest.mark.parametrize(
    "subjects",
    [
        [{"digest": {"sha256": OTHER[7:]}}],
        [{"digest": {"sha1": "a" * 40}}],
        [{"name": DIGEST, "digest": {"sha512": "a" * 128}}],
        [{"digest": {"gitCommit": DIGEST[7:]}}],
    ],
)
def test_it_is_about_the_subject(subjects: object) -> None:
    """(3) By digest and by the same algorithm; a name is nothing."""
    fails(sign(STATEMENT | {"subject": subjects}), "check of its subject digest")


def test_one_of_several_subjects_is_enough() -> None:
    """(3) A summary may be about more than one artifact."""
    assert (
        check(sign(STATEMENT | {"subject": [{"digest": {"sha256": OTHER[7:]}}, {"digest": {"sha256": DIGEST[7:]}}]})).form
        == "dsse"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verifier": {"id": "https://evil.example"}}, "check of its verifier.id"),
        ({"verifier": {"id": VERIFIER + "/"}}, "check of its verifier.id"),
        ({"verifier": {}}, "check of its id"),
        ({"verifier": VERIFIER}, "check of its verifier"),
        ({"verifier": ...}, "check of its verifier"),
        ({"resourceUri": RESOURCE + "2"}, "check of its resourceUri"),
        ({"resourceUri": ...}, "check of its resourceUri"),
        ({"resourceUri": ""}, "check of its resourceUri"),
        ({"policy": {"uri": POLICY, "digest": {"sha256": OTHER[7:]}}}, "check of its policy.digest.sha256"),
        ({"policy": {"uri": POLICY, "digest": {}}}, "check of its policy.digest.sha256"),
        ({"policy": {"uri": POLICY, "digest": {"sha512": MADE.outcome.digests.policy[7:]}}}, "check of its policy.digest.sha256"),
        ({"policy": {"uri": POLICY}}, "check of its digest"),
        ({"policy": ...}, "check of its policy"),
        ({"verificationResult": "FAILED", "verifiedLevels": ["FAILED"]}, "check of its verificationResult"),
        ({"verificationResult": "passed"}, "check of its verificationResult"),
        ({"verificationResult": True}, "check of its verificationResult"),
        ({"verificationResult": ...}, "check of its verificationResult"),
        ({"verifiedLevels": ["FAILED"]}, "check of its verifiedLevels"),
        ({"verifiedLevels": ["SLSA_BUILD_LEVEL_3", "FAILED"]}, "check of its verifiedLevels"),
        ({"verifiedLevels": []}, "check of its verifiedLevels"),
        ({"verifiedLevels": ...}, "check of its verifiedLevels"),
        ({"verifiedLevels": "SLSA_BUILD_LEVEL_3"}, "check of its verifiedLevels"),
        ({"verifiedLevels": [3]}, "check of its verifiedLevels"),
        ({"timeVerified": ...}, "check of its timeVerified"),
        ({"timeVerified": 0}, "check of its timeVerified"),
        ({"timeVerified": "2026-11-23"}, "check of its timeVerified"),
        ({"timeVerified": "2026-11-23T12:00:00"}, "check of its timeVerified"),
        ({"timeVerified": "2026-13-23T12:00:00Z"}, "check of its timeVerified"),
        ({"timeVerified": "2026-11-23T11:00:29Z"}, "3601 s ago, and 3600 s are allowed"),
        ({"timeVerified": "2026-11-23T12:05:31Z"}, "301 s in the future"),
        ({"timeVerified": "9999-12-31T23:59:59-23:59"}, "check of its timeVerified"),
        ({"timeVerified": "0001-01-01T00:00:00+23:59"}, "check of its timeVerified"),
        ({"inputAttestations": [{"uri": "x"}]}, "check of its inputAttestations"),
        ({"inputAttestations": [{"digest": {}}]}, "check of its inputAttestations"),
        ({"inputAttestations": "x"}, "check of its inputAttestations"),
    ],
)
def test_each_demand_fails_by_its_own_name(change: dict[str, Any], message: str) -> None:
    """(4) to (9): one member changed or missing, correctly signed, and the message names the check."""
    fails(with_predicate(**change), message)


@pytest.mark.parametrize(
    ("time", "age"),
    [
        ("2026-11-23T11:00:30Z", 3600),
        ("2026-11-23T12:05:30Z", 0),
        ("2026-11-23T14:00:00.5+02:00", 29),
        ("2026-11-23t12:00:00z", 30),
    ],
)
def test_the_bounds_of_age_are_inclusive(time: str, age: int) -> None:
    """(9) Exactly the maximum age and exactly the skew pass; any RFC 3339 form is read."""
    assert check(with_predicate(timeVerified=time)).age_s == age


@pytest.mark.parametrize(
    ("has", "wanted"),
    [
        (["SLSA_BUILD_LEVEL_3"], ("SLSA_BUILD_LEVEL_3",)),
        (["SLSA_BUILD_LEVEL_3"], ("SLSA_BUILD_LEVEL_1",)),
        (["SLSA_BUILD_LEVEL_2", "SLSA_SOURCE_LEVEL_1"], ("SLSA_SOURCE_LEVEL_1", "SLSA_BUILD_LEVEL_2")),
        (["X_CHECKED"], ("X_CHECKED",)),
    ],
)
def test_a_level_implies_the_lower_ones_of_its_track(has: list[str], wanted: tuple[str, ...]) -> None:
    """(8) Met by the same or a higher level of the track; other names by themselves."""
    assert check(with_predicate(verifiedLevels=has), levels=wanted).checks[-2:] == ("levels", "age")


@pytest.mark.parametrize(
    ("has", "wanted"),
    [
        (["SLSA_BUILD_LEVEL_2"], "SLSA_BUILD_LEVEL_3"),
        (["SLSA_SOURCE_LEVEL_3"], "SLSA_BUILD_LEVEL_1"),
        (["SLSA_BUILD_LEVEL_UNEVALUATED"], "SLSA_BUILD_LEVEL_0"),
        (["SLSA_BUILD_LEVEL_33"], "SLSA_BUILD_LEVEL_3"),
        (["slsa_build_level_3"], "SLSA_BUILD_LEVEL_3"),
        (["X_CHECKED"], "X"),
    ],
)
def test_a_missing_level_is_named(has: list[str], wanted: str) -> None:
    """(8) A lower level, another track or another spelling does not do."""
    fails(with_predicate(verifiedLevels=has), f"{wanted} is demanded", levels=(wanted,))


@pytest.mark.parametrize(
    "demand",
    [
        {"trust": Trust()},
        {"verifier_id": ""},
        {"resource_uri": ""},
        {"subject_digest": ""},
        {"subject_digest": "sha256:abc"},
        {"policy_digest": ""},
        {"policy_digest": "sha1:" + "a" * 40},
        {"max_age_s": 0},
        {"max_age_s": -1},
        {"now": datetime.datetime(2026, 11, 23)},
        {"levels": ("FAILED",)},
        {"levels": ("",)},
    ],
    ids=str,
)
def test_an_empty_demand_is_not_met_by_everything(demand: dict[str, Any]) -> None:
    """A demand left out or malformed is the caller's mistake, never a check that passes."""
    with pytest.raises(UsageError):
        check(sign(STATEMENT), **demand)


def test_a_failed_summary_of_the_gate_is_refused() -> None:
    """What the gate says of a DENY does not let it ship."""
    fails(sign(json.loads(make(allowed(decision="DENY")))), "check of its verificationResult")


def test_verifying_imports_nothing_heavy() -> None:
    """A deploy-time check must start fast: no HTTP, YAML, key-file or canonical-JSON library."""
    code = (
        "import sys, gate.attest.vsa\n"
        "heavy = {'httpx', 'yaml', 'nacl', 'rfc8785', 'gate.model.verdict', 'gate.sign', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_cosign_verifies_our_summary(tmp_path: Path) -> None:
    """The real cosign accepts the bundle and the bare envelope for a VSA, by the subject's digest."""
    private, public = keyfile.generate(b"pw")
    keyfile.write_pair(tmp_path / "gate", private, public)
    signer = LocalSigner(keyfile.load(private, {"COSIGN_PASSWORD": "pw"}, "gate.key"), "gate.key")
    full, bare = bundle.write_both(make(MADE), bundle.INTOTO_PAYLOAD_TYPE, signer)
    (tmp_path / "vsa.json").write_bytes(full)
    (tmp_path / "vsa.dsse").write_bytes(bare)
    about = ["--type", "https://slsa.dev/verification_summary/v1", "--digest", DIGEST[7:], "--digestAlg", "sha256"]
    for form in (["--bundle", "vsa.json"], ["--signature", "vsa.dsse", "--new-bundle-format=false"]):
        arguments = ["verify-blob-attestation", "--key", "gate.pub", "--insecure-ignore-tlog=true", *form, *about]
        done = subprocess.run(
            [str(tool("cosign")), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            env={"HOME": str(tmp_path)},
        )
        assert done.returncode == 0, done.stderr


def test_the_command_in_the_documentation_works(tmp_path: Path) -> None:
    """docs/vsa.md shows how cosign checks a summary, as it is written there."""
    [block] = re.findall(r"```sh\n(.*?)```", (repository() / "docs/vsa.md").read_text(), re.DOTALL)
    (tmp_path / "gate.pub").write_bytes(SIGNER.public_key.pem)
    (tmp_path / "vsa.json").write_bytes(bundle.write_bundle(make(MADE), bundle.INTOTO_PAYLOAD_TYPE, SIGNER))
    path = f"{tool('cosign').parent}:/usr/bin:/bin"
    for digest, code in ((DIGEST, 0), (OTHER, 1)):
        environ = {"PATH": path, "HOME": str(tmp_path), "DIGEST": digest}
        done = subprocess.run(["sh", "-c", block], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr


def test_a_statement_that_cosign_signs_is_verified(tmp_path: Path) -> None:
    """A summary attested by the real cosign passes here, though cosign writes statements of v0.1."""
    private, public = keyfile.generate(b"pw")
    keyfile.write_pair(tmp_path / "gate", private, public)
    (tmp_path / "predicate.json").write_text(json.dumps(STATEMENT["predicate"]))
    (tmp_path / "artifact").write_bytes(b"artifact")
    arguments = ["attest-blob", "--key", "gate.key", "--predicate", "predicate.json", "--bundle", "made.json", "-y"]
    arguments += ["--type", STATEMENT["predicateType"], "--use-signing-config=false", "--tlog-upload=false", "artifact"]
    environ = {"HOME": str(tmp_path), "COSIGN_PASSWORD": "pw"}
    done = subprocess.run(
        [str(tool("cosign")), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, env=environ
    )
    assert done.returncode == 0, done.stderr
    signer = LocalSigner(keyfile.load(private, environ, "gate.key"), "gate.key")
    digest = "sha256:" + hashlib.sha256(b"artifact").hexdigest()
    found = check((tmp_path / "made.json").read_bytes(), trust=trust(signer=signer), subject_digest=digest)
    assert found.form == "bundle"
