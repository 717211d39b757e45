"""Why evidence is not accepted, and which errors count against it. The definition itself is `gate.model.acceptance`."""

from __future__ import annotations

from gate.model.acceptance import ALWAYS_VERIFIED, GIVEN, acceptance, accepted, satisfies, verified_for
from gate.model.evidence import CollectionError, Evidence
from gate.model.input import Input
from gate.model.parameters import Parameters

__all__ = ["ALWAYS_VERIFIED", "acceptance", "accepted", "errors_for", "rejection", "satisfies", "verified_for"]


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
    needed = demanded.verified or item.kind in ALWAYS_VERIFIED or item.origin not in GIVEN
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
        if item.origin not in GIVEN and not accepted(item, document.decision.params) and item.verification.state != "verified"
    }
    return tuple(error for error in document.errors if error.kind in (kind, "unknown") and error.evidence not in attached)
