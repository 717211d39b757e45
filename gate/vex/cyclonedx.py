"""VEX in CycloneDX 1.4 to 1.7: ``vulnerabilities`` with an ``analysis``, inside an SBOM or in a document of their own.

``affects[].ref`` is a bom-ref of the same document, or a BOM-Link ``urn:cdx:<serial>/<version>#<bom-ref>`` to another one, which
the resolver follows into the SBOMs that were accepted for the image. A vulnerability without an analysis is a finding of somebody
else's scan and no statement.

CycloneDX has other words than OpenVEX and CSAF. ``resolved`` is ``fixed``; ``false_positive`` is ``not_affected`` with that as
its impact; the justifications are mapped to the nearest of the five labels, and the original word stays in the impact text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.model.findings import VexStatus
from gate.vex.document import (
    SUBJECT,
    SUPPRESSING,
    Oddities,
    VexComponent,
    VexDocument,
    VexProduct,
    VexStatement,
    instant,
    load,
    mapping,
    objects,
    strings,
    text,
)
from gate.vex.notes import marks

_SPECS = ("1.4", "1.5", "1.6", "1.7")
_STATES: dict[str, VexStatus] = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
    "false_positive": "not_affected",
    "not_affected": "not_affected",
}
_LABELS = {
    "code_not_present": "vulnerable_code_not_present",
    "code_not_reachable": "vulnerable_code_not_in_execute_path",
    "requires_configuration": "vulnerable_code_cannot_be_controlled_by_adversary",
    "requires_dependency": "vulnerable_code_cannot_be_controlled_by_adversary",
    "requires_environment": "vulnerable_code_cannot_be_controlled_by_adversary",
    "protected_by_compiler": "inline_mitigations_already_exist",
    "protected_at_runtime": "inline_mitigations_already_exist",
    "protected_at_perimeter": "inline_mitigations_already_exist",
    "protected_by_mitigating_control": "inline_mitigations_already_exist",
}
BOM_LINK = "urn:cdx:"

MESSAGES = {
    "without_analysis": "a vulnerability has no analysis; it is a finding of another scan and no statement",
    "unknown_state": "an analysis.state is none of CycloneDX's; read as under_investigation",
    "unknown_justification": "a justification is none of CycloneDX's; kept as text",
    "unjustified": "not_affected without justification or detail; the statement does not count",
    "without_id": "a vulnerability has no id",
    "without_affects": "an analysed vulnerability names nothing that it affects; it does not count",
    "without_ref": "an entry of affects has no ref; nothing can be matched with it",
    "unknown_ref": "affects names a bom-ref that the document does not have",
    "unidentified_ref": "affects names a component without purl or hash; nothing can be matched with it",
    "version_contradicts_analysis": "affects.versions calls a version affected or unknown that the analysis rules out; it counts",
    "version_without_status": "affects.versions has no status; the analysis is taken for it",
    "bad_timestamp": "a time is not RFC 3339 with a zone",
    "without_time": "a suppressing statement has no usable time; it does not count",
    "bad_review_date": "a review date in analysis.detail is no date; the review counts as overdue",
}


def has_analysis(data: bytes) -> bool:
    """Whether the bytes can hold a statement at all; cheap."""
    return b'"analysis"' in data


def read(data: bytes, limits: Limits = DEFAULT) -> VexDocument:
    """All statements of a document. Raises EvidenceInvalid, FormatRefused, LimitExceeded."""
    body = load(data, limits, "CycloneDX document")
    if text(body, "bomFormat") != "CycloneDX":
        raise EvidenceInvalid(f"bomFormat is {body.get('bomFormat')!r}, not 'CycloneDX'")
    if text(body, "specVersion") not in _SPECS:
        raise FormatRefused(
            f"CycloneDX {text(body, 'specVersion') or 'without specVersion'} is not read",
            why=f"this version reads CycloneDX JSON {', '.join(_SPECS)}",
        )
    listed = objects(body, "vulnerabilities")
    if len(listed) > limits.findings:
        raise LimitExceeded("findings", limits.findings, "vulnerabilities of a CycloneDX document")
    odd = Oddities(MESSAGES)
    metadata = mapping(body, "metadata")
    stamp, broken = instant(metadata.get("timestamp"))
    odd.add("bad_timestamp", "/metadata/timestamp", count=int(broken))
    serial = text(body, "serialNumber")
    version = body.get("version")
    number = version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else 1
    refs = _Refs(body, odd)
    statements = tuple(
        statement
        for place, item in enumerate(listed, 1)
        for statement in _statements(item, f"{serial or 'cyclonedx'}/{number}#{place}", stamp, refs, odd)
    )
    names = _authors(metadata)
    return VexDocument(
        id=serial,
        author=names[0] if names else "",
        role="",
        timestamp=stamp,
        version=number,
        spec_version=text(body, "specVersion"),
        statements=statements,
        diagnostics=odd.diagnostics(),
        format="cyclonedx-vex",
        author_names=tuple(names[1:]),
    )


def _authors(metadata: Mapping[str, Any]) -> list[str]:
    """Persons first, then parties; each also by its address."""
    parties = [*objects(metadata, "authors"), *(mapping(metadata, name) for name in ("manufacturer", "supplier", "manufacture"))]
    return list(dict.fromkeys(name for party in parties for name in (text(party, "name"), text(party, "email")) if name))


class _Refs:
    """The components of the document by bom-ref."""

    def __init__(self, body: Mapping[str, Any], odd: Oddities) -> None:
        self._odd = odd
        self._components: dict[str, dict[str, Any] | None] = {}
        root = mapping(mapping(body, "metadata"), "component")
        self._root = text(root, "bom-ref")
        stack = [*reversed(objects(body, "components")), *objects(root, "components")]
        while stack:
            item = stack.pop()
            stack += reversed(objects(item, "components"))
            ref = text(item, "bom-ref")
            if ref:
                # Two components under one reference: nobody can tell which one is meant.
                self._components[ref] = None if ref in self._components else item

    def component(self, ref: str, ranges: tuple[str, ...]) -> VexComponent | None:
        if ref.startswith(BOM_LINK):
            return VexComponent((ref,), (), ranges)
        if not ref:
            self._odd.add("without_ref")
            return None
        if ref == self._root:
            return VexComponent((SUBJECT,), (), ranges)
        item = self._components.get(ref)
        if item is None:
            self._odd.add("unknown_ref", ref)
            return VexComponent((ref,), (), ranges) if ref.startswith("pkg:") else None
        hashes = tuple(
            (text(entry, "alg").lower().replace("-", ""), text(entry, "content").lower())
            for entry in objects(item, "hashes")
            if text(entry, "content")
        )
        ids = tuple(dict.fromkeys(name for name in (text(item, "purl"), text(item, "cpe")) if name))
        if not ids and not hashes:
            self._odd.add("unidentified_ref", ref)
            return None
        return VexComponent(ids, hashes, ranges)


def _statements(
    item: Mapping[str, Any], identity: str, stamp: datetime | None, refs: _Refs, odd: Oddities
) -> Iterable[VexStatement]:
    analysis = item.get("analysis")
    if not isinstance(analysis, dict) or not analysis:
        odd.add("without_analysis", text(item, "id"))
        return
    names = [text(item, "id"), *(text(entry, "id") for entry in objects(item, "references"))]
    vulnerabilities = tuple(dict.fromkeys(name for name in names if name))
    word = text(analysis, "state")
    status = _STATES.get(word)
    problems: list[str] = []
    if not vulnerabilities:
        odd.add("without_id", identity)
        problems.append("names no vulnerability")
    if status is None:
        odd.add("unknown_state", word)
        problems.append(f"unknown state {word!r}")
    label, impact = _justified(analysis, word, odd)
    if status == "not_affected" and not label and not impact:
        odd.add("unjustified", vulnerabilities[0] if vulnerabilities else identity)
        problems.append("not_affected without justification or detail")
    moment = _moment(item, analysis, stamp, odd)
    noted = marks(text(analysis, "detail"))
    odd.add("bad_review_date", noted.bad_review, count=int(bool(noted.bad_review)))
    if moment is None and status in SUPPRESSING:
        odd.add("without_time", vulnerabilities[0] if vulnerabilities else identity)
        problems.append("no usable time")
    groups = _products(item, status or "under_investigation", refs, odd)
    for held, products in groups.items():
        found = problems if products else [*problems, "names no product in a known form"]
        yield VexStatement(
            id=text(item, "bom-ref") + f"/{held}" * (len(groups) > 1) if text(item, "bom-ref") else f"{identity}/{held}",
            vulnerabilities=vulnerabilities,
            products=tuple(products),
            names_products=True,
            status=held,
            justification=label if held == "not_affected" else "",
            impact=impact if held == "not_affected" else "",
            timestamp=moment,
            problem="; ".join(found),
            action=_action(item, analysis),
            review_by=noted.review_by,
            bad_review=noted.bad_review,
        )


def _justified(analysis: Mapping[str, Any], state: str, odd: Oddities) -> tuple[str, str]:
    """Label and impact text. What the label cannot hold (``protected_at_perimeter``, ``false_positive``) stays in the text."""
    word, detail = text(analysis, "justification"), text(analysis, "detail")
    label = _LABELS.get(word, "")
    if word and not label:
        odd.add("unknown_justification", word)
    kept = [word] if word and word not in ("code_not_present", "code_not_reachable") else []
    if state == "false_positive":
        kept.insert(0, "false positive")
    return label, ": ".join(part for part in (", ".join(kept), detail) if part)


def _moment(item: Mapping[str, Any], analysis: Mapping[str, Any], stamp: datetime | None, odd: Oddities) -> datetime | None:
    """When the analysis was last said: its own times (1.5), else the document's. ``vulnerability.updated`` is the advisory's."""
    for value in (analysis.get("lastUpdated"), analysis.get("firstIssued")):
        moment, broken = instant(value)
        if broken:
            odd.add("bad_timestamp", text(item, "id"))
            return None
        if moment is not None:
            return moment
    return stamp


def _products(item: Mapping[str, Any], status: VexStatus, refs: _Refs, odd: Oddities) -> dict[VexStatus, list[VexProduct]]:
    """Products by the status that holds for them: versions that ``affects`` calls otherwise leave the analysis' status."""
    found: dict[VexStatus, list[VexProduct]] = {}
    affects = objects(item, "affects")
    if not affects:
        odd.add("without_affects", text(item, "id"))
        return {status: []}
    for entry in affects:
        ref = text(entry, "ref")
        spans: dict[VexStatus, list[str]] = {}
        for version in objects(entry, "versions"):
            span = text(version, "range") or (f"={text(version, 'version')}" if text(version, "version") else "")
            if span:
                spans.setdefault(_of_version(version, status, odd), []).append(span)
        if entry.get("versions") and not spans:
            # It should narrow to something unreadable, and must not widen to every version.
            spans = {status: ["?"]}
        for held, listed in (spans or {status: []}).items():
            component = refs.component(ref, tuple(listed))
            found.setdefault(held, [])
            if component is not None:
                found[held].append(VexProduct(component))
    return found


