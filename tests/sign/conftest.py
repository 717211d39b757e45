"""One server of each kind for a test process; each test makes keys of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.sign.servers.aws import corrected, moto
from tests.sign.servers.azure import KeyVault, key_vault
from tests.sign.servers.gcp import CloudKms, cloud_kms
from tests.sign.servers.token import Token
from tests.sign.servers.vault import OpenBao, openbao


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A running OpenBao."""
    with openbao(tmp_path_factory.mktemp("bao")) as server:
        yield server


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    """A token with a key of each kind."""
    made = Token(tmp_path_factory.mktemp("token"))
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(made.configuration)  # read by the module's own code, from the real environment
    made.fill()
    yield made
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture(scope="session")
def moto_server() -> Iterator[dict[str, str]]:
    """A running moto, as it comes."""
    with moto() as environ:
        yield environ


@pytest.fixture
def aws(moto_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a KMS that signs digests as AWS does."""
    corrected(monkeypatch)
    for name, value in moto_server.items():
        monkeypatch.setenv(name, value)
    return moto_server


@pytest.fixture
def gcp(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudKms]:
    """A Cloud KMS without keys."""
    with cloud_kms(monkeypatch) as fake:
        yield fake


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyVault]:
    """A vault without keys."""
    with key_vault(monkeypatch) as fake:
        yield fake
