"""What lint says of VEX documents, and the hand-written check of the OpenVEX schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gate.vex import openvex, schema
from gate.vex.check import sources_of
from gate.vex.lint import Remark, lint
from tests.factory import DIGEST, finding, verdict
from tests.vex import corpus

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CVE = "CVE-2020-1747"


def statement(
    status: str = "not_affected", at: str = "2026-11-01T00:00:00Z", product: str = "pkg:pypi/pyyaml@5.3", **fields: Any
) -> dict[str, Any]:
    made = {"vulnerability": {"name": CVE}, "status": status, "timestamp": at, "products": [{"@id": product}]}
    if status == "not_affected":
        made["justification"] = "vulnerable_code_not_present"
    if status == "affected":
        made["action_statement"] = "upgrade"
    return made | fields


def body(*statements: Any, **fields: Any) -> dict[str, Any]:
    return {
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://x.example/1", "author": "a", "version": 1,
        "timestamp": "2026-11-01T00:00:00Z", "statements": list(statements or (statement(),)),
    } | fields  # fmt: skip


def remarks(*statements: Any, against: bool = False, **fields: Any) -> tuple[Remark, ...]:
    data = json.dumps(body(*statements, **fields)).encode()
    return lint(sources_of({"x": openvex.read(data)}), now=NOW, raw=(("x", data),), verdict=verdict() if against else None)


def codes(found: tuple[Remark, ...]) -> set[str]:
    return {remark.code for remark in found}


def test_a_clean_document_has_no_remark() -> None:
    """Nothing to say of what triage writes."""
    assert remarks() == () and remarks(against=True) == ()


READERS = [
    (("under_investigation", "not_affected"), True),
    (("not_affected", "under_investigation"), True),
    (("not_affected", "affected", "fixed"), False),
    (("not_affected", "fixed"), False),
    (("affected", "under_investigation"), False),
]


@pytest.mark.parametrize("against", [False, True])
@pytest.mark.parametrize(("order", "differ"), READERS)
def test_readers_that_take_the_oldest(order: tuple[str, ...], differ: bool, against: bool) -> None:
    """grype takes the oldest statement, trivy the newest: named where one suppresses and the other does not."""
    found = remarks(*(statement(status, f"2026-11-0{day}T00:00:00Z") for day, status in enumerate(order, 1)), against=against)
    assert ("readers_differ" in codes(found)) is differ


@pytest.mark.parametrize("against", [False, True])
def test_two_statements_at_one_time_are_a_conflict(against: bool) -> None:
    """Nobody can say which is the later."""
    assert "conflict" in codes(remarks(statement(), statement("affected"), against=against))


def test_statements_on_other_packages_do_not_compete() -> None:
    """Only the same vulnerability in the same package and version does."""
    assert remarks(statement(), statement("affected", "2026-11-02T00:00:00Z", product="pkg:pypi/pyyaml@6")) == ()


@pytest.mark.parametrize(
    ("change", "code", "level"),
    [
        ({"timestamp": "2027-01-01T00:00:00Z"}, "future", "error"),
        ({"status_notes": "Review-by: 2026-11-01"}, "review_overdue", "warning"),
        ({"products": [{"@id": "pkg:deb/debian/a@1?arch=amd64"}]}, "pinned_qualifiers", "warning"),
        ({"products": [{"@id": "pkg:rpm/redhat/a@1"}]}, "one_namespace", "warning"),
        ({"products": [{"@id": "pkg:pypi/a"}]}, "unversioned_product", "warning"),
        ({"products": [{"@id": f"pkg:oci/app@{DIGEST}"}]}, "whole_image_product", "warning"),
        ({"justification": "because"}, "unjustified", "error"),
        ({"products": None}, "without_products", "warning"),
        ({"@id": "not an iri"}, "schema", "error"),
    ],
)
def test_a_remark(change: dict[str, Any], code: str, level: str) -> None:
    """Each with its level."""
    item = {name: value for name, value in (statement() | change).items() if value is not None}
    found = [remark for remark in remarks(item) if remark.code == code]
    assert found and {remark.level for remark in found} == {level}


def test_both_namespaces_are_enough() -> None:
    """syft and trivy each find theirs."""
    both = [{"@id": f"pkg:rpm/{name}/a@1"} for name in ("rhel", "redhat")]
    assert remarks(statement(products=both)) == ()


def test_with_a_verdict_what_binds_nothing_is_an_error() -> None:
    """The reason is said; without a verdict nobody can know."""
    item = statement(product="pkg:pypi/pyyaml@9")
    assert "unmatched" not in codes(remarks(item))
    [found] = remarks(item, against=True)
    assert found.code == "unmatched" and found.level == "error" and CVE in found.message


def test_a_missing_alias_is_named() -> None:
    """grype reports the GHSA id and would not find the statement."""
    data = json.dumps(body()).encode()
    found = lint(sources_of({"x": openvex.read(data)}), now=NOW, verdict=verdict(findings=(finding(aliases=("GHSA-1",)),)))
    assert [(remark.code, "GHSA-1" in remark.message) for remark in found] == [("missing_alias", True)]


def test_docker_hardened_nginx_has_reversals() -> None:
    """The published file says not_affected first and under_investigation a day later: the two scanners differ on it."""
    data = corpus.document("openvex/dhi-nginx.json")
    found = lint(sources_of({"dhi": openvex.read(data)}), now=NOW, raw=(("dhi", data),))
    differ = [remark for remark in found if remark.code == "readers_differ"]
    assert any("CVE-2025-9232 in libssl3t64" in remark.message for remark in differ)
    assert {"schema", "readers_differ", "unversioned_product"} <= codes(found)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"@id": "x y"}, "/@id"),
    ({"author": None}, "/author"),
    ({"version": 0}, "/version"),
    ({"version": True}, "/version"),
    ({"timestamp": "2026-11-01"}, "/timestamp"),
    ({"statements": []}, "/statements"),
    ({"statements": {}}, "/statements"),
    ({"statements": ["x"]}, "/statements/0"),
    ({"supplier": "x"}, "/supplier"),
    ({"statements": [statement(), statement()]}, "/statements/1"),
    ({"statements": [statement(impact_statement="x")]}, "/statements/0"),
    ({"statements": [statement("affected", action_statement=None)]}, "/statements/0/action_statement"),
    ({"statements": [statement(vulnerability="CVE-1")]}, "/statements/0/vulnerability"),
    ({"statements": [statement(vulnerability={})]}, "/statements/0/vulnerability"),
    ({"statements": [statement(status="ok")]}, "/statements/0/status"),
    ({"statements": [statement(products=["pkg:a/b"])]}, "/statements/0/products/0"),
    ({"statements": [statement(products=[{"hashes": {"sha256": "x"}}])]}, "/statements/0/products/0/hashes/sha256"),
    ({"statements": [statement(products=[{"subcomponents": [{"x": 1}]}])]}, "/statements/0/products/0/subcomponents/0/x"),
    ({"a/b": 1}, "/a~1b"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "where"), BROKEN)
def test_what_the_schema_forbids(change: dict[str, Any], where: str) -> None:
    """The place is a JSON pointer."""
    assert where in [at for at, _ in schema.problems(json.dumps(body() | change).encode())]


def test_a_broken_document_is_not_listed_without_end() -> None:
    """Two hundred problems are enough to be told."""
    assert len(schema.problems(json.dumps(body(*({"x": number} for number in range(500)))).encode())) == 200
