"""Signatures and attestations in cosign's older form: a layer and its annotations."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from gate.errors import EvidenceInvalid
from gate.trust.envelope import describe_signer
from tests.trust.helpers import opened, reason
from tests.trust.simulator import (
    IDENTITY,
    NOW,
    STATEMENT,
    Signer,
    Sigstore,
    b64,
    dsse_body,
    hashedrekord,
    key_trust,
    pem_of,
    plain_dsse,
    sign,
)

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
DIGEST = "sha256:" + "a" * 64
PAYLOAD = json.dumps(
    {
        "critical": {
            "identity": {"docker-reference": "registry.example/app"},
            "image": {"docker-manifest-digest": DIGEST},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
).encode()
KEY = ec.generate_private_key(ec.SECP256R1())


def _bundle(sim: Sigstore, body: dict[str, Any], time: int | None = None) -> str:
    raw = json.dumps(body).encode()
    seconds = int(NOW.timestamp()) if time is None else time
    payload = {"body": b64(raw), "integratedTime": seconds, "logIndex": 7, "logID": sim.log.id.hex()}
    return json.dumps({"SignedEntryTimestamp": b64(sim.log.promise(raw, seconds)), "Payload": payload})


def _sig(sim: Sigstore, signer: Signer, payload: bytes = PAYLOAD) -> dict[str, str]:
    signature = sign(signer.key, payload)
    return {
        "dev.cosignproject.cosign/signature": b64(signature),
        "dev.sigstore.cosign/certificate": signer.pem,
        "dev.sigstore.cosign/bundle": _bundle(sim, hashedrekord(signer, payload, signature)),
    }


def _att(sim: Sigstore, signer: Signer) -> tuple[bytes, dict[str, str]]:
    data = json.dumps(plain_dsse(signer.key)).encode()
    signature = base64.b64decode(json.loads(data)["signatures"][0]["sig"])
    return data, {
        "dev.cosignproject.cosign/signature": "",
        "dev.sigstore.cosign/certificate": signer.pem,
        "dev.sigstore.cosign/bundle": _bundle(sim, dsse_body(signer, STATEMENT, signature)),
        "predicateType": "https://lies.example",
    }


@pytest.fixture(scope="module")
def sim() -> Sigstore:
    """One instance."""
    return Sigstore()


@pytest.fixture(scope="module")
def signer(sim: Sigstore) -> Signer:
    """A good certificate."""
    return sim.signer()


def test_a_signature_by_key(sim: Sigstore) -> None:
    """A ``.sig`` layer verifies by key over its raw bytes, and exposes the manifest digest that it names."""
    annotations = {"dev.cosignproject.cosign/signature": b64(sign(KEY, PAYLOAD))}
    envelope = opened(PAYLOAD, key_trust(KEY), annotations=annotations, media_type=SIMPLE)
    assert envelope.form == "simple-signing"
    assert envelope.message_digest == DIGEST
    assert envelope.payload == PAYLOAD
    assert envelope.verification.state == "verified"
    changed = PAYLOAD.replace(b"a" * 64, b"b" * 64)
    assert "signature" in reason(changed, key_trust(KEY), annotations=annotations, media_type=SIMPLE)


def test_a_keyless_signature(sim: Sigstore, signer: Signer) -> None:
    """A ``.sig`` layer with certificate and promise verifies by identity."""
    verification = opened(PAYLOAD, sim.trust(), annotations=_sig(sim, signer), media_type=SIMPLE).verification
    assert verification.identity == IDENTITY
    assert "signed_entry_timestamp" in verification.checks
    assert "inclusion_proof" not in verification.checks


def test_a_keyless_attestation(sim: Sigstore, signer: Signer) -> None:
    """An ``.att`` layer verifies; its annotation does not decide the predicate type (2)."""
    data, annotations = _att(sim, signer)
    envelope = opened(data, sim.trust(), annotations=annotations, media_type=DSSE)
    assert envelope.form == "dsse"
    assert envelope.verification.state == "verified"
    assert envelope.statement is not None
    assert envelope.statement.predicate_type == "https://example.test/claim/v1"


def test_the_chain_annotation_is_never_an_anchor(sim: Sigstore) -> None:
    """A foreign authority in the chain annotation does not make its certificates good (14)."""
    foreign = Sigstore()
    data, annotations = _att(sim, foreign.signer(ct=sim.ct))
    annotations["dev.sigstore.cosign/chain"] = pem_of(foreign.ca.public_bytes(Encoding.DER))
    assert "certificate_chain" in reason(data, sim.trust(), annotations=annotations, media_type=DSSE)


def test_pem_of_another_line_width_is_the_same_certificate(sim: Sigstore, signer: Signer) -> None:
    """Signers are compared as DER: line widths differ in real entries (3)."""
    annotations = _sig(sim, signer)
    annotations["dev.sigstore.cosign/certificate"] = (
        f"-----BEGIN CERTIFICATE-----\r\n{b64(signer.der)}\r\n-----END CERTIFICATE-----"
    )
    assert opened(PAYLOAD, sim.trust(), annotations=annotations, media_type=SIMPLE).verification.state == "verified"


def test_an_added_certificate_does_not_turn_a_key_signature(sim: Sigstore, signer: Signer) -> None:
    """Whoever can push annotations can only break a signature (1)."""
    annotations = {"dev.cosignproject.cosign/signature": b64(sign(KEY, PAYLOAD)), "dev.sigstore.cosign/certificate": signer.pem}
    assert "trusts keys only" in reason(PAYLOAD, key_trust(KEY), annotations=annotations, media_type=SIMPLE)
    assert "signature" in reason(PAYLOAD, sim.trust(), annotations=annotations, media_type=SIMPLE)


def test_a_promise_for_another_signature_fails(sim: Sigstore, signer: Signer) -> None:
    """A genuine promise of the same signer about another payload does not do (3)."""
    annotations = _sig(sim, signer)
    other = PAYLOAD.replace(b"a" * 64, b"b" * 64)
    annotations["dev.sigstore.cosign/bundle"] = _sig(sim, signer, other)["dev.sigstore.cosign/bundle"]
    assert "not about this signature" in reason(PAYLOAD, sim.trust(), annotations=annotations, media_type=SIMPLE)


def test_without_a_promise_it_fails(sim: Sigstore, signer: Signer) -> None:
    """A certificate without log entry and time fails."""
    annotations = _sig(sim, signer)
    del annotations["dev.sigstore.cosign/bundle"]
    assert "0 logs" in reason(PAYLOAD, sim.trust(), annotations=annotations, media_type=SIMPLE)


@pytest.mark.parametrize("version", ["0.0.1", "0.0.2"])
def test_intoto_entries_are_bound(sim: Sigstore, signer: Signer, version: str) -> None:
    """``intoto`` entries bind payload and signer, 0.0.1 the envelope's bytes and 0.0.2 the signature (4)."""
    data, annotations = _att(sim, signer)
    sig = json.loads(data)["signatures"][0]["sig"]
    sha = {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}
    content: dict[str, Any] = {
        "hash": sha,
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(STATEMENT).hexdigest()},
    }
    spec: dict[str, Any] = {"content": content, "publicKey": b64(signer.pem.encode())}
    if version == "0.0.2":
        entry_signature = {"publicKey": spec.pop("publicKey"), "sig": b64(sig.encode())}
        content["envelope"] = {"payloadType": "application/vnd.in-toto+json", "signatures": [entry_signature]}
    body = {"apiVersion": version, "kind": "intoto", "spec": spec}
    annotations["dev.sigstore.cosign/bundle"] = _bundle(sim, body)
    assert opened(data, sim.trust(), annotations=annotations, media_type=DSSE).verification.state == "verified"
    broken = []
    for change in ("payload", "envelope or signature", "signer"):
        copy = json.loads(json.dumps(body))
        inner = copy["spec"]["content"]
        if change == "payload":
            inner["payloadHash"]["value"] = "0" * 64
        elif change == "signer":
            holder = copy["spec"] if version == "0.0.1" else inner["envelope"]["signatures"][0]
            holder["publicKey"] = b64(sim.signer().pem.encode())
        elif version == "0.0.1":
            inner["hash"]["value"] = "0" * 64
        else:
            inner["envelope"]["signatures"][0]["sig"] = b64(b64(b"other").encode())
        broken.append(copy)
    if version == "0.0.2":
        other_type = json.loads(json.dumps(body))
        other_type["spec"]["content"]["envelope"]["payloadType"] = "text/plain"
        broken.append(other_type)
    for bad in broken:
        annotations["dev.sigstore.cosign/bundle"] = _bundle(sim, bad)
        assert "not about this signature" in reason(data, sim.trust(), annotations=annotations, media_type=DSSE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dev.cosignproject.cosign/signature", ""),
        ("dev.cosignproject.cosign/signature", "!"),
        ("dev.sigstore.cosign/certificate", "junk"),
        ("dev.sigstore.cosign/certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"),
        ("dev.sigstore.cosign/bundle", "{"),
        ("dev.sigstore.cosign/bundle", "[]"),
        ("dev.sigstore.cosign/bundle", '{"Payload":{}}'),
        ("dev.sigstore.cosign/bundle", '{"Payload":{"body":"bnVsbA==","logID":"00","logIndex":1,"integratedTime":1}}'),
        ("dev.sigstore.cosign/rfc3161timestamp", "{}"),
        ("dev.sigstore.cosign/rfc3161timestamp", "[]"),
    ],
)
def test_malformed_annotations_are_refused(sim: Sigstore, signer: Signer, name: str, value: str) -> None:
    """An annotation that cannot be read makes the signature malformed; it is not taken as absent."""
    with pytest.raises(EvidenceInvalid):
        opened(PAYLOAD, sim.trust(), annotations={**_sig(sim, signer), name: value}, media_type=SIMPLE)


