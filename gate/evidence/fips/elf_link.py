"""Which file of the image a needed library is, as the dynamic linker looks for it (ld.so(8), musl's ldso).

RPATH (only without RUNPATH), LD_LIBRARY_PATH, RUNPATH, the directories of ld.so.conf, the built-in ones. A library that another
one has loaded before under the same name is taken without looking, which files do not tell: `Linker.others` names such copies.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from gate.evidence.filesystem.choose import found
from gate.evidence.fips.elf import ELF, ElfFacts
from gate.evidence.fips.elfmarks import library_family
from gate.evidence.fips.openssl_view import View
from gate.oci.filesystem import Keep, Sink
from gate.oci.layertar import Header
from gate.oci.tree import Entry

PATHS = "fips_linker"
_MUSL = re.compile(r"etc/ld-musl-[^/]+\.path")
_MUSL_BYTES = 64 * 1024
_BUILT_IN = ("/lib64", "/usr/lib64", "/lib", "/usr/lib")
_MUSL_BUILT_IN = ("/lib", "/usr/local/lib", "/usr/lib")
_TRIPLETS = {
    3: "i386-linux-gnu",
    40: "arm-linux-gnueabihf",
    62: "x86_64-linux-gnu",
    183: "aarch64-linux-gnu",
    22: "s390x-linux-gnu",
    21: "powerpc64le-linux-gnu",
    243: "riscv64-linux-gnu",
    258: "loongarch64-linux-gnu",
}
_INCLUDES = 256
"""Files of the loader's configuration; what more there are say is not followed."""
_FOLDERS = 200


def choose_paths(header: Header) -> Sink | None:
    """Keeps musl's list of directories; ld.so.conf is kept as a configuration."""
    return Keep() if header.size <= _MUSL_BYTES and _MUSL.fullmatch(header.path) else None


class Linker:
    """Libraries of one image."""

    def __init__(self, view: View, env: Mapping[str, str]) -> None:
        self._tree = view.files.tree
        self._variable = [part for part in re.split("[:;]", env.get("LD_LIBRARY_PATH", "")) if part]
        seen: set[str] = set()
        folders = tuple(dict.fromkeys(_configured(view, "/etc/ld.so.conf", seen)))
        self._configured = folders[:_FOLDERS]
        cut = ("etc/ld.so.conf",) if len(folders) > _FOLDERS or len(seen) > _INCLUDES else ()
        self.unread = (*sorted(path for path in view.unread if path.startswith("etc/ld.so.conf")), *cut)
        self._musl: tuple[str, ...] = _MUSL_BUILT_IN
        self._named: dict[str, list[Entry]] = {}
        for entry in view.files.entries():
            if entry.kind == "file" and isinstance(found(entry, ELF), ElfFacts) and library_family(entry.path):
                self._named.setdefault(entry.path.rpartition("/")[2], []).append(entry)
            kept = found(entry, PATHS)
            if isinstance(kept, bytes):
                self._musl = tuple(part for part in re.split(r"[:\n]", kept.decode("utf-8", "backslashreplace")) if part)

    @property
    def has_openssl(self) -> bool:
        """Whether any libcrypto is in the image."""
        return any(library_family(name) == "openssl" for name in self._named)

    def resolve(self, entry: Entry, facts: ElfFacts, name: str) -> Entry | None:
        """The library that a program or library gets for a needed name; None when it is not where the loader looks."""
        if "/" in name:
            return self._at(name, facts)
        for folder in self._folders(entry, facts):
            made = self._at(f"{folder}/{name}", facts)
            if made is not None:
                return made
        return None

    def others(self, name: str, beside: Entry | None) -> tuple[Entry, ...]:
        """Copies of that name elsewhere in the image."""
        return tuple(
            entry for entry in self._named.get(name.rpartition("/")[2], ()) if beside is None or entry.path != beside.path
        )

    def _at(self, path: str, facts: ElfFacts) -> Entry | None:
        entry = self._tree.get(path) if path.startswith("/") else None
        made = found(entry, ELF)
        return entry if isinstance(made, ElfFacts) and made.machine == facts.machine else None

    def _folders(self, entry: Entry, facts: ElfFacts) -> Iterator[str]:
        own = f"/{posixpath.dirname(entry.path)}"
        if not facts.runpath:
            yield from _expanded(facts.rpath, own)
        yield from self._variable
        yield from _expanded(facts.runpath, own)
        if "musl" in facts.interpreter:
            yield from self._musl
            return
        yield from self._configured
        triplet = _TRIPLETS.get(facts.machine)
        if triplet:
            yield from (f"/lib/{triplet}", f"/usr/lib/{triplet}")
        yield from _BUILT_IN


def _expanded(paths: str, own: str) -> Iterator[str]:
    for path in paths.split(":")[:_FOLDERS] if paths else ():
        for name in ("$ORIGIN", "${ORIGIN}"):
            path = path.replace(name, own)
        for lib in ("lib64", "lib") if "LIB" in path else ("",):
            yield path.replace("${LIB}", lib).replace("$LIB", lib)


def _configured(view: View, path: str, seen: set[str]) -> Iterator[str]:
    """Directories of ld.so.conf, includes followed, each file once; their patterns are of the last part of a path only."""
    if path in seen or len(seen) > _INCLUDES:
        return
    seen.add(path)
    for line in (view.text(path) or "").splitlines():
        line = line.partition("#")[0].strip()
        word, _, pattern = line.partition(" ")
        if word != "include":
            if line.startswith("/"):
                yield line.partition("=")[0].rstrip("/")
            continue
        folder, _, last = posixpath.join(posixpath.dirname(path), pattern.strip()).rpartition("/")
        above = view.files.tree.get(folder)
        if above is None or above.kind != "dir":
            continue
        names = view.read(folder)
        wanted = re.compile(re.escape(last).replace(r"\*", ".*").replace(r"\?", "."))
        for name in sorted(names) if names is not None and not isinstance(names, bytes) else ():
            if wanted.fullmatch(name):
                yield from _configured(view, f"{folder}/{name}", seen)
