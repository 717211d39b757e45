"""Checking a verification summary before acting on it (SLSA v1.2, "How to verify"; design section 8).

Nothing is optional, for a summary is believed in place of all the evidence behind it:

(1) the signature verifies under a trust entry that may sign summaries; nothing inside is looked at before;
(2) it is an in-toto statement of exactly the type ``verification_summary/v1``;
(3) it is about the subject, by digest;
(4) the verifier is the one that the caller pairs with these keys;
(5) it is about the resource;
(6) it was reached under the policy with that digest;
(7) the result is PASSED;
(8) its levels include those wanted;
(9) it is neither too old nor from the future.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gate.attest import levels as slsa
from gate.errors import EvidenceInvalid, UsageError
from gate.limits import DEFAULT, Limits
from gate.trust.envelope import open_envelope

if TYPE_CHECKING:
    from gate.model.evidence import Verification
    from gate.trust.entry import Trust
    from gate.trust.envelope import Envelope

SKEW_S = 300
"""How far a summary's time may lie ahead of ours before it counts as being from the future."""
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VsaResult:
    """A summary that passed every check, and what it says."""

    verifier_id: str
    verifier_version: Mapping[str, str]
    resource_uri: str
    subject_digest: str
    policy_digest: str
    policy_uri: str
    levels: tuple[str, ...]
    time_verified: str
    age_s: int
    """Seconds since `time_verified`; 0 when it lies ahead within the skew."""
    input_attestations: int
    form: str
    """``bundle`` or ``dsse``."""
    verification: Verification
    checks: tuple[str, ...]
    """What was checked, in order."""


def verify_vsa(
    data: bytes,
    *,
    trust: Trust,
    verifier_id: str,
    resource_uri: str,
    subject_digest: str,
    policy_digest: str,
    max_age_s: int,
    now: datetime.datetime,
    levels: tuple[str, ...] = (),
    skew_s: int = SKEW_S,
    limits: Limits = DEFAULT,
) -> VsaResult:
    """Check a Sigstore bundle or a bare DSSE envelope; every parameter is a demand.

    The entries of `trust` are those that may sign for `verifier_id`; each needs the role ``vsa`` or ``*``. `now` is an aware
    time. Raises EvidenceInvalid naming the first check that failed, UsageError for a demand that cannot be met.
    """
    _check_demands(trust, verifier_id, resource_uri, subject_digest, policy_digest, max_age_s, now, levels)
    envelope = _open(data, trust, limits)  # (1)
    predicate = _predicate(envelope, subject_digest)  # (2), (3)
    verifier = _object(predicate, "verifier")
    _equal("verifier.id", _text(verifier, "id"), verifier_id, "this verifier is not the one paired with the keys")  # (4)
    _equal("resourceUri", _text(predicate, "resourceUri"), resource_uri, "the summary is about another resource")  # (5)
    policy = _object(predicate, "policy")
    algorithm, _, value = policy_digest.partition(":")
    found = _object(policy, "digest").get(algorithm)
    _equal(f"policy.digest.{algorithm}", found, value, "it was verified under another policy")  # (6)
    _equal("verificationResult", _text(predicate, "verificationResult"), "PASSED", "the gate said no")  # (7)
    verified = _levels(predicate, levels)  # (8)
    time_verified = _text(predicate, "timeVerified")
    age = _age(time_verified, now, max_age_s, skew_s)  # (9)
    version = verifier.get("version")
    uri = policy.get("uri")
    return VsaResult(
        verifier_id=verifier_id,
        verifier_version={k: v for k, v in version.items() if isinstance(v, str)} if isinstance(version, dict) else {},
        resource_uri=resource_uri,
        subject_digest=subject_digest,
        policy_digest=policy_digest,
        policy_uri=uri if isinstance(uri, str) else "",
        levels=verified,
        time_verified=time_verified,
        age_s=age,
        input_attestations=_input_attestations(predicate),
        form=envelope.form,
        verification=envelope.verification,
        checks=(
            *("signature", "predicate type", "subject digest", "verifier id", "resource URI", "policy digest", "result"),
            *(("levels",) if levels else ()),
            "age",
        ),
    )


