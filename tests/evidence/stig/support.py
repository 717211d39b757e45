"""XCCDF documents made for a test, and reading through the same door as the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from gate.evidence.interface import Reading
from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT, Limits
from gate.model.stig import StigReport, StigResult

SPACE = "http://checklists.nist.gov/xccdf/1.2"
DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
TARGET = f'<fact name="urn:xccdf:fact:identifier" type="string">oci://registry.example/app@{DIGEST}</fact>'


def read(data: Any, limits: Limits = DEFAULT) -> Reading:
    """Any document; what is no bytes is written as JSON."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return read_payload(raw, media_type="", predicate_type=None, predicate=None, limits=limits)


def only(data: Any) -> StigReport:
    """The only report of a document."""
    [report] = read(data).stig
    return report


def single(data: Any) -> StigResult:
    """The only result of the only report."""
    [result] = only(data).results
    return result


def rule(name: str, result: str, inside: str = "", severity: str = 'severity="medium"') -> str:
    """A rule-result."""
    return f'<rule-result idref="xccdf_mil.disa.stig_rule_{name}" {severity}><result>{result}</result>{inside}</rule-result>'


def run(*results: str, facts: str = TARGET, more: str = "", system: str = "cpe:/a:redhat:openscap:1.4.2") -> str:
    """A TestResult."""
    return (
        f'<TestResult xmlns="{SPACE}" id="t" version="1" end-time="2026-11-23T01:00:00+00:00" test-system="{system}">'
        f'<benchmark id="B"/><profile idref="P"/><target>vm</target><target-facts>{facts}</target-facts>{more}'
        f"{''.join(results)}<score>100.0</score></TestResult>"
    )


def xccdf(*results: str, **more: str) -> bytes:
    """A document with one TestResult."""
    return run(*results, **more).encode()


def several(runs: Sequence[str]) -> bytes:
    """A benchmark around several of them."""
    return f'<Benchmark xmlns="{SPACE}" id="B">{"".join(runs)}</Benchmark>'.encode()


def counted(report: StigReport) -> dict[str, int]:
    """Counts that are not zero."""
    return {name: number for name, number in msgspec.structs.asdict(report.counts).items() if number}


def codes(reading: Reading) -> list[str]:
    """Codes of the diagnostics."""
    return [note.code for note in reading.diagnostics]
