"""What a document is: by predicate type, by top-level names, or refused by name; never guessed."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid, FormatRefused, GateError, LimitExceeded
from gate.evidence import refused
from gate.evidence.interface import Reading
from gate.evidence.sniff import kind_of_predicate, read_payload
from gate.limits import DEFAULT, Limits
from tests.vex import corpus
from tests.vex.fuzz import patient
from tests.vex.make import statement

CYCLONEDX: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}
SPDX: dict[str, Any] = {"spdxVersion": "SPDX-2.3", "packages": []}
VEX: dict[str, Any] = {"@context": "https://openvex.dev/ns/v0.2.0", "author": "A", "statements": [statement()]}
GRYPE: dict[str, Any] = {"matches": [], "source": None, "distro": {}, "descriptor": {"name": "grype"}}
TRIVY: dict[str, Any] = {"SchemaVersion": 2, "ArtifactName": "a", "ArtifactType": "container_image", "Results": []}


def _bare(value: Any, limits: Limits = DEFAULT) -> Reading:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_payload(data, media_type="", predicate_type=None, predicate=None, limits=limits)


def _predicate(kind: str, body: Any) -> Reading:
    data = json.dumps({"_type": "https://in-toto.io/Statement/v1", "predicateType": kind, "predicate": body}).encode()
    return read_payload(data, media_type="", predicate_type=kind, predicate=body, limits=DEFAULT)


@pytest.mark.parametrize(
    ("body", "kind", "format"),
    [
        (CYCLONEDX, "sbom", "cyclonedx 1.6"),
        (SPDX, "sbom", "spdx 2.3"),
        (VEX, "vex", "openvex 0.2.0"),
        (GRYPE, "vulnerabilities", "grype"),
        (TRIVY, "vulnerabilities", "trivy"),
    ],
)
def test_bare_files_are_told_by_their_names(body: Any, kind: str, format: str) -> None:
    """Top-level names decide, wherever they stand in the document."""
    padded = {"$comment": "x" * 100_000} | body
    for document in (body, padded):
        found = _bare(document)
        assert (found.kind, found.format.split(" v")[0]) == (kind, format)


@pytest.mark.parametrize(
    ("kind", "body", "expected", "format"),
    [
        ("https://cyclonedx.org/bom", CYCLONEDX, "sbom", "cyclonedx 1.6"),
        ("https://cyclonedx.org/bom/v1.6", CYCLONEDX, "sbom", "cyclonedx 1.6"),
        ("https://spdx.dev/Document", SPDX, "sbom", "spdx 2.3"),
        ("https://spdx.dev/Document/v2.3", SPDX, "sbom", "spdx 2.3"),
        ("https://openvex.dev/ns", VEX, "vex", "openvex 0.2.0"),
        ("https://openvex.dev/ns/v0.2.0", VEX, "vex", "openvex 0.2.0"),
        ("https://slsa.dev/provenance/v1", {}, "provenance", "slsa-provenance v1"),
        ("https://slsa.dev/provenance/v0.2", {}, "provenance", "slsa-provenance v0.2"),
        ("https://slsa.dev/verification_summary/v1", {"verifier": {"id": "x"}}, "vsa", "slsa-vsa v1"),
        ("https://sigstore.dev/cosign/sign/v1", None, "signature", "cosign-sign-v1"),
        (
            "https://cosign.sigstore.dev/attestation/v1",
            {"Data": "x"},
            "attestation",
            "https://cosign.sigstore.dev/attestation/v1",
        ),
        ("https://example.com/review/v1", {"ok": True}, "attestation", "https://example.com/review/v1"),
        ("https://cyclonedx.org/bombastic", {}, "attestation", "https://cyclonedx.org/bombastic"),
    ],
)
def test_statements_are_told_by_predicate_type(kind: str, body: Any, expected: str, format: str) -> None:
    """Families match with and without a version, but not by mere prefix; foreign types are attestations."""
    found = _predicate(kind, body)
    assert (found.kind, found.format) == (expected, format)
    assert kind_of_predicate(kind) == expected


@pytest.mark.parametrize(("report", "format"), [(GRYPE, "grype"), (TRIVY, "trivy")])
def test_cosigns_vulnerability_attestation_holds_a_report(report: Any, format: str) -> None:
    """scanner.result is read as the scanner's own document."""
    body = {
        "invocation": {},
        "scanner": {"uri": "pkg:x", "result": report},
        "metadata": {"scanFinishedOn": "2025-01-01T00:00:00Z"},
    }
    assert _predicate("https://cosign.sigstore.dev/attestation/vuln/v1", body).format.startswith(format)


