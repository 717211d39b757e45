"""CBOMs: ours against the published schema and back, and real ones."""

from __future__ import annotations

import importlib.resources
import json
import os
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from gate.assemble import Context, assemble
from gate.evidence.collect import Opener
from gate.evidence.crypto.cbom import asset, of_name
from gate.evidence.crypto.cbom_write import write_cbom
from gate.evidence.crypto.names import KEYS
from gate.evidence.interface import Document
from gate.evidence.sbom.cyclonedx import READER
from gate.limits import DEFAULT
from gate.model.fips import CryptoModule, FipsFacts
from gate.model.input import RunContext, Time
from gate.trust.entry import Trust
from tests.evidence.crypto.support import NOW, look, pem, program
from tests.evidence.crypto.test_certificates import EC, LEAF, ROOT
from tests.factory import DIGEST, OTHER, decision, subject
from tests.oci.layering import File
from tests.policies.paths import REPOSITORY

CORPUS = Path(os.environ.get("GATE_CORPUS", Path(__file__).parents[4] / "shared" / "corpus")) / "compliance" / "cbom"


def published(version: str) -> Any:
    """A validator of the published schema, which cyclonedx-python-lib brings."""
    folder = importlib.resources.files("cyclonedx.schema._res")  # data files; there is no public name for them

    def load(name: str) -> Any:
        return json.loads(folder.joinpath(name).read_text("utf-8"))

    others = {
        f"http://cyclonedx.org/schema/{short}.SNAPSHOT.schema.json": load(f"{short}.SNAPSHOT.schema.json")
        for short in ("spdx", "jsf-0.82", "cryptography-defs")
    }
    registry = jsonschema_rs.Registry(list(others.items()))
    return jsonschema_rs.Draft7Validator(load(f"bom-{version}.SNAPSHOT.schema.json"), registry=registry)


MODULE = CryptoModule(
    path="usr/lib/ossl-modules/fips.so", layer="sha256:1", sha256="sha256:" + "a" * 64, family="openssl-fips-provider",
    version="3.1.2", place="system", package="openssl", package_version="3.1.2", vendor="debian", capable="yes", installed="yes",
    integrity="matches", activated="yes", overridden="no", bypassable=False, reasons=(),
)  # fmt: skip


def made() -> dict[str, Any]:
    """The CBOM of an image with a little of everything."""
    nginx = b"server { listen 443 ssl; ssl_ciphers HIGH:NOSUCH-CIPHER:RC4; }"
    found = look([
        program("usr/sbin/sshd", "9.2"), File("etc/ssl/certs/root.pem", ROOT), File("app/leaf.pem", LEAF + LEAF),
        File("app/again.pem", LEAF), File("app/key.pem", pem(EC)), File("etc/nginx/nginx.conf", nginx),
    ])  # fmt: skip
    return write_cbom(subject(), found, FipsFacts(collected=True, complete=True, modules=(MODULE,)), NOW)


def test_it_is_valid_and_stable() -> None:
    """CycloneDX 1.6, every reference unique; the same facts give the same bytes, and nothing claims a certification."""
    document = made()
    assert [str(error)[:300] for error in published("1.6").iter_errors(document)] == []
    refs = [part["bom-ref"] for part in document["components"]]
    assert len(refs) == len(set(refs))
    named = {part["cryptoProperties"]["certificateProperties"][name]
             for part in document["components"] if part.get("cryptoProperties", {}).get("assetType") == "certificate"
             for name in ("signatureAlgorithmRef", "subjectPublicKeyRef")}  # fmt: skip
    assert named and named <= set(refs), "what a certificate refers to is there"
    assert json.dumps(document) == json.dumps(made()) and "certification" not in json.dumps(document)


