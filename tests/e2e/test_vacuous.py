"""Nothing passes because nothing was looked at: each image here would be green to a gate that only looks for what is bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate.sign.bundle import INTOTO_PAYLOAD_TYPE, write_bundle
from gate.sign.signer import LocalSigner
from tests.e2e.gate import NO_SCAN, Gate
from tests.e2e.lab import PROVENANCE, SBOM, SCAN, SIGNATURE, VEX, Lab, grype, openvex, sbom, scanned, slsa, trivy
from tests.fakes import images

BUILT = images.image()
ONLY_SCAN = ("--profile", "dev")


def test_no_evidence(gate: Gate, lab: Lab) -> None:
    """An image with nothing attached is denied under prod and gets no verdict where nothing is required."""
    subject = lab.layout("app", BUILT)
    strict = gate.verify(subject, *lab.key)
    assert (strict.code, strict.outcome["evidence"]) == (1, [])
    lenient = gate.verify(subject, "--profile", "dev", *NO_SCAN)
    assert (lenient.code, lenient.reasons) == (3, ["gate.no_evidence"])


@pytest.mark.parametrize("profile", ["dev", "prod"])
def test_a_limit_without_a_scan(gate: Gate, lab: Lab, profile: str) -> None:
    """At most N critical findings is not kept by an image that nobody scanned, also where no scan is required."""
    items = lab.full(BUILT.digest)
    subject = lab.layout("app", BUILT, [item for number, item in enumerate(items) if number != 2])
    done = gate.verify(subject, *lab.key, "--profile", profile, "--param", "require_scan=false")
    assert (done.code, done.reasons) == (3, ["gate.limit_without_scan"]), done.out
    assert "max_critical" in done.message("gate.limit_without_scan")
    assert gate.verify(subject, *lab.key, "--profile", "dev", *NO_SCAN).code == 0


@pytest.mark.parametrize("select", ["[]", '["-*"]', '["nosuch"]', '["vex"]', '["@nosuch"]'])
def test_a_selection_of_nothing(gate: Gate, lab: Lab, select: str) -> None:
    """Selecting no rule, an unknown one, or only rules that cannot deny is never an ALLOW."""
    file = lab.file(
        "policy.yaml", f"schema: gate.policy/v1\nenvironments:\n  prod: {{profile: dev, select: {select}}}\n".encode()
    )
    done = gate.verify(lab.layout("app", BUILT, lab.full(BUILT.digest)), *lab.key, "--policy-file", file)
    assert done.code in (2, 3), done.out + done.err
    assert "ALLOW" not in done.out


def test_a_selection_does_not_lose_what_a_parameter_requires(gate: Gate, lab: Lab) -> None:
    """Leaving out the domain that enforces a requirement leaves the requirement."""
    file = lab.file(
        "policy.yaml",
        b"schema: gate.policy/v1\nenvironments:\n  prod:\n    profile: dev\n    params: {require_signature: true}\n"
        b"    select: [vulnerabilities]\n",
    )
    scan = [lab.bundle(SCAN, scanned(grype(findings=[("CVE-2026-1", "Low")])), BUILT.digest)]
    done = gate.verify(lab.layout("app", BUILT, scan), *lab.key, "--policy-file", file)
    assert (done.code, done.reasons) == (1, ["gate.required_evidence"])


def test_an_sbom_without_components(gate: Gate, lab: Lab) -> None:
    """An empty SBOM describes nothing."""
    items = lab.full(BUILT.digest)
    items[1] = lab.bundle(SBOM, sbom(components=[]), BUILT.digest)
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key)
    assert done.code in (1, 3)
    assert any(reason.startswith("sbom.") for reason in done.reasons)


def test_a_scan_that_looked_at_no_package(gate: Gate, lab: Lab) -> None:
    """Zero findings without a list of packages and without an SBOM is no verdict; with the list it is a pass."""
    blind = gate.verify(BUILT.digest, *ONLY_SCAN, "--evidence", lab.file("blind.json", trivy(BUILT.digest)), ages=())
    assert (blind.code, blind.reasons) == (3, ["vulnerabilities.scan_without_packages"])
    seeing = lab.file("seeing.json", trivy(BUILT.digest, packages=True))
    assert gate.verify(BUILT.digest, *ONLY_SCAN, "--evidence", seeing, ages=()).code == 0


def test_evidence_for_another_image_on_this_one(gate: Gate, lab: Lab) -> None:
    """Everything signed by the right key, attached here, and about something else: worth nothing."""
    other = images.image(seed="other")
    done = gate.verify(lab.layout("app", BUILT, lab.full(other.digest)), *lab.key)
    assert done.code == 1
    assert {item["binding"] for item in done.outcome["evidence"]} == {"none"}
    assert {"sbom.required", "signatures.required", "provenance.required", "vulnerabilities.required"} <= set(done.reasons)


def test_unsigned_evidence_that_is_merely_attached(gate: Gate, lab: Lab) -> None:
    """Anyone who may push may attach: the profile that takes files from the caller does not take these."""
    plain = [lab.statement(kind, body, BUILT.digest) for kind, body in (
        (SIGNATURE, {}), (SBOM, sbom()), (SCAN, scanned(grype(findings=[("CVE-2026-1", "Low")]))), (PROVENANCE, slsa()),
    )]  # fmt: skip
    subject = lab.layout("app", BUILT, plain)
    assert gate.verify(subject, *lab.key).code == 1
    lenient = gate.verify(subject, *ONLY_SCAN)
    assert (lenient.code, lenient.outcome["effective"]["total"]) == (1, 0)
    assert "vulnerabilities.required" in lenient.reasons


def test_unsigned_attached_evidence_cannot_block_either(gate: Gate, lab: Lab) -> None:
    """A stranger's critical finding, broken bundle and garbage on a good image change nothing but the list."""
    stranger = lab.statement(SCAN, scanned(grype(findings=[("CVE-2026-9", "Critical")])), BUILT.digest)
    items = [*lab.full(BUILT.digest), stranger, b"\x00garbage", b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}']
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key)
    assert done.code == 0, done.out
    assert len(done.outcome["evidence"]) == 7, "listed, never dropped"


