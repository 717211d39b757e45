"""Key files that cosign and sigstore-rs published as test vectors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gate.errors import SigningError
from gate.sign.signer import open_signer

CORPUS = Path(os.environ.get("GATE_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
KEYS = CORPUS / "signatures"
needs_corpus = pytest.mark.skipif(not KEYS.is_dir(), reason=f"no corpus folder (GATE_CORPUS): {KEYS} is absent")


@needs_corpus
@pytest.mark.parametrize(
    ("path", "password"),
    [
        ("cosign/encrypted-keys/pemcosignkey.key", "hello"),
        ("cosign/encrypted-keys/pemcosigneckey.key", "hello"),
        ("cosign/encrypted-keys/pemsigstorekey.key", "hello"),
        ("sigstore-rs/tests/data/keys/cosign_generated_encrypted_empty_private.key", ""),
        ("sigstore-rs/tests/data/keys/ecdsa_encrypted_private.key", "123"),
        ("sigstore-rs/tests/data/keys/rsa_encrypted_private.key", "123"),
    ],
)
def test_published_key_files_open_and_sign(path: str, password: str) -> None:
    """Both labels, two scrypt costs, EC and RSA: each opens with its password and with no other."""
    assert open_signer(str(KEYS / path), {"COSIGN_PASSWORD": password}).sign(b"data")
    with pytest.raises(SigningError, match="password does not open"):
        open_signer(str(KEYS / path), {"COSIGN_PASSWORD": password + "x"})
