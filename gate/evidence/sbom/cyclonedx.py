"""CycloneDX JSON 1.2 to 1.7 (ECMA-424). Read tolerantly: anomalies become diagnostics, wrong containers are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import msgspec

from gate.errors import EvidenceInvalid, FormatRefused
from gate.evidence.crypto.cbom import add_asset
from gate.evidence.interface import NamedDigest, Reading, SbomFacts
from gate.evidence.jsonguard import guard
from gate.evidence.sbom import cyclonedx_document as cdx
from gate.evidence.sbom import facts
from gate.evidence.sbom.cyclonedx_bsi import parts, reachable
from gate.evidence.sbom.elements import Document, missing
from gate.evidence.sbom.facts import Builder, Notes
from gate.evidence.sbom.tolerant import decode
from gate.evidence.vexreading import vex_reading
from gate.limits import Limits
from gate.model.evidence import Diagnostic, Producer
from gate.model.sbom import MinimumElements
from gate.vex.document import VexDocument

VERSIONS = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
_PACKAGES = frozenset(
    {"application", "framework", "library", "container", "platform", "device-driver", "firmware", "machine-learning-model"}
)
_OTHERS = frozenset({"operating-system", "device", "data", "cryptographic-asset"})
"""No packages: nothing installs them and purl has no type for them. Reported, not counted."""
_ESSENTIAL = frozenset({"/components", "/dependencies", "/metadata", "/metadata/component"})


class CycloneDx:
    """Reader of CycloneDX JSON."""

    name = "cyclonedx"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return media_type.startswith("application/vnd.cyclonedx+json") or b'"bomFormat"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        """Raises EvidenceInvalid, FormatRefused (a version or use that is not read), LimitExceeded."""
        return read_bom(guard(data, limits), limits)


def read_bom(body: bytes, limits: Limits) -> Reading:
    """A document that was guarded, or that was made from XML. Raises as `CycloneDx.read`."""
    bom, odd = decode(body, cdx.Bom, limits, essential=_ESSENTIAL)
    _refuse(bom)
    said = _vex(body, bom, limits)
    if said is not None and not bom.components:
        root = bom.metadata.component if bom.metadata else None
        return dataclasses.replace(vex_reading(said), names=_names(root))
    notes = Notes()
    build = Builder(limits, notes)
    metadata = bom.metadata or cdx.Metadata()
    root = metadata.component
    _add_components(build, bom, root)
    root_ref = _add_root(build, bom, root, notes)
    for service in _services(bom.services):
        build.node(service.ref or "")
    for dependency in bom.dependencies or ():
        _add_dependency(build, dependency)
    unread = len(bom.vulnerabilities or ()) - (len(said.statements) if said else 0)
    if unread > 0:
        notes.add(
            "embedded_vulnerabilities",
            "vulnerabilities inside the SBOM without an analysis are not read; give the scanner's own report",
            count=unread,
        )
    created = facts.timestamp(metadata.timestamp or "", notes)
    tool = _tool(metadata.tools, notes)
    author = _author(metadata)
    completeness = build.completeness(root_present=root is not None, aggregate=_aggregate(bom.compositions or [], root_ref))
    elements = MinimumElements(
        author=author,
        timestamp=created or "",
        tool=" ".join(part for part in (tool.name, tool.version) if part),
        spec_version=bom.spec or "",
        serial=bom.serial or "",
        generation_context=", ".join(text for phase in metadata.lifecycles or () if (text := phase.phase or phase.name)),
        unknown_declared=build.unknown_declared,
    )
    head = Document(
        format="cyclonedx",
        contact=any(reachable(bytes(raw)) for party in _parties(metadata) for raw in (party.email, party.url, party.contact)),
        numbered=bom.version is not None,
        tool_version=bool(tool.version),
        vulnerabilities=bool(bom.vulnerabilities),
    )
    return Reading(
        kind="sbom",
        format=f"cyclonedx {bom.spec}",
        producer=tool,
        created=created,
        names=_names(root),
        diagnostics=odd + notes.diagnostics() + _of_statements(said),
        vex=said,
        sbom=SbomFacts(
            spec_version=bom.spec or "",
            name=(root.name if root else "") or "",
            components=tuple(build.components),
            completeness=completeness,
            minimum_elements=msgspec.structs.replace(elements, missing=missing(build.tally, completeness, elements, head)),
            graph=build.graph(bom.serial or "", bom.version or 1),
            crypto=tuple(build.crypto),
        ),
    )


def _parties(metadata: cdx.Metadata) -> list[cdx.Named]:
    found = [*(metadata.authors or ()), metadata.manufacturer, metadata.supplier, metadata.manufacture]
    return [party for party in found if party is not None]


def _refuse(bom: cdx.Bom) -> None:
    if bom.format != "CycloneDX":
        raise EvidenceInvalid(f"bomFormat is {bom.format!r}, not 'CycloneDX'")
    if bom.spec not in VERSIONS:
        raise FormatRefused(
            f"CycloneDX {bom.spec or 'without specVersion'} is not read",
            why=f"this version reads CycloneDX {', '.join(VERSIONS)}",
            fix="syft scan IMAGE -o cyclonedx-json@1.6=sbom.json, or cyclonedx convert --output-version v1_6",
        )


def _vex(body: bytes, bom: cdx.Bom, limits: Limits) -> VexDocument | None:
    """The analyses inside; None for an SBOM without any. A document of vulnerabilities alone is VEX whatever it says."""
    if not bom.vulnerabilities:
        return None
    from gate.vex import cyclonedx

    if bom.components and not cyclonedx.has_analysis(body):
        return None
    document = cyclonedx.read(body, limits)
    return document if document.statements or not bom.components else None


def _of_statements(document: VexDocument | None) -> tuple[Diagnostic, ...]:
    """What was odd about the statements; that some findings have no analysis is said once, by this reader."""
    return tuple(note for note in document.diagnostics if note.code != "without_analysis") if document else ()


def _add_components(build: Builder, bom: cdx.Bom, root: cdx.Component | None) -> None:
    """All components, nested ones too; what a component contains hangs below it."""
    stack: list[tuple[cdx.Component, int | None]] = [(item, None) for item in reversed(bom.components or [])]
    if root is not None:
        # The root's own reference comes first, so that a component repeating it is the duplicate.
        node = build.node(root.ref or "")
        build.set_root(node)
        stack += [(item, node) for item in reversed(root.components or [])]
    while stack:
        item, parent = stack.pop()
        ref = item.ref or ""
        node = build.node(ref)
        if parent is not None:
            build.contains(parent, node)
        stack += [(inner, node) for inner in reversed(item.components or [])]
        _count(build, item, ref, node)


def _count(build: Builder, item: cdx.Component, ref: str, node: int) -> None:
    kind = item.type or ""
    notes = build.notes
    if bytes(item.crypto):
        add_asset(build.crypto, notes, item.name or ref, bytes(item.crypto), bytes(item.evidence))
    if kind == "file":
        build.files += 1
        return
    if kind in _OTHERS:
        notes.add(f"not_a_package_{kind.replace('-', '_')}", f"components of type {kind} are not counted", item.name or ref)
        return
    if kind not in _PACKAGES:
        notes.add("unknown_component_type", "a component has no known type; counted as a package", f"{item.name}: {kind!r}")
    if kind == "application" and not item.version and not item.purl and _is_grouping(item):
        notes.add("grouping_component", "trivy's node for a lock file is not counted as a package", item.name or ref)
        return
    if not ref:
        notes.add("component_without_ref", "a component without bom-ref cannot be reached", item.name or "")
    name = item.name or ""
    supplier = next((found.name for found in (item.supplier, item.manufacturer) if found and found.name), None)
    build.component(
        node,
        ref,
        name=f"{item.group}/{name}" if item.group and name else name,
        version=item.version or "",
        kind=kind,
        url=item.purl or "",
        supplier=supplier or item.publisher or "",
        licenses=_licenses(item.licenses) if item.licenses else (),
        hashes=_hashes(item.hashes, build.notes) if item.hashes else {},
        identified=bool(bytes(item.cpe) or bytes(item.swid)),
        bsi=_bsi(item),
    )


def _bsi(item: cdx.Component) -> frozenset[str]:
    concluded = any(
        b"concluded" in bytes(said) for entry in item.licenses or () for said in (entry.acknowledgement, *_of_id(entry.license))
    )
    contacts = [bytes(item.authors)]
    for party in (item.manufacturer, item.supplier):
        contacts += [bytes(party.url), bytes(party.contact)] if party else []
    return parts(bytes(item.properties), bytes(item.references), contacts, concluded=concluded)


def _of_id(named: cdx.LicenseId | None) -> tuple[msgspec.Raw, ...]:
    return (named.acknowledgement,) if named else ()


def _is_grouping(item: cdx.Component) -> bool:
    return b'"aquasecurity:trivy:Class"' in bytes(item.properties)


def _licenses(items: list[cdx.License]) -> tuple[str, ...]:
    found = (item.expression or (item.license and (item.license.id or item.license.name)) for item in items)
    return tuple(text for text in found if text and text.upper() not in ("NOASSERTION", "NONE"))


def _hashes(items: Iterable[cdx.Hash], notes: Notes) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        pair = facts.hash_pair(item.alg or "", item.content or "")
        if pair is None:
            notes.add("bad_hash", "a hash is not hexadecimal of its algorithm's length; read as absent", f"{item.alg}")
        else:
            found[pair[0]] = pair[1]
    return found


def _add_root(build: Builder, bom: cdx.Bom, root: cdx.Component | None, notes: Notes) -> str:
    """Where the walk starts. Red Hat's metadata.component has no bom-ref and stands again among the components."""
    if root is None:
        notes.add("no_root", "metadata.component is missing; nothing is reachable")
        return ""
    if root.ref:
        return root.ref
    twin = next((c for c in bom.components or () if c.ref and root.purl and c.purl == root.purl), None)
    node = build.find(twin.ref or "") if twin else None
    if twin is None or node is None:
        notes.add("root_without_ref", "metadata.component has no bom-ref; nothing is reachable")
        return ""
    notes.add("root_without_ref", "metadata.component has no bom-ref; the component with its purl is taken", twin.ref or "")
    build.set_root(node)
    return twin.ref or ""


