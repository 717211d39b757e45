"""One list out of many scans."""

from __future__ import annotations

import dataclasses
import time
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import LimitExceeded
from gate.evidence.interface import ReportedFinding
from gate.evidence.vulnerabilities.enrich import Enrichment, Source
from gate.evidence.vulnerabilities.merge import count, merge
from gate.limits import Limits
from gate.model.findings import AppliedVex, Cvss, Disagreement, Epss, Fix, Kev, Severity, Suppression, VexStatus
from tests.evidence.vulnerabilities.support import finding, package, scan


def test_one_finding_by_two_scanners_is_one() -> None:
    """Different spellings of the distribution and of qualifiers do not matter; the first purl stands in the key."""
    one = finding(package=package("pkg:rpm/rhel/libx@1.0?arch=x86_64", kind="rpm", locations=("/a",)))
    other = finding(package=package("pkg:rpm/redhat/libx@1.0?distro=redhat-8.7", kind="rpm", locations=("/b",)))
    merged = merge([("sha256:2", scan("trivy", other)), ("sha256:1", scan("grype", one))])
    (found,) = merged.findings
    assert found.key == "CVE-2024-0001|pkg:rpm/rhel/libx@1.0"
    assert (found.reported_by, found.package.locations) == (("sha256:1", "sha256:2"), ("/a", "/b"))
    assert merged.disagreements == ()


def test_an_alias_joins_and_the_cve_names_it() -> None:
    """GHSA with its CVE, the CVE alone, and a vendor's id that knows the GHSA are one."""
    merged = merge(
        [
            ("a", scan("grype", finding("GHSA-aaaa-bbbb-cccc", aliases=("CVE-2024-0001",)))),
            ("b", scan("trivy", finding("CVE-2024-0001"))),
            ("c", scan("snyk", finding("SNYK-1", aliases=("GHSA-aaaa-bbbb-cccc",)))),
        ]
    )
    (found,) = merged.findings
    assert (found.id, found.aliases) == ("CVE-2024-0001", ("GHSA-aaaa-bbbb-cccc", "SNYK-1"))


@pytest.mark.parametrize(
    "other",
    [
        package("pkg:deb/debian/libx@1.1", version="1.1"),
        package("pkg:deb/debian/liby@1.0", name="liby"),
        package("pkg:apk/alpine/libx@1.0", kind="apk"),
    ],
)
def test_another_package_or_version_is_another_finding(other: Any) -> None:
    """The same vulnerability counts once for each package and version."""
    assert len(merge([("a", scan("grype", finding(), finding(package=other)))]).findings) == 2


def test_packages_without_purl_are_found_by_type_name_and_version() -> None:
    """The key says so, and a scan that knows the purl gives it to the finding."""
    bare = finding(package=package("", kind="deb"))
    assert merge([("a", scan("trivy", bare))]).findings[0].key == "CVE-2024-0001|deb/libx@1.0"
    (found,) = merge([("a", scan("trivy", bare)), ("b", scan("zgrype", finding()))]).findings
    assert found.package.purl == "pkg:deb/debian/libx@1.0"


def test_a_purl_without_version_gets_the_versions_of_its_packages() -> None:
    """Two versions of one package keep two keys."""
    found = merge(
        [
            (
                "a",
                scan(
                    "grype",
                    *(finding(package=package("pkg:npm/x", name="x", version=number, kind="npm")) for number in ("1", "2")),
                ),
            )
        ]
    ).findings
    assert [item.key for item in found] == ["CVE-2024-0001|pkg:npm/x@1", "CVE-2024-0001|pkg:npm/x@2"]


def test_prose_without_a_type_joins_the_only_package_that_fits() -> None:
    """SARIF of trivy does not say deb; with two candidates it stays alone."""
    untyped = finding(package=package("", kind=""))
    other = finding(package=package("pkg:npm/libx@1.0", kind="npm"))
    assert len(merge([("a", scan("grype", finding())), ("b", scan("trivy", untyped, degraded=True))]).findings) == 1
    assert len(merge([("a", scan("grype", finding(), other)), ("b", scan("trivy", untyped, degraded=True))]).findings) == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("low", "high"), "high"),
        (("unknown", "negligible"), "negligible"),
        (("none", "unknown"), "none"),
        (("unknown", "unknown"), "unknown"),
    ],
)
def test_the_highest_primary_severity_is_chosen(values: tuple[Severity, Severity], expected: str) -> None:
    """Unknown never hides a known severity, however low."""
    for one, other in permutations(values):
        merged = merge([("a", scan("grype", finding(severity=one))), ("b", scan("trivy", finding(severity=other)))])
        assert merged.findings[0].severity.value == expected


