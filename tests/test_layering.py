"""The import layers of gate/ hold: `[tool.importlinter]` in pyproject.toml is the list."""

import subprocess
import sys
from pathlib import Path

from tests.tools import repository


def test_imports_run_downwards_only() -> None:
    """No module of gate/ imports from a layer above its own or from a sibling layer."""
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(linter), "--no-cache"], cwd=repository(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout
