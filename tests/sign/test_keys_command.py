"""``gate keys``: make, show, pin, and notice a rotation."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gate.__main__ import run
from gate.sign import keyfile
from gate.trust.keys import load_public_key
from tests.sign.servers.azure import KeyVault
from tests.sign.servers.gcp import CloudKms
from tests.sign.servers.token import Token
from tests.sign.servers.vault import OpenBao

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def vault(bao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> OpenBao:
    """OpenBao, with the environment that leads there."""
    for name, value in bao.environ.items():
        monkeypatch.setenv(name, value)
    return bao


def private(path: Path) -> Path:
    """A clear PKCS #8 file."""
    key = ec.generate_private_key(ec.SECP384R1())
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


def test_show_a_public_key(tmp_path: Path, capsys: Capture) -> None:
    """Digest and kind, of PEM."""
    public = rsa.generate_private_key(65537, 3072).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "k.pub").write_bytes(pem)
    assert run(["keys", "show", str(tmp_path / "k.pub")]) == 0
    assert capsys.readouterr().out == f"{load_public_key(pem).key_id}  RSA 3072\n"


def test_show_a_private_key(tmp_path: Path, capsys: Capture) -> None:
    """The digest of its public half."""
    assert run(["keys", "show", str(private(tmp_path / "k.pem"))]) == 0
    assert capsys.readouterr().out.endswith("  ECDSA P-384\n")


def test_show_names_the_version(vault: OpenBao, capsys: Capture) -> None:
    """The one that signs, of those that there are."""
    vault.make("shown")
    assert run(["keys", "show", "openbao://shown"]) == 0
    assert capsys.readouterr().out.endswith("  ECDSA P-256  version 1\n")
    vault.rotate("shown")
    assert run(["keys", "show", "openbao://shown"]) == 0
    assert capsys.readouterr().out.endswith("  ECDSA P-256  version 2 of 1, 2\n")


@pytest.mark.parametrize(
    ("key", "code"),
    [("/nonexistent", 3), ("awskms://", 2), ("keyless:///nonexistent", 3), ("k8s://a/b", 3), ("", 2), ("pkcs11:token=t", 2)],
)
def test_what_cannot_be_shown(key: str, code: int, capsys: Capture) -> None:
    """2 for what the caller wrote, 3 for what could not be had; and a way out."""
    assert run(["keys", "show", key]) == code
    assert "fix: " in capsys.readouterr().err


def test_pin_once(tmp_path: Path, vault: OpenBao, capsys: Capture) -> None:
    """Writing the same key again is fine; another one is never put in its place."""
    vault.make("pinned")
    pin = ["keys", "pin", "hashivault://pinned", "--output", str(tmp_path / "gate.pub")]
    assert run(pin) == run(pin) == 0
    before = (tmp_path / "gate.pub").read_bytes()
    assert load_public_key(before).key_id in capsys.readouterr().out
    vault.rotate("pinned")
    assert run(pin) == 2
    assert "exists and holds another key" in capsys.readouterr().err
    assert (tmp_path / "gate.pub").read_bytes() == before


def test_pin_where_something_else_is(tmp_path: Path, capsys: Capture) -> None:
    """A file that holds no public key is left alone."""
    (tmp_path / "notes.txt").write_text("notes")
    assert run(["keys", "pin", str(private(tmp_path / "k.pem")), "--output", str(tmp_path / "notes.txt")]) == 2
    assert (tmp_path / "notes.txt").read_text() == "notes"
    assert "fix: " in capsys.readouterr().err


def test_a_rotation_in_vault_is_noticed(tmp_path: Path, vault: OpenBao, capsys: Capture) -> None:
    """0 as long as the key is the same, 1 afterwards, with the versions of both."""
    vault.make("turned")
    pinned = str(tmp_path / "gate.pub")
    check = ["keys", "rotate-check", "openbao://turned", "--pinned", pinned]
    assert run(["keys", "pin", "openbao://turned", "--output", pinned]) == 0
    assert run(check) == 0
    assert "same     sha256:" in capsys.readouterr().out
    vault.rotate("turned")
    assert run(check) == 1
    out = capsys.readouterr().out
    assert "rotated  pinned sha256:" in out
    assert "(version 1)" in out
    assert "version 2 of 1, 2" in out


