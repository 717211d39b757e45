"""ELF files: linking and marks, in pieces of any size, with hostile headers, and real ones of this machine."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.fips import elf as elf_module
from gate.evidence.fips.elfmarks import MARKS, library_family
from tests.evidence.fips.elves import ARM, BASE, elf, facts_of, see
from tests.oci.layering import File

OPENSSL = b'\0crypto/evp/evp_enc.c\0OpenSSL 3.5.9 29 Sep 2026\0OPENSSLDIR: "/opt/ssl"\0MODULESDIR: "/opt/ssl/m"\0'


@pytest.mark.parametrize(("wide", "order"), [(True, "<"), (True, ">"), (False, "<"), (False, ">")])
@pytest.mark.parametrize("step", [1, 63, 1 << 20])
def test_how_a_file_is_linked(wide: bool, order: str, step: int) -> None:
    """Both widths and byte orders, whatever the pieces; there are no sections in these files at all."""
    names = ["libcrypto.so.3", "libc.so.6"]
    made = elf(needed=names, soname="liba.so.1", rpath="/r", runpath="$ORIGIN/l", machine=ARM, wide=wide, order=order)
    found = facts_of(made, step)
    assert found is not None and not found.problems
    assert (found.needed, found.soname, found.rpath, found.runpath) == (
        ("libcrypto.so.3", "libc.so.6"), "liba.so.1", "/r", "$ORIGIN/l",
    )  # fmt: skip
    assert (found.program, found.dynamic, found.machine) == (False, True, ARM)


def test_a_program_is_told_by_its_loader() -> None:
    """A position-independent program is a shared object that asks for a loader."""
    found = facts_of(elf(loader="/lib/ld-musl-x86_64.so.1"))
    assert found is not None and found.program and found.interpreter == "/lib/ld-musl-x86_64.so.1"


MARKED: list[tuple[bytes, dict[str, tuple[str, ...]]]] = [
    (OPENSSL, {"openssl-text": ("3.5.9 29 Sep 2026",), "openssl-directory": ("/opt/ssl",), "modules-directory": ("/opt/ssl/m",)}),
    (b'OPENSSLDIR: "/e"\0OpenSSL 1.0.2k-fips  26 Jan 2017\0', {"openssl-text": ("1.0.2k-fips  26 Jan 2017",)}),
    (b'OPENSSLDIR: "/e"\0OpenSSL 1.1.1k  FIPS 25 Mar 2021\0', {"openssl-text": ("1.1.1k  FIPS 25 Mar 2021",)}),
    (b'OPENSSLDIR: "/e"\0LibreSSL 3.8.2\0', {"libressl": ("3.8.2",)}),
    (b"third_party/boringssl/src/crypto/fipsmodule/x.cc\0", {"boringssl": ("",)}),
    (b"OpenSSL 1.1.1 (compatible; AWS-LC 5.12.0)\0", {"aws-lc": ("5.12.0",)}),
    (b"crypto/fipsmodule/\0AWS-LC FIPS 3.0.0\0FIPS integrity test failed.", {"aws-lc-fips": ("3.0.0",), "fips-test": ("",)}),
    (b"registry/src/x/ring-0.17.14/src/a.rs", {"crate:ring": ("ring-0.17.14",)}),
    (b"/aws-lc-fips-sys-0.13.1/aws-lc/", {"crate:aws-lc-fips": ("aws-lc-fips-sys-0.13.1",)}),
    (b"\0sodium_init\0", {"libsodium": ("",)}),
    (b"\0mbed TLS 3.6.2\0\0mbedtls_aes_init\0", {"mbedtls": ("", "3.6.2")}),
    (b"This is Libgcrypt 1.11.0 - The", {"libgcrypt": ("1.11.0",)}),
    (b"Version: NSS 3.110 Basic ECC\0", {"nss": ("3.110",)}),
    (b"In Core Integrity check FIPS error\0wolfCrypt_GetStatus_fips\0", {"wolfssl": ("",), "wolfssl-fips": ("",)}),
    (b"\0libcrypto.so.3\0", {"loads": ("libcrypto.so.3",)}),
    (b'"node_shared_openssl": false, x/v20.1.0/node-v20.1.0', {"node-shared-openssl": ("false",), "node": ("20.1.0",)}),
]


@pytest.mark.parametrize(("text", "marks"), MARKED, ids=lambda value: next(iter(value)) if isinstance(value, dict) else None)
def test_every_mark_is_found_with_its_value(text: bytes, marks: dict[str, tuple[str, ...]]) -> None:
    """Also when the pieces cut it anywhere, far into the file, and the value stands before the mark that it follows from."""
    for data, step in ((elf(text), 1 << 20), (elf(bytes(3000) + text), 7), (elf(bytes((1 << 20) - 400) + text), 1 << 19)):
        found = facts_of(data, step)
        assert found is not None
        assert marks.items() <= dict(found.marks).items()


@pytest.mark.parametrize(
    "text",
    [
        b"error: OpenSSL 3.0.1 1 Jan 2022 or newer is needed",
        b"ssh-ed25519\0AWS-LC FIPS\0AWS-LC\0",
        b"Unable to set groups for BoringSSL.\0",
        b"crypto_random_ring-buffer/",
        b"see libcrypto.software",
    ],
)
def test_what_only_speaks_of_cryptography_has_no_mark(text: bytes) -> None:
    """Messages, symbol tables of callers."""
    found = facts_of(elf(text))
    assert found is not None and found.marks == ()


def test_the_names_of_a_needed_library_are_not_loaded_ones() -> None:
    """The linker writes them into the file; only other names are of libraries that may be loaded later."""
    found = facts_of(elf(needed=["libcrypto.so.3"]))
    assert found is not None and not found.has("loads")


def test_pure_code_is_not_searched_but_for_the_fips_module() -> None:
    """BoringSSL's module keeps its constants in its code; anything else found between instructions is chance."""
    found = facts_of(elf(b"crypto/fipsmodule/\0", code=OPENSSL + b"FIPS integrity test failed" + OPENSSL))
    assert found is not None and found.has("fips-test") and not found.has("openssl-directory")


