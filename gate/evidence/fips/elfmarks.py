"""What implementations of cryptography leave in a file that carries them: version texts, source paths, self-test messages.

Each mark is a literal that is searched for, and a pattern that reads it where it stands. They are chosen so that programs which
only call a library, or speak of it in a message, have none. Measured on Debian's libraries and on wheels; an implementation
without any mark (pycryptodome) is known by its package only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

OPENSSL = "openssl"
OPENSSL_SAID = "openssl-text"
"""The version text, which libssl and programs that print it have too."""
OPENSSL_DIRECTORY = "openssl-directory"
MODULES_DIRECTORY = "modules-directory"
FIPS_TEST = "fips-test"
"""The self-test of BoringSSL's and AWS-LC's module over itself."""
FORK = "openssl-fork"
"""BoringSSL or AWS-LC."""
WOLFSSL = "wolfssl"
MBEDTLS = "mbedtls"
LOADS = "loads"
"""Names of crypto libraries that may be loaded at run time."""
NODE_SHARED = "node-shared-openssl"
NODE = "node"
PACKED = "packed"

_VERSION = rb"\d{1,4}\.\d{1,4}(?:\.\d{1,4})?"
_CRATES = {
    "ring": "ring",
    "rustls": "rustls",
    "aws-lc-rs": "aws-lc-rs",
    "aws-lc-sys": "aws-lc",
    "aws-lc-fips-sys": "aws-lc-fips",
    "boring-sys": "boringssl",
    "libsodium-sys": "libsodium",
    "wolfssl-sys": "wolfssl",
    "orion": "rustcrypto",
    **dict.fromkeys(
        ("aes", "aes-gcm", "chacha20", "chacha20poly1305", "rsa", "p256", "p384", "k256", "ecdsa", "ed25519-dalek"), "rustcrypto"
    ),
    **dict.fromkeys(("x25519-dalek", "curve25519-dalek", "sha1", "sha2", "sha3", "md-5", "hmac", "blake2"), "rustcrypto"),
}
CRATES: Mapping[bytes, str] = {name.encode(): family for name, family in _CRATES.items()}
"""Families by the crate whose source path is in a panic message."""
_NAMES = b"|".join(re.escape(name) for name in sorted(CRATES, key=len, reverse=True))
CRATE = re.compile(rb"/(" + _NAMES + rb")-(\d{1,4}\.\d{1,4}\.\d{1,4}[0-9A-Za-z.+-]{0,40})/")

Mark = tuple[bytes, str, re.Pattern[bytes]]
"""A literal, the mark's name, and the pattern that reads its value."""

