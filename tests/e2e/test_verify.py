"""`gate verify` on the sample images: every kind of subject, and what each flag does."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gate.model.base import digest_of
from tests.e2e.gate import AGES, KEY, NO_SCAN, Gate
from tests.e2e.lab import Lab, sbom
from tests.fakes import images
from tests.samples import digest, evidence, layout, public_key

CLEAN = f"oci:{layout('clean')}"
VULNERABLE = f"oci:{layout('vulnerable')}"
MULTI = f"oci:{layout('multi')}"


def test_the_clean_image_is_allowed(gate: Gate) -> None:
    """Exit 0, the digest on standard error, and everything that was required named as verified."""
    done = gate("verify", CLEAN, *KEY, *AGES, "--offline")
    assert done.code == 0
    assert done.out.startswith(f"ALLOW  clean@{digest('clean')} (linux/amd64)\n  prod profile")
    assert f"resolved {CLEAN} to {digest('clean')}" in done.err
    for kind in ("sbom", "provenance", "vulnerabilities", "signature"):
        assert re.search(rf"✓ {kind} .* verified, signed", done.out)


def test_the_vulnerable_image_is_denied_with_the_way_out(gate: Gate) -> None:
    """Exit 1; the first lines say what blocks, then which upgrades clear most."""
    done = gate.verify("--image", VULNERABLE, *KEY)
    assert done.code == 1
    assert done.reasons == ["vulnerabilities.max_critical", "vulnerabilities.max_high"]
    assert "1 critical vulnerabilities, at most 0 allowed" in done.out
    assert "1. upgrade urllib3 1.24.1 to 1.26.17: clears 3 blocking findings" in done.out


def test_nothing_to_verify(gate: Gate) -> None:
    """Exit 2 with an example; never an ALLOW about nothing."""
    done = gate("verify")
    assert (done.code, done.out) == (2, "")
    assert "nothing to verify" in done.err and "fix: name an image" in done.err


def test_without_a_key_nothing_is_verified(gate: Gate) -> None:
    """A bare `gate verify IMAGE` is prod: found and not verified is a deny that says so."""
    done = gate.verify(CLEAN)
    assert done.code == 1
    assert {"signatures.required", "provenance.required"} <= set(done.reasons)


@pytest.mark.parametrize(
    ("flags", "param", "value"),
    [
        (["--max-critical", "3"], "max_critical", 3),
        (["--max-high", "0"], "max_high", 0),
        (["--max-vulnerabilities", "70"], "max_vulnerabilities", 70),
        (["--require-signature"], "require_signature", True),
        (["--require-sbom"], "require_sbom", True),
        (["--require-provenance"], "require_provenance", True),
        (["--fail-on-fips-issues"], "fail_on_fips_issues", True),
        (["--fail-on-stig", "2"], "fail_on_stig", "2"),
        (["--param", "deny_fixable=high"], "deny_fixable", "high"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_flag_is_a_shorthand_for_a_parameter(flags: list[str], param: str, value: object) -> None:
    """What the flag sets is the parameter of that name, and nothing else."""
    from gate.cli.plan import flags_of
    from gate.cli.verify import command

    # click keeps the help option of a command's first context for the whole process: name it as the gate does
    with command.make_context("verify", ["image", *flags], help_option_names=["-h", "--help"]) as context:
        assert dict(flags_of(context.params).params) == {param: value}


def test_the_policy_file_can_say_the_same_as_the_flags(gate: Gate, lab: Lab) -> None:
    """The same choices by flags and in the file are the same policy: one digest, unless one demand differs."""
    head = "schema: gate.policy/v1\nenvironments:\n  prod:\n    profile: dev\n"
    said = (
        "    params:\n      {max_critical: 3, max_high: 9, max_vulnerabilities: 20, require_signature: true,\n"
        "       require_sbom: true, require_provenance: true}\n"
    )
    by_file = gate.verify(VULNERABLE, *KEY, "--policy-file", lab.file("said.yaml", (head + said).encode()))
    silent = ("--policy-file", lab.file("silent.yaml", head.encode()))
    limits = ("--max-critical", "3", "--max-high", "9", "--max-vulnerabilities", "20")
    required = ("--require-signature", "--require-sbom", "--require-provenance")
    by_flags = gate.verify(VULNERABLE, *KEY, *silent, *limits, *required)
    without = gate.verify(VULNERABLE, *KEY, *silent, *limits)
    assert (by_flags.code, by_file.code) == (0, 0)
    assert by_flags.outcome["policy"] == by_file.outcome["policy"]
    assert by_flags.outcome["digests"]["policy"] == by_file.outcome["digests"]["policy"]
    assert without.outcome["digests"]["policy"] != by_file.outcome["digests"]["policy"]


def test_limits_allow_n_and_deny_n_plus_one(gate: Gate) -> None:
    """`--max-high 5` takes five, `--max-vulnerabilities 10` does not take eleven."""
    done = gate.verify(VULNERABLE, *KEY, "--max-critical", "1", "--max-high", "5", "--max-vulnerabilities", "10")
    assert (done.code, done.reasons) == (1, ["vulnerabilities.max_vulnerabilities"])


def test_fips_is_decided_where_files_can_be_looked_at(gate: Gate) -> None:
    """An image without any cryptography passes with a warning that says so; of a bare digest nobody knows: exit 3."""
    done = gate.verify(CLEAN, *KEY, "--fail-on-fips-issues")
    assert done.code == 0
    assert "fips.no_crypto" in done.out
    files = ("--evidence", evidence("clean", "grype.json"), "--evidence", evidence("clean", "sbom.cdx.json"), "--profile", "dev")
    bare = gate.verify(digest("clean"), *files, "--fail-on-fips-issues")
    assert bare.code == 3
    assert {"evidence.no_collector", "gate.required_evidence"} <= set(bare.reasons)


def test_an_index_is_verified_per_platform(gate: Gate) -> None:
    """One verdict per platform and one for the index, with evidence on the index and on the child."""
    done = gate.verify(MULTI, *KEY)
    assert done.code == 0
    assert [outcome["subject"]["kind"] for outcome in done.outcomes] == ["image", "image", "index"]
    assert [child["decision"] for child in done.outcomes[-1]["children"]] == ["ALLOW", "ALLOW"]
    assert {item["on"] for item in done.outcomes[0]["evidence"]} == {"index", "platform"}


def test_one_platform_of_an_index(gate: Gate) -> None:
    """`--platform` verifies that child alone and gives no verdict about the index."""
    done = gate.verify(MULTI, *KEY, "--platform", "linux/arm64")
    assert done.code == 0
    assert done.outcome["subject"]["digest"] == digest("multi-arm64")


def test_a_platform_that_the_index_lacks(gate: Gate) -> None:
    """Exit 2 with the platforms that there are."""
    done = gate("verify", MULTI, *KEY, "--platform", "windows/amd64")
    assert done.code == 2
    assert "linux/amd64" in done.err and "linux/arm64" in done.err


def test_the_platform_that_lacks_evidence_is_named(gate: Gate, lab: Lab) -> None:
    """amd64 has everything, arm64 has no SBOM and no scan: the index is denied and the text says which."""
    amd, arm = images.image("linux/amd64"), images.image("linux/arm64")
    whole = images.index([amd, arm])
    signature, _, _, provenance = lab.full(whole.digest)
    by_digest = {whole.digest: [signature, provenance], amd.digest: lab.full(amd.digest)}
    done = gate.verify(lab.layout("multi", whole, by_digest), *lab.key)
    assert done.code == 1
    first, second, index = done.outcomes
    assert (first["decision"], second["decision"], index["decision"]) == ("ALLOW", "DENY", "DENY")
    [block] = [text for text in done.out.split("\n\nDENY") if text.startswith(f"  multi@{arm.digest} (linux/arm64)")]
    assert "✗ sbom.required" in block and "✗ vulnerabilities.required" in block
    assert "linux/arm64 is DENY" in done.out


def test_cosigns_older_signatures_count(gate: Gate) -> None:
    """`.sig` and `.att` entries verify under the key as bundles do."""
    done = gate.verify(f"oci:{layout('legacy')}", *KEY)
    assert done.code == 0
    assert {item["format"] for item in done.outcome["evidence"]} >= {"simple-signing", "spdx 2.3", "grype"}


def test_an_archive_is_judged_by_the_evidence_given(gate: Gate, lab: Lab) -> None:
    """An OCI archive keeps its digest, so evidence about that digest counts."""
    source = layout("clean")
    files = {str(path.relative_to(source)): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    path = images.write_tar(lab.folder / "image.tar", files)
    done = gate.verify(path, *KEY)
    assert done.code == 0
    assert done.outcome["subject"]["digest"] == digest("clean")


def test_a_docker_save_tarball_is_known_by_its_configuration(gate: Gate, lab: Lab) -> None:
    """It has no manifest digest: the configuration's stands for it, and no registry summary is made."""
    built = images.image()
    path = images.write_tar(lab.folder / "saved.tar", images.docker_save_files(built))
    done = gate.verify(path, "--profile", "dev", *NO_SCAN)
    assert done.code == 3, "no evidence at all is no verdict"
    assert done.outcome["subject"]["kind"] == "archive"
    asked = gate("verify", path, "--profile", "dev", "--output", "vsa", "--verifier-id", "https://gate.example", *AGES)
    assert asked.code in (1, 2, 3) and "PASSED" not in asked.out


