"""The SPDX reader: directions are normalized, roots are told from packages, NOASSERTION from missing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.interface import NamedDigest
from gate.evidence.sbom.relationships import DESCRIBES, direction
from gate.evidence.sbom.spdx import READER
from gate.limits import DEFAULT, Limits
from tests.evidence.sbom.make import IMAGE, PACKAGE, codes, edge, facts, spdx
from tests.vex import corpus
from tests.vex.fuzz import patient

DIGEST = "sha256:" + "a" * 64
HASHED = {"algorithm": "SHA256", "checksumValue": "A" * 64}


@pytest.mark.parametrize(
    ("name", "expected", "diagnostics"),
    [
        (
            "node-healthcheck_redhat_reverse_rels_3MB.json.xz",
            {"components": 2303, "unreachable_from_root": 0, "without_version": 156, "without_license": 980, "cycles": 0},
            {},
        ),
        ("broken_refs.json", {"components": 0, "dangling_refs": 1, "root_present": True}, {"dangling_ref": 1}),
        (
            "trivy_fluentd_invalid_v2.3.json",
            {"components": 511, "without_supplier": 511, "unreachable_from_root": 0, "without_purl": 0},
            {"grouping_component": 1, "misspelt_relationship": 1, "not_a_package_operating_system": 1},
        ),
    ],
)
def test_real_documents(name: str, expected: dict[str, Any], diagnostics: dict[str, int]) -> None:
    """Counts of the corpus documents; reverse relationships leave nothing unreachable."""
    found = READER.read(corpus.document(f"spdx/{name}"), DEFAULT)
    assert {key: getattr(facts(found), key) for key in expected} == expected
    assert codes(found) == diagnostics


def test_trivys_document_names_its_image() -> None:
    """trivy writes the image id and the repository digest as attribution texts."""
    found = READER.read(corpus.document("spdx/trivy_fluentd_invalid_v2.3.json"), DEFAULT)
    assert [(item.role, item.digest[:15]) for item in found.names] == [
        ("manifest", "sha256:086af034"),
        ("config", "sha256:3fad4228"),
    ]
    assert found.created == "2022-12-27T23:08:17Z"


@pytest.mark.parametrize("version", ["SPDX-2.1", "SPDX-3.0", "2.3"])
def test_other_versions_are_refused_by_name(version: str) -> None:
    """Only 2.2 and 2.3 are read; the message has the command that writes one."""
    with pytest.raises(FormatRefused, match=version) as caught:
        spdx(PACKAGE, spdxVersion=version)
    assert "syft" in caught.value.fix


@pytest.mark.parametrize(
    "fields", [{"packages": {}}, {"relationships": "x"}, {"documentDescribes": 1}, {"spdxVersion": 2.3}, {"spdxVersion": None}]
)
def test_wrong_containers_are_invalid(fields: dict[str, Any]) -> None:
    """An object where the list of packages should be is no empty list."""
    with pytest.raises(EvidenceInvalid):
        spdx(PACKAGE, **fields)


@pytest.mark.parametrize(
    ("source", "kind", "target"),
    [
        ("root", "CONTAINS", "a"),
        ("a", "CONTAINED_BY", "root"),
        ("root", "DEPENDS_ON", "a"),
        ("a", "DEPENDENCY_OF", "root"),
        ("a", "DEV_DEPENDENCY_OF", "root"),
        ("a", "BUILD_DEPENDENCY_OF", "root"),
        ("a", "RUNTIME_DEPENDENCY_OF", "root"),
        ("a", "TEST_DEPENDENCY_OF", "root"),
        ("a", "PACKAGE_OF", "root"),
        ("root", "GENERATED_FROM", "a"),
        ("a", "GENERATES", "root"),
        ("a", "BUILD_TOOL_OF", "root"),
        ("root", "STATIC_LINK", "a"),
    ],
)
def test_either_direction_reaches_the_package(source: str, kind: str, target: str) -> None:
    """``a CONTAINED_BY root`` and ``root CONTAINS a`` say the same."""
    assert facts(spdx(PACKAGE, edges=((source, kind, target),))).unreachable_from_root == 0


@pytest.mark.parametrize(
    ("source", "kind", "target"), [("a", "CONTAINS", "root"), ("root", "DEPENDENCY_OF", "a"), ("root", "OTHER", "a")]
)
def test_the_wrong_direction_does_not(source: str, kind: str, target: str) -> None:
    """Normalizing is not ignoring: a package that contains the root is not contained in it."""
    assert facts(spdx(PACKAGE, edges=((source, kind, target),))).unreachable_from_root == 1


def test_described_by_and_document_describes_name_the_root() -> None:
    """Three ways to say what a document describes."""
    for fields in (
        {"relationships": [edge("root", "DESCRIBED_BY", "DOCUMENT")]},
        {"relationships": [], "documentDescribes": ["SPDXRef-root"]},
        {"relationships": [edge("DOCUMENT", "DESCRIBE", "root")]},
    ):
        found = facts(spdx(PACKAGE, **fields))
        assert (found.root_present, found.components) == (True, 1)


def test_several_roots_bind_to_nothing() -> None:
    """A document that describes every package names no subject, and all of them are counted."""
    found = spdx(
        PACKAGE | {"versionInfo": DIGEST},
        relationships=[edge("DOCUMENT", "DESCRIBES", "root"), edge("DOCUMENT", "DESCRIBES", "a")],
    )
    assert (facts(found).components, facts(found).unreachable_from_root, found.names) == (2, 0, ())
    assert codes(found) == {"several_roots": 2}


def test_without_a_root_nothing_is_reachable() -> None:
    """A document that describes nothing, or something that it does not have."""
    assert facts(spdx(PACKAGE, relationships=[])).unreachable_from_root == 2
    found = facts(spdx(PACKAGE, relationships=[], documentDescribes=["SPDXRef-ghost"]))
    assert (found.unreachable_from_root, found.root_present) == (2, True)


def test_the_root_is_the_subject_and_no_component() -> None:
    """The image itself has no purl or licence to speak of; a document with nothing else has zero components."""
    assert facts(spdx()).components == 0


def test_references() -> None:
    """Dangling, external, duplicate and unknown ones; NONE is a declaration and NOASSERTION of the root an unknown."""
    found = spdx(
        PACKAGE,
        PACKAGE,
        PACKAGE | {"SPDXID": "SPDXRef-b", "hasFiles": ["SPDXRef-f", "SPDXRef-ghost"]},
        files=[{"SPDXID": "SPDXRef-f"}],
        edges=(
            ("root", "CONTAINS", "b"),
            ("root", "CONTAINS", "nobody"),
            ("a", "DEPENDS_ON", "NONE"),
            ("a", "DEPENDS_ON", "a"),
            ("root", "CONTAINS", "NOASSERTION"),
            ("a", "DEPENDS_ON", "DocumentRef-x:SPDXRef-y"),
            ("a", "BEFRIENDS", "b"),
        ),
    )
    counts = facts(found)
    assert (counts.dangling_refs, counts.duplicate_refs, counts.cycles, counts.dependency_nodes) == (2, 1, 1, 1)
    assert counts.aggregate == "unknown"
    assert codes(found) == {"dangling_ref": 2, "duplicate_ref": 1, "external_element": 1, "unknown_relationship": 1}


def test_noassertion_is_unknown_and_none_is_none() -> None:
    """Both leave the field empty; only NOASSERTION counts as declared unknown."""
    found = spdx(
        PACKAGE | {"supplier": "NOASSERTION", "licenseConcluded": "NOASSERTION", "licenseDeclared": "NONE"},
        PACKAGE | {"SPDXID": "SPDXRef-b", "supplier": "NOASSERTION", "originator": "Person: Ann", "licenseDeclared": "MIT"},
        PACKAGE
        | {"SPDXID": "SPDXRef-c", "supplier": "Organization: Us", "licenseDeclared": "NONE", "versionInfo": "NOASSERTION"},
    )
    assert found.sbom is not None
    assert [item.supplier for item in found.sbom.components] == ["", "Ann", "Us"]
    assert [item.licenses for item in found.sbom.components] == [(), ("MIT",), ()]
    assert facts(found).without_version == 1
    assert found.sbom.minimum_elements.unknown_declared == 3


def test_package_fields() -> None:
    """purl by either spelling of the category, checksums, purpose."""
    found = spdx(
        PACKAGE | {"checksums": [HASHED, {"algorithm": "MD5", "checksumValue": "x"}], "primaryPackagePurpose": "APPLICATION"}
    )
    assert found.sbom is not None
    item = found.sbom.components[0]
    assert (item.purl, item.type, item.hashes) == ("pkg:npm/a@1", "application", {"sha256": "a" * 64})
    assert codes(found) == {"bad_hash": 1}


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ({"versionInfo": DIGEST}, NamedDigest(DIGEST, "manifest")),
        ({"checksums": [HASHED]}, NamedDigest(DIGEST, "any")),
        ({"versionInfo": DIGEST, "checksums": [HASHED]}, NamedDigest(DIGEST, "manifest")),
        ({"name": f"reg/app@{DIGEST}"}, NamedDigest(DIGEST, "manifest")),
        (
            {"externalRefs": [{"referenceType": "purl", "referenceLocator": f"pkg:oci/app@{DIGEST}"}]},
            NamedDigest(DIGEST, "manifest"),
        ),
        ({"attributionTexts": [f"ImageID: {DIGEST}"]}, NamedDigest(DIGEST, "config")),
        ({"annotations": [{"comment": f"RepoDigest: reg/app@{DIGEST}"}]}, NamedDigest(DIGEST, "manifest")),
    ],
)
def test_names_of_the_subject(root: Any, expected: NamedDigest) -> None:
    """Every place where generators put the image's digest is found."""
    assert spdx(packages=[IMAGE | root, PACKAGE]).names == (expected,)


