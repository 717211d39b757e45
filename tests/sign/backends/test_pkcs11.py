"""Hardware modules, against SoftHSM."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gate.errors import GateError, SigningError, UsageError
from gate.sign.backends.pkcs11 import parse
from gate.sign.service import redact
from tests.sign.backends.checks import opened, service, signs
from tests.sign.servers.token import PIN, Token

ENVIRON = {"COSIGN_PKCS11_MODULE_PATH": "/usr/lib/module.so", "COSIGN_PKCS11_PIN": "9876"}
KINDS = {"p256": "ECDSA P-256", "p384": "ECDSA P-384", "p521": "ECDSA P-521", "rsa": "RSA 2048", "ed25519": "Ed25519"}


@pytest.mark.parametrize("label", KINDS)
def test_each_kind_of_key_signs(token: Token, label: str) -> None:
    """Curves, RSA and Ed25519 sign; what the module gives as ``r || s`` comes out as DER."""
    signs(token.uri(label), token.environ, KINDS[label])


def test_all_in_the_uri(token: Token, tmp_path: Path) -> None:
    """Module and PIN can stand in the URI, the PIN in a file too; a key has an id beside its label."""
    pin = tmp_path / "pin"
    pin.write_text(PIN + "\n")
    for secret in (f"pin-value={PIN}", f"pin-source={pin}", f"pin-source=file://{pin}"):
        opened(f"{token.uri('p256')}?module-path={token.module}&{secret}", {})
    by_id = opened("pkcs11:token=gate%20test;id=%FF%01", token.environ)
    assert by_id.public_key == opened(token.uri("rsa"), token.environ).public_key


def test_a_key_is_made_once(token: Token) -> None:
    """`create` makes P-256 under a label that is free."""
    service(token.uri("made"), token.environ).create()
    signs(token.uri("made"), token.environ, "ECDSA P-256")
    with pytest.raises(UsageError, match="there is such a key"):
        service(token.uri("made"), token.environ).create()
    with pytest.raises(UsageError, match="needs a label"):
        service("pkcs11:token=gate%20test;id=%01", token.environ).create()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("pkcs11:token=gate%20test;object=nope", "NoSuchKey"),
        ("pkcs11:token=other;object=p256", "0 tokens of the module match"),
        ("pkcs11:slot-id=99999;object=p256", "0 tokens of the module match"),
        ("pkcs11:token=gate%20test;serial=x;object=p256", "0 tokens of the module match"),
        ("pkcs11:token=gate%20test;object=secp256k1", "kind EC is not one"),
        ("pkcs11:token=gate%20test;object=p256?pin-value=0000-wrong", "PinIncorrect"),
        ("pkcs11:token=gate%20test;object=p256?module-path=/nonexistent.so", "cannot open shared object"),
        ("pkcs11:token=gate%20test;object=p256?module-path=/etc/passwd", "invalid ELF header"),
    ],
)
def test_what_goes_wrong_is_said_without_the_pin(token: Token, uri: str, message: str) -> None:
    """Wrong key, token, PIN and module are SigningErrors, and no PIN is in them."""
    with pytest.raises(SigningError, match=message) as caught:
        opened(uri, token.environ)
    said = caught.value.what + caught.value.why + caught.value.fix
    assert PIN not in said
    assert "0000-wrong" not in said


def test_the_parts_of_an_address() -> None:
    """Percent-decoding, bytes in an id, and what the environment adds; the PIN is not in the representation."""
    found = parse("pkcs11:token=a%20b;slot-id=7;serial=s;object=l%3B;id=%00%ff;type=private", ENVIRON)
    assert dataclasses.asdict(found) == {
        "name": "pkcs11:token=a%20b;slot-id=7;serial=s;object=l%3B;id=%00%ff;type=private",
        "module": "/usr/lib/module.so",
        "pin": "9876",
        "token": "a b",
        "slot": 7,
        "serial": "s",
        "label": "l;",
        "id": b"\x00\xff",
    }
    assert "9876" not in repr(found)


@pytest.mark.parametrize(
    "uri",
    [
        "pkcs11:",
        "pkcs11:object=k",
        "pkcs11:token=t",
        "pkcs11:token=t;object=k;object=j",
        "pkcs11:token=t;object=",
        "pkcs11:token=t;object",
        "pkcs11:token=t;object=k;manufacturer=m",
        "pkcs11:token=t;object=k;type=public",
        "pkcs11:token=t;slot-id=x;object=k",
        "pkcs11:token=t;object=%zz",
        "pkcs11:token=t;object=a%",
        "pkcs11:token=t;object=a%ff",
        "pkcs11:token=t;object=k?module-path=relative.so",
        "pkcs11:token=t;object=k?pin-value=secret-1&pin-source=/f",
        "pkcs11:token=t;object=k?pin-value=secret-1&pin-value=secret-1",
        "pkcs11:token=t;object=k?pin=secret-1",
        "pkcs11:token=t;object=k;pin-value=secret-1",
        "pkcs11:token=t;object=k?module-name=secret&pin-value=secret-1",
    ],
)
def test_a_malformed_address_is_refused(uri: str) -> None:
    """What is not understood, twice, empty or relative is a UsageError that shows the form and no PIN."""
    with pytest.raises(UsageError, match="not a key address of this kind") as caught:
        parse(uri, ENVIRON)
    assert "pkcs11:token=TOKEN" in caught.value.fix
    assert "secret-1" not in caught.value.what + caught.value.fix


def test_module_and_pin_must_be_given(tmp_path: Path) -> None:
    """Neither has a default, and a PIN file must be readable."""
    with pytest.raises(SigningError, match="no module is named"):
        parse("pkcs11:token=t;object=k", {})
    with pytest.raises(SigningError, match="there is no PIN"):
        parse("pkcs11:token=t;object=k?module-path=/m.so", {})
    with pytest.raises(SigningError, match="the PIN cannot be read"):
        parse(f"pkcs11:token=t;object=k?module-path=/m.so&pin-source={tmp_path}/none", {})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pkcs11:token=t?pin-value=1&module-path=/m", "pkcs11:token=t?pin-value=…&module-path=/m"),
        ("--sign-key=pkcs11:token=t?PIN-Value=1", "--sign-key=pkcs11:token=t?PIN-Value=…"),
        ("pkcs11:token=t;pin=1;object=k", "pkcs11:token=t;pin=…;object=k"),
        ("pkcs11:token=t?pin-source=/f", "pkcs11:token=t?pin-source=/f"),
        ("--pinned=gate.pub", "--pinned=gate.pub"),
        ("pkcs11:token=t?pin-value=12&34&module-path=/m", "pkcs11:token=t?pin-value=…&module-path=/m"),
        ("pkcs11:token=t?pin-value=12;34", "pkcs11:token=t?pin-value=…"),
        ("pkcs11:token=t?pin-value=12 34\n5", "pkcs11:token=t?pin-value=…"),
        ("pkcs11:token=t?pin%2Dvalue=12", "pkcs11:token=t?pin%2Dvalue=…"),
    ],
)
def test_records_hold_no_pin(text: str, shown: str) -> None:
    """What is recorded of a command line has the PIN left out, and nothing else."""
    assert redact(text) == shown


@pytest.mark.parametrize("pin", ["12&hunter2", "12;hunter2", "12 hunter2", "hunter2%zz", "hunter2&"])
def test_no_part_of_a_badly_written_pin_is_said(pin: str) -> None:
    """What follows a separator that was not encoded is still the PIN's."""
    for uri in (f"pkcs11:token=t;object=k?pin-value={pin}", f"pkcs11:token=t;pin-value={pin};object=k?module-path=/m"):
        with pytest.raises(GateError) as caught:
            parse(uri, {})
        assert "hunter2" not in f"{caught.value.what} {caught.value.why} {caught.value.fix}"
