"""Which findings a statement binds, and how the word of a scanner is compared with the gate's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.errors import EvidenceInvalid
from gate.evidence.suppression import Scanned, _load, _of_grype, _of_trivy, compare
from gate.vex import openvex
from gate.vex.check import Checked, check, sources_of
from tests.factory import finding, verdict
from tests.vex.test_lint import body, statement

KEY = "CVE-2020-1747|pkg:pypi/pyyaml@5.3"


def checked(*statements: dict[str, Any]) -> Checked:
    return check(sources_of({"x": openvex.read(json.dumps(body(*statements)).encode())}), verdict())


def test_a_statement_binds_and_decides() -> None:
    """It matches the finding and is the one that holds."""
    done = checked(statement())
    assert [(item.binds, item.decides, item.detail) for item in done.bindings] == [((KEY,), (KEY,), "")]
    assert done.suppressed == {KEY} and done.idle == ()


def test_a_superseded_statement_binds_and_does_not_decide() -> None:
    """Both match; the later one holds."""
    done = checked(statement(), statement("under_investigation", "2026-11-02T00:00:00Z"))
    assert [(bool(item.binds), bool(item.decides)) for item in done.bindings] == [(True, False), (True, True)]
    assert done.suppressed == frozenset() and "yields" in done.bindings[0].detail


@pytest.mark.parametrize(
    "item",
    [
        statement(product="pkg:pypi/pyyaml@9"),
        statement(vulnerability={"name": "CVE-1999-1"}),
        statement(products=[{"@id": "pkg:oci/other@sha256:" + "0" * 64, "subcomponents": [{"@id": "pkg:pypi/pyyaml@5.3"}]}]),
        {name: value for name, value in statement().items() if name != "products"},
    ],
)
def test_a_statement_that_binds_nothing_says_why(item: dict[str, Any]) -> None:
    """Another version, vulnerability or image, or no product at all."""
    done = checked(item)
    assert len(done.idle) == 1 and done.idle[0].detail and done.suppressed == frozenset()


def test_a_statement_made_after_the_verdict_binds_now() -> None:
    """Triage comes after the verdict; by the verdict's own clock it lies in the future."""
    sources = sources_of({"x": openvex.read(json.dumps(body(statement(at="2026-11-25T00:00:00Z"))).encode())})
    assert check(sources, verdict()).suppressed == frozenset()
    assert check(sources, verdict(), now=datetime(2026, 11, 26, tzinfo=UTC)).suppressed == {KEY}


def test_a_version_below_zero_is_none() -> None:
    """It is odd, and neither retracts the document nor breaks the order."""
    data = json.dumps(body(statement("affected"), version=-1)).encode()
    assert not check(sources_of({"x": openvex.read(data)}), verdict()).idle


def test_a_statement_that_does_not_count_suppresses_nothing() -> None:
    """not_affected without a reason binds, and the finding stays."""
    done = checked(statement(justification=""))
    assert done.suppressed == frozenset()


def grype(*ids: str, version: str = "5.3") -> dict[str, Any]:
    return {
        "matches": [
            {"vulnerability": {"id": id}, "relatedVulnerabilities": [], "artifact": {"name": "pyyaml", "version": version}}
            for id in ids
        ]
    }


def rows(before: dict[str, Any], after: dict[str, Any], *, suppressed: bool = True, **fields: Any) -> Any:
    scanned = Scanned(frozenset(_of_grype(before)), frozenset(_of_grype(after)))
    [row] = compare([finding(**fields)], frozenset({KEY} if suppressed else ()), {"grype": scanned})
    return row


@pytest.mark.parametrize(
    ("before", "after", "suppressed", "effect", "agrees"),
    [
        (grype("CVE-2020-1747"), grype(), True, "suppressed", True),
        (grype("CVE-2020-1747"), grype("CVE-2020-1747"), True, "kept", False),
        (grype("CVE-2020-1747"), grype(), False, "suppressed", False),
        (grype("CVE-2020-1747"), grype("CVE-2020-1747"), False, "kept", True),
        (grype(), grype(), True, "absent", True),
        (grype("GHSA-1"), grype(), True, "suppressed", True),
        (grype("CVE-2020-1747", version="9"), grype(), True, "absent", True),
    ],
)
def test_the_word_of_a_scanner(before: Any, after: Any, suppressed: bool, effect: str, agrees: bool) -> None:
    """Suppressed is what it reports without the statements and not with them; what it never reports agrees with anything."""
    row = rows(before, after, suppressed=suppressed, aliases=("GHSA-1",))
    assert row.tools == {"grype": effect} and row.agrees is agrees


def test_an_epoch_is_no_other_version() -> None:
    """trivy leaves it out of the version."""
    report = {
        "Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-2020-1747", "PkgName": "pyyaml", "InstalledVersion": "5.3"}]}]
    }
    scanned = Scanned(frozenset(_of_trivy(report)), frozenset())
    assert scanned.effect(finding(package="pyyaml 1:5.3")) == "suppressed"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"{}", b'{"matches":null}'])
def test_a_report_that_is_none_is_refused(data: bytes) -> None:
    """Nothing found must never be what a broken report says."""
    with pytest.raises(EvidenceInvalid):
        _load(data, "grype")


@pytest.mark.parametrize("value", [None, "x", [None], [{}], [{"vulnerability": None, "artifact": None}]])
def test_odd_matches_are_left_out(value: Any) -> None:
    """They name no finding."""
    assert list(_of_grype({"matches": value})) == []
    assert list(_of_trivy({"Results": value})) == []
