"""STIG facts: what scanners and checklists said of the image."""

from __future__ import annotations

from typing import Literal

from gate.model.base import Model

StigWord = Literal["pass", "fail", "fixed", "error", "unknown", "notchecked", "notapplicable", "notselected", "informational"]
"""XCCDF 1.2 §6.6.4.2; every other format is mapped to these. ``fixed`` means that the scanner repaired its own copy."""


class StigResult(Model, frozen=True, kw_only=True):
    """What one report says of one rule. ``weight``, scores and exit codes are never read."""

    rule: str
    """As the report names it, without XCCDF's prefix: ``SV-230221r743913_rule``, ``package_telnetd_removed``."""
    term: str
    """What a waiver names: the V-id where there is one, else ``rule``."""
    vuln_id: str
    """``V-230221``; empty when the report gives none."""
    srg: tuple[str, ...]
    version: str
    """The STIG's own id of the rule: ``RHEL-08-010000``."""
    title: str
    cci: tuple[str, ...]
    nist: tuple[str, ...]
    """NIST SP 800-53 controls: the report's own, and those of its CCIs."""
    severity: Literal["high", "medium", "low", "info", "unknown"]
    category: Literal["1", "2", "3"]
    """CAT I, II, III; an unknown severity is CAT I."""
    result: StigWord
    said: str
    """The word in the report where it is another one: ``Not_Reviewed``, ``satisfied``."""
    override: str
    """A result or severity changed by hand, a waiver or an attestation inside the report; the less favourable one counts."""
    comment: str
    """What a person or the scanner wrote about the result; cut."""


class StigCounts(Model, frozen=True, kw_only=True):
    """Rules by result; ``selected`` is all but ``notselected``, ``evaluated`` is what got an answer: pass, fail, fixed."""

    selected: int = 0
    evaluated: int = 0
    passed: int = 0
    failed: int = 0
    fixed: int = 0
    error: int = 0
    unknown: int = 0
    notchecked: int = 0
    notapplicable: int = 0
    notselected: int = 0
    informational: int = 0


class StigReport(Model, frozen=True, kw_only=True):
    """One XCCDF TestResult, checklist or profile; a file may hold several."""

    evidence: str
    """Id of the evidence item; empty until assembly."""
    place: int
    """Number of the report in its document, from 0."""
    format: str
    scanner: str
    """Lower case: ``openscap``, ``scc``, ``inspec``, ``stig viewer``, ``dockle`` …; empty when the report does not tell."""
    scanner_version: str
    benchmark: str
    """Id of the benchmark or STIG, as the report has it."""
    benchmark_version: str
    profile: str
    target: str
    """As the report names it: mostly the machine that the scanner ran on, which says nothing about the image."""
    platforms: tuple[str, ...]
    """Platforms that the content was applied as: CPEs of XCCDF, operating systems of other formats."""
    finished: str | None
    counts: StigCounts
    results: tuple[StigResult, ...]
    """All but ``notselected``, one a rule, sorted by term."""


class StigFacts(Model, frozen=True, kw_only=True):
    """STIG facts."""

    collected: bool = False
    """Whether anything accepted says something."""
    scanner_results: tuple[StigReport, ...] = ()
    """Reports of accepted scanner evidence."""
