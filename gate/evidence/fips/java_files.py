"""What is kept of Java archives and of a JDK's settings while they pass by.

Names of entries are plain text in a zip, also in one that is stored inside another: classes are found by name without
unpacking. An archive that is packed inside another is known by its own name only.
"""

from __future__ import annotations

import hashlib
import re
import zlib

import msgspec

from gate.oci.filesystem import Keep, Sink
from gate.oci.layertar import Header

JAR = "fips_jar"
SETTINGS = "fips_java"
_ZIP = b"PK\x03\x04"
_LEAST = 64
_HEAD = 256 * 1024
_MANIFEST = b"META-INF/MANIFEST.MF"
_MANIFEST_BYTES = 64 * 1024
_WINDOW = 1024 * 1024
_OVERLAP = 256
_VALUES = 32
_SETTINGS = re.compile(r"(.*/)?(java\.security|release)")
_SETTINGS_BYTES = 1024 * 1024
_CLASSES = (
    (b"bouncycastle/jcajce/provider/BouncyCastleFipsProvider.class", "bc-fips"),
    (b"bouncycastle/jce/provider/BouncyCastleProvider.class", "bouncycastle"),
    (b"spongycastle/jce/provider/BouncyCastleProvider.class", "bouncycastle"),
    (b"org/conscrypt/OpenSSLProvider.class", "conscrypt"),
    (b"META-INF/native/libnetty_tcnative_linux", "netty-tcnative"),
    (b"corretto/crypto/provider/AmazonCorrettoCryptoProvider.class", "corretto-crypto"),
    (b"com/wolfssl/provider/jce/WolfCryptProvider.class", "wolfcrypt-jni"),
)
FAMILIES = tuple(family for _, family in _CLASSES)
_NESTED = re.compile(rb"(bc(?:prov|-fips|-noncert)[0-9A-Za-z.+_-]{0,80}\.jar|netty-tcnative-boringssl[0-9A-Za-z.+_-]{0,80}\.jar)")


class JarFacts(msgspec.Struct, frozen=True, gc=False):
    """One archive: families of what its classes are, names of known archives in it, and its own version."""

    families: tuple[str, ...]
    nested: tuple[str, ...]
    version: str
    fips_native: bool
    sha256: str


def choose_jar(header: Header) -> Sink | None:
    """A sink for every file; it lets go at once of what is no zip."""
    return JarSink() if header.size >= _LEAST else None


def choose_settings(header: Header) -> Sink | None:
    """Keeps ``java.security`` and what a JDK says of itself."""
    return Keep() if header.size <= _SETTINGS_BYTES and _SETTINGS.fullmatch(header.path) else None


class JarSink:
    """Looks through one file."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._window = bytearray()
        self._dead = False
        self._hasher = hashlib.sha256()
        self._families: set[str] = set()
        self._nested: set[str] = set()

    def feed(self, data: memoryview) -> None:
        """Looks through what has come together."""
        if self._dead:
            return
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
            if not _ZIP.startswith(bytes(self._head[: len(_ZIP)])) and not self._head.startswith(_ZIP):
                self._dead = True
                return
        self._hasher.update(data)
        self._window += data
        if len(self._window) >= _WINDOW:
            self._look()

    def result(self) -> JarFacts | None:
        """What it is; None for what is no archive, or has nothing of cryptography in it."""
        if self._dead or not self._head.startswith(_ZIP):
            return None
        self._look()
        if not self._families and not self._nested:
            return None
        manifest = _manifest(bytes(self._head))
        return JarFacts(
            tuple(sorted(self._families)),
            tuple(sorted(self._nested)),
            _version(manifest),
            "fips" in manifest.lower(),
            f"sha256:{self._hasher.hexdigest()}",
        )

    def _look(self) -> None:
        window = bytes(self._window)
        for name, family in _CLASSES:
            if family not in self._families and name in window:
                self._families.add(family)
        if b".jar" in window and len(self._nested) < _VALUES:
            self._nested |= {match.decode("ascii") for match in _NESTED.findall(window)[:_VALUES]}
        self._window = bytearray(window[-_OVERLAP:])


def _manifest(head: bytes) -> str:
    """The manifest's text, where it stands near the beginning (APPNOTE.TXT 4.3.7)."""
    place = head.find(_MANIFEST)
    start = place - 30
    if start < 0 or head[start : start + 4] != _ZIP:
        return ""
    extra = int.from_bytes(head[start + 28 : start + 30], "little")
    data = head[place + len(_MANIFEST) + extra :]
    if head[start + 8 : start + 10] == b"\0\0":
        return data[:_MANIFEST_BYTES].decode("utf-8", "replace")
    try:
        return zlib.decompressobj(-15).decompress(data, _MANIFEST_BYTES).decode("utf-8", "replace")
    except zlib.error:
        return ""


def _version(manifest: str) -> str:
    for name in ("Implementation-Version", "Bundle-Version", "Specification-Version"):
        match = re.search(rf"^{name}: *([0-9A-Za-z.+_-]{{1,60}})", manifest, re.MULTILINE)
        if match is not None:
            return match.group(1)
    return ""


def properties(text: str) -> dict[str, str]:
    """A properties file (java.util.Properties): the last assignment of a name counts; only escaped line ends are undone."""
    made: dict[str, str] = {}
    pending = ""
    for line in text.splitlines():
        stripped = line.lstrip()
        if not pending and (not stripped or stripped[0] in "#!"):
            continue
        whole = pending + stripped
        if (len(whole) - len(whole.rstrip("\\"))) % 2:
            pending = whole[:-1]
            continue
        pending = ""
        match = re.match(r"([^=:\s]+)\s*[=:\s]\s*(.*)", whole)
        if match is not None:
            made[match.group(1)] = match.group(2).strip()
    return made
