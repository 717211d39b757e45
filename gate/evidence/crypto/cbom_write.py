"""The facts of an image as a CycloneDX 1.6 CBOM.

1. It says what was found, and nothing of approval: no ``certificationLevel``, and no certificate number, since it takes policies
   to join a module to the dated list in their bundle.
2. The same facts give the same bytes, the serial number included.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Any

from gate import __version__
from gate.model.crypto import ConfiguredAlgorithm, CryptoCertificate, CryptoFacts, CryptoKey
from gate.model.fips import CryptoModule, FipsFacts
from gate.model.input import Subject

_SPACE = uuid.UUID("6f1c8c0e-52a4-5d0a-9a56-6f3a2f6f8c11")
_PROTOCOL = re.compile(r"(tls|dtls|ssl|ssh)([0-9.]+)")
_PRIMITIVES = (
    (re.compile(r"aes-\d+-(gcm|ccm)|chacha20-poly1305"), "ae"),
    (re.compile(r"aes.*|tdea|des|blowfish|cast5|camellia|aria|seed|idea|sm4|rc2|gost"), "block-cipher"),
    (re.compile(r"rc4"), "stream-cipher"),
    (re.compile(r"hmac-.*|umac|cmac|kmac"), "mac"),
    (re.compile(r"ml-kem.*|mlkem.*|sntrup.*"), "kem"),
    (re.compile(r"(ec)?dh.*|x25519|x448|psk|srp|anon|other-kex"), "key-agree"),
    (re.compile(r"rsa-key-transport"), "pke"),
    (re.compile(r"rsa.*|ecdsa.*|ec-.*|ed25519|ed448|dsa|ml-dsa.*|slh-dsa|lms|xmss|.*-signature"), "signature"),
    (re.compile(r"sha.*|md\d|ripemd160|blake2"), "hash"),
)
_CURVES = {"p224": "P-224", "p256": "P-256", "p384": "P-384", "p521": "P-521"}
_SIGNATURES = {"rsa": "RSA", "ec": "ECDSA", "dsa": "DSA"}


def write_cbom(subject: Subject, crypto: CryptoFacts, fips: FipsFacts, now: str) -> dict[str, Any]:
    """The document of one image."""
    algorithms = _algorithms(crypto.algorithms)
    known = {part["bom-ref"] for part in algorithms}
    for certificate in crypto.certificates:
        for key, name in (_of_key(certificate), _of_signature(certificate)):
            ref = f"crypto/algorithm/{key}"
            if ref not in known:
                known.add(ref)
                algorithms.append(_algorithm(key, name, ref, []))
    modules = [_module(module) for module in fips.modules]
    components = [*modules, *algorithms, *_certificates(crypto.certificates), *_keys(crypto.keys)]
    root = f"image/{subject.digest}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, f'{subject.digest} {now}')}",
        "version": 1,
        "metadata": {
            "timestamp": now,
            "tools": {"components": [{"type": "application", "name": "policy-gate", "version": __version__}]},
            "component": {
                "type": "container",
                "bom-ref": root,
                "name": subject.name or subject.reference or subject.digest,
                "version": subject.digest,
            },
            "properties": [
                {"name": "policy-gate:complete", "value": str(crypto.complete and fips.complete).lower()},
                {"name": "policy-gate:certain", "value": str(crypto.certain).lower()},
            ],
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": sorted({module["bom-ref"] for module in modules})}],
    }


def _algorithms(facts: Iterable[ConfiguredAlgorithm]) -> list[dict[str, Any]]:
    by_key: dict[tuple[str, str], list[ConfiguredAlgorithm]] = {}
    for fact in facts:
        by_key.setdefault((fact.algorithm, "" if fact.algorithm else fact.name), []).append(fact)
    made = []
    for (key, name), found in sorted(by_key.items()):
        places = {(fact.path, f"{fact.setting} {fact.name} ({fact.by})") for fact in found}
        occurrences = [
            {"bom-ref": f"{path or 'command'}#{text}#{key or name}", "location": path or "command", "additionalContext": text}
            for path, text in sorted(places)
        ]
        made.append(_algorithm(key, key or name, f"crypto/algorithm/{key or '?' + name}", occurrences))
    return made


def _algorithm(key: str, name: str, ref: str, occurrences: list[dict[str, str]]) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "cryptographic-asset", "bom-ref": ref, "name": name}
    protocol = _PROTOCOL.fullmatch(key)
    if protocol:
        kind = "ssh" if protocol.group(1) == "ssh" else "tls"
        version = protocol.group(2) if protocol.group(1) == "tls" else key  # the format has no type for SSL and DTLS
        part["cryptoProperties"] = {"assetType": "protocol", "protocolProperties": {"type": kind, "version": version}}
    else:
        part["cryptoProperties"] = {"assetType": "algorithm", "algorithmProperties": _properties(key)}
    if occurrences:
        part["evidence"] = {"occurrences": occurrences}
    return part


def _properties(key: str) -> dict[str, Any]:
    primitive = next((word for pattern, word in _PRIMITIVES if pattern.fullmatch(key)), "unknown")
    made: dict[str, Any] = {"primitive": primitive, "executionEnvironment": "software-plain-ram"}
    aes = re.fullmatch(r"aes-(\d+)-(\w+)", key)
    if aes:
        made |= {"parameterSetIdentifier": aes.group(1), "mode": aes.group(2)}
    curve = re.search(r"-(p\d{3})$", key)
    if curve:
        made["curve"] = _CURVES.get(curve.group(1), curve.group(1))
    size = re.fullmatch(r"(?:rsa|dh)-(\d{4})", key)
    if size:
        made["parameterSetIdentifier"] = size.group(1)
    return made


def _of_key(certificate: CryptoCertificate) -> tuple[str, str]:
    family = _SIGNATURES.get(certificate.key, certificate.key or "unknown")
    detail = certificate.curve or (str(certificate.bits) if certificate.bits else "")
    name = f"{family}-{detail}" if detail else family
    return name, name


def _of_signature(certificate: CryptoCertificate) -> tuple[str, str]:
    name = f"{certificate.signature_hash or certificate.key or 'unknown'}-signature"
    return name, name


def _certificates(facts: Iterable[CryptoCertificate]) -> list[dict[str, Any]]:
    by_print: dict[str, list[CryptoCertificate]] = {}
    for fact in facts:
        by_print.setdefault(fact.fingerprint, []).append(fact)
    made = []
    for fingerprint, found in sorted(by_print.items()):
        one = found[0]
        properties: dict[str, Any] = {
            "subjectName": one.subject,
            "issuerName": one.issuer,
            "signatureAlgorithmRef": f"crypto/algorithm/{_of_signature(one)[0]}",
            "subjectPublicKeyRef": f"crypto/algorithm/{_of_key(one)[0]}",
            "certificateFormat": "X.509",
        }
        properties |= {"notValidBefore": one.not_before} if one.not_before else {}
        properties |= {"notValidAfter": one.not_after} if one.not_after else {}
        places = sorted({(fact.path, fact.layer) for fact in found})
        made.append(
            {
                "type": "cryptographic-asset",
                "bom-ref": f"crypto/certificate/{fingerprint}",
                "name": one.subject or fingerprint,
                "cryptoProperties": {"assetType": "certificate", "certificateProperties": properties},
                "properties": [
                    {"name": "policy-gate:fingerprint", "value": fingerprint},
                    {"name": "policy-gate:role", "value": ", ".join(sorted({fact.role for fact in found}))},
                    {"name": "policy-gate:serial", "value": one.serial},
                ],
                "evidence": {
                    "occurrences": [
                        {"bom-ref": f"{fingerprint}@{layer}/{path}", "location": path, "additionalContext": layer}
                        for path, layer in places
                    ]
                },
            }
        )
    return made


def _keys(facts: Iterable[CryptoKey]) -> list[dict[str, Any]]:
    made = []
    for number, key in enumerate(facts):
        kind = "private-key" if key.private else "public-key"
        material: dict[str, Any] = {"type": kind}
        if key.bits:
            material["size"] = key.bits
        made.append(
            {
                "type": "cryptographic-asset",
                "bom-ref": f"crypto/key/{number}/{key.path}",
                "name": f"{key.key or 'unknown'} {kind}",
                "cryptoProperties": {"assetType": "related-crypto-material", "relatedCryptoMaterialProperties": material},
                "properties": [
                    {"name": "policy-gate:encrypted", "value": {True: "yes", False: "no", None: "unknown"}[key.encrypted]},
                    {"name": "policy-gate:visible", "value": str(key.visible).lower()},
                ],
                "evidence": {
                    "occurrences": [
                        {"bom-ref": f"key/{number}/{key.path}", "location": key.path, "additionalContext": key.layer}
                    ]
                },
            }
        )  # fmt: skip
    return made


def _module(module: CryptoModule) -> dict[str, Any]:
    part: dict[str, Any] = {
        "type": "library",
        "bom-ref": f"crypto/module/{module.family}/{module.path}",
        "name": module.family,
        "properties": [
            {"name": f"policy-gate:fips:{name}", "value": value}
            for name, value in (
                ("capable", module.capable),
                ("installed", module.installed),
                ("integrity", module.integrity),
                ("activated", module.activated),
                ("overridden", module.overridden),
                ("place", module.place),
                ("package", f"{module.package} {module.package_version}".strip()),
                ("vendor", module.vendor),
            )
            if value
        ],
        "evidence": {
            "occurrences": [
                {"bom-ref": f"module/{module.path}/{module.family}", "location": module.path, "additionalContext": module.layer}
            ]
        },
    }
    if module.version:
        part["version"] = module.version
    if module.sha256:
        part["hashes"] = [{"alg": "SHA-256", "content": module.sha256.removeprefix("sha256:")}]
    return part
