"""Grype's JSON in all its shapes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.interface import NamedDigest, Reading, ReportedFinding
from gate.evidence.vulnerabilities.grype import READER
from gate.limits import Limits
from gate.model.findings import Epss, Fix, Kev
from tests.evidence.vulnerabilities.support import CONFIG, DIGEST, LIMITS, codes, encode, grype, grype_match


def _read(report: dict[str, Any]) -> Reading:
    return READER.read(encode(report), LIMITS)


def _only(match: dict[str, Any]) -> ReportedFinding:
    scan = _read(grype(match)).scan
    assert scan is not None
    return scan.findings[0]


def test_the_facts_of_a_current_report() -> None:
    """Producer, times in UTC, subject and distribution are taken from where 0.116 writes them."""
    reading = _read(grype(grype_match()))
    assert (reading.producer.name, reading.producer.version, reading.producer.db_built) == (
        "grype",
        "0.116.0",
        "2026-07-21T04:12:38Z",
    )
    assert reading.created == "2026-07-22T08:00:00Z"
    assert reading.names == (NamedDigest(DIGEST, "manifest"), NamedDigest(CONFIG, "config"))
    assert reading.diagnostics == ()


def test_the_database_time_of_schema_5() -> None:
    """Up to 0.87 the time stands in the database itself."""
    report = grype(descriptor={"name": "grype", "version": "0.59.1", "db": {"built": "2023-04-01T01:29:32Z", "schemaVersion": 5}})
    assert _read(report).producer.db_built == "2023-04-01T01:29:32Z"


@pytest.mark.parametrize("status", [{"valid": False}, {"error": "checksum"}])
def test_an_invalid_database_has_no_time(status: dict[str, Any]) -> None:
    """What grype itself calls invalid must not look fresh."""
    reading = _read(grype(descriptor={"db": {"status": {"built": "2026-07-21T04:12:38Z", **status}}}))
    assert reading.producer.db_built is None
    assert codes(reading)["db_invalid"] == 1


def test_a_finding_with_everything() -> None:
    """Aliases, EPSS and KEV are also taken from the related vulnerabilities; the suggested version comes first."""
    match = grype_match(
        id="GHSA-AAAA-bbbb-cccc",
        namespace="github:language:python",
        severity="Critical",
        cvss=[{"source": "nvd@nist.gov", "version": "3.1", "vector": "CVSS:3.1/AV:N", "metrics": {"baseScore": 9.8}}],
        fix={
            "state": "fixed",
            "versions": ["2.1", "1.9.9"],
            "available": [{"version": "2.1", "date": "2024-05-02"}, {"date": "2024-05-01"}],
        },
    )
    match["relatedVulnerabilities"] = [
        {
            "id": "cve-2024-0002",
            "namespace": "nvd:cpe",
            "severity": "High",
            "epss": [{"cve": "CVE-2024-0002", "epss": 0.5, "percentile": 0.9, "date": "2026-07-20"}],
            "knownExploited": [
                {
                    "cve": "CVE-2024-0002",
                    "dateAdded": "2024-06-01",
                    "dueDate": "2024-06-22",
                    "knownRansomwareCampaignUse": "Known",
                }
            ],
        }
    ]
    match["matchDetails"] = [{"type": "exact-indirect-match", "fix": {"suggestedVersion": "1.9.9"}}]
    found = _only(match)
    assert (found.id, found.aliases) == ("GHSA-aaaa-bbbb-cccc", ("CVE-2024-0002",))
    assert (found.severity, found.severity_source, found.severities) == ("critical", "ghsa", {"ghsa": "critical", "nvd": "high"})
    assert found.epss == Epss(probability=0.5, percentile=0.9, date="2026-07-20")
    assert found.kev == Kev(date_added="2024-06-01", due_date="2024-06-22", ransomware=True)
    assert found.fix == Fix(state="available", versions=("1.9.9", "2.1"), available_since="2024-05-01")
    assert (found.match, found.cvss[0].score) == ("indirect", 9.8)
    assert (found.package.purl, found.package.locations) == (
        "pkg:deb/debian/libx@1.0?arch=amd64&distro=debian-12",
        ("/var/lib/dpkg/status",),
    )


@pytest.mark.parametrize(
    ("state", "versions", "expected"),
    [
        ("fixed", ["2"], "available"),
        ("not-fixed", [], "none"),
        ("wont-fix", [], "wont_fix"),
        ("unknown", [], "unknown"),
        ("", [], "unknown"),
        ("", ["2"], "available"),
        (None, None, "unknown"),
        ("someday", [], "unknown"),
    ],
)
def test_fix_states(state: str | None, versions: list[str] | None, expected: str) -> None:
    """``fixed`` says that a fix exists; an empty or new state is unknown unless versions are named."""
    assert _only(grype_match(fix={"state": state, "versions": versions})).fix.state == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CRITICAL", "critical"),
        ("Negligible", "negligible"),
        ("Unknown", "unknown"),
        ("", "unknown"),
        ("Apocalyptic", "unknown"),
        (None, "unknown"),
    ],
)
def test_severities(text: str | None, expected: str) -> None:
    """Any case is read; a missing or new word is unknown and never the least severe."""
    assert _only(grype_match(severity=text)).severity == expected


@pytest.mark.parametrize("changes", [{"id": "MAL-2024-1"}, {"namespace": "openssf:malware:npm"}])
def test_malware_is_critical_whatever_the_report_says(changes: dict[str, Any]) -> None:
    """Malicious packages carry no severity or a low one."""
    found = _only(grype_match(severity="Low", **changes))
    assert (found.malware, found.severity) == (True, "critical")


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (
            [{"namespace": "vex", "vex-status": "not_affected", "vex-justification": "component_not_present"}],
            "VEX not_affected (component_not_present)",
        ),
        ([{"vulnerability": "CVE-2024-0001", "reason": "agreed"}], "agreed"),
        ([{"fix-state": "unknown"}], "ignore rule fix-state=unknown"),
        ([], "ignored by grype without a rule"),
        (None, "ignored by grype without a rule"),
    ],
)
def test_ignored_matches_come_back_marked(rules: Any, reason: str) -> None:
    """What grype left out is a finding with grype's reason, which is never empty (invariant 6)."""
    scan = _read(grype(grype_match(), ignoredMatches=[grype_match(id="CVE-2024-0002") | {"appliedIgnoreRules": rules}])).scan
    assert scan is not None
    assert [(item.id, item.suppressed) for item in scan.findings] == [("CVE-2024-0001", ""), ("CVE-2024-0002", reason)]


