"""Six CI systems, as far as they matter here: a template is read as the system reads it, the system's own substitutions are made,
and the commands found in it are run with the system's variables. Nothing of a template is repeated in the tests."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.tools import cache_folder, find, repository

__all__ = ["FOLDER", "SYSTEMS", "Job", "Ran", "documents", "jenkins", "start"]

FOLDER = repository() / "integrations"
REPORTS = "gate-reports"


@dataclasses.dataclass(frozen=True)
class Job:
    """What somebody writes into the template's inputs, and the machine it runs on."""

    workspace: Path
    image: str
    evidence: str = ""
    arguments: str = ""
    environment: str = "prod"
    gate: str | None = f'exec {sys.executable} -m gate "$@"'
    """What `gate` on PATH does, in shell; None for no `gate` at all."""
    opa: bool = True

    def inputs(self) -> dict[str, str]:
        return {"image": self.image, "evidence": self.evidence, "arguments": self.arguments, "environment": self.environment}

    def machine(self, **more: str) -> dict[str, str]:
        """Environment of a runner: nothing of this process but what finds programs."""
        bin_folder = self.workspace.parent / "bin"
        bin_folder.mkdir(exist_ok=True)
        for name, target in {"gate-ci": FOLDER / "gate-ci"}.items():
            (bin_folder / name).unlink(missing_ok=True)
            (bin_folder / name).symlink_to(target)
        if self.gate is not None:
            (bin_folder / "gate").write_text(f"#!/bin/sh\n{self.gate}\n")
            (bin_folder / "gate").chmod(0o755)
        paths = [str(bin_folder), *([str(cache_folder() / "bin")] if self.opa else []), "/usr/bin", "/bin"]
        return {
            "PATH": os.pathsep.join(paths),
            "HOME": str(self.workspace.parent),
            "GATE_STORE": str(self.workspace.parent / "store"),
            "PYTHONPATH": str(repository()),
            "XDG_CACHE_HOME": str(self.workspace.parent / "no-cache"),
            **more,
        }


@dataclasses.dataclass(frozen=True)
class Ran:
    """What the system knows after the job."""

    code: int
    log: str
    outputs: Mapping[str, str]


def documents(path: str) -> list[Any]:
    """Every YAML document of a template."""
    return list(yaml.safe_load_all((FOLDER / path).read_text("utf-8")))


