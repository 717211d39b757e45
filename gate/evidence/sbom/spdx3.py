"""SPDX 3.0 JSON-LD (spdx-3-model 3.0.1). No context is fetched: one that is not SPDX's own, or changes names, is refused.

Read tolerantly: ids need not be IRIs, relationship types may be in the capitals of SPDX 2 (Microsoft's sbom-tool), and elements
may stand inside others. A package counts once, wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gate.errors import FormatRefused
from gate.evidence.interface import NamedDigest, Reading, SbomFacts
from gate.evidence.jsonguard import guard
from gate.evidence.sbom import elements, facts
from gate.evidence.sbom.facts import Builder, Notes
from gate.evidence.sbom.relationships import CONTAINS, DEPENDS, DESCRIBES, direction3
from gate.evidence.sbom.spdx3_elements import Element, Graph, agent, licence, reference, texts, tool
from gate.evidence.sbom.tolerant import decode
from gate.limits import Limits
from gate.model.sbom import MinimumElements

_CONTEXT = re.compile(r"https?://spdx\.org/rdf/(3\.\d+(?:\.\d+)?)/spdx-context\.json(?:ld)?")
_READ = re.compile(r"3\.0(?:\.\d+)?")
_PACKAGES = frozenset({"software_Package", "ai_AIPackage", "dataset_DatasetPackage"})
_COLLECTIONS = frozenset({"SpdxDocument", "software_Sbom", "Bom", "Bundle"})
_FILES = frozenset({"software_File", "software_Snippet"})
_RELATIONSHIPS = frozenset({"Relationship", "LifecycleScopedRelationship"})
_NOTHING = re.compile(r".*(?:NoneElement|\bNONE)")
_UNKNOWN = re.compile(r".*(?:NoAssertionElement|\bNOASSERTION)")
_LICENSES = {"hasDeclaredLicense": "declared", "hasConcludedLicense": "concluded"}


class _Document(msgspec.Struct, gc=False):
    context: Any = msgspec.field(default=None, name="@context")
    graph: list[Element] | None = msgspec.field(default=None, name="@graph")


class Spdx3:
    """Reader of SPDX 3 JSON-LD."""

    name = "spdx-3"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return b"spdx.org/rdf/3" in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, FormatRefused (another version or context), LimitExceeded."""
        body = guard(data, limits)
        document, odd = decode(body, _Document, limits, essential=frozenset({"/@graph"}))
        version = _version(document.context)
        if document.graph is None:
            one, more = decode(body, Element, limits, essential=frozenset())
            document.graph, odd = [one], odd + more
        notes = Notes()
        read = _Read(Graph(document.graph, limits, notes), Builder(limits, notes), notes)
        return read.reading(version, odd)


READER = Spdx3()


def _version(context: Any) -> str:
    """The version that the context names; raises FormatRefused for any context that could give names another meaning."""
    found: list[str] = []
    for part in context if isinstance(context, list) else [context]:
        if isinstance(part, str) and (match := _CONTEXT.fullmatch(part)):
            found.append(match[1])
        elif not (isinstance(part, dict) and all(_is_prefix(name, value) for name, value in part.items())):
            raise FormatRefused(
                f"the JSON-LD context {str(part)[:100]!r} is not SPDX 3's own",
                why="a context can give every name another meaning, and none is fetched",
                fix="let the tool write https://spdx.org/rdf/3.0.1/spdx-context.jsonld as @context",
            )
    if len(found) != 1 or not _READ.fullmatch(found[0]):
        raise FormatRefused(
            f"SPDX {' and '.join(found) or '3 without its context'} is not read",
            why="of SPDX 3, this version reads 3.0",
            fix="syft scan IMAGE -o spdx-json@2.3=sbom.spdx.json",
        )
    return found[0]


def _is_prefix(name: str, value: Any) -> bool:
    """Whether it only shortens ids: a prefix has no underscore (SPDX's terms of profiles have) and stands for an IRI."""
    return not name.startswith("@") and "_" not in name and isinstance(value, str) and value.endswith(("/", "#", ":", "-"))


