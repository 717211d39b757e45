"""What OpenSSH allows when nobody configures it: ``myproposal.h`` and the release notes of 7.4 to 10.2.

``sshd -T`` and ``ssh -G`` of the real programs are compared with it in tests. A version that is not in the table gets the list of
the nearest one, and whoever asks is told that it is a guess.
"""

from __future__ import annotations

Version = tuple[int, int]
OLDEST: Version = (7, 4)
NEWEST: Version = (10, 2)

_CIPHERS = "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com"
_OLD_CLIENT_CIPHERS = f"{_CIPHERS},aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc"
_NEW_CIPHERS = "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr"
_MACS = (
    "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,"
    "hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1"
)
_EC = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521"
_DH = (
    "diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
    "diffie-hellman-group14-sha256"
)
_SIGN = (
    "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp521-cert-v01@openssh.com,ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "rsa-sha2-512,rsa-sha2-256"
)
_RSA_CERTS = "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com"
_SK = (
    "sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,"
    "sk-ecdsa-sha2-nistp256@openssh.com"
)
_CA = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"

_CA_SK = ",sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com"


def _signatures(version: Version) -> str:
    parts = [_SIGN]
    if version >= (7, 8):
        parts.append(_RSA_CERTS)
    if version >= (8, 2):
        parts.append(_SK)
    if version < (8, 8):
        parts.append("ssh-rsa,ssh-rsa-cert-v01@openssh.com")
    return ",".join(parts)


def _exchanges(version: Version, server: bool) -> str:
    parts = [_EC]
    if version >= (9, 9):
        parts.insert(0, "mlkem768x25519-sha256")
    if version >= (9, 0):
        parts.insert(0, "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com")  # Debian 12 has both names at 9.2
    if version < (10, 0) or not server:
        parts.append(_DH)
    if version < (8, 2):
        parts.append("diffie-hellman-group14-sha1")
    if version < (7, 6) and not server:
        parts.append("diffie-hellman-group-exchange-sha1")
    return ",".join(parts)


def defaults(version: Version | None, *, server: bool) -> tuple[dict[str, tuple[str, ...]], bool]:
    """The lists by keyword, and whether they are those of this very version."""
    known = version is not None and OLDEST <= version <= NEWEST
    at = min(max(version or NEWEST, OLDEST), NEWEST)
    ciphers = _OLD_CLIENT_CIPHERS if at < (7, 6) and not server else _NEW_CIPHERS if at >= (10, 0) else _CIPHERS
    texts = {
        "Ciphers": ciphers,
        "MACs": _MACS,
        "KexAlgorithms": _exchanges(at, server),
        "HostKeyAlgorithms": _signatures(at),
        "PubkeyAcceptedAlgorithms": _signatures(at),
        "CASignatureAlgorithms": _CA + (_CA_SK if at >= (8, 2) else ",ssh-rsa"),
    }
    if at < (7, 9):
        texts.pop("CASignatureAlgorithms")  # what signs a certificate could not be chosen
    return {name: tuple(text.split(",")) for name, text in texts.items()}, known


_EVERY_KEY = (
    "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,sk-ssh-ed25519-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp256,ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384,"
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
    "sk-ecdsa-sha2-nistp256@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,webauthn-sk-ecdsa-sha2-nistp256@openssh.com,"
    "ssh-dss,ssh-dss-cert-v01@openssh.com,ssh-rsa,ssh-rsa-cert-v01@openssh.com,rsa-sha2-256,"
    "rsa-sha2-256-cert-v01@openssh.com,rsa-sha2-512,rsa-sha2-512-cert-v01@openssh.com"
)
_HMAC = "hmac-sha1,hmac-sha1-96,hmac-sha2-256,hmac-sha2-512,hmac-md5,hmac-md5-96"
_ALL_TEXTS = {
    "Ciphers": "3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc,rijndael-cbc@lysator.liu.se,aes128-ctr,aes192-ctr,aes256-ctr,"
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com",
    "MACs": ",".join(
        (
            _HMAC,
            *(f"{name}-etm@openssh.com" for name in _HMAC.split(",")),
            "umac-64@openssh.com,umac-128@openssh.com,umac-64-etm@openssh.com,umac-128-etm@openssh.com",
        )
    ),
    "KexAlgorithms": "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256,"
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha1,"
    "diffie-hellman-group-exchange-sha256,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,curve25519-sha256,"
    "curve25519-sha256@libssh.org,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256",
    "HostKeyAlgorithms": _EVERY_KEY,
    "PubkeyAcceptedAlgorithms": _EVERY_KEY,
    "CASignatureAlgorithms": _EVERY_KEY,
}
ALL = {name: tuple(text.split(",")) for name, text in _ALL_TEXTS.items()}
"""What a name with a wildcard may stand for (``ssh -Q``)."""
