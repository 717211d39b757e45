"""The real cosign and keys in services: the same addresses, the same keys, signatures that each accepts."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gate.__main__ import run
from gate.sign import bundle
from gate.trust.keys import load_public_key
from tests.sign.backends.checks import opened
from tests.sign.servers.aws import make
from tests.sign.servers.azure import KeyVault
from tests.sign.servers.gcp import CloudKms
from tests.sign.servers.token import Token
from tests.sign.servers.vault import OpenBao
from tests.sign.test_cosign import ARTIFACT, VSA, statement
from tests.tools import tool


def cosign(folder: Path, environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in the folder, with a home of its own."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": "", **environ}
    return subprocess.run([str(tool("cosign")), *arguments], cwd=folder, env=clean, capture_output=True, text=True, timeout=60)


def accepts(folder: Path, data: bytes, pem: bytes) -> subprocess.CompletedProcess[str]:
    """Whether cosign verifies the bundle with the pinned key."""
    for name, content in (("artifact", ARTIFACT), ("bundle.json", data), ("gate.pub", pem)):
        (folder / name).write_bytes(content)
    options = ["--insecure-ignore-tlog=true", "--type", VSA, "--key", "gate.pub", "--bundle", "bundle.json", "artifact"]
    return cosign(folder, {}, "verify-blob-attestation", *options)


def test_the_same_address_is_the_same_key(bao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``hashivault://`` means one key for both."""
    for name, value in bao.environ.items():
        monkeypatch.setenv(name, value)
    bao.make("shared")
    done = cosign(tmp_path, bao.environ, "public-key", "--key", "hashivault://shared")
    assert done.returncode == 0, done.stderr
    assert run(["keys", "pin", "hashivault://shared", "--output", str(tmp_path / "gate.pub")]) == 0
    assert load_public_key(done.stdout.encode()) == load_public_key((tmp_path / "gate.pub").read_bytes())


def test_the_same_address_is_the_same_key_in_aws(aws: dict[str, str], tmp_path: Path) -> None:
    """``awskms://`` too."""
    make(aws, "ECC_NIST_P256", "shared")
    done = cosign(tmp_path, aws, "public-key", "--key", "awskms:///alias/shared")
    assert done.returncode == 0, done.stderr
    assert load_public_key(done.stdout.encode()).pem == opened("awskms:///alias/shared", aws).public_key.pem


def test_what_cosign_signs_with_the_key_verifies_here(bao: OpenBao, tmp_path: Path) -> None:
    """An attestation of cosign's under a key in the service, with the public half pinned by the gate."""
    bao.make("theirs")
    (tmp_path / "predicate.json").write_text("{}")
    (tmp_path / "artifact").write_bytes(ARTIFACT)
    signing = ["--key", "hashivault://theirs", "--predicate", "predicate.json", "--type", VSA, "--bundle", "made.json", "-y"]
    plain = ["--use-signing-config=false", "--tlog-upload=false", "artifact"]
    done = cosign(tmp_path, bao.environ, "attest-blob", *signing, *plain)
    assert done.returncode == 0, done.stderr
    pinned = load_public_key(opened("openbao://theirs", bao.environ).public_key.pem)
    made = json.loads((tmp_path / "made.json").read_text())["dsseEnvelope"]
    signed = bundle.pae(base64.b64decode(made["payload"]), made["payloadType"])
    assert pinned.verify(base64.b64decode(made["signatures"][0]["sig"]), signed)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519"])
def test_cosign_accepts_signatures_of_vault(kind: str, bao: OpenBao, tmp_path: Path) -> None:
    """Of every kind of transit key."""
    bao.make(f"accepted-{kind}", kind)
    signer = opened(f"hashivault://accepted-{kind}", bao.environ)
    done = accepts(tmp_path, bundle.write_bundle(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer), signer.public_key.pem)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("label", ["p256", "p384", "p521", "rsa", "ed25519"])
def test_cosign_accepts_signatures_of_a_token(label: str, token: Token, tmp_path: Path) -> None:
    """Of every kind of key in a module."""
    signer = opened(token.uri(label), token.environ)
    done = accepts(tmp_path, bundle.write_bundle(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer), signer.public_key.pem)
    assert done.returncode == 0, done.stderr


def test_cosign_accepts_signatures_of_the_clouds(aws: dict[str, str], gcp: CloudKms, azure: KeyVault, tmp_path: Path) -> None:
    """Of P-256 and RSA keys; what it does with the other curves, that sign another hash there, is in the test below."""
    uris = [f"awskms:///{make(aws, spec)}" for spec in ("ECC_NIST_P256", "RSA_2048")]
    uris += [gcp.make("a"), gcp.make("b", "RSA_SIGN_PKCS1_2048_SHA256"), gcp.make("c", "EC_SIGN_ED25519")]
    uris += [azure.make("a"), azure.make("b", "RSA")]
    for uri in uris:
        signer = opened(uri, aws)
        done = accepts(tmp_path, bundle.write_bundle(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer), signer.public_key.pem)
        assert done.returncode == 0, (uri, done.stderr)


def test_other_hashes_under_cosign(aws: dict[str, str], gcp: CloudKms, azure: KeyVault, tmp_path: Path) -> None:
    """P-384 and P-521 keys of clouds sign SHA-384 and SHA-512: docs/keys.md says what cosign makes of that."""
    for uri in (f"awskms:///{make(aws, 'ECC_NIST_P384')}", gcp.make("a", "EC_SIGN_P384_SHA384"), azure.make("a", "P-521")):
        signer = opened(uri, aws)
        done = accepts(tmp_path, bundle.write_bundle(statement(), bundle.INTOTO_PAYLOAD_TYPE, signer), signer.public_key.pem)
        assert done.returncode != 0, uri
