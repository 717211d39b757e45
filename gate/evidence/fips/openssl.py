"""OpenSSL in the image: each ``libcrypto`` with the configuration that it reads, and the FIPS provider that it loads.

1. The directories are those compiled into the library, not those that a distribution uses.
2. A provider that is there is capable; with its MAC recorded it is installed; activated and demanded by ``fips=yes`` it is on.
   Each is a field of its own, and so is what ``Env`` changes of it.
3. Builds that hold the path of the kernel's flag (Red Hat's, Ubuntu Pro's, SUSE's) turn themselves on where it is set: ``host``.
4. OpenSSL before 3 has no provider: its module is the library, and a ``.hmac`` file beside it shows that it was meant to be one.
"""

from __future__ import annotations

import dataclasses
import hmac
import re
from collections.abc import Mapping, Sequence

import msgspec

from gate.evidence.filesystem.collect import shown
from gate.evidence.fips.found import Found, is_system_library
from gate.evidence.fips.openssl_conf import Unreadable, parse
from gate.evidence.fips.openssl_files import LibraryFacts
from gate.evidence.fips.openssl_providers import LOOSE, Provider, Providers, State, demands_fips, read_providers
from gate.evidence.fips.openssl_view import NotLookedAt, View, variables
from gate.evidence.fips.owners import Owners
from gate.model.evidence import Diagnostic
from gate.model.fips import Activation, CryptoModule, EnvOverride, OpensslConfig, Said
from gate.model.input import Subject
from gate.oci.tree import Entry

_LIBCRYPTO = re.compile(r"libcrypto(-[^/]*)?\.so[^/]*")
_MOST = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Directories:
    """Where a library looks, and its version as numbers (empty when unknown); ``path`` is the library or program itself."""

    path: str
    openssldir: str
    modulesdir: str
    version: tuple[int, ...]
    follows_kernel: bool = False
    force_variable: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Effect:
    """What one configuration comes to for one library."""

    config: OpensslConfig
    activated: Activation
    fips: str
    """Path of the FIPS provider that it loads; empty without."""
    integrity: str
    """As in `CryptoModule`."""


def directories(entry: Entry, facts: LibraryFacts) -> Directories:
    """Those of a library."""
    return Directories(
        entry.path, facts.openssldir, facts.modulesdir, numbers(facts.version), facts.follows_kernel, facts.force_variable
    )


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    match = re.match(r"\d{1,4}(\.\d{1,4}){0,3}", version)
    return tuple(int(part) for part in match.group(0).split(".")) if match else ()


def effect_of(view: View, where: Directories, env: Mapping[str, str], section: str = "openssl_conf") -> Effect:
    """What the configuration that a library reads comes to with these variables; other programs' sections by ``section``."""
    path = env.get("OPENSSL_CONF")
    if path is None:
        path = f"{where.openssldir}/openssl.cnf" if where.openssldir else ""
    modules = env.get("OPENSSL_MODULES") or where.modulesdir
    problems: list[str] = []
    providers = Providers((), "", {}, ())
    state: State = "absent"
    fips, integrity = "", "absent"
    unknown = False
    try:
        if path and view.read(path) is not None:
            providers = read_providers(parse(path, view.read, env, where.openssldir), section, where.version)
            state = providers.state()
            unknown = bool(providers.doubts) and (state in {"strict", "preferred"} or where.follows_kernel)
            if providers.fips is not None:
                fips, integrity, trouble = _provider(view, providers.fips, modules, where)
                if trouble:
                    problems.append(trouble)
                    state = "broken"
                    unknown = unknown or integrity == "not_checked"
        elif not path and "OPENSSL_CONF" not in env:
            problems.append("the library does not say where its configuration is")
    except NotLookedAt as error:
        state, unknown = "broken", True
        problems.append(str(error))
    except Unreadable as error:
        state = "broken"
        problems.append(str(error))
    entry = view.files.tree.get(path) if path else None
    config = OpensslConfig(
        path=shown(path),
        layer=view.files.layer_name(entry) if entry is not None else "",
        used_by=shown(where.path),
        section=section,
        found=state != "absent",
        providers=tuple(provider.name for provider in providers.active),
        default_properties=providers.properties,
        state=state,
        settings=providers.settings,
        problems=(*providers.problems, *providers.doubts, *problems),
    )
    return Effect(
        config, "unknown" if unknown else _activated(view, where, state, modules, env, providers.properties), fips, integrity
    )


