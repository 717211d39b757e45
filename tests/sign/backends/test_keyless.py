"""Keyless signing, against a private Sigstore instance made of the test suite's own keys."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sigstore import dsse

from gate.errors import SigningError, UsageError
from gate.sign import bundle
from gate.sign.interface import BundleSigner
from gate.sign.signer import open_signer
from tests.sign.servers.sigstore import ISSUER, SUBJECT, Instance, instance, token
from tests.trust.helpers import opened
from tests.trust.simulator import STATEMENT

INTOTO = bundle.INTOTO_PAYLOAD_TYPE


@pytest.fixture(params=[False, True], ids=["rekor-v1", "rekor-v2"])
def private(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Instance]:
    """A running instance."""
    with instance(tmp_path, v2=request.param) as made:
        yield made


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Surroundings that offer no identity."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME", "SIGSTORE_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_a_bundle_verifies_in_the_gate(private: Instance) -> None:
    """Certificate, log and time verify with the instance's root and the identity of the token; another identity does not."""
    _, config = private.write()
    signer = open_signer(f"keyless://{config}", {"SIGSTORE_ID_TOKEN": token()})
    assert isinstance(signer, BundleSigner)
    full, bare = bundle.write_both(STATEMENT, INTOTO, signer)
    found = opened(full, private.sim.trust(SUBJECT, ISSUER))
    assert found.verification.state == "verified", found.verification.reason
    assert found.payload == STATEMENT
    assert (found.verification.identity, found.verification.issuer) == (SUBJECT, ISSUER)
    assert opened(full, private.sim.trust("https://ci.example/other", ISSUER)).verification.state == "failed"
    assert json.loads(bare) == json.loads(full)["dsseEnvelope"]
    assert "certificate" in json.loads(full)["verificationMaterial"]


def test_each_bundle_has_a_certificate_of_its_own(private: Instance) -> None:
    """A key is used for one bundle and forgotten."""
    _, config = private.write()
    signer = open_signer(f"keyless://{config}", {"SIGSTORE_ID_TOKEN": token()})
    made = [json.loads(bundle.write_bundle(STATEMENT, INTOTO, signer)) for _ in range(2)]
    first, second = (item["verificationMaterial"]["certificate"]["rawBytes"] for item in made)
    assert first != second


def test_there_is_no_key_and_no_bare_signature(private: Instance) -> None:
    """What would be worth nothing is refused, and so is a payload that is no statement."""
    _, config = private.write()
    signer = open_signer(f"keyless://{config}", {"SIGSTORE_ID_TOKEN": token()})
    with pytest.raises(SigningError, match="not bare signatures"):
        signer.sign(b"data")
    with pytest.raises(UsageError, match="no key to show"):
        _ = signer.public_key
    with pytest.raises(SigningError, match="takes in-toto statements"):
        bundle.write_bundle(b"x", "text/plain", signer)
    with pytest.raises(SigningError, match="malformed in-toto statement"):
        bundle.write_bundle(b"{}", INTOTO, signer)


def _other_chain(answer: dict[str, Any]) -> dict[str, Any]:
    answer["signedCertificateEmbeddedSct"]["chain"]["certificates"] = ["garbage", "garbage"]
    return answer


