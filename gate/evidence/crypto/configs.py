"""Configuration files of an image: kept in the pass over the layers, then looked up as the program inside would.

1. A file that a configuration includes and that was not kept is said so: what it allows is not known.
2. Includes are followed inside the image only, to a depth and number that no honest configuration reaches.
"""

from __future__ import annotations

import fnmatch
import re

from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import shown
from gate.model.evidence import Diagnostic
from gate.oci.filesystem import FileSystem, Keep, Sink
from gate.oci.layertar import Header
from gate.oci.tree import Entry

CONFIGS = "crypto_configs"
_MOST = 512 * 1024
_SMALL = 128 * 1024
_TINY = 16 * 1024
"""The same wherever it stands: links lead from /etc to /usr/share, and kept contents are bounded together."""
_INCLUDES = 500
_TEXT = 2 * 1024 * 1024
"""Characters of all configurations of an image together, each time that one is read; Debian with nginx has 31 thousand."""
_COMPARED = 400_000
"""Names compared with patterns whose directories have wildcards."""
_NAMED = re.compile(
    r"etc/(ssh|crypto-policies|gnutls|nginx|httpd|apache2|haproxy|envoy)/.+"
    r"|usr/share/crypto-policies/.+|(.*/)?(sshd_config|ssh_config|java\.security|envoy\.ya?ml|envoy\.json|haproxy\.cfg|nginx\.conf|httpd\.conf)"
    r"|var/lib/dpkg/(info|status\.d)/ca-certificates(-java)?\.md5sums|usr/lib/ssh/.+|usr/etc/.+"
)
_ANY = re.compile(r"(etc|opt|usr/local|srv|app|home|root|conf|config)/.*\.(conf|cfg|config|cnf)")


def choose_configs(header: Header) -> Sink | None:
    """Keeps what may be a configuration that names algorithms, or be included by one."""
    name = header.path
    wanted = (
        (header.size <= _MOST and _NAMED.fullmatch(name))
        or (header.size <= _SMALL and _ANY.fullmatch(name))
        or (header.size <= _TINY and name.endswith((".conf", ".cfg", ".cnf")))
    )
    return Keep() if wanted else None


class Configs:
    """The kept files of one image; `diagnostics` are what could not be looked at."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._included = 0
        self._compared = 0
        self._read = 0
        self._names = sorted(entry.path for entry in files.entries() if entry.kind in {"file", "symlink"})
        self._by_folder: dict[str, list[str]] = {}
        for name in self._names:
            self._by_folder.setdefault(name.rpartition("/")[0], []).append(name)
        self.diagnostics: list[Diagnostic] = []

    @property
    def names(self) -> list[str]:
        """Paths of all files and links, sorted."""
        return self._names

    def entry(self, path: str) -> Entry | None:
        """The file behind a path, links followed."""
        entry = self._files.tree.get(path)
        return entry if entry is not None and entry.kind == "file" else None

    def layer(self, path: str) -> str:
        """The layer of the file behind a path; empty without one."""
        entry = self.entry(path)
        return self._files.layer_name(entry) if entry is not None else ""

    def text(self, path: str) -> str | None:
        """The contents; None without such a file, and with a diagnostic where there is one that was not kept (1)."""
        entry = self.entry(path)
        if entry is None:
            return None
        data = found(entry, CONFIGS)
        if isinstance(data, bytes):
            self._read += len(data)
            if self._read > _TEXT:
                self.note("too_large", "more configuration than is read", path)
                return None
            return data.decode("utf-8", "replace")
        if entry.size == 0:
            return ""
        self.note("not_looked_at", "a configuration that was not kept; what it allows is not known", path)
        return None

    def note(self, code: str, message: str, path: str) -> None:
        """Something that makes the facts incomplete."""
        if len(self.diagnostics) < _INCLUDES:
            self.diagnostics.append(Diagnostic(code=code, message=message, where=shown(path)[:500]))

    def matching(self, pattern: str) -> list[str]:
        """Paths that a shell pattern of an include names, sorted; those without a file behind them are left out (2)."""
        pattern = normal(pattern)
        literal = re.split(r"[*?\[{]", pattern, maxsplit=1)[0].rpartition("/")[0]
        folder = self._files.tree.get(literal) if literal else None
        if folder is not None and folder.path != literal:
            pattern = folder.path + pattern[len(literal) :]
        if not re.search(r"[*?\[]", pattern):
            names = [pattern] if self.entry(pattern) is not None else []
        else:
            # ``*`` does not cross a slash: the parts are compared one by one.
            parts = pattern.split("/")
            folder_of = pattern.rpartition("/")[0]
            among = self._names if re.search(r"[*?\[]", folder_of) else self._by_folder.get(folder_of, [])
            self._compared += len(among)
            if self._compared > _COMPARED:
                self.note("too_many_includes", "more names are compared with includes than is done", pattern)
                return []
            names = [name for name in among if _alike(name.split("/"), parts) and self.entry(name) is not None]
        self._included += len(names)
        if self._included > _INCLUDES:
            self.note("too_many_includes", "more files are included than are followed", pattern)
            return []
        return names


def normal(path: str) -> str:
    """A path relative to the root, without dots."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _alike(name: list[str], pattern: list[str]) -> bool:
    return len(name) == len(pattern) and all(
        fnmatch.fnmatchcase(part, shape) and (not part.startswith(".") or shape.startswith("."))
        for part, shape in zip(name, pattern, strict=True)
    )
