"""A Sigstore in memory: certificate authority, certificate transparency log, Rekor v1 and v2 logs, and what signs under them.

Everything is made of real keys and real formats, so that a test can be wrong in exactly one place.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import json
import struct
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gate.trust.entry import IdentityRule, Trust, TrustEntry
from gate.trust.keys import PublicKey, wrap
from gate.trust.root import TrustedRoot, load_trusted_root

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
IDENTITY = "https://forge.example/acme/app/.ci/release.yml@refs/tags/v1"
ISSUER = "https://token.forge.example"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
DIGEST = "a" * 64
STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "app", "digest": {"sha256": DIGEST}}],
        "predicateType": "https://example.test/claim/v1",
        "predicate": {"ok": True},
    }
).encode()

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def b64(data: bytes) -> str:
    """Standard base64 text."""
    return base64.b64encode(data).decode()


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """DSSE v1 pre-authentication encoding, written out once more and independently."""
    kind = payload_type.encode()
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


def sign(key: PrivateKey, data: bytes) -> bytes:
    """A signature in the usual form of the key's kind."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    by_curve: dict[str, hashes.HashAlgorithm] = {"secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}
    return key.sign(data, ec.ECDSA(by_curve.get(key.curve.name, hashes.SHA256())))


def der_of(key: PrivateKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def public(key: PrivateKey) -> PublicKey:
    """The gate's view of the public half."""
    return wrap(key.public_key())


def pem_of(der: bytes, label: str = "CERTIFICATE") -> str:
    """PEM with the usual 64 columns."""
    text = b64(der)
    body = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


class Log:
    """A transparency log with one entry at a time: its tree is the leaf."""

    def __init__(self, name: str, *, v2: bool = False, start: datetime.datetime | None = None) -> None:
        self.name = name
        self.v2 = v2
        self.key: PrivateKey = ed25519.Ed25519PrivateKey.generate() if v2 else ec.generate_private_key(ec.SECP256R1())
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            self.id = hashlib.sha256(name.encode() + b"\n\x01" + self.key.public_key().public_bytes_raw()).digest()
        else:
            self.id = hashlib.sha256(der_of(self.key)).digest()
        self.valid_for: dict[str, str] = {"start": (start or NOW - datetime.timedelta(days=30)).isoformat()}

    def describe(self) -> dict[str, Any]:
        """As a trusted root lists it."""
        return {
            "baseUrl": f"https://{self.name}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": b64(der_of(self.key)), "keyDetails": "PKIX", "validFor": self.valid_for},
            "logId": {"keyId": b64(self.id)},
        }

    def promise(self, body: bytes, time: int, index: int = 7) -> bytes:
        """Signed entry timestamp."""
        document = {"body": b64(body), "integratedTime": time, "logID": self.id.hex(), "logIndex": index}
        return sign(self.key, json.dumps(document, sort_keys=True, separators=(",", ":")).encode())

    def checkpoint(self, root: bytes, size: int = 1) -> str:
        """Signed note."""
        note = f"{self.name}\n{size}\n{b64(root)}\n"
        return f"{note}\n\u2014 {self.name} {b64(self.id[:4] + sign(self.key, note.encode()))}\n"

    def entry(
        self, body: dict[str, Any], time: datetime.datetime = NOW, *, proof: bool = True, promise: bool = True
    ) -> dict[str, Any]:
        """A log entry as bundles carry it."""
        raw = json.dumps(body, separators=(",", ":")).encode()
        seconds = int(time.timestamp())
        entry: dict[str, Any] = {
            "logIndex": "0" if self.v2 else "7",
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "canonicalizedBody": b64(raw),
        }
        if promise and not self.v2:
            entry["integratedTime"] = str(seconds)
            entry["inclusionPromise"] = {"signedEntryTimestamp": b64(self.promise(raw, seconds))}
        if proof:
            root = hashlib.sha256(b"\x00" + raw).digest()
            entry["inclusionProof"] = {
                "logIndex": "0",
                "rootHash": b64(root),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": self.checkpoint(root)},
            }
        return entry


