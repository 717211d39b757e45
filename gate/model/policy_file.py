"""``gate.policy/v1``: the policy file (``security-policy.yaml``). Bundle, profile and parameters per environment; whom to trust.

Shape only. What the values mean and which may change which is in `gate.policy.config` and `gate.policy.parameters`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gate.model.base import Model

SCHEMA = "gate.policy/v1"

Mode = Literal["enforce", "report"]


class RootSpec(Model, frozen=True, kw_only=True):
    """A Sigstore trusted root (``trusted_root.json``)."""

    path: str
    """Relative to the policy file."""
    sha256: str | None = None
    """64 hex digits; a file with another digest is refused."""
    as_of: str | None = None
    """The day (``2026-11-23``) for which you vouch that it was current; rules measure its age from then. Without it, the day
    is taken from the record that ``gate trust import`` wrote beside the file."""


class LevelSpec(Model, frozen=True, kw_only=True):
    """How far a builder, or the issuer of a verification summary, is trusted."""

    id: str
    """Exact, or a prefix ending in ``/*``, ``@*`` or ``@refs/tags/v*``."""
    level: int
    """The SLSA level of its track, 1 to 4, that what it says is taken for. Documents do not raise it."""


class TrustEntrySpec(Model, frozen=True, kw_only=True):
    """Who may sign which kinds of evidence. Either ``key``, or ``identity`` with ``issuer`` and ``trusted_root``, or both."""

    name: str
    roles: tuple[str, ...]
    """Kinds of evidence that it vouches for; ``*`` is all."""
    key: str | None = None
    """Path of a PEM public key, relative to the policy file, or the PEM text itself."""
    identity: str | None = None
    issuer: str | None = None
    identity_regexp: bool = False
    """Whether ``identity`` is a regular expression that must match as a whole."""
    trusted_root: RootSpec | None = None
    require_log: bool = True
    require_sct: bool = True
    claims: dict[str, str] = msgspec.field(default_factory=dict)
    """Further claims that the certificate must have, each exactly: ``source_repository_uri``, ``runner_environment`` …"""
    builders: tuple[LevelSpec, ...] = ()
    """Builders that this signer speaks for (role ``provenance``): the root-of-trust map of SLSA, "verifying artifacts"."""
    verifiers: tuple[LevelSpec, ...] = ()
    """``verifier.id``s that this signer speaks for (role ``vsa``), with the highest level that is believed of each."""


class TrustSpec(Model, frozen=True, kw_only=True):
    entries: tuple[TrustEntrySpec, ...] = ()


class VexSpec(Model, frozen=True, kw_only=True):
    files: tuple[str, ...] = ()
    """Paths relative to the policy file."""
    authors: tuple[str, ...] | None = None
    """Shorthand for the parameter ``vex_authors``."""


class EnvironmentSpec(Model, frozen=True, kw_only=True):
    """One environment; what is not said comes from its profile."""

    profile: str = "prod"
    """A profile of the bundle, or the path of a profile file when it holds ``/`` or ends in ``.yaml`` or ``.json``."""
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    """Fields of `gate.model.parameters.Parameters`."""
    select: tuple[str, ...] | None = None
    """Replaces the profile's selection: ``*``, ``@collection``, ``domain``, ``domain.rule``, ``domain.rule:term``."""
    exclude: tuple[str, ...] = ()
    enforcement: dict[str, Mode] = msgspec.field(default_factory=dict)
    """By selector; the most specific wins, and what is not named is enforced."""
    waivers: tuple[str, ...] = ()
    """Waiver files (``gate.waivers/v1``), relative to the policy file."""
    deadlines: tuple[str, ...] = ()
    """Sets of deadlines of the packs (``fedramp`` …), by name; they only tighten."""
    vex: VexSpec = VexSpec()
    bundles: tuple[str, ...] = ()
    """Packs: directories or ``.tar.gz`` files, relative to the policy file, each with ``@sha256:…`` to pin it."""


class PolicyFile(Model, frozen=True, kw_only=True):
    schema: Literal["gate.policy/v1"]
    environments: dict[str, EnvironmentSpec]
    default_environment: str | None = None
    """Taken when the caller names none; without it, a file with several environments needs ``--environment``."""
    trust: TrustSpec = TrustSpec()
