"""Opening: which bytes are envelopes, of which form, and which are refused."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import DEFAULT
from gate.trust.entry import Trust
from gate.trust.envelope import describe_signer, open_envelope, split_documents, split_jsonl
from tests.trust.helpers import opened, reason
from tests.trust.simulator import IDENTITY, ISSUER, PAYLOAD_TYPE, STATEMENT, Signer, Sigstore, b64, key_trust, plain_dsse

KEY = ec.generate_private_key(ec.SECP256R1())
TRUST = key_trust(KEY)
SIM = Sigstore()
SIGNER = SIM.signer()
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
DSSE_TYPE = "application/vnd.dsse.envelope.v1+json"


def _open(data: bytes, media_type: str = "") -> Any:
    return open_envelope(data, annotations={}, media_type=media_type, trust=TRUST, limits=DEFAULT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x01",
        b"<xml payloadType=''/>",
        b"null",
        b"[]",
        b"{}",
        STATEMENT,
        b'{"bomFormat":"CycloneDX","note":"payloadType"}',
        b'{"payloadType":"x"}',
        b'{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}}',
        b'{"attestations":[{"bundle":{"verificationMaterial":{}}}]}',
    ],
)
def test_other_documents_are_no_envelopes(data: bytes) -> None:
    """Bare statements, SBOMs, manifests and garbage are None, so that the caller goes on with them as bare documents."""
    assert _open(data) is None


@pytest.mark.parametrize("media_type", [BUNDLE_TYPE, DSSE_TYPE])
@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":1}', b"{}"])
def test_what_is_declared_an_envelope_must_be_one(media_type: str, data: bytes) -> None:
    """With the media type of an envelope, something else is malformed and not a bare document."""
    with pytest.raises(EvidenceInvalid):
        _open(data, media_type)


def test_plain_dsse_with_a_key() -> None:
    """A bare envelope verifies by key, with its statement read."""
    envelope = opened(plain_dsse(KEY), TRUST)
    assert envelope.form == "dsse"
    assert envelope.payload == STATEMENT
    assert envelope.payload_type == PAYLOAD_TYPE
    assert envelope.statement is not None
    assert envelope.verification.method == "key"


def test_url_safe_base64_is_base64() -> None:
    """Google Cloud Build writes URL-safe base64, padded or not (11)."""
    document = plain_dsse(KEY, payload=STATEMENT.replace(b"app", "äpp>?~".encode()))
    document["payload"] = base64.urlsafe_b64encode(base64.b64decode(document["payload"])).decode().rstrip("=")
    signature = base64.b64decode(document["signatures"][0]["sig"])
    document["signatures"][0]["sig"] = base64.urlsafe_b64encode(signature).decode()
    assert opened(document, TRUST).verification.state == "verified"


@pytest.mark.parametrize("payload", ["+-AA", "AA A", "AA\n", "A", "!", 7, None])
def test_half_base64_is_refused(payload: Any) -> None:
    """Mixed alphabets, white space, impossible lengths."""
    with pytest.raises(EvidenceInvalid):
        opened({**plain_dsse(KEY), "payload": payload}, TRUST)


def test_another_payload_type_is_kept_and_is_no_statement() -> None:
    """Statement bytes under another payload type verify as what they are, and are not read as a statement."""
    envelope = opened(plain_dsse(KEY, payload_type="text/plain"), TRUST)
    assert envelope.verification.state == "verified"
    assert (envelope.payload_type, envelope.statement) == ("text/plain", None)


def test_one_good_signature_of_several_is_enough_for_a_key() -> None:
    """Others' signatures, and ones that cannot be decoded, are passed over."""
    document = plain_dsse(KEY)
    document["signatures"] = [{"sig": "!"}, {}, "x", {"sig": b64(b"other")}, *document["signatures"]]
    assert opened(document, TRUST).verification.state == "verified"


@pytest.mark.parametrize("signatures", [[], None, {}, [{"sig": ""}], [{}], [{"sig": "!"}], ["x"]])
def test_an_envelope_without_signatures_is_malformed(signatures: Any) -> None:
    """Nothing to verify is malformed, not unverified."""
    with pytest.raises(EvidenceInvalid):
        opened({**plain_dsse(KEY), "signatures": signatures}, TRUST)


def test_too_many_signatures_are_refused() -> None:
    """The number of signatures is bounded (12)."""
    document = plain_dsse(KEY)
    document["signatures"] *= DEFAULT.log_entries + 1
    with pytest.raises(LimitExceeded, match="log_entries"):
        opened(document, TRUST)


