"""Statements about a product around the vulnerable package: every path to the root has to be covered."""

from __future__ import annotations

from typing import Any

import pytest

from gate.model.input import VexFacts
from gate.vex.graph import SbomGraph
from gate.vex.resolve import resolve
from tests.factory import NOW, subject
from tests.vex.make import AUTHOR, CVE, finding, source, statement

LOG4J = "pkg:maven/org.apache/log4j@2.14.0"
APP = "pkg:maven/com.acme/app@1.0"
TOOL = "pkg:maven/com.acme/tool@1.0"
LIB = "pkg:maven/com.acme/lib@1.0"
PURLS = {1: APP, 2: TOOL, 3: LIB, 4: LOG4J}
"""Node 0 is the image."""


def graph(*edges: tuple[int, int], purls: dict[int, str] | None = None, roots: tuple[int, ...] = (0,)) -> SbomGraph:
    found: dict[int, list[int]] = {}
    for start, end in edges:
        found.setdefault(start, []).append(end)
    return SbomGraph(serial="", version=1, refs={}, purls=PURLS if purls is None else purls, roots=roots, edges=(found,))


ONE_WAY = graph((0, 1), (1, 4))
TWO_WAYS = graph((0, 1), (0, 2), (1, 4), (2, 4))
DEEP = graph((0, 1), (1, 3), (2, 3), (0, 2), (3, 4))


def about(product: str, *inner: str, status: str = "not_affected", **fields: Any) -> dict[str, Any]:
    item: dict[str, Any] = {"@id": product}
    if inner:
        item["subcomponents"] = [{"@id": name} for name in inner]
    return statement(status, products=[item], **fields)


def held(*statements: dict[str, Any], graphs: tuple[SbomGraph, ...], **changes: Any) -> tuple[str, VexFacts]:
    found = finding(CVE, LOG4J, version="2.14.0")
    facts, applied = resolve(
        [source(*statements, **changes)], [found], subject(), authors=(AUTHOR,), require_signed=True, now=NOW, graphs=graphs
    )
    item = applied.get(found.key)
    return (f"{item.status}{'*' * item.counts}" if item else ""), facts


@pytest.mark.parametrize("inner", [(), (LOG4J,), ("pkg:maven/org.apache/log4j",)])
def test_the_only_way_is_covered(inner: tuple[str, ...]) -> None:
    """The product is on the one path, with the package as subcomponent or for anything inside it."""
    assert held(about(APP, *inner), graphs=(ONE_WAY,))[0] == "not_affected*"


def test_a_second_way_is_open() -> None:
    """What another product brings in as well is not ruled out; the report names the open way."""
    word, facts = held(about(APP, LOG4J), graphs=(TWO_WAYS,))
    assert word == ""
    assert [problem.kind for problem in facts.unmatched] == ["unmatched"]
    assert TOOL in facts.unmatched[0].detail
    assert facts.unmatched[0].finding


def test_two_statements_cover_two_ways() -> None:
    """Each product by its own statement; together they cover every path."""
    assert held(about(APP, LOG4J), about(TOOL), graphs=(TWO_WAYS,))[0] == "not_affected*"


@pytest.mark.parametrize(("products", "expected"), [((LIB,), "not_affected*"), ((APP,), ""), ((APP, TOOL), "not_affected*")])
def test_ways_join_below_the_root(products: tuple[str, ...], expected: str) -> None:
    """A product that all paths share covers them all; above it each needs its own."""
    assert held(*(about(product) for product in products), graphs=(DEEP,))[0] == expected


def test_affected_on_one_way_keeps_the_finding() -> None:
    """One product says not affected, the other affected: the finding is affected."""
    assert held(about(APP), about(TOOL, status="affected"), graphs=(TWO_WAYS,))[0] == "affected"


def test_the_last_word_about_a_product_decides_for_its_way() -> None:
    """Within one product the usual precedence holds, in both directions."""
    later = {"timestamp": "2025-03-01T00:00:00Z"}
    assert held(about(APP), about(APP, status="affected", **later), graphs=(ONE_WAY,))[0] == "affected"
    assert held(about(APP, status="affected"), about(APP, **later), graphs=(ONE_WAY,))[0] == "not_affected*"