def test_a_bare_digest_with_evidence_files(gate: Gate) -> None:
    """Reports that name the digest bind to it; signature and provenance are still missing under prod."""
    files = ("--evidence", evidence("clean", "grype.json"), "--evidence", evidence("clean", "sbom.cdx.json"))
    lenient = gate.verify(digest("clean"), *files, "--profile", "dev")
    assert (lenient.code, lenient.outcome["subject"]["kind"]) == (0, "digest")
    strict = gate.verify(digest("clean"), *files)
    assert (strict.code, strict.reasons) == (1, ["provenance.required", "signatures.required"])


def test_several_subjects_end_in_the_worst_code(gate: Gate, tmp_path: Path) -> None:
    """ALLOW, DENY and a subject that is not there: every one is reported, DENY wins over NO VERDICT."""
    missing = f"oci:{tmp_path / 'nowhere'}"
    done = gate.verify(CLEAN, VULNERABLE, *KEY)
    assert done.code == 1 and len(done.outcomes) == 2
    absent = gate.verify(CLEAN, missing, *KEY)
    assert absent.code in (2, 3), "a layout that is not there is never skipped"


def test_the_clock_can_be_set_but_the_verdict_says_so(gate: Gate) -> None:
    """`--effective-time` decides as of then, marked, and never becomes a PASSED summary."""
    done = gate.verify(CLEAN, *KEY, "--effective-time", "2026-11-23T12:00:00Z", "--output", "vsa=/dev/stderr",
                       "--verifier-id", "https://gate.example")  # fmt: skip
    assert done.code == 3
    assert "PASSED" not in done.err.replace("PASSED summary", "")
    shown = gate.verify(CLEAN, *KEY, "--effective-time", "2026-11-23T12:00:00Z")
    assert shown.outcome["time"] == {"now": "2026-11-23T12:00:00Z", "source": "override"}
    assert "evaluated at 2026-11-23T12:00:00Z by --effective-time; never becomes a PASSED summary" in shown.out


