"""``gate.verdict/v1``: a deterministic ``outcome``, whose digest is the verdict's identity, and the circumstances in ``run``."""

from __future__ import annotations

from typing import Any, Literal

from gate.model.base import Model
from gate.model.evidence import CollectionError, Evidence
from gate.model.findings import AppliedVex, Counts, Fix, Reachable, Severity
from gate.model.input import ChainNode, Decision, Platform, RunContext, Time, VexFacts
from gate.model.stig import StigReport
from gate.model.waiver import Waiver

SCHEMA: Literal["gate.verdict/v1"] = "gate.verdict/v1"

Word = Literal["ALLOW", "DENY", "NO_VERDICT"]
RuleState = Literal["denied", "no_verdict", "warned", "waived", "passed", "not_applicable"]


class Control(Model, frozen=True, kw_only=True):
    framework: str
    id: str


class Result(Model, frozen=True, kw_only=True):
    """One thing that a rule found."""

    rule: str
    term: str
    msg: str
    evidence: tuple[str, ...]
    expected: Any
    got: Any
    fix: str
    data: Any
    effect: Literal["deny", "no_verdict", "warn", "waived", "not_applicable"]
    """What it did to the verdict, after enforcement mode, ``effective_on`` and waivers."""
    because: str
    """Why the effect differs from what the rule said: waiver id, ``report mode``, ``effective on …``; else empty."""


class RuleOutcome(Model, frozen=True, kw_only=True):
    rule: str
    state: RuleState
    title: str
    severity: str
    waivable: bool
    mode: Literal["enforce", "report"]
    controls: tuple[Control, ...]
    collections: tuple[str, ...]
    results: tuple[Result, ...]


class CompactFinding(Model, frozen=True, kw_only=True):
    """A finding as reports need it. ``blocks`` names the rules that it made deny."""

    key: str
    id: str
    aliases: tuple[str, ...]
    package: str
    """``name version``, for people."""
    purl: str
    severity: Severity
    fix: Fix
    kev: bool
    malware: bool
    epss: float | None
    vex: AppliedVex | None
    suppressed_by_scanner: tuple[str, ...]
    waiver: str | None
    blocks: tuple[str, ...]
    url: str
    reachable: Reachable = "unknown"
    locations: tuple[str, ...] = ()
    """Where scanners say that the package is; empty when none says, and when they are too many to list."""


class Upgrade(Model, frozen=True, kw_only=True):
    """One step towards green: what to change, and how many blocking findings it clears."""

    package: str
    version: str
    to: str
    clears: int
    findings: tuple[str, ...]


class Debt(Model, frozen=True, kw_only=True):
    """What the baseline (`gate baseline`) still carries for this subject: active waivers that something needs today."""

    findings: Counts = Counts()
    """Findings under a baseline waiver, each once, by severity."""
    waivers: int = 0
    """Active baseline waivers that cover something, of findings and of other results."""
    gone: int = 0
    """Active baseline waivers that nothing needs any more; ``gate baseline shrink`` drops them."""
    next_expiry: str = ""
    """The earliest end among ``waivers``; empty without one."""


class WaiverReport(Model, frozen=True, kw_only=True):
    active: tuple[Waiver, ...] = ()
    expiring: tuple[Waiver, ...] = ()
    """Active, and within ``waiver_warn_days`` of their end."""
    expired: tuple[Waiver, ...] = ()
    unused: tuple[Waiver, ...] = ()
    invalid: tuple[Waiver, ...] = ()
    draft: tuple[Waiver, ...] = ()
    """Written by a program, accepted by nobody: they waive nothing."""
    debt: Debt | None = None
    """Null without an active baseline waiver."""


class Digests(Model, frozen=True, kw_only=True):
    input: str
    policy: str
    """SHA-256 of the canonical (RFC 8785) decision block with the bundle digests; what a VSA names."""
    bundles: dict[str, str]
    capabilities: str
    trust: str
    """Digest of the trust configuration (entries, keys, roots) in force; empty when there is none."""
    engine: str


class Engine(Model, frozen=True, kw_only=True):
    name: str
    version: str


class ChildOutcome(Model, frozen=True, kw_only=True):
    """A platform of an index."""

    platform: Platform | None
    digest: str
    decision: Word
    outcome_digest: str


class VerdictSubject(Model, frozen=True, kw_only=True):
    name: str
    reference: str
    digest: str
    media_type: str
    kind: Literal["image", "index", "archive", "digest"]
    platform: Platform | None
    index_digest: str | None
    config_digest: str | None


class Outcome(Model, frozen=True, kw_only=True):
    subject: VerdictSubject
    decision: Word
    reasons: tuple[str, ...]
    """Ids of the rules that decided; codes of the gate (``gate.required_evidence`` …) where no rule did."""
    enforced: bool
    """False under ``--exit-zero``; such a verdict is never a PASSED VSA."""
    policy: Decision
    rules: tuple[RuleOutcome, ...]
    reported: Counts
    effective: Counts
    findings: tuple[CompactFinding, ...]
    upgrades: tuple[Upgrade, ...]
    evidence: tuple[Evidence, ...]
    errors: tuple[CollectionError, ...]
    vex: VexFacts
    waivers: WaiverReport
    time: Time
    digests: Digests
    engine: Engine
    gate: str
    """Version of the gate."""
    children: tuple[ChildOutcome, ...] = ()
    stig: tuple[StigReport, ...] = ()
    """Accepted reports of STIG scanners and checklists: reports for auditors list what passed too."""
    chain: tuple[ChainNode, ...] = ()
    """The links from the image to its sources, as the input has them."""


class Run(Model, frozen=True, kw_only=True):
    """Circumstances; not part of the verdict's identity."""

    started: str
    finished: str
    host: str
    command: tuple[str, ...]
    context: RunContext
    store: str
    config_sources: tuple[str, ...]
    """``path@sha256:…`` of every file that had a say."""


class Verdict(Model, frozen=True, kw_only=True):
    schema: Literal["gate.verdict/v1"]
    outcome: Outcome
    outcome_digest: str
    run: Run
