"""Which VEX statement holds for which finding. Pure; every statement ends up used or in a list that says why not (invariant 6).

Precedence among statements that an accepted author made and that match a finding:

(1) an exact digest of the image beats a package version beats an unversioned name;
(2) then the author earlier in ``authors``;
(3) then the later effective time;
(4) then, of documents with one ``@id``, the higher version; an older version's suppressing statement is dropped altogether, so
    that leaving a statement out of the next version takes it back;
(5) statements that still differ are a conflict: ``affected`` before ``under_investigation`` before the other two.

Scanners disagree with each other here (one takes the oldest statement); the superseded ones are reported.

What is not accepted never suppresses and never displaces what is: an unsigned ``affected`` must not let anyone block a release,
nor an unsigned ``not_affected`` hide a finding. A statement from the future does not suppress; one that does not suppress is
kept, since dropping it could revive an older one that does.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from gate.errors import ConfigError
from gate.model.evidence import Verification
from gate.model.findings import AppliedVex, Finding
from gate.model.input import Subject, VexFacts, VexProblem, VexUse
from gate.vex.match import Image, Scope, match_package
from gate.vex.openvex import VexDocument, VexStatement
from gate.vex.purl import Purl, parse

SUPPRESSING = frozenset({"not_affected", "fixed"})
_LEAST_FAVOURABLE = {"affected": 0, "under_investigation": 1, "fixed": 2, "not_affected": 2}
_NEWEST = datetime.max.replace(tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class VexSource:
    """A document, the evidence item that it is, and who vouches for it."""

    evidence: str
    document: VexDocument
    verification: Verification
    subjects: tuple[str, ...] = ()
    """Digests that the statement around the document names; they stand for products where a VEX statement has none."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Item:
    """One statement with all that its rank depends on."""

    source: VexSource
    statement: VexStatement
    distrust: str
    """Why the profile does not accept it; empty when it does."""
    author_rank: int
    moment: datetime
    """A statement that does not suppress and has no time counts as made just now."""
    future: bool
    retracted: bool

    @property
    def suppresses(self) -> bool:
        return self.statement.status in SUPPRESSING

    @property
    def out(self) -> bool:
        """Must not take part at all."""
        return self.suppresses and (bool(self.statement.problem) or self.future or self.retracted)


_Hit = tuple[_Item, Scope]


def resolve(
    documents: Sequence[VexSource],
    findings: Sequence[Finding],
    subject: Subject,
    *,
    authors: Sequence[str],
    require_signed: bool,
    now: str,
    skew_s: int = 0,
) -> tuple[VexFacts, dict[str, AppliedVex]]:
    """The facts for the input document, and the statement that holds for each finding key.

    ``AppliedVex.counts`` is true only when the statement suppresses: accepted by the profile, and ``not_affected`` or ``fixed``.
    """
    moment = _now(now) + timedelta(seconds=skew_s)
    items = [
        _item(source, statement, authors, require_signed, moment, retracted)
        for source, retracted in _with_retractions(documents, authors, require_signed)
        for statement in source.document.statements
    ]
    image = Image.of(subject)
    index = _Index(items, image, {name.casefold() for finding in findings for name in (finding.id, *finding.aliases)})
    report = _Report()
    applied: dict[str, AppliedVex] = {}
    for finding in findings:
        hits = index.hits(finding)
        if hits:
            winner = _decide(hits, finding.key, report)
            if winner is not None:
                applied[finding.key] = winner
    report.leftovers(items, index)
    return report.facts(), applied


