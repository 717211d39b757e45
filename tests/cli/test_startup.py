"""Help and version are light, and lazy commands stay lazy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gate import __version__
from gate.cli import _COMMANDS
from tests.tools import repository

HEAVY = (
    "httpx",
    "cryptography",
    "rfc3161_client",
    "nacl",
    "yaml",
    "rfc8785",
    "packageurl",
    "gate.oci.client",
    "gate.policy.engine",
)
SCRIPT = """
import json, sys
from gate.__main__ import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def imported(*arguments: str) -> tuple[int, set[str], str]:
    """Exit code, modules and output of one command in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True, cwd=repository(), timeout=60
    )
    *shown, last = done.stdout.splitlines()
    code, modules = json.loads(last)
    return code, set(modules), "\n".join(shown)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["verify", "--help"], ["verify-vsa", "--help"], ["report", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """No HTTP, no cryptography, no YAML, no engine for a help text."""
    code, modules, shown = imported(*arguments)
    assert code == 0 and shown
    assert not modules & set(HEAVY)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`gate --version` names the program and the version."""
    from gate.__main__ import run

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"gate {__version__}\n"


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_listed_command_is_there(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a help text with at least a sentence, and exits 0."""
    from gate.__main__ import run

    assert run([name, "--help"]) == 0
    assert len(capsys.readouterr().out) > 100


def test_a_mistyped_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with the command that was probably meant."""
    from gate.__main__ import run

    assert run(["verfiy"]) == 2
    assert "Did you mean 'verify'?" in capsys.readouterr().err


def test_verify_does_not_import_what_it_does_not_use() -> None:
    """A local image and a key need no HTTP client and no timestamp authority."""
    sample = repository() / "testdata"
    _, modules, _ = imported("verify", f"oci:{sample}/images/nowhere", "--key", str(sample / "keys/cosign.pub"), "--offline")
    assert not modules & {"httpx", "rfc3161_client", "sigstore"}


def test_a_damaged_module_is_not_taken_for_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """click turns every EOFError into an abort; one that is no person's is a bug, exit 4, and not 130."""
    import click

    from gate.__main__ import run
    from gate.cli import command

    def broken(**_: object) -> None:
        raise click.Abort from EOFError("marshal data too short")

    monkeypatch.setattr(command, "main", broken)
    assert run(["doctor"]) == 4
    assert "internal error" in capsys.readouterr().err
