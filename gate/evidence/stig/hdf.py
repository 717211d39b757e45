"""HDF: InSpec's JSON report, as Heimdall and the SAF tools write it.

A control fails when any of its results does. ``impact`` 0 is InSpec's "not applicable". A control that a waiver or attestation
speaks about keeps what its own results say. Overlays repeat the controls of the profile below them; of several profiles the
controls are joined, and the least favourable result counts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading
from gate.evidence.jsonguard import guard
from gate.evidence.stig import build
from gate.evidence.vulnerabilities.lenient import Lenient, Notes, elements, members
from gate.limits import Limits
from gate.model.stig import StigReport, StigResult, StigWord

_WORDS: dict[str, StigWord] = {"passed": "pass", "failed": "fail", "skipped": "notchecked", "error": "error"}


class _Outcome(msgspec.Struct):
    status: str | None = None
    code_desc: str | None = None
    message: str | None = None
    skip_message: str | None = None
    start_time: str | None = None
    exception: str | None = None


class _Control(msgspec.Struct):
    id: str
    title: str | None = None
    impact: float | None = None
    tags: dict[str, Any] | None = None
    results: list[_Outcome] | None = None
    waiver_data: dict[str, Any] | None = None
    attestation_data: dict[str, Any] | None = None


class _Profile(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    parent_profile: str | None = None


class _Platform(msgspec.Struct):
    name: str | None = None
    release: str | None = None
    target_id: str | None = None


_control, _profile, _platform = Lenient(_Control), Lenient(_Profile), Lenient(_Platform)


class HdfReader:
    """InSpec JSON and HDF."""

    name = "HDF"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"profiles"' in head

    def read(self, data: bytes, limits: Limits) -> Reading:
        notes = Notes()
        document = members(guard(data, limits), "an HDF report")
        platform = _platform.decode(document.get("platform", msgspec.Raw(b"{}")), "/platform", notes)
        version = msgspec.json.decode(document.get("version", msgspec.Raw(b"null")))
        room, controls, tops = limits.findings, list[_Control](), list[_Profile]()
        for place, raw in enumerate(elements(document.get("profiles"), "/profiles", bound=limits.evidence_documents)):
            where = f"/profiles/{place}"
            profile = _profile.decode(raw, where, notes)
            tops += [profile] if not profile.parent_profile else []
            items = elements(members(raw, where).get("controls"), f"{where}/controls", bound=room)
            room -= len(items)
            for number, item in enumerate(items):
                controls.append(_control.decode(item, f"{where}/controls/{number}", notes))
        answered = {control.id for control in controls if control.results}
        results = [_result(control, notes) for control in controls if control.results or control.id not in answered]
        times = [build.moment(one.start_time) for control in controls for one in control.results or ()]
        if not results:
            raise EvidenceInvalid("the HDF report has no controls", why="nothing was looked at", fix="run the profile again")
        report = _report(results, tops, platform, str(version or ""), max((time for time in times if time), default=None), notes)
        return build.reading([report], [build.digests([platform.target_id or ""])], notes, limits)


def _report(
    results: list[StigResult], tops: list[_Profile], platform: _Platform, version: str, finished: str | None, notes: Notes
) -> StigReport:
    return build.report(
        results,
        notes,
        place=0,
        format="hdf",
        scanner="inspec",
        scanner_version=version,
        benchmark=", ".join(profile.name or "" for profile in tops),
        benchmark_version=", ".join(profile.version or "" for profile in tops),
        target=platform.target_id or "",
        platforms=[" ".join(part for part in (platform.name, platform.release) if part)],
        finished=finished,
    )


def _result(control: _Control, notes: Notes) -> StigResult:
    tags = control.tags or {}

    def text(name: str) -> str:
        value = tags.get(name)
        return value if isinstance(value, str) else ""

    def texts(name: str) -> list[str]:
        value = tags.get(name)
        return (
            [one for one in value if isinstance(one, str)]
            if isinstance(value, list)
            else [value]
            if isinstance(value, str)
            else []
        )

    outcomes = control.results or []
    outcome: StigWord = "notchecked"
    words = [_word(one, notes) for one in outcomes]
    if words:
        outcome = words[0]
        for other in words[1:]:
            outcome = build.worse(outcome, other)
    if control.impact == 0 and outcome in ("pass", "notchecked"):
        outcome = "notapplicable"
    override = ""
    for name, said in (("waived", control.waiver_data), ("attested", control.attestation_data)):
        if said:
            reason = said.get("justification") or said.get("explanation") or said.get("message") or ""
            override = f"{name}: {reason}"
            notes.add("override", "a waiver or attestation inside the report; it changes nothing", control.id)
    shown = next((one for one, word in zip(outcomes, words, strict=True) if word == outcome), _Outcome())
    messages = (shown.code_desc, shown.message, shown.skip_message, shown.exception)
    return build.result(
        text("rid") or control.id,
        outcome=outcome,
        rank=_rank(text("severity"), control.impact, notes),
        vuln=build.vuln_id(text("gid"), control.id, text("rid")),
        srg=build.srgs([text("gtitle"), *texts("satisfies")]),
        version=text("stig_id"),
        title=control.title or "",
        cci=build.ccis(texts("cci")),
        nist=[name for name in texts("nist") if not name.lower().startswith("rev")],
        said=", ".join(sorted({one.status or "(none)" for one in outcomes})),
        override=override,
        comment=": ".join(part for part in messages if part),
    )


def _word(one: _Outcome, notes: Notes) -> StigWord:
    known = _WORDS.get(one.status or "")
    return known if known is not None else build.word(f"{one.status or '(none)'} ", notes)


def _rank(severity: str, impact: float | None, notes: Notes) -> build.Severity:
    """The severity tag and InSpec's impact (0.7 high, 0.4 medium, 0.1 low); the more severe of the two."""
    by_impact: build.Severity = "unknown"
    if impact is not None:
        by_impact = "high" if impact >= 0.7 else "medium" if impact >= 0.4 else "low" if impact > 0 else "info"
    if not severity or severity.lower() == "none":
        return by_impact if by_impact != "unknown" else build.severity("", notes)
    return build.worse_severity(build.severity(severity, notes), by_impact) if impact else build.severity(severity, notes)


READER = HdfReader()
