"""Who uses which cryptography: libraries by the path that the loader finds, code inside, and what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gate.model.fips import FipsFacts
from tests.evidence.fips.elves import ARM, consumer, crypto, elf, fips_system, see, system
from tests.evidence.fips.roots import LIBRARY, module
from tests.oci.layering import File, symlink

APP = "opt/app/bin/app"
OWN = "opt/app/lib/libcrypto.so.3"
STATIC = b'\0crypto/evp/evp_enc.c\0OpenSSL 4.0.3 29 Sep 2026\0OPENSSLDIR: "/opt/pyca/openssl"\0MODULESDIR: "/opt/pyca/m"\0'


def app(**how: object) -> File:
    """A program that needs libcrypto."""
    return File(APP, elf(loader="/lib64/ld-linux-x86-64.so.2", needed=["libcrypto.so.3"], **how), mode=0o755)  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize(
    ("files", "env", "modules", "reaches"),
    [
        ([app()], [], (LIBRARY,), "yes"),
        ([app(), File(OWN, crypto("3.5.8", "/usr/local/x"))], [], (LIBRARY,), "yes"),
        ([app(runpath="$ORIGIN/../lib"), File(OWN, crypto("3.5.8", "/usr/local/x"))], [], (OWN,), "no"),
        ([app(rpath="${ORIGIN}/../lib"), File(OWN, crypto("3.5.8", "/usr/local/x"))], [], (OWN,), "no"),
        ([app(rpath="$ORIGIN/../lib", runpath="/nowhere"), File(OWN, crypto())], [], (LIBRARY,), "yes"),
        ([app(runpath="$ORIGIN/../lib"), File(OWN, elf(machine=ARM, soname="libcrypto.so.3"))], [], (LIBRARY,), "yes"),
        ([app(runpath="/opt/link"), symlink("opt/link", "app/lib"), File(OWN, crypto("3.5.8", "/x"))], [], (OWN,), "no"),
        ([app(), File(OWN, crypto("3.5.8", "/x"))], ["LD_LIBRARY_PATH=/opt/app/lib"], (OWN,), "no"),
        (
            [app(), File(OWN, crypto("3.5.8", "/x")), File("etc/ld.so.conf", b"include /etc/ld.so.conf.d/*.conf\n"),
             File("etc/ld.so.conf.d/a.conf", b"# own\n/opt/app/lib\n")],
            [], (OWN,), "no",
        ),
        ([app()], ["OPENSSL_CONF=/dev/null"], (LIBRARY,), "no"),
        ([app()], ["LD_PRELOAD=/tmp/libevil.so"], (LIBRARY,), "unknown"),
    ],
)  # fmt: skip
def test_the_library_that_the_loader_finds_counts(
    files: Sequence[File], env: Sequence[str], modules: tuple[str, ...], reaches: str
) -> None:
    """On a system that is FIPS, a copy that keeps the system's name is not the system's."""
    found = consumer(see(fips_system(*files), env), APP)
    assert (found.modules, found.reaches_fips, found.kind) == (modules, reaches, "elf")


def test_libssl_leads_to_its_libcrypto() -> None:
    """A program that names libssl alone uses the libcrypto that this libssl finds, not the system's."""
    folder = "opt/app/lib"
    found = see(
        fips_system(
            File(f"{folder}/libssl.so.3", elf(needed=["libcrypto.so.3"], soname="libssl.so.3", runpath="$ORIGIN")),
            File(f"{folder}/libcrypto.so.3", crypto("3.5.8", "/x")),
            File(APP, elf(needed=["libssl.so.3"], runpath="/opt/app/lib", loader="/l")),
        )
    )
    assert consumer(found, APP).modules == (f"{folder}/libcrypto.so.3",)
    assert consumer(found, APP).reaches_fips == "no"


@pytest.mark.parametrize("needed", ["libcrypto.so.1.1", "libgnutls.so.30", "/abs/libcrypto.so.3"])
def test_a_library_that_is_not_there_is_unknown(needed: str) -> None:
    """Never that nothing is used."""
    found = consumer(see(system(File(APP, elf(needed=[needed])))), APP)
    assert (found.modules, found.reaches_fips) == ((), "unknown")
    assert "not where the loader looks" in found.reasons[0]