def test_a_signed_statement_that_is_malformed_is_refused() -> None:
    """A good signature over a broken statement is no evidence."""
    with pytest.raises(EvidenceInvalid, match="statement"):
        opened(plain_dsse(KEY, payload=b"{}"), TRUST)


def test_the_wrong_key_fails() -> None:
    """Another key's signature is failed, with the payload still there for the record."""
    envelope = opened(plain_dsse(ec.generate_private_key(ec.SECP256R1())), TRUST)
    assert envelope.verification.state == "failed"
    assert envelope.verification.roles == ()
    assert envelope.statement is not None


def test_size_and_depth_are_bounded() -> None:
    """An envelope over ``bundle_bytes``, or nested deeper than ``json_depth``, is refused by the bound's name (12)."""
    text = json.dumps(plain_dsse(KEY))
    with pytest.raises(LimitExceeded, match="bundle_bytes"):
        opened(text.encode(), TRUST, limits=dataclasses.replace(DEFAULT, bundle_bytes=100))
    deep = text[:-1] + ', "x": ' + "[" * 600 + "]" * 600 + "}"
    with pytest.raises(LimitExceeded, match="json_depth"):
        opened(deep.encode(), TRUST)
    with pytest.raises(LimitExceeded, match="json_depth"):
        _open(text[:-1].encode() + b', "x": ' + b"[" * 100_000, DSSE_TYPE)


def test_duplicate_keys_are_refused() -> None:
    """Two payloads in one envelope are two documents."""
    text = json.dumps(plain_dsse(KEY))[:-1] + ', "payload": "AAAA"}'
    with pytest.raises(EvidenceInvalid, match="same key twice"):
        opened(text.encode(), TRUST)


def _material(**changes: Any) -> dict[str, Any]:
    bundle = SIM.dsse(SIGNER)
    bundle["verificationMaterial"].update(changes)
    return bundle


def _entry(**changes: Any) -> dict[str, Any]:
    bundle = SIM.dsse(SIGNER)
    bundle["verificationMaterial"]["tlogEntries"][0].update(changes)
    return bundle


@pytest.mark.parametrize(
    "bundle",
    [
        _material(publicKey={"hint": ""}),
        _material(certificate=None),
        _material(certificate={}),
        _material(certificate={"rawBytes": ""}),
        _material(certificate=None, x509CertificateChain={"certificates": [{"rawBytes": b64(SIGNER.der)}]}),
        {**_material(), "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"},
        {**_material(), "messageSignature": {"signature": "AAAA"}},
        {**_material(), "dsseEnvelope": None},
        {**_material(), "verificationMaterial": []},
        _material(tlogEntries={}),
        _material(tlogEntries=["x"]),
        _entry(logIndex="-1"),
        _entry(logIndex=1.5),
        _entry(logIndex=True),
        _entry(logIndex="9" * 30),
        _entry(integratedTime="now"),
        _entry(canonicalizedBody=""),
        _entry(logId=None),
        _entry(kindVersion=None),
        _entry(inclusionPromise={}),
        _entry(inclusionProof={"treeSize": "1", "rootHash": "AA==", "hashes": ["AA=="] * 65}),
        _material(timestampVerificationData={"rfc3161Timestamps": [{"signedTimestamp": "AAAA"}] * 2}),
        _material(timestampVerificationData={"rfc3161Timestamps": ["x"]}),
    ],
)
def test_malformed_bundles_are_refused(bundle: dict[str, Any]) -> None:
    """Both or neither of key and certificate, chains where there are none, numbers that are none, the same timestamp twice …"""
    with pytest.raises(EvidenceInvalid):
        opened(bundle, SIM.trust())


@pytest.mark.parametrize("name", ["tlogEntries", "timestampVerificationData"])
def test_entries_and_timestamps_are_bounded(name: str) -> None:
    """More than ``log_entries`` of either is refused by the bound's name (12)."""
    bundle = SIM.dsse(SIGNER)
    material = bundle["verificationMaterial"]
    material["tlogEntries"] *= 33
    stamps = [{"signedTimestamp": b64(bytes([i]))} for i in range(33)]
    bundle = (
        _material(tlogEntries=material["tlogEntries"])
        if name == "tlogEntries"
        else _material(**{name: {"rfc3161Timestamps": stamps}})
    )
    with pytest.raises(LimitExceeded, match="log_entries"):
        opened(bundle, SIM.trust())


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.dev.sigstore.bundle+json;version=99.9",
        "application/vnd.dev.sigstore.bundle.v0.4+json",
        "application/vnd.dev.sigstore.bundle.v1.0+json",
        "application/json",
        None,
        7,
    ],
)
def test_other_versions_are_refused_by_name(media_type: Any) -> None:
    """An unknown bundle version is refused, never guessed at."""
    with pytest.raises(FormatRefused, match="media type"):
        opened({**SIM.dsse(SIGNER), "mediaType": media_type}, SIM.trust())


