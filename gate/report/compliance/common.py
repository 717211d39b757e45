"""What the formats share: identifiers that follow from the verdict, and text that each format can hold."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

from gate.model.verdict import Outcome
from gate.report.compliance.controls import Detail, Item, waived_text
from gate.report.escape import escape
from gate.report.interface import Report
from gate.report.summary import title

_SPACE = uuid.UUID("6f1d6d0e-5a53-5d0c-9d64-0b1a4f1c9a35")
_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
_DETAILS = 200
EMPTY = "nothing"
OWN = "gate"
"""With it, and a dot, begin the names of checklists that the gate wrote: read again, they prove nothing new."""


def identifier(*parts: str) -> str:
    """A UUID (version 5) that the same verdict always gives."""
    return str(uuid.uuid5(_SPACE, "\0".join(map(escape, parts))))


def report_identifier(report: Report, kind: str) -> str:
    """The document's own; two formats of one report differ."""
    return identifier(kind, *(verdict.outcome_digest for verdict in report.verdicts))


def token(text: str) -> str:
    """A name that starts with a letter and has letters, digits, dots and dashes only; injective enough for people to compare."""
    clean = _TOKEN.sub("_", text)[:200]
    return clean if clean[:1].isalpha() or clean[:1] == "_" else f"_{clean}"


def version(text: str) -> str:
    """As it stands in a CPE: letters, digits, dots and dashes."""
    return _TOKEN.sub("_", text)[:60] or "0"


def line(text: str, otherwise: str = EMPTY) -> str:
    """One line without control characters at either end or between; never empty, which formats forbid."""
    return " ".join(escape(text).split()) or otherwise


def subject_of(outcome: Outcome) -> str:
    """What was judged, with its full digest."""
    return line(title(outcome))


def target_of(outcome: Outcome) -> str:
    """As scanners name it: ``oci://NAME@sha256:…``; no digest but the subject's own may stand in it."""
    return f"oci://{name_of(outcome)}@{outcome.subject.digest}"


def name_of(outcome: Outcome) -> str:
    """The repository, or ``image`` where its name is none."""
    name = outcome.subject.name
    return name if "sha256" not in name and _NAME.fullmatch(name) else "image"


def detail_lines(details: Iterable[Detail]) -> list[str]:
    """One line a finding: text, files with their layers, what waives it."""
    lines: list[str] = []
    for number, detail in enumerate(details):
        if number == _DETAILS:
            lines.append("… and more: the whole list is in the JSON report")
            break
        text = line(detail.text)
        places = [f"{line(place.path)} in layer {line(place.layer, 'unknown')}" for place in detail.places]
        text += f" [{'; '.join(places)}]" if places else ""
        text += f" evidence {', '.join(detail.evidence[:3])}" if detail.evidence else ""
        text += f" ({line(waived_text(detail.waiver))})" if detail.waiver is not None else ""
        lines.append(text)
    return lines


def findings_text(item: Item) -> str:
    """All that is known of an item, for a field of free text."""
    lines = [f"Judged {item.status.replace('_', ' ')} by rule {line(item.id)} of {line(item.source)}."]
    lines += [line(item.reason)] if item.reason else []
    lines += detail_lines(item.details)
    lines += [f"The report says: {line(item.comment)}"] if item.comment else []
    return "\n".join(lines)


def waivers_text(item: Item) -> str:
    """Empty without waivers."""
    return "\n".join(line(waived_text(waiver)) for waiver in item.waivers)
