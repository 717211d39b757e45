"""OSCAL assessment results 1.x in JSON: findings and their targets' status; observations and risks are context and not read.

OSCAL has no severity. Those that write STIG results put it and the V-id into properties; without, a finding is CAT I.
"""

from __future__ import annotations

import msgspec

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading
from gate.evidence.jsonguard import guard
from gate.evidence.stig import build
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.stig import StigReport, StigResult, StigWord

_STATES: dict[str, StigWord] = {"satisfied": "pass", "not-satisfied": "fail"}
_REASONS: dict[str, StigWord] = {"not-applicable": "notapplicable", "not-tested": "notchecked", "error": "error"}
"""Reasons that say more than the two states: what is not applicable or was not tested is neither a pass nor a failure."""


class _Property(msgspec.Struct):
    name: str
    value: str


class _Status(msgspec.Struct):
    state: str
    reason: str | None = None
    remarks: str | None = None


class _Target(msgspec.Struct, rename={"id": "target-id"}):
    status: _Status
    id: str | None = None


class _Finding(msgspec.Struct):
    target: _Target
    title: str | None = None
    description: str | None = None
    props: list[_Property] | None = None
    remarks: str | None = None


class _Item(msgspec.Struct):
    props: list[_Property] | None = None


class _Local(msgspec.Struct, rename="kebab"):
    components: list[_Item] | None = None
    inventory_items: list[_Item] | None = None


class _Result(msgspec.Struct, rename="kebab"):
    title: str | None = None
    start: str | None = None
    end: str | None = None
    props: list[_Property] | None = None
    local_definitions: _Local | None = None


_finding, _result_of = Lenient(_Finding), Lenient(_Result)


class OscalReader:
    """OSCAL assessment results."""

    name = "OSCAL"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"assessment-results"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        notes = Notes()
        document = members(guard(data, limits), "an OSCAL document")
        body = members(document.get("assessment-results", msgspec.Raw(b"null")), "/assessment-results")
        room = limits.findings
        reports: list[StigReport] = []
        targets: list[frozenset[str]] = []
        for place, raw in enumerate(
            elements(body.get("results"), "/assessment-results/results", bound=limits.evidence_documents)
        ):
            where = f"/assessment-results/results/{place}"
            items = elements(members(raw, where).get("findings"), f"{where}/findings", bound=room)
            room -= len(items)
            about = _result_of.decode(raw, where, notes)
            found = [
                _result(_finding.decode(item, f"{where}/findings/{number}", notes), notes) for number, item in enumerate(items)
            ]
            if not found:
                continue
            reports.append(_report(place, about, found, notes))
            targets.append(_named(about))
        if not reports:
            raise EvidenceInvalid("the assessment results have no findings", why="observations alone say nothing of any control")
        return build.reading(reports, targets, notes, limits)


def _report(place: int, about: _Result, found: list[StigResult], notes: Notes) -> StigReport:
    return build.report(
        found,
        notes,
        place=place,
        format="oscal",
        scanner=_property(about.props, "scanner"),
        scanner_version=_property(about.props, "scanner-version"),
        benchmark=_property(about.props, "benchmark") or about.title or "",
        finished=build.moment(about.end or about.start),
    )


def _named(about: _Result) -> frozenset[str]:
    local = about.local_definitions or _Local()
    items = [*(local.components or ()), *(local.inventory_items or ())]
    return build.digests(prop.value for item in [*items, _Item(props=about.props)] for prop in item.props or ())


def _property(props: list[_Property] | None, name: str) -> str:
    return next((prop.value for prop in props or () if prop.name == name), "")


def _result(finding: _Finding, notes: Notes) -> StigResult:
    status = finding.target.status
    outcome = _STATES.get(status.state)
    if outcome is None:
        outcome = build.word(f"{status.state} ", notes)
    if outcome in ("pass", "fail") and status.reason in _REASONS:
        outcome = _REASONS[status.reason]
    values = [prop.value for prop in finding.props or ()]
    name = _property(finding.props, "rule-id") or finding.target.id or finding.title or ""
    return build.result(
        name,
        outcome=outcome,
        rank=build.severity(_property(finding.props, "severity"), notes),
        vuln=build.vuln_id(*values, name),
        srg=build.srgs(values),
        title=finding.title or "",
        cci=build.ccis(values),
        nist=[_control(finding.target.id or ""), *(prop.value for prop in finding.props or () if prop.name == "nist")],
        said=" ".join(part for part in (status.state, status.reason) if part),
        comment=" / ".join(part for part in (status.remarks, finding.remarks, finding.description) if part),
    )


def _control(target: str) -> str:
    """``ac-6.1_obj`` is about AC-6 (1); what is no control of SP 800-53 gives none."""
    name = target.split("_")[0].upper()
    family, dash, rest = name.partition("-")
    number, _, part = rest.partition(".")
    if not dash or len(family) != 2 or not family.isalpha() or not number.isdigit():
        return ""
    return f"{family}-{number} ({part})" if part.isdigit() else f"{family}-{number}"


READER = OscalReader()
