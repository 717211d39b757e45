"""Facts from an image's own files: what is there, not whether that is good. Paths are relative to the root.

``layer`` is the digest of the layer that a file is from, its diff id where only that is known (a daemon tarball).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gate.model.base import Model
from gate.model.evidence import Diagnostic


class LayerFiles(Model, frozen=True, kw_only=True):
    """What one layer ships."""

    layer: str
    entries: int
    unpacked: int
    """Bytes after decompression."""
    whiteouts: int
    hidden: int
    """Files of it that a later layer deletes or replaces; they are shipped all the same."""


class FileFact(Model, frozen=True, kw_only=True):
    """A file by its place and rights; ``mode`` is octal text, such as ``4755``."""

    path: str
    layer: str
    mode: str
    uid: int
    gid: int


class CapabilityFact(Model, frozen=True, kw_only=True):
    """A file with capabilities (``security.capability``), by name as in capabilities(7)."""

    path: str
    layer: str
    permitted: tuple[str, ...]
    inheritable: tuple[str, ...]
    effective: bool


class Account(Model, frozen=True, kw_only=True):
    """A line of ``/etc/passwd``; ``password`` is null where no shadow entry says."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str
    password: Literal["empty", "locked", "set"] | None


class Place(Model, frozen=True, kw_only=True):
    """Something that is known by its name: a package database or manager, a shell."""

    name: str
    path: str
    layer: str


class CertificateFile(Model, frozen=True, kw_only=True):
    """A file with X.509 certificates."""

    path: str
    layer: str
    certificates: int
    expired: int
    """At ``time.now``."""
    unreadable: int
    next_expiry: str | None
    """RFC 3339; of those that are not expired, the first that will be."""


class KeyFile(Model, frozen=True, kw_only=True):
    """A file with private keys, or a key store."""

    path: str
    layer: str
    kind: str
    """PEM label in lower case (``rsa private key``), or ``key store``."""
    encrypted: bool | None
    """Null where that cannot be told."""
    visible: bool
    """False: a later layer deletes or replaces it, and the key is shipped all the same."""


class GoProgram(Model, frozen=True, kw_only=True):
    """A Go program, by what it says of its own build, each setting as written; empty where it says nothing.

    Anybody can write build information; ``snapshots`` and ``boring`` are traces in the code itself. Whether a FIPS mode is on is
    decided when it starts, by ``GODEBUG`` too.
    """

    path: str
    layer: str
    version: str
    """Go's version; empty where the build information could not be told."""
    gofips140: str
    """``GOFIPS140``: ``latest`` and ``inprocess`` are no validated module."""
    default_godebug: str
    tags: str
    experiment: str
    """``GOEXPERIMENT``, or what stands behind ``X:`` in the version."""
    cgo: str
    snapshots: tuple[str, ...]
    """Versions of ``crypto/internal/fips140`` in the names of its functions."""
    boring: bool
    """Names of BoringCrypto functions are in it."""
    x_crypto: str
    """Version of ``golang.org/x/crypto``, which is outside every validated module."""


class Filesystem(Model, frozen=True, kw_only=True):
    """The image's file system; empty until it was looked at."""

    collected: bool = False
    certain: bool = False
    """Whether every runtime sees these files: false after any of the diagnostics on which runtimes disagree."""
    complete: bool = False
    """Whether no list below was cut short."""
    layers: tuple[LayerFiles, ...] = ()
    files: int = 0
    bytes: int = 0
    """Sizes of the merged files, hard links counted once."""
    os_release: dict[str, str] = msgspec.field(default_factory=dict)
    accounts: tuple[Account, ...] = ()
    setuid: tuple[FileFact, ...] = ()
    """Regular files with the setuid or setgid bit."""
    capabilities: tuple[CapabilityFact, ...] = ()
    world_writable: tuple[FileFact, ...] = ()
    """Files that anybody may write to, and such directories without the sticky bit."""
    devices: tuple[FileFact, ...] = ()
    package_databases: tuple[Place, ...] = ()
    package_managers: tuple[Place, ...] = ()
    shells: tuple[Place, ...] = ()
    certificates: tuple[CertificateFile, ...] = ()
    private_keys: tuple[KeyFile, ...] = ()
    go_programs: tuple[GoProgram, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
