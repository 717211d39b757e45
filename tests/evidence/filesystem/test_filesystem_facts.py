"""Facts of an image's files: what is there, where, and what is shipped though it was deleted."""

from __future__ import annotations

import datetime
import struct
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.filesystem.accounts import read_accounts, read_os_release
from gate.evidence.filesystem.capability import read_capability
from gate.evidence.filesystem.choose import several
from gate.evidence.filesystem.collect import choosers_at, facts
from gate.evidence.filesystem.secrets import SecretSink
from gate.model.base import to_json
from gate.model.compliance import Filesystem
from tests.evidence.fips.test_gobuild import ELF, made
from tests.oci.layering import File, folder, read, symlink

NOW = "2026-11-23T12:00:00Z"
AT = datetime.datetime.fromisoformat(NOW)
DAY = datetime.timedelta(days=1)


def look(*layers: Iterable[File]) -> Filesystem:
    """The facts of these layers."""
    return facts(read(*layers, choose=several(choosers_at(NOW))))


def certificate(until: datetime.datetime) -> bytes:
    """A certificate that ends then, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, AT - 900 * DAY, until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def key(form: serialization.PrivateFormat, password: bytes = b"") -> bytes:
    """A private key, as PEM."""
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(serialization.Encoding.PEM, form, sealed)


def test_rights_are_listed_with_place_and_layer() -> None:
    """Setuid and setgid files, what anybody may write to, devices."""
    found = look(
        [
            folder("tmp", 0o1777), folder("open", 0o777), File("su", b"x", mode=0o4755, uid=0), File("w", b"x", mode=0o666),
            File("sg", mode=0o2755), folder("sgdir", 0o2755), symlink("l", "w"), File("null", kind=b"3", mode=0o666),
        ]
    )  # fmt: skip
    assert [(file.path, file.mode) for file in found.setuid] == [("sg", "2755"), ("su", "4755")]
    assert [file.path for file in found.world_writable] == ["open", "w"]
    assert [file.path for file in found.devices] == ["null"]
    assert found.setuid[0].layer == found.layers[0].layer and found.setuid[0].layer.startswith("sha256:")


def test_a_whiteout_takes_facts_away_except_keys() -> None:
    """A deleted setuid file cannot be run; a deleted key can still be read by whoever pulls the image."""
    pem = key(serialization.PrivateFormat.PKCS8)
    found = look([File("su", mode=0o4755), File("key", pem), File("kept", pem)], [File(".wh.su"), File(".wh.key")])
    assert found.setuid == ()
    assert [(item.path, item.visible, item.layer == found.layers[0].layer) for item in found.private_keys] == [
        ("kept", True, True),
        ("key", False, True),
    ]
    assert (found.layers[0].hidden, found.layers[1].whiteouts) == (2, 2)


def test_accounts_and_their_passwords() -> None:
    """Empty, locked and set are told apart; without a shadow entry nothing is said."""
    passwd = (
        b"root:x:0:0:root:/root:/bin/sh\nguest::1000:1000::/:/bin/sh\nbad line\nx:x:1:1::/:/bin/f\ny:x:2:2::/:/f\nz:x:3:3::/:\n"
    )
    shadow = b"root:*:1::::::\nx:$6$salt$hash:1::::::\ny::1::::::\n"
    found = look([folder("etc"), File("etc/passwd", passwd), File("etc/shadow", shadow)])
    assert [(account.name, account.password) for account in found.accounts] == [
        ("root", "locked"), ("x", "set"), ("y", "empty"), ("z", None), ("guest", "empty"),
    ]  # fmt: skip
    assert [note.code for note in found.diagnostics] == ["odd_account"] and not found.complete
    assert "$6$" not in to_json(found).decode()


def test_os_release_is_read_through_its_link() -> None:
    """As every distribution ships it; quotes are taken off."""
    text = b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="12"\nVERSION_ID=13\n# note\nno line\nBAD="x\n'
    found = look(
        [folder("usr/lib"), File("usr/lib/os-release", text), folder("etc"), symlink("etc/os-release", "../usr/lib/os-release")]
    )
    assert found.os_release == {"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)", "VERSION_ID": "13"}


def test_certificates_are_counted_and_dated() -> None:
    """At the evaluation time, with the next that will expire; also one in DER, and one that is none."""
    pem = certificate(AT - DAY) + certificate(AT + 10 * DAY) + certificate(AT + 5 * DAY)
    der = x509.load_pem_x509_certificate(certificate(AT + DAY)).public_bytes(serialization.Encoding.DER)
    broken = b"-----BEGIN CERTIFICATE-----\n" + b"QUJD" * 20 + b"\n-----END CERTIFICATE-----\n"
    found = look([File("ca.crt", pem), File("one.der", der), File("broken.pem", broken)])
    listed = {item.path: (item.certificates, item.expired, item.unreadable, item.next_expiry) for item in found.certificates}
    assert listed == {
        "broken.pem": (1, 0, 1, None),
        "ca.crt": (3, 1, 0, "2026-11-28T12:00:00Z"),
        "one.der": (1, 0, 0, "2026-11-24T12:00:00Z"),
    }


def test_keys_of_every_form() -> None:
    """PKCS#8, the traditional one, OpenSSH, sealed and open; key stores by name."""
    form = serialization.PrivateFormat
    found = look([
        File("a", key(form.PKCS8)), File("b", key(form.PKCS8, b"pass")), File("c", key(form.TraditionalOpenSSL)),
        File("d", key(form.TraditionalOpenSSL, b"pass")), File("e", key(form.OpenSSH)), File("f.p12", b"\x30\x82"),
    ])  # fmt: skip
    assert [(item.path, item.kind, item.encrypted) for item in found.private_keys] == [
        ("a", "private key", False), ("b", "encrypted private key", True), ("c", "ec private key", False),
        ("d", "ec private key", True), ("e", "openssh private key", False), ("f.p12", "key store", None),
    ]  # fmt: skip
    assert "BEGIN" not in to_json(found).decode()
    # as the account files of cloud services have it, and programs
    account = b'{"private_key": "' + key(form.PKCS8).replace(b"\n", b"\\n") + b'"}'
    assert [(item.kind, item.encrypted) for item in look([File("sa.json", account)]).private_keys] == [("private key", False)]


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN PRIVATE KEY-----",
        b"if line == '-----BEGIN RSA PRIVATE KEY-----\\n': raise\n-----END RSA PRIVATE KEY-----",
        b"-----BEGIN PRIVATE KEY-----\nshort\n-----END PRIVATE KEY-----",
        b"-----BEGIN PUBLIC KEY-----\n" + b"QUJD" * 20 + b"\n-----END PUBLIC KEY-----",
    ],
)
def test_a_mention_of_a_key_is_none(text: bytes) -> None:
    """Programs and manuals name the lines."""
    assert look([File("doc", text)]).private_keys == ()


