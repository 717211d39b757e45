"""dockle's JSON report. It lists what it objects to and only counts what it passes, so passes have no rule of their own."""

from __future__ import annotations

import msgspec

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading
from gate.evidence.jsonguard import guard
from gate.evidence.stig import build
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.stig import StigResult, StigWord

_LEVELS: dict[str, tuple[StigWord, build.Severity]] = {
    "FATAL": ("fail", "high"),
    "WARN": ("fail", "medium"),
    "INFO": ("fail", "low"),
    "SKIP": ("notchecked", "low"),
    "IGNORE": ("fail", "high"),
    "PASS": ("pass", "low"),
}
"""A rule that the caller told dockle to ignore was not looked at by anybody else: it counts as open, with that said beside it."""


class _Detail(msgspec.Struct):
    code: str
    level: str
    title: str | None = None
    alerts: list[str] | None = None


_detail = Lenient(_Detail)


class DockleReader:
    """dockle -f json."""

    name = "dockle"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"summary"' in head and b'"fatal"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        notes = Notes()
        document = members(guard(data, limits), "a dockle report")
        passed = _passed(document.get("summary"))
        image = msgspec.json.decode(document.get("image", msgspec.Raw(b'""')))
        target = image if isinstance(image, str) else ""
        raw = elements(document.get("details"), "/details", bound=limits.findings)
        results = [_result(_detail.decode(item, f"/details/{number}", notes), notes) for number, item in enumerate(raw)]
        if not results and not passed:
            raise EvidenceInvalid("the dockle report says nothing", why="it has no details and no passed checks")
        report = build.report(results, notes, place=0, format="dockle", scanner="dockle", benchmark="dockle", target=target)
        counts = msgspec.structs.replace(
            report.counts,
            passed=report.counts.passed + passed,
            evaluated=report.counts.evaluated + passed,
            selected=report.counts.selected + passed,
        )
        return build.reading([msgspec.structs.replace(report, counts=counts)], [build.digests([target])], notes, limits)


def _passed(raw: msgspec.Raw | None) -> int:
    try:
        said = members(raw or b"", "/summary").get("pass", msgspec.Raw(b"0"))
        return msgspec.json.decode(said, type=int)
    except msgspec.MsgspecError as error:
        raise EvidenceInvalid(f"the summary of the dockle report cannot be read: {error}") from error


def _result(detail: _Detail, notes: Notes) -> StigResult:
    outcome, rank = _LEVELS.get(detail.level.upper(), ("unknown", "unknown"))
    if outcome == "unknown":
        notes.add("unknown_result", f"level {build.cut(detail.level, 40)!r}; read as unknown")
    ignored = detail.level.upper() == "IGNORE"
    if ignored:
        notes.add("override", "dockle was told to ignore a rule; it counts", detail.code)
    return build.result(
        detail.code,
        outcome=outcome,
        rank=rank,
        title=detail.title or "",
        said=detail.level,
        override="ignored by the caller of dockle" if ignored else "",
        comment="; ".join(detail.alerts or ()),
    )


READER = DockleReader()
