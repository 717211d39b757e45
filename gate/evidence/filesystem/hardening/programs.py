"""Programs that an image should do without: shells, interpreters, package managers, servers for remote access, sudo.

Found by name anywhere in the merged tree, by what a link leads to (busybox's applets are links, and a shell may be linked under
any name), and by installed packages. A renamed copy, and an applet of busybox without a link, cannot be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from gate.model.hardening import ProgramFact
from gate.oci.filesystem import FileSystem
from gate.oci.tree import Entry

Kind = Literal["shell", "interpreter", "package_manager", "remote_access", "privilege"]

_SHELLS = "ash bash busybox csh dash elvish fish hush ksh ksh93 lksh mksh nu oksh pwsh rbash rksh sh tcsh toybox xonsh yash zsh"
_INTERPRETERS = "guile irb lua luajit node nodejs perl php pypy pypy3 python ruby tclsh wish"
_MANAGERS = """
    apk apt apt-get aptitude conda dnf dnf5 dpkg easy_install emerge gem mamba microdnf micromamba nix-env npm npx opkg pacman pip
    pip3 pipx pnpm poetry rpm snap tdnf uv yarn yum zypper
"""
_REMOTE = """
    atftpd dropbear ftpd in.fingerd in.ftpd in.rexecd in.rlogind in.rshd in.telnetd in.tftpd inetd proftpd pure-ftpd rexecd
    rlogind rpc.rexd rshd sshd sshd-session telnetd tftpd tinysshd utelnetd vsftpd wu-ftpd x11vnc Xvnc xinetd xrdp ypbind ypserv
"""
_PRIVILEGE = "doas pkexec su su-exec sudo sudoedit gosu runuser"
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_SHELLS.split(), "shell"),
    **dict.fromkeys(_INTERPRETERS.split(), "interpreter"),
    **dict.fromkeys(_MANAGERS.split(), "package_manager"),
    **dict.fromkeys(_REMOTE.split(), "remote_access"),
    **dict.fromkeys(_PRIVILEGE.split(), "privilege"),
}
_VERSIONED = re.compile(r"(python|perl|ruby|php|lua|pypy|node|tclsh|pip|ksh)-?[0-9][0-9.]*")
_SCRIPTS = re.compile(
    r"etc/(init\.d|rc[0-9S]?\.d|cron\.[a-z]+|network|kernel|pam\.d|bash_completion\.d)/|usr/share/(bash-completion|doc|man)/"
)
"""Places where a file is named after a program, and is another one."""
_APPLETS = frozenset({"busybox", "toybox"})
_PACKAGES = re.compile(
    r"openssh-server|dropbear(-bin)?|tinysshd|(inetutils-|krb5-|busybox-)?telnetd(-ssl)?|telnet(-bsd)?-server|busybox-extras|"
    r"(inetutils-|openbsd-|rlinetd-)?inetd|inetutils-(ftpd|telnetd|syslogd)|xinetd|ftpd(-ssl)?|vsftpd|proftpd(-\S+)?|pure-ftpd(-\S+)?|"
    r"rsh(-redone)?-server|nis|ypserv|ypbind(-mt)?|(a)?tftpd(-hpa)?|tftp(-hpa)?-server|xrdp|x11vnc|tigervnc-(standalone-)?server\S*"
)


def kind_of(name: str) -> Kind | None:
    """What a program of this name is; None for any other."""
    kind = _KINDS.get(name)
    if kind is None and (match := _VERSIONED.fullmatch(name)):
        kind = _KINDS.get(match[1])
    return kind


def programs(files: FileSystem, merged: Iterable[Entry]) -> Iterator[ProgramFact]:
    """Programs of the merged tree by name or by what they are links to."""
    for entry in merged:
        kind = entry.kind
        if _SCRIPTS.match(entry.path):
            continue
        if kind == "symlink":
            yield from _linked(files, entry)
        elif kind == "file" and entry.mode & 0o111:
            name = entry.path.rpartition("/")[2]
            told = kind_of(name)
            target = ""
            if told is None and entry.link:
                name = entry.link.rpartition("/")[2]
                told, target = (None if name in _APPLETS else kind_of(name)), entry.link
            if told is not None:
                yield _fact(files, entry, told, name, target)


def _linked(files: FileSystem, entry: Entry) -> Iterator[ProgramFact]:
    name, leads = entry.path.rpartition("/")[2], entry.link.rpartition("/")[2]
    own, other = kind_of(name), kind_of(leads)
    if own is None and (leads in _APPLETS or (other is None and "alternatives/" not in entry.link)):
        return
    target = files.tree.get(entry.path)
    if target is None or target.kind != "file" or not target.mode & 0o111:
        return
    ends = target.path.rpartition("/")[2]
    told = own or (None if ends in _APPLETS else kind_of(ends))
    if told is not None:
        yield _fact(files, entry, told, name if own else ends, target.path)


def _fact(files: FileSystem, entry: Entry, kind: Kind, name: str, target: str) -> ProgramFact:
    from gate.evidence.filesystem.collect import shown

    return ProgramFact(
        kind=kind, name=shown(name), path=shown(entry.path), layer=files.layer_name(entry), target=shown(target), package=""
    )


def remote_package(name: str) -> bool:
    """Whether a package of this name is a server for remote access."""
    return bool(_PACKAGES.fullmatch(name))
