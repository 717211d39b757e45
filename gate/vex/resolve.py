"""Which VEX statement holds for which finding. Pure; every statement ends up used or in a list that says why not (invariant 6).

Precedence among statements that an accepted author made and that match a finding:

(1) an exact digest of the image beats a package version beats an unversioned name;
(2) then the author earlier in ``authors``: by signer where the signer is listed, else by the name that the document gives;
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

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from gate.errors import ConfigError
from gate.model.findings import AppliedVex, Finding
from gate.model.input import Subject, VexFacts
from gate.vex import holds
from gate.vex.document import SUPPRESSING as SUPPRESSING
from gate.vex.document import VexStatement
from gate.vex.facts import Report, shown
from gate.vex.graph import SbomGraph
from gate.vex.index import Hit, Index, Item
from gate.vex.index import VexSource as VexSource
from gate.vex.match import Image

_READERS = {
    "oldest_first": "a reader that takes the oldest statement, as grype does",
    "newest_first": "a reader that takes the newest statement, as trivy does",
}


def resolve(
    documents: Sequence[VexSource],
    findings: Sequence[Finding],
    subject: Subject,
    *,
    authors: Sequence[str],
    require_signed: bool,
    now: str,
    skew_s: int = 0,
    graphs: Sequence[SbomGraph] = (),
    distro: str = "",
) -> tuple[VexFacts, dict[str, AppliedVex]]:
    """The facts for the input document, and the statement that holds for each finding key.

    ``AppliedVex.counts`` is true only when the statement suppresses: accepted by the profile, and ``not_affected`` or ``fixed``.
    ``graphs`` are those of the SBOMs accepted for the subject; ``distro`` is what the accepted scans agree on (``debian 12.4``).
    """
    moment = _now(now) + timedelta(seconds=skew_s)
    items = [
        _item(source, statement, authors, require_signed, moment, retracted)
        for source, retracted in _with_retractions(documents, authors, require_signed)
        for statement in source.document.statements
    ]
    image = Image.of(subject, distro)
    wanted = {name.casefold() for finding in findings for name in (finding.id, *finding.aliases)}
    index = Index(items, image, wanted, graphs, _rules_out)
    report = Report()
    applied: dict[str, AppliedVex] = {}
    for finding in findings:
        hits = index.hits(finding)
        if hits:
            winner = _decide(hits, finding.key, report)
            if winner is not None:
                applied[finding.key] = winner
    report.leftovers(items, index)
    return report.facts(), applied


def _rules_out(hits: list[Hit]) -> bool:
    """Whether what accepted authors say of one product, resolved by itself, suppresses."""
    accepted = [hit for hit in hits if not hit[0].out and not hit[0].distrust]
    return bool(accepted) and _best(accepted, "", None).suppresses


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
    newest = holds.newest_versions(
        ((source.document.id, source.document.author), source.document.version)
        for source in documents
        if source.document.id and not distrust(source, authors, require_signed)
    )
    for source in documents:
        yield source, source.document.version < newest.get((source.document.id, source.document.author), 0)


def distrust(source: VexSource, authors: Sequence[str], require_signed: bool) -> str:
    """Why this profile does not let the document suppress; empty when it does."""
    verification = source.verification
    if verification.state == "failed":
        return f"nobody whom this run trusts vouches for it: {verification.reason}"
    if require_signed and not _is_signed(source):
        return "it is not signed by anyone whom a trust entry accepts for VEX"
    if not authors:
        return "no author may suppress: vex_authors is empty" if require_signed else ""
    if not (_names(source) | _signer(source)) & set(authors):
        return f"its author {source.document.author!r} is not among vex_authors"
    return ""


def _is_signed(source: VexSource) -> bool:
    """Whether somebody signed it whom a trust entry accepts for VEX."""
    verification = source.verification
    return verification.state == "verified" and ("vex" in verification.roles or "*" in verification.roles)


def _names(source: VexSource) -> set[str]:
    """What the document's author may be listed as: as written, or by the address in ``Name <address>``."""
    names: set[str] = set()
    for author in (source.document.author, *source.document.author_names):
        names |= {author, author.rpartition("<")[2].removesuffix(">")} if author.endswith(">") else {author}
    return names - {""}


