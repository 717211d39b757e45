"""Signers: which keys open, and that nothing leaves that does not verify."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from gate.errors import SigningError, UsageError
from gate.sign import keyfile
from gate.sign.signer import LocalSigner, open_signer


def pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


KEYS: dict[str, PrivateKeyTypes] = {
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.mark.parametrize("name", sorted(KEYS))
def test_each_kind_of_key_signs(tmp_path: Path, name: str) -> None:
    """ECDSA on three curves, RSA and Ed25519 open from PEM and sign."""
    path = tmp_path / "k.pem"
    path.write_bytes(pem(KEYS[name]))
    signer = open_signer(str(path), {})
    assert signer.sign(b"data")
    assert signer.public_key.key_id.startswith("sha256:")
    assert base64.b64decode(signer.public_key.hint).hex() == signer.public_key.key_id.removeprefix("sha256:")


def test_a_cosign_key_file_opens_by_path(tmp_path: Path) -> None:
    """A path is opened with COSIGN_PASSWORD, and the public half is the one written beside it."""
    private, public = keyfile.generate(b"pw")
    (tmp_path / "cosign.key").write_bytes(private)
    assert open_signer(str(tmp_path / "cosign.key"), {"COSIGN_PASSWORD": "pw"}).public_key.pem == public


def test_env_holds_the_text_of_a_key_file() -> None:
    """env://VARIABLE reads the variable of the environment that is passed, not the process's own."""
    private, public = keyfile.generate(b"pw")
    environ = {"SIGNING_KEY": private.decode(), "COSIGN_PASSWORD": "pw"}
    assert open_signer("env://SIGNING_KEY", environ).public_key.pem == public


@pytest.mark.parametrize("environ", [{}, {"K": ""}])
def test_an_unset_variable_is_named(environ: dict[str, str]) -> None:
    """An unset or empty variable is a SigningError that names it."""
    with pytest.raises(SigningError, match="env://K: the variable is not set"):
        open_signer("env://K", environ)


@pytest.mark.parametrize(
    "uri",
    [
        "k8s://ns/name",
        "gitlab://1",
        "file:///cosign.key",
        "AWSKMS:///x",
        "nonsense://x",
    ],
)
def test_other_schemes_are_refused_by_name(uri: str) -> None:
    """A scheme that is not read says so and says what to use; it is never taken for a file name."""
    with pytest.raises(SigningError, match="this version cannot sign") as caught:
        open_signer(uri, {})
    assert caught.value.what.startswith(uri.split(":")[0])
    assert "gate keys generate" in caught.value.fix


def test_no_key_named() -> None:
    """An empty name is the caller's mistake."""
    with pytest.raises(UsageError):
        open_signer("", {})


def test_unreadable_paths(tmp_path: Path) -> None:
    """A missing file, a folder, a pipe and a NUL in the name are SigningErrors, at once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none", tmp_path, tmp_path / "pipe", Path("a\0b")):
        with pytest.raises(SigningError):
            open_signer(str(path), {})


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256K1()),
        ed448.Ed448PrivateKey.generate(),
        rsa.generate_private_key(65537, 1024),
        dsa.generate_private_key(2048),
    ],
    ids=["secp256k1", "ed448", "rsa1024", "dsa"],
)
def test_other_keys_are_refused(key: PrivateKeyTypes) -> None:
    """Curves outside the registry, short RSA and other algorithms do not sign."""
    with pytest.raises(SigningError, match="not one that the gate signs with"):
        LocalSigner(key, "k")


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_signature_that_does_not_verify_is_not_returned(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that computes a wrong signature ends in SigningError."""
    signer = LocalSigner(KEYS[name], "k")
    good = signer.sign(b"other data")
    monkeypatch.setattr(signer, "_sign", lambda data: good)
    with pytest.raises(SigningError, match="does not verify"):
        signer.sign(b"data")
