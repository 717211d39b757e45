"""What would turn a verdict: upgrades, evidence and waivers, tried by deciding again, never guessed.

A step changes the stored input as the world would be changed: an upgrade takes away the findings that it clears, a waiver is one
more waiver, evidence is an ideal document of its kind, trusted and bound. The engine judges every set; what is reported was
evaluated, and no single step of it can be left out. Whether a real document would say what the ideal one says is not known.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from gate.evidence.vulnerabilities.merge import count
from gate.judge import judge
from gate.model.base import digest_of, to_json
from gate.model.evidence import Evidence, Kind, Producer, Verification
from gate.model.findings import Finding, Scan
from gate.model.input import Input, ProvenanceFact, SignatureFact
from gate.model.sbom import Completeness, MinimumElements, SbomDocument
from gate.model.verdict import Outcome, Result, Upgrade, Word
from gate.model.waiver import COMPLIANCE_DOMAINS, Scope, Waiver
from gate.policy.acceptance import rejection
from gate.policy.engine import Engine
from gate.policy.required import is_required, unmet
from gate.policy.upgrades import plan
from gate.policy.waivers import judge as judge_waiver

_SBOM_FLAWS = (
    "without_name",
    "without_version",
    "without_purl",
    "invalid_purl",
    "without_supplier",
    "without_license",
    "without_hash",
    "duplicate_refs",
    "dangling_refs",
    "unreachable_from_root",
    "cycles",
)
_SIGNABLE: frozenset[Kind] = frozenset({"signature", "provenance", "sbom", "vulnerabilities", "sast", "approval"})


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and what it makes of the input."""

    kind: str
    """``upgrade``, ``evidence`` or ``waiver``."""
    text: str
    apply: Callable[[Input], Input]
    weight: int
    """Steps of less weight are left out first."""
    effect: tuple[str, ...]
    """What it does, in the terms of the rules that it helps; steps of one effect stand in for each other."""
    waiver: Waiver | None = None
    """Waivers are applied together, at the end."""


@dataclasses.dataclass(frozen=True, slots=True)
class WhatIf:
    """The set that was found, and what it was evaluated to."""

    before: Word
    after: Word
    steps: tuple[Step, ...]
    left: tuple[Result, ...]
    """What still blocks when everything that can be tried is done."""
    evaluations: int
    minimal: bool
    """False when the time was up before every step had been tried without."""


def what_if(document: Input, stored: bytes, engine: Engine, *, trust: str, seconds: float = 8.0) -> WhatIf:
    """The smallest set that was found within ``seconds``; ``stored`` are the bytes that the document was decoded from.

    Raises PolicyError and EngineError.
    """
    trial = _Trial(document, stored, engine, trust)
    start = time.monotonic()
    before = trial.outcome(())
    if before.decision == "ALLOW":
        return WhatIf(before.decision, before.decision, (), (), trial.evaluations, True)
    blocks = {finding.key: finding.blocks for finding in before.findings if finding.blocks}
    steps = [_upgrade(one, blocks) for one in plan(f for f in document.vulnerabilities.findings if f.key in blocks)]
    steps += [_evidence(kind, there) for kind, there in _missing(document, before, engine)]
    rest = trial.outcome(steps) if steps else before
    steps += _waivers(document, rest, trial)
    goal = trial.outcome(steps)
    aim = _blocking(goal)
    trial.narrow(before)
    kept, minimal = _least(steps, lambda chosen: _blocking(trial.outcome(chosen)) <= aim, start + seconds)
    trial.widen()
    found = trial.outcome(kept)
    return WhatIf(before.decision, found.decision, tuple(kept), tuple(_left(found)), trial.evaluations, minimal)


