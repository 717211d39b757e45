"""CSAF 2.0 (OASIS), profile ``csaf_vex`` (section 4.5), from what the gate understands of a document.

A product has one status in CSAF (mandatory test 6.1.6), so that what a later statement replaces is left out and listed. The image
is a product, each package another, and what a status names is the relationship of the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gate import __version__
from gate.errors import ConfigError
from gate.vex.convert import Converted, Losses, bounded, named, nothing
from gate.vex.document import JUSTIFICATIONS, SUBJECT, VexComponent, VexDocument, VexProduct, VexStatement
from gate.vex.effective import effective
from gate.vex.purl import parse
from gate.vex.write import stamp

_STATUSES = {
    "not_affected": "known_not_affected",
    "affected": "known_affected",
    "fixed": "fixed",
    "under_investigation": "under_investigation",
}
_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_CPE = re.compile(r"cpe:2\.3:[aho*-](?::(?:[!-9;-~]|\\:)*){10}")
_REVISIONS = 1_000
"""Every revision has its line in the history."""
_HASHES = {"md5": "md5", "sha1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}


def to_csaf(document: VexDocument, *, now: datetime, namespace: str) -> Converted:
    """A ``csaf_vex`` document; ``namespace`` is the publisher's URL. Raises ConfigError without one, or without author."""
    if not re.fullmatch(r"https?://[^\s]+", namespace):
        raise ConfigError(
            "no publisher namespace", why="CSAF names its publisher by a URL", fix="--namespace https://acme.example"
        )
    if not document.author:
        raise ConfigError("the document has no author")
    losses = Losses()
    tree = _Tree(losses)
    by_name: dict[str, list[tuple[VexStatement, list[str]]]] = {}
    for item, products in effective(document, losses, now):
        ids = [found for product in products for found in tree.ids(product, item)]
        if ids:
            by_name.setdefault(named(item)[0], []).append((item, list(dict.fromkeys(ids))))
        else:
            losses.add("statement", f"{item.status} without a product that CSAF can name; left out", item.id)
    if not by_name:
        raise nothing(losses)
    moment = stamp(document.timestamp or now)
    released = stamp(max((item.timestamp for item in document.statements if item.timestamp), default=document.timestamp or now))
    version = str(document.version if 1 <= document.version <= _REVISIONS else 1)
    losses.add(
        "version", f"{document.version}: its revisions are not known; 1 was written", "", int(document.version > _REVISIONS)
    )
    history = [
        {"number": str(number), "date": moment if number == 1 else released, "summary": _summary(number)}
        for number in range(1, int(version) + 1)
    ]
    body = {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "publisher": {"category": "vendor", "name": document.author, "namespace": namespace},
            "title": f"VEX of {document.author}",
            "tracking": {
                "id": document.id or "policy-gate",
                "status": "final",
                "version": version,
                "initial_release_date": moment,
                "current_release_date": released if int(version) > 1 else moment,
                "revision_history": history,
                "generator": {"engine": {"name": "policy-gate", "version": __version__}},
            },
        },
        "product_tree": tree.body(),
        "vulnerabilities": [_vulnerability(name, items, losses) for name, items in by_name.items()],
    }
    losses.add("role", "of the author", "", int(bool(document.role)))
    return Converted((json.dumps(body, indent=2) + "\n").encode("ascii"), losses.listed())


def _summary(number: int) -> str:
    return "Initial version." if number == 1 else "Statements added."


class _Tree:
    """Products by what names them; each gets a product id once."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._names: dict[str, dict[str, Any]] = {}
        self._relations: dict[str, dict[str, Any]] = {}

    def ids(self, product: VexProduct, item: VexStatement) -> Iterable[str]:
        for outer in self._component(product.component, product, item, outer=bool(product.subcomponents)):
            if not product.subcomponents:
                yield outer
            for part in product.subcomponents:
                for inner in self._component(part, product, item):
                    yield self._relation(inner, outer)

    def _component(self, part: VexComponent, product: VexProduct, item: VexStatement, outer: bool = False) -> Iterable[str]:
        if part.ids[:1] == (SUBJECT,):
            self._losses.add("product", "the subject of the document around it", item.id)
            return
        for text in bounded(part, product, item, self._losses, outer) or (
            () if part.ids else [value for _, value in part.hashes]
        ):
            if text not in self._names:
                self._names[text] = _product(text, part)
            yield text

    def _relation(self, inner: str, outer: str) -> str:
        name = f"{outer}:{inner}"
        self._relations.setdefault(
            name,
            {
                "category": "default_component_of",
                "full_product_name": {"name": f"{inner} as a component of {outer}", "product_id": name},
                "product_reference": inner,
                "relates_to_product_reference": outer,
            },
        )
        return name

    def body(self) -> dict[str, Any]:
        made: dict[str, Any] = {"full_product_names": list(self._names.values())}
        return made | ({"relationships": list(self._relations.values())} if self._relations else {})


def _product(text: str, part: VexComponent) -> dict[str, Any]:
    helper: dict[str, Any] = {}
    if text.startswith("pkg:") and parse(text) is not None:
        helper["purl"] = text
    elif _CPE.fullmatch(text):
        helper["cpe"] = text
    hashes = [{"algorithm": _HASHES[name], "value": value} for name, value in part.hashes if name in _HASHES]
    if hashes:
        helper["hashes"] = [{"filename": text, "file_hashes": hashes}]
    return {"name": text, "product_id": text} | ({"product_identification_helper": helper} if helper else {})


def _vulnerability(name: str, items: list[tuple[VexStatement, list[str]]], losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {"cve": name} if _CVE.fullmatch(name) else {}
    aliases = dict.fromkeys(alias for item, _ in items for alias in named(item)[1])
    ids = [{"system_name": text.partition("-")[0], "text": text} for text in (*([] if made else [name]), *aliases)]
    made |= {"ids": ids} if ids else {}
    made["notes"] = [{"category": "description", "text": name}]
    status: dict[str, list[str]] = {}
    for item, products in items:
        status.setdefault(_STATUSES[item.status], []).extend(products)
        if item.notes:
            made["notes"].append({"category": "details", "title": item.id, "text": item.notes})
        if item.status == "not_affected" and item.justification in JUSTIFICATIONS:
            flag = {"label": item.justification, "product_ids": products}
            made.setdefault("flags", []).append(flag | ({"date": stamp(item.timestamp)} if item.timestamp else {}))
        if item.impact:
            threat = {"category": "impact", "details": item.impact, "product_ids": products}
            made.setdefault("threats", []).append(threat | ({"date": stamp(item.timestamp)} if item.timestamp else {}))
        if item.status == "affected":
            action = item.action or "No action was stated."
            category = "vendor_fix" if item.action.lower().startswith(("upgrade", "update")) else "mitigation"
            category = category if item.action else "none_available"
            made.setdefault("remediations", []).append({"category": category, "details": action, "product_ids": products})
        elif item.action:
            losses.add("action_statement", f"of a statement that is {item.status}", item.id)
        if item.timestamp is not None and item.status in ("fixed", "under_investigation", "affected"):
            losses.add("timestamp", "of a single statement; the document's release date stands for it", item.id)
    made["product_status"] = {name: list(dict.fromkeys(found)) for name, found in status.items()}
    return made
