"""Small, complete contract values for tests; every helper takes the fields that a test is about."""

from __future__ import annotations

from typing import Any

import msgspec

from gate.model.evidence import Evidence, Producer, Verification
from gate.model.findings import Counts, Fix
from gate.model.input import Base, Decision, Platform, RunContext, Subject, Time, VexFacts
from gate.model.parameters import Acceptance, Parameters, RemediationDays, StigBaseline
from gate.model.verdict import (
    CompactFinding,
    Digests,
    Engine,
    Outcome,
    Result,
    RuleOutcome,
    Run,
    Verdict,
    VerdictSubject,
    WaiverReport,
)
from gate.report.interface import outcome_digest

DIGEST = "sha256:" + "a" * 64
INDEX = "sha256:" + "b" * 64
CONFIG = "sha256:" + "c" * 64
OTHER = "sha256:" + "d" * 64
NOW = "2026-11-23T12:00:00Z"


def parameters(**changes: Any) -> Parameters:
    """A lenient set of parameters: nothing limited, nothing required."""
    values: dict[str, Any] = {
        "max_critical": None,
        "max_high": None,
        "max_medium": None,
        "max_low": None,
        "max_unknown": None,
        "max_vulnerabilities": None,
        "deny_kev": False,
        "deny_malware": False,
        "max_epss": None,
        "deny_fixable": None,
        "remediation_days": RemediationDays(),
        "require_scan": False,
        "require_signature": False,
        "require_sbom": False,
        "require_provenance": False,
        "require_sast": False,
        "fail_on_fips_issues": False,
        "fail_on_stig": None,
        "accept": {"*": Acceptance(verified=False, bindings=("signed", "embedded"))},
        "sbom_require_identified": False,
        "sbom_require_scanned_packages": False,
        "sbom_minimum_elements": None,
        "allowed_builders": (),
        "allowed_sources": (),
        "allowed_build_types": (),
        "deny_root_user": False,
        "required_labels": (),
        "max_image_age_days": None,
        "allowed_bases": (),
        "denied_base_variants": (),
        "max_sast_errors": None,
        "max_sast_warnings": None,
        "max_evidence_age_days": None,
        "max_db_age_days": None,
        "clock_skew_seconds": 300,
        "vex_authors": (),
        "vex_require_signed": True,
        "waiver_max_days": 90,
        "waiver_warn_days": 14,
        "custom": {},
        "min_build_level": None,
        "min_source_level": None,
        "max_trust_root_age_days": None,
        "require_vex": None,
        "vex_deny_unmatched": False,
        "vex_deny_untrusted": False,
        "vex_deny_conflict": False,
        "vex_deny_overdue": False,
        "kev_due_dates": False,
        "stig_benchmarks": (),
        "stig_min_coverage": None,
        "stig_min_openscap": None,
        "stig_profile": "disa-container",
        "stig_baseline": StigBaseline(),
        "stig_require_results": False,
        "waiver_compensating_control": False,
        "fips_host": False,
        "fips_allowed_modules": (),
        "max_cmvp_age_days": None,
        "crypto_profile": "140-3-current",
        "crypto_min_rsa_bits": 2048,
        "crypto_deny_deprecated": False,
        "crypto_expiry_warn_days": 30,
    }
    return Parameters(**(values | changes))


def decision(**changes: Any) -> Decision:
    values: dict[str, Any] = {
        "profile": "prod",
        "profile_digest": DIGEST,
        "environment": "",
        "params": parameters(),
        "selection": ("*",),
        "enforcement": {},
        "exit_zero": False,
        "waivers": (),
        "engine_required": (),
    }
    return Decision(**(values | changes))


def subject(**changes: Any) -> Subject:
    values: dict[str, Any] = {
        "name": "registry.example/app",
        "reference": "registry.example/app:1",
        "digest": DIGEST,
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "kind": "image",
        "platform": Platform(os="linux", architecture="amd64"),
        "index_digest": INDEX,
        "config_digest": CONFIG,
        "config": None,
        "base": Base(name="", digest=None, origin="none"),
        "layers": (),
        "annotations": {},
    }
    return Subject(**(values | changes))


def evidence(**changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "id": DIGEST,
        "payload_digest": DIGEST,
        "kind": "sbom",
        "format": "cyclonedx 1.6",
        "media_type": "",
        "predicate_type": None,
        "origin": "file",
        "source": "sbom.json",
        "subject_digest": DIGEST,
        "on": "platform",
        "binding": "embedded",
        "created": None,
        "age_s": None,
        "producer": Producer(),
        "verification": Verification(state="unverified", reason="not signed"),
    }
    return Evidence(**(values | changes))


def result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "rule": "vulnerabilities.max_high",
        "term": "",
        "msg": "6 high vulnerabilities, at most 4 are allowed",
        "evidence": (DIGEST,),
        "expected": 4,
        "got": 6,
        "fix": "upgrade the packages",
        "data": None,
        "effect": "deny",
        "because": "",
    }
    return Result(**(values | changes))


def rule(**changes: Any) -> RuleOutcome:
    values: dict[str, Any] = {
        "rule": "vulnerabilities.max_high",
        "state": "denied",
        "title": "High vulnerabilities",
        "severity": "high",
        "waivable": True,
        "mode": "enforce",
        "controls": (),
        "collections": (),
        "results": (result(),),
    }
    return RuleOutcome(**(values | changes))


def finding(**changes: Any) -> CompactFinding:
    values: dict[str, Any] = {
        "key": "CVE-2020-1747|pkg:pypi/pyyaml@5.3",
        "id": "CVE-2020-1747",
        "aliases": (),
        "package": "pyyaml 5.3",
        "purl": "pkg:pypi/pyyaml@5.3",
        "severity": "high",
        "fix": Fix(state="available", versions=("5.3.1",)),
        "kev": False,
        "malware": False,
        "epss": None,
        "vex": None,
        "suppressed_by_scanner": (),
        "waiver": None,
        "blocks": ("vulnerabilities.max_high",),
        "url": "",
    }
    return CompactFinding(**(values | changes))


def outcome(**changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "subject": VerdictSubject(
            name="registry.example/app",
            reference="registry.example/app:1",
            digest=DIGEST,
            media_type="application/vnd.oci.image.manifest.v1+json",
            kind="image",
            platform=Platform(os="linux", architecture="amd64"),
            index_digest=None,
            config_digest=CONFIG,
        ),
        "decision": "DENY",
        "reasons": ("vulnerabilities.max_high",),
        "enforced": True,
        "policy": decision(),
        "rules": (rule(),),
        "reported": Counts(high=6, total=6),
        "effective": Counts(high=6, total=6),
        "findings": (finding(),),
        "upgrades": (),
        "evidence": (evidence(),),
        "errors": (),
        "vex": VexFacts(),
        "waivers": WaiverReport(),
        "time": Time(now=NOW, source="clock"),
        "digests": Digests(
            input=DIGEST, policy=DIGEST, bundles={"policies": DIGEST}, capabilities=DIGEST, trust="", engine=DIGEST
        ),
        "engine": Engine(name="opa", version="1.22.2"),
        "gate": "0.1.0",
    }
    return Outcome(**(values | changes))


def verdict(**changes: Any) -> Verdict:
    """A verdict whose digest is right; keyword arguments change its outcome."""
    made = outcome(**changes)
    run = Run(started=NOW, finished=NOW, host="", command=(), context=RunContext(), store="", config_sources=())
    return Verdict(schema="gate.verdict/v1", outcome=made, outcome_digest=outcome_digest(made), run=run)


replace = msgspec.structs.replace
