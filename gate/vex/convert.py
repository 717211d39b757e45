"""From what the gate understands of a document, whatever its format, to another format; what that cannot hold is listed.

A statement that suppresses is never widened to fit: a product with a version range or platform that OpenVEX cannot express is
left out and listed. Writers: OpenVEX 0.2.0 here, CycloneDX 1.6 and CSAF 2.0 in their own modules.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from gate.errors import ConfigError
from gate.vex import notes, write
from gate.vex.document import SUBJECT, SUPPRESSING, VexComponent, VexDocument, VexProduct, VexStatement, load
from gate.vex.purl import parse

_HASHES = {
    "md5": "md5", "sha1": "sha1", "sha256": "sha-256", "sha384": "sha-384", "sha512": "sha-512", "sha3224": "sha3-224",
    "sha3256": "sha3-256", "sha3384": "sha3-384", "sha3512": "sha3-512", "blake2s256": "blake2s-256",
    "blake2b256": "blake2b-256", "blake2b512": "blake2b-512",
}  # fmt: skip
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]+")


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Loss:
    """Something that the written document does not say, or says differently."""

    field: str
    detail: str
    count: int = 1
    where: str = ""
    """The first statement or place."""


class Losses:
    """Losses by field and detail, counted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._first: dict[tuple[str, str], str] = {}

    def add(self, field: str, detail: str, where: str = "", count: int = 1) -> None:
        if count:
            self._counts[field, detail] += count
            self._first.setdefault((field, detail), where)

    def listed(self) -> tuple[Loss, ...]:
        return tuple(
            Loss(field, detail, count, self._first[field, detail]) for (field, detail), count in sorted(self._counts.items())
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Converted:
    data: bytes
    losses: tuple[Loss, ...]


def to_openvex(document: VexDocument, *, now: datetime, source: bytes | None = None) -> Converted:
    """OpenVEX 0.2.0. With ``source``, the OpenVEX bytes that were read, fields that the gate does not read are listed too.

    Raises ConfigError when the document has no author, or when nothing of it can be said.
    """
    losses = Losses()
    statements = [made for item in document.statements if (made := _statement(item, now, losses)) is not None]
    if not statements:
        raise nothing(losses)
    identifier = document.id
    if not _IRI.fullmatch(identifier):
        losses.add("@id", "is no IRI; made from author and id" if identifier else "there is none; made from the author")
        identifier = write.document_id("converted", document.author, document.id)
    body = write.document(
        statements,
        id=identifier,
        author=document.author,
        role=document.role,
        timestamp=document.timestamp or now,
        version=max(document.version, 1),
    )
    if document.version < 1:
        losses.add("version", "there is none; 1 was written")
    if document.timestamp is None:
        losses.add("timestamp", "the document has none; the time of conversion was written")
    for name in document.author_names:
        losses.add("author", f"further name {name}")
    if source is not None:
        _unread(load_raw(source), body, losses)
    return Converted(write.to_bytes(body), losses.listed())


def nothing(losses: Losses) -> ConfigError:
    """The error for a document of which nothing can be written; no format has documents without statements."""
    why = "; ".join(f"{loss.field}: {loss.detail} (×{loss.count})" for loss in losses.listed()[:8])
    return ConfigError("nothing of the document can be written in this format", why=why or "it has no statement")


def load_raw(source: bytes) -> dict[str, Any]:
    from gate.limits import DEFAULT

    return load(source, DEFAULT, "OpenVEX document")


def named(statement: VexStatement) -> tuple[str, tuple[str, ...], str]:
    """Name, aliases and IRI of the vulnerability; a URL that stands for an id at its end is no name."""
    iris = [text for text in statement.vulnerabilities if "://" in text or text.startswith("urn:")]
    names = [text for text in statement.vulnerabilities if text not in iris]
    name = names[0] if names else (iris[0] if iris else "")
    return name, tuple(dict.fromkeys(names[1:])), iris[0] if iris and names else ""


def _statement(item: VexStatement, now: datetime, losses: Losses) -> dict[str, Any] | None:
    if item.problem and item.status in SUPPRESSING:
        # What makes it not count (a broken time, say) may be the very thing that is not written.
        losses.add("statement", f"does not count: {item.problem}; left out", item.id)
        return None
    products = [entry for product in item.products for entry in _product(product, item, losses)]
    if item.names_products and not products:
        losses.add("statement", f"{item.status} without a product that OpenVEX can name; left out", item.id)
        return None
    name, aliases, iri = named(item)
    vulnerability: dict[str, Any] = {
        "name": name,
        **({"@id": iri} if iri else {}),
        **({"aliases": list(aliases)} if aliases else {}),
    }
    made: dict[str, Any] = {"vulnerability": vulnerability, "status": item.status}
    if products:
        made["products"] = list({write.canonical(entry): entry for entry in products}.values())
    if item.timestamp is not None:
        made["timestamp"] = write.stamp(item.timestamp)
    moved = []
    _justified(made, item, losses)
    if item.justification and item.status != "not_affected":
        moved.append(f"Justification: {item.justification}")
        losses.add("justification", f"of a statement that is {item.status}; moved to status_notes", item.id)
    if item.impact and "impact_statement" not in made:
        moved.append(item.impact)
        losses.add("impact_statement", "no place beside what else is said; moved to status_notes", item.id)
    if item.status == "affected":
        made["action_statement"] = item.action or "No action was stated."
        losses.add("action_statement", "affected without one; said so", item.id, int(not item.action))
    elif item.action:
        moved.append(item.action)
        losses.add("action_statement", f"of a statement that is {item.status}; moved to status_notes", item.id)
    said = notes.read(item.notes)
    if said.review_by is None and item.review_by is not None and "review" not in item.notes.lower():
        said = dataclasses.replace(said, review_by=item.review_by.date())
    # In this order, so that what stood at the head of the notes still does.
    if noted := notes.write(dataclasses.replace(said, text="\n\n".join(part for part in (said.text, *moved) if part))):
        made["status_notes"] = noted
    if _IRI.fullmatch(item.id):
        return {"@id": item.id, **made}
    losses.add("statement/@id", "is no IRI; made from what the statement says", item.id)
    return write.identified(made)


def _justified(made: dict[str, Any], item: VexStatement, losses: Losses) -> None:
    """Either a justification or an impact statement, as the schema has it; an invalid statement stays as invalid as it was."""
    from gate.vex.document import JUSTIFICATIONS

    if item.status != "not_affected":
        return
    if item.justification in JUSTIFICATIONS:
        made["justification"] = item.justification
    elif item.impact or item.justification:
        made["impact_statement"] = item.impact or item.justification
        losses.add("justification", f"{item.justification!r} is none of OpenVEX's", item.id, int(bool(item.justification)))
    else:
        losses.add("justification", "not_affected without any; readers do not count it", item.id)


def _product(product: VexProduct, item: VexStatement, losses: Losses) -> Iterable[dict[str, Any]]:
    inner = [entry for part in product.subcomponents for entry in component(part, product, item, losses)]
    if product.subcomponents and not inner:
        return  # without its subcomponents the statement would hold for the whole product
    for entry in component(product.component, product, item, losses, outer=bool(inner)):
        yield {**entry, "subcomponents": inner} if inner else entry


def component(
    part: VexComponent, product: VexProduct, item: VexStatement, losses: Losses, *, outer: bool = False
) -> Iterable[dict[str, Any]]:
    """One entry for each purl or other id; several ids of one component are several ways to name it."""
    if part.ids[:1] == (SUBJECT,):
        losses.add("product", "the subject of the document around it", item.id)
        return
    ids = bounded(part, product, item, losses, outer)
    purls = [text for text in ids if text.startswith("pkg:")]
    others = [text for text in ids if not text.startswith("pkg:")]
    hashes = {_HASHES[name]: value for name, value in part.hashes if name in _HASHES}
    losses.add("hashes", "of an algorithm that OpenVEX does not have", item.id, len(part.hashes) - len(hashes))
    made: list[dict[str, Any]] = [{"@id": text, "identifiers": {"purl": text}} for text in purls]
    if len(purls) == 1 and others and not others[0].startswith("cpe:"):
        made = [{"@id": others.pop(0), "identifiers": {"purl": purls[0]}}]
    made += [{"@id": text} for text in others]
    for text in others:
        if not _IRI.fullmatch(text):
            losses.add(
                "product", "an @id is no IRI, which the schema forbids; written as it is, since readers compare it", item.id
            )
    if made and hashes:
        made[0]["hashes"] = hashes
    elif hashes and not part.ids:
        made = [{"@id": f"urn:policy-gate:hash:{next(iter(hashes.values()))}", "hashes": hashes}]
        losses.add("product", "named by hash alone, which the schema forbids; an @id was made", item.id)
    yield from made


def bounded(part: VexComponent, product: VexProduct, item: VexStatement, losses: Losses, outer: bool = False) -> list[str]:
    """The ids that can be written without saying more than the statement does."""
    ids = list(part.ids)
    exact = [text[1:] for text in part.ranges if text.startswith("=")]
    if part.ranges and len(exact) == len(part.ranges):
        ids = [text for name in part.ids for text in _versions(name, exact)]
    elif part.ranges:
        losses.add("versions", f"a range, of a statement that is {item.status}", item.id)
        if item.status in SUPPRESSING:
            return []
    if product.platforms:
        losses.add("platform", "what the product is installed on", item.id)
        if item.status in SUPPRESSING and not outer:
            return [text for text in ids if (purl := parse(text)) is not None and purl.version]
    return ids


def _versions(name: str, versions: Sequence[str]) -> list[str]:
    from urllib.parse import quote

    purl = parse(name) if name.startswith("pkg:") else None
    if purl is None or purl.version:
        return [name]
    head, mark, query = name.partition("?")
    return [f"{head}@{quote(version, safe='._~+-:')}{mark}{query}" for version in versions]


def _unread(raw: Mapping[str, Any], written: Mapping[str, Any], losses: Losses) -> None:
    """Fields of the source that the written document has fewer of: what the gate does not keep."""
    before, after = _fields(raw), _fields(written)
    for field, count in before.items():
        if field in _SEEN or count <= after.get(_SAME.get(field, field), 0):
            continue
        losses.add(field, "not kept", "", count - after.get(field, 0))


_SEEN = frozenset(
    {"tooling", "@context", "last_updated", "statements/*/last_updated"}  # made anew, or taken as the time of the statement
    | {f"statements/*/{name}" for name in ("impact_statement", "action_statement", "justification", "@id")}  # listed one by one
)
_SAME = {
    "statements/*/vulnerability": "statements/*/vulnerability/name",
    "statements/*/products/*": "statements/*/products/*/@id",
}
"""OpenVEX 0.0.1 has texts where 0.2.0 has objects."""


def _fields(value: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    stack: list[tuple[Any, str]] = [(value, "")]
    while stack:
        item, at = stack.pop()
        if isinstance(item, dict):
            stack += [(entry, f"{at}/{name}".lstrip("/")) for name, entry in item.items()]
        elif isinstance(item, list):
            stack += [(entry, f"{at}/*") for entry in item]
        elif item not in (None, ""):
            found[at] += 1
    return found