def test_a_rotation_in_the_clouds_is_noticed(tmp_path: Path, gcp: CloudKms, azure: KeyVault, capsys: Capture) -> None:
    """The same where each version has to be asked for."""
    servers: tuple[CloudKms | KeyVault, ...] = (gcp, azure)
    for index, server in enumerate(servers):
        uri, pinned = server.make("k"), str(tmp_path / f"{index}.pub")
        assert run(["keys", "pin", uri, "--output", pinned]) == 0
        server.make("k")
        capsys.readouterr()
        assert run(["keys", "rotate-check", uri, "--pinned", pinned]) == 1
        assert "(version " in capsys.readouterr().out


def test_another_key_than_any_version(tmp_path: Path, vault: OpenBao, capsys: Capture) -> None:
    """A pin that was never a version of that key is rotated too, without a version named."""
    vault.make("stranger")
    (tmp_path / "other.pub").write_bytes(keyfile.generate(b"")[1])
    assert run(["keys", "rotate-check", "openbao://stranger", "--pinned", str(tmp_path / "other.pub")]) == 1
    assert "(version" not in capsys.readouterr().out


def test_a_rotation_check_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """A service that does not answer is 3, never "same"; a pin that is none is 2."""
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    monkeypatch.setenv("VAULT_TOKEN", "t")
    (tmp_path / "gate.pub").write_bytes(keyfile.generate(b"")[1])
    assert run(["keys", "rotate-check", "hashivault://k", "--pinned", str(tmp_path / "gate.pub")]) == 3
    key = str(private(tmp_path / "k.pem"))
    assert run(["keys", "rotate-check", key, "--pinned", str(tmp_path / "none.pub")]) == 2
    assert run(["keys", "rotate-check", key, "--pinned", key]) == 2
    assert "same" not in capsys.readouterr().out


def test_make_keys_where_they_stay(
    tmp_path: Path, vault: OpenBao, token: Token, gcp: CloudKms, azure: KeyVault, aws: dict[str, str],
    monkeypatch: pytest.MonkeyPatch, capsys: Capture,
) -> None:  # fmt: skip
    """Each service makes one; only its public half is written; a second time nothing is made and nothing overwritten."""
    for name, value in token.environ.items():
        monkeypatch.setenv(name, value)
    uris = {
        "vault": "hashivault://generated",
        "pkcs11": token.uri("generated"),
        "gcp": "gcpkms://projects/acme/locations/global/keyRings/release/cryptoKeys/generated",
        "azure": "azurekms://acme.vault.azure.net/generated",
        "aws": "awskms:///alias/generated",
    }
    for name, uri in uris.items():
        prefix = str(tmp_path / name)
        assert run(["keys", "generate", "--kms", uri, "--output-key-prefix", prefix]) == 0, capsys.readouterr().err
        public = Path(f"{prefix}.pub")
        assert run(["keys", "rotate-check", uri, "--pinned", str(public)]) == 0
        before = public.read_bytes()
        assert run(["keys", "generate", "--kms", uri, "--output-key-prefix", prefix]) == 2
        assert run(["keys", "generate", "--kms", uri, "--output-key-prefix", f"{prefix}-2"]) == 2
        assert "there is such a key" in capsys.readouterr().err
        assert public.read_bytes() == before
    assert not list(tmp_path.glob("*.key")) + list(tmp_path.glob("*-2.pub"))


@pytest.mark.parametrize("uri", ["gate.key", "env://K", "keyless://", "k8s://a/b"])
def test_no_key_is_made_elsewhere(uri: str, tmp_path: Path, capsys: Capture) -> None:
    """--kms takes key services only."""
    assert run(["keys", "generate", "--kms", uri, "--output-key-prefix", str(tmp_path / "k")]) == 2
    assert "no key can be made there" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_versions_that_cannot_be_listed(tmp_path: Path, gcp: CloudKms, capsys: Capture) -> None:
    """The comparison is made all the same, with a warning."""
    uri, pinned = gcp.make("k") + "/versions/1", str(tmp_path / "gate.pub")
    gcp.list_refused = True
    assert run(["keys", "pin", uri, "--output", pinned]) == 0
    assert run(["keys", "rotate-check", uri, "--pinned", pinned]) == 0
    done = capsys.readouterr()
    assert done.out.endswith("  version 1\n")
    assert "warning: " in done.err
