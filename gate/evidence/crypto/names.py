"""Names of algorithms, as programs write them, to keys of the bundle's table (``policies/lib/crypto/data.yaml``).

One name may stand for several algorithms: a TLS cipher suite names a key exchange, a signature, a cipher and a MAC. A name that
nobody knows gives the empty key, which is never read as good.
"""

from __future__ import annotations

import re

UNKNOWN = ("",)

_SSH_EXACT = {
    "3des-cbc": "tdea",
    "des-cbc": "des",
    "arcfour": "rc4",
    "arcfour128": "rc4",
    "arcfour256": "rc4",
    "blowfish-cbc": "blowfish",
    "cast128-cbc": "cast5",
    "rijndael-cbc@lysator.liu.se": "aes-256-cbc",
    "chacha20-poly1305": "chacha20-poly1305",
    "none": "none",
    "curve25519-sha256": "x25519",
    "curve448-sha512": "x448",
    "ecdh-sha2-nistp256": "ecdh-p256",
    "ecdh-sha2-nistp384": "ecdh-p384",
    "ecdh-sha2-nistp521": "ecdh-p521",
    "diffie-hellman-group1-sha1": "dh-1024",
    "diffie-hellman-group14-sha1": "dh-2048-sha1",
    "diffie-hellman-group14-sha256": "dh-2048",
    "diffie-hellman-group15-sha512": "dh-3072",
    "diffie-hellman-group16-sha512": "dh-4096",
    "diffie-hellman-group17-sha512": "dh-6144",
    "diffie-hellman-group18-sha512": "dh-8192",
    "diffie-hellman-group-exchange-sha1": "dh-2048-sha1",
    "diffie-hellman-group-exchange-sha256": "dh-negotiated",
    "sntrup761x25519-sha512": "sntrup761-x25519",
    "sntrup4591761x25519-sha512@tinyssh.org": "sntrup761-x25519",
    "mlkem768x25519-sha256": "mlkem768-x25519",
    "mlkem768nistp256-sha256": "mlkem768-p256",
    "mlkem1024nistp384-sha384": "mlkem1024-p384",
    "ssh-rsa": "rsa-sha1",
    "rsa-sha2-256": "rsa-sha256",
    "rsa-sha2-512": "rsa-sha512",
    "ssh-dss": "dsa",
    "ssh-ed25519": "ed25519",
    "ssh-ed448": "ed448",
    "sk-ssh-ed25519": "ed25519",
    "sk-ecdsa-sha2-nistp256": "ecdsa-p256",
    "webauthn-sk-ecdsa-sha2-nistp256": "ecdsa-p256",
    "ecdsa-sha2-nistp256": "ecdsa-p256",
    "ecdsa-sha2-nistp384": "ecdsa-p384",
    "ecdsa-sha2-nistp521": "ecdsa-p521",
    "hmac-md5": "hmac-md5",
    "hmac-sha1": "hmac-sha1",
    "hmac-sha2-256": "hmac-sha256",
    "hmac-sha2-512": "hmac-sha512",
    "hmac-ripemd160": "hmac-ripemd160",
    "umac-64": "umac",
    "umac-128": "umac",
    "null": "none",
}
_SSH_AES = re.compile(r"aes(128|192|256)-(cbc|ctr|gcm)")
_SSH_SUFFIX = re.compile(r"(-cert-v0[01])?(@(openssh\.com|libssh\.org|openssh\.org))?")
_SSH_GSS = re.compile(r"gss-(gex|group1|group14|group16|nistp256|curve25519)-(sha1|sha256|sha512)-?.*")
_GSS = {
    "gex": "dh-negotiated",
    "group1": "dh-1024",
    "group14": "dh-2048",
    "group16": "dh-4096",
    "nistp256": "ecdh-p256",
    "curve25519": "x25519",
}


