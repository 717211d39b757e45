"""The statements after a verdict: only of what was accepted, with the documents' own bytes, and nothing made up."""

import json
from typing import Any

import msgspec

from gate.attest.produce import Produced, produce
from gate.attest.types import CYCLONEDX, OPENVEX, SPDX, VULNS
from gate.limits import DEFAULT
from gate.model.evidence import Evidence
from gate.model.findings import Cvss, Finding, Fix, Package, Scan, SeverityFact, Vulnerabilities
from gate.model.input import Input
from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
from tests.attest.verdicts import SIGNER
from tests.factory import DIGEST, evidence
from tests.test_assemble import made as assembled

SCAN, OTHER_SCAN, SBOM = ("sha256:" + digit * 64 for digit in "123")
BUILT, MADE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
CDX = b'{"bomFormat": "CycloneDX", "n": 12345678901234567890}\n'


def scan(**changes: Any) -> Scan:
    """One scan."""
    values: dict[str, Any] = {
        "evidence": SCAN,
        "scanner": "grype",
        "version": "0.117.0",
        "db_built": BUILT,
        "db_age_s": 1,
        "packages_catalogued": 3,
        "findings": 1,
        "distro": "",
        "distro_eol": None,
        "degraded": False,
    }
    return Scan(**(values | changes))


def finding(*reported: str) -> Finding:
    """A finding of some scans."""
    return Finding(
        key="CVE-1|pkg:deb/x@1",
        id="CVE-1",
        aliases=("GHSA-1",),
        package=Package(name="x", version="1", type="deb", purl="pkg:deb/x@1"),
        severity=SeverityFact(value="high", source="nvd", by_source={"nvd": "high"}),
        cvss=(Cvss(source="nvd", version="3.1", vector="", score=7.5), Cvss(source="x", version="2.0", vector="", score=None)),
        epss=None,
        kev=None,
        fix=Fix(state="none"),
        malware=False,
        match="exact",
        reported_by=reported,
        suppressed_by_scanner=(),
        reachable="unknown",
        first_seen=None,
        vex=None,
        waived_for=(),
        url="",
    )


def document(*items: Evidence, scans: tuple[Scan, ...] = (), findings: tuple[Finding, ...] = ()) -> Input:
    """An input document with that evidence."""
    found = Vulnerabilities(scans=scans, findings=findings)
    return msgspec.structs.replace(assembled([]), evidence=items, vulnerabilities=found)


def item(digest: str, kind: str, **changes: Any) -> Evidence:
    """A piece of evidence."""
    return evidence(id=digest, kind=kind, created=MADE, **changes)


def run(made: Input, data: dict[str, bytes] | None = None, **more: Any) -> list[Produced]:
    """What is produced."""
    options: dict[str, Any] = {"accepted": lambda found: found.source != "refused"}
    return list(produce(made, data or {}, limits=DEFAULT, **(options | more)))


def predicate(made: Produced) -> Any:
    """The predicate of a statement that is about the image."""
    statement = json.loads(made.payload)
    assert statement["subject"][0]["digest"] == {"sha256": DIGEST.removeprefix("sha256:")}
    assert statement["predicateType"] == made.predicate_type
    return statement["predicate"]


def test_each_accepted_scan_has_its_findings() -> None:
    """And those of no other scan; the scanner, its database and the time are the report's own."""
    scans = (scan(), scan(evidence=OTHER_SCAN, scanner="Trivy"))
    evidence_of = (item(SCAN, "vulnerabilities"), item(OTHER_SCAN, "vulnerabilities"))
    first, second = run(document(*evidence_of, scans=scans, findings=(finding(SCAN),)))
    value = predicate(first)
    assert (first.predicate_type, value["scanner"]["uri"]) == (VULNS, "pkg:github/anchore/grype@0.117.0")
    assert value["scanner"]["db"] == {"lastUpdate": BUILT}
    assert value["metadata"] == {"scanStartedOn": MADE, "scanFinishedOn": MADE}
    [result] = value["scanner"]["result"]
    assert result["id"] == "CVE-1"
    assert result["severity"] == [{"method": "nvd", "score": "high"}, {"method": "cvss_v3.1", "score": "7.5"}]
    assert predicate(second)["scanner"]["result"] == []


def test_what_was_not_accepted_is_not_attested() -> None:
    """The gate does not lend its key to what its own policy refused."""
    refused = (item(SCAN, "vulnerabilities", source="refused"), item(SBOM, "sbom", source="refused"))
    assert run(document(*refused, scans=(scan(),)), {SBOM: CDX}) == []


def test_a_scan_without_its_times_is_left_out_with_a_reason() -> None:
    """The type demands both, and nothing is made up."""
    without_db = run(document(item(SCAN, "vulnerabilities"), scans=(scan(db_built=None),)))
    assert "database" in without_db[0].left_out and without_db[0].payload == b""
    without_time = run(document(evidence(id=SCAN, kind="vulnerabilities"), scans=(scan(),)))
    assert "when it was made" in without_time[0].left_out
    computed = run(document(evidence(id=SCAN, kind="vulnerabilities", origin="computed"), scans=(scan(),)))
    assert computed[0].left_out == ""


def test_an_sbom_keeps_its_bytes() -> None:
    """Numbers and order are those of the document."""
    [made] = run(document(item(SBOM, "sbom")), {SBOM: CDX})
    assert made.predicate_type == CYCLONEDX
    assert CDX.strip() in made.payload
    [spdx] = run(document(item(SBOM, "sbom", format="spdx 2.3")), {SBOM: b'{"spdxVersion":"SPDX-2.3"}'})
    assert spdx.predicate_type == SPDX


def test_an_sbom_that_came_signed_is_taken_out_of_its_envelope() -> None:
    """The predicate alone is signed again."""
    inner = (
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":%s,"predicateType":"%s","subject":[{"digest":{"sha256":"%s"}}]}'
    )
    payload = inner % (CDX.strip(), CYCLONEDX.encode(), DIGEST.removeprefix("sha256:").encode())
    bundle = write_bundle(payload, INTOTO_PAYLOAD_TYPE, SIGNER)
    [made] = run(document(item(SBOM, "sbom", origin="attestation", predicate_type=CYCLONEDX)), {SBOM: bundle})
    assert CDX.strip() in made.payload and b"dsseEnvelope" not in made.payload


def test_an_sbom_that_is_no_json_is_left_out() -> None:
    """Bytes that would spoil the statement are never put into it."""
    for data in (b"", b"{", b"SPDXVersion: SPDX-2.3", b"\xff"):
        [made] = run(document(item(SBOM, "sbom")), {SBOM: data})
        assert made.left_out and made.payload == b""
    [missing] = run(document(item(SBOM, "sbom")))
    assert missing.left_out


def test_vex_is_made_by_whoever_can() -> None:
    """None means that there is nothing to say."""
    [made] = run(document(), vex_of=lambda _: b'{"@context":"https://openvex.dev/ns/v0.2.0","statements":[]}')
    assert (made.name, made.predicate_type) == ("vex", OPENVEX)
    assert run(document(), vex_of=lambda _: None) == []
