"""Keys in services: nothing that they answer is believed, and those that are not used cost nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import SigningError, UsageError
from gate.sign import bundle, publickey
from gate.sign.interface import KeyInfo
from gate.sign.publickey import SignerKey
from gate.sign.service import ServiceSigner, guarded, load_extra
from gate.sign.signer import SERVICES, open_signer
from tests.trust.simulator import PrivateKey, sign

URIS = {
    "aws": "awskms:///alias/gate",
    "azure": "azurekms://acme.vault.azure.net/gate",
    "gcp": "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k",
    "pkcs11": "pkcs11:token=t;object=k?module-path=/m.so&pin-value=1",
    "keyless": "keyless://",
}
HEAVY = (
    "boto3",
    "botocore",
    "google.cloud",
    "grpc",
    "azure",
    "pkcs11",
    "sigstore",
    "httpx",
    "cryptography",
    "requests",
    "pydantic",
)


class Fake:
    """A service that answers what a function says."""

    name = "fake://key"

    def __init__(self, key: PrivateKey, answer: Callable[[bytes], bytes], hash_name: str = "sha256") -> None:
        self._info = KeyInfo(publickey.of(key.public_key(), "fake"), hash_name)
        self._answer = answer

    def describe(self) -> KeyInfo:
        """The key."""
        return self._info

    def versions(self) -> tuple[str, ...]:
        """None."""
        return ()

    def public_key(self, version: str) -> SignerKey:
        """There are no versions."""
        raise UsageError("none")

    def sign(self, data: bytes, hash_name: str) -> bytes:
        """The answer."""
        return self._answer(data)

    def create(self) -> None:
        """Not here."""


P256 = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, tuple[PrivateKey, str]] = {
    "p256": (P256, "sha256"),
    "p384": (ec.generate_private_key(ec.SECP384R1()), "sha384"),
    "rsa": (rsa.generate_private_key(65537, 2048), "sha256"),
    "ed25519": (ed25519.Ed25519PrivateKey.generate(), ""),
}
STRANGERS = {"p256": ec.generate_private_key(ec.SECP256R1()), "ed25519": ed25519.Ed25519PrivateKey.generate()}


@pytest.mark.parametrize("name", KEYS)
def test_a_good_answer_is_passed_on(name: str) -> None:
    """What verifies under the described key is the signature."""
    key, hash_name = KEYS[name]
    assert ServiceSigner(Fake(key, lambda data: sign(key, data), hash_name)).sign(b"data")


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("answer", [b"", b"garbage", b"\0" * 64, b"\x30" * 64, b"\xff" * 96, b"\0" * 256, b"x" * 100_000])
def test_garbage_never_leaves(name: str, answer: bytes) -> None:
    """Of any length, whatever the kind of key."""
    key, hash_name = KEYS[name]
    with pytest.raises(SigningError, match=r"fake://key: .* does not verify"):
        ServiceSigner(Fake(key, lambda data: answer, hash_name)).sign(b"data")


@pytest.mark.parametrize("name", KEYS)
def test_a_signature_of_something_else_never_leaves(name: str) -> None:
    """A good signature by the right key over other data, and one by another key over this data."""
    key, hash_name = KEYS[name]
    wrong: list[Callable[[bytes], bytes]] = [lambda data: sign(key, data + b".")]
    wrong += [lambda data, other=other: sign(other, data) for other in STRANGERS.values()]  # type: ignore[misc]  # bound now
    for answer in wrong:
        with pytest.raises(SigningError, match="does not verify"):
            ServiceSigner(Fake(key, answer, hash_name)).sign(b"data")


def test_nothing_is_written_then() -> None:
    """Neither bundle nor envelope comes of a wrong answer."""
    signer = ServiceSigner(Fake(P256, lambda data: b"garbage"))
    for write in (bundle.write_bundle, bundle.write_dsse, bundle.write_both):
        with pytest.raises(SigningError, match="does not verify"):
            write(b"{}", bundle.INTOTO_PAYLOAD_TYPE, signer)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: str(curve.name))
@given(r=st.integers(1, 2**250), s=st.integers(1, 2**250))
def test_both_forms_of_a_signature_are_told_apart(curve: ec.EllipticCurve, r: int, s: int) -> None:
    """``r || s`` becomes DER with the same numbers; DER stays as it is."""
    key = publickey.of(ec.derive_private_key(7, curve).public_key(), "k")
    size = (curve.key_size + 7) // 8
    assert decode_dss_signature(key.normalised(r.to_bytes(size, "big") + s.to_bytes(size, "big"))) == (r, s)
    der = encode_dss_signature(r, s)
    assert key.normalised(der) == der


def test_der_of_the_length_of_the_other_form() -> None:
    """A short DER signature with as many bytes as ``r || s`` is DER."""
    key = publickey.of(P256.public_key(), "k")
    der = encode_dss_signature(2**230, 2**230)
    assert len(der) == 64
    assert key.normalised(der) == der


@pytest.mark.parametrize("data", [b"", b"x", b"-----BEGIN PUBLIC KEY-----\n", b"\x30\x00"])
def test_what_is_no_public_key_is_refused(data: bytes) -> None:
    """A service that answers with something else is not signed with."""
    with pytest.raises(SigningError, match="something that is no public key"):
        publickey.parse(data, "fake://key")


def test_weak_keys_of_a_service_are_refused() -> None:
    """A short RSA key and a foreign curve, as with key files."""
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256K1())):
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, info)
        with pytest.raises(SigningError, match="is not one that the gate signs with"):
            publickey.parse(pem, "fake://key")


def test_what_a_library_raises_is_cleaned() -> None:
    """One line, of bounded length, without the secrets that it was told."""
    with pytest.raises(SigningError) as caught, guarded("k", "signing", secrets=("hunter2", "")):
        raise RuntimeError("the password hunter2\nis wrong " + "x" * 1000)
    assert caught.value.what.startswith("k: signing failed: RuntimeError: the password … is wrong xxx")
    assert len(caught.value.what) < 400


def test_interrupts_are_not_errors_of_a_service() -> None:
    """Ctrl-C stays Ctrl-C, and our own errors stay what they are."""
    with pytest.raises(KeyboardInterrupt), guarded("k", "signing"):
        raise KeyboardInterrupt
    with pytest.raises(UsageError), guarded("k", "signing"):
        raise UsageError("no")


@pytest.mark.parametrize("extra", URIS)
def test_a_missing_extra_is_named(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of key says what to install."""
    for name in [
        name for name in sys.modules if name.split(".")[0] in ("boto3", "botocore", "azure", "google", "pkcs11", "sigstore")
    ]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("boto3", "azure", "google", "pkcs11", "sigstore"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SigningError, match=f"need the extra '{extra}'") as caught:
        open_signer(URIS[extra], {"SIGSTORE_ID_TOKEN": "x"})
    assert caught.value.fix == f"pip install policy-gate[{extra}]"
    assert caught.value.exit_code == 3