class _Trial:
    """Decides about changed inputs and counts how often."""

    def __init__(self, document: Input, stored: bytes, engine: Engine, trust: str) -> None:
        self._whole = self._document = document
        said = msgspec.json.decode(stored)["decision"]["params"].keys()
        self._later = tuple(name for name in document.decision.params.__struct_fields__ if name not in said)
        """Parameters that came after the verdict; its packs do not know them."""
        self._engine = engine
        self._trust = trust
        self.evaluations = 0

    def outcome(self, steps: Iterable[Step]) -> Outcome:
        changed = self._document
        chosen = list(steps)
        for step in chosen:
            changed = step.apply(changed)
        changed = _waived(changed, [step.waiver for step in chosen if step.waiver is not None])
        self.evaluations += 1
        return judge(changed, self._engine, trust=self._trust, stored=self._older(changed)).outcome

    def _older(self, changed: Input) -> bytes | None:
        if not self._later:
            return None
        value = msgspec.json.decode(to_json(changed))
        for name in self._later:
            del value["decision"]["params"][name]
        return to_json(value)

    def waivable(self, rule: str) -> bool:
        meta = self._engine.inventory.rules.get(rule)
        return meta is not None and meta.custom.waivable

    def holds(self, waiver: Waiver) -> bool:
        """Whether it would be active if somebody wrote it down: the same function decides as for every other."""
        params = self._whole.decision.params
        return judge_waiver(waiver, self._whole.time.now, params, None, self._engine.inventory).state == "active"

    def narrow(self, before: Outcome) -> None:
        """Only the rules that did not pass: what passed is looked at again once, at the end."""
        rules = tuple(rule.rule for rule in before.rules if rule.state not in ("passed", "not_applicable"))
        known = tuple(rule for rule in rules if rule in self._engine.inventory.rules)
        if known and len(known) == len([rule for rule in before.rules if rule.state in _STOPS or rule.rule in known]):
            decision = msgspec.structs.replace(self._whole.decision, selection=known)
            self._document = msgspec.structs.replace(self._whole, decision=decision)

    def widen(self) -> None:
        self._document = self._whole


_STOPS = ("denied", "no_verdict")


def _blocking(outcome: Outcome) -> frozenset[tuple[str, str]]:
    found = {(result.rule, result.term) for result in _left(outcome)}
    return frozenset(found | {(reason, "") for reason in outcome.reasons if not found})


def _left(outcome: Outcome) -> list[Result]:
    return [result for rule in outcome.rules for result in rule.results if result.effect in ("deny", "no_verdict")]


def _least(steps: Sequence[Step], holds: Callable[[Sequence[Step]], bool], until: float) -> tuple[list[Step], bool]:
    """As few steps of each effect as hold with all the others, found by halving; the least valuable effects first.

    A rule that counts findings does not tell them apart, so of steps with one effect only the number matters.
    """
    groups: dict[tuple[int, tuple[str, ...]], list[Step]] = {}
    for step in steps:
        groups.setdefault((step.weight, step.effect), []).append(step)
    for key in sorted(groups):
        group = groups[key]
        low, high = 0, len(group)
        while low < high:
            if time.monotonic() > until:
                return _flat(groups), False
            half = (low + high) // 2
            groups[key] = group[:half]
            if holds(_flat(groups)):
                high = half
            else:
                low = half + 1
        groups[key] = group[:high]
    return _flat(groups), True


def _flat(groups: Mapping[tuple[int, tuple[str, ...]], Sequence[Step]]) -> list[Step]:
    return [step for key in sorted(groups, reverse=True) for step in groups[key]]


def _upgrade(one: Upgrade, blocks: Mapping[str, Sequence[str]]) -> Step:
    cleared = frozenset(one.findings)
    effect = tuple(sorted(rule for key in one.findings for rule in blocks.get(key, ())))

    def apply(document: Input) -> Input:
        findings = tuple(f for f in document.vulnerabilities.findings if f.key not in cleared)
        return _with_findings(document, findings)

    plural = "finding" if one.clears == 1 else "findings"
    text = f"upgrade {one.package} {one.version} to {one.to} (clears {one.clears} {plural})"
    return Step("upgrade", text, apply, 1_000 + one.clears, effect)


