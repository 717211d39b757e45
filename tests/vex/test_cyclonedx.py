"""VEX in CycloneDX: words, versions, references, and BOM-Links into an SBOM of the subject."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence.sbom.cyclonedx import READER
from gate.limits import DEFAULT, Limits
from gate.vex import cyclonedx
from gate.vex.document import VexDocument
from gate.vex.graph import SbomGraph
from gate.vex.resolve import VexSource, resolve
from tests.factory import DIGEST, NOW, OTHER, subject
from tests.vex import corpus
from tests.vex.fuzz import patient
from tests.vex.make import CVE, OPENSSL, SIGNED, finding

SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
LINK = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#openssl"
COMPONENTS = [{"type": "library", "name": "openssl", "bom-ref": "openssl", "purl": OPENSSL}]


def vulnerability(ref: str = "openssl", state: str = "not_affected", **changes: Any) -> dict[str, Any]:
    analysis: dict[str, Any] = {"state": state}
    if state == "not_affected":
        analysis["justification"] = "code_not_present"
    analysis |= changes.pop("analysis", {})
    return {"id": CVE, "analysis": analysis, "affects": [{"ref": ref}]} | changes


def body(*vulnerabilities: Any, components: Any = None, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": SERIAL,
        "version": 1,
        "metadata": {
            "timestamp": "2025-01-02T00:00:00Z",
            "authors": [{"name": "Sec", "email": "sec@example.com"}],
            "component": {"type": "container", "name": "app", "bom-ref": "root"},
        },
        "vulnerabilities": list(vulnerabilities) or [vulnerability()],
    }
    if components is not None:
        made["components"] = components
    return made | changes


def read(*vulnerabilities: Any, components: Any = COMPONENTS, **changes: Any) -> VexDocument:
    return cyclonedx.read(json.dumps(body(*vulnerabilities, components=components, **changes)).encode())


def sbom(**changes: Any) -> SbomGraph:
    """The graph of the SBOM that detached documents speak of."""
    made = body(components=COMPONENTS, **changes)
    made.pop("vulnerabilities")
    reading = READER.read(json.dumps(made).encode(), DEFAULT)
    assert reading.sbom is not None
    graph: SbomGraph = reading.sbom.graph
    return graph


def status(document: VexDocument, *graphs: SbomGraph, subjects: tuple[str, ...] = ()) -> str:
    found = finding()
    _, applied = resolve(
        [VexSource("sha256:x", document, SIGNED, subjects)],
        [found],
        subject(),
        authors=["sec@example.com"],
        require_signed=True,
        now=NOW,
        graphs=graphs,
    )
    held = applied.get(found.key)
    return f"{held.status}{'*' * held.counts}" if held else ""


def codes(document: VexDocument) -> set[str]:
    return {note.code for note in document.diagnostics}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("not_affected", "not_affected*"),
        ("resolved", "fixed*"),
        ("resolved_with_pedigree", "fixed*"),
        ("false_positive", "not_affected*"),
        ("exploitable", "affected"),
        ("in_triage", "under_investigation"),
        ("wont_fix", "under_investigation"),
        ("", "under_investigation"),
    ],
)
def test_states(state: str, expected: str) -> None:
    """Each state of CycloneDX in the words of VEX; an unknown one does not suppress."""
    assert status(read(vulnerability(state=state))) == expected


@pytest.mark.parametrize(
    ("analysis", "label", "impact"),
    [
        ({"justification": "code_not_present"}, "vulnerable_code_not_present", ""),
        ({"justification": "code_not_reachable", "detail": "dead"}, "vulnerable_code_not_in_execute_path", "dead"),
        ({"justification": "protected_at_perimeter"}, "inline_mitigations_already_exist", "protected_at_perimeter"),
        ({"justification": "because"}, "", "because"),
    ],
)
def test_justifications_keep_the_original_word(analysis: dict[str, Any], label: str, impact: str) -> None:
    """The nearest of the five labels; what it cannot hold stays in the text."""
    made = read(vulnerability(analysis=analysis)).statements[0]
    assert (made.justification, made.impact) == (label, impact)


def test_not_affected_needs_a_reason() -> None:
    """Neither justification nor detail: the statement does not count."""
    made = read(vulnerability(analysis={"justification": ""}))
    assert "unjustified" in codes(made)
    assert status(made) == ""


def test_a_vulnerability_without_analysis_is_no_statement() -> None:
    """What a scanner embedded says that something was found, and nothing more."""
    made = read({"id": CVE, "affects": [{"ref": "openssl"}]}, {"id": CVE, "analysis": {}})
    assert made.statements == ()
    assert codes(made) == {"without_analysis"}


def test_aliases_are_references() -> None:
    """The same vulnerability under other ids."""
    assert read(vulnerability(id="GHSA-1", references=[{"id": CVE}])).statements[0].vulnerabilities == ("GHSA-1", CVE)
    assert status(read(vulnerability(id="GHSA-1", references=[{"id": CVE}]))) == "not_affected*"


@pytest.mark.parametrize(
    ("analysis", "metadata", "expected"),
    [
        ({}, "2025-01-02T00:00:00Z", "not_affected*"),
        ({"firstIssued": "2025-01-03T00:00:00Z"}, "", "not_affected*"),
        ({"lastUpdated": "2025-01-03T00:00:00Z"}, "", "not_affected*"),
        ({"lastUpdated": "yesterday"}, "2025-01-02T00:00:00Z", ""),
        ({"lastUpdated": "2027-01-03T00:00:00Z"}, "2025-01-02T00:00:00Z", ""),
        ({}, "", ""),
    ],
)
def test_time(analysis: dict[str, Any], metadata: str, expected: str) -> None:
    """The analysis' own time, else the document's; without one, with a broken or a future one nothing is suppressed."""
    made = body(vulnerability(analysis=analysis), components=COMPONENTS)
    made["metadata"]["timestamp"] = metadata
    assert status(cyclonedx.read(json.dumps(made).encode())) == expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([{"version": "3.0.11-1", "status": "unaffected"}], "not_affected*"),
        ([{"version": "3.0.11-1"}], "not_affected*"),
        ([{"version": "3.0.12-1", "status": "unaffected"}], ""),
        ([{"range": "vers:deb/<3.0.12-1", "status": "unaffected"}], "not_affected*"),
        ([{"range": "vers:deb/>=3.0.12-1", "status": "unaffected"}], ""),
        ([{"range": "vers:martian/<9", "status": "unaffected"}], ""),
        ([{"version": "3.0.11-1", "status": "affected"}], "affected"),
        ([{"version": "3.0.11-1", "status": "unknown"}], "under_investigation"),
        ([{"version": "1", "status": "unaffected"}, {"version": "3.0.11-1", "status": "affected"}], "affected"),
        ([{"nothing": 1}], ""),
    ],
)
def test_versions_narrow(versions: list[dict[str, str]], expected: str) -> None:
    """The version has to be named; a version called affected is, whatever the analysis says of the rest."""
    assert status(read(vulnerability(affects=[{"ref": "openssl", "versions": versions}]))) == expected


@pytest.mark.parametrize("affects", [[], None, [{"ref": "nobody"}], [{"ref": ""}], [{}], "openssl"])
def test_nothing_affected_is_nothing_suppressed(affects: Any) -> None:
    """A statement that names no component of the document is about nothing."""
    assert status(read(vulnerability(affects=affects))) == ""


@pytest.mark.parametrize("affects", [[{}], [{"ref": ""}], [{"ref": 5}]])
def test_an_entry_without_reference_is_not_the_whole_subject(affects: Any) -> None:
    """An SBOM that names the image by digest, with an entry that names nothing: nothing is suppressed."""
    made = read(vulnerability(affects=affects))
    assert status(made, subjects=(DIGEST,)) == ""
    assert "without_ref" in {item.code for item in made.diagnostics}


def test_a_reference_that_two_components_share_names_neither() -> None:
    """Nobody can tell which one is meant."""
    twins = [*COMPONENTS, {"type": "library", "name": "zlib", "bom-ref": "openssl", "purl": "pkg:deb/debian/zlib@1"}]
    assert status(read(components=twins)) == ""


def test_the_root_is_the_subject_only_where_the_document_names_it() -> None:
    """An SBOM that names the image by digest speaks of all of it; one that only the caller calls its SBOM does not."""
    made = read(vulnerability("root"))
    assert status(made, subjects=(DIGEST,)) == "not_affected*"
    assert status(made, subjects=(OTHER,)) == ""
    assert status(made) == ""


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (LINK, "not_affected*"),
        (LINK.replace("/1#", "#"), "not_affected*"),
        (LINK.replace("/1#", "/2#"), ""),
        (LINK.replace("3e67", "3e68"), ""),
        (LINK.replace("#openssl", "#zlib"), ""),
        (LINK.replace("#openssl", ""), ""),
        (LINK.replace("3e67", "3E67"), "not_affected*"),
        (LINK.replace("#openssl", "#root"), "not_affected*"),
        ("urn:cdx:", ""),
    ],
)
def test_a_detached_document_is_joined_by_its_bom_link(link: str, expected: str) -> None:
    """Serial number, version and reference must be those of an SBOM of the subject; without the SBOM nothing is joined."""
    made = read(vulnerability(link), components=None, serialNumber="urn:uuid:other")
    assert status(made, sbom()) == expected
    assert status(made) == ""


def test_links_round_trip() -> None:
    """A link to a reference with every kind of character leads back to it."""
    for ref in ("openssl", "pkg:deb/debian/a@1?arch=amd64", "a b#c%/d"):
        made = cyclonedx.link(SERIAL, 7, ref)
        assert cyclonedx.parse_link(made) == (SERIAL, "7", ref)


def test_the_sbom_reader_brings_both() -> None:
    """Embedded analyses come with the SBOM, and nothing but analyses is a VEX document."""
    both = READER.read(json.dumps(body(components=COMPONENTS)).encode(), DEFAULT)
    assert (both.kind, len(both.vex.statements)) == ("sbom", 1)
    alone = READER.read(json.dumps(body()).encode(), DEFAULT)
    assert (alone.kind, alone.format, alone.sbom) == ("vex", "cyclonedx-vex 1.6", None)


def test_what_is_refused() -> None:
    """Other formats, versions and sizes."""
    for data in (b"", b"[]", b'{"bomFormat": "x"}'):
        with pytest.raises(EvidenceInvalid):
            cyclonedx.read(data)
    with pytest.raises(FormatRefused, match=r"1\.3"):
        read(specVersion="1.3")
    with pytest.raises(LimitExceeded):
        cyclonedx.read(json.dumps(body(vulnerability(), vulnerability())).encode(), Limits(findings=1))


def test_the_published_examples() -> None:
    """CISA's case 8 has no time, so none of its exceptions counts; Dependency-Track exports findings without analyses."""
    case = cyclonedx.read(corpus.document("cdx-vex/case8_vex.json"))
    assert len(case.statements) == 8
    assert all(item.problem for item in case.statements if item.status in ("not_affected", "fixed"))
    for name in ("dtrack_dropwizard_vex_v1.5", "dtrack_dropwizard_sbom_with_vulns_v1.5"):
        assert codes(cyclonedx.read(corpus.document(f"cdx-vex/{name}.json"))) == {"without_analysis"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["openssl", "root", LINK, "not_affected"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "analysis", "state", "affects", "ref", "versions", "range", "components"]), inner
        )
    ),
    max_leaves=8,
)


@patient
@given(_JSON, _JSON)
def test_only_gate_errors_escape(vulnerabilities: Any, components: Any) -> None:
    """Whatever has the wrong type where, the reader gives statements or an error of the gate."""
    for made in ([vulnerabilities], vulnerabilities):
        data = json.dumps(body(components=components) | {"vulnerabilities": made}).encode()
        try:
            status(cyclonedx.read(data), sbom())
        except GateError:
            continue