def test_null_is_absent() -> None:
    """Null stands for an absent field, as in protobuf's JSON."""
    bundle = _material(timestampVerificationData=None, x509CertificateChain=None, publicKey=None)
    bundle["messageSignature"] = None
    assert opened(bundle, SIM.trust()).verification.state == "verified"


def test_garbage_certificates_fail_and_do_not_crash() -> None:
    """A certificate that cannot be read is a failed verification with the reason."""
    assert "certificate" in reason(_material(certificate={"rawBytes": b64(b"junk")}), SIM.trust())
    assert "certificate" in reason(_material(certificate={"rawBytes": b64(SIGNER.der[:-9])}), SIM.trust())


def test_the_signer_can_be_described_and_is_called_unverified() -> None:
    """For the message that lists the identities found; None when nobody is named."""
    text = describe_signer(json.dumps(SIM.dsse(SIGNER)).encode(), {})
    assert text == f"unverified identity {IDENTITY}, issuer {ISSUER}"
    key = describe_signer(json.dumps(SIM.dsse(Signer(KEY))).encode(), {})
    assert key is not None
    assert key.startswith("unverified key with the hint ")
    for data in (
        b"",
        b"junk",
        json.dumps(plain_dsse(KEY)).encode(),
        json.dumps(_material(certificate={"rawBytes": "AAAA"})).encode(),
    ):
        assert describe_signer(data, {}) is None
    assert describe_signer(b"{}", {"dev.cosignproject.cosign/signature": "AAAA"}) is None


def test_json_lines_are_split() -> None:
    """Lines that are objects are documents of their own; a pretty-printed document is one."""
    line = json.dumps(plain_dsse(KEY)).encode()
    assert split_jsonl(line + b"\n" + line + b"\n\n") == [line, line]
    pretty = json.dumps(plain_dsse(KEY), indent=1).encode()
    assert split_jsonl(pretty) == [pretty]
    assert split_jsonl(b"") == [b""]
    with pytest.raises(LimitExceeded, match="evidence_documents"):
        split_jsonl(b"{}\n" * 2001)


def test_without_trust_the_statement_is_still_read() -> None:
    """Unverified is a state, not an error: the caller lists the evidence."""
    envelope = opened(plain_dsse(KEY), Trust())
    assert envelope.verification.state == "unverified"
    assert envelope.verification.reason
    assert envelope.statement is not None


@pytest.mark.parametrize("pretty", [None, 2])
def test_answers_of_githubs_api(pretty: int | None) -> None:
    """The API's answer and what `gh attestation verify` prints hold bundles, each in its own bytes; any layout will do."""
    key = ec.generate_private_key(ec.SECP256R1())
    envelopes = [plain_dsse(key), plain_dsse(key, STATEMENT + b" ")]
    answer = {"attestations": [{"repository_id": 1, "bundle": one} for one in envelopes]}
    printed = [{"attestation": {"bundle": one, "bundle_url": ""}, "verificationResult": {}} for one in envelopes]
    for document in (answer, printed):
        parts = split_documents(json.dumps(document, indent=pretty).encode())
        assert [json.loads(part) for part in parts] == envelopes
        assert all(opened(part, key_trust(key)).verification.state == "verified" for part in parts)


def test_an_answer_without_its_bundles() -> None:
    """An attestation whose bundle is left out, as GitHub does with large ones, is an error and not nothing."""
    for bundle in ("null", "[]", '""'):
        with pytest.raises(EvidenceInvalid, match="without its bundle"):
            split_documents(b'{"attestations": [{"bundle": %s, "bundle_url": "https://x"}]}' % bundle.encode())
    other = b'{"attestations": {"a": 1}}'
    assert split_documents(other) == [other]


def test_a_key_that_stands_twice_in_an_answer_is_still_seen() -> None:
    """Cutting an answer into bundles does not clean them."""
    (part,) = split_documents(
        b'{"attestations": [{"bundle": {"payload": "a", "payload": "b", "payloadType": "x", "signatures": []}}]}'
    )
    with pytest.raises(EvidenceInvalid, match="twice"):
        opened(part, Trust())
