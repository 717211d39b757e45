"""A verdict with a control in every state, of the gate's own rules and of a scanner's report."""

from __future__ import annotations

from typing import Any

import msgspec

from gate.model.stig import StigReport
from gate.model.verdict import Control, RuleOutcome, Verdict, WaiverReport
from gate.model.waiver import Scope, Waiver
from tests.evidence.stig.support import only, xccdf
from tests.evidence.stig.support import rule as reported
from tests.factory import DIGEST, decision, parameters, result, rule, verdict

STIG = "sha256:" + "5" * 64
LAYER = "sha256:" + "6" * 64


def waiver(number: str = "W1", **changes: Any) -> Waiver:
    """One that holds."""
    values: dict[str, Any] = {
        "id": number,
        "rule": "hardening.setuid",
        "term": "",
        "scope": Scope(),
        "reason": "the platform drops the capability",
        "owner": "sec@acme.example",
        "ticket": "SEC-7",
        "created": "2026-11-01",
        "expires": "2027-01-30",
        "approved_by": "ciso@acme.example",
        "compensating_control": "no-new-privileges is enforced by admission",
        "state": "active",
    }
    return Waiver(**(values | changes))


def control(name: str, state: str, *effects: str, because: str = "", data: Any = None, **changes: Any) -> RuleOutcome:
    """A rule of the domain hardening with all kinds of ids, and one result an effect."""
    found = tuple(
        result(
            rule=name,
            term=f"{name}-{number}",
            msg=f"{name} says {effect}",
            effect=effect,
            because=because,
            data=data,
            fix="mend it",
        )
        for number, effect in enumerate(effects)
    )
    controls = (
        Control(framework="DISA-STIG", id="V-233163"),
        Control(framework="DISA-SRG", id="SRG-APP-000342"),
        Control(framework="DISA-CCI", id="CCI-002235"),
        Control(framework="NIST-800-53", id="AC-6(10)"),
        Control(framework="CIS-Docker", id="4.1"),
    )
    return rule(**({"rule": name, "state": state, "title": f"Title of {name}", "controls": controls, "results": found} | changes))


def report(*results: str, **changes: Any) -> StigReport:
    """A scanner's report as the input holds it."""
    given = results or (reported("SV-230221r1_rule", "fail"), reported("SV-230222r1_rule", "pass"))
    return msgspec.structs.replace(only(xccdf(*given)), **({"evidence": STIG} | changes))


def stig_rules(**states: RuleOutcome) -> tuple[RuleOutcome, ...]:
    """The rules that judge reports; passed unless given otherwise."""
    names = ("benchmark", "coverage_below", "nothing_evaluated", "open_findings", "scanner_too_old")
    return tuple(states.get(name, rule(rule=f"stig.{name}", state="passed", results=(), severity="high")) for name in names)


def every_state() -> tuple[RuleOutcome, ...]:
    """One rule a state, and what makes a state doubtful."""
    place = {"files": [{"path": "usr/bin/su", "layer": LAYER, "mode": "4755"}]}
    return (
        control("hardening.denied", "denied", "deny", data=place),
        control("hardening.setuid", "waived", "waived", because="waiver W1", data=place),
        control("hardening.passed", "passed", severity="medium"),
        control("hardening.reported", "warned", "warn", because="report mode"),
        control("hardening.untold", "no_verdict", "no_verdict"),
        control("hardening.silent", "not_applicable"),
        control("hardening.none", "not_applicable", "not_applicable", severity="low"),
        control("hardening.deployment", "not_applicable", "not_applicable", data={"reason": "deployment"}),
        control("hardening.milder", "not_applicable", "not_applicable", data={"status": "failed"}),
        control("hardening.unselected", "not_applicable", "not_applicable", data={"status": "not_selected"}),
        control("hardening.error", "not_applicable", "not_applicable", data={"status": "error"}),
        control("hardening.nobody", "not_applicable", "not_applicable", data={"status": ["failed"]}),
        rule(
            rule="hardening.beyond",
            state="not_applicable",
            results=(
                result(
                    rule="hardening.beyond",
                    term="V-235808",
                    effect="not_applicable",
                    data={
                        "status": "deployment",
                        "title": "Read-only",
                        "category": "2",
                        "srg": "SRG-APP-000141",
                        "cci": "CCI-000381",
                    },
                ),
            ),
        ),
        control("hardening.excluded", "not_applicable", "not_applicable", because="selection: -hardening.excluded"),
    )


def made(*rules: RuleOutcome, stig: tuple[StigReport, ...] = (), asked: bool = True, **changes: Any) -> Verdict:
    """A verdict of those rules."""
    params = parameters(fail_on_stig="2" if asked else None)
    values: dict[str, Any] = {
        "policy": decision(params=params),
        "rules": rules or every_state(),
        "findings": (),
        "stig": stig,
        "waivers": WaiverReport(active=(waiver(),)),
    }
    return verdict(**(values | changes))


def full() -> Verdict:
    """Everything at once: own rules in every state, and a report with an open, a waived and a passing rule."""
    results = (
        result(rule="stig.open_findings", term="V-230221", msg="V-230221 is open", effect="deny", because=""),
        result(rule="stig.open_findings", term="V-230223", msg="V-230223 is open", effect="waived", because="waiver W2"),
    )
    decided = rule(rule="stig.open_findings", state="denied", results=results, severity="high")
    words = (("230221", "fail"), ("230222", "pass"), ("230223", "fail"), ("230224", "notapplicable"), ("230225", "error"))
    stig = report(*(reported(f"SV-{number}r1_rule", word) for number, word in words))
    second = waiver("W2", rule="stig.open_findings", term="V-230223", compensating_control="read-only root")
    rules = (*every_state(), *stig_rules(open_findings=decided))
    return made(*rules, stig=(stig,), waivers=WaiverReport(active=(waiver(), second)))


__all__ = ["DIGEST", "LAYER", "STIG", "control", "every_state", "full", "made", "report", "stig_rules", "waiver"]
