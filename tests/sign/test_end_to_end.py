"""From `gate verify --attest --sign-key URI` to `gate verify-vsa` with the pinned key, for every kind of key."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.__main__ import run
from gate.attest.signature import signature_statement
from gate.limits import DEFAULT
from gate.sign import keyfile
from gate.trust.statement import parse_statement
from tests.sign.servers.aws import make
from tests.sign.servers.sigstore import ISSUER, SUBJECT, instance
from tests.sign.servers.sigstore import token as identity_token
from tests.sign.servers.token import PIN
from tests.tools import repository, tool

VERIFIER, RESOURCE = "https://gate.example/ci", "oci://registry.example/shop/clean"
AGES = ("--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500")

Prepare = Callable[[pytest.FixtureRequest, pytest.MonkeyPatch, Path], str]


def _file(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    patch.setenv("COSIGN_PASSWORD", "pw")
    return str(keyfile.write_pair(folder / "own", *keyfile.generate(b"pw"))[0])


def _env(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    patch.setenv("COSIGN_PASSWORD", "pw")
    patch.setenv("SIGNING_KEY", keyfile.generate(b"pw")[0].decode())
    return "env://SIGNING_KEY"


def _vault(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    bao = request.getfixturevalue("bao")
    bao.make("end-to-end")
    for name, value in bao.environ.items():
        patch.setenv(name, value)
    return "openbao://end-to-end"


def _token(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    held = request.getfixturevalue("token")
    return f"{held.uri('p384')}?module-path={held.module}&pin-value={PIN}"


def _aws(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    return f"awskms:///{make(request.getfixturevalue('aws'), 'ECC_NIST_P521')}"


def _gcp(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    return str(request.getfixturevalue("gcp").make("k", "EC_SIGN_ED25519"))


def _azure(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch, folder: Path) -> str:
    return str(request.getfixturevalue("azure").make("k", "RSA"))


KEYS: dict[str, Prepare] = {
    "file": _file,
    "env": _env,
    "vault": _vault,
    "pkcs11": _token,
    "aws": _aws,
    "gcp": _gcp,
    "azure": _azure,
}


def decide(uri: str, folder: Path, patch: pytest.MonkeyPatch, *more: str) -> int:
    """Verify the clean sample and sign its summary with the key; files go into the folder."""
    tool("opa")
    patch.chdir(repository())
    patch.setenv("GATE_STORE", str(folder / "store"))
    arguments = ["verify", "oci:testdata/images/clean", "--key", "testdata/keys/cosign.pub", *AGES, "--attest", "--sign-key", uri]
    arguments += ["--verifier-id", VERIFIER, "--resource-uri", RESOURCE, "--attest-dir", str(folder), *more]
    patch.setattr(sys, "argv", ["gate", *arguments])  # what is recorded
    return run(arguments)


def demands(bundle: Path) -> list[str]:
    """What a deploy step asks of the summary, besides whose it is."""
    statement = json.loads(base64.b64decode(json.loads(bundle.read_bytes())["dsseEnvelope"]["payload"]))
    subject, policy = (
        f"sha256:{item['digest']['sha256']}" for item in (statement["subject"][0], statement["predicate"]["policy"])
    )
    asked = ["verify-vsa", str(bundle), "--digest", subject, "--policy-digest", policy]
    return [*asked, "--verifier-id", VERIFIER, "--resource-uri", RESOURCE, "--max-age", "1"]


@pytest.mark.parametrize("kind", KEYS)
def test_a_summary_verifies_with_the_pinned_key(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sign, pin, verify without the service; with another key it does not verify."""
    uri = KEYS[kind](request, monkeypatch, tmp_path)
    assert decide(uri, tmp_path, monkeypatch) == 0, capsys.readouterr().err
    pinned = tmp_path / "pinned.pub"
    assert run(["keys", "pin", uri, "--output", str(pinned)]) == 0
    written = next(tmp_path.glob("*.vsa.sigstore.json"))
    for name in ("BAO_ADDR", "VAULT_ADDR", "AWS_ENDPOINT_URL_KMS", "COSIGN_PASSWORD"):  # nothing is asked from here on
        monkeypatch.delenv(name, raising=False)
    assert run([*demands(written), "--key", str(pinned)]) == 0, capsys.readouterr().err
    (tmp_path / "other.pub").write_bytes(keyfile.generate(b"")[1])
    assert run([*demands(written), "--key", str(tmp_path / "other.pub")]) == 1


