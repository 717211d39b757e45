"""SPDX tag-value gives the facts of the same document as JSON; a text cannot hide what stands in it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.interface import Reading
from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT, Limits
from tests.evidence.sbom.make import codes, facts
from tests.vex import corpus

TEXT = """# written by hand
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: doc
DocumentNamespace: https://example.com/doc
Creator: Tool: syft-1.51.0
Creator: Organization: Us
Created: 2025-01-01T00:00:00Z
CreatorComment: <text>SBOM Type: Build</text>

##### Package: app
PackageName: app
SPDXID: SPDXRef-root
PackageVersion: sha256:DIGEST
PackageComment: <text>
PackageName: hidden
PackageVersion: 9
</text>
PackageAttributionText: <text>ImageID: sha256:CONFIG</text>
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-root
Relationship: SPDXRef-root CONTAINS SPDXRef-a

PackageName: a
SPDXID: SPDXRef-a
PackageVersion: 1
PackageSupplier: Organization: Them (them@example.com)
PackageChecksum: SHA256: HASH
ExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1
ExternalRefComment: x
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: MIT
FilesAnalyzed: false

FileName: /etc/f
SPDXID: SPDXRef-f
FileChecksum: SHA1: 0123
Relationship: SPDXRef-b DEPENDENCY_OF SPDXRef-a
RelationshipComment: one

PackageName: b
SPDXID: SPDXRef-b

Annotator: Tool: trivy
SPDXREF: SPDXRef-root
AnnotationDate: 2025-01-01T00:00:00Z
AnnotationComment: <text>RepoDigest: r.example/app@sha256:DIGEST</text>

LicenseID: LicenseRef-1
ExtractedText: <text>PackageName: not one</text>
LicenseName: Own
"""
JSON: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "doc",
    "documentNamespace": "https://example.com/doc",
    "creationInfo": {
        "created": "2025-01-01T00:00:00Z",
        "creators": ["Tool: syft-1.51.0", "Organization: Us"],
        "comment": "SBOM Type: Build",
    },
    "packages": [
        {
            "name": "app",
            "SPDXID": "SPDXRef-root",
            "versionInfo": "sha256:DIGEST",
            "attributionTexts": ["ImageID: sha256:CONFIG"],
            "annotations": [{"comment": "RepoDigest: r.example/app@sha256:DIGEST"}],
        },
        {
            "name": "a",
            "SPDXID": "SPDXRef-a",
            "versionInfo": "1",
            "supplier": "Organization: Them (them@example.com)",
            "checksums": [{"algorithm": "SHA256", "checksumValue": "HASH"}],
            "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}
            ],
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "MIT",
        },
        {"name": "b", "SPDXID": "SPDXRef-b"},
    ],
    "files": [{"fileName": "/etc/f", "SPDXID": "SPDXRef-f"}],
    "relationships": [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-root"},
        {"spdxElementId": "SPDXRef-root", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-a"},
        {"spdxElementId": "SPDXRef-b", "relationshipType": "DEPENDENCY_OF", "relatedSpdxElement": "SPDXRef-a"},
    ],
}
HEAD = "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n"


def _filled(text: str) -> str:
    return text.replace("DIGEST", "a" * 64).replace("CONFIG", "b" * 64).replace("HASH", "c" * 64)


def _read(text: str | bytes, limits: Limits = DEFAULT) -> Reading:
    data = text.encode() if isinstance(text, str) else text
    return read_payload(data, media_type="", predicate_type=None, predicate=None, limits=limits)


@pytest.mark.parametrize("version", ["2.2", "2.3"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_one_document_gives_the_same_facts_in_both_forms(version: str, ending: str) -> None:
    """Packages, graph, names, times and diagnostics; texts hold no packages."""
    body = _filled(json.dumps(JSON)).replace("SPDX-2.3", f"SPDX-{version}")
    assert _read(_filled(TEXT).replace("SPDX-2.3", f"SPDX-{version}").replace("\n", ending)) == _read(body)


def test_real_ones() -> None:
    """Tern's report on Photon: 37 packages, all below the root, none with a purl."""
    found = facts(_read(corpus.document("spdx/photon_tern_tagvalue.spdx.tag")))
    assert (found.components, found.without_purl, found.unreachable_from_root, found.dangling_refs) == (37, 37, 0, 0)


def test_an_element_without_its_name_is_one_of_its_own() -> None:
    """syft writes no PackageName for a nameless image: its SPDXID must not become the document's."""
    text = f"{HEAD}\n##### Package: \n\nSPDXID: SPDXRef-x\nPackageVersion: 1\n\nPackageName: a\nSPDXID: SPDXRef-a\n"
    reading = _read(text + "Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-x\n")
    assert (facts(reading).components, facts(reading).root_present) == (1, True)
    assert codes(reading)["element_without_name"] == 1


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        (f"{HEAD}PackageName: a\nPackageComment: <text>\nPackageName: b\n", EvidenceInvalid, "has no end"),
        (f"{HEAD}PackageName: a\nPackageVersion: 1\nPackageVersion: 2\n", EvidenceInvalid, "second time"),
        (f"{HEAD}{HEAD}", EvidenceInvalid, "second time"),
        (f"{HEAD}PackageVersion: 1\n", EvidenceInvalid, "outside any package"),
        (f"{HEAD}LicenseID: x\nExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1\n", EvidenceInvalid, "outside any package"),
        ("SPDXVersion: SPDX-2.1\n", FormatRefused, r"SPDX-2\.1"),
        ("SPDXVersion: SPDX-3.0\n", FormatRefused, r"SPDX-3\.0"),
        (HEAD.encode() + b"PackageName: \xff\n", EvidenceInvalid, "not UTF-8"),
    ],
)
def test_what_is_not_read(text: str | bytes, error: type[GateError], what: str) -> None:
    """Open texts, repeated tags, tags without an element, other versions and encodings."""
    with pytest.raises(error, match=what):
        _read(text)


def test_oddities_are_counted_and_bounds_hold() -> None:
    """Lines that are no tags, tags that SPDX has not, and half relationships; elements are bounded as they pass by."""
    reading = _read(f"{HEAD}what\nNoSuchTag: x\nRelationship: SPDXRef-a\nDocumentComment: <text>a</text> b\n")
    assert codes(reading) == {"no_root": 1, "odd_line": 2, "unknown_tag": 1}
    with pytest.raises(LimitExceeded, match="components"):
        _read(HEAD + "PackageName: a\n" * 4, Limits(components=3))


def test_a_statement_holds_it_as_text() -> None:
    """cosign attests tag-value as a string."""
    kind, text = "https://spdx.dev/Document", _filled(TEXT)
    data = json.dumps({"predicateType": kind, "predicate": text}).encode()
    found = read_payload(data, media_type="", predicate_type=kind, predicate=text, limits=DEFAULT)
    assert dataclasses.replace(found) == _read(text)
