"""Files that a baseline is about by their place, their rights or their type."""

from __future__ import annotations

import re
from typing import Literal

from gate.oci.tree import Entry

_SECRET = re.compile(
    r"(?P<git>(?:.*/)?\.git)(?:/(?:HEAD|config))?|"
    r"(?:.*/)?(?:"
    r"(?P<git_credentials>\.git-credentials)|(?P<aws>\.aws/(?:credentials|config))|(?P<npm>\.npmrc|\.yarnrc(?:\.yml)?)|"
    r"(?P<netrc>[._]netrc)|(?P<kubeconfig>\.kube/config|kubeconfig(?:\.ya?ml)?)|"
    r"(?P<docker>\.docker/config\.json|\.dockercfg|\.dockerconfigjson)|(?P<containers>containers/auth\.json)|"
    r"(?P<pypi>\.pypirc)|(?P<postgres>\.pgpass)|(?P<mysql>\.my\.cnf|\.mylogin\.cnf)|"
    r"(?P<gcloud>gcloud/(?:credentials\.db|access_tokens\.db|application_default_credentials\.json|legacy_credentials/.+))|"
    r"(?P<azure>\.azure/(?:accessTokens\.json|msal_token_cache\.\w+|azureProfile\.json))|(?P<vault>\.vault-token)|"
    r"(?P<terraform>\.terraform\.d/credentials\.tfrc\.json|\.terraformrc|terraform\.tfstate)|(?P<cargo>\.cargo/credentials(?:\.toml)?)|"
    r"(?P<gem>\.gem/credentials)|(?P<maven>\.m2/settings(?:-security)?\.xml)|(?P<htpasswd>\.htpasswd)|"
    r"(?P<history>\.(?:bash|zsh|ash|python|mysql|psql)_history)|(?P<env>\.env(?:\.(?:local|prod|production))?)|"
    r"(?P<ssh>\.ssh/(?:id_[a-z0-9]+|identity)))"
)
_HINTS = (".git", ".aws", "rc", "netrc", "config", "docker", "auth.json", ".pgpass", ".cnf", "gcloud/", "zure/", "token",
          "tfstate", "credentials", "settings", "htpasswd", "_history", ".env", ".ssh/")  # fmt: skip
