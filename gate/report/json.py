"""``gate.report/v1``: the verdicts themselves. Everything else can be made from it later."""

from __future__ import annotations

import re

import msgspec

from gate.model.base import to_json
from gate.report.interface import SCHEMA, Report, ReportDocument, Style

_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def render(report: Report, style: Style) -> bytes:
    """Indented, sorted, full digests, ASCII only (a bidi character in a terminal would rearrange the line)."""
    document = ReportDocument(
        schema=SCHEMA, decision=report.decision, exit_code=report.exit_code, verdicts=report.verdicts, failures=report.failures
    )
    text = msgspec.json.format(to_json(document), indent=2).decode()
    return (_NOT_ASCII.sub(_escape, text) + "\n").encode("ascii")


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
