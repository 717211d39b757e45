"""How old and how durable the trusted roots in force are, and whom a run trusts: facts for rules and for ``gate trust check``.

Old signatures stay good when an authority's validity ends, since they are checked at their own time. New ones need a *current*
member of each kind. So what counts is when the **last** current member of a kind ends; members that ended while another of their
kind goes on are retired, which is how instances of Sigstore renew themselves.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from typing import Literal

from gate.errors import ConfigError
from gate.model.input import RootFact, TrustEntryFact, TrustFacts
from gate.trust.entry import Trust, TrustEntry
from gate.trust.root import Authority, Log, TrustedRoot

State = Literal["current", "future", "ended"]


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A key or authority of a root."""

    kind: str
    name: str
    start: datetime.datetime
    end: datetime.datetime | None
    """The earlier of what the root says and what its certificates say; null without an end."""

    def state(self, now: datetime.datetime) -> State:
        if now < self.start:
            return "future"
        return "current" if self.end is None or now <= self.end else "ended"


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """All members of a root of one kind."""

    name: str
    members: tuple[Member, ...]

    def ends(self) -> datetime.datetime | None:
        """When the last member that has begun, or will, ends; null when one of them never does."""
        if any(member.end is None for member in self.members):
            return None
        return max(member.end for member in self.members if member.end is not None)


def kinds_of(root: TrustedRoot) -> tuple[Kind, ...]:
    """What the root has, by kind; kinds that it has none of are left out. Raises ConfigError for a certificate that is none."""
    found = (
        Kind("certificate authorities", _authorities("certificate authority", root.certificate_authorities)),
        Kind("transparency logs", _logs("transparency log", root.tlogs)),
        Kind("certificate transparency logs", _logs("certificate transparency log", root.ctlogs)),
        Kind("timestamp authorities", _authorities("timestamp authority", root.timestamp_authorities)),
    )
    return tuple(kind for kind in found if kind.members)


def _logs(kind: str, logs: Iterable[Log]) -> tuple[Member, ...]:
    return tuple(
        Member(kind, f"{log.base_url or 'log'} ({log.id.hex()[:16]}…)", log.validity.start, log.validity.end) for log in logs
    )


def _authorities(kind: str, authorities: Iterable[Authority]) -> tuple[Member, ...]:
    members = []
    for authority in authorities:
        try:
            ends = [certificate.not_valid_after_utc for certificate in authority.chain]
            subject = authority.chain[-1].subject.rfc4514_string()
        except ValueError as error:
            raise ConfigError(
                f"a {kind} of the trusted root cannot be read: {error}", fix="import the trusted root again"
            ) from error
        if authority.validity.end is not None:
            ends.append(authority.validity.end)
        members.append(Member(kind, f"{authority.uri or subject} ({subject})", authority.validity.start, min(ends)))
    return tuple(members)


def next_end(root: TrustedRoot) -> tuple[datetime.datetime | None, str]:
    """When the first kind loses its last member, and which; null and empty when none does."""
    ends = [(end, kind.name) for kind in kinds_of(root) if (end := kind.ends()) is not None]
    return min(ends) if ends else (None, "")


def age_s(as_of: str, now: datetime.datetime) -> int | None:
    """Seconds since the beginning of the day; null when nobody said one."""
    if not as_of:
        return None
    return int(
        (now - datetime.datetime.combine(datetime.date.fromisoformat(as_of), datetime.time(), datetime.UTC)).total_seconds()
    )


def trust_facts(trust: Trust, now: str) -> TrustFacts:
    """What rules see of the trust in force at ``now`` (RFC 3339). Each root once, sorted by digest."""
    moment = datetime.datetime.fromisoformat(now)
    roots: dict[str, tuple[TrustedRoot, list[str]]] = {}
    for entry in trust.entries:
        for root in entry.roots:
            known, names = roots.setdefault(root.digest, (root, []))
            # The same file under two days: the older day counts.
            if known.as_of and (not root.as_of or root.as_of < known.as_of):
                roots[root.digest] = (root, names)
            names.append(entry.name)
    return TrustFacts(
        entries=tuple(_entry(entry) for entry in sorted(trust.entries, key=lambda entry: entry.name)),
        roots=tuple(_root(root, names, moment) for _, (root, names) in sorted(roots.items())),
    )


def _entry(entry: TrustEntry) -> TrustEntryFact:
    return TrustEntryFact(
        name=entry.name,
        roles=tuple(sorted(entry.roles)),
        keys=tuple(sorted(key.key_id for key in entry.keys)),
        identities=tuple(sorted(f"{rule.identity} ({rule.issuer})" for rule in entry.identities)),
        roots=tuple(sorted(root.digest for root in entry.roots)),
        relaxed=tuple(
            name
            for name, waived in (
                ("log", bool(entry.roots) and not entry.require_log),
                ("sct", bool(entry.identities) and not entry.require_sct),
                ("root_in_chain", bool(entry.identities) and entry.allow_root_in_chain),
            )
            if waived
        ),
    )


def _root(root: TrustedRoot, names: Sequence[str], now: datetime.datetime) -> RootFact:
    end, kind = next_end(root)
    return RootFact(
        digest=root.digest,
        entries=tuple(sorted(set(names))),
        as_of=root.as_of or None,
        age_s=age_s(root.as_of, now),
        next_expiry=None if end is None else end.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        next_expiry_s=None if end is None else int((end - now).total_seconds()),
        expiring=kind,
    )
