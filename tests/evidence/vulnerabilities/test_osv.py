"""osv-scanner's JSON: purls from ecosystems, severities from many places, reachability."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.interface import Reading, ReportedFinding
from gate.evidence.vulnerabilities.ecosystems import package_of
from gate.evidence.vulnerabilities.lenient import Notes
from gate.evidence.vulnerabilities.osv import READER
from gate.limits import Limits
from tests.evidence.vulnerabilities.support import LIMITS, codes, encode


def _report(*records: dict[str, Any], groups: list[dict[str, Any]] | None = None, **package: Any) -> dict[str, Any]:
    named = {"name": "requests", "version": "2.0", "ecosystem": "PyPI", **package}
    return {
        "results": [
            {
                "source": {"path": "/app/requirements.txt", "type": "lockfile"},
                "packages": [{"package": named, "vulnerabilities": list(records), "groups": groups or []}],
            }
        ],
        "experimental_config": {},
    }


def _read(report: dict[str, Any]) -> Reading:
    return READER.read(encode(report), LIMITS)


def _findings(report: dict[str, Any]) -> tuple[ReportedFinding, ...]:
    scan = _read(report).scan
    assert scan is not None
    return scan.findings


@pytest.mark.parametrize(
    ("ecosystem", "name", "version", "purl"),
    [
        ("Debian:12", "libx", "1:1.0-1", "pkg:deb/debian/libx@1:1.0-1"),
        ("Ubuntu:22.04:LTS", "libx", "1", "pkg:deb/ubuntu/libx@1"),
        ("Alpine:v3.20", "busybox", "1.36", "pkg:apk/alpine/busybox@1.36"),
        ("Red Hat:enterprise_linux:9", "glibc", "2", "pkg:rpm/redhat/glibc@2"),
        ("Rocky Linux:9", "glibc", "2", "pkg:rpm/rocky-linux/glibc@2"),
        ("Go", "github.com/a/b", "1.2.3", "pkg:golang/github.com/a/b@v1.2.3"),
        ("Go", "stdlib", "1.21.0", "pkg:golang/stdlib@1.21.0"),
        ("npm", "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
        ("PyPI", "Flask_Login", "1", "pkg:pypi/flask-login@1"),
        ("Maven", "org.a:b", "1", "pkg:maven/org.a/b@1"),
        ("Packagist", "vendor/pack", "1", "pkg:composer/vendor/pack@1"),
        ("RubyGems", "rails", "7", "pkg:gem/rails@7"),
        ("crates:x", "serde", "1", "pkg:cargo/serde@1"),
        ("NuGet", "Newtonsoft.Json", "1", "pkg:nuget/Newtonsoft.Json@1"),
    ],
)
def test_ecosystems_become_purls(ecosystem: str, name: str, version: str, purl: str) -> None:
    """The OSV schema's names map to the types of the purl specification."""
    assert package_of(ecosystem, name, version, "", Notes(), "").purl == purl


@pytest.mark.parametrize("ecosystem", ["", "OSS-Fuzz", "Klingon"])
def test_an_unknown_ecosystem_has_no_purl(ecosystem: str) -> None:
    """The finding stays and a diagnostic names the ecosystem."""
    reading = _read(_report({"id": "OSV-2024-1"}, ecosystem=ecosystem))
    assert reading.scan is not None
    assert (len(reading.scan.findings), reading.scan.findings[0].package.purl) == (1, "")
    assert codes(reading)["unknown_ecosystem"] == 1


@pytest.mark.parametrize("name", ["\n", " ", "/", "\u2003"])
def test_a_name_that_no_purl_can_hold_is_a_diagnostic(name: str) -> None:
    """The library takes such a name for none and then fails in its own way; the finding stays, without a purl."""
    reading = _read(_report({"id": "OSV-2024-1"}, name=name))
    assert reading.scan is not None
    assert (len(reading.scan.findings), reading.scan.findings[0].package.purl) == (1, "")
    assert codes(reading)["invalid_purl"] == 1


def test_the_binary_package_of_a_distribution_counts() -> None:
    """Reports of images name the source package and the installed one."""
    (found,) = _findings(
        _report({"id": "DEBIAN-CVE-2024-1234"}, ecosystem="Debian:12", name="openssl", os_package_name="libssl3")
    )
    assert found.package.purl == "pkg:deb/debian/libssl3@2.0"
    assert found.aliases == ("CVE-2024-1234",)


@pytest.mark.parametrize(
    ("record", "group", "expected"),
    [
        ({"database_specific": {"severity": "MODERATE"}}, {}, "medium"),
        ({"database_specific": {"severity": "CRITICAL"}}, {"max_severity": "5.0"}, "critical"),
        ({"severity": [{"type": "Ubuntu", "score": "low"}]}, {}, "low"),
        ({"affected": [{"ecosystem_specific": {"urgency": "high"}}]}, {}, "high"),
        ({"affected": [{"ecosystem_specific": {"urgency": "not yet assigned"}}]}, {"max_severity": "9.8"}, "critical"),
        ({}, {"max_severity": "7.5"}, "high"),
        ({}, {"max_severity": "11"}, "unknown"),
        ({}, {"max_severity": "high"}, "unknown"),
        (
            {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]},
            {"max_severity": ""},
            "high",
        ),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N"}]}, {}, "unknown"),
        ({}, {}, "unknown"),
        ({"database_specific": {"severity": 7}}, {}, "unknown"),
    ],
)
def test_severities(record: dict[str, Any], group: dict[str, Any], expected: str) -> None:
    """The database's word, a distribution's, the group's score, the vector; else unknown, never less."""
    report = _report({"id": "PYSEC-2024-1", **record}, groups=[{"ids": ["PYSEC-2024-1"], **group}])
    assert _findings(report)[0].severity == expected