def _activated(view: View, where: Directories, state: State, modules: str, env: Mapping[str, str], properties: str) -> Activation:
    if state in {"strict", "preferred"}:
        return "yes"
    if state == "broken":
        return "broken"
    if properties and not demands_fips(properties):
        return "no"  # said by the configuration, which comes after the kernel's flag
    if where.follows_kernel and view.library(f"{modules}/fips.so") is not None:
        forced = env.get("OPENSSL_FORCE_FIPS_MODE") if where.force_variable else None
        return "host" if forced is None else "no" if forced.strip() in {"", "0"} else "yes"
    return "no"


def _provider(view: View, provider: Provider, modules: str, where: Directories) -> tuple[str, str, str]:
    """Path of the provider's file, whether its MAC is the recorded one, and what keeps it from being loaded."""
    name = provider.module or provider.name
    path = name if name.startswith("/") else f"{modules}/{name}"
    if view.files.tree.get(path) is None and not path.endswith(".so"):
        path += ".so"
    if view.files.tree.get(path) is None:
        return "", "absent", f"{path}: the fips provider is not there"
    known = view.library(path)
    if known is None or not known[1].elf:
        return path, "not_checked", f"{path}: is loaded as fips provider and was not recognised as one"
    entry, facts = known
    recorded = provider.mac.replace(":", "").strip().lower()
    if not recorded:
        if where.follows_kernel:
            return entry.path, "not_checked", ""  # the MAC is inside the file
        return entry.path, "absent", f"{path}: no module-mac is recorded for it (openssl fipsinstall)"
    if not hmac.compare_digest(recorded.encode("utf-8", "backslashreplace"), facts.mac.encode()):
        return entry.path, "differs", f"{path}: its MAC is {facts.mac[:16]}…, recorded is {recorded[:16]}…"
    return entry.path, "matches", "" if facts.provider else f"{path}: does not call itself a FIPS provider"


def find(files: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners) -> tuple[Found, tuple[OpensslConfig, ...]]:
    """The libraries, their providers, and the configurations; ``env`` is used where a variable may replace libraries."""
    made = _Finder(files, variables(subject), env, packages)
    for entry, facts in files.libraries():
        if _LIBCRYPTO.fullmatch(entry.path.rpartition("/")[2]):
            made.library(entry, facts)
    for entry, facts in files.libraries():
        if entry.path.rpartition("/")[2] == "fips.so":
            made.provider(entry, facts)
    diagnostics: list[Diagnostic] = []
    if len(made.configs) > _MOST:
        diagnostics.append(Diagnostic(code="list_cut", message="OpenSSL configurations", count=len(made.configs) - _MOST))
    return Found(tuple(made.modules), (), tuple(diagnostics)), tuple(made.configs[:_MOST])


