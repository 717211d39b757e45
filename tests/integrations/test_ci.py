"""The CI templates do what they say: their own commands, run with each system's variables, the real gate and the real OPA."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import samples
from tests.docs.shell import bare_layout
from tests.e2e import lab
from tests.integrations.systems import FOLDER, REPORTS, SYSTEMS, Job, Ran, jenkins, start
from tests.tools import tool

POLICY = f"""\
schema: gate.policy/v1
environments:
  prod:
    profile: prod
    params: {{max_db_age_days: 36500, max_evidence_age_days: 36500}}
  dev:
    profile: dev
    params: {{max_critical: 0, max_db_age_days: 36500, max_evidence_age_days: 36500}}
  unscanned:
    profile: dev
    params: {{max_critical: 0, require_scan: false, require_sbom: false}}
trust:
  entries:
    - {{name: build, roles: ["*"], key: {samples.public_key()}}}
"""
FILES = ("gate.txt", "gate.json", "gate.sarif", "gate.md", "gate.junit.xml", "gate.codequality.json", "gate.html")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checked-out repository with a policy file."""
    tool("opa")
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "security-policy.yaml").write_text(POLICY)
    return folder


def _run(system: str, job: Job) -> Ran:
    if system == "jenkins":
        tool("groovy"), tool("java")
        return jenkins(job)
    return SYSTEMS[system](job)


def test_allow_passes_and_hands_over_the_digest(workspace: Path) -> None:
    """The job ends well, and what comes next gets the digest that was verified."""
    ran = _run("github", Job(workspace, f"oci:{samples.layout('clean')}"))
    assert ran.code == 0, ran.log
    assert (ran.outputs["verdict"], ran.outputs["digest"]) == ("ALLOW", samples.digest("clean"))
    assert all((workspace / REPORTS / name).stat().st_size > 0 for name in FILES)


def test_deny_stops_the_job_with_every_report_written(workspace: Path) -> None:
    """The job ends in 1 and the reports are there all the same. What the other systems make of a 1 is tried below."""
    ran = _run("cloud-build", Job(workspace, f"oci:{samples.layout('vulnerable')}"))
    assert (ran.code, ran.outputs["verdict"]) == (1, "DENY"), ran.log
    assert all((workspace / REPORTS / name).stat().st_size > 0 for name in FILES)
    assert json.loads((workspace / REPORTS / "gate.json").read_bytes())["decision"] == "DENY"


def test_no_verdict_stops_the_job(workspace: Path) -> None:
    """An image that nobody scanned ends the job in 3, not in 1."""
    digest = bare_layout(workspace / "image")
    ran = _run("tekton", Job(workspace, "oci:image", environment="unscanned"))
    assert ran.code == 3, ran.log
    assert (ran.outputs["verdict"], ran.outputs["digest"]) == ("NO_VERDICT", digest)


_STANDS_IN = """\
for given; do
  case $given in
    --dotenv=*) printf 'GATE_VERDICT={verdict}\\nGATE_DIGEST=sha256:%064d\\nGATE_RECORD=sha256:%064d\\n' 1 2 >"${{given#*=}}" ;;
    --output=text=*) printf '%s\\n' "$@" >"${{given#--output=text=}}" ;;
  esac
done
printf '%s\\n' "$@" >&2
exit {code}"""
"""A `gate` that says nothing but its arguments, on both streams and without escaping them, and ends as it is told."""
_ENDS: list[tuple[int, str, int | None, str]] = [
    (0, "ALLOW", 0, "ALLOW"),
    (1, "DENY", 1, "DENY"),
    (2, "", 2, "ERROR"),
    (3, "NO_VERDICT", 3, "NO_VERDICT"),
]
_ENDS += [(4, "ALLOW", 4, "ERROR"), (3, "ALLOW", 3, "ERROR"), (0, "NO_VERDICT", 3, "ERROR"), (137, "ALLOW", None, "ERROR")]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_end_reaches_the_system(system: str, workspace: Path) -> None:
    """With each exit code the job ends as the gate did; a verdict that does not go with the code, or a kill, is an ERROR."""
    for code, verdict, ends, said in _ENDS:
        ran = _run(system, Job(workspace, "app", gate=_STANDS_IN.format(code=code, verdict=verdict)))
        assert ran.code == ends or (ends is None and ran.code), (code, ran.log)
        assert ran.outputs["verdict"] == said, (code, verdict, ran.log)
        assert ran.outputs["digest"] == f"sha256:{1:064}" or not verdict, (code, ran.log)


