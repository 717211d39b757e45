"""What every test run ends with: what was skipped, by name and reason, and how many."""

from collections import defaultdict

import pytest


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The reason given to the skip, without pytest's own prefix."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the closing list: skipped tests grouped by reason, each by name, with the count last."""
    skipped = terminalreporter.stats.get("skipped", [])
    terminalreporter.write_sep("-", "skipped by name")
    groups: dict[str, list[str]] = defaultdict(list)
    for report in skipped:
        groups[_reason(report)].append(report.nodeid)
    for reason in sorted(groups):
        terminalreporter.write_line(f"{len(groups[reason])} x {reason}")
        for nodeid in sorted(groups[reason]):
            terminalreporter.write_line(f"    {nodeid}")
    terminalreporter.write_line(f"{len(skipped)} skipped")
