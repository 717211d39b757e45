"""What an OpenSSL 3 configuration comes to: which providers run, from which file, and whether anything demands FIPS. Pure.

Read as ``crypto/conf/conf_mod.c``, ``provider_conf.c`` and ``evp_cnf.c`` do:

1. The section named by ``openssl_conf`` (or by the program's own name, as ``nodejs_conf``, without which Node loads none) lists
   modules; of them ``providers``, ``alg_section`` and ``ssl_conf`` matter here. A section that is named and missing is an error.
2. Until 3.1 ``activate`` counts whatever its value; from 3.2 on it has to be true.
3. Without an active provider the default one is loaded.
4. Only a mandatory clause ``fips=yes`` keeps algorithms of other providers out; ``?fips=yes`` is a wish.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

from gate.evidence.fips.openssl_conf import DEFAULT, Conf, Unreadable

State = Literal["strict", "preferred", "not_enforced", "default", "broken", "absent"]
_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})
_HARMLESS = frozenset({"base", "null"})
"""Providers without algorithms of their own."""
_MODULES = frozenset({"alg_section", "engines", "oid_section", "providers", "random", "ssl_conf", "stbl_section"})
"""What ``OPENSSL_load_builtin_modules`` knows. ``alg_section.2`` is one of them too, and ``2.alg_section`` is not."""
_CHECKS = ("security-checks", "conditional-errors")
LOOSE = "the fips provider does not refuse everything:"
"""Begins a problem about options of ``fipsmodule.cnf`` (fips_config(5)): short keys pass, or errors of self-tests do."""
_RANDOM = frozenset({"random", "cipher", "digest", "properties", "seed", "seed_properties", "random_provider"})
_MOST = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Provider:
    """One that is active. ``module`` is the path or name that is loaded, ``mac`` the recorded one, empty without."""

    name: str
    module: str
    mac: str


@dataclasses.dataclass(frozen=True, slots=True)
class Providers:
    """The active providers, default properties, and the ``system_default`` of TLS."""

    active: tuple[Provider, ...]
    properties: str
    settings: dict[str, str]
    problems: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    """Why it may come to something else when a program runs."""

    @property
    def fips(self) -> Provider | None:
        """The FIPS provider, by its name or its file's."""
        for provider in self.active:
            if is_fips(provider):
                return provider
        return None

    def state(self) -> State:
        """What it comes to, if the files of all providers can be loaded."""
        enforced = demands_fips(self.properties)
        if self.fips is None:
            return "broken" if enforced else "default"  # everything is refused
        if not enforced:
            return "not_enforced"
        others = [provider for provider in self.active if not is_fips(provider) and provider.name not in _HARMLESS]
        return "preferred" if others else "strict"


def is_fips(provider: Provider) -> bool:
    """Whether it is meant to be the FIPS provider."""
    return provider.name == "fips" or provider.module.rpartition("/")[2] == "fips.so"


def demands_fips(properties: str) -> bool:
    """Whether a property query (property(7)) leaves nothing but algorithms with ``fips=yes``."""
    clauses = [re.sub(r"\s", "", clause).lower() for clause in properties.split(",")]
    about = [clause for clause in clauses if clause.lstrip("?-").partition("=")[0].rstrip("!") == "fips"]
    return bool(about) and all(clause in {"fips", "fips=yes"} for clause in about)


