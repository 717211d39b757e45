"""What scanners say differently of one finding: facts for policies and people, never a reason to drop anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gate.evidence.interface import ReportedFinding
from gate.evidence.vulnerabilities.vocabulary import highest
from gate.model.findings import Disagreement


def differences(key: str, by_scanner: Mapping[str, Sequence[ReportedFinding]], silent: Sequence[str]) -> list[Disagreement]:
    """By field: ``fix``, ``presence``, ``severity``.

    ``silent`` are scanners that looked at the package and did not report the finding. ``unknown`` contradicts nothing.
    """
    found: list[Disagreement] = []
    if len(by_scanner) > 1:
        fixes = {label: _fix(reported) for label, reported in by_scanner.items()}
        if len(set(fixes.values()) - {""}) > 1:
            found.append(Disagreement(finding=key, field="fix", values={label: fix or "unknown" for label, fix in fixes.items()}))
    presence = {label: _presence(reported) for label, reported in by_scanner.items()} | dict.fromkeys(silent, "not reported")
    if len({word.partition(":")[0] for word in presence.values()}) > 1:
        found.append(Disagreement(finding=key, field="presence", values=presence))
    if len(by_scanner) > 1:
        severities = {label: highest(finding.severity for finding in reported) for label, reported in by_scanner.items()}
        if len(set(severities.values()) - {"unknown"}) > 1:
            found.append(
                Disagreement(finding=key, field="severity", values={label: str(value) for label, value in severities.items()})
            )
    return found


def _fix(reported: Sequence[ReportedFinding]) -> str:
    """Versions of an available fix, ``none`` for each way of not having one, empty for unknown."""
    versions = sorted({version for finding in reported for version in finding.fix.versions})
    if versions:
        return ", ".join(versions)
    states = {finding.fix.state for finding in reported}
    if "available" in states:
        return "available"
    return "" if states == {"unknown"} else "none"


def _presence(reported: Sequence[ReportedFinding]) -> str:
    if any(not finding.suppressed for finding in reported):
        return "reported"
    return "suppressed: " + "; ".join(sorted({finding.suppressed for finding in reported}))
