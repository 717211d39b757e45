"""Identifiers, severities, times, digests, purls and scores in the gate's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import EvidenceInvalid
from gate.evidence.interface import NamedDigest
from gate.evidence.vulnerabilities import vocabulary as words
from gate.evidence.vulnerabilities.clusters import cluster
from gate.evidence.vulnerabilities.cvss import base_score
from gate.evidence.vulnerabilities.lenient import Notes
from gate.evidence.vulnerabilities.purls import Purls, identity, identity_of_purl, purl_type, without_qualifiers
from tests.evidence.vulnerabilities.support import DIGEST, package


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cve-2024-1234", "CVE-2024-1234"),
        (" CVE-2024-1234 ", "CVE-2024-1234"),
        ("ghsa-AAAA-bbbb-CCCC", "GHSA-aaaa-bbbb-cccc"),
        ("TEMP-0290435-0B57B5", "TEMP-0290435-0B57B5"),
        ("RHSA-2024:1234", "RHSA-2024:1234"),
        ("CVE-2024-1234|x", "CVE-2024-1234%7Cx"),
        ("a b\n", "a%20b"),
        ("\u202eCVE", "%E2%80%AECVE"),
    ],
)
def test_ids_have_one_spelling(text: str, expected: str) -> None:
    """A bar, a blank or a bidi mark in an id cannot make it look like another one."""
    assert words.vulnerability_id(text, "here") == expected


def test_an_empty_id_is_an_error() -> None:
    """It would be a finding that nobody can name."""
    with pytest.raises(EvidenceInvalid, match="here"):
        words.vulnerability_id(" ", "here")


@pytest.mark.parametrize(
    "name",
    ["RHSA-2024:1", "DSA-5000-1", "DLA-1-1", "USN-1-1", "ELSA-2024-1", "ALAS2-2024-1", "ALAS-1", "SUSE-SU-2024:1", "GLSA-1"],
)
def test_grouping_advisories_are_no_aliases(name: str) -> None:
    """One advisory stands for many vulnerabilities; uniting on it would count them as one."""
    assert words.alias_ids("CVE-2024-0001", [name]) == ()


@pytest.mark.parametrize(
    "name", ["GHSA-aaaa-bbbb-cccc", "GO-2024-1", "CGA-aaaa", "PYSEC-2024-1", "RUSTSEC-2024-0001", "SNYK-JS-X-1", "HSEC-2024-1"]
)
def test_other_ids_are_aliases(name: str) -> None:
    """Ids that stand for one vulnerability."""
    assert words.alias_ids("CVE-2024-0001", [name, "CVE-2024-0001", ""]) == (name,)


@pytest.mark.parametrize("name", ["DEBIAN-CVE-2024-1234", "UBUNTU-CVE-2024-1234", "ALPINE-CVE-2024-1234"])
def test_a_distributions_record_of_a_cve_is_that_cve(name: str) -> None:
    """The OSV databases of distributions prefix the CVE."""
    assert words.alias_ids(name, ()) == ("CVE-2024-1234",)


def test_the_canonical_id_is_the_most_general() -> None:
    """CVE, GHSA, an ecosystem's, a vendor's."""
    names = ["SNYK-1", "GO-2024-1", "GHSA-aaaa-bbbb-cccc", "CVE-2024-1234", "CVE-1"]
    assert sorted(names, key=words.precedence) == ["CVE-2024-1234", "GHSA-aaaa-bbbb-cccc", "GO-2024-1", "CVE-1", "SNYK-1"]


def test_clusters_never_hold_two_cves() -> None:
    """An id that names two CVEs stands with the first; the other is its own vulnerability."""
    found = cluster([("GO-1", ("CVE-2024-0001", "CVE-2024-0002")), ("CVE-2024-0002", ()), ("CVE-2024-0001", ())])
    assert found == [("CVE-2024-0001", ("GO-1",), [0, 2]), ("CVE-2024-0002", (), [1])]


def test_clusters_join_over_several_steps() -> None:
    """A and B share an alias that neither is."""
    assert cluster([("GO-1", ("X-1",)), ("PYSEC-1", ("X-1",)), ("Y-1", ())]) == [
        ("GO-1", ("PYSEC-1", "X-1"), [0, 1]),
        ("Y-1", (), [2]),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02t03:04:05.999999999+01:00", "2026-01-02T02:04:05Z"),
        ("2026-01-02 03:04:05-0700", "2026-01-02T10:04:05Z"),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_utc_or_unknown(text: str | None, expected: str | None) -> None:
    """Go's zero time and nonsense are no time, and both are noted."""
    notes = Notes()
    assert words.timestamp(text, notes, "/t") == expected
    assert bool(notes.diagnostics()) is (expected is None and bool(text))


