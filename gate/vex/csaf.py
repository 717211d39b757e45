"""CSAF 2.0 and 2.1 (OASIS), read for what it says of products: any profile with ``product_status``, above all ``csaf_vex``.

A status names product ids. Each id is followed through the product tree: branches and full product names say what it is (purl,
CPE, hashes, version range), relationships (2.1: product paths) say that it is a component of another product. What the chain
ends in is the platform: a purl makes it a product around the component, a CPE a distribution that the image must run.

An anomaly is a diagnostic and never a reason to suppress: an unknown id, a product in two statuses, a draft, a
``known_not_affected`` without flag or impact. Statements are one per vulnerability, status and justification, so that a document
with 22,000 products has a handful of them.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gate.errors import EvidenceInvalid, FormatRefused, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.model.findings import VexStatus
from gate.vex.csaf_tree import Tree
from gate.vex.document import (
    JUSTIFICATIONS,
    SUPPRESSING,
    Oddities,
    VexDocument,
    VexStatement,
    instant,
    load,
    mapping,
    objects,
    strings,
    text,
)
from gate.vex.notes import earliest

_VERSIONS = ("2.0", "2.1")
_STATUSES: dict[str, VexStatus] = {
    "known_not_affected": "not_affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "known_affected": "affected",
    "first_affected": "affected",
    "last_affected": "affected",
    "under_investigation": "under_investigation",
    "unknown": "under_investigation",
}
"""``recommended`` says which version to take, not that the vulnerability is gone from it."""
_WORSE: dict[VexStatus, int] = {"affected": 0, "under_investigation": 1, "fixed": 2, "not_affected": 3}
_RATINGS = frozenset({"none", "low", "moderate", "medium", "important", "high", "critical"})
"""Red Hat writes the severity as an ``impact`` threat; that justifies nothing."""
_SEMANTIC = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+].*)?")

MESSAGES = {
    "other_profile": "the document is no csaf_vex; its product statuses are read all the same",
    "without_status": "a vulnerability has no product_status",
    "without_vulnerabilities": "the document has no vulnerabilities, so it says nothing of any product",
    "draft": "the document is a draft; its statements do not suppress",
    "bad_timestamp": "a time is not RFC 3339 with a zone",
    "bad_version": "tracking.version is neither a number nor a semantic version; read as 0",
    "without_cve": "a vulnerability has neither cve nor ids",
    "unknown_status": "a product_status is none of CSAF's; read as under_investigation",
    "recommended": "recommended versions are no status and are left out",
    "contradicting_status": "a product has several statuses for one vulnerability (test 6.1.6); the least favourable holds",
    "unjustified": "known_not_affected without flag or impact statement (profile 4.5); those products are not suppressed",
    "impact_is_a_rating": "an impact threat is only a severity word; it justifies nothing",
    "impact_for_all": "an impact threat names no product; it is taken for all of the vulnerability",
    "unknown_flag": "a flag's label is none of CSAF's; it justifies nothing",
    "unknown_group": "a product group is named that the product tree lacks",
    "unknown_product": "a product id is named that the product tree lacks",
    "duplicate_product": "a product id is defined several times in the same way",
    "ambiguous_product": "a product id is defined in several ways (test 6.1.2); nothing can be matched with it",
    "circular_relationship": "relationships form a circle, or nest absurdly; the product cannot be told",
    "unidentified_product": "a product has no purl, CPE or hash; nothing can be matched with it",
    "malformed_purl": "a purl does not parse",
    "unread_range": "a product version range is no vers: range; nothing can be matched with it to suppress",
    "without_time": "the document has no usable release date; its statements do not suppress",
    "bad_review_date": "a review date in a note is no date; the review counts as overdue",
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Context:
    """What is the same for all statements of a document."""

    id: str
    moment: datetime | None
    draft: bool
    tree: Tree
    groups: Mapping[str, list[str]]
    odd: Oddities
    limit: int
    named: Counter[str]
    """How many products flags, threats and remediations named so far: groups can multiply."""


def read(data: bytes, limits: Limits = DEFAULT) -> VexDocument:
    """Read one document. Raises EvidenceInvalid, FormatRefused (another version), LimitExceeded."""
    body = load(data, limits, "CSAF document")
    head = mapping(body, "document")
    spec = text(head, "csaf_version")
    if not head or not spec:
        raise EvidenceInvalid("CSAF document: no document.csaf_version", why="without it nothing says how to read the rest")
    if spec not in _VERSIONS:
        raise FormatRefused(f"CSAF {spec} is not read", why=f"this version reads CSAF {' and '.join(_VERSIONS)}")
    if not isinstance(body.get("vulnerabilities", []), list) or not isinstance(body.get("product_tree", {}), dict):
        raise EvidenceInvalid("CSAF document: vulnerabilities is no list or product_tree no object")
    odd = Oddities(MESSAGES)
    tracking, publisher = mapping(head, "tracking"), mapping(head, "publisher")
    moment, broken = instant(tracking.get("current_release_date"))
    odd.add("bad_timestamp", "/document/tracking/current_release_date", count=int(broken))
    if moment is None:
        odd.add("without_time")
    category = text(head, "category")
    if category != "csaf_vex":
        odd.add("other_profile", category)
    draft = text(tracking, "status") not in ("final", "interim")
    odd.add("draft", text(tracking, "status"), count=int(draft))
    tree = Tree(mapping(body, "product_tree"), odd, limits)
    context = _Context(text(tracking, "id"), moment, draft, tree, _groups(body), odd, limits.components, Counter())
    found = objects(body, "vulnerabilities")
    if not found:
        odd.add("without_vulnerabilities")
    statements = tuple(statement for number, item in enumerate(found, 1) for statement in _statements(item, number, context))
    if len(statements) > limits.findings:
        raise LimitExceeded("findings", limits.findings, "statements of a CSAF document")
    return VexDocument(
        id=f"{text(publisher, 'namespace')}#{context.id}" if context.id else "",
        author=text(publisher, "name"),
        role=text(publisher, "category"),
        timestamp=moment,
        version=_version(tracking, odd),
        spec_version=spec,
        statements=statements,
        diagnostics=odd.diagnostics(),
        format="csaf",
        author_names=tuple(name for name in (text(publisher, "namespace"),) if name),
    )


def _version(tracking: Mapping[str, Any], odd: Oddities) -> int:
    """A number whose order is that of the versions; CSAF has integers or semantic versions (section 3.1.11)."""
    written = text(tracking, "version")
    if written.isdecimal() and len(written) < 10:
        return int(written) * 10**12
    match = _SEMANTIC.fullmatch(written)
    if match is None:
        odd.add("bad_version", written)
        return 0
    major, minor, patch = (int(part) for part in match.groups())
    return major * 10**12 + minor * 10**6 + patch


def _groups(body: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        text(group, "group_id"): strings(group, "product_ids")
        for group in objects(mapping(body, "product_tree"), "product_groups")
    }


def _statements(item: Mapping[str, Any], number: int, context: _Context) -> Iterable[VexStatement]:
    names = _names(item)
    status = item.get("product_status")
    if not names:
        context.odd.add("without_cve", f"/vulnerabilities/{number - 1}")
    if not isinstance(status, dict) or not status:
        context.odd.add("without_status", names[0] if names else f"/vulnerabilities/{number - 1}")
        return
    held = _held(status, context)
    reasons, actions = _reasons(item, context), _actions(item, context)
    parts: defaultdict[tuple[VexStatus, str, str, str], list[str]] = defaultdict(list)
    for product, word in held.items():
        label, impact = reasons.get(product) or reasons.get("", ("", "")) if word == "not_affected" else ("", "")
        action = actions.get(product, actions.get("", "")) if word == "affected" else ""
        parts[word, label, impact, action].append(product)
    noted = earliest(text(note, "text") for note in objects(item, "notes"))
    context.odd.add("bad_review_date", noted.bad_review, count=int(bool(noted.bad_review)))
    alike = Counter((word, label) for word, label, _, _ in parts)
    places: Counter[tuple[str, str]] = Counter()
    for (word, label, impact, action), members in parts.items():
        problems = [] if names else ["names no vulnerability"]
        if word == "not_affected" and not label and not impact:
            context.odd.add("unjustified", members[0], count=len(members))
            problems.append("known_not_affected without flag or impact statement")
        if word in SUPPRESSING and context.moment is None:
            problems.append("no usable time")
        if word in SUPPRESSING and context.draft:
            problems.append("the document is a draft")
        products = tuple(product for member in members for product in context.tree.product(member))
        if not products:
            problems.append("names products in no known form")
        which = f"/{label}" if label else ""
        places[word, label] += 1
        place = f"/{places[word, label]}" if alike[word, label] > 1 else ""
        yield VexStatement(
            id=f"{context.id}#{names[0] if names else number}/{word}{which}{place}",
            vulnerabilities=names,
            products=products,
            names_products=True,
            status=word,
            justification=label,
            impact=impact,
            timestamp=context.moment,
            problem="; ".join(problems),
            action=action,
            review_by=noted.review_by,
            bad_review=noted.bad_review,
        )


def _names(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The CVE and the other ids. An id of a tracker (a Bugzilla number) names nothing outside it, and matches nothing."""
    ids = [text(entry, "text") for entry in objects(item, "ids")]
    return tuple(dict.fromkeys(name for name in (text(item, "cve"), *ids) if name))


