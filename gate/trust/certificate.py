"""Signing certificates: path, profile, certificate transparency, identity and claims."""

from __future__ import annotations

import datetime
import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import verification
from cryptography.x509.certificate_transparency import LogEntryType, SignedCertificateTimestamp
from cryptography.x509.oid import ExtendedKeyUsageOID

from gate.trust.keys import PublicKey, wrap
from gate.trust.rejected import Rejected
from gate.trust.root import Authority, TrustedRoot

FOREIGN: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    verification.VerificationError,
)
"""What `cryptography` raises on a hostile certificate."""


_LONGEST: Final = 64 * 1024
"""Bytes of a certificate; Fulcio's have about 2,000."""


def read(der: bytes) -> x509.Certificate:
    """The certificate; raises Rejected when it cannot be read or is too long to be one."""
    if len(der) > _LONGEST:
        raise Rejected("certificate", f"it has {len(der)} bytes, and {_LONGEST} are allowed")
    try:
        certificate = x509.load_der_x509_certificate(der)
        # parsed lazily; what is broken must not surface later, where nobody expects it
        _ = certificate.extensions, certificate.subject, certificate.issuer
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except FOREIGN as error:
        raise Rejected("certificate", f"it cannot be read: {error}") from error
    return certificate


def public_key(certificate: x509.Certificate) -> PublicKey:
    """The certified key; raises Rejected for a kind that is not accepted."""
    try:
        return wrap(certificate.public_key())
    except FOREIGN as error:
        raise Rejected("certificate", f"its key cannot be used: {error}") from error


def check_no_anchor(chain: Sequence[x509.Certificate]) -> None:
    """Refuses a self-signed certificate that came with the signature (14)."""
    if any(certificate.subject == certificate.issuer for certificate in chain):
        raise Rejected(
            "root_in_chain", "the bundle brings a self-signed certificate along; anchors come from the trusted root only"
        )


def issuer_of(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    authorities: Iterable[Authority],
    moments: Sequence[datetime.datetime],
) -> x509.Certificate:
    """The certificate that issued the leaf, on a path to an authority of the root that holds at **every** moment (5)(6).

    RFC 5280 6.1 by `cryptography`; of its web profile only the extended key usage is replaced: `check_profile` has the right one.
    """
    if not moments:
        raise Rejected("time", "no verified time to check the certificate at")
    problem = "the trusted root has no certificate authority"
    for authority in authorities:
        if not all(authority.validity.covers(moment) for moment in moments):
            problem = "the time of signing is outside the validity that the trusted root gives its authorities"
            continue
        try:
            paths = [_path(leaf, intermediates, authority, moment) for moment in moments]
        except FOREIGN as error:
            problem = f"no path to an authority of the trusted root at the time of signing: {_short(error)}"
            continue
        return paths[0][1]
    raise Rejected("certificate_chain", problem)


def _short(error: Exception) -> str:
    """Without the certificate that `cryptography` prints into its messages."""
    return str(error).partition(" (encountered")[0]


def _path(
    leaf: x509.Certificate, intermediates: Sequence[x509.Certificate], authority: Authority, moment: datetime.datetime
) -> list[x509.Certificate]:
    any_usage = verification.Criticality.AGNOSTIC
    ca_policy = verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(x509.ExtendedKeyUsage, any_usage, None)
    ee_policy = verification.ExtensionPolicy.webpki_defaults_ee().may_be_present(x509.ExtendedKeyUsage, any_usage, None)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([authority.chain[-1]]))
        .time(moment)
        .extension_policies(ca_policy=ca_policy, ee_policy=ee_policy)
        .build_client_verifier()
    )
    chain = verifier.verify(leaf, [*authority.chain[:-1], *intermediates]).chain
    if len(chain) < 2:
        raise ValueError("the certificate is itself an anchor")
    return chain


def check_profile(certificate: x509.Certificate) -> None:
    """Digital signature and code signing, and no CA (Fulcio certificate specification)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except FOREIGN as error:
        raise Rejected("certificate_profile", f"a key usage is missing: {error}") from error
    if not usage.digital_signature or usage.key_cert_sign:
        raise Rejected("certificate_profile", "its key is not for signatures alone")
    if ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise Rejected("certificate_profile", "it is not for code signing")


def check_sct(certificate: x509.Certificate, issuer: x509.Certificate, root: TrustedRoot, threshold: int) -> None:
    """Embedded SCTs of enough distinct logs (8) verify (RFC 6962 3.2).

    An SCT of a log that the root does not have is passed over; one of a log that it has must verify.
    """
    try:
        scts = list(certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value)
    except FOREIGN as error:
        raise Rejected("sct", "the certificate has no certificate transparency timestamp") from error
    good: set[bytes] = set()
    for sct in scts:
        try:
            moment = sct.timestamp.replace(tzinfo=datetime.UTC)
        except (*FOREIGN, OverflowError) as error:
            raise Rejected("sct", f"its time cannot be read: {error}") from error
        logs = [log for log in root.ctlogs if log.id == sct.log_id and log.validity.covers(moment)]
        if not logs:
            continue
        try:
            signed = _signed_by_ct_log(sct, certificate, issuer)
            vouching = [log for log in logs if log.key.verify(sct.signature, signed)]
            ok = isinstance(sct.signature_hash_algorithm, hashes.SHA256) and bool(vouching)
        except (*FOREIGN, struct.error, OverflowError) as error:
            raise Rejected("sct", f"it cannot be read: {error}") from error
        if not ok:
            raise Rejected("sct", f"the signature of certificate transparency log {sct.log_id.hex()} is not right")
        good.add(vouching[0].key_bytes)
    if len(good) < threshold:
        raise Rejected("sct", f"{len(good)} certificate transparency logs of the trusted root vouch for it, {threshold} needed")


def _signed_by_ct_log(sct: SignedCertificateTimestamp, certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """``digitally-signed`` of RFC 6962 3.2 for a precertificate entry."""
    if sct.entry_type != LogEntryType.PRE_CERTIFICATE:
        raise ValueError("not an SCT of a precertificate")
    spki = issuer.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    tbs = certificate.tbs_precertificate_bytes
    milliseconds = round(sct.timestamp.replace(tzinfo=datetime.UTC).timestamp() * 1000)
    return b"".join(
        (
            struct.pack("!BBQH", sct.version.value, 0, milliseconds, sct.entry_type.value),
            hashlib.sha256(spki).digest(),
            len(tbs).to_bytes(3, "big"),
            tbs,
            struct.pack("!H", len(sct.extension_bytes)),
            sct.extension_bytes,
        )
    )