WHEELS = "usr/lib/python3/site-packages"


def wheel(name: str, version: str, *files: tuple[str, bytes]) -> list[File]:
    """An installed wheel."""
    record = "".join(f'"{path}",sha256=x,1\n' for path, _ in files) + "x.py,,\n"
    info = f"{WHEELS}/{name}-{version}.dist-info"
    return [
        *(File(f"{WHEELS}/{path}", data) for path, data in files),
        File(f"{info}/RECORD", record.encode()),
        File(f"{info}/METADATA", f"Name: {name}\nVersion: {version}\n".encode()),
    ]


def test_a_wheel_beside_the_distributions_package() -> None:
    """On one FIPS system: Debian's shared object goes through the module, the wheel's own OpenSSL does not."""
    debians = "usr/lib/python3/dist-packages/cryptography/_rust.abi3.so"
    wheels = f"{WHEELS}/cryptography/_rust.abi3.so"
    found = see(
        fips_system(
            File("var/lib/dpkg/status", b"Package: python3-cryptography\nStatus: install ok installed\nVersion: 43.0.0-3\n\n"),
            File("var/lib/dpkg/info/python3-cryptography.list", f"/{debians}\n".encode()),
            File(debians, elf(needed=["libssl.so.3", "libcrypto.so.3"])),
            *wheel("cryptography", "50.0.2", ("cryptography/_rust.abi3.so", elf(STATIC))),
        )
    )
    assert (consumer(found, debians).modules, consumer(found, debians).reaches_fips) == ((LIBRARY,), "yes")
    assert consumer(found, debians).package == "python3-cryptography"
    own = consumer(found, wheels)
    assert (own.kind, own.modules, own.reaches_fips, own.package) == ("python", (wheels,), "no", "cryptography")
    made = module(found, wheels)
    assert (made.family, made.version, made.place, made.vendor, made.package_version) == (
        "openssl",
        "4.0.3",
        "static",
        "pypi",
        "50.0.2",
    )
    assert (made.capable, made.activated) == ("no", "no") and made.sha256.startswith("sha256:")


def test_a_vendor_copy_that_keeps_the_systems_name() -> None:
    """mysql-connector: its plug-ins look in another directory, and get what was loaded before, or the system's: both count."""
    vendor = f"{WHEELS}/mysql/vendor"
    found = see(
        fips_system(
            *wheel(
                "mysql_connector_python", "9.1.0",
                ("_mysql_connector.so", elf(needed=["libcrypto.so.3"], runpath="$ORIGIN/mysql/vendor")),
                ("mysql/vendor/libcrypto.so.3", crypto("3.5.8", "/usr/local/mysql/ssl")),
                ("mysql/vendor/plugin/auth.so", elf(needed=["libcrypto.so.3"], runpath="$ORIGIN/../private")),
            )
        )
    )  # fmt: skip
    bundled = module(found, f"{vendor}/libcrypto.so.3")
    assert (bundled.place, bundled.package, bundled.vendor) == ("bundled", "mysql-connector-python", "pypi")
    assert consumer(found, f"{WHEELS}/_mysql_connector.so").modules == (f"{vendor}/libcrypto.so.3",)
    plugin = consumer(found, f"{vendor}/plugin/auth.so")
    assert (plugin.modules, plugin.reaches_fips) == ((LIBRARY, f"{vendor}/libcrypto.so.3"), "no")


def test_a_copy_with_a_sum_in_its_name() -> None:
    """As auditwheel bundles: the name says libcrypto all the same."""
    found = see(
        fips_system(
            *wheel(
                "psycopg2_binary", "2.9.13",
                ("psycopg2_binary.libs/libcrypto-fb8d5b21.so.3", crypto("3.5.8", "/host/tmp")),
                ("psycopg2_binary.libs/libpq-a1.so.5", elf(needed=["libcrypto-fb8d5b21.so.3"], rpath="$ORIGIN")),
            )
        )
    )  # fmt: skip
    copy = f"{WHEELS}/psycopg2_binary.libs/libcrypto-fb8d5b21.so.3"
    assert module(found, copy).vendor == "pypi"
    assert (consumer(found, f"{WHEELS}/psycopg2_binary.libs/libpq-a1.so.5").modules) == (copy,)


