"""What became of each statement, for the input document and the reports (invariant 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from gate.model.input import VexFacts, VexProblem, VexUse
from gate.vex.cyclonedx import BOM_LINK
from gate.vex.document import SUBJECT, VexStatement
from gate.vex.index import Index, Item

Problem = Literal["unmatched", "conflict", "superseded", "untrusted", "future", "invalid", "expired", "claimed"]


UNVOUCHED_ROWS = 100
"""Problems that are listed of documents that nobody answers for; more are counted. They decide nothing, and a rule that denies on
listed ones looks at those of other documents only."""
_SHOWN = 200


def shown(item: Item, text: str) -> str:
    """The text; of a document that nobody answers for, its beginning."""
    return text if item.source.answered_for or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Report:
    """Collects, then sorts."""

    def __init__(self) -> None:
        self._unvouched = 0
        self._unlisted = 0
        self._used: list[VexUse] = []
        self._problems: defaultdict[str, list[VexProblem]] = defaultdict(list)

    def use(self, item: Item, finding: str) -> None:
        self._used.append(
            VexUse(
                statement=item.statement.id,
                finding=finding,
                status=item.statement.status,
                author=item.source.document.author,
                evidence=item.source.evidence,
            )
        )
        if item.claimed:
            self.problem("claimed", item, finding, item.claimed)
        if item.overdue:
            self.problem("expired", item, finding, overdue(item.statement))

    def problem(self, kind: Problem, item: Item, finding: str, detail: str, readers: Sequence[str] = ()) -> None:
        if not item.source.answered_for:
            self._unvouched += 1
            if self._unvouched > UNVOUCHED_ROWS:
                self._unlisted += 1
                return
        self._problems[kind].append(
            VexProblem(
                statement=shown(item, item.statement.id),
                finding=finding,
                kind=kind,
                detail=shown(item, detail),
                evidence=item.source.evidence,
                readers=tuple(readers),
            )
        )

    def reject(self, item: Item, finding: str) -> None:
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

    def leftovers(self, items: Sequence[Item], index: Index) -> None:
        """Statements that matched nothing, each with the reason."""
        for number, finding, path in index.partly:
            self.problem(
                "unmatched",
                items[number],
                finding,
                f"it rules out one way to the package only; it is also reached through {path}",
            )
        for number, item in enumerate(items):
            if number in index.matched:
                continue
            if number in index.passed_over:
                self._unlisted += 1
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
            overdue=listed("expired"),
            claimed=listed("claimed"),
            unlisted=self._unlisted,
        )


def overdue(statement: VexStatement) -> str:
    """Why the review is overdue."""
    if statement.review_by is None:
        return f"its review date {statement.bad_review!r} is no date, and counts as passed"
    return f"its review was due by {statement.review_by.isoformat()}"


def _mismatch(item: Item) -> str:
    if not item.statement.products:
        return "it names no product that could be read, and no signed attestation for this image is around it"
    first = item.statement.products[0]
    named = [text for part in (first.component, *first.subcomponents[:1]) for text in part.ids[:1]]
    if named[:1] == [SUBJECT]:
        return "it is about the subject of its document, and the document does not name this image by digest"
    more = len(item.statement.products) - 1
    hint = "compare version and qualifiers"
    if named and named[0].startswith(BOM_LINK):
        hint = "no accepted SBOM of this image has that serial number, version and bom-ref with a purl"
    elif first.platforms:
        hint = f"the platform is {', '.join(first.platforms)}; compare it with the distribution of the findings, then the version"
    elif first.subcomponents:
        hint = "compare version and qualifiers; a product that is not the image needs an accepted SBOM with its dependencies"
    return (
        f"{item.statement.vulnerabilities[0]} was found, but neither this image nor a package with it is "
        f"{' with '.join(named) or 'named'}{f' (or {more} more)' if more else ''}; {hint}"
    )
