"""What the gate attests as in-toto vulnerabilities it can read again; what names no package it does not read."""

import json
from typing import Any

import pytest

from gate.attest.produce import produce
from gate.errors import EvidenceError, EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence.sniff import read_payload
from gate.evidence.vulnerabilities.intoto import TYPE, read
from gate.limits import DEFAULT, Limits
from tests.attest.test_produce import BUILT, MADE, SCAN, document, finding, item, scan


def written() -> Any:
    """The predicate that the gate writes."""
    made = document(item(SCAN, "vulnerabilities"), scans=(scan(),), findings=(finding(SCAN),))
    [statement] = produce(made, {}, accepted=lambda _: True, limits=DEFAULT)
    return json.loads(statement.payload)["predicate"]


def test_the_gates_own_attestation_is_read_again() -> None:
    """Id, package, severity, score, scanner and times are those of the scan."""
    predicate = written()
    found = read_payload(json.dumps(predicate).encode(), media_type="", predicate_type=TYPE, predicate=predicate, limits=DEFAULT)
    assert (found.kind, found.created, found.producer.db_built) == ("vulnerabilities", MADE, BUILT)
    assert (found.producer.name, found.producer.version) == ("grype", "0.117.0")
    assert found.scan is not None and found.scan.packages_catalogued is None
    [one] = found.scan.findings
    assert (one.id, one.aliases, one.severity) == ("CVE-1", ("GHSA-1",), "high")
    assert (one.package.purl, one.package.name, one.package.version) == ("pkg:deb/x@1", "x", "1")
    assert [(score.version, score.score) for score in one.cvss] == [("3.1", 7.5)]


@pytest.mark.parametrize(
    "notes", [[], [{"purl": "x@1"}], [{"purl": 1}], [{"purl": "pkg:deb/x@1"}, {"purl": "pkg:deb/y@1"}], [{"note": "pkg:deb/x@1"}]]
)
def test_a_finding_without_its_package_refuses_the_whole(notes: list[Any]) -> None:
    """It could not be merged, waived or suppressed; the error says what to attest instead."""
    predicate = written()
    predicate["scanner"]["result"][0]["annotations"] = notes
    with pytest.raises(FormatRefused, match="no package"):
        read(predicate, DEFAULT)


@pytest.mark.parametrize(
    "path",
    ["scanner", "scanner.uri", "scanner.db", "scanner.db.lastUpdate", "scanner.result", "metadata", "metadata.scanFinishedOn"],
)
@pytest.mark.parametrize("value", [None, 1, "", [], {}])
def test_what_the_type_demands_is_demanded(path: str, value: Any) -> None:
    """Nothing else is raised, and nothing without findings passes for a scan that never says when."""
    predicate = written()
    parts = path.split(".")
    inner = predicate
    for part in parts[:-1]:
        inner = inner[part]
    inner[parts[-1]] = value
    try:
        found = read(predicate, DEFAULT)
    except EvidenceError:
        return
    assert isinstance(value, (str, list))
    if path == "scanner.db.lastUpdate":
        assert found.producer.db_built is None


@pytest.mark.parametrize("predicate", [None, 1, "x", [], {}])
def test_other_values_are_refused(predicate: Any) -> None:
    """As malformed."""
    with pytest.raises(EvidenceInvalid):
        read(predicate, DEFAULT)


def test_findings_are_bounded() -> None:
    """By the same limit as every report."""
    predicate = written()
    predicate["scanner"]["result"] *= 3
    with pytest.raises(LimitExceeded):
        read(predicate, Limits(findings=2))


def test_an_unknown_severity_stays_unknown() -> None:
    """It is never taken for none."""
    predicate = written()
    predicate["scanner"]["result"][0]["severity"] = [
        {"method": "own", "score": "terrible"},
        {"method": "cvss_v3.1", "score": "x"},
    ]
    found = read(predicate, DEFAULT)
    assert found.scan is not None
    assert found.scan.findings[0].severity == "unknown"
    assert found.scan.findings[0].cvss[0].score is None


def test_an_attestation_of_a_partial_scanner_is_partial() -> None:
    """What govulncheck found, attested in in-toto's form, stands for no scan either."""
    body = {
        "scanner": {"uri": "pkg:golang/golang.org/x/vuln/cmd/govulncheck@v1.9.0", "db": {"lastUpdate": MADE}, "result": []},
        "metadata": {"scanStartedOn": MADE, "scanFinishedOn": MADE},
    }  # fmt: skip
    facts = read(body, DEFAULT).scan
    assert facts is not None
    assert facts.partial
