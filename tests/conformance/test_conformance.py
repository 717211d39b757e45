"""All cases of sigstore-conformance, by file and by digest, judged by their directory names."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from gate.errors import GateError
from tests.conformance.client import ASSETS, verify_bundle

IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"
COUNT = 70

CASES = sorted(path.name for path in ASSETS.iterdir() if path.is_dir()) if ASSETS.is_dir() else []
needs_corpus = pytest.mark.skipif(not CASES, reason=f"no corpus folder (GATE_CORPUS): {ASSETS} is absent")


def _text(case: Path, name: str, default: str) -> str:
    path = case / name
    return path.read_text().strip() if path.exists() else default


def _optional(case: Path, name: str) -> Path | None:
    path = case / name
    return path if path.exists() else None


@needs_corpus
def test_the_suite_is_complete() -> None:
    """A corpus folder with fewer cases than the suite has would make the tests below vacuous."""
    assert len(CASES) == COUNT


@needs_corpus
@pytest.mark.parametrize("how", ["file", "digest"])
@pytest.mark.parametrize("name", CASES)
def test_case_behaves_as_its_name_says(name: str, how: str) -> None:
    """A case whose name ends in ``_fail`` is refused, and every other one verifies."""
    case = ASSETS / name
    artifact = case / "artifact" if (case / "artifact").exists() else ASSETS / "a.txt"
    wanted = str(artifact) if how == "file" else "sha256:" + hashlib.sha256(artifact.read_bytes()).hexdigest()
    try:
        reason = verify_bundle(
            case / "bundle.sigstore.json",
            wanted,
            identity=_text(case, "identity", IDENTITY),
            issuer=_text(case, "issuer", ISSUER),
            trusted_root=_optional(case, "trusted_root.json"),
            key=_optional(case, "key.pub"),
        )
    except GateError as error:
        reason = error.what
    assert (reason is not None) == name.endswith("_fail"), reason


@needs_corpus
@pytest.mark.parametrize(
    ("name", "code"), [("happy-path-v0.3", 0), ("signature-mismatch_fail", 1), ("managed-key-no-key_fail", 1)]
)
def test_the_command_speaks_the_protocol(name: str, code: int) -> None:
    """``python -m tests.conformance verify-bundle`` ends in 0 or 1, with the reason on standard error."""
    command = [
        sys.executable,
        "-m",
        "tests.conformance",
        "verify-bundle",
        "--bundle",
        str(ASSETS / name / "bundle.sigstore.json"),
    ]
    command += ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER, str(ASSETS / "a.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert ("not verified" in done.stderr) == bool(code)
