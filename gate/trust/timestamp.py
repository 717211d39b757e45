"""RFC 3161 timestamps by an authority of the trusted root."""

from __future__ import annotations

import datetime
from typing import Final

import rfc3161_client
from cryptography import x509
from rfc3161_client.errors import VerificationError

from gate.trust.rejected import Rejected
from gate.trust.root import Authority, TrustedRoot

CHECK: Final = "timestamp"
_FOREIGN: Final = (
    VerificationError,
    ValueError,
    TypeError,
    AssertionError,
    KeyError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def check_timestamp(token: bytes, message: bytes, root: TrustedRoot) -> datetime.datetime | None:
    """When the message was stamped by an authority of the root, in the authority's validity (6).

    None when the token names a signer that the root does not have: it counts for nothing. Raises Rejected when the token cannot
    be read, or names an authority of the root and does not verify under it.
    """
    try:
        response = rfc3161_client.decode_timestamp_response(token)
        moment = response.tst_info.gen_time
        signers = {(signer.issuer, signer.serial_number) for signer in response.signed_data.signer_infos}
        authorities = [one for one in root.timestamp_authorities if (one.chain[0].issuer, one.chain[0].serial_number) in signers]
    except _FOREIGN as error:
        raise Rejected(CHECK, f"it cannot be read: {error}") from error
    if not authorities:
        return None
    problem = ""
    for authority in authorities:
        if not authority.validity.covers(moment):
            problem = "it is outside the validity that the trusted root gives its authorities"
            continue
        try:
            if _verifier(authority).verify_message(response, message):
                return moment
        except _FOREIGN as error:
            problem = str(error).partition(": ErrorStack")[0]
    raise Rejected(CHECK, f"the timestamp authority it names did not make it for this signature: {problem}")


def _verifier(authority: Authority) -> rfc3161_client.Verifier:
    """Certificates that come in a response are never anchors; the signer must be the authority's own certificate."""
    chain = authority.chain
    builder = rfc3161_client.VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for certificate in chain[1:-1]:
        builder = builder.add_intermediate_certificate(certificate)
    return builder.build()
