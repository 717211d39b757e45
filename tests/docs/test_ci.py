"""The shell in docs/ci.md that is no template runs; the templates are run by tests.integrations."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests import samples
from tests.docs.pages import code_blocks
from tests.docs.shell import gate_command, run_script
from tests.integrations.comment import PAGE, comparable, made
from tests.tools import repository, tool

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


def _prepare(folder: Path) -> Path:
    tool("opa")
    (folder / "security-policy.yaml").write_text(POLICY)
    return gate_command(folder, {"verify ": "--offline"})


def test_the_result_is_signed_and_checked(tmp_path: Path) -> None:
    """The page's commands sign a summary and accept it with the policy digest of the verdict."""
    path = _prepare(tmp_path)
    environ = {"IMAGE": f"oci:{samples.layout('clean')}"}
    done = run_script(f"gate keys generate\n{_block('Signing the result')}", tmp_path, path=path, environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PASSED  {samples.digest('clean')}" in done.stdout


def test_installing_names_files_that_exist() -> None:
    """The files of this repository that the installation uses are there, and take the programs named."""
    script = _block("Installing it in a job")
    names = re.findall(r"policy-gate/([\w./-]+)((?: \w+)*)", script)
    assert len(names) == 1
    for name, programs in names:
        assert (repository() / name).stat().st_mode & 0o100
        assert set(programs.split()) <= set(tomllib.loads((repository() / "tools" / "tools.toml").read_text()))


def test_the_sample_comment_is_what_the_gate_writes() -> None:
    """docs/samples/pull-request-comment.md is the Markdown of a run, digests, times and rules that passed aside."""
    tool("opa")
    assert comparable(PAGE.read_text("utf-8")) == comparable(made())
