"""The OpenVEX reader: tolerant of form, strict about what may suppress."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.limits import Limits
from gate.vex import openvex
from tests.vex import corpus
from tests.vex.fuzz import patient
from tests.vex.make import document, statement


@pytest.mark.parametrize(
    ("name", "statements", "author", "spec"),
    [
        ("dhi-nginx.json", 55, "Docker Hardened Images <dhi@docker.com>", "0.2.0"),
        ("stackstate-agent_oci.json", 23, "SUSE Observability Security Team", "0.2.0"),
        ("supersede_1_under_investigation.json", 1, "John Doe", "0.2.0"),
        ("supersede_2_fixed.json", 1, "John Doe", "0.2.0"),
        ("trivy_oci.openvex.json", 7, "Aqua Security", "0.2.0"),
        ("v0.0.1_legacy.json", 1, "Wolfi J Inkinson", "0.0.1"),
    ],
)
def test_real_documents_are_read_whole(name: str, statements: int, author: str, spec: str) -> None:
    """Every published document of the corpus gives all its statements, none of them invalid."""
    found = openvex.read(corpus.document(f"openvex/{name}"))
    assert (len(found.statements), found.author, found.spec_version) == (statements, author, spec)
    assert not [item for item in found.statements if item.problem]


def test_legacy_strings_are_read_as_objects() -> None:
    """0.0.1 has a string for the vulnerability and strings for products."""
    found = document({"vulnerability": "CVE-1", "products": ["pkg:apk/wolfi/git@1"], "status": "fixed"}, version="3")
    assert found.statements[0].vulnerabilities == ("CVE-1",)
    assert found.statements[0].products[0].component.ids == ("pkg:apk/wolfi/git@1",)
    assert found.version == 3


def test_time_is_inherited_from_the_document() -> None:
    """A statement without a time has the document's; one with last_updated has that."""
    found = document(
        statement(timestamp=None), statement(timestamp="2025-02-01T00:00:00Z", last_updated="2025-03-01T01:00:00+01:00")
    )
    assert [item.timestamp and item.timestamp.isoformat() for item in found.statements] == [
        "2025-01-01T00:00:00+00:00",
        "2025-03-01T00:00:00+00:00",
    ]


def test_a_broken_time_is_not_replaced_by_the_documents() -> None:
    """A time that does not parse makes a suppressing statement invalid instead of giving it some other time."""
    item = document(statement(timestamp="yesterday")).statements[0]
    assert item.timestamp is None
    assert item.problem == "no usable time"


@pytest.mark.parametrize("fields", [{"justification": ""}, {"justification": "trust me"}, {"justification": 7}])
def test_not_affected_needs_a_reason(fields: dict[str, Any]) -> None:
    """not_affected without a known justification or an impact statement is invalid."""
    assert "without justification" in document(statement(**fields)).statements[0].problem
    assert document(statement(impact_statement="not linked in", **fields)).statements[0].problem == ""


@pytest.mark.parametrize("status", ["", "Not_Affected", "resolved", None, 3, ["fixed"]])
def test_an_unknown_status_does_not_suppress(status: Any) -> None:
    """What is no OpenVEX status is read as under_investigation and marked."""
    item = document(statement() | {"status": status}).statements[0]
    assert item.status == "under_investigation"
    assert item.problem.startswith("unknown status")


def test_an_unreadable_subcomponent_does_not_widen_to_the_image() -> None:
    """A product whose subcomponents cannot be read is dropped, not taken for the whole image."""
    broken: tuple[Any, ...] = ({"@id": "x"}, {}, "", False, "pkg:deb/debian/a", [7], [{}])
    bad = [{"@id": "pkg:oci/app", "subcomponents": inner} for inner in broken]
    item = document(statement(products=bad)).statements[0]
    assert item.products == ()
    assert item.names_products
    assert "no known form" in item.problem


def test_broad_statements_are_pointed_out() -> None:
    """A whole image or an unversioned package as a product is allowed and counted in the diagnostics."""
    found = document(statement(products=["pkg:oci/app@sha256%3A" + "a" * 64, "pkg:deb/debian/openssl"]), statement(products=None))
    assert {item.code: item.count for item in found.diagnostics} == {
        "unversioned_product": 1,
        "whole_image_product": 1,
        "without_products": 1,
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"x"',
        b"\xff\xfe{",
        b'{"@context": "https://openvex.dev/ns", "author": "\xff", "statements": []}',
        b'{"@context": 1}',
        b'{"@context": "https://openvex.dev/ns", "statements": {}}',
    ],
)
def test_what_is_no_document_is_invalid(data: bytes) -> None:
    """Wrong shapes at the top are refused as a whole: nothing must not pass for no statements."""
    with pytest.raises(EvidenceInvalid):
        openvex.read(data)


def test_a_later_version_is_refused_by_name() -> None:
    """A version that may mean something else is not guessed at."""
    with pytest.raises(FormatRefused, match=r"v0\.3\.0"):
        openvex.read(b'{"@context": "https://openvex.dev/ns/v0.3.0", "statements": []}')


def test_bounds() -> None:
    """Size and number of statements are bounded, and nesting ends in an error of the gate."""
    body = json.dumps({"@context": "https://openvex.dev/ns", "statements": [{}, {}]}).encode()
    with pytest.raises(LimitExceeded, match="document_bytes"):
        openvex.read(body, Limits(document_bytes=10))
    with pytest.raises(LimitExceeded, match="findings"):
        openvex.read(body, Limits(findings=1))
    with pytest.raises(GateError):
        openvex.read(b'{"@context":"https://openvex.dev/ns","statements":' + b"[" * 100_000)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = [
    "@id",
    "vulnerability",
    "status",
    "products",
    "justification",
    "timestamp",
    "last_updated",
    "subcomponents",
    "identifiers",
    "hashes",
]


@patient
@given(
    st.lists(
        st.dictionaries(st.sampled_from(_FIELDS), _JSON | st.just([{"@id": "pkg:deb/a@1", "hashes": {"sha-256": 1}}])), max_size=4
    ),
    _JSON,
)
def test_only_gate_errors_escape(statements: list[Any], stamp: Any) -> None:
    """Whatever stands in the fields, the reader gives a document or an error of the gate; odd statuses never suppress."""
    body = {"@context": "https://openvex.dev/ns", "statements": statements, "timestamp": stamp, "version": stamp, "author": stamp}
    try:
        found = openvex.read(json.dumps(body).encode())
    except GateError:
        return
    assert len(found.statements) == len(statements)