def test_sources_that_are_not_a_scanners_choice_do_not_raise_the_severity() -> None:
    """The distribution says low, NVD says critical: both are kept, the scanner's own word is chosen."""
    (found,) = merge([("a", scan("grype", finding(severity="low", severities={"debian": "low", "nvd": "critical"})))]).findings
    assert (found.severity.value, found.severity.source) == ("low", "debian")
    assert found.severity.by_source == {"debian": "low", "nvd": "critical"}


def test_severity_and_fix_disagreements_are_recorded() -> None:
    """By scanner; unknown contradicts nothing."""
    one = finding(severity="negligible", fix=Fix(state="none"))
    other = finding(severity="low", fix=Fix(state="available", versions=("1.1",)))
    third = finding(severity="unknown", fix=Fix(state="unknown"))
    merged = merge([("a", scan("grype", one)), ("b", scan("trivy", other)), ("c", scan("osv-scanner", third))])
    key = "CVE-2024-0001|pkg:deb/debian/libx@1.0"
    assert merged.disagreements == (
        Disagreement(finding=key, field="fix", values={"grype": "none", "osv-scanner": "unknown", "trivy": "1.1"}),
        Disagreement(finding=key, field="severity", values={"grype": "negligible", "osv-scanner": "unknown", "trivy": "low"}),
    )
    assert merged.findings[0].fix == Fix(state="available", versions=("1.1",))


def test_presence_is_compared_only_where_both_looked() -> None:
    """A scanner that lists the package, or reports something else in it, could have seen the finding."""
    both = merge([("a", scan("grype", finding())), ("b", scan("trivy", packages=("pkg:deb/ubuntu/libx@1.0",)))])
    assert [(entry.field, entry.values) for entry in both.disagreements] == [
        ("presence", {"grype": "reported", "trivy": "not reported"})
    ]
    other = merge([("a", scan("grype", finding())), ("b", scan("trivy", finding("CVE-2024-0002")))])
    assert len(other.disagreements) == 2
    assert merge([("a", scan("grype", finding())), ("b", scan("trivy"))]).disagreements == ()
    assert merge([("a", scan("grype", finding())), ("b", scan("trivy", finding("CVE-2"), degraded=True))]).disagreements == (
        Disagreement(
            finding="CVE-2|pkg:deb/debian/libx@1.0", field="presence", values={"trivy": "reported", "grype": "not reported"}
        ),
    )


def test_two_scans_by_one_scanner_keep_their_names_apart() -> None:
    """They are told apart by evidence id."""
    merged = merge([("sha256:1", scan("grype", finding(severity="low"))), ("sha256:2", scan("grype", finding(severity="high")))])
    assert merged.disagreements[0].values == {"grype sha256:1": "low", "grype sha256:2": "high"}


def test_a_suppression_that_another_scanner_does_not_share_is_a_disagreement() -> None:
    """One unsuppressed report is enough: the finding counts and carries no suppression."""
    hidden = finding(suppressed="VEX not_affected")
    merged = merge([("a", scan("grype", hidden)), ("b", scan("trivy", finding()))])
    assert merged.findings[0].suppressed_by_scanner == ()
    assert [(entry.field, entry.values) for entry in merged.disagreements] == [
        ("presence", {"grype": "suppressed: VEX not_affected", "trivy": "reported"})
    ]


def test_a_suppression_by_all_stays_on_the_finding_which_still_counts() -> None:
    """Nothing is hidden (invariant 6)."""
    merged = merge([("a", scan("grype", finding(suppressed="agreed")))])
    assert merged.findings[0].suppressed_by_scanner == (Suppression(scanner="grype", reason="agreed"),)
    assert count(merged.findings, effective=True).high == 1


def test_facts_are_joined() -> None:
    """Scores, EPSS by date, the earliest KEV deadline, the better match, malware, reachability."""
    cvss = Cvss(source="nvd", version="3.1", vector="v", score=9.8)
    one = finding(
        match="cpe", cvss=(cvss,), epss=Epss(probability=0.9, percentile=0.9, date="2026-01-01"),
        kev=Kev(date_added="a", due_date="2026-02-01", ransomware=False), reachable="no",
    )  # fmt: skip
    other = finding(
        match="exact", cvss=(cvss,), epss=Epss(probability=0.1, percentile=0.1, date="2026-01-02"), malware=True,
        kev=Kev(date_added="a", due_date="2026-01-01", ransomware=True),
    )  # fmt: skip
    (found,) = merge([("a", scan("grype", one)), ("b", scan("trivy", other))]).findings
    assert (found.match, found.cvss, found.malware) == ("exact", (cvss,), True)
    assert (found.epss and found.epss.date, found.kev and found.kev.due_date) == ("2026-01-02", "2026-01-01")
    assert found.reachable == "no"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("no",), ("yes",), "yes"),
        (("no", "unknown"), (), "unknown"),
        (("no", "no"), ("unknown",), "no"),
        (("unknown",), ("unknown",), "unknown"),
    ],
)
def test_reachability_is_no_only_where_a_scan_says_so_everywhere(
    one: tuple[str, ...], other: tuple[str, ...], expected: str
) -> None:
    """One place of unknown reachability in the same scan keeps it unknown; one yes wins."""
    scans = [(name, scan(name, *(finding(reachable=word) for word in words))) for name, words in (("a", one), ("b", other))]
    assert merge(scans).findings[0].reachable == expected