@pytest.mark.parametrize("body", [None, {}, {"scanner": {}}, {"scanner": {"result": {}}}, {"scanner": {"result": "x"}}])
def test_an_empty_vulnerability_attestation_is_invalid(body: Any) -> None:
    """No report is not a report without findings."""
    with pytest.raises(EvidenceInvalid, match="no scanner report"):
        _predicate("https://cosign.sigstore.dev/attestation/vuln/v1", body)


@pytest.mark.parametrize(
    ("kind", "body", "name"),
    [
        ("https://in-toto.io/attestation/vulns/v0.1", {}, "vulns"),
        ("https://slsa.dev/provenance/v0.1", {"recipe": {}}, "v0.1"),
        ("https://slsa.dev/verification_summary/v0.2", {}, "VSA"),
        ("https://cyclonedx.org/vex", {"bomFormat": "CycloneDX", "specVersion": "1.1"}, "CycloneDX 1.1"),
        ("https://docs.oasis-open.org/csaf/csaf/v2.0", {"document": {"csaf_version": "3.0"}}, "CSAF 3.0"),
        ("https://spdx.dev/Document", "SPDXVersion: SPDX-2.1\n", "SPDX-2.1"),
        ("https://cosign.sigstore.dev/attestation/vuln/v1", {"scanner": {"result": {"a": 1}}}, "report with 'a'"),
    ],
)
def test_predicates_refused_by_name(kind: str, body: Any, name: str) -> None:
    """Known predicates without a reader, and versions that are not read."""
    with pytest.raises(FormatRefused, match=name):
        _predicate(kind, body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("https://spdx.dev/Document", CYCLONEDX),
        ("https://cyclonedx.org/bom", SPDX),
        ("https://openvex.dev/ns", CYCLONEDX),
        ("https://slsa.dev/provenance/v1", [1]),
        ("https://slsa.dev/verification_summary/v1", None),
        ("https://cyclonedx.org/bom", None),
    ],
)
def test_a_body_of_another_type_is_invalid(kind: str, body: Any) -> None:
    """The predicate type is believed; a body that is something else is not read as that something."""
    with pytest.raises(EvidenceInvalid):
        _predicate(kind, body)


@pytest.mark.parametrize("body", [CYCLONEDX | SPDX, GRYPE | CYCLONEDX, VEX | TRIVY, SPDX | {"runs": [], "version": "2.1.0"}])
def test_two_formats_in_one_are_an_error(body: Any) -> None:
    """A document with the names of two formats is read as neither."""
    with pytest.raises(EvidenceInvalid, match="the document could be"):
        _bare(body)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"foo": 1, "bar": 2}, "'bar', 'foo'"),
        ({}, "no names"),
        ([], "an array"),
        ([{"foo": 1}], "'foo'"),
        ([1, 2], "an array"),
        ("text", "no object"),
        (7, "no object"),
        (b"hello", "no JSON"),
        ({"results": []}, "'results'"),
        ({"@context": "https://example.com"}, "'@context'"),
    ],
)
def test_the_unknown_is_described(body: Any, named: str) -> None:
    """The message has what was there and what would be read."""
    with pytest.raises(EvidenceInvalid, match=named) as caught:
        _bare(body)
    assert "CycloneDX 1.2–1.7" in caught.value.why
    assert not isinstance(caught.value, FormatRefused)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"null", "null"),
        (json.dumps(CYCLONEDX).encode("utf-16"), "UTF-16"),
        (json.dumps(CYCLONEDX).encode("utf-16-le"), "UTF-16"),
        (b'{"bomFormat": "CycloneDX", "comp', "not JSON"),
        (b'{"bomFormat": "CycloneDX", "bomFormat": "x", "specVersion": "1.6"}', "more than once"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": "\\ud800"}', "not JSON"),
        (b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": "\xff"}', "not UTF-8"),
        (b"\x00\x01\x02", "UTF-16"),
        (b"\xff\xd8\xff\xe0", "not UTF-8"),
    ],
)
def test_bad_bytes_are_invalid(data: bytes, error: str) -> None:
    """Broken encodings and cut documents say what is wrong with them."""
    with pytest.raises(EvidenceInvalid, match=error):
        _bare(data)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    """UTF-8 with a mark is read."""
    assert _bare(b"\xef\xbb\xbf" + json.dumps(CYCLONEDX).encode()).kind == "sbom"