def test_evidence_signed_by_a_stranger(gate: Gate, lab: Lab) -> None:
    """A good signature by a key that nobody trusts is a failed verification, and says so."""
    from cryptography.hazmat.primitives.asymmetric import ec

    stranger = LocalSigner(ec.generate_private_key(ec.SECP256R1()), "stranger")
    items = lab.full(BUILT.digest)
    items[0] = lab.bundle(SIGNATURE, {}, BUILT.digest, signer=stranger)
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key)
    assert (done.code, done.reasons) == (1, ["signatures.required"])
    assert "verification failed" in done.out


def test_a_changed_payload_under_a_good_signature(gate: Gate, lab: Lab) -> None:
    """One byte of the signed scan changed: it is refused, and the findings of the changed text do not count as judged."""
    import base64
    import json

    items = lab.full(BUILT.digest, findings=[("CVE-2026-1", "Critical")])
    bundle = json.loads(items[2])
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"Critical", b"Low     ")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    items[2] = json.dumps(bundle).encode()
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key)
    assert done.code == 1
    assert "vulnerabilities.required" in done.reasons and "failed" in done.out


def test_unsigned_vex_suppresses_nothing_under_prod(gate: Gate, lab: Lab) -> None:
    """Neither attached nor given as a file."""
    items = [
        *lab.full(BUILT.digest, findings=[("CVE-2026-1", "Critical")]),
        lab.statement(VEX, openvex("CVE-2026-1"), BUILT.digest),
    ]
    subject = lab.layout("app", BUILT, items)
    given = ("--vex", lab.file("vex.json", openvex("CVE-2026-1")))
    for extra in ((), given, (*given, "--param", 'vex_authors=["sec@acme.example"]')):
        done = gate.verify(subject, *lab.key, *extra)
        assert (done.code, done.reasons) == (1, ["vulnerabilities.max_critical"])
        assert done.outcome["effective"]["critical"] == 1


