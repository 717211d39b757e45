"""GnuTLS, libgcrypt, NSS, crypto-policies, markers, and whose each file is."""

import pytest

from gate.evidence.filesystem.choose import several
from gate.evidence.fips.collect import choosers
from gate.evidence.fips.owners import Owners
from tests.evidence.fips.roots import LIBRARY, debian, look, module
from tests.oci.layering import File, read, symlink

_ELF = b"\x7fELF" + bytes(60)
GCRYPT = "usr/lib64/libgcrypt.so.20.4.1"


@pytest.mark.parametrize(
    ("name", "more", "env", "capable", "activated", "overridden"),
    [
        ("libgcrypt.so.20.4.1", [], [], "no", "no", "no"),
        ("libgcrypt.so.20.4.1", ["usr/lib64/.libgcrypt.so.20.hmac"], [], "yes", "host", "no"),
        ("libgcrypt.so.20.4.1", ["usr/lib64/.libgcrypt.so.20.hmac", "etc/gcrypt/fips_enabled"], [], "yes", "yes", "no"),
        ("libgcrypt.so.20.4.1", ["etc/gcrypt/fips_enabled"], ["LIBGCRYPT_FORCE_FIPS_MODE=1"], "no", "no", "no"),
        ("libgnutls.so.30.40.3", ["usr/lib64/.libgnutls.so.30.hmac"], ["GNUTLS_FORCE_FIPS_MODE=1"], "yes", "yes", "no"),
        ("libgnutls.so.30.40.3", ["usr/lib64/.libgnutls.so.30.hmac"], ["GNUTLS_FORCE_FIPS_MODE=0"], "yes", "host", "yes"),
        ("libgnutls.so.30.40.3", ["usr/lib64/.libgnutls.so.30.hmac"], ["LD_PRELOAD=/x.so"], "yes", "host", "unknown"),
        ("libsoftokn3.so", [], [], "yes", "host", "no"),
        ("libsoftokn3.so", [], ["NSS_FIPS=1"], "yes", "yes", "no"),
        ("libsodium.so.23.3.0", ["usr/lib64/.libsodium.so.23.hmac"], [], "no", "not_applicable", "no"),
    ],
)
def test_libraries(name: str, more: list[str], env: list[str], capable: str, activated: str, overridden: str) -> None:
    """A checksum file beside the library is a build that can; the mode follows the host unless something forces it."""
    facts = look([File(f"usr/lib64/{name}", _ELF), *(File(path, b"x") for path in more)], env=env)
    found = module(facts, f"usr/lib64/{name}")
    assert (found.capable, found.activated, found.overridden) == (capable, activated, overridden)


def policy(config: bytes, state: bytes | None, **links: str) -> list[File]:
    """A system with crypto-policies."""
    files = [File("etc/crypto-policies/config", config)]
    if state is not None:
        files.append(File("etc/crypto-policies/state/current", state))
    for name, target in links.items():
        files.append(symlink(f"etc/crypto-policies/back-ends/{name}.config", f"/usr/share/crypto-policies/{target}/{name}.txt"))
        files.append(File(f"usr/share/crypto-policies/{target}/{name}.txt", b"x"))
    return files


def test_a_whole_crypto_policy() -> None:
    """Config, applied state and back-ends agree."""
    found = look(policy(b"# ours\nFIPS:OSPP\n", b"FIPS:OSPP\n", openssl="FIPS", gnutls="FIPS")).crypto_policy
    assert found is not None
    assert (found.config, found.state, found.backends, found.problems) == (
        "FIPS:OSPP", "FIPS:OSPP", {"openssl": "FIPS", "gnutls": "FIPS"}, (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (policy(b"FIPS\n", None), "never applied"),
        (policy(b"FIPS\n", b"DEFAULT\n"), "applied is 'DEFAULT'"),
        (policy(b"FIPS\n", b"FIPS\n", openssl="FIPS", gnutls="DEFAULT"), "another policy than FIPS: gnutls"),
        (policy(b"FIPS\n", b"FIPS\n", nss="FIPS")[:-1], "leads nowhere"),
    ],
)  # fmt: skip
def test_crypto_policies_that_are_not_whole(files: list[File], problem: str) -> None:
    """Each way in which the name says more than is so."""
    found = look(files).crypto_policy
    assert found is not None
    assert problem in "; ".join(found.problems)


def test_markers_are_listed_and_prove_nothing() -> None:
    """`/etc/system-fips` is a claim."""
    facts = look([File("etc/system-fips", b"")])
    assert facts.markers == ("etc/system-fips",)
    assert facts.modules == ()


def owners(*layers: list[File]) -> Owners:
    """The owners of these layers."""
    return Owners(read(*layers, choose=several(choosers())))


APK = b"C:Q1x=\nP:libcrypto3\nV:3.5.1-r0\nF:usr\nF:usr/lib\nR:libcrypto.so.3\nZ:Q1y=\n\nP:other\nV:1\nF:\nR:x\n\n"


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        (debian(), LIBRARY, ("libssl3t64", "3.5.9-1", "debian")),
        ([*debian(), File("var/lib/dpkg/info/openssl-provider-fips.list", b"/lib/x/fips.so\n")], "usr/lib/x/fips.so",
         ("openssl-provider-fips", "3.5.9-1", "debian")),
        (debian(), "usr/bin/other", None),
        ([File("var/lib/dpkg/status.d/libssl3", b"Package: libssl3\nVersion: 3.0.1\n"), File("etc/os-release", b"ID=debian\n"),
          File("var/lib/dpkg/status.d/libssl3.md5sums", b"00  usr/lib/libcrypto.so.3\n")], "usr/lib/libcrypto.so.3",
         ("libssl3", "3.0.1", "debian")),
        ([File("lib/apk/db/installed", APK), File("etc/os-release", b"ID=alpine\n")], "usr/lib/libcrypto.so.3",
         ("libcrypto3", "3.5.1-r0", "alpine")),
        ([File("lib/apk/db/installed", APK)], "x", ("other", "1", "")),
        ([File("var/lib/dpkg/status", b"Package: a\nStatus: deinstall ok config-files\nVersion: 1\n"),
          File("var/lib/dpkg/info/a.list", b"/usr/bin/a\n")], "usr/bin/a", None),
    ],
)  # fmt: skip
def test_owners(files: list[File], path: str, expected: tuple[str, str, str] | None) -> None:
    """By dpkg, distroless and apk; merged /usr is seen through; what is not installed owns nothing."""
    found = owners(files).of(path)
    assert (found and (found.name, found.version, found.vendor)) == expected


def test_an_rpm_database_is_named_and_not_read() -> None:
    """Owners are unknown, which is not nobody; the vendor of a system library is the distribution's name."""
    files = [File("var/lib/rpm/rpmdb.sqlite", b"SQLite"), File("etc/os-release", b"ID=rhel\n"), File(GCRYPT, _ELF)]
    assert owners(files).unread == ("var/lib/rpm/rpmdb.sqlite",)
    facts = look(files)
    assert (module(facts, GCRYPT).package, module(facts, GCRYPT).vendor, module(facts, GCRYPT).capable) == ("", "rhel", "unknown")
    assert facts.complete
    assert [item.code for item in facts.diagnostics] == ["packages_unknown"]