@pytest.mark.parametrize(
    ("text", "family", "version", "capable"),
    [
        (b"third_party/boringssl/src/crypto/fipsmodule/a\0", "boringssl", "", "no"),
        (b"third_party/boringssl/src/crypto/fipsmodule/a\0FIPS integrity test failed", "boringssl-fips", "", "yes"),
        (b"crypto/fipsmodule/\0AWS-LC 5.12.0\0", "aws-lc", "5.12.0", "no"),
        (b"crypto/fipsmodule/\0AWS-LC FIPS 3.0.0\0", "aws-lc-fips", "3.0.0", "yes"),
        (b"x/ring-0.17.14/src/a.rs /rustls-0.23.1/src/b.rs", "ring", "0.17.14", "no"),
        (b"x/sha2-0.10.8/src/a.rs", "rustcrypto", "", "no"),
        (b"/aws-lc-rs-1.9.0/src/a.rs", "aws-lc", "", "no"),
        (b"\0sodium_init\0", "libsodium", "", "no"),
        (b"In Core Integrity check FIPS error", "wolfssl", "", "no"),
        (b"In Core Integrity check FIPS error\0wolfCrypt_GetStatus_fips\0", "wolfssl-fips", "", "yes"),
        (b'OPENSSLDIR: "/e"\0LibreSSL 3.8.2\0', "libressl", "3.8.2", "no"),
        (b'OPENSSLDIR: "/e"\0OpenSSL 1.0.2k-fips  26 Jan 2017\0', "openssl", "1.0.2k-fips", "unknown"),
        (b'OPENSSLDIR: "/usr/lib/ssl"\0OpenSSL 3.5.9 29 Sep 2026\0', "openssl", "3.5.9", "no"),
    ],
)
def test_code_inside_a_program(text: bytes, family: str, version: str, capable: str) -> None:
    """Families, and whether that build has a FIPS module; only those with one may reach it."""
    found = see(system(File(APP, elf(text, loader="/l"))))
    made = module(found, APP)
    assert (made.family, made.version, made.place, made.capable) == (family, version, "static", capable)
    reaches = consumer(found, APP).reaches_fips
    assert reaches == {"yes": "yes", "no": "no", "unknown": "unknown"}[capable]


def test_several_in_one_file_count_as_the_least() -> None:
    """A FIPS module does not speak for what is linked in beside it."""
    found = see(system(File(APP, elf(b"crypto/fipsmodule/\0AWS-LC FIPS 3.0.0\0x/ring-0.17.14/src/a.rs", loader="/l"))))
    assert module(found, APP).capable == "no"
    assert "aws-lc-fips" in " ".join(module(found, APP).reasons)
    assert consumer(found, APP).reaches_fips == "no"


def test_static_openssl_with_a_configuration_of_its_own() -> None:
    """It is judged by the directory that is compiled into it, and by no other."""
    text = STATIC.replace(b"/opt/pyca/openssl", b"/usr/lib/ssl").replace(
        b"/opt/pyca/m", b"/usr/lib/x86_64-linux-gnu/ossl-modules"
    )
    found = see(fips_system(File(APP, elf(text, loader="/l"))))
    assert (module(found, APP).capable, module(found, APP).activated, consumer(found, APP).reaches_fips) == ("yes", "yes", "yes")
    found = see(fips_system(File(APP, elf(text, loader="/l"))), ["OPENSSL_CONF=/dev/null"])
    assert (module(found, APP).overridden, consumer(found, APP).reaches_fips) == ("yes", "no")


