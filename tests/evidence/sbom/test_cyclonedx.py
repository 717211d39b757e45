"""The CycloneDX reader: facts of real documents, and what odd ones become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.interface import NamedDigest
from gate.evidence.sbom.cyclonedx import READER
from gate.limits import DEFAULT, Limits
from tests.evidence.sbom.make import LIBRARY, ROOT, codes, cyclonedx, facts
from tests.vex import corpus
from tests.vex.fuzz import patient

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "cyclonedx/plone_syft-0.96_v1.5.json",
            {"components": 610, "unreachable_from_root": 610, "without_hash": 610, "cycles": 1},
        ),
        ("cyclonedx/quarkus-camel_redhat_3MB.json", {"components": 1761, "unreachable_from_root": 0, "without_hash": 1761}),
        ("cyclonedx/rh_container_amd64_v1.6.json", {"components": 348, "unreachable_from_root": 0, "dependency_nodes": 348}),
        ("cyclonedx/broken_refs.json", {"components": 1, "dangling_refs": 1, "unreachable_from_root": 1}),
        ("cyclonedx/invalid_purl.json", {"components": 1, "invalid_purl": 1, "without_purl": 1, "unidentified": ("A@1",)}),
        ("cyclonedx/infinite_loop_trivy.json", {"components": 2, "cycles": 1, "unreachable_from_root": 2}),
        ("cdx-vex/dtrack_dropwizard_sbom_with_vulns_v1.5.json", {"components": 167, "without_license": 34, "without_hash": 0}),
        ("compliance/cbom/valid-cryptography-full-1.7.json", {"components": 0, "root_present": False}),
        ("compliance/cbom/valid-cryptography-implementation-1.6.json", {"components": 2, "without_purl": 2}),
    ],
)
def test_real_documents(name: str, expected: dict[str, Any]) -> None:
    """Counts of the corpus documents; no composition is declared in any of them."""
    found = facts(READER.read(corpus.document(name), DEFAULT))
    assert {key: getattr(found, key) for key in expected} == expected
    assert found.aggregate == "absent"


@pytest.mark.parametrize(("name", "statements"), [("case8_vex.json", 8), ("dtrack_dropwizard_vex_v1.5.json", 0)])
def test_vex_only_documents_are_no_sboms(name: str, statements: int) -> None:
    """A VEX document is VEX and no SBOM with zero components."""
    found = READER.read(corpus.document(f"cdx-vex/{name}"), DEFAULT)
    assert (found.kind, found.sbom, len(found.vex.statements)) == ("vex", None, statements)


@pytest.mark.parametrize("version", ["1.1", "1.0", "1.8", "2.0", "", None])
def test_other_versions_are_refused_by_name(version: str | None) -> None:
    """Only 1.2 to 1.7 are read; the message has the command that writes one."""
    with pytest.raises(FormatRefused) as caught:
        cyclonedx(LIBRARY, specVersion=version)
    assert "syft" in caught.value.fix


@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7"])
def test_read_versions(version: str) -> None:
    """The versions that are read, with the format's name."""
    assert cyclonedx(LIBRARY, specVersion=version).format == f"cyclonedx {version}"


@pytest.mark.parametrize("field", ["components", "dependencies", "metadata"])
@pytest.mark.parametrize("value", [{}, [], "x", 7])
def test_wrong_containers_are_invalid(field: str, value: Any) -> None:
    """An object where the list of components should be is no empty list."""
    if isinstance(value, dict) == (field == "metadata"):
        value = [1] if field == "metadata" else {"a": 1}
    if isinstance(value, list) and field != "metadata":
        return
    with pytest.raises(EvidenceInvalid, match=field):
        cyclonedx(LIBRARY, **{field: value})


def test_null_containers_are_empty() -> None:
    """null for a list is an empty list, and an SBOM without components has zero of them."""
    found = cyclonedx(components=None, dependencies=None, compositions=None, vulnerabilities=None)
    assert facts(found).components == 0
    assert not facts(found).files_only


