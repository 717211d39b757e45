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


def check_timestamp(token: bytes, message: bytes, root: TrustedRoot) -> datetime.datetime:
    """When the message was stamped; raises Rejected unless an authority of the root did it, in the authority's validity (6)."""
    try:
        response = rfc3161_client.decode_timestamp_response(token)
        moment = response.tst_info.gen_time
    except _FOREIGN as error:
        raise Rejected(CHECK, f"it cannot be read: {error}") from error
    problem = "the trusted root has no timestamp authority"
    for authority in root.timestamp_authorities:
        if not authority.validity.covers(moment):
            problem = "it is outside the validity that the trusted root gives its authorities"
            continue
        try:
            if _verifier(authority).verify_message(response, message):
                return moment
        except _FOREIGN as error:
            problem = str(error)
    raise Rejected(CHECK, f"no timestamp authority of the trusted root made it for this signature: {problem}")


def _verifier(authority: Authority) -> rfc3161_client.Verifier:
    """Certificates that come in a response are never anchors; the signer must be the authority's own certificate."""
    chain = authority.chain
    builder = rfc3161_client.VerifierBuilder().tsa_certificate(chain[0]).add_root_certificate(chain[-1])
    for certificate in chain[1:-1]:
        builder = builder.add_intermediate_certificate(certificate)
    return builder.build()