def test_bounds() -> None:
    """Length and depth are bounded before anything is understood."""
    with pytest.raises(LimitExceeded, match="document_bytes"):
        _bare(CYCLONEDX, Limits(document_bytes=10))
    for deep in (b"[" * 100_000, b'{"a":' * 100_000, b'{"bomFormat":' + b"[" * 100_000 + b"]" * 100_000 + b"}"):
        with pytest.raises(EvidenceInvalid):
            _bare(deep)


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08\x00", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"BZh9", b"PK\x03\x04", b"\x00" * 257 + b"ustar"]
)
def test_compressed_input_is_refused_by_name(data: bytes) -> None:
    """Nothing is unpacked, so there is no bomb to fear and the digest is that of the document."""
    with pytest.raises(FormatRefused, match=r"compressed|archive"):
        _bare(data)


_XML = b'<?xml version="1.0"?>\n<!-- c > c -->\n<!DOCTYPE x [<!ENTITY a "b">]>\n'


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"<bom xmlns='http://cyclonedx.org/schema/bom/1.0'>", "CycloneDX XML"),
        (b"<rdf:RDF xmlns:rdf='x'>", "SPDX RDF"),
        (b"<ds:data-stream-collection>", "SCAP"),
        (b"<oval_results>", "OVAL"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"<testsuites>", "JUnit"),
        (b"# c\nSPDXVersion: SPDX-2.1", "SPDX-2.1"),
        (b"NAME  INSTALLED  FIXED-IN", "grype table"),
        (b"#model_version:v2023", "EPSS"),
        (b'{"config":{"protocol_version":"v2"}}\n{"progress":{}}', "govulncheck"),
        ([{"RuleID": "x", "Match": "y"}], "gitleaks"),
        ([{"vulnerabilities": [], "packageManager": "deb"}], "Snyk"),
        ({"vulnerabilities": [], "dependencyCount": 1}, "Snyk"),
        ({"document": {"csaf_version": "2.2"}, "vulnerabilities": []}, "CSAF 2.2"),
        ({"canonical_url": "x", "publisher": {}}, "CSAF provider"),
        ({"packages": [], "updated_at": "x"}, "VEX repository"),
        (_XML + b"<cvrfdoc>", "CVRF"),
        ({"ClusterName": "c", "SchemaVersion": 0, "Results": []}, "trivy k8s"),
        ({"@context": "https://spdx.org/rdf/3.9.1/spdx-context.jsonld", "@graph": []}, "SPDX 3"),
        ({"artifacts": [], "artifactRelationships": [], "source": {}}, "syft's own"),
        ({"artifacts": [], "source": {}}, "Scout"),
        ({"sbom": {"spdxVersion": "SPDX-2.3"}}, "GitHub"),
        ({"scan": {}, "vulnerabilities": [], "version": "15"}, "GitLab"),
        ({"assessment-plan": {}}, "OSCAL"),
        ({"controls": [], "version": "5"}, "InSpec's short"),
        ({"results": [], "errors": [], "paths": {}}, "Semgrep"),
        ({"catalogVersion": "1", "vulnerabilities": []}, "KEV"),
        ({"architecture": "amd64", "config": {}, "os": "linux"}, "image configuration"),
        ({"schemaVersion": 2, "layers": []}, "image manifest"),
        ({"buildDefinition": {}, "runDetails": {}}, "bare SLSA"),
        (CYCLONEDX | {"specVersion": "1.1"}, "CycloneDX 1.1"),
        (SPDX | {"spdxVersion": "SPDX-2.1"}, "SPDX-2.1"),
        (VEX | {"@context": "https://openvex.dev/ns/v9"}, "OpenVEX v9"),
    ],
)
def test_other_formats_are_refused_by_name(body: Any, name: str) -> None:
    """The message names the format, and the fix what to give instead."""
    with pytest.raises(FormatRefused, match=name) as caught:
        _bare(body)
    assert caught.value.fix or caught.value.why


