"""Other people's verifiers accept what the gate signs, and refuse it when it does not fit."""

import subprocess
from pathlib import Path

import pytest

from tests import samples
from tests.tools import tool
from tools import demo


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demonstration's key and summaries."""
    tool("opa")
    folder = tmp_path_factory.mktemp("interop") / "demo"
    assert demo.main(folder) == 0
    return folder


def _only(folder: Path, suffix: str) -> str:
    (path,) = folder.glob(f"*{suffix}")
    return str(path)


def _slsa_verifier(signed: Path, digest: str) -> subprocess.CompletedProcess[str]:
    command = [str(tool("slsa-verifier")), "verify-vsa", "--subject-digest", digest, "--verifier-id", demo.VERIFIER]
    command += ["--resource-uri", demo.RESOURCE, "--public-key-path", str(signed / "gate.pub")]
    command += ["--attestation-path", _only(signed, ".vsa.dsse.json")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_slsa_verifier_accepts_the_summary(signed: Path) -> None:
    """slsa-verifier verifies our summary: signature, subject, verifier, resource and result."""
    done = _slsa_verifier(signed, samples.digest("clean"))
    assert done.returncode == 0, done.stderr


def test_slsa_verifier_refuses_it_for_another_image(signed: Path) -> None:
    """slsa-verifier refuses the same summary for another digest."""
    assert _slsa_verifier(signed, samples.digest("vulnerable")).returncode != 0


@pytest.mark.parametrize(("name", "accepted"), [("clean", True), ("vulnerable", False)])
def test_cosign_checks_the_bundle(signed: Path, name: str, accepted: bool, tmp_path: Path) -> None:
    """cosign verifies our bundle offline with the key, for the digest that it names and for no other."""
    command = [str(tool("cosign")), "verify-blob-attestation", "--key", str(signed / "gate.pub"), "--insecure-ignore-tlog=true"]
    command += ["--digest", samples.digest(name).removeprefix("sha256:"), "--digestAlg", "sha256"]
    command += ["--type", "https://slsa.dev/verification_summary/v1", "--bundle", _only(signed, ".vsa.sigstore.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={"HOME": str(tmp_path)})
    assert (done.returncode == 0) is accepted, done.stderr
