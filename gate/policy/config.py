"""What is in force, and from where: flags over the policy file's environment over the profile (invariant 7).

Where a pack is pinned by digest, the profile that was approved with it is the floor: flags, policy file, selection and modes may
only tighten it, and waiver files from outside are refused. The process environment has no say here at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gate.errors import ConfigError
from gate.limits import Limits
from gate.model.base import to_json
from gate.model.input import Decision
from gate.model.parameters import Parameters
from gate.model.policy_file import EnvironmentSpec, Mode, PolicyFile, TrustSpec
from gate.model.waiver import Waiver
from gate.policy.bundle import BundleSpec, Policy, parse_spec
from gate.policy.deadlines import tighten
from gate.policy.decoding import decode, did_you_mean
from gate.policy.inventory import Inventory
from gate.policy.ownership import data_at
from gate.policy.parameters import BY_NAME, decode_params, looser
from gate.policy.profiles import Profile, default_name, is_path, load_profile
from gate.policy.trustspec import bundled_trust, check_trust
from gate.policy.waivers import judge_all, read_waivers, waivers_of
from gate.policy.yamlfile import Source, read_source


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedPolicyFile:
    """A policy file that was read and is well formed."""

    file: PolicyFile
    source: Source
    folder: Path
    """Paths inside the file start here."""


@dataclasses.dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says."""

    profile: str | None = None
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Plain values by parameter name; only what was given."""
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    enforcement: Mapping[str, Mode] = dataclasses.field(default_factory=dict)
    waivers: tuple[str, ...] = ()
    vex: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    exit_zero: bool = False
    deadlines: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Effective:
    """Everything that was chosen."""

    environment: str
    profile: str
    profile_digest: str
    params: Parameters
    selection: tuple[str, ...]
    enforcement: Mapping[str, Mode]
    exit_zero: bool
    trust: TrustSpec
    folder: Path
    """Paths in ``trust`` start here."""
    pack_trust: TrustSpec
    """``data.trust`` of the packs: inline keys, and roots by digest. Where it has entries, nobody else is trusted."""
    waivers: tuple[Path, ...]
    bundled_waivers: tuple[Source, ...]
    """``data.waivers`` of the packs."""
    vex: tuple[Path, ...]
    engine_required: tuple[str, ...]
    pinned: bool
    origins: Mapping[str, str]
    """Where each parameter, ``selection`` and ``enforcement`` came from."""
    sources: tuple[tuple[str, str], ...]
    """Path and digest of every configuration file that had a say so far."""

    def decision(self, waivers: tuple[Waiver, ...]) -> Decision:
        """The decision block of the input document."""
        return Decision(
            profile=self.profile,
            profile_digest=self.profile_digest,
            environment=self.environment,
            params=self.params,
            selection=self.selection,
            enforcement=dict(self.enforcement),
            exit_zero=self.exit_zero,
            waivers=waivers,
            engine_required=self.engine_required,
        )

    def judged_waivers(self, now: str, inventory: Inventory, limits: Limits) -> tuple[Waiver, ...]:
        """All waivers of the packs and files, judged. Raises ConfigError for a file that is none."""
        found = [waiver for source in self.bundled_waivers for waiver in waivers_of(source)]
        found += [waiver for path in self.waivers for waiver in read_waivers(path, limits)]
        return judge_all(found, now, self.params, inventory)


def load_policy_file(path: Path, limits: Limits) -> LoadedPolicyFile:
    """Reads and checks a ``gate.policy/v1`` file: shape, parameter names, trust entries. Raises ConfigError."""
    source = read_source(path, max_bytes=limits.policy_file_bytes)
    if not isinstance(source.value, dict) or source.value.get("schema") != "gate.policy/v1":
        raise ConfigError(f"{path}: not a policy file", fix="begin it with `schema: gate.policy/v1`; `gate init` writes one")
    file = decode(source, PolicyFile)
    if not file.environments:
        raise ConfigError(f"{source.at(('environments',))}: no environment", fix="add one, such as prod: {profile: prod}")
    for name, spec in file.environments.items():
        decode_params(source, spec.params, at=("environments", name, "params"))
        for text in spec.bundles:
            parse_spec(text)
        if spec.vex.authors is not None and "vex_authors" in spec.params:
            raise ConfigError(f"{source.at(('environments', name, 'vex'))}: vex.authors and params.vex_authors both given")
    if file.default_environment is not None and file.default_environment not in file.environments:
        raise ConfigError(
            f"{source.at(('default_environment',))}: there is no environment {file.default_environment!r}",
            fix=did_you_mean(file.default_environment, file.environments),
        )
    check_trust(source, file.trust)
    return LoadedPolicyFile(file, source, path.parent)


def choose_environment(loaded: LoadedPolicyFile | None, environment: str | None) -> tuple[str, EnvironmentSpec]:
    """The environment by name, by default, or the only one. Raises ConfigError; without a file, an empty one."""
    if loaded is None:
        if environment is not None:
            raise ConfigError("--environment without a policy file", fix="add --policy-file security-policy.yaml")
        return "", EnvironmentSpec()
    known = loaded.file.environments
    name = environment or loaded.file.default_environment or (next(iter(known)) if len(known) == 1 else None)
    if name is None:
        raise ConfigError(
            f"{loaded.source.name}: has {len(known)} environments and no default_environment",
            fix=f"choose with --environment: {', '.join(known)}",
        )
    if name not in known:
        raise ConfigError(f"{loaded.source.name}: there is no environment {name!r}", fix=did_you_mean(name, known))
    return name, known[name]


def choose_bundles(loaded: LoadedPolicyFile | None, environment: str | None, flags: Flags) -> tuple[BundleSpec, ...]:
    """The packs to load: those of the environment, then those of the flags."""
    _, spec = choose_environment(loaded, environment)
    base = str(loaded.folder) if loaded is not None else ""
    return (*(parse_spec(text, base=base) for text in spec.bundles), *(parse_spec(text) for text in flags.bundles))


def resolve(loaded: LoadedPolicyFile | None, environment: str | None, flags: Flags, policy: Policy, limits: Limits) -> Effective:
    """What is in force. Raises ConfigError for what contradicts itself or loosens what is pinned."""
    name, spec = choose_environment(loaded, environment)
    folder = loaded.folder if loaded is not None else Path()
    profile, floor = _profiles(loaded, spec, flags, policy, limits)
    values = {key: getattr(profile.params, key) for key in BY_NAME}
    origins = dict.fromkeys(BY_NAME, profile.source)
    for source, at, given, origin in _layers(loaded, name, spec, flags):
        for key, value in decode_params(source, given, at=at).items():
            values[key], origins[key] = value, origin(key)
    sets = [*((each, _named(loaded)) for each in spec.deadlines), *((each, "--deadlines") for each in flags.deadlines)]
    tighten(values, origins, sets, policy)
    params = Parameters(**values)
    selection, origins["selection"] = _selection(profile, spec, flags, loaded)
    enforcement = {**profile.enforcement, **spec.enforcement, **flags.enforcement}
    outside = flags.enforcement or spec.enforcement
    origins["enforcement"] = profile.source if not outside else "flags" if flags.enforcement else _named(loaded)
    waivers = (*(folder / path for path in spec.waivers), *(Path(path) for path in flags.waivers))
    if floor is not None:
        _only_tighter(floor, profile.name, params, selection, enforcement, origins)
        if waivers:
            raise ConfigError(
                f"{waivers[0]}: waiver files from outside a pinned bundle are refused",
                why="a waiver lets something pass, and what is outside a pinned bundle may only tighten",
                fix="put waivers into the bundle as data.waivers and pin the new digest",
            )
    permitting = floor or profile  # beside a pinned pack a profile from outside permits nothing
    if flags.exit_zero and not (
        permitting.allow_exit_zero or any(p.settings.get("allow_exit_zero") is True for p in policy.deciding)
    ):
        raise ConfigError(
            f"--exit-zero is not allowed by the profile {permitting.name}",
            why="it lets a denied image through",
            fix="say allow_exit_zero: true in the profile, or use `enforcement: report` for the rules in question",
        )
    return Effective(
        environment=name,
        profile=profile.name,
        profile_digest=profile.digest,
        params=params,
        selection=selection,
        enforcement=enforcement,
        exit_zero=flags.exit_zero,
        trust=loaded.file.trust if loaded is not None else TrustSpec(),
        folder=folder,
        pack_trust=bundled_trust(policy),
        waivers=waivers,
        bundled_waivers=_bundled_waivers(policy),
        vex=(*(folder / path for path in spec.vex.files), *(Path(path) for path in flags.vex)),
        engine_required=policy.engine_required,
        pinned=policy.pinned,
        origins=origins,
        sources=(*([(loaded.source.name, loaded.source.digest)] if loaded else []), *([profile.file] if profile.file else [])),
    )


def _profiles(
    loaded: LoadedPolicyFile | None, spec: EnvironmentSpec, flags: Flags, policy: Policy, limits: Limits
) -> tuple[Profile, Profile | None]:
    """The chosen profile, and the approved one that nothing may be looser than; the latter only where a pack is pinned."""
    if flags.profile is not None:
        profile = load_profile(flags.profile, policy, limits)
    elif loaded is not None:
        profile = load_profile(spec.profile, policy, limits, base=str(loaded.folder) if is_path(spec.profile) else "")
    else:
        profile = load_profile(default_name(policy), policy, limits)
    if not policy.pinned:
        return profile, None
    if profile.approved and profile.name in {default_name(policy), *_allowed(policy)}:
        return profile, profile
    floor = load_profile(default_name(policy), policy, limits)
    if not floor.approved:
        raise ConfigError(
            f"a pack is pinned, but the profile {floor.name} comes from one that is not",
            why="whoever writes the profile decides, whatever the pinned rules say",
            fix="pin the pack that has the profiles too",
        )
    return profile, floor


def _allowed(policy: Policy) -> set[str]:
    """The profiles that ``metadata.gate.profiles`` of the approved packs lets the caller choose, looser or not."""
    lists = [pack.settings.get("profiles") for pack in policy.deciding]
    return {name for names in lists if isinstance(names, list) for name in names if isinstance(name, str)}


def _layers(loaded: LoadedPolicyFile | None, name: str, spec: EnvironmentSpec, flags: Flags) -> Iterable[Any]:
    """Parameter layers above the profile, weakest first: source, path in it, values, and what to say of each origin."""
    if loaded is not None:
        base = ("environments", name)
        file = loaded.source
        yield file, (*base, "params"), spec.params, lambda key: file.at((*base, "params", key))
        if spec.vex.authors is not None:
            yield file, (*base, "vex"), {"vex_authors": list(spec.vex.authors)}, lambda key: file.at((*base, "vex", "authors"))
    for key, value in flags.params.items():
        flag = BY_NAME[key].flag if key in BY_NAME else None
        origin = flag or f"--param {key}"
        yield Source(origin, value, ""), (), {key: value}, lambda _, origin=origin: origin


def _named(loaded: LoadedPolicyFile | None) -> str:
    return loaded.source.name if loaded is not None else ""


def _selection(
    profile: Profile, spec: EnvironmentSpec, flags: Flags, loaded: LoadedPolicyFile | None
) -> tuple[tuple[str, ...], str]:
    included, origin = profile.select, profile.source
    if spec.select is not None:
        included, origin = spec.select, _named(loaded)
    if flags.select:
        included, origin = flags.select, "flags"
    excluded = [f"-{text}" for text in (*spec.exclude, *flags.exclude)]
    return tuple(dict.fromkeys((*included, *excluded))), origin


def _only_tighter(
    floor: Profile,
    profile: str,
    params: Parameters,
    selection: tuple[str, ...],
    enforcement: Mapping[str, Mode],
    origins: Mapping[str, str],
) -> None:
    why = "a bundle is pinned by digest, so what lies outside it may only tighten"
    for spec in looser(floor.params, params):
        old, new = (to_json(getattr(each, spec.name)).decode() for each in (floor.params, params))
        raise ConfigError(
            f"{origins[spec.name]}: {spec.name} = {new} is looser than {old} of {floor.source}",
            why=why,
            fix=f"remove it, or have {spec.name} changed in the bundle and pin the new digest"
            if profile == floor.name
            else f"choose {floor.name}, or list {profile} in metadata.gate.profiles of the bundle and pin the new digest",
        )
    lost = [text for text in floor.select if not text.startswith("-") and text not in selection]
    added = [text for text in selection if text.startswith("-") and text not in floor.select]
    if lost or added:
        raise ConfigError(f"{origins['selection']}: the selection leaves out {(lost + added)[0].lstrip('-')}", why=why)
    for selector, mode in enforcement.items():
        if mode == "report" and floor.enforcement.get(selector) != "report":
            raise ConfigError(f"{origins['enforcement']}: {selector} would only be reported", why=why, fix="remove it")
        # a report entry of the floor that is missing here, and an added `enforce`, can only tighten
    gone = [selector for selector, mode in floor.enforcement.items() if mode == "enforce" and selector not in enforcement]
    if gone:  # it may be an exception to a broader `report`
        raise ConfigError(f"{origins['enforcement']}: {gone[0]}: enforce of {floor.source} is missing", why=why, fix="add it")


def _bundled_waivers(policy: Policy) -> tuple[Source, ...]:
    found = data_at(policy, ("waivers",))
    if found is None:
        return ()
    value, pack = found
    if policy.pinned and not pack.approved:
        raise ConfigError(f"{pack.source}: waivers in a pack that is not pinned, beside one that is", fix="pin it too")
    return (Source(f"{pack.source}/waivers", value, pack.digest),)


def describe(effective: Effective) -> dict[str, Any]:
    """What ``gate config show`` prints: each value with its origin."""
    values = msgspec.to_builtins(effective.params)
    return {
        "environment": effective.environment,
        "profile": effective.profile,
        "profile_digest": effective.profile_digest,
        "pinned": effective.pinned,
        "selection": {"value": list(effective.selection), "from": effective.origins["selection"]},
        "enforcement": {"value": dict(effective.enforcement), "from": effective.origins["enforcement"]},
        "params": {name: {"value": values[name], "from": effective.origins[name]} for name in sorted(values)},
        "trust": msgspec.to_builtins(effective.pack_trust if effective.pack_trust.entries else effective.trust),
        "waivers": [str(path) for path in effective.waivers],
        "vex": [str(path) for path in effective.vex],
        "sources": [{"path": path, "digest": digest} for path, digest in effective.sources],
    }