def test_vex_of_every_format_is_one_kind() -> None:
    """CSAF, CycloneDX VEX and OpenVEX are kind vex, as files and as attestations; an SBOM without analyses is no VEX."""
    csaf = {"document": {"csaf_version": "2.0"}, "vulnerabilities": []}
    analysed = CYCLONEDX | {"vulnerabilities": [{"id": "CVE-1", "analysis": {"state": "in_triage"}}]}
    found = [_bare(csaf), _bare(analysed), _predicate("https://docs.oasis-open.org/csaf/csaf/v2.1", csaf)]
    found += [_predicate("https://cyclonedx.org/vex", analysed), _predicate("https://cyclonedx.org/bom", analysed)]
    assert [item.kind for item in found] == ["vex"] * 5
    assert [item.format.partition(" ")[0] for item in found] == [
        "csaf",
        "cyclonedx-vex",
        "csaf",
        "cyclonedx-vex",
        "cyclonedx-vex",
    ]
    with pytest.raises(EvidenceInvalid, match="says nothing of any vulnerability"):
        _predicate("https://cyclonedx.org/vex", CYCLONEDX | {"components": [{"name": "a"}]})


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'<?xml version="1.0"?>\n<!-- c > c -->\n<TestResult xmlns="http://checklists.nist.gov/xccdf/1.2"/>', "xccdf"),
        (b"<arf:asset-report-collection xmlns:arf='x'/>", "no results"),
        (b"<cdf:Benchmark xmlns:cdf='http://checklists.nist.gov/xccdf/1.1' id='x'/>", "no results"),
        (_XML + b"<TestResult>", "document type"),
        (b"<CHECKLIST/>", "no results"),
        ({"stigs": [], "target_data": {}}, "no results"),
        ({"platform": {}, "profiles": []}, "no controls"),
        ({"summary": {"pass": 3}, "details": []}, "dockle"),
        ({"assessment-results": {}}, "no findings"),
    ],
)
def test_stig_results_go_to_their_reader(body: Any, what: str) -> None:
    """By document element or top-level names; what holds no result says so."""
    try:
        assert (_bare(body).kind, _bare(body).format) == ("stig", what)
    except EvidenceInvalid as error:
        assert what in error.what


def test_every_refused_format_says_what_is_read_instead() -> None:
    """No entry without a name and an alternative."""
    for entry in (*refused._OBJECTS, *refused._ARRAYS):
        assert entry.name
        assert entry.instead
        assert entry.keys or entry.check


def test_unknown_xml_is_not_parsed() -> None:
    """XML of an unknown kind is described by its first bytes; its entities mean nothing."""
    with pytest.raises(EvidenceInvalid, match="XML of an unknown kind"):
        _bare(b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>')


_READ = {"grype", "trivy", "osv", "sarif", "cyclonedx", "spdx", "openvex", "csaf", "cdx-vex"}
_READ |= {"ckl", "cklb", "hdf", "oscal", "oscap", "oscap-matrix", "xccdf-results"}
_REFUSED_ALL = {"enrichment", "cmvp", "dockle"}


def test_the_corpus_is_read_or_refused_by_name() -> None:
    """Every real document gives facts or a named refusal; what is no evidence at all is described; nothing else escapes."""
    seen: dict[str, int] = {"read": 0, "refused": 0, "unknown": 0}
    for path in sorted(item for item in corpus.folder().rglob("*") if item.is_file() and "signatures" not in item.parts):
        outcome = _outcome(path)
        seen[outcome] += 1
        folder = path.parent.name
        if folder in _REFUSED_ALL:
            assert outcome == "refused", path
        elif folder in _READ:
            assert outcome == "read", path
    assert seen["read"] > 50
    assert seen["refused"] > 15


def _outcome(path: Path) -> str:
    try:
        _bare(corpus.document(str(path.relative_to(corpus.folder()))))
    except FormatRefused:
        return "refused"
    except GateError:
        return "unknown"
    return "read"


def test_what_provenance_says_of_time_and_numbers() -> None:
    """Times are UTC or unknown; parameters with inexact numbers are reported."""
    details = {"metadata": {"startedOn": "2025-01-01T01:00:00+01:00", "finishedOn": "soon"}}
    body = {"buildDefinition": {"externalParameters": {"n": 10**20}}, "runDetails": details}
    found = _predicate("https://slsa.dev/provenance/v1", body)
    assert found.created == "2025-01-01T00:00:00Z"
    assert [item.code for item in found.diagnostics] == ["inexact_integer"]


def test_a_compressed_corpus_file_is_refused_as_it_lies() -> None:
    """An .xz file is not read without being unpacked first."""
    data = lzma.compress(json.dumps(SPDX).encode())
    with pytest.raises(FormatRefused, match="xz"):
        _bare(data)


@patient
@given(
    st.binary(max_size=200)
    | st.sampled_from([b"<", b"{", b"[", b"\xef\xbb\xbf", b"<!--", b'{"bomFormat":', b'{"config":']).flatmap(
        lambda head: st.binary(max_size=60).map(lambda tail: head + tail)
    )
)
def test_no_bytes_escape(data: bytes) -> None:
    """Arbitrary bytes are an error of the gate."""
    with pytest.raises(GateError):
        _bare(data)


@patient
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "bomFormat",
                "spdxVersion",
                "@context",
                "statements",
                "matches",
                "source",
                "runs",
                "version",
                "results",
                "SchemaVersion",
            ]
        ),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none(), max_size=2) | st.just({}),
    )
)
def test_no_names_escape(body: dict[str, Any]) -> None:
    """Whatever the names hold, the outcome is a reading or an error of the gate."""
    try:
        _bare(body)
    except GateError:
        return