def test_unsigned_attached_vex_suppresses_nothing_under_dev(gate: Gate, lab: Lab) -> None:
    """dev takes unsigned VEX from the caller, not from whoever can push."""
    items = [
        *lab.full(BUILT.digest, findings=[("CVE-2026-1", "Critical")]),
        lab.statement(VEX, openvex("CVE-2026-1"), BUILT.digest),
    ]
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key, *ONLY_SCAN, "--max-critical", "0")
    assert (done.code, done.outcome["effective"]["critical"]) == (1, 1)


def test_evidence_on_the_index_about_one_platform_only(gate: Gate, lab: Lab) -> None:
    """A scan attached to the index that is about amd64 does not stand for arm64."""
    amd, arm = images.image("linux/amd64"), images.image("linux/arm64")
    whole = images.index([amd, arm])
    scan = lab.bundle(SCAN, scanned(grype(amd.digest, findings=[("CVE-2026-1", "Low")])), whole.digest)
    about_amd = lab.bundle(SCAN, scanned(grype(findings=[("CVE-2026-1", "Low")])), amd.digest)
    for name, item in (("inner", scan), ("subject", about_amd)):
        done = gate.verify(lab.layout(name, whole, [item]), *lab.key, *ONLY_SCAN)
        assert done.code == 1
        assert [outcome["decision"] for outcome in done.outcomes] == ["ALLOW", "DENY", "DENY"], name


@pytest.mark.parametrize(
    "accept",
    ["{}", '{"vulnerabilities":{"verified":false,"bindings":["signed"]}}', '{"*":{"verified":false,"bindings":["none"]}}',
     '{"*":{"verified":"no","bindings":["signed"]}}', '{"*":{"bindings":["signed"]}}', "null"],
)  # fmt: skip
def test_tricks_with_accept(gate: Gate, lab: Lab, accept: str) -> None:
    """What is accepted is spelled out in full or refused: nothing unbound can be let in."""
    report = lab.file("other.json", grype(images.image(seed="other").digest, findings=[("CVE-2026-1", "Low")]))
    done = gate.verify(BUILT.digest, "--evidence", report, *ONLY_SCAN, "--param", f"accept={accept}")
    assert done.code in (1, 2, 3) and "ALLOW" not in done.out


def test_signature_and_provenance_are_verified_whatever_accept_says(gate: Gate, lab: Lab) -> None:
    """No parameter makes an unsigned claim of a signature count."""
    loose = '{"*":{"verified":false,"bindings":["signed","embedded","asserted"]}}'
    files = [
        lab.file("sig.json", lab.statement(SIGNATURE, {}, BUILT.digest)),
        lab.file("prov.json", lab.statement(PROVENANCE, slsa(), BUILT.digest)),
    ]
    report = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    given = [part for path in (*files, report) for part in ("--evidence", path)]
    done = gate.verify(
        lab.layout("app", BUILT), *given, *ONLY_SCAN, "--require-signature", "--require-provenance", "--param", f"accept={loose}"
    )
    assert (done.code, done.reasons) == (1, ["provenance.required", "signatures.required"])


def test_a_file_of_a_needed_kind_that_cannot_be_read(gate: Gate, lab: Lab) -> None:
    """A scan that the caller named and that was cut short is no verdict, even beside a good scan: it may hold anything."""
    broken = lab.file("broken.json", b'{"matches":[{"vulnerability":{"id":"CVE-2026-9","severity":"Critical"')
    done = gate.verify(lab.layout("app", BUILT, lab.full(BUILT.digest)), *lab.key, "--evidence", broken)
    assert done.code == 3, done.out
    assert str(broken) in done.out and "cut short" in done.out


def test_a_signed_scan_that_cannot_be_read(gate: Gate, lab: Lab) -> None:
    """Signed by the right key, about this image, and in a form that nobody reads: no verdict beside a good one."""
    unread = lab.bundle(SCAN, scanned({"not": "a report"}), BUILT.digest)
    done = gate.verify(lab.layout("app", BUILT, [*lab.full(BUILT.digest), unread]), *lab.key)
    assert (done.code, done.reasons) == (3, ["vulnerabilities.unreadable"])


