"""Statements by vulnerability and package, so that a finding meets only those that can be about it: linear in both."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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
        self._whole: defaultdict[str, list[tuple[int, Scope]]] = defaultdict(list)
        self._packages: defaultdict[tuple[str, Key], list[_Rule]] = defaultdict(list)
        self._cpes: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        self._around: defaultdict[tuple[str, Key], list[_Around]] = defaultdict(list)
        self._around_names: defaultdict[str, set[Key]] = defaultdict(set)
        self.reported: set[int] = set()
        """Statements whose vulnerability some finding has."""
        self.matched: set[int] = set()
        self.partly: list[tuple[int, str, str]] = []
        """Statement, finding, and the path to the root that no statement covers."""
        for number, item in enumerate(items):
            names = {name.casefold() for name in item.statement.vulnerabilities} & wanted
            if names:
                self.reported.add(number)
                self._add(number, item, names)

    def _add(self, number: int, item: Item, names: set[str]) -> None:
        bound = not {f"sha256:{value}" for value in self._image.digests}.isdisjoint(item.source.subjects)
        if not item.statement.names_products and bound:
            for name in names:
                self._whole[name].append((number, Scope.DIGEST))
        for product in item.statement.products:
            scope = self._scope(product.component, bound=bound)
            if product.subcomponents:
                if scope is not None:
                    for component in product.subcomponents:
                        self._add_package(number, component, names, product.platforms, exact=scope is Scope.DIGEST)
                else:
                    self._add_around(number, product, names)
                continue
            # A name on a platform that is not looked at for whole images is too little to suppress; a digest is enough.
            if scope is not None and (scope is Scope.DIGEST or not product.platforms or not item.suppresses):
                for name in names:
                    self._whole[name].append((number, scope))
            self._add_package(number, product.component, names, product.platforms, exact=False)
            if not product.platforms:
                self._add_around(number, product, names)

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

    def _add_package(
        self, number: int, component: VexComponent, names: set[str], platforms: tuple[str, ...], *, exact: bool
    ) -> None:
        for purl in self._purls(component):
            rule = _Rule(number, purl, exact, component, platforms)
            for name in names:
                self._packages[name, purl.package].append(rule)
        if platforms or component.ranges:
            return
        for text in component.ids:
            application = cpe.parse(text) if text.startswith("cpe:") else None
            if application is not None:
                for name in names:
                    self._cpes[name, cpe_name(application.product)].append((number, text))

    def _add_around(self, number: int, product: VexProduct, names: set[str]) -> None:
        inner = tuple((purl, part.ranges) for part in product.subcomponents for purl in self._purls(part))
        if not self._graphs or product.component.ranges or product.platforms:
            return
        for purl in self._purls(product.component):
            if not any(purl.package in graph.packages for graph in self._graphs):
                continue
            for name in names:
                self._around[name, purl.package].append(_Around(number, purl, inner, bool(product.subcomponents)))
                self._around_names[name].add(purl.package)

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
        names = {text.casefold() for text in (finding.id, *finding.aliases)}
        for name in names:
            for number, scope in self._whole.get(name, ()):
                best[number] = max(scope, best.get(number, scope))
            for number, text in self._cpes.get((name, cpe_name(finding.package.name)), ()):
                if match_cpe(text, finding.package.name, finding.package.version):
                    best[number] = max(Scope.VERSIONED, best.get(number, Scope.VERSIONED))
            if found is None:
                continue
            for key in {found.package, source_of(found).package}:
                for rule in self._packages.get((name, key), ()):
                    package = self._matches(rule, found)
                    if package is not None:
                        scope = Scope.DIGEST if rule.exact else package
                        best[rule.number] = max(scope, best.get(rule.number, scope))
        if found is not None and any(self._around_names.get(name, set()) - {found.package} for name in names):
            for number, scope in self._through(finding, found, names).items():
                best[number] = max(scope, best.get(number, scope))
        self.matched.update(best)
        return [(self._items[number], best[number]) for number in sorted(best)]

    def _matches(self, rule: _Rule, found: Purl) -> Scope | None:
        return match_package(
            rule.purl,
            found,
            self._image,
            ranges=rule.component.ranges,
            platforms=rule.platforms,
            suppresses=self._items[rule.number].suppresses,
        )

    def _through(self, finding: Finding, found: Purl, names: set[str]) -> dict[int, Scope]:
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
                open_path = self._walk(graph, nodes, found, names, met) or open_path
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

    def _walk(self, graph: SbomGraph, nodes: Sequence[int], found: Purl, names: set[str], met: dict[int, Scope]) -> str:
        """Walk up; empty when every way was stopped by a suppressing product, else the component where one was not."""
        own, seen, open_path = set(nodes), set(nodes), ""
        stack = [(node, node) for node in nodes]
        while stack:
            node, below = stack.pop()
            purl = graph.purl(node) if node not in own else None
            if purl is not None and self._ruled_out(purl, found, names, met):
                continue
            above = graph.parents.get(node, ())
            if node in graph.roots or not above:
                open_path = open_path or graph.purls.get(below, "") or "a component without purl"
                continue
            for parent in above:
                if parent not in seen:
                    seen.add(parent)
                    stack.append((parent, node))
        return open_path

    def _ruled_out(self, product: Purl, found: Purl, names: set[str], met: dict[int, Scope]) -> bool:
        hits: dict[int, Scope] = {}
        for name in names:
            for around in self._around.get((name, product.package), ()):
                suppresses = self._items[around.number].suppresses
                scope = match_package(around.purl, product, self._image, suppresses=suppresses)
                if scope is None:
                    continue
                if around.narrowed:
                    inner = [
                        match_package(purl, found, self._image, ranges=ranges, suppresses=suppresses)
                        for purl, ranges in around.inner
                    ]
                    matching = [one for one in inner if one is not None]
                    if not matching:
                        continue
                    scope = min(scope, max(matching))
                hits[around.number] = max(scope, hits.get(around.number, scope))
        for number, scope in hits.items():
            met[number] = max(scope, met.get(number, scope))
        return bool(hits) and self._suppressed([(self._items[number], scope) for number, scope in sorted(hits.items())])


def package_of(finding: Finding) -> Purl | None:
    """The finding's purl with its version, or None where no scanner gave one."""
    found = parse(finding.package.purl) if finding.package.purl else None
    return found._replace(version=finding.package.version) if found is not None and not found.version else found