def test_files_only() -> None:
    """Files and packages of purpose FILE are no packages."""
    found = facts(spdx(PACKAGE | {"primaryPackagePurpose": "FILE"}, files=[{"SPDXID": "SPDXRef-f"}]))
    assert (found.components, found.files_only) == (0, True)


@pytest.mark.parametrize(
    ("creators", "tool"),
    [
        (["Organization: Us", "Tool: syft-1.51.0"], ("syft", "1.51.0")),
        (["Tool: my-tool"], ("my-tool", "")),
        (["Tool: syft-[not provided]"], ("syft", "[not provided]")),
        (["Trustify"], ("", "")),
        (None, ("", "")),
    ],
)
def test_tool(creators: Any, tool: tuple[str, str]) -> None:
    """Name and version of the first creator that is a tool."""
    found = spdx(creationInfo={"creators": creators}).producer
    assert (found.name, found.version) == tool


def test_minimum_elements() -> None:
    """Author, namespace and generation context from the creation comment."""
    found = spdx(
        documentNamespace="https://x",
        creationInfo={"created": "2025-01-01T01:00:00+01:00", "creators": ["Person: Ann"], "comment": "SBOM Type: Build"},
    ).sbom
    assert found is not None
    elements = found.minimum_elements
    assert (elements.author, elements.timestamp, elements.serial, elements.generation_context) == (
        "Ann",
        "2025-01-01T00:00:00Z",
        "https://x",
        "build",
    )


