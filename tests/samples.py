"""The committed sample images and their evidence (testdata/README.md says how each was made)."""

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.tools import repository, tool

__all__ = ["EVIDENCE", "IMAGES", "digest", "digests", "evidence", "grype_db", "layout", "public_key", "scan_environment"]

IMAGES = ("clean", "vulnerable", "multi", "legacy")
EVIDENCE = ("clean", "vulnerable", "multi-amd64", "multi-arm64", "legacy")


def _testdata() -> Path:
    return repository() / "testdata"


def layout(name: str) -> Path:
    """The OCI layout of a sample: `clean`, `vulnerable`, `multi` (an index) or `legacy` (signed in cosign's older forms)."""
    path = _testdata() / "images" / name
    if not (path / "index.json").is_file():
        raise LookupError(f"no sample image {name!r}: {', '.join(IMAGES)}")
    return path


def evidence(name: str, file: str) -> Path:
    """One document about a sample.

    `grype.json`, `grype.sarif`, `sbom.cdx.json`, `sbom.spdx.json`, `sbom.syft.json` or `provenance.json`.
    """
    path = _testdata() / "evidence" / name / file
    if not path.is_file():
        raise LookupError(f"no sample evidence {name}/{file}")
    return path


@cache
def digests() -> Mapping[str, str]:
    """Manifest digests by sample, with `multi-amd64` and `multi-arm64` for the platforms of `multi`."""
    found: dict[str, str] = json.loads((_testdata() / "digests.json").read_bytes())
    return found


def digest(name: str) -> str:
    """The manifest digest of a sample."""
    return digests()[name]


def public_key() -> Path:
    """The public half of the key that signed all samples; the private half was never kept."""
    return _testdata() / "keys" / "cosign.pub"


def grype_db() -> Path:
    """The small grype database, as `grype db import` takes it."""
    return _testdata() / "grype-db" / "vulnerability-db.tar.gz"


def scan_environment(folder: Path) -> dict[str, str]:
    """Environment in which grype uses the small database, imported below the folder; skips the test without grype."""
    values = {
        "HOME": str(folder),
        "GRYPE_DB_CACHE_DIR": str(folder / "grype-db"),
        "GRYPE_DB_AUTO_UPDATE": "false",
        "GRYPE_DB_VALIDATE_AGE": "false",
        "GRYPE_CHECK_FOR_APP_UPDATE": "false",
        "PATH": os.environ.get("PATH", ""),
    }
    subprocess.run(
        [str(tool("grype")), "db", "import", str(grype_db())], env=values, check=True, capture_output=True, timeout=120
    )
    return values
