"""The list of certificates: made from snapshots of NIST's list, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tools import repository

LIST = repository() / "policies" / "cmvp" / "list" / "data.json"
MODULES = repository() / "policies" / "cmvp" / "modules" / "data.yaml"


def run(out: Path, *snapshots: Path, modules: Path = MODULES) -> subprocess.CompletedProcess[str]:
    """The tool."""
    line = [sys.executable, "tools/cmvp.py", *map(str, snapshots), "-m", str(modules), "-o", str(out)]
    return subprocess.run(line, cwd=repository(), capture_output=True, text=True, check=False, timeout=60)


def row(number: str, **changes: str | None) -> dict[str, str | None]:
    """A row as the snapshot has it."""
    return {
        "Certificate Number": number, "Vendor Name": "V", "Module Name": "M", "standard": "FIPS 140-3", "status": "Active",
        "sunset_date": "9/1/2027", "caveat": "Interim validation.", **changes,
    }  # fmt: skip


def test_a_list_is_made_of_what_is_named(tmp_path: Path) -> None:
    """Dates sort as text, rows of the historical list are historical, and what was not found is said."""
    (tmp_path / "m.yaml").write_text(yaml.safe_dump({"entries": [{"certificates": ["1", "2", "3"]}]}))
    active = {"metadata": {"generated_at": "2026-03-29T01:00:00Z"}, "modules": [row("1"), row("9")]}
    old = {
        "metadata": {"generated_at": "2026-03-28T01:00:00Z"},
        "modules": [row("2", standard=None, status=None, sunset_date=None, caveat=None)],
    }
    for name, document in (("a.json", active), ("h.json", old)):
        (tmp_path / name).write_text(json.dumps(document))
    done = run(tmp_path / "out.json", tmp_path / "a.json", tmp_path / "h.json", modules=tmp_path / "m.yaml")
    assert (done.returncode, done.stderr) == (0, "certificate 3 is in no snapshot\n")
    made = json.loads((tmp_path / "out.json").read_text())
    facts = {"module": "M", "vendor": "V"}
    assert made["as_of"] == "2026-03-28"
    assert made["certificates"] == {
        "1": {**facts, "standard": "FIPS 140-3", "status": "active", "sunset": "2027-09-01", "interim": True},
        "2": {**facts, "standard": "", "status": "historical", "sunset": None, "interim": False},
    }


def test_each_entry_can_match() -> None:
    """An entry without vendor, version or certificate would never count, and a duplicate hides."""
    entries = yaml.safe_load(MODULES.read_text())["entries"]
    for entry in entries:
        assert set(entry) == {"family", "vendors", "versions", "packages", "certificates"}
        assert entry["family"] and entry["vendors"] and entry["versions"] and entry["certificates"]
        assert all(isinstance(text, str) and text for text in (*entry["versions"], *entry["certificates"]))
    listed = json.loads(LIST.read_text())["certificates"]
    named = {number for entry in entries for number in entry["certificates"]}
    assert listed.keys() <= named
    assert named - listed.keys() == {"5247"}


def test_the_committed_list_is_what_the_snapshots_say(tmp_path: Path) -> None:
    """Nothing in it was typed by hand."""
    corpus = Path(os.environ.get("GATE_CORPUS") or repository().parent / "shared" / "corpus")
    folder = corpus / "compliance" / "cmvp"
    names = ("cmvp-active-software-2026-03-29.json.gz", "cmvp-historical-linux-2026-03-29.json.gz")
    if not (folder / names[0]).is_file():
        pytest.skip(f"no corpus folder (GATE_CORPUS): {folder} is absent")
    assert run(tmp_path / "out.json", *(folder / name for name in names)).returncode == 0
    assert (tmp_path / "out.json").read_text() == LIST.read_text()
