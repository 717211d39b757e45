"""Cloud KMS, against a gRPC server made of the client's own types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gate.errors import SigningError, UsageError
from gate.sign.backends import gcp as backend
from tests.sign.backends.checks import opened, service, signs
from tests.sign.servers.gcp import RING, CloudKms

KINDS = {
    "EC_SIGN_P256_SHA256": "ECDSA P-256",
    "EC_SIGN_P384_SHA384": "ECDSA P-384",
    "EC_SIGN_ED25519": "Ed25519",
    "RSA_SIGN_PKCS1_2048_SHA256": "RSA 2048",
}


@pytest.mark.parametrize("algorithm", KINDS)
def test_each_kind_of_key_signs(gcp: CloudKms, algorithm: str) -> None:
    """By the algorithm that the version has."""
    signs(gcp.make("k", algorithm), {}, KINDS[algorithm])


def test_the_newest_enabled_version_signs(gcp: CloudKms) -> None:
    """Versions are compared as numbers, disabled ones are left out, and a version in the URI is kept to."""
    uri = gcp.make("k")
    for _ in range(10):
        gcp.make("k")
    gcp.disabled.add(f"{RING}/cryptoKeys/k/cryptoKeyVersions/11")
    signer = opened(uri, {})
    assert signer.info.version == "10"
    assert signer.service.versions() == tuple(str(n) for n in range(1, 11))
    assert signer.service.public_key("10") == signer.public_key
    for form in ("versions", "cryptoKeyVersions"):
        fixed = opened(f"{uri}/{form}/3", {})
        assert fixed.info.version == "3"
        assert fixed.sign(b"data")
        assert fixed.public_key == signer.service.public_key("3")


def test_a_fixed_version_needs_no_right_to_list(gcp: CloudKms) -> None:
    """Signing with it lists nothing; without it, the newest must be looked for."""
    uri = gcp.make("k")
    gcp.list_refused = True
    assert opened(f"{uri}/versions/1", {}).sign(b"data")
    with pytest.raises(SigningError, match="listing the versions of the key failed: NotFound"):
        opened(uri, {})


def test_a_key_without_a_version_cannot_sign(gcp: CloudKms) -> None:
    """All versions disabled is said as such."""
    uri = gcp.make("k")
    gcp.disabled.add(f"{RING}/cryptoKeys/k/cryptoKeyVersions/1")
    with pytest.raises(SigningError, match="no enabled version"):
        opened(uri, {})


def test_another_padding_is_refused(gcp: CloudKms) -> None:
    """RSA-PSS is named."""
    with pytest.raises(SigningError, match="kind RSA_SIGN_PSS_2048_SHA256 is not one"):
        opened(gcp.make("k", "RSA_SIGN_PSS_2048_SHA256"), {})


def test_a_key_is_made_once(gcp: CloudKms) -> None:
    """`create` makes P-256; the version cannot be chosen."""
    uri = f"gcpkms://{RING}/cryptoKeys/made"
    service(uri, {}).create()
    signs(uri, {}, "ECDSA P-256")
    with pytest.raises(UsageError, match="there is such a key"):
        service(uri, {}).create()
    with pytest.raises(UsageError, match="Google numbers"):
        service(f"{uri}/versions/1", {}).create()


def test_wrong_answers_never_leave(gcp: CloudKms) -> None:
    """Garbage, nothing, another key's signature, and an answer about another key."""
    signer = opened(gcp.make("k"), {})
    stranger = ec.generate_private_key(ec.SECP256R1()).sign(b"data", ec.ECDSA(hashes.SHA256()))
    for wrong in (b"", b"garbage", b"\0" * 64, stranger):
        gcp.answer = lambda signature, wrong=wrong: wrong  # type: ignore[misc]  # bound now
        with pytest.raises(SigningError, match="does not verify"):
            signer.sign(b"data")
    gcp.answer_name = lambda name: name + "0"
    with pytest.raises(SigningError, match="about another key"):
        opened(gcp.make("k"), {})


def test_a_key_that_is_not_there(gcp: CloudKms) -> None:
    """The service's own words."""
    with pytest.raises(SigningError, match="listing the versions of the key failed: NotFound"):
        opened(f"gcpkms://{RING}/cryptoKeys/none", {})


@pytest.mark.parametrize(
    "uri",
    [
        "gcpkms://",
        f"gcpkms://{RING}",
        f"gcpkms://{RING}/cryptoKeys/",
        f"gcpkms://{RING}/cryptoKeys/k/",
        f"gcpkms://{RING}/cryptoKeys/k/versions/0",
        f"gcpkms://{RING}/cryptoKeys/k/versions/x",
        f"gcpkms://{RING}/cryptoKeys/k/version/1",
        f"gcpkms://{RING}/cryptoKeys/../k",
        f"gcpkms:///{RING}/cryptoKeys/k",
        "gcpkms://projects/P P/locations/l/keyRings/r/cryptoKeys/k",
    ],
)
def test_a_malformed_address_is_refused(uri: str) -> None:
    """A UsageError that shows the form."""
    with pytest.raises(UsageError, match="not a key address of this kind") as caught:
        backend.open_key(uri, {})
    assert "gcpkms://projects/P/" in caught.value.fix


def test_the_client_is_built_as_it_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any stand-in: application default credentials, here those of a service account; nothing is sent yet."""
    pytest.importorskip("google.cloud.kms_v1", reason="google-cloud-kms is not here (requirements/servers.txt)")
    key = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.PKCS8
    account = {
        "type": "service_account",
        "client_email": "gate@acme.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode(),
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    uri = f"gcpkms://{RING}/cryptoKeys/k"
    assert backend.open_key(uri, {}).name == uri
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(SigningError, match="preparing the client failed: DefaultCredentialsError") as caught:
        backend.open_key(uri, {})
    assert "gcloud auth" in caught.value.fix
