"""Certificates and keys: roles, sizes, hashes, stores, and what is hidden or hostile."""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs12,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.evidence.crypto.certificates import certificate, ssh_blob
from gate.evidence.crypto.stores import read_store
from gate.evidence.filesystem.secrets import Room, SecretSink
from gate.model.base import to_json
from gate.model.crypto import CryptoCertificate
from tests.evidence.crypto.support import AT, DAY, issued, look, pem
from tests.oci.layering import File

EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # that it is weak is the point
ROOT = issued("root", "root", RSA, RSA, authority=True, sha1=True)
LEAF = issued("app", "root", EC, RSA, authority=False)


def one(*files: File) -> CryptoCertificate:
    """The only certificate of these files."""
    (found,) = look(files).certificates
    return found


@pytest.mark.parametrize(
    ("path", "data", "role"),
    [
        ("etc/ssl/certs/root.pem", ROOT, "trust_anchor"),
        ("usr/local/share/ca-certificates/x/own.crt", ROOT, "trust_anchor"),
        ("usr/lib/python3/site-packages/certifi/cacert.pem", ROOT, "trust_anchor"),
        ("etc/ssl/certs/app.pem", LEAF, "end_entity"),
        ("etc/ssl/certs/snake.pem", issued("a", "a", RSA, RSA, authority=False), "end_entity"),
        ("etc/ssl/certs/old.pem", issued("a", "a", RSA, RSA), "trust_anchor"),
        ("etc/ssl/certs/mid.pem", issued("mid", "root", RSA, RSA, authority=True), "intermediate"),
        ("app/mid.pem", issued("mid", "root", RSA, RSA, authority=True), "intermediate"),
        ("app/root.txt", ROOT, "unknown"),
        ("app/leaf.pem", LEAF, "end_entity"),
    ],
)
def test_roles(path: str, data: bytes, role: str) -> None:
    """By place and by what the certificate says; a root elsewhere may be a server's own."""
    assert one(File(path, data)).role == role


def test_a_root_with_its_key_beside_it_is_a_server() -> None:
    """``openssl req -x509`` says CA:TRUE; whoever has the key uses it, wherever the certificate stands."""
    found = look([File("etc/ssl/certs/own.pem", ROOT), File("etc/ssl/private/own.key", pem(RSA))])
    assert [(cert.role, cert.signature_hash) for cert in found.certificates] == [("end_entity", "sha1")]


def test_what_a_certificate_says() -> None:
    """Key, curve, hash, dates at the evaluation time, fingerprint of the DER."""
    data = issued("app", "root", EC, RSA, authority=False, until=AT - DAY)
    found = one(File("a.pem", data))
    der = x509.load_pem_x509_certificate(data).public_bytes(Encoding.DER)
    assert (found.subject, found.issuer, found.serial) == ("CN=app", "CN=root", "7")
    assert (found.key, found.bits, found.curve, found.signature_hash) == ("ec", 256, "secp256r1", "sha256")
    assert (found.expired, found.expires_in_s, found.not_after) == (True, -86400, "2026-11-22T12:00:00Z")
    assert found.fingerprint == f"sha256:{hashlib.sha256(der).hexdigest()}" and found.packaged is None
    assert one(File("a.pem", issued("a", "b", SMALL, RSA))).bits == 1024


def test_deleted_ones_are_listed_as_such() -> None:
    """They are shipped; no program uses them."""
    found = look([File("a.pem", LEAF), File("k.pem", pem(EC))], [File(".wh.a.pem"), File(".wh.k.pem")])
    assert [(cert.visible, cert.path) for cert in found.certificates] == [(False, "a.pem")]
    assert [(key.visible, key.path) for key in found.keys] == [(False, "k.pem")]


def test_what_the_package_brings_is_told_from_what_was_added() -> None:
    """By the list of dpkg; the generated bundle has the same certificates, and a changed file counts as added."""
    own = issued("own", "own", RSA, RSA, authority=True)
    place = "usr/share/ca-certificates"
    sums = f"{hashlib.md5(ROOT).hexdigest()}  {place}/mozilla/root.crt\n{'0' * 32}  {place}/own.crt\n"
    found = look([
        File("usr/share/ca-certificates/mozilla/root.crt", ROOT), File("usr/share/ca-certificates/own.crt", own),
        File("etc/ssl/certs/ca-certificates.crt", ROOT + own),
        File("var/lib/dpkg/info/ca-certificates.md5sums", sums.encode()),
    ])  # fmt: skip
    assert {(cert.subject, cert.packaged) for cert in found.certificates} == {("CN=root", True), ("CN=own", False)}


