"""The templates are well formed, ask for as little as they can, and pin what they use."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integrations.systems import FOLDER, documents
from tests.tools import find, tool

SCHEMAS = {
    "github/action.yml": "github-actions",
    "github/workflow.yml": "github-workflows",
    "github/pull-request.yml": "github-workflows",
    "gitlab/.gitlab-ci.yml": "gitlab-ci",
    "gitlab/templates/gate/template.yml": "gitlab-ci",
    "azure/gate.yml": "azure-pipelines",
    "azure/azure-pipelines.yml": "azure-pipelines",
    "cloudbuild/cloudbuild.yaml": "cloudbuild",
}
TEMPLATES = sorted(path for path in FOLDER.rglob("*") if path.suffix in {".yml", ".yaml"} and "deploy" not in path.parts)


def _linter(name: str) -> Path:
    """A linter from the lock of test servers (`make test` installs it) or PATH; skips the test by name without it."""
    beside = Path(sys.executable).parent / name
    found = beside if beside.exists() else find(name)
    if found is None:
        pytest.skip(f"tool {name} is not here (requirements/servers.txt)")
    return found


def _check(command: list[str | Path], text: str | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, input=text)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("schema", sorted(set(SCHEMAS.values())))
def test_templates_satisfy_the_published_schemas(schema: str, tmp_path: Path) -> None:
    """Each template is one that its system's schema knows; of a GitLab component that is the part after the inputs."""
    checker, files = _linter("check-jsonschema"), []
    for name in [name for name, wanted in SCHEMAS.items() if wanted == schema]:
        files.append(tmp_path / name.replace("/", "-"))
        files[-1].write_text(yaml.safe_dump(documents(name)[-1], sort_keys=False).replace("\ntrue:", "\non:"))
    _check([checker, "--builtin-schema", f"vendor.{schema}", *files])


@pytest.mark.parametrize("name", ["github/workflow.yml", "github/pull-request.yml"])
def test_actionlint_finds_nothing(name: str) -> None:
    """The example workflows are as actionlint wants them."""
    _check([tool("actionlint"), "-"], (FOLDER / name).read_text("utf-8"))


def test_zizmor_finds_nothing() -> None:
    """Not even at its strictest does zizmor see a way to inject, an unpinned action or a permission too many."""
    files = sorted((FOLDER / "github").glob("*.yml"))
    _check([_linter("zizmor"), "--offline", "--quiet", "--no-config", "--persona", "pedantic", *files])


def test_no_input_is_put_into_a_script() -> None:
    """Scripts are constant: what a system substitutes goes into the environment only."""
    scripts = []

    def walk(node: object) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in {"run", "script", "command", "args", "before_script", "after_script", "entrypoint"}:
                    scripts.append((key, str(value)))
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    for path in TEMPLATES:
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            walk(document)
    assert len(scripts) > 10
    substituted = r"\$\{\{|\$\[\[|\$\((?!\))[a-zA-Z]+\.|\$\{_(?!REPORTS)"
    assert [script for script in scripts if re.search(substituted, script[1])] == []
    groovy = (FOLDER / "jenkins/vars/policyGate.groovy").read_text("utf-8")
    assert re.findall(r"script: (\S.*)\)", groovy) == ["'gate-ci run'"]


def test_everything_foreign_is_pinned() -> None:
    """Actions by commit, images by digest; the zeroes are what a reader has to fill in."""
    for path in TEMPLATES:
        for line in path.read_text("utf-8").splitlines():
            if found := re.search(r"\buses: (\S+)", line):
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", found[1]), line
            if re.search(r"(registry\.example|tools)/policy-gate", line):
                assert re.search(r"/policy-gate@sha256:[0-9a-f]{64}\b", line), line


def test_the_entrypoint_of_the_image_is_in_nobodys_way() -> None:
    """The image starts `gate`; every system that starts something else in it says so in its own way."""
    assert 'ENTRYPOINT ["/opt/policy-gate/bin/gate"]' in (FOLDER.parent / "Dockerfile").read_text("utf-8")
    assert "args '--entrypoint='" in (FOLDER / "jenkins/Jenkinsfile").read_text("utf-8")
    assert documents("gitlab/templates/gate/template.yml")[1]["$[[ inputs.job_name ]]"]["image"]["entrypoint"] == [""]
    assert all(step["entrypoint"] == "gate-ci" for step in documents("cloudbuild/cloudbuild.yaml")[0]["steps"])
    assert all(step["command"][0] == "gate-ci" for step in documents("tekton/task.yaml")[0]["spec"]["steps"])


def test_nothing_is_allowed_that_is_not_used() -> None:
    """No permission by default, none to write in the job that only decides."""
    for name in ("github/workflow.yml", "github/pull-request.yml"):
        workflow = documents(name)[0]
        assert workflow["permissions"] == {}
    permissions = documents("github/workflow.yml")[0]["jobs"]["gate"]["permissions"]
    assert set(permissions.values()) == {"read"}
    context = documents("tekton/task.yaml")[0]["spec"]["stepTemplate"]["securityContext"]
    assert context["runAsNonRoot"] and context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]


@pytest.mark.parametrize("name", ["gate-ci", "install"])
def test_scripts_are_posix(name: str) -> None:
    """The scripts parse in a shell that knows no more than POSIX asks for, and shellcheck finds nothing where it is there."""
    path = FOLDER / name
    _check(["sh", "-n", path])
    shellcheck = find("shellcheck")
    if shellcheck is not None:
        _check([shellcheck, "--shell=sh", path])
