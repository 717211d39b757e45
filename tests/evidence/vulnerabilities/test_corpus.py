"""Every scanner report of the corpus folder, with the numbers that were counted by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from gate.evidence.interface import NamedDigest, Reader, Reading
from gate.evidence.vulnerabilities import grype, osv, sarif, trivy
from gate.evidence.vulnerabilities.enrich import load_kev
from gate.evidence.vulnerabilities.merge import count, merge
from gate.model.findings import Kev
from tests.evidence.vulnerabilities.support import LIMITS, codes, corpus

_READERS: dict[str, Reader] = {"grype": grype.READER, "trivy": trivy.READER, "osv": osv.READER, "sarif": sarif.READER}

_THREE = ["manifest", "manifest", "config"]
_FILES = [
    # file, findings, unique (id, package name), producer version, database built, distro, roles of the names
    ("grype/alpine311_v0.79.3.json", 89, 89, "0.79.3", "2024-07-23T01:30:37Z", "alpine 3.11.3", _THREE),
    ("grype/busybox_v0.94.0_epss_risk_emptyfixstate.json", 15, 15, "0.94.0", "2025-06-19T04:12:38Z", "busybox 1.32.1", _THREE),
    ("grype/dir-npm_v0.24.0_db3.json", 9, 9, "0.24.0", "2021-10-27T08:14:21Z", "", []),
    ("grype/rhel87_says-v0.96.0_wontfix_missing_severity.json", 35, 34, "0.96.0", "2024-02-22T01:23:26Z", "redhat 8.7", _THREE),
    ("grype/ubuntu1804_v0.59.1.json", 503, 489, "0.59.1", "2023-04-01T01:29:32Z", "ubuntu 18.04", _THREE),
    ("trivy/all_statuses.json", 8, 8, "", None, "debian 10.13", ["config"]),
    ("trivy/debian9_golden_v0.74.json", 5, 5, "dev", None, "debian 9.9", ["config"]),
    ("trivy/juice-shop_alpine_node.json", 182, 126, "", None, "alpine 3.11.12", ["manifest", "config"]),
    ("trivy/ubuntu1804_2023.json", 439, 439, "", None, "ubuntu 18.04", ["manifest", "config"]),
    ("osv/malicious_package.json", 1, 1, "", None, "", []),
    ("osv/many_findings.json", 66, 64, "", None, "", []),
    ("sarif/nginx_grype_0.63.0.sarif.json", 99, 99, "0.63.0", None, "", ["manifest"]),
    ("sarif/nginx_snyk.sarif.json", 65, 65, "", None, "", ["manifest"]),
    ("sarif/nginx_trivy_0.42.1.sarif.json", 99, 99, "0.42.1", None, "", ["manifest"]),
]  # fmt: skip


def _read(name: str) -> Reading:
    reader = _READERS[name.partition("/")[0]]
    data = corpus(name)
    assert reader.recognises(data[:4096], "")
    return reader.read(data, LIMITS)


@pytest.mark.parametrize(("name", "findings", "unique", "version", "built", "distro", "roles"), _FILES)
def test_each_report_is_read_whole(
    name: str, findings: int, unique: int, version: str, built: str | None, distro: str, roles: list[str]
) -> None:
    """Findings, producer, database time, distribution and subject digests are those of the document."""
    reading = _read(name)
    assert reading.scan is not None
    assert reading.kind == "vulnerabilities"
    assert len(reading.scan.findings) == findings
    assert len({(item.id, item.package.name) for item in reading.scan.findings}) == unique
    assert (reading.producer.version, reading.producer.db_built, reading.scan.distro) == (version, built, distro)
    assert [entry.role for entry in reading.names] == roles
    assert reading.scan.degraded is name.startswith("sarif")


@pytest.mark.parametrize("reader", list(_READERS))
@pytest.mark.parametrize("name", [entry[0] for entry in _FILES])
def test_no_reader_claims_another_format(reader: str, name: str) -> None:
    """Each document is recognised by its own reader and by no other."""
    assert _READERS[reader].recognises(corpus(name)[:4096], "") is (name.partition("/")[0] == reader)


def test_one_image_by_grype_and_trivy_is_one_list() -> None:
    """489 and 439 unique pairs: trivy's are a subset, all fixes are equal, 57 severities differ in vocabulary only."""
    merged = merge([("sha256:1", _read("grype/ubuntu1804_v0.59.1.json")), ("sha256:2", _read("trivy/ubuntu1804_2023.json"))])
    pairs = {(item.id, item.package.name) for item in merged.findings}
    assert len(pairs) == 489
    assert len({(item.id, item.package.name) for item in merged.findings if len(item.reported_by) == 2}) == 439
    assert sum(len(item.reported_by) == 2 for item in merged.findings) == 439
    assert all("sha256:1" in item.reported_by for item in merged.findings)
    assert Counter(entry.field for entry in merged.disagreements) == {"severity": 57}
    assert {tuple(sorted(entry.values.items())) for entry in merged.disagreements} == {
        (("grype", "negligible"), ("trivy", "low"))
    }
    assert count(merged.findings, effective=False).total == len(merged.findings) == 503


