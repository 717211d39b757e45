"""Which evidence may satisfy or deny (invariant 2). The same definition as ``lib.evidence`` in Rego; a test compares the two."""

from __future__ import annotations

from gate.model.evidence import CollectionError, Evidence
from gate.model.input import Input
from gate.model.parameters import Acceptance, Parameters

ALWAYS_VERIFIED = frozenset({"signature", "provenance"})
"""Kinds that nobody's word but a verified signer's can stand for, whatever the parameters say."""
_GIVEN = frozenset({"file", "computed"})
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
    """Whether the item may satisfy or deny."""
    demanded = acceptance(item.kind, params)
    if item.binding not in demanded.bindings:
        return False
    if verified_for(item):
        return True
    if demanded.verified or item.kind in ALWAYS_VERIFIED:
        return False
    return item.verification.state == "unverified" and item.origin in _GIVEN


def rejection(item: Evidence, params: Parameters) -> str:
    """Why the item is not accepted, for people; empty when it is."""
    if accepted(item, params):
        return ""
    demanded = acceptance(item.kind, params)
    check = item.verification
    if check.state == "failed":
        return f"verification failed: {check.reason or 'no reason given'}"
    if item.binding == "none":
        return "it names another image"
    needed = demanded.verified or item.kind in ALWAYS_VERIFIED or item.origin not in _GIVEN
    if check.state == "unverified" and needed:
        return f"not verified: {check.reason or 'no trust entry applies'}"
    if item.binding not in demanded.bindings:
        wanted = " or ".join(demanded.bindings) or "no binding at all"
        return f"bound to the subject as {item.binding!r}, accepted is {wanted}"
    roles = ", ".join(check.roles) or "none"
    return f"signed by {check.trust_entry or 'an entry'}, which does not vouch for {item.kind} (roles: {roles})"


def errors_for(document: Input, kind: str) -> tuple[CollectionError, ...]:
    """What kept evidence of the kind from being read.

    An error about a document that is merely attached and that nothing vouches for does not count: else anyone who can push
    could block. A document that the caller named counts always, and one of unknown kind may have been of this one.
    """
    attached = {
        item.id
        for item in document.evidence
        if item.origin not in _GIVEN and not accepted(item, document.decision.params) and item.verification.state != "verified"
    }
    return tuple(error for error in document.errors if error.kind in (kind, "unknown") and error.evidence not in attached)
