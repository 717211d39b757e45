"""AWS KMS, against moto."""

from __future__ import annotations

import pytest

from gate.errors import SigningError, UsageError
from gate.sign.backends import aws as backend
from tests.sign.backends.checks import opened, service, signs
from tests.sign.servers.aws import make

KINDS = {
    "ECC_NIST_P256": "ECDSA P-256",
    "ECC_NIST_P384": "ECDSA P-384",
    "ECC_NIST_P521": "ECDSA P-521",
    "RSA_2048": "RSA 2048",
}
UUID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize("spec", KINDS)
def test_each_kind_of_key_signs(aws: dict[str, str], spec: str) -> None:
    """By ARN, and messages over the 4,096 bytes that KMS takes."""
    signs(f"awskms:///{make(aws, spec)}", aws, KINDS[spec])


def test_an_alias_is_followed_once(aws: dict[str, str]) -> None:
    """Between opening and signing the alias may be pointed at another key; the key that was described signs."""
    first = make(aws, "ECC_NIST_P256", "moved")
    signer = opened("awskms:///alias/moved", aws)
    assert signer.info.version == first.rpartition("/")[2]
    make(aws, "ECC_NIST_P256", "moved")
    assert signer.sign(b"data")
    assert opened("awskms:///alias/moved", aws).public_key != signer.public_key


def test_a_signature_over_something_else_never_leaves(moto_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """moto as it comes hashes the digest once more: its signatures are well formed, by the right key, and wrong."""
    for name, value in moto_server.items():
        monkeypatch.setenv(name, value)
    signer = opened(f"awskms:///{make(moto_server, 'ECC_NIST_P256')}", moto_server)
    with pytest.raises(SigningError, match="does not verify"):
        signer.sign(b"data")


def test_a_key_is_made_once(aws: dict[str, str]) -> None:
    """`create` makes P-256 and its alias; an id cannot be chosen."""
    service("awskms:///alias/created", aws).create()
    signs("awskms:///alias/created", aws, "ECDSA P-256")
    with pytest.raises(UsageError, match="there is such a key"):
        service("awskms:///alias/created", aws).create()
    with pytest.raises(UsageError, match="AWS chooses the id"):
        service(f"awskms:///{UUID}", aws).create()


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("ECC_SECG_P256K1", "SIGN_VERIFY"), ("RSA_2048", "ENCRYPT_DECRYPT"), ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")],
)
def test_other_keys_are_refused(aws: dict[str, str], spec: str, usage: str) -> None:
    """A curve outside the list, and keys for encryption."""
    with pytest.raises(SigningError):
        opened(f"awskms:///{make(aws, spec, usage=usage)}", aws)


def test_a_key_that_is_not_there(aws: dict[str, str]) -> None:
    """The service's own words, with a way out."""
    with pytest.raises(SigningError, match="kms:GetPublicKey failed: NotFoundException") as caught:
        opened("awskms:///alias/none", aws)
    assert "credentials" in caught.value.fix
    assert aws["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_region_and_host_come_from_the_address(aws: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An ARN's region goes before the environment's; a host makes the endpoint; without any region the fix names it."""
    key = backend.open_key(f"awskms://kms.example/arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/{UUID}", aws)
    assert key._client.meta.region_name == "us-gov-west-1"
    assert key._client.meta.endpoint_url == "https://kms.example"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(SigningError, match="NoRegionError") as caught:
        backend.open_key("awskms:///alias/a", {})
    assert "AWS_REGION" in caught.value.fix


@pytest.mark.parametrize(
    "uri",
    [
        "awskms://",
        "awskms:///",
        "awskms://alias/a",
        "awskms:///alias/",
        "awskms:///alias/a b",
        "awskms:///alias/a?x",
        f"awskms:///{UUID}x",
        "awskms:///arn:aws:s3:eu-west-1:123456789012:key/" + UUID,
        "awskms:///arn:aws:kms:eu-west-1:123:key/" + UUID,
        f"awskms://user:pw@host/{UUID}",
        f"awskms://host/path/{UUID}",
        f"awskms:///{UUID}\n",
    ],
)
def test_a_malformed_address_is_refused(uri: str) -> None:
    """A UsageError that shows the forms."""
    with pytest.raises(UsageError, match="not a key address of this kind") as caught:
        backend.open_key(uri, {})
    assert "awskms:///alias/NAME" in caught.value.fix


@pytest.mark.parametrize(
    "key",
    [
        UUID,
        "mrk-" + "0" * 32,
        "alias/a/b_c-1",
        f"arn:aws:kms:eu-west-1:123456789012:key/{UUID}",
        "arn:aws-cn:kms:cn-north-1:123456789012:alias/x",
    ],
)
def test_each_form_of_a_key(aws: dict[str, str], key: str) -> None:
    """Id, multi-region id, alias, and ARNs of both."""
    for host in ("", "localhost:4566", "vpce-1.kms.eu-west-1.vpce.amazonaws.com"):
        assert backend.open_key(f"awskms://{host}/{key}", aws).name == f"awskms://{host}/{key}"
