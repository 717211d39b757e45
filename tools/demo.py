#!/usr/bin/env python3
"""`make demo`: a DENY with its reasons, then an ALLOW with its signed summary, on the sample images. Nothing leaves the machine.

The samples have a fixed date, so the two limits on age are lifted; everything else is the `prod` profile. Exit code 0 when both
verdicts are what they should be.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("build/demo")
AGES = ("--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500")
VERIFIER = "https://gate.example/demo"
RESOURCE = "registry.example/shop/clean"


def show(*arguments: str, expected: int) -> bool:
    """Print the command, run it with its output going where ours goes, and say whether the exit code is the expected one."""
    sys.stdout.write("\n$ " + shlex.join(("gate", *arguments)) + "\n")
    sys.stdout.flush()
    gate = Path(sys.executable).with_name("gate")
    environ = {**os.environ, "COSIGN_PASSWORD": "", "GATE_STORE": str(FOLDER / "store")}
    code = subprocess.run([str(gate), *arguments], cwd=ROOT, env=environ, check=False).returncode
    sys.stdout.write(f"(exit code {code})\n")
    return code == expected


def main() -> int:
    """Run the demonstration."""
    shutil.rmtree(ROOT / FOLDER, ignore_errors=True)
    (ROOT / FOLDER).mkdir(parents=True)
    key = ("--key", "testdata/keys/cosign.pub")
    sign = ("--attest", "--sign-key", f"{FOLDER}/gate.key", "--verifier-id", VERIFIER, "--resource-uri", RESOURCE)
    done = [
        show("verify", "oci:testdata/images/vulnerable", *key, *AGES, "--offline", expected=1),
        show("keys", "generate", "--output-key-prefix", f"{FOLDER}/gate", expected=0),
        show("verify", "oci:testdata/images/clean", *key, *AGES, "--offline", *sign, "--attest-dir", str(FOLDER), expected=0),
    ]
    written = sorted(path.relative_to(ROOT) for path in (ROOT / FOLDER).iterdir() if path.suffix in {".json", ".jsonl"})
    sys.stdout.write(f"\nThe signed summary: {', '.join(map(str, written)) or 'none was written'}\n")
    return 0 if all(done) and written else 1


if __name__ == "__main__":
    sys.exit(main())