class _Read:
    def __init__(self, graph: Graph, build: Builder, notes: Notes) -> None:
        self._graph = graph
        self._build = build
        self._notes = notes
        self._licenses: dict[str, list[str]] = {}
        self._roots: list[str] = []
        self._aggregates: list[tuple[str, str]] = []

    def reading(self, version: str, odd: tuple[Any, ...]) -> Reading:
        graph, build, notes = self._graph, self._build, self._notes
        document = next((item for item in graph.elements if item.type == "SpdxDocument"), None)
        self._find_roots(document)
        self._read_licenses()
        roots = [item for ref in self._roots if (item := graph.find(ref)) is not None and item.type in _PACKAGES]
        root = roots[0] if len(roots) == 1 else None
        if len(self._roots) > 1:
            notes.add("several_roots", "the document describes several elements; none is taken for the subject", self._roots[0])
        elif root is None:
            notes.add("no_root", "the document describes no package; nothing is reachable")
        self._add_elements(root)
        self._add_relationships()
        build.set_roots([node for ref in self._roots if (node := build.find(ref)) is not None])
        creation = graph.creation(document)
        created = facts.timestamp(creation.created or "", notes)
        producer = tool(graph, creation)
        authors = [name for ref in texts(creation.created_by) if (name := agent(graph, ref))]
        completeness = build.completeness(root_present=bool(self._roots), aggregate=self._aggregate())
        said = MinimumElements(
            author=", ".join(authors),
            timestamp=created or "",
            tool=" ".join(part for part in (producer.name, producer.version) if part),
            spec_version=version,
            serial=(document.ref if document else "") or "",
            generation_context=", ".join(kind for item in graph.elements for kind in texts(item.sbom_type)),
            unknown_declared=build.unknown_declared,
        )
        makers = [maker for ref in texts(creation.created_by) if (maker := graph.find(ref)) is not None]
        head = elements.Document(
            format="spdx",
            contact=any(True for maker in makers for _ in graph.identifiers(maker, "email", "urlscheme")),
            numbered=bool(document and document.ref),
            tool_version=bool(producer.version),
            vulnerabilities=any((item.type or "").startswith("security_") for item in graph.elements),
        )
        return Reading(
            kind="sbom",
            format=f"spdx {version}",
            producer=producer,
            created=created,
            names=_names(graph, root),
            diagnostics=odd + notes.diagnostics(),
            sbom=SbomFacts(
                spec_version=version,
                name=(document.name if document else "") or (root.name if root else "") or "",
                components=tuple(build.components),
                completeness=completeness,
                minimum_elements=msgspec.structs.replace(said, missing=elements.missing(build.tally, completeness, said, head)),
                graph=build.graph(),
            ),
        )

    def _find_roots(self, document: Element | None) -> None:
        """What the document has for root, through its collections, else what is said to be described."""
        found: dict[str, None] = {}
        stack = texts(document.root_element) if document else []
        seen: set[str] = set()
        while stack:
            ref = stack.pop(0)
            if ref in seen:
                continue
            seen.add(ref)
            item = self._graph.find(ref)
            if item is not None and item.type in _COLLECTIONS:
                stack += texts(item.root_element)
            else:
                found[ref] = None
        if not found:
            for item in self._related():
                edge = direction3(item.kind or "")
                if edge and edge.meaning == DESCRIBES:
                    found |= dict.fromkeys([reference(item.source)] if edge.reverse else texts(item.to))
        self._roots = [ref for ref in found if ref]

    def _related(self) -> Iterator[Element]:
        return (item for item in self._graph.elements if item.type in _RELATIONSHIPS)

    def _read_licenses(self) -> None:
        for item in self._related():
            edge = direction3(item.kind or "")
            if edge and edge.meaning in _LICENSES.values():
                said = [text for ref in texts(item.to) if (text := licence(self._graph, ref))]
                self._licenses.setdefault(reference(item.source), []).extend(said)

    def _add_elements(self, root: Element | None) -> None:
        for item in self._graph.elements:
            kind = item.type or ""
            if kind in _RELATIONSHIPS or kind == "CreationInfo":
                continue
            if kind.startswith("security_"):
                self._notes.add(
                    "security_not_read", "assessments inside the SBOM are not read; give VEX as its own document", kind
                )
                continue
            node = self._build.node(item.ref or "")
            if kind in _FILES:
                self._build.files += 1
            elif kind in _PACKAGES:
                if item is not root:
                    self._count(item, node)
            elif not kind:
                self._notes.add("element_without_type", "an element has no type; not read", item.ref or "")
            elif kind not in _COLLECTIONS and (item.package_url or item.package_version):
                self._notes.add("unknown_element_type", "an element with a version or purl has no package's type; counted", kind)
                self._count(item, node)

    def _count(self, item: Element, node: int) -> None:
        purpose = (item.purpose or "").lower()
        if purpose == "file":
            self._build.files += 1
            return
        if purpose in ("operatingsystem", "operating-system"):
            self._notes.add("not_a_package_operating_system", "the operating system is not counted as a package", item.name or "")
            return
        supplier = next(
            (name for ref in [*texts(item.supplied_by), *texts(item.originated_by)] if (name := agent(self._graph, ref))), ""
        )
        said = self._licenses.get(item.ref or "", [])
        known = tuple(dict.fromkeys(text for text in said if text not in ("NOASSERTION", "NONE")))
        if said and not known:
            self._build.unknown_declared += 1
        self._build.component(
            node,
            item.ref or "",
            name=item.name or "",
            version=item.package_version or "",
            kind=purpose or "library",
            url=item.package_url or next(self._graph.identifiers(item, "packageurl", "purl"), ""),
            supplier=supplier,
            licenses=known,
            hashes=(hashes := self._graph.hashes(item)),
            identified=any(True for _ in self._graph.identifiers(item, "cpe22", "cpe23", "swid", "swhid", "gitoid")),
            unknown_license=bool(said) and not known,
            bsi=frozenset({"sha512"} if "sha512" in hashes else ()),
        )

    def _add_relationships(self) -> None:
        for item in self._related():
            source = reference(item.source)
            edge = direction3(item.kind or "")
            if edge is None:
                self._notes.add("unknown_relationship", "a relationship has a type that SPDX 3 has not; ignored", f"{item.kind}")
                continue
            if edge.meaning not in (CONTAINS, DEPENDS, DESCRIBES):
                continue
            if item.completeness:
                self._aggregates.append((source, item.completeness.lower()))
            for target in texts(item.to) or [""]:
                if not target or _NOTHING.fullmatch(target):
                    if item.completeness != "incomplete":
                        self._build.declare(source)
                elif _UNKNOWN.fullmatch(target):
                    self._aggregates.append((source, "noassertion"))
                else:
                    start, end = (target, source) if edge.reverse else (source, target)
                    self._build.edge(start, end, depends=edge.meaning == DEPENDS)

    def _aggregate(self) -> str:
        """``complete`` only when every relationship that says something says so, and one of them is the root's."""
        words = {word for _, word in self._aggregates}
        if not words:
            return "absent"
        if "incomplete" in words:
            return "incomplete"
        return "complete" if words == {"complete"} and any(ref in self._roots for ref, _ in self._aggregates) else "unknown"


def _names(graph: Graph, root: Element | None) -> tuple[NamedDigest, ...]:
    """Digests that the root names: version, purl, name with digest, hashes."""
    if root is None:
        return ()
    found: list[tuple[str | None, str]] = [
        (facts.sha256_digest(root.package_version or ""), "manifest"),
        (facts.digest_after_at(root.name or ""), "manifest"),
        (facts.digest_of_purl(root.package_url or ""), "manifest"),
    ]
    found += [(facts.digest_of_purl(text), "manifest") for text in graph.identifiers(root, "packageurl", "purl")]
    if (digest := graph.hashes(root).get("sha256")) is not None:
        found.append((f"sha256:{digest}", "any"))
    return facts.named(found)
