"""CKLB: the JSON checklist of DISA's STIG Viewer 3, as STIG Manager and Evaluate-STIG write it too, often without a version."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gate.evidence.interface import Reading
from gate.evidence.jsonguard import guard
from gate.evidence.stig import build
from gate.evidence.stig.ckl import status
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.stig import StigReport, StigResult


class _Rule(msgspec.Struct):
    status: str
    rule_id: str | None = None
    rule_id_src: str | None = None
    group_id: str | None = None
    group_title: str | None = None
    rule_version: str | None = None
    rule_title: str | None = None
    severity: str | None = None
    comments: str | None = None
    finding_details: str | None = None
    ccis: list[str] | None = None
    group_tree: list[dict[str, Any]] | None = None
    overrides: dict[str, Any] | None = None


class _Stig(msgspec.Struct):
    stig_id: str | None = None
    stig_name: str | None = None
    version: str | int | None = None
    release_info: str | None = None


class _Target(msgspec.Struct):
    host_name: str | None = None
    comments: str | None = None


class _Tool(msgspec.Struct):
    version: str | None = None


_rule, _stig, _target, _tool = Lenient(_Rule), Lenient(_Stig), Lenient(_Target), Lenient(_Tool)


class CklbReader:
    """STIG Viewer 3 checklists."""

    name = "CKLB"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"stigs"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        notes = Notes()
        document = members(guard(data, limits), "a CKLB checklist")
        target = _target.decode(document.get("target_data", msgspec.Raw(b"{}")), "/target_data", notes)
        scanner = ("", "")
        if "evaluate-stig" in document:
            scanner = ("evaluate-stig", _tool.decode(document["evaluate-stig"], "/evaluate-stig", notes).version or "")
        room, reports = limits.findings, []
        for place, raw in enumerate(elements(document.get("stigs"), "/stigs", bound=limits.evidence_documents)):
            rules = elements(members(raw, f"/stigs/{place}").get("rules"), f"/stigs/{place}/rules", bound=room)
            room -= len(rules)
            reports.append(_report(place, raw, rules, target, scanner, notes))
        named = build.digests(text for text in (target.host_name, target.comments) if text)
        return build.reading([item for item in reports if item.results], [named], notes, limits)


def _report(
    place: int, raw: msgspec.Raw, rules: list[msgspec.Raw], target: _Target, scanner: tuple[str, str], notes: Notes
) -> StigReport:
    about = _stig.decode(raw, f"/stigs/{place}", notes)
    release = re.search(r"Release:\s*(\d+)", about.release_info or "")
    return build.report(
        [_result(rule, f"/stigs/{place}/rules/{number}", notes) for number, rule in enumerate(rules)],
        notes,
        place=place,
        format="cklb",
        scanner=scanner[0],
        scanner_version=scanner[1],
        benchmark=about.stig_id or about.stig_name or "",
        benchmark_version=".".join(str(part) for part in (about.version, release[1] if release else None) if part),
        target=target.host_name or "",
    )


def _result(raw: msgspec.Raw, where: str, notes: Notes) -> StigResult:
    rule = _rule.decode(raw, where, notes)
    rank, override = build.severity(rule.severity, notes), ""
    change = (rule.overrides or {}).get("severity")
    if isinstance(change, dict) and change.get("severity"):
        override = f"severity made {change['severity']}: {change.get('reason', '')}"
        rank = build.worse_severity(rank, build.severity(str(change["severity"]), notes))
        notes.add("override", "a severity was changed by hand; the higher one counts", where)
    groups = [str(group.get("title", "")) for group in rule.group_tree or ()]
    return build.result(
        rule.rule_id_src or rule.rule_id or rule.group_id or "",
        outcome=status(rule.status, notes),
        rank=rank,
        vuln=build.vuln_id(rule.group_id or "", rule.rule_id or ""),
        srg=build.srgs([*groups, rule.group_title or "", rule.rule_version or ""]),
        version=rule.rule_version or "",
        title=rule.rule_title or "",
        cci=build.ccis(rule.ccis or ()),
        said=rule.status,
        override=override,
        comment=" / ".join(text for text in (rule.finding_details, rule.comments) if text),
    )


READER = CklbReader()
