"""Where the chain from source to binary is broken, as far as one statement can show it."""

from __future__ import annotations

from collections.abc import Iterable

from gate.model.evidence import Verification
from gate.model.input import BrokenLink, ProvenanceFact


def broken_links(fact: ProvenanceFact, verification: Verification) -> tuple[BrokenLink, ...]:
    """Kinds: ``untrusted``, ``no_builder``, ``no_source``, ``no_source_digest``, ``certificate_mismatch``.

    Whether a level or a builder is good enough is for the policy, and so are materials without a digest (they are facts of the
    statement); each of these is a gap in the chain whatever the policy.
    """
    return tuple(BrokenLink(kind=kind, evidence=fact.evidence, reason=reason) for kind, reason in _reasons(fact, verification))


def _reasons(fact: ProvenanceFact, verification: Verification) -> Iterable[tuple[str, str]]:
    if verification.state != "verified":
        yield "untrusted", f"nobody trusted vouches for it: {verification.reason or verification.state}"
    elif not {"provenance", "*"} & set(verification.roles):
        yield "untrusted", f"trust entry {verification.trust_entry} does not vouch for provenance"
    if not fact.builder:
        yield "no_builder", "the statement does not say who built the image"
    if not fact.source_uri:
        yield "no_source", "the statement names no source repository, or several without saying which was built"
    if not fact.source_digest:
        yield "no_source_digest", "the statement names no commit, so which source was built cannot be told"
    for mismatch in fact.certificate_mismatches:
        yield "certificate_mismatch", mismatch
