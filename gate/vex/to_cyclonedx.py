"""CycloneDX 1.6 VEX from what the gate understands of a document.

CycloneDX has no history (what a later statement replaces is left out and listed), no author of a single statement, and binds a
document as a whole: the image is ``metadata.component``, the packages are components, and a reader that looks only at
``affects`` sees the package wherever it is. All of that is listed as lost.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from gate import __version__
from gate.model.findings import VexStatus
from gate.vex.convert import Converted, Losses, bounded, named, nothing
from gate.vex.document import SUBJECT, SUPPRESSING, VexComponent, VexDocument, VexProduct, VexStatement
from gate.vex.effective import effective
from gate.vex.purl import parse
from gate.vex.write import canonical, document_id, stamp

_STATES: dict[VexStatus, str] = {
    "not_affected": "not_affected",
    "affected": "exploitable",
    "fixed": "resolved",
    "under_investigation": "in_triage",
}
_LABELS = {
    "vulnerable_code_not_present": ("code_not_present", True),
    "vulnerable_code_not_in_execute_path": ("code_not_reachable", True),
    "component_not_present": ("code_not_present", False),
    "vulnerable_code_cannot_be_controlled_by_adversary": ("requires_environment", False),
    "inline_mitigations_already_exist": ("protected_by_mitigating_control", False),
}
"""The nearest label, and whether it means the same."""
_HASHES = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""Name space of URLs (RFC 9562)."""


def to_cyclonedx(document: VexDocument, *, now: datetime) -> Converted:
    """A CycloneDX 1.6 document with its own components; the same for the same document and time."""
    losses = Losses()
    components: dict[str, dict[str, Any]] = {}
    images: dict[str, VexComponent] = {}
    listed = []
    for item, products in effective(document, losses, now):
        refs = [ref for product in products for ref in _refs(product, item, components, images, losses)]
        if not refs:
            losses.add("statement", f"{item.status} without a product that CycloneDX can name; left out", item.id)
            continue
        listed.append(_vulnerability(item, list(dict.fromkeys(refs)), losses))
    if not listed:
        raise nothing(losses)
    moment = document.timestamp or now
    body: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, document.id or document_id(document.author))}",
        "version": max(document.version, 1),
        "metadata": {
            "timestamp": stamp(moment),
            "tools": {"components": [{"type": "application", "name": "policy-gate", "version": __version__}]},
            "authors": [{"name": document.author}],
            **({"component": _image(next(iter(images.values())))} if images else {}),
        },
        "components": [components[ref] for ref in sorted(components)],
        "vulnerabilities": listed,
    }
    losses.add("role", "of the author", "", int(bool(document.role)))
    others = [text for image in list(images.values())[1:] for text in image.ids]
    losses.add("product", "a further name of the image", others[0] if others else "", len(others))
    return Converted((json.dumps(body, indent=2) + "\n").encode("ascii"), losses.listed())


def _refs(
    product: VexProduct,
    item: VexStatement,
    components: dict[str, dict[str, Any]],
    images: dict[str, VexComponent],
    losses: Losses,
) -> list[str]:
    if product.component.ids[:1] == (SUBJECT,) and not product.subcomponents:
        losses.add("product", "the subject of the document around it", item.id)
        return []
    if product.subcomponents:
        if item.status in SUPPRESSING and not any(_is_image(text) for text in product.component.ids):
            losses.add("product", "a package inside a product that is no image; left out", item.id)
            return []
        images.setdefault(canonical(sorted(product.component.ids)).decode(), product.component)
        losses.add("product", "the image is named once, in metadata.component", item.id)
    refs = []
    for part in product.subcomponents or (product.component,):
        for text in bounded(part, product, item, losses) or (() if part.ids else [value for _, value in part.hashes]):
            components.setdefault(text, _component(text, part))
            refs.append(text)
    return refs


def _is_image(text: str) -> bool:
    purl = parse(text) if text.startswith("pkg:") else None
    return purl is not None and purl.type in ("oci", "docker")


def _component(text: str, part: VexComponent) -> dict[str, Any]:
    purl = parse(text) if text.startswith("pkg:") else None
    kind = "container" if _is_image(text) else "library"
    made: dict[str, Any] = {"type": kind, "bom-ref": text, "name": purl.name if purl else text}
    if purl is not None:
        made |= {"version": purl.version} if purl.version else {}
        made["purl"] = text
    elif text.startswith("cpe:"):
        made["cpe"] = text
    hashes = [{"alg": _HASHES[name], "content": value} for name, value in part.hashes if name in _HASHES]
    return made | ({"hashes": hashes} if hashes else {})


def _image(part: VexComponent) -> dict[str, Any]:
    made = _component(part.ids[0] if part.ids else part.hashes[0][1], part)
    return {**made, "type": "container"}


def _vulnerability(item: VexStatement, refs: list[str], losses: Losses) -> dict[str, Any]:
    name, aliases, iri = named(item)
    analysis: dict[str, Any] = {"state": _STATES[item.status]}
    detail = [item.impact, item.notes]
    if item.justification and item.status == "not_affected":
        label, same = _LABELS.get(item.justification, ("", False))
        analysis |= {"justification": label} if label else {}
        if not same:
            detail.insert(0, item.justification)
            losses.add("justification", f"{item.justification} became {label or 'text'}; named in the detail", item.id)
    if text := "\n\n".join(part for part in detail if part):
        analysis["detail"] = text
    if item.timestamp is not None:
        analysis |= {"firstIssued": stamp(item.timestamp), "lastUpdated": stamp(item.timestamp)}
    made: dict[str, Any] = {"bom-ref": item.id, "id": name}
    references = [{"id": alias, "source": {"name": alias.partition("-")[0]}} for alias in aliases]
    references += [{"id": name, "source": {"url": iri}}] if iri else []
    made |= {"references": references} if references else {}
    made |= {"recommendation": item.action} if item.action else {}
    return {**made, "analysis": analysis, "affects": [{"ref": ref} for ref in refs]}
