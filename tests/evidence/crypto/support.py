"""Images made in memory, with certificates and keys that are made at test time."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gate.evidence.crypto import collect
from gate.evidence.filesystem import collect as filesystem
from gate.evidence.filesystem.choose import several
from gate.model.crypto import CryptoFacts
from gate.model.fips import FipsFacts
from gate.model.input import Subject
from tests.factory import subject
from tests.oci.layering import File, read

NOW = "2026-11-23T12:00:00Z"
AT = datetime.datetime.fromisoformat(NOW)
DAY = datetime.timedelta(days=1)
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def look(*layers: Iterable[File], about: Subject | None = None, fips: FipsFacts | None = None) -> CryptoFacts:
    """The facts of these layers."""
    files = read(*layers, choose=several({**filesystem.choosers_at(NOW), **collect.choosers_at(NOW)}))
    return collect.facts(files, about or subject(), NOW, fips or FipsFacts())


def allowed(facts: CryptoFacts, setting: str) -> list[str]:
    """Names under one setting."""
    return [fact.name for fact in facts.algorithms if fact.setting == setting]


def program(name: str, version: str, config: str = "") -> File:
    """Something that looks like OpenSSH."""
    kind = name.rpartition("/")[2]
    data = (
        b"\x7fELF"
        + b"\0" * 70_000
        + f"\0OpenSSH_{version}p1 Debian\0".encode()
        + f"\0{config or f'/etc/ssh/{kind}_config'}\0".encode()
    )
    return File(name, data, mode=0o755)


def issued(
    subject_name: str,
    issuer: str,
    key: Private,
    signer: Private,
    *,
    authority: bool | None = None,
    until: datetime.datetime = AT + 900 * DAY,
    sha1: bool = False,
) -> bytes:
    """A certificate in PEM. SHA-1 is put in by hand: the library does not sign with it any more."""
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (subject_name, issuer)]
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), 7, AT - 900 * DAY, until)
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, None), True)
    der = builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)
    if sha1:
        # sha256WithRSAEncryption ends in 0b, sha1WithRSAEncryption in 05; nobody here verifies the signature.
        der = der.replace(bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105"))
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def pem(key: Private) -> bytes:
    """The private half."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