@pytest.mark.parametrize(
    "record",
    [
        {"id": "MAL-2024-1"},
        {"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["MAL-2024-1"]},
        {"id": "X-1", "database_specific": {"malicious-packages-origins": [{}], "severity": "LOW"}},
    ],
)
def test_malware_is_critical(record: dict[str, Any]) -> None:
    """By id, by alias, or by the database it came from."""
    (found,) = _findings(_report(record))
    assert (found.malware, found.severity) == (True, "critical")


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        ({"called": True}, "yes"),
        ({"called": False}, "no"),
        ({"called": True, "unimportant": True}, "yes"),
        ({"called": False, "unimportant": False}, "no"),
        ({"called": False, "unimportant": True}, "unknown"),
        ({"unimportant": True}, "unknown"),
        ({}, "unknown"),
        (None, "unknown"),
    ],
)
@pytest.mark.parametrize("spelling", ["experimental_analysis", "experimentalAnalysis"])
def test_reachability(analysis: dict[str, Any] | None, expected: str, spelling: str) -> None:
    """Both spellings of the call analysis; no analysis is unknown, not unreachable."""
    group = {"ids": ["GO-2024-1"], spelling: {"GO-2024-1": analysis} if analysis is not None else {}}
    assert _findings(_report({"id": "GO-2024-1"}, groups=[group]))[0].reachable == expected


def test_groups_are_aliases_and_related_is_not() -> None:
    """Ids and aliases of a group mean one vulnerability; related and upstream may be others."""
    record = {"id": "GO-2024-1", "related": ["CVE-2024-9"], "upstream": ["CVE-2024-8"]}
    group = {"ids": ["GO-2024-1", "GHSA-aaaa-bbbb-cccc"], "aliases": ["CVE-2024-0001"]}
    report = _report(record, {"id": "GHSA-aaaa-bbbb-cccc"}, groups=[group])
    assert [item.aliases for item in _findings(report)] == [
        ("CVE-2024-0001", "GHSA-aaaa-bbbb-cccc"),
        ("CVE-2024-0001", "GO-2024-1"),
    ]


def test_a_group_without_its_record_is_still_a_finding() -> None:
    """A report reduced to its groups must not be read as clean."""
    reading = _read(_report(groups=[{"ids": ["GHSA-aaaa-bbbb-cccc"], "max_severity": "9.1"}]))
    assert reading.scan is not None
    assert [(item.id, item.severity) for item in reading.scan.findings] == [("GHSA-aaaa-bbbb-cccc", "critical")]
    assert codes(reading) == {"record_missing": 1}


def test_fixes_of_this_package_only() -> None:
    """Versions come from the ranges of the package itself; commits are no versions."""
    affected = [
        {"package": {"name": "requests"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}]},
        {"package": {"name": "requests"}, "ranges": [{"type": "GIT", "events": [{"fixed": "abcdef"}]}]},
        {"package": {"name": "other"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "9"}]}]},
    ]
    (found,) = _findings(_report({"id": "PYSEC-1", "affected": affected}))
    assert (found.fix.state, found.fix.versions) == ("available", ("2.1",))


def test_a_withdrawn_record_comes_back_marked() -> None:
    """It is the scanner's word that it does not count."""
    assert (
        _findings(_report({"id": "PYSEC-1", "withdrawn": "2024-01-01T00:00:00Z"}))[0].suppressed
        == "withdrawn 2024-01-01T00:00:00Z"
    )


def test_a_report_without_results_catalogued_nothing() -> None:
    """Zero packages is a fact of its own (invariant 1)."""
    scan = _read({"results": []}).scan
    assert scan is not None
    assert (scan.findings, scan.packages_catalogued, scan.packages) == ((), 0, ())


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"results": 3},
        {"results": [3]},
        {"results": [{"packages": [{}]}]},
        {"results": [{"packages": [{"package": {"version": "1"}}]}]},
        {"results": [{"packages": [{"package": {"name": "x"}, "vulnerabilities": [{"aliases": []}]}]}]},
        {"results": [{"packages": [{"package": {"name": "x"}, "vulnerabilities": "none"}]}]},
    ],
)
def test_what_cannot_be_read_is_an_error(report: dict[str, Any]) -> None:
    """Records without id and packages without name would vanish from the count."""
    with pytest.raises(EvidenceInvalid):
        _read(report)


def test_the_bound_on_findings_is_named() -> None:
    """All packages together."""
    with pytest.raises(LimitExceeded, match="findings"):
        READER.read(encode(_report({"id": "A-1"}, {"id": "A-2"})), Limits(findings=1))
