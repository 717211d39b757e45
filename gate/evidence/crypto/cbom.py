"""Cryptographic assets of a CycloneDX CBOM (1.6 and 1.7, ``cryptoProperties``): claims of whoever made it.

1. ``certificationLevel`` has no certificate number, so it is kept as text and decides nothing.
2. A name is matched to the bundle's table with what its properties add (key length, mode, curve); what stays unclear has no key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from gate.evidence.crypto.names import KEYS, of_group, of_protocol, of_ssh, of_suite
from gate.model.crypto import CbomAsset, CryptoFacts
from gate.model.evidence import Evidence

if TYPE_CHECKING:
    from gate.evidence.collect import Opened
    from gate.evidence.sbom.facts import Notes

_KINDS = frozenset({"algorithm", "certificate", "protocol", "related-crypto-material"})
_SHOWN = 100
_ASSETS = 20_000
_NAME = 500
_EXACT = {
    "3des": "tdea", "tripledes": "tdea", "desede": "tdea", "tdea": "tdea", "des": "des", "rc4": "rc4", "arcfour": "rc4",
    "rc2": "rc2", "chacha20": "chacha20-poly1305", "chacha20poly1305": "chacha20-poly1305", "blowfish": "blowfish",
    "cast5": "cast5", "cast128": "cast5", "camellia": "camellia", "aria": "aria", "seed": "seed", "idea": "idea",
    "sm4": "sm4", "gost": "gost", "md2": "md2", "md4": "md4", "md5": "md5", "ripemd160": "ripemd160", "sha1": "sha1",
    "sha": "sha1", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512",
    "sha3256": "sha3-256", "sha3384": "sha3-384", "sha3512": "sha3-512", "shake128": "shake128", "shake256": "shake256",
    "blake2b": "blake2", "blake2s": "blake2", "blake2": "blake2", "hmacmd5": "hmac-md5", "hmacsha1": "hmac-sha1",
    "hmacsha256": "hmac-sha256", "hmacsha384": "hmac-sha384", "hmacsha512": "hmac-sha512", "cmac": "cmac",
    "aescmac": "cmac", "kmac": "kmac", "umac": "umac", "pbkdf2": "pbkdf2", "hkdf": "hkdf", "bcrypt": "bcrypt",
    "scrypt": "scrypt", "argon2": "argon2", "argon2id": "argon2", "dsa": "dsa", "ed25519": "ed25519",
    "eddsa": "ed25519", "ed448": "ed448", "x25519": "x25519", "curve25519": "x25519", "x448": "x448",
    "slhdsa": "slh-dsa", "xmss": "xmss", "lms": "lms", "mldsa44": "ml-dsa-44", "mldsa65": "ml-dsa-65",
    "mldsa87": "ml-dsa-87", "mlkem512": "ml-kem-512", "mlkem768": "ml-kem-768", "mlkem1024": "ml-kem-1024",
    "sha1withrsa": "rsa-sha1", "md5withrsa": "md5", "sha256withrsa": "rsa-sha256", "sha512withrsa": "rsa-sha512",
    "sha1rsa": "rsa-sha1", "rsasha256": "rsa-sha256",
}  # fmt: skip
_MODES = ("gcm", "ccm", "cbc", "ctr", "ecb")


class _Algorithm(msgspec.Struct, gc=False):
    primitive: Any = None
    family: Any = msgspec.field(default=None, name="algorithmFamily")
    parameters: Any = msgspec.field(default=None, name="parameterSetIdentifier")
    curve: Any = None
    elliptic: Any = msgspec.field(default=None, name="ellipticCurve")
    mode: Any = None
    certification: Any = msgspec.field(default=None, name="certificationLevel")


class _Protocol(msgspec.Struct, gc=False):
    type: Any = None
    version: Any = None


class _Material(msgspec.Struct, gc=False):
    type: Any = None
    size: Any = None


class _Crypto(msgspec.Struct, gc=False):
    kind: Any = msgspec.field(default=None, name="assetType")
    algorithm: _Algorithm | None = msgspec.field(default=None, name="algorithmProperties")
    protocol: _Protocol | None = msgspec.field(default=None, name="protocolProperties")
    material: _Material | None = msgspec.field(default=None, name="relatedCryptoMaterialProperties")


class _Occurrence(msgspec.Struct, gc=False):
    location: Any = None


class _Evidence(msgspec.Struct, gc=False):
    occurrences: list[_Occurrence] | None = None


_CRYPTO = msgspec.json.Decoder(_Crypto)
_EVIDENCE = msgspec.json.Decoder(_Evidence)


def asset(name: str, properties: bytes, evidence: bytes) -> CbomAsset | None:
    """One component's asset, ``evidence`` left empty; None where its properties are of another shape than the format's."""
    try:
        made = _CRYPTO.decode(properties)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    try:
        places = (_EVIDENCE.decode(evidence).occurrences if evidence else None) or []
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        places = []
    said = made.algorithm.certification if made.algorithm else None
    return CbomAsset(
        evidence="",
        name=name[:_NAME],
        kind=made.kind if isinstance(made.kind, str) and made.kind in _KINDS else "",
        algorithm=_key(name, made),
        certification=tuple(_text(level) for level in said[:_SHOWN]) if isinstance(said, list) else (),
        locations=tuple(_text(place.location) for place in places[:_SHOWN] if place.location),
    )


def add_asset(known: list[CbomAsset], notes: Notes, name: str, properties: bytes, evidence: bytes) -> None:
    """Appends the asset of one component, or notes why not."""
    found = asset(name, properties, evidence)
    if found is None:
        notes.add("odd_crypto_properties", "cryptoProperties of an unknown shape are not read", name)
    elif len(known) < _ASSETS:
        known.append(found)
    else:
        notes.add("crypto_assets_cut", f"more than {_ASSETS} cryptographic assets; the rest is not read")


def with_claims(facts: CryptoFacts, taken: Iterable[tuple[Opened, Evidence]]) -> CryptoFacts:
    """What was found in the image, with what accepted CBOMs claim beside it."""
    claims = tuple(
        msgspec.structs.replace(claim, evidence=evidence.id)
        for item, evidence in taken
        if item.reading is not None and item.reading.sbom is not None
        for claim in item.reading.sbom.crypto
    )
    return msgspec.structs.replace(facts, cbom=claims) if claims else facts


def _text(value: Any) -> str:
    return value[:_NAME] if isinstance(value, str) else "" if value is None else str(value)[:_NAME]


def _key(name: str, made: _Crypto) -> str:
    if made.kind == "protocol" and made.protocol is not None:
        version = _text(made.protocol.version)
        return (
            of_protocol(f"{_text(made.protocol.type)}v{version}") or of_protocol(version) or (version if version in KEYS else "")
        )
    if made.kind != "algorithm":
        return ""
    extra = made.algorithm or _Algorithm()
    curve = (_text(extra.elliptic) or _text(extra.curve)).rpartition("/")[2]
    return of_name(name, _text(extra.parameters), _text(extra.mode), curve) or of_name(
        _text(extra.family), _text(extra.parameters), _text(extra.mode), curve
    )


def of_name(name: str, parameters: str = "", mode: str = "", curve: str = "") -> str:
    """The key of an algorithm as CBOMs name it, such as ``AES``, ``AES-256-GCM`` or ``RSA-2048``; empty when it stays unclear."""
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    plus = plain + re.sub(r"[^a-z0-9]", "", parameters.casefold())
    direct = name if name in KEYS else _EXACT.get(plain) or _EXACT.get(plus)
    if direct:
        return direct
    if plain.startswith("aes"):
        found = re.search(r"128|192|256", plain) or re.search(r"128|192|256", parameters)
        used = next((word for word in _MODES if word in plain or word == mode.casefold()), "")
        return f"aes-{found.group()}-{used}" if found and used else "aes-128-ecb" if used == "ecb" else "aes"
    if plain.startswith("rsa"):
        found = re.search(r"\d{3,5}", parameters) or re.search(r"(?<!sha)(?:^|[^0-9])(\d{4,5})", name)
        size = int(re.sub(r"\D", "", found.group())) if found else 0
        return ("rsa-legacy" if size < 2048 else "rsa-2048" if size < 3072 else "rsa-3072") if size else "rsa"
    if plain.startswith("ecdsa"):
        named = re.search(r"p-?(256|384|521)|secp(256|384|521)r1|prime(256)v1", f"{name} {curve}".casefold())
        return f"ecdsa-p{next(filter(None, named.groups()))}" if named else "ecdsa" if not curve else "ec-other"
    if plain.startswith(("ecdh", "ecdhe")):
        return of_group(curve) or of_group(parameters) if curve or parameters else "ecdh"
    if plain.startswith(("ffdh", "dh", "diffiehellman")):
        found = re.search(r"\d{4,5}", f"{name} {parameters}")
        size = int(found.group()) if found else 0
        return ("dh-1024" if size < 2048 else "dh-2048" if size < 3072 else "dh-3072") if size else "dh"
    suite = of_suite(name)
    return of_ssh(name) or of_group(name) or of_protocol(name) or (suite[0] if len(suite) == 1 else "")