def _held(status: Mapping[str, Any], context: _Context) -> dict[str, VexStatus]:
    """The status of each product; of several the least favourable, as test 6.1.6 forbids them."""
    held: dict[str, VexStatus] = {}
    for name in status:
        members = strings(status, name)
        if name == "recommended":
            context.odd.add("recommended", count=len(members))
            continue
        word = _STATUSES.get(name)
        if word is None:
            context.odd.add("unknown_status", name)
            word = "under_investigation"
        for product in members:
            before = held.get(product)
            if before is not None and before != word:
                context.odd.add("contradicting_status", product)
            held[product] = word if before is None or _WORSE[word] < _WORSE[before] else before
    return held


def _members(item: Mapping[str, Any], context: _Context) -> list[str]:
    """The products that a flag, threat or remediation is about; groups are replaced by their members."""
    found = strings(item, "product_ids")
    for members in [found, *(_group(name, context) for name in strings(item, "group_ids"))]:
        context.named["products"] += len(members)
        if context.named["products"] > context.limit:
            what = "products that flags, threats and remediations of a CSAF document name"
            raise LimitExceeded("components", context.limit, what)
        found = found if members is found else found + members
    return found


def _group(name: str, context: _Context) -> list[str]:
    if name not in context.groups:
        context.odd.add("unknown_group", name)
    return context.groups.get(name, [])


