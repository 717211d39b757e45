"""Node: which OpenSSL it uses, and which section of the configuration it reads.

1. Node reads the section ``nodejs_conf`` and not ``openssl_conf``, unless told ``--openssl-shared-config``: a system that is FIPS
   for everyone else is not for Node.
2. ``--enable-fips`` and ``--force-fips`` without a configuration that loads the provider end it at start: broken, not open.
3. Options count from ``NODE_OPTIONS``, and from the command of the image where it starts Node itself.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from gate.evidence.filesystem.collect import shown
from gate.evidence.fips import elfmarks
from gate.evidence.fips.elf import ElfFacts
from gate.evidence.fips.elf_link import Linker
from gate.evidence.fips.elf_module import module_of, static_openssl
from gate.evidence.fips.elf_use import elves
from gate.evidence.fips.found import Found
from gate.evidence.fips.openssl import directories, effect_of
from gate.evidence.fips.openssl_view import View, variables
from gate.evidence.fips.python import Wheels
from gate.model.fips import Activation, CryptoConsumer, CryptoModule, EnvOverride
from gate.model.input import Subject
from gate.oci.tree import Entry

_NODE = re.compile(r"(.*/)?(node|nodejs)")
_FORCED = frozenset({"--enable-fips", "--force-fips"})
_SHARED = "--openssl-shared-config"
_CONFIG = "--openssl-config"


def find(view: View, subject: Subject, env: Sequence[EnvOverride], wheels: Wheels) -> Found:
    """Programs and libraries that are Node."""
    nodes = [(entry, facts) for entry, facts in elves(view) if facts.has(elfmarks.NODE_SHARED)]
    if not nodes:
        return Found()
    variable = variables(subject)
    chosen = options(variable, subject)
    judge = _Judge(view, variable, chosen, env, wheels)
    modules: list[CryptoModule] = []
    consumers: list[CryptoConsumer] = []
    for entry, facts in nodes:
        made, consumer = judge.look(entry, facts)
        modules += made
        consumers.append(consumer)
    return Found(tuple(modules), tuple(consumers))


def options(env: Mapping[str, str], subject: Subject) -> tuple[str, ...]:
    """What Node is started with, as far as the image says (3)."""
    words = list(_words(env.get("NODE_OPTIONS", "")))
    command = [*subject.config.entrypoint, *subject.config.cmd] if subject.config is not None else []
    if command and _NODE.fullmatch(command[0]):
        for word in command[1:]:
            if not word.startswith("-"):
                break
            words.append(word)
    return tuple(words)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


class _Judge:
    def __init__(
        self, view: View, env: Mapping[str, str], chosen: Sequence[str], overrides: Sequence[EnvOverride], wheels: Wheels
    ) -> None:
        self._view = view
        self._wheels = wheels
        self._linker = Linker(view, env)
        self._forced = bool(_FORCED & set(chosen))
        self._section = "openssl_conf" if _SHARED in chosen else "nodejs_conf"
        self._overrides = [item for item in overrides if "openssl" in item.families and item.effect in {"redirects", "unknown"}]
        config = _value(chosen, _CONFIG)
        self._env = {**env, "OPENSSL_CONF": config} if config is not None else dict(env)
        self._doubts = [
            item
            for item in overrides
            if "node" in item.families and (item.effect == "unknown" or "--openssl-legacy-provider" in item.value)
        ]
        self._reasons = [f"reads the section {self._section}"] + [
            f"is started with {word[:100]}" for word in chosen if "openssl" in word
        ]

    def look(self, entry: Entry, facts: ElfFacts) -> tuple[list[CryptoModule], CryptoConsumer]:
        """One program or library."""
        version = (facts.values(elfmarks.NODE) or ("",))[0]
        reasons = [f"Node {version}".rstrip(), *self._reasons]
        module: CryptoModule | None = None
        reaches: Activation
        if facts.has(elfmarks.OPENSSL) or facts.has(elfmarks.OPENSSL_DIRECTORY):
            said = (facts.values(elfmarks.OPENSSL_SAID) or ("",))[0]
            redirecting = [item for item in self._overrides if not item.name.startswith("LD_")]
            module = static_openssl(self._view, entry, facts, said, self._wheels, self._env, redirecting, self._section)
            reaches = "unknown" if module.overridden != "yes" else "no"  # else as the module
            modules: tuple[str, ...] = (module.path,)
            ready = module.activated in {"yes", "host", "unknown"} and module.overridden != "yes"
            reasons += module.reasons
        elif facts.has(elfmarks.FORK):
            family = "aws-lc" if facts.has("aws-lc") else "boringssl"
            module = module_of(self._view, entry, facts, family, "", self._wheels, static=True)
            reaches, modules, ready = "no", (module.path,), False
        else:
            reaches, modules = self._shared(entry, facts, reasons)
            ready = reaches in {"yes", "host", "unknown"}
        if self._forced and not ready:
            reaches = "broken"  # (2)
            reasons.append("asked for FIPS without a configuration that loads the provider: it ends when it starts")
        if self._doubts and reaches in {"yes", "host", "unknown"}:
            reaches, modules = "unknown", ()
            reasons += [item.reason for item in self._doubts]
        owner = self._wheels.of(entry.path)
        consumer = CryptoConsumer(
            path=shown(entry.path),
            layer=self._view.files.layer_name(entry),
            kind="node",
            modules=modules,
            reaches_fips=reaches,
            package=owner.name if owner else "",
            reasons=tuple(dict.fromkeys(reasons)),
        )
        return ([module] if module is not None else []), consumer

    def _shared(self, entry: Entry, facts: ElfFacts, reasons: list[str]) -> tuple[Activation, tuple[str, ...]]:
        """Through the system's libcrypto, and Node's own section of its configuration (1)."""
        name = next((name for name in facts.needed if elfmarks.library_family(name) and "crypto" in name), "libcrypto.so.3")
        target = self._linker.resolve(entry, facts, name)
        known = self._view.library(target.path) if target is not None else None
        if target is None or known is None:
            reasons.append(f"{name} is not where the loader looks")
            return "unknown", ()
        effect = effect_of(self._view, directories(*known), self._env, self._section)
        reasons.append(f"{effect.config.path or 'no configuration'} ({self._section}): {effect.config.state}")
        reasons += effect.config.problems
        if effect.activated in {"yes", "host"} and self._overrides:
            reasons += [item.reason for item in self._overrides]
            return "unknown", ()
        if effect.activated == "unknown":
            return "unknown", ()
        return effect.activated, (shown(target.path),)


def _value(chosen: Sequence[str], name: str) -> str | None:
    for number, word in enumerate(chosen):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and number + 1 < len(chosen):
            return chosen[number + 1]
    return None
