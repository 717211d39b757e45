"""Verified evidence and VEX become the frozen input document; the only writer of ``gate.input/v1``. Pure."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gate.evidence.binding import Bound, SubjectDigests, bind
from gate.evidence.collect import Opened
from gate.evidence.crypto.cbom import with_claims
from gate.evidence.exact import exact
from gate.evidence.interface import Reading
from gate.evidence.packages import missing_from
from gate.evidence.provenance.chain import Items, build_chain
from gate.evidence.provenance.links import broken_links
from gate.evidence.vulnerabilities.enrich import Enrichment
from gate.evidence.vulnerabilities.merge import Merged, count, merge
from gate.model.acceptance import GIVEN
from gate.model.compliance import Filesystem
from gate.model.crypto import CryptoFacts
from gate.model.evidence import CollectionError, Diagnostic, Evidence, Producer, Verification
from gate.model.findings import AppliedVex, Finding, SastRun, SourceFacts, Vulnerabilities
from gate.model.fips import FipsFacts
from gate.model.hardening import Hardening
from gate.model.input import (
    SCHEMA,
    AttestationFact,
    Base,
    ChainNode,
    Decision,
    Input,
    Provenance,
    ProvenanceFact,
    RunContext,
    SignatureFact,
    Subject,
    Time,
    VexFacts,
)
from gate.model.sbom import Sbom, SbomDocument
from gate.model.stig import StigFacts
from gate.policy.acceptance import accepted
from gate.trust.entry import Trust
from gate.trust.facts import trust_facts

if TYPE_CHECKING:
    from gate.evidence.look import Looked

_NOBODY = Trust()


@dataclasses.dataclass(frozen=True, slots=True)
class Context:
    """All that was chosen or found besides the evidence of this subject."""

    decision: Decision
    run: RunContext
    time: Time
    enrichment: Enrichment | None = None
    waived_for: Callable[[Finding, Subject], tuple[str, ...]] = lambda finding, subject: ()
    """Rule ids of active waivers that name the finding (`gate.policy.waivers`)."""
    first_seen: Callable[[Finding, Subject], str | None] = lambda finding, subject: None
    """When the finding was first seen in this image (`gate.audit.history`); null when nobody knows."""
    trust: Trust = _NOBODY
    """Whose signatures were counted, and for which levels."""
    vex_signers: frozenset[str] | None = None
    """Where a pack is pinned: names of its trust entries, whose VEX alone may suppress (invariant 7)."""


def assemble(
    subject: Subject,
    opened: Sequence[Opened],
    context: Context,
    *,
    siblings: frozenset[str] = frozenset(),
    errors: Iterable[CollectionError] = (),
    looked: Looked | None = None,
) -> Input:
    """The input document of one subject. Items are sorted by id; the same facts give the same bytes."""
    digests = SubjectDigests.of(subject, siblings)
    pairs = [(item, bind(item, digests, is_index=subject.kind == "index")) for item in _distinct(opened)]
    listed = [(item, _listed(item, bound, context.time)) for item, bound in pairs]
    usable = [(item, evidence) for item, evidence in listed if evidence.binding != "none" and item.error is None]
    taken = [(item, evidence) for item, evidence in usable if accepted(evidence, context.decision.params)]

    sbom = _sbom(taken)
    vulnerabilities, vex = _vulnerabilities(subject, taken, usable, context)
    return Input(
        schema=SCHEMA,
        subject=msgspec.structs.replace(subject, base=_base(subject, taken)),
        decision=context.decision,
        run=context.run,
        time=context.time,
        evidence=tuple(evidence for _, evidence in listed),
        vulnerabilities=vulnerabilities,
        sbom=_cross_checked(sbom, taken),
        signatures=tuple(_signature(item, evidence) for item, evidence in usable if evidence.kind == "signature"),
        attestations=tuple(_attestation(item, evidence) for item, evidence in usable if evidence.predicate_type),
        provenance=msgspec.structs.replace(_provenance(usable, taken), chain=_chain(subject, opened, context)),
        source=_source(taken),
        fips=looked.fips if looked else FipsFacts(),
        stig=_stig(taken),
        vex=vex,
        errors=tuple(sorted((*errors, *(item.error for item in opened if item.error)), key=lambda e: (e.kind, e.source, e.code))),
        trust=trust_facts(context.trust, context.time.now),
        filesystem=looked.filesystem if looked else Filesystem(),
        crypto=with_claims(looked.crypto if looked else CryptoFacts(), taken),
        hardening=looked.hardening if looked else Hardening(),
    )


def _distinct(opened: Sequence[Opened]) -> list[Opened]:
    """Each document once, sorted by id: the same bytes given as a file and found as a referrer are one item.

    Of several finds the verified one stays, then the one that the caller named.
    """
    rank = {"verified": 0, "unverified": 1, "failed": 2}
    order = {"file": 0, "computed": 1}
    ranked = sorted(opened, key=lambda o: (o.id, rank[o.verification.state], order.get(o.document.origin, 2), o.document.source))
    unique: dict[str, Opened] = {}
    for item in ranked:
        # An attachment that could not be read has no bytes of its own to be told apart by.
        unique.setdefault(item.id if item.document.data else f"{item.id} {item.document.source}", item)
    return list(unique.values())


def _listed(item: Opened, bound: Bound, time: Time) -> Evidence:
    reading = item.reading
    notes: tuple[Diagnostic, ...] = (*item.document.notes, *(reading.diagnostics if reading else ()))
    _, note = exact(item.predicate)
    notes += tuple(extra for extra in (bound.note, note) if extra)
    return Evidence(
        id=item.id,
        payload_digest=item.payload_digest,
        kind=item.kind,
        format=item.format,
        media_type=item.document.media_type,
        predicate_type=item.predicate_type,
        origin=item.document.origin,
        source=item.document.source,
        subject_digest=bound.digest,
        on=bound.on,
        binding=bound.binding,
        created=reading.created if reading else None,
        age_s=_age(item.verification.timestamp or (reading.created if reading else None), time.now),
        producer=msgspec.structs.replace(reading.producer if reading else Producer(), digest=item.document.tool_digest),
        verification=item.verification,
        diagnostics=notes,
        partial=reading is not None and reading.scan is not None and reading.scan.partial,
    )


def _age(moment: str | None, now: str) -> int | None:
    """Whole seconds, or null where the time is missing or no time. A negative age stays negative: rules know the skew."""
    if not moment:
        return None
    try:
        then = datetime.datetime.fromisoformat(moment)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.UTC)
    return int((datetime.datetime.fromisoformat(now) - then).total_seconds())


def _scans(pairs: Iterable[tuple[Opened, Evidence]]) -> list[tuple[str, Reading]]:
    return [(evidence.id, item.reading) for item, evidence in pairs if item.reading and item.reading.scan]


def _vulnerabilities(
    subject: Subject,
    taken: Sequence[tuple[Opened, Evidence]],
    usable: Sequence[tuple[Opened, Evidence]],
    context: Context,
) -> tuple[Vulnerabilities, VexFacts]:
    merged: Merged = merge(_scans(taken), enrich=context.enrichment, first_seen={})
    vex, applied = _vex(subject, merged, taken, usable, context)
    findings = tuple(_annotated(finding, applied, subject, context) for finding in merged.findings)
    scans = tuple(msgspec.structs.replace(scan, db_age_s=_age(scan.db_built, context.time.now)) for scan in merged.scans)
    facts = Vulnerabilities(
        scans=scans,
        findings=findings,
        disagreements=merged.disagreements,
        reported=count(findings, effective=False),
        effective=count(findings, effective=True),
    )
    return facts, vex


def _about(item: Opened, evidence: Evidence) -> tuple[str, ...]:
    """Digests that the document is about by itself or by the statement around it; never what only the caller says."""
    named = (evidence.subject_digest,) if evidence.subject_digest and evidence.binding in ("signed", "embedded") else ()
    return (*item.subjects, *named)


def _distro(merged: Merged) -> str:
    """The distribution that all scans agree on; a platform is compared with nothing less certain."""
    named = {scan.distro.casefold() for scan in merged.scans if scan.distro}
    return named.pop() if len(named) == 1 else ""


def _vex(
    subject: Subject,
    merged: Merged,
    taken: Sequence[tuple[Opened, Evidence]],
    usable: Sequence[tuple[Opened, Evidence]],
    context: Context,
) -> tuple[VexFacts, Mapping[str, AppliedVex]]:
    told = [(item, evidence) for item, evidence in usable if item.reading is not None and item.reading.vex is not None]
    if not told:
        return VexFacts(), {}
    # Imported here: version ranges, platforms and purls cost a tenth of a run that has no VEX.
    from gate.vex.resolve import VexSource, resolve

    params = context.decision.params
    return resolve(
        [
            VexSource(
                evidence=evidence.id,
                document=item.reading.vex,
                verification=_vouched(evidence, context.vex_signers),
                subjects=_about(item, evidence),
                answered_for=evidence.origin in GIVEN or evidence.verification.state == "verified",
            )
            for item, evidence in told
            if item.reading is not None
        ],
        merged.findings,
        subject,
        authors=params.vex_authors,
        require_signed=params.vex_require_signed,
        now=context.time.now,
        skew_s=params.clock_skew_seconds,
        graphs=[item.reading.sbom.graph for item, _ in taken if item.reading and item.reading.sbom and item.reading.sbom.graph],
        distro=_distro(merged),
    )


def _vouched(evidence: Evidence, signers: frozenset[str] | None) -> Verification:
    """The verification under which VEX counts: an attachment that nobody signed for VEX counts as badly signed in every profile.

    Anyone who may push may attach, and a key that is trusted for SBOMs vouches for no statement about exploitability; a profile
    that takes unsigned VEX means the files that the caller names. Where a pack is pinned, files and signers from outside may not
    loosen, so only VEX by the signers that the pack names for it counts.
    """
    check = evidence.verification
    for_vex = check.state == "verified" and bool({"vex", "*"} & {*check.roles})
    if signers is not None and not (for_vex and signers & {check.trust_entry, *check.entries}):
        reason = (
            "a pack is pinned, and VEX from outside it suppresses only when signed by somebody whom its data.trust names for VEX"
        )
        return msgspec.structs.replace(check, state="failed", reason=reason)
    if check.state != "failed" and not for_vex and evidence.origin not in GIVEN:
        signed = (
            f"signed by {check.trust_entry}, who is not trusted for VEX" if check.state == "verified" else "without a signature"
        )
        return msgspec.structs.replace(check, state="failed", reason=f"attached to the image {signed}")
    return check


def _annotated(finding: Finding, applied: Mapping[str, Any], subject: Subject, context: Context) -> Finding:
    vex = applied.get(finding.key)
    waived = context.waived_for(finding, subject)
    seen = context.first_seen(finding, subject)
    if vex is None and not waived and seen is None:
        return finding
    return msgspec.structs.replace(finding, vex=vex, waived_for=waived, first_seen=seen)


def _sbom(taken: Sequence[tuple[Opened, Evidence]]) -> Sbom:
    documents: list[SbomDocument] = []
    components = []
    for item, evidence in taken:
        if item.reading is None or item.reading.sbom is None:
            continue
        facts = item.reading.sbom
        documents.append(
            SbomDocument(
                evidence=evidence.id,
                format=evidence.format,
                spec_version=facts.spec_version,
                name=facts.name,
                completeness=msgspec.structs.replace(facts.completeness, root_matches_subject=_root_matches(item, evidence)),
                minimum_elements=facts.minimum_elements,
            )
        )
        components += [msgspec.structs.replace(component, evidence=evidence.id) for component in facts.components]
    return Sbom(documents=tuple(documents), components=tuple(components))


def _root_matches(item: Opened, evidence: Evidence) -> bool | None:
    """Whether the document's own root names the subject; null when it names no digest at all."""
    if item.reading is None or not item.reading.names:
        return None
    return not any(note.code == "inner_subject_differs" for note in evidence.diagnostics)


