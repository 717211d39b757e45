"""Version ranges and comparisons, and CPE names."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.vex import cpe, vers
from tests.vex.fuzz import patient


@pytest.mark.parametrize(
    ("version", "ranges", "kind", "expected"),
    [
        ("1.2.3", "=1.2.3", "npm", True),
        ("v1.2.3", "=1.2.3", "golang", True),
        ("1.2.3", "=1.2.4", "npm", False),
        ("1.2.3", "vers:npm/1.2.3", "npm", True),
        ("1.2.3", "vers:npm/>=1.0.0|<2.0.0", "npm", True),
        ("2.0.0", "vers:npm/>=1.0.0|<2.0.0", "npm", False),
        ("2.0.0-rc.1", "vers:npm/>=1.0.0|<2.0.0", "npm", True),
        ("1.5.0", "vers:npm/<1.0.0|>=1.4.0|<=1.6.0|>3.0.0", "npm", True),
        ("2.0.0", "vers:npm/<1.0.0|>=1.4.0|<=1.6.0|>3.0.0", "npm", False),
        ("4.0.0", "vers:npm/<1.0.0|>=1.4.0|<=1.6.0|>3.0.0", "npm", True),
        ("0.9.0", "vers:npm/<1.0.0|>=1.4.0|<=1.6.0|>3.0.0", "npm", True),
        ("1.5.0", "vers:npm/>=1.0.0|!=1.5.0", "npm", False),
        ("1.5.0", "vers:npm/!=1.4.0", "npm", True),
        ("1.5.0", "vers:npm/*", "npm", True),
        ("1.5.0", "vers:all/*", "npm", True),
        ("1.5.0", "vers:none/*", "npm", False),
        ("1.2.3-1", "vers:npm/<1.2.3", "deb", None),
        ("1.2.3-1", "vers:rpm/<1.2.4", "deb", None),
        ("1.2.3", "vers:semver/<1.2.4", "npm", True),
        ("1.2.3", "vers:debian/<1.2.4", "deb", True),
        ("2.3", "vers:generic/>=1.0|<=2.3", "generic", True),
        ("3.0.11-1", "vers:deb/<3.0.12-1", "deb", True),
        ("3.0.12-1~deb12u1", "vers:deb/<3.0.12-1", "deb", True),
        ("1:1.0-1", "vers:deb/<3.0.12-1", "deb", False),
        ("2.28-225.el8_8.11", "vers:rpm/<=2.28-225.el8_8.11", "rpm", True),
        ("6.0", "vers:pypi/<6.0.1", "pypi", True),
        ("6.0rc1", "vers:pypi/>=6.0", "pypi", False),
        ("1.0", "vers:npm/1.1|1.2", "npm", False),
        ("1.0.0", "vers:npm/>=0.5.0", "npm", True),
        ("1.0.0", "vers:npm/<=0.9.0|<2.0.0", "npm", None),
        ("1.0", "vers:generic/>=1.0|<x", "generic", None),
        ("1.0~rc1-1", "vers:rpm/<1.0-1", "rpm", True),
        ("x" * 400, "vers:npm/<1.0.0", "npm", None),
        # nobody can tell
        ("1.9.5p2-r0", "vers:apk/<2.0.0", "apk", None),
        ("5.3.18.RELEASE", "vers:maven/<5.3.19", "maven", None),
        ("1.0", "vers:martian/<2.0", "martian", None),
        ("1.0", "vers:npm/", "npm", None),
        ("1.0", "< 2.0", "npm", None),
        ("1.0", "?", "npm", None),
        ("1.0.0", "vers:npm/>1.0.0|>=0.5.0", "npm", None),
        ("1.0.0", "vers:npm/*|<2.0.0", "npm", None),
    ],
)
def test_ranges(version: str, ranges: str, kind: str, expected: bool | None) -> None:
    """Inside, outside, or undecided: never a guess."""
    assert vers.within(version, ranges, kind) is expected


@pytest.mark.parametrize(
    ("kind", "ordered"),
    [
        ("deb", ["1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0a-1", "1.0.1-1", "1:0.1-1"]),
        ("rpm", ["1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0.1-1", "1.10-1", "1:0.1-1"]),
        ("npm", ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]),
        ("pypi", ["1.0.dev1", "1.0a1", "1.0b1", "1.0rc1", "1.0", "1.0.post1", "1.1", "1!0.1"]),
        ("generic", ["1.0", "1.0.1", "1.9", "1.10", "v2"]),
    ],
)
def test_orders(kind: str, ordered: list[str]) -> None:
    """The examples of deb-version(7), rpm, SemVer 2.0.0 and PEP 440."""
    for left, right in itertools.pairwise(ordered):
        assert (vers.compare(left, right, kind) or 0) < 0, (left, right)
        assert (vers.compare(right, left, kind) or 0) > 0, (left, right)


@patient
@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from(["deb", "rpm", "npm", "pypi", "generic", "apk", "x", ""]))
def test_comparison_is_antisymmetric(left: str, right: str, kind: str) -> None:
    """Whatever the texts are, one order is the other turned around, and nothing is raised."""
    one, two = vers.compare(left, right, kind), vers.compare(right, left, kind)
    assert (one is None) == (two is None)
    assert one is None or two is None or (one > 0) == (two < 0)
    vers.within(left, f"vers:{kind}/{right}", kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpe:/o:redhat:enterprise_linux:8::baseos", ("redhat", "8")),
        ("cpe:/a:redhat:enterprise_linux:9::crb", ("redhat", "9")),
        ("cpe:/a:redhat:rhel_aus:8.2::appstream", ("redhat", "8.2")),
        ("cpe:/a:redhat:openshift:4.14::el9", ("redhat", "9")),
        ("cpe:/a:redhat:rhel_software_collections:3::el7", ("redhat", "7")),
        ("cpe:/a:redhat:openshift:3.11", None),
        ("cpe:2.3:o:debian:debian_linux:12:*:*:*:*:*:*:*", ("debian", "12")),
        ("cpe:2.3:o:canonical:ubuntu_linux:22.04:*:*:*:lts:*:*:*", ("ubuntu", "22.04")),
        ("cpe:/o:suse:sles:15:sp5", ("suse", "15.5")),
        ("cpe:2.3:h:redhat:enterprise_linux:9:*:*:*:*:*:*:*", None),
        ("cpe:2.3:a:openssl:openssl:3.0:*:*:*:*:*:*:*", None),
        ("red_hat_enterprise_linux_9", None),
        ("", None),
    ],
)
def test_platforms(text: str, expected: tuple[str, str] | None) -> None:
    """The distribution and release that a platform CPE stands for."""
    assert cpe.release_of(text) == (cpe.Release(*expected) if expected else None)


@pytest.mark.parametrize(
    ("platform", "found", "exact", "expected"),
    [
        ("8", "8.7", False, True),
        ("8", "8", False, True),
        ("8", "9.4", True, False),
        ("8.1", "8.10", True, False),
        ("8.6", "8", True, True),
        ("8.6", "8", False, False),
        ("", "12", False, True),
        ("12", "", True, True),
        ("12", "", False, False),
    ],
)
def test_a_platform_covers_its_minor_releases(platform: str, found: str, exact: bool, expected: bool) -> None:
    """A release begins with the platform's; a less precise one is enough only for an exact package version."""
    assert cpe.covers(cpe.Release("redhat", platform), cpe.Release("redhat", found), exact=exact) is expected
    assert not cpe.covers(cpe.Release("debian", platform), cpe.Release("redhat", found), exact=exact)


def test_what_an_image_says_it_is() -> None:
    """The label's CPE must say all that the wanted one says; one without a version is too wide to compare."""
    own = "cpe:/a:redhat:openshift:3.11::el7"
    assert cpe.covers_cpe("cpe:/a:redhat:openshift:3.11", own)
    assert cpe.covers_cpe("cpe:2.3:a:redhat:openshift:3.11:*:*:*:*:*:*:*", own)
    assert not cpe.covers_cpe("cpe:/a:redhat:openshift:4.1", own)
    assert not cpe.covers_cpe("cpe:/a:redhat:openshift", own)
    assert not cpe.covers_cpe("openshift", own)


@patient
@given(st.sampled_from(["", "cpe:2.3:", "cpe:/", "cpe:/a:"]), st.text(max_size=30))
def test_any_text_may_stand_for_a_cpe(head: str, tail: str) -> None:
    """What is no CPE is None."""
    cpe.parse(head + tail)
    cpe.release_of(head + tail)
