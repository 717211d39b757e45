#!/usr/bin/env python3
"""`make demo`: a DENY with its reasons, then an ALLOW with its signed summary, on the sample images. Nothing leaves the machine.

The samples have a fixed date, so the two limits on age are lifted; everything else is the `prod` profile. Exit code 0 when both
verdicts are what they should be and the summary verifies.
"""

import base64
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
AGES = ("--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500")
VERIFIER = "https://gate.example/demo"
RESOURCE = "oci://registry.example/shop/clean"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _show(folder: Path, *arguments: str, expected: int) -> bool:
    """Print the command, run it with its output going where ours goes, and say whether the exit code is the expected one."""
    _say("\n$ " + shlex.join(("gate", *arguments)))
    environ = {**os.environ, "COSIGN_PASSWORD": "", "GATE_STORE": str(folder / "store")}
    command = [sys.executable, "-m", "gate", *arguments]
    code = subprocess.run(command, cwd=ROOT, env=environ, stderr=subprocess.STDOUT, check=False).returncode
    _say(f"(exit code {code})")
    return code == expected


def _summary(folder: Path) -> tuple[str, str, str]:
    """Print what was signed; the file, its subject's digest and its policy's digest. Ends the run when there is none."""
    written = sorted(folder.glob("*.vsa.*"))
    _say("\nThe signed summary, as a Sigstore bundle and as bare DSSE:")
    for path in written:
        _say(f"  {os.path.relpath(path, ROOT)}")
    if len(written) != 2:
        raise SystemExit("\nThe demonstration did not go as it should: no summary was signed.")
    document = json.loads(written[-1].read_bytes())
    statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
    predicate = statement["predicate"]
    shown = {key: predicate[key] for key in ("verifier", "resourceUri", "policy", "verificationResult", "verifiedLevels")}
    _say(json.dumps({"subject": statement["subject"], **shown}, indent=2))
    subject, policy = (f"sha256:{found['digest']['sha256']}" for found in (statement["subject"][0], predicate["policy"]))
    return os.path.relpath(written[-1], ROOT), subject, policy


def main(folder: Path) -> int:
    """Run the demonstration; keys, records and the summary go into the folder."""
    shutil.rmtree(ROOT / folder, ignore_errors=True)
    (ROOT / folder).mkdir(parents=True)
    key = ("--key", "testdata/keys/cosign.pub")
    sign = ("--attest", "--sign-key", f"{folder}/gate.key", "--verifier-id", VERIFIER, "--resource-uri", RESOURCE)
    done = [
        _show(folder, "verify", "oci:testdata/images/vulnerable", *key, *AGES, "--offline", expected=1),
        _show(folder, "keys", "generate", "--output-key-prefix", f"{folder}/gate", expected=0),
        _show(
            folder,
            "verify",
            "oci:testdata/images/clean",
            *key,
            *AGES,
            "--offline",
            *sign,
            "--attest-dir",
            str(folder),
            expected=0,
        ),
    ]
    summary, subject, policy = _summary(ROOT / folder)
    demands = (
        "--digest",
        subject,
        "--policy-digest",
        policy,
        "--verifier-id",
        VERIFIER,
        "--resource-uri",
        RESOURCE,
        "--max-age",
        "24",
    )
    _say("\nBefore the deploy, the other side demands all of it:")
    done.append(_show(folder, "verify-vsa", summary, "--key", f"{folder}/gate.pub", *demands, expected=0))
    if not all(done):
        _say("\nThe demonstration did not go as it should.")
        return 1
    _say("\nA DENY (exit code 1) with its reasons, an ALLOW (exit code 0) with its signed summary.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path("build") / "demo"))
