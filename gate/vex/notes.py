"""Who looked, until when, and at what: what triage knows and OpenVEX has no field for.

It stands at the head of ``status_notes``, which every reader of the format tolerates, as lines ``Name: value`` up to the first
empty line; free text follows. ``Reviewer``, ``Review-by`` (a date), ``Evidence`` (repeated: digests, addresses), ``Proposal``
(what a tool suggests and nobody has decided), ``Found-as`` (the package as the scanner wrote it) and ``Verdict`` (digest).
"""

from __future__ import annotations

import dataclasses
import re
from datetime import date

from gate.errors import ConfigError

_LINE = re.compile(r"(Reviewer|Review-by|Evidence|Proposal|Found-as|Verdict): (.+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


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
    """What `write` wrote; other text is all free text."""
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
        review_by = None
    return Notes(
        reviewer=one("Reviewer"),
        review_by=review_by,
        evidence=tuple(values.get("Evidence", ())),
        proposal=one("Proposal"),
        found_as=tuple(values.get("Found-as", ())),
        verdict=one("Verdict"),
        text=rest,
    )
