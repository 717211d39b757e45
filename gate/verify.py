"""The pipeline: subject → evidence → input document → decision. Knows interfaces only; what comes out is stored by the caller.

A tag is resolved once, by `ImageSource.resolve`; every later step is given the digest (invariant 10).
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from gate.assemble import Context, assemble
from gate.audit.history import History, Sighting, keys_of
from gate.children import pool_of
from gate.errors import EvidenceError
from gate.evidence.collect import Opened, Opener
from gate.evidence.gather import Gathered, attached
from gate.evidence.interface import Document
from gate.evidence.vulnerabilities.enrich import Enrichment
from gate.evidence.vulnerabilities.sightings import names_of
from gate.judge import Judged, judge
from gate.limits import Limits
from gate.model.base import digest_of, to_json
from gate.model.evidence import CollectionError, Kind
from gate.model.findings import Finding
from gate.model.input import Decision, Input, RunContext, Subject, Time
from gate.model.verdict import ChildOutcome
from gate.oci.image import LoadedImage, load
from gate.oci.source import ImageSource
from gate.policy.engine import Engine
from gate.policy.waivers import Book, waived_for
from gate.trust.entry import Trust

if TYPE_CHECKING:
    from gate.evidence.look import Looked
    from gate.vex.repository import Repository

_Scan = Callable[[ImageSource, Subject], Document]
_AT_ONCE = 4
"""Platforms and subjects judged at the same time; each is an OPA process."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Everything chosen before the first subject is looked at."""

    decision: Decision
    run: RunContext
    time: Time
    trust: Trust
    engine: Engine
    limits: Limits
    files: tuple[Opened, ...] = ()
    """Documents that the caller named, opened once for all subjects."""
    vex_repositories: tuple[Repository, ...] = ()
    """Looked into per subject, for the documents about its packages."""
    enrichment: Enrichment | None = None
    platforms: tuple[str, ...] = ()
    scan: _Scan | None = None
    """Runs a vulnerability scanner on the subject's digest; raises EvidenceError."""
    scan_stig: _Scan | None = None
    """Runs a STIG scanner on the subject's files; raises EvidenceError."""
    inspect: bool = False
    """Whether to read the image's file system."""
    history: History | None = None
    """When findings were first seen; without one all are of unknown age."""
    vex_signers: frozenset[str] | None = None
    """Where a pack is pinned: the trust entries whose VEX alone may suppress (`gate.assemble.Context`)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reached:
    """A decision about one subject, with the bytes that it was reached on."""

    judged: Judged
    evidence: tuple[tuple[str, bytes], ...]
    sightings: tuple[Sighting, ...] = ()
    """What a history has to remember of it; empty without one."""


def verify(source: ImageSource, plan: Plan) -> list[Reached]:
    """One decision per platform, and for an index one more that sums them up.

    An index of which only some platforms were asked for is not judged as a whole. Raises EvidenceError when the subject itself
    cannot be had or read, UsageError for a platform that it does not have, PolicyError and EngineError.
    """
    image = load(source, source.resolve(), plan.platforms)
    if not image.children:
        return [_one(source, image, plan, attached(source, [image.subject.digest], _opener(plan)), frozenset())]
    whole = attached(source, [image.subject.digest], _opener(plan))
    with pool_of(len(image.children), _AT_ONCE, "gate-platform") as pool:
        children = list(pool.map(lambda child: _child(source, image, child, whole, plan), image.children))
    if image.skipped:
        return children
    return [*children, _one(source, image, plan, whole, frozenset(), [_summary(child) for child in children])]


def verify_all(sources: Sequence[ImageSource], plan: Plan) -> Iterator[list[Reached] | Exception]:
    """The decisions of each subject in order, or what kept it from one; memory does not grow with the number of subjects."""
    with pool_of(len(sources), _AT_ONCE, "gate-subject") as pool:
        for start in range(0, len(sources), 2 * _AT_ONCE):
            yield from pool.map(lambda source: _attempt(source, plan), sources[start : start + 2 * _AT_ONCE])


def _attempt(source: ImageSource, plan: Plan) -> list[Reached] | Exception:
    # Raised again by the caller in the order of the subjects: one bad subject must not hide what was decided of the others.
    try:
        return verify(source, plan)
    except Exception as error:
        return error


def _opener(plan: Plan) -> Opener:
    return Opener(plan.trust, plan.limits)


def _child(source: ImageSource, image: LoadedImage, child: LoadedImage, whole: Gathered, plan: Plan) -> Reached:
    own = attached(source, [child.subject.digest], _opener(plan))
    gathered = Gathered((*own.opened, *whole.opened), (*own.errors, *whole.errors))
    others = [other.subject for other in image.children if other is not child]
    siblings = {digest for other in others for digest in (other.digest, other.config_digest) if digest}
    siblings |= {skipped.digest for skipped in image.skipped}
    return _one(source, child, plan, gathered, frozenset(siblings))


def _one(
    source: ImageSource,
    image: LoadedImage,
    plan: Plan,
    gathered: Gathered,
    siblings: frozenset[str],
    children: Sequence[ChildOutcome] = (),
) -> Reached:
    subject = image.subject
    opened = [*plan.files, *gathered.opened]
    errors = list(gathered.errors)
    if subject.kind != "index":
        scanned, failed = _scan(source, subject, plan)
        opened += scanned
        errors += failed
    if plan.vex_repositories:
        from gate.evidence.vexrepository import from_repositories

        listed, failed = from_repositories(plan.vex_repositories, opened, subject, _opener(plan), plan.limits)
        opened += listed
        errors += failed
    looked = None
    if _looks_inside(plan, subject):
        tried = _look(source, subject, plan)
        if isinstance(tried, CollectionError):
            errors.append(tried)
        else:
            looked = tried
            from gate.evidence.sbom.inside import only_sboms

            opened += only_sboms(_opener(plan).open_all(looked.sboms))
    book = Book(plan.decision.waivers)

    def waived(finding: Finding, about: Subject) -> tuple[str, ...]:
        return waived_for(book, finding, about) if book.rules else ()

    context = Context(
        decision=plan.decision,
        run=plan.run,
        time=plan.time,
        enrichment=plan.enrichment,
        waived_for=waived,
        first_seen=_dates(plan),
        trust=plan.trust,
        vex_signers=plan.vex_signers,
    )
    document = assemble(subject, opened, context, siblings=siblings, errors=errors, looked=looked)
    judged = judge(document, plan.engine, trust=plan.trust.digest, children=children)
    kept = {item.id: item.document.data for item in opened}
    sightings = _sightings(document) if plan.history is not None else ()
    return Reached(judged, tuple((item.id, kept[item.id]) for item in document.evidence), sightings)


def _dates(plan: Plan) -> Callable[[Finding, Subject], str | None]:
    history = plan.history
    if history is None:
        return lambda finding, subject: None
    now = datetime.datetime.fromisoformat(plan.time.now)
    latest = (now + datetime.timedelta(seconds=plan.decision.params.clock_skew_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def first_seen(finding: Finding, subject: Subject) -> str | None:
        if not subject.name:
            return None  # by its digest alone every rebuild would be another image, whose findings are all new
        return history.first_seen(subject.name, keys_of(*names_of(finding)), plan.time.now, latest)

    return first_seen


def _sightings(document: Input) -> tuple[Sighting, ...]:
    image = document.subject.name
    findings = document.vulnerabilities.findings if image else ()
    return tuple(Sighting(image, keys_of(*names_of(finding)), finding.first_seen) for finding in findings)


def _scan(source: ImageSource, subject: Subject, plan: Plan) -> tuple[list[Opened], list[CollectionError]]:
    opened: list[Opened] = []
    errors: list[CollectionError] = []
    scanners: tuple[tuple[Kind, str, _Scan | None], ...] = (
        ("vulnerabilities", "--scan", plan.scan),
        ("stig", "--scan stig", plan.scan_stig),
    )
    for kind, name, scan in scanners:
        try:
            opened += _opener(plan).open_all([scan(source, subject)]) if scan is not None else []
        except EvidenceError as error:
            reason = error.what + (f": {error.why}" if error.why else "")
            errors.append(
                CollectionError(kind=kind, evidence=None, source=name, code="scan_failed", reason=reason, fix=error.fix)
            )
    return opened, errors


def _looks_inside(plan: Plan, subject: Subject) -> bool:
    params = plan.decision.params
    if subject.kind == "index":
        return False
    # Of a bare digest nothing can be read: rules that need files say so themselves, unless the caller asked outright.
    asked = subject.kind != "digest" and (params.fail_on_fips_issues is not False or params.fail_on_stig is not None)
    return plan.inspect or asked


def _look(source: ImageSource, subject: Subject, plan: Plan) -> Looked | CollectionError:
    from gate.evidence.look import look

    try:
        return look(source, subject, plan.time.now)
    except EvidenceError as error:
        reason = error.what + (f": {error.why}" if error.why else "")
        return CollectionError(kind="unknown", evidence=None, source="--inspect", code="unreadable", reason=reason, fix=error.fix)


def _summary(child: Reached) -> ChildOutcome:
    outcome = child.judged.outcome
    return ChildOutcome(
        platform=outcome.subject.platform,
        digest=outcome.subject.digest,
        decision=outcome.decision,
        outcome_digest=digest_of(to_json(outcome)),
    )