def _reasons(item: Mapping[str, Any], context: _Context) -> dict[str, tuple[str, str]]:
    """Flag label and impact text by product id; under the empty id what is said without naming products."""
    labels: dict[str, str] = {}
    for flag in objects(item, "flags"):
        label = text(flag, "label")
        if label not in JUSTIFICATIONS:
            context.odd.add("unknown_flag", label)
            continue
        for product in _members(flag, context):
            labels.setdefault(product, label)
    impacts: dict[str, str] = {}
    for threat in objects(item, "threats"):
        details = text(threat, "details")
        if text(threat, "category") != "impact" or not details:
            continue
        if details.strip().lower() in _RATINGS:
            context.odd.add("impact_is_a_rating", details)
            continue
        members = _members(threat, context)
        if not members and not threat.get("product_ids") and not threat.get("group_ids"):
            context.odd.add("impact_for_all")
            members = [""]
        for product in members:
            impacts.setdefault(product, details)
    return {product: (labels.get(product, ""), impacts.get(product, impacts.get("", ""))) for product in {*labels, *impacts}}


def _actions(item: Mapping[str, Any], context: _Context) -> dict[str, str]:
    """What to do, by product id: a vendor's fix before a workaround before the news that there is none."""
    order = ("vendor_fix", "optional_patch", "mitigation", "workaround", "fix_planned", "none_available", "no_fix_planned")
    found: dict[str, tuple[int, str]] = {}
    for entry in objects(item, "remediations"):
        category = text(entry, "category")
        rank = order.index(category) if category in order else len(order)
        url = text(entry, "url")
        said = " ".join(part for part in (text(entry, "details").strip(), url) if part) or category.replace("_", " ")
        members = _members(entry, context)
        if not members and not entry.get("product_ids") and not entry.get("group_ids"):
            members = [""]
        for product in members:
            if product not in found or rank < found[product][0]:
                found[product] = rank, said[:2000]
    return {product: said for product, (_, said) in found.items()}