def _stolen(answer: dict[str, Any]) -> dict[str, Any]:
    """A certificate for a key that is not ours."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from tests.trust.simulator import Sigstore

    other = Sigstore().signer()
    assert other.certificate is not None
    pem = other.certificate.public_bytes(Encoding.PEM).decode()
    answer["signedCertificateEmbeddedSct"]["chain"]["certificates"][0] = pem
    return answer


def _flipped(answer: dict[str, Any]) -> dict[str, Any]:
    """A log entry whose body is another."""
    entry = answer.get("0" * 64, answer)
    name = "body" if "body" in entry else "canonicalizedBody"
    body = json.loads(base64.b64decode(entry[name]))
    body["spec"]["extra"] = 1
    entry[name] = base64.b64encode(json.dumps(body).encode()).decode()
    return answer


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("signingCert", lambda answer: None),
        ("signingCert", lambda answer: {}),
        ("signingCert", _other_chain),
        ("signingCert", _stolen),
        ("entries", lambda answer: None),
        ("entries", lambda answer: {}),
        ("entries", _flipped),
    ],
)
def test_wrong_answers_of_the_instance_give_no_bundle(private: Instance, path: str, change: Any) -> None:
    """A broken authority, a certificate of someone else, a broken log and a wrong entry: SigningError, without the token."""
    _, config = private.write()
    raw = token()
    signer = open_signer(f"keyless://{config}", {"SIGSTORE_ID_TOKEN": raw})
    private.changed[path] = change
    with pytest.raises(SigningError, match="signing failed") as caught:
        bundle.write_bundle(STATEMENT, INTOTO, signer)
    assert raw not in caught.value.what + caught.value.why + caught.value.fix


@pytest.mark.usefixtures("quiet")
def test_an_identity_is_needed(tmp_path: Path) -> None:
    """Without a token it is said where one comes from; nothing is asked of a person and no browser opened."""
    with instance(tmp_path) as private:
        _, config = private.write()
        with pytest.raises(SigningError, match="there is no identity to sign with") as caught:
            open_signer(f"keyless://{config}", {})
        assert "id-token: write" in caught.value.fix
        assert not private.asked


@pytest.mark.parametrize(
    "raw", ["garbage", token(aud="other"), token(exp=1), "a.b.c"], ids=["garbage", "audience", "expired", "parts"]
)
def test_a_token_that_is_none_is_refused_and_not_shown(tmp_path: Path, raw: str) -> None:
    """Opening fails before anything is verified; the message does not hold the token."""
    with instance(tmp_path) as private:
        _, config = private.write()
        with pytest.raises(SigningError, match="reading the identity token failed") as caught:
            open_signer(f"keyless://{config}", {"SIGSTORE_ID_TOKEN": raw})
        assert raw not in caught.value.what + caught.value.fix


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("ci", ["github", "gitlab", "gcp", "buildkite"])
def test_the_identity_of_the_ci_system_is_used(
    private: Instance, ci: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The token of each CI system ends in the certificate; each is asked anew for every bundle."""
    _, config = private.write()
    sub = f"https://{ci}.example/job"
    asked = tmp_path / "asked"
    asked.write_text("")
    offer(ci, monkeypatch, tmp_path, token(sub=sub))
    signer = open_signer(f"keyless://{config}", {})
    full = bundle.write_bundle(STATEMENT, INTOTO, signer)
    assert opened(full, private.sim.trust(sub, ISSUER)).verification.state == "verified"
    assert asked.read_text() == ("" if ci == "gitlab" else "xx")


def offer(ci: str, monkeypatch: pytest.MonkeyPatch, folder: Path, raw: str) -> None:
    """Surroundings as in a job of that CI system; each time that it is asked, it leaves a mark."""
    if ci == "gitlab":  # the job's own variable holds it
        monkeypatch.setenv("GITLAB_CI", "true")
        monkeypatch.setenv("SIGSTORE_ID_TOKEN", raw)
    elif ci == "buildkite":  # the agent is a program on PATH
        monkeypatch.setenv("BUILDKITE", "true")
        agent = folder / "buildkite-agent"
        agent.write_text(f"#!/bin/sh\nprintf x >> {folder}/asked\nprintf %s {raw}\n")
        agent.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    elif ci == "github":
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://actions.example/token")
    else:
        (folder / "product_name").write_text("Google Compute Engine\n")
        monkeypatch.setattr("id._internal.oidc.ambient._GCP_PRODUCT_NAME_FILE", str(folder / "product_name"))

    class Answer:
        status, data = 200, raw.encode()

        def json(self) -> dict[str, str]:
            """As GitHub wraps it."""
            return {"value": raw}

    def request(*arguments: Any, **options: Any) -> Answer:
        with (folder / "asked").open("a") as marks:
            marks.write("x")
        return Answer()

    monkeypatch.setattr("id._internal.oidc.ambient.urllib3.request", request)  # GitHub's and Google's are HTTP services


@pytest.mark.parametrize("uri", ["keyless://a?b", "keyless://user@host"])
def test_a_malformed_address_is_refused(uri: str) -> None:
    """Only a path can follow."""
    with pytest.raises(UsageError, match="not a keyless address"):
        open_signer(uri, {})


@pytest.mark.parametrize("text", ["", "{}", "garbage", '{"mediaType": "x"}'])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Another file, or none, is a SigningError that says what is wanted."""
    path = tmp_path / "config.json"
    if text:
        path.write_text(text)
    with pytest.raises(SigningError, match="reading the instance's configuration failed") as caught:
        open_signer(f"keyless://{path}", {"SIGSTORE_ID_TOKEN": token()})
    assert "client trust config" in caught.value.fix


def test_a_bundle_around_another_payload_is_not_given_out(private: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look compares what was signed with what was to be signed."""
    _, config = private.write()
    signer = open_signer(f"keyless://{config}", {"SIGSTORE_ID_TOKEN": token()})
    other = STATEMENT.replace(b'"app"', b'"bad"')
    monkeypatch.setattr("sigstore.dsse.Statement", lambda payload, make=dsse.Statement: make(other))
    with pytest.raises(SigningError, match="holds another payload"):
        bundle.write_bundle(STATEMENT, INTOTO, signer)


def test_a_configuration_without_end_is_refused(tmp_path: Path) -> None:
    """It is read up to a bound."""
    path = tmp_path / "config.json"
    path.write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(SigningError, match="the configuration is over 1048576 bytes"):
        open_signer(f"keyless://{path}", {"SIGSTORE_ID_TOKEN": token()})
