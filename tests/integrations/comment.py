"""The sample of a pull-request comment; ``python -m tests.integrations.comment`` writes it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.transcripts import normalise
from tests.tools import cache_folder, repository

__all__ = ["PAGE", "comparable", "made"]

PAGE = repository() / "docs" / "samples" / "pull-request-comment.md"


def comparable(text: str) -> str:
    """The text without digests, and without what only tells how many rules and controls there are."""
    rows = [
        line
        for line in normalise(text).splitlines()
        if not re.search(r"\| \S (passed|not applicable) \|$|^Compliance|^prod profile", line)
    ]
    return "\n".join(rows)


def made() -> str:
    """`gate.md` of a run on the vulnerable sample."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gate.md"
        flags = ("--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500", "--offline", "--quiet")
        command = [sys.executable, "-m", "gate", "verify", "oci:testdata/images/vulnerable", "--key", "testdata/keys/cosign.pub"]
        environ = {**os.environ, "GATE_STORE": f"{folder}/store", "PATH": f"{cache_folder() / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            [*command, *flags, "--output", f"markdown={path}"], cwd=repository(), env=environ, capture_output=True, check=False
        )
        assert done.returncode == 1, done.stderr
        return path.read_text("utf-8")


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(made(), encoding="utf-8")
