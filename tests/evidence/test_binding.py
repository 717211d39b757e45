"""Which subject a document is about: what must not bind, first."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gate.evidence.binding import SubjectDigests, bind
from gate.evidence.collect import Opened
from gate.evidence.interface import Document, NamedDigest, Reading
from gate.model.evidence import Producer, Verification
from tests.factory import CONFIG, DIGEST, INDEX, OTHER

SIBLING = "sha256:" + "e" * 64
SUBJECT = SubjectDigests(own=DIGEST, index=INDEX, config=CONFIG, siblings=frozenset({SIBLING}))
VERIFIED = Verification(state="verified", roles=("*",))
UNVERIFIED = Verification(state="unverified", reason="not signed")


def opened(
    *names: NamedDigest, subjects: tuple[str, ...] = (), verification: Verification = UNVERIFIED, **changes: Any
) -> Opened:
    reading = Reading(kind="sbom", format="cyclonedx 1.6", producer=Producer(), created=None, names=names)
    item = Opened(
        document=Document(data=b"{}", origin="file", source="sbom.json"),
        id=OTHER,
        payload_digest=OTHER,
        kind="sbom",
        format="cyclonedx 1.6",
        predicate_type=None,
        predicate=None,
        subjects=subjects,
        signature_form="",
        annotations={},
        docker_reference="",
        verification=verification,
        reading=reading,
        error=None,
    )
    return dataclasses.replace(item, **changes)


@pytest.mark.parametrize(
    ("name", "binding", "on"),
    [
        (NamedDigest(DIGEST, "manifest"), "embedded", "platform"),
        (NamedDigest(DIGEST), "embedded", "platform"),
        (NamedDigest(INDEX, "manifest"), "asserted", "index"),
        (NamedDigest(CONFIG, "config"), "embedded", "platform"),
        (NamedDigest(CONFIG), "embedded", "platform"),
        (NamedDigest(OTHER, "manifest"), "none", "none"),
        (NamedDigest(SIBLING, "manifest"), "none", "none"),
        (NamedDigest(DIGEST, "config"), "none", "none"),
        (NamedDigest(CONFIG, "manifest"), "none", "none"),
        (NamedDigest(INDEX, "config"), "none", "none"),
    ],
)
def test_bare_documents_bind_by_manifest_index_or_configuration(name: NamedDigest, binding: str, on: str) -> None:
    """A digest binds only in the role that the document gives it."""
    bound = bind(opened(name), SUBJECT)
    assert (bound.binding, bound.on) == (binding, on)


def test_a_document_that_names_nothing_is_only_asserted() -> None:
    """Without a digest inside, only the caller says what it is about."""
    assert bind(opened(), SUBJECT).binding == "asserted"


def test_another_platforms_report_does_not_bind_through_the_index() -> None:
    """A scan of arm64 that also names the index says nothing of amd64."""
    bound = bind(opened(NamedDigest(SIBLING, "manifest"), NamedDigest(INDEX, "manifest")), SUBJECT)
    assert bound.binding == "none"
    assert bound.note is not None
    assert "another platform" in bound.note.message


def test_a_refusal_names_both_digests() -> None:
    """The reader sees what the document is about and what it should be about."""
    note = bind(opened(NamedDigest(OTHER)), SUBJECT).note
    assert note is not None
    assert OTHER in note.message
    assert DIGEST in note.message


@pytest.mark.parametrize(("subject", "on"), [(DIGEST, "platform"), (INDEX, "index")])
def test_a_verified_statement_binds_as_signed(subject: str, on: str) -> None:
    """A verified statement binds to the image or to the index that it names."""
    bound = bind(opened(subjects=(subject,), verification=VERIFIED, kind="provenance"), SUBJECT)
    assert (bound.binding, bound.on) == ("signed", on)


@pytest.mark.parametrize("kind", ["sbom", "vulnerabilities"])
@pytest.mark.parametrize("inner", [(), (NamedDigest(INDEX, "manifest"),)])
def test_what_is_said_of_many_platforms_at_once_is_only_asserted_of_each(kind: Any, inner: tuple[NamedDigest, ...]) -> None:
    """A scan or SBOM looks at one platform; when neither statement nor document says which, nobody vouches that it is this."""
    item = opened(*inner, subjects=(INDEX,), verification=VERIFIED, kind=kind)
    bound = bind(item, SUBJECT)
    assert (bound.binding, bound.on) == ("asserted", "index")
    assert bound.note is not None
    assert bound.note.code == "platform_unknown"
    alone = dataclasses.replace(SUBJECT, siblings=frozenset())
    assert (bind(item, alone).binding, bind(item, alone).note) == ("signed", None)


@pytest.mark.parametrize("kind", ["sbom", "vulnerabilities"])
def test_a_bare_document_about_the_index_does_not_say_which_platform(kind: Any) -> None:
    """The same holds for a document that nobody signed."""
    item = opened(NamedDigest(INDEX, "manifest"), kind=kind)
    bound = bind(item, SUBJECT)
    assert (bound.binding, bound.on, bound.note and bound.note.code) == ("asserted", "index", "platform_unknown")
    assert bind(item, dataclasses.replace(SUBJECT, siblings=frozenset())).binding == "embedded"


@pytest.mark.parametrize("kind", ["sbom", "vulnerabilities"])
@pytest.mark.parametrize("inner", [NamedDigest(DIGEST, "manifest"), NamedDigest(CONFIG, "config")])
def test_a_statement_on_the_index_counts_for_the_platform_named_inside(kind: Any, inner: NamedDigest) -> None:
    """The signature covers the document, and the document names this platform."""
    bound = bind(opened(inner, subjects=(INDEX,), verification=VERIFIED, kind=kind), SUBJECT)
    assert (bound.binding, bound.on, bound.note) == ("signed", "index", None)


def test_a_statement_on_the_index_is_whole_for_the_index() -> None:
    """Of the index itself nothing is unknown."""
    index = SubjectDigests(own=INDEX, siblings=frozenset({SIBLING}))
    assert bind(opened(subjects=(INDEX,), verification=VERIFIED), index, is_index=True).binding == "signed"


@pytest.mark.parametrize("state", ["unverified", "failed"])
def test_an_unverified_statement_never_binds_as_signed(state: Any) -> None:
    """The claim of a statement that was not verified is worth what a bare document's is."""
    bound = bind(opened(subjects=(DIGEST,), verification=Verification(state=state)), SUBJECT)
    assert bound.binding == "embedded"


