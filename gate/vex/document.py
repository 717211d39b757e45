"""What every VEX format is read into, and what the readers share. Formats: OpenVEX, CSAF, CycloneDX.

What cannot be understood never suppresses: it is read as the less favourable thing and kept with its ``problem``.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.limits import Limits
from gate.model.evidence import Diagnostic
from gate.model.findings import VexStatus

SUPPRESSING = frozenset({"not_affected", "fixed"})
JUSTIFICATIONS = frozenset(
    {
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    }
)
SUBJECT = "gate:subject"
"""Stands for the subject that the document around the statement is about: the root of an SBOM with embedded VEX."""


@dataclasses.dataclass(frozen=True, slots=True)
class VexComponent:
    """A product or subcomponent: every spelling under which the document names it."""

    ids: tuple[str, ...]
    """purls, references, digests, CPEs, BOM-Links."""
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm (``sha256``) and lower-case hex."""
    ranges: tuple[str, ...] = ()
    """``vers:`` ranges or ``=`` with one version; the version must be in one of them. Empty does not narrow."""


@dataclasses.dataclass(frozen=True, slots=True)
class VexProduct:
    component: VexComponent
    subcomponents: tuple[VexComponent, ...] = ()
    platforms: tuple[str, ...] = ()
    """CPEs of the platform that the product is a component of, or its id where it has none: all must cover the image."""


@dataclasses.dataclass(frozen=True, slots=True)
class VexStatement:
    id: str
    """Its own id, else ``<document id>#<number or what it says>``."""
    vulnerabilities: tuple[str, ...]
    """Name, aliases and ``@id`` of the vulnerability."""
    products: tuple[VexProduct, ...]
    names_products: bool
    """Whether the document lists any, understood or not; one that lists none is about the subject of its attestation."""
    status: VexStatus
    justification: str
    impact: str
    timestamp: datetime | None
    """Effective time; null when the one that counts is no time."""
    problem: str = ""
    """Why the statement is invalid; such a one never suppresses."""
    action: str = ""
    """What to do about an ``affected`` product."""
    review_by: datetime | None = None
    """When its author meant to look at it again."""
    bad_review: str = ""
    """What its author wrote for that date and is none: the review counts as overdue."""
    notes: str = ""
    """Free text about how the status was found, as written."""


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
    format: str = "openvex"
    """``openvex``, ``csaf`` or ``cyclonedx-vex``."""
    author_names: tuple[str, ...] = ()
    """Further names of the author that a profile may list, such as a publisher's namespace."""


class Oddities:
    """Diagnostics by code with the first place; codes and their messages are one table per format."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        self._messages = messages
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, code: str, where: str = "", count: int = 1) -> None:
        if count:
            self._counts[code] += count
            self._first.setdefault(code, where[:300])

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(
            Diagnostic(code=code, message=self._messages[code], count=count, where=self._first[code])
            for code, count in sorted(self._counts.items())
        )


def load(data: bytes, limits: Limits, what: str) -> dict[str, Any]:
    """The JSON object. Raises EvidenceInvalid, LimitExceeded. Repeated names were looked for by `gate.evidence.sniff`."""
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, what)
    try:
        body = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise EvidenceInvalid(f"{what}: not JSON ({error})") from None
    except RecursionError:
        raise LimitExceeded("json_depth", limits.json_depth, f"nesting of a {what}") from None
    if not isinstance(body, dict):
        raise EvidenceInvalid(f"{what}: not a JSON object")
    return body


def text(item: Any, name: str) -> str:
    """The field when ``item`` is an object and the field a string; else empty."""
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""


def mapping(item: Any, name: str) -> dict[str, Any]:
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, dict) else {}


def objects(item: Any, name: str) -> list[dict[str, Any]]:
    """The objects in a list; what is none of them is left out."""
    value = item.get(name) if isinstance(item, dict) else None
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def strings(item: Any, name: str) -> list[str]:
    value = item.get(name) if isinstance(item, dict) else None
    return [entry for entry in value if isinstance(entry, str) and entry] if isinstance(value, list) else []


def instant(value: Any) -> tuple[datetime | None, bool]:
    """The moment in UTC, and whether something was there that is no RFC 3339 time with a zone."""
    if value is None or value == "":
        return None, False
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return None, True
        return moment.astimezone(UTC), False
    except (ValueError, TypeError, OverflowError):
        return None, True