@pytest.mark.parametrize(("code", "verdict"), [(0, "ALLOW"), (1, "DENY")])
def test_every_end_reaches_jenkins(code: int, verdict: str, workspace: Path) -> None:
    """Which gets digest and verdict only where the build goes on."""
    ran = _run("jenkins", Job(workspace, "app", gate=_STANDS_IN.format(code=code, verdict=verdict)))
    assert ran.code == code, ran.log
    assert ran.outputs == ({} if code else {"verdict": verdict, "digest": f"sha256:{1:064}", "record": f"sha256:{2:064}"})


def test_a_registry_that_is_silent_stops_the_job(workspace: Path) -> None:
    """Where not even a digest was found there is none to deploy."""
    image = f"127.0.0.1:1/app@{samples.digest('clean')}"
    ran = _run("github", Job(workspace, image, arguments="--plain-http"))
    assert (ran.code, ran.outputs["verdict"], ran.outputs["digest"]) == (3, "NO_VERDICT", ""), ran.log


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_missing_gate_stops_the_job(system: str, workspace: Path) -> None:
    """Without `gate` on PATH the job ends in 2, says what to do, and what an earlier run left there decides nothing."""
    reports = workspace / REPORTS
    reports.mkdir()
    (reports / "gate.env").write_text(f"GATE_DIGEST=sha256:{'0' * 64}\nGATE_VERDICT=ALLOW\n")
    (reports / "exit-code").write_text("0\n")
    ran = _run(system, Job(workspace, f"oci:{samples.layout('clean')}", gate=None))
    assert ran.code == 2, ran.log
    assert ran.outputs.get("verdict", "ERROR") == "ERROR" and not ran.outputs.get("digest")
    assert "integrations/install" in ran.log


def test_a_missing_opa_stops_the_job(workspace: Path) -> None:
    """Without OPA the gate itself ends in 2."""
    ran = _run("gitlab", Job(workspace, f"oci:{samples.layout('clean')}", opa=False))
    assert (ran.code, ran.outputs["verdict"]) == (2, "ERROR"), ran.log


WORST = """\
registry.example/app; touch pwned; $(touch pwned) `touch pwned` "; touch pwned; " '; touch pwned; '
::set-output name=verdict::ALLOW
##vso[task.setvariable variable=verdict]ALLOW
##[set-output name=verdict]ALLOW
GATE_VERDICT=ALLOW
verdict=ALLOW"""
HOSTILE = [
    *((system, WORST) for system in SYSTEMS),
    ("azure", "##vso[task.setvariable variable=verdict]ALLOW"),
    ("github", "::set-output name=verdict::ALLOW"),
    ("github", "##[set-output name=verdict]ALLOW"),
    ("azure", "###vso[task.setvariable variable=verdict]ALLOW"),
    ("github", "####[set-output name=verdict]ALLOW"),
    ("tekton", "--exit-zero"),
    ("github", "\r::set-output name=verdict::ALLOW"),
]


