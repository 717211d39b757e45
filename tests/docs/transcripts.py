"""Real transcripts: commands that are run, and what they print.

Two runs differ in what depends on the hour or on a fresh key (records, policy digests, times), so transcripts are compared with
digests and times taken out, and the numbers of rules that are content. In the pages they are whole, as they were printed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.tools import repository

__all__ = ["demonstration", "normalise", "refused", "run", "shown", "transcript", "usage_errors", "vex_triage"]

_FOLDER = "build/demo"
_CHANGING = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:…"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    # A new rule that has nothing to say of the samples changes no transcript.
    (re.compile(r"\d+ (?=rules:|passed|not applicable)"), "N "),
)


def normalise(text: str) -> str:
    """The text without what changes from run to run."""
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    return re.sub(r" *\\\n +", " ", text)


def shown(command: str, width: int = 112) -> str:
    """A command as people would type it: broken before options where it is long."""
    if len(command) <= width:
        return f"$ {command}"
    lines = [""]
    for part in re.split(r" (?=--)", command):
        if lines[-1] and len(lines[-1]) + len(part) > width - 4:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + part
    return "$ " + " \\\n    ".join(lines)


@cache
def demonstration() -> tuple[str, ...]:
    """What `make demo` shows, one text for each command."""
    with tempfile.TemporaryDirectory(prefix="gate-docs-") as temporary:
        folder = Path(temporary) / "demo"
        code = f"import sys; from pathlib import Path; from tools.demo import main; sys.exit(main(Path({str(folder)!r})))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=repository(),
            capture_output=True,
            text=True,
            check=True,
            timeout=200,
            env={**os.environ, "NO_COLOR": "1"},
        )
        text = done.stdout.replace(os.path.relpath(folder, repository()), _FOLDER).replace(str(folder), _FOLDER)
    return tuple(text.split("\n$ ")[1:])


def transcript(*numbers: int) -> str:
    """A fenced block with these commands of the demonstration."""
    parts = []
    for number in numbers:
        command, _, output = demonstration()[number].partition("\n")
        body, code = re.fullmatch(r"(.*?)\(exit code (\d)\)\n.*", output, re.DOTALL).groups()  # type: ignore[union-attr]
        parts.append(f"{shown(shlex.join(shlex.split(command)))}\n{body}$ echo $?\n{code}\n")
    return "```console\n" + "\n".join(parts) + "```\n"


def run(*arguments: str, folder: Path) -> str:
    """One command in a folder, with all that it prints and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "gate", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(repository()), "GATE_STORE": str(folder / "store")},
    )
    return f"{shown(shlex.join(('gate', *arguments)))}\n{done.stdout}$ echo $?\n{done.returncode}\n"


def usage_errors() -> str:
    """Mistakes that exit 2 explains."""
    with tempfile.TemporaryDirectory(prefix="gate-docs-") as temporary:
        folder = Path(temporary)
        (folder / "testdata").symlink_to(repository() / "testdata")
        (folder / "security-policy.yaml").write_text("schema: gate.policy/v1\nenviroments: {}\n")
        image = "oci:testdata/images/clean"
        parts = [
            run("verify", image, "--max-hihg", "3", folder=folder),
            run("verify", image, "--policy-file", "security-policy.yaml", folder=folder),
            run("verify", image, "--param", "max_hgh=3", folder=folder),
            run("verify", image, "--certificate-identity", "release@acme.example", folder=folder),
            run("verify", "registry.example/app:1.4", "--offline", folder=folder),
        ]
    return "```console\n" + "\n".join(parts) + "```\n"


def vex_triage() -> str:
    """From a denial to an acceptance by triage, and the proof that it binds."""
    with tempfile.TemporaryDirectory(prefix="gate-docs-") as temporary:
        folder = Path(temporary)
        (folder / "testdata").symlink_to(repository() / "testdata")
        (folder / "decisions.yaml").write_bytes((repository() / "vex" / "decisions.yaml").read_bytes())
        subject = ("oci:testdata/images/vulnerable", "--evidence", "testdata/evidence/vulnerable/grype.json")
        policy = ("--profile", "dev", "--max-critical", "0", "--quiet")
        document = "vex/vulnerable.openvex.json"
        counted = ("--vex", document, "--param", "vex_require_signed=false")
        parts = [
            run("verify", *subject, *policy, "--output", "json=verdict.json", folder=folder),
            run("vex", "triage", "--from", "verdict.json", "--decisions", "decisions.yaml", folder=folder),
            run("vex", "check", "--image-from", "verdict.json", document, folder=folder),
            run("verify", *subject, *policy, *counted, "--output", "json=verdict.json", folder=folder),
            run("vex", "lint", document, "--from", "verdict.json", folder=folder),
        ]
    return "```console\n" + "\n".join(parts) + "```\n"


def refused() -> str:
    """A format that is recognised and not read."""
    return "```console\n" + run("evidence", "read", "testdata/evidence/clean/sbom.syft.json", folder=repository()) + "```\n"
