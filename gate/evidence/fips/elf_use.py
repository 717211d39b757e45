"""Programs and shared objects that do cryptography: with what they carry, or with a library that they are linked to.

1. A library counts by the path that the loader finds, never by its name: copies keep the system's.
2. Where another copy of the same name may have been loaded before, both are named.
3. A program that only links a library which does cryptography for it (curl with libcurl) is not listed; the library is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import shown
from gate.evidence.fips import elfmarks
from gate.evidence.fips.elf import ELF, ElfFacts, choose_elf
from gate.evidence.fips.elf_link import PATHS, Linker, choose_paths
from gate.evidence.fips.elf_module import carried, implements, module_of, static_openssl, stem
from gate.evidence.fips.found import Found
from gate.evidence.fips.openssl import Directories, directories, effect_of
from gate.evidence.fips.openssl_view import View, variables
from gate.evidence.fips.owners import Owners
from gate.evidence.fips.python import Wheels
from gate.model.evidence import Diagnostic
from gate.model.fips import CryptoConsumer, CryptoModule, EnvOverride
from gate.model.input import Subject
from gate.oci.filesystem import Chooser
from gate.oci.tree import Entry

_FRONTS = {"libnss3": "libsoftokn3.so", "libssl3": "libsoftokn3.so", "libsmime3": "libsoftokn3.so"}
"""Libraries that load the one which does the work, from their own directory."""
_NODE = frozenset({"openssl", "boringssl", "boringssl-fips", "aws-lc", "aws-lc-fips"})
"""What `gate.evidence.fips.node` tells of Node."""
_DEEP = 32
_LOADED = re.compile(r"\.so|\.(jar|war|ear|node|dll|whl|egg|pyz|pex)$")


def choosers() -> Mapping[str, Chooser]:
    """The collectors of this family, by name."""
    return {ELF: choose_elf, PATHS: choose_paths}


def elves(view: View) -> Iterator[tuple[Entry, ElfFacts]]:
    """All ELF files, by path; hard links are listed once a name."""
    for entry in sorted(view.files.entries(), key=lambda item: item.path):
        made = found(entry, ELF)
        if entry.kind == "file" and isinstance(made, ElfFacts):
            yield entry, made


def find(view: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners, wheels: Wheels) -> Found:
    """Modules inside ELF files, and consumers."""
    variable = variables(subject)
    finder = _Finder(view, variable, env, wheels)
    diagnostics: list[Diagnostic] = []
    for entry, facts in elves(view):
        finder.look(entry, facts)
        if facts.has(elfmarks.PACKED):
            diagnostics.append(
                Diagnostic(
                    code="packed_program",
                    message=f"packed with {(facts.values(elfmarks.PACKED) or ('',))[0]}: what is inside is not known",
                    where=shown(entry.path),
                )
            )
        elif facts.problems and (facts.program or (".so" in entry.path and facts.machine) or entry.mode & 0o111):
            diagnostics.append(Diagnostic(code="odd_elf", message="; ".join(facts.problems)[:500], where=shown(entry.path)))
    diagnostics += [
        Diagnostic(code="not_looked_at", message="a sparse program, library or archive", where=shown(entry.path))
        for entry in view.files.entries()
        if entry.kind == "file" and entry.sparse and (entry.mode & 0o111 or _LOADED.search(entry.path))
    ]
    diagnostics += [
        Diagnostic(code="not_looked_at", message="directories of the loader", where=shown(path)) for path in finder.linker.unread
    ]
    return Found(tuple(finder.modules), tuple(finder.consumers), tuple(diagnostics))


class _Finder:
    def __init__(self, view: View, env: Mapping[str, str], overrides: Sequence[EnvOverride], wheels: Wheels) -> None:
        self._view = view
        self._env = env
        self._overrides = [item for item in overrides if "openssl" in item.families]
        self._wheels = wheels
        self.linker = Linker(view, env)
        self._by_env: dict[str, bool] = {}
        self.modules: list[CryptoModule] = []
        self.consumers: list[CryptoConsumer] = []

    def look(self, entry: Entry, facts: ElfFacts) -> None:
        """Takes one file's modules and, unless it is a library of cryptography itself, what it uses."""
        known = self._view.library(entry.path) is not None
        inside: list[CryptoModule] = []
        node = facts.has(elfmarks.NODE_SHARED)
        for family, version in carried(entry, facts, known):
            if node and family in _NODE:
                continue
            if family == "openssl":
                inside.append(static_openssl(self._view, entry, facts, version, self._wheels, self._env, self._redirecting()))
            else:
                inside.append(module_of(self._view, entry, facts, family, version, self._wheels))
        if inside:
            self.modules.append(joined(inside))
        own = elfmarks.library_family(entry.path) or elfmarks.library_family(facts.soname)
        part = "/ossl-modules/" in entry.path or "/engines-" in entry.path  # of OpenSSL itself
        if not part and (not own or (own == "krb5" and not inside)):
            self._consumer(entry, facts, inside)

    def _redirecting(self) -> Sequence[EnvOverride]:
        """What may send a linked-in OpenSSL elsewhere; variables of the loader do not."""
        return [item for item in self._overrides if not item.name.startswith("LD_")]

    def _consumer(self, entry: Entry, facts: ElfFacts, inside: Sequence[CryptoModule]) -> None:
        modules: dict[str, None] = {}
        reasons: list[str] = []
        for module in inside:
            modules[module.path] = None
            reasons.append(f"has {module.family} {module.version}".rstrip() + " inside")
        missing = False
        for name in dict.fromkeys(facts.needed):
            family = elfmarks.library_family(name)
            if family and not (family == "openssl" and facts.has(elfmarks.NODE_SHARED)):
                missing |= not self._library(entry, facts, name, modules, reasons)
        if not inside:
            missing |= not self._loaded(entry, facts, modules, reasons)
        if not reasons:
            return
        if (entry.mode & 0o6000 or entry.capability) and any(self._needs_env(path) for path in modules):
            missing = True
            reasons.append("is setuid, setgid or has capabilities: OpenSSL does not heed its variables in it, which turn FIPS on")
        owner = self._wheels.of(entry.path)
        wheel = self._wheels.wheel(entry.path)
        self.consumers.append(
            CryptoConsumer(
                path=shown(entry.path),
                layer=self._view.files.layer_name(entry),
                kind="python" if wheel else "elf",
                modules=() if missing else tuple(modules),
                reaches_fips="unknown",
                package=owner.name if owner else "",
                reasons=tuple(dict.fromkeys(reasons)),
            )
        )

    def _needs_env(self, path: str) -> bool:
        """Whether FIPS is on in a library by variables alone (``secure_getenv`` in programs with another's rights has none)."""
        if path not in self._by_env:
            known = self._view.library(path)
            where = directories(*known) if known is not None else Directories(path, "", "", ())
            without = {name: value for name, value in self._env.items() if not name.startswith("OPENSSL_")}
            now, plain = effect_of(self._view, where, self._env), effect_of(self._view, where, without)
            self._by_env[path] = known is not None and now.activated != plain.activated and now.activated in {"yes", "host"}
        return self._by_env[path]

    def _library(
        self, entry: Entry, facts: ElfFacts, name: str, modules: dict[str, None], reasons: list[str], verb: str = "links"
    ) -> bool:
        """Adds what a needed name leads to; False when that is not known."""
        target = self.linker.resolve(entry, facts, name)
        copies = [other for other in self.linker.others(name, target) if self._related(entry, other)]
        if target is None and not copies:
            reasons.append(f"{verb} {name}, which is not where the loader looks")
            return False
        reasons += [f"{verb} {name}: {shown(place.path)}" for place in ([target] if target else []) + copies]  # (1) (2)
        ended = [self._ends(place, set()) for place in ([target] if target else []) + copies]
        modules.update((shown(path), None) for paths in ended for path in paths)
        return target is not None or bool(copies)

    def _loaded(self, entry: Entry, facts: ElfFacts, modules: dict[str, None], reasons: list[str]) -> bool:
        """Adds what it may load by name, often one of several versions; False when the image has only others."""
        names = facts.values(elfmarks.LOADS) or ()
        found = [name for name in names if self.linker.resolve(entry, facts, name)]
        for name in found:
            self._library(entry, facts, name, modules, reasons, "may load")
        if names and not found and self.linker.has_openssl:
            reasons.append(f"may load {', '.join(names)}, none of which is where the loader looks")
            return False
        return True

    def _related(self, entry: Entry, other: Entry) -> bool:
        """Whether a copy comes with what this file came with."""
        mine, theirs = self._wheels.wheel(entry.path), self._wheels.wheel(other.path)
        return mine is not None and mine == theirs

    def _ends(self, entry: Entry, seen: set[str]) -> list[str]:
        """The modules behind a library: itself, or those that it calls in its turn."""
        seen.add(entry.path)
        facts = found(entry, ELF)
        name = stem(entry.path)
        if name == "libcrypto" or implements(entry.path) or not isinstance(facts, ElfFacts) or len(seen) > _DEEP:
            return [entry.path]
        if name in _FRONTS:
            beside = self._view.files.tree.get(f"{entry.path.rpartition('/')[0]}/{_FRONTS[name]}")
            return [beside.path] if beside is not None else [entry.path]
        ends: list[str] = []
        for needed in facts.needed:
            target = self.linker.resolve(entry, facts, needed) if elfmarks.library_family(needed) else None
            if target is not None and target.path not in seen:
                ends += self._ends(target, seen)
        return ends or [entry.path]


def joined(inside: Sequence[CryptoModule]) -> CryptoModule:
    """One module for a file with several: the least capable stands for it, and the others are named."""
    if len(inside) == 1:
        return inside[0]
    order = {"no": 0, "unknown": 1, "yes": 2}
    weakest = min(inside, key=lambda module: order[module.capable])
    others = ", ".join(f"{module.family} {module.version}".rstrip() for module in inside if module is not weakest)
    return msgspec.structs.replace(weakest, reasons=(*weakest.reasons, f"in the same file: {others}"))