def of_ssh(name: str) -> str:
    """The key of one name of OpenSSH's lists; empty when it is not known."""
    plain = name.strip().casefold()
    if plain in _SSH_EXACT:
        return _SSH_EXACT[plain]
    gss = _SSH_GSS.fullmatch(plain)
    if gss:
        return "dh-2048-sha1" if gss.group(2) == "sha1" and gss.group(1) != "group1" else _GSS[gss.group(1)]
    base, _, domain = plain.partition("@")
    if domain and domain not in {"openssh.com", "libssh.org", "openssh.org", "ssh.com"}:
        return ""
    base = re.sub(r"-cert-v0[01]$", "", base)
    base = re.sub(r"-etm$", "", base)
    base = re.sub(r"^(hmac-(?:md5|sha1))-96$", r"\1", base)
    aes = _SSH_AES.fullmatch(base)
    return f"aes-{aes.group(1)}-{aes.group(2)}" if aes else _SSH_EXACT.get(base, "")


_PROTOCOLS = {
    "ssl2": "ssl2", "sslv2": "ssl2", "ssl3": "ssl3", "sslv3": "ssl3", "ssl3.0": "ssl3",
    "tls1": "tls1.0", "tlsv1": "tls1.0", "tlsv1.0": "tls1.0", "tls1.0": "tls1.0", "tlsv1_0": "tls1.0", "tls10": "tls1.0",
    "tlsv1.1": "tls1.1", "tls1.1": "tls1.1", "tlsv11": "tls1.1", "tlsv1_1": "tls1.1", "tls11": "tls1.1",
    "tlsv1.2": "tls1.2", "tls1.2": "tls1.2", "tlsv12": "tls1.2", "tlsv1_2": "tls1.2", "tls12": "tls1.2",
    "tlsv1.3": "tls1.3", "tls1.3": "tls1.3", "tlsv13": "tls1.3", "tlsv1_3": "tls1.3", "tls13": "tls1.3",
    "dtlsv1": "dtls1.0",
    "dtlsv1.0": "dtls1.0", "dtls1.0": "dtls1.0", "dtls0.9": "dtls1.0", "dtlsv1.2": "dtls1.2", "dtls1.2": "dtls1.2",
}  # fmt: skip
PROTOCOLS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""In order of age."""


def of_protocol(name: str) -> str:
    """The key of a protocol version; empty when it is not known."""
    return _PROTOCOLS.get(name.strip().casefold(), "")


_GROUPS = {
    "prime256v1": "ecdh-p256", "secp256r1": "ecdh-p256", "p-256": "ecdh-p256", "secp384r1": "ecdh-p384", "p-384": "ecdh-p384",
    "secp521r1": "ecdh-p521", "p-521": "ecdh-p521", "x25519": "x25519", "x448": "x448",
    "secp224r1": "ecdh-p224", "p-224": "ecdh-p224",
    "ffdhe2048": "dh-2048", "ffdhe3072": "dh-3072", "ffdhe4096": "dh-4096", "ffdhe6144": "dh-6144", "ffdhe8192": "dh-8192",
    "secp256k1": "ecdh-secp256k1", "brainpoolp256r1": "ecdh-brainpool", "brainpoolp384r1": "ecdh-brainpool",
    "brainpoolp512r1": "ecdh-brainpool", "x25519mlkem768": "mlkem768-x25519", "secp256r1mlkem768": "mlkem768-p256",
    "secp384r1mlkem1024": "mlkem1024-p384", "mlkem512": "ml-kem-512", "mlkem768": "ml-kem-768", "mlkem1024": "ml-kem-1024",
    "auto": "ecdh",
}  # fmt: skip


def of_group(name: str) -> str:
    """The key of a named group of TLS; empty when it is not known."""
    return _GROUPS.get(name.strip().casefold().lstrip("?*"), "")


_CIPHER = (
    (re.compile(r"CHACHA20"), "chacha20-poly1305"),
    (re.compile(r"3DES|DES[_-]CBC3|DES-EDE|DES[_-]192"), "tdea"),
    (re.compile(r"DES40|(?<!3)DES([_-]CBC)?(?![0-9A-Z])"), "des"),
    (re.compile(r"RC4|ARCFOUR"), "rc4"),
    (re.compile(r"RC2"), "rc2"),
    (re.compile(r"CAMELLIA"), "camellia"),
    (re.compile(r"ARIA"), "aria"),
    (re.compile(r"SEED"), "seed"),
    (re.compile(r"IDEA"), "idea"),
    (re.compile(r"SM4"), "sm4"),
    (re.compile(r"GOST|MAGMA|KUZNYECHIK"), "gost"),
    (re.compile(r"NULL|eNULL"), "none"),
)
_AES = re.compile(r"AES[_-]?(128|192|256)(?:[_-]?(GCM|CCM|CBC|CTR))?")


def of_suite(name: str) -> tuple[str, ...]:
    """The keys of a cipher suite in OpenSSL's or IANA's spelling; ``("",)`` when nothing in it is known."""
    text = name.strip().upper()
    found: list[str] = []
    left, joined, right = text.partition("_WITH_")
    exchange, rest = (left.removeprefix("TLS_").removeprefix("SSL_"), right) if joined else (text, text)
    body = rest
    cipher = next((key for pattern, key in _CIPHER if pattern.search(body)), "")
    aes = _AES.search(body)
    if aes and not cipher:
        cipher = f"aes-{aes.group(1)}-{(aes.group(2) or 'CBC').casefold()}"
    if not cipher:
        return UNKNOWN
    found.append(cipher)
    if not joined and re.fullmatch(r"TLS_(AES|CHACHA20|SM4).*", text):
        return tuple(found)  # TLS 1.3 names no key exchange
    found += _exchange(exchange, bool(joined))
    mac = re.search(r"(MD5|SHA1|SHA|SHA256|SHA384|SHA512)(?:_OLD)?$", body)
    if mac and not re.search(r"GCM|CCM|CHACHA20|POLY1305", body):
        found.append({"MD5": "hmac-md5", "SHA": "hmac-sha1"}.get(mac.group(1), f"hmac-{mac.group(1).casefold()}"))
    if "EXP" in exchange.split("-")[0] or "EXPORT" in text:
        found.append("export")
    return tuple(found)


def _exchange(text: str, iana: bool) -> list[str]:
    parts = re.split(r"[_-]", text)
    found = []
    if "ANON" in text or text.startswith(("ADH", "AECDH")):
        found.append("anon")
    if "PSK" in parts:
        found.append("psk")
    if "SRP" in parts:
        found.append("srp")
    if "KRB5" in parts or any(part.startswith("GOST") for part in parts):
        found.append("other-kex")
    if "ECDHE" in parts or "EECDH" in parts or "AECDH" in parts:
        found.append("ecdh")
    elif "ECDH" in parts:
        found.append("ecdh-static")
    elif "DHE" in parts or "EDH" in parts or "ADH" in parts or (iana and "DH" in parts and "ANON" in text):
        found.append("dh")
    elif iana and "DH" in parts:
        found.append("dh-static")
    elif "RSA" in parts or not (set(parts) & {"PSK", "SRP", "KRB5"} or "other-kex" in found):
        found.append("rsa-key-transport")
    if "DSS" in parts:
        found.append("dsa")
    return found


KEYS = frozenset(
    {
        *_SSH_EXACT.values(), *_GSS.values(), *_PROTOCOLS.values(), *_GROUPS.values(), *(key for _, key in _CIPHER),
        *(f"aes-{size}-{mode}" for size in (128, 192, 256) for mode in ("cbc", "ctr", "gcm", "ccm", "ecb")),
        "aes", "anon", "psk", "srp", "other-kex", "ecdh", "ecdh-static", "dh", "dh-static", "rsa-key-transport", "dsa", "export",
        "hmac-sha384", "rsa", "rsa-legacy", "rsa-2048", "rsa-3072", "md2", "md5", "sha1", "sha1-signature", "ssh1", "ecdsa",
        "ec-other",
    }
)  # fmt: skip
"""Every key that a name can come to; each is in the bundle's table."""