def test_an_extra_that_is_broken_inside_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installed client misses is in the message."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(SigningError, match=r"\(boto3 is missing\)"):
        load_extra("boto3", "aws", "k")


def test_every_service_has_a_module() -> None:
    """The table of schemes leads to modules that open keys."""
    import importlib

    for module in SERVICES.values():
        assert callable(importlib.import_module(module).open_key)


@pytest.mark.parametrize(
    "code",
    [
        "import gate.sign.signer, gate.sign.bundle",
        "import gate.sign.backends.aws, gate.sign.backends.azure, gate.sign.backends.gcp, gate.sign.backends.pkcs11",
        "import gate.sign.backends.vault, gate.sign.backends.keyless",
        "from gate.__main__ import run; run(['keys', '--help']); run(['keys', 'pin', '--help'])",
    ],
)
def test_what_is_not_used_is_not_imported(code: str) -> None:
    """Neither opening the modules nor the help loads a client, an HTTP library or cryptography."""
    check = f"{code}\nimport sys\nprint('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr


def test_a_key_file_loads_no_client(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Signing with a key file imports cryptography and nothing of a key service."""
    path = tmp_path_factory.mktemp("k") / "k.pem"
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(P256.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    clients = [name for name in HEAVY if name not in ("cryptography",)]
    check = f"from gate.sign.signer import open_signer\nopen_signer({str(path)!r}, {{}}).sign(b'x')\nimport sys\n"
    check += f"print('HEAVY', [name for name in {clients!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr


def test_hashes_are_the_ones_of_the_registry() -> None:
    """A service that leaves no choice signs the hash of the curve."""
    assert [publickey.of(key.public_key(), "k").registry_hash for key, _ in KEYS.values()] == ["sha256", "sha384", "sha256", ""]
    assert isinstance(publickey.hash_of("sha384"), hashes.SHA384)