def _add_dependency(build: Builder, dependency: cdx.Dependency) -> None:
    if not dependency.ref:
        build.notes.add("dependency_without_ref", "an entry of dependencies has no ref")
        return
    build.declare(dependency.ref)
    for target in dependency.depends_on or ():
        build.edge(dependency.ref, target, depends=True)


def _services(services: list[cdx.Service] | None) -> Iterable[cdx.Service]:
    stack = list(services or ())
    while stack:
        service = stack.pop()
        stack += service.services or ()
        yield service


def _names(root: cdx.Component | None) -> tuple[NamedDigest, ...]:
    """Digests that the root names: version (syft), purl (trivy), hashes (Red Hat), trivy's ImageID and RepoDigest properties."""
    if root is None:
        return ()
    found: list[tuple[str | None, str]] = [
        (facts.digest_of_purl(root.purl or ""), "manifest"),
        (facts.digest_of_purl(root.ref or ""), "manifest"),
        (facts.sha256_digest(root.version or ""), "manifest"),
    ]
    try:
        properties = msgspec.json.decode(root.properties, type=list[cdx.Property]) if bytes(root.properties) else []
    except (msgspec.MsgspecError, UnicodeError):
        properties = []
    for item in properties:
        if item.name == "aquasecurity:trivy:ImageID":
            found.append((facts.sha256_digest(item.value or ""), "config"))
        elif item.name == "aquasecurity:trivy:RepoDigest":
            found.append((facts.digest_after_at(item.value or ""), "manifest"))
    for item_hash in root.hashes or ():
        pair = facts.hash_pair(item_hash.alg or "", item_hash.content or "")
        if pair and pair[0] == "sha256":
            found.append((f"sha256:{pair[1]}", "any"))
    return facts.named(found)


