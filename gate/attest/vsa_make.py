"""Making a verification summary (SLSA v1.2, ``verification_summary/v1``) from a verdict.

PASSED is said only when all of these hold (design section 8); else the verdict is refused, never weakened:

(1) the verdict is the one its digests say: outcome digest and policy digest are worked out again;
(2) the decision is ALLOW, and no rule is denied or without a verdict, and at least one rule looked at something;
(3) it was enforced;
(4) the clock was the clock: with another time, expired waivers could have been brought back;
(5) the engine was a local OPA, and one that the bundle allows where it names any;
(6) of an index, every platform in it was verified and allowed;
(7) levels are claimed from rules that passed, on provenance that was verified.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from gate.attest import levels, statement
from gate.attest.policy_digest import policy_digest
from gate.errors import SigningError, UsageError
from gate.model.acceptance import accepted
from gate.model.base import digest_of, to_json

if TYPE_CHECKING:
    from gate.model.evidence import Evidence
    from gate.model.verdict import Outcome, Verdict

SLSA_VERSION = "1.2"
PASSED_LEVEL = "POLICY_GATE_PASSED"
"""Claimed when no SLSA level is; names outside SLSA must not begin with ``SLSA_``."""
_TRACK_EVIDENCE = {"BUILD": "provenance", "SOURCE": "vsa"}
"""Kind without which a rule of that track passes only because there was nothing to look at."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def make_vsa(verdict: Verdict, *, verifier_id: str, resource_uri: str, policy_uri: str) -> bytes:
    """The statement to sign: PASSED for an ALLOW that keeps (1) to (7), FAILED for a DENY.

    `verifier_id`, `resource_uri` and `policy_uri` are URIs that the verifying side compares or shows. Raises UsageError when
    one is none, or the resource names another digest; SigningError when there can be no summary of this verdict.
    """
    outcome = verdict.outcome
    for name, value in (("verifier id", verifier_id), ("resource URI", resource_uri), ("policy URI", policy_uri)):
        if _URI.fullmatch(value) is None:
            raise UsageError(
                f"the {name} {value!r} is not a URI",
                why="a verification summary names its verifier, resource and policy by URIs; there is no default",
                fix="give one such as https://ci.example.com/policy-gate",
            )
    other = set(_DIGEST.findall(urllib.parse.unquote(resource_uri))) - {outcome.subject.digest}
    if other:
        raise UsageError(f"the resource URI names {other.pop()}, but the verdict is about {outcome.subject.digest}")
    _check_identity(verdict)
    passed = outcome.decision == "ALLOW"
    if passed:
        _check_passed(outcome)
    elif outcome.decision != "DENY":
        raise _refuse("the gate reached no verdict", "neither PASSED nor FAILED would be true", "see the verdict's reasons")
    inputs = [item for item in outcome.evidence if accepted(item, outcome.policy.params)]
    predicate: dict[str, Any] = {
        "verifier": {"id": verifier_id, "version": {"gate": outcome.gate, outcome.engine.name: outcome.engine.version}},
        # a failed check under another time is still failed; but the summary says when it really took place
        "timeVerified": outcome.time.now if outcome.time.source == "clock" else verdict.run.finished,
        "resourceUri": resource_uri,
        "policy": {
            "uri": policy_uri,
            "digest": _digest_set(outcome.digests.policy),
            "annotations": {
                "outcome": verdict.outcome_digest,
                "trust": outcome.digests.trust,
                "bundles": sorted(outcome.digests.bundles.values()),
            },
        },
        "inputAttestations": [
            {"name": item.kind, "digest": _digest_set(item.id), "mediaType": item.media_type}
            for item in sorted(inputs, key=lambda item: item.id)
        ],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": (_levels(outcome, inputs) or [PASSED_LEVEL]) if passed else ["FAILED"],
        "slsaVersion": SLSA_VERSION,
    }
    if reported := _report_mode(outcome):
        predicate["policy"]["annotations"]["report_mode"] = reported
    subject = statement.subject_of(outcome.subject.name, outcome.subject.digest)
    return statement.make([subject], levels.PREDICATE_TYPE, predicate)


