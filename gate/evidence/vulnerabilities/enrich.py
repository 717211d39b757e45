"""EPSS and KEV from files: dated, digested, never fetched.

EPSS is FIRST's CSV (``#model_version:…,score_date:…`` above ``cve,epss,percentile``), plain or gzip. KEV is CISA's catalogue in
JSON. A file that does not say its date is refused: scores change daily, and a verdict must say whose day it used.
"""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Mapping

import msgspec

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.jsonguard import guard
from gate.evidence.vulnerabilities.lenient import Notes
from gate.evidence.vulnerabilities.vocabulary import timestamp
from gate.limits import DEFAULT, Limits
from gate.model.base import digest_of
from gate.model.findings import Epss, Kev

_DATE = re.compile(r"score_date:(\d{4}-\d{2}-\d{2})")
_GZIP = b"\x1f\x8b"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from: ``epss`` or ``kev``, the digest of the file's bytes, its own date."""

    name: str
    digest: str
    date: str


@dataclasses.dataclass(frozen=True, slots=True)
class Enrichment:
    epss: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)
    """(probability, percentile) by CVE id."""
    kev: Mapping[str, Kev] = dataclasses.field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def __or__(self, other: Enrichment) -> Enrichment:
        """Both; where both have an entry, that of ``other``."""
        return Enrichment({**self.epss, **other.epss}, {**self.kev, **other.kev}, self.sources + other.sources)

    def epss_of(self, name: str) -> Epss | None:
        found = self.epss.get(name)
        if found is None:
            return None
        date = next((source.date for source in reversed(self.sources) if source.name == "epss"), "")
        return Epss(probability=found[0], percentile=found[1], date=date)

    def kev_of(self, name: str) -> Kev | None:
        return self.kev.get(name)


class _Entry(msgspec.Struct, rename="camel"):
    cve_id: str = msgspec.field(name="cveID")
    date_added: str
    due_date: str
    known_ransomware_campaign_use: str = ""


class _Catalogue(msgspec.Struct, rename="camel"):
    date_released: str
    vulnerabilities: list[_Entry]
    count: int | None = None


def load_epss(data: bytes, limits: Limits = DEFAULT) -> Enrichment:
    """EPSS scores by CVE; raises EvidenceInvalid for a file without date or with a row that is no score, LimitExceeded."""
    text = _unpack(data, limits)
    try:
        lines = text.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise EvidenceInvalid(
            "the EPSS file is not ASCII text", fix="give the CSV that FIRST publishes, plain or gzip"
        ) from error
    found = _DATE.search(lines[0]) if lines and lines[0].startswith("#") else None
    if found is None or len(lines) < 2 or lines[1].strip() != "cve,epss,percentile":
        raise EvidenceInvalid(
            "the EPSS file lacks its first two lines: '#model_version:…,score_date:…' and 'cve,epss,percentile'",
            why="scores change daily, so a file without date cannot be judged",
            fix="give the CSV that FIRST publishes, unchanged",
        )
    if len(lines) - 2 > limits.findings:
        raise LimitExceeded("findings", limits.findings, "rows of the EPSS file")
    scores: dict[str, tuple[float, float]] = {}
    for number, line in enumerate(lines[2:], start=3):
        try:
            name, probability, percentile = line.split(",")
            pair = float(probability), float(percentile)
        except ValueError as error:
            raise EvidenceInvalid(
                f"line {number} of the EPSS file is {line[:80]!r}, no score", fix="download it again"
            ) from error
        if not (0 <= pair[0] <= 1 and 0 <= pair[1] <= 1):
            raise EvidenceInvalid(f"line {number} of the EPSS file is outside 0 to 1: {line[:80]!r}", fix="download it again")
        scores[name] = pair
    if not scores:
        raise EvidenceInvalid("the EPSS file has no scores", fix="download it again")
    return Enrichment(epss=scores, sources=(Source("epss", digest_of(data), found[1]),))


def load_kev(data: bytes, limits: Limits = DEFAULT) -> Enrichment:
    """Known exploited vulnerabilities by CVE; raises EvidenceInvalid for a catalogue that is cut short, undated or malformed."""
    try:
        catalogue = msgspec.json.decode(guard(data, limits), type=_Catalogue)
    except msgspec.MsgspecError as error:
        raise EvidenceInvalid(
            f"the KEV catalogue cannot be read: {error}", fix="give the JSON that CISA publishes, unchanged"
        ) from error
    date = timestamp(catalogue.date_released, Notes(), "dateReleased")
    entries = catalogue.vulnerabilities
    if date is None or not entries or catalogue.count not in (None, len(entries)):
        raise EvidenceInvalid(
            f"the KEV catalogue has {len(entries)} of {catalogue.count} entries and the date {catalogue.date_released[:40]!r}",
            why="an entry that is missing would let an exploited vulnerability pass",
            fix="give the JSON that CISA publishes, unchanged",
        )
    known = {
        entry.cve_id: Kev(
            date_added=entry.date_added,
            due_date=entry.due_date,
            ransomware=entry.known_ransomware_campaign_use.lower() == "known",
        )
        for entry in entries
    }
    return Enrichment(kev=known, sources=(Source("kev", digest_of(data), date),))


def _unpack(data: bytes, limits: Limits) -> bytes:
    if len(data) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, "the EPSS file")
    if not data.startswith(_GZIP):
        return data
    stream = zlib.decompressobj(wbits=31)
    try:
        text = stream.decompress(data, limits.document_bytes + 1)
    except zlib.error as error:
        raise EvidenceInvalid(f"the EPSS file is no valid gzip: {error}", fix="download it again") from error
    if len(text) > limits.document_bytes:
        raise LimitExceeded("document_bytes", limits.document_bytes, "the EPSS file after decompression")
    if not stream.eof:
        raise EvidenceInvalid("the EPSS file is cut short", why="gzip ends without its checksum", fix="download it again")
    return text
