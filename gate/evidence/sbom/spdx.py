"""SPDX 2.2 and 2.3 JSON (ISO/IEC 5962). Directions of relationships are normalized before anything is counted.

Red Hat writes ``lib CONTAINED_BY image``, syft ``lib DEPENDENCY_OF app``, others ``image CONTAINS lib``: they say the same, and a
reader that walks only one direction calls 2,303 of 2,304 packages unconnected.
"""

from __future__ import annotations

import re

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.interface import NamedDigest, Reading, SbomFacts
from gate.evidence.jsonguard import guard
from gate.evidence.sbom import elements, facts
from gate.evidence.sbom.facts import Builder, Notes
from gate.evidence.sbom.relationships import CONTAINS, DEPENDS, DESCRIBES, direction
from gate.evidence.sbom.tolerant import decode
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.sbom import MinimumElements

VERSIONS = ("SPDX-2.2", "SPDX-2.3")
_ESSENTIAL = frozenset({"/packages", "/relationships", "/documentDescribes", "/spdxVersion"})
_UNKNOWN = frozenset({"NOASSERTION"})
_NOTHING = frozenset({"NOASSERTION", "NONE", ""})
_TOOL = re.compile(r"Tool:\s*(.*?)(?:-(v?\d[^\s]*|\[[^\]]*\]))?\s*")
_CONTEXT = re.compile(r"(?:sbom type|generation context)\s*:\s*(design|source|build|analyzed|deployed|runtime)\b", re.IGNORECASE)
_PARTY = re.compile(r"^(?:Organization|Person)\s*:\s*")


class _Checksum(msgspec.Struct, gc=False):
    algorithm: str | None = None
    value: str | None = msgspec.field(default=None, name="checksumValue")


class _Ref(msgspec.Struct, gc=False):
    kind: str | None = msgspec.field(default=None, name="referenceType")
    locator: str | None = msgspec.field(default=None, name="referenceLocator")


class _Annotation(msgspec.Struct, gc=False):
    comment: str | None = None


class _Package(msgspec.Struct, gc=False):
    ref: str | None = msgspec.field(default=None, name="SPDXID")
    name: str | None = None
    version: str | None = msgspec.field(default=None, name="versionInfo")
    supplier: str | None = None
    originator: str | None = None
    concluded: str | None = msgspec.field(default=None, name="licenseConcluded")
    declared: str | None = msgspec.field(default=None, name="licenseDeclared")
    purpose: str | None = msgspec.field(default=None, name="primaryPackagePurpose")
    checksums: list[_Checksum] | None = None
    refs: list[_Ref] | None = msgspec.field(default=None, name="externalRefs")
    files: list[str] | None = msgspec.field(default=None, name="hasFiles")
    attributions: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="attributionTexts")
    annotations: msgspec.Raw = msgspec.Raw(b"")


class _Element(msgspec.Struct, gc=False):
    ref: str | None = msgspec.field(default=None, name="SPDXID")


class _Relationship(msgspec.Struct, gc=False):
    source: str | None = msgspec.field(default=None, name="spdxElementId")
    kind: str | None = msgspec.field(default=None, name="relationshipType")
    target: str | None = msgspec.field(default=None, name="relatedSpdxElement")


class _Creation(msgspec.Struct, gc=False):
    created: str | None = None
    creators: list[str] | None = None
    comment: str | None = None


class _Document(msgspec.Struct, gc=False):
    version: str | None = msgspec.field(default=None, name="spdxVersion")
    ref: str | None = msgspec.field(default=None, name="SPDXID")
    name: str | None = None
    namespace: str | None = msgspec.field(default=None, name="documentNamespace")
    creation: _Creation | None = msgspec.field(default=None, name="creationInfo")
    describes: list[str] | None = msgspec.field(default=None, name="documentDescribes")
    packages: list[_Package] | None = None
    files: list[_Element] | None = None
    snippets: list[_Element] | None = None
    relationships: list[_Relationship] | None = None


class Spdx:
    """Reader of SPDX 2 JSON."""

    name = "spdx"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return media_type.startswith("application/spdx+json") or b'"spdxVersion"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, FormatRefused (a version that is not read), LimitExceeded."""
        return read_document(guard(data, limits), limits)


