"""Profiles: a name in a pack (``profiles/<name>/data.yaml``) or a file of the caller's own. Each says every parameter."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gate.errors import ConfigError
from gate.limits import Limits
from gate.model.base import Model, digest_of, to_json
from gate.model.parameters import Parameters
from gate.model.policy_file import Mode
from gate.policy.bundle import Pack, Policy
from gate.policy.decoding import decode, did_you_mean
from gate.policy.ownership import data_at, data_roots
from gate.policy.parameters import complete, decode_params
from gate.policy.yamlfile import Source, read_source

DEFAULT = "prod"


class _Document(Model, frozen=True, kw_only=True):
    params: dict[str, Any]
    select: tuple[str, ...]
    enforcement: dict[str, Mode] = msgspec.field(default_factory=dict)
    description: str = ""
    allow_exit_zero: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """A profile as loaded."""

    name: str
    digest: str
    """Of its canonical content, equal for a directory and an archive of the same pack."""
    params: Parameters
    select: tuple[str, ...]
    enforcement: Mapping[str, Mode]
    allow_exit_zero: bool
    approved: bool
    """Whether it comes from a pinned pack, or from the gate's own: then choosing it is no loosening (invariant 7)."""
    source: str
    file: tuple[str, str] | None = None
    """Path and digest, for a file of the caller's own."""


def is_path(text: str) -> bool:
    """Whether a profile is named by file rather than by name."""
    return "/" in text or text.endswith((".yaml", ".yml", ".json"))


def names(policy: Policy) -> tuple[str, ...]:
    """All profiles in the packs."""
    roots = {root for pack in policy.packs for root in data_roots(pack)}
    return tuple(sorted(root[1] for root in roots if len(root) > 1 and root[0] == "profiles"))


def default_name(policy: Policy) -> str:
    """``default_profile`` of the first pack that names one, else ``prod``."""
    for pack in policy.deciding:
        name = pack.settings.get("default_profile")
        if isinstance(name, str) and name:
            return name
    return DEFAULT


def load_profile(text: str, policy: Policy, limits: Limits, *, base: str = "") -> Profile:
    """A profile by name, or by path from ``base``; raises ConfigError."""
    if is_path(text):
        source = read_source(Path(base) / text, max_bytes=limits.policy_file_bytes)
        return _profile(text, source, None, (source.name, source.digest))
    found = data_at(policy, ("profiles", text))
    if found is None:
        raise ConfigError(
            f"there is no profile {text!r} in {', '.join(pack.name for pack in policy.packs)}",
            fix=did_you_mean(text, names(policy)) + " (a profile of your own is named by path: ./mine.yaml)",
        )
    value, pack = found
    return _profile(text, Source(f"{pack.source}/profiles/{text}", value, ""), pack, None)


def _profile(name: str, source: Source, pack: Pack | None, file: tuple[str, str] | None) -> Profile:
    document = decode(source, _Document)
    return Profile(
        name=name,
        digest=digest_of(to_json(source.value)),
        params=complete(source, decode_params(source, source.value["params"], at=("params",))),
        select=document.select,
        enforcement=document.enforcement,
        allow_exit_zero=document.allow_exit_zero,
        approved=pack is not None and pack.approved,
        source=source.name if file else f"profile {name}",
        file=file,
    )