def test_wrong_fields_are_counted_and_read_as_absent() -> None:
    """A number for a version or a string for hashes costs that field only; each kind of anomaly is one diagnostic."""
    items = [LIBRARY | {"version": 5, "bom-ref": f"r{number}", "hashes": "none"} for number in range(3)]
    found = cyclonedx(*items, LIBRARY)
    assert facts(found).without_version == 3
    assert facts(found).components == 4
    assert [(item.code, item.count, item.where) for item in found.diagnostics] == [
        ("wrong_type", 3, "/components/0/hashes"),
        ("wrong_type", 3, "/components/0/version"),
    ]


@pytest.mark.parametrize("item", [None, "pkg:npm/a@1", 3, []])
def test_a_component_that_is_no_object_is_an_unidentified_one(item: Any) -> None:
    """What cannot be read is counted against the document, not dropped from it."""
    found = facts(cyclonedx(item, LIBRARY))
    assert (found.components, found.without_name, found.without_purl) == (2, 1, 1)


@pytest.mark.parametrize("version", ["", "UNKNOWN", "unknown", "NOASSERTION", None])
def test_placeholders_are_no_versions(version: str | None) -> None:
    """What generators write for an unknown version counts as none."""
    assert facts(cyclonedx(LIBRARY | {"version": version})).without_version == 1


def test_identification() -> None:
    """Name, version and purl are each counted, and offenders named, at most twenty."""
    nameless = {"type": "library", "bom-ref": "x"}
    found = facts(cyclonedx(*[nameless | {"bom-ref": f"x{number}"} for number in range(30)], LIBRARY))
    assert (found.without_name, found.without_version, found.without_purl) == (30, 30, 30)
    assert found.unidentified[0] == "x0"
    assert len(found.unidentified) == 20


def test_what_is_no_package_is_reported_and_not_counted() -> None:
    """Operating systems, cryptographic assets and trivy's lock-file nodes have no purl; an unknown type is a package."""
    grouping = {
        "type": "application",
        "name": "package-lock.json",
        "bom-ref": "g",
        "properties": [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}],
    }
    system = {"type": "operating-system", "name": "debian", "version": "12", "bom-ref": "os"}
    asset = {"type": "cryptographic-asset", "name": "AES", "bom-ref": "c"}
    found = cyclonedx(grouping, system, asset, LIBRARY | {"type": ""})
    assert facts(found).components == 1
    assert codes(found) == {
        "grouping_component": 1,
        "not_a_package_operating_system": 1,
        "not_a_package_cryptographic_asset": 1,
        "unknown_component_type": 1,
    }


def test_a_files_only_document_says_so() -> None:
    """Files are no packages; a document that lists only files has zero components."""
    found = facts(cyclonedx({"type": "file", "name": "/bin/sh", "bom-ref": "f"}))
    assert (found.components, found.files_only) == (0, True)


def test_nested_components_count_and_hang_below_their_parent() -> None:
    """components[].components and metadata.component.components are walked."""
    inner = LIBRARY | {"bom-ref": "inner", "purl": "pkg:npm/inner@1"}
    found = facts(
        cyclonedx(
            LIBRARY | {"components": [inner]},
            root=ROOT | {"components": [LIBRARY | {"bom-ref": "b"}]},
            dependencies=[{"ref": "root", "dependsOn": ["a"]}],
        )
    )
    assert (found.components, found.unreachable_from_root) == (3, 0)


def test_references() -> None:
    """Duplicate, self, dangling and service references, and declared-as-none dependencies."""
    found = facts(
        cyclonedx(
            LIBRARY,
            LIBRARY,
            LIBRARY | {"bom-ref": "b"},
            services=[{"bom-ref": "s", "services": [{"bom-ref": "t"}]}],
            dependencies=[
                {"ref": "root", "dependsOn": ["a", "s", "t", "ghost"]},
                {"ref": "a", "dependsOn": ["a"]},
                {"ref": "b"},
                {"ref": "phantom", "dependsOn": []},
                {"dependsOn": ["a"]},
            ],
        )
    )
    assert (found.duplicate_refs, found.dangling_refs, found.cycles) == (1, 2, 1)
    assert (found.dependency_nodes, found.unreachable_from_root) == (2, 2)


