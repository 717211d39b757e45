"""Elements of an SPDX 3 document, by id, and what is looked up among them: agents, tools, licences, hashes, identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gate.errors import LimitExceeded
from gate.evidence.sbom.facts import Notes, hash_pair
from gate.limits import Limits
from gate.model.evidence import Producer

_PARTY = re.compile(r"^(?:Organization|Person|Tool)\s*:\s*")
_TOOL = re.compile(r"(.*?)(?:-(v?\d[^\s]*))?\s*")
_LISTED = re.compile(r"https?://spdx\.org/licenses/([A-Za-z0-9.+-]+)")
_HOLDERS = ("to", "source", "element", "root_element")


class Element(msgspec.Struct, gc=False):
    """The fields that the gate reads, of elements of all types. Those that may be a reference, an object or a list are Any."""

    type: str | None = None
    spdx_id: str | None = msgspec.field(default=None, name="spdxId")
    at_id: str | None = msgspec.field(default=None, name="@id")
    name: str | None = None
    creation: Any = msgspec.field(default=None, name="creationInfo")
    created: str | None = None
    created_by: Any = msgspec.field(default=None, name="createdBy")
    created_using: Any = msgspec.field(default=None, name="createdUsing")
    element: Any = None
    root_element: Any = msgspec.field(default=None, name="rootElement")
    sbom_type: Any = msgspec.field(default=None, name="software_sbomType")
    package_version: str | None = msgspec.field(default=None, name="software_packageVersion")
    package_url: str | None = msgspec.field(default=None, name="software_packageUrl")
    purpose: str | None = msgspec.field(default=None, name="software_primaryPurpose")
    supplied_by: Any = msgspec.field(default=None, name="suppliedBy")
    originated_by: Any = msgspec.field(default=None, name="originatedBy")
    verified_using: Any = msgspec.field(default=None, name="verifiedUsing")
    external_identifier: Any = msgspec.field(default=None, name="externalIdentifier")
    identifier_type: str | None = msgspec.field(default=None, name="externalIdentifierType")
    identifier: str | None = None
    algorithm: str | None = None
    hash_value: str | None = msgspec.field(default=None, name="hashValue")
    expression: str | None = msgspec.field(default=None, name="simplelicensing_licenseExpression")
    source: Any = msgspec.field(default=None, name="from")
    to: Any = None
    kind: str | None = msgspec.field(default=None, name="relationshipType")
    completeness: str | None = None

    @property
    def ref(self) -> str | None:
        return self.spdx_id or self.at_id


class Graph:
    """All elements, those that stand inside others included, and the first of each id."""

    def __init__(self, elements: list[Element], limits: Limits, notes: Notes) -> None:
        self.elements = elements
        self._notes = notes
        number = 0
        while number < len(elements):
            item = elements[number]
            for name in _HOLDERS:
                elements += _inside(getattr(item, name))
            number += 1
            if len(elements) > limits.components:
                raise LimitExceeded("components", limits.components, "elements of an SBOM")
        self._by_ref: dict[str, Element] = {}
        for item in elements:
            if item.ref:
                self._by_ref.setdefault(item.ref, item)

    def find(self, ref: str) -> Element | None:
        return self._by_ref.get(ref)

    def of(self, value: Any) -> Iterator[Element]:
        """Elements that a field names or holds."""
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, str):
                if (known := self._by_ref.get(part)) is not None:
                    yield known
            elif (made := _made(part)) is not None:
                yield made

    def creation(self, document: Element | None) -> Element:
        """The document's creation information; the first of all where it has none."""
        own = next(self.of(document.creation), None) if document is not None else None
        return own or next((item for item in self.elements if item.type == "CreationInfo"), None) or self._any() or Element()

    def _any(self) -> Element | None:
        return next((found for item in self.elements if (found := next(self.of(item.creation), None)) is not None), None)

    def identifiers(self, item: Element, *kinds: str) -> Iterator[str]:
        for found in self.of(item.external_identifier):
            if (found.identifier_type or "").lower() in kinds and found.identifier:
                yield found.identifier

    def hashes(self, item: Element) -> dict[str, str]:
        made: dict[str, str] = {}
        for entry in self.of(item.verified_using):
            if not entry.algorithm:
                continue
            pair = hash_pair(entry.algorithm, entry.hash_value or "")
            if pair is None:
                self._notes.add(
                    "bad_hash", "a hash is not hexadecimal of its algorithm's length; read as absent", entry.algorithm
                )
            else:
                made[pair[0]] = pair[1]
        return made


def _inside(value: Any) -> list[Element]:
    parts = value if isinstance(value, list) else [value]
    return [made for part in parts if isinstance(part, dict) and (made := _made(part)) is not None]


def _made(part: Any) -> Element | None:
    try:
        return msgspec.convert(part, Element) if isinstance(part, dict) else None
    except msgspec.ValidationError:
        # Kept with what identifies it, so that it is counted and not lost.
        kept = {name: part[name] for name in ("type", "spdxId", "@id", "name") if isinstance(part.get(name), str)}
        return msgspec.convert(kept, Element)


def reference(value: Any) -> str:
    """The id that a field names or that of the element that it holds; empty without one."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return reference(value[0]) if value else ""
    if isinstance(value, dict):
        found = value.get("spdxId") or value.get("@id")
        return found if isinstance(found, str) else ""
    return ""


def texts(value: Any) -> list[str]:
    """All ids that a field names, a single one as well as a list."""
    parts = value if isinstance(value, list) else [value]
    return [found for part in parts if (found := reference(part))]


def agent(graph: Graph, ref: str) -> str:
    """The name of a person or organisation; empty for one that is not in the document."""
    found = graph.find(ref)
    return _PARTY.sub("", found.name or "") if found is not None else ""


def tool(graph: Graph, creation: Element) -> Producer:
    """The first tool; SPDX 3 has its version in the name."""
    for found in graph.of(creation.created_using):
        match = _TOOL.fullmatch(_PARTY.sub("", found.name or ""))
        if match and match[1]:
            return Producer(name=match[1], version=match[2] or "")
    return Producer()


def licence(graph: Graph, ref: str) -> str:
    """The expression or id of a licence, ``NOASSERTION`` or ``NONE``; empty for one that is not in the document."""
    if listed := _LISTED.fullmatch(ref):
        return listed[1]
    tail = re.split(r"[/#:]", ref)[-1].lower()
    if "noassertion" in tail:
        return "NOASSERTION"
    if tail in ("none", "nonelicense"):
        return "NONE"
    found = graph.find(ref)
    return (found.expression or found.name or "") if found is not None else ""
