"""One input document, one engine, one outcome: the step that a run and its replay share. No socket, no clock, no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from gate import __version__
from gate.attest.policy_digest import policy_digest
from gate.model.base import digest_of, to_json
from gate.model.input import Input
from gate.model.verdict import ChildOutcome, Digests, Outcome
from gate.model.verdict import Engine as EngineName
from gate.policy import capabilities
from gate.policy.decide import decide, packages_to_evaluate
from gate.policy.engine import Engine


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    outcome: Outcome
    input_bytes: bytes
    """What was hashed, stored and given to OPA: the same bytes."""


def judge(
    document: Input, engine: Engine, *, trust: str, children: Sequence[ChildOutcome] = (), stored: bytes | None = None
) -> Judged:
    """Decide about the document. ``trust`` is the digest of whom the gate trusted when it verified the evidence.

    ``stored``: the bytes that the document was decoded from, in a replay; a gate with newer, additive fields would write others.
    Raises PolicyError and EngineError; nothing else, and never gives an outcome that OPA did not answer for.
    """
    data = to_json(document) if stored is None else stored
    evaluation = engine.evaluate(data, packages_to_evaluate(document, engine.inventory))
    bundles = engine.policy.digests
    digests = Digests(
        input=digest_of(data),
        policy=policy_digest(document.decision, bundles, trust=trust),
        bundles=dict(bundles),
        capabilities=capabilities.digest(),
        trust=trust,
        engine=engine.binary.digest,
    )
    outcome = decide(
        document,
        engine.inventory,
        evaluation,
        digests=digests,
        engine=EngineName(name="opa", version=engine.binary.version),
        gate=__version__,
        children=children,
    )
    return Judged(outcome, data)
