"""The benchmark itself: it runs, and its inputs are what it says."""

from __future__ import annotations

import pytest

from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT
from tests.bench import documents
from tests.bench.__main__ import main
from tests.bench.measure import Run, Summary
from tests.bench.table import Row, markdown, text

DIGEST = "sha256:" + "ab" * 32


def _summary(*walls: float) -> Summary:
    return Summary(tuple(Run(wall, wall, 0, "") for wall in walls))


def test_the_report_has_so_many_findings() -> None:
    """Each is read as one finding of the image, none is dropped, and twice the same call gives the same bytes."""
    data = documents.grype(120, DIGEST, packages=30)
    assert data == documents.grype(120, DIGEST, packages=30)
    reading = read_payload(data, media_type="", predicate_type=None, predicate=None, limits=DEFAULT)
    assert reading.scan is not None
    assert len(reading.scan.findings) == len({(f.id, f.package.purl) for f in reading.scan.findings}) == 120
    assert {f.severity for f in reading.scan.findings} == {"critical", "high", "medium", "low", "negligible"}
    assert {name.digest for name in reading.names} == {DIGEST}


@pytest.mark.parametrize("make", [documents.cyclonedx_of_size, documents.spdx_of_size])
def test_an_sbom_has_about_the_size_asked_for(make: object) -> None:
    """Within a tenth, well-formed for its reader, complete, and without odd values that would take a slower path."""
    assert callable(make)
    data = make(400_000, DIGEST)
    assert abs(len(data) - 400_000) < 40_000
    reading = read_payload(data, media_type="", predicate_type=None, predicate=None, limits=DEFAULT)
    assert reading.sbom is not None and reading.diagnostics == ()
    facts = reading.sbom.completeness
    assert facts.components > 50
    assert facts.without_purl == facts.without_version == facts.without_name == facts.dangling_refs == 0


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("a", _summary(1, 2, 9), 2), "met"),
        (Row("a", _summary(1, 3, 3), 2), "missed: time"),
        (Row("a", _summary(1), 2, 20, (25, 5, 28)), "missed: memory"),
        (Row("a", _summary(3), 2, 20, (5, 25, 28)), "missed: time and memory"),
        (Row("a", _summary(1), 2, 20, (15, 15, 28)), "met"),
        (Row("a", _summary(1), 2, 20, (15, 15, 28), whole=True), "missed: memory"),
        (Row("a", _summary(1)), ""),
    ],
)
def test_the_median_and_the_memory_that_counts_decide(row: Row, verdict: str) -> None:
    """A row says what it missed; without a target it says nothing."""
    assert row.verdict == verdict
    assert all(row.what in table for table in (markdown([row]), text([row])))


def test_everything_is_measured_on_tiny_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    """The commands of the benchmark still exist and give the exit codes that it expects."""
    assert main(["--tiny", "--markdown"]) == 0
    table = capsys.readouterr().out
    for what in ("gate --version", "20 findings", "CycloneDX of", "SPDX of", "verify-vsa", "2 subjects", "opa eval"):
        assert what in table
