"""Small packs and inputs for the policy tests, so that they depend on no rule of the project's own pack."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from gate.limits import DEFAULT, Limits
from gate.model.base import to_json
from gate.model.evidence import CollectionError, Evidence, Producer, Verification
from gate.model.findings import Finding, Fix, Package, Scan, SeverityFact, SourceFacts, Vulnerabilities
from gate.model.fips import FipsFacts
from gate.model.input import Base, Decision, Input, Platform, Provenance, RunContext, Subject, Time, VexFacts
from gate.model.parameters import Acceptance, Parameters, RemediationDays
from gate.model.sbom import Sbom
from gate.model.stig import StigFacts
from gate.model.verdict import Digests, Outcome
from gate.model.verdict import Engine as EngineName
from gate.model.waiver import Waiver
from gate.policy.bundle import BundleSpec, Policy, load_policy
from gate.policy.decide import decide, packages_to_evaluate
from gate.policy.engine import Engine
from gate.policy.inventory import Inventory
from gate.policy.opa import OpaBinary
from gate.policy.results import Evaluation, RawResult
from tests.tools import tool

DIGEST = "sha256:" + "a" * 64
INDEX = "sha256:" + "b" * 64
NOW = "2026-11-23T12:00:00Z"

PARAMS = Parameters(
    max_critical=0, max_high=4, max_medium=None, max_low=None, max_unknown=0, max_vulnerabilities=None,
    deny_kev=True, deny_malware=True, max_epss=None, deny_fixable=None, remediation_days=RemediationDays(),
    require_scan=False, require_signature=False, require_sbom=False, require_provenance=False, require_sast=False,
    fail_on_fips_issues=False, fail_on_stig=None,
    accept={"*": Acceptance(verified=False, bindings=("signed", "embedded"))},
    sbom_require_identified=True, sbom_require_scanned_packages=True,
    allowed_builders=(), allowed_sources=(), allowed_build_types=(), deny_root_user=False, required_labels=(),
    max_image_age_days=None, allowed_bases=(), denied_base_variants=(), max_sast_errors=None, max_sast_warnings=None,
    max_evidence_age_days=None, max_db_age_days=None, clock_skew_seconds=300, vex_authors=(), vex_require_signed=True,
    waiver_max_days=90, waiver_warn_days=14, custom={},
)  # fmt: skip


def rule(
    short_name: str,
    *,
    into: str = "deny",
    body: str = "false",
    term: str = '""',
    rule_id: str | None = None,
    domain: str = "demo",
    **custom: Any,
) -> str:
    """A rule with METADATA; ``body`` is one Rego expression. A custom value of None removes the key."""
    keys: dict[str, Any] = {
        "short_name": short_name,
        "failure_msg": "failed",
        "solution": "mend it",
        "severity": "high",
        "waivable": True,
        "collections": ["prod"],
        **custom,
    }
    lines = ["# METADATA", f"# title: {short_name}", f"# description: about {short_name}", "# custom:"]
    lines += [f"#   {key}: {json.dumps(value)}" for key, value in keys.items() if value is not None]
    result = f'{{"rule": "{rule_id or domain + "." + short_name}", "term": {term}, "msg": "{short_name} failed"}}'
    lines.append(f"{into} contains {result} if {{\n\t{body}\n}}")
    return "\n".join(lines) + "\n\n"


def write_pack(folder: Path, files: Mapping[str, str], *, name: str = "demo", **settings: Any) -> Path:
    """A standalone pack; ``settings`` go into ``metadata.gate``."""
    manifest = {"metadata": {"name": name, "gate": {"standalone": True, **settings}}}
    for path, text in {".manifest": json.dumps(manifest), **files}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def domain(*rules: str, name: str = "demo") -> dict[str, str]:
    """The file of one domain."""
    return {f"rules/{name}/{name}.rego": f"package rules.{name}\n\n" + "".join(rules)}


def load(*folders: Path, limits: Limits = DEFAULT) -> Policy:
    return load_policy([BundleSpec(str(folder)) for folder in folders], limits)


@functools.cache
def opa() -> OpaBinary:
    """One opened OPA for the whole run of this worker."""
    return OpaBinary(tool("opa"))


@contextmanager
def engine(*folders: Path, limits: Limits = DEFAULT) -> Iterator[Engine]:
    with Engine(opa(), load(*folders, limits=limits), limits) as made:
        yield made


def evidence(kind: str = "vulnerabilities", number: int = 1, **changes: Any) -> Evidence:
    """A verified, signed item for the platform unless told otherwise."""
    verified = Verification(state="verified", method="key", trust_entry="ci", roles=("*",))
    item = Evidence(
        id=f"sha256:{number:064x}", payload_digest=f"sha256:{number:064x}", kind=kind, format=kind, media_type="application/json",  # type: ignore[arg-type]
        predicate_type=None, origin="attestation", source=f"{kind}.json", subject_digest=DIGEST, on="platform", binding="signed",
        created=None, age_s=None, producer=Producer(), verification=verified,
    )  # fmt: skip
    return msgspec.structs.replace(item, **changes)


def scan(item: Evidence, **changes: Any) -> Scan:
    """A scan that lists ten packages."""
    made = Scan(
        evidence=item.id, scanner="grype", version="", db_built=None, db_age_s=None, packages_catalogued=10, findings=0,
        distro="", distro_eol=None, degraded=False,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


UNSIGNED = Verification(state="unverified", reason="not signed")
FAILED = Verification(state="failed", reason="bad signature")


def finding(name: str = "CVE-2026-1", package: str = "openssl", version: str = "3.0.1", **changes: Any) -> Finding:
    item = Finding(
        key=f"{name}|pkg:deb/debian/{package}@{version}", id=name, aliases=(),
        package=Package(name=package, version=version, type="deb", purl=f"pkg:deb/debian/{package}@{version}"),
        severity=SeverityFact(value="high", source="grype", by_source={}), cvss=(), epss=None, kev=None,
        fix=Fix(state="available", versions=("3.0.2",)), malware=False, match="exact", reported_by=(),
        suppressed_by_scanner=(), reachable="unknown", first_seen=None, vex=None, waived_for=(), url="",
    )  # fmt: skip
    return msgspec.structs.replace(item, **changes)


def waiver(**changes: Any) -> Waiver:
    from gate.model.waiver import Scope

    item = Waiver(
        id="W-1", rule="demo.limit", term="", scope=Scope(), reason="accepted", owner="ann", ticket="T-1",
        created="2026-11-01", expires="2026-12-31", state="active",
    )  # fmt: skip
    return msgspec.structs.replace(item, **changes)


def make_input(
    *,
    items: tuple[Evidence, ...] | None = None,
    errors: tuple[CollectionError, ...] = (),
    findings: tuple[Finding, ...] = (),
    params: Mapping[str, Any] | None = None,
    decision: Mapping[str, Any] | None = None,
    subject: Mapping[str, Any] | None = None,
    now: str = NOW,
) -> Input:
    """An input about a single image with one accepted scan, unless told otherwise."""
    about = Subject(
        name="registry.test/app", reference="registry.test/app:1", digest=DIGEST,
        media_type="application/vnd.oci.image.manifest.v1+json", annotations={},
        kind="image", platform=Platform(os="linux", architecture="amd64"), index_digest=None, config_digest=None, config=None,
        base=Base(name="", digest=None, origin="none"), layers=(),
    )  # fmt: skip
    chosen = Decision(
        profile="prod", profile_digest="", environment="", params=msgspec.structs.replace(PARAMS, **(params or {})),
        selection=("*",), enforcement={}, exit_zero=False, waivers=(), engine_required=(),
    )  # fmt: skip
    given = (evidence(),) if items is None else items
    scans = tuple(scan(item) for item in given if item.kind == "vulnerabilities")
    return Input(
        schema="gate.input/v1",
        subject=msgspec.structs.replace(about, **(subject or {})),
        decision=msgspec.structs.replace(chosen, **(decision or {})),
        run=RunContext(),
        time=Time(now=now, source="clock"),
        evidence=given,
        vulnerabilities=Vulnerabilities(scans=scans, findings=findings),
        sbom=Sbom(), signatures=(), attestations=(), provenance=Provenance(), source=SourceFacts(),
        fips=FipsFacts(), stig=StigFacts(),
        vex=VexFacts(), errors=errors,
    )  # fmt: skip


def error(kind: str = "vulnerabilities", **changes: Any) -> CollectionError:
    item = CollectionError(kind=kind, evidence=None, source="scan.json", code="unreadable", reason="not JSON")  # type: ignore[arg-type]
    return msgspec.structs.replace(item, **changes)


NO_DIGESTS = Digests(input="", policy="", bundles={}, capabilities="", trust="", engine="")


def decided(document: Input, inventory: Inventory, found: Evaluation, **more: Any) -> Outcome:
    return decide(document, inventory, found, digests=NO_DIGESTS, engine=EngineName(name="opa", version="1"), gate="0", **more)


def run(document: Input, made: Engine, **more: Any) -> Outcome:
    """The whole way: real OPA, then the decision."""
    found = made.evaluate(to_json(document), packages_to_evaluate(document, made.inventory))
    return decided(document, made.inventory, found, **more)


def said(inventory: Inventory, *results: tuple[str, RawResult], failures: Mapping[str, str] | None = None) -> Evaluation:
    """An evaluation as OPA could have given it: pairs of set and result; all other sets are empty."""
    failed = failures or {}
    sets: dict[str, dict[str, tuple[RawResult, ...]]] = {
        package: dict.fromkeys(names, ()) for package, names in inventory.packages.items() if package not in failed
    }
    for name, result in results:
        package = inventory.rules[result.rule].package
        sets[package][name] = (*sets[package].get(name, ()), result)
    return Evaluation(sets, failed)


def state_of(outcome: Outcome, rule_id: str) -> str:
    return next(found.state for found in outcome.rules if found.rule == rule_id)