def test_digests_are_taken_out_of_references() -> None:
    """Malformed ones bind nothing; empty ones say nothing."""
    notes = Notes()
    assert (
        words.digests([f"a/b@{DIGEST}", DIGEST, "", None, "a/b:tag"], "manifest", notes, "/d")
        == [NamedDigest(DIGEST, "manifest")] * 2
    )
    assert [entry.code for entry in notes.diagnostics()] == ["bad_digest"]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (9.0, "critical"),
        (8.9, "high"),
        (4, "medium"),
        (0.1, "low"),
        (0, "none"),
        (-1, "unknown"),
        (11, "unknown"),
        (None, "unknown"),
    ],
)
def test_ratings(score: float | None, expected: str) -> None:
    """CVSS v3.1 §5."""
    assert words.rating(score) == expected


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.0/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.6),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:N/A:N/E:P", 7.7),
        ("CVSS:4.0/AV:N", None),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
        ("CVSS:3.1/AV:N", None),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ("", None),
    ],
)
def test_base_scores(vector: str, score: float | None) -> None:
    """Published examples; whatever is not a complete v3 vector has no score."""
    assert base_score(vector) == score


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (package("pkg:rpm/rhel/a@1-2", "a", "0:1-2", "rpm"), package("pkg:rpm/redhat/a@1-2?distro=x", "a", "1-2", "rpm")),
        (package("pkg:golang/h/A/b@v1.2", "h/A/b", "v1.2", "golang"), package("pkg:golang/h/a/b@1.2", "b", "1.2", "golang")),
        (package("", "stdlib", "go1.2", "golang"), package("pkg:golang/stdlib@v1.2", "stdlib", "v1.2", "golang")),
        (package("pkg:pypi/flask-login@1", "flask_login", "1", "pypi"), package("", "Flask.Login", "1", "pypi")),
        (package("pkg:maven/org.a/b@1", "b", "1", "maven"), package("", "org.a:b", "1", "maven")),
        (package("pkg:npm/%40a/b@1", "@a/b", "1", "npm"), package("", "@a/b", "1", "npm")),
        (package("pkg:apk/alpine/x@1#sub", "x", "1", "apk"), package("", "x", "1", "apk")),
    ],
)  # fmt: skip
def test_scanners_mean_the_same_package(one: object, other: object) -> None:
    """Distribution names, v prefixes, zero epochs, separators and missing purls do not tell packages apart."""
    assert identity(one) == identity(other)  # type: ignore[arg-type]  # packages by construction


def test_the_identity_of_a_listed_purl_is_that_of_the_package() -> None:
    """The package list of one scan is compared with the findings of another."""
    assert identity_of_purl("pkg:deb/debian/libx@1%3A2.0?arch=amd64") == identity(
        package("pkg:deb/ubuntu/libx@1:2.0", "libx", "1:2.0")
    )
    assert identity_of_purl("pkg:npm/x") == ("npm", "x", "")


def test_keys_drop_qualifiers_and_add_a_missing_version() -> None:
    """A scope in the name is not a version."""
    assert without_qualifiers("pkg:deb/debian/x@1?a=b#c", "9") == "pkg:deb/debian/x@1"
    assert without_qualifiers("pkg:npm/%40a/b", "1 2|3") == "pkg:npm/%40a/b@1%202%7C3"


def test_words_of_scanners_become_purl_types() -> None:
    """An unknown word stays what it is."""
    assert [purl_type(word) for word in ("Debian", "go-module", "jar", "", None, "Klingon")] == [
        "deb",
        "golang",
        "maven",
        "",
        "",
        "klingon",
    ]


@given(st.text(max_size=40).map(lambda tail: f"pkg:{tail}") | st.text(max_size=20))
def test_any_text_is_a_purl_or_a_diagnostic(text: str) -> None:
    """No odd purl raises; canonical ones parse to themselves."""
    notes = Notes()
    purls = Purls(notes)
    purl, kind = purls.normalise(text, "/p")
    if purl:
        assert purls.normalise(purl, "/p") == (purl, kind)
        identity_of_purl(purl)
    else:
        assert bool(notes.diagnostics()) is bool(text)