@pytest.mark.parametrize(
    "product", [LOG4J.replace("2.14.0", "2.15.0"), "pkg:maven/com.acme/app@2.0", "pkg:maven/com.acme/other@1.0"]
)
def test_a_product_that_is_not_on_the_way_covers_nothing(product: str) -> None:
    """Another version or another product is not between the package and the root."""
    assert held(about(product, LOG4J), graphs=(ONE_WAY,))[0] == ""


def test_another_subcomponent_is_not_meant() -> None:
    """The product is on the path, but speaks of another package in it."""
    assert held(about(APP, "pkg:maven/org.apache/commons-text@1"), graphs=(ONE_WAY,))[0] == ""


def test_the_package_as_product_of_something_else_is_not_ruled_out() -> None:
    """Trivy takes a statement whose product is the vulnerable package whatever its subcomponents are; we do not."""
    assert held(about(LOG4J, "pkg:maven/org.apache/inner@1"), graphs=(ONE_WAY,))[0] == ""


@pytest.mark.parametrize(
    "graphs",
    [
        (),
        (graph((0, 1)),),
        (graph((0, 1), (1, 4), purls={1: APP}),),
        (graph((1, 4), purls={4: LOG4J, 1: TOOL}),),
        (ONE_WAY, TWO_WAYS),
        (ONE_WAY, graph((0, 4))),
    ],
    ids=["no SBOM", "not in it", "no purl", "no product", "another SBOM has a second way", "another has it at the top"],
)
def test_without_certainty_nothing_is_covered(graphs: tuple[SbomGraph, ...]) -> None:
    """No SBOM, an SBOM that does not list the package or the product, or two that disagree."""
    assert held(about(APP, LOG4J), graphs=graphs)[0] == ""


def test_a_package_that_hangs_nowhere_is_not_covered_by_a_stranger() -> None:
    """A component that nothing contains may be reached in ways that the SBOM does not tell."""
    orphan = graph((0, 1), (1, 4), (3, 4))
    assert held(about(APP), graphs=(orphan,))[0] == ""


def test_a_circle_that_hangs_nowhere_is_an_open_way() -> None:
    """Two strangers that need each other and the package, and that nothing contains, have no end that a product could close."""
    assert held(about(APP), graphs=(graph((0, 1), (1, 4), (2, 4), (2, 3), (3, 2)),))[0] == ""
    assert held(about(APP), graphs=(graph((0, 1), (1, 4), (4, 3), (3, 4)),))[0] == "not_affected*"


def test_circles_end() -> None:
    """Products that contain each other are walked once."""
    circle = graph((0, 1), (1, 3), (3, 1), (3, 4))
    assert held(about(APP), graphs=(circle,))[0] == "not_affected*"
    assert held(about(TOOL), graphs=(circle,))[0] == ""


def test_a_stranger_covers_no_way() -> None:
    """Statements of authors who may not suppress do not stop the walk."""
    word, facts = held(about(APP), graphs=(ONE_WAY,), author="mallory")
    assert not word.endswith("*")
    assert [problem.kind for problem in facts.rejected] == ["untrusted"] or facts.unmatched


def test_a_component_by_its_hash() -> None:
    """A product named by a strong hash is the SBOM's component with it; weak hashes name nothing."""
    hashed = SbomGraph("", 1, {}, PURLS, (0,), ONE_WAY.edges, {("sha256", "e" * 64): 4, ("md5", "f" * 32): 4})

    def said(**hashes: str) -> dict[str, Any]:
        return statement(products=[{"hashes": {name.replace("_", "-"): value for name, value in hashes.items()}}])

    assert held(said(sha_256="E" * 64), graphs=(hashed,))[0] == "not_affected*"
    assert held(said(md5="f" * 32), graphs=(hashed,))[0] == ""
    assert held(said(sha_256="e" * 64), graphs=(ONE_WAY,))[0] == ""


def test_a_large_graph_is_walked_in_linear_time() -> None:
    """A chain of 50,000 components and a package with 5,000 dependents."""
    edges = [(number, number + 1) for number in range(50_000)] + [(number, 50_001) for number in range(5_000)]
    purls = {50_001: LOG4J, 1: APP}
    assert held(about(APP), graphs=(graph(*edges, purls=purls),))[0] == ""
    assert held(about(APP), graphs=(graph(*edges[:50_000], (50_000, 50_001), purls=purls),))[0] == "not_affected*"
