"""The compliance section of reports for people: what is open or waived by control, and how much was looked at."""

from __future__ import annotations

import dataclasses

from gate.model.verdict import Outcome
from gate.report.compliance.controls import Item, about_compliance, counts, waived_text

_PLACES = 3
_DETAILS = 3
_ORDER = {"open": 0, "waived": 1, "not_reviewed": 2}
_ROMAN = {"1": "I", "2": "II", "3": "III"}


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One control. Texts are not escaped yet."""

    status: str
    heading: str
    notes: tuple[str, ...]
    fix: str


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """Counts in one line; open controls first, the most severe before others."""

    summary: str
    lines: tuple[Line, ...]


def section(outcome: Outcome) -> Section | None:
    """None where nobody asked for compliance and no report about it was accepted."""
    found = about_compliance(outcome)
    if not found:
        return None
    numbers = counts(found)
    asked = len(found)
    evaluated = numbers["pass"] + numbers["open"] + numbers["waived"]
    shown = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in numbers.items() if number)
    summary = f"{evaluated} of {asked} controls evaluated ({100 * evaluated // asked} %): {shown}"
    listed = sorted(
        (item for item in found if item.status in _ORDER), key=lambda item: (_ORDER[item.status], item.category, item.key)
    )
    return Section(summary, tuple(_line(item) for item in listed))


def _line(item: Item) -> Line:
    names = ", ".join(item.names[:6])
    heading = f"CAT {_ROMAN[item.category]} {item.id}" + (f" ({names})" if names else "") + f": {item.title}"
    notes: list[str] = [item.reason] if item.reason else []
    for detail in item.details[:_DETAILS]:
        text = detail.text
        named = [place for place in detail.places if place.path not in text or place.layer not in text]
        places = [f"{place.path} in {place.layer[:19] or 'an unknown layer'}" for place in named[:_PLACES]]
        more = len(named) - len(places)
        text += f" [{', '.join(places)}{f' and {more} more' if more else ''}]" if places else ""
        notes.append(text)
    if len(item.details) > _DETAILS:
        notes.append(f"… and {len(item.details) - _DETAILS} more")
    notes += [waived_text(waiver) for waiver in item.waivers]
    return Line(item.status, heading, tuple(notes), item.fix.partition("\n")[0])
