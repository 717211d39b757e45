"""The dependency graph of an SBOM as VEX needs it: what contains what, up to the root, and which component a BOM-Link means."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from gate.vex.cyclonedx import parse_link
from gate.vex.purl import Purl, parse


@dataclasses.dataclass(frozen=True)
class SbomGraph:
    """Nodes are numbers. Edges go from what needs or contains to what is needed or contained."""

    serial: str
    """CycloneDX ``serialNumber``; empty where there is none."""
    version: int
    refs: Mapping[str, int]
    purls: Mapping[int, str]
    """purl of a component, as written."""
    roots: tuple[int, ...]
    edges: tuple[Mapping[int, Sequence[int]], ...]
    hashes: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    """Node by algorithm (``sha256`` and stronger) and hex."""

    @functools.cached_property
    def parents(self) -> Mapping[int, Sequence[int]]:
        found: defaultdict[int, list[int]] = defaultdict(list)
        for edges in self.edges:
            for source, targets in edges.items():
                for target in targets:
                    found[target].append(source)
        return found

    @functools.cached_property
    def _by_package(self) -> Mapping[tuple[tuple[str, str, str], str], Sequence[int]]:
        found: defaultdict[tuple[tuple[str, str, str], str], list[int]] = defaultdict(list)
        for node, text in self.purls.items():
            purl = parse(text)
            if purl is not None:
                found[purl.package, purl.release].append(node)
        return found

    @functools.cached_property
    def packages(self) -> frozenset[tuple[str, str, str]]:
        """What the document lists, without versions."""
        return frozenset(package for package, _ in self._by_package)

    def nodes_of(self, purl: Purl) -> Sequence[int]:
        """The components that are this package in this version."""
        return self._by_package.get((purl.package, purl.release), ())

    def purl(self, node: int) -> Purl | None:
        text = self.purls.get(node, "")
        return parse(text) if text else None

    def follow(self, link: str) -> int | None:
        """The node that a BOM-Link names in this very document and version; None when it is about another."""
        parts = parse_link(link)
        if parts is None or not self.serial or parts[0] != self.serial.lower() or parts[1] not in ("", str(self.version)):
            return None
        return self.refs.get(parts[2])
