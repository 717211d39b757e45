"""Whom the operator trusts, and for what."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from gate.errors import ConfigError
from gate.model.base import digest_of, to_json
from gate.trust.claims import NAMES

if TYPE_CHECKING:
    from gate.trust.keys import PublicKey
    from gate.trust.root import TrustedRoot


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityRule:
    """An identity in a certificate and who vouched for it.

    ``identity`` is compared exactly with the certificate's subject alternative name; with ``regexp`` it is a Python regular
    expression that must match **the whole** name (``re.fullmatch``: anchored at both ends, unlike cosign's). ``issuer`` is the
    OIDC issuer, always exact and always required: somewhere there is an issuer that vouches for any name. Raises ConfigError.
    """

    identity: str
    issuer: str
    regexp: bool = False

    def __post_init__(self) -> None:
        if not self.identity or not self.issuer:
            missing = "an issuer" if self.identity else "an identity"
            raise ConfigError(
                f"an identity rule without {missing}",
                why="an identity counts only together with the issuer that vouched for it",
                fix="give both, as with --certificate-identity and --certificate-oidc-issuer",
            )
        if self.regexp:
            try:
                re.compile(self.identity)
            except re.error as error:
                raise ConfigError(f"the identity pattern {self.identity!r} is no regular expression: {error}") from error

    def matches(self, identity: str, issuer: str) -> bool:
        """Whether a certificate with that name and issuer is meant."""
        if issuer != self.issuer:
            return False
        return re.fullmatch(self.identity, identity) is not None if self.regexp else identity == self.identity


_PREFIX_ENDS = ("/", "@", "@refs/tags/v")
"""Where the ``*`` of a builder may follow: names that merely begin alike are not meant."""


@dataclasses.dataclass(frozen=True, slots=True)
class LevelRule:
    """A builder, or the issuer of summaries, and the SLSA level that it is trusted for (SLSA 1.2, "verifying artifacts").

    ``id`` is exact, or a prefix ending in ``/*``, ``@*`` or ``@refs/tags/v*``. Raises ConfigError.
    """

    id: str
    level: int

    def __post_init__(self) -> None:
        prefix = self.id.removesuffix("*")
        loose = self.id.endswith("*") and not (len(prefix) > len("https://") and prefix.endswith(_PREFIX_ENDS))
        if not self.id or "*" in prefix or loose:
            raise ConfigError(
                f"the builder or verifier id {self.id!r} also matches names that merely begin alike, or everything",
                fix="write it in full, or end it in /*, @* or @refs/tags/v*",
            )
        if isinstance(self.level, bool) or not 1 <= self.level <= 4:
            raise ConfigError(f"the level of {self.id!r} is {self.level}", fix="a SLSA level from 1 to 4")

    def matches(self, id_: str) -> bool:
        """Whether that id is meant."""
        if self.id.endswith("*"):
            return id_.startswith(self.id[:-1]) and len(id_) >= len(self.id)
        return id_ == self.id


@dataclasses.dataclass(frozen=True, slots=True)
class TrustEntry:
    """Signers who vouch for some kinds of evidence: keys, or identities under trusted roots.

    Raises ConfigError when it has neither. Keys without roots need no log. Where roots are given, each ``require_…`` that is off
    shows up in ``Verification.relaxed``.
    """

    name: str
    roles: tuple[str, ...]
    """Kinds of evidence; ``*`` is all."""
    keys: tuple[PublicKey, ...] = ()
    identities: tuple[IdentityRule, ...] = ()
    roots: tuple[TrustedRoot, ...] = ()
    require_log: bool = True
    """A transparency log entry, verified. Off for instances without a log, which then need a timestamp authority."""
    require_sct: bool = True
    """A certificate transparency timestamp in the certificate."""
    allow_root_in_chain: bool = False
    """Bear a self-signed certificate in a bundle's chain (npm and GitHub wrote such bundles until 2023); never an anchor."""
    log_threshold: int = 1
    """How many **distinct** logs must have the entry, where a log is required."""
    sct_threshold: int = 1
    builders: tuple[LevelRule, ...] = ()
    """Builders that this signer speaks for; without any, its provenance reaches no level."""
    verifiers: tuple[LevelRule, ...] = ()
    """Issuers of summaries that this signer speaks for, with the highest level believed of each."""
    claims: tuple[tuple[str, str], ...] = ()
    """Names and values that a certificate must have besides its identity, each exactly (`gate.trust.claims`)."""

    def __post_init__(self) -> None:
        if not self.roles:
            raise ConfigError(f"the trust entry {self.name!r} has no roles", fix="name the kinds it vouches for, or '*'")
        if not self.keys and not (self.identities and self.roots):
            raise ConfigError(
                f"the trust entry {self.name!r} has neither keys nor identities with a trusted root",
                why="an empty entry would trust nobody, and reads as if it trusted somebody",
                fix="give a public key, or an identity with its issuer and a trusted root file",
            )
        if bool(self.identities) and not self.roots:
            raise ConfigError(f"the trust entry {self.name!r} has identities and no trusted root", fix="add a trusted root file")
        unknown = sorted({name for name, _ in self.claims} - NAMES)
        if unknown or any(not value for _, value in self.claims) or (self.claims and not self.identities):
            raise ConfigError(
                f"the trust entry {self.name!r} demands claims that no certificate can meet: {unknown or 'empty, or of a key'}",
                fix=f"claims of certificates are {', '.join(sorted(NAMES))}",
            )
        if self.log_threshold < 1 or self.sct_threshold < 1:
            raise ConfigError(
                f"the trust entry {self.name!r} has a threshold below one", fix="waive a check by require_log or require_sct"
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Trust:
    """All trust entries of a run. Empty is allowed: then everything signed is ``unverified``."""

    entries: tuple[TrustEntry, ...] = ()

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of who is trusted for what, under which roots, with what waived; empty when nobody is."""
        if not self.entries:
            return ""
        return digest_of(to_json(sorted((_describe(entry) for entry in self.entries), key=to_json)))


def _describe(entry: TrustEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "roles": sorted(entry.roles),
        "keys": sorted(key.key_id for key in entry.keys),
        "identities": sorted([rule.identity, rule.issuer, rule.regexp] for rule in entry.identities),
        "roots": sorted(root.digest for root in entry.roots),
        "require_log": entry.require_log,
        "require_sct": entry.require_sct,
        "allow_root_in_chain": entry.allow_root_in_chain,
        "log_threshold": entry.log_threshold,
        "sct_threshold": entry.sct_threshold,
        "builders": sorted([rule.id, rule.level] for rule in entry.builders),
        "claims": sorted([name, value] for name, value in entry.claims),
        "verifiers": sorted([rule.id, rule.level] for rule in entry.verifiers),
    }
