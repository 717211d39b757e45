"""What the CI system says of the run: claims, recorded and never used to choose a profile (design §5, ``run``)."""

from __future__ import annotations

from collections.abc import Mapping

from gate.model.input import RunContext

_SYSTEMS: dict[str, tuple[str, dict[str, str]]] = {
    "GITHUB_ACTIONS": (
        "github",
        {
            "source_ref": "GITHUB_REF",
            "source_revision": "GITHUB_SHA",
            "actor": "GITHUB_ACTOR",
            "trigger": "GITHUB_EVENT_NAME",
        },
    ),
    "GITLAB_CI": (
        "gitlab",
        {
            "source_ref": "CI_COMMIT_REF_NAME",
            "source_revision": "CI_COMMIT_SHA",
            "actor": "GITLAB_USER_LOGIN",
            "trigger": "CI_PIPELINE_SOURCE",
            "url": "CI_JOB_URL",
        },
    ),
    "TF_BUILD": (
        "azure-devops",
        {
            "source_ref": "BUILD_SOURCEBRANCH",
            "source_revision": "BUILD_SOURCEVERSION",
            "actor": "BUILD_REQUESTEDFOR",
            "trigger": "BUILD_REASON",
            "url": "BUILD_BUILDURI",
        },
    ),
    "JENKINS_URL": (
        "jenkins",
        {"source_ref": "GIT_BRANCH", "source_revision": "GIT_COMMIT", "actor": "BUILD_USER_ID", "url": "BUILD_URL"},
    ),
    "BUILDER_OUTPUT": ("cloud-build", {"source_ref": "BRANCH_NAME", "source_revision": "COMMIT_SHA", "url": "BUILD_ID"}),
}


def run_context(environment: Mapping[str, str]) -> RunContext:
    """Claims of the first CI system that shows itself; empty outside CI. ``GATE_TICKET`` names a change ticket."""
    environment = {name: _text(value) for name, value in environment.items()}
    ticket = environment.get("GATE_TICKET", "")
    for marker, (name, fields) in _SYSTEMS.items():
        if not environment.get(marker):
            continue
        claims = {field: environment.get(variable, "") for field, variable in fields.items()}
        if name == "github" and environment.get("GITHUB_RUN_ID"):
            server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
            claims["url"] = f"{server}/{repository}/actions/runs/{environment['GITHUB_RUN_ID']}"
        return RunContext(ci=name, ticket=ticket, **claims)
    return RunContext(ticket=ticket)


def _text(value: str) -> str:
    """Bytes that are no UTF-8, as in the name of a branch that somebody else chose, written out: JSON has no place for them."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