def test_without_a_root_nothing_is_reachable() -> None:
    """No metadata.component: the facts say so and every component is unreachable."""
    found = cyclonedx(LIBRARY, metadata={})
    assert (facts(found).root_present, facts(found).unreachable_from_root, found.names) == (False, 1, ())


@pytest.mark.parametrize(
    ("compositions", "expected"),
    [
        (None, "absent"),
        ([{"aggregate": "complete", "assemblies": ["root"]}], "complete"),
        ([{"aggregate": "complete", "dependencies": ["root", "a"]}], "complete"),
        ([{"aggregate": "complete", "assemblies": ["a"]}], "unknown"),
        ([{"aggregate": "complete"}], "unknown"),
        ([{"aggregate": "complete", "assemblies": ["root"]}, {"aggregate": "unknown", "assemblies": ["a"]}], "unknown"),
        ([{"aggregate": "complete", "assemblies": ["root"]}, {"aggregate": "incomplete_third_party_only"}], "incomplete"),
        ([{"aggregate": "not_specified", "assemblies": ["root"]}], "unknown"),
        ([{"assemblies": ["root"]}], "unknown"),
    ],
)
def test_compositions(compositions: Any, expected: str) -> None:
    """complete needs every composition to say so and one to name the root; anything less is less."""
    assert facts(cyclonedx(LIBRARY, compositions=compositions)).aggregate == expected


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ({"version": DIGEST}, NamedDigest(DIGEST, "manifest")),
        ({"purl": f"pkg:oci/app@sha256%3A{'a' * 64}?arch=amd64"}, NamedDigest(DIGEST, "manifest")),
        ({"bom-ref": f"pkg:oci/app@{DIGEST}"}, NamedDigest(DIGEST, "manifest")),
        ({"hashes": [{"alg": "SHA-256", "content": "A" * 64}]}, NamedDigest(DIGEST, "any")),
        ({"properties": [{"name": "aquasecurity:trivy:ImageID", "value": DIGEST}]}, NamedDigest(DIGEST, "config")),
        ({"properties": [{"name": "aquasecurity:trivy:RepoDigest", "value": f"x/y@{DIGEST}"}]}, NamedDigest(DIGEST, "manifest")),
    ],
)
def test_names_of_the_subject(root: Any, expected: NamedDigest) -> None:
    """Every place where generators put the image's digest is found."""
    assert cyclonedx(LIBRARY, root=ROOT | root).names == (expected,)


@pytest.mark.parametrize(
    "root",
    [{"version": "1.0"}, {"version": "sha256:abc"}, {"purl": "pkg:oci/app"}, {"hashes": [{"alg": "MD5", "content": "a" * 32}]}],
)
def test_what_names_nothing(root: Any) -> None:
    """Tags, short digests and other algorithms bind to nothing, nor does a component's own digest."""
    assert cyclonedx(LIBRARY | {"hashes": [{"alg": "SHA-256", "content": "a" * 64}]}, root=ROOT | root).names == ()


