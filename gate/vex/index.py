"""Statements by vulnerability and package, so that a finding meets only those that can be about it: linear in both."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from gate.model.evidence import Verification
from gate.model.findings import Finding
from gate.vex import cpe
from gate.vex.cyclonedx import BOM_LINK
from gate.vex.document import SUBJECT, SUPPRESSING, VexComponent, VexDocument, VexProduct, VexStatement
from gate.vex.graph import SbomGraph
from gate.vex.match import Image, Scope, cpe_name, match_cpe, match_package, source_of
from gate.vex.purl import Purl, parse

UNVOUCHED_STATEMENTS = 1000
"""Statements of documents that nobody answers for which are compared with findings, of all that name a reported vulnerability."""
_STRONG = frozenset({"sha256", "sha384", "sha512"})
Key = tuple[str, str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class VexSource:
    """A document, the evidence item that it is, and who vouches for it."""

    evidence: str
    document: VexDocument
    verification: Verification
    subjects: tuple[str, ...] = ()
    """Digests that the statement around the document names; they stand for products where a VEX statement has none."""
    answered_for: bool = True
    """Whether somebody answers for it: the caller named it, or it is signed by somebody who is trusted. False for what anyone who
    can push may have attached: it counts for nothing, and must not cost time or fill a verdict without bound."""


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One statement with all that its rank depends on."""

    source: VexSource
    statement: VexStatement
    distrust: str
    """Why the profile does not accept it; empty when it does."""
    author_rank: int
    moment: datetime
    """A statement that does not suppress and has no time counts as made just now."""
    future: bool
    retracted: bool
    overdue: bool = False
    claimed: str = ""
    """Where its rank rests on what the document says of its author, and another signed it: who did."""

    @property
    def suppresses(self) -> bool:
        return self.statement.status in SUPPRESSING

    @property
    def out(self) -> bool:
        """Must not take part at all."""
        return self.suppresses and (bool(self.statement.problem) or self.future or self.retracted)


Hit = tuple[Item, Scope]


class _Rule(NamedTuple):
    """A package that a statement names."""

    number: int
    purl: Purl
    exact: bool
    """Named inside this very image: the scope is the digest."""
    component: VexComponent
    platforms: tuple[str, ...]


class _Around(NamedTuple):
    """A package that a statement names as a product around the vulnerable one; no subcomponents: around anything."""

    number: int
    purl: Purl
    inner: tuple[tuple[Purl, tuple[str, ...]], ...]
    narrowed: bool


