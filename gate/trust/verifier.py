"""Does this signature count? The one place that says yes.

What holds, and where it is enforced (the numbers stand beside the lines, here and in the modules that this one calls):

 1. Exactly one of certificate, certificate chain and key signs a bundle (`bundle`). A key given by the operator is never met by a
    certificate bundle, nor an identity by a key bundle.
 2. A key's hint, a DSSE ``keyid`` and an annotation decide nothing.
 3. A log entry is about this signature, this signer and this content, or the signature does not count (`logentry`).
 4. Entry kinds: hashedrekord 0.0.1, dsse 0.0.1, intoto 0.0.1 and 0.0.2; of Rekor v2 hashedrekord 0.0.2, with the digest of the
    pre-authentication encoding for DSSE. Any other kind says nothing (`logentry`).
 5. Time comes from a verified signed entry timestamp or RFC 3161, never from a document or the clock. A certificate needs at
    least one such time, and its path must hold at every one.
 6. Validity ranges of the trusted root are inclusive, need a start, and hold for CAs, logs and timestamp authorities (`root`).
 7. A checkpoint is about the tree of the proof; every line with the log's hint is tried; witnesses are ignored (`rekor`).
 8. Thresholds count distinct logs, not entries or timestamps.
 9. The hash follows from the key; P-384 and P-521 may also sign SHA-256 (`keys`).
10. ECDSA signatures are DER or ``r||s`` (`keys`).
11. DSSE base64 is standard or URL-safe; signatures cover the payload type and the payload (`encoding`, `material`).
12. Everything is bounded and nothing is counted twice: entries, timestamps, bytes, depth, hashes (`bundle`, `encoding`).
13. The index of a Rekor v2 entry is the proven one (`rekor`).
14. Anchors come from the trusted root alone; a self-signed certificate in a bundle is refused, or borne without being one.
15. A trusted root is read whole or not at all; material of two roots is never mixed (`root`).
16. An empty trust verifies nothing. A signature that no entry accepts is ``failed``, with each entry's reason.
17. What an entry waives is in ``relaxed``, what was checked in ``checks``; a check that was skipped is in neither by accident.

The CALLER MUST compare the subject (statement, message digest) with what it asks about: a verified statement about another image
is verified and irrelevant.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

from gate.limits import Limits
from gate.model.evidence import Verification
from gate.trust import logentry, rekor
from gate.trust.dsse import verify_content
from gate.trust.entry import Trust, TrustEntry
from gate.trust.material import DsseContent, Signed
from gate.trust.rejected import Rejected
from gate.trust.root import TrustedRoot

if TYPE_CHECKING:
    from gate.trust.keys import PublicKey

_KEYLESS_WAIVERS = (("require_log", "log"), ("require_sct", "sct"))


@dataclasses.dataclass(frozen=True, slots=True)
class _Evidence:
    """What logs and timestamp authorities of one root said about a signature."""

    checks: tuple[str, ...] = ()
    times: tuple[datetime.datetime, ...] = ()
    log: str | None = None


def verify(signed: Signed, trust: Trust, limits: Limits) -> Verification:
    """The verdict of all trust entries on the signature; never raises for one that does not verify."""
    if not trust.entries:  # (16)
        return Verification(state="unverified", reason="it is signed, and no trust entry says whose signatures count")
    passed: list[Verification] = []
    failed: dict[str, Rejected] = {}
    for entry in trust.entries:
        try:
            passed.append(_against(signed, entry, limits))
        except Rejected as rejected:
            failed[entry.name] = rejected
    if not passed:  # (16)
        return Verification(
            state="failed",
            reason="; ".join(f"{name}: {rejected}" for name, rejected in failed.items()),
            failures={name: rejected.check for name, rejected in failed.items()},
        )
    first = passed[0]
    return Verification(
        state="verified",
        method=first.method,
        trust_entry=", ".join(str(one.trust_entry) for one in passed),
        roles=_union([one.roles for one in passed]),
        identity=first.identity,
        issuer=first.issuer,
        key_id=first.key_id,
        log=first.log,
        timestamp=first.timestamp,
        checks=first.checks,
        relaxed=_union([one.relaxed for one in passed]),
        entries=tuple(str(one.trust_entry) for one in passed),
        relaxed_by={str(one.trust_entry): one.relaxed for one in passed if one.relaxed},
        claims=first.claims,
    )


def _union(values: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for value in values for item in value))


def _against(signed: Signed, entry: TrustEntry, limits: Limits) -> Verification:
    if signed.chain:
        if not entry.identities:  # (1)
            raise Rejected("signer", "a certificate signed it, and this entry trusts keys only")
        return _first_root(signed, entry, limits)
    if not entry.keys:  # (1)
        raise Rejected("signer", "a key signed it, and this entry trusts identities in certificates only")
    return _by_key(signed, entry, limits)


def _first_root(signed: Signed, entry: TrustEntry, limits: Limits) -> Verification:
    problem = Rejected("certificate_chain", "no trusted root")
    for root in entry.roots:  # (15)
        try:
            return _by_certificate(signed, entry, root, limits)
        except Rejected as rejected:
            problem = rejected
    raise problem


def _by_certificate(signed: Signed, entry: TrustEntry, root: TrustedRoot, limits: Limits) -> Verification:
    from gate.trust import certificate, identity

    if isinstance(signed.content, DsseContent) and len(signed.content.signatures) != 1:
        raise Rejected("signature", "an envelope signed with a certificate has exactly one signature")
    chain = [certificate.read(der) for der in signed.chain]
    if not entry.allow_root_in_chain:
        certificate.check_no_anchor(chain)  # (14)
    key = certificate.public_key(chain[0])
    signature = verify_content(key, signed.content)
    checks = ["signature"]
    found = _evidence(signed, entry, root, logentry.Bound(signed.content, signature, signed.chain[0]), limits)
    checks += found.checks
    # (5) at least one verified time, and the path holds at every one; (14) intermediates may help, anchors are the root's
    issuer = certificate.issuer_of(chain[0], chain[1:], root.certificate_authorities, found.times)
    checks.append("certificate_chain")
    certificate.check_profile(chain[0])
    checks.append("certificate_profile")
    if entry.require_sct:
        certificate.check_sct(chain[0], issuer, root, entry.sct_threshold)  # (8)
        checks.append("sct")
    who = identity.read(chain[0])
    names = [name for rule in entry.identities for name in who.names if rule.matches(name, who.issuer)]
    if not names:
        raise Rejected("identity", f"the signer is {who.text}, whom this entry does not name")
    checks.append("identity")
    for name, wanted in entry.claims:
        if who.claims.get(name) != wanted:
            there = who.claims.get(name) or "not there"
            raise Rejected("claims", f"the certificate's {name} is {there}, and {wanted} is demanded")
    if entry.claims:
        checks.append("claims")
    return Verification(
        state="verified",
        method="keyless",
        trust_entry=entry.name,
        roles=entry.roles,
        identity=names[0],
        issuer=who.issuer,
        log=found.log,
        timestamp=_rfc3339(found.times),
        checks=tuple(dict.fromkeys(checks)),
        relaxed=_relaxed(entry, keyless=True),
        claims=dict(who.claims),
    )


def _by_key(signed: Signed, entry: TrustEntry, limits: Limits) -> Verification:
    key, signature = _signing_key(signed, entry)
    bound = logentry.Bound(signed.content, signature, key.spki)
    found = _Evidence()
    if entry.roots:
        found = _evidence_of_some_root(signed, entry, bound, limits)
    else:
        for log_entry in signed.log_entries:  # (3) nobody vouches for the entry here, and yet it must not be another's
            logentry.check_bound(log_entry, bound, limits)
    return Verification(
        state="verified",
        method="key",
        trust_entry=entry.name,
        roles=entry.roles,
        key_id=key.key_id,
        log=found.log,
        timestamp=_rfc3339(found.times),
        checks=tuple(dict.fromkeys(("signature", *found.checks))),
        relaxed=_relaxed(entry, keyless=False),
    )


def _signing_key(signed: Signed, entry: TrustEntry) -> tuple[PublicKey, bytes]:
    """(2) Every key of the entry is tried; hints are not looked at."""
    problem = Rejected("signature", "no key")
    for key in entry.keys:
        try:
            return key, verify_content(key, signed.content)
        except Rejected as rejected:
            problem = rejected
    raise problem


def _evidence_of_some_root(signed: Signed, entry: TrustEntry, bound: logentry.Bound, limits: Limits) -> _Evidence:
    problem = Rejected("log_known", "no trusted root")
    for root in entry.roots:  # (15)
        try:
            return _evidence(signed, entry, root, bound, limits)
        except Rejected as rejected:
            problem = rejected
    raise problem


def _evidence(signed: Signed, entry: TrustEntry, root: TrustedRoot, bound: logentry.Bound, limits: Limits) -> _Evidence:
    """Log entries and timestamps under one root. What the root knows must verify; what it does not know counts for nothing."""
    logged: list[rekor.Logged] = []
    problem = "there is none"
    unknown: Rejected | None = None
    known = {log.id for log in root.tlogs}
    for log_entry in signed.log_entries:
        logentry.check_bound(log_entry, bound, limits)  # (3)
        if log_entry.log_id not in known and (not entry.require_log or logged):
            continue
        try:
            logged.append(rekor.check_entry(log_entry, root, signed.version))
        except Rejected as rejected:
            if rejected.check != "log_known":
                raise
            problem, unknown = str(rejected), rejected
    distinct = len({one.log.key_bytes for one in logged})  # (8)
    if entry.require_log and distinct < entry.log_threshold:
        if unknown is not None and not logged:
            raise unknown  # a root that is too old is told apart from a signature that nobody logged
        raise Rejected("log", f"{distinct} logs of the trusted root have an entry, {entry.log_threshold} needed: {problem}")
    times = [one.integrated for one in logged if one.integrated is not None]
    stamps = _timestamps(signed, root, bound.signature)
    for one in logged:
        if one.integrated is None:
            _check_log_validity(one, stamps or times)
    checks = [name for one in logged for name in ("log_entry", *one.checks)] + ["timestamp"] * bool(stamps)
    first = logged[0] if logged else None
    return _Evidence(
        checks=tuple(dict.fromkeys(checks)),
        times=(*times, *stamps),
        log=None if first is None else f"{first.log.id.hex()}@{first.index}",
    )


def _timestamps(signed: Signed, root: TrustedRoot, signature: bytes) -> list[datetime.datetime]:
    """Times of the timestamps that authorities of the root made; those of others count for nothing."""
    if not signed.timestamps or not root.timestamp_authorities:
        return []
    from gate.trust.timestamp import check_timestamp

    message = signature if signed.timestamped is None else signed.timestamped
    found = (check_timestamp(token, message, root) for token in signed.timestamps)
    return [moment for moment in found if moment is not None]


def _check_log_validity(one: rekor.Logged, times: list[datetime.datetime]) -> None:
    """(6) for an entry that tells no time itself: other verified times stand in; without any, an ended log is refused."""
    validity = one.log.validity
    if not all(validity.covers(moment) for moment in times) or (not times and validity.end is not None):
        raise Rejected("checkpoint", "the log's key was not valid at the time of signing")


def _relaxed(entry: TrustEntry, *, keyless: bool) -> tuple[str, ...]:
    """(17) Keys without roots need no log: there nothing is waived."""
    names = [
        name for field, name in _KEYLESS_WAIVERS if not getattr(entry, field) and (keyless or (name == "log" and entry.roots))
    ]
    if keyless and entry.allow_root_in_chain:
        names.append("root_in_chain")
    return tuple(names)


def _rfc3339(times: tuple[datetime.datetime, ...]) -> str | None:
    """The earliest verified time: what was signed existed then."""
    if not times:
        return None
    return min(times).astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
