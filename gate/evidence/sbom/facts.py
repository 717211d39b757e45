"""From rows and edges to completeness facts: the part that CycloneDX and SPDX share.

Facts, not judgements: what counts as too little is the policy's business. Where a document leaves something open, the number that
looks worse is taken (invariant 4): without a root nothing is reachable, an invalid purl is also a missing one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from gate.errors import LimitExceeded
from gate.evidence.interface import NamedDigest
from gate.evidence.sbom.elements import Tally
from gate.evidence.sbom.graph import cycles, reachable
from gate.limits import Limits
from gate.model.crypto import CbomAsset
from gate.model.evidence import Diagnostic
from gate.model.sbom import Completeness, Component
from gate.vex import purl
from gate.vex.graph import SbomGraph

_SHOWN = 20
"""Offenders that are named in ``unidentified``."""
_NO_VERSION = frozenset({"", "unknown", "noassertion", "none", "n/a", "null"})
_HEX = re.compile(r"[0-9a-f]{32,128}")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_HASH_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


class Notes:
    """Diagnostics by code, counted, with the first place."""

    def __init__(self) -> None:
        self._found: dict[str, Diagnostic] = {}
        self._counts: Counter[str] = Counter()

    def add(self, code: str, message: str, where: str = "", count: int = 1) -> None:
        if code not in self._found:
            self._found[code] = Diagnostic(code=code, message=message, where=where[:300])
        self._counts[code] += count

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(
            Diagnostic(code=code, message=found.message, where=found.where, count=self._counts[code])
            for code, found in sorted(self._found.items())
        )


class Builder:
    """Collects components, references and edges of one document, then counts."""

    def __init__(self, limits: Limits, notes: Notes) -> None:
        self._limits = limits
        self.notes = notes
        self.components: list[Component] = []
        self.crypto: list[CbomAsset] = []
        self.files = 0
        self.unknown_declared = 0
        self.tally = Tally()
        self._nodes: dict[str, int] = {}
        self._size = 0
        self._counted: list[int] = []
        self._counts: Counter[str] = Counter()
        self._unidentified: list[str] = []
        self._depends: dict[int, list[int]] = {}
        self._contains: dict[int, list[int]] = {}
        self._declared: set[int] = set()
        self._dangling: set[str] = set()
        self._duplicates = 0
        self._roots: list[int] = []

    def node(self, ref: str) -> int:
        """Declare an element, under its reference unless that is empty; a reference declared before is a duplicate."""
        number = self._size
        self._size += 1
        if self._size > self._limits.components:
            raise LimitExceeded("components", self._limits.components, "elements of an SBOM")
        if ref:
            if ref in self._nodes:
                self._duplicates += 1
                self.notes.add("duplicate_ref", "several elements have one reference; edges go to the first", ref)
            else:
                self._nodes[ref] = number
        return number

    def set_root(self, node: int) -> None:
        self._roots = [node]

    def set_roots(self, nodes: list[int]) -> None:
        self._roots = nodes

    def find(self, ref: str) -> int | None:
        return self._nodes.get(ref)

    def component(
        self,
        node: int,
        ref: str,
        *,
        name: str,
        version: str,
        kind: str,
        url: str,
        supplier: str,
        licenses: tuple[str, ...],
        hashes: dict[str, str],
        identified: bool = False,
        unknown_license: bool = False,
        bsi: frozenset[str] = frozenset(),
    ) -> None:
        """Count one package. ``identified``: by something else than a purl (CPE, SWID); ``bsi``: `elements.BSI_PARTS` found."""
        counts = self._counts
        self._counted.append(node)
        unknown = {"license"} if unknown_license else set()
        if version.lower() in _NO_VERSION:
            self.unknown_declared += version != ""
            unknown |= {"version"} if version else set()
            version = ""
        if supplier.upper() in ("NOASSERTION", "NONE", "UNKNOWN"):
            self.unknown_declared += 1
            unknown.add("producer")
            supplier = ""
        if url and not purl.is_valid(url):
            counts["invalid_purl"] += 1
            self.notes.add("invalid_purl", "a package URL does not parse; read as absent", url)
            url = ""
        if not (name and version and url):
            counts["without_name"] += not name
            counts["without_version"] += not version
            counts["without_purl"] += not url
            if len(self._unidentified) < _SHOWN:
                self._unidentified.append(f"{name}@{version}" if name and version else name or ref or f"element {node}")
        counts["without_supplier"] += not supplier
        counts["without_license"] += not licenses
        counts["without_hash"] += not hashes
        lacks = {
            "name": not name,
            "version": not version,
            "identifier": not (url or identified),
            "producer": not supplier,
            "license": not licenses,
            "hash": not hashes,
        }
        self.tally.component(lacks, frozenset(unknown), bsi)
        self.components.append(
            Component(
                purl=url, name=name, version=version, type=kind, supplier=supplier, licenses=licenses, hashes=hashes, evidence=""
            )
        )

    def contains(self, parent: int, child: int) -> None:
        self._contains.setdefault(parent, []).append(child)

    def edge(self, source: str, target: str, *, depends: bool) -> None:
        """``source`` needs or contains ``target``; a reference that nothing declares is dangling."""
        start, end = self._nodes.get(source), self._nodes.get(target)
        if start is None:
            self._dangle(source)
        elif depends:
            self._declared.add(start)
        if end is None:
            self._dangle(target)
        if start is not None and end is not None:
            (self._depends if depends else self._contains).setdefault(start, []).append(end)

    def declare(self, ref: str) -> None:
        """The dependencies of ``ref`` are stated, be it as none."""
        node = self._nodes.get(ref)
        if node is None:
            self._dangle(ref)
        else:
            self._declared.add(node)

    def _dangle(self, ref: str) -> None:
        self._dangling.add(ref)
        self.notes.add("dangling_ref", "a relationship names an element that the document does not have", ref)

    def graph(self, serial: str = "", version: int = 1) -> SbomGraph:
        """The same nodes and edges, for VEX."""
        pairs = list(zip(self._counted, self.components, strict=True))
        return SbomGraph(
            serial=serial,
            version=version,
            refs=self._nodes,
            purls={node: component.purl for node, component in pairs if component.purl},
            roots=tuple(self._roots),
            edges=(self._depends, self._contains),
            hashes={hashed: node for node, component in pairs for hashed in component.hashes.items()},
        )

    def completeness(self, *, root_present: bool, aggregate: str) -> Completeness:
        merged = {node: list(targets) for node, targets in self._depends.items()}
        for node, targets in self._contains.items():
            merged.setdefault(node, []).extend(targets)
        seen = reachable(merged, self._roots, self._size)
        counts = self._counts
        return Completeness(
            components=len(self._counted),
            without_name=counts["without_name"],
            without_version=counts["without_version"],
            without_purl=counts["without_purl"],
            invalid_purl=counts["invalid_purl"],
            without_supplier=counts["without_supplier"],
            without_license=counts["without_license"],
            without_hash=counts["without_hash"],
            duplicate_refs=self._duplicates,
            dangling_refs=len(self._dangling),
            root_present=root_present,
            root_matches_subject=None,
            unreachable_from_root=sum(1 for node in self._counted if not seen[node]),
            cycles=cycles(self._depends, self._size),
            dependency_nodes=sum(1 for node in self._counted if node in self._declared),
            aggregate=aggregate,
            files_only=self.files > 0 and not self._counted,
            unidentified=tuple(self._unidentified),
            missing_from_sbom=(),
        )


def hash_pair(algorithm: str, value: str) -> tuple[str, str] | None:
    """Algorithm in the spelling ``sha256`` and lower-case hex; None when the value cannot be a digest of that kind."""
    name = algorithm.lower().replace("-", "").replace("_", "")
    value = value.strip().lower()
    wanted = _HASH_LENGTHS.get(name)
    if not name or not _HEX.fullmatch(value) or (wanted is not None and len(value) != wanted):
        return None
    return name, value


def sha256_digest(text: str) -> str | None:
    """``sha256:<hex>`` when the whole text is one, in any case."""
    text = text.strip().lower()
    return text if _SHA256.fullmatch(text) else None


def digest_after_at(text: str) -> str | None:
    """The digest of a reference such as ``registry/name@sha256:…``."""
    return sha256_digest(text.rpartition("@")[2]) if "@" in text else None


def digest_of_purl(text: str) -> str | None:
    """The digest that an ``oci`` or ``docker`` purl has as its version."""
    found = purl.parse(text)
    return sha256_digest(found.version) if found and found.type in ("oci", "docker") else None


def named(pairs: Iterable[tuple[str | None, str]]) -> tuple[NamedDigest, ...]:
    """Digests that were found, each once, in order; one that has a precise role is not repeated as ``any``."""
    roles: dict[str, str] = {}
    for digest, role in pairs:
        if digest and roles.get(digest, "any") == "any":
            roles[digest] = role
    return tuple(NamedDigest(digest, role) for digest, role in roles.items())


def timestamp(text: str, notes: Notes) -> str | None:
    """RFC 3339 in UTC, whole seconds; None with a diagnostic for what is no time or has no zone."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        notes.add("bad_timestamp", "the creation time is not RFC 3339 with a zone; read as unknown", text)
        return None