def _of_version(version: Mapping[str, Any], status: VexStatus, odd: Oddities) -> VexStatus:
    word = text(version, "status")
    if not word:
        odd.add("version_without_status", text(version, "version") or text(version, "range"))
        return status
    if status not in SUPPRESSING or word == "unaffected":
        return status
    odd.add("version_contradicts_analysis", text(version, "version") or text(version, "range"))
    return "affected" if word == "affected" else "under_investigation"


def _action(item: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    said = text(item, "recommendation") or text(item, "workaround")
    return said or ", ".join(word.replace("_", " ") for word in strings(analysis, "response"))


def parse_link(link: str) -> tuple[str, str, str] | None:
    """Serial (``urn:uuid:…``), version (may be empty) and bom-ref of a BOM-Link; None for anything else."""
    if not link.startswith(BOM_LINK):
        return None
    place, hash_sign, ref = link[len(BOM_LINK) :].partition("#")
    serial, _, version = place.partition("/")
    return (f"urn:uuid:{serial.lower()}", version, unquote(ref)) if hash_sign and serial and ref else None


def link(serial: str, version: int, ref: str) -> str:
    """The BOM-Link of a component: what a detached statement names."""
    return f"{BOM_LINK}{serial.removeprefix('urn:uuid:')}/{version}#{quote(ref, safe='/:@')}"