def test_bounds() -> None:
    """Elements are bounded, files included."""
    with pytest.raises(LimitExceeded, match="components"):
        spdx(files=[{"SPDXID": f"SPDXRef-{number}"} for number in range(9)], limits=Limits(components=5))


def test_every_known_relationship_has_one_meaning() -> None:
    """Types of SPDX 2.3 are known, also those that connect nothing; others are not guessed at."""
    assert direction("FILE_ADDED") is not None
    assert direction("contains") is None
    misspelt = direction("DESCRIBE")
    assert misspelt is not None
    assert (misspelt.meaning, misspelt.misspelt) == (DESCRIBES, True)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["SPDXRef-root", "NONE", "CONTAINS", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*PACKAGE, "spdxElementId", "relationshipType", "relatedSpdxElement", "checksums"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@patient
@given(
    st.dictionaries(
        st.sampled_from(["packages", "relationships", "files", "creationInfo", "documentDescribes", "snippets"]), _ANY
    )
)
def test_only_gate_errors_escape(fields: dict[str, Any]) -> None:
    """Whatever has the wrong type where, the reader gives facts or an error of the gate."""
    try:
        found = READER.read(json.dumps({"spdxVersion": "SPDX-2.3"} | fields).encode(), DEFAULT)
    except GateError:
        return
    assert found.sbom is not None
    assert facts(found).components == len(found.sbom.components)
