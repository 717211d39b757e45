"""The words of the scanners in the gate's words: identifiers, severities, times, digests.

Nothing unknown becomes harmless: an unknown severity is ``unknown``, which has its own count and limit (invariant 4).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from urllib.parse import quote

from gate.errors import EvidenceInvalid
from gate.evidence.interface import NamedDigest
from gate.evidence.vulnerabilities.lenient import Notes
from gate.model.findings import Severity

_SEVERITIES: dict[str, Severity] = {
    "critical": "critical",
    "high": "high",
    "important": "high",
    "medium": "medium",
    "moderate": "medium",
    "low": "low",
    "negligible": "negligible",
    "none": "none",
    "info": "none",
    "informational": "none",
    "unknown": "unknown",
    "": "unknown",
}
RANK: dict[str, int] = {"critical": 6, "high": 5, "medium": 4, "low": 3, "negligible": 2, "none": 1, "unknown": 0}
"""Higher is more severe. ``unknown`` never outranks a known value; it only stands when nothing else does."""

_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_CVE_ANY_CASE = re.compile(r"cve-\d{4}-\d{4,}", re.IGNORECASE)
_GHSA = re.compile(r"ghsa(-[0-9a-z]{4}){3}", re.IGNORECASE)
_DISTRO_CVE = re.compile(r"[A-Z]+-(CVE-\d{4}-\d{4,})")
_PLAIN = re.compile(r"[!-{}~]{1,256}")
# Advisories that stand for several vulnerabilities; uniting on them would count many as one.
_GROUPING = re.compile(
    r"(RH[SBE]A|DSA|DLA|DTSA|USN|LSN|ELSA|ELBA|ALAS[0-9A-Z]*|ALSA|ALBA|ALEA|RLSA|RXSA|SUSE-[SRFO]U|openSUSE-[SRFO]U|FEDORA|GLSA|MGASA|CESA"
    r"|TSSA|KYLIN-SA|openEuler-SA|ICSA|VMSA|PHSA|CLSA)[-:]"
)
_ECOSYSTEM = re.compile(r"(GO|PYSEC|RUSTSEC|MAL|OSV|CGA|PSF|GSD|RSEC|HSEC|EEF|DRUPAL|JLSEC|BIT|CLEANSTART|MINI)-")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d+)?([Zz]|[+-]\d{2}:?\d{2})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def severity(text: str | None, notes: Notes, where: str = "") -> Severity:
    """The gate's word for a scanner's; ``unknown`` for a missing one and, with a diagnostic, for a new one."""
    if text is None:
        notes.add("missing_severity", "a finding has no severity; counted as unknown", where)
        return "unknown"
    known = _SEVERITIES.get(text.strip().lower())
    if known is None:
        notes.add("unknown_severity", f"severity {text[:40]!r} is not known; counted as unknown", where)
        return "unknown"
    return known


def rating(score: float | None) -> Severity:
    """The qualitative rating of a CVSS v3 or v4 base score (CVSS v3.1 §5); ``unknown`` without one or outside 0 to 10."""
    if score is None or not 0 <= score <= 10:
        return "unknown"
    if score >= 9:
        return "critical"
    if score >= 7:
        return "high"
    if score >= 4:
        return "medium"
    return "low" if score > 0 else "none"


def highest(values: Iterable[Severity]) -> Severity:
    return max(values, key=RANK.__getitem__, default="unknown")


def vulnerability_id(text: str, where: str) -> str:
    """One spelling for each identifier, in visible ASCII without ``|``; raises EvidenceInvalid for an empty one.

    ``|`` separates id and package in a finding's key, so one inside an id could make it look like another, waived one.
    """
    if is_cve(text):
        return text
    text = text.strip()
    if not text:
        raise EvidenceInvalid(
            f"{where} has no vulnerability id",
            why="a finding without a name cannot be counted, waived or looked up",
            fix="write the report again with the scanner itself",
        )
    if _CVE_ANY_CASE.fullmatch(text):
        return text.upper()
    if _GHSA.fullmatch(text):
        return "GHSA" + text[4:].lower()
    return text if _PLAIN.fullmatch(text) else quote(text, safe="!\"#$&'()*+,/:;<=>?@[]^`{}\\")[:512]


def alias_ids(own: str, others: Iterable[str]) -> tuple[str, ...]:
    """Other names of the same vulnerability, sorted; advisories that group several vulnerabilities are left out."""
    found = {vulnerability_id(other, "an alias") for other in others if other != own and other.strip()}
    for name in (own, *found):
        # DEBIAN-CVE-2024-1234 and its like are one distribution's record of that CVE.
        if not is_cve(name) and (same := _DISTRO_CVE.fullmatch(name)) is not None:
            found = found | {same[1]}
    return tuple(sorted(name for name in found if name != own and not is_grouping(name)))


def is_grouping(name: str) -> bool:
    """Whether an advisory id may stand for several vulnerabilities (RHSA, DSA, USN …)."""
    return _GROUPING.match(name) is not None


def is_cve(name: str) -> bool:
    return name.startswith("CVE-") and _CVE.fullmatch(name) is not None


def precedence(name: str) -> tuple[int, str]:
    """Sort key for the canonical id: CVE, then GHSA, then an ecosystem's own, then a vendor's."""
    if is_cve(name):
        return (0, name)
    if name.startswith("GHSA-"):
        return (1, name)
    return (2 if _ECOSYSTEM.match(name) else 3, name)


def is_malware(names: Iterable[str], namespace: str = "") -> bool:
    """MAL- identifiers (OSV) and databases of malicious packages."""
    lowered = namespace.lower()
    return any(name.upper().startswith("MAL-") for name in names) or "malware" in lowered or "malicious" in lowered


def timestamp(text: str | None, notes: Notes, where: str) -> str | None:
    """RFC 3339 in UTC and whole seconds; null for a missing, malformed or zero time, with a diagnostic for the last two."""
    if not text:
        return None
    found = _TIME.fullmatch(text.strip())
    if found is not None:
        try:
            moment = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3].upper()}").astimezone(datetime.UTC)
        except (ValueError, OverflowError):
            found = None
        else:
            if moment.year >= 1990:
                return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    notes.add("bad_time", f"{where} is {text[:40]!r}, no usable RFC 3339 time", where)
    return None


def digests(texts: Iterable[str | None], role: str, notes: Notes, where: str) -> list[NamedDigest]:
    """Digests out of ``sha256:…`` or ``name@sha256:…``; empty texts say nothing, malformed ones become diagnostics."""
    found: list[NamedDigest] = []
    for text in texts:
        if not text:
            continue
        digest = text.rpartition("@")[2]
        if _DIGEST.fullmatch(digest):
            found.append(NamedDigest(digest, role))
        else:
            notes.add("bad_digest", f"{where} is {text[:100]!r}, no digest", where)
    return found


def unique(names: Iterable[NamedDigest]) -> tuple[NamedDigest, ...]:
    """In order of first mention."""
    return tuple(dict.fromkeys(names))


def score(value: float | None) -> float | None:
    """A CVSS base score; 0 and values outside 0 to 10 are data errors and count as absent."""
    return value if value is not None and 0 < value <= 10 else None
