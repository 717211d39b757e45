"""The README's second section, typed from top to bottom."""

from __future__ import annotations

from pathlib import Path

from tests import samples
from tests.docs.pages import code_blocks
from tests.docs.shell import bare_layout, gate_command, run_script
from tests.fakes.docker_registry import docker_registry
from tests.tools import repository, tool


def _section(heading: str, page: str = "README.md") -> str:
    """The first piece of shell below a heading."""
    text = (repository() / page).read_text("utf-8")
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


def _without_grype(folder: Path) -> Path:
    """The same folder with a `grype` that says what grype said of this image: scanning itself is tried above."""
    (folder / "grype").write_text(f"#!/bin/sh\nexec cat {samples.evidence('clean', 'grype.json')}\n")
    (folder / "grype").chmod(0o755)
    return folder


def test_production_names_what_is_missing(tmp_path: Path) -> None:
    """The same image under `prod` lacks a signature and provenance, and nothing else."""
    tool("opa")
    bare_layout(tmp_path / "image")
    sbom = samples.evidence("clean", "sbom.cdx.json")
    flags = "--param max_db_age_days=36500 --param max_evidence_age_days=36500"
    done = run_script(
        f'gate verify "$IMAGE" --scan --evidence {sbom}',
        tmp_path,
        path=_without_grype(gate_command(tmp_path, {"verify ": flags})),
        environ={"IMAGE": "oci:image"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("✗", "?"))] == [
        "✗ signatures.required",
        "✗ provenance.required",
    ]


def _in_a_registry(script: str, folder: Path, *, tag: bool) -> None:
    """Run the script on a bare image in a registry on this machine; the verdict is ALLOW, from three signed documents."""
    tool("opa")
    digest = bare_layout(folder / "image")
    for name in ("provenance.json", "sbom.cdx.json"):
        (folder / name).write_bytes(samples.evidence("clean", name).read_bytes())
    with docker_registry(folder) as host:
        done = run_script(
            f"gate push oci:image {host}/shop/app:1\n{script}",
            folder,
            path=_without_grype(gate_command(folder, {"verify ": "--param max_db_age_days=36500"})),
            environ={"IMAGE": f"{host}/shop/app:1" if tag else f"{host}/shop/app@{digest}"},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ALLOW  {host}/shop/app@{digest}" in done.stdout
    assert done.stdout.count("verified, signed, signed by") == 3


def test_signing_leads_to_allow_in_production(tmp_path: Path) -> None:
    """The README's commands: a new key signs image, provenance and SBOM, and `prod` accepts them."""
    _in_a_registry(_section("### For production"), tmp_path, tag=True)


def test_signing_with_cosign_leads_to_the_same(tmp_path: Path) -> None:
    """The commands of docs/ci.md: cosign signs with the gate's key file."""
    tool("cosign")
    script = "gate keys generate\n" + _section("## Signing with cosign", "docs/ci.md")
    for verb in ("sign", "attest"):
        script = script.replace(f"cosign {verb} ", f"cosign {verb} --allow-http-registry ")
    _in_a_registry(script, tmp_path, tag=False)
