"""Java key stores and PKCS#12, as far as they can be read without a password: what stands in clear.

1. No password is tried, not even ``changeit``: how often it is hashed is chosen by whoever made the file.
2. A store of which not everything is understood may hold private keys.
"""

from __future__ import annotations

_JKS = {b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"}
_MOST = 10_000
_X509_BAG = bytes.fromhex("060a2a864886f70d01091601")
"""OID 1.2.840.113549.1.9.22.1 (RFC 7292, section 4.2.3): the certificate follows in ``[0] OCTET STRING``."""
_KEY_BAGS = (bytes.fromhex("060b2a864886f70d010c0a0101"), bytes.fromhex("060b2a864886f70d010c0a0102"))
_SEALED = bytes.fromhex("06092a864886f70d010706")
"""OID of encryptedData: whatever it holds cannot be seen."""


def read_store(data: bytes) -> tuple[list[bytes], bool]:
    """Certificates (DER) in clear, and whether private keys are or may be inside."""
    if data[:4] in _JKS:
        return _jks(data)
    if data[:1] == b"\x30":
        return _pkcs12(data)
    return [], True


def _jks(data: bytes) -> tuple[list[bytes], bool]:
    """The format of ``sun.security.provider.JavaKeyStore``; DataInput encodings, big endian."""
    ders: list[bytes] = []
    place = 12
    count = int.from_bytes(data[8:12], "big")
    if count > _MOST:
        return [], True
    private = False
    for _ in range(count):
        tag = int.from_bytes(data[place : place + 4], "big")
        place += 4
        place += 2 + int.from_bytes(data[place : place + 2], "big") + 8
        chain = 1
        if tag == 1:
            private = True
            place += 4 + int.from_bytes(data[place : place + 4], "big")
            chain = int.from_bytes(data[place : place + 4], "big")
            place += 4
        elif tag != 2:  # a secret key of JCEKS has no length of its own
            return ders, True
        if chain > 100:
            return ders, True
        for _ in range(chain):
            if int.from_bytes(data[4:8], "big") == 2:
                place += 2 + int.from_bytes(data[place : place + 2], "big")
            size = int.from_bytes(data[place : place + 4], "big")
            ders.append(data[place + 4 : place + 4 + size])
            place += 4 + size
            if place > len(data):
                return ders, True
    return ders, private or len(data) - place != 20


def _pkcs12(data: bytes) -> tuple[list[bytes], bool]:
    ders: list[bytes] = []
    place = data.find(_X509_BAG)
    while place >= 0 and len(ders) < _MOST:
        inner = _inside(data, place + len(_X509_BAG), 0xA0)
        found = _inside(data, inner[0], 0x04) if inner else None
        if found:
            ders.append(data[found[0] : found[0] + found[1]])
        place = data.find(_X509_BAG, place + 1)
    hidden = not ders or _SEALED in data or any(bag in data for bag in _KEY_BAGS)
    return ders, hidden


def _inside(data: bytes, place: int, tag: int) -> tuple[int, int] | None:
    """Where the contents of a DER value of this tag begin, and their length."""
    if data[place : place + 1] != bytes([tag]) or place + 1 >= len(data):
        return None
    size = data[place + 1]
    if size < 0x80:
        return place + 2, size
    width = size & 0x7F
    if not 0 < width <= 4:
        return None
    return place + 2 + width, int.from_bytes(data[place + 2 : place + 2 + width], "big")
