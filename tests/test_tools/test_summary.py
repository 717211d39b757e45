"""What a test run says at its end."""

import subprocess
import sys
from pathlib import Path

from tests.tools import repository


def test_skipped_tests_are_listed_by_name_with_a_count(tmp_path: Path) -> None:
    """Skipped tests are grouped by reason, each by name, with their number last; pytest's own counts close the run."""
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "def test_runs():\n    pass\n"
        "def test_one():\n    pytest.skip('tool zot is not here')\n"
        "@pytest.mark.skip(reason='tool zot is not here')\n"
        "def test_two():\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=repository(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    at = lines.index("2 x tool zot is not here")
    assert lines[at + 1 : at + 4] == ["    test_some.py::test_one", "    test_some.py::test_two", "2 skipped"]
    assert lines[-1].startswith("1 passed, 2 skipped in ")
