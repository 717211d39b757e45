"""Until when a release is supported, as `gate inspect` says it."""

from __future__ import annotations

import pytest

from gate.policy.support import supported_until


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ({"ID": "alpine", "VERSION_ID": "3.10.9"}, "supported until 2021-05-01 (as known on "),
        ({"ID": "alpine", "VERSION_ID": "3.10"}, "supported until 2021-05-01"),
        ({"ID": "almalinux", "VERSION_ID": "9.4"}, "supported until 2032-05-31"),
        ({"ID": "wolfi", "VERSION_ID": "20230201"}, "a rolling release"),
        ({"ID": "fedora", "VERSION_ID": "99", "SUPPORT_END": "2031-05-13"}, "supported until 2031-05-13 (by os-release)"),
    ],
)
def test_the_table_counts_before_what_the_image_says(system: dict[str, str], text: str) -> None:
    """By the whole version, its first two parts or its first; else by os-release itself."""
    assert supported_until(system).startswith(text)


@pytest.mark.parametrize("system", [{}, {"ID": "nobody", "VERSION_ID": "1"}, {"ID": "alpine"}, {"VERSION_ID": "12"}])
def test_what_nobody_knows_is_not_said(system: dict[str, str]) -> None:
    """No date is made up."""
    assert supported_until(system) == ""
