"""Against the real cosign: each side opens and verifies what the other wrote."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from gate.errors import SigningError
from gate.sign import bundle, keyfile
from gate.sign.signer import open_signer
from tests.tools import tool

PASSWORD = "pass wörd"
VSA = "https://slsa.dev/verification_summary/v1"
ARTIFACT = b"an artifact\n"


def cosign(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run cosign in `folder`, with a home of its own and no network needed."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"}
    return subprocess.run([str(tool("cosign")), *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)


def statement(predicate_type: str = VSA) -> bytes:
    """A statement about `ARTIFACT`."""
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "artifact", "digest": {"sha256": hashlib.sha256(ARTIFACT).hexdigest()}}],
            "predicateType": predicate_type,
            "predicate": {"verificationResult": "PASSED"},
        }
    ).encode()


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "artifact").write_bytes(ARTIFACT)
    options = ["--insecure-ignore-tlog=true", "--type", VSA, *arguments, "artifact"]
    return cosign(folder, "verify-blob-attestation", *options)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder with a key pair that the gate made."""
    keyfile.write_pair(tmp_path / "gate", *keyfile.generate(PASSWORD.encode()))
    return tmp_path


def test_cosign_reads_our_private_key(ours: Path) -> None:
    """cosign derives the same public key from the file that we wrote."""
    done = cosign(ours, "public-key", "--key", "gate.key")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (ours / "gate.pub").read_text().strip()


def test_cosign_signs_with_our_key_and_verifies(ours: Path) -> None:
    """An attestation that cosign makes with our key verifies with our public key."""
    (ours / "predicate.json").write_text("{}")
    (ours / "artifact").write_bytes(ARTIFACT)
    signing = ["--key", "gate.key", "--predicate", "predicate.json", "--type", VSA, "--bundle", "made.json", "-y"]
    done = cosign(ours, "attest-blob", *signing, "--use-signing-config=false", "--tlog-upload=false", "artifact")
    assert done.returncode == 0, done.stderr
    done = verify(ours, "--key", "gate.pub", "--bundle", "made.json")
    assert done.returncode == 0, done.stderr


def test_our_bundle_has_the_layout_of_cosigns(ours: Path) -> None:
    """Member by member, our bundle is built as cosign's for the same key, the hint included."""
    (ours / "predicate.json").write_text("{}")
    (ours / "artifact").write_bytes(ARTIFACT)
    signing = ["--key", "gate.key", "--predicate", "predicate.json", "--type", VSA, "--bundle", "made.json", "-y"]
    done = cosign(ours, "attest-blob", *signing, "--use-signing-config=false", "--tlog-upload=false", "artifact")
    assert done.returncode == 0, done.stderr
    theirs = json.loads((ours / "made.json").read_text())
    signer = open_signer(str(ours / "gate.key"), {"COSIGN_PASSWORD": PASSWORD})
    mine = json.loads(bundle.write_bundle(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer))
    for document in (theirs, mine):
        document["dsseEnvelope"]["payload"] = document["dsseEnvelope"]["signatures"][0]["sig"] = "-"
    assert mine == theirs


def test_we_sign_with_a_key_pair_of_cosign(tmp_path: Path) -> None:
    """A key file that cosign made opens here, and cosign verifies the bundle and the bare envelope."""
    done = cosign(tmp_path, "generate-key-pair")
    assert done.returncode == 0, done.stderr
    signer = open_signer(str(tmp_path / "cosign.key"), {"COSIGN_PASSWORD": PASSWORD})
    assert signer.public_key.pem == (tmp_path / "cosign.pub").read_bytes()
    full, bare = bundle.write_both(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer)
    (tmp_path / "bundle.json").write_bytes(full)
    (tmp_path / "dsse.json").write_bytes(bare)
    for form in (["--bundle", "bundle.json"], ["--signature", "dsse.json", "--new-bundle-format=false"]):
        done = verify(tmp_path, "--key", "cosign.pub", *form)
        assert done.returncode == 0, done.stderr


def test_a_wrong_password_is_wrong_for_both(tmp_path: Path) -> None:
    """What cosign encrypted does not open here under another password."""
    assert cosign(tmp_path, "generate-key-pair").returncode == 0
    with pytest.raises(SigningError, match="password does not open"):
        open_signer(str(tmp_path / "cosign.key"), {"COSIGN_PASSWORD": "other"})


@pytest.mark.parametrize("change", ["payload", "signature", "key", "type", "artifact"])
def test_cosign_refuses_what_was_changed(ours: Path, change: str) -> None:
    """The verification above can fail: another payload, signature, key, type or artifact does."""
    signer = open_signer(str(ours / "gate.key"), {"COSIGN_PASSWORD": PASSWORD})
    payload = statement("https://example.com/other") if change == "type" else statement()
    document = json.loads(bundle.write_bundle(payload, bundle.INTOTO_PAYLOAD_TYPE, signer))
    other = json.loads(bundle.write_bundle(payload + b" ", bundle.INTOTO_PAYLOAD_TYPE, signer))
    if change == "payload":
        document["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    if change == "signature":
        document["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"]
    if change == "key":
        (ours / "gate.pub").write_bytes(keyfile.generate(b"")[1])
    (ours / "bundle.json").write_text(json.dumps(document))
    if change == "artifact":
        (ours / "artifact").write_bytes(b"another")
        options = ["--insecure-ignore-tlog=true", "--type", VSA, "--key", "gate.pub", "--bundle", "bundle.json", "artifact"]
        done = cosign(ours, "verify-blob-attestation", *options)
    else:
        done = verify(ours, "--key", "gate.pub", "--bundle", "bundle.json")
    assert done.returncode != 0


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 3072),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["p384", "p521", "rsa", "ed25519"],
)
def test_cosign_verifies_our_other_kinds_of_keys(tmp_path: Path, key: PrivateKeyTypes) -> None:
    """The hash that we choose for each kind of key is the one that cosign expects."""
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (tmp_path / "k.pem").write_bytes(pem)
    signer = open_signer(str(tmp_path / "k.pem"), {})
    (tmp_path / "k.pub").write_bytes(signer.public_key.pem)
    (tmp_path / "bundle.json").write_bytes(bundle.write_bundle(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer))
    done = verify(tmp_path, "--key", "k.pub", "--bundle", "bundle.json")
    assert done.returncode == 0, done.stderr
