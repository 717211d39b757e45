"""`make demo` does what the README says."""

from pathlib import Path

import pytest

from tests.tools import tool
from tools import demo


def test_the_demonstration_denies_allows_and_signs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The vulnerable sample is denied with its reasons, the clean one allowed with a summary that says PASSED."""
    tool("opa")
    assert demo.main(tmp_path / "demo") == 0
    shown = capfd.readouterr().out
    for text in ("DENY  vulnerable@", "CVE-2018-7750", "(exit code 1)", "ALLOW  clean@", '"verificationResult": "PASSED"'):
        assert text in shown
    assert (tmp_path / "demo" / "gate.pub").is_file()