def test_an_end_of_life_alert_is_a_fact() -> None:
    """alertsByPackage since 0.106."""
    scan = _read(grype(alertsByPackage=[{"package": {}, "alerts": [{"type": "distro-eol", "message": "old"}]}])).scan
    assert scan is not None
    assert scan.distro_eol is True


def test_the_shape_of_0_7_is_refused_by_name() -> None:
    """Its matchDetails is an object, and it has no namespaces."""
    old = {
        "vulnerability": {"id": "CVE-1", "cvssV2": None, "links": []},
        "matchDetails": {"matcher": "m"},
        "artifact": {"name": "x"},
    }
    with pytest.raises(FormatRefused, match=r"grype 0\.7"):
        _read({"matches": [old], "source": {"type": "image", "target": {}}})


@pytest.mark.parametrize("missing", [("vulnerability", "id"), ("artifact", "name"), ("vulnerability",), ("artifact",)])
def test_a_match_that_cannot_be_read_is_an_error(missing: tuple[str, ...]) -> None:
    """Dropping it would hide a finding."""
    match = grype_match()
    parent = match if len(missing) == 1 else match[missing[0]]
    del parent[missing[-1]]
    with pytest.raises(EvidenceInvalid, match="/matches/0"):
        _read(grype(match))


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_id_is_an_error(value: str) -> None:
    """A finding without a name cannot be counted or waived."""
    with pytest.raises(EvidenceInvalid, match="no vulnerability id"):
        _read(grype(grype_match(id=value)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cvss", "high"),
        ("epss", {"a": 1}),
        ("knownExploited", 7),
        ("severity", 9),
        ("fix", []),
        ("namespace", {}),
        ("dataSource", 1),
    ],
)
def test_a_wrong_type_costs_only_that_field(field: str, value: Any) -> None:
    """The finding stays, and the diagnostic names the field and the match."""
    reading = _read(grype(grype_match(id="CVE-2024-0009", **{field: value})))
    assert reading.scan is not None
    assert reading.scan.findings[0].id == "CVE-2024-0009"
    found = next(entry for entry in reading.diagnostics if entry.code == "wrong_type")
    assert field in found.message
    assert found.where == "/matches/0"


@pytest.mark.parametrize("value", ["x", {}, 3, True])
def test_matches_of_a_wrong_type_are_an_error(value: Any) -> None:
    """What it lists cannot be told, and that is not nothing."""
    with pytest.raises(EvidenceInvalid, match="matches"):
        _read(grype() | {"matches": value})


