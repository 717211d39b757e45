"""Findings, OpenVEX documents and sources for tests of the resolver."""

from __future__ import annotations

import json
from typing import Any

from gate.model.evidence import Verification
from gate.model.findings import Finding, Fix, Package, SeverityFact
from gate.model.input import VexFacts
from gate.vex import openvex
from gate.vex.resolve import VexSource, resolve
from tests.factory import DIGEST, NOW, subject

CVE = "CVE-2025-0001"
OPENSSL = "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12.4"
AUTHOR = "Security <sec@example.com>"
SIGNED = Verification(state="verified", method="key", trust_entry="vendor", roles=("vex",), identity="ci@example.com")
UNSIGNED = Verification(state="unverified", reason="not signed")


def finding(id: str = CVE, purl: str = OPENSSL, *, aliases: tuple[str, ...] = (), version: str = "3.0.11-1") -> Finding:
    """One finding with the fields that VEX looks at."""
    return Finding(
        key=f"{id}|{purl.partition('?')[0]}",
        id=id,
        aliases=aliases,
        package=Package(name="openssl", version=version, type="deb", purl=purl),
        severity=SeverityFact(value="high", source="x", by_source={}),
        cvss=(),
        epss=None,
        kev=None,
        fix=Fix(state="unknown"),
        malware=False,
        match="exact",
        reported_by=(),
        suppressed_by_scanner=(),
        reachable="unknown",
        first_seen=None,
        vex=None,
        waived_for=(),
        url="",
    )


def statement(
    status: str = "not_affected", *, products: Any = ("pkg:deb/debian/openssl@3.0.11-1",), **fields: Any
) -> dict[str, Any]:
    """One statement about CVE; a ``not_affected`` is justified unless told otherwise."""
    made: dict[str, Any] = {"vulnerability": {"name": CVE}, "status": status, "timestamp": "2025-01-02T00:00:00Z"}
    if products is not None:
        made["products"] = [{"@id": item} if isinstance(item, str) else item for item in products]
    if status == "not_affected":
        made["justification"] = "vulnerable_code_not_present"
    return made | fields


def document(*statements: Any, **fields: Any) -> openvex.VexDocument:
    """A document as the reader gives it."""
    body = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.com/vex/1",
        "author": AUTHOR,
        "timestamp": "2025-01-01T00:00:00Z",
        "version": 1,
        "statements": list(statements),
    }
    if "id" in fields:
        body["@id"] = fields.pop("id")
    return openvex.read(json.dumps(body | fields).encode())


def source(
    *statements: Any, signed: bool = True, evidence: str = DIGEST, subjects: tuple[str, ...] = (), **fields: Any
) -> VexSource:
    """A document with what is known of its signature."""
    return VexSource(evidence, document(*statements, **fields), SIGNED if signed else UNSIGNED, subjects)


def run(
    *sources: VexSource,
    findings: tuple[Finding, ...] = (),
    authors: tuple[str, ...] = (AUTHOR,),
    require_signed: bool = True,
    now: str = NOW,
    **image: Any,
) -> tuple[VexFacts, Any]:
    """Resolve for one finding of openssl unless others are given; the second value is what holds for the first finding."""
    findings = findings or (finding(),)
    facts, applied = resolve(sources, findings, subject(**image), authors=authors, require_signed=require_signed, now=now)
    return facts, applied.get(findings[0].key)
