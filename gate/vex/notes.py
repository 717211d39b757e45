"""Who looked, until when, and at what: what triage knows and OpenVEX has no field for.

It stands at the head of ``status_notes``, which every reader of the format tolerates, as lines ``Name: value`` up to the first
empty line; free text follows. ``Reviewer``, ``Review-by`` (a date), ``Evidence`` (repeated: digests, addresses), ``Proposal``
(what a tool suggests and nobody has decided), ``Found-as`` (the package as the scanner wrote it) and ``Verdict`` (digest).

Of notes that others wrote, `marks` looks for the two that change what a statement is worth, wherever they stand.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from datetime import date, datetime

from gate.errors import ConfigError
from gate.vex.document import instant

_LINE = re.compile(r"(Reviewer|Review-by|Evidence|Proposal|Found-as|Verdict): (.+)")
_PROPOSAL = re.compile(r"^Proposal: ", re.MULTILINE)
_REVIEW = re.compile(
    r"\breview[ -]by:? *(?P<date>\d{4}-\d{2}-\d{2}(?:T\S+)?)|^review-by:[ \t]*(?P<other>[^\n]*)", re.IGNORECASE | re.MULTILINE
)
_SHOWN = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


@dataclasses.dataclass(frozen=True, slots=True)
class Marks:
    """What notes say that readers have to heed."""

    review_by: datetime | None
    """Up to when the statement was meant to hold without a further look: the end of that day where it has no time."""
    bad_review: str
    """What stands in place of that date and is none; empty where there is a date, or nothing."""
    proposal: bool
    """Whether a tool suggests the statement and nobody has decided it."""


def marks(text: str) -> Marks:
    """The marks in ``status_notes``, whoever wrote them."""
    proposal = _PROPOSAL.search(text) is not None
    match = _REVIEW.search(text)
    if match is None:
        return Marks(None, "", proposal)
    written = (match["date"] or "").rstrip(".,;)")
    moment, _ = instant(written if "T" in written else f"{written}T23:59:59Z")
    bad = "" if moment is not None else (written or match["other"].strip() or "(empty)")[:_SHOWN]
    return Marks(moment, bad, proposal)


def earliest(texts: Iterable[str]) -> Marks:
    """The marks of notes that are not told apart by statement: what is no date stands, else the first review that is due."""
    every = [marks(text) for text in texts]
    bad = next((one.bad_review for one in every if one.bad_review), "")
    due = min((one.review_by for one in every if one.review_by is not None), default=None)
    return Marks(None if bad else due, bad, any(one.proposal for one in every))


@dataclasses.dataclass(frozen=True, slots=True)
class Notes:
    reviewer: str = ""
    review_by: date | None = None
    evidence: tuple[str, ...] = ()
    proposal: str = ""
    found_as: tuple[str, ...] = ()
    verdict: str = ""
    text: str = ""


def write(notes: Notes) -> str:
    """The text of ``status_notes``. Raises ConfigError for a value with a line break, which could pass for another line."""
    lines = [("Reviewer", notes.reviewer), ("Review-by", notes.review_by.isoformat() if notes.review_by else "")]
    lines += [("Evidence", item) for item in notes.evidence]
    lines += [("Proposal", notes.proposal), *(("Found-as", item) for item in notes.found_as), ("Verdict", notes.verdict)]
    for name, value in lines:
        if _CONTROL.search(value):
            raise ConfigError(f"{name} has a line break or control character", fix="write it in one line")
    head = "\n".join(f"{name}: {value.strip()}" for name, value in lines if value.strip())
    return "\n\n".join(part for part in (head, notes.text.strip()) if part)


def read(text: str) -> Notes:
    """What `write` wrote; other text is all free text, also one whose review date is none: dropping it would hide that."""
    head, _, rest = text.partition("\n\n")
    matches = [None if _CONTROL.search(line) else _LINE.fullmatch(line) for line in head.split("\n")]
    if not matches or not all(matches):
        return Notes(text=text)
    values: dict[str, list[str]] = {}
    for match in matches:
        assert match is not None  # all() above
        values.setdefault(match[1], []).append(match[2])

    def one(name: str) -> str:
        return values.get(name, [""])[-1]

    try:
        review_by = date.fromisoformat(one("Review-by")) if "Review-by" in values else None
    except ValueError:
        return Notes(text=text)
    return Notes(
        reviewer=one("Reviewer"),
        review_by=review_by,
        evidence=tuple(values.get("Evidence", ())),
        proposal=one("Proposal"),
        found_as=tuple(values.get("Found-as", ())),
        verdict=one("Verdict"),
        text=rest,
    )