def test_component_fields() -> None:
    """Group, supplier, licences and hashes in their one spelling; malformed hashes are reported."""
    found = cyclonedx(
        LIBRARY
        | {
            "group": "org",
            "supplier": {"name": "Us"},
            "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "NOASSERTION"}}, {"expression": "A OR B"}],
            "hashes": [{"alg": "SHA-1", "content": "b" * 40}, {"alg": "SHA-256", "content": "zz"}],
        }
    )
    assert found.sbom is not None
    item = found.sbom.components[0]
    assert (item.name, item.supplier, item.licenses, item.hashes) == ("org/a", "Us", ("MIT", "A OR B"), {"sha1": "b" * 40})
    assert codes(found) == {"bad_hash": 1}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([{"vendor": "anchore", "name": "syft", "version": "0.96"}], ("syft", "0.96")),
        ({"components": [{"type": "application", "name": "trivy", "version": "1"}]}, ("trivy", "1")),
        ({"services": []}, ("", "")),
        (None, ("", "")),
        ("syft", ("", "")),
    ],
)
def test_tools_in_both_shapes(tools: Any, expected: tuple[str, str]) -> None:
    """metadata.tools is a list up to 1.4 and an object from 1.5."""
    found = cyclonedx(metadata={"tools": tools, "component": ROOT}).producer
    assert (found.name, found.version) == expected


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2023-11-16T08:25:28-08:00", "2023-11-16T16:25:28Z"),
        ("2023-11-16T08:25:28.123456789Z", "2023-11-16T08:25:28Z"),
        ("2023-11-16T08:25:28", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_time(stamp: str, expected: str | None) -> None:
    """Times are UTC in whole seconds; one without zone is unknown."""
    assert cyclonedx(metadata={"timestamp": stamp}).created == expected


def test_minimum_elements() -> None:
    """Author, tool, serial number and life cycle phase are told apart from missing."""
    found = cyclonedx(
        serialNumber="urn:uuid:1",
        metadata={
            "authors": [{"name": "A"}, {"name": "B"}],
            "lifecycles": [{"phase": "build"}, {"name": "x"}],
            "component": ROOT,
        },
    ).sbom
    assert found is not None
    elements = found.minimum_elements
    assert (elements.author, elements.serial, elements.generation_context) == ("A, B", "urn:uuid:1", "build, x")


def test_embedded_vulnerabilities_are_pointed_out() -> None:
    """They are not read as findings, and the document says how many there were."""
    assert codes(cyclonedx(LIBRARY, vulnerabilities=[{}, {}]))["embedded_vulnerabilities"] == 2


def test_bounds() -> None:
    """Components are bounded, also nested ones; so is depth."""
    with pytest.raises(LimitExceeded, match="components"):
        cyclonedx(LIBRARY, LIBRARY, limits=Limits(components=2))
    nested: Any = []
    for _ in range(300):
        nested = [{"components": nested}]
    with pytest.raises(LimitExceeded, match="json_depth"):
        cyclonedx(*nested)


def test_a_chain_of_100_000_dependencies_and_its_cycle() -> None:
    """No recursion: a long chain is walked, and closing it makes one cycle."""
    size = 100_000
    items = [
        {"type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1", "bom-ref": str(number)} for number in range(size)
    ]
    chain = [{"ref": str(number), "dependsOn": [str(number + 1)]} for number in range(size - 1)]
    edges = [{"ref": "root", "dependsOn": ["0"]}, *chain]
    found = facts(cyclonedx(*items, dependencies=edges))
    assert (found.unreachable_from_root, found.cycles, found.dependency_nodes) == (0, 0, size - 1)
    found = facts(cyclonedx(*items, dependencies=[*edges, {"ref": str(size - 1), "dependsOn": ["0"]}]))
    assert found.cycles == 1


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*LIBRARY, "components", "hashes", "ref"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@patient
@given(
    st.dictionaries(
        st.sampled_from(["components", "metadata", "dependencies", "compositions", "services", "vulnerabilities"]), _ANY
    )
)
def test_only_gate_errors_escape(fields: dict[str, Any]) -> None:
    """Whatever has the wrong type where, the reader gives facts or an error of the gate."""
    body = {"bomFormat": "CycloneDX", "specVersion": "1.6"} | fields
    try:
        found = READER.read(json.dumps(body).encode(), DEFAULT)
    except GateError:
        return
    if found.sbom is None:
        assert found.kind == "vex"
        return
    assert facts(found).components == len(found.sbom.components)


@patient
@given(st.binary(max_size=50) | st.text(max_size=50).map(lambda text: f'{{"bomFormat":"CycloneDX",{text}'.encode()))
def test_no_bytes_crash_it(data: bytes) -> None:
    """Arbitrary bytes are an error of the gate."""
    with pytest.raises(GateError):
        READER.read(data, DEFAULT)
