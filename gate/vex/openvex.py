"""OpenVEX 0.0.1 to 0.2.0, read tolerantly.

Published documents break the specification in small ways (Docker's statement ids are no IRIs, trivy's author has no role, 0.0.1
has strings where 0.2.0 has objects). What cannot be understood never suppresses: an unknown status is read as
``under_investigation``, and a ``not_affected`` without justification or impact statement is kept with its ``problem``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.model.findings import VexStatus
from gate.vex.document import JUSTIFICATIONS as JUSTIFICATIONS
from gate.vex.document import Oddities, instant, load, text
from gate.vex.document import VexComponent as VexComponent
from gate.vex.document import VexDocument as VexDocument
from gate.vex.document import VexProduct as VexProduct
from gate.vex.document import VexStatement as VexStatement
from gate.vex.notes import marks

_STATUSES: dict[str, VexStatus] = {
    "not_affected": "not_affected",
    "affected": "affected",
    "fixed": "fixed",
    "under_investigation": "under_investigation",
}
_CONTEXT = "https://openvex.dev/ns"
_VERSIONS = ("", "v0.0.1", "v0.0.2", "v0.1.0", "v0.2.0")


def recognises(head: bytes) -> bool:
    """Whether the first bytes look like OpenVEX."""
    return b"openvex.dev/ns" in head


def read(data: bytes, limits: Limits = DEFAULT) -> VexDocument:
    """Read one document. Raises EvidenceInvalid, FormatRefused (a later version), LimitExceeded.

    Repeated names are not looked for here: `gate.evidence.sniff` guards the bytes first.
    """
    body = load(data, limits, "OpenVEX document")
    spec = _spec_version(body)
    listed = body.get("statements")
    if not isinstance(listed, list):
        raise EvidenceInvalid(
            "OpenVEX document: no list of statements", why="a document without statements says nothing about any finding"
        )
    if len(listed) > limits.findings:
        raise LimitExceeded("findings", limits.findings, "statements of an OpenVEX document")
    odd = Oddities(_MESSAGES)
    identifier = text(body, "@id")
    stamp, broken = instant(body.get("timestamp") or body.get("last_updated"))
    if not identifier:
        odd.add("document_without_id")
    statements = tuple(
        _statement(item if isinstance(item, dict) else {}, f"{identifier}#{number}", stamp, odd)
        for number, item in enumerate(listed, 1)
    )
    if broken:
        odd.add("bad_timestamp")
    return VexDocument(
        id=identifier,
        author=text(body, "author"),
        role=text(body, "role"),
        timestamp=stamp,
        version=_number(body.get("version")),
        spec_version=spec,
        statements=statements,
        diagnostics=odd.diagnostics(),
    )


_MESSAGES = {
    "document_without_id": "the document has no @id",
    "bad_timestamp": "a time is not RFC 3339 with a zone",
    "unknown_status": "a status is unknown; read as under_investigation",
    "unknown_justification": "a justification is none of OpenVEX's; kept as text",
    "unjustified": "not_affected without justification or impact_statement; the statement does not count",
    "without_vulnerability": "a statement names no vulnerability",
    "without_products": "a statement names no product; it applies only to the subject of a signed attestation",
    "whole_image_product": "an image is a product without subcomponents: the statement holds for every package in it",
    "unversioned_product": "a package is named without version: the statement holds for every version of it",
    "proposal": "a statement is a tool's proposal for review (Proposal: in status_notes); it does not count",
    "bad_review_date": "a review date in status_notes is no date; the review counts as overdue",
    "without_time": "a suppressing statement has no usable time; it does not count",
}


def _spec_version(body: Mapping[str, Any]) -> str:
    context = body.get("@context")
    contexts = context if isinstance(context, list) else [context]
    found = next((text for text in contexts if isinstance(text, str) and text.startswith(_CONTEXT)), None)
    if found is None:
        raise EvidenceInvalid("@context does not name OpenVEX", fix=f'an OpenVEX document has "@context": "{_CONTEXT}/v0.2.0"')
    version = found.removeprefix(_CONTEXT).strip("/")
    if version not in _VERSIONS:
        raise FormatRefused(f"OpenVEX {version} is not read", why="this version reads OpenVEX 0.0.1 to 0.2.0")
    return version.removeprefix("v") or "0.2.0"


def _statement(item: Mapping[str, Any], fallback: str, stamp: datetime | None, odd: Oddities) -> VexStatement:
    problems: list[str] = []
    word = text(item, "status")
    status = _STATUSES.get(word)
    if status is None:
        odd.add("unknown_status")
        problems.append(f"unknown status {word!r}")
    justification, impact = text(item, "justification"), text(item, "impact_statement")
    if justification and justification not in JUSTIFICATIONS:
        odd.add("unknown_justification")
    if status == "not_affected" and justification not in JUSTIFICATIONS and not impact:
        odd.add("unjustified")
        problems.append("not_affected without justification or impact_statement")
    vulnerabilities = _vulnerabilities(item)
    if not vulnerabilities:
        odd.add("without_vulnerability")
        problems.append("names no vulnerability")
    moment, broken = instant(item.get("last_updated") or item.get("timestamp"))
    if broken:
        odd.add("bad_timestamp")
    elif moment is None:
        moment = stamp
    if moment is None and status in ("not_affected", "fixed"):
        odd.add("without_time")
        problems.append("no usable time")
    listed = item.get("products")
    products = tuple(_products(listed, odd)) if isinstance(listed, list) else ()
    if listed and not products:
        problems.append("names products in no known form")
    if not listed:
        odd.add("without_products")
    noted = marks(text(item, "status_notes"))
    if noted.bad_review:
        odd.add("bad_review_date", noted.bad_review)
    if noted.proposal:
        odd.add("proposal", text(item, "@id"))
        problems.append("a proposal of a tool, which nobody has decided")
    return VexStatement(
        id=text(item, "@id") or fallback,
        vulnerabilities=vulnerabilities,
        products=products,
        names_products=bool(listed),
        status=status or "under_investigation",
        justification=justification,
        impact=impact,
        timestamp=moment,
        problem="; ".join(problems),
        action=text(item, "action_statement"),
        review_by=noted.review_by,
        bad_review=noted.bad_review,
        notes=text(item, "status_notes"),
    )


def _vulnerabilities(item: Mapping[str, Any]) -> tuple[str, ...]:
    """0.2.0 has an object, 0.0.1 a string. A URL as ``@id`` also stands for the id at its end."""
    found = item.get("vulnerability")
    if isinstance(found, str):
        return (found,) if found else ()
    if not isinstance(found, dict):
        return ()
    names = [text(found, "name"), text(found, "@id")]
    aliases = found.get("aliases")
    names += [alias for alias in aliases if isinstance(alias, str)] if isinstance(aliases, list) else []
    if "/" in names[1]:
        names.append(names[1].rstrip("/").rpartition("/")[2])
    return tuple(dict.fromkeys(name for name in names if name))


def _products(listed: Iterable[Any], odd: Oddities) -> Iterable[VexProduct]:
    for item in listed:
        component = _component(item)
        if component is None:
            continue
        inner = item.get("subcomponents") if isinstance(item, dict) else None
        if inner is not None and not isinstance(inner, list):
            # A product that should narrow to something unreadable must not widen to the whole image.
            continue
        subcomponents = tuple(found for entry in inner or () if (found := _component(entry)) is not None)
        if inner and not subcomponents:
            continue
        if not subcomponents and _is_image(component):
            odd.add("whole_image_product")
        for found in subcomponents or (component,):
            if any(text.startswith("pkg:") and "@" not in text.partition("?")[0].rpartition("/")[2] for text in found.ids):
                odd.add("unversioned_product", found.ids[0], not _is_image(found))
        yield VexProduct(component, subcomponents)


def _is_image(component: VexComponent) -> bool:
    return bool(component.hashes) or any(
        text.startswith(("pkg:oci/", "pkg:docker/")) or not text.startswith(("pkg:", "cpe:")) for text in component.ids
    )


def _component(item: Any) -> VexComponent | None:
    if isinstance(item, str):
        return VexComponent((item,)) if item else None
    if not isinstance(item, dict):
        return None
    ids = [text(item, "@id")]
    identifiers = item.get("identifiers")
    if isinstance(identifiers, dict):
        ids += [value for value in identifiers.values() if isinstance(value, str)]
    hashes = item.get("hashes")
    pairs: tuple[tuple[str, str], ...] = ()
    if isinstance(hashes, dict):
        pairs = tuple(
            (name.lower().replace("-", ""), value.lower()) for name, value in hashes.items() if isinstance(value, str) and value
        )
    named = tuple(dict.fromkeys(text for text in ids if text))
    return VexComponent(named, pairs) if named or pairs else None


def _number(value: Any) -> int:
    """Document version; 0.0.1 documents have it as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0
