"""Names of products, notes, ids and bytes of written OpenVEX."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.model.verdict import VerdictSubject
from gate.vex import notes, openvex, schema, write
from gate.vex.notes import Notes
from gate.vex.products import image_purls, package_purls, products
from tests.factory import DIGEST, INDEX, outcome, replace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
APP = outcome().subject


@pytest.mark.parametrize(
    ("purl", "spellings"),
    [
        ("pkg:pypi/paramiko@2.0.7", ["pkg:pypi/paramiko@2.0.7"]),
        (
            "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12.4&upstream=openssl",
            ["pkg:deb/debian/openssl@3.0.11-1"],
        ),
        (
            "pkg:deb/debian/zlib1g@1:1.2.13-1?arch=amd64",
            ["pkg:deb/debian/zlib1g@1:1.2.13-1", "pkg:deb/debian/zlib1g@1.2.13-1?epoch=1"],
        ),
        (
            "pkg:deb/debian/zlib1g@1.2.13-1?epoch=1",
            ["pkg:deb/debian/zlib1g@1.2.13-1?epoch=1", "pkg:deb/debian/zlib1g@1:1.2.13-1"],
        ),
        ("pkg:rpm/rhel/bash@5.1-6.el9?arch=x86_64", ["pkg:rpm/rhel/bash@5.1-6.el9", "pkg:rpm/redhat/bash@5.1-6.el9"]),
        ("pkg:rpm/redhat/bash@5.1-6.el9", ["pkg:rpm/redhat/bash@5.1-6.el9", "pkg:rpm/rhel/bash@5.1-6.el9"]),
        ("pkg:maven/a/b@1?classifier=tests&type=jar", ["pkg:maven/a/b@1?classifier=tests"]),
        ("pkg:pypi/paramiko", []),
        ("no purl", []),
        ("", []),
    ],
)
def test_a_package_is_named_in_every_spelling_that_a_scanner_has(purl: str, spellings: list[str]) -> None:
    """Version always, epoch and namespace in both ways, no qualifier that generators spell differently."""
    assert list(package_purls(purl)) == spellings


def test_an_image_is_named_by_digest_without_qualifiers_first() -> None:
    """go-vex takes the statement's qualifiers as demands, so the primary name has none."""
    names = image_purls(replace(APP, index_digest=INDEX))
    assert names[:2] == (f"pkg:oci/app@{DIGEST}", f"pkg:oci/app@{INDEX}")
    assert names[2] == f"pkg:oci/app@{DIGEST}?repository_url=registry.example%2Fapp"


def test_docker_hub_has_two_names() -> None:
    """People write docker.io, both scanners index.docker.io."""
    names = image_purls(replace(APP, name="docker.io/nginx"))
    assert [name.partition("=")[2] for name in names if "=" in name] == [
        "docker.io%2Flibrary%2Fnginx",
        "index.docker.io%2Flibrary%2Fnginx",
    ]


def test_a_layout_has_only_its_digest() -> None:
    """Nothing outside the digest names an image that is in no registry."""
    assert image_purls(replace(APP, name="vulnerable")) == (f"pkg:oci/vulnerable@{DIGEST}",)
    assert image_purls(replace(APP, name="vulnerable"), scope="repository") == ()


def test_a_statement_never_covers_a_whole_image() -> None:
    """Every product has subcomponents; without a package there is no product."""
    assert all(item["subcomponents"] for item in products(APP, ["pkg:pypi/a@1"]))
    assert products(APP, []) == []
    assert [item["@id"] for item in products(APP, ["pkg:pypi/a@1"], scope="package")] == ["pkg:pypi/a@1"]


def subject_of(**changes: Any) -> VerdictSubject:
    made: VerdictSubject = replace(APP, **changes)
    return made


@pytest.mark.parametrize("name", ["", "/", "UPPER/Case", "a/b c", "…/é", "localhost:5000/x/y"])
def test_odd_image_names_still_make_purls(name: str) -> None:
    """Whatever an image is called, what is written parses."""
    from gate.vex.purl import parse

    for purl in image_purls(subject_of(name=name)):
        assert parse(purl) is not None, purl


