"""Readers of bundles, envelopes, certificates, layouts, roots and statements on damaged input: an answer or a `GateError`.

A fixed number of examples from a fixed seed, so that every run is the same.
"""

from __future__ import annotations

import base64
import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gate.errors import GateError
from gate.evidence.provenance.source import read_commit, read_revision, read_summary
from gate.limits import DEFAULT
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from gate.trust import certificate, identity
from gate.trust.envelope import describe_signer, open_envelope, split_documents
from gate.trust.keys import load_public_key
from gate.trust.record import read_record
from gate.trust.rejected import Rejected
from gate.trust.root import load_trusted_root
from gate.trust.statement import parse_statement
from tests.fakes.images import image, index, referrer, write_layout
from tests.trust.simulator import STATEMENT, Log, Signer, Sigstore, key_trust, plain_dsse, public

SIM = Sigstore()
SIGNER = SIM.signer()
V2 = Sigstore()
V2.tlogs = [Log("rekor2.example", v2=True)]
BUNDLES = [SIM.dsse(SIGNER), SIM.message(SIGNER, b"artifact"), V2.dsse(V2.signer()), SIM.dsse(SIM.signer(), version="0.1")]
KEY = Signer(ec.generate_private_key(ec.SECP256R1()))
ENVELOPE = plain_dsse(KEY.key)
FIXED = settings(max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(max_size=8), x, max_size=4),
    max_leaves=12,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(*path, key) for key, _ in items] + [place for key, item in items for place in _places(item, (*path, key))]


def _changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    copied = json.loads(json.dumps(document))
    at = copied
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    return copied


def _open(data: bytes, **annotations: str) -> str | None:
    """The state of the envelope; None when it is none or is refused."""
    with contextlib.suppress(GateError):
        for trust in (SIM.trust(), key_trust(KEY.key)):
            envelope = open_envelope(data, annotations=annotations, media_type="", trust=trust, limits=DEFAULT)
            if envelope is not None and envelope.verification.state == "verified":
                return "verified"
    describe_signer(data, annotations)
    return None


@FIXED
@given(st.sampled_from(BUNDLES), st.randoms(use_true_random=False), JSON)
def test_bundles_with_any_value_anywhere(bundle: dict[str, Any], chosen: random.Random, value: Any) -> None:
    """Every field may hold any JSON value."""
    _open(json.dumps(_changed(bundle, chosen.choice(_places(bundle)), value), allow_nan=True).encode())


@FIXED
@given(st.randoms(use_true_random=False), JSON)
def test_envelopes_with_any_value_anywhere(chosen: random.Random, value: Any) -> None:
    """The same for a bare envelope: a change of the payload, its type or all signatures never verifies."""
    place = chosen.choice(_places(ENVELOPE))
    changed = _changed(ENVELOPE, place, value)
    if changed != ENVELOPE and place in {
        ("payload",),
        ("payloadType",),
        ("signatures",),
        ("signatures", 0),
        ("signatures", 0, "sig"),
    }:
        assert _open(json.dumps(changed).encode()) is None


@FIXED
@given(
    st.sampled_from([json.dumps(one).encode() for one in (*BUNDLES, ENVELOPE)]),
    st.randoms(use_true_random=False),
    st.binary(max_size=6),
)
def test_envelopes_with_any_bytes_anywhere(data: bytes, chosen: random.Random, other: bytes) -> None:
    """Bytes put in, taken out or replaced."""
    start = chosen.randrange(len(data))
    _open(data[:start] + other + data[start + chosen.randrange(8) :])
    split_documents(data[:start] + other)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # cryptography's own, on the way to refusing such certificates
@FIXED
@given(st.randoms(use_true_random=False), st.binary(max_size=4))
def test_certificates(chosen: random.Random, other: bytes) -> None:
    """A damaged certificate is rejected, or read; it never verifies in the place of the good one."""
    der = SIGNER.der
    start = chosen.randrange(len(der))
    damaged = der[:start] + other + der[start + len(other) + chosen.randrange(2) :]
    with contextlib.suppress(Rejected):
        read = certificate.read(damaged)
        certificate.public_key(read)
        certificate.check_profile(read)
        certificate.check_sct(read, SIM.ca, SIM.root(), 1)
        identity.read(read)
    bundle = _changed(BUNDLES[0], ("verificationMaterial", "certificate", "rawBytes"), base64.b64encode(damaged).decode())
    assert damaged == der or _open(json.dumps(bundle).encode()) is None


@FIXED
@given(
    st.sampled_from([json.dumps(SIM.document()).encode(), STATEMENT, public(KEY.key).pem]),
    st.randoms(use_true_random=False),
    st.binary(max_size=6),
)
def test_roots_statements_keys_and_records(data: bytes, chosen: random.Random, other: bytes) -> None:
    """What operators and signers hand over, damaged."""
    start = chosen.randrange(len(data))
    damaged = data[:start] + other + data[start + chosen.randrange(6) :]
    for read in (
        load_trusted_root,
        load_public_key,
        lambda one: parse_statement(one, DEFAULT),
        lambda one: read_record(one, "r"),
    ):
        with contextlib.suppress(GateError):
            read(damaged)


@FIXED
@given(JSON, st.sampled_from(["https://slsa.dev/verification_summary/v1", "https://slsa.dev/source_provenance/v1"]))
def test_statements_about_sources(predicate: Any, kind: str) -> None:
    """Any predicate of the two types that chains are made of."""
    subject = [{"digest": {"gitCommit": "a" * 40}, "annotations": predicate}]
    made = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind, "predicate": predicate}
    with contextlib.suppress(GateError):
        statement = parse_statement(json.dumps(made).encode(), DEFAULT)
        read_summary(statement, "gitCommit:" + "a" * 40) if "summary" in kind else read_revision(statement)
    with contextlib.suppress(GateError):
        read_commit(json.dumps(predicate).encode(), "a" * 40)


@pytest.mark.parametrize("seed", range(4))
def test_layouts(tmp_path: Path, seed: int) -> None:
    """Files of a layout, damaged one at a time: images load or are refused, and no attachment verifies that did not before."""
    chosen = random.Random(seed)  # reproducible damage, no secret
    both = index([image(), image("linux/arm64")])
    root = write_layout(tmp_path, [(both, {})], beside=[referrer(both, json.dumps(ENVELOPE).encode())])
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for _ in range(60):
        path = chosen.choice(files)
        good = path.read_bytes()
        start = chosen.randrange(len(good))
        path.write_bytes(good[:start] + chosen.randbytes(chosen.randrange(4)) + good[start + chosen.randrange(4) :])
        with contextlib.suppress(GateError):
            source = open_source(f"oci:{root}", options=RegistryOptions(), limits=DEFAULT)
            try:
                found = load(source, source.resolve(), ())
                assert all(source.collect(one.subject.digest) for one in (found, *found.children))
            finally:
                source.close()
        path.write_bytes(good)