@pytest.mark.parametrize("value", ["yesterday", "2026-11-23", "2026-11-23T12:00:00", ""])
def test_a_time_without_a_zone_is_refused(gate: Gate, value: str) -> None:
    """Exit 2 with an example of a time."""
    done = gate("verify", CLEAN, *KEY, "--effective-time", value)
    assert done.code == 2 and "--effective-time" in done.err


def test_exit_zero_needs_the_profiles_permission(gate: Gate) -> None:
    """Under prod it is exit 2; under dev a DENY exits 0, is recorded as not enforced, and is warned about."""
    refused = gate("verify", VULNERABLE, *KEY, *AGES, "--exit-zero")
    assert refused.code == 2 and "--exit-zero is not allowed by the profile prod" in refused.err
    done = gate.verify(VULNERABLE, *KEY, "--profile", "dev", "--max-critical", "0", "--exit-zero")
    assert done.code == 0
    assert done.outcome["decision"] == "DENY" and done.outcome["enforced"] is False
    assert "warning: --exit-zero" in done.err and "not enforced" in done.out


def test_exit_zero_does_not_cover_no_verdict(gate: Gate) -> None:
    """Only a DENY becomes 0."""
    files = ("--evidence", evidence("clean", "grype.json"), "--evidence", evidence("clean", "sbom.cdx.json"), "--profile", "dev")
    assert gate.verify(digest("clean"), *files, "--exit-zero", "--fail-on-fips-issues").code == 3


