"""Which evidence may satisfy or deny (invariant 2): the one definition in Python. Rego has its own in ``lib.evidence``; tests
compare the two over every combination.
"""

from __future__ import annotations

from gate.model.evidence import Evidence
from gate.model.parameters import Acceptance, Parameters

ALWAYS_VERIFIED = frozenset({"signature", "provenance"})
"""Kinds that nobody's word but a verified signer's can stand for, whatever the parameters say."""
GIVEN = frozenset({"file", "computed"})
"""Origins that the caller answers for. What is merely attached to an image anyone who can push could have put there."""
_NOTHING = Acceptance(verified=True, bindings=())


def acceptance(kind: str, params: Parameters) -> Acceptance:
    """What the parameters demand of a kind; nothing is accepted when neither the kind nor ``*`` is there."""
    return params.accept.get(kind, params.accept.get("*", _NOTHING))


def verified_for(item: Evidence) -> bool:
    """Whether a trust entry with the role of this kind verified it."""
    check = item.verification
    return check.state == "verified" and (item.kind in check.roles or "*" in check.roles)


def accepted(item: Evidence, params: Parameters) -> bool:
    """Whether what the item says counts."""
    demanded = acceptance(item.kind, params)
    if item.binding not in demanded.bindings:
        return False
    if verified_for(item):
        return True
    if demanded.verified or item.kind in ALWAYS_VERIFIED:
        return False
    return item.verification.state == "unverified" and item.origin in GIVEN


def satisfies(item: Evidence, params: Parameters) -> bool:
    """Whether the item may meet a requirement: accepted, and no partial scan, whose findings count all the same."""
    return not item.partial and accepted(item, params)
