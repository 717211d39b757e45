"""Running the real OPA on the pack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from gate.model.base import to_json
from gate.model.input import Input
from tests.policies.paths import POLICIES
from tests.tools import tool


def opa(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """What OPA answers; the caller looks at the exit code."""
    return subprocess.run([str(tool("opa")), *arguments], input=stdin, capture_output=True, check=False, timeout=120)


def query(text: str, document: Input | dict[str, Any], *packs: Path, tests: bool = False) -> Any:
    """The value of a query on an input, under the shipped pack or the given ones; a failing OPA is a failing test.

    Packs are merged as the gate merges them. OPA's own ``--bundle`` refuses two that both have a root above ``rules/<domain>``.
    """
    loaded = [part for pack in packs or (POLICIES,) for part in ("--data", str(pack))]
    ignored = ["--ignore", "schemas"] if tests else ["--ignore", "schemas", "--ignore", "*_test.rego"]
    options = ["--format=json", "--strict-builtin-errors", "--stdin-input", *loaded, *ignored]
    done = opa("eval", *options, text, stdin=to_json(document))
    assert done.returncode == 0, done.stdout.decode()
    return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]


def fired(document: Input | dict[str, Any], *packs: Path) -> dict[str, set[str]]:
    """Ids of the rules with a result, by set (``deny``, ``warn``, ``no_verdict``)."""
    found: dict[str, set[str]] = {"deny": set(), "warn": set(), "no_verdict": set()}
    for package in query("data.rules", document, *packs).values():
        for name in found:
            found[name] |= {result["rule"] for result in package.get(name, [])}
    return found
