"""Installed packages by their databases' text, repeated versions, and what package managers take unsigned. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gate.evidence.filesystem.accounts import text_of

CONFIGURATION = re.compile(
    r"etc/apt/(sources\.list|sources\.list\.d/[^/]+\.(list|sources)|apt\.conf|apt\.conf\.d/[^/]+|preferences)|etc/yum\.conf|"
    r"etc/dnf/dnf\.conf|etc/(yum\.repos\.d|dnf/repos\.d|distro\.repos\.d|zypp/repos\.d)/[^/]+\.repo|etc/apk/repositories(\.d/[^/]+\.list)?"
)
DATABASE = re.compile(r"var/lib/dpkg/(status|status\.d/[^/]+)|(usr/)?lib/apk/db/installed")
UNREADABLE = re.compile(
    r"(var/lib|usr/lib/sysimage|usr/share)/rpm/(Packages|Packages\.db|rpmdb\.sqlite)|var/lib/pacman/local/[^/]+/desc"
)
DIST_INFO = re.compile(r"(.+/)?(site|dist)-packages/([A-Za-z0-9_.]+)-([^/-]+)\.(dist|egg)-info")
_APT_OPTIONS = re.compile(r"(?i)\b(trusted|allow-insecure|allow-weak)\s*[=:]\s*(yes|true|1|on|with|enable)\b")
_APT_CONF = re.compile(
    r"(?i)(AllowUnauthenticated|AllowInsecureRepositories|AllowWeakRepositories|Check-Valid-Until|AllowDowngradeToInsecureRepositories)"
    r"[\s{]*[\"']?(true|yes|1|on|with|enable|false|no|0|off|without|disable)[\"']?"
)
_OFF = frozenset({"0", "no", "false", "off"})


def installed(path: str, data: bytes) -> Iterator[tuple[str, str, str]]:
    """Name, architecture and version of what a database of dpkg or apk lists as installed."""
    text = text_of(data)
    dpkg = path.startswith("var/")
    for block in text.split("\n\n"):
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                fields.setdefault(name, value.strip())
        if dpkg:
            if fields.get("Package") and fields.get("Status", "installed").split()[-1:] == ["installed"]:
                yield fields["Package"], fields.get("Architecture", ""), fields.get("Version", "")
        elif fields.get("P"):
            yield fields["P"], fields.get("A", ""), fields.get("V", "")


def unsigned(path: str, data: bytes) -> Iterator[str]:
    """Settings with which packages are taken that nobody signed, as written."""
    lines = [line.strip() for line in text_of(data).splitlines()]
    if path.startswith("etc/apk/"):
        active = [line for line in lines if not line.startswith("#")]
        yield from (line[:200] for line in active if line.removeprefix("@").split(" ")[-1].startswith(("http://", "ftp://")))
    elif path.startswith("etc/apt/apt.conf"):
        text = "\n".join(line for line in lines if not line.startswith(("//", "#")))
        for match in _APT_CONF.finditer(text):
            name, value = match[1].lower(), match[2].lower()
            if (name == "check-valid-until") == (value in {"false", "no", "0", "off", "without", "disable"}):
                yield f"{match[1]} {match[2]}"
    elif path.startswith("etc/apt/"):
        # the value of a deb822 field may stand on the next line
        text = "\n".join(line for line in text_of(data).splitlines() if not line.lstrip().startswith("#"))
        for line in re.sub(r":[ \t]*\n[ \t]+", ": ", text).split("\n"):
            line = line.strip()
            if line:
                yield from (match[0] for match in _APT_OPTIONS.finditer(line) if line.startswith("deb") or ":" in match[0])
    else:
        yield from _yum(lines)


def _yum(lines: list[str]) -> Iterator[str]:
    """gpgcheck of a .repo file or the main section; a repository that is off does not count."""
    section, values = "", dict[str, str]()
    for line in [*lines, "[end]"]:
        if line.startswith("["):
            if section and values.get("enabled", "1").lower() not in _OFF:
                for name in ("gpgcheck", "pkg_gpgcheck", "sslverify"):
                    if values.get(name, "").lower() in _OFF:
                        yield f"[{section[:100]}] {name}={values[name][:20]}"
            section, values = line.strip("[]"), {}
        elif "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            values[name.strip().lower()] = value.strip()
