"""The gate's own checks, beside every policy: no vacuous allow (invariant 1), required evidence (5), platforms of an index.

They appear in the verdict as rules named ``gate.…``. They cannot be selected away, waived or reported only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from gate.model.input import Input
from gate.model.parameters import RemediationDays
from gate.model.verdict import ChildOutcome, Result, RuleOutcome
from gate.policy.acceptance import accepted, satisfies
from gate.policy.inventory import Requirement, RuleMeta
from gate.policy.parameters import FINDING_LIMITS, SPECS, is_asked
from gate.policy.required import COMPUTED, unmet
from gate.policy.results import RawResult

NO_RULES = "gate.no_rules"
NO_EVIDENCE = "gate.no_evidence"
EMPTY_SCAN = "gate.empty_scan"
REQUIRED_EVIDENCE = "gate.required_evidence"
LIMIT_WITHOUT_SCAN = "gate.limit_without_scan"
PLATFORMS = "gate.platforms"


def outcomes(
    document: Input, asked: Iterable[RuleMeta], *, judged: int, clean: bool, children: Sequence[ChildOutcome]
) -> tuple[RuleOutcome, ...]:
    """Those that have something to say.

    ``judged`` is how many rules that can block had something to judge, ``clean`` that none of them did.
    """
    found: list[RuleOutcome] = []
    if document.subject.kind == "index":
        found += _platforms(children)
    else:
        found += _nothing(document, judged, clean)
        found += _required(document, asked)
        found += _limits(document, asked)
    return tuple(found)


def _platforms(children: Sequence[ChildOutcome]) -> list[RuleOutcome]:
    """An index is what the worst of its platforms is; one without any was not looked at."""
    if not children:
        text = RawResult(rule=PLATFORMS, msg="no platform of the index was verified", fix="check --platform")
        return [_rule(PLATFORMS, "Every platform passes", [("no_verdict", text)])]
    bad: list[tuple[Literal["deny", "no_verdict"], RawResult]] = []
    for child in children:
        if child.decision == "ALLOW":
            continue
        name = str(child.platform) if child.platform is not None else child.digest
        result = RawResult(
            rule=PLATFORMS, term=child.digest, msg=f"{name} is {child.decision}", expected="ALLOW", got=child.decision,
            fix="see the verdict of that platform",
        )  # fmt: skip
        bad.append(("deny" if child.decision == "DENY" else "no_verdict", result))
    return [_rule(PLATFORMS, "Every platform passes", bad)]


def _nothing(document: Input, judged: int, clean: bool) -> list[RuleOutcome]:
    found = []
    if judged == 0:
        text = RawResult(
            rule=NO_RULES,
            msg="no rule that could deny had anything to judge",
            fix="select rules that apply to this subject, and set the parameters that they need",
        )
        found.append(_rule(NO_RULES, "Some rule judges the subject", [("no_verdict", text)]))
    params = document.decision.params
    taken = [item for item in document.evidence if item.kind != "unknown" and accepted(item, params)]
    scans = [item for item in taken if item.kind == "vulnerabilities"]
    looked = _looked(document, {item.id for item in taken})
    if clean and scans and not looked and (len(scans) == len(taken) or params.require_scan):
        text = RawResult(
            rule=EMPTY_SCAN,
            msg="the scan found nothing, and nothing shows that it looked at any package",
            evidence=tuple(sorted(item.id for item in scans)),
            fix="scan with package listing on (trivy --list-all-pkgs), or give an SBOM of this subject",
        )
        found.append(_rule(EMPTY_SCAN, "Some scan has looked at packages", [("no_verdict", text)]))
    if not taken:
        text = RawResult(
            rule=NO_EVIDENCE,
            msg=f"no evidence about this subject was accepted ({len(document.evidence)} found)",
            fix="give evidence with --evidence, or attach it to the image; `gate evidence read FILE` says what a document is",
        )
        found.append(_rule(NO_EVIDENCE, "Some evidence is accepted", [("no_verdict", text)]))
    return found


def _looked(document: Input, taken: set[str]) -> bool:
    """Whether an accepted scan lists packages or findings, or an accepted SBOM shows that there are packages (invariant 1)."""
    return any(
        scan.evidence in taken and not scan.partial and (scan.findings > 0 or (scan.packages_catalogued or 0) > 0)
        for scan in document.vulnerabilities.scans
    ) or any(sbom.evidence in taken and sbom.completeness.components > 0 for sbom in document.sbom.documents)


def _required(document: Input, asked: Iterable[RuleMeta]) -> list[RuleOutcome]:
    """What a parameter requires and no selected rule enforces: a selection must not lose it."""
    enforced = {(need.kind, need.when) for meta in asked for need in meta.custom.requires_evidence}
    missing: list[tuple[Literal["deny", "no_verdict"], RawResult]] = []
    for spec in SPECS:
        if spec.requires is None or not is_asked(getattr(document.decision.params, spec.name)):
            continue
        if enforced & {(spec.requires, spec.name), (spec.requires, None)}:
            continue
        need = Requirement(kind=spec.requires, when=spec.name)  # type: ignore[arg-type]  # a test holds that each is a kind
        found = unmet(document, need, REQUIRED_EVIDENCE)
        if found is not None:
            missing.append((found.effect, found.result))
        elif spec.requires in COMPUTED:
            text = f"{spec.requires} facts were collected, and no selected rule judges them"
            fix = f"select the rules of {spec.requires}, or do not ask for {spec.name}"
            missing.append(("no_verdict", RawResult(rule=REQUIRED_EVIDENCE, term=spec.requires, msg=text, fix=fix)))
    return [_rule(REQUIRED_EVIDENCE, "Evidence that a parameter requires is there", missing)] if missing else []


def _limits(document: Input, asked: Iterable[RuleMeta]) -> list[RuleOutcome]:
    """A limit on findings that is asked for and met because nobody looked: without a scan there is nothing to count.

    Where a scan is required, its absence is a deny already.
    """
    params = document.decision.params
    if params.require_scan or any(item.kind == "vulnerabilities" and satisfies(item, params) for item in document.evidence):
        return []
    named = {meta.custom.parameter for meta in asked} & FINDING_LIMITS
    limits = sorted(name for name in named if name is not None and is_asked(_limit(getattr(params, name))))
    if not limits:
        return []
    text = RawResult(
        rule=LIMIT_WITHOUT_SCAN,
        msg=f"{', '.join(limits)} given, and no accepted scan has counted anything",
        expected="an accepted scan",
        got="none",
        fix="scan this digest (`gate verify --scan`) or give the report with --evidence; to judge without a scan, set "
        + ", ".join(f"{name}={'false' if getattr(params, name) is True else 'null'}" for name in limits),
    )
    return [_rule(LIMIT_WITHOUT_SCAN, "Limits on findings have a scan to count in", [("no_verdict", text)])]


def _limit(value: object) -> object:
    """The value, or the limits that stand in it."""
    if isinstance(value, RemediationDays):
        return tuple(days for days in msgspec.structs.astuple(value) if days is not None)
    return value


def _rule(name: str, title: str, found: Sequence[tuple[Literal["deny", "no_verdict"], RawResult]]) -> RuleOutcome:
    effects = {effect for effect, _ in found}
    results = tuple(
        Result(
            rule=raw.rule, term=raw.term, msg=raw.msg, evidence=raw.evidence, expected=raw.expected, got=raw.got, fix=raw.fix,
            data=raw.data, effect=effect, because="",
        )
        for effect, raw in sorted(found, key=lambda pair: (pair[1].term, pair[0]))
    )  # fmt: skip
    return RuleOutcome(
        rule=name,
        state="denied" if "deny" in effects else "no_verdict" if effects else "passed",
        title=title,
        severity="critical",
        waivable=False,
        mode="enforce",
        controls=(),
        collections=(),
        results=results,
    )