def _signer(source: VexSource) -> set[str]:
    """What the signer may be listed as: identity or trust entry; empty for a document that is not signed for VEX."""
    verification = source.verification
    entries = verification.entries or (verification.trust_entry or "",)
    return {verification.identity or "", *entries} - {""} if _is_signed(source) else set()


def _item(
    source: VexSource,
    statement: VexStatement,
    authors: Sequence[str],
    require_signed: bool,
    now: datetime,
    retracted: bool,
) -> Item:
    reason = distrust(source, authors, require_signed)
    signer = _signer(source)
    # Who signs is ranked by that where it is listed: a document can claim any author, also one that ranks higher.
    listed = signer & set(authors)
    names = signer if listed else _names(source)
    claimed = ""
    if authors and signer and not listed and not reason and not signer & _names(source):
        claimed = f"it counts as by {source.document.author!r}, who is listed, and was signed by {' and '.join(sorted(signer))}"
    moment = statement.timestamp
    return Item(
        source=source,
        statement=statement,
        distrust=reason,
        author_rank=next((place for place, name in enumerate(authors) if name in names), len(authors)),
        moment=holds.moment(moment),
        future=moment is not None and moment > now,
        retracted=retracted,
        overdue=bool(statement.bad_review) or (statement.review_by is not None and statement.review_by < now),
        claimed=claimed,
    )


def _decide(hits: list[Hit], finding: str, report: Report) -> AppliedVex | None:
    for item, _ in hits:
        report.reject(item, finding)
    able = [hit for hit in hits if not hit[0].out]
    accepted = [hit for hit in able if not hit[0].distrust]
    if accepted:
        winner = _best(accepted, finding, report)
        report.use(winner, finding)
        others = _other_readers(accepted, winner)
        for item, scope in accepted:
            if item is not winner:
                readers = [name for name, choice in others.items() if choice is item]
                detail = f"{item.statement.status} ({scope.name.lower()}) yields to {winner.statement.id}"
                detail += f", which says {winner.statement.status}"
                would = "suppressed the finding" if item.suppresses else "let the finding count"
                detail += "".join(f"; {_READERS[name]}, would have {would}" for name in readers)
                report.problem("superseded", item, finding, detail, readers)
        return _applied(winner, counts=winner.suppresses)
    return _applied(_best(able, finding, None), counts=False) if able else None


def _other_readers(hits: list[Hit], winner: Item) -> dict[str, Item]:
    """What readers that know only time would have taken, where that turns the outcome."""
    oldest, latest = holds.ends(
        (item for item, _ in hits), key=lambda item: (item.moment, item.statement.id, item.source.evidence)
    )
    choices = {"oldest_first": oldest, "newest_first": latest}
    return {
        name: choice
        for name, choice in choices.items()
        if choice.suppresses != winner.suppresses and choice.moment != winner.moment
    }


def _best(hits: list[Hit], finding: str, report: Report | None) -> Item:
    top = max((scope, -item.author_rank, item.moment) for item, scope in hits)  # (1) (2) (3)
    tied = [item for item, scope in hits if (scope, -item.author_rank, item.moment) == top]
    newest = holds.newest_versions((_lineage(item), item.source.document.version) for item in tied)
    tied = [item for item in tied if item.source.document.version >= newest[_lineage(item)]]  # (4)
    tied.sort(key=lambda item: (holds.LEAST_FAVOURABLE[item.statement.status], item.statement.id, item.source.evidence))  # (5)
    if report is not None and len({item.statement.status for item in tied}) > 1:
        said = ", ".join(f"{item.statement.id} says {item.statement.status}" for item in tied)
        report.problem("conflict", tied[0], finding, f"equal rank and time: {said}; the least favourable holds")
    return tied[0]


def _lineage(item: Item) -> tuple[str, str]:
    """What versions of one document share; a document without id is a version of nothing but itself."""
    return item.source.document.id or item.source.evidence, item.source.document.author


def _applied(item: Item, *, counts: bool) -> AppliedVex:
    return AppliedVex(
        status=item.statement.status,
        justification=shown(item, item.statement.justification or item.statement.impact),
        statement=shown(item, item.statement.id),
        author=shown(item, item.source.document.author),
        evidence=item.source.evidence,
        counts=counts,
    )
