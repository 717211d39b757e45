"""CSAF, CycloneDX and VEX repositories through the command line, on published documents where it matters."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from tests.e2e.gate import Gate
from tests.e2e.lab import Lab, grype, openvex
from tests.fakes import images
from tests.vex import corpus

BUILT = images.image()
RED_HAT = ("--param", 'vex_authors=["Red Hat Product Security"]', "--param", "vex_require_signed=false")
GLIBC = "2.28-225.el8_8.11"
CVE = "CVE-2024-2961"


def match(id: str, name: str, version: str, purl: str, kind: str = "rpm") -> dict[str, Any]:
    return {
        "vulnerability": {"id": id, "severity": "Critical", "fix": {"state": "not-fixed", "versions": []}},
        "relatedVulnerabilities": [],
        "matchDetails": [{"type": "exact-direct-match"}],
        "artifact": {"name": name, "version": version, "type": kind, "purl": purl, "locations": []},
    }


def scan(lab: Lab, *matches: dict[str, Any], distro: str = "8.8") -> Path:
    report = grype(BUILT.digest)
    report["matches"] = list(matches)
    report["distro"] = {"name": "redhat", "version": distro}
    return lab.file("scan.json", report)


def test_red_hats_23_megabytes_suppress_what_they_name(gate: Gate, lab: Lab) -> None:
    """The fixed build of RHEL 8 is suppressed, the one before it is not; the input that OPA sees stays small."""
    path = corpus.folder() / "csaf" / "rh_cve-2024-2961_vex_23MB.json.xz"
    found = [
        match(CVE, "glibc", version, f"pkg:rpm/redhat/glibc@{version}?arch=x86_64&distro=rhel-8.8")
        for version in (GLIBC, "2.28-225.el8_8.1")
    ]
    done = gate.verify(
        BUILT.digest, "--evidence", scan(lab, *found), "--vex", path, "--profile", "dev", "--max-critical", "0", *RED_HAT
    )
    assert done.code == 1, done.out
    assert [use["status"] for use in done.outcome["vex"]["statements_used"]] == ["fixed"]
    assert done.outcome["effective"]["critical"] == 1
    assert len(json.dumps(done.outcome)) < 500_000


def test_the_report_says_what_an_oldest_first_reader_would_have_done(gate: Gate, lab: Lab) -> None:
    """CVE-2025-9232 of the Docker Hardened Images' nginx: not affected, then under investigation; the finding counts."""
    purl = "pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=debian-13&upstream=openssl"
    report = scan(lab, match("CVE-2025-9232", "libssl3t64", "3.5.1-1", purl, "deb"), distro="13")
    path = corpus.folder() / "openvex" / "dhi-nginx.json"
    flags = ("--param", 'vex_authors=["dhi@docker.com"]', "--param", "vex_require_signed=false", "--profile", "dev")
    done = gate.verify(BUILT.digest, "--evidence", report, "--vex", path, *flags, "--max-critical", "0")
    assert done.code == 1
    [finding] = done.outcome["findings"]
    assert finding["vex"]["status"] == "under_investigation"
    [passed_over] = done.outcome["vex"]["superseded"]
    assert passed_over["readers"] == ["oldest_first"]
    assert "takes the oldest statement, as grype does, would have suppressed the finding" in done.out


def test_a_repository_gives_only_what_is_about_the_image(gate: Gate, lab: Lab, tmp_path: Path) -> None:
    """The document of the package is evidence, the other one is not."""
    home = tmp_path / "hub"
    home.mkdir()
    product = "pkg:rpm/redhat/glibc@2.28-225.el8_8.11"
    (home / "glibc.json").write_text(json.dumps(openvex(CVE, product=product)))
    (home / "other.json").write_text(json.dumps(openvex(CVE)))
    packages = [{"id": "pkg:rpm/redhat/glibc", "location": "glibc.json"}, {"id": "pkg:npm/x", "location": "other.json"}]
    (home / "index.json").write_text(json.dumps({"updated_at": "2025-01-01T00:00:00Z", "packages": packages}))
    report = scan(lab, match(CVE, "glibc", GLIBC, f"pkg:rpm/redhat/glibc@{GLIBC}?arch=x86_64&distro=rhel-8.8"))
    done = gate.verify(BUILT.digest, "--evidence", report, "--vex", home, "--profile", "dev", "--max-critical", "0")
    assert done.code == 0, done.out
    assert [item["source"].rpartition("/")[2] for item in done.outcome["evidence"] if item["kind"] == "vex"] == ["glibc.json"]


def test_a_detached_cyclonedx_document_is_joined_with_the_sbom(gate: Gate, lab: Lab) -> None:
    """The BOM-Link leads to a component of the accepted SBOM, whose purl is the finding's."""
    purl = f"pkg:rpm/redhat/glibc@{GLIBC}?arch=x86_64&distro=rhel-8.8"
    serial = "3e671687-395b-41f5-a30f-a58921a69b79"
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "app", "bom-ref": "root", "version": BUILT.digest}},
        "components": [{"type": "library", "name": "glibc", "version": GLIBC, "bom-ref": "glibc", "purl": purl}],
        "dependencies": [{"ref": "root", "dependsOn": ["glibc"]}, {"ref": "glibc", "dependsOn": []}],
    }
    said = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": "2025-01-01T00:00:00Z", "authors": [{"name": "sec"}]},
        "vulnerabilities": [
            {
                "id": CVE,
                "analysis": {"state": "not_affected", "justification": "code_not_reachable"},
                "affects": [{"ref": f"urn:cdx:{serial}/1#glibc"}],
            }
        ],
    }
    report = scan(lab, match(CVE, "glibc", GLIBC, purl))
    flags = ("--vex", lab.file("vex.json", said), "--profile", "dev", "--max-critical", "0")
    assert gate.verify(BUILT.digest, "--evidence", report, *flags).code == 1
    joined = gate.verify(BUILT.digest, "--evidence", report, "--evidence", lab.file("sbom.json", bom), *flags)
    assert joined.code == 0, joined.out


