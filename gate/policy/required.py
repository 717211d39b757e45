"""Required evidence, enforced by the engine outside anyone's Rego (invariant 5). Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

from gate.model.evidence import Evidence
from gate.model.input import Input
from gate.policy.acceptance import errors_for, rejection, satisfies, verified_for
from gate.policy.inventory import Requirement
from gate.policy.parameters import is_asked
from gate.policy.results import RawResult

_SHOWN = 5
PARTIAL = "it looks at one kind of packages only, and stands for no scan"
_UNCOLLECTED = frozenset({"fips", "stig"})
COMPUTED = frozenset({"fips"})
"""Kinds whose facts the gate itself reads out of the image: collected, they are there; only rules make something of them."""
_WHY = {
    "fips": "the image's files could not be looked at",
    "stig": "no results were given, and the image's files could not be looked at",
}

_HOW = {
    "vulnerabilities": "scan this digest: `gate verify --scan …`, or give the report with --evidence",
    "sbom": "make one for this digest (`gate sbom generate`) and give it with --evidence, or attach it with `cosign attest`",
    "signature": "sign the image by digest (`cosign sign`) and name the signer with --key or --certificate-identity",
    "provenance": "have the build system attest SLSA provenance for this digest and name its identity",
    "fips": "name the image itself, in a registry, layout or archive that holds its layers, and not a bare digest",
    "sast": "give the SARIF of this source revision with --evidence",
    "stig": "scan this digest with --scan stig, or give the results of a scanner with --evidence (docs/compliance-scanners.md)",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Missing:
    """A requirement that is not met: ``deny`` when it was searched for completely, ``no_verdict`` when it could not be told."""

    effect: Literal["deny", "no_verdict"]
    result: RawResult


def parameter(document: Input, name: str) -> object:
    """A parameter's value; a ``custom.`` one that is not there counts as asked, the least favourable reading."""
    params = document.decision.params
    if name.startswith("custom."):
        return params.custom.get(name.removeprefix("custom."), True)
    return getattr(params, name)


def is_required(document: Input, need: Requirement, applies_to: Iterable[str]) -> bool:
    """Whether the requirement holds for this subject.

    On an index only what must be on the index itself is required; the rest is asked of each platform, which sees the index's
    evidence too. A rule for indexes alone is never asked of a platform, so there everything is required at once.
    """
    if need.when is not None and not is_asked(parameter(document, need.when)):
        return False
    if document.subject.kind == "index" and need.on != "index":
        return "image" not in applies_to and need.on == "either"
    return True


def _placed(item: Evidence, need: Requirement, document: Input) -> bool:
    if item.on == "none":
        return False
    if need.on == "either" or item.on == need.on:
        return True
    # an image without an index is itself what is deployed
    return need.on == "index" and document.subject.kind != "index" and document.subject.index_digest is None


def candidates(document: Input, need: Requirement) -> tuple[Evidence, ...]:
    """The items that meet the requirement."""
    params = document.decision.params
    return tuple(
        item
        for item in document.evidence
        if item.kind == need.kind
        and _placed(item, need, document)
        and satisfies(item, params)
        and (need.state == "accepted" or verified_for(item))
    )


def unmet(document: Input, need: Requirement, rule: str) -> Missing | None:
    """What is missing, as a result of ``rule``; None when the requirement is met."""
    good = {item.id for item in candidates(document, need)}
    found = [item for item in document.evidence if item.kind == need.kind]
    bad = [item for item in found if item.id not in good]
    about = [item for item in bad if item.binding != "none" and not item.partial and _placed(item, need, document)]
    if good and not (need.select == "all" and about):
        return None
    if need.facts and _has_facts(document, need.kind):
        return None
    kind, where = need.kind, _where(document)
    if kind in COMPUTED and getattr(document, kind).collected:
        return None  # the image itself is the evidence; what is unknown of it gives no verdict by the rules
    if kind in _UNCOLLECTED and need.when != "stig_require_results" and not found and not getattr(document, kind).collected:
        text = f"no {kind} facts{where}: {_WHY[kind]}"
        fix = _HOW[kind]
        return _missing(rule, need, "no_verdict", text, "none", (), fix)
    errors = errors_for(document, kind)
    if errors:
        reasons = "; ".join(f"{error.source}: {error.reason}" for error in errors[:_SHOWN])
        text = f"no accepted {kind}{where}, and not everything could be read: {reasons}"
        fix = next((error.fix for error in errors if error.fix), "repair or remove what could not be read, or retry")
        return _missing(rule, need, "no_verdict", text, errors[0].code, bad, fix)
    if good:
        text = f"every {kind}{where} must be accepted: {_listing(bad, document, need)}"
    elif bad:
        text = f"no accepted {kind}{where}; found: {_listing(bad, document, need)}"
    else:
        text = f"no {kind}{where} was found"
    return _missing(
        rule, need, "deny", text, f"{len(good)} of {len(found)} accepted", bad, _HOW.get(kind, f"provide {kind} evidence")
    )


def _has_facts(document: Input, kind: str) -> bool:
    """Whether the image itself was looked into for facts of the kind."""
    return kind == "stig" and document.hardening.collected and document.filesystem.collected


def _where(document: Input) -> str:
    subject = document.subject
    return f" for {subject.platform}" if subject.platform is not None and subject.index_digest is not None else ""


def _listing(items: list[Evidence], document: Input, need: Requirement) -> str:
    texts = []
    for item in items[:_SHOWN]:
        reason = rejection(item, document.decision.params) or (PARTIAL if item.partial else "")
        if not reason:
            reason = (
                "not verified"
                if not verified_for(item) and need.state == "verified"
                else f"on the {item.on}, needed on the {need.on}"
            )
        texts.append(f"{item.source} ({item.format}): {reason}")
    more = len(items) - _SHOWN
    return "; ".join(texts) + (f"; and {more} more" if more > 0 else "")


def _missing(
    rule: str, need: Requirement, effect: Literal["deny", "no_verdict"], msg: str, got: str, items: Iterable[Evidence], fix: str
) -> Missing:
    state = "verified" if need.state == "verified" or need.kind in ("signature", "provenance") else "accepted"
    return Missing(
        effect,
        RawResult(
            rule=rule,
            term=need.kind,
            msg=msg,
            evidence=tuple(sorted(item.id for item in items)),
            expected=f"{'all' if need.select == 'all' else 'one'} {state}, on {need.on}",
            got=got,
            fix=fix,
            data={"kind": need.kind, "when": need.when},
        ),
    )
