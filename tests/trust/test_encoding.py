"""The strict readers under everything else, and documents that nobody thought of."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import DEFAULT
from gate.trust.encoding import check_depth, integer, load_json, pem_bodies, unbase64
from gate.trust.entry import Trust
from gate.trust.envelope import describe_signer, open_envelope
from tests.trust.helpers import reason
from tests.trust.simulator import Sigstore, b64, pem_of

SIM = Sigstore()
TRUST = SIM.trust()
GOOD = SIM.dsse(SIM.signer())
TYPES = ["", "application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dsse.envelope.v1+json"]
TYPES.append("application/vnd.dev.cosign.simplesigning.v1+json")
NAMES = [
    "mediaType",
    "verificationMaterial",
    "certificate",
    "publicKey",
    "x509CertificateChain",
    "certificates",
    "rawBytes",
    "tlogEntries",
    "logId",
    "keyId",
    "kindVersion",
    "kind",
    "version",
    "inclusionProof",
    "inclusionPromise",
    "checkpoint",
    "envelope",
    "hashes",
    "canonicalizedBody",
    "dsseEnvelope",
    "messageSignature",
    "messageDigest",
    "signature",
    "signatures",
    "sig",
    "payload",
    "payloadType",
    "critical",
    "image",
    "type",
    "docker-manifest-digest",
    "timestampVerificationData",
    "rfc3161Timestamps",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
    | st.sampled_from(NAMES + TYPES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)


def _survives(data: bytes, media_type: str, annotations: dict[str, str]) -> None:
    try:
        envelope = open_envelope(data, annotations=annotations, media_type=media_type, trust=TRUST, limits=DEFAULT)
    except EvidenceInvalid:
        return
    assert envelope is None or envelope.verification.state == "failed"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=JSON, media_type=st.sampled_from(TYPES))
def test_made_up_documents_never_crash_nor_verify(document: Any, media_type: str) -> None:
    """Whatever JSON comes, the answer is None, failed or EvidenceInvalid."""
    data = json.dumps(document).encode()
    _survives(data, media_type, {"dev.cosignproject.cosign/signature": "AAAA"})
    describe_signer(data, {})


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(part=st.sampled_from(["verificationMaterial", "dsseEnvelope"]), name=st.sampled_from(NAMES), value=JSON)
def test_a_good_bundle_with_made_up_parts_never_crashes_nor_verifies(part: str, name: str, value: Any) -> None:
    """Any other value in a place of a good bundle: never a crash, and never verified."""
    document = json.loads(json.dumps(GOOD))
    known = name in document[part] and value != document[part][name]
    document[part][name] = value
    try:
        envelope = open_envelope(json.dumps(document).encode(), annotations={}, media_type="", trust=TRUST, limits=DEFAULT)
    except EvidenceInvalid:
        return
    assert envelope is not None
    assert not (known and envelope.verification.state == "verified")


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200), media_type=st.sampled_from(TYPES))
def test_bytes_never_crash(data: bytes, media_type: str) -> None:
    """Whatever bytes come."""
    _survives(data, media_type, {"dev.sigstore.cosign/certificate": data.decode("latin-1")})


@given(data=st.binary(max_size=50))
def test_base64_round_trip(data: bytes) -> None:
    """Standard and URL-safe, padded or not, give the same bytes."""
    for encoded in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        assert unbase64(encoded, "x") == data
        assert unbase64(encoded.rstrip("="), "x") == data


@pytest.mark.parametrize("value", ["1", 1, "0", str(2**63 - 1)])
def test_whole_numbers(value: Any) -> None:
    """JSON numbers, and strings of digits as protobuf writes them."""
    assert integer({"n": value}, "n", "x") == int(value)


@pytest.mark.parametrize("value", [None, -1, "-1", "+1", "1.0", 1.0, True, "", " 1", "١", 2**63, str(2**63), "9" * 5000])
def test_other_numbers_are_refused(value: Any) -> None:
    """Negative, fractional, signed, spaced, other digits, beyond 63 bits."""
    with pytest.raises(EvidenceInvalid):
        integer({"n": value}, "n", "x")


def test_too_many_values_are_refused() -> None:
    """Millions of tiny values would take twenty times their bytes in memory."""
    with pytest.raises(EvidenceInvalid, match="values"):
        load_json(b"[" + b"0," * 2_000_001 + b"0]", DEFAULT, "x")


def test_depth_counts_arrays_and_objects() -> None:
    """A scalar has no depth; each level of either kind counts one."""
    check_depth(7, DEFAULT, "x")
    value: Any = 7
    for step in range(DEFAULT.json_depth):
        value = [value] if step % 2 else {"a": value}
    check_depth(value, DEFAULT, "x")
    with pytest.raises(LimitExceeded):
        check_depth([value], DEFAULT, "x")


def test_pem_blocks() -> None:
    """All blocks of a label, whatever stands between; none, or one without an end, is malformed."""
    text = pem_of(b"one") + "comment\n" + pem_of(b"two")
    assert pem_bodies(text, "CERTIFICATE", "x") == (b"one", b"two")
    assert pem_bodies(" \n", "CERTIFICATE", "x") == ()
    for bad in ("junk", "-----BEGIN CERTIFICATE-----" * 100_000, pem_of(b"one", "PUBLIC KEY"), pem_of(b"one")[:-9]):
        with pytest.raises(EvidenceInvalid):
            pem_bodies(bad, "CERTIFICATE", "x")


def test_a_certificate_has_a_length() -> None:
    """More than 64 KiB is no certificate."""
    document = json.loads(json.dumps(GOOD))
    document["verificationMaterial"]["certificate"]["rawBytes"] = b64(bytes(70_000))
    assert "70000 bytes" in reason(document, TRUST)


def test_the_same_certificate_twice_is_refused() -> None:
    """A chain holds each certificate once (12)."""
    document = SIM.dsse(SIM.signer(), version="0.2")
    chain = document["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain.append(chain[0])
    with pytest.raises(EvidenceInvalid, match="same certificate twice"):
        open_envelope(json.dumps(document).encode(), annotations={}, media_type="", trust=Trust(), limits=DEFAULT)
