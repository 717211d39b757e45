"""Checks on the trust entries of a policy file or a pack; keys and roots are loaded by the caller through `gate.trust`."""

from __future__ import annotations

import re
from typing import get_args

from gate.errors import ConfigError
from gate.model.evidence import Kind
from gate.model.policy_file import LevelSpec, TrustEntrySpec, TrustSpec
from gate.policy.bundle import Policy
from gate.policy.decoding import decode, did_you_mean
from gate.policy.ownership import data_at
from gate.policy.yamlfile import Source
from gate.trust.claims import NAMES
from gate.trust.entry import LevelRule
from gate.trust.record import is_day

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
ROLES: frozenset[str] = frozenset({*get_args(Kind), "*"}) - {"unknown"}


def check_trust(source: Source, trust: TrustSpec) -> None:
    """Raises ConfigError for an entry that would trust nobody, everybody, or somebody by half."""
    names: set[str] = set()
    for index, entry in enumerate(trust.entries):
        where = source.at(("trust", "entries", index))
        about = f"{where}: trust entry {entry.name!r}"
        if not entry.name.strip() or entry.name in names:
            raise ConfigError(f"{about}: needs a name of its own")
        names.add(entry.name)
        if not entry.roles:
            raise ConfigError(f"{about}: has no roles, so it vouches for nothing", fix="roles: [signature], or ['*'] for all")
        for role in entry.roles:
            if role not in ROLES:
                raise ConfigError(f"{about}: unknown role {role!r}", fix=did_you_mean(role, ROLES))
        if entry.key is None and entry.identity is None:
            raise ConfigError(
                f"{about}: has neither key nor identity", fix="add key: cosign.pub, or identity, issuer and trusted_root"
            )
        if entry.identity is not None:
            _keyless(about, entry.identity, entry.issuer, entry.identity_regexp, entry.trusted_root is not None)
        elif entry.issuer is not None or entry.trusted_root is not None:
            raise ConfigError(
                f"{about}: issuer or trusted_root without an identity",
                why="everyone whom the issuer knows would be trusted",
                fix="add identity: the signer's e-mail address or workflow URI",
            )
        _levels(about, entry)
        _claims(about, entry)
        root = entry.trusted_root
        if root is not None and root.sha256 is not None and not _SHA256.match(root.sha256):
            raise ConfigError(f"{about}: trusted_root.sha256 is not 64 hex digits")
        if root is not None and root.as_of is not None and not is_day(root.as_of):
            raise ConfigError(f"{about}: trusted_root.as_of is {root.as_of!r}", fix="a day, such as 2026-11-23")


def bundled_trust(policy: Policy) -> TrustSpec:
    """``data.trust.entries`` of an approved pack, in the shape of a policy file's; ``trusted_root.path`` is empty.

    A pack names no files: keys are inline PEM, and of a root only the digest is said, whose file the caller brings. Raises
    ConfigError for anything else, and for entries in a pack that is not approved.
    """
    found = data_at(policy, ("trust",)) or data_at(policy, ("trust", "entries"))
    if found is None:
        return TrustSpec()
    value, pack = found
    where = f"{pack.source}/trust"
    if not pack.approved:
        raise ConfigError(
            f"{where}: trust entries in a pack that is not pinned",
            why="whoever writes the pack would name the signers",
            fix=f"pin it: --bundle {pack.source}@{pack.digest}",
        )
    entries = value.get("entries") if isinstance(value, dict) else value
    if not isinstance(entries, list) or (isinstance(value, dict) and value.keys() != {"entries"}):
        raise ConfigError(f"{where}: must hold entries, a list, and nothing else")
    source = Source(where, {"entries": [_rooted(entry, where) for entry in entries]}, pack.digest)
    trust = decode(source, TrustSpec)
    check_trust(source, trust)
    for entry in trust.entries:
        if entry.key is not None and not entry.key.lstrip().startswith("-----BEGIN"):
            raise ConfigError(
                f"{where}: the key of {entry.name!r} is not inline",
                why="a pack's digest covers the pack, not files beside it",
                fix="put the PEM text itself there: key: |",
            )
    return trust


def _rooted(entry: object, where: str) -> object:
    if not isinstance(entry, dict) or not isinstance(root := entry.get("trusted_root"), dict):
        return entry
    if "path" in root or not root.get("sha256"):
        raise ConfigError(
            f"{where}: trusted_root of {entry.get('name')!r} needs sha256 and no path",
            why="the pack approves one root by its digest; its file comes from the policy file or --trusted-root",
            fix="trusted_root: {sha256: …}",
        )
    return {**entry, "trusted_root": {**root, "path": ""}}


def _claims(about: str, entry: TrustEntrySpec) -> None:
    if entry.claims and entry.identity is None:
        raise ConfigError(f"{about}: claims without an identity", why="a key has no certificate that could make claims")
    for name, value in entry.claims.items():
        if name not in NAMES:
            raise ConfigError(f"{about}: unknown claim {name!r}", fix=did_you_mean(name, NAMES))
        if not value:
            raise ConfigError(f"{about}: the claim {name} is empty")


def _levels(about: str, entry: TrustEntrySpec) -> None:
    for field, role in (("builders", "provenance"), ("verifiers", "vsa")):
        rules: tuple[LevelSpec, ...] = getattr(entry, field)
        if rules and not {role, "*"} & set(entry.roles):
            raise ConfigError(f"{about}: {field} without the role {role!r}", fix=f"add {role} to its roles")
        for rule in rules:
            try:
                LevelRule(rule.id, rule.level)
            except ConfigError as problem:
                raise ConfigError(f"{about}: {problem.what}", fix=problem.fix) from None


def _keyless(about: str, identity: str, issuer: str | None, regexp: bool, root: bool) -> None:
    if not issuer:
        raise ConfigError(
            f"{about}: an identity without issuer",
            why="another issuer can assert the same identity",
            fix="add issuer: https://token.actions.githubusercontent.com, or that of your provider",
        )
    if not root:
        raise ConfigError(f"{about}: an identity without trusted_root", fix="add trusted_root: {path: trusted_root.json}")
    if regexp:
        try:
            pattern = re.compile(identity)
        except re.error as problem:
            raise ConfigError(f"{about}: the identity is no regular expression: {problem}") from problem
        if pattern.fullmatch("") or pattern.fullmatch("https://example.invalid/anyone"):
            raise ConfigError(f"{about}: the identity matches everyone", fix="name the organisation and repository in it")
