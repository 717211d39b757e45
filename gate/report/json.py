"""``gate.report/v1``: the verdicts themselves. Everything else can be made from it later."""

from __future__ import annotations

import msgspec

from gate.model.base import to_json
from gate.report.interface import SCHEMA, Report, ReportDocument, Style


def render(report: Report, style: Style) -> bytes:
    """Indented, sorted, full digests; the same bytes for the same verdicts."""
    document = ReportDocument(
        schema="gate.report/v1", decision=report.decision, exit_code=report.exit_code, verdicts=report.verdicts
    )
    assert document.schema == SCHEMA
    return msgspec.json.format(to_json(document), indent=2) + b"\n"
