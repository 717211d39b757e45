"""OpenVEX 0.2.0 and the 0.0.1 shape, read tolerantly.

Published documents break the specification in small ways (Docker's statement ids are no IRIs, trivy's author has no role, 0.0.1
has strings where 0.2.0 has objects). What cannot be understood never suppresses: an unknown status is read as
``under_investigation``, and a ``not_affected`` without justification or impact statement is kept with its ``problem``.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.model.evidence import Diagnostic
from gate.model.findings import VexStatus

_STATUSES: dict[str, VexStatus] = {
    "not_affected": "not_affected",
    "affected": "affected",
    "fixed": "fixed",
    "under_investigation": "under_investigation",
}
JUSTIFICATIONS = frozenset(
    {
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    }
)
_CONTEXT = "https://openvex.dev/ns"
_VERSIONS = ("", "v0.0.1", "v0.0.2", "v0.2.0")


@dataclasses.dataclass(frozen=True, slots=True)
class VexComponent:
    """A product or subcomponent: every spelling under which the document names it."""

    ids: tuple[str, ...]
    """``@id`` and ``identifiers``: purls, references, digests, CPEs."""
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm (``sha256``) and lower-case hex."""


@dataclasses.dataclass(frozen=True, slots=True)
class VexProduct:
    component: VexComponent
    subcomponents: tuple[VexComponent, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class VexStatement:
    id: str
    """Its ``@id``, else ``<document id>#<number>``."""
    vulnerabilities: tuple[str, ...]
    """Name, aliases and ``@id`` of the vulnerability."""
    products: tuple[VexProduct, ...]
    names_products: bool
    """Whether the document lists any, understood or not; one that lists none is about the subject of its attestation."""
    status: VexStatus
    justification: str
    impact: str
    timestamp: datetime | None
    """Effective: ``last_updated``, else ``timestamp``, else the document's; null when the one that counts is no time."""
    problem: str = ""
    """Why the statement is invalid; such a one never suppresses."""


@dataclasses.dataclass(frozen=True, slots=True)
class VexDocument:
    id: str
    author: str
    role: str
    timestamp: datetime | None
    version: int
    spec_version: str
    statements: tuple[VexStatement, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def recognises(head: bytes) -> bool:
    """Whether the first bytes look like OpenVEX."""
    return b"openvex.dev/ns" in head


def read(data: bytes, limits: Limits = DEFAULT) -> VexDocument:
    """Read one document. Raises EvidenceInvalid, FormatRefused (a later version), LimitExceeded.

    Repeated names are not looked for here: `gate.evidence.sniff` guards the bytes first.
    """
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, "OpenVEX document")
    try:
        body = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise EvidenceInvalid(f"OpenVEX document: not JSON ({error})") from None
    except RecursionError:
        raise LimitExceeded("json_depth", limits.json_depth, "nesting of an OpenVEX document") from None
    if not isinstance(body, dict):
        raise EvidenceInvalid("OpenVEX document: not a JSON object")
    spec = _spec_version(body)
    listed = body.get("statements")
    if not isinstance(listed, list):
        raise EvidenceInvalid(
            "OpenVEX document: no list of statements", why="a document without statements says nothing about any finding"
        )
    if len(listed) > limits.findings:
        raise LimitExceeded("findings", limits.findings, "statements of an OpenVEX document")
    odd: Counter[str] = Counter()
    identifier = _text(body, "@id")
    stamp, broken = _time(body.get("timestamp") or body.get("last_updated"))
    if not identifier:
        odd["document_without_id"] += 1
    statements = tuple(
        _statement(item if isinstance(item, dict) else {}, f"{identifier}#{number}", stamp, odd)
        for number, item in enumerate(listed, 1)
    )
    if broken:
        odd["bad_timestamp"] += 1
    return VexDocument(
        id=identifier,
        author=_text(body, "author"),
        role=_text(body, "role"),
        timestamp=stamp,
        version=_number(body.get("version")),
        spec_version=spec,
        statements=statements,
        diagnostics=tuple(Diagnostic(code=code, message=_MESSAGES[code], count=count) for code, count in sorted(odd.items())),
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
        raise FormatRefused(f"OpenVEX {version} is not read", why="this version reads OpenVEX 0.2.0 and 0.0.1")
    return version.removeprefix("v") or "0.2.0"


def _statement(item: Mapping[str, Any], fallback: str, stamp: datetime | None, odd: Counter[str]) -> VexStatement:
    problems: list[str] = []
    word = _text(item, "status")
    status = _STATUSES.get(word)
    if status is None:
        odd["unknown_status"] += 1
        problems.append(f"unknown status {word!r}")
    justification, impact = _text(item, "justification"), _text(item, "impact_statement")
    if justification and justification not in JUSTIFICATIONS:
        odd["unknown_justification"] += 1
    if status == "not_affected" and justification not in JUSTIFICATIONS and not impact:
        odd["unjustified"] += 1
        problems.append("not_affected without justification or impact_statement")
    vulnerabilities = _vulnerabilities(item)
    if not vulnerabilities:
        odd["without_vulnerability"] += 1
        problems.append("names no vulnerability")
    moment, broken = _time(item.get("last_updated") or item.get("timestamp"))
    if broken:
        odd["bad_timestamp"] += 1
    elif moment is None:
        moment = stamp
    if moment is None and status in ("not_affected", "fixed"):
        odd["without_time"] += 1
        problems.append("no usable time")
    listed = item.get("products")
    products = tuple(_products(listed, odd)) if isinstance(listed, list) else ()
    if listed and not products:
        problems.append("names products in no known form")
    if not listed:
        odd["without_products"] += 1
    return VexStatement(
        id=_text(item, "@id") or fallback,
        vulnerabilities=vulnerabilities,
        products=products,
        names_products=bool(listed),
        status=status or "under_investigation",
        justification=justification,
        impact=impact,
        timestamp=moment,
        problem="; ".join(problems),
    )


def _vulnerabilities(item: Mapping[str, Any]) -> tuple[str, ...]:
    """0.2.0 has an object, 0.0.1 a string. A URL as ``@id`` also stands for the id at its end."""
    found = item.get("vulnerability")
    if isinstance(found, str):
        return (found,) if found else ()
    if not isinstance(found, dict):
        return ()
    names = [_text(found, "name"), _text(found, "@id")]
    aliases = found.get("aliases")
    names += [alias for alias in aliases if isinstance(alias, str)] if isinstance(aliases, list) else []
    if "/" in names[1]:
        names.append(names[1].rstrip("/").rpartition("/")[2])
    return tuple(dict.fromkeys(name for name in names if name))


def _products(listed: Iterable[Any], odd: Counter[str]) -> Iterable[VexProduct]:
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
            odd["whole_image_product"] += 1
        for found in subcomponents or (component,):
            if any(text.startswith("pkg:") and "@" not in text.partition("?")[0].rpartition("/")[2] for text in found.ids):
                odd["unversioned_product"] += not _is_image(found)
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
    ids = [_text(item, "@id")]
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


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    """Document version; 0.0.1 documents have it as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _time(value: Any) -> tuple[datetime | None, bool]:
    """The moment in UTC, and whether something was there that is no time with a zone."""
    if value is None or value == "":
        return None, False
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return None, True
        return moment.astimezone(UTC), False
    except (ValueError, TypeError, OverflowError):
        return None, True