def read_document(body: bytes, limits: Limits) -> Reading:
    """A document that was guarded, or that was made from tag-value. Raises as `Spdx.read`."""
    document, odd = decode(body, _Document, limits, essential=_ESSENTIAL)
    _refuse(document)
    notes = Notes()
    build = Builder(limits, notes)
    creation = document.creation or _Creation()
    roots = _roots(document)
    root = _root(document, roots, notes)
    _add_packages(build, document, root)
    aggregate = _add_relationships(build, document, root)
    node = build.find(root.ref or "") if root else None
    if node is not None:
        build.set_root(node)
    elif len(roots) > 1:
        build.set_roots([found for ref in roots if (found := build.find(ref)) is not None])
    created = facts.timestamp(creation.created or "", notes)
    tool = _tool(creation.creators or [])
    version = (document.version or "").removeprefix("SPDX-")
    context = _CONTEXT.search(creation.comment or "")
    completeness = build.completeness(root_present=bool(roots), aggregate=aggregate)
    said = MinimumElements(
        author=", ".join(_PARTY.sub("", text) for text in creation.creators or () if _PARTY.match(text)),
        timestamp=created or "",
        tool=" ".join(part for part in (tool.name, tool.version) if part),
        spec_version=version,
        serial=document.namespace or "",
        generation_context=context.group(1).lower() if context else "",
        unknown_declared=build.unknown_declared,
    )
    head = elements.Document(
        format="spdx",
        contact=any("@" in text for text in creation.creators or () if _PARTY.match(text)),
        numbered=bool(document.namespace),
        tool_version=bool(tool.version),
        vulnerabilities=False,
    )
    return Reading(
        kind="sbom",
        format=f"spdx {version}",
        producer=tool,
        created=created,
        names=_names(root),
        diagnostics=odd + notes.diagnostics(),
        sbom=SbomFacts(
            spec_version=version,
            name=document.name or "",
            components=tuple(build.components),
            completeness=completeness,
            minimum_elements=msgspec.structs.replace(said, missing=elements.missing(build.tally, completeness, said, head)),
            graph=build.graph(),
        ),
    )


def _refuse(document: _Document) -> None:
    if not document.version:
        raise EvidenceInvalid("the document has no spdxVersion", why="it cannot be told how to read it")
    if document.version not in VERSIONS:
        raise FormatRefused(
            f"{document.version} is not read",
            why=f"this version reads {' and '.join(VERSIONS)} as JSON and tag-value, and SPDX 3.0 as JSON-LD",
            fix="syft scan IMAGE -o spdx-json@2.3=sbom.spdx.json",
        )


def _roots(document: _Document) -> list[str]:
    """What the document says that it describes, in order, each once."""
    found = dict.fromkeys(document.describes or ())
    own = document.ref or "SPDXRef-DOCUMENT"
    for item in document.relationships or ():
        edge = direction(item.kind or "")
        if edge and edge.meaning == DESCRIBES:
            source, target = (item.target, item.source) if edge.reverse else (item.source, item.target)
            if source == own and target:
                found[target] = None
    return list(found)


def _root(document: _Document, roots: list[str], notes: Notes) -> _Package | None:
    """The one package that stands for the subject; None when there is none or when there are several."""
    if len(roots) > 1:
        notes.add("several_roots", "the document describes several elements; none is taken for the subject", roots[0], len(roots))
        return None
    found = next((package for package in document.packages or () if roots and package.ref == roots[0]), None)
    if found is None:
        notes.add("no_root", "the document describes no package; nothing is reachable")
    return found


def _add_packages(build: Builder, document: _Document, root: _Package | None) -> None:
    build.node(document.ref or "SPDXRef-DOCUMENT")
    by_trivy = any("trivy" in text.lower() for text in (document.creation or _Creation()).creators or ())
    for package in document.packages or ():
        ref = package.ref or ""
        node = build.node(ref)
        if package is not root:
            _count(build, package, ref, node, by_trivy)
    for element in document.files or ():
        build.node(element.ref or "")
        build.files += 1
    for element in document.snippets or ():
        build.node(element.ref or "")


def _count(build: Builder, package: _Package, ref: str, node: int, by_trivy: bool) -> None:
    purpose = (package.purpose or "").lower().replace("_", "-")
    url = next((item.locator for item in package.refs or () if item.locator and (item.kind or "").lower() == "purl"), "")
    if purpose == "file":
        build.files += 1
        return
    if purpose == "operating-system" or (by_trivy and ref.startswith("SPDXRef-OperatingSystem-")):
        build.notes.add("not_a_package_operating_system", "the operating system is not counted as a package", package.name or ref)
        return
    if by_trivy and ref.startswith("SPDXRef-Application-") and not package.version and not url:
        build.notes.add("grouping_component", "trivy's node for a lock file is not counted as a package", package.name or ref)
        return
    licenses = _licenses(package, build)
    kinds = {(item.kind or "").lower() for item in package.refs or () if item.locator}
    supplier = package.supplier or package.originator or ""
    if supplier in _UNKNOWN and package.originator not in (None, "", "NOASSERTION"):
        supplier = package.originator or ""
    build.component(
        node,
        ref,
        name=package.name or "",
        version=package.version or "",
        kind=purpose or "library",
        url=url,
        supplier=_PARTY.sub("", supplier),
        licenses=licenses,
        hashes=_hashes(package, build.notes) if package.checksums else {},
        identified=bool(kinds & {"cpe22type", "cpe23type", "swid", "swh", "gitoid"}),
        unknown_license=not licenses and bool({package.concluded, package.declared} & _UNKNOWN),
    )