def test_constants_beside_code_are_found() -> None:
    """Linkers that make one segment of both begin it with the headers of the file."""
    data = bytearray(elf(OPENSSL))
    struct.pack_into("<I", data, 64 + 4, 5)  # the first segment: read and execute
    found = facts_of(bytes(data))
    assert found is not None and found.has("openssl-directory")


def over(data: bytes) -> bytes:
    """The same with a second segment of memory over the first, from another place of the file."""
    second = struct.pack("<IIQQQQQQ", 1, 4, 8, BASE, BASE, len(data) - 8, len(data) - 8, 8)
    return data[: 64 + 4 * 56] + second + data[64 + 5 * 56 :]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (elf(needed=["a"], changed=[(5, 1)]), "leads out"),
        (elf(needed=["a"], changed=[(1, 1 << 40)]), "leads out"),
        (elf(needed=["a"], changed=[(10, 1 << 60)]), ""),
        (elf(needed=["a"])[:-60], "dynamic segment"),
        (
            elf(needed=["a"])[: 64 + 56 + 16] + (BASE + 64).to_bytes(8, "little") + elf(needed=["a"])[64 + 56 + 24 :],
            "where its address",
        ),
        (elf(needed=["a"])[: 64 + 56 + 8] + (64).to_bytes(8, "little") + elf(needed=["a"])[64 + 56 + 16 :], "where its address"),
        (over(elf(needed=["a"])), "where its address"),
        (elf()[:32] + (1 << 62).to_bytes(8, "little") + elf()[40:], "program headers"),
        (elf()[:56] + b"\xff\xff" + elf()[58:], "program headers"),
        (elf()[:54] + b"\x01\x00" + elf()[56:], "program headers"),
        (elf(needed=[f"lib{number}.so" for number in range(600)]), "600 needed"),
    ],
)
def test_hostile_headers_are_named_and_bounded(change: bytes, problem: str) -> None:
    """Offsets outside, tables without end: never an error, and never silence."""
    found = facts_of(change)
    assert found is not None
    assert any(problem in text for text in found.problems) if problem else not found.problems


