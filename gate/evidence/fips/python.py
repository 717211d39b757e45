"""Packages of Python: which one a file belongs to, and those that are cryptography without a mark in their code.

1. A wheel's RECORD is text that anybody can write: it tells whose file it claims to be, and never that something is validated.
2. ``hashlib`` falls back to code of its own where OpenSSL refuses an algorithm; that is said of the image, and no module.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterable

from gate.evidence.filesystem.choose import found
from gate.evidence.filesystem.collect import shown
from gate.evidence.fips.found import Found
from gate.evidence.fips.openssl_view import View
from gate.evidence.fips.owners import Owner, Owners
from gate.model.evidence import Diagnostic
from gate.model.fips import CryptoModule
from gate.oci.filesystem import FileSystem, Sink
from gate.oci.layertar import Header

RECORD = "fips_wheels"
_RECORD = re.compile(r"(?:.*/)?([^/]+?)-([^/-]+)\.dist-info/RECORD")
_METADATA = re.compile(r"(?:.*/)?([^/]+?)-([^/-]+)\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)")
_RAW = re.compile(r"(?:.*/)?(Crypto(?:dome)?)/Cipher/_raw_aes()(?:\.[^/]*)?\.so")
"""Its code, where somebody deleted the metadata to make the image small."""
_HASHLIB = re.compile(r"(?:.*/)?lib(?:64)?/(?:python3\.\d+|pypy3[^/]*)/hashlib\.py")
_BYTES = 32 * 1024 * 1024
_NATIVE = re.compile(rb"\.(so|pyd|dylib)|/bin/|\.libs/")
_OWN = dict.fromkeys(("pycryptodome", "pycryptodomex", "pycrypto"), "pycryptodome") | dict.fromkeys(
    (
        "argon2-cffi-bindings", "bcrypt", "blake3", "coincurve", "cryptg", "ecdsa", "ed25519", "ed25519-blake2b", "fastecdsa",
        "libnacl", "pure25519", "py-ecc", "pyaes", "pyblake2", "pydes", "pysha3", "pysodium", "rsa", "safe-pysha3", "scrypt",
        "secp256k1", "starkbank-ecdsa", "tgcrypto", "tinyec", "tlslite-ng", "twofish", "x25519",
    ),
    "python-crypto",
)  # fmt: skip
"""Distributions with code of their own that leaves no mark, or none at all in ELF files; names as PEP 503 writes them."""


class _Record:
    """Takes the names of native files out of a RECORD."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []

    def feed(self, data: memoryview) -> None:
        """Keeps the lines that may be of ELF files."""
        lines = (self._rest + bytes(data)).split(b"\n")
        self._rest = lines.pop()[-8192:]
        self._lines += (line for line in lines if _NATIVE.search(line))

    def result(self) -> tuple[str, ...]:
        """The names."""
        lines = [line for line in (*self._lines, self._rest) if _NATIVE.search(line)]
        try:
            rows = list(csv.reader(line.decode("utf-8", "surrogateescape") for line in lines))
        except csv.Error:
            return ()
        return tuple(row[0] for row in rows if row)


def choose_record(header: Header) -> Sink | None:
    """A sink for the lists of installed wheels."""
    return _Record() if header.size <= _BYTES and _RECORD.fullmatch(header.path) else None


class Wheels:
    """Installed distributions by the native files that they claim."""

    def __init__(self, files: FileSystem, packages: Owners) -> None:
        self._packages = packages
        self._owners: dict[str, Owner] = {}
        for entry in files.entries():
            match = _RECORD.fullmatch(entry.path)
            names = found(entry, RECORD)
            if match is None or not isinstance(names, tuple):
                continue
            owner = Owner(normal(match.group(1)), match.group(2), "pypi")
            root = posixpath.dirname(posixpath.dirname(entry.path))
            for name in names:
                path = posixpath.normpath(posixpath.join("/", root, name)).lstrip("/")
                self._owners.setdefault(path, owner)

    def of(self, path: str) -> Owner | None:
        """The package of the image's own database, else the wheel (1)."""
        return self._packages.of(path) or self._owners.get(path)

    def wheel(self, path: str) -> Owner | None:
        """The wheel alone."""
        return self._owners.get(path)


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find(view: View, packages: Owners) -> Found:
    """Distributions that are cryptography, whatever their files show."""
    modules: list[CryptoModule] = []
    hashes: list[str] = []
    told = any(
        _OWN.get(normal(match.group(1))) == "pycryptodome"
        for entry in view.files.entries()
        if (match := _METADATA.fullmatch(entry.path))
    )
    for entry in view.files.entries():
        if entry.kind == "file" and _HASHLIB.fullmatch(entry.path):
            hashes.append(entry.path)
        match = _METADATA.fullmatch(entry.path) or (None if told else _RAW.fullmatch(entry.path))
        family = _OWN.get(normal(match.group(1)), "pycryptodome" if match.re is _RAW else None) if match else None
        if match is None or family is None or entry.kind != "file":
            continue
        owner = packages.of(entry.path) or Owner(normal(match.group(1)), match.group(2), "pypi")
        modules.append(
            CryptoModule(
                path=shown(posixpath.dirname(entry.path) if entry.path.endswith(("/METADATA", "/PKG-INFO")) else entry.path),
                layer=view.files.layer_name(entry),
                sha256="",
                family=family,
                version=shown(match.group(2)),
                place="bundled",
                package=owner.name,
                package_version=owner.version,
                vendor=owner.vendor,
                capable="no",
                installed="not_applicable",
                integrity="not_checked",
                activated="not_applicable",
                overridden="no",
                bypassable=False,
                reasons=(f"{normal(match.group(1))} brings cryptography of its own, which has no validated module",),
            )
        )
    return Found(modules=tuple(modules), notes=tuple(_notes(hashes)))


def _notes(hashes: Iterable[str]) -> Iterable[Diagnostic]:
    listed = sorted(hashes)
    if listed:  # (2)
        yield Diagnostic(
            code="python_builtin_hashes",
            message="hashlib computes MD5 and others by itself where OpenSSL refuses them",
            count=len(listed),
            where=shown(listed[0])[:500],
        )
