"""How a commit came to be: back along the first parents, each step vouched for by a summary and by source provenance."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from gate.errors import EvidenceError
from gate.evidence.collect import Opened
from gate.evidence.provenance.source import Commit, Revision, is_source_provenance, read_commit, read_revision


class _Shelf(Protocol):
    def about(self, subject: str) -> Sequence[Opened]: ...

    def commit(self, name: str) -> bytes | None: ...


Counts = Callable[[Opened, str, str], bool]
"""Whether an item is by somebody who is trusted for a role (``vsa``, ``attestation``), and fit, about a subject."""


@dataclasses.dataclass(frozen=True, slots=True)
class History:
    """What was seen."""

    last: str
    """The oldest commit that was looked at."""
    commits: int
    """How many have a summary, source provenance, and their first parent as predecessor."""
    detail: str
    gaps: tuple[str, ...]


def walk_back(commit: str, repository: str, shelf: _Shelf, counts: Counts, limit: int) -> History:
    """From the commit back, at most ``limit`` of them.

    It ends without a gap where the history begins (a commit without parents, or older than the enforcement that the newer
    statement names) or where the commit object is not at hand; ``detail`` says which.
    """
    current, done, since = commit, 0, None
    branch: str | None = None
    while done < limit:
        raw = shelf.commit(current)
        if raw is None:
            return _end(current, done, f"the commit object of {current} is not at hand")
        try:
            made = read_commit(raw, current)
        except EvidenceError as error:
            return _end(current, done, "", error.what)
        if since is not None and made.committed < since:
            return _end(current, done, f"{current} is older than the enforcement of continuity")
        found = _revision(current, repository, branch, shelf, counts)
        if isinstance(found, str):
            return _end(current, done, "", found)
        problem = _contradiction(made, found)
        if problem:
            return _end(current, done, "", problem)
        done += 1
        branch, since = found.branch, found.continuity_since
        if not made.parents:
            return _end(current, done, "back to the first commit")
        current = made.parents[0]
    return _end(current, done, f"back to {current}, which is as far as was asked for")


def _end(last: str, done: int, detail: str, *gaps: str) -> History:
    text = f"{done} commits without a gap" + (f"; {detail}" if detail else "")
    if not done and not gaps:
        text = detail
    return History(last=last, commits=done, detail=text, gaps=gaps)


def _revision(commit: str, repository: str, branch: str | None, shelf: _Shelf, counts: Counts) -> Revision | str:
    """What a trusted statement says of the commit, or why there is none."""
    key = f"gitCommit:{commit}"
    items = shelf.about(key)
    if not any(item.kind == "vsa" and counts(item, "vsa", key) for item in items):
        return f"{commit} has no summary by a trusted verifier"
    problem = f"{commit} has no source provenance by a trusted signer"
    for item in items:
        if item.statement is None or not is_source_provenance(item.statement.predicate_type):
            continue
        if not counts(item, "attestation", key):
            continue
        try:
            found = read_revision(item.statement)
        except EvidenceError as error:
            problem = f"{commit}: {error.what}"
            continue
        if found.repository.lower() != repository.lower():
            problem = f"{commit}: its source provenance is about {found.repository}"
        elif branch is not None and found.branch != branch:
            problem = f"{commit}: its source provenance is about the branch {found.branch}, not {branch}"
        else:
            return found
    return problem


def _contradiction(commit: Commit, revision: Revision) -> str:
    first = commit.parents[0] if commit.parents else ""
    # The first commit of a branch under watch may name no predecessor.
    if revision.previous != first and (revision.previous or first):
        said = f"its source provenance says it followed {revision.previous or 'nothing'}"
        return f"{commit.id}: {said}, its first parent is {first or 'none'}"
    return ""
