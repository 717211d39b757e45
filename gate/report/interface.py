"""What a renderer gets: verdicts and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Literal, Protocol

import msgspec

from gate.errors import UsageError
from gate.model.base import Model, digest_of, to_json
from gate.model.verdict import Outcome, Verdict, Word

SCHEMA: Literal["gate.report/v1"] = "gate.report/v1"
EXIT_CODES: dict[Word, int] = {"ALLOW": 0, "DENY": 1, "NO_VERDICT": 3}
_WORST: tuple[Word, ...] = ("DENY", "NO_VERDICT", "ALLOW")


class Failure(Model, frozen=True, kw_only=True):
    """A subject about which nothing could be decided, not even a digest found."""

    subject: str
    exit_code: int
    reason: str
    fix: str


class ReportDocument(Model, frozen=True, kw_only=True):
    """``gate.report/v1``: the verdicts of one run."""

    schema: Literal["gate.report/v1"]
    decision: Word
    exit_code: int
    verdicts: tuple[Verdict, ...]
    failures: tuple[Failure, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """The verdicts of one run, one per subject and platform; an index's own verdict follows those of its platforms."""

    verdicts: tuple[Verdict, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def decision(self) -> Word:
        """The first of DENY, NO_VERDICT, ALLOW that occurs; no verdict at all is NO_VERDICT (invariant 1)."""
        words: set[Word] = {verdict.outcome.decision for verdict in self.verdicts}
        if self.failures:
            words.add("NO_VERDICT")
        return next((word for word in _WORST if word in words), "NO_VERDICT")

    @property
    def exit_code(self) -> int:
        """The exit code of the run (design §4): ``--exit-zero`` maps DENY, and nothing else, to 0."""
        codes = [failure.exit_code for failure in self.failures]
        for verdict in self.verdicts:
            outcome = verdict.outcome
            codes.append(0 if outcome.decision == "DENY" and outcome.policy.exit_zero else EXIT_CODES[outcome.decision])
        return next((code for code in (4, 2, 1, 3, 0) if code in codes), EXIT_CODES["NO_VERDICT"])


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """How text may look. Colour never carries meaning alone."""

    color: bool = False
    verbose: bool = False
    policy_path: str = "security-policy.yaml"
    """Repository-relative path that code-scanning alerts point at."""


class Renderer(Protocol):
    def __call__(self, report: Report, style: Style) -> bytes:
        """Deterministic bytes for the same report and style; raises nothing."""


def load_report(data: bytes) -> Report:
    """A report or a single verdict from JSON.

    Raises UsageError when the bytes are neither, or when an outcome is not the one its digest names: a report made from a
    changed verdict would say what nobody decided.
    """
    try:
        document = msgspec.json.decode(data, type=ReportDocument)
        verdicts, failures = document.verdicts, document.failures
    except msgspec.MsgspecError as first:
        try:
            verdicts, failures = (msgspec.json.decode(data, type=Verdict),), ()
        except msgspec.MsgspecError as second:
            raise UsageError(
                "this is neither a gate.report/v1 nor a gate.verdict/v1 document",
                why=f"as a report: {first}; as a verdict: {second}",
                fix="give the file written by `gate verify --output json=FILE`",
            ) from None
    # The document's own values are hashed, not ours: a gate with newer, additive fields would write others.
    raw = msgspec.json.decode(data)
    for verdict, said in zip(verdicts, raw.get("verdicts", (raw,)), strict=True):
        if digest_of(to_json(said["outcome"])) != verdict.outcome_digest:
            raise UsageError(
                f"the outcome is not the one that {verdict.outcome_digest} names",
                why="the document was changed after the gate wrote it",
                fix="take the verdict from the store: gate report --from sha256:…",
            )
    return Report(verdicts=verdicts, failures=failures)


def outcome_digest(outcome: Outcome) -> str:
    """The verdict's identity: digest of the deterministic bytes of its outcome."""
    return digest_of(to_json(outcome))
