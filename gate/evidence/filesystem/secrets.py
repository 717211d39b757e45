"""Certificates and private keys in a file's contents: counted and dated, never kept.

A key is a PEM block with a body and an end, so that programs and manuals which only mention the words are not taken for keys.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
import warnings

import msgspec

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
_MOST = 10_000


class Secrets(msgspec.Struct, frozen=True, gc=False):
    """What a file holds. ``keys`` are pairs of kind and whether it is encrypted, each once."""

    certificates: int = 0
    expired: int = 0
    unreadable: int = 0
    next_expiry: str | None = None
    keys: tuple[tuple[str, bool | None], ...] = ()


def choose_secrets(header: Header, now: datetime.datetime) -> SecretSink | None:
    """A sink for every file that is small, or named as if it held certificates or keys."""
    name = header.path.lower()
    if header.size <= _WHOLE or (header.size <= _NAMED and name.endswith(_NAMES + _STORES)):
        return SecretSink(name, now)
    return None


class SecretSink:
    """Looks through one file."""

    def __init__(self, name: str, now: datetime.datetime) -> None:
        self._name = name
        self._now = now
        self._pieces: list[bytes] = []

    def feed(self, data: memoryview) -> None:
        """Copies the piece; the chooser bounded the size."""
        self._pieces.append(bytes(data))

    def result(self) -> Secrets | None:
        """What it holds; None when that is nothing."""
        data = b"".join(self._pieces)
        self._pieces = []
        if self._name.endswith(_STORES):
            return Secrets(keys=(("key store", None),))
        if b"-----BEGIN " in data:
            return _from_pem(data, self._now)
        if self._name.endswith((".der", ".cer", ".crt")) and data.startswith(b"\x30\x82"):
            return _summary([data], (), self._now)
        return None


def _from_pem(data: bytes, now: datetime.datetime) -> Secrets | None:
    ders: list[bytes] = []
    keys: set[tuple[str, bool | None]] = set()
    for number, block in enumerate(_BLOCK.finditer(data)):
        if number >= _MOST:
            break
        label, body = block.group(1).decode("ascii"), block.group(2)
        if label in {"CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"}:
            ders.append(_decoded(body))
        elif label.endswith(("PRIVATE KEY", "PRIVATE KEY BLOCK")):
            keys.add((label.lower(), _encrypted(label, body)))
    if not ders and not keys:
        return None
    return _summary(ders, tuple(sorted(keys, key=str)), now)


def _summary(ders: list[bytes], keys: tuple[tuple[str, bool | None], ...], now: datetime.datetime) -> Secrets:
    expired, unreadable, nearest = 0, 0, None
    if ders:
        from cryptography import x509
    for der in ders:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old roots have odd serial numbers; only the date is looked at
                end = x509.load_der_x509_certificate(der).not_valid_after_utc
        except (ValueError, TypeError):
            unreadable += 1
            continue
        if end < now:
            expired += 1
        elif nearest is None or end < nearest:
            nearest = end
    moment = nearest.strftime("%Y-%m-%dT%H:%M:%SZ") if nearest is not None else None
    return Secrets(len(ders), expired, unreadable, moment, keys)


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