def test_an_overdue_review_denies_where_asked(gate: Gate, lab: Lab) -> None:
    """The statement still holds; the rule asks for another look."""
    document = openvex("CVE-2026-1")
    yesterday = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)).strftime("%Y-%m-%d")
    document["statements"][0]["status_notes"] = f"Reviewer: ann\nReview-by: {yesterday}"
    report = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Critical")]))
    flags = ("--evidence", report, "--vex", lab.file("vex.json", document), "--profile", "dev", "--max-critical", "0")
    lenient = gate.verify(BUILT.digest, *flags)
    assert (lenient.code, lenient.outcome["effective"]["critical"]) == (0, 0), lenient.out
    assert "vex.review_due" in lenient.out
    strict = gate.verify(BUILT.digest, *flags, "--param", "vex_deny_overdue=true")
    assert strict.code == 1
    assert "vex.review_overdue" in strict.out


def test_findings_that_nobody_has_triaged_deny_where_asked(gate: Gate, lab: Lab) -> None:
    """Any accepted statement is enough, also that it is being looked at; the limits judge the rest."""
    report = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "High")]))
    flags = ("--evidence", report, "--profile", "dev", "--param", "require_vex=high")
    untouched = gate.verify(BUILT.digest, *flags)
    assert untouched.code == 1
    assert "vulnerabilities.without_vex" in untouched.out
    looked_at = lab.file("vex.json", openvex("CVE-2026-1", "under_investigation"))
    assert gate.verify(BUILT.digest, *flags, "--vex", looked_at).code == 0


def test_a_product_around_the_package_needs_every_path(gate: Gate, lab: Lab) -> None:
    """CSAF's component of a product: with one way to the root in the SBOM it counts, with a second one it does not."""
    inner, outer = (
        "pkg:golang/github.com/aquasecurity/go-transitive@v4.0.0",
        "pkg:golang/github.com/aquasecurity/go-direct1@v2.0.0",
    )
    names = {"direct": outer, "other": "pkg:golang/github.com/aquasecurity/go-direct2@v3.0.0", "inner": inner}
    report = scan(lab, match("CVE-2024-0001", "go-transitive", "v4.0.0", inner, "go-module"))
    path = corpus.folder() / "csaf" / "trivy_relationships.json"
    outcomes = []
    for ways in (["direct"], ["direct", "other"]):
        depends = [{"ref": "root", "dependsOn": ways}, *({"ref": way, "dependsOn": ["inner"]} for way in ways)]
        bom = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "metadata": {"component": {"type": "container", "name": "app", "bom-ref": "root", "version": BUILT.digest}},
            "components": [{"type": "library", "name": ref, "bom-ref": ref, "purl": purl} for ref, purl in names.items()],
            "dependencies": depends,
        }
        listed = lab.file(f"{len(ways)}.json", bom)
        evidence = ("--evidence", report, "--evidence", listed)
        outcomes.append(gate.verify(BUILT.digest, *evidence, "--vex", path, "--profile", "dev", "--max-critical", "0"))
        verdict = lab.file(f"verdict{len(ways)}.json", outcomes[-1].report)
        checked = gate("vex", "check", "--image-from", verdict, "--sbom", listed, path, "--format", "json")
        [one] = json.loads(checked.out)
        # The statement decides the finding in `vex check` exactly where it took it out of the count in `verify`.
        assert any(item["decides"] for item in one["statements"]) == (outcomes[-1].code == 0)
        assert "note:" not in checked.err
        blind = json.loads(gate("vex", "check", "--image-from", verdict, path, "--format", "json").out)
        assert not any(item["decides"] for item in blind[0]["statements"])
    assert [done.code for done in outcomes] == [0, 1], outcomes[1].out
    [problem] = outcomes[1].outcome["vex"]["unmatched"]
    assert "also reached through" in problem["detail"]
    assert "go-direct2" in problem["detail"]


def test_a_signed_csaf_attestation_counts_by_its_signer(gate: Gate, lab: Lab) -> None:
    """In prod: attached, signed by a trusted key, by a listed publisher; a stranger's name in it does not count."""
    said = {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "publisher": {"category": "vendor", "name": "Acme", "namespace": "https://acme.example"},
            "tracking": {"id": "1", "status": "final", "version": "1", "current_release_date": "2025-01-02T00:00:00Z"},
        },
        "product_tree": {
            "full_product_names": [
                {
                    "name": "the image",
                    "product_id": "app",
                    "product_identification_helper": {"purl": f"pkg:oci/app@{BUILT.digest}"},
                }
            ]
        },
        "vulnerabilities": [
            {
                "cve": "CVE-2026-1",
                "product_status": {"known_not_affected": ["app"]},
                "flags": [{"label": "component_not_present", "product_ids": ["app"]}],
            }
        ],
    }
    predicate_type = "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json"
    items = [*lab.full(BUILT.digest, findings=[("CVE-2026-1", "Critical")]), lab.bundle(predicate_type, said, BUILT.digest)]
    subject = lab.layout("app", BUILT, items)
    assert gate.verify(subject, *lab.key).code == 1
    assert gate.verify(subject, *lab.key, "--param", 'vex_authors=["Other"]').code == 1
    listed = gate.verify(subject, *lab.key, "--param", 'vex_authors=["https://acme.example"]')
    assert (listed.code, listed.outcome["effective"]["critical"]) == (0, 0), listed.out
