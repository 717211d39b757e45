"""Key files: what is written is what cosign writes, and only sound files open."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gate.errors import SigningError, UsageError
from gate.sign import cosignkey, keyfile

PASSWORD = {"COSIGN_PASSWORD": "s3cret"}


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, bytes]:
    """One generated pair under the password ``s3cret``."""
    return keyfile.generate(b"s3cret")


def body_of(pem: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.b64decode(b"".join(pem.splitlines()[1:-1])))
    return document


def pem_of(document: object, label: str = cosignkey.LABEL) -> bytes:
    body = base64.b64encode(json.dumps(document).encode())
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label.encode(), body, label.encode())


def test_a_generated_key_opens_again_and_matches_its_public_half(pair: tuple[bytes, bytes]) -> None:
    """`load` gives the P-256 key whose public half `generate` returned."""
    key = keyfile.load(pair[0], PASSWORD, "k")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    assert key.public_key().public_bytes(serialization.Encoding.PEM, info) == pair[1]


def test_new_files_have_cosigns_label_and_cost(pair: tuple[bytes, bytes]) -> None:
    """New files carry the current label and N=65536, r=8, p=1."""
    assert pair[0].startswith(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    assert body_of(pair[0])["kdf"]["params"] == {"N": 65536, "r": 8, "p": 1}


def test_the_old_label_is_read(pair: tuple[bytes, bytes]) -> None:
    """A file labelled ENCRYPTED COSIGN PRIVATE KEY opens as well."""
    assert isinstance(keyfile.load(pair[0].replace(b"SIGSTORE", b"COSIGN"), PASSWORD, "k"), ec.EllipticCurvePrivateKey)


def test_two_keys_differ() -> None:
    """Key, salt and nonce are drawn anew for each file."""
    first, second = keyfile.generate(b""), keyfile.generate(b"")
    assert first[1] != second[1]
    assert body_of(first[0])["kdf"]["salt"] != body_of(second[0])["kdf"]["salt"]


def test_an_empty_password_is_a_password() -> None:
    """COSIGN_PASSWORD set to nothing opens a key made with the empty password."""
    assert isinstance(keyfile.load(keyfile.generate(b"")[0], {"COSIGN_PASSWORD": ""}, "k"), ec.EllipticCurvePrivateKey)


def test_a_wrong_password_is_told_apart(pair: tuple[bytes, bytes]) -> None:
    """The message says that the password does not open the key."""
    with pytest.raises(SigningError, match="password does not open"):
        keyfile.load(pair[0], {"COSIGN_PASSWORD": "other"}, "k")


def test_a_missing_password_names_the_variable(pair: tuple[bytes, bytes]) -> None:
    """Without COSIGN_PASSWORD nothing is tried and the fix names the variable."""
    with pytest.raises(SigningError, match="COSIGN_PASSWORD is not set") as caught:
        keyfile.load(pair[0], {}, "k")
    assert "COSIGN_PASSWORD" in caught.value.fix


@pytest.mark.parametrize("cost", [(2**24, 8, 1), (65536, 16, 1), (65536, 8, 2), (1, 8, 1), (0, 0, 0), (-1, 8, 1), (16384, 8, 1)])
def test_other_scrypt_costs_are_refused(pair: tuple[bytes, bytes], cost: tuple[int, int, int]) -> None:
    """A file cannot choose what its reader spends, nor weaken the derivation."""
    document = body_of(pair[0])
    document["kdf"]["params"] = dict(zip("Nrp", cost, strict=True))
    with pytest.raises(SigningError, match="scrypt costs"):
        keyfile.load(pem_of(document), PASSWORD, "k")


@pytest.mark.parametrize("cost", sorted(cosignkey.COSTS))
def test_every_allowed_cost_is_read(cost: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The three costs of go-securesystemslib open."""
    monkeypatch.setattr(cosignkey, "NEW_COST", cost)
    pem, _ = keyfile.generate(b"s3cret")
    assert isinstance(keyfile.load(pem, PASSWORD, "k"), ec.EllipticCurvePrivateKey)


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": {"name": "argon2", "params": {"N": 65536, "r": 8, "p": 1}, "salt": ""}},
        {"cipher": {"name": "none", "nonce": ""}},
        {"cipher": {"name": "nacl/secretbox", "nonce": "AAAA"}},
        {"cipher": {"name": "nacl/secretbox", "nonce": "%%%"}},
        {"ciphertext": "not base64 é"},
        {"ciphertext": None},
        {"kdf": []},
    ],
)
def test_malformed_key_documents_are_refused(pair: tuple[bytes, bytes], change: dict[str, object]) -> None:
    """Another cipher, a short nonce, bad base64 or a wrong type is a SigningError, never a traceback."""
    with pytest.raises(SigningError, match="not a cosign key file"):
        keyfile.load(pem_of(body_of(pair[0]) | change), PASSWORD, "k")