_CACHES = (
    (
        "apt",
        re.compile(r"var/lib/apt/lists/(?!lock$|partial$|auxfiles$).+|var/cache/apt/(archives/(?!lock$|partial$).+|\w+\.bin)"),
    ),
    ("apk", re.compile(r"(var|etc)/(cache/apk|apk/cache)/.+")),
    ("dnf", re.compile(r"var/cache/(dnf|libdnf5|yum|tdnf|zypp)/.+")),
    ("pip", re.compile(r"(root|home/[^/]+)/\.cache/(pip|uv|pypoetry)/.+")),
    ("npm", re.compile(r"(root|home/[^/]+)/(\.npm/_cacache|\.cache/yarn|\.cache/node-gyp)/.+|usr/local/share/\.cache/.+")),
)
_CACHE_ROOTS = ("var/", "etc/apk", "root/", "home/", "usr/local/share/.cache/")
_SYSTEM = re.compile(r"(usr/)?(s?bin|lib|lib32|lib64|libx32|libexec)(/.*)?|usr/local/s?bin(/.*)?")
_LOG = re.compile(r"var/log(/.*)?")
_QUIET_LOGS = re.compile(r"([bw]tmp|lastlog)([._-].*)?")
_OPEN = {"etc/passwd": 0o644, "etc/group": 0o644, "etc/passwd-": 0o644, "etc/group-": 0o644, "etc/shells": 0o644}
_SEALED = {"etc/shadow": 0o640, "etc/gshadow": 0o640, "etc/shadow-": 0o640, "etc/gshadow-": 0o640, "etc/security/opasswd": 0o600}
_DEVICES = frozenset(
    {f"dev/{name}" for name in ("console", "full", "null", "ptmx", "random", "tty", "urandom", "zero", "initctl", "tty0", "fuse")}
)
INFLUENCE = {
    ".dockerenv": "container marker", ".dockerinit": "container marker", "run/.containerenv": "container marker",
    "var/run/.containerenv": "container marker", "etc/ld.so.preload": "preloaded library",
}  # fmt: skip
_REPOSITORIES = """
    etc/apt etc/apt/sources.list.d etc/apt/apt.conf.d etc/yum.repos.d etc/dnf etc/dnf/repos.d etc/distro.repos.d etc/zypp
    etc/zypp/repos.d etc/apk
"""
_PACKAGES = "var/lib var/lib/dpkg var/lib/dpkg/status.d lib/apk lib/apk/db usr/lib/apk usr/lib/apk/db"
_CACHED = "var/lib/apt var/lib/apt/lists var/cache var/cache/apt var/cache/apt/archives var/cache/apk var/cache/dnf"
LOOKED_INTO = {
    "etc": ("accounts", "groups", "influence", "loose", "os_release", "passwords", "repositories"),
    "var": ("caches", "loose", "programs", "repeated_packages"),
    **dict.fromkeys(_REPOSITORIES.split(), ("repositories",)),
    **dict.fromkeys(_PACKAGES.split(), ("programs", "repeated_packages")),
    **dict.fromkeys(_CACHED.split(), ("caches",)),
    **dict.fromkeys(("bin", "sbin", "lib", "lib64", "usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "var/log"), ("loose",)),
    **dict.fromkeys((*_OPEN, *_SEALED), ("loose",)),
    "run": ("influence",),
}
"""Directories in which files are known by their place, and single files; and what is not whole where one is a link elsewhere."""


def moved(path: str, end: str) -> bool:
    """Whether a link from one of `LOOKED_INTO` ends where nobody looks: not in ``/usr`` under the same name, or its like."""
    return end not in {path, f"usr/{path}"} and not (_SYSTEM.fullmatch(path) and _SYSTEM.fullmatch(end))


def secret_file(path: str) -> tuple[str, str] | None:
    """Kind and path of what a file gives away by its place; a repository is one thing, its ``.git``."""
    if not any(hint in path for hint in _HINTS):
        return None
    match = _SECRET.fullmatch(path)
    if match is None or match.lastgroup is None:
        return None
    return match.lastgroup, match["git"] or path


def cache(path: str) -> str | None:
    """The package manager whose download or index a file is."""
    if not path.startswith(_CACHE_ROOTS):
        return None
    return next((kind for kind, pattern in _CACHES if pattern.fullmatch(path)), None)


def odd_device(entry: Entry) -> str | None:
    """What kind of node a file is; None for other files, and for those of ``/dev`` that every runtime brings itself."""
    if entry.kind not in {"char", "block", "fifo"} or (entry.kind == "char" and entry.path in _DEVICES):
        return None
    return entry.kind


def loose(entry: Entry, shadow: int | None) -> tuple[Literal["account", "system", "log"], str] | None:
    """What a file is, and the rights and owner it should have at most, where it has others; ``shadow``: gid of that group."""
    path, mode = entry.path, entry.mode
    if entry.kind not in {"file", "dir"}:
        return None
    most = _OPEN.get(path, _SEALED.get(path))
    if most is not None:
        groups = {0, shadow} if path in _SEALED else {0}
        if mode & 0o7777 & ~most or entry.uid != 0 or entry.gid not in groups:
            return "account", f"{most:04o} root"
        return None
    if path.startswith(("bin", "sbin", "lib", "usr/")) and _SYSTEM.fullmatch(path):
        return ("system", "root, writable by root alone") if entry.uid != 0 or mode & 0o022 else None
    if path.startswith("var/log") and _LOG.fullmatch(path):
        if entry.kind == "dir":
            bad = bool(mode & 0o002) or (path == "var/log" and (entry.uid != 0 or bool(mode & 0o020)))
            return ("log", "0755 root") if bad else None
        if mode & 0o137 and not _QUIET_LOGS.fullmatch(path.rpartition("/")[2]):
            return "log", "0640"
    return None
