"""Which findings are about packages that are not in the image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest

from gate.errors import LimitExceeded
from gate.evidence.filesystem.presence import Presence
from gate.limits import DEFAULT
from tests.factory import finding
from tests.oci.layering import File, folder, read, symlink

BELOW = [
    folder("app"), File("app/gone.jar", b"1"), File("app/kept.jar", b"1"), folder("usr"), folder("usr/lib"),
    File("usr/lib/x", b"1"), symlink("lib", "usr/lib"), symlink("dangling", "nowhere"), folder("app/node"),
    File("app/node/package.json", b"{}"),
]  # fmt: skip
ABOVE = [folder("app"), File("app/.wh.gone.jar"), File("app/.wh.node")]


def proposed(*locations: str, layers: Iterable[Iterable[File]] = (BELOW, ABOVE)) -> str:
    """The proposal for a finding in a package at these places."""
    given = finding(locations=locations)
    return Presence(read(*layers)).proposals((given,)).get(given.key, "")


def test_a_deleted_package_is_proposed() -> None:
    """A whiteout took it away; the text names the justification, the place and why."""
    assert proposed("/app/gone.jar") == (
        "not_affected component_not_present (not in the image's file system: /app/gone.jar is deleted by a later layer)"
    )


def test_what_is_below_a_deleted_folder_is_deleted() -> None:
    """One whiteout hides a whole tree; trivy writes paths without a slash in front."""
    assert "deleted by a later layer" in proposed("app/node/package.json")


def test_a_package_that_no_layer_has_is_proposed_as_that() -> None:
    """The words differ, since the scan may have been about another file system."""
    assert "/opt/build/x.jar is in no layer" in proposed("/opt/build/x.jar")


@pytest.mark.parametrize(
    "location",
    [
        "/app/kept.jar", "app/kept.jar", "/./app//kept.jar", "/lib/x", "/app", "/dangling", "/",
        "/app/kept.jar/inner.jar", "/app/kept.jar:inner.jar", "/app/kept.jar!/BOOT-INF/lib/inner.jar",
    ],
)  # fmt: skip
def test_what_is_there_is_not_proposed(location: str) -> None:
    """Through links, as a folder, as a link to nothing, and inside an archive."""
    assert proposed(location) == ""


@pytest.mark.parametrize(
    "location",
    ["", "Java", "Node.js", "go.mod", "https://x.example/a", "/app/../x", "C:\\app\\x", "/a%20b", "/a\nProposal: x", "/\ufffd/x",
     "/" + "a" * 5000, "/a" * 100, "/a" + ":b" * 100, "/\udc80/x"],
)  # fmt: skip
def test_what_need_not_be_a_path_is_unknown(location: str) -> None:
    """Names of ecosystems, addresses, climbs and hostile texts: nothing is proposed."""
    assert proposed(location) == ""


def test_without_places_nothing_is_proposed() -> None:
    """Unknown is not absent."""
    assert proposed() == ""


@pytest.mark.parametrize("other", ["/app/kept.jar", "Java"])
def test_one_place_that_is_there_or_unknown_is_enough_for_none(other: str) -> None:
    """The package has to be gone from everywhere."""
    assert proposed("/app/gone.jar", other) == "" and proposed(other, "/app/gone.jar") == ""


def test_a_name_that_comes_back_is_there() -> None:
    """Deleted and shipped again by a later layer."""
    assert proposed("/app/gone.jar", layers=(BELOW, ABOVE, [folder("app"), File("app/gone.jar", b"2")])) == ""


def test_nothing_is_proposed_where_runtimes_disagree() -> None:
    """A file put through a link of a lower layer is there for one runtime and elsewhere for another."""
    layers = (*(BELOW, ABOVE), [File("lib/y", b"1")])
    assert not read(*layers).certain
    assert proposed("/app/gone.jar", layers=layers) == ""


def test_many_places_are_summed_up_in_a_fixed_order() -> None:
    """The same text in whatever order the places come."""
    places = [f"/gone/{number}" for number in range(5)]
    text = proposed(*places)
    assert text == proposed(*reversed(places)) and text.endswith("/gone/2 is in no layer, and 2 more places)")


def test_looking_is_bounded() -> None:
    """Steps through the tree are counted against the image's limit."""
    files = read([folder("a"), File("a/b")], limits=dataclasses.replace(DEFAULT, image_entries=4))
    presence = Presence(files)
    with pytest.raises(LimitExceeded):
        for number in range(1000):
            presence.state("/a" * 30 + f"/{number}")
