"""Mutated reports: whatever a document holds, a reader gives a reading or a GateError."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import GateError
from gate.evidence.interface import Reader
from gate.evidence.vulnerabilities import govulncheck, grype, osv, sarif, trivy
from gate.evidence.vulnerabilities.merge import merge
from tests.evidence.vulnerabilities.support import LIMITS, encode, trivy_vulnerability
from tests.evidence.vulnerabilities.support import grype as grype_report
from tests.evidence.vulnerabilities.support import grype_match as match
from tests.evidence.vulnerabilities.support import sarif as sarif_log
from tests.evidence.vulnerabilities.support import trivy as trivy_report
from tests.evidence.vulnerabilities.test_govulncheck import RUN

_GRYPE = grype_report(
    match(
        epss=[{"epss": 0.1, "percentile": 0.1, "date": "2026-01-01"}],
        knownExploited=[{"dateAdded": "a", "dueDate": "b", "knownRansomwareCampaignUse": "Known"}],
        cvss=[{"version": "3.1", "vector": "v", "metrics": {"baseScore": 1.0}}],
    )
    | {"relatedVulnerabilities": [{"id": "GHSA-aaaa-bbbb-cccc", "namespace": "x:y", "severity": "Low"}]},
    ignoredMatches=[match() | {"appliedIgnoreRules": [{"vex-status": "fixed", "namespace": "vex"}]}],
    alertsByPackage=[{"alerts": [{"type": "distro-eol"}]}],
)
_TRIVY = trivy_report(
    result={
        "Packages": [{"Identifier": {"PURL": "pkg:deb/debian/libx@1.0"}}],
        "Vulnerabilities": [
            trivy_vulnerability(VendorSeverity={"nvd": 3}, CVSS={"nvd": {"V3Score": 5.0, "V3Vector": "CVSS:3.1/AV:N"}})
        ],
        "ExperimentalModifiedFindings": [{"Type": "vulnerability", "Status": "ignored", "Finding": trivy_vulnerability()}],
        "Secrets": [{}],
    }
)
_OSV = {
    "results": [
        {
            "source": {"path": "/x", "type": "lockfile"},
            "packages": [
                {
                    "package": {"name": "a", "version": "1", "ecosystem": "Go"},
                    "vulnerabilities": [
                        {
                            "id": "GO-1",
                            "aliases": ["CVE-2024-0001"],
                            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}],
                            "affected": [{"package": {"name": "a"}, "ranges": [{"type": "SEMVER", "events": [{"fixed": "2"}]}]}],
                            "database_specific": {"severity": "HIGH"},
                        }
                    ],
                    "groups": [{"ids": ["GO-1"], "max_severity": "7", "experimental_analysis": {"GO-1": {"called": True}}}],
                }
            ],
        }
    ]
}
_SARIF = sarif_log(
    "Trivy",
    {
        "ruleId": "CVE-2024-0001",
        "ruleIndex": 0,
        "message": {"text": "Package: libx\nInstalled Version: 1\nSeverity: LOW"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "u"}, "region": {"startLine": 1}}}],
        "suppressions": [{"kind": "external", "status": "accepted"}],
    },
    rules=[
        {"id": "CVE-2024-0001", "properties": {"security-severity": "5", "tags": ["vulnerability"], "purls": ["pkg:npm/a@1"]}}
    ],
    properties={"imageName": "x", "repoDigests": []},
    invocations=[{"executionSuccessful": True}],
)
_CASES: dict[str, tuple[Reader, Any]] = {
    "grype": (grype.READER, _GRYPE),
    "trivy": (trivy.READER, _TRIVY),
    "osv": (osv.READER, _OSV),
    "sarif": (sarif.READER, _SARIF),
    "govulncheck": (govulncheck.READER, list(RUN)),
}
_odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["", "\x00", "CVE-2024-0001", "sha256:", "pkg:", "pkg:npm/%zz@1", "1e999", "9" * 400, "MAL-1", "\u202e", "2.1.0"]
    ),
    st.lists(st.none() | st.text(max_size=3) | st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=2),
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, child in children:
        found += _places(child, (*path, key))
    return found


def _mutate(document: Any, path: tuple[Any, ...], value: Any, how: str) -> None:
    parent: Any = document
    try:
        for key in path[:-1]:
            parent = parent[key]
        if how == "delete":
            del parent[path[-1]]
        elif how == "double" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[path[-1]]))
        else:
            parent[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return


@pytest.mark.parametrize("name", list(_CASES))
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_mutations_give_a_reading_or_a_gate_error(name: str, data: st.DataObject) -> None:
    """Up to four values replaced, removed or doubled anywhere; what was read also merges."""
    reader, original = _CASES[name]
    document = copy.deepcopy(original)
    places = st.sampled_from(_places(original))
    for _ in range(data.draw(st.integers(0, 4))):
        _mutate(document, data.draw(places), data.draw(_odd), data.draw(st.sampled_from(["replace", "delete", "double"])))
    try:
        reading = reader.read(encode(document), LIMITS)
        assert reading.scan is None or len(merge([("e", reading)]).findings) <= len(reading.scan.findings)
    except GateError:
        return


@pytest.mark.parametrize("name", list(_CASES))
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_bytes_give_a_reading_or_a_gate_error(name: str, data: st.DataObject) -> None:
    """One stretch of the file cut out or overwritten."""
    reader, original = _CASES[name]
    text = encode(original)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    damaged = text[:start] + data.draw(st.binary(max_size=8)) + text[end:]
    assert reader.recognises(damaged[:4096], "") in (True, False)
    try:
        reader.read(damaged, LIMITS)
    except GateError:
        return