def _check_identity(verdict: Verdict) -> None:
    """(1), and that the subject is something a registry knows."""
    outcome = verdict.outcome
    if outcome.subject.kind == "archive":
        raise _refuse(
            "the subject is a tarball made by `docker save`",
            "its digest is that of its configuration, by which no registry knows the image",
            "push the image, or save it as an OCI layout, and verify that",
        )
    if digest_of(to_json(outcome)) != verdict.outcome_digest:
        raise _refuse("the outcome does not have the digest that the verdict says", "it was changed after it was reached", "")
    expected = policy_digest(outcome.policy, outcome.digests.bundles, trust=outcome.digests.trust)
    if outcome.digests.policy != expected:
        raise _refuse(
            f"the policy digest is {outcome.digests.policy}, but that of the decision block is {expected}",
            "the summary would name another policy than the one that was evaluated",
            "",
        )


def _check_passed(outcome: Outcome) -> None:
    """(2) to (6)."""
    for rule in outcome.rules:
        if rule.state in ("denied", "no_verdict"):  # (2)
            raise _refuse(f"rule {rule.rule} is {rule.state}", "an ALLOW with it is contradictory", "")
    if not any(rule.state in ("passed", "warned", "waived") for rule in outcome.rules):  # (2)
        raise _refuse("no rule looked at anything", "an empty policy passes everything", "check the selection of rules")
    if not outcome.enforced or outcome.policy.exit_zero:  # (3)
        raise _refuse("the verdict was not enforced", "it ran with --exit-zero", "run without it")
    if outcome.time.source != "clock":  # (4)
        raise _refuse("the time was overridden", "under another time expired waivers come back", "run without --effective-time")
    if outcome.engine.name != "opa" or not outcome.digests.engine or not outcome.digests.bundles:  # (5)
        raise _refuse("the engine or its bundle is not known by digest", "a local OPA and a bundle are", "")
    if outcome.policy.engine_required and outcome.digests.engine not in outcome.policy.engine_required:  # (5)
        raise _refuse(
            f"the engine {outcome.digests.engine} is not among those that the bundle allows",
            "the bundle's author vouches for certain builds of OPA only",
            "run `gate doctor`, and use one of: " + ", ".join(outcome.policy.engine_required),
        )
    allowed = [child.decision == "ALLOW" for child in outcome.children]
    if not all(allowed) or (outcome.subject.kind == "index" and not allowed):  # (6)
        raise _refuse("not every platform of the index was verified and allowed", "the summary covers all of them", "")


def _report_mode(outcome: Outcome) -> list[str]:
    """Rules that were looked at but could not deny, as a whole or in part.

    PASSED alone would not say so.
    """
    return sorted(
        {
            rule.rule
            for rule in outcome.rules
            if (rule.mode == "report" and rule.state != "not_applicable")
            or any(result.because == "report mode" for result in rule.results)
        }
    )


def _levels(outcome: Outcome, inputs: list[Evidence]) -> list[str]:
    """(7): per track the highest level whose rules, and those of the lower levels, all passed."""
    verified = {item.kind for item in inputs if item.verification.state == "verified"}
    tracks: dict[str, dict[int, bool]] = {}
    for rule in outcome.rules:
        for control in rule.controls:
            level = levels.of_control(control.id) if control.framework.upper() == "SLSA" else None
            if level is not None and _TRACK_EVIDENCE[level[0]] in verified:
                track = tracks.setdefault(level[0], {})
                track[level[1]] = track.get(level[1], True) and rule.state == "passed"
    claimed = []
    for name, track in sorted(tracks.items()):
        best = None
        for number in sorted(track):
            if not track[number]:
                break
            best = number
        if best is not None:
            claimed.append(f"SLSA_{name}_LEVEL_{best}")
    return claimed


def _digest_set(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def _refuse(what: str, why: str, fix: str) -> SigningError:
    return SigningError(f"no verification summary can be made: {what}", why=why, fix=fix)
