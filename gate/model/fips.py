"""FIPS facts: which cryptographic modules an image has, who uses them, and what stands in the way. Nothing is judged here.

Capable, installed, activated, which module and version, and not overridden are five facts. The join to a CMVP certificate and its
sunset date is made by policies, from the dated list in their bundle and ``time.now``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gate.model.base import Model
from gate.model.evidence import Diagnostic

Said = Literal["yes", "no", "unknown"]
Activation = Literal["yes", "no", "host", "broken", "unknown", "not_applicable"]
"""``host``: the kernel's FIPS flag decides when it runs; ``broken``: it refuses to work; ``not_applicable``: it has no such
mode."""


class CryptoModule(Model, frozen=True, kw_only=True):
    """One implementation of cryptography in the image: a provider, a library, a jar, or code linked into a program."""

    path: str
    layer: str
    sha256: str
    """``sha256:…`` of the file; empty where it was not hashed."""
    family: str
    """``openssl``, ``openssl-fips-provider``, ``gnutls``, ``nss``, ``libgcrypt``, ``boringssl``, ``aws-lc``, ``wolfssl``,
    ``libsodium``, ``go``, ``bc-fips``, ``bouncycastle`` …: docs/compliance.md lists them."""
    version: str
    """As the code itself says; empty where it does not."""
    place: Literal["system", "bundled", "static"]
    """``bundled``: a library of its own beside a program; ``static``: inside the program or shared object at ``path``."""
    package: str
    """Name of the package that owns the file by the image's package database or metadata; empty when none does."""
    package_version: str
    vendor: str
    """Whose build it is: ``ID`` of os-release for files of system packages, ``pypi``, ``maven``, ``go``; empty when unknown."""
    capable: Said
    """Whether this build has a FIPS module at all."""
    installed: Activation
    """Whether what it needs beside itself is there (``fipsmodule.cnf``, ``.hmac`` files)."""
    integrity: Literal["matches", "differs", "absent", "not_checked"]
    """Whether its recorded MAC is that of the file."""
    activated: Activation
    """By configuration and build, before the image's ``Env``."""
    overridden: Said
    """Whether the image's ``Env`` switches it off, or may do so (``unknown``)."""
    bypassable: bool
    """Whether a program can reach algorithms outside the module without saying so in its configuration."""
    reasons: tuple[str, ...]
    """Why, with paths and settings; for people."""
    provider: str = ""
    """Path of the module that does its FIPS work, where that is another file: the ``fips.so`` of a ``libcrypto``."""


class CryptoConsumer(Model, frozen=True, kw_only=True):
    """A program, shared object or archive that does cryptography."""

    path: str
    layer: str
    kind: Literal["elf", "go", "java", "node", "python", "other"]
    modules: tuple[str, ...]
    """Paths of the modules that it uses; its own path where the code is inside. Empty: it is not known which."""
    reaches_fips: Activation
    """Whether what it does goes through a FIPS module that is on, as far as files tell; ``Env`` is taken into account."""
    package: str
    reasons: tuple[str, ...]


class EnvOverride(Model, frozen=True, kw_only=True):
    """A variable of the image's ``Env`` that changes which cryptography runs."""

    name: str
    value: str
    effect: Literal["disables", "enables", "redirects", "unknown"]
    families: tuple[str, ...]
    reason: str


class OpensslConfig(Model, frozen=True, kw_only=True):
    """What an OpenSSL configuration comes to: providers and default properties, with includes and section references followed."""

    path: str
    layer: str
    """Empty when the file is not there."""
    used_by: str
    """Path of the library whose compiled-in directory leads here."""
    section: str
    """``openssl_conf``, ``nodejs_conf`` …"""
    found: bool
    providers: tuple[str, ...]
    """Activated ones, in order."""
    default_properties: str
    state: Literal["strict", "preferred", "not_enforced", "default", "broken", "absent"]
    """``strict``: fips without the default provider and ``fips=yes``; ``preferred``: as that, with the default provider beside;
    ``not_enforced``: fips is active and nothing demands it; ``default``: no fips provider."""
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    """Of ``ssl_conf``'s ``system_default``: ``MinProtocol``, ``CipherString`` …"""
    problems: tuple[str, ...] = ()


class CryptoPolicy(Model, frozen=True, kw_only=True):
    """The system-wide policy of RHEL and its kin (crypto-policies)."""

    config: str
    """Text of ``/etc/crypto-policies/config``, ``FIPS:OSPP``."""
    state: str
    """Text of ``/etc/crypto-policies/state/current``."""
    backends: dict[str, str]
    """Policy that each back-end's link leads to."""
    problems: tuple[str, ...]


class FipsFacts(Model, frozen=True, kw_only=True):
    """FIPS facts of one image; empty until it was looked at."""

    collected: bool = False
    certain: bool = False
    """Whether every runtime sees the files that this was read from."""
    complete: bool = False
    """Whether everything that had to be read was: false after any cut list or file that was not looked at."""
    modules: tuple[CryptoModule, ...] = ()
    consumers: tuple[CryptoConsumer, ...] = ()
    env: tuple[EnvOverride, ...] = ()
    openssl: tuple[OpensslConfig, ...] = ()
    crypto_policy: CryptoPolicy | None = None
    markers: tuple[str, ...] = ()
    """Files that claim FIPS and prove nothing: ``etc/system-fips`` …"""
    diagnostics: tuple[Diagnostic, ...] = ()
