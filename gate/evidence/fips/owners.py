"""Which package a file belongs to, by the image's own package database.

1. A database is plain text that whoever made the image can write: an owner is a claim, and no proof of a vendor's build.
2. A file from a later layer than the list that names it was put over the package's own: it belongs to nobody.
3. Databases of rpm are binary and not read; what they own is unknown, which is not the same as owned by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from gate.evidence.filesystem.accounts import read_os_release, text_of
from gate.evidence.filesystem.choose import found
from gate.oci.filesystem import FileSystem, Keep, Sink
from gate.oci.layertar import Header
from gate.oci.tree import Entry

PACKAGES = "fips_packages"
"""Name of the collector that `choose_packages` is."""
_MOST = 32 * 1024 * 1024
_WANTED = re.compile(
    r"var/lib/dpkg/(status|status\.d/[^/]+|info/[^/]+\.list)|(usr/)?lib/apk/db/installed|(etc|usr/lib)/os-release",
)
_RPM = re.compile(r"(var/lib|usr/lib/sysimage|usr/share)/rpm/(Packages|Packages\.db|rpmdb\.sqlite)")
_MERGED = re.compile(r"usr/(?=(s?bin|lib(32|64|x32)?)/)")


class Owner(msgspec.Struct, frozen=True, gc=False):
    """The package of a file. ``vendor`` is ``ID`` of os-release, or that of the package where it names another origin."""

    name: str
    version: str
    vendor: str


def choose_packages(header: Header) -> Sink | None:
    """Keeps the text databases; those of dpkg and apk are."""
    return Keep() if header.size <= _MOST and _WANTED.fullmatch(header.path) else None


class Owners:
    """Owners by path, of one image that was read with `choose_packages`."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self._paths: dict[str, tuple[Owner, int | None]] = {}
        """With the layer of the list that names the path; None where the whole database is one file."""
        self.unread: tuple[str, ...] = ()
        """Databases that are there and were not read."""
        self.vendor = _vendor(files)
        self._versions: dict[str, str] = {}
        unread: list[str] = []
        lists: list[Entry] = []
        for entry in files.entries():
            if entry.kind != "file":
                continue
            if _RPM.fullmatch(entry.path):
                unread.append(entry.path)
            elif _WANTED.fullmatch(entry.path):
                if entry.path.startswith("var/lib/dpkg/info/") or entry.path.endswith(".md5sums"):
                    lists.append(entry)
                elif not entry.path.endswith("os-release"):
                    self._database(entry, unread)
        for entry in lists:
            self._list(entry, unread)
        self.unread = tuple(sorted(unread))

    def of(self, path: str) -> Owner | None:
        """Who owns a path of the merged tree; None: nobody, or unknown where ``unread`` is not empty."""
        path = path.removeprefix("/")
        claim = self._paths.get(path) or self._paths.get(_MERGED.sub("", path, count=1))
        if claim is None:
            return None
        owner, layer = claim
        entry = self._files.tree.get(path, follow=False)
        if layer is not None and entry is not None and entry.layer > layer:
            return None  # (2)
        return owner

    def version(self, package: str) -> str | None:
        """The installed version of a package; None when it is not in a database that was read."""
        return self._versions.get(package)

    def _database(self, entry: Entry, unread: list[str]) -> None:
        data = found(entry, PACKAGES)
        if not isinstance(data, bytes):
            if entry.size:
                unread.append(entry.path)
            return
        if entry.path.startswith("var/"):
            for fields in _paragraphs(text_of(data)):
                state = fields.get("Status", "install ok installed")
                if fields.get("Package") and state.endswith(" installed"):
                    self._versions[fields["Package"]] = fields.get("Version", "")
        else:
            self._apk(text_of(data))

    def _apk(self, text: str) -> None:
        owner, folder = Owner("", "", ""), ""
        for line in text.split("\n"):
            letter, value = line[:1], line[2:]
            if not line:
                owner, folder = Owner("", "", ""), ""
            elif letter == "P":
                owner = Owner(value, "", self.vendor)
            elif letter == "V":
                owner = Owner(owner.name, value, owner.vendor)
                self._versions[owner.name] = value
            elif letter == "F":
                folder = value
            elif letter == "R" and owner.name:
                self._paths.setdefault(f"{folder}/{value}" if folder else value, (owner, None))

    def _list(self, entry: Entry, unread: list[str]) -> None:
        """A list of dpkg (a path a line), or sums of a distroless image (sum and path)."""
        data = found(entry, PACKAGES)
        if not isinstance(data, bytes):
            if entry.size:
                unread.append(entry.path)
            return
        name = entry.path.rpartition("/")[2].removesuffix(".list").removesuffix(".md5sums").partition(":")[0]
        version = self._versions.get(name)
        if version is None:
            return
        owner = Owner(name, version, self.vendor)
        for line in text_of(data).split("\n"):
            path = line.split(None, 1)[-1] if entry.path.endswith(".md5sums") and line.strip() else line
            path = path.strip().removeprefix("/")
            if path and path != ".":
                self._paths.setdefault(path, (owner, entry.layer))


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """The paragraphs of a control file (deb822(5)); continuation lines are left out."""
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                fields.setdefault(name, value.strip())
        if fields:
            yield fields


def _vendor(files: FileSystem) -> str:
    for path in ("etc/os-release", "usr/lib/os-release"):
        data = found(files.tree.get(path), PACKAGES)
        if isinstance(data, bytes):
            return read_os_release(data).get("ID", "")
    return ""