def test_an_unknown_severity_counts(gate: Gate, lab: Lab) -> None:
    """A severity word that nobody knows is unknown, which prod does not take."""
    done = gate.verify(lab.layout("app", BUILT, lab.full(BUILT.digest, findings=[("CVE-2026-1", "Catastrophic")])), *lab.key)
    assert (done.code, done.reasons) == (1, ["vulnerabilities.max_unknown"])


def test_a_database_without_a_date(gate: Gate, lab: Lab) -> None:
    """prod wants a fresh database: one from long ago, from the future or without a date is no verdict."""
    for number, built in enumerate(("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon")):
        items = lab.full(BUILT.digest)
        items[2] = lab.bundle(SCAN, scanned(grype(built=built)), BUILT.digest)
        done = gate.verify(lab.layout(f"app{number}", BUILT, items), *lab.key, ages=())
        assert (done.code, done.reasons) == (3, ["evidence.stale_database"]), built


def test_a_finding_that_the_scanner_hid_counts(gate: Gate, lab: Lab) -> None:
    """grype's own ignore rules do not decide here."""
    report = grype(BUILT.digest, findings=[("CVE-2026-1", "Critical")])
    report["ignoredMatches"] = [
        {**match, "appliedIgnoreRules": [{"vulnerability": "CVE-2026-1"}]} for match in report.pop("matches")
    ]
    report["matches"] = []
    items = lab.full(BUILT.digest)
    items[2] = lab.bundle(SCAN, scanned(report), BUILT.digest)
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key)
    assert (done.code, done.reasons) == (1, ["vulnerabilities.max_critical"])


def test_a_package_that_only_the_scanner_saw(gate: Gate, lab: Lab) -> None:
    """The strongest sign of an incomplete SBOM is a deny under prod."""
    items = lab.full(BUILT.digest)
    items[2] = lab.bundle(SCAN, scanned(grype(findings=[("CVE-2026-1", "Low")], name="unlisted")), BUILT.digest)
    done = gate.verify(lab.layout("app", BUILT, items), *lab.key)
    assert done.code == 1
    assert "pkg:pypi/unlisted@1.0" in done.out


@pytest.mark.parametrize("algorithm", ["sha512", "gitCommit"])
def test_a_statement_that_names_no_image(gate: Gate, lab: Lab, algorithm: str) -> None:
    """Good signatures about a source revision, or by another hash, say nothing of this image: nobody can assert that they do."""
    hexdigest = {"sha512": "a" * 128, "gitCommit": "a" * 40}[algorithm]
    files: list[str | Path] = []
    for number, (kind, body) in enumerate(((SIGNATURE, {}), (PROVENANCE, slsa()), (SBOM, sbom(BUILT.digest)))):
        value = json.loads(lab.statement(kind, body, BUILT.digest))
        value["subject"] = [{"name": "app", "digest": {algorithm: hexdigest}}]
        bundle = write_bundle(json.dumps(value).encode(), INTOTO_PAYLOAD_TYPE, lab.signer)
        files += ["--evidence", lab.file(f"statement{number}.json", bundle)]
    report = lab.file("scan.json", grype(BUILT.digest, findings=[("CVE-2026-1", "Low")]))
    required = ("--require-signature", "--require-provenance", "--require-sbom")
    done = gate.verify(BUILT.digest, *files, "--evidence", report, *lab.key, *ONLY_SCAN, *required)
    assert (done.code, done.reasons) == (1, ["provenance.required", "sbom.required", "signatures.required"])


def test_one_subject_without_an_engine_does_not_hide_a_deny(gate: Gate, lab: Lab) -> None:
    """DENY beside a subject that OPA gave no answer about: exit 1, and both are in the report."""
    import gate.verify as pipeline
    from gate.errors import EngineError
    from gate.judge import judge

    other = images.image(seed="other")

    def failing(document: Any, *arguments: Any, **more: Any) -> Any:
        if document.subject.digest == other.digest:
            raise EngineError("OPA did not finish within engine_seconds = 60")
        return judge(document, *arguments, **more)

    gate.patch.setattr(pipeline, "judge", failing)
    done = gate.verify(lab.layout("bad", BUILT), lab.layout("other", other), *lab.key)
    assert (done.code, len(done.outcomes), len(done.report["failures"])) == (1, 1, 1)
    assert "engine_seconds" in done.out
