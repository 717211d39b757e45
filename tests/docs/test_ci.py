"""The shell in docs/ci.md runs: what the pipelines' own syntax wraps is taken out and given to bash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import samples
from tests.docs.pages import code_blocks
from tests.docs.shell import gate_command, run_script
from tests.tools import repository, tool

SYSTEMS = ("GitHub Actions", "GitLab CI", "Google Cloud Build", "Jenkins", "Azure Pipelines")

POLICY = f"""\
schema: gate.policy/v1
environments:
  prod:
    profile: prod
    params: {{max_db_age_days: 36500, max_evidence_age_days: 36500}}
trust:
  entries:
    - {{name: build, roles: ["*"], key: {samples.public_key()}}}
"""


def _page() -> str:
    return (repository() / "docs" / "ci.md").read_text("utf-8")


def _block(heading: str) -> str:
    text = _page()
    return code_blocks(text[text.index(f"\n## {heading}\n") :])[0].text


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _strings(item)


def _script(system: str) -> str:
    """The one script of the snippet that starts the gate, as the CI system would hand it to a shell."""
    text = _block(system)
    found = re.findall(r"sh '''(.*?)'''", text, re.DOTALL) if system == "Jenkins" else list(_strings(yaml.safe_load(text)))
    (script,) = [part for part in found if "gate verify" in part]
    if system == "Google Cloud Build":
        # Cloud Build puts substitutions in itself, and $$ is a dollar sign.
        script = script.replace("$$", "$").replace("./install-gate.sh\n", "").replace("/workspace/", "./")
    return script.replace("export PATH=", "export UNUSED=")


def _prepare(folder: Path) -> Path:
    tool("opa")
    (folder / "security-policy.yaml").write_text(POLICY)
    return gate_command(folder, {"verify ": "--offline"})


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_good_image_passes(system: str, tmp_path: Path) -> None:
    """The step ends in 0 and leaves the digest and the reports that the snippet names."""
    image = f"oci:{samples.layout('clean')}"
    environ = {"IMAGE": image, "_IMAGE": image, "GITHUB_OUTPUT": str(tmp_path / "outputs")}
    script = _script(system)
    done = run_script(script, tmp_path, path=_prepare(tmp_path), environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    handed = tmp_path / ("outputs" if system == "GitHub Actions" else "gate.env")
    assert f"={samples.digest('clean')}\n" in handed.read_text()
    for name in re.findall(r"--output \w+=(\S+)", script):
        assert (tmp_path / name).stat().st_size > 0


def test_a_bad_image_stops_the_pipeline(tmp_path: Path) -> None:
    """The step ends in 1, and the reports are there all the same."""
    environ = {"IMAGE": f"oci:{samples.layout('vulnerable')}"}
    done = run_script(_script("GitHub Actions"), tmp_path, path=_prepare(tmp_path), environ=environ)
    assert done.returncode == 1
    assert "::error title=vulnerabilities.max_critical denied::" in done.stdout
    assert "upgrade urllib3 1.24.1 to 1.26.17" in (tmp_path / "gate.md").read_text()
    assert (tmp_path / "gate.sarif").stat().st_size > 0


def test_the_result_is_signed_and_checked(tmp_path: Path) -> None:
    """The page's commands sign a summary and accept it with the policy digest of the verdict."""
    path = _prepare(tmp_path)
    environ = {"IMAGE": f"oci:{samples.layout('clean')}"}
    done = run_script(f"gate keys generate\n{_block('Signing the result')}", tmp_path, path=path, environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PASSED  {samples.digest('clean')}" in done.stdout


def test_installing_names_files_that_exist() -> None:
    """The files of this repository that the installation uses are there."""
    for name in re.findall(r"policy-gate/([\w./-]+\.\w+)", _block("Installing it in a job")):
        assert (repository() / name).is_file(), name
