"""Every document of the corpus through `gate evidence read`: facts, or a refusal by name; never a traceback."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path

import pytest

from gate.evidence.collect import Opener
from gate.evidence.interface import Document
from gate.limits import DEFAULT
from gate.trust.entry import Trust
from tests.e2e.gate import Gate
from tests.tools import repository

CORPUS = Path(os.environ.get("GATE_CORPUS") or repository().parent / "shared" / "corpus")
FOLDERS = (
    "cdx-vex",
    "compliance",
    "csaf",
    "cyclonedx",
    "enrichment",
    "grype",
    "openvex",
    "osv",
    "sarif",
    "snyk",
    "spdx",
    "trivy",
)
FILES = [path for folder in FOLDERS for path in sorted((CORPUS / folder).rglob("*")) if path.is_file()]
SIGNATURES = [
    path for path in sorted((CORPUS / "signatures").rglob("*.json*")) if path.is_file() and path.stat().st_size < 2_000_000
]


@pytest.fixture(autouse=True)
def _there() -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"the corpus folder (GATE_CORPUS) is not here: {CORPUS}")


def _bytes(path: Path, folder: Path) -> Path:
    if path.suffix != ".xz":
        return path
    plain = folder / path.stem
    plain.write_bytes(lzma.decompress(path.read_bytes()))
    return plain


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}"[:80])
def test_a_document_is_read_or_refused_by_name(gate: Gate, tmp_path: Path, path: Path) -> None:
    """Exit 0 with what was understood, or 3 with the reason; as text and as JSON alike."""
    given = _bytes(path, tmp_path)
    done = gate("evidence", "read", given)
    assert done.code in (0, 3), done.err
    if done.code == 3:
        assert "not read (" in done.out and "fix:" in done.out
    else:
        assert len(done.out.splitlines()) >= 3
    value = gate("evidence", "read", "--format", "json", given)
    assert value.code == done.code
    for item in json.loads(value.out):
        reading = item["reading"]
        assert (reading is None) == (item["error"] is not None)
        if reading and item["kind"] == "vulnerabilities":
            assert isinstance(reading["scan"]["findings"], list)
        if reading and item["kind"] == "sbom":
            assert reading["sbom"]["components"] or reading["sbom"]["completeness"]["components"] == 0


PINNED = Path(__file__).with_name("corpus.tsv")
"""What becomes of each document: its kind and format, or the code and the first words of the reason."""


def test_each_document_has_the_outcome_that_is_pinned() -> None:
    """Packed ones as they lie. One that is new in the corpus, or is read otherwise than before, fails until it is pinned."""
    pinned = dict(line.split("\t") for line in PINNED.read_text("utf-8").splitlines())
    opener = Opener(Trust(entries=()), DEFAULT)
    found: dict[str, str] = {}
    for path in FILES:
        name = path.relative_to(CORPUS).as_posix()
        if path.name == "INDEX.md":
            continue
        (item,) = opener.open_all([Document(data=path.read_bytes(), origin="file", source=name)])
        outcome = f"{item.error.code}: {item.error.reason}" if item.error else f"{item.kind} {item.format}"
        # Reasons may go on; what is pinned is how they begin.
        expected = pinned.get(name, "")
        found[name] = expected if item.error and expected and outcome.startswith(expected) else outcome
    assert found == pinned


def test_no_signed_document_crashes(gate: Gate) -> None:
    """All bundles, envelopes and roots in one run: each is listed once or more, as read or not."""
    if not SIGNATURES:
        pytest.skip(f"the corpus folder (GATE_CORPUS) has no signatures: {CORPUS}")
    for start in range(0, len(SIGNATURES), 100):
        part = SIGNATURES[start : start + 100]
        done = gate("evidence", "read", *part)
        assert done.code in (0, 3), done.err
        assert all(str(path) in done.out for path in part)