def test_half_an_identity_lists_what_was_found(gate: Gate) -> None:
    """An identity without an issuer is exit 2, and the identities of the evidence are labelled as not verified."""
    done = gate("verify", CLEAN, "--certificate-identity", "https://forge.example/release.yml@refs/tags/v1", "--offline")
    assert done.code == 2
    assert "an identity without --certificate-oidc-issuer" in done.err
    assert "found, not verified:" in done.err and "unverified key with the hint" in done.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--certificate-oidc-issuer", "https://token.example"], "--certificate-oidc-issuer without an identity"),
        (["--certificate-identity", "a", "--certificate-oidc-issuer", "b"], "a keyless identity without --trusted-root"),
        (["--trusted-root", "root.json"], "--trusted-root without an identity"),
        (["--key", "/nonexistent.pub"], "no such file"),
        (["--key", str(layout("clean") / "index.json")], "key"),
        (["--sign-key", "gate.key"], "--sign-key without --attest"),
        (["--attest"], "--attest without --sign-key"),
        (["--output", "vsa"], "needs --verifier-id"),
        (["--output", "pdf"], "'pdf' is not one of"),
        (["--output", "text", "--output", "json"], "two formats go to standard output"),
        (["--output", "text=a", "--output", "json=a"], "two formats go to the same path"),
        (["--max-high", "-1"], "--max-high"),
        (["--max-high", "many"], "--max-high"),
        (["--fail-on-stig", "4"], "--fail-on-stig"),
        (["--param", "max_hihg=3"], "max_high"),
        (["--param", "max_high"], "write NAME=JSON"),
        (["--param", "max_high=1", "--max-high", "2"], "contradicts"),
        (["--param", "max_high=four"], "max_high"),
        (["--profile", "pord"], "prod"),
        (["--environment", "prod"], "--environment without a policy file"),
        (["--policy-file", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (["--waivers", "/nonexistent.yaml"], "/nonexistent.yaml"),
        (["--evidence", "/nonexistent.json"], "no such file"),
        (["--evidence", "/"], "not a regular file"),
        (["--bundle", "/nonexistent"], "/nonexistent"),
        (["--trusted"], "No such option"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_flags_that_cannot_be_meant(gate: Gate, flags: list[str], message: str) -> None:
    """Exit 2 with what is wrong; nothing is stored and nothing is on standard output."""
    done = gate("verify", CLEAN, "--offline", *flags)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not gate.store.exists() or not list(gate.store.rglob("index.json"))


@pytest.mark.parametrize("subject", ["UPPER/CASE:tag", "registry.example/app@sha256:abc", "oci:", "", "sha256:zz", "app:tag:tag"])
def test_subjects_that_are_none(gate: Gate, subject: str) -> None:
    """Exit 2, naming what was given."""
    done = gate("verify", subject, "--offline")
    assert (done.code, done.out) == (2, ""), done.err


def test_evidence_about_another_image_is_named_with_both_digests(gate: Gate) -> None:
    """The refusal prints the digest that the report names and the subject's, and says what to do."""
    done = gate.verify(digest("clean"), "--evidence", evidence("vulnerable", "grype.json"), "--profile", "dev")
    assert done.code == 1
    assert "vulnerabilities.required" in done.reasons
    assert digest("vulnerable") in done.out and digest("clean") in done.out and "scan or attest this digest again" in done.out


def test_a_file_that_is_given_twice_is_one_item(gate: Gate, lab: Lab) -> None:
    """The same bytes as a file and as an attachment, or twice, are listed once and counted once."""
    copy = lab.file("again.json", evidence("vulnerable", "grype.json").read_bytes())
    once = gate.verify(digest("vulnerable"), "--evidence", evidence("vulnerable", "grype.json"), "--profile", "dev")
    twice = gate.verify(
        digest("vulnerable"), "--evidence", evidence("vulnerable", "grype.json"), "--evidence", copy, "--profile", "dev"
    )
    assert len(twice.outcome["evidence"]) == 1
    assert twice.outcome["reported"] == once.outcome["reported"]


def test_a_policy_file_of_trust_entries_with_roles(gate: Gate, lab: Lab) -> None:
    """A key that vouches for SBOMs only does not make the signature count."""
    lab.file("cosign.pub", public_key().read_bytes())
    text = (
        "schema: gate.policy/v1\nenvironments:\n  prod: {profile: prod, params: {max_db_age_days: 36500}}\n"
        "trust:\n  entries:\n    - {name: release, roles: [%s], key: cosign.pub}\n"
    )
    narrow = lab.file("narrow.yaml", (text % "sbom, vulnerabilities").encode())
    wide = lab.file("wide.yaml", (text % "sbom, vulnerabilities, signature, provenance").encode())
    denied = gate.verify(CLEAN, "--policy-file", narrow)
    assert (denied.code, denied.reasons) == (1, ["provenance.required", "signatures.required"])
    assert "not trusted for signature" in denied.out or "does not vouch for signature" in denied.out
    assert gate.verify(CLEAN, "--policy-file", wide).code == 0


def test_epss_and_kev_come_from_dated_files(gate: Gate, lab: Lab) -> None:
    """A finding that the KEV file lists is denied as exploited."""
    kev = lab.file(
        "kev.json",
        {"catalogVersion": "2026.11.20", "dateReleased": "2026-11-20T00:00:00Z", "count": 1,
         "vulnerabilities": [{"cveID": "CVE-2018-7750", "dateAdded": "2026-11-01", "dueDate": "2026-11-15"}]},
    )  # fmt: skip
    done = gate.verify(VULNERABLE, *KEY, "--kev", kev, "--max-critical", "9", "--max-high", "9")
    assert (done.code, done.reasons) == (1, ["vulnerabilities.kev"])
    assert "CVE-2018-7750" in done.message("vulnerabilities.kev")


def test_the_sbom_without_identified_components_is_denied(gate: Gate, lab: Lab) -> None:
    """prod denies on a component without name, version or purl."""
    built = images.image()
    items = lab.full(built.digest)
    items[1] = lab.bundle("https://cyclonedx.org/bom", sbom(components=[{"type": "library", "name": "mystery"}]), built.digest)
    done = gate.verify(lab.layout("app", built, items), *lab.key)
    assert done.code == 1
    assert any(reason.startswith("sbom.") for reason in done.reasons)


def test_the_laboratory_makes_an_image_that_passes(gate: Gate, lab: Lab) -> None:
    """What the other tests change one thing of: signed by a key of the test, allowed under prod with its real limits on age."""
    built = images.image()
    done = gate.verify(lab.layout("app", built, lab.full(built.digest)), *lab.key)
    assert done.code == 0, done.out


def test_verifying_the_same_twice_gives_one_outcome(gate: Gate) -> None:
    """Under one time the outcome digest is the same: nothing of the run is in it."""
    then = ("--effective-time", "2026-11-23T12:00:00Z")
    first, second = gate.verify(CLEAN, *KEY, *then), gate.verify(CLEAN, *KEY, *then)
    assert first.report["verdicts"][0]["outcome_digest"] == second.report["verdicts"][0]["outcome_digest"]


def test_a_moved_layout_changes_no_identity(gate: Gate, tmp_path: Path) -> None:
    """The bytes are what counts: a copied layout has the same digest and the same decision."""
    shutil.copytree(layout("clean"), tmp_path / "elsewhere" / "clean")
    done = gate.verify(f"oci:{tmp_path}/elsewhere/clean", *KEY)
    assert done.code == 0 and done.outcome["subject"]["digest"] == digest("clean")
    assert digest_of((tmp_path / "elsewhere/clean/blobs" / digest("clean").replace(":", "/")).read_bytes()) == digest("clean")