@pytest.mark.parametrize("v2", [False, True], ids=["rekor-v1", "rekor-v2"])
def test_a_keyless_summary_verifies_with_its_identity(
    v2: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sign with the job's identity, verify with that identity under the private instance's root; another one does not verify."""
    (tmp_path / "instance").mkdir()
    with instance(tmp_path / "instance", v2=v2) as private:
        root, config = private.write()
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", identity_token())
        assert decide(f"keyless://{config}", tmp_path, monkeypatch) == 0, capsys.readouterr().err
    asked = demands(next(tmp_path.glob("*.vsa.sigstore.json")))
    asked += ["--trusted-root", root, "--certificate-oidc-issuer", ISSUER, "--certificate-identity"]
    assert run([*asked, SUBJECT]) == 0, capsys.readouterr().err
    assert run([*asked, "https://ci.example/acme/app/other"]) == 1


def test_no_secret_is_recorded(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line is recorded with the verdict; the PIN in the key's URI is not, nor anywhere else in what was written."""
    assert decide(_token(request, monkeypatch, tmp_path), tmp_path, monkeypatch) == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"pin-value=\xe2\x80\xa6" in path.read_bytes() for path in written)
    assert not [path for path in written if PIN.encode() in path.read_bytes()]
    assert PIN not in "".join(capsys.readouterr())


@pytest.mark.parametrize("uri", ["awskms:///alias/a", "openbao://k", "keyless://"])
def test_offline_goes_with_no_key_service(
    uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--offline opens no socket, so a key behind one is a contradiction, said at once."""
    assert decide(uri, tmp_path, monkeypatch, "--offline") == 2
    assert "--offline" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.vsa.*"))


def test_offline_goes_with_a_token(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A module is not a socket."""
    assert decide(_token(request, monkeypatch, tmp_path), tmp_path, monkeypatch, "--offline") == 0


def test_a_service_that_does_not_answer_signs_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3 before anything is verified, and no file."""
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    monkeypatch.setenv("VAULT_TOKEN", "t")
    assert decide("hashivault://gate", tmp_path, monkeypatch) == 3
    assert "hashivault://gate: reading the key failed" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["vault", "keyless"])
def test_an_image_in_a_layout_is_signed(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gate sign` with a key in a service and without a key; `gate verify` finds the signature and takes it."""
    tool("opa")
    image = shutil.copytree(repository() / "testdata/images/clean", tmp_path / "clean")
    monkeypatch.setenv("GATE_STORE", str(tmp_path / "store"))
    with contextlib.ExitStack() as stack:
        if kind == "keyless":
            (tmp_path / "instance").mkdir()
            root, config = stack.enter_context(instance(tmp_path / "instance")).write()
            monkeypatch.setenv("SIGSTORE_ID_TOKEN", identity_token())
            uri = f"keyless://{config}"
            trust = ["--trusted-root", root, "--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER]
        else:
            uri = _vault(request, monkeypatch, tmp_path)
            assert run(["keys", "pin", uri, "--output", str(tmp_path / "gate.pub")]) == 0
            trust = ["--key", str(tmp_path / "gate.pub")]
        assert run(["sign", f"oci:{image}", "--key", uri]) == 0, capsys.readouterr().err
    assert "signed, referrer sha256:" in capsys.readouterr().out
    # the sample's own evidence is signed by another key, which is not trusted here: only the new signature can count
    code = run(["verify", f"oci:{image}", *trust, *AGES, "--output", f"json={tmp_path}/verdict.json"])
    assert code in (1, 3)
    verdict = json.loads((tmp_path / "verdict.json").read_text())["verdicts"][0]
    found = [item["verification"] for item in verdict["outcome"]["evidence"] if item["kind"] == "signature"]
    verified = [item for item in found if item["state"] == "verified"]
    assert len(verified) == 1
    assert verified[0]["identity"] == (SUBJECT if kind == "keyless" else None)


@pytest.mark.parametrize("said", [{}, {"commit": "abc"}])
def test_an_empty_name_is_no_name(said: dict[str, str]) -> None:
    """What keyless signing needs in the statement is read as the statement without it."""
    plain, named = (signature_statement(f"sha256:{'a' * 64}", said, named=flag) for flag in (False, True))
    assert plain != named
    assert parse_statement(plain, DEFAULT) == parse_statement(named, DEFAULT)
