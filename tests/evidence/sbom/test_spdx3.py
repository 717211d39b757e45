"""SPDX 3.0 JSON-LD: tolerant of ids and spellings, never of a context that could rename what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.interface import NamedDigest, Reading
from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT, Limits
from tests.evidence.sbom.make import codes, facts
from tests.vex import corpus

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
CREATION = {
    "type": "CreationInfo",
    "@id": "_:c",
    "specVersion": "3.0.1",
    "created": "2025-01-01T00:00:00Z",
    "createdBy": ["urn:us"],
    "createdUsing": ["urn:tool"],
}
BASE: list[dict[str, Any]] = [
    CREATION,
    {"type": "Organization", "spdxId": "urn:us", "name": "Us", "creationInfo": "_:c"},
    {"type": "Tool", "spdxId": "urn:tool", "name": "syft-1.51.0", "creationInfo": "_:c"},
    {"type": "SpdxDocument", "spdxId": "urn:doc", "name": "doc", "creationInfo": "_:c", "rootElement": ["urn:sbom"]},
    {"type": "software_Sbom", "spdxId": "urn:sbom", "rootElement": ["urn:root"], "software_sbomType": ["build"]},
    {
        "type": "software_Package",
        "spdxId": "urn:root",
        "name": "app",
        "software_packageVersion": f"sha256:{'a' * 64}",
        "software_primaryPurpose": "container",
    },
]
A: dict[str, Any] = {
    "type": "software_Package",
    "spdxId": "urn:a",
    "name": "a",
    "software_packageVersion": "1",
    "suppliedBy": "urn:us",
    "externalIdentifier": [{"type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": "pkg:npm/a@1"}],
    "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": "c" * 64}],
}
B = {
    "type": "software_Package",
    "spdxId": "urn:b",
    "name": "b",
    "software_packageVersion": "2",
    "software_packageUrl": "pkg:npm/b@2",
}


def rel(source: str, kind: str, *to: Any, **fields: Any) -> dict[str, Any]:
    return {
        "type": "Relationship",
        "spdxId": f"urn:r{source}{kind}",
        "from": source,
        "relationshipType": kind,
        "to": [*to],
        **fields,
    }


def _document(*more: Any, context: Any = CONTEXT) -> dict[str, Any]:
    return {"@context": context, "@graph": [*BASE, *more]}


def _read(value: Any, limits: Limits = DEFAULT) -> Reading:
    return read_payload(json.dumps(value).encode(), media_type="", predicate_type=None, predicate=None, limits=limits)


def test_a_document_as_the_specification_has_it() -> None:
    """Packages with supplier, licence, hash and purl; the root through the Sbom; its digest; times, tool and type."""
    reading = _read(
        _document(
            A,
            B,
            {"type": "simplelicensing_LicenseExpression", "spdxId": "urn:l", "simplelicensing_licenseExpression": "MIT OR ISC"},
            rel("urn:root", "contains", "urn:a", completeness="complete"),
            rel("urn:a", "dependsOn", "urn:b"),
            rel("urn:b", "dependsOn", "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement"),
            rel("urn:a", "hasDeclaredLicense", "urn:l"),
            rel("urn:b", "hasConcludedLicense", "https://spdx.org/licenses/MIT"),
        )
    )
    assert reading.sbom is not None
    assert reading.format == "spdx 3.0.1"
    assert reading.names == (NamedDigest(f"sha256:{'a' * 64}", "manifest"),)
    assert [(c.name, c.version, c.purl, c.supplier, c.licenses) for c in reading.sbom.components] == [
        ("a", "1", "pkg:npm/a@1", "Us", ("MIT OR ISC",)),
        ("b", "2", "pkg:npm/b@2", "", ("MIT",)),
    ]
    found = facts(reading)
    assert (found.unreachable_from_root, found.dependency_nodes, found.aggregate, found.without_hash) == (0, 2, "complete", 1)
    said = reading.sbom.minimum_elements
    assert (said.author, said.tool, said.timestamp, said.generation_context) == (
        "Us",
        "syft 1.51.0",
        "2025-01-01T00:00:00Z",
        "build",
    )
    assert codes(reading) == {}


def test_microsofts_sample() -> None:
    """No IRIs, relationship types in capitals, identifiers as elements of their own: 266 packages, all of them reached."""
    reading = _read(json.loads(corpus.document("spdx/sbom-tool_manifest_spdx3.0.json")))
    found = facts(reading)
    assert (found.components, found.without_purl, found.unreachable_from_root, found.root_present) == (266, 0, 0, True)
    assert reading.producer.name == "Microsoft.SBOMTool"


@pytest.mark.parametrize(
    ("more", "components", "unreachable"),
    [
        ([rel("urn:root", "contains", A)], 1, 0),
        ([{**BASE[4], "spdxId": "urn:other", "element": [A, B]}], 2, 2),
        ([A, rel("urn:a", "packagedBy", "urn:root")], 1, 0),
        ([A, rel("urn:root", "CONTAINS", "urn:a")], 1, 0),
        ([A, rel("urn:a", "DEPENDENCY_OF", "urn:root")], 1, 0),
        ([A, A, rel("urn:root", "dependsOn", "urn:a")], 2, 1),
        ([A, rel("urn:root", "other", "urn:a")], 1, 1),
        ([{"type": "x_Package", "spdxId": "urn:x", "name": "x", "software_packageVersion": "1"}], 1, 1),
        ([{"type": "ai_AIPackage", "spdxId": "urn:x", "name": "model"}], 1, 1),
        ([{"type": "software_Package", "spdxId": "urn:x", "name": 7, "to": {"type": "software_Package", "name": 7}}], 2, 2),
    ],
)
def test_no_package_is_lost(more: list[Any], components: int, unreachable: int) -> None:
    """Inside other elements, in reverse, in capitals, twice, of an unknown type or with wrong types: counted."""
    found = facts(_read(_document(*more)))
    assert (found.components, found.unreachable_from_root) == (components, unreachable)


@pytest.mark.parametrize(
    ("statements", "aggregate"),
    [
        ([], "absent"),
        ([("urn:root", "complete")], "complete"),
        ([("urn:a", "complete")], "unknown"),
        ([("urn:root", "complete"), ("urn:a", "incomplete")], "incomplete"),
        ([("urn:root", "complete"), ("urn:a", "noAssertion")], "unknown"),
    ],
)
def test_completeness_is_what_is_said_of_the_root_and_nowhere_denied(statements: list[tuple[str, str]], aggregate: str) -> None:
    """Complete only when every statement says so and one is the root's."""
    edges = [rel(source, "dependsOn", "urn:b", completeness=word) for source, word in statements]
    assert facts(_read(_document(A, B, *edges))).aggregate == aggregate


