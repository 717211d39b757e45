"""The baseline week of docs/adopt.md, as it really goes: a real scanner, two states of its database, a rebuilt image."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests import samples
from tests.docs.shell import bare_layout
from tests.docs.transcripts import run
from tests.tools import repository, tool

__all__ = ["STEPS", "baseline_week"]

_NEW = "CVE-2021-33503"
_EXPLOITED = "CVE-2018-7750"
_FILE = "waivers/baseline.yaml"
STEPS = (
    ("day one, as it is", 1),
    ("the baseline", 0),
    ("day one, with it", 0),
    ("day three, a new finding", 1),
    ("day five, an old one is exploited", 1),
    ("day seven, rebuilt", 0),
    ("shrunk", 0),
)
"""What each command is about, and its exit code."""


def _databases(folder: Path) -> None:
    """The sample database, and as it was before it knew one of the advisories."""
    spec = importlib.util.spec_from_file_location("make_grype_db", repository() / "testdata" / "make_grype_db.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    advisories = script.read()
    folder.mkdir()
    (folder / "monday.tar.gz").write_bytes(script.archive([each for each in advisories if each["cve"] != _NEW]))
    (folder / "wednesday.tar.gz").write_bytes(script.archive(advisories))


def _catalogue() -> str:
    entry = {"cveID": _EXPLOITED, "dateAdded": "2026-11-27", "dueDate": "2026-12-18", "knownRansomwareCampaignUse": "Unknown"}
    return json.dumps({"dateReleased": "2026-11-27T12:00:00Z", "count": 1, "vulnerabilities": [entry]})


@cache
def baseline_week() -> str:
    """Seven commands with all that they print; an AssertionError when one ends otherwise than `STEPS` says."""
    tool("grype")
    with tempfile.TemporaryDirectory(prefix="gate-docs-") as temporary:
        folder = Path(temporary)
        (folder / "waivers").mkdir()
        bare_layout(folder / "app", "vulnerable")
        _databases(folder / "db")
        (folder / "kev.json").write_text(_catalogue())
        (folder / "security-policy.yaml").write_text(_POLICY)

        def verify(day: int, database: str, *more: str) -> str:
            now = ("--effective-time", f"2026-11-{22 + day}T09:00:00Z")
            scan = ("--scan", "--grype-db", f"db/{database}.tar.gz")
            outputs = ("--output", "text", "--output", "json=verdict.json", "--quiet")
            return run("verify", "oci:app", *scan, "--policy-file", "security-policy.yaml", *more, *now, *outputs, folder=folder)

        baseline = ("--waivers", _FILE)
        owner = ("--owner", "team-shop", "--ticket", "SHOP-7", "--expires", "2027-01-31")
        parts = [
            verify(1, "monday"),
            run("baseline", "create", "--from", "verdict.json", *owner, "--output", _FILE, folder=folder),
            verify(1, "monday", *baseline),
            verify(3, "wednesday", *baseline),
            verify(5, "monday", *baseline, "--kev", "kev.json"),
        ]
        shutil.rmtree(folder / "app")
        bare_layout(folder / "app", "clean")
        shutil.copy(samples.evidence("clean", "sbom.cdx.json"), folder)
        parts += [
            verify(7, "wednesday", "--evidence", "sbom.cdx.json", *baseline, "--kev", "kev.json"),
            run("baseline", "shrink", "--from", "verdict.json", _FILE, folder=folder),
        ]
    for part, (name, code) in zip(parts, STEPS, strict=True):
        assert part.endswith(f"$ echo $?\n{code}\n"), f"{name}\n{part}"
    return "```console\n" + "\n".join(map(_short, parts)).replace(f"{temporary}{os.sep}", "") + "```\n"


def _short(part: str) -> str:
    """The command, what decided, the debt and the exit code; ``…`` for what is left out."""
    head, start, _ = part.partition("\nresolved ")
    if not start:
        return part
    kept, within = [head], False
    for line in part[len(head) + 1 :].splitlines():
        if not line.startswith(" "):
            within = line.startswith(("✗", "waived", "$", "ALLOW", "DENY")) or line.isdigit()
        wanted = within or line.startswith("  debt:")
        if wanted and line and not line.startswith("    fix:") and "evaluated at" not in line:
            kept.append(line)
        elif line and kept[-1] != "…":
            kept.append("…")
    return "\n".join(kept) + "\n"


_POLICY = """\
schema: gate.policy/v1
environments:
  prod: {profile: dev, params: {max_critical: 0, max_high: 0}}
"""
