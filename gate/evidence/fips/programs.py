"""What programs bring themselves: the families that read programs, wheels and archives, in the order in which they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gate.evidence.fips import dotnet, elf_use, go, java, java_files, node, python
from gate.evidence.fips.elf_use import joined
from gate.evidence.fips.found import Found
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.owners import Owners
from gate.model.fips import CryptoModule, EnvOverride
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem


def choosers() -> Mapping[str, Chooser]:
    """The collectors of these families, by name."""
    return {
        **elf_use.choosers(),
        python.RECORD: python.choose_record,
        java_files.JAR: java_files.choose_jar,
        java_files.SETTINGS: java_files.choose_settings,
    }


def find(view: View, subject: Subject, env: Sequence[EnvOverride], packages: Owners) -> list[Found]:
    """What each family finds."""
    wheels = python.Wheels(view.files, packages)
    inside = _together(go.find(view, subject, env, packages), elf_use.find(view, subject, env, packages, wheels))
    return [
        *inside,
        node.find(view, subject, env, wheels),
        java.find(view, subject, env, packages),
        dotnet.find(view, packages),
        python.find(view, packages),
    ]


def claimed(modules: Mapping[str, CryptoModule], files: FileSystem, packages: Owners) -> dict[str, CryptoModule]:
    """Bundled modules that no package of the image owns, with the wheel that claims them."""
    wheels = python.Wheels(files, packages)
    made: dict[str, CryptoModule] = {}
    for path, module in modules.items():
        owner = wheels.wheel(path) if module.place != "system" and not module.package else None
        made[path] = (
            module
            if owner is None
            else msgspec.structs.replace(module, package=owner.name, package_version=owner.version, vendor=owner.vendor)
        )
    return made


def _together(built: Found, carried: Found) -> list[Found]:
    """Go's own module and what cgo linked into the same file are one, as weak as the weaker; BoringCrypto is BoringSSL."""
    by_path = {module.path: module for module in built.modules}
    kept: list[CryptoModule] = []
    for module in carried.modules:
        first = by_path.get(module.path)
        if first is None:
            kept.append(module)
        elif not (first.family == "go-boringcrypto" and module.family.startswith("boringssl")):
            by_path[module.path] = joined([first, module])
    return [
        Found(tuple(by_path.values()), built.consumers, built.diagnostics, built.notes),
        Found(
            tuple(kept),
            tuple(c for c in carried.consumers if c.modules != (c.path,) or c.path not in by_path),
            carried.diagnostics,
            carried.notes,
        ),
    ]
