"""Input documents for the policy pack's tests and measurements, made from the contract's own types.

``python -m tests.policies.samples 50000 > big.json`` writes one with that many findings (docs/performance.md).
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import yaml

from gate.model.base import digest_of, to_json
from gate.model.evidence import Evidence, Producer, Verification
from gate.model.findings import (
    SEVERITIES,
    Counts,
    Epss,
    Finding,
    Fix,
    Package,
    Scan,
    SeverityFact,
    SourceFacts,
    Vulnerabilities,
)
from gate.model.fips import FipsFacts
from gate.model.input import (
    SCHEMA,
    Base,
    Decision,
    History,
    ImageConfig,
    Input,
    Layer,
    Material,
    Platform,
    Provenance,
    ProvenanceFact,
    RunContext,
    SignatureFact,
    Subject,
    Time,
    VexFacts,
)
from gate.model.parameters import Parameters
from gate.model.sbom import Completeness, Component, MinimumElements, Sbom, SbomDocument
from gate.model.stig import StigFacts
from tests.policies.paths import POLICIES

SUBJECT = digest_of(b"image")
SIGNATURE, SBOM, PROVENANCE, SCAN, SAST = (digest_of(k.encode()) for k in ("signature", "sbom", "provenance", "scan", "sast"))


def profile(name: str) -> dict[str, Any]:
    """A shipped profile, as read from its data file."""
    loaded: dict[str, Any] = yaml.safe_load((POLICIES / "profiles" / name / "data.yaml").read_bytes())
    return loaded


def parameters(name: str = "prod") -> Parameters:
    """The parameters of a shipped profile, checked against the contract."""
    return msgspec.convert(profile(name)["params"], Parameters)


def _evidence(kind: Any, id_: str, **more: Any) -> Evidence:
    fields: dict[str, Any] = {
        "id": id_,
        "payload_digest": id_,
        "kind": kind,
        "format": "test",
        "media_type": "application/json",
        "predicate_type": None,
        "origin": "attestation",
        "source": "referrer " + id_,
        "subject_digest": SUBJECT,
        "on": "platform",
        "binding": "signed",
        "created": "2026-03-01T00:00:00Z",
        "age_s": 3600,
        "producer": Producer(name="tool", version="1.0"),
        "verification": Verification(
            state="verified",
            method="key",
            trust_entry="ci",
            roles=("*",),
            key_id="sha256:" + "0" * 64,
            timestamp="2026-03-01T00:00:00Z",
        ),
    }
    return Evidence(**{**fields, **more})


def evidence() -> tuple[Evidence, ...]:
    """One verified item of each kind that ``prod`` asks for."""
    return (
        _evidence("vulnerabilities", SCAN),
        _evidence("sbom", SBOM),
        _evidence("signature", SIGNATURE),
        _evidence("provenance", PROVENANCE),
    )


def component() -> Component:
    return Component(
        purl="pkg:deb/debian/zlib@1.3",
        name="zlib",
        version="1.3",
        type="library",
        supplier="Debian",
        licenses=("Zlib",),
        hashes={},
        evidence=SBOM,
    )


def completeness(**more: Any) -> Completeness:
    fields: dict[str, Any] = dict.fromkeys(Completeness.__struct_fields__, 0)
    fields |= {
        "components": 1,
        "root_present": True,
        "root_matches_subject": True,
        "dependency_nodes": 1,
        "aggregate": "complete",
    }
    fields |= {"files_only": False, "unidentified": (), "missing_from_sbom": ()}
    return Completeness(**{**fields, **more})


def finding(number: int, severity: Any = "high", **more: Any) -> Finding:
    """A finding of the given severity, numbered so that keys differ."""
    purl = f"pkg:deb/debian/pkg{number % 4001}@1.{number % 7}"
    fields: dict[str, Any] = {
        "key": f"CVE-2026-{number}|{purl}",
        "id": f"CVE-2026-{number}",
        "aliases": (f"GHSA-{number:04x}-aaaa-bbbb",),
        "package": Package(
            name=f"pkg{number % 4001}", version=f"1.{number % 7}", type="deb", purl=purl, locations=("/var/lib/dpkg/status",)
        ),
        "severity": SeverityFact(value=severity, source="nvd", by_source={"nvd": severity, "vendor": severity}),
        "cvss": (),
        "epss": Epss(probability=0.001, percentile=0.2, date="2026-03-01"),
        "kev": None,
        "fix": Fix(state="available", versions=("2.0",)),
        "malware": False,
        "match": "exact",
        "reported_by": (SCAN,),
        "suppressed_by_scanner": (),
        "reachable": "unknown",
        "first_seen": "2026-02-20T00:00:00Z",
        "vex": None,
        "waived_for": (),
        "url": f"https://example.org/CVE-2026-{number}",
    }
    return Finding(**{**fields, **more})


def make_input(findings: tuple[Finding, ...] = (), params: Parameters | None = None) -> Input:
    """An ordinary good image under the given parameters (default: ``prod``), with these findings."""
    params = params or parameters()
    return Input(
        schema=SCHEMA,
        subject=Subject(
            name="registry.example/acme/app",
            reference="registry.example/acme/app:1.0",
            digest=SUBJECT,
            media_type="application/vnd.oci.image.manifest.v1+json",
            kind="image",
            platform=Platform(os="linux", architecture="amd64"),
            index_digest=None,
            config_digest=digest_of(b"config"),
            config=ImageConfig(
                user="10001",
                env=("PATH=/usr/bin",),
                entrypoint=("/app",),
                cmd=(),
                exposed_ports=("8080/tcp",),
                volumes=(),
                labels={"org.opencontainers.image.source": "https://github.com/acme/app"},
                created="2026-02-28T00:00:00Z",
                history=(History(created="2026-02-28T00:00:00Z", created_by="COPY /app", empty_layer=False),),
                diff_ids=(digest_of(b"layer"),),
            ),
            base=Base(name="docker.io/library/debian:13-slim", digest=digest_of(b"base"), origin="provenance"),
            layers=(Layer(digest=digest_of(b"blob"), media_type="application/vnd.oci.image.layer.v1.tar+gzip", size=1000),),
            annotations={},
        ),
        decision=Decision(
            profile="prod",
            profile_digest=digest_of(b"profile"),
            environment="",
            params=params,
            selection=("*",),
            enforcement={},
            exit_zero=False,
            waivers=(),
            engine_required=(),
        ),
        run=RunContext(),
        time=Time(now="2026-03-01T12:00:00Z", source="clock"),
        evidence=evidence(),
        vulnerabilities=Vulnerabilities(
            scans=(
                Scan(
                    evidence=SCAN,
                    scanner="grype",
                    version="0.100.0",
                    db_built="2026-03-01T00:00:00Z",
                    db_age_s=43200,
                    packages_catalogued=1,
                    findings=len(findings),
                    distro="debian:13",
                    distro_eol=False,
                    degraded=False,
                ),
            ),
            findings=findings,
            reported=Counts(total=len(findings)),
            effective=Counts(total=len(findings)),
        ),
        sbom=Sbom(
            documents=(
                SbomDocument(
                    evidence=SBOM,
                    format="cyclonedx",
                    spec_version="1.6",
                    name="app",
                    completeness=completeness(),
                    minimum_elements=MinimumElements(
                        author="Acme",
                        timestamp="2026-03-01T00:00:00Z",
                        tool="syft",
                        spec_version="1.6",
                        serial="urn:uuid:1",
                        generation_context="build",
                        unknown_declared=0,
                        missing={"ntia-2021": (), "cisa-2026": (), "bsi-tr-03183-2": ()},
                    ),
                ),
            ),
            components=(component(),),
        ),
        signatures=(SignatureFact(evidence=SIGNATURE, form="cosign-sign-v1", annotations={}, docker_reference=""),),
        attestations=(),
        provenance=Provenance(
            statements=(
                ProvenanceFact(
                    evidence=PROVENANCE,
                    predicate_type="https://slsa.dev/provenance/v1",
                    builder="https://builder.example/v1",
                    build_type="https://build.example/type/v1",
                    source_uri="https://github.com/acme/app",
                    source_digest="a" * 40,
                    source_ref="refs/heads/main",
                    invocation="https://builder.example/runs/1",
                    started=None,
                    finished="2026-02-28T00:00:00Z",
                    parameters={},
                    materials=(Material(uri="git+https://github.com/acme/app", digest={"sha1": "a" * 40}),),
                    certificate_mismatches=(),
                ),
            ),
        ),
        source=SourceFacts(),
        fips=FipsFacts(),
        stig=StigFacts(),
        vex=VexFacts(),
        errors=(),
    )


def make_nothing() -> Input:
    """An image about which nothing is known, under ``prod``: every list empty, everything nullable null."""
    full = make_input()
    empty = msgspec.structs.replace
    return empty(
        full,
        subject=empty(
            full.subject,
            name="",
            reference="",
            platform=None,
            config_digest=None,
            config=None,
            base=Base(name="", digest=None, origin="none"),
            layers=(),
        ),
        evidence=(),
        vulnerabilities=Vulnerabilities(),
        sbom=Sbom(),
        signatures=(),
        provenance=Provenance(),
    )


def main() -> None:
    """Write a measuring input: a mix of severities, one in 50 waived, one in 40 exploited or above the EPSS limit."""
    number = int(sys.argv[1])
    findings = tuple(
        finding(i, SEVERITIES[i % 7], waived_for=("vulnerabilities.max_high",) if i % 50 == 0 else ()) for i in range(number)
    )
    sys.stdout.buffer.write(to_json(make_input(findings)))


if __name__ == "__main__":
    main()
