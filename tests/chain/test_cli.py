"""``gate chain`` and the rules on the chain, from the command line, on image layouts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chain import makers
from tests.chain.makers import BUILD_SIGNER, BUILDER, ISSUER, SOURCE_SIGNER, VERIFIER, World, provenance, summary
from tests.conformance.client import SIGNATURES
from tests.fakes.images import image, index, referrer, write_layout
from tests.trust.corpus import GITHUB, needs_corpus


def gate(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gate", *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout whose image has provenance, a summary of its commit, a history, and a policy file that trusts both signers."""
    folder = tmp_path_factory.mktemp("chain")
    world = World()
    built = image()
    hanging = [referrer(built, world.bundle(world.build, provenance(built.digest)))]
    write_layout(folder / "layout", [(built, {})], beside=hanging)
    both = index([built, image("linux/arm64")])
    write_layout(folder / "index", [(both, {})], beside=[referrer(both, world.bundle(world.build, provenance(both.digest)))])
    (folder / "summary.json").write_bytes(world.bundle(world.source, summary()))
    (folder / "notes").mkdir()
    for number, name in enumerate(makers.NAMES):
        past = world.past()
        (folder / "notes" / f"{name}.jsonl").write_bytes(b"\n".join(past[2 * number : 2 * number + 2]))
        (folder / "notes" / f"{name}.commit").write_bytes(makers.OBJECTS[name])
    (folder / "root.json").write_text(json.dumps(world.sim.document()))
    root = {"path": "root.json", "as_of": "2026-02-01"}
    common: dict[str, Any] = {"issuer": ISSUER, "trusted_root": root}
    entries = [
        {"name": "build", "roles": ["provenance"], "identity": BUILD_SIGNER, "builders": [{"id": BUILDER, "level": 3}], **common},
        {
            "name": "source",
            "roles": ["vsa", "attestation"],
            "identity": SOURCE_SIGNER,
            "verifiers": [{"id": VERIFIER, "level": 3}],
            **common,
        },
    ]
    params = {
        "require_scan": False,
        "require_signature": False,
        "require_sbom": False,
        "min_build_level": 3,
        "min_source_level": 3,
    }
    policy = {
        "schema": "gate.policy/v1",
        "environments": {
            "prod": {"profile": "prod", "params": params, "select": ["provenance", "trust", "parameters", "evidence"]}
        },
        "trust": {"entries": entries},
    }
    (folder / "policy.yaml").write_text(json.dumps(policy))  # JSON is YAML
    return folder