def test_two_certificates_in_one_annotation_are_refused(sim: Sigstore, signer: Signer) -> None:
    """Which one signed would be a guess."""
    with pytest.raises(EvidenceInvalid, match="more than one"):
        annotations = {**_sig(sim, signer), "dev.sigstore.cosign/certificate": signer.pem * 2}
        opened(PAYLOAD, sim.trust(), annotations=annotations, media_type=SIMPLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"cosign container image signature", b"atomic container signature"),
        (b"sha256:" + b"a" * 64, b"sha256:abc"),
        (b'"image"', b'"picture"'),
        (b'"critical"', b'"optional2"'),
    ],
)
def test_malformed_payloads_are_refused(old: bytes, new: bytes) -> None:
    """Another type, or no manifest digest, is no cosign signature, however well signed."""
    payload = PAYLOAD.replace(old, new)
    annotations = {"dev.cosignproject.cosign/signature": b64(sign(KEY, payload))}
    with pytest.raises(EvidenceInvalid):
        opened(payload, key_trust(KEY), annotations=annotations, media_type=SIMPLE)


def test_the_signer_of_a_layer_is_described(sim: Sigstore, signer: Signer) -> None:
    """From the certificate annotation."""
    text = describe_signer(PAYLOAD, _sig(sim, signer))
    assert text is not None
    assert IDENTITY in text