def test_notes_are_read_back() -> None:
    """What triage knows survives in status_notes, and the reader finds the review date there."""
    given = Notes(
        reviewer="Jane <j@x.example>",
        review_by=date(2027, 2, 1),
        evidence=("https://x.example/1", DIGEST),
        proposal="p",
        found_as=("pkg:a/b@1",),
        verdict=DIGEST,
        text="Because.\n\nReview-by: 2099-01-01",
    )
    assert notes.read(notes.write(given)) == given
    assert notes.read("Reviewer: looks like one\nbut is prose") == Notes(text="Reviewer: looks like one\nbut is prose")


def test_free_text_does_not_move_the_review_date() -> None:
    """The reader takes the first date, and the head comes first."""
    text = notes.write(Notes(review_by=date(2027, 2, 1), text="review-by 2099-01-01"))
    item = write.statement(
        name="CVE-2025-1", aliases=(), products=products(APP, ["pkg:pypi/a@1"]), status="not_affected", timestamp=NOW,
        justification="component_not_present", notes=text,
    )  # fmt: skip
    body = write.document([item], id="urn:x:1", author="a", timestamp=NOW)
    [read] = openvex.read(write.to_bytes(body)).statements
    assert read.review_by is not None and read.review_by.date() == date(2027, 2, 1)


@pytest.mark.parametrize("value", ["two\nlines", "tab\tstop", "sep\u2028arator", "nul\x00"])
def test_a_value_cannot_pass_for_another_line(value: str) -> None:
    """A reviewer with a line break could otherwise set a review date."""
    with pytest.raises(ConfigError):
        notes.write(Notes(reviewer=value))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"status": "not_affected"}, "without a justification"),
        ({"status": "not_affected", "justification": "because"}, "unknown justification"),
        ({"status": "affected"}, "without an action"),
        ({"status": "fixed", "products": []}, "no product"),
    ],
)
def test_what_readers_would_not_count_is_not_written(fields: dict[str, Any], what: str) -> None:
    """not_affected without reason, affected without action, anything without product."""
    with pytest.raises(ConfigError, match=what):
        write.statement(**{"name": "CVE-1", "aliases": (), "products": [{"@id": "pkg:a/b@1"}], "timestamp": NOW, **fields})


def test_a_statement_has_a_justification_or_an_impact_statement() -> None:
    """The schema has one of them; with both the text goes into the notes."""
    item = write.statement(
        name="CVE-1", aliases=("GHSA-1", "CVE-1"), products=[{"@id": "pkg:a/b@1"}], status="not_affected", timestamp=NOW,
        justification="component_not_present", impact="It is not there.",
    )  # fmt: skip
    assert "impact_statement" not in item and item["status_notes"] == "It is not there."
    assert item["vulnerability"] == {"name": "CVE-1", "aliases": ["GHSA-1"]}
    assert schema.problems(write.to_bytes(write.document([item], id="urn:x:1", author="a", timestamp=NOW))) == ()


def test_bytes_and_ids_depend_on_nothing_but_contents() -> None:
    """The same statement has the same id and the same bytes, in the order of the specification, in ASCII."""
    one = write.statement(name="CVE-1", aliases=(), products=[{"@id": "pkg:a/b@1"}], status="fixed", timestamp=NOW, notes="é")
    two = write.identified({name: one[name] for name in reversed(one) if name != "@id"})
    assert one == two
    data = write.to_bytes(write.document([one], id="urn:x:1", author="a", timestamp=NOW, role="r", last_updated=NOW))
    assert data == write.to_bytes(write.document([two], id="urn:x:1", author="a", timestamp=NOW, role="r", last_updated=NOW))
    assert data.isascii() and data.endswith(b"}\n")
    assert list(json.loads(data)) == [
        "@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling", "statements",
    ]  # fmt: skip


def test_source_date_epoch_is_the_clock() -> None:
    """Builds that are to be reproduced set it; nonsense in it is an error."""
    assert write.stamp(write.clock({"SOURCE_DATE_EPOCH": "0"})) == "1970-01-01T00:00:00Z"
    assert write.clock({}).microsecond == 0
    for value in ("now", "1e99", "9" * 40):
        with pytest.raises(ConfigError):
            write.clock({"SOURCE_DATE_EPOCH": value})


def test_a_document_needs_an_author() -> None:
    """Nobody can accept what nobody says."""
    with pytest.raises(ConfigError, match="no author"):
        write.document([], id="urn:x:1", author=" ", timestamp=NOW)