def _cross_checked(sbom: Sbom, taken: Sequence[tuple[Opened, Evidence]]) -> Sbom:
    """Packages that a scanner saw and no SBOM of the subject lists: the strongest sign of an incomplete SBOM."""
    if not sbom.documents:
        return sbom
    missing = missing_from(sbom.components, [reading.scan for _, reading in _scans(taken) if reading.scan])
    documents = tuple(
        msgspec.structs.replace(document, completeness=msgspec.structs.replace(document.completeness, missing_from_sbom=missing))
        for document in sbom.documents
    )
    return msgspec.structs.replace(sbom, documents=documents)


def _provenance(usable: Sequence[tuple[Opened, Evidence]], taken: Sequence[tuple[Opened, Evidence]]) -> Provenance:
    """Every statement bound to the subject; broken links only of the accepted ones, else anyone who can push could deny."""
    facts = {evidence.id: fact for item, evidence in usable if (fact := _fact(item, evidence)) is not None}
    links = [
        link for _, evidence in taken if evidence.id in facts for link in broken_links(facts[evidence.id], evidence.verification)
    ]
    return Provenance(statements=tuple(facts.values()), broken_links=tuple(links))


def _chain(subject: Subject, opened: Sequence[Opened], context: Context) -> tuple[ChainNode, ...]:
    """From the statements at hand; nothing is fetched for it. An index is no build: its platforms are."""
    if subject.kind == "index":
        return ()
    digests = [digest for digest in (subject.digest, subject.index_digest) if digest]
    now = datetime.datetime.fromisoformat(context.time.now)
    skew = context.decision.params.clock_skew_seconds
    return build_chain(subject.name or subject.reference, digests, Items(_distinct(opened)), context.trust, now=now, skew_s=skew)


