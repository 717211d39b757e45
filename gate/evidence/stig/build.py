"""From what a reader found to `StigReport`: one result a rule, categories, controls, counts. Nothing here lowers a finding."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.interface import NamedDigest, Reading
from gate.evidence.vulnerabilities.lenient import Notes
from gate.limits import Limits
from gate.model.evidence import Producer
from gate.model.stig import StigCounts, StigReport, StigResult, StigWord

Severity = Literal["high", "medium", "low", "info", "unknown"]

WORDS: frozenset[str] = frozenset(get_args(StigWord))
_WORST: tuple[StigWord, ...] = (
    "fail",
    "fixed",
    "error",
    "unknown",
    "notchecked",
    "notapplicable",
    "informational",
    "pass",
    "notselected",
)
_SEVERITIES: Mapping[str, Severity] = {
    "critical": "high",
    "high": "high",
    "cat i": "high",
    "medium": "medium",
    "cat ii": "medium",
    "moderate": "medium",
    "low": "low",
    "cat iii": "low",
    "info": "info",
    "informational": "info",
}
_CATEGORIES: Mapping[Severity, Literal["1", "2", "3"]] = {"high": "1", "medium": "2", "low": "3", "info": "3", "unknown": "1"}
_ORDER: tuple[Severity, ...] = ("high", "unknown", "medium", "low", "info")
COMMENT_CHARACTERS = 1000
_FIELD_CHARACTERS = 300
_SHA256 = re.compile(r"\bsha256:([0-9a-f]{64})\b")
_CCI = re.compile(r"\bCCI-[0-9]{6}\b")
_SRG = re.compile(r"\bSRG-[A-Z]{2,5}-[0-9]{6}(?:-[A-Z]{2,5}-[0-9]{5,6})?\b")
_VULN = re.compile(r"(?<![A-Za-z0-9])V-[0-9]{3,7}\b")
_RULE_WITH_VULN = re.compile(r"(?<![A-Za-z0-9])SV-([2-9][0-9]{5})r[0-9]+")
"""Since 2020 the numbers of V and SV ids are the same; before, they were not, and below 200000 nothing follows from one."""
_XCCDF_PREFIX = re.compile(r"^xccdf_[^_]+_(?:rule|group)_")


def short(identifier: str) -> str:
    """An XCCDF 1.2 id without its reverse-DNS prefix for rules and groups: ``SV-230221r743913_rule``."""
    return _XCCDF_PREFIX.sub("", identifier)


def cut(text: str, characters: int = _FIELD_CHARACTERS) -> str:
    """One line of at most so many characters, without control characters."""
    clean = " ".join("".join(char if char.isprintable() or char.isspace() else "�" for char in text[: characters * 4]).split())
    return clean if len(clean) <= characters else clean[: characters - 1] + "…"


def vuln_id(*texts: str) -> str:
    """The V-id in the first of the texts that has one, or an SV-id from which it follows; legacy ids come last by order."""
    for text in texts:
        if found := _RULE_WITH_VULN.search(text):
            return f"V-{found[1]}"
        if found := _VULN.search(text):
            return found[0]
    return ""


def ccis(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({cci for text in texts for cci in _CCI.findall(text)}))


def srgs(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({srg for text in texts for srg in _SRG.findall(text)}))


@functools.cache
def _controls() -> Mapping[str, str]:
    lines = (Path(__file__).parent / "cci.txt").read_text("ascii").splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


def controls(found: Iterable[str]) -> tuple[str, ...]:
    """NIST SP 800-53 controls of CCIs; a CCI that is not in the table has none."""
    table = _controls()
    return tuple(sorted({table[number] for cci in found if (number := cci.removeprefix("CCI-")) in table}))


def severity(said: str | None, notes: Notes) -> Severity:
    """One of five words; what is missing or new is ``unknown``, which counts as CAT I."""
    word = (said or "").strip().lower()
    known = _SEVERITIES.get(word)
    if known is None:
        if word not in ("", "unknown"):
            notes.add("unknown_severity", f"severity {cut(word, 40)!r}; read as CAT I")
        else:
            notes.add("no_severity", "a rule has no severity; read as CAT I")
        return "unknown"
    return known


def worse_severity(first: Severity, second: Severity) -> Severity:
    return min(first, second, key=_ORDER.index)


def word(said: str, notes: Notes) -> StigWord:
    """An XCCDF result; a word that nobody knows is ``unknown``."""
    if said not in WORDS:
        notes.add("unknown_result", f"result {cut(said, 40)!r}; read as unknown")
        return "unknown"
    return said  # type: ignore[return-value]  # checked against the same list


def worse(first: StigWord, second: StigWord) -> StigWord:
    return min(first, second, key=_WORST.index)


def result(
    rule: str,
    *,
    outcome: StigWord,
    rank: Severity,
    vuln: str = "",
    srg: Iterable[str] = (),
    version: str = "",
    title: str = "",
    cci: tuple[str, ...] = (),
    nist: Iterable[str] = (),
    said: str = "",
    override: str = "",
    comment: str = "",
) -> StigResult:
    """One result; controls of its CCIs are added to those that the report names itself."""
    name = cut(rule) or "(no id)"
    return StigResult(
        rule=name,
        term=vuln or name,
        vuln_id=vuln,
        srg=tuple(sorted(set(srg))),
        version=cut(version),
        title=cut(title),
        cci=cci,
        nist=tuple(sorted({*controls(cci), *(cut(name, 40) for name in nist if name)})),
        severity=rank,
        category=_CATEGORIES[rank],
        result=outcome,
        said=cut(said, 60) if said != outcome else "",
        override=cut(override, COMMENT_CHARACTERS),
        comment=cut(comment, COMMENT_CHARACTERS),
    )


def report(
    results: Sequence[StigResult],
    notes: Notes,
    *,
    place: int,
    format: str,
    scanner: str = "",
    scanner_version: str = "",
    benchmark: str = "",
    benchmark_version: str = "",
    profile: str = "",
    target: str = "",
    platforms: Iterable[str] = (),
    finished: str | None = None,
    unselected: int = 0,
) -> StigReport:
    """One report. Of several results of one rule the least favourable stays; ``unselected`` were not kept as results.

    A V-id that several rules share is the term of none: a waiver of what one of them found must not cover the others.
    """
    rules: dict[str, set[str]] = {}
    for item in results:
        rules.setdefault(item.vuln_id, set()).add(item.rule)
    results = [
        msgspec.structs.replace(item, term=item.rule) if len(rules[item.vuln_id]) > 1 and item.term == item.vuln_id else item
        for item in results
    ]
    kept: dict[tuple[str, str], StigResult] = {}
    for item in results:
        key = (item.term, item.rule)
        before = kept.get(key)
        if before is None:
            kept[key] = item
            continue
        notes.add("duplicate_rule", "a rule has several results; the least favourable counts", item.rule)
        low, high = sorted((before, item), key=lambda one: (_WORST.index(one.result), _ORDER.index(one.severity)))
        kept[key] = low if _CATEGORIES[low.severity] <= _CATEGORIES[high.severity] else _as_severe(low, high)
    counts = Counter(item.result for item in kept.values())
    unselected += counts["notselected"]
    return StigReport(
        evidence="",
        place=place,
        format=format,
        scanner=cut(scanner.lower(), 60),
        scanner_version=cut(scanner_version, 60),
        benchmark=cut(benchmark),
        benchmark_version=cut(benchmark_version, 60),
        profile=cut(profile),
        target=cut(target),
        platforms=tuple(sorted({cut(name) for name in platforms if name})),
        finished=finished,
        counts=StigCounts(
            selected=sum(counts.values()) - counts["notselected"],
            evaluated=counts["pass"] + counts["fail"] + counts["fixed"],
            passed=counts["pass"],
            failed=counts["fail"],
            fixed=counts["fixed"],
            error=counts["error"],
            unknown=counts["unknown"],
            notchecked=counts["notchecked"],
            notapplicable=counts["notapplicable"],
            notselected=unselected,
            informational=counts["informational"],
        ),
        results=tuple(kept[key] for key in sorted(kept) if kept[key].result != "notselected"),
    )


def _as_severe(item: StigResult, other: StigResult) -> StigResult:
    return msgspec.structs.replace(item, severity=other.severity, category=other.category)


def digests(texts: Iterable[str]) -> frozenset[str]:
    """The digests in what a report says it looked at."""
    return frozenset(f"sha256:{found}" for text in texts for found in _SHA256.findall(text))


def reading(reports: Sequence[StigReport], targets: Sequence[frozenset[str]], notes: Notes, limits: Limits) -> Reading:
    """The document as a whole. Raises EvidenceInvalid when its reports are about different images, or there are none."""
    if not reports:
        raise EvidenceInvalid(
            "the document holds no results",
            why="a benchmark or an empty checklist says what to look at, not what was found",
            fix="give the results: oscap xccdf eval --results results.xml, or the checklist after the review",
        )
    total = sum(len(item.results) for item in reports)
    if total > limits.findings:
        raise LimitExceeded("findings", limits.findings, f"{total} results of STIG rules")
    if len(set(targets)) > 1:
        raise EvidenceInvalid(
            "the document holds results of several targets",
            why="it could be bound to the image by one of them and pass with the results of another",
            fix="give one file an image",
        )
    return Reading(
        kind="stig",
        format=reports[0].format,
        producer=Producer(name=reports[0].scanner, version=reports[0].scanner_version),
        created=max((item.finished for item in reports if item.finished), default=None),
        names=tuple(NamedDigest(digest) for digest in sorted(targets[0])) if targets else (),
        diagnostics=notes.diagnostics(),
        stig=tuple(reports),
    )


def moment(said: object) -> str | None:
    """RFC 3339 in UTC; a time without a zone is no time."""
    if not isinstance(said, str):
        return None
    try:
        parsed = datetime.fromisoformat(said.strip())
        return parsed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if parsed.tzinfo else None
    except (ValueError, OverflowError):
        return None
