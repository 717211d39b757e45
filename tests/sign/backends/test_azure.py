"""Azure Key Vault, against an HTTP server with its API."""

from __future__ import annotations

import pytest

from gate.errors import SigningError, UsageError
from gate.sign.backends import azure as backend
from tests.sign.backends.checks import opened, service, signs
from tests.sign.servers.azure import VAULT, KeyVault

KINDS = {"P-256": "ECDSA P-256", "P-384": "ECDSA P-384", "P-521": "ECDSA P-521", "RSA": "RSA 2048"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_key_signs(azure: KeyVault, kind: str) -> None:
    """Curves, whose ``r || s`` comes out as DER, and RSA; after the challenge that asks for a token."""
    signs(azure.make("k", kind), {}, KINDS[kind])


def test_the_version_that_was_described_signs(azure: KeyVault) -> None:
    """A rotation between opening and signing changes nothing; a version in the URI is kept to."""
    uri = azure.make("k")
    first = opened(uri, {})
    azure.make("k")
    assert first.sign(b"data")
    second = opened(uri, {})
    assert second.info.version == f"{2:032x}"
    assert second.service.versions() == (f"{1:032x}", f"{2:032x}")
    assert second.service.public_key(f"{1:032x}") == first.public_key
    fixed = opened(f"{uri}/{1:032x}", {})
    assert (fixed.info.version, fixed.public_key) == (f"{1:032x}", first.public_key)
    assert second.sign(b"data")


def test_a_key_is_made_once(azure: KeyVault) -> None:
    """`create` makes P-256; a second time would be a rotation, so it is an error."""
    uri = f"azurekms://{VAULT}/made"
    service(uri, {}).create()
    signs(uri, {}, "ECDSA P-256")
    with pytest.raises(UsageError, match="there is such a key"):
        service(uri, {}).create()
    with pytest.raises(UsageError, match="Azure chooses"):
        service(f"{uri}/{1:032x}", {}).create()
    assert len(azure.keys["made"]) == 1


def test_another_curve_is_refused(azure: KeyVault) -> None:
    """P-256K is named."""
    with pytest.raises(SigningError, match="kind EC P-256K is not one"):
        opened(azure.make("k", "P-256K"), {})


@pytest.mark.parametrize("wrong", [b"", b"garbage", b"\0" * 64, b"\1" * 64, b"\xff" * 64], ids=range(5))
def test_wrong_answers_never_leave(azure: KeyVault, wrong: bytes) -> None:
    """Garbage of every length."""
    signer = opened(azure.make("k"), {})
    azure.answer = lambda signature: wrong
    with pytest.raises(SigningError, match=r"does not verify|signing failed"):
        signer.sign(b"data")


def test_another_keys_signature_never_leaves(azure: KeyVault) -> None:
    """A good signature by the version after it is wrong."""
    uri = azure.make("k")
    signer = opened(uri, {})
    azure.make("k")
    azure.keys["k"][f"{1:032x}"] = azure.keys["k"][f"{2:032x}"]
    with pytest.raises(SigningError, match="does not verify"):
        signer.sign(b"data")


def test_a_key_that_is_not_there(azure: KeyVault) -> None:
    """The service's own words."""
    with pytest.raises(SigningError, match=r"reading the public key failed: ResourceNotFoundError: .*KeyNotFound"):
        opened(f"azurekms://{VAULT}/none", {})


@pytest.mark.parametrize(
    "uri",
    [
        "azurekms://",
        "azurekms://v",
        "azurekms://v/",
        "azurekms:///k",
        "azurekms://v/k_1",
        "azurekms://v/k/",
        "azurekms://v/k/1",
        "azurekms://v/k/" + "0" * 33,
        "azurekms://user:pw@v/k",
        "azurekms://v..net/k",
        "azurekms://v/k?x",
    ],
)
def test_a_malformed_address_is_refused(uri: str) -> None:
    """A UsageError that shows the form."""
    with pytest.raises(UsageError, match="not a key address of this kind") as caught:
        backend.open_key(uri, {})
    assert "azurekms://VAULT.vault.azure.net/KEY" in caught.value.fix


def test_the_clients_are_built_as_they_are_used() -> None:
    """Without any stand-in: the usual credentials, and bounded waiting; nothing is sent yet."""
    identity = pytest.importorskip("azure.identity", reason="azure-identity is not here (requirements/servers.txt)")
    credential, options = backend.connect(identity)
    assert isinstance(credential, identity.DefaultAzureCredential)
    assert set(options.values()) == {30}
    assert backend.open_key(f"azurekms://{VAULT}/k", {}).name == f"azurekms://{VAULT}/k"
