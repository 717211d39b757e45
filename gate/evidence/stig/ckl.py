"""CKL: the checklist of DISA's STIG Viewer 2, without namespace, also written by STIG Manager, Heimdall and Evaluate-STIG.

A checklist is what people say: a ``NotAFinding`` stays a pass, with its comment beside it. A severity that was overridden
counts only where it was raised.
"""

from __future__ import annotations

import re

from gate.errors import EvidenceInvalid
from gate.evidence.interface import Reading
from gate.evidence.stig import build
from gate.evidence.stig.xmlstream import Element, Shape, looks_like_xml, opening, stream
from gate.evidence.vulnerabilities.lenient import Notes
from gate.limits import Limits
from gate.model.stig import StigReport, StigResult, StigWord

STATUSES: dict[str, StigWord] = {
    "open": "fail",
    "notafinding": "pass",
    "notapplicable": "notapplicable",
    "notreviewed": "notchecked",
}
"""CKL and CKLB alike, without case and underscores."""
_INFO = frozenset({"STIG_INFO", "SI_DATA", "SID_NAME", "SID_DATA", "HOST_NAME", "TARGET_COMMENT"})
_VULN = frozenset({"STIG_DATA", "VULN_ATTRIBUTE", "ATTRIBUTE_DATA", "STATUS", "FINDING_DETAILS", "COMMENTS"})
_KEEP = _INFO | _VULN | {"SEVERITY_OVERRIDE", "SEVERITY_JUSTIFICATION"}
_VIEWER = re.compile(rb"<!--\s*([A-Za-z][\w .-]{1,40}?)\s*(?:Version)?\s*::\s*([\w.-]{1,20})\s*-->")


def status(said: str, notes: Notes) -> StigWord:
    """The XCCDF word for a checklist's status; one that nobody knows is ``unknown``."""
    known = STATUSES.get(said.strip().lower().replace("_", "").replace(" ", ""))
    return known if known is not None else build.word(f"{said or '(none)'} ", notes)


class _Collector:
    def __init__(self) -> None:
        self.lists: list[tuple[list[Element], list[Element]]] = []
        self.assets: list[Element] = []
        self.checklist = False

    def shape(self) -> Shape:
        return Shape(
            enter={"CHECKLIST": self._begins, "iSTIG": lambda attributes: self.lists.append(([], []))},
            leave={},
            capture={
                "ASSET": self.assets.append,
                "STIG_INFO": lambda element: self._last()[0].append(element),
                "VULN": lambda element: self._last()[1].append(element),
            },
            keep=_KEEP,
        )

    def _begins(self, attributes: object) -> None:
        self.checklist = True

    def _last(self) -> tuple[list[Element], list[Element]]:
        if not self.lists:
            raise EvidenceInvalid("a VULN stands outside any iSTIG", why="it is not a checklist of STIG Viewer")
        return self.lists[-1]


class CklReader:
    """STIG Viewer 2 checklists."""

    name = "CKL"

    def recognises(self, head: bytes, media_type: str) -> bool:
        return looks_like_xml(head) and b"<CHECKLIST" in opening(head)

    def read(self, data: bytes, limits: Limits) -> Reading:
        notes, found = Notes(), _Collector()
        stream(data, found.shape(), limits)
        said = _VIEWER.search(opening(data))
        scanner = (said[1].decode(), said[2].decode()) if said else ("", "")
        targets = build.digests(asset.words(name) for asset in found.assets for name in ("HOST_NAME", "TARGET_COMMENT"))
        host = next((asset.words("HOST_NAME") for asset in found.assets), "")
        reports = [_report(place, *parts, host, scanner, notes) for place, parts in enumerate(found.lists)]
        return build.reading([item for item in reports if item.results], [targets], notes, limits)


def _report(
    place: int, infos: list[Element], vulns: list[Element], host: str, scanner: tuple[str, str], notes: Notes
) -> StigReport:
    about = {pair.words("SID_NAME"): pair.words("SID_DATA") for info in infos for pair in info.every("SI_DATA")}
    release = re.search(r"Release:\s*(\d+)", about.get("releaseinfo", ""))
    return build.report(
        [_result(vuln, notes) for vuln in vulns],
        notes,
        place=place,
        format="ckl",
        scanner=scanner[0],
        scanner_version=scanner[1],
        benchmark=about.get("stigid") or about.get("title", ""),
        benchmark_version=".".join(part for part in (about.get("version", ""), release[1] if release else "") if part),
        target=host,
    )


def _result(vuln: Element, notes: Notes) -> StigResult:
    data: dict[str, list[str]] = {}
    for pair in vuln.every("STIG_DATA"):
        data.setdefault(pair.words("VULN_ATTRIBUTE"), []).append(pair.words("ATTRIBUTE_DATA"))

    def first(name: str) -> str:
        return next(iter(data.get(name, ())), "")

    rank = build.severity(first("Severity"), notes)
    override = ""
    if changed := vuln.words("SEVERITY_OVERRIDE"):
        override = f"severity made {changed}: {vuln.words('SEVERITY_JUSTIFICATION')}"
        rank = build.worse_severity(rank, build.severity(changed, notes))
        notes.add("override", "a severity was changed by hand; the higher one counts", first("Vuln_Num"))
    said = vuln.words("STATUS")
    return build.result(
        first("Rule_ID") or first("Vuln_Num"),
        outcome=status(said, notes),
        rank=rank,
        vuln=build.vuln_id(first("Vuln_Num"), first("Rule_ID")),
        srg=build.srgs([first("Group_Title"), first("Rule_Ver")]),
        version=first("Rule_Ver"),
        title=first("Rule_Title"),
        cci=build.ccis(data.get("CCI_REF", ())),
        said=said,
        override=override,
        comment=" / ".join(text for text in (vuln.words("FINDING_DETAILS"), vuln.words("COMMENTS")) if text),
    )


READER = CklReader()
