"""Where grype and syft are: named outright, in PATH, or where `make tools` puts them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


def find_tool(name: str, environ: Mapping[str, str]) -> Path | None:
    """``$GATE_<NAME>``, PATH, then the tool cache; null when it is in none of them."""
    named = environ.get(f"GATE_{name.upper()}")
    if named:
        return Path(named) if Path(named).is_file() else None
    found = shutil.which(name, path=environ.get("PATH"))
    if found:
        return Path(found)
    base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME", ".")) / ".cache")
    cached = Path(base) / "policy-gate" / "tools" / "bin" / name
    return cached if cached.is_file() else None