def test_enrichment_fills_what_no_report_says() -> None:
    """By CVE, also when the CVE is only an alias; a report's own score stays."""
    enrichment = Enrichment(
        epss={"CVE-2024-0001": (0.3, 0.8)},
        kev={"CVE-2024-0001": Kev(date_added="a", due_date="b", ransomware=False)},
        sources=(Source("epss", "sha256:x", "2026-01-01"),),
    )
    own = Epss(probability=0.1, percentile=0.1, date="2025-01-01")
    reports = scan(
        "grype",
        finding("RUSTSEC-1", aliases=("CVE-2024-0001",)),
        finding("CVE-2024-0001", package=package("pkg:deb/debian/y@1"), epss=own),
    )
    found = merge([("a", reports)], enrich=enrichment).findings
    assert [item.epss for item in found] == [Epss(probability=0.3, percentile=0.8, date="2026-01-01"), own]
    assert all(item.kev for item in found)


def test_first_seen_is_looked_up_by_key() -> None:
    """The key is what stores and waivers name."""
    times = {"CVE-2024-0001|pkg:deb/debian/libx@1.0": "2026-01-01T00:00:00Z"}
    assert merge([("a", scan("grype", finding()))], first_seen=times).findings[0].first_seen == "2026-01-01T00:00:00Z"


def test_scans_are_listed_even_without_findings() -> None:
    """A scan that found nothing is a fact; a reading that is no scan is passed over."""
    sbom = dataclasses.replace(scan("x"), scan=None)
    merged = merge([("b", scan("trivy", packages=(), packages_catalogued=0)), ("a", scan("grype", finding())), ("c", sbom)])
    assert [(item.evidence, item.scanner, item.findings, item.packages_catalogued) for item in merged.scans] == [
        ("a", "grype", 1, None),
        ("b", "trivy", 0, 0),
    ]


@pytest.mark.parametrize(
    ("status", "counts", "left"),
    [
        ("not_affected", True, 0),
        ("fixed", True, 0),
        ("not_affected", False, 1),
        ("affected", True, 1),
        ("under_investigation", True, 1),
    ],
)
def test_effective_counts_leave_out_what_counting_vex_suppresses(status: VexStatus, counts: bool, left: int) -> None:
    """A statement that does not count, or that is no suppression, changes nothing; reported counts never change."""
    (found,) = merge([("a", scan("grype", finding()))]).findings
    vex = AppliedVex(status=status, justification="", statement="s", author="a", evidence="e", counts=counts)
    changed = [msgspec.structs.replace(found, vex=vex)]
    assert (count(changed, effective=True).total, count(changed, effective=False).high) == (left, 1)


def test_the_same_document_found_twice_is_one_scan() -> None:
    """Evidence is known by its digest."""
    merged = merge([("a", scan("grype", finding()))] * 2)
    assert (len(merged.scans), merged.findings[0].reported_by, merged.disagreements) == (1, ("a",), ())


def test_counts_by_severity() -> None:
    """Each severity has its own count; unknown is not the least of them."""
    severities: list[Severity] = ["critical", "high", "high", "unknown", "none"]
    found = merge([("a", scan("g", *(finding(f"CVE-2024-{1000 + n}", value) for n, value in enumerate(severities))))]).findings
    counts = count(found, effective=False)
    assert (counts.critical, counts.high, counts.unknown, counts.none, counts.low, counts.total) == (1, 2, 1, 1, 0, 5)


def test_the_bound_on_findings_holds_over_all_scans() -> None:
    """A million findings in many small reports are still a million."""
    with pytest.raises(LimitExceeded, match="findings"):
        merge([("a", scan("g", finding())), ("b", scan("t", finding()))], limits=Limits(findings=1))