@pytest.mark.parametrize(
    "data", [b"\x7fEL", b"\x7fELF", b"MZ" + bytes(100), elf()[:16] + b"\1\0" + elf()[18:], elf()[:16] + b"\4\0" + elf()[18:], b""]
)
def test_what_no_loader_takes_is_nothing(data: bytes) -> None:
    """Other files, objects that are not linked, core dumps."""
    assert facts_of(data, 1) is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=12), st.integers(1, 700))
def test_damaged_files_are_read_without_error(changes: list[tuple[int, int]], step: int) -> None:
    """Any byte may be anything."""
    data = bytearray(elf(OPENSSL, needed=["libcrypto.so.3", "b"], runpath="/x"))
    for place, value in changes:
        data[place % len(data)] = value
    data[:4] = b"\x7fELF"
    facts_of(bytes(data), step)


def test_a_large_file_is_read_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its middle is not kept; the dynamic segment is, wherever it stands, and names that are gone are a problem."""
    monkeypatch.setattr(elf_module, "_HEAD", 4096)
    monkeypatch.setattr(elf_module, "_TAIL", 64)
    data = elf(bytes(1 << 21) + OPENSSL, needed=["libcrypto.so.3"], code=bytes(1 << 20))
    found = facts_of(data, 5000)
    assert found is not None and found.needed == ("libcrypto.so.3",) and found.has("openssl-directory") and not found.problems
    monkeypatch.setattr(elf_module, "_HEAD", 350)
    found = facts_of(data, 5000)
    assert found is not None and found.problems


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("libcrypto.so.3", "openssl"), ("libcrypto-3a0647ea.so.3", "openssl"), ("x/libk5crypto-b1f99d5c.so.3.1", "krb5"),
        ("libssl3.so", "nss"), ("libcryptsetup.so.12", ""), ("libcrypto", "openssl"), ("libsslx.so", ""),
    ],
)  # fmt: skip
def test_families_by_name(name: str, family: str) -> None:
    """Without version, and without the sum that bundling tools put in."""
    assert library_family(name) == family


def test_marks_fit_into_the_overlap() -> None:
    """A mark that the end of a window cuts must be whole in the next."""
    assert max(len(literal) for literal, _, _ in MARKS) + 250 < 512


def test_a_real_program_is_read_as_readelf_reads_it() -> None:
    """Node of this machine, or whatever program is at hand."""
    path = Path(shutil.which("node") or shutil.which("ls") or "/bin/sh").resolve()
    if path.read_bytes()[:4] != b"\x7fELF" or shutil.which("readelf") is None:
        pytest.skip("no ELF program or no readelf here")
    said = subprocess.run(["readelf", "-dW", str(path)], capture_output=True, text=True, check=True).stdout
    wanted = tuple(line.split("[")[1].rstrip("]") for line in said.splitlines() if "(NEEDED)" in line)
    found = facts_of(path.read_bytes())
    assert found is not None and found.needed == wanted and found.program and not found.problems


def test_files_of_debug_symbols_are_no_problem() -> None:
    """Their headers lead nowhere, and there is nothing in them that could run."""
    data = bytearray(elf(needed=["a"]))
    struct.pack_into("<I", data, 64 + 4, 4)
    struct.pack_into("<Q", data, 64 + 32, 0)
    found = facts_of(bytes(data))
    assert found is not None and not found.problems


@pytest.mark.parametrize(("mode", "told"), [(0o755, True), (0o644, False)])
def test_a_program_of_no_known_class_is_named(mode: int, told: bool) -> None:
    """Linux does not look at the class or the byte order of what it starts; test files of that kind are no programs."""
    data = bytearray(elf(loader="/lib/ld"))
    data[4] = 0
    found = see([File("app", bytes(data), mode=mode)])
    assert [(item.code, item.where) for item in found.diagnostics] == ([("odd_elf", "app")] if told else [])