def _now(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no RFC 3339 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _with_retractions(
    documents: Sequence[VexSource], authors: Sequence[str], require_signed: bool
) -> Iterable[tuple[VexSource, bool]]:
    """Each source, and whether an accepted later version of the same document by the same author is among them (4)."""
    newest: dict[tuple[str, str], int] = {}
    for source in documents:
        if source.document.id and not distrust(source, authors, require_signed):
            key = source.document.id, source.document.author
            newest[key] = max(newest.get(key, 0), source.document.version)
    for source in documents:
        yield source, source.document.version < newest.get((source.document.id, source.document.author), 0)


def distrust(source: VexSource, authors: Sequence[str], require_signed: bool) -> str:
    """Why this profile does not let the document suppress; empty when it does."""
    verification = source.verification
    if verification.state == "failed":
        return f"its signature is bad: {verification.reason}"
    signed = verification.state == "verified" and ("vex" in verification.roles or "*" in verification.roles)
    if require_signed and not signed:
        return "it is not signed by anyone whom a trust entry accepts for VEX"
    if not authors:
        return "no author may suppress: vex_authors is empty" if require_signed else ""
    if not _names(source, signed) & set(authors):
        return f"its author {source.document.author!r} is not among vex_authors"
    return ""


def _names(source: VexSource, signed: bool) -> set[str]:
    """What the author may be listed as: as written, by the address in ``Name <address>``; signed: by identity or trust entry."""
    author = source.document.author
    names = {author, author.rpartition("<")[2].removesuffix(">")} if author.endswith(">") else {author}
    if signed:
        names |= {source.verification.identity or "", source.verification.trust_entry or ""}
    return names - {""}


def _item(
    source: VexSource,
    statement: VexStatement,
    authors: Sequence[str],
    require_signed: bool,
    now: datetime,
    retracted: bool,
) -> _Item:
    reason = distrust(source, authors, require_signed)
    names = _names(source, source.verification.state == "verified")
    moment = statement.timestamp
    return _Item(
        source=source,
        statement=statement,
        distrust=reason,
        author_rank=next((place for place, name in enumerate(authors) if name in names), len(authors)),
        moment=moment if moment is not None else _NEWEST,
        future=moment is not None and moment > now,
        retracted=retracted,
    )


class _Index:
    """Statements by vulnerability, and below that by package, so that a finding meets only those that can be about it."""

    def __init__(self, items: Sequence[_Item], image: Image, wanted: set[str]) -> None:
        self._image = image
        self._whole: defaultdict[str, list[tuple[int, Scope]]] = defaultdict(list)
        self._packages: defaultdict[tuple[str, tuple[str, str, str]], list[tuple[int, Purl, bool]]] = defaultdict(list)
        self._items = items
        self.reported: set[int] = set()
        """Statements whose vulnerability some finding has."""
        self.matched: set[int] = set()
        for number, item in enumerate(items):
            names = {name.casefold() for name in item.statement.vulnerabilities} & wanted
            if names:
                self.reported.add(number)
                self._add(number, item, names)

    def _add(self, number: int, item: _Item, names: set[str]) -> None:
        digests = {f"sha256:{value}" for value in self._image.digests}
        if not item.statement.names_products and digests & set(item.source.subjects):
            for name in names:
                self._whole[name].append((number, Scope.DIGEST))
        for product in item.statement.products:
            scope = self._image.matches(product.component)
            if product.subcomponents:
                if scope is not None:
                    for component in product.subcomponents:
                        self._add_package(number, component.ids, names, exact=scope is Scope.DIGEST)
                continue
            if scope is not None:
                for name in names:
                    self._whole[name].append((number, scope))
            self._add_package(number, product.component.ids, names, exact=False)

    def _add_package(self, number: int, ids: Iterable[str], names: set[str], *, exact: bool) -> None:
        for text in ids:
            purl = parse(text) if text.startswith("pkg:") else None
            if purl is not None:
                for name in names:
                    self._packages[name, purl.package].append((number, purl, exact))

    def hits(self, finding: Finding) -> list[_Hit]:
        """Statements that match, each once with its most precise scope, in document order."""
        found = parse(finding.package.purl) if finding.package.purl else None
        if found is not None and not found.version:
            found = found._replace(version=finding.package.version)
        best: dict[int, Scope] = {}
        for name in {text.casefold() for text in (finding.id, *finding.aliases)}:
            for number, scope in self._whole.get(name, ()):
                best[number] = max(scope, best.get(number, scope))
            if found is None:
                continue
            for number, purl, exact in self._packages.get((name, found.package), ()):
                package = match_package(purl, found, self._image)
                if package is not None:
                    scope = Scope.DIGEST if exact else package
                    best[number] = max(scope, best.get(number, scope))
        self.matched.update(best)
        return [(self._items[number], best[number]) for number in sorted(best)]


class _Report:
    """Collects what becomes of each statement."""

    def __init__(self) -> None:
        self._used: list[VexUse] = []
        self._problems: defaultdict[str, list[VexProblem]] = defaultdict(list)

    def use(self, item: _Item, finding: str) -> None:
        self._used.append(
            VexUse(
                statement=item.statement.id,
                finding=finding,
                status=item.statement.status,
                author=item.source.document.author,
                evidence=item.source.evidence,
            )
        )

    def problem(self, kind: str, item: _Item, finding: str, detail: str) -> None:
        self._problems[kind].append(
            VexProblem(
                statement=item.statement.id,
                finding=finding,
                kind=kind,  # type: ignore[arg-type]  # callers pass the literals of VexProblem.kind
                detail=detail,
                evidence=item.source.evidence,
            )
        )

    def reject(self, item: _Item, finding: str) -> None:
        """Say why a statement counts for nothing, or less than it says; nothing when it is in order."""
        if item.statement.problem:
            self.problem("invalid", item, finding, item.statement.problem)
        if item.future:
            detail = "its time lies in the future" + ("" if item.suppresses else "; kept, because it does not suppress")
            self.problem("future", item, finding, f"{detail}: {item.moment.isoformat()}")
        if item.distrust:
            self.problem("untrusted", item, finding, item.distrust)
        if item.retracted and item.suppresses:
            self.problem("superseded", item, finding, "a later version of its document was given")

    def leftovers(self, items: Sequence[_Item], index: _Index) -> None:
        for number, item in enumerate(items):
            if number in index.matched:
                continue
            if item.statement.problem or item.future:
                self.reject(item, "")
            elif number not in index.reported:
                self.problem("unmatched", item, "", f"no finding is {' or '.join(item.statement.vulnerabilities)}")
            else:
                self.problem("unmatched", item, "", _mismatch(item))

    def facts(self) -> VexFacts:
        def listed(*kinds: str) -> tuple[VexProblem, ...]:
            found = [problem for kind in kinds for problem in self._problems[kind]]
            return tuple(sorted(found, key=lambda p: (p.statement, p.finding, p.kind, p.evidence, p.detail)))

        return VexFacts(
            statements_used=tuple(sorted(self._used, key=lambda use: (use.statement, use.finding, use.evidence))),
            unmatched=listed("unmatched"),
            conflicts=listed("conflict"),
            superseded=listed("superseded"),
            rejected=listed("untrusted", "future", "invalid"),
        )


def _mismatch(item: _Item) -> str:
    if not item.statement.products:
        return "it names no product that could be read, and no signed attestation for this image is around it"
    first = item.statement.products[0]
    named = [text for part in (first.component, *first.subcomponents[:1]) for text in part.ids[:1]]
    more = len(item.statement.products) - 1
    return (
        f"{item.statement.vulnerabilities[0]} was found, but neither this image nor a package with it is "
        f"{' with '.join(named) or 'named'}{f' (or {more} more)' if more else ''}; compare version and qualifiers"
    )


def _decide(hits: list[_Hit], finding: str, report: _Report) -> AppliedVex | None:
    for item, _ in hits:
        report.reject(item, finding)
    able = [hit for hit in hits if not hit[0].out]
    accepted = [hit for hit in able if not hit[0].distrust]
    if accepted:
        winner = _best(accepted, finding, report)
        report.use(winner, finding)
        for item, scope in accepted:
            if item is not winner:
                report.problem(
                    "superseded", item, finding, f"{item.statement.status} ({scope.name.lower()}) yields to {winner.statement.id}"
                )
        return _applied(winner, counts=winner.suppresses)
    return _applied(_best(able, finding, None), counts=False) if able else None


def _best(hits: list[_Hit], finding: str, report: _Report | None) -> _Item:
    top = max((scope, -item.author_rank, item.moment) for item, scope in hits)  # (1) (2) (3)
    tied = [item for item, scope in hits if (scope, -item.author_rank, item.moment) == top]
    newest: dict[tuple[str, str], int] = {}
    for item in tied:
        key = item.source.document.id, item.source.document.author
        newest[key] = max(newest.get(key, 0), item.source.document.version)
    tied = [  # (4)
        item for item in tied if item.source.document.version == newest[item.source.document.id, item.source.document.author]
    ]
    tied.sort(key=lambda item: (_LEAST_FAVOURABLE[item.statement.status], item.statement.id, item.source.evidence))  # (5)
    if report is not None and len({item.statement.status for item in tied}) > 1:
        said = ", ".join(f"{item.statement.id} says {item.statement.status}" for item in tied)
        report.problem("conflict", tied[0], finding, f"equal rank and time: {said}; the least favourable holds")
    return tied[0]


def _applied(item: _Item, *, counts: bool) -> AppliedVex:
    return AppliedVex(
        status=item.statement.status,
        justification=item.statement.justification or item.statement.impact,
        statement=item.statement.id,
        author=item.source.document.author,
        evidence=item.source.evidence,
        counts=counts,
    )