@pytest.mark.parametrize(
    ("value", "error", "what"),
    [
        (_document(context=[CONTEXT, "https://evil.example/spdx.org/rdf/3"]), FormatRefused, "not SPDX 3's own"),
        (_document(context=[CONTEXT, {"software_Package": "https://evil.example/x#"}]), FormatRefused, "not SPDX 3's own"),
        (_document(context=[CONTEXT, {"@vocab": "https://evil.example/"}]), FormatRefused, "not SPDX 3's own"),
        (_document(context=[CONTEXT, CONTEXT]), FormatRefused, "and"),
        (_document(context="https://spdx.org/rdf/3.1.0/spdx-context.jsonld"), FormatRefused, r"SPDX 3\.1"),
        ({"@context": CONTEXT, "@graph": {}}, EvidenceInvalid, "wrong type"),
        ({**_document(), "spdxVersion": "SPDX-2.3"}, EvidenceInvalid, "could be"),
        ({**_document(context=[CONTEXT, "https://openvex.dev/ns"])}, EvidenceInvalid, "could be"),
    ],
)
def test_what_is_not_read(value: Any, error: type[GateError], what: str) -> None:
    """Foreign contexts, other versions, and documents that are two things at once."""
    with pytest.raises(error, match=what):
        _read(value)


def test_prefixes_and_a_single_element_are_read_and_bounds_hold() -> None:
    """A context may shorten ids; a document may be one element; elements are bounded."""
    assert facts(_read(_document(A, context=[CONTEXT, {"acme": "https://acme.example/spdx#"}]))).components == 1
    assert facts(_read({"@context": CONTEXT, **A})).components == 1
    assert facts(_read({"@context": CONTEXT, "@graph": []})).root_present is False
    with pytest.raises(LimitExceeded, match="components"):
        _read(_document(A, B), Limits(components=3))


def test_assessments_and_unknown_relationships_are_noted() -> None:
    """What is not understood is said."""
    vex = {"type": "security_VexNotAffectedVulnAssessmentRelationship", "spdxId": "urn:v", "from": "urn:c", "to": ["urn:a"]}
    reading = _read(_document(A, vex, rel("urn:root", "likes", "urn:a"), {"spdxId": "urn:n", "name": "n"}))
    assert codes(reading) == {"security_not_read": 1, "unknown_relationship": 1, "element_without_type": 1}


def test_the_predicate_type_is_the_one_of_spdx_2() -> None:
    """``https://spdx.dev/Document`` holds either; the body says which."""
    for kind in ("https://spdx.dev/Document", "https://spdx.dev/Document/v3.0.1"):
        data = json.dumps({"predicateType": kind, "predicate": _document(A)}).encode()
        found = read_payload(data, media_type="", predicate_type=kind, predicate=_document(A), limits=DEFAULT)
        assert found == _read(_document(A))
