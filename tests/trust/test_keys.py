"""Public keys: kinds, encodings of signatures, and what is refused."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gate.errors import ConfigError
from gate.trust.keys import load_public_key, wrap
from tests.trust.simulator import PrivateKey, Sigstore, der_of, public, sign

CURVES = {"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48), "P-521": (ec.SECP521R1(), 66)}
MESSAGE = b"message"


def _keys() -> dict[str, PrivateKey]:
    keys: dict[str, PrivateKey] = {name: ec.generate_private_key(curve) for name, (curve, _) in CURVES.items()}
    keys["RSA"] = rsa.generate_private_key(65537, 2048)
    keys["Ed25519"] = ed25519.Ed25519PrivateKey.generate()
    return keys


KEYS = _keys()


@pytest.mark.parametrize("name", KEYS)
def test_every_kind_verifies_its_own_signature_only(name: str) -> None:
    """A good signature verifies; another message, a cut one, an empty one and another key's do not."""
    key = KEYS[name]
    signature = sign(key, MESSAGE)
    verifier = load_public_key(public(key).pem)
    assert verifier == public(key)
    assert verifier.verify(signature, MESSAGE)
    for bad, message in ((signature, b"other"), (signature[:-1], MESSAGE), (b"", MESSAGE), (bytes(64), MESSAGE)):
        assert not verifier.verify(bad, message)
    others = [other for other_name, other in KEYS.items() if other_name != name]
    assert not any(verifier.verify(sign(other, MESSAGE), MESSAGE) for other in others)


@pytest.mark.parametrize("name", CURVES)
def test_ecdsa_is_der_or_two_numbers(name: str) -> None:
    """IEEE P1363 signatures, as PKCS#11 and some cloud signers write them, verify (10)."""
    key, (curve, size) = KEYS[name], CURVES[name]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(sign(key, MESSAGE))
    assert public(key).verify(r.to_bytes(size, "big") + s.to_bytes(size, "big"), MESSAGE), curve
    assert not public(key).verify(s.to_bytes(size, "big") + r.to_bytes(size, "big"), MESSAGE)


@pytest.mark.parametrize("name", ["P-384", "P-521"])
def test_big_curves_may_sign_sha256(name: str) -> None:
    """Older signers used SHA-256 with every curve (9)."""
    key = KEYS[name]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert public(key).verify(key.sign(MESSAGE, ec.ECDSA(hashes.SHA256())), MESSAGE)
    assert not public(key).verify(key.sign(MESSAGE, ec.ECDSA(hashes.SHA224())), MESSAGE)


def test_a_digest_is_enough_but_for_ed25519() -> None:
    """ECDSA and RSA verify from a digest of the right length; Ed25519 never does."""
    digest = hashlib.sha256(MESSAGE).digest()
    for name in ("P-256", "RSA"):
        assert public(KEYS[name]).verify_digest(sign(KEYS[name], MESSAGE), "sha256", digest)
        assert not public(KEYS[name]).verify_digest(sign(KEYS[name], MESSAGE), "sha512", digest)
        assert not public(KEYS[name]).verify_digest(sign(KEYS[name], MESSAGE), "md5", digest)
    assert not public(KEYS["Ed25519"]).verify_digest(sign(KEYS["Ed25519"], MESSAGE), "sha256", digest)


def test_ed25519ph_is_that_of_the_rfc() -> None:
    """The vector of RFC 8032 section 7.3 verifies, and no other message does."""
    key = ed25519.Ed25519PublicKey.from_public_bytes(
        bytes.fromhex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")
    )
    signature = bytes.fromhex(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )
    assert wrap(key).verify(signature, b"abc")
    assert not wrap(key).verify(signature, b"abd")


@pytest.mark.parametrize("salt", [0, 20, 32])
def test_rsa_pss(salt: int) -> None:
    """A PSS signature verifies with any salt, over its message only, and only with one hash throughout."""
    key = KEYS["RSA"]
    assert isinstance(key, rsa.RSAPrivateKey)
    pss = key.sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    assert public(key).verify(pss, MESSAGE)
    assert not public(key).verify(pss, MESSAGE + b"!")
    assert not public(key).verify(pss[:-1] + bytes([pss[-1] ^ 1]), MESSAGE)
    mixed = key.sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA1()), salt), hashes.SHA256())
    assert not public(key).verify(mixed, MESSAGE)


def test_huge_rsa_keys_are_refused() -> None:
    """An RSA key of 16384 bits costs whoever verifies with it, and is no key that anybody needs."""
    numbers = rsa.RSAPublicNumbers(65537, (1 << 16383) | 1)
    with pytest.raises(ValueError, match="16384 bits"):
        wrap(numbers.public_key())


def test_key_id_is_the_hash_of_the_key_info() -> None:
    """PEM and DER of one key give one key id."""
    der = der_of(KEYS["P-256"])
    key = load_public_key(der)
    assert key.key_id == "sha256:" + hashlib.sha256(der).hexdigest()
    assert load_public_key(b"\n" + key.pem + b"\n\n").key_id == key.key_id


def _refused() -> dict[str, bytes]:
    private = KEYS["P-256"].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    spki = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "a certificate": Sigstore().signer().pem.encode(),
        "a private key": private,
        "secp256k1": ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(*spki),
        "1024 bits": rsa.generate_private_key(65537, 1024).public_key().public_bytes(*spki),
        "not accepted": dsa.generate_private_key(2048).public_key().public_bytes(*spki),
        "cannot be used": b"garbage",
        "the public key cannot be used": b"",
        "cannot be used: ": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    }


REFUSED = _refused()


@pytest.mark.parametrize("words", REFUSED)
def test_other_things_are_refused_as_configuration(words: str) -> None:
    """Certificates, private keys, weak and unknown keys and garbage are the operator's mistake, and the message says which."""
    with pytest.raises(ConfigError, match=words) as caught:
        load_public_key(REFUSED[words])
    assert caught.value.fix
