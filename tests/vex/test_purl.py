"""Package URLs: what parses, and what is the same package."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.vex.purl import is_valid, parse
from tests.vex.fuzz import patient


@pytest.mark.parametrize(
    "text",
    [
        "pkg:deb/debian/libc6@2.31-13+deb11u7?arch=amd64&distro=debian-11&upstream=glibc",
        "pkg:npm/%40babel/core@7.0.0",
        "pkg:npm/@babel/core@7.0.0",
        "pkg:golang/github.com/x/y@v1.2.3#cmd/z",
        "pkg:oci/app@sha256%3A" + "a" * 64,
        "pkg:maven/a/b@1?type=jar",
        "pkg:generic/openssl@1.1?download_url=https://example.com/a.tgz&checksum=sha256:aa",
        "pkg:DEB/debian/libc6@1",
    ],
)
def test_real_spellings_parse(text: str) -> None:
    """Spellings that tools write are valid, encoded or not."""
    assert is_valid(text)
    assert parse(text) is not None


@pytest.mark.parametrize(
    "text", ["", "invalid purl", "pkg:", "pkg:deb", "pkg:deb/", "pkg:deb/a\x00b@1", "pkg:deb/a b@1", "pkg:a/" + "b" * 5000]
)
def test_broken_ones_do_not(text: str) -> None:
    """Text that is no purl, holds control characters or is absurdly long is invalid, and nothing is raised."""
    assert not is_valid(text)
    assert parse(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pkg:rpm/rhel/bash@4.4", "pkg:rpm/redhat/bash@4.4"),
        ("pkg:rpm/sles/bash@4.4", "pkg:rpm/suse/bash@4.4"),
        ("pkg:pypi/Foo_Bar.baz@1", "pkg:pypi/foo-bar-baz@1"),
        ("pkg:deb/debian/libcrypt1@1:4.4.18-4", "pkg:deb/debian/libcrypt1@4.4.18-4?epoch=1"),
        ("pkg:rpm/redhat/a@0:1", "pkg:rpm/redhat/a@1"),
        ("pkg:golang/stdlib@v1.20.1", "pkg:golang/stdlib@1.20.1"),
        ("pkg:npm/%40Scope/a@1", "pkg:npm/@scope/a@1"),
    ],
)
def test_one_package_in_two_spellings_compares_equal(one: str, other: str) -> None:
    """Generators differ in namespace, epoch and case; package and release do not."""
    left, right = parse(one), parse(other)
    assert left is not None
    assert right is not None
    assert (left.package, left.release) == (right.package, right.release)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pkg:maven/a/B@1", "pkg:maven/a/b@1"),
        ("pkg:deb/debian/a@1:1", "pkg:deb/debian/a@1"),
        ("pkg:deb/debian/a@1", "pkg:deb/ubuntu/a@1"),
        ("pkg:npm/a@v1", "pkg:npm/a@1"),
    ],
)
def test_different_packages_stay_different(one: str, other: str) -> None:
    """Leniency stops where the package type tells two things apart."""
    left, right = parse(one), parse(other)
    assert left is not None
    assert right is not None
    assert (left.package, left.release) != (right.package, right.release)


@patient
@given(st.text() | st.text().map(lambda text: f"pkg:deb/{text}") | st.text().map(lambda text: f"pkg:npm/a@1?{text}"))
def test_nothing_escapes(text: str) -> None:
    """Any text parses or does not; validity and parsing agree."""
    assert is_valid(text) == (parse(text) is not None)
