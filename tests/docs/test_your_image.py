"""The README's second section, typed from top to bottom."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import samples
from tests.docs.pages import code_blocks
from tests.docs.shell import bare_layout, gate_command, run_script
from tests.fakes.docker_registry import docker_registry
from tests.tools import find, repository, tool


def _section(heading: str) -> str:
    """The first piece of shell below a heading of the README."""
    text = (repository() / "README.md").read_text("utf-8")
    return code_blocks(text[text.index(f"\n{heading}\n") :])[0].text


def _scans() -> str:
    """The one flag that the test adds: the small database in place of the published one."""
    return f"--grype-db {samples.grype_db()}"


def test_five_commands_lead_to_allow(tmp_path: Path) -> None:
    """From `gate doctor` to ALLOW, on an image with nothing attached to it."""
    tool("grype"), tool("syft"), tool("opa")
    digest = bare_layout(tmp_path / "image")
    script = _section("## Your image")
    assert len(script.splitlines()) == 5
    done = run_script(script, tmp_path, path=gate_command(tmp_path, {"verify ": _scans()}), environ={"IMAGE": "oci:image"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"ALLOW  image@{digest}") == 2
    assert "ready: gate verify IMAGE" in done.stdout
    assert (tmp_path / "sbom.cdx.json").is_file()


def test_production_names_what_is_missing(tmp_path: Path) -> None:
    """The same image under `prod` lacks a signature and provenance, and nothing else."""
    tool("grype"), tool("opa")
    bare_layout(tmp_path / "image")
    sbom = samples.evidence("clean", "sbom.cdx.json")
    flags = f"{_scans()} --param max_db_age_days=36500 --param max_evidence_age_days=36500"
    done = run_script(
        f'gate verify "$IMAGE" --scan --evidence {sbom}',
        tmp_path,
        path=gate_command(tmp_path, {"verify ": flags}),
        environ={"IMAGE": "oci:image"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("✗", "?"))] == [
        "✗ signatures.required",
        "✗ provenance.required",
    ]


def _push(layout: Path, reference: str) -> None:
    subprocess.run(
        [str(tool("crane")), "push", "--insecure", str(layout), reference], check=True, capture_output=True, timeout=60
    )


@pytest.mark.skipif(find("crane") is None, reason="tool crane is not here (make tools-extra)")
def test_signing_leads_to_allow_in_production(tmp_path: Path) -> None:
    """The README's commands with cosign: the gate's own key signs, `prod` accepts."""
    tool("grype"), tool("cosign"), tool("opa")
    digest = bare_layout(tmp_path / "image")
    for name in ("provenance.json", "sbom.cdx.json"):
        (tmp_path / name).write_bytes(samples.evidence("clean", name).read_bytes())
    flags = f"{_scans()} --param max_db_age_days=36500"
    script = _section("### For production").replace("cosign sign ", "cosign sign --allow-http-registry ")
    script = script.replace("cosign attest ", "cosign attest --allow-http-registry ")
    with docker_registry(tmp_path) as host:
        _push(tmp_path / "image", f"{host}/shop/app:1")
        done = run_script(
            script,
            tmp_path,
            path=gate_command(tmp_path, {"verify ": flags}),
            environ={"IMAGE": f"{host}/shop/app@{digest}"},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ALLOW  {host}/shop/app@{digest}" in done.stdout
    assert done.stdout.count("verified, signed, signed by") == 3