def _tool(raw: msgspec.Raw, notes: Notes) -> Producer:
    """``metadata.tools`` is a list up to 1.4 and an object with components from 1.5; both are in use."""
    data = bytes(raw)
    if not data:
        return Producer()
    try:
        tools = msgspec.json.decode(data, type=list[cdx.Named] | cdx.Tools | None)
    except (msgspec.MsgspecError, UnicodeError):
        notes.add("wrong_type_tools", "metadata.tools has an unknown shape; read as absent")
        return Producer()
    listed = tools if isinstance(tools, list) else (tools.components if tools else None) or []
    first = listed[0] if listed else cdx.Named()
    return Producer(name=first.name or "", version=first.version or "")


def _author(metadata: cdx.Metadata) -> str:
    names = [author.name for author in metadata.authors or () if author.name]
    if not names:
        parties = (metadata.manufacturer, metadata.supplier, metadata.manufacture)
        names = [party.name for party in parties if party and party.name][:1]
    return ", ".join(names)


def _aggregate(compositions: list[cdx.Composition], root_ref: str) -> str:
    """``complete`` only when all compositions say so and one of them names the root."""
    if not compositions:
        return "absent"
    words = {item.aggregate or "" for item in compositions}
    if any(word.startswith("incomplete") for word in words):
        return "incomplete"
    names_root = any(root_ref in (item.assemblies or ()) or root_ref in (item.dependencies or ()) for item in compositions)
    return "complete" if words == {"complete"} and root_ref and names_root else "unknown"


READER = CycloneDx()
