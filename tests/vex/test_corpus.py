"""Every published VEX document of the corpus folder is read: with statements, or with a diagnostic that says why not."""

from __future__ import annotations

import pytest

from gate.errors import GateError
from gate.evidence.sniff import read_payload
from gate.limits import DEFAULT
from tests.vex import corpus

FOLDERS = ("openvex", "csaf", "cdx-vex")
FEWEST = {"openvex": 6, "csaf": 3, "cdx-vex": 3}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_says_something(folder: str) -> None:
    """No file is refused; what has no statement names the reason, and what a statement lacks is named too."""
    files = sorted(item for item in (corpus.folder() / folder).rglob("*") if item.is_file())
    assert len(files) >= FEWEST[folder]
    silent: dict[str, tuple[str, ...]] = {}
    for path in files:
        name = str(path.relative_to(corpus.folder()))
        try:
            reading = read_payload(corpus.document(name), media_type="", predicate_type=None, predicate=None, limits=DEFAULT)
        except GateError as error:
            pytest.fail(f"{name}: {error}")
        codes = tuple(note.code for note in reading.diagnostics)
        if reading.vex is None or not reading.vex.statements:
            silent[name] = codes
            continue
        for item in reading.vex.statements:
            assert item.vulnerabilities or item.problem, (name, item.id)
            assert item.products or not item.names_products or item.problem or codes, (name, item.id)
    assert all(silent.values()), silent
