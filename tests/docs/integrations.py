"""The templates on the pages: excerpts of the files that tests run, never typed a second time."""

from __future__ import annotations

from collections.abc import Callable

from tests.tools import repository

__all__ = ["BLOCKS"]


def _excerpt(path: str, language: str, first: str = "", end: str = "") -> Callable[[], str]:
    """A fenced block of the file's lines from the one that begins with `first` up to the one that begins with `end`."""

    def made() -> str:
        lines = (repository() / "integrations" / path).read_text("utf-8").splitlines()
        start = next((n for n, line in enumerate(lines) if line.lstrip().startswith(first)), None) if first else 0
        assert start is not None, f"{path}: no line begins with {first!r}"
        stop = (
            next((n for n, line in enumerate(lines) if n > start and line.lstrip().startswith(end)), None) if end else len(lines)
        )
        assert stop is not None, f"{path}: no line begins with {end!r}"
        return f"```{language}\n" + "\n".join(lines[start:stop]).rstrip() + "\n```\n"

    return made


BLOCKS: dict[str, Callable[[], str]] = {
    "ci-github": _excerpt("github/workflow.yml", "yaml", "jobs:"),
    "ci-github-comment": _excerpt("github/pull-request.yml", "yaml", "- name: comment", "- name: code scanning"),
    "ci-github-sarif": _excerpt("github/pull-request.yml", "yaml", "- name: code scanning"),
    "ci-gitlab": _excerpt("gitlab/.gitlab-ci.yml", "yaml"),
    "ci-jenkins": _excerpt("jenkins/Jenkinsfile", "groovy"),
    "ci-azure": _excerpt("azure/azure-pipelines.yml", "yaml"),
    "ci-cloudbuild": _excerpt("cloudbuild/cloudbuild.yaml", "yaml", "steps:"),
    "ci-tekton": _excerpt("tekton/pipeline.yaml", "yaml", "tasks:"),
    "deploy-trust": _excerpt("deploy/trust.yaml", "yaml"),
    "deploy-argocd": _excerpt("deploy/argocd-presync.yaml", "yaml", "", "spec:"),
    "deploy-job": _excerpt("deploy/job.yaml", "yaml"),
    "deploy-shell": _excerpt("deploy/deploy.sh", "sh"),
}
"""Every generated block of templates."""
