"""Facts that a STIG baseline of an image is decided from, beside `gate.model.compliance.Filesystem`. Nothing is judged here.

Paths are relative to the root, ``layer`` is a digest (its diff id where only that is known). Secrets are named, never kept.
"""

from __future__ import annotations

from typing import Literal

from gate.model.base import Model
from gate.model.compliance import FileFact
from gate.model.evidence import Diagnostic


class RunUser(Model, frozen=True, kw_only=True):
    """Who the container starts as: ``config.User`` looked up in the image's own ``passwd`` and ``group``, as runc does."""

    said: str
    """As configured; empty is root."""
    uid: int | None
    """Null where it cannot be told; ``reason`` says why."""
    gid: int | None
    numeric: bool
    """Whether the user is given by number, which is all that an orchestrator can check."""
    reason: str


class ProgramFact(Model, frozen=True, kw_only=True):
    """A program by name, by what its link leads to, or by an installed package."""

    kind: Literal["shell", "interpreter", "package_manager", "remote_access", "privilege"]
    name: str
    path: str
    """Of the program; of the package database where only that knows of it."""
    layer: str
    target: str
    """Path that a link leads to; empty for a file of its own."""
    package: str
    """Name in the package database, where that is how it was found."""


class SecretText(Model, frozen=True, kw_only=True):
    """A secret in the image configuration, by place and kind; its value is not repeated."""

    where: Literal["env", "history", "label", "command"]
    name: str
    """Of the variable or label; for others the number of the step or word, from 0."""
    kind: str
    """What it looks like: ``named`` (a name such as ``DB_PASSWORD`` with a value), ``aws access key``, ``private key`` …"""


class ShippedFile(Model, frozen=True, kw_only=True):
    """A file in any layer; ``visible`` is false where a later layer deletes or replaces it."""

    kind: str
    path: str
    layer: str
    visible: bool


class BuildStep(Model, frozen=True, kw_only=True):
    """A step of the history that a control is about."""

    kind: Literal["add", "add_url", "update_alone", "unverified_install"]
    place: int
    """Number of the step, from 0."""
    layer: str
    """Of the layer that it made; empty where the history does not tell."""


class PackageCache(Model, frozen=True, kw_only=True):
    """Downloads and indexes of a package manager, summed up by layer."""

    kind: str
    path: str
    """The first of them."""
    layer: str
    visible: bool
    files: int
    bytes: int


class GroupFact(Model, frozen=True, kw_only=True):
    """A line of ``/etc/group``."""

    name: str
    gid: int


class PasswordFact(Model, frozen=True, kw_only=True):
    """An account whose password field is neither locked nor ``x``; the hash itself is not kept."""

    name: str
    path: str
    layer: str
    scheme: str
    """``empty``, ``des``, ``bsdi``, ``md5``, ``bcrypt``, ``sha256``, ``sha512``, ``yescrypt``, ``scrypt`` …; ``unknown``."""


class InteractiveAccount(Model, frozen=True, kw_only=True):
    """An account whose shell is in the image and gives a prompt."""

    name: str
    uid: int
    shell: str
    path: str
    """Where the shell's path ends up."""
    layer: str


class LooseFile(Model, frozen=True, kw_only=True):
    """A file with more rights, or another owner, than its kind should have."""

    kind: Literal["account", "system", "log"]
    path: str
    layer: str
    mode: str
    uid: int
    gid: int
    expected: str


class RepositoryFact(Model, frozen=True, kw_only=True):
    """A setting with which a package manager takes what nobody signed."""

    path: str
    layer: str
    setting: str
    """As written, cut: ``trusted=yes``, ``gpgcheck=0`` …"""


class PackageVersions(Model, frozen=True, kw_only=True):
    """A package that is there in more than one version."""

    database: str
    name: str
    path: str
    versions: tuple[str, ...]


class Hardening(Model, frozen=True, kw_only=True):
    """Empty until the image was looked at."""

    collected: bool = False
    certain: bool = False
    """Whether every runtime sees the files that this was read from."""
    incomplete: tuple[str, ...] = ()
    """Fields below that were cut short, or made from files that could not be read."""
    user: RunUser | None = None
    """Null without an image configuration."""
    programs: tuple[ProgramFact, ...] = ()
    secret_texts: tuple[SecretText, ...] = ()
    secret_files: tuple[ShippedFile, ...] = ()
    """``.git``, ``.aws``, ``.netrc`` and their like, in all layers."""
    history: Literal["told", "missing", "differs"] = "missing"
    """``differs``: it does not have one entry with a command for each layer, as after squashing."""
    steps: tuple[BuildStep, ...] = ()
    caches: tuple[PackageCache, ...] = ()
    groups: tuple[GroupFact, ...] = ()
    passwords: tuple[PasswordFact, ...] = ()
    interactive: tuple[InteractiveAccount, ...] = ()
    unowned: tuple[FileFact, ...] = ()
    """Files whose owner or group, other than 0, has no name."""
    loose: tuple[LooseFile, ...] = ()
    repositories: tuple[RepositoryFact, ...] = ()
    repository_files: int = 0
    """Files of package managers' configuration that were read."""
    package_databases: tuple[str, ...] = ()
    """Kinds that were read: ``dpkg``, ``apk``."""
    unread_databases: tuple[str, ...] = ()
    """Paths of databases that are there and were not read."""
    repeated_packages: tuple[PackageVersions, ...] = ()
    influence: tuple[ShippedFile, ...] = ()
    """Files that change what a scanner or every program does: ``.dockerenv``, ``run/.containerenv``, ``etc/ld.so.preload``."""
    devices: tuple[ShippedFile, ...] = ()
    """Device nodes and fifos in all layers but the usual ones in ``/dev``, which runtimes replace."""
    diagnostics: tuple[Diagnostic, ...] = ()
