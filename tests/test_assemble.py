"""Assembly: what counts, what is listed, and the same bytes for the same facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.assemble import Context, assemble
from gate.evidence.collect import Opened, Opener
from gate.evidence.interface import Document
from gate.limits import DEFAULT
from gate.model.base import to_json
from gate.model.evidence import CollectionError
from gate.model.input import Input, RunContext, Time
from gate.trust.entry import Trust, TrustEntry
from gate.trust.keys import load_public_key
from tests.e2e.lab import PROVENANCE, SBOM, SCAN, VEX, Lab, grype, openvex, sbom, scanned, slsa
from tests.factory import DIGEST, INDEX, OTHER, decision, parameters, subject

NOW = "2999-01-01T00:00:00Z"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def opened(lab: Lab, *documents: tuple[str, bytes], roles: tuple[str, ...] = ("*",)) -> list[Opened]:
    """Documents of (origin, bytes), opened under the laboratory's key."""
    trust = Trust(entries=(TrustEntry(name="lab", roles=roles, keys=(load_public_key(lab.public.read_bytes()),)),))
    listed = [
        Document(data=data, origin=origin, source=f"d{number}", attached_to=None if origin == "file" else DIGEST)  # type: ignore[arg-type]  # tests name real origins
        for number, (origin, data) in enumerate(documents)
    ]
    return Opener(trust, DEFAULT).open_all(listed)


def made(items: list[Opened], *, params: Any = None, siblings: frozenset[str] = frozenset(), **more: Any) -> Input:
    chosen = decision(params=params or parameters())
    context = Context(decision=chosen, run=RunContext(), time=Time(now=NOW, source="clock"))
    return assemble(subject(), items, context, siblings=siblings, **more)