def _with_findings(document: Input, findings: tuple[Finding, ...]) -> Input:
    facts = msgspec.structs.replace(
        document.vulnerabilities,
        findings=findings,
        reported=count(findings, effective=False),
        effective=count(findings, effective=True),
    )
    return msgspec.structs.replace(document, vulnerabilities=facts)


def _missing(document: Input, before: Outcome, engine: Engine) -> list[tuple[Kind, str]]:
    """Kinds of evidence that a blocking rule requires and does not have, with why what is there does not count."""
    found: dict[Kind, str] = {}
    for rule in before.rules:
        meta = engine.inventory.rules.get(rule.rule)
        if rule.state not in _STOPS or meta is None:
            continue
        for need in meta.custom.requires_evidence:
            if need.kind in _SIGNABLE and is_required(document, need, meta.custom.applies_to) and unmet(document, need, meta.id):
                there = [item for item in document.evidence if item.kind == need.kind]
                reasons = sorted({rejection(item, document.decision.params) for item in there} - {""})
                found[need.kind] = f"; {len(there)} found and not accepted: {reasons[0]}" if reasons else ""
    return sorted(found.items())


def _evidence(kind: Kind, there: str) -> Step:
    texts: dict[str, str] = {
        "signature": "sign the image with a key or identity that a trust entry names",
        "vulnerabilities": "scan this digest with a fresh database, without a finding, and attach the report signed",
        "sbom": "attach a signed SBOM of this digest",
        "provenance": "have the build system attest provenance for this digest, by a trusted builder",
        "sast": "give the SARIF of this source revision, without a result",
        "approval": "attach a signed approval",
    }
    identity = digest_of(f"what if {kind}".encode())

    def apply(document: Input) -> Input:
        subject = document.subject
        item = Evidence(
            id=identity,
            payload_digest=identity,
            kind=kind,
            format="ideal",
            media_type="application/json",
            predicate_type=None,
            origin="attestation",
            source="what if",
            subject_digest=subject.digest,
            on="index" if subject.kind == "index" else "platform",
            binding="signed",
            created=document.time.now,
            age_s=0,
            producer=Producer(name="ideal", db_built=document.time.now),
            verification=Verification(state="verified", method="key", trust_entry="what if", roles=("*",), entries=("what if",)),
        )
        changed = msgspec.structs.replace(document, evidence=(*document.evidence, item))
        return _facts(changed, kind, identity)

    return Step("evidence", texts[kind] + there, apply, 10_000, (kind,))


def _facts(document: Input, kind: Kind, identity: str) -> Input:
    """What an ideal document of the kind would say."""
    now = document.time.now
    if kind == "signature":
        fact = SignatureFact(evidence=identity, form="cosign-sign-v1", annotations={}, docker_reference="")
        return msgspec.structs.replace(document, signatures=(*document.signatures, fact))
    if kind == "vulnerabilities":
        scan = Scan(
            evidence=identity,
            scanner="ideal",
            version="",
            db_built=now,
            db_age_s=0,
            packages_catalogued=max(1, len(document.vulnerabilities.findings)),
            findings=0,
            distro="",
            distro_eol=None,
            degraded=False,
        )
        facts = msgspec.structs.replace(document.vulnerabilities, scans=(*document.vulnerabilities.scans, scan))
        return msgspec.structs.replace(document, vulnerabilities=facts)
    if kind == "provenance":
        params = document.decision.params
        said = ProvenanceFact(
            evidence=identity,
            predicate_type="https://slsa.dev/provenance/v1",
            builder=next(iter(params.allowed_builders), "https://builder.example/ideal"),
            build_type=next(iter(params.allowed_build_types), "https://builder.example/type"),
            source_uri=next(iter(params.allowed_sources), "https://source.example/ideal"),
            source_digest="0" * 40,
            source_ref="",
            invocation="",
            started=now,
            finished=now,
            parameters=None,
            materials=(),
            certificate_mismatches=(),
        )
        provenance = msgspec.structs.replace(document.provenance, statements=(*document.provenance.statements, said))
        return msgspec.structs.replace(document, provenance=provenance)
    if kind == "sbom":
        return msgspec.structs.replace(
            document,
            sbom=msgspec.structs.replace(document.sbom, documents=(*document.sbom.documents, _ideal_sbom(identity, now))),
        )
    return document