def read_providers(conf: Conf, section: str, version: tuple[int, ...]) -> Providers:
    """What the configuration comes to for programs that use ``section``; ``version`` is the library's, empty when unknown.

    Raises Unreadable where OpenSSL would give an error.
    """
    top = conf.get(DEFAULT, section)
    if top is None:
        return Providers((), "", {}, tuple(conf.problems), tuple(conf.doubts))
    problems = list(conf.problems)
    doubts = list(conf.doubts)
    modules = _section(conf, top, section)
    active: list[Provider] = []
    properties = ""
    settings: dict[str, str] = {}
    for full, value in modules.items():
        kind = full.rpartition(".")[0] or full
        if kind not in _MODULES:
            raise Unreadable(f"{section} names the module {full[:80]!r}, which is unknown: OpenSSL goes no further")
        if kind == "providers":
            active += _providers(conf, value, version, problems)
        elif kind == "alg_section":
            values = _section(conf, value, full)
            properties = _properties(values, properties, problems)
            if not properties and any(name.partition(".")[0] == "default_properties" for name in values):
                doubts.append(f"{full[:80]} sets the default properties to nothing")
        elif kind == "ssl_conf":
            settings = _tls(conf, value, full)
        elif kind == "engines":
            doubts.append("engines are configured, whose algorithms are used whatever the properties say")
        elif kind == "random":
            _random(conf, value, full)
        else:
            _section(conf, value, full)
            doubts.append(f"{full[:80]} is set: an error in it ends the rest")
    return Providers(tuple(active[:_MOST]), properties, settings, tuple(problems), tuple(doubts))


def _section(conf: Conf, name: str, where: str) -> dict[str, str]:
    found = conf.sections.get(name)
    if found is None:
        raise Unreadable(f"{where} names the section {name[:80]!r}, which does not exist")
    return found


def _bare(name: str) -> str:
    """``1.fips`` is ``fips``: what is before the dot only makes names differ."""
    return name.partition(".")[2] or name


def _providers(conf: Conf, section: str, version: tuple[int, ...], problems: list[str]) -> list[Provider]:
    made: list[Provider] = []
    for full, value in _section(conf, section, "providers").items():
        settings = {_bare(name): text for name, text in _section(conf, value, full).items()}
        name = settings.get("identity", _bare(full))
        provider = Provider(name, settings.get("module", ""), settings.get("module-mac", ""))
        said = settings.get("activate")
        if said is None:
            continue
        on = _is_on(said, version, is_fips(provider))
        if on is None:
            raise Unreadable(f"{value[:80]}: activate is {said[:20]!r}, which is neither yes nor no")
        if on:
            made.append(provider)
            if is_fips(provider):
                problems += [f"{LOOSE} {name} = 0" for name in _CHECKS if settings.get(name, "1").lower() in _FALSE]
        if settings.get("soft_load", "0").lower() in _TRUE and is_fips(provider):
            problems.append("the fips provider is loaded softly: without it, OpenSSL goes on")
    return made


def _is_on(said: str, version: tuple[int, ...], fips: bool) -> bool | None:
    """(2); of a library whose version is unknown, what is less favourable."""
    text = said.lower()
    if version and version < (3, 2):
        return True
    if text in _TRUE:
        return True
    if text in _FALSE:
        return not version and not fips
    return None


def _properties(values: dict[str, str], before: str, problems: list[str]) -> str:
    properties = before
    for full, value in values.items():
        name = full.partition(".")[0]
        if name == "default_properties":
            properties = value
        elif name == "fips_mode":
            kept = ",".join(part for part in properties.split(",") if part.strip() and part.strip().lstrip("?-")[:4] != "fips")
            clause = "fips=yes" if value.lower() in _TRUE | {"y"} else "-fips"
            properties = f"{kept},{clause}" if kept else clause
        elif name.startswith("rh-"):
            problems.append(f"{full} = {value}")
        else:
            raise Unreadable(f"alg_section has the unknown option {full[:80]!r}")
    return properties


def _random(conf: Conf, section: str, where: str) -> None:
    """``rand_lib.c``, random_conf_init."""
    for name in _section(conf, section, where):
        if name.lower() not in _RANDOM:
            raise Unreadable(f"{where} has the unknown option {name[:80]!r}")


def _tls(conf: Conf, section: str, where: str) -> dict[str, str]:
    """``system_default``, which holds for every program that uses libssl (``conf_ssl.c``: empty sections are errors)."""
    commands = _section(conf, section, where)
    if not commands or not all(_section(conf, name, f"{where} {full}") for full, name in commands.items()):
        raise Unreadable(f"{where} has an empty section")
    named = commands.get("system_default")
    values = conf.sections.get(named, {}) if named is not None else {}
    return {name.rpartition(".")[2]: value for name, value in list(values.items())[:_MOST]}
