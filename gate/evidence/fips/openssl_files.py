"""What is kept of files that pass by: OpenSSL's libraries and provider by their own strings, and configuration files.

The MAC of ``fips.so`` is HMAC-SHA256 over the file with a key that is public and the same in every build
(``providers/fips/self_test.c``): it shows a file that was changed or mixed up, and proves nobody's build.
"""

from __future__ import annotations

import hashlib
import hmac
import re

import msgspec

from gate.oci.filesystem import Sink
from gate.oci.layertar import Header

LIBRARY = "fips_library"
CONF = "fips_conf"
_MAC_KEY = bytes.fromhex("f4556650ac31d35461610bac4ed81b1a181b2d8a43ea2854cbae22ca74560813")
_LIBRARIES = re.compile(
    r"(.*/)?("
    r"libcrypto(-[0-9.a-z]+)?\.so[.0-9a-z]*|fips\.so|libgcrypt\.so[.0-9]*|libgnutls\.so[.0-9]*|libsoftokn3\.so|libfreebl(priv)?3\.so"
    r"|libsodium\.so[.0-9]*|libmbedcrypto\.so[.0-9]*|libwolfssl\.so[.0-9]*|libtomcrypt\.so[.0-9]*|libbotan-[0-9]+\.so[.0-9]*"
    r"|libcryptopp\.so[.0-9]*|libnettle\.so[.0-9]*|libbcrypt\.so[.0-9]*"
    r")"
)
_OVERLAP = 1024
"""Longer than any text that is looked for."""
_WINDOW = 256 * 1024
_SPOKEN = {
    "openssldir": (b"OPENSSLDIR: ", re.compile(rb'OPENSSLDIR: "([^"\0]{1,300})"')),
    "modulesdir": (b"MODULESDIR: ", re.compile(rb'MODULESDIR: "([^"\0]{1,300})"')),
    "provider": (b"FIPS Provider", None),
    "provider_version": (
        b"FIPS Provider",
        re.compile(rb"FIPS Provider[ -~]{0,60}\0(?:[ -~]{0,60}\0){0,12}?(\d{1,3}\.\d{1,3}\.\d{1,3}[0-9A-Za-z.+-]{0,60})\0"),
    ),
    "fips": (b"  FIPS", re.compile(rb"OpenSSL \d[0-9A-Za-z.+-]{2,60} {1,3}(FIPS) ")),
    "version": (b"OpenSSL ", re.compile(rb"OpenSSL (\d{1,2}\.\d{1,2}\.\d{1,2}[0-9A-Za-z.+-]{0,40}) {1,3}(?:FIPS )?\d")),
    "kernel": (b"/proc/sys/crypto/fips_enabled", None),
    "force": (b"OPENSSL_FORCE_FIPS_MODE", None),
    "canister": (b"FIPS_mode_set", None),
}
"""What is looked for: a text that has to be there, and where in it the value stands."""
_CONFIGS = re.compile(
    r".*\.(cnf|conf|config|cfg)|etc/(ld\.so\.preload|crypto-policies/(config|state/current)|gcrypt/fips_enabled|system-fips)|.*\.hmac"
)
_PLACES = re.compile(
    r"(usr/(local/)?)?(etc|share|lib|ssl|lib64)/.*|.*/(ssl|tls|openssl|conf|config|fips)/[^/]+|(.*/)?(fipsmodule|openssl)[^/]*"
)
_CONF_BYTES = 512 * 1024
_TOLD = (b"openssl_conf", b"nodejs_conf", b"module-mac", b"default_properties", b"fips_sect")
_NOSY_BYTES = 64 * 1024
_SCRIPT = (b"OPENSSL_", b"GODEBUG", b"GOFIPS", b"GOLANG_FIPS", b"_FIPS", b"fips", b"JAVA")
"""What makes a script worth keeping: names of variables, or a part of them."""


class LibraryFacts(msgspec.Struct, frozen=True, gc=False):
    """What the file says of itself. ``mac`` is there for the FIPS provider alone."""

    elf: bool
    provider: bool
    """Whether it calls itself a FIPS provider, with the version."""
    sha256: str
    mac: str
    version: str
    banner_fips: bool
    openssldir: str
    modulesdir: str
    follows_kernel: bool
    """Holds the path of the kernel's flag, so the build asks for it."""
    force_variable: bool
    canister: bool


def choose_library(header: Header) -> Sink | None:
    """A sink for libraries of cryptography that a system has by their usual names."""
    if _LIBRARIES.fullmatch(header.path):
        return _Library(header.path.rpartition("/")[2] == "fips.so")
    return None


class _Library:
    def __init__(self, provider: bool) -> None:
        self._hasher = hashlib.sha256()
        self._mac = hmac.new(_MAC_KEY, digestmod="sha256") if provider else None
        self._window = bytearray()
        self._first = b""
        self._tail = b""
        self._said: dict[str, str] = {}

    def feed(self, data: memoryview) -> None:
        """Keeps the piece until there is enough to look through at once."""
        self._window += data
        if len(self._window) >= _WINDOW:
            self._look()

    def _look(self) -> None:
        """Looks through what has come together and the end of what came before."""
        fresh = bytes(self._window)
        self._window.clear()
        self._hasher.update(fresh)
        if self._mac is not None:
            self._mac.update(fresh)
        self._first = self._first or fresh[:4]
        window = self._tail + fresh
        for name, (text, pattern) in _SPOKEN.items():
            if name not in self._said and text in window:
                match = pattern.search(window) if pattern is not None else None
                if pattern is None or match is not None:
                    self._said[name] = match.group(1).decode("utf-8", "backslashreplace") if match is not None else "yes"
        self._tail = window[-_OVERLAP:]

    def result(self) -> LibraryFacts:
        """What it said."""
        self._look()
        return LibraryFacts(
            elf=self._first[:4] == b"\x7fELF",
            provider="provider" in self._said,
            sha256=f"sha256:{self._hasher.hexdigest()}",
            mac=self._mac.hexdigest() if self._mac is not None else "",
            version=self._said.get("provider_version") or self._said.get("version", ""),
            banner_fips="fips" in self._said,
            openssldir=self._said.get("openssldir", ""),
            modulesdir=self._said.get("modulesdir", ""),
            follows_kernel="kernel" in self._said,
            force_variable="force" in self._said,
            canister="canister" in self._said,
        )


def choose_conf(header: Header) -> Sink | None:
    """Keeps what may be a configuration by its place, and small texts anywhere that speak as one."""
    if header.size > _CONF_BYTES:
        return None
    named = bool(_CONFIGS.fullmatch(header.path)) and bool(_PLACES.fullmatch(header.path))
    if named or header.size <= _NOSY_BYTES:
        return _Conf(named)
    return None


class _Conf:
    def __init__(self, named: bool) -> None:
        self._named = named
        self._pieces: list[bytes] = []

    def feed(self, data: memoryview) -> None:
        """Copies the piece; the chooser has bounded them."""
        self._pieces.append(bytes(data))

    def result(self) -> bytes | None:
        """The contents; None of what does not look like a configuration."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        if self._named or any(word in data for word in _TOLD):
            return data
        return data if data.startswith(b"#!") and any(word in data for word in _SCRIPT) else None
