"""Hardware modules: ``pkcs11:token=T;object=LABEL?module-path=/usr/lib/….so&pin-source=/run/secrets/pin`` (RFC 7512).

Module and PIN may come from ``COSIGN_PKCS11_MODULE_PATH`` and ``COSIGN_PKCS11_PIN`` instead, so that neither is in the command
line. The private key never leaves the module; of the public half, the object with the same label and id is read.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gate.errors import SigningError, UsageError
from gate.sign import publickey
from gate.sign.interface import KeyInfo
from gate.sign.publickey import SignerKey
from gate.sign.service import bad_uri, digest, guarded, load_extra, redact

_FORM = "pkcs11:token=TOKEN;object=LABEL?module-path=/path/module.so (id=%01 in place of object, slot-id=0 in place of token)"
_PATH = ("token", "slot-id", "serial", "object", "id", "type")
_QUERY = ("module-path", "pin-value", "pin-source")
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""What precedes a SHA-256 digest in PKCS #1 v1.5 (RFC 8017 9.2)."""
_CURVES = {bytes.fromhex("06082a8648ce3d030107"): 32, bytes.fromhex("06052b81040022"): 48, bytes.fromhex("06052b81040023"): 66}
"""DER of the curve's OID: bytes of a coordinate."""
_MAX_PIN_BYTES = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """A parsed URI with what the environment adds."""

    name: str
    module: str
    pin: str = dataclasses.field(repr=False)
    token: str | None
    slot: int | None
    serial: str | None
    label: str | None
    id: bytes | None


def open_key(uri: str, environ: Mapping[str, str]) -> ModuleKey:
    """The key that the URI names; UsageError for a malformed one, SigningError without the extra ``pkcs11``, module or PIN."""
    address = parse(uri, environ)
    return ModuleKey(address, load_extra("pkcs11", "pkcs11", address.name))


def parse(uri: str, environ: Mapping[str, str]) -> Address:
    """Read the URI strictly: an attribute that is not understood, or given twice, could have named another key."""
    name = redact(uri)
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    given = _attributes(path, ";", _PATH, name) | _attributes(query, "&", _QUERY, name)
    text = {key: _decoded(value, name).decode() if key != "id" else "" for key, value in given.items()}
    if not given.keys() & {"token", "slot-id", "serial"}:
        raise bad_uri(uri, "it names no token", _FORM)
    if not given.keys() & {"object", "id"}:
        raise bad_uri(uri, "it names no key in the token", _FORM)
    if text.get("type", "private") != "private":
        raise bad_uri(uri, f"type={text['type']} cannot sign", _FORM)
    if "slot-id" in text and re.fullmatch(r"\d{1,19}", text["slot-id"], re.ASCII) is None:
        raise bad_uri(uri, "slot-id is not a number", _FORM)
    if {"pin-value", "pin-source"} <= given.keys():
        raise bad_uri(uri, "the PIN is given twice", _FORM)
    module = text.get("module-path") or environ.get("COSIGN_PKCS11_MODULE_PATH") or ""
    if not module:
        raise SigningError(f"{name}: no module is named", fix="add ?module-path=/…/module.so, or set COSIGN_PKCS11_MODULE_PATH")
    if not Path(module).is_absolute():
        raise bad_uri(uri, "module-path is not absolute, so it would depend on the folder and on the search path", _FORM)
    pin = text.get("pin-value") or _pin_from(text.get("pin-source"), name) or environ.get("COSIGN_PKCS11_PIN") or ""
    if not pin:
        raise SigningError(f"{name}: there is no PIN", fix="set COSIGN_PKCS11_PIN, or add pin-source=/path/of/a/file to the URI")
    return Address(
        name=name,
        module=module,
        pin=pin,
        token=text.get("token"),
        slot=int(text["slot-id"]) if "slot-id" in text else None,
        serial=text.get("serial"),
        label=text.get("object"),
        id=_decoded(given["id"], name) if "id" in given else None,
    )