def _licenses(package: _Package, build: Builder) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(text for text in (package.concluded, package.declared) if text and text not in _NOTHING))
    if not found and (package.concluded in _UNKNOWN or package.declared in _UNKNOWN):
        build.unknown_declared += 1
    return found


def _hashes(package: _Package, notes: Notes) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in package.checksums or ():
        pair = facts.hash_pair(item.algorithm or "", item.value or "")
        if pair is None:
            notes.add("bad_hash", "a checksum is not hexadecimal of its algorithm's length; read as absent", f"{item.algorithm}")
        else:
            found[pair[0]] = pair[1]
    return found


def _add_relationships(build: Builder, document: _Document, root: _Package | None) -> str:
    """Edges in one direction. Returns the aggregate: ``unknown`` where the root's contents are said to be so, else ``absent``."""
    aggregate = "absent"
    own = document.ref or "SPDXRef-DOCUMENT"
    for package in document.packages or ():
        for file in package.files or ():
            build.edge(package.ref or "", file, depends=False)
    for item in document.relationships or ():
        source, target = item.source or "", item.target or ""
        edge = direction(item.kind or "")
        if edge is None:
            build.notes.add("unknown_relationship", "a relationship has a type that SPDX 2 has not; ignored", f"{item.kind}")
            continue
        if edge.misspelt:
            build.notes.add("misspelt_relationship", f"a relationship type is misspelt; read as {edge.meaning}", f"{item.kind}")
        if "DocumentRef-" in source or "DocumentRef-" in target:
            build.notes.add("external_element", "a relationship names an element of another document; not followed", source)
            continue
        if edge.meaning not in (CONTAINS, DEPENDS):
            if edge.meaning == DESCRIBES:
                build.edge(*((target, source) if edge.reverse else (source, target)), depends=False)
            continue
        if target in ("NONE", "NOASSERTION"):
            if target == "NONE":
                build.declare(source)
            elif source in (own, root.ref if root else own):
                aggregate = "unknown"
            continue
        if edge.reverse:
            source, target = target, source
        build.edge(source, target, depends=edge.meaning == DEPENDS)
    return aggregate


def _names(root: _Package | None) -> tuple[NamedDigest, ...]:
    """Digests that the root names: version and checksums (syft), purl, name with digest, trivy's ImageID and RepoDigest notes."""
    if root is None:
        return ()
    found: list[tuple[str | None, str]] = [(facts.sha256_digest(root.version or ""), "manifest")]
    found += [(facts.digest_of_purl(item.locator or ""), "manifest") for item in root.refs or ()]
    found.append((facts.digest_after_at(root.name or ""), "manifest"))
    for text in _texts(root):
        label, _, value = text.partition(":")
        if label.strip() == "ImageID":
            found.append((facts.sha256_digest(value), "config"))
        elif label.strip() == "RepoDigest":
            found.append((facts.digest_after_at(value), "manifest"))
    for item in root.checksums or ():
        pair = facts.hash_pair(item.algorithm or "", item.value or "")
        if pair and pair[0] == "sha256":
            found.append((f"sha256:{pair[1]}", "any"))
    return facts.named(found)


def _texts(root: _Package) -> list[str]:
    """Attribution texts (trivy up to 0.55) and annotation comments (later)."""
    try:
        texts = msgspec.json.decode(root.attributions, type=list[str]) if bytes(root.attributions) else []
        notes = msgspec.json.decode(root.annotations, type=list[_Annotation]) if bytes(root.annotations) else []
    except (msgspec.MsgspecError, UnicodeError):
        return []
    return texts + [note.comment for note in notes if note.comment]


def _tool(creators: list[str]) -> Producer:
    for text in creators:
        match = _TOOL.fullmatch(text)
        if match:
            return Producer(name=match.group(1), version=match.group(2) or "")
    return Producer()


READER = Spdx()
