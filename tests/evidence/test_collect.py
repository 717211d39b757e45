"""Opening documents: what becomes of each form, and that nothing is dropped or thrown."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from gate.evidence import collect
from gate.evidence.collect import Opened, Opener, split
from gate.evidence.interface import Document
from gate.limits import DEFAULT
from gate.model.evidence import Origin
from gate.trust.entry import Trust, TrustEntry
from gate.trust.keys import load_public_key
from tests.e2e.lab import PROVENANCE, SBOM, SIGNATURE, Lab, grype, sbom, slsa
from tests.factory import DIGEST


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def one(lab: Lab, data: bytes, *, origin: Origin = "file", roles: tuple[str, ...] = ("*",), **more: Any) -> Opened:
    """The only item that the bytes open to, under the laboratory's key."""
    trust = Trust(entries=(TrustEntry(name="lab", roles=roles, keys=(load_public_key(lab.public.read_bytes()),)),))
    [item] = Opener(trust, DEFAULT).open_all([Document(data=data, origin=origin, source="x", **more)])
    return item


def test_a_signed_statement_is_verified_and_read(lab: Lab) -> None:
    """Bundle → statement → reader, with the digests that it names."""
    item = one(lab, lab.bundle(SBOM, sbom(), DIGEST))
    assert (item.kind, item.verification.state, item.subjects) == ("sbom", "verified", (DIGEST,))
    assert item.reading is not None and item.reading.sbom is not None and item.id != item.payload_digest


def test_a_bare_statement_is_what_an_unsigned_document_is(lab: Lab) -> None:
    """The same without an envelope is read and unverified."""
    item = one(lab, lab.statement(SBOM, sbom(), DIGEST))
    assert (item.kind, item.verification.state, item.subjects) == ("sbom", "unverified", (DIGEST,))


def test_a_signature_on_the_image(lab: Lab) -> None:
    """cosign's sign predicate is kind signature in its own form."""
    item = one(lab, lab.bundle(SIGNATURE, {}, DIGEST))
    assert (item.kind, item.signature_form, item.subjects) == ("signature", "cosign-sign-v1", (DIGEST,))


def test_provenance_carries_its_builder(lab: Lab) -> None:
    """Read with what the signer's certificate claims, here nothing."""
    item = one(lab, lab.bundle(PROVENANCE, slsa(), DIGEST))
    assert item.reading is not None and item.reading.provenance is not None
    assert item.reading.provenance.builder == "https://builder.example/v1"


@pytest.mark.parametrize("origin", ["file", "computed"])
def test_what_the_caller_named_and_cannot_be_read_is_an_error(lab: Lab, origin: Origin) -> None:
    """It has a reason and a code, and never vanishes."""
    item = one(lab, b"\0garbage", origin=origin)
    assert item.error is not None and item.error.code == "unreadable" and item.reading is None


def test_unsigned_noise_that_is_attached_is_no_error(lab: Lab) -> None:
    """Listed with its reason: else anyone who can push could block."""
    item = one(lab, b"\0garbage", origin="referrer", attached_to=DIGEST)
    assert item.error is None and item.kind == "unknown" and item.verification.state != "verified"


def test_a_trusted_statement_that_cannot_be_read_is_an_error_of_its_kind(lab: Lab) -> None:
    """The signer answers for it, wherever it was found."""
    item = one(lab, lab.bundle(SBOM, {"bomFormat": "CycloneDX", "specVersion": "9.9"}, DIGEST), origin="referrer")
    assert item.error is not None and (item.error.kind, item.kind) == ("sbom", "sbom")


def test_lines_and_single_documents(lab: Lab) -> None:
    """JSON lines in a file are several documents, numbered; attachments are never split."""
    lines = b"\n".join([lab.bundle(SBOM, sbom(), DIGEST), lab.bundle(SIGNATURE, {}, DIGEST)])
    parts = split(Document(data=lines, origin="file", source="b.jsonl"), DEFAULT)
    assert [part.source for part in parts] == ["b.jsonl#1", "b.jsonl#2"]
    assert len(split(Document(data=lines, origin="referrer", source="r"), DEFAULT)) == 1


def test_a_document_is_opened_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes for several subjects cost one opening."""
    calls: list[int] = []
    original = collect._open

    def counting(*arguments: Any) -> Opened:
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(collect, "_open", counting)
    document = Document(data=lab.bundle(SBOM, sbom(), DIGEST), origin="file", source="x")
    opener = Opener(Trust(entries=()), DEFAULT)
    opener.open_all([document, document])
    opener.open_all([document])
    assert len(calls) == 1


def test_documents_are_opened_one_at_a_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across openers and threads: the decoder must not meet a type for the first time in two threads."""
    inside, most = 0, 0
    lock = threading.Lock()
    original = collect._open

    def watching(*arguments: Any) -> Opened:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return original(*arguments)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(collect, "_open", watching)
    documents = [
        Document(data=lab.bundle(SBOM, sbom(), f"sha256:{number:064}"), origin="file", source="x") for number in range(6)
    ]
    threads = [threading.Thread(target=Opener(Trust(entries=()), DEFAULT).open_all, args=(documents,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_bare_report(lab: Lab) -> None:
    """A scanner's own JSON is read with the digest that it names."""
    import json

    item = one(lab, json.dumps(grype(DIGEST, findings=[("CVE-2026-1", "Low")])).encode())
    assert item.kind == "vulnerabilities" and item.reading is not None
    assert [name.digest for name in item.reading.names] == [DIGEST]