def test_both_reports_of_that_image_name_the_same_digests() -> None:
    """The index digest that was pulled and the configuration are common to both."""
    common = set(_read("grype/ubuntu1804_v0.59.1.json").names) & set(_read("trivy/ubuntu1804_2023.json").names)
    assert common == {
        NamedDigest("sha256:14dd03939d2d840d7375f394b45d340d95fba8e25070612ac2883eacd7f93a55", "manifest"),
        NamedDigest("sha256:47db3c95ddaa40bd3de864354b8f6ab685c8311ef5f59edb0125e430b2c3ddc2", "config"),
    }


def test_three_sarif_logs_of_one_image_are_100_findings() -> None:
    """Grype and trivy agree on 99; snyk finds 64 of them under its own ids and one more."""
    names = ("sarif/nginx_grype_0.63.0.sarif.json", "sarif/nginx_snyk.sarif.json", "sarif/nginx_trivy_0.42.1.sarif.json")
    readings = [(f"sha256:{number}", _read(name)) for number, name in enumerate(names)]
    merged = merge(readings)
    assert Counter(len(item.reported_by) for item in merged.findings) == {3: 64, 2: 35, 1: 1}
    assert all(item.id.startswith("CVE-") and item.match == "text" for item in merged.findings)
    assert {reading.names[0].digest for _, reading in readings} == {
        "sha256:13d22ec63300e16014d4a42aed735207a8b33c223cff19627dd3042e5a10a3a0"
    }


def test_a_missing_severity_is_counted_as_unknown() -> None:
    """One match of the Red Hat report has no severity at all."""
    reading = _read("grype/rhel87_says-v0.96.0_wontfix_missing_severity.json")
    assert codes(reading) == {"missing_severity": 1}
    assert count(merge([("e", reading)]).findings, effective=True).unknown == 1


def test_empty_fix_states_are_unknown_and_epss_is_kept() -> None:
    """14 of 15 matches have an empty state; every one has a dated score."""
    reading = _read("grype/busybox_v0.94.0_epss_risk_emptyfixstate.json")
    assert reading.scan is not None
    assert Counter(item.fix.state for item in reading.scan.findings)["unknown"] == 14
    assert all(item.epss is not None and item.epss.date == "2025-06-18" for item in reading.scan.findings)


def test_every_trivy_status_has_a_fix_state() -> None:
    """None of the eight statuses, not even not_affected, makes a finding disappear."""
    reading = _read("trivy/all_statuses.json")
    assert reading.scan is not None
    assert Counter(item.fix.state for item in reading.scan.findings) == {
        "available": 1, "none": 2, "wont_fix": 1, "deferred": 1, "eol": 1, "unknown": 2,
    }  # fmt: skip


def test_an_end_of_life_distribution_is_a_fact() -> None:
    """EOSL true is taken; left out it says nothing. Secrets in the report are named as not read."""
    old = _read("trivy/juice-shop_alpine_node.json")
    current = _read("trivy/debian9_golden_v0.74.json")
    assert old.scan is not None
    assert old.scan.distro_eol is True
    assert current.scan is not None
    assert current.scan.distro_eol is None
    assert codes(old) == {"not_read": 3}


def test_a_malicious_package_is_critical() -> None:
    """A MAL- record has no severity; it is critical and marked as malware."""
    finding = merge([("e", _read("osv/malicious_package.json"))]).findings[0]
    assert (finding.severity.value, finding.malware) == ("critical", True)
    assert (finding.id, finding.aliases) == ("GHSA-8348-2q94-ffjx", ("MAL-2023-1035",))
    assert finding.package.purl == "pkg:npm/flot-axis@0.0.0"


def test_osv_records_of_one_vulnerability_are_one_finding() -> None:
    """66 records of 11 packages are 37 vulnerabilities; the severities are GitHub's or made from the vectors."""
    reading = _read("osv/many_findings.json")
    merged = merge([("e", reading)])
    counts = count(merged.findings, effective=True)
    assert (counts.total, counts.critical, counts.high, counts.medium, counts.unknown) == (37, 5, 20, 12, 0)
    assert reading.scan is not None
    assert reading.scan.packages_catalogued == 11


def test_known_exploited_vulnerabilities_come_from_the_catalogue() -> None:
    """1404 entries with their dates; none of the vulnerabilities in the image reports is among them."""
    enrichment = load_kev(corpus("enrichment/cisa_kev_2025-08-25.json"))
    assert len(enrichment.kev) == 1404
    assert enrichment.sources[0].date == "2025-08-25T17:04:19Z"
    assert enrichment.kev["CVE-2021-44228"] == Kev(date_added="2021-12-10", due_date="2021-12-24", ransomware=True)
    merged = merge([("e", _read("grype/alpine311_v0.79.3.json"))], enrich=enrichment)
    assert not any(item.kev for item in merged.findings)