def start(command: list[str], job: Job, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run to the end in the job's workspace."""
    return subprocess.run(
        command, cwd=job.workspace, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip


def _substituted(text: str, pattern: str, values: Mapping[str, str]) -> str:
    """Each match of the pattern replaced by the value it names; a name that is not known is an error of the template."""
    return re.sub(pattern, lambda match: values[match[1]], text)


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def github(job: Job) -> Ran:
    """The step `gate` of the composite action. GitHub takes commands from the log too."""
    action = documents("github/action.yml")[0]
    given = {name: str(spec.get("default", "")) for name, spec in action["inputs"].items()} | job.inputs()
    [step] = [step for step in action["runs"]["steps"] if step.get("id") == "gate"]
    handed = job.workspace.parent / "github-output"
    handed.touch()
    environ = job.machine(
        GITHUB_ACTIONS="true",
        GITHUB_ACTION_PATH=str(FOLDER / "github"),
        GITHUB_OUTPUT=str(handed),
        GITHUB_STEP_SUMMARY=str(job.workspace.parent / "github-summary"),
        GITHUB_REF="refs/heads/main",
        GITHUB_SHA="0" * 40,
        **{name: _substituted(value, r"\$\{\{ inputs\.([\w-]+) \}\}", given) for name, value in step["env"].items()},
    )
    done = start([step["shell"], "-e", "-c", step["run"]], job, environ)
    outputs = _pairs(handed.read_text())
    for line in done.stdout.splitlines() + done.stderr.splitlines():
        found = re.match(r"\s*::set-output name=(\w+)::(.*)", line) or re.search(r"##\[set-output name=(\w+);?\](.*)", line)
        if found:
            outputs[found[1]] = found[2]
    offered = {name: outputs.get(re.findall(r"outputs\.([\w-]+)", o["value"])[0], "") for name, o in action["outputs"].items()}
    return Ran(done.returncode, done.stdout + done.stderr, offered)


def gitlab(job: Job) -> Ran:
    """The component's job. Its dotenv report is what later jobs get."""
    header, body = documents("gitlab/templates/gate/template.yml")
    specs = header["spec"]["inputs"]
    given = {name: str((spec or {}).get("default", "")) for name, spec in specs.items()} | job.inputs()
    [task] = body.values()
    variables = {name: _substituted(str(value), r"\$\[\[ inputs\.(\w+) \]\]", given) for name, value in task["variables"].items()}
    environ = job.machine(GITLAB_CI="true", CI="true", CI_COMMIT_REF_NAME="main", CI_COMMIT_SHA="0" * 40, **variables)
    assert task["artifacts"]["when"] == "always"
    done = start(["sh", "-e", "-c", "\n".join(task["script"])], job, environ)
    handed = job.workspace / task["artifacts"]["reports"]["dotenv"]
    return Ran(done.returncode, done.stdout + done.stderr, _of_dotenv(handed))


def azure(job: Job) -> Ran:
    """The template's step `gate`. The agent takes commands from anywhere in a line of the log."""
    template = documents("azure/gate.yml")[0]
    given = {parameter["name"]: str(parameter.get("default", "")) for parameter in template["parameters"]} | job.inputs()
    given["checkout"] = str(repository())
    [step] = [step for step in template["steps"] if step.get("name") == "gate"]
    variables = {name: _substituted(str(value), r"\$\{\{ parameters\.(\w+) \}\}", given) for name, value in step["env"].items()}
    environ = job.machine(TF_BUILD="True", BUILD_SOURCEBRANCH="refs/heads/main", BUILD_SOURCEVERSION="0" * 40, **variables)
    done = start(["bash", "--noprofile", "--norc", "-c", step["script"]], job, environ)
    outputs = {}
    for line in (done.stdout + done.stderr).splitlines():
        for properties, value in re.findall(r"##vso\[task\.setvariable ([^\]]*)\](.*)", line):
            outputs[dict(part.split("=", 1) for part in properties.split(";"))["variable"]] = value
    return Ran(done.returncode, done.stdout + done.stderr, outputs)


def cloud_build(job: Job) -> Ran:
    """The steps that are the gate's; one that may fail does not stop the next."""
    build = documents("cloudbuild/cloudbuild.yaml")[0]
    given = {**build["substitutions"], **{f"_{name.upper()}": value for name, value in job.inputs().items()}}
    log, code = "", 0
    for step in build["steps"]:
        if step.get("entrypoint") != "gate-ci":
            continue
        wanted = [_substituted(entry, r"\$\{(\w+)\}", given) for entry in step["env"]]
        environ = job.machine(BUILDER_OUTPUT="/builder/outputs", **dict(entry.split("=", 1) for entry in wanted))
        done = start([step["entrypoint"], *step["args"]], job, environ)
        log += done.stdout + done.stderr
        if done.returncode and not step.get("allowFailure"):
            code = done.returncode
            break
    return Ran(code, log, _of_dotenv(job.workspace / REPORTS / "gate.env"))


def tekton(job: Job) -> Ran:
    """The task's steps, one after the other, each with the template's and its own variables."""
    spec = documents("tekton/task.yaml")[0]["spec"]
    given = {parameter["name"]: str(parameter.get("default", "")) for parameter in spec["params"]} | job.inputs()
    results = job.workspace.parent / "results"
    results.mkdir(exist_ok=True)
    values = {f"params.{name}": value for name, value in given.items()}
    values |= {f"results.{result['name']}.path": str(results / result["name"]) for result in spec["results"]}
    log, code = "", 0
    for step in spec["steps"]:
        entries = [entry for entry in spec["stepTemplate"]["env"] if entry["name"] != "HOME"] + step.get("env", [])
        variables = {entry["name"]: _substituted(entry["value"], r"\$\(([\w.-]+)\)", values) for entry in entries}
        done = start(step["command"], job, job.machine(**variables))
        log += done.stdout + done.stderr
        if done.returncode and step.get("onError") != "continue":
            code = done.returncode
            break
    outputs = {path.name: path.read_text() for path in results.iterdir()}
    return Ran(code, log, outputs)


_HARNESS = """\
def bind = new Binding()
def shown = System.out
bind.setVariable('withEnv', { List pairs, Closure body -> bind.setVariable('pairs', pairs); body() })
bind.setVariable('sh', { Map step ->
    def made = new ProcessBuilder('sh', '-xe', '-c', step.script.toString())
    made.redirectErrorStream(true).directory(new File(args[1]))
    bind.getVariable('pairs').each { entry ->
        String pair = entry.toString()
        made.environment().put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1))
    }
    def child = made.start()
    shown << child.inputStream
    return child.waitFor()
})
bind.setVariable('junit', { Map step -> assert step.allowEmptyResults })
bind.setVariable('archiveArtifacts', { Map step -> assert step.allowEmptyArchive })
bind.setVariable('error', { String text -> println 'ERROR ' + text; System.exit(17) })
bind.setVariable('readFile', { path -> new File(args[1], path.toString()).text })
def step = new GroovyShell(bind).parse(new File(args[0]))
def got = step.call([image: System.getenv('JOB_IMAGE'), environment: System.getenv('JOB_ENVIRONMENT'),
    evidence: (System.getenv('JOB_EVIDENCE') ?: '').readLines(), arguments: (System.getenv('JOB_ARGUMENTS') ?: '').readLines()])
got.each { name, value -> println "OUTPUT ${name}=${value}" }
"""


def jenkins(job: Job) -> Ran:
    """The shared library's step, run by Groovy with stand-ins for Jenkins' own steps. `error` ends the build."""
    groovy, java = find("groovy"), find("java")
    assert groovy is not None and java is not None
    harness = job.workspace.parent / "Harness.groovy"
    harness.write_text(_HARNESS)
    environ = job.machine(
        JENKINS_URL="https://ci.example/",
        JOB_IMAGE=job.image,
        JOB_ENVIRONMENT=job.environment,
        JOB_EVIDENCE=job.evidence,
        JOB_ARGUMENTS=job.arguments,
        JAVA_HOME=str(java.parent.parent),
        JAVA_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    )
    done = start([str(groovy), str(harness), str(FOLDER / "jenkins/vars/policyGate.groovy"), str(job.workspace)], job, environ)
    log = done.stdout + done.stderr
    ended = re.search(r"^ERROR the gate ended with exit code (\d+)$", log, re.MULTILINE)
    outputs = dict(re.findall(r"^OUTPUT (\w+)=(.*)$", log, re.MULTILINE))
    return Ran(int(ended[1]) if ended else done.returncode, log, outputs)


def _of_dotenv(path: Path) -> dict[str, str]:
    values = _pairs(path.read_text()) if path.exists() else {}
    return {name.removeprefix("GATE_").lower().replace("_", "-"): value for name, value in values.items()}


SYSTEMS: dict[str, Callable[[Job], Ran]] = {
    "github": github,
    "gitlab": gitlab,
    "azure": azure,
    "cloud-build": cloud_build,
    "tekton": tekton,
}
"""All but Jenkins, which needs Groovy."""