def test_a_statement_about_another_image_does_not_bind_whatever_is_inside() -> None:
    """The signed subject decides, not the document inside."""
    assert bind(opened(NamedDigest(DIGEST), subjects=(OTHER,), verification=VERIFIED), SUBJECT).binding == "none"


def test_a_statement_on_the_index_with_another_platforms_document_does_not_bind() -> None:
    """An SBOM of arm64 attested on the index is not amd64's."""
    assert bind(opened(NamedDigest(SIBLING), subjects=(INDEX,), verification=VERIFIED), SUBJECT).binding == "none"
    assert bind(opened(NamedDigest(SIBLING), subjects=(DIGEST,), verification=VERIFIED), SUBJECT).binding == "none"


def test_a_difference_inside_a_signed_statement_is_reported() -> None:
    """A scanner that read the image from a daemon names another digest; the signer vouches, and the reader is told."""
    bound = bind(opened(NamedDigest(OTHER), subjects=(DIGEST,), verification=VERIFIED), SUBJECT)
    assert bound.binding == "signed"
    assert bound.note is not None
    assert bound.note.code == "inner_subject_differs"


@pytest.mark.parametrize("subject", [DIGEST, INDEX])
def test_signing_a_scan_of_another_image_does_not_make_it_one_of_this(subject: str) -> None:
    """A scan names manifest and configuration; when neither is this image's, whoever signed it attested the wrong report."""
    scan = opened(NamedDigest(OTHER, "manifest"), subjects=(subject,), verification=VERIFIED, kind="vulnerabilities")
    bound = bind(scan, SUBJECT)
    assert bound.binding == "none"
    assert bound.note is not None
    assert OTHER in bound.note.message
    ours = opened(
        NamedDigest(OTHER, "manifest"),
        NamedDigest(CONFIG, "config"),
        subjects=(subject,),
        verification=VERIFIED,
        kind="vulnerabilities",
    )
    assert bind(ours, SUBJECT).binding == "signed"


def test_an_sbom_of_another_image_attested_on_the_index_is_reported() -> None:
    """The difference is told whether the statement names the image or its index."""
    bound = bind(opened(NamedDigest(OTHER), subjects=(INDEX,), verification=VERIFIED), SUBJECT)
    assert bound.note is not None
    assert bound.note.code == "inner_subject_differs"
    assert bound.binding == "asserted"
