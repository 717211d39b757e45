"""The external programs that tests run: found once, in the cache that `make tools` fills, else on PATH.

A test that needs one asks `tool("grype")`: it gets a path, or the test is skipped by name. `opa` is never optional, so its
absence fails the test instead.
"""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

__all__ = ["cache_folder", "find", "repository", "tool"]

_REQUIRED = frozenset({"opa"})


def repository() -> Path:
    """The root of this checkout."""
    return Path(__file__).resolve().parent.parent


def cache_folder() -> Path:
    """Where `make tools` puts programs: `$XDG_CACHE_HOME/policy-gate/tools`, outside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "policy-gate" / "tools"


@cache
def find(name: str) -> Path | None:
    """The program's path, or None: the cache first (its versions are the ones the expectations were made with), then PATH."""
    cached = cache_folder() / "bin" / name
    if cached.exists():
        return cached.resolve()
    found = shutil.which(name)
    return Path(found).resolve() if found else None


def tool(name: str) -> Path:
    """The program's path; skips the calling test when it cannot be had (`opa`: fails it)."""
    path = find(name)
    if path is not None:
        return path
    if name in _REQUIRED:
        pytest.fail(f"{name} is missing and never optional: run `make tools`", pytrace=False)
    if name == "oscap":
        pytest.skip("tool oscap is not here (apt-get install openscap-scanner)")
    pytest.skip(
        f"tool {name} is not here (make tools)"
        if name in {"grype", "syft", "cosign", "docker-registry", "softhsm2-util"}
        else f"tool {name} is not here (make tools-extra)"
    )
