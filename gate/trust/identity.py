"""Who a signing certificate names, who vouched, and what else it claims (Fulcio, docs/oid-info.md)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from cryptography import x509

from gate.trust.certificate import FOREIGN
from gate.trust.claims import DER, RAW
from gate.trust.rejected import Rejected

_FULCIO: Final = "1.3.6.1.4.1.57264.1."
_OTHER_NAME: Final = x509.ObjectIdentifier(_FULCIO + "7")
_NAME_CHARACTERS: Final = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """What the certificate authority vouched for."""

    names: tuple[str, ...]
    """Subject alternative names: URIs, e-mail addresses, Fulcio user names."""
    issuer: str
    """OIDC issuer; empty when the certificate has none (it then matches no rule)."""
    claims: Mapping[str, str]

    @property
    def text(self) -> str:
        """For messages."""
        return f"{' / '.join(self.names) or 'nobody'}, issuer {self.issuer or 'unknown'}"


def read(certificate: x509.Certificate) -> Identity:
    """Names, issuer and claims; raises Rejected for ones that cannot be read or that contradict each other."""
    try:
        names = _names(certificate)
        claims: dict[str, str] = {}
        old_issuer = ""
        for extension in certificate.extensions:
            oid = extension.oid.dotted_string
            if not oid.startswith(_FULCIO) or not isinstance(extension.value, x509.UnrecognizedExtension):
                continue
            number = int(oid.removeprefix(_FULCIO)) if oid.removeprefix(_FULCIO).isdigit() else 0
            value = extension.value.value
            if number == 1:
                old_issuer = value.decode()
            elif number in RAW:
                claims[RAW[number]] = value.decode()
            elif number in DER:
                claims[DER[number]] = _utf8_string(value)
    except FOREIGN as error:
        raise Rejected("identity", f"the certificate's names or claims cannot be read: {error}") from error
    issuer = claims.get("issuer", old_issuer)
    if old_issuer and issuer != old_issuer:
        raise Rejected("identity", f"the certificate names two issuers, {old_issuer!r} and {issuer!r}")
    return Identity(names=names, issuer=issuer, claims=claims)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = [
        *san.get_values_for_type(x509.UniformResourceIdentifier),
        *san.get_values_for_type(x509.RFC822Name),
        *(_utf8_string(name.value) for name in san.get_values_for_type(x509.OtherName) if name.type_id == _OTHER_NAME),
    ]
    if not names or any(not name or len(name) > _NAME_CHARACTERS for name in names):
        raise ValueError("no usable subject alternative name")
    return tuple(names)


def _utf8_string(der: bytes) -> str:
    """The text of a DER UTF8String (X.690 8.23) that fills the bytes; raises ValueError."""
    if len(der) < 2 or der[0] != 0x0C:
        raise ValueError("not a DER UTF8String")
    length, start = der[1], 2
    if length >= 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) != start + length:
        raise ValueError("a DER UTF8String of the wrong length")
    return der[start:].decode()
