"""Statements about commits: source-track summaries and source provenance (SLSA 1.2, source track), and commit objects.

The same predicate types are written in camelCase and, by older tools, in snake_case; both are read, and a document that has a
field in both spellings with two values is refused. Commit objects prove themselves: their name is their hash.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from gate.errors import EvidenceInvalid
from gate.evidence.provenance.slsa import canonical_source
from gate.trust.statement import Statement

VSA_TYPE: Final = "https://slsa.dev/verification_summary/v1"
_SOURCE_PROVENANCE: Final = re.compile(
    r"https://(?:github\.com/slsa-framework/slsa-source-poc/source-provenance|slsa\.dev/source[-_]provenance)/v1(?:-draft|\.\d+)?"
)
_LEVEL: Final = re.compile(r"SLSA_(BUILD|SOURCE)_LEVEL_([0-9])")
_PARENT: Final = re.compile(rb"parent ([0-9a-f]{40}|[0-9a-f]{64})")
_COMMITTER: Final = re.compile(rb"committer .*> ([0-9]{1,12}) [+-][0-9]{4}")


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """A verification summary, of a commit or of an image."""

    verifier: str
    resource: str
    """As written, without ``git+``, user, ref and ``.git`` where it is a repository."""
    passed: bool
    levels: tuple[str, ...]
    refs: tuple[str, ...]
    """Refs that the commit is on, as the subject's annotation says."""
    verified: datetime.datetime

    def level(self, track: str) -> int | None:
        """The highest ``SLSA_<track>_LEVEL_n`` that it states; null when it states none."""
        found = [int(match[2]) for text in self.levels if (match := _LEVEL.fullmatch(text)) and match[1] == track]
        return max(found, default=None)


@dataclasses.dataclass(frozen=True, slots=True)
class Revision:
    """Source provenance: how a commit came to be on a branch."""

    previous: str
    """The commit that the branch was at before; empty for the first."""
    repository: str
    branch: str
    continuity_since: datetime.datetime | None
    """Since when the branch's continuity is enforced, as the statement says."""


@dataclasses.dataclass(frozen=True, slots=True)
class Commit:
    """A git commit object whose hash was checked."""

    id: str
    parents: tuple[str, ...]
    committed: datetime.datetime


def is_source_provenance(predicate_type: str) -> bool:
    """Whether statements of that type say how a commit came to be on a branch."""
    return _SOURCE_PROVENANCE.fullmatch(predicate_type) is not None


def read_summary(statement: Statement, subject: str) -> Summary:
    """The summary, with the refs of that subject (``gitCommit:…``, ``sha256:…``); raises EvidenceInvalid."""
    if statement.predicate_type != VSA_TYPE:
        raise EvidenceInvalid(f"it is no verification summary but {statement.predicate_type}")
    predicate = _object(statement.predicate)
    levels = predicate.get("verifiedLevels", predicate.get("verified_levels"))
    refs: list[str] = []
    algorithm, _, value = subject.partition(":")
    for one in statement.subjects:
        if one.digest.get(algorithm) == value:
            listed = _either(one.annotations, "sourceRefs", "source_refs")
            refs += [ref for ref in listed if isinstance(ref, str)] if isinstance(listed, list) else []
    return Summary(
        verifier=_text(_object(predicate.get("verifier")), "id", "id"),
        resource=canonical_source(_text(predicate, "resourceUri", "resource_uri")),
        passed=_text(predicate, "verificationResult", "verification_result") == "PASSED",
        levels=tuple(text for text in levels if isinstance(text, str)) if isinstance(levels, list) else (),
        refs=tuple(refs),
        verified=_time(_text(predicate, "timeVerified", "time_verified")),
    )


def read_revision(statement: Statement) -> Revision:
    """Raises EvidenceInvalid for another type, or a field in two spellings with two values."""
    if not is_source_provenance(statement.predicate_type):
        raise EvidenceInvalid(f"it is no source provenance but {statement.predicate_type}")
    predicate = _object(statement.predicate)
    since = None
    controls = predicate.get("controls")
    for control in controls if isinstance(controls, list) else []:
        if isinstance(control, dict) and control.get("name") == "CONTINUITY_ENFORCED":
            since = _time(_text(control, "since", "since"))
    return Revision(
        previous=_text(predicate, "prevCommit", "prev_commit").lower(),
        repository=canonical_source(_text(predicate, "repoUri", "repo_uri")),
        branch=_text(predicate, "branch", "branch"),
        continuity_since=since,
    )


def read_commit(raw: bytes, name: str) -> Commit:
    """The commit of that name from its object's content; raises EvidenceInvalid when the bytes are another one's."""
    header = b"commit %d\0" % len(raw)
    # git names objects by SHA-1, or by SHA-256 in repositories of that format
    hash_ = hashlib.sha256(header + raw) if len(name) == 64 else hashlib.sha1(header + raw, usedforsecurity=False)
    if hash_.hexdigest() != name:
        raise EvidenceInvalid(f"the commit object is not {name}", why=f"its hash is {hash_.hexdigest()}")
    head = raw.partition(b"\n\n")[0].split(b"\n")
    parents = tuple(match[1].decode() for line in head if (match := _PARENT.fullmatch(line)))
    committed = next((match for line in head if (match := _COMMITTER.match(line))), None)
    if committed is None:
        raise EvidenceInvalid(f"the commit object {name} has no committer")
    return Commit(name, parents, datetime.datetime.fromtimestamp(int(committed[1]), tz=datetime.UTC))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _either(value: Mapping[str, Any], camel: str, snake: str) -> Any:
    """The field under either name; raises EvidenceInvalid when both are there and differ."""
    if camel in value and snake in value and value[camel] != value[snake]:
        raise EvidenceInvalid(f"{camel} and {snake} say two things")
    return value.get(camel, value.get(snake))


def _text(value: Mapping[str, Any], camel: str, snake: str) -> str:
    found = _either(value, camel, snake)
    return found if isinstance(found, str) else ""


def _time(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise EvidenceInvalid(f"{text!r} is no RFC 3339 time")
    return moment
