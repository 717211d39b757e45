"""Real Go programs with the frozen FIPS module, stripped, for the test that compares facts with what they say of themselves.

    python -m tests.evidence.fips.go_program

builds them once (Go 1.24 or later; a minute where its library was never built so) in the cache that external programs are in. The
test is skipped by name where they are missing.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

PLACE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "policy-gate" / "go"
NAMES = {"frozen": "v1.0.0", "plain": "off"}
_SOURCE = """package main

import (
\t"crypto/fips140"
\t"crypto/sha256"
\t"fmt"
)

func main() {
\tsha256.Sum256(nil)
\tfmt.Println(fips140.Enabled())
}
"""


def main() -> None:
    """Builds the programs."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.go").write_text(_SOURCE)
        Path(folder, "go.mod").write_text("module app\n\ngo 1.24\n")
        for name, version in NAMES.items():
            flags = ["-trimpath", "-ldflags=-s -w -buildid=", "-o", str(PLACE / name)]
            env = {**os.environ, "GOFIPS140": version, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
            subprocess.run(["go", "build", *flags, "."], check=True, cwd=folder, env=env)


if __name__ == "__main__":
    main()
