"""From the merged file system and the layers' own view to `gate.model.compliance.Filesystem`."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from gate.evidence.filesystem.accounts import read_accounts, read_os_release
from gate.evidence.filesystem.capability import read_capability
from gate.evidence.filesystem.choose import found, several
from gate.evidence.filesystem.secrets import Room, Secrets, choose_secrets
from gate.evidence.fips.gobuild import GoBuild, choose_go
from gate.model.compliance import (
    CapabilityFact,
    CertificateFile,
    FileFact,
    Filesystem,
    GoProgram,
    KeyFile,
    LayerFiles,
    Place,
)
from gate.model.evidence import Diagnostic
from gate.model.input import Subject
from gate.oci.filesystem import Chooser, FileSystem, Keep, Sink, read_filesystem
from gate.oci.layertar import Header
from gate.oci.source import ImageSource
from gate.oci.tree import Entry

_MOST = 10_000
"""Items of one list; more are counted in a diagnostic and make the facts incomplete."""
_KEPT = frozenset({"passwd", "shadow", "os-release"})
_KEPT_BYTES = 1024 * 1024
_DATABASES = {
    "dpkg": re.compile(r"var/lib/dpkg/(status|status\.d/[^/]+)"),
    "apk": re.compile(r"(usr/)?lib/apk/db/installed"),
    "rpm": re.compile(r"(var/lib|usr/lib/sysimage|usr/share)/rpm/(Packages|Packages\.db|rpmdb\.sqlite)"),
    "pacman": re.compile(r"var/lib/pacman/local/ALPM_DB_VERSION"),
}
_MANAGERS = re.compile(
    r"apk|apt|apt-get|aptitude|conda|dnf|dnf5|dpkg|gem|mamba|microdnf|npm|opkg|pacman|pip|pip3|pnpm|rpm|tdnf|uv|yarn|yum|zypper"
)
_SHELLS = re.compile(r"ash|bash|busybox|csh|dash|fish|ksh|mksh|sh|tcsh|zsh")
_BIN = re.compile(r"(usr/|usr/local/)?s?bin/[^/]+|opt/[^/]+/s?bin/[^/]+")
T = TypeVar("T")

COLLECTOR = "filesystem"
GO = "go"


def collect(
    source: ImageSource, subject: Subject, now: str, others: Mapping[str, Chooser] | None = None
) -> tuple[Filesystem, FileSystem]:
    """The facts of one image, and the file system they are from; ``others`` choose in the same pass.

    Raises EvidenceUnavailable, EvidenceInvalid, FormatRefused, LimitExceeded.
    """
    chooser = several({**choosers_at(now), **(others or {})})
    files = read_filesystem(source, subject, chooser)
    return facts(files), files


def choosers_at(now: str) -> dict[str, Chooser]:
    """The collectors of this package, by name."""
    return {COLLECTOR: chooser_at(now), GO: choose_go}


def chooser_at(now: str) -> Chooser:
    """What this collector wants of a file; expiry is judged at ``now`` (RFC 3339)."""
    moment = datetime.datetime.fromisoformat(now)
    room = Room()

    def choose(header: Header) -> Sink | None:
        name = header.path.rpartition("/")[2]
        if name in _KEPT and header.path.startswith(("etc/", "usr/")):
            return Keep() if header.size <= _KEPT_BYTES else None
        return choose_secrets(header, moment, room)

    return choose


def facts(files: FileSystem) -> Filesystem:
    """The facts of a file system that was read with `choosers_at`."""
    cut: list[Diagnostic] = []
    merged = sorted(files.entries(), key=lambda entry: entry.path)
    accounts, bad = read_accounts(_contents(files, "etc/passwd"), _contents(files, "etc/shadow"))
    if bad:
        cut.append(
            Diagnostic(code="odd_account", message="lines of /etc/passwd that are no account", count=bad, where="etc/passwd")
        )
    for name in ("etc/passwd", "etc/shadow"):
        entry = files.tree.get(name)
        if entry is not None and entry.size and not isinstance(found(entry, COLLECTOR), bytes):
            cut.append(Diagnostic(code="not_looked_at", message="too large or sparse; its contents are not known", where=name))

    def bounded(what: str, items: Iterable[T]) -> tuple[T, ...]:
        listed = list(items)
        if len(listed) > _MOST:
            cut.append(Diagnostic(code="list_cut", message=f"{what}: not all are listed", count=len(listed) - _MOST))
        return tuple(listed[:_MOST])

    hidden = list(files.hidden())
    by_layer: dict[int, int] = {}
    for entry in hidden:
        by_layer[entry.layer] = by_layer.get(entry.layer, 0) + 1
    made = {
        "setuid": bounded("setuid", (file_fact(files, e) for e in merged if e.kind == "file" and e.mode & 0o6000)),
        "capabilities": bounded("capabilities", _capabilities(files, merged, cut)),
        "world_writable": bounded("world_writable", (file_fact(files, e) for e in merged if _anybodys(e))),
        "devices": bounded("devices", (file_fact(files, e) for e in merged if e.kind in {"char", "block"})),
        "package_databases": bounded("package_databases", _databases(files, merged)),
        "package_managers": bounded("package_managers", _programs(files, merged, _MANAGERS)),
        "shells": bounded("shells", _programs(files, merged, _SHELLS)),
        "certificates": bounded("certificates", _certificates(files, merged)),
        "go_programs": bounded("go_programs", _go_programs(files, merged)),
        "private_keys": bounded("private_keys", [*_keys(files, merged, True), *_keys(files, hidden, False)]),
    }
    return Filesystem(
        collected=True,
        certain=files.certain,
        complete=not cut,
        layers=tuple(
            LayerFiles(
                layer=layer.digest or layer.diff_id,
                entries=len(layer.entries),
                unpacked=layer.unpacked,
                whiteouts=layer.whiteouts,
                hidden=by_layer.get(number, 0),
            )
            for number, layer in enumerate(files.layers)
        ),
        files=sum(1 for entry in merged if entry.kind == "file"),
        bytes=sum(entry.size for entry in merged if entry.kind == "file" and not entry.link),
        os_release=read_os_release(_contents(files, "etc/os-release") or _contents(files, "usr/lib/os-release")),
        accounts=accounts,
        diagnostics=(*files.notes, *cut),
        **made,  # type: ignore[arg-type]  # each list has its field's type
    )


def _contents(files: FileSystem, path: str) -> bytes | None:
    data = found(files.tree.get(path), COLLECTOR)
    return data if isinstance(data, bytes) else None


def shown(path: str) -> str:
    """A path as text that JSON can hold; what is not UTF-8 is shown by its escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_fact(files: FileSystem, entry: Entry) -> FileFact:
    """A file by its place and rights."""
    return FileFact(
        path=shown(entry.path),
        layer=files.layer_name(entry),
        mode=f"{entry.mode:04o}",
        uid=_exact(entry.uid),
        gid=_exact(entry.gid),
    )


