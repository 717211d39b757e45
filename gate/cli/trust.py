"""From key files, identities and trusted roots on the command line to trust entries."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gate.cli.files import read_bounded
from gate.errors import ConfigError, UsageError
from gate.model.policy_file import RootSpec
from gate.trust.entry import IdentityRule, LevelRule, Trust, TrustEntry

if TYPE_CHECKING:
    from gate.model.policy_file import TrustEntrySpec, TrustSpec
    from gate.trust.keys import PublicKey
    from gate.trust.root import TrustedRoot

_KEY_BYTES = 64 * 1024
_ROOT_BYTES = 16 * 1024 * 1024


def trust_from_keys(keys: Sequence[str]) -> Trust:
    """One entry per public key file, vouching for every kind. Raises UsageError for a file that is no public key."""
    return Trust(entries=tuple(_key_entry(path) for path in keys))


def _key_entry(path: str) -> TrustEntry:
    from gate.trust.keys import load_public_key

    key = load_public_key(read_bounded(path, _KEY_BYTES, "key"))
    return TrustEntry(name=f"key {Path(path).name}", roles=("*",), keys=(key,))


def trust_from_spec(spec: TrustSpec, folder: Path) -> Trust:
    """The entries of a policy file, with keys and roots read from its folder. Raises UsageError and ConfigError."""
    return Trust(entries=tuple(_entry(entry, folder) for entry in spec.entries))


def _entry(spec: TrustEntrySpec, folder: Path) -> TrustEntry:
    from gate.trust.keys import load_public_key

    keys: tuple[PublicKey, ...] = ()
    if spec.key is not None:
        inline = spec.key.lstrip().startswith("-----BEGIN")
        keys = (load_public_key(spec.key.encode() if inline else read_bounded(str(folder / spec.key), _KEY_BYTES, "key")),)
    roots: tuple[TrustedRoot, ...] = ()
    if spec.trusted_root is not None:
        roots = load_root(spec.trusted_root, folder)
    rules: tuple[IdentityRule, ...] = ()
    if spec.identity is not None:
        rules = (IdentityRule(identity=spec.identity, issuer=spec.issuer or "", regexp=spec.identity_regexp),)
    return TrustEntry(
        name=spec.name,
        roles=spec.roles,
        keys=keys,
        identities=rules,
        roots=roots,
        require_log=spec.require_log,
        require_sct=spec.require_sct,
        claims=tuple(sorted(spec.claims.items())),
        builders=tuple(LevelRule(rule.id, rule.level) for rule in spec.builders),
        verifiers=tuple(LevelRule(rule.id, rule.level) for rule in spec.verifiers),
    )


def pinned_trust(pack: TrustSpec, outside: Trust, roots: Sequence[Path]) -> Trust:
    """The entries of an approved pack, which are all that counts where it has any (invariant 7).

    ``roots`` are the files among which the roots that the pack names by digest are looked for. Raises ConfigError when one is
    missing, and for an entry from outside that differs in more than its name from all entries of the pack.
    """
    digests = {hashlib.sha256(read_bounded(str(path), _ROOT_BYTES, "trusted root")).hexdigest(): path for path in roots}
    entries = []
    for spec in pack.entries:
        wanted = spec.trusted_root
        if wanted is not None:
            path = digests.get(wanted.sha256 or "")
            if path is None:
                raise ConfigError(
                    f"the pinned pack's trust entry {spec.name!r} needs the trusted root sha256:{wanted.sha256}",
                    why=f"none of the {len(roots)} files given has that digest",
                    fix="give it with --trusted-root FILE",
                )
            spec = msgspec.structs.replace(spec, trusted_root=msgspec.structs.replace(wanted, path=str(path.absolute())))
        entries.append(_entry(spec, Path()))
    known = [_unnamed(entry) for entry in entries]
    for given in outside.entries:
        if _unnamed(given) not in known:
            raise ConfigError(
                f"the trust entry {given.name!r} comes from outside a pinned bundle that names whom to trust",
                why="another signer would let something pass, and what is outside a pinned bundle may only tighten",
                fix="remove it, or put it into the bundle's data.trust and pin the new digest",
            )
    return Trust(entries=tuple(entries))


def _unnamed(entry: TrustEntry) -> str:
    return Trust(entries=(dataclasses.replace(entry, name="same"),)).digest


def load_root(spec: RootSpec, folder: Path) -> tuple[TrustedRoot, ...]:
    """The roots of a file, each with the day for which it is vouched. Raises UsageError, and ConfigError for another file than
    the pinned one, or a record that contradicts the policy file."""
    from gate.trust.record import SUFFIX, read_record
    from gate.trust.root import load_trusted_root

    path = folder / spec.path
    data = read_bounded(str(path), _ROOT_BYTES, "trusted root")
    found = hashlib.sha256(data).hexdigest()
    if spec.sha256 not in (None, found):
        raise ConfigError(
            f"{path} is not the trusted root that the policy file pins",
            why=f"pinned is {spec.sha256}, the file is {found}",
            fix="import the root again, check it, and pin the new digest",
        )
    as_of = spec.as_of or ""
    beside = path.with_name(path.name + SUFFIX)
    if beside.exists():
        record = read_record(read_bounded(str(beside), _KEY_BYTES, "record of the trusted root"), str(beside))
        if record.sha256 == found and as_of and record.as_of != as_of:
            raise ConfigError(
                f"{path} was imported as of {record.as_of}, and the policy file says {as_of}",
                fix="write the day of the import into the policy file",
            )
        if record.sha256 == found:
            as_of = record.as_of
    return tuple(dataclasses.replace(root, as_of=as_of) for root in load_trusted_root(data))


def trust_from_flags(
    *,
    keys: Sequence[str],
    identity: str | None,
    identity_regexp: str | None,
    issuer: str | None,
    trusted_root: str | None,
) -> Trust:
    """Entries for what the flags name. Raises UsageError for half a keyless identity."""
    entries = list(trust_from_keys(keys).entries)
    named = identity or identity_regexp
    if issuer and not named:
        raise UsageError(
            "--certificate-oidc-issuer without an identity",
            why="every workflow of the whole issuer would be trusted",
            fix="add --certificate-identity or --certificate-identity-regexp",
        )
    if named:
        if not issuer:
            raise UsageError(
                "an identity without --certificate-oidc-issuer",
                why="anybody can run an issuer that asserts this identity",
                fix="add --certificate-oidc-issuer, for example https://token.actions.githubusercontent.com",
            )
        if not trusted_root:
            raise UsageError(
                "a keyless identity without --trusted-root",
                why="the gate fetches no trust root by itself: which one counts is your decision",
                fix="give --trusted-root trusted_root.json (cosign trusted-root create, or gh attestation trusted-root)",
            )
        roots = load_root(RootSpec(path=trusted_root), Path())
        rule = IdentityRule(identity=named, issuer=issuer, regexp=identity_regexp is not None)
        entries.append(TrustEntry(name="certificate identity", roles=("*",), identities=(rule,), roots=roots))
    elif trusted_root:
        raise UsageError("--trusted-root without an identity", fix="add --certificate-identity and --certificate-oidc-issuer")
    return Trust(entries=tuple(entries))