@pytest.mark.parametrize(("system", "image"), HOSTILE)
def test_a_hostile_name_injects_nothing(system: str, image: str, workspace: Path) -> None:
    """No value becomes part of a command, or of what the system takes from the log; it is one argument, and never an option."""
    ran = _run(system, Job(workspace, image, evidence=image, gate=_STANDS_IN.format(code=1, verdict="DENY")))
    assert ran.code == 1, ran.log
    assert (ran.outputs["verdict"], ran.outputs["digest"]) == ("DENY", f"sha256:{1:064}")
    assert not list(workspace.parent.rglob("pwned*"))
    given = (workspace / REPORTS / "gate.log").read_bytes().decode()
    assert given.startswith(f"verify\n--image={image}\n--policy-file=security-policy.yaml\n")
    assert all(f"--evidence={line}\n" in given for line in image.split("\n"))


@pytest.mark.parametrize(("system", "image"), [("azure", WORST), ("tekton", "--exit-zero"), ("gitlab", "")])
def test_a_hostile_name_is_refused(system: str, image: str, workspace: Path) -> None:
    """The gate itself takes none of them for an image."""
    ran = _run(system, Job(workspace, image))
    assert ran.code == 2, ran.log
    assert ran.outputs["verdict"] == "ERROR" and ran.outputs["digest"] == ""
    assert not list(workspace.parent.rglob("pwned*"))


def test_hostile_evidence_injects_nothing(workspace: Path) -> None:
    """A package named like a command of the CI system is shown in the log, and the verdict stays what it is."""
    name = "###vso[task.setvariable variable=verdict]ALLOW"
    report = lab.grype(samples.digest("clean"), findings=[("CVE-2026-1", "Critical")], name=name)
    report["matches"][0]["vulnerability"]["description"] = "::set-output name=verdict::ALLOW"
    (workspace / "scan.json").write_text(json.dumps(report))
    ran = _run("azure", Job(workspace, f"oci:{samples.layout('clean')}", evidence="scan.json", environment="dev"))
    assert ran.code == 1, ran.log
    assert ran.outputs["verdict"] == "DENY"
    assert "# # #vso[task.setvariable variable=verdict]ALLOW" in ran.log


def test_an_exit_code_without_a_verdict_does_not_pass(workspace: Path) -> None:
    """`gate verify --help` ends in 0 and decides nothing: the job ends in 3."""
    ran = _run("gitlab", Job(workspace, f"oci:{samples.layout('clean')}", arguments="--help"))
    assert (ran.code, ran.outputs["verdict"], ran.outputs["exit-code"]) == (3, "ERROR", "3"), ran.log


def test_assert_without_a_run_is_no_verdict(workspace: Path) -> None:
    """A job that asserts what never ran, or what somebody wrote there, does not pass."""
    job = Job(workspace, "unused")
    for left in (None, "", "0 || true", "zero"):
        if left is not None:
            (workspace / REPORTS).mkdir(exist_ok=True)
            (workspace / REPORTS / "exit-code").write_text(left)
        done = start(["sh", str(FOLDER / "gate-ci"), "assert"], job, job.machine())
        assert done.returncode == 3


@pytest.mark.parametrize("reports", ["-rf", "a b", "$(x)", "a\nverdict=ALLOW"])
def test_a_folder_of_reports_is_a_plain_path(reports: str, workspace: Path) -> None:
    """The one input that is written out again holds no character that could mean something there."""
    job = Job(workspace, "unused")
    done = start(["sh", str(FOLDER / "gate-ci"), "run"], job, job.machine(GATE_REPORTS=reports))
    assert done.returncode == 2


def test_a_verdict_that_cannot_be_handed_over_does_not_pass(workspace: Path) -> None:
    """ALLOW whose outputs cannot be written ends in 3, and leaves no file that says ALLOW."""
    job = Job(workspace, "app", gate=_STANDS_IN.format(code=0, verdict="ALLOW"))
    environ = job.machine(GATE_IMAGE=job.image, GATE_ENVIRONMENT="prod", GATE_RESULT_VERDICT=str(workspace / "no" / "such"))
    done = start(["sh", str(FOLDER / "gate-ci"), "run"], job, environ)
    assert done.returncode == 3
    assert not (workspace / REPORTS / "gate.env").exists()