def test_the_tree(place: Path) -> None:
    """The text shows every link with its level and signer, and the exit code says that the chain holds."""
    done = gate(
        "chain",
        "oci:layout",
        "--policy-file",
        "policy.yaml",
        "--notes",
        "notes",
        "--history",
        "10",
        "--min-source-level",
        "3",
        cwd=place,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("image oci:layout linux/amd64  level 3")
    assert any(line.startswith(f"└─ built by {BUILDER}  level 3") for line in lines)
    assert any("summarised by" in line and "level 3" in line for line in lines)
    assert any("4 commits without a gap; back to the first commit" in line for line in lines)
    assert lines[-1] == "build level 3, source level 3, 0 gaps"


def test_as_json(place: Path) -> None:
    """The same as a tree in JSON, with the levels on top."""
    done = gate(
        "chain", "oci:layout", "--policy-file", "policy.yaml", "--evidence", "summary.json", "--format", "json", cwd=place
    )
    (document,) = json.loads(done.stdout)
    assert (document["schema"], document["build_level"], document["source_level"]) == ("gate.chain/v1", 3, 3)
    assert document["chain"]["below"][0]["below"][0]["kind"] == "commit"


def test_gaps_are_shown_and_end_in_1(place: Path) -> None:
    """Without the summary: a gap of the source track, which counts where a source level is asked for."""
    done = gate("chain", "oci:layout", "--policy-file", "policy.yaml", cwd=place)
    assert done.returncode == 0
    assert "✗ no_source_vsa (source)" in done.stdout
    asked = gate("chain", "oci:layout", "--policy-file", "policy.yaml", "--min-source-level", "1", cwd=place)
    assert asked.returncode == 1
    nobody = gate("chain", "oci:layout", cwd=place)
    assert nobody.returncode == 1
    assert "untrusted_signer" in nobody.stdout


def test_each_platform_of_an_index(place: Path) -> None:
    """Provenance of the index is that of each of its platforms."""
    done = gate("chain", "oci:index", "--policy-file", "policy.yaml", "--evidence", "summary.json", cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("build level 3, source level 3, 0 gaps") == 2


def test_flags_instead_of_a_policy_file(place: Path) -> None:
    """A signer, its builder and its level on the command line; half of it is a usage error."""
    who = ["--certificate-identity", BUILD_SIGNER, "--certificate-oidc-issuer", ISSUER, "--trusted-root", "root.json"]
    done = gate("chain", "oci:layout", *who, "--builder", f"{BUILDER}=2", "--min-build-level", "2", cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert gate("chain", "oci:layout", *who, "--builder", f"{BUILDER}=2", "--min-build-level", "3", cwd=place).returncode == 1
    assert gate("chain", "oci:layout", "--builder", f"{BUILDER}=2", cwd=place).returncode == 2
    assert gate("chain", "oci:layout", *who, "--builder", "https://x*=9", cwd=place).returncode == 2


def _verify(place: Path, *more: str) -> dict[str, Any]:
    arguments = [
        "verify",
        "oci:layout",
        "--policy-file",
        "policy.yaml",
        "--output",
        "json",
        "--store",
        str(place / "store"),
        *more,
    ]
    done = gate(*arguments, cwd=place)
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _states(report: dict[str, Any]) -> dict[str, str]:
    text = json.dumps(report)
    outcome = report["verdicts"][0]["outcome"] if "verdicts" in report else report["outcome"]
    assert text
    return {rule["rule"]: rule["state"] for rule in outcome["rules"]}


def test_rules_on_the_chain(place: Path) -> None:
    """`gate verify` denies without the summary of the commit, and does not with it; the root's age is judged too."""
    without = _states(_verify(place))
    assert (without["provenance.build_level"], without["provenance.source_level"]) == ("passed", "denied")
    assert without["provenance.chain_broken"] == "denied"
    whole = _states(_verify(place, "--evidence", "summary.json"))
    assert whole["provenance.source_level"] == whole["provenance.chain_broken"] == "passed"
    assert whole["evidence.rejected"] == "passed"
    old = _states(_verify(place, "--evidence", "summary.json", "--param", "max_trust_root_age_days=1"))
    assert old["trust.root_age"] == "denied"


LAYOUT = SIGNATURES / "slsa-verifier" / "gha_generic_container"
GENERATOR = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v"


@needs_corpus
@pytest.mark.parametrize("version", ["v2.1.0", "v1.4.0"])
def test_a_real_image(version: str, tmp_path: Path) -> None:
    """An image of slsa-github-generator: level 3 by the builder's entry, and nobody who vouches for its commit."""
    root = SIGNATURES / "trusted-roots" / "prod" / "trusted_root.json"
    pattern = GENERATOR.replace(".", r"\.") + ".*"
    who = ["--certificate-identity-regexp", pattern, "--certificate-oidc-issuer", GITHUB, "--trusted-root", str(root)]
    image_at = f"oci:{LAYOUT / version / 'container_workflow_dispatch'}"
    done = gate(
        "chain", image_at, *who, "--builder", f"{GENERATOR}*=3", "--min-build-level", "3", "--format", "json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (document,) = json.loads(done.stdout)
    assert (document["build_level"], document["source_level"]) == (3, 0)
    (built,) = document["chain"]["below"]
    (commit,) = built["below"]
    assert commit["name"] == "https://github.com/slsa-framework/example-package"
    assert [gap["kind"] for gap in commit["gaps"]] == ["no_source_vsa"]