@dataclasses.dataclass
class Signer:
    """A key and, for keyless signing, its certificate."""

    key: PrivateKey
    certificate: x509.Certificate | None = None

    @property
    def der(self) -> bytes:
        """What log entries name as verifier."""
        if self.certificate is None:
            return der_of(self.key)
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The same as PEM."""
        return pem_of(self.der, "PUBLIC KEY" if self.certificate is None else "CERTIFICATE")

    def material(self, version: str = "0.3") -> dict[str, Any]:
        """``verificationMaterial`` without logs."""
        if self.certificate is None:
            return {"publicKey": {"hint": b64(hashlib.sha256(self.der).digest())}}
        if version == "0.3":
            return {"certificate": {"rawBytes": b64(self.der)}}
        return {"x509CertificateChain": {"certificates": [{"rawBytes": b64(self.der)}]}}


class Sigstore:
    """One instance with one certificate authority."""

    def __init__(self) -> None:
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._authority()
        self.ct = [Log("ct.example")]
        self.log = Log("rekor.example")
        self.tlogs = [self.log]
        self.ca_valid_for: dict[str, str] = {"start": (NOW - datetime.timedelta(days=30)).isoformat()}
        self.tsas: list[dict[str, Any]] = []

    def _authority(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca.example")])
        key_id = x509.SubjectKeyIdentifier.from_public_key(self.ca_key.public_key())
        return (
            x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=self.ca_key.public_key(), serial_number=1)
            .not_valid_before(NOW - datetime.timedelta(days=365))
            .not_valid_after(NOW + datetime.timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(cert_sign=True), critical=True)
            .add_extension(key_id, critical=False)
            .sign(self.ca_key, hashes.SHA256())
        )

    def document(self) -> dict[str, Any]:
        """The trusted root as JSON value."""
        ca = b64(self.ca.public_bytes(serialization.Encoding.DER))
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log.describe() for log in self.tlogs],
            "ctlogs": [log.describe() for log in self.ct],
            "certificateAuthorities": [
                {"uri": "https://ca.example", "certChain": {"certificates": [{"rawBytes": ca}]}, "validFor": self.ca_valid_for}
            ],
            "timestampAuthorities": self.tsas,
        }

    def root(self) -> TrustedRoot:
        """The trusted root as the gate reads it."""
        return load_trusted_root(json.dumps(self.document()).encode())[0]

    def trust(self, identity: str = IDENTITY, issuer: str = ISSUER, **changes: Any) -> Trust:
        """Trust in one identity under this instance."""
        rule = IdentityRule(identity=identity, issuer=issuer)
        return Trust((TrustEntry(name="sim", roles=("*",), identities=(rule,), roots=(self.root(),), **changes),))

    def signer(
        self,
        *,
        key: PrivateKey | None = None,
        names: list[x509.GeneralName] | None = None,
        issuer: str = ISSUER,
        begin: datetime.datetime = NOW - datetime.timedelta(minutes=1),
        minutes: int = 10,
        ct: list[Log] | None = None,
        eku: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        extensions: dict[str, bytes] | None = None,
    ) -> Signer:
        """A key with a short-lived certificate, logged in the certificate transparency logs ``ct`` (default: this instance's)."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        claims = extensions if extensions is not None else {"1": issuer.encode(), "8": utf8(issuer)}
        builder = (
            x509.CertificateBuilder(
                issuer_name=self.ca.subject,
                subject_name=x509.Name([]),
                public_key=key.public_key(),
                serial_number=x509.random_serial_number(),
            )
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(minutes=minutes))
            .add_extension(_usage(cert_sign=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([eku]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), critical=False)
            .add_extension(
                x509.SubjectAlternativeName(names if names is not None else [x509.UniformResourceIdentifier(IDENTITY)]),
                critical=True,
            )
        )
        for number, value in claims.items():
            oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        logs = self.ct if ct is None else ct
        if logs:
            tbs = builder.sign(self.ca_key, hashes.SHA256()).tbs_certificate_bytes
            oid = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, self._sct_list(tbs, logs, begin)), critical=False)
        return Signer(key, builder.sign(self.ca_key, hashes.SHA256()))

    def _sct_list(self, tbs: bytes, logs: list[Log], time: datetime.datetime) -> bytes:
        milliseconds = int(time.timestamp() * 1000)
        issuer = hashlib.sha256(der_of(self.ca_key)).digest()
        scts = b""
        for log in logs:
            signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
            signature = sign(log.key, signed)
            sct = (
                b"\0" + log.id + struct.pack("!QH", milliseconds, 0) + b"\x04\x03" + struct.pack("!H", len(signature)) + signature
            )
            scts += struct.pack("!H", len(sct)) + sct
        scts = struct.pack("!H", len(scts)) + scts
        return b"\x04" + der_length(scts) + scts

    def dsse(
        self, signer: Signer, payload: bytes = STATEMENT, *, version: str = "0.3", logs: list[Log] | None = None
    ) -> dict[str, Any]:
        """A bundle with a DSSE envelope, logged in ``logs`` (default: this instance's Rekor)."""
        signature = sign(signer.key, pae(payload))
        body = dsse_body(signer, payload, signature)
        material = signer.material(version)
        material["tlogEntries"] = [
            log.entry(hashedrekord_v2(signer, pae(payload), signature) if log.v2 else body)
            for log in (self.tlogs[:1] if logs is None else logs)
        ]
        return {
            "mediaType": media_type(version),
            "verificationMaterial": material,
            "dsseEnvelope": {"payload": b64(payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": b64(signature)}]},
        }

    def message(self, signer: Signer, data: bytes, *, version: str = "0.3") -> dict[str, Any]:
        """A bundle over an artifact."""
        signature = sign(signer.key, data)
        material = signer.material(version)
        material["tlogEntries"] = [self.log.entry(hashedrekord(signer, data, signature))]
        digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(data).digest())}
        return {
            "mediaType": media_type(version),
            "verificationMaterial": material,
            "messageSignature": {"messageDigest": digest, "signature": b64(signature)},
        }


