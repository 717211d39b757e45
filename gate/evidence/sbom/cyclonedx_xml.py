"""CycloneDX XML 1.2 to 1.7 (ECMA-424, bom-1.x.xsd): turned into the members of the JSON form and read as that.

So one BOM gives the same facts in both forms. The document is streamed (`gate.evidence.stig.xmlstream`: no document type, no
entities, bounded nesting); what the JSON reader does not look at is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.evidence import refused
from gate.evidence.interface import Reading
from gate.evidence.sbom.cyclonedx import VERSIONS, read_bom
from gate.evidence.stig.xmlstream import Element, Shape, opening, stream
from gate.limits import Limits

_NAMESPACE = re.compile(rb"""["']http://cyclonedx\.org/schema/bom/(\d+\.\d+)["']""")
_ROOT = re.compile(rb"<(?:[\w.-]+:)?bom\b[^>]*>")
_ONCE = ("metadata", "components", "services", "dependencies", "compositions", "vulnerabilities")
_SKIP = ("formulation", "annotations", "declarations", "definitions")
_CAPTURE = ("metadata", "component", "service", "dependency", "composition", "vulnerability")
_KEPT = """
metadata timestamp tools tool vendor name version components component services service authors author contact email supplier
manufacturer manufacture url lifecycles lifecycle phase group purl cpe swid publisher hashes hash licenses license id
expression properties property cryptoProperties evidence occurrences occurrence location externalReferences reference
dependency dependencies composition aggregate assemblies assembly vulnerability source references analysis state
justification responses response detail firstIssued lastUpdated affects target ref versions range status published
updated created recommendation workaround assetType algorithmProperties primitive algorithmFamily
parameterSetIdentifier curve ellipticCurve mode certificationLevel protocolProperties type
relatedCryptoMaterialProperties size
"""
_KEEP = frozenset(_KEPT.split())
_Object = dict[str, Any]


class CycloneDxXml:
    """Reader of CycloneDX XML."""

    name = "cyclonedx-xml"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return media_type.startswith("application/vnd.cyclonedx+xml") or _NAMESPACE.search(head) is not None

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, FormatRefused (a version that is not read), LimitExceeded."""
        return read_bom(msgspec.json.encode(_bom(data, limits)), limits)


READER = CycloneDxXml()


def _bom(data: bytes, limits: Limits) -> _Object:
    version = _version(data)
    parts: dict[str, list[_Object]] = {name: [] for name in _CAPTURE}
    seen: dict[str, int] = {}
    head: _Object = {"bomFormat": "CycloneDX", "specVersion": version}

    def once(name: str) -> None:
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            raise EvidenceInvalid(
                f"the BOM has more than one element {name}",
                why="readers differ in which one counts, as with repeated names in JSON",
                fix="write it again with the tool that made it",
            )

    def entered(name: str) -> Callable[[Any], None]:
        return lambda _: once(name)

    def root(attributes: Any) -> None:
        once("bom")
        if "serialNumber" in attributes:
            head["serialNumber"] = attributes["serialNumber"]
        number = attributes.get("version", "1")
        head["version"] = int(number) if re.fullmatch(r"[0-9]{1,15}", number) else number

    def taken(name: str) -> Callable[[Element], None]:
        convert = _CONVERT[name]

        def take(element: Element) -> None:
            if name == "metadata":
                once(name)
            if len(parts[name]) >= limits.components:
                raise LimitExceeded("components", limits.components, "elements of an SBOM")
            parts[name].append(convert(element))

        return take

    space = f"http://cyclonedx.org/schema/bom/{version} "
    shape = Shape(
        enter={f"{space}bom": root, **{space + name: entered(name) for name in _ONCE if name != "metadata"}},
        leave={},
        capture={space + name: taken(name) for name in _CAPTURE},
        keep=frozenset(space + name for name in _KEEP),
        skip=frozenset(space + name for name in _SKIP),
        text_characters=limits.document_bytes,
    )
    stream(data, shape, limits)
    if "bom" not in seen:
        raise EvidenceInvalid("the document has no element bom of CycloneDX", fix="write it again with the tool that made it")
    if parts["metadata"]:
        head["metadata"] = parts["metadata"][0]
    plural = {"dependency": "dependencies", "vulnerability": "vulnerabilities"}
    for name in _CAPTURE[1:]:
        many = plural.get(name, f"{name}s")
        if many in seen:
            head[many] = parts[name]
    return head


def _version(data: bytes) -> str:
    root = refused.xml_root(opening(data))
    match = _ROOT.match(root)
    found = _NAMESPACE.search(match[0]) if match else None
    version = found[1].decode() if found else ""
    if version not in VERSIONS:
        raise FormatRefused(
            f"CycloneDX XML {version or 'without its namespace'} is not read",
            why=f"this version reads CycloneDX {', '.join(VERSIONS)}",
            fix="cyclonedx convert --output-version v1_6, or syft scan IMAGE -o cyclonedx-json",
        )
    return version


def _texts(element: Element, *names: str) -> _Object:
    """Children with text, by name. Raises EvidenceInvalid for one that stands there twice: readers differ in which one counts."""
    found: _Object = {}
    for child in element.children:
        if child.local in names:
            if child.local in found:
                raise EvidenceInvalid(
                    f"an element {element.local} has more than one {child.local}",
                    why="readers differ in which one counts, as with repeated names in JSON",
                    fix="write it again with the tool that made it",
                )
            found[child.local] = child.text.strip()
    return found


def _attributes(element: Element, *names: str) -> _Object:
    return {name: element.attributes[name] for name in names if name in element.attributes}


def _list(element: Element, many: str, convert: Callable[[Element], Any], one: str = "") -> _Object:
    """``{many: [...]}`` of the children of the child ``many``; empty without it."""
    holder = element.first(many)
    if holder is None:
        return {}
    return {many: [convert(child) for child in holder.children if not one or child.local == one]}


def _named(element: Element) -> _Object:
    return _texts(element, "name", "version", "vendor", "email") | {
        "url": [child.text.strip() for child in element.every("url")],
        "contact": [_texts(child, "name", "email") for child in element.every("contact")],
    }


def _parties(element: Element, *names: str) -> _Object:
    return {name: _named(child) for name in names if (child := element.first(name)) is not None}


def _hash(element: Element) -> _Object:
    return {**_attributes(element, "alg"), "content": element.text.strip()}


def _license(element: Element) -> _Object:
    said = _attributes(element, "acknowledgement")
    if element.local == "expression":
        return {"expression": element.text.strip(), **said}
    return {"license": {**_texts(element, "id", "name", "url"), **said}}


def _property(element: Element) -> _Object:
    return {**_attributes(element, "name"), "value": element.text.strip()}


def _reference(element: Element) -> _Object:
    return {**_attributes(element, "type"), **_texts(element, "url"), **_list(element, "hashes", _hash)}


def _component(element: Element) -> _Object:
    made = {
        **_attributes(element, "type", "bom-ref"),
        **_texts(element, "group", "name", "version", "purl", "cpe", "publisher"),
        **_parties(element, "supplier", "manufacturer"),
        **_list(element, "hashes", _hash, "hash"),
        **_list(element, "licenses", _license),
        **_list(element, "authors", _named),
        **_list(element, "properties", _property, "property"),
        **_list(element, "externalReferences", _reference, "reference"),
        **_list(element, "components", _component, "component"),
    }
    if (swid := element.first("swid")) is not None:
        made["swid"] = _attributes(swid, "tagId", "name")
    if (crypto := element.first("cryptoProperties")) is not None:
        made["cryptoProperties"] = _crypto(crypto)
    if (evidence := element.first("evidence")) is not None:
        made["evidence"] = _list(evidence, "occurrences", lambda item: _texts(item, "location"))
    return made


def _crypto(element: Element) -> _Object:
    made = _texts(element, "assetType")
    if (algorithm := element.first("algorithmProperties")) is not None:
        names = ("primitive", "algorithmFamily", "parameterSetIdentifier", "curve", "ellipticCurve", "mode")
        made["algorithmProperties"] = _texts(algorithm, *names)
        if levels := algorithm.every("certificationLevel"):
            made["algorithmProperties"]["certificationLevel"] = [level.text.strip() for level in levels]
    if (protocol := element.first("protocolProperties")) is not None:
        made["protocolProperties"] = _texts(protocol, "type", "version")
    if (material := element.first("relatedCryptoMaterialProperties")) is not None:
        made["relatedCryptoMaterialProperties"] = _texts(material, "type")
        size = material.words("size")
        if size:
            made["relatedCryptoMaterialProperties"]["size"] = int(size) if re.fullmatch(r"[0-9]{1,15}", size) else size
    return made


def _service(element: Element) -> _Object:
    return {**_attributes(element, "bom-ref"), **_list(element, "services", _service, "service")}


def _dependency(element: Element) -> _Object:
    made = _attributes(element, "ref")
    if children := element.every("dependency"):
        made["dependsOn"] = [child.attributes.get("ref", "") for child in children]
    return made


def _composition(element: Element) -> _Object:
    return {
        **_texts(element, "aggregate"),
        **_list(element, "assemblies", lambda item: item.attributes.get("ref", "")),
        **_list(element, "dependencies", lambda item: item.attributes.get("ref", "")),
    }


def _metadata(element: Element) -> _Object:
    made = {
        **_texts(element, "timestamp"),
        **_parties(element, "supplier", "manufacturer", "manufacture"),
        **_list(element, "authors", _named),
        **_list(element, "lifecycles", lambda item: _texts(item, "phase", "name")),
    }
    if (root := element.first("component")) is not None:
        made["component"] = _component(root)
    if (tools := element.first("tools")) is not None:
        modern = tools.first("components")
        listed = [_named(tool) for tool in (modern.every("component") if modern is not None else tools.every("tool"))]
        made["tools"] = {"components": listed} if modern is not None else listed
    return made


def _vulnerability(element: Element) -> _Object:
    made: _Object = {
        **_attributes(element, "bom-ref"),
        **_texts(element, "id", "published", "updated", "created", "recommendation", "workaround"),
        **_list(element, "references", lambda item: {**_texts(item, "id"), **_parties(item, "source")}),
        **_list(element, "affects", _affected, "target"),
        **_parties(element, "source"),
    }
    if (analysis := element.first("analysis")) is not None:
        made["analysis"] = _texts(analysis, "state", "justification", "detail", "firstIssued", "lastUpdated")
        if (responses := analysis.first("responses")) is not None:
            made["analysis"]["response"] = [child.text.strip() for child in responses.children]
    return made


def _affected(element: Element) -> _Object:
    return {
        **_texts(element, "ref"),
        **_list(element, "versions", lambda item: _texts(item, "version", "range", "status"), "version"),
    }


_CONVERT: dict[str, Callable[[Element], _Object]] = {
    "metadata": _metadata,
    "component": _component,
    "service": _service,
    "dependency": _dependency,
    "composition": _composition,
    "vulnerability": _vulnerability,
}
