"""Packages of Python: whose file is whose, and cryptography that leaves no mark."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.evidence.fips.python import choose_record, normal
from gate.oci.layertar import Header
from tests.evidence.fips.elves import see
from tests.evidence.fips.roots import module
from tests.oci.layering import File

SITE = "usr/local/lib/python3.13/site-packages"


@pytest.mark.parametrize(
    ("info", "family", "package"),
    [
        ("pycryptodomex-3.24.2.dist-info/METADATA", "pycryptodome", "pycryptodomex"),
        ("PyCrypto-2.6.1.egg-info/PKG-INFO", "pycryptodome", "pycrypto"),
        ("tlslite_ng-0.8.2.dist-info/METADATA", "python-crypto", "tlslite-ng"),
        ("rsa-4.9.dist-info/METADATA", "python-crypto", "rsa"),
    ],
)
def test_packages_without_a_mark_are_known_by_name(info: str, family: str, package: str) -> None:
    """pycryptodome is the reason: nothing in its files says what it is."""
    found = see([File(f"{SITE}/{info}", b"Name: x\n")])
    (made,) = found.modules
    assert (made.family, made.package, made.vendor, made.capable) == (family, package, "pypi", "no")
    assert made.path == f"{SITE}/{info.rpartition('/')[0]}"


def test_pycryptodome_without_its_metadata() -> None:
    """Images are made small by deleting dist-info; its code is known by its names, and is listed once."""
    code = File(f"{SITE}/Crypto/Cipher/_raw_aes.abi3.so", b"x")
    (made,) = see([code]).modules
    assert (made.path, made.family, made.capable) == (code.name, "pycryptodome", "no")
    assert len(see([code, File(f"{SITE}/pycryptodome-3.24.2.dist-info/METADATA", b"Name: x\n")]).modules) == 1


def test_a_package_of_the_distribution_is_the_distributions() -> None:
    """Its owner is the image's package database, and not PyPI."""
    info = "usr/lib/python3/dist-packages/pycryptodome-3.20.0.dist-info/METADATA"
    found = see(
        [
            File("etc/os-release", b"ID=debian\n"),
            File("var/lib/dpkg/status", b"Package: python3-pycryptodome\nStatus: install ok installed\nVersion: 3.20.0-1\n\n"),
            File("var/lib/dpkg/info/python3-pycryptodome.list", f"/{info}\n".encode()),
            File(info, b"Name: x\n"),
        ]
    )
    assert (found.modules[0].package, found.modules[0].vendor) == ("python3-pycryptodome", "debian")


@pytest.mark.parametrize("info", ["requests-2.0.dist-info/METADATA", "pycryptodome-3.dist-info/RECORD", "pycryptodome.py"])
def test_other_files_are_no_modules(info: str) -> None:
    """Only the metadata of an installed distribution counts."""
    assert see([File(f"{SITE}/{info}", b"x")]).modules == ()


def test_hashlib_is_said_and_leaves_the_facts_complete() -> None:
    """It computes MD5 by itself where OpenSSL refuses; a note, no module."""
    found = see([File("usr/lib/python3.13/hashlib.py", b"")])
    assert [item.code for item in found.diagnostics] == ["python_builtin_hashes"] and found.complete


def test_records_are_read_line_by_line() -> None:
    """Quoted names, lines that are cut anywhere, and nothing kept but native files."""
    text = b'"a,b/x.so",sha256=1,2\ny.py,,\n"z.cpython-313.so",,\n../../bin/tool,,\n'
    for step in (1, 7, 100):
        sink = choose_record(Header(f"{SITE}/a-1.dist-info/RECORD", "file", 0o644, 0, 0, len(text), "", (), b"", False))
        assert sink is not None
        for place in range(0, len(text), step):
            sink.feed(memoryview(text)[place : place + step])
        assert sink.result() == ("a,b/x.so", "z.cpython-313.so", "../../bin/tool")


def test_names_are_compared_as_registries_do() -> None:
    """PEP 503."""
    assert normal("Py.Crypto__dome") == "py-crypto-dome"


def test_the_wheel_of_cryptography_that_runs_here() -> None:
    """The real one, installed beside this test: OpenSSL inside, of its own directory, with the version that it says itself."""
    import cryptography
    from cryptography.hazmat.backends.openssl import backend

    base = Path(cryptography.__file__).parent
    native = next(base.glob("hazmat/bindings/_rust*.so"), None)
    info = next(base.parent.glob("cryptography-*.dist-info"), None)
    if native is None or info is None or b"OPENSSLDIR" not in native.read_bytes():
        pytest.skip("cryptography is not installed as a wheel with OpenSSL inside")
    path = f"{SITE}/{native.relative_to(base.parent)}"
    found = see([File(path, native.read_bytes()), File(f"{SITE}/{info.name}/RECORD", (info / "RECORD").read_bytes())])
    made = module(found, path)
    assert (made.family, made.place, made.vendor, made.package, made.capable) == (
        "openssl",
        "static",
        "pypi",
        "cryptography",
        "no",
    )
    assert made.version == backend.openssl_version_text().split(" ")[1]
    assert (made.package_version, found.consumers[0].reaches_fips) == (cryptography.__version__, "no")