@pytest.mark.parametrize("report", [{}, {"matches": []}, {"descriptor": {"name": "grype"}}, {"source": {}}])
def test_what_is_no_report_is_an_error(report: dict[str, Any]) -> None:
    """A bare matches list names neither tool nor image."""
    with pytest.raises(EvidenceInvalid, match="no grype report"):
        _read(report)


def test_missing_parts_become_diagnostics() -> None:
    """A report without descriptor is read; its producer has no version."""
    report = grype(grype_match())
    del report["descriptor"], report["distro"]
    report["source"] = None
    reading = _read(report)
    assert codes(reading) == {"no_descriptor": 1, "no_distro": 1, "no_source": 1}
    assert (reading.producer.version, reading.names, reading.created) == ("", (), None)


@pytest.mark.parametrize(
    "source",
    [
        {"type": "sbom-file", "target": {"manifestDigest": DIGEST}},
        {"type": "directory", "target": "."},
        {"type": "image", "target": "x"},
        "x",
    ],
)
def test_only_an_image_names_a_subject(source: Any) -> None:
    """A scan of an SBOM file or a directory is about no digest."""
    assert _read(grype(source=source)).names == ()


def test_malformed_digests_bind_nothing() -> None:
    """An odd digest is a diagnostic and no name."""
    reading = _read(
        grype(source={"type": "image", "target": {"manifestDigest": "sha256:xyz", "repoDigests": ["", f"a@{DIGEST.upper()}"]}})
    )
    assert reading.names == ()
    assert codes(reading)["bad_digest"] == 2


def test_a_purl_that_does_not_parse_is_kept_in_a_diagnostic() -> None:
    """The package keeps name, version and type; the purl is empty."""
    match = grype_match()
    match["artifact"]["purl"] = "PKG:nonsense"
    match["artifact"]["type"] = "go-module"
    reading = _read(grype(match))
    assert reading.scan is not None
    assert (reading.scan.findings[0].package.purl, reading.scan.findings[0].package.type) == ("", "golang")
    assert "PKG:nonsense" in next(entry.message for entry in reading.diagnostics if entry.code == "invalid_purl")


def test_control_characters_are_data() -> None:
    """A NUL in a version, as seen in a real report, is kept as it is."""
    match = grype_match()
    match["artifact"]["version"] = "3\x006"
    assert _only(match).package.version == "3\x006"


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b'"x"', b"[[[", b'{"matches": [', '{"matches": []}'.encode("utf-16")])
def test_bad_documents_are_evidence_errors(data: bytes) -> None:
    """Empty, null, another type, truncated, UTF-16."""
    with pytest.raises(EvidenceInvalid):
        READER.read(data, LIMITS)


@pytest.mark.parametrize("number", ["1e999", "9" * 5000])
def test_a_number_that_no_machine_holds_is_an_error(number: str) -> None:
    """Anyone who can push can attach such a report; it is evidence that cannot be read, and no bug."""
    report = grype(grype_match(cvss=[{"version": "3.1", "vector": "x", "metrics": {"baseScore": 0.125}}]))
    with pytest.raises(EvidenceInvalid):
        READER.read(encode(report).replace(b"0.125", number.encode()), LIMITS)


def test_a_second_matches_cannot_hide_the_first() -> None:
    """Readers differ in which of two equal names counts, so the document is refused."""
    text = encode(grype(grype_match())).decode()
    with pytest.raises(EvidenceInvalid, match="more than once"):
        READER.read(text.replace('"source"', '"matches": [], "source"', 1).encode(), LIMITS)


def test_the_bound_on_findings_is_named() -> None:
    """Matches and ignored matches count together."""
    report = grype(grype_match(), grype_match(), ignoredMatches=[grype_match()])
    with pytest.raises(LimitExceeded, match="findings"):
        READER.read(encode(report), Limits(findings=2))


def test_fifty_megabytes_stay_quick() -> None:
    """20,000 matches of 2.5 kB; the time is generous because tests share the machine (measured: 1.1 s)."""
    match = grype_match(description="x" * 2000)
    report = grype()
    data = json.dumps(report).replace('"matches": []', '"matches": [' + ",".join([json.dumps(match)] * 20_000) + "]").encode()
    assert len(data) > 48_000_000
    started = time.process_time()
    scan = READER.read(data, LIMITS).scan
    assert time.process_time() - started < 5
    assert scan is not None
    assert len(scan.findings) == 20_000