def _exact(number: int) -> int:
    """An owner as policies can hold it; what no system has becomes -1."""
    return number if 0 <= number < 1 << 32 else -1


def _anybodys(entry: Entry) -> bool:
    if entry.kind == "dir":
        return bool(entry.mode & 0o002) and not entry.mode & 0o1000
    return entry.kind in {"file", "fifo"} and bool(entry.mode & 0o002)


def _capabilities(files: FileSystem, merged: Iterable[Entry], cut: list[Diagnostic]) -> Iterable[CapabilityFact]:
    for entry in merged:
        if not entry.capability:
            continue
        read = read_capability(entry.capability)
        if read is None:
            cut.append(
                Diagnostic(code="odd_capability", message="a capability attribute of unknown form", where=shown(entry.path))
            )
            continue
        permitted, inheritable, effective = read
        yield CapabilityFact(
            path=shown(entry.path),
            layer=files.layer_name(entry),
            permitted=permitted,
            inheritable=inheritable,
            effective=effective,
        )


def _databases(files: FileSystem, merged: Iterable[Entry]) -> Iterable[Place]:
    for entry in merged:
        if entry.kind not in {"file", "symlink"}:
            continue
        for name, pattern in _DATABASES.items():
            if pattern.fullmatch(entry.path):
                yield Place(name=name, path=shown(entry.path), layer=files.layer_name(entry))


def _programs(files: FileSystem, merged: Iterable[Entry], names: re.Pattern[str]) -> Iterable[Place]:
    for entry in merged:
        name = entry.path.rpartition("/")[2]
        runs = entry.kind == "symlink" or (entry.kind == "file" and bool(entry.mode & 0o111))
        if runs and names.fullmatch(name) and _BIN.fullmatch(entry.path):
            yield Place(name=name, path=shown(entry.path), layer=files.layer_name(entry))


def _certificates(files: FileSystem, merged: Iterable[Entry]) -> Iterable[CertificateFile]:
    for entry in merged:
        made = found(entry, COLLECTOR)
        if isinstance(made, Secrets) and made.certificates:
            yield CertificateFile(
                path=shown(entry.path),
                layer=files.layer_name(entry),
                certificates=made.certificates,
                expired=made.expired,
                unreadable=made.unreadable,
                next_expiry=made.next_expiry,
            )


def _keys(files: FileSystem, entries: Iterable[Entry], visible: bool) -> Iterable[KeyFile]:
    for entry in entries:
        made = found(entry, COLLECTOR)
        if isinstance(made, Secrets):
            for kind, encrypted in made.keys:
                yield KeyFile(
                    path=shown(entry.path), layer=files.layer_name(entry), kind=kind, encrypted=encrypted, visible=visible
                )


def _go_programs(files: FileSystem, merged: Iterable[Entry]) -> Iterable[GoProgram]:
    for entry in merged:
        made = found(entry, GO)
        if isinstance(made, GoBuild):
            said, modules = dict(made.settings), dict(made.modules)
            yield GoProgram(
                path=shown(entry.path),
                layer=files.layer_name(entry),
                version=made.version,
                gofips140=said.get("GOFIPS140", ""),
                default_godebug=said.get("DefaultGODEBUG", ""),
                tags=said.get("-tags", ""),
                experiment=said.get("GOEXPERIMENT", "") or made.version.partition(" X:")[2],
                cgo=said.get("CGO_ENABLED", ""),
                snapshots=made.snapshots,
                boring=made.boring,
                x_crypto=modules.get("golang.org/x/crypto", ""),
            )