@pytest.mark.parametrize(
    ("path", "data", "family", "place"),
    [
        ("opt/x/libsodium.so.23", elf(soname="libsodium.so.23"), "libsodium", "bundled"),
        ("opt/x/libk5crypto-459efceb.so.3.1", elf(), "krb5", "bundled"),
        ("opt/x/libgnutls.so.30", elf(b"Enabled GnuTLS 3.8.9 logging\0", soname="libgnutls.so.30"), "gnutls", "bundled"),
        ("usr/lib/x86_64-linux-gnu/libk5crypto.so.3", elf(soname="libk5crypto.so.3"), "krb5", "system"),
        ("opt/x/libsoftokn3.so", elf(b"Version: NSS 3.110 Basic\0", soname="libsoftokn3.so"), "nss", "bundled"),
        ("opt/x/renamed.bin", elf(soname="libnettle.so.8"), "nettle", "bundled"),
    ],
)
def test_bundled_libraries_are_modules(path: str, data: bytes, family: str, place: str) -> None:
    """By name or soname, with no FIPS module that files could show."""
    made = module(see(system(File(path, data))), path)
    assert (made.family, made.place) == (family, place) and made.capable != "yes"


def test_no_cryptography_at_all() -> None:
    """Nothing is listed, and nothing was left out."""
    found = see([File("app", elf(b"hello", loader="/l", needed=["libc.so.6"])), File("etc/os-release", b"ID=alpine\n")])
    assert (found.modules, found.consumers, found.complete) == ((), (), True)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (File(APP, elf(b"UPX!" + bytes(64), loader="/l")), "packed_program"),
        (File(APP, elf(b"MEI\014\013\012\013\016" + bytes(64), loader="/l")), "packed_program"),
        (File(APP, elf(loader="/l")[:8] + b"AI\2" + elf(loader="/l")[11:]), "packed_program"),
        (File(APP, elf(needed=["libcrypto.so.3"], changed=[(5, 1)], loader="/l")), "odd_elf"),
    ],
)
def test_what_cannot_be_looked_into_makes_the_facts_incomplete(file: File, code: str) -> None:
    """Packed programs, and headers that lead nowhere."""
    found = see(system(file))
    assert not found.complete and code in {item.code for item in found.diagnostics}


def listed(found: FipsFacts) -> set[str]:
    """Paths of consumers."""
    return {item.path for item in found.consumers}


def test_a_program_that_may_load_libcrypto() -> None:
    """Its name in the program is enough to list it; the library found is what it would get."""
    found = see(
        fips_system(File(APP, elf(b"\0libcrypto.so.3\0", loader="/l")), File("a", elf(b"\0libcrypto.so.9\0", loader="/l")))
    )
    assert (consumer(found, APP).modules, consumer(found, APP).reaches_fips) == ((LIBRARY,), "yes")
    assert (consumer(found, "a").modules, consumer(found, "a").reaches_fips) == ((), "unknown")
    assert "usr/lib/x86_64-linux-gnu/libssl.so.3" not in listed(found)


def test_configuration_of_the_loader_in_circles_and_odd_places() -> None:
    """Each file is read once; an include of something that is no directory leads nowhere."""
    found = see(
        fips_system(
            app(),
            File("etc/ld.so.conf", b"include /etc/ld.so.conf\ninclude ld.so.conf.d/*\ninclude /etc/ld.so.conf/x\n"),
            File("etc/ld.so.conf.d/a.conf", b"include /etc/ld.so.conf.d/*.conf\n/opt/none\n"),
        )
    )
    assert consumer(found, APP).modules == (LIBRARY,)


def test_libraries_that_need_each_other() -> None:
    """Circles end, and many that need many take no time."""
    names = [f"libssl-{number:08x}.so" for number in range(40)]
    folder = "usr/lib/x86_64-linux-gnu"
    found = see([*(File(f"{folder}/{name}", elf(needed=names)) for name in names), File(APP, elf(needed=names, loader="/l"))])
    assert consumer(found, APP).reaches_fips == "unknown"


def test_more_directories_than_are_looked_through() -> None:
    """What is left out makes the facts incomplete."""
    found = see(fips_system(app(), File("etc/ld.so.conf", b"".join(b"/opt/%d\n" % number for number in range(300)))))
    assert not found.complete and "etc/ld.so.conf" in {item.where for item in found.diagnostics}