def _attributes(text: str, separator: str, known: tuple[str, ...], name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        key, equals, value = part.partition("=")
        if key not in known:
            # it may be the rest of a PIN whose separator was not encoded
            shown = "an attribute of it" if "pin" in name.lower() else repr(key)
            raise bad_uri(name, f"{shown} is not one that is understood here", _FORM)
        if key in found or not equals or not value:
            raise bad_uri(name, f"{key} is {'given twice' if key in found else 'empty'}", _FORM)
        found[key] = value
    return found


def _decoded(value: str, name: str) -> bytes:
    """Percent-decoding that refuses what is not: ``%zz`` or text that is not UTF-8 (an id may be any bytes)."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", value):
        raise bad_uri(name, "a % is not followed by two hexadecimal digits", _FORM)
    raw = urllib.parse.unquote_to_bytes(value)
    try:
        raw.decode()
    except UnicodeDecodeError:
        if not re.fullmatch(r"(?:%[0-9A-Fa-f]{2})+", value):
            raise bad_uri(name, "it holds bytes that are not UTF-8", _FORM) from None
    return raw


def _pin_from(source: str | None, name: str) -> str:
    if source is None:
        return ""
    path = source.removeprefix("file://").removeprefix("file:")
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_PIN_BYTES).decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise SigningError(f"{name}: the PIN cannot be read from {path}: {type(error).__name__}") from None


class ModuleKey:
    """A key in a token; see `gate.sign.interface.KeyService`. Each operation has a session of its own."""

    def __init__(self, address: Address, pkcs11: Any) -> None:
        self.name = address.name
        self._address = address
        self._pkcs11 = pkcs11

    def describe(self) -> KeyInfo:
        with self._session("reading the public key") as session:
            classes, kinds = self._pkcs11.ObjectClass, self._pkcs11.KeyType
            self._find(session, classes.PRIVATE_KEY)  # known now, and not only after everything was verified
            found = self._find(session, classes.PUBLIC_KEY)
            attribute = self._pkcs11.Attribute
            if found.key_type == kinds.RSA:
                key = _rsa(found[attribute.PUBLIC_EXPONENT], found[attribute.MODULUS])
            elif found.key_type in (kinds.EC, kinds.EC_EDWARDS):
                key = _curve(bytes(found[attribute.EC_PARAMS]), bytes(found[attribute.EC_POINT]))
            else:
                key = None
            kind = getattr(found.key_type, "name", str(found.key_type))
        if key is None:
            raise publickey.refused_kind(kind, self.name)
        public = publickey.of(key, self.name)
        return KeyInfo(public, "" if public.kind == "Ed25519" else "sha256")

    def versions(self) -> tuple[str, ...]:
        return ()

    def public_key(self, version: str) -> SignerKey:
        raise UsageError(f"{self.name}: keys in a token have no versions")

    def sign(self, data: bytes, hash_name: str) -> bytes:
        mechanisms = self._pkcs11.Mechanism
        with self._session("signing") as session:
            key = self._find(session, self._pkcs11.ObjectClass.PRIVATE_KEY)
            if not hash_name:
                return bytes(key.sign(data, mechanism=mechanisms.EDDSA))
            hashed = digest(data, hash_name)
            if key.key_type == self._pkcs11.KeyType.RSA:
                return bytes(key.sign(_DIGEST_INFO + hashed, mechanism=mechanisms.RSA_PKCS))
            return bytes(key.sign(hashed, mechanism=mechanisms.ECDSA))

    def create(self) -> None:
        address, kinds = self._address, self._pkcs11.KeyType
        if address.label is None:
            raise UsageError(f"{self.name}: a new key needs a label", fix="add object=LABEL")
        with self._session("making the key", rw=True) as session:
            if list(session.get_objects({self._pkcs11.Attribute.LABEL: address.label})):
                raise UsageError(f"{self.name}: there is such a key", fix="choose another label, or use the key as it is")
            curve = {self._pkcs11.Attribute.EC_PARAMS: next(iter(_CURVES))}
            parameters = session.create_domain_parameters(kinds.EC, curve, local=True)
            parameters.generate_keypair(store=True, label=address.label, id=address.id or address.label.encode())

    def _find(self, session: Any, kind: Any) -> Any:
        return session.get_key(object_class=kind, label=self._address.label, id=self._address.id)

    @contextmanager
    def _session(self, doing: str, *, rw: bool = False) -> Iterator[Any]:
        address = self._address
        fix = "check module, token, label or id, and PIN (`pkcs11-tool --module … --list-objects --login` shows what there is)"
        with guarded(self.name, doing, fix=fix, secrets=(address.pin,)):
            tokens = [
                slot.get_token()
                for slot in self._pkcs11.lib(address.module).get_slots(token_present=True)
                if address.slot in (None, slot.slot_id)
            ]
            tokens = [
                token
                for token in tokens
                if address.token in (None, token.label) and address.serial in (None, bytes(token.serial).decode().strip())
            ]
            if len(tokens) != 1:
                raise SigningError(f"{self.name}: {len(tokens)} tokens of the module match, not one", fix=fix)
            with tokens[0].open(user_pin=address.pin, rw=rw) as session:
                yield session


def _rsa(exponent: Any, modulus: Any) -> object:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big")).public_key()


def _curve(parameters: bytes, point: bytes) -> object:
    """The key of EC_PARAMS and EC_POINT; the point is in a DER OCTET STRING, or bare. None: another curve."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if parameters in _CURVES:
        size = 2 * _CURVES[parameters] + 1
        curve = {32: ec.SECP256R1(), 48: ec.SECP384R1(), 66: ec.SECP521R1()}[_CURVES[parameters]]
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point[-size:])
    if parameters in (bytes.fromhex("06032b6570"), b"\x13\x0cedwards25519"):
        return ed25519.Ed25519PublicKey.from_public_bytes(point[-32:])
    return None