@pytest.mark.parametrize("data", [b"", b"null", b"\x00" * 100, b"-----BEGIN X-----\n-----END X-----\n", "é".encode("utf-16")])
def test_what_is_no_key_says_so(data: bytes) -> None:
    """Empty and foreign bytes are refused with what was found instead."""
    with pytest.raises(SigningError, match="exactly one private key"):
        keyfile.load(data, PASSWORD, "k")


def test_a_file_with_two_keys_is_refused(pair: tuple[bytes, bytes]) -> None:
    """Which of two keys would sign must not be a matter of order."""
    with pytest.raises(SigningError, match="exactly one private key"):
        keyfile.load(pair[0] + pair[0], PASSWORD, "k")


def test_a_public_key_cannot_sign(pair: tuple[bytes, bytes]) -> None:
    """Naming the .pub file gives the reason, not a parser's message."""
    with pytest.raises(SigningError, match="public key, which cannot sign"):
        keyfile.load(pair[1], PASSWORD, "k")


def test_a_huge_file_is_refused_unread() -> None:
    """More than 64 KiB is no private key."""
    with pytest.raises(SigningError, match="too large"):
        keyfile.load(b"x" * (keyfile.MAX_BYTES + 1), PASSWORD, "k")


def test_broken_base64_in_the_file(pair: tuple[bytes, bytes]) -> None:
    """A damaged body is named as such."""
    lines = pair[0].splitlines()
    lines[1] = b"!" + lines[1][1:]
    with pytest.raises(SigningError, match="not base64"):
        keyfile.load(b"\n".join(lines), PASSWORD, "k")


def test_a_sealed_box_that_holds_no_key() -> None:
    """A password that opens the file does not make its content a key."""
    with pytest.raises(SigningError, match="not a PKCS#8"):
        keyfile.load(cosignkey.encrypt(b"hello", b"s3cret"), PASSWORD, "k")


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL], ids=["pkcs8", "sec1"]
)
def test_plain_pem_opens_without_a_password(form: serialization.PrivateFormat) -> None:
    """PEM PKCS#8 and SEC 1 need no environment."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    assert isinstance(keyfile.load(pem, {}, "k"), ec.EllipticCurvePrivateKey)


def test_encrypted_pkcs8_uses_the_same_variable() -> None:
    """PBES2 files open with COSIGN_PASSWORD; a wrong or missing one is a SigningError."""
    key = ec.generate_private_key(ec.SECP256R1())
    sealed = serialization.BestAvailableEncryption(b"s3cret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    assert isinstance(keyfile.load(pem, PASSWORD, "k"), ec.EllipticCurvePrivateKey)
    for environ in ({}, {"COSIGN_PASSWORD": ""}, {"COSIGN_PASSWORD": "other"}):
        with pytest.raises(SigningError):
            keyfile.load(pem, environ, "k")


def test_files_are_private_and_never_overwritten(tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    """The private half gets mode 0600; a second write refuses and leaves the first as it was."""
    private, public = keyfile.write_pair(tmp_path / "team.prod", *pair)
    assert (private.name, public.name) == ("team.prod.key", "team.prod.pub")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="exists"):
        keyfile.write_pair(tmp_path / "team.prod", b"new", b"new")
    assert (private.read_bytes(), public.read_bytes()) == pair


def test_both_files_or_neither(tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    """When the public file exists, no private one is left behind, and the existing one stays."""
    (tmp_path / "k.pub").write_text("mine")
    with pytest.raises(UsageError):
        keyfile.write_pair(tmp_path / "k", *pair)
    assert sorted(os.listdir(tmp_path)) == ["k.pub"]
    assert (tmp_path / "k.pub").read_text() == "mine"


def test_a_symbolic_link_is_not_written_through(tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    """A planted link, dangling or not, cannot redirect a private key."""
    (tmp_path / "k.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists"):
        keyfile.write_pair(tmp_path / "k", *pair)
    assert not (tmp_path / "elsewhere").exists()


def test_an_unwritable_folder_is_a_signing_error(tmp_path: Path, pair: tuple[bytes, bytes]) -> None:
    """A missing folder is reported with the system's reason."""
    with pytest.raises(SigningError, match="cannot be written"):
        keyfile.write_pair(tmp_path / "none" / "k", *pair)