def test_openssh_says_whether_it_is_sealed(tmp_path: Path) -> None:
    """What the real ssh-keygen writes."""
    for password, sealed in (("", False), ("secret", True)):
        path = tmp_path / f"key{sealed}"
        try:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", password, "-f", str(path)], check=True)
        except FileNotFoundError:
            pytest.skip("ssh-keygen is not installed")
        [item] = look([File("id", path.read_bytes())]).private_keys
        assert item.encrypted is sealed


def test_programs_are_known_by_name_place_and_right() -> None:
    """A shell or manager is one in a program directory that can be run."""
    found = look([
        folder("bin"), File("bin/sh", b"x", mode=0o755), File("bin/apt", b"x"),
        folder("usr/bin"), symlink("usr/bin/dnf", "dnf-3"),
        File("usr/share/sh", b"x", mode=0o755), folder("var/lib/dpkg"), File("var/lib/dpkg/status", b"x"),
        File("lib/apk/db/installed", b"x"),
    ])  # fmt: skip
    assert [place.path for place in found.shells] == ["bin/sh"]
    assert [place.path for place in found.package_managers] == ["usr/bin/dnf"]
    assert [place.name for place in found.package_databases] == ["apk", "dpkg"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (struct.pack("<5I", 0x02000001, 1 << 10 | 1 << 13, 0, 0, 0), (("cap_net_bind_service", "cap_net_raw"), (), True)),
        (struct.pack("<5I", 0x02000000, 1 << 6, 1, 0, 0), (("cap_setgid",), ("cap_chown",), False)),
        (struct.pack("<6I", 0x03000001, 0, 0, 1 << 8, 0, 1000), (("cap_checkpoint_restore",), (), True)),
        (struct.pack("<5I", 0x02000001, 0, 0, 1 << 31, 0), (("cap_63",), (), True)),
        (struct.pack("<3I", 0x01000001, 1, 0), (("cap_chown",), (), True)),
        (b"", None), (b"\x01" * 11, None), (struct.pack("<5I", 0x09000001, 1, 0, 0, 0), None),
        (struct.pack("<3I", 0x02000001, 1, 0), None),
    ],
)  # fmt: skip
def test_capabilities_have_names(raw: bytes, expected: object) -> None:
    """All three revisions of the kernel's structure; others are not guessed at."""
    assert read_capability(raw) == expected


