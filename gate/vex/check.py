"""Which findings of an image each VEX statement binds, and which of them it decides. Pure.

Everybody is believed here: the question is whether a statement reaches a finding at all, not whether a policy accepts its author.
The dependency graph is not in a verdict: a statement on an intermediate product binds only with the SBOM that `gate verify` had.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime

from gate.model.evidence import UNVERIFIED
from gate.model.findings import Finding, Package, SeverityFact, VexStatus
from gate.model.input import Base, Subject, VexFacts
from gate.model.verdict import CompactFinding, Verdict, VerdictSubject
from gate.vex.document import VexDocument
from gate.vex.graph import SbomGraph
from gate.vex.purl import parse
from gate.vex.resolve import VexSource, resolve


@dataclasses.dataclass(frozen=True, slots=True)
class Binding:
    """One statement. ``file`` is the document's name as given."""

    file: str
    statement: str
    vulnerabilities: tuple[str, ...]
    status: VexStatus
    binds: tuple[str, ...]
    """Keys of the findings that it matches."""
    decides: tuple[str, ...]
    """Those for which it is the one that holds."""
    detail: str
    """Why it binds or decides nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Checked:
    bindings: tuple[Binding, ...]
    suppressed: frozenset[str]
    """Keys of the findings that the statements together take out of the count, by this gate's precedence."""
    facts: VexFacts

    @property
    def idle(self) -> tuple[Binding, ...]:
        """Statements that bind nothing in this image."""
        return tuple(item for item in self.bindings if not item.binds)


def sources_of(documents: Mapping[str, VexDocument]) -> tuple[VexSource, ...]:
    """Documents by name, none of them signed."""
    return tuple(VexSource(name, document, UNVERIFIED) for name, document in documents.items())


def check(
    sources: Sequence[VexSource], verdict: Verdict, *, now: datetime | None = None, graphs: Sequence[SbomGraph] = ()
) -> Checked:
    """What the documents do to the findings of the verdict at a time (default: the verdict's; what is later is in the future).

    ``graphs`` are those of SBOMs of the image, for statements about products around a package.
    """
    outcome = verdict.outcome
    facts, applied = resolve(
        sources,
        [as_finding(item) for item in outcome.findings],
        as_subject(outcome.subject),
        authors=(),
        require_signed=False,
        now=now.isoformat() if now is not None else outcome.time.now,
        skew_s=outcome.policy.params.clock_skew_seconds,
        graphs=graphs,
    )
    used: dict[tuple[str, str], set[str]] = {}
    bound: dict[tuple[str, str], set[str]] = {}
    details: dict[tuple[str, str], list[str]] = {}
    for use in facts.statements_used:
        used.setdefault((use.evidence, use.statement), set()).add(use.finding)
    for problem in (*facts.conflicts, *facts.superseded, *facts.rejected, *facts.unmatched):
        key = problem.evidence, problem.statement
        details.setdefault(key, []).append(problem.detail)
        if problem.finding and problem.kind != "unmatched":
            bound.setdefault(key, set()).add(problem.finding)
    bindings = []
    for source in sources:
        for statement in source.document.statements:
            key = source.evidence, statement.id
            decides = used.get(key, set())
            said = [] if decides else details.get(key, [])
            bindings.append(
                Binding(
                    file=source.evidence,
                    statement=statement.id,
                    vulnerabilities=statement.vulnerabilities,
                    status=statement.status,
                    binds=tuple(sorted(decides | bound.get(key, set()))),
                    decides=tuple(sorted(decides)),
                    detail="; ".join(dict.fromkeys(said)),
                )
            )
    return Checked(tuple(bindings), frozenset(key for key, winner in applied.items() if winner.counts), facts)


def as_finding(item: CompactFinding) -> Finding:
    """The finding with what VEX looks at: names and package."""
    purl = parse(item.purl) if item.purl else None
    name, _, version = item.package.partition(" ")
    return Finding(
        key=item.key,
        id=item.id,
        aliases=item.aliases,
        package=Package(name=name, version=version, type=purl.type if purl else "", purl=item.purl),
        severity=SeverityFact(value=item.severity, source="", by_source={}),
        cvss=(),
        epss=None,
        kev=None,
        fix=item.fix,
        malware=item.malware,
        match="unknown",
        reported_by=(),
        suppressed_by_scanner=(),
        reachable=item.reachable,
        first_seen=None,
        vex=None,
        waived_for=(),
        url=item.url,
    )


def as_subject(subject: VerdictSubject) -> Subject:
    """The subject with what VEX looks at: names, digests and platform."""
    return Subject(
        name=subject.name,
        reference=subject.reference,
        digest=subject.digest,
        media_type=subject.media_type,
        kind=subject.kind,
        platform=subject.platform,
        index_digest=subject.index_digest,
        config_digest=subject.config_digest,
        config=None,
        base=Base(name="", digest=None, origin="none"),
        layers=(),
        annotations={},
    )