class Index:
    """Built once per subject."""

    def __init__(
        self,
        items: Sequence[Item],
        image: Image,
        wanted: set[str],
        graphs: Sequence[SbomGraph] = (),
        suppressed: Callable[[list[Hit]], bool] = lambda hits: False,
    ) -> None:
        """``suppressed`` says whether hits of one product, resolved among themselves, rule the finding out."""
        self._image = image
        self._items = items
        self._graphs = graphs
        self._suppressed = suppressed
        # Names and products apart: one statement can have thousands of each, and no machine holds their product.
        self._named: defaultdict[str, list[int]] = defaultdict(list)
        self._names: dict[int, set[str]] = {}
        self._whole: dict[int, Scope] = {}
        self._packages: defaultdict[tuple[Key, str], dict[int, list[_Rule]]] = defaultdict(dict)
        self._cpes: defaultdict[str, dict[int, list[str]]] = defaultdict(dict)
        self._around: defaultdict[int, defaultdict[Key, list[_Around]]] = defaultdict(lambda: defaultdict(list))
        self._around_last: tuple[frozenset[str], dict[Key, list[_Around]]] = frozenset(), {}
        self.reported: set[int] = set()
        """Statements whose vulnerability some finding has."""
        self.matched: set[int] = set()
        self.partly: list[tuple[int, str, str]] = []
        """Statement, finding, and the path to the root that no statement covers."""
        self.passed_over: set[int] = set()
        """Statements beyond `UNVOUCHED_STATEMENTS`, which were not compared with anything."""
        unvouched = 0
        for number, item in enumerate(items):
            names = {name.casefold() for name in item.statement.vulnerabilities} & wanted
            if names and not item.source.answered_for:
                unvouched += 1
                if unvouched > UNVOUCHED_STATEMENTS:
                    self.passed_over.add(number)
                    continue
            if names:
                self.reported.add(number)
                self._names[number] = names
                self._add(number, item)
            for name in names:
                self._named[name].append(number)

    def _add(self, number: int, item: Item) -> None:
        bound = not {f"sha256:{value}" for value in self._image.digests}.isdisjoint(item.source.subjects)
        if not item.statement.names_products and bound:
            self._whole[number] = Scope.DIGEST
        for product in item.statement.products:
            scope = self._scope(product.component, bound=bound)
            if product.subcomponents:
                if scope is not None:
                    for component in product.subcomponents:
                        self._add_package(number, component, product.platforms, exact=scope is Scope.DIGEST)
                else:
                    self._add_around(number, product)
                continue
            # A name on a platform that is not looked at for whole images is too little to suppress; a digest is enough.
            if scope is not None and (scope is Scope.DIGEST or not product.platforms or not item.suppresses):
                self._whole[number] = max(scope, self._whole.get(number, scope))
            self._add_package(number, product.component, product.platforms, exact=False)
            if not product.platforms:
                self._add_around(number, product)

    def _scope(self, component: VexComponent, *, bound: bool) -> Scope | None:
        if component.ranges:
            # An image has no version that a range could hold.
            return None
        if bound and SUBJECT in component.ids:
            return Scope.DIGEST
        if any(
            graph.follow(text) in graph.roots for graph in self._graphs for text in component.ids if text.startswith(BOM_LINK)
        ):
            return Scope.DIGEST
        return self._image.matches(component)

    def _add_package(self, number: int, component: VexComponent, platforms: tuple[str, ...], *, exact: bool) -> None:
        for purl in self._purls(component):
            release = purl.release if purl.version else ""
            self._packages[purl.package, release].setdefault(number, []).append(_Rule(number, purl, exact, component, platforms))
        if platforms or component.ranges:
            return
        for text in component.ids:
            application = cpe.parse(text) if text.startswith("cpe:") else None
            if application is not None:
                self._cpes[cpe_name(application.product)].setdefault(number, []).append(text)

    def _add_around(self, number: int, product: VexProduct) -> None:
        inner = tuple((purl, part.ranges) for part in product.subcomponents for purl in self._purls(part))
        if not self._graphs or product.component.ranges or product.platforms:
            return
        for purl in self._purls(product.component):
            if not any(purl.package in graph.packages for graph in self._graphs):
                continue
            self._around[number][purl.package].append(_Around(number, purl, inner, bool(product.subcomponents)))

    def _purls(self, component: VexComponent) -> Iterable[Purl]:
        """Written purls, and those of the SBOM components that BOM-Links and hashes mean."""
        for text in component.ids:
            if text.startswith("pkg:"):
                purl = parse(text)
                if purl is not None and purl.type not in ("oci", "docker"):
                    yield purl
            elif text.startswith(BOM_LINK):
                for graph in self._graphs:
                    node = graph.follow(text)
                    linked = graph.purl(node) if node is not None else None
                    if linked is not None:
                        yield linked
        for algorithm, value in component.hashes:
            for graph in self._graphs:
                node = graph.hashes.get((algorithm, value)) if algorithm in _STRONG else None
                hashed = graph.purl(node) if node is not None else None
                if hashed is not None:
                    yield hashed

    def hits(self, finding: Finding) -> list[Hit]:
        """Statements that match, each once with its most precise scope, in document order."""
        found = package_of(finding)
        best: dict[int, Scope] = {}
        names = frozenset(text.casefold() for text in (finding.id, *finding.aliases))
        for number in self._both(names, self._whole):
            best[number] = self._whole[number]
        cpes = self._cpes.get(cpe_name(finding.package.name), {})
        for number in self._both(names, cpes):
            if any(match_cpe(text, finding.package.name, finding.package.version) for text in cpes[number]):
                best[number] = max(Scope.VERSIONED, best.get(number, Scope.VERSIONED))
        if found is not None:
            for key in _keys(found):
                rules = self._packages.get(key, {})
                for number in self._both(names, rules):
                    for rule in rules[number]:
                        package = self._matches(rule, found)
                        if package is not None:
                            scope = Scope.DIGEST if rule.exact else package
                            best[number] = max(scope, best.get(number, scope))
            around = self._around_of(names)
            if len(around) > 1 or (around and found.package not in around):
                for number, scope in self._through(finding, found, around).items():
                    best[number] = max(scope, best.get(number, scope))
        self.matched.update(best)
        return [(self._items[number], best[number]) for number in sorted(best)]

    def _both(self, names: frozenset[str], table: Mapping[int, object]) -> list[int]:
        """Statements that have one of the names and stand in the table, by way of whichever are fewer."""
        if not table:
            return []
        if sum(len(self._named.get(name, ())) for name in names) <= len(table):
            return [number for name in names for number in self._named.get(name, ()) if number in table]
        return [number for number in table if not names.isdisjoint(self._names[number])]

    def _around_of(self, names: frozenset[str]) -> dict[Key, list[_Around]]:
        """What statements with these names say of products around a package; findings of one vulnerability follow each other."""
        if self._around_last[0] != names:
            products: defaultdict[Key, list[_Around]] = defaultdict(list)
            for number in set(self._both(names, self._around)):
                for key, rules in self._around[number].items():
                    products[key] += rules
            self._around_last = names, products
        return self._around_last[1]

    def _matches(self, rule: _Rule, found: Purl) -> Scope | None:
        return match_package(
            rule.purl,
            found,
            self._image,
            ranges=rule.component.ranges,
            platforms=rule.platforms,
            suppresses=self._items[rule.number].suppresses,
        )

    def _through(self, finding: Finding, found: Purl, around: Mapping[Key, list[_Around]]) -> dict[int, Scope]:
        """Statements about products around the package.

        Those that suppress count only when every path from the package to the root of every SBOM that lists it meets one:
        what another product brings in as well is not ruled out by this one's vendor.
        """
        met: dict[int, Scope] = {}
        open_path, listed = "", False
        for graph in self._graphs:
            nodes = graph.nodes_of(found)
            if nodes:
                listed = True
                open_path = self._walk(graph, nodes, found, around, met) or open_path
        if not met:
            return {}
        if listed and not open_path:
            return met
        for number in [number for number in met if self._items[number].suppresses]:
            del met[number]
            if not self._items[number].out:
                self.matched.add(number)
                self.partly.append((number, finding.key, open_path))
        return met

    def _walk(
        self, graph: SbomGraph, nodes: Sequence[int], found: Purl, around: Mapping[Key, list[_Around]], met: dict[int, Scope]
    ) -> str:
        """Walk up; empty when every way was stopped by a suppressing product, else the component where one was not."""
        own, seen, open_path = set(nodes), set(nodes), ""
        stops: list[int] = []
        below: defaultdict[int, list[int]] = defaultdict(list)
        stack = [(node, node) for node in nodes]
        while stack:
            node, came_from = stack.pop()
            purl = graph.purl(node) if node not in own else None
            if purl is not None and self._ruled_out(purl, found, around, met):
                stops.append(node)
                continue
            above = graph.parents.get(node, ())
            if node in graph.roots or not above:
                open_path = open_path or graph.purls.get(came_from, "") or "a component without purl"
                continue
            for parent in above:
                below[parent].append(node)
                if parent not in seen:
                    seen.add(parent)
                    stack.append((parent, node))
        if open_path:
            return open_path
        # A circle that hangs on nothing has no end at which it could be open, and none at which it is stopped.
        covered = set(stops)
        while stops:
            fresh = [node for node in below[stops.pop()] if node not in covered]
            covered.update(fresh)
            stops += fresh
        return next((graph.purls.get(node, "a component without purl") for node in sorted(seen - covered - own)), "") or (
            "" if own <= covered else "a circle of components"
        )

    def _ruled_out(self, product: Purl, found: Purl, around: Mapping[Key, list[_Around]], met: dict[int, Scope]) -> bool:
        hits: dict[int, Scope] = {}
        for rule in around.get(product.package, ()):
            suppresses = self._items[rule.number].suppresses
            scope = match_package(rule.purl, product, self._image, suppresses=suppresses)
            if scope is None:
                continue
            if rule.narrowed:
                inner = [
                    match_package(purl, found, self._image, ranges=ranges, suppresses=suppresses) for purl, ranges in rule.inner
                ]
                matching = [one for one in inner if one is not None]
                if not matching:
                    continue
                scope = min(scope, max(matching))
            hits[rule.number] = max(scope, hits.get(rule.number, scope))
        for number, scope in hits.items():
            met[number] = max(scope, met.get(number, scope))
        return bool(hits) and self._suppressed([(self._items[number], scope) for number, scope in sorted(hits.items())])


def _keys(found: Purl) -> set[tuple[Key, str]]:
    """Under which package and version a statement about the package can stand: its own and its source's, or any version."""
    source = source_of(found)
    return {(purl.package, release) for purl in (found, source) for release in ("", found.release, source.release)}


def package_of(finding: Finding) -> Purl | None:
    """The finding's purl with its version, or None where no scanner gave one."""
    found = parse(finding.package.purl) if finding.package.purl else None
    return found._replace(version=finding.package.version) if found is not None and not found.version else found