def _usage(*, cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not cert_sign, False, False, False, False, cert_sign, cert_sign, False, False)


def utf8(text: str) -> bytes:
    """DER UTF8String, short or long form."""
    data = text.encode()
    return b"\x0c" + der_length(data) + data


def der_length(data: bytes) -> bytes:
    """DER length octets (X.690 8.1.3)."""
    size = len(data)
    return bytes([size]) if size < 0x80 else b"\x81" + bytes([size]) if size < 0x100 else b"\x82" + struct.pack("!H", size)


def media_type(version: str) -> str:
    """Of a bundle."""
    return (
        "application/vnd.dev.sigstore.bundle.v0.3+json"
        if version == "0.3"
        else f"application/vnd.dev.sigstore.bundle+json;version={version}"
    )


def hashedrekord(signer: Signer, data: bytes, signature: bytes) -> dict[str, Any]:
    """Rekor v1 entry body for a message."""
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}},
            "signature": {"content": b64(signature), "publicKey": {"content": b64(signer.pem.encode())}},
        },
    }


def hashedrekord_v2(signer: Signer, data: bytes, signature: bytes) -> dict[str, Any]:
    """Rekor v2 entry body."""
    name = "publicKey" if signer.certificate is None else "x509Certificate"
    return {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(data).digest())},
                "signature": {"content": b64(signature), "verifier": {"keyDetails": "X", name: {"rawBytes": b64(signer.der)}}},
            }
        },
    }


def dsse_body(signer: Signer, payload: bytes, signature: bytes) -> dict[str, Any]:
    """Rekor v1 ``dsse`` entry body."""
    return {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [{"signature": b64(signature), "verifier": b64(signer.pem.encode())}],
        },
    }


def plain_dsse(key: PrivateKey, payload: bytes = STATEMENT, payload_type: str = PAYLOAD_TYPE) -> dict[str, Any]:
    """A bare DSSE envelope."""
    signature = sign(key, pae(payload, payload_type))
    return {"payload": b64(payload), "payloadType": payload_type, "signatures": [{"keyid": "", "sig": b64(signature)}]}


def key_trust(*keys: PrivateKey, roles: tuple[str, ...] = ("*",), **changes: Any) -> Trust:
    """Trust in keys, without a log."""
    return Trust((TrustEntry(name="keys", roles=roles, keys=tuple(public(key) for key in keys), **changes),))