def plain(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_the_order_of_documents_does_not_matter(lab: Lab) -> None:
    """The same documents give the same bytes, whatever came first."""
    documents = [
        ("file", plain(sbom(DIGEST))),
        ("file", plain(grype(DIGEST))),
        ("attestation", lab.bundle(PROVENANCE, slsa(), DIGEST)),
    ]

    def facts(items: list[Opened]) -> bytes:
        document = made(items)
        evidence = tuple(msgspec.structs.replace(item, source="") for item in document.evidence)
        return to_json(msgspec.structs.replace(document, evidence=evidence))

    assert facts(opened(lab, *documents)) == facts(opened(lab, *reversed(documents)))


def test_it_reads_back_as_what_it_was(lab: Lab) -> None:
    """The document decodes under its own contract and serializes to the same bytes."""
    data = to_json(
        made(opened(lab, ("file", plain(sbom(DIGEST))), ("file", plain(grype(DIGEST, findings=[("CVE-2026-1", "Low")])))))
    )
    assert to_json(msgspec.json.decode(data, type=Input)) == data


def test_what_is_not_accepted_is_listed_and_gives_no_facts(lab: Lab) -> None:
    """Unsigned and merely attached: in the evidence, not in findings or components."""
    scan = lab.statement(SCAN, scanned(grype(findings=[("CVE-2026-1", "Critical")])), DIGEST)
    document = made(opened(lab, ("attestation", scan), ("referrer", plain(sbom(DIGEST)))))
    assert len(document.evidence) == 2
    assert (document.vulnerabilities.findings, document.sbom.components) == ((), ())


def test_evidence_about_something_else_gives_no_facts(lab: Lab) -> None:
    """Not even when it is signed by the right key."""
    scan = lab.bundle(SCAN, scanned(grype(findings=[("CVE-2026-1", "Critical")])), OTHER)
    document = made(opened(lab, ("file", scan), ("file", plain(sbom(OTHER)))), siblings=frozenset({OTHER}))
    assert {item.binding for item in document.evidence} == {"none"}
    assert (document.vulnerabilities.findings, document.sbom.documents) == ((), ())


def test_the_verified_copy_stays(lab: Lab) -> None:
    """One document as a file and as an attachment is one item, the better one."""
    bundle = lab.bundle(SBOM, sbom(), DIGEST)
    [item] = made(opened(lab, ("attestation", bundle), ("file", bundle))).evidence
    assert (item.verification.state, item.origin) == ("verified", "file")


def test_unsigned_attached_vex_counts_as_badly_signed(lab: Lab) -> None:
    """Whatever the profile takes from files."""
    scan = ("file", plain(grype(DIGEST, findings=[("CVE-2026-1", "Critical")])))
    params = parameters(vex_require_signed=False)
    attached = made(opened(lab, scan, ("attestation", lab.statement(VEX, openvex("CVE-2026-1"), DIGEST))), params=params)
    given = made(opened(lab, scan, ("file", plain(openvex("CVE-2026-1")))), params=params)
    assert (attached.vulnerabilities.effective.critical, given.vulnerabilities.effective.critical) == (1, 0)
    assert attached.vulnerabilities.reported == given.vulnerabilities.reported


@pytest.mark.parametrize(("roles", "counts"), [(("vex",), True), (("*",), True), (("sbom", "vex"), True), (("sbom",), False)])
@pytest.mark.parametrize("authors", [(), ("sec@acme.example",)])
def test_attached_vex_counts_by_a_signer_for_vex(
    lab: Lab, roles: tuple[str, ...], counts: bool, authors: tuple[str, ...]
) -> None:
    """A key that is trusted for SBOMs lets nothing be suppressed by what it signs, also where files need no signature."""
    documents = ("file", plain(grype(DIGEST, findings=[("CVE-2026-1", "Critical")]))), ("attestation", vex(lab))
    document = made(opened(lab, *documents, roles=roles), params=parameters(vex_require_signed=False, vex_authors=authors))
    assert document.vulnerabilities.effective.critical == (0 if counts else 1)
    assert counts or "signed by lab, who is not trusted for VEX" in document.vex.rejected[0].detail


@pytest.mark.parametrize(("roles", "counts"), [(("vex",), True), (("sbom",), False)])
def test_beside_a_pinned_pack_only_its_signers_for_vex_count(lab: Lab, roles: tuple[str, ...], counts: bool) -> None:
    """A name in the pack is not enough: the entry has to be for VEX."""
    documents = ("file", plain(grype(DIGEST, findings=[("CVE-2026-1", "Critical")]))), ("file", vex(lab))
    chosen = decision(params=parameters(vex_require_signed=False))
    context = Context(decision=chosen, run=RunContext(), time=Time(now=NOW, source="clock"), vex_signers=frozenset({"lab"}))
    document = assemble(subject(), opened(lab, *documents, roles=roles), context)
    assert document.vulnerabilities.effective.critical == (0 if counts else 1)


def vex(lab: Lab) -> bytes:
    """A signed statement that takes out the only finding."""
    return lab.bundle(VEX, openvex("CVE-2026-1"), DIGEST)


def test_packages_that_only_the_scanner_saw(lab: Lab) -> None:
    """Named by purl in the SBOM's completeness."""
    document = made(
        opened(lab, ("file", plain(sbom(DIGEST))), ("file", plain(grype(DIGEST, findings=[("CVE-2026-1", "Low")], name="ghost"))))
    )
    [found] = document.sbom.documents
    assert found.completeness.missing_from_sbom == ("pkg:pypi/ghost@1.0",)


def test_errors_are_kept_and_sorted(lab: Lab) -> None:
    """Those of collection and those of documents, both."""
    error = CollectionError(kind="unknown", evidence=None, source="a registry", code="unreachable", reason="500")
    document = made(opened(lab, ("file", b"\0")), errors=[error])
    assert [item.source for item in document.errors] == ["a registry", "d0"]


@pytest.mark.parametrize("number", [2**53 + 1, -(2**60)])
def test_inexact_integers_leave_the_predicate_out(lab: Lab, number: int) -> None:
    """OPA would see another number: the body is left out and a diagnostic says so."""
    body = lab.statement("https://example.test/claim/v1", {"deep": [{"n": number}]}, DIGEST)
    document = made(opened(lab, ("file", body)))
    assert [fact.predicate for fact in document.attestations] == [None]
    assert "inexact_integer" in {note.code for note in document.evidence[0].diagnostics}


def test_an_age_from_the_future_stays_negative(lab: Lab) -> None:
    """Rules know the skew; a document without a time has no age."""
    document = sbom(DIGEST)
    document["metadata"]["timestamp"] = "3000-01-01T00:00:00Z"
    [item] = made(opened(lab, ("file", plain(document)))).evidence
    assert item.age_s is not None and item.age_s < 0
    document["metadata"]["timestamp"] = "soon"
    [other] = made(opened(lab, ("file", plain(document)))).evidence
    assert other.age_s is None


def test_index_evidence_is_marked_so(lab: Lab) -> None:
    """Signed about the index: usable for the platform, on the index."""
    [item] = made(opened(lab, ("attestation", lab.bundle(SBOM, sbom(), INDEX)))).evidence
    assert (item.on, item.binding, item.subject_digest) == ("index", "signed", INDEX)


def test_broken_links_come_from_accepted_provenance_only(lab: Lab) -> None:
    """A stranger's provenance is a statement that is listed, and breaks no link."""
    document = made(opened(lab, ("attestation", lab.statement(PROVENANCE, slsa(), DIGEST))))
    assert (len(document.provenance.statements), document.provenance.broken_links) == (1, ())
