"""The same decision again, from the store: one verdict, or many under a changed bundle."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import msgspec

from gate.audit.store import Record, Store, StoredVerdict
from gate.errors import GateError, StoreError
from gate.judge import judge
from gate.limits import Limits
from gate.model.base import digest_of, to_json
from gate.model.input import Input
from gate.model.verdict import Outcome, Verdict, Word
from gate.policy.bundle import Policy, load_archive
from gate.policy.engine import Engine
from gate.policy.opa import OpaBinary


@dataclasses.dataclass(frozen=True, slots=True)
class Replayed:
    """What deciding again gave, beside what was decided then."""

    record: Record
    stored: Outcome
    again: Outcome
    differences: tuple[str, ...]
    """Why the bytes differ: another gate, another OPA, or parts of the outcome."""

    @property
    def identical(self) -> bool:
        return digest_of(to_json(self.again)) == self.record.outcome

    @property
    def same_decision(self) -> bool:
        return self.stored.decision == self.again.decision


def stored_input(store: Store, stored: StoredVerdict) -> tuple[Verdict, Input, bytes]:
    """The verdict, its input document and that document's bytes, rehashed.

    Raises StoreError when either is not what the record says.
    """
    try:
        verdict = msgspec.json.decode(stored.data, type=Verdict)
        data = store.get(verdict.outcome.digests.input)
        document = msgspec.json.decode(data, type=Input)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"the stored verdict or its input cannot be read: {error}",
            why="it was written by a gate with another contract, or changed",
            fix="replay it with the gate version that the verdict names",
        ) from None
    return verdict, document, data


def stored_policy(store: Store, stored: StoredVerdict, outcome: Outcome, limits: Limits) -> Policy:
    """The packs that decided then, from the store. Raises StoreError when one is missing."""
    names = {digest: name for name, digest in outcome.digests.bundles.items()}
    missing = set(names) - set(stored.refs.get("bundle", ()))
    if missing:
        raise StoreError(
            f"the store lacks the policy pack {missing.pop()}", fix="replay from the store that the verdict was written to"
        )
    return Policy(tuple(load_archive(store.get(digest), name=name, limits=limits) for digest, name in names.items()))


def replay(store: Store, record: Record, binary: OpaBinary, limits: Limits) -> Replayed:
    """Decide again with the stored input and packs. Raises StoreError, PolicyError, EngineError."""
    stored = store.load(record)
    verdict, document, data = stored_input(store, stored)
    policy = stored_policy(store, stored, verdict.outcome, limits)
    with Engine(binary, policy, limits) as engine:
        judged = judge(document, engine, trust=verdict.outcome.digests.trust, children=verdict.outcome.children, stored=data)
    return Replayed(record, verdict.outcome, judged.outcome, tuple(_differences(verdict.outcome, judged.outcome)))


def _differences(then: Outcome, now: Outcome) -> Iterator[str]:
    if then.gate != now.gate:
        yield f"gate {then.gate} then, {now.gate} now"
    if then.digests.engine != now.digests.engine:
        yield f"opa {then.engine.version} ({then.digests.engine}) then, {now.engine.version} ({now.digests.engine}) now"
    for field in then.__struct_fields__:
        if field not in ("gate", "engine", "digests") and getattr(then, field) != getattr(now, field):
            yield f"{field} differs"
    for name in ("policy", "bundles", "capabilities"):
        if getattr(then.digests, name) != getattr(now.digests, name):
            yield f"digest of {name} differs"


@dataclasses.dataclass(frozen=True, slots=True)
class Impact:
    """What one stored verdict would become under another bundle."""

    record: Record
    before: Word
    after: Word | None
    """Null when the new bundle could not decide."""
    newly: tuple[str, ...]
    """Rules that would begin to deny or to give no verdict."""
    cleared: tuple[str, ...]
    error: str = ""

    @property
    def flips(self) -> bool:
        return self.after != self.before


def impact(store: Store, records: Iterable[Record], engine: Engine) -> Iterator[Impact]:
    """Decide stored inputs under another engine's bundle; a record that cannot be decided again is reported, never skipped.

    Waivers, parameters and selection are those of the stored decision: only the bundle changes.
    """
    for record in records:
        try:
            stored = store.load(record)
            verdict, document, data = stored_input(store, stored)
            outcome = judge(
                document, engine, trust=verdict.outcome.digests.trust, children=verdict.outcome.children, stored=data
            ).outcome
        except GateError as error:
            before: Word = "NO_VERDICT" if record.decision not in ("ALLOW", "DENY") else record.decision  # type: ignore[assignment]  # narrowed by the test
            yield Impact(record, before, None, (), (), error.what)
            continue
        then, now = _blocking(verdict.outcome), _blocking(outcome)
        yield Impact(record, verdict.outcome.decision, outcome.decision, tuple(sorted(now - then)), tuple(sorted(then - now)))


def _blocking(outcome: Outcome) -> set[str]:
    return {rule.rule for rule in outcome.rules if rule.state in ("denied", "no_verdict")}