def _ideal_sbom(identity: str, now: str) -> SbomDocument:
    completeness = Completeness(
        components=1,
        **dict.fromkeys(_SBOM_FLAWS, 0),
        root_present=True,
        root_matches_subject=True,
        dependency_nodes=1,
        aggregate="complete",
        files_only=False,
        unidentified=(),
        missing_from_sbom=(),
    )
    elements = MinimumElements(
        author="ideal",
        timestamp=now,
        tool="ideal",
        spec_version="1.6",
        serial="ideal",
        generation_context="build",
        unknown_declared=0,
        missing={"ntia-2021": (), "cisa-2026": (), "bsi-tr-03183-2": ()},
    )
    return SbomDocument(
        evidence=identity, format="ideal", spec_version="1.6", name="ideal", completeness=completeness, minimum_elements=elements
    )


def _waivers(document: Input, rest: Outcome, trial: _Trial) -> list[Step]:
    """One waiver for each result and counted finding that is left and that may be waived."""
    wanted: dict[tuple[str, str], int] = {}
    for rule in rest.rules:
        if rule.state not in _STOPS or not trial.waivable(rule.rule):
            continue
        keys = {finding.key for finding in rest.findings if rule.rule in finding.blocks}
        terms = keys or {result.term for result in rule.results if result.effect == "deny"}
        for term in terms:
            wanted[rule.rule, term] = 1
    steps = [_waiver(document, rule, term) for rule, term in sorted(wanted)]
    return [step for step in steps if step.waiver is not None and trial.holds(step.waiver)]


def _waiver(document: Input, rule: str, term: str) -> Step:
    now = datetime.datetime.fromisoformat(document.time.now)
    params = document.decision.params
    end = now + datetime.timedelta(days=params.waiver_max_days)
    waiver = Waiver(
        id=f"what-if {rule} {term}",
        rule=rule,
        term=term,
        scope=Scope(images=(document.subject.name,)),
        reason="what if",
        owner="what if",
        ticket="what if",
        created=document.time.now,
        expires=end.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        approved_by="what if",
        compensating_control="what if",
        state="active",
    )

    named = f" of {term}" if term else ""
    control = params.waiver_compensating_control and rule.partition(".")[0] in COMPLIANCE_DOMAINS
    fields = "owner, reason, ticket, compensating control and approver" if control else "owner, reason and ticket"
    text = f"waive {rule}{named} until {waiver.expires[:10]} at the latest, with {fields}"
    counted = any(finding.key == term for finding in document.vulnerabilities.findings)
    # What no rule counts is told apart by its term.
    return Step("waiver", text, lambda same: same, 1, (rule,) if counted else (rule, term), waiver)


def _waived(document: Input, waivers: Sequence[Waiver]) -> Input:
    """With the waivers, which name findings by their whole key or results by their term."""
    if not waivers:
        return document
    rules: dict[str, set[str]] = {}
    for waiver in waivers:
        rules.setdefault(waiver.term, set()).add(waiver.rule)
    findings = tuple(
        msgspec.structs.replace(finding, waived_for=tuple(sorted({*finding.waived_for, *rules[finding.key]})))
        if finding.key in rules
        else finding
        for finding in document.vulnerabilities.findings
    )
    return msgspec.structs.replace(
        document,
        decision=msgspec.structs.replace(document.decision, waivers=(*document.decision.waivers, *waivers)),
        vulnerabilities=msgspec.structs.replace(document.vulnerabilities, findings=findings),
    )