def _check_demands(
    trust: Trust,
    verifier_id: str,
    resource_uri: str,
    subject_digest: str,
    policy_digest: str,
    max_age_s: int,
    now: datetime.datetime,
    levels: tuple[str, ...],
) -> None:
    """An empty demand would be met by everything (invariant 1)."""
    if not trust.entries:
        raise UsageError("no key and no identity to trust", fix="name the public key of the verifier with --key")
    for name, value in (("verifier id", verifier_id), ("resource URI", resource_uri)):
        if not value:
            raise UsageError(f"no {name} is given", why="a summary by anyone, or about anything, is not what is asked for")
    for name, value in (("subject digest", subject_digest), ("policy digest", policy_digest)):
        if _DIGEST.fullmatch(value) is None:
            raise UsageError(f"the {name} {value!r} is not a digest", fix="give it as sha256:<64 hex digits>")
    if max_age_s <= 0:
        raise UsageError("the maximum age is not above zero", fix="give it, for example 7 days")
    if now.tzinfo is None:
        raise UsageError("the time to judge by has no time zone")
    if "FAILED" in levels or not all(levels):
        raise UsageError("a level that is demanded is empty or FAILED", fix="demand levels such as SLSA_BUILD_LEVEL_2")


def _open(data: bytes, trust: Trust, limits: Limits) -> Envelope:
    envelope = open_envelope(data, annotations={}, media_type="", trust=trust, limits=limits)
    if envelope is None or envelope.form not in ("bundle", "dsse"):
        raise _failed("form", "these bytes are neither a Sigstore bundle nor a DSSE envelope", "")
    verification = envelope.verification
    if verification.state != "verified":
        raise _failed("signature", f"it is not verified: {verification.reason}", "anyone could have written it")
    if not {slsa.ROLE, "*"} & set(verification.roles):
        raise _failed(
            "signature",
            f"the trust entry {verification.trust_entry!r} vouches for {', '.join(verification.roles)}, not for {slsa.ROLE}",
            "whoever signs one kind of evidence does not thereby decide what ships",
        )
    return envelope


def _predicate(envelope: Envelope, subject_digest: str) -> dict[str, Any]:
    made = envelope.statement
    if made is None or envelope.payload_type != _PAYLOAD_TYPE:
        raise _failed("predicate type", f"the payload is {envelope.payload_type!r}, not an in-toto statement", "")
    _equal("predicate type", made.predicate_type, slsa.PREDICATE_TYPE, "another kind of statement says nothing about policy")
    if not made.is_about(subject_digest):
        about = ", ".join(f"{k}:{v}" for subject in made.subjects for k, v in subject.digest.items())
        raise _failed("subject digest", f"it is about {about or 'nothing'}, not about {subject_digest}", "")
    if not isinstance(made.predicate, dict):
        raise _failed("predicate", "it is not an object", "")
    return made.predicate


def _levels(predicate: Mapping[str, Any], wanted: tuple[str, ...]) -> tuple[str, ...]:
    found = predicate.get("verifiedLevels")
    if not isinstance(found, list) or not found or not all(isinstance(level, str) and level for level in found):
        raise _failed("verifiedLevels", "it is not a list of names with at least one", "")
    if "FAILED" in found:
        raise _failed("verifiedLevels", "it says FAILED beside PASSED", "the summary contradicts itself")
    for level in wanted:
        if not slsa.covers(found, level):
            raise _failed("verifiedLevels", f"{level} is demanded; the summary has {', '.join(found)}", "")
    return tuple(found)


def _age(text: str, now: datetime.datetime, max_age_s: int, skew_s: int) -> int:
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError
        age = (now - datetime.datetime.fromisoformat(text.upper())).total_seconds()
    except (ValueError, OverflowError):
        raise _failed("timeVerified", f"{text!r} is not a time", "RFC 3339 with a time zone is") from None
    if age < -skew_s:
        raise _failed("timeVerified", f"{text} is {-age:.0f} s in the future", f"clocks may differ by {skew_s} s")
    if age > max_age_s:
        raise _failed(
            "timeVerified",
            f"{text} is {age:.0f} s ago, and {max_age_s} s are allowed",
            "what was known about vulnerabilities then is not what is known now",
            "verify the image again with `gate verify --attest`",
        )
    return max(0, int(age))


def _input_attestations(predicate: Mapping[str, Any]) -> int:
    """Where they are listed, each must have a digest (SLSA: MUST)."""
    found = predicate.get("inputAttestations", [])
    if not isinstance(found, list) or not all(isinstance(item, dict) and item.get("digest") for item in found):
        raise _failed("inputAttestations", "one of them has no digest", "")
    return len(found)


def _object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise _failed(name, "it is missing or not an object", "")
    return found


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise _failed(name, "it is missing or not a text", "")
    return found


def _equal(check: str, found: object, wanted: str, why: str) -> None:
    if found != wanted:
        raise _failed(check, f"it is {found!r}, and {wanted!r} is demanded", why)


def _failed(check: str, what: str, why: str, fix: str = "") -> EvidenceInvalid:
    return EvidenceInvalid(f"the verification summary fails the check of its {check}: {what}", why=why, fix=fix)
