"""Running `gate` in this process, or as a process of its own, with an environment that the test chose."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gate.__main__ import run
from tests.samples import public_key
from tests.tools import repository, tool

AGES = ("--param", "max_db_age_days=36500", "--param", "max_evidence_age_days=36500")
"""The samples have a fixed date; the two limits on age would end every test in a few days."""
KEY = ("--key", str(public_key()))
NO_SCAN = ("--param", "require_scan=false", "--param", "max_critical=null", "--param", "deny_malware=false")
"""`dev` without any demand on findings: a limit without a scan gets no verdict."""

_CI = ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITLAB_CI", "TF_BUILD", "JENKINS_URL", "BUILDER_OUTPUT")


@dataclasses.dataclass(frozen=True)
class Done:
    """What one run of the gate left behind."""

    code: int
    out: str
    err: str
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    """gate.report/v1, when the run wrote one."""

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        return [verdict["outcome"] for verdict in self.report["verdicts"]]

    @property
    def outcome(self) -> dict[str, Any]:
        """The only outcome."""
        [only] = self.outcomes
        return only

    @property
    def reasons(self) -> list[str]:
        reasons: list[str] = self.outcome["reasons"]
        return reasons

    def rule(self, name: str) -> dict[str, Any]:
        """The outcome of one rule."""
        return next(rule for rule in self.outcome["rules"] if rule["rule"] == name)

    def message(self, name: str) -> str:
        """All that a rule says."""
        return "\n".join(result["msg"] for result in self.rule(name)["results"])


class Gate:
    """`gate` in this process. Each instance has a store of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.store = folder / "store"
        self._capfd = capfd
        self._number = 0
        self.patch = monkeypatch
        for name in (*_CI, *(name for name in os.environ if name.startswith(("GATE_", "OPA_")))):
            monkeypatch.delenv(name, raising=False)
        for name, value in self.environment().items():
            monkeypatch.setenv(name, value)

    def environment(self) -> dict[str, str]:
        """What the gate needs to find its engine and its store."""
        return {"GATE_OPA": str(tool("opa")), "GATE_STORE": str(self.store), "HOME": str(self.folder), "NO_COLOR": "1"}

    def __call__(self, *arguments: str | Path) -> Done:
        """Run one command as it stands."""
        self._capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        shown = self._capfd.readouterr()
        assert code != 4, shown.err
        return Done(code, shown.out, shown.err)

    def verify(self, *arguments: str | Path, ages: tuple[str, ...] = AGES) -> Done:
        """`gate verify` with the limits on age lifted, the text on standard output and the report read back."""
        self._number += 1
        path = self.folder / f"report-{self._number}.json"
        done = self("verify", *arguments, *ages, "--quiet", "--output", "text", "--output", f"json={path}")
        return dataclasses.replace(done, report=json.loads(path.read_bytes())) if path.exists() else done


def spawn(
    gate: Gate, *arguments: str | Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = (), **how: Any
) -> subprocess.Popen[str]:
    """`gate` as a process of its own."""
    environment = {"PATH": os.environ["PATH"], **gate.environment(), **(env or {})}
    command = [*before, sys.executable, "-m", "gate", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=repository(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    )


def process(
    gate: Gate, *arguments: str | Path, env: Mapping[str, str] | None = None, before: tuple[str, ...] = (), **how: Any
) -> Done:
    """The same, run to its end."""
    with spawn(gate, *arguments, env=env, before=before, **how) as child:
        out, err = child.communicate(timeout=120)
    assert child.returncode != 4 and "Traceback" not in err, err
    return Done(child.returncode, out, err)
