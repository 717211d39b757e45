"""EPSS and KEV files: dated, digested, whole."""

from __future__ import annotations

import gzip
import json

import pytest

from gate.errors import EvidenceInvalid, LimitExceeded
from gate.evidence.vulnerabilities.enrich import Source, load_epss, load_kev
from gate.limits import Limits
from gate.model.base import digest_of
from gate.model.findings import Epss, Kev

_EPSS = b"""#model_version:v2025.03.14,score_date:2026-07-20T00:00:00+0000
cve,epss,percentile
CVE-2024-0001,0.00043,0.0777
CVE-2024-0002,1,1
"""
_ENTRY = {
    "cveID": "CVE-2024-0001",
    "dateAdded": "2024-01-02",
    "dueDate": "2024-01-23",
    "knownRansomwareCampaignUse": "Known",
    "notes": "",
}
_KEV = {
    "title": "KEV",
    "catalogVersion": "2026.07.20",
    "dateReleased": "2026-07-20T14:00:00.1Z",
    "count": 1,
    "vulnerabilities": [_ENTRY],
}


@pytest.mark.parametrize("data", [_EPSS, gzip.compress(_EPSS), _EPSS.replace(b"\n", b"\r\n")])
def test_epss_by_cve(data: bytes) -> None:
    """Plain or gzip; the date is the model's day, the digest that of the file as given."""
    enrichment = load_epss(data)
    assert enrichment.epss_of("CVE-2024-0001") == Epss(probability=0.00043, percentile=0.0777, date="2026-07-20")
    assert enrichment.epss_of("CVE-2024-9999") is None
    assert enrichment.sources == (Source("epss", digest_of(data), "2026-07-20"),)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"cve,epss,percentile\nCVE-2024-0001,0.1,0.1\n",
        b"#model_version:v1\ncve,epss,percentile\nCVE-2024-0001,0.1,0.1\n",
        b"#score_date:2026-07-20\nCVE-2024-0001,0.1,0.1\n",
        b"#score_date:2026-07-20\ncve,epss,percentile\n",
        _EPSS + b"CVE-2024-0003,high,1\n",
        _EPSS + b"CVE-2024-0003,0.1\n",
        _EPSS + b"CVE-2024-0003,1.1,0.1\n",
        _EPSS + b"CVE-2024-0003,nan,0.1\n",
        _EPSS + "é".encode(),
        gzip.compress(_EPSS)[:-6],
        b"\x1f\x8bnonsense",
    ],
)
def test_an_epss_file_that_is_undated_cut_or_odd_is_refused(data: bytes) -> None:
    """A missing row would let a finding pass."""
    with pytest.raises(EvidenceInvalid):
        load_epss(data)


def test_a_decompression_bomb_is_stopped() -> None:
    """The bound is on the bytes after decompression."""
    with pytest.raises(LimitExceeded, match="document_bytes"):
        load_epss(gzip.compress(b"#" * 1_000_000), Limits(document_bytes=10_000))


def test_kev_by_cve() -> None:
    """Dates and ransomware use of CISA's catalogue."""
    data = json.dumps(_KEV).encode()
    enrichment = load_kev(data)
    assert enrichment.kev_of("CVE-2024-0001") == Kev(date_added="2024-01-02", due_date="2024-01-23", ransomware=True)
    assert enrichment.sources == (Source("kev", digest_of(data), "2026-07-20T14:00:00Z"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 2},
        {"vulnerabilities": []},
        {"dateReleased": "soon"},
        {"vulnerabilities": [{"cveID": "CVE-2024-0001"}]},
        {"vulnerabilities": None},
    ],
)
def test_a_catalogue_that_is_cut_undated_or_odd_is_refused(changes: dict[str, object]) -> None:
    """A missing entry would let an exploited vulnerability pass."""
    with pytest.raises(EvidenceInvalid, match="KEV"):
        load_kev(json.dumps(_KEV | changes).encode())


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{"])
def test_what_is_no_catalogue_is_refused(data: bytes) -> None:
    """Every way of not being the file."""
    with pytest.raises(EvidenceInvalid):
        load_kev(data)


def test_files_are_combined() -> None:
    """Both sources are named in the result."""
    both = load_epss(_EPSS) | load_kev(json.dumps(_KEV).encode())
    assert [source.name for source in both.sources] == ["epss", "kev"]
    assert both.epss_of("CVE-2024-0001")
    assert both.kev_of("CVE-2024-0001")
