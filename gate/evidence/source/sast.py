"""Static-analysis results out of SARIF runs. What the tool suppressed comes back as a result marked so (invariant 6)."""

from __future__ import annotations

from collections.abc import Sequence

from gate.evidence.interface import SastFacts
from gate.evidence.source import document as sarif
from gate.model.findings import SastFinding


def facts(runs: Sequence[sarif.Run], chosen: Sequence[Sequence[tuple[sarif.Result, sarif.Rule]]]) -> SastFacts:
    """One set of facts for all runs of a log; ``chosen`` are the results of each run that are source findings.

    ``SastFinding.evidence`` is empty; assembly fills it in. Tools and versions of several runs are joined.
    """
    revisions = (entry.revision_id for run in runs for entry in run.head.version_control_provenance or () if entry.revision_id)
    return SastFacts(
        tool=", ".join(dict.fromkeys(run.name for run in runs)),
        version=", ".join(dict.fromkeys(run.version for run in runs if run.version)),
        revision=next(revisions, ""),
        findings=tuple(_finding(result, rule) for results in chosen for result, rule in results),
    )


def _finding(result: sarif.Result, rule: sarif.Rule) -> SastFinding:
    return SastFinding(
        rule=sarif.rule_id(result, rule) or "(no rule)",
        level=sarif.level(result, rule),  # type: ignore[arg-type]  # one of SARIF's four words
        message=sarif.message(result, rule),
        location=sarif.location(result),
        security_severity=sarif.security_severity(rule),
        suppressed=sarif.suppressed(result),
        evidence="",
    )
