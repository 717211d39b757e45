"""Minimum elements by standard: what is missing is named, what is declared unknown is not, and nothing is whole by default."""

from __future__ import annotations

from typing import Any

import pytest

from gate.evidence.interface import Reading
from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT
from tests.evidence.sbom.make import cyclonedx, spdx
from tests.vex import corpus

NTIA, CISA, BSI = "ntia-2021", "cisa-2026", "bsi-tr-03183-2"
_PARTY = {"name": "Them", "url": ["https://them.example"]}
_PROPERTIES = [{"name": f"bsi:component:{name}", "value": "x"} for name in ("filename", "executable", "archive", "structured")]
COMPONENT: dict[str, Any] = {
    "type": "library",
    "bom-ref": "a",
    "name": "a",
    "version": "1",
    "purl": "pkg:npm/a@1",
    "supplier": _PARTY,
    "licenses": [{"license": {"id": "MIT", "acknowledgement": "concluded"}}],
    "hashes": [{"alg": "SHA-256", "content": "c" * 64}],
    "properties": _PROPERTIES,
    "externalReferences": [{"type": "distribution", "url": "https://a", "hashes": [{"alg": "SHA-512", "content": "d" * 128}]}],
}
METADATA: dict[str, Any] = {
    "timestamp": "2025-01-01T00:00:00Z",
    "tools": {"components": [{"name": "syft", "version": "1"}]},
    "authors": [{"name": "Us", "email": "us@example.com"}],
    "lifecycles": [{"phase": "build"}],
    "component": {"type": "container", "name": "app", "bom-ref": "root"},
}
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "metadata": METADATA,
    "dependencies": [{"ref": "root", "dependsOn": ["a"]}],
    "compositions": [{"aggregate": "complete", "assemblies": ["root"]}],
}


def _missing(reading: Reading) -> dict[str, set[str]]:
    assert reading.sbom is not None
    return {name: set(found) for name, found in reading.sbom.minimum_elements.missing.items()}


def _cyclonedx(
    component: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, **document: Any
) -> dict[str, set[str]]:
    fields = DOCUMENT | {"metadata": METADATA | (metadata or {})} | document
    return _missing(
        cyclonedx(COMPONENT | (component or {}), **{key: value for key, value in fields.items() if value is not None})
    )


def test_a_whole_document_lacks_nothing() -> None:
    """All elements of all three standards; the author's signature is the rule's to see."""
    assert _cyclonedx() == {NTIA: set(), CISA: set(), BSI: set()}


@pytest.mark.parametrize(
    ("component", "document", "ntia", "cisa", "bsi"),
    [
        ({"supplier": None}, {}, {"supplier"}, {"producer"}, {"component_creator_contact"}),
        ({"supplier": {"name": "Them"}}, {}, set(), set(), {"component_creator_contact"}),
        ({"name": ""}, {}, {"component_name"}, {"component_name"}, {"component_name"}),
        ({"version": ""}, {}, {"component_version"}, {"component_version"}, {"component_version"}),
        ({"purl": None}, {}, {"component_identifier"}, {"component_identifier"}, set()),
        ({"purl": None, "cpe": "cpe:2.3:a:x:a:1:*:*:*:*:*:*:*"}, {}, set(), set(), set()),
        ({"licenses": []}, {}, set(), {"license"}, {"distribution_licence"}),
        ({"licenses": [{"expression": "MIT"}]}, {}, set(), set(), {"distribution_licence"}),
        ({"hashes": []}, {}, set(), {"hash_value", "hash_algorithm"}, set()),
        ({"externalReferences": []}, {}, set(), set(), {"deployable_hash_sha512"}),
        ({"properties": _PROPERTIES[1:]}, {}, set(), set(), {"component_filename"}),
        (
            {"properties": [{"name": "bsi:component:filename", "value": ""}, *_PROPERTIES[1:]]},
            {},
            set(),
            set(),
            {"component_filename"},
        ),
        ({}, {"metadata": {"timestamp": None}}, {"timestamp"}, {"timestamp"}, {"timestamp"}),
        ({}, {"metadata": {"authors": None}}, {"author"}, {"author"}, {"creator_contact"}),
        ({}, {"metadata": {"authors": [{"name": "Us"}]}}, set(), set(), {"creator_contact"}),
        ({}, {"metadata": {"tools": None}}, set(), {"tool_name", "tool_version"}, set()),
        ({}, {"metadata": {"tools": [{"name": "syft"}]}}, set(), {"tool_version"}, set()),
        ({}, {"metadata": {"lifecycles": None}}, set(), {"generation_context"}, set()),
        ({}, {"version": None}, set(), {"sbom_version"}, set()),
        ({}, {"specVersion": "1.5"}, set(), set(), {"format_version"}),
        ({}, {"vulnerabilities": [{"id": "CVE-2024-0001"}]}, set(), set(), {"no_vulnerabilities"}),
        ({}, {"compositions": None}, set(), set(), {"completeness"}),
        ({}, {"dependencies": None}, {"dependency_relationship"}, {"dependency_relationship"}, {"dependency_relationship"}),
    ],
)
def test_each_element_is_missed(
    component: dict[str, Any], document: dict[str, Any], ntia: set[str], cisa: set[str], bsi: set[str]
) -> None:
    """One change, and the standards that ask for it say so."""
    assert _cyclonedx(component, **document) == {NTIA: ntia, CISA: cisa, BSI: bsi}


def test_one_component_of_many_is_enough() -> None:
    """An average would hide the one that lacks it."""
    found = cyclonedx(COMPONENT, COMPONENT | {"bom-ref": "b", "hashes": []}, **DOCUMENT)
    assert "hash_value" in _missing(found)[CISA]


def test_declared_unknown_is_not_missing_except_to_bsi() -> None:
    """NOASSERTION says that it is not known, which is what NTIA and CISA ask to be said."""
    package = {
        "SPDXID": "SPDXRef-a",
        "name": "a",
        "versionInfo": "NOASSERTION",
        "supplier": "NOASSERTION",
        "licenseConcluded": "NOASSERTION",
    }
    said = _missing(spdx(package, edges=(("root", "CONTAINS", "a"),), documentNamespace="https://example.com/1"))
    assert said[NTIA] == {"component_identifier"}
    assert not said[CISA] & {"producer", "license", "component_version"}
    assert said[BSI] >= {"component_version", "format_version", "distribution_licence"}
    silent = _missing(spdx({"SPDXID": "SPDXRef-a", "name": "a"}, edges=(("root", "CONTAINS", "a"),)))
    assert silent[NTIA] >= {"supplier", "component_version"}
    assert silent[CISA] >= {"producer", "license", "component_version", "sbom_version"}


@pytest.mark.parametrize("reading", [cyclonedx(), spdx()])
def test_an_empty_document_is_whole_by_no_standard(reading: Reading) -> None:
    """Without components there is none that lacks anything; that is no reason to call it whole."""
    assert all("components" in found for found in _missing(reading).values())


@pytest.mark.parametrize(
    "name",
    ["cyclonedx/plone_syft-0.96_v1.5.json", "cyclonedx/quarkus-camel_redhat_3MB.json", "spdx/sbom-tool_manifest_spdx3.0.json"],
)
def test_no_real_document_is_whole(name: str) -> None:
    """None of the corpus meets any of the standards; a reader that said so would be wrong."""
    found = _missing(read_payload(corpus.document(name), media_type="", predicate_type=None, predicate=None, limits=DEFAULT))
    assert all(found[standard] for standard in (CISA, BSI))
