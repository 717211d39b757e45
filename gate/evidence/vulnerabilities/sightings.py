"""What a finding is called in a history: its names, and its package without the version."""

from __future__ import annotations

from gate.evidence.vulnerabilities.purls import identity
from gate.model.findings import Finding


def names_of(finding: Finding) -> tuple[tuple[str, ...], str]:
    """(the id and all aliases, ``type/name`` of the package), equal for what different scanners call the same."""
    kind, name, _ = identity(finding.package)
    return (finding.id, *finding.aliases), f"{kind}/{name}"
