"""Java: archives by their classes and names, and the providers that a JDK is set to."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.fips.java_files import JarFacts, JarSink, properties
from tests.evidence.fips.elves import consumer, elf, see
from tests.evidence.fips.roots import module
from tests.oci.layering import File, symlink

FIPS_CLASS = "org/bouncycastle/jcajce/provider/BouncyCastleFipsProvider.class"
PLAIN_CLASS = "org/bouncycastle/jce/provider/BouncyCastleProvider.class"
HOME = "opt/jdk"
JVM = f"{HOME}/lib/server/libjvm.so"
JAR = "app/bc-fips-2.0.0.jar"


def jar(*names: str, manifest: str = "", packed: int = zipfile.ZIP_DEFLATED, inside: dict[str, bytes] | None = None) -> bytes:
    """An archive with entries of these names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\r\n{manifest}\r\n")
        for name in names:
            archive.writestr(name, b"x" * 50)
        for name, data in (inside or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


def facts_of(data: bytes, step: int = 1 << 20) -> JarFacts | None:
    """What is found when the file passes by in pieces of a size."""
    sink = JarSink()
    for place in range(0, len(data), step):
        sink.feed(memoryview(data)[place : place + step])
    return sink.result()


def jdk(security: str, release: str = 'IMPLEMENTOR="Eclipse Adoptium"\nJAVA_VERSION="25.0.3"\n') -> list[File]:
    """A JDK with these settings."""
    return [
        File(JVM, elf(soname="libjvm.so")),
        File(f"{HOME}/release", release.encode()),
        File(f"{HOME}/conf/security/java.security", security.encode()),
    ]


SUN = "security.provider.1=SUN\nsecurity.provider.2=SunJCE\n"
FIPS = "security.provider.1=org.bouncycastle.jcajce.provider.BouncyCastleFipsProvider\n"
SHORT = "security.provider.1=BCFIPS C:HYBRID;ENABLE{All};\nsecurity.provider.2=BCJSSE fips:BCFIPS\n"
APPROVED = "org.bouncycastle.fips.approved_only=true\n"
BC = File(JAR, jar(FIPS_CLASS))


@pytest.mark.parametrize(
    ("files", "env", "command", "activated", "overridden", "bypassable", "reaches"),
    [
        ([*jdk(FIPS + APPROVED), BC], [], [], "yes", "no", False, "yes"),
        ([*jdk(SHORT + APPROVED), BC], [], [], "yes", "no", False, "yes"),
        ([*jdk(FIPS + "security.provider.2=SUN\n" + APPROVED), BC], [], [], "yes", "no", True, "yes"),
        ([*jdk(FIPS + "security.provider.2=SUN\nsecurity.provider.3=SunJCE\n" + APPROVED), BC], [], [], "no", "no", True, "no"),
        ([*jdk(FIPS + "security.provider.2=BC\n" + APPROVED), BC], [], [], "no", "no", True, "no"),
        ([*jdk(FIPS), BC], [], [], "no", "no", False, "no"),
        (
            [*jdk(FIPS), BC],
            ["JAVA_TOOL_OPTIONS=-Xmx1g -Dorg.bouncycastle.fips.approved_only=true"],
            [],
            "yes",
            "no",
            False,
            "yes",
        ),
        ([*jdk(FIPS), BC], [], ["java", "-Dorg.bouncycastle.fips.approved_only=true", "-jar", "a"], "yes", "no", False, "yes"),
        (
            [*jdk(FIPS + APPROVED), BC],
            ["JAVA_TOOL_OPTIONS=-Dorg.bouncycastle.fips.approved_only=false"],
            [],
            "no",
            "yes",
            False,
            "no",
        ),
        ([*jdk(FIPS + APPROVED), BC], ["JDK_JAVA_OPTIONS=-Djava.security.properties=/x"], [], "yes", "unknown", False, "unknown"),
        (
            [*jdk(FIPS + APPROVED), BC],
            [],
            ["java", "-Djava.security.properties==/x", "-jar", "a"],
            "yes",
            "unknown",
            False,
            "unknown",
        ),
        ([*jdk(FIPS + APPROVED), BC], ["JDK_JAVA_OPTIONS=@/opts"], [], "yes", "unknown", False, "unknown"),
        (
            [*jdk(FIPS + APPROVED), BC],
            ["JAVA_OPTS_APPEND=-Dorg.bouncycastle.fips.approved_only=false"],
            [],
            "yes",
            "yes",
            False,
            "no",
        ),
        (
            [*jdk(FIPS + APPROVED), BC],
            [],
            ["sh", "-c", "exec java -Dorg.bouncycastle.fips.approved_only=false -jar a"],
            "yes",
            "yes",
            False,
            "no",
        ),
        ([*jdk(SUN), BC], [], [], "unknown", "no", False, "unknown"),
        (
            [*jdk("security.provider.1=SUN\n" + FIPS.replace(".1", ".2") + APPROVED), BC],
            [],
            [],
            "unknown",
            "no",
            False,
            "unknown",
        ),
        ([*jdk(FIPS.replace(".1", ".2") + APPROVED), BC], [], [], "unknown", "no", False, "unknown"),
        ([BC], [], [], "unknown", "no", False, "unknown"),
    ],
)
def test_bouncy_castles_fips_provider(
    files: Sequence[File],
    env: Sequence[str],
    command: Sequence[str],
    activated: str,
    overridden: str,
    bypassable: bool,
    reaches: str,
) -> None:
    """It counts where the JDK names it first and approved algorithms only; a program may name it itself, which is not known."""
    found = see(files, env, command)
    made = module(found, JAR)
    assert (made.family, made.version, made.capable, made.vendor) == ("bc-fips", "2.0.0", "yes", "maven")
    assert (made.activated, made.overridden, made.bypassable) == (activated, overridden, bypassable)
    assert consumer(found, JAR).reaches_fips == reaches
    if JVM in {item.path for item in found.consumers} and "unknown" not in {activated}:
        assert consumer(found, JVM).modules == (JAR,)
        assert consumer(found, JVM).reaches_fips == reaches


RED_HAT = SUN + "fips.provider.1=SunPKCS11 nss.fips.cfg\nsecurity.useSystemPropertiesFile=true\n"


@pytest.mark.parametrize(
    ("security", "release", "env", "capable", "reaches"),
    [
        (SUN, "Eclipse Adoptium", [], "no", "no"),
        (SUN, "Amazon.com Inc.", [], "no", "no"),
        (RED_HAT, "Red Hat, Inc.", [], "yes", "host"),
        (RED_HAT, "Red Hat, Inc.", ["JAVA_TOOL_OPTIONS=-Dcom.redhat.fips=false"], "yes", "no"),
        (RED_HAT, "Red Hat, Inc.", ["JAVA_TOOL_OPTIONS=-Djava.security.disableSystemPropertiesFile=true"], "yes", "no"),
        (RED_HAT.replace("=true", "=false"), "Red Hat, Inc.", [], "yes", "no"),
        (SUN + "RestrictedSecurity.NSS.140-2.desc.name=x\n", "IBM Corporation", [], "unknown", "no"),
        (SUN + "RestrictedSecurity.a=x\n", "IBM Corporation", ["JAVA_TOOL_OPTIONS=-Dsemeru.fips=true"], "unknown", "unknown"),
        ("# nothing\n", "x", [], "unknown", "unknown"),
    ],
)
def test_the_jdks_own_code(security: str, release: str, env: Sequence[str], capable: str, reaches: str) -> None:
    """Red Hat's follows the host; the others have no module; settings that say nothing are unknown."""
    found = see(jdk(security, f'IMPLEMENTOR="{release}"\nJAVA_VERSION="21.0.5"\n'), env)
    assert (module(found, JVM).family, module(found, JVM).version, module(found, JVM).capable) == ("openjdk", "21.0.5", capable)
    assert consumer(found, JVM).reaches_fips == reaches


def test_settings_behind_a_link_and_the_missing_archive() -> None:
    """Debian's settings are in /etc; a first provider that is not in the image breaks every program."""
    files = [
        File(JVM, elf()), File("etc/java/java.security", (FIPS + APPROVED).encode()),
        symlink(f"{HOME}/conf/security/java.security", "/etc/java/java.security"),
    ]  # fmt: skip
    assert consumer(see(files), JVM).reaches_fips == "broken"


def test_included_settings_make_the_facts_incomplete() -> None:
    """They are not followed."""
    found = see(jdk(SUN + "include /etc/other.security\n"))
    assert not found.complete and "java_include" in {item.code for item in found.diagnostics}


@pytest.mark.parametrize(
    ("name", "data", "family", "version"),
    [
        ("bcprov-jdk18on-1.78.1.jar", jar(PLAIN_CLASS), "bouncycastle", "1.78.1"),
        ("renamed.dat", jar(PLAIN_CLASS, manifest="Bundle-Version: 1.78.1"), "bouncycastle", "1.78.1"),
        ("shaded.jar", jar(f"com/example/shaded/{PLAIN_CLASS}"), "bouncycastle", ""),
        (
            "conscrypt.jar",
            jar("org/conscrypt/OpenSSLProvider.class", manifest="Implementation-Version: 2.5.2"),
            "conscrypt",
            "2.5.2",
        ),
        ("n.jar", jar("META-INF/native/libnetty_tcnative_linux_x86_64.so"), "netty-tcnative", ""),
        ("fat.jar", jar(packed=0, inside={"BOOT-INF/lib/x.jar": jar(PLAIN_CLASS)}), "bouncycastle", ""),
        ("fat2.jar", jar(inside={"BOOT-INF/lib/bcprov-jdk18on-1.78.1.jar": jar(PLAIN_CLASS)}), "bouncycastle", "1.78.1"),
        ("both.jar", jar(FIPS_CLASS, PLAIN_CLASS), "bouncycastle", ""),
        ("accp.jar", jar("com/amazon/corretto/crypto/provider/AmazonCorrettoCryptoProvider.class"), "corretto-crypto", ""),
    ],
)
def test_archives_that_bring_cryptography(name: str, data: bytes, family: str, version: str) -> None:
    """By the names of classes, also of archives that are stored inside; by their own name where they are packed."""
    found = see([File(name, data)])
    made = module(found, name)
    assert (made.family, made.version, made.capable) == (family, version, "no")
    assert consumer(found, name).reaches_fips == "no" and made.sha256.startswith("sha256:")


@pytest.mark.parametrize("data", [jar("com/example/App.class"), b"PK", b"PK\3\4", b"\x1f\x8bPK\3\4" + PLAIN_CLASS.encode() * 3])
def test_other_files_are_nothing(data: bytes) -> None:
    """Archives without cryptography, and what is no archive."""
    assert facts_of(data, 1) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.binary(max_size=60), st.integers(0, 400))
def test_archives_in_pieces_and_damaged(step: int, noise: bytes, place: int) -> None:
    """The same in pieces of any size; damage is never an error."""
    data = jar(FIPS_CLASS, manifest="Implementation-Version: 2.0.0")
    whole = facts_of(data, step)
    assert whole is not None and (whole.families, whole.version) == (("bc-fips",), "2.0.0")
    facts_of(data[:place] + noise + data[place:], step)


def test_properties_as_java_reads_them() -> None:
    """Comments, lines that go on, separators, and the last of a name."""
    text = "# c\n! d\na=1\nb : 2\nc 3\nlong=x,\\\n   y\na = 4\n\\\nnoname\nback=x\\\\\nnext=z"
    assert properties(text) == {"a": "4", "b": "2", "c": "3", "long": "x,y", "back": "x\\\\", "next": "z"}