def _fact(item: Opened, evidence: Evidence) -> ProvenanceFact | None:
    if item.reading is None or item.reading.provenance is None:
        return None
    return msgspec.structs.replace(item.reading.provenance, evidence=evidence.id)


def _base(subject: Subject, taken: Sequence[tuple[Opened, Evidence]]) -> Base:
    """The base image; signed provenance that names the same digest raises its origin."""
    base = subject.base
    if base.digest is None:
        return base
    hexdigest = base.digest.removeprefix("sha256:")
    for item, evidence in taken:
        fact = item.reading.provenance if item.reading else None
        if fact is None or evidence.verification.state != "verified":
            continue
        if any(material.digest.get("sha256") == hexdigest for material in fact.materials):
            return msgspec.structs.replace(base, origin="provenance")
    return base


def _signature(item: Opened, evidence: Evidence) -> SignatureFact:
    return SignatureFact(
        evidence=evidence.id,
        form=item.signature_form,  # type: ignore[arg-type]  # one of the three forms for kind "signature"
        annotations=item.annotations,
        docker_reference=item.docker_reference,
    )


def _attestation(item: Opened, evidence: Evidence) -> AttestationFact:
    predicate, _ = exact(item.predicate)
    return AttestationFact(evidence=evidence.id, predicate_type=evidence.predicate_type or "", predicate=predicate)


def _stig(taken: Sequence[tuple[Opened, Evidence]]) -> StigFacts:
    """Reports of accepted scanner evidence only: what nobody vouches for neither satisfies nor denies."""
    reports = [
        msgspec.structs.replace(report, evidence=evidence.id)
        for item, evidence in taken
        if item.reading is not None
        for report in item.reading.stig
    ]
    return StigFacts(collected=bool(reports), scanner_results=tuple(reports))


def _source(taken: Sequence[tuple[Opened, Evidence]]) -> SourceFacts:
    runs: list[SastRun] = []
    findings = []
    for item, evidence in taken:
        if item.reading is None or item.reading.sast is None:
            continue
        facts = item.reading.sast
        runs.append(
            SastRun(
                evidence=evidence.id,
                tool=facts.tool,
                version=facts.version,
                results=len(facts.findings),
                revision=facts.revision,
            )
        )
        findings += [msgspec.structs.replace(finding, evidence=evidence.id) for finding in facts.findings]
    findings.sort(key=lambda finding: (finding.rule, finding.location, finding.message, finding.evidence))
    return SourceFacts(runs=tuple(runs), findings=tuple(findings))