def jks(*entries: tuple[int, bytes]) -> bytes:
    """A Java key store; 1 is a private key with a chain of one, 2 a certificate."""
    out = struct.pack(">III", 0xFEEDFEED, 2, len(entries))
    for tag, der in entries:
        out += struct.pack(">IH1sQ", tag, 1, b"a", 0)
        out += struct.pack(">I", 8) + b"sealed!!" + struct.pack(">I", 1) if tag == 1 else b""
        out += struct.pack(">H5sI", 5, b"X.509", len(der)) + der
    return out + b"\0" * 20


DER = x509.load_pem_x509_certificate(ROOT).public_bytes(Encoding.DER)


def test_java_key_stores() -> None:
    """Certificates stand in clear; only a store with a private entry, or one that is not understood, is a key store."""
    assert read_store(jks((2, DER), (2, DER))) == ([DER, DER], False)
    assert read_store(jks((2, DER), (1, DER))) == ([DER, DER], True)
    for bad in (jks((2, DER))[:-30], jks((2, DER)) + b"x", jks((3, DER)), b"\xfe\xed\xfe\xed" + b"\xff" * 20, b"", b"BCFKS"):
        assert read_store(bad)[1]
    found = look([File("opt/java/lib/security/cacerts", jks((2, DER)))])
    assert [cert.role for cert in found.certificates] == ["trust_anchor"] and found.keys == ()


def test_pkcs12() -> None:
    """A sealed one says nothing but that it may hold keys; of an open one the certificates are read, and no password is tried."""
    cert = x509.load_pem_x509_certificate(ROOT)
    sealed = pkcs12.serialize_key_and_certificates(b"a", RSA, cert, None, BestAvailableEncryption(b"x"))
    opened = pkcs12.serialize_key_and_certificates(b"a", RSA, cert, None, NoEncryption())
    only = pkcs12.serialize_key_and_certificates(b"a", None, cert, None, NoEncryption())
    assert read_store(sealed) == ([], True) and read_store(opened) == ([DER], True) and read_store(only) == ([DER], False)


def test_keys() -> None:
    """Private and public, of every form; of a sealed one as much as stands outside."""
    files = [
        File("a.pem", pem(RSA)), File("b.pem", pem(EC)),
        File("c.pem", SMALL.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x"))),
        File("d.pem", RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
        File("e", SMALL.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())),
        File("root/.ssh/authorized_keys", SMALL.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" me\n"),
    ]  # fmt: skip
    assert [(key.path, key.private, key.key, key.bits, key.encrypted) for key in look(files).keys] == [
        ("a.pem", True, "rsa", 2048, False), ("b.pem", True, "ec", 256, False), ("c.pem", True, "rsa", None, True),
        ("d.pem", False, "rsa", 2048, None), ("e", True, "rsa", 1024, False),
        ("root/.ssh/authorized_keys", False, "rsa", 1024, None),
    ]  # fmt: skip


def test_what_the_real_ssh_keygen_writes(tmp_path: Path) -> None:
    """Also sealed: the public half stands in clear."""
    for kind, bits, family, size in (
        ("rsa", "1024", "rsa", 1024),
        ("ecdsa", "384", "ec", 384),
        ("ed25519", "256", "ed25519", None),
    ):
        path = tmp_path / kind
        try:
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "secret", "-f", str(path)], check=True)
        except FileNotFoundError:
            pytest.skip("there is no ssh-keygen here")
        both = look([File("k", path.read_bytes()), File("k.pub", path.with_suffix(".pub").read_bytes())]).keys
        assert [(key.key, key.bits, key.private) for key in both] == [(family, size, True), (family, size, False)]


def test_more_than_are_described_is_incomplete() -> None:
    """A layer full of certificates cannot push the one that matters out unseen."""
    room = Room()
    room.left = 1
    sink = SecretSink("a.pem", AT, room)
    sink.feed(memoryview(ROOT + LEAF + pem(EC)))
    found = sink.result()
    assert found is not None and (found.certificates, len(found.details), found.materials, found.undescribed) == (2, 1, (), 2)
    assert look([File("a.pem", LEAF)]).complete


def test_no_contents_are_kept() -> None:
    """Neither keys nor certificates end up in the facts."""
    text = to_json(look([File("a.pem", pem(RSA)), File("b.pem", LEAF)])).decode()
    assert "BEGIN" not in text and base64.b64encode(DER[:30]).decode() not in text


@given(st.binary(max_size=300), st.integers(0, len(DER)))
@settings(max_examples=150, deadline=None)
def test_nothing_raises(noise: bytes, place: int) -> None:
    """Whatever the bytes are."""
    certificate(DER[:place] + noise + DER[place + len(noise) :])
    certificate(noise)
    ssh_blob(noise)
    read_store(jks((2, DER))[:place] + noise)
    read_store(b"\x30" + noise)
    for name in ("x.pem", "x.jks", "x.p12", "x.crt", "id.pub"):
        for data in (noise, b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(noise) + b"\n-----END PRIVATE KEY-----\n"):
            sink = SecretSink(name, AT)
            sink.feed(memoryview(data))
            sink.result()