_names = st.sampled_from(["CVE-2024-0001", "CVE-2024-0002", "GHSA-aaaa-bbbb-cccc", "GO-2024-1", "SNYK-1"])
_packages = st.sampled_from(
    [
        package(),
        package("pkg:deb/ubuntu/libx@1.0"),
        package("", kind="deb"),
        package("", kind=""),
        package("pkg:npm/libx@1.0", kind="npm"),
    ]
)
_findings = st.lists(
    st.builds(
        lambda name, aliases, where, severity, suppressed: finding(
            name, severity, aliases=tuple(sorted(set(aliases) - {name})), package=where, suppressed=suppressed
        ),
        _names,
        st.lists(_names, max_size=2),
        _packages,
        st.sampled_from(["low", "high", "unknown"]),
        st.sampled_from(["", "agreed"]),
    ),
    max_size=5,
)


@given(st.lists(_findings, min_size=1, max_size=3), st.randoms())
def test_the_order_of_scans_does_not_matter_and_nothing_is_lost(reports: list[list[ReportedFinding]], random: Any) -> None:
    """Every reported id is in some finding of its scan, keys are unique, and any order gives the same bytes."""
    scans = [(f"sha256:{number}", scan("grype" if number % 2 else "trivy", *found)) for number, found in enumerate(reports)]
    merged = merge(scans)
    keys = [item.key for item in merged.findings]
    assert keys == sorted(set(keys))
    for evidence, reading in scans:
        assert reading.scan is not None
        for reported in reading.scan.findings:
            assert any(evidence in item.reported_by and reported.id in (item.id, *item.aliases) for item in merged.findings)
    cves = [{name for name in (item.id, *item.aliases) if name.startswith("CVE-")} for item in merged.findings]
    assert all(len(names) < 2 for names in cves)
    random.shuffle(scans)
    assert merge(scans) == merged


def test_a_second_scan_does_not_unite_what_the_first_tells_apart() -> None:
    """An alias that one scanner claims between two findings of another is refused; what a scan links itself stays linked."""
    first = scan("trivy", finding("CVE-2024-0001"), finding("GHSA-aaaa-bbbb-cccc"))
    bold = scan("grype", finding("GHSA-aaaa-bbbb-cccc", aliases=("CVE-2024-0001",)))
    assert len(merge([("a", first)]).findings) == len(merge([("a", first), ("b", bold)]).findings) == 2
    chain = scan("osv", finding("GO-2024-1", aliases=("GHSA-aaaa-bbbb-cccc", "CVE-2024-0001")))
    assert len(merge([("a", first), ("c", chain)]).findings) == 2
    linked = scan("trivy", finding("CVE-2024-0001"), finding("GHSA-aaaa-bbbb-cccc", aliases=("CVE-2024-0001",)))
    assert len(merge([("a", linked), ("b", bold)]).findings) == 1


@given(st.lists(_findings, min_size=2, max_size=4))
def test_another_scan_never_lowers_a_count(reports: list[list[ReportedFinding]]) -> None:
    """Of one package: neither all findings, nor those of a severity and above, get fewer by a scan more.

    A scan that links two names of which each of the others reports one is believed: that is what merging is for. So the scan
    more names no aliases here.
    """
    one = [[dataclasses.replace(item, package=package()) for item in found] for found in reports]
    one[-1] = [dataclasses.replace(item, aliases=()) for item in one[-1]]
    scans = [(f"sha256:{number}", scan("grype", *found)) for number, found in enumerate(one)]
    before, after = (count(merge(some).findings, effective=False) for some in (scans[:-1], scans))
    assert after.total >= before.total
    assert after.high >= before.high


def test_fifty_thousand_findings_are_linear_work() -> None:
    """Time is generous because tests share the machine (measured: 0.9 s for 50,000, 0.09 s for 5,000)."""
    many = [
        finding(
            f"CVE-2024-{10_000 + number % 900}",
            package=package(f"pkg:deb/debian/lib{number // 10}@1.0", name=f"lib{number // 10}"),
        )
        for number in range(50_000)
    ]
    started = time.process_time()
    assert len(merge([("a", scan("grype", *many))]).findings) == 50_000
    assert time.process_time() - started < 5


def test_fifty_thousand_vulnerabilities_of_one_package_are_linear_work() -> None:
    """A kernel with a chain of aliases does not go quadratic."""
    many = [finding(f"GHSA-{number}", aliases=(f"GO-{number}", f"GO-{number + 1}")) for number in range(20_000)]
    started = time.process_time()
    assert len(merge([("a", scan("grype", *many))]).findings) == 1
    assert len(merge([("a", scan("grype", *many)), ("b", scan("trivy", *many[::2]))]).findings) == 10_000
    assert time.process_time() - started < 5
