"""``gate doctor``: what is installed, what is missing, what to type."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gate.cli.tools import find_tool
from gate.errors import GateError
from gate.report.escape import escape

if TYPE_CHECKING:
    from gate.limits import Limits
    from gate.policy.opa import OpaBinary

_OPTIONAL = {
    "grype": "gate verify --scan",
    "oscap": "gate verify --scan stig",
    "syft": "gate sbom generate",
    "cosign": "signing images; the gate verifies without it",
}

_PACKAGED = {"oscap": "apt-get install openscap-scanner ssg-debian ssg-debderived ssg-nondebian"}
"""Not made by `make tools`."""


@click.command("doctor")
def command() -> int:
    """Look at the engine, the policy pack, the store and the tools; say what to type for what is missing.

    Exit code 2 when the gate cannot decide at all: without OPA or without a policy pack that compiles.
    """
    problems = 0
    for good, name, text, fix in _checks():
        click.echo(f"{'✓' if good else '✗' if good is False else '-'} {name:<8} {text}")
        if fix:
            click.echo(f"  fix: {fix}")
        problems += good is False
    click.echo("ready: gate verify IMAGE" if not problems else "not ready")
    return 2 if problems else 0


def _checks() -> Iterator[tuple[bool | None, str, str, str]]:
    """(works, name, what was found, what to type); None where the gate decides without it."""
    from gate import __version__

    yield True, "gate", f"{__version__}, Python {sys.version.split()[0]}", ""
    yield from _engine()
    for name, use in _OPTIONAL.items():
        path = find_tool(name, os.environ)
        if path is None:
            yield None, name, f"not found; needed for {use}", _PACKAGED.get(name) or f"make tools, or put {name} into PATH"
        else:
            yield True, name, f"{path} {_version(path)}", ""
            if name == "grype":
                yield _database(path)
    yield _store()


def _engine() -> Iterator[tuple[bool | None, str, str, str]]:
    from gate.limits import Limits
    from gate.policy.opa import find_opa

    try:
        limits = Limits.from_environment()
        with find_opa(os.environ) as binary:
            yield True, "opa", f"{binary.version}, {binary.path}, {binary.digest}", ""
            yield _policy(binary, limits)
    except GateError as error:
        yield False, "opa", error.what, error.fix


def _policy(binary: OpaBinary, limits: Limits) -> tuple[bool | None, str, str, str]:
    from gate.policy.bundle import load_policy
    from gate.policy.engine import Engine

    try:
        policy = load_policy([], limits)
        with Engine(binary, policy, limits) as engine:
            engine.check()
            rules = len(engine.inventory.rules)
    except GateError as error:
        return False, "policy", error.what, error.fix
    return True, "policy", f"{rules} rules, {', '.join(policy.digests.values())}", ""


def _version(path: Path) -> str:
    try:
        asked = "--version" if path.name in _PACKAGED else "version"
        done = subprocess.run([path, asked], capture_output=True, timeout=20, check=False, text=True, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return "(does not run)"
    if path.name in _PACKAGED:
        return (done.stdout.split("\n", 1)[0].split() or [""])[-1]
    lines = (line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    return next((value.strip() for key, value in lines if key.strip().lower() in ("version", "gitversion")), "")


def _database(grype: Path) -> tuple[bool | None, str, str, str]:
    """Grype's database, as `grype db status` tells of it; a scan without one is NO VERDICT."""
    try:
        done = subprocess.run([grype, "db", "status"], capture_output=True, timeout=60, check=False, text=True, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None, "database", "grype db status does not run", ""
    told = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    built, path = (escape(told.get(name, "").strip()) for name in ("Built", "Path"))
    if done.returncode:
        return (
            None,
            "database",
            "grype has none yet; the first --scan fetches it, where the network lets it",
            "grype db update, or grype db import FILE",
        )
    return True, "database", f"built {built}, {path}", ""


def _store() -> tuple[bool | None, str, str, str]:
    from gate.cli.options import store_path

    path = store_path(None)
    place = next((folder for folder in (path, *path.parents) if folder.exists()), path)
    if place.is_dir() and os.access(place, os.W_OK):
        return True, "store", str(path), ""
    return False, "store", f"{path} cannot be written", "set GATE_STORE to a folder that can"