def test_capabilities_of_files_are_facts_and_odd_ones_are_said() -> None:
    """From the pax record of the layer."""
    raw = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0).decode("latin-1")
    files = [
        File("good", b"x", pax={"SCHILY.xattr.security.capability": raw}),
        File("odd", pax={"SCHILY.xattr.security.capability": "?"}),
    ]
    found = look(files)
    assert [(item.path, item.permitted) for item in found.capabilities] == [("good", ("cap_net_bind_service",))]
    assert [note.code for note in found.diagnostics] == ["odd_capability"] and not found.complete


def test_go_programs_are_listed_with_each_setting_apart() -> None:
    """What the program says, and the traces in its code, are never one field."""
    section = made(text=b"dep\tgolang.org/x/crypto\tv0.31.0\tx\nbuild\tGOFIPS140=v1.0.0\nbuild\tDefaultGODEBUG=fips140=on\n")
    [program] = look(
        [folder("app"), File("app/server", ELF + section + bytes(500), mode=0o755), File("app/data", ELF)]
    ).go_programs
    assert (program.path, program.version, program.gofips140, program.default_godebug) == (
        "app/server", "go1.25.0", "v1.0.0", "fips140=on",
    )  # fmt: skip
    assert (program.snapshots, program.boring, program.x_crypto, program.cgo) == ((), False, "v0.31.0", "")


def test_names_that_are_no_text_are_shown() -> None:
    """The facts are JSON whatever bytes a name has."""
    found = look([File("bad\udcff", mode=0o4755)])
    assert found.setuid[0].path == "bad\\xff" and to_json(found)


def test_uncertain_facts_say_so() -> None:
    """Where runtimes disagree, the facts carry it."""
    found = look([File("../x", mode=0o4755)])
    assert not found.certain and [note.code for note in found.diagnostics] == ["leads_out"] and found.setuid[0].path == "x"


def test_many_begins_take_no_time() -> None:
    """A file made to keep the reader busy."""
    for data in (
        b"-----BEGIN PRIVATE KEY-----\n" * 8000,
        b"-----BEGIN A-----\n" + b"A" * 200_000,
        b"-----BEGIN A-----\n" * 12_000,
    ):
        sink = SecretSink("x", AT)
        sink.feed(memoryview(data))
        started = time.perf_counter()
        assert sink.result() is None
        assert time.perf_counter() - started < 3


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_account_files_are_read(passwd: bytes, shadow: bytes) -> None:
    """Never an error, and always JSON."""
    accounts, _ = read_accounts(passwd, shadow)
    assert to_json([accounts, read_os_release(passwd)])
