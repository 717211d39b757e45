"""Certificates and keys in a file's contents: counted, dated and described, never kept.

A key is a PEM block with a body and an end, so that programs and manuals which only mention the words are not taken for keys.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import re

import msgspec

from gate.evidence.crypto.certificates import (
    CertificateDetail,
    KeyDetail,
    certificate,
    private_pem,
    public_pem,
    ssh_blob,
)
from gate.evidence.crypto.stores import read_store
from gate.oci.layertar import Header

_WHOLE = 256 * 1024
"""Files up to this size are looked through whatever their name; keys are small."""
_NAMED = 8 * 1024 * 1024
"""The same for files whose name says that they hold certificates or keys."""
_NAMES = (".pem", ".crt", ".cer", ".der", ".key", ".ca", ".bundle", ".cert")
_STORES = (".p12", ".pfx", ".jks", ".bcfks", ".keystore", "/cacerts")
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{0,40})-----[ \t]*\r?\n((?:[A-Za-z0-9+/=:,. \t\r\n()-](?!-----BEGIN )){40,}?)-----END \1-----"
)
_SSH = re.compile(rb"(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]{2,60}[ \t]{1,8}(AAAA[A-Za-z0-9+/]{20,10000}={0,2})")
_SSH_NAMES = (".pub", "authorized_keys", "authorized_keys2", "known_hosts", "ssh_known_hosts")
_MOST = 10_000
_DETAILS = 20_000
"""Certificates and keys of one image that are described one by one; more are counted only, and the facts are incomplete."""


class Room:
    """How many more are described; one for all files of an image."""

    def __init__(self) -> None:
        self.left = _DETAILS


class Secrets(msgspec.Struct, frozen=True, gc=False):
    """What a file holds. ``keys`` are pairs of kind and whether it is encrypted, each once."""

    certificates: int = 0
    expired: int = 0
    unreadable: int = 0
    next_expiry: str | None = None
    keys: tuple[tuple[str, bool | None], ...] = ()
    details: tuple[CertificateDetail, ...] = ()
    materials: tuple[KeyDetail, ...] = ()
    undescribed: int = 0
    """Certificates and keys that are not among the details though they could be read."""
    md5: str = ""
    """Of the whole file, as dpkg records it; it protects nothing and tells a packaged file from another."""


def choose_secrets(header: Header, now: datetime.datetime, room: Room | None = None) -> SecretSink | None:
    """A sink for every file that is small, or named as if it held certificates or keys."""
    name = header.path.lower()
    if header.size <= _WHOLE or (header.size <= _NAMED and name.endswith(_NAMES + _STORES)):
        return SecretSink(name, now, room)
    return None


class SecretSink:
    """Looks through one file."""

    def __init__(self, name: str, now: datetime.datetime, room: Room | None = None) -> None:
        self._name = name
        self._now = now
        self._room = room or Room()
        self._pieces: list[bytes] = []

    def feed(self, data: memoryview) -> None:
        """Copies the piece; the chooser bounded the size."""
        self._pieces.append(bytes(data))

    def result(self) -> Secrets | None:
        """What it holds; None when that is nothing."""
        data = b"".join(self._pieces)
        self._pieces = []
        found = self._found(data)
        if found is None or not found.certificates:
            return found
        return msgspec.structs.replace(found, md5=hashlib.md5(data, usedforsecurity=False).hexdigest())

    def _found(self, data: bytes) -> Secrets | None:
        if self._name.endswith(_STORES):
            ders, private = read_store(data)
            kinds: tuple[tuple[str, bool | None], ...] = (("key store", None),) if private else ()
            materials = [KeyDetail(True, "", None, "", None)] if private else []
            return _summary(ders, kinds, materials, self._now, self._room)
        if b"-----BEGIN " in data:
            return _from_pem(_unescaped(data), self._now, self._room)
        if self._name.endswith((".der", ".cer", ".crt")) and data.startswith(b"\x30\x82"):
            return _summary([data], (), [], self._now, self._room)
        if self._name.endswith(_SSH_NAMES):
            blobs = [_decoded(found.group(1)) for _, found in zip(range(_MOST), _SSH.finditer(data), strict=False)]
            return _summary([], (), [ssh_blob(blob) for blob in blobs], self._now, self._room) if blobs else None
        return None


def _unescaped(data: bytes) -> bytes:
    """With the line ends of PEM in strings of JSON and of programs, as in the key files of cloud services' accounts."""
    if b"KEY-----\\" not in data:
        return data
    return data.replace(b"\\r", b"").replace(b"\\n", b"\n")


def _from_pem(data: bytes, now: datetime.datetime, room: Room) -> Secrets | None:
    ders: list[bytes] = []
    keys: set[tuple[str, bool | None]] = set()
    materials: list[KeyDetail] = []
    for number, block in enumerate(_BLOCK.finditer(data)):
        if number >= _MOST:
            break
        label, body = block.group(1).decode("ascii"), block.group(2)
        if label in {"CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"}:
            ders.append(_one(_decoded(body)) if label == "TRUSTED CERTIFICATE" else _decoded(body))
        elif label.endswith(("PRIVATE KEY", "PRIVATE KEY BLOCK")):
            sealed = _encrypted(label, body)
            keys.add((label.lower(), sealed))
            materials.append(
                private_pem(block.group(0), label.lower(), sealed)
                if len(materials) < room.left
                else KeyDetail(True, "", None, "", sealed)
            )
        elif label in {"PUBLIC KEY", "RSA PUBLIC KEY"} and len(materials) < room.left:
            materials.append(public_pem(block.group(0)))
    if not ders and not materials:
        return None
    return _summary(ders, tuple(sorted(keys, key=str)), materials, now, room)


def _one(data: bytes) -> bytes:
    """The certificate before the trust settings that OpenSSL puts behind it."""
    if data[:2] != b"\x30\x82":
        return data
    return data[: 4 + int.from_bytes(data[2:4], "big")]


def _summary(
    ders: list[bytes],
    keys: tuple[tuple[str, bool | None], ...],
    materials: list[KeyDetail],
    now: datetime.datetime,
    room: Room,
) -> Secrets:
    expired, unreadable, nearest = 0, 0, None
    details: list[CertificateDetail] = []
    for der in ders:
        found = certificate(der)
        if found is None:
            unreadable += 1
            continue
        details.append(found)
        if found.not_after < now:
            expired += 1
        elif nearest is None or found.not_after < nearest:
            nearest = found.not_after
    moment = nearest.strftime("%Y-%m-%dT%H:%M:%SZ") if nearest is not None else None
    kept = max(0, min(len(details), room.left))
    held = max(0, min(len(materials), room.left - kept))
    room.left -= kept + held
    return Secrets(
        len(ders),
        expired,
        unreadable,
        moment,
        keys,
        tuple(details[:kept]),
        tuple(materials[:held]),
        len(details) - kept + len(materials) - held,
    )


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return b""


def _encrypted(label: str, body: bytes) -> bool | None:
    if label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in body:
        return True
    if label == "OPENSSH PRIVATE KEY":
        head = _decoded(body)[:40]
        if not head.startswith(b"openssh-key-v1\0"):
            return None
        return head[15:23] != b"\0\0\0\4none"
    return None if label.startswith("PGP") else False
