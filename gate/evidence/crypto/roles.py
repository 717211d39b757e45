"""Which certificates are anchors of trust, and which of them a distribution's package brought.

1. Nobody verifies the signature on an anchor, so its hash does not count: 30 of Debian's 142 roots are self-signed with SHA-1.
2. A certificate in a place for anchors is one only if it is an authority, or as old as those that do not say (version 1).
3. A self-issued certificate elsewhere may be a server's own (``openssl req -x509`` says CA:TRUE): with its private key in the
   image it is, without it nobody knows.
"""

from __future__ import annotations

import re
from typing import Literal

from gate.evidence.crypto.certificates import CertificateDetail
from gate.evidence.crypto.configs import Configs, normal

Role = Literal["trust_anchor", "end_entity", "intermediate", "unknown"]

_ANCHORS = re.compile(
    r"etc/ssl/(certs/.*|cert\.pem|ca-bundle\.pem|trust-source/.*)"
    r"|usr/(local/)?share/ca-certificates/.*|usr/share/pki/.*|etc/pki/(ca-trust|tls/certs/ca-|java)/?.*|etc/pki/tls/cert\.pem"
    r"|etc/ca-certificates/.*|var/lib/ca-certificates/.*|usr/(lib|share)/ca-certificates/.*|etc/pki/trust/.*|usr/share/ca-certs/.*"
    r"|(.*/)?(certifi|certifi_win32|botocore|grpc|httplib2|requests|pip/_vendor/certifi)/.*\.pem"
    r"|(.*/)?(lib/security|conf/security|java)/(jssecacerts|cacerts)|(.*/)?cacerts(\.pem|\.jks)?|(.*/)?mk-ca-bundle/.*"
    r"|(.*/)?(ca-bundle|ca-certificates|cacert|root_?cert|roots)\.(pem|crt)"
)
_DPKG = re.compile(r"var/lib/dpkg/(info|status\.d)/ca-certificates(-java)?\.md5sums")


def role_of(path: str, detail: CertificateDetail, has_key: bool) -> Role:
    """What a certificate at this path is for, as far as files tell."""
    if has_key:
        return "end_entity"
    if _ANCHORS.fullmatch(path) and (detail.authority or (detail.authority is None and detail.self_issued)):
        return "trust_anchor" if detail.self_issued else "intermediate"
    if detail.authority and not detail.self_issued:
        return "intermediate"
    return "unknown" if detail.self_issued and detail.authority is not False else "end_entity"


def packaged_digests(configs: Configs) -> tuple[dict[str, str], bool]:
    """MD5 by path of what the package with the system's anchors installed, and whether its list is there at all."""
    found: dict[str, str] = {}
    lists = [path for path in configs.names if _DPKG.fullmatch(path)]
    for path in lists:
        for line in (configs.text(path) or "").splitlines():
            digest, _, name = line.partition("  ")
            if len(digest) == 32:
                found[normal(name)] = digest
    return found, bool(found)