class _Finder:
    def __init__(self, view: View, env: Mapping[str, str], overrides: Sequence[EnvOverride], packages: Owners) -> None:
        self._view = view
        self._env = env
        self._packages = packages
        self._replaced = [item for item in overrides if "openssl" in item.families and item.effect in {"redirects", "unknown"}]
        self._used: dict[str, list[tuple[Effect, CryptoModule]]] = {}
        self.modules: list[CryptoModule] = []
        self.configs: list[OpensslConfig] = []

    def library(self, entry: Entry, facts: LibraryFacts) -> None:
        version = numbers(facts.version)
        if version and version < (3,):
            self.modules.append(self._before_three(entry, facts, version))
            return
        where = directories(entry, facts)
        plain = effect_of(self._view, where, {name: text for name, text in self._env.items() if not name.startswith("OPENSSL_")})
        now = effect_of(self._view, where, self._env)
        self.configs.append(now.config)
        if plain.config.path != now.config.path:
            self.configs.append(plain.config)
        node = effect_of(self._view, where, self._env, "nodejs_conf")
        if node.config.state not in {"default", "absent"}:
            self.configs.append(node.config)
        activated, overridden, reasons = self._settle(plain, now)
        beside = self._view.library(f"{facts.modulesdir}/fips.so") if facts.modulesdir else None
        fips = now.fips or plain.fips or (beside[0].path if beside else "")
        module = changed(
            self._module(entry, facts, "openssl"),
            capable="yes" if fips else "no",
            installed="no" if now.integrity == "absent" and not facts.follows_kernel else "yes" if fips else "no",
            integrity="not_checked",
            activated=activated,
            overridden=overridden,
            bypassable=now.config.state == "preferred" or any(text.startswith(LOOSE) for text in now.config.problems),
            reasons=reasons,
            provider=shown(fips),
        )
        self.modules.append(module)
        for effect in (now, plain):
            if effect.fips or beside:
                self._used.setdefault(effect.fips or (beside[0].path if beside else ""), []).append((effect, module))

    def _settle(self, plain: Effect, now: Effect) -> tuple[Activation, Said, tuple[str, ...]]:
        """What is activated, whether ``Env`` takes it away, and why."""
        reasons = [_sentence(now)]
        on = {"yes", "host"}
        if plain.activated in on and now.activated not in on:
            reasons.append(f"without Env: {_sentence(plain)}")
            return plain.activated, "yes", tuple(reasons)
        if self._replaced:
            reasons += [item.reason for item in self._replaced]
            return now.activated, "unknown", tuple(reasons)
        return now.activated, "unknown" if now.activated == "unknown" and plain.activated in on else "no", tuple(reasons)

    def provider(self, entry: Entry, facts: LibraryFacts) -> None:
        uses = self._used.get(entry.path, [])
        base = changed(self._module(entry, facts, "openssl-fips-provider"), capable="yes" if facts.provider else "unknown")
        if not uses:
            self.modules.append(changed(base, reasons=("no library's configuration loads it",), integrity="absent"))
            return
        effects = [effect for effect, _ in uses if effect.fips == entry.path]
        libraries = [module for _, module in uses]
        order: tuple[Activation, ...] = ("yes", "host", "unknown", "broken", "no", "not_applicable")
        best = min(libraries, key=lambda module: (module.overridden != "no", order.index(module.activated)))
        integrities = {effect.integrity for effect in effects}
        integrity = next((text for text in ("differs", "matches", "not_checked") if text in integrities), "absent")
        self.modules.append(
            changed(
                base,
                installed=best.installed,
                integrity=integrity,
                activated=best.activated,
                overridden=best.overridden,
                bypassable=any(module.bypassable for module in libraries),
                reasons=tuple(dict.fromkeys(reason for module in libraries for reason in module.reasons)),
            )
        )

    def _before_three(self, entry: Entry, facts: LibraryFacts, version: tuple[int, ...]) -> CryptoModule:
        """(4)"""
        folder, _, name = entry.path.rpartition("/")
        side = [
            f"{folder}/.{name}.hmac",
            f"{folder}/fipscheck/{name}.hmac",
            f"{folder}/.{name.split('.so')[0]}.so.{facts.version}.hmac",
        ]
        recorded = next((path for path in side if self._view.files.tree.get(path) is not None), "")
        capable: Said = "yes" if recorded or facts.banner_fips else "no"
        activated: Activation = "not_applicable"
        reasons = [f"OpenSSL {facts.version}"]
        if capable == "yes":
            forced = self._env.get("OPENSSL_FORCE_FIPS_MODE") if facts.force_variable else None
            activated = "host" if facts.follows_kernel else "unknown"
            activated = activated if forced is None else "no" if forced.strip() in {"", "0"} else "yes"
            reasons.append("its checksum file is there" if recorded else "no checksum file is beside it")
            if activated == "unknown":
                reasons.append("each program turns it on for itself (FIPS_mode_set)")
        return changed(
            self._module(entry, facts, "openssl"),
            capable=capable,
            installed="yes" if recorded else "no",
            integrity="not_checked" if recorded else "absent",
            activated=activated,
            overridden="unknown" if self._replaced else "no",
            reasons=(*reasons, *(item.reason for item in self._replaced)),
        )

    def _module(self, entry: Entry, facts: LibraryFacts, family: str) -> CryptoModule:
        return module_at(self._view, self._packages, entry, facts, family)


def module_at(view: View, packages: Owners, entry: Entry, facts: LibraryFacts, family: str) -> CryptoModule:
    """A library with nothing known but what it is and whose."""
    owner = packages.of(entry.path)
    return CryptoModule(
        path=shown(entry.path),
        layer=view.files.layer_name(entry),
        sha256=facts.sha256,
        family=family,
        version=facts.version,
        place="system" if is_system_library(entry.path) else "bundled",
        package=owner.name if owner else "",
        package_version=owner.version if owner else "",
        vendor=owner.vendor if owner else _unread_vendor(packages, entry.path),
        capable="no",
        installed="no",
        integrity="not_checked",
        activated="no",
        overridden="no",
        bypassable=False,
        reasons=(),
    )


def changed(module: CryptoModule, **changes: object) -> CryptoModule:
    """The module with other values."""
    return msgspec.structs.replace(module, **changes)


def _sentence(effect: Effect) -> str:
    config = effect.config
    what = f"{config.path or 'no configuration'}: {config.state}"
    if config.providers:
        what += f", providers {', '.join(config.providers)}"
    if config.default_properties:
        what += f", default_properties {config.default_properties}"
    return "; ".join((what, *config.problems))


def _unread_vendor(packages: Owners, path: str) -> str:
    """Where the package database cannot be read, the distribution's name for what lies where its packages put libraries."""
    ours = is_system_library(path) and not path.startswith("usr/local/")
    return packages.vendor if packages.unread and ours else ""
