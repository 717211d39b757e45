"""From an image's files and configuration to `gate.model.fips.FipsFacts`.

1. Facts are complete only when no collector left anything out; a family that fails to read something says so.
2. Of one file the first family's module counts: those that read configurations come before those that know marks only.
3. A consumer of nothing but system libraries reaches FIPS as the weakest of them does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from gate.evidence.filesystem.collect import shown
from gate.evidence.fips import command, openssl, programs, system
from gate.evidence.fips import env as env_module
from gate.evidence.fips.found import Found
from gate.evidence.fips.openssl_files import CONF, LIBRARY, choose_conf, choose_library
from gate.evidence.fips.openssl_view import View, variables
from gate.evidence.fips.owners import PACKAGES, Owners, choose_packages
from gate.model.evidence import Diagnostic
from gate.model.fips import Activation, CryptoConsumer, CryptoModule, FipsFacts
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem

_MOST = 5_000
_WEAKEST: tuple[Activation, ...] = ("no", "broken", "unknown", "host", "not_applicable", "yes")


def choosers() -> Mapping[str, Chooser]:
    """The collectors of this package, by name."""
    return {PACKAGES: choose_packages, LIBRARY: choose_library, CONF: choose_conf, **programs.choosers()}


def facts(files: FileSystem, subject: Subject) -> FipsFacts:
    """The facts of a file system that was read with `choosers`."""
    packages = Owners(files)
    view = View(files)
    subject, doubts = command.started(view, subject)
    config = subject.config
    words = " ".join((*config.entrypoint, *config.cmd)) if config is not None else ""
    overrides = env_module.overrides(view, variables(subject), packages, doubts, words)
    found, configs = openssl.find(view, subject, overrides, packages)
    founds = [found, system.find(view, subject, overrides, packages), *programs.find(view, subject, overrides, packages)]
    diagnostics = [item for part in founds for item in part.diagnostics]
    diagnostics += [
        Diagnostic(code="preload", message="put before every program by /etc/ld.so.preload, and of no package", where=name[:500])
        for name in env_module.preloads(view, packages)
    ]
    policy = system.crypto_policy(view)
    diagnostics += [
        Diagnostic(code="not_looked_at", message="a configuration that was not kept", where=shown(path)) for path in view.unread
    ]
    if subject.config is None:
        diagnostics.append(Diagnostic(code="no_configuration", message="the image's Env is not known"))
    modules = programs.claimed(_first(founds), files, packages)
    consumers = [settled(consumer, modules) for part in founds for consumer in part.consumers]
    for name, items in (("modules", modules), ("consumers", consumers)):
        if len(items) > _MOST:
            diagnostics.append(Diagnostic(code="list_cut", message=f"{name}: not all are listed", count=len(items) - _MOST))
    notes = [item for part in founds for item in part.notes]
    notes += [
        Diagnostic(
            code="packages_unknown", message="a package database that is not read: owners of files are not known", where=path
        )
        for path in packages.unread
    ]
    return FipsFacts(
        collected=True,
        certain=files.certain,
        complete=not diagnostics,
        modules=tuple(sorted(modules.values(), key=lambda module: module.path)[:_MOST]),
        consumers=tuple(sorted(consumers, key=lambda consumer: (consumer.path, consumer.kind))[:_MOST]),
        env=overrides,
        openssl=configs,
        crypto_policy=policy,
        markers=system.markers(view),
        diagnostics=(*diagnostics, *notes),
    )


def _first(founds: Iterable[Found]) -> dict[str, CryptoModule]:
    """(2)"""
    made: dict[str, CryptoModule] = {}
    for part in founds:
        for module in part.modules:
            made.setdefault(module.path, module)
    return made


def settled(consumer: CryptoConsumer, modules: Mapping[str, CryptoModule]) -> CryptoConsumer:
    """(3)"""
    used = [modules.get(path) for path in consumer.modules]
    if consumer.reaches_fips != "unknown" or not used:
        return consumer
    states = [_reaches(module) if module is not None else "unknown" for module in used]
    weakest = min(states, key=_WEAKEST.index)
    return msgspec.structs.replace(consumer, reaches_fips=weakest)


def _reaches(module: CryptoModule) -> Activation:
    if module.overridden == "yes":
        return "no"
    if module.overridden == "unknown" and module.activated in {"yes", "host"}:
        return "unknown"
    if module.capable == "no" or module.activated == "not_applicable":
        return "no"
    return module.activated