def test_a_round_trip() -> None:
    """What we write, we read: every algorithm that has a key comes back with it."""
    document = made()
    reading = READER.read(json.dumps(document).encode(), DEFAULT)
    assert reading.sbom is not None
    back = {found.algorithm for found in reading.sbom.crypto}
    wrote = {
        part["bom-ref"].removeprefix("crypto/algorithm/")
        for part in document["components"]
        if part["bom-ref"].startswith("crypto/algorithm/") and part.get("evidence")
    }
    assert {key for key in wrote - back if not key.startswith("?")} == set()
    assert {found.kind for found in reading.sbom.crypto} == {"algorithm", "certificate", "protocol", "related-crypto-material"}
    (sshd,) = [found for found in reading.sbom.crypto if found.algorithm == "sntrup761-x25519"]
    assert sshd.locations == ("usr/sbin/sshd",) * 2


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.glob("*.json")) or [None])
def test_the_corpus(name: str | None) -> None:
    """Every file gives assets of a known kind, and is what the schema says it is."""
    if name is None:
        pytest.skip("corpus folder (GATE_CORPUS) is not there")
    data = (CORPUS / name).read_bytes()
    reading = READER.read(data, DEFAULT)
    assert reading.sbom is not None and reading.sbom.crypto
    assert all(found.kind for found in reading.sbom.crypto)
    listed = [part for part in json.loads(data)["components"] if "cryptoProperties" in part]
    assert len(reading.sbom.crypto) == len(listed)


@pytest.mark.parametrize(
    ("name", "rest", "key"),
    [
        ("AES", ("128", "gcm", ""), "aes-128-gcm"), ("AES-256-CBC", (), "aes-256-cbc"), ("AES", (), "aes"),
        ("SHA-1", (), "sha1"), ("MD5", (), "md5"), ("RSA-2048", (), "rsa-2048"), ("RSA", ("1024",), "rsa-legacy"),
        ("RSA-SHA256", (), "rsa-sha256"), ("ECDSA-P256", (), "ecdsa-p256"), ("ECDSA", ("", "", "secp384r1"), "ecdsa-p384"),
        ("ECDSA", ("", "", "sect163k1"), "ec-other"), ("ECDH", ("", "", "x25519"), "x25519"), ("DH", ("1024",), "dh-1024"),
        ("3DES", (), "tdea"), ("ChaCha20-Poly1305", (), "chacha20-poly1305"), ("ML-KEM-768", (), "ml-kem-768"),
        ("ML-DSA", ("65",), "ml-dsa-65"), ("HMAC-SHA256", (), "hmac-sha256"), ("Rot13", (), ""), ("", (), ""),
    ],
)  # fmt: skip
def test_names(name: str, rest: tuple[str, ...], key: str) -> None:
    """With what the properties add; what is unclear has no key."""
    assert of_name(name, *rest) == key


@pytest.mark.parametrize("properties", [b"[]", b"1", b'"x"', b"null", b'{"algorithmProperties": 1}', b"\xff", b"["])
def test_odd_properties_are_none(properties: bytes) -> None:
    """And a diagnostic says so."""
    assert asset("a", properties, b"") is None


def test_odd_values_are_texts() -> None:
    """A number where a word belongs is kept as a text, and certifies nothing."""
    found = asset(
        "AES", b'{"assetType": 3, "algorithmProperties": {"certificationLevel": [1, null], "mode": {}}}', b'{"occurrences": 1}'
    )
    assert found is not None and (found.kind, found.certification, found.locations) == ("", ("1", ""), ())


def test_only_accepted_evidence_reaches_the_input() -> None:
    """A CBOM of another image is listed and says nothing; one of this image has its evidence's id, and needs no look inside."""
    context = Context(decision=decision(), run=RunContext(), time=Time(now=NOW, source="clock"))
    for digest, counts in ((DIGEST, True), (OTHER, False)):
        data = json.dumps(made() | {"metadata": {"component": {"type": "container", "name": "a", "version": digest}}}).encode()
        items = Opener(Trust(entries=()), DEFAULT).open_all([Document(data=data, origin="file", source="cbom.json")])
        document = assemble(subject(), items, context)
        assert {found.evidence for found in document.crypto.cbom} == ({document.evidence[0].id} if counts else set())
        assert not document.crypto.collected


def test_every_key_is_in_the_table() -> None:
    """A name that the gate knows is never `unknown` to the policies."""
    table = yaml.safe_load((REPOSITORY / "policies/lib/crypto/data.yaml").read_text("utf-8"))["algorithms"]["keys"]
    assert KEYS - set(table) == set()