MARKS: tuple[Mark, ...] = (
    (b'OPENSSLDIR: "', OPENSSL_DIRECTORY, re.compile(rb'OPENSSLDIR: "([^"\0]{1,200})"')),
    (b"crypto/evp/evp_enc.c", OPENSSL, re.compile(rb"crypto/evp/evp_enc\.c()")),
    (b"crypto/fipsmodule/", FORK, re.compile(rb"crypto/fipsmodule/()")),
    (b" (compatible; ", FORK, re.compile(rb"OpenSSL \d[0-9.]{1,10} \(compatible; ()")),
    (b"FIPS integrity test failed", FIPS_TEST, re.compile(rb"FIPS integrity test failed()")),
    (b"In Core Integrity check FIPS", WOLFSSL, re.compile(rb"In Core Integrity check FIPS()")),
    (b"sodium_init", "libsodium", re.compile(rb"(?<![0-9A-Za-z])sodium_init()")),
    (b"mbedtls_aes_", MBEDTLS, re.compile(rb"(?<![0-9A-Za-z_])mbedtls_aes_()")),
    (b"TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384", MBEDTLS, re.compile(rb"\0TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384\0()")),
    (b"This is Libgcrypt ", "libgcrypt", re.compile(rb"This is Libgcrypt (" + _VERSION + rb")(?=[^0-9.])")),
    (b"Enabled GnuTLS ", "gnutls", re.compile(rb"Enabled GnuTLS (" + _VERSION + rb")(?=[^0-9.])")),
    (b"Version: NSS ", "nss", re.compile(rb"Version: NSS (" + _VERSION + rb")(?=[^0-9.])")),
    (b"N5Botan11BlockCipherE", "botan", re.compile(rb"N5Botan11BlockCipherE()")),
    (b"N8CryptoPP11BlockCipherE", "cryptopp", re.compile(rb"N8CryptoPP11BlockCipherE()")),
    (b"libcrypto.so", LOADS, re.compile(rb"(?<![0-9A-Za-z_/.-])(libcrypto\.so(?:\.[0-9.]{1,10})?)(?=[^0-9A-Za-z.-])")),
    (b"node_shared_openssl", NODE_SHARED, re.compile(rb"\"node_shared_openssl\": (true|false)")),
)
IN_CODE: tuple[Mark, ...] = tuple(mark for mark in MARKS if mark[1] == FIPS_TEST)
"""Marks that stand in executable segments: BoringSSL's module keeps its constants beside its code (FIPS.md, "delocate")."""
_SAID: Mark = (
    b"OpenSSL ",
    OPENSSL_SAID,
    re.compile(rb"OpenSSL (\d\.\d{1,2}\.\d{1,2}[a-z]{0,2}[0-9A-Za-z.+-]{0,20}(?: +FIPS)? +\d{1,2} [A-Z][a-z]{2} \d{4})"),
)
_LIBRE: Mark = (b"LibreSSL ", "libressl", re.compile(rb"LibreSSL (" + _VERSION + rb")(?=[^0-9.])"))
_CANISTER: Mark = (b"fipscanister", "fipscanister", re.compile(rb"fipscanister()"))
_MODULES: Mark = (b'MODULESDIR: "', MODULES_DIRECTORY, re.compile(rb'MODULESDIR: "([^"\0]{1,200})"'))
FOLLOW: Mapping[str, tuple[Mark, ...]] = {
    OPENSSL_DIRECTORY: (_SAID, _LIBRE, _MODULES, _CANISTER),
    OPENSSL: (_SAID, _LIBRE, _CANISTER),
    FORK: (
        (b"boringssl", "boringssl", re.compile(rb"boringssl[0-9A-Za-z_.+/-]{0,80}/(?:crypto|ssl)/()")),
        (b"BoringSSL", "boringssl", re.compile(rb"[\0 ]BoringSSL[\0)]()")),
        (b"AWS-LC ", "aws-lc", re.compile(rb"AWS-LC (" + _VERSION + rb")(?=[^0-9.])")),
        (b"aws-lc", "aws-lc", re.compile(rb"aws-lc[0-9A-Za-z_.+/-]{0,80}/crypto/()")),
        (b"AWS-LC FIPS ", "aws-lc-fips", re.compile(rb"AWS-LC FIPS (" + _VERSION + rb")(?=[^0-9.])")),
    ),
    WOLFSSL: ((b"wolfCrypt_GetStatus_fips", "wolfssl-fips", re.compile(rb"wolfCrypt_GetStatus_fips()")),),
    MBEDTLS: ((b"bed TLS ", MBEDTLS, re.compile(rb"[Mm]bed TLS (" + _VERSION + rb")(?=[^0-9.])")),),
    NODE_SHARED: ((b"/node-v", NODE, re.compile(rb"/v(\d{1,3}\.\d{1,3}\.\d{1,3}[0-9A-Za-z.-]{0,20})/node-v")),),
}
"""Marks that are searched for once another was found: searching costs time, and these say more of what is known to be there."""

LIBRARIES: Mapping[str, str] = {
    "libcrypto": "openssl",
    "libssl": "openssl",
    "libgnutls": "gnutls",
    "libnettle": "nettle",
    "libhogweed": "nettle",
    "libgcrypt": "libgcrypt",
    "libnss3": "nss",
    "libssl3": "nss",
    "libsmime3": "nss",
    "libsoftokn3": "nss",
    "libfreebl3": "nss",
    "libfreeblpriv3": "nss",
    "libsodium": "libsodium",
    "libmbedcrypto": "mbedtls",
    "libmbedtls": "mbedtls",
    "libmbedx509": "mbedtls",
    "libwolfssl": "wolfssl",
    "libbotan-2": "botan",
    "libbotan-3": "botan",
    "libcrypto++": "cryptopp",
    "libcryptopp": "cryptopp",
    "libtomcrypt": "libtomcrypt",
    "libk5crypto": "krb5",
    "libhcrypto": "heimdal",
}
"""Families by the name of the shared library, without ``.so``, version, and the sum that tools which bundle put in."""
_SUM = re.compile(r"-[0-9a-f]{8,16}$")


def library_family(name: str) -> str:
    """The family of a shared library by its (so)name; empty for what is none of cryptography."""
    stem = name.rpartition("/")[2].partition(".so")[0]
    return LIBRARIES.get(stem) or LIBRARIES.get(_SUM.sub("", stem), "")
