"""TLS settings of OpenSSL, servers, Java, GnuTLS and Envoy."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from gate.evidence.crypto.names import of_suite
from gate.evidence.crypto.tls import evaluate
from gate.model.fips import FipsFacts, OpensslConfig
from tests.evidence.crypto.support import look
from tests.oci.layering import File

GOOD = "ECDHE+AESGCM"


def keys(*files: File, fips: FipsFacts | None = None, setting: str = "") -> set[str]:
    """Keys of the algorithms that these files come to."""
    found = look(files, fips=fips)
    return {fact.algorithm for fact in found.algorithms if setting in fact.setting}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ECDHE-RSA-AES256-GCM-SHA384", {"aes-256-gcm", "ecdh"}),
        ("AES128-SHA", {"aes-128-cbc", "rsa-key-transport", "hmac-sha1"}),
        ("DES-CBC3-SHA", {"tdea", "rsa-key-transport", "hmac-sha1"}),
        ("EXP-RC4-MD5", {"rc4", "rsa-key-transport", "hmac-md5", "export"}),
        ("ADH-AES128-SHA256", {"aes-128-cbc", "anon", "dh", "hmac-sha256"}),
        ("PSK-CHACHA20-POLY1305", {"chacha20-poly1305", "psk"}),
        ("TLS_AES_128_GCM_SHA256", {"aes-128-gcm"}),
        ("TLS_CHACHA20_POLY1305_SHA256", {"chacha20-poly1305"}),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", {"tdea", "rsa-key-transport", "hmac-sha1"}),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", {"aes-128-cbc", "ecdh", "hmac-sha1"}),
        ("TLS_DH_anon_WITH_RC4_128_MD5", {"rc4", "anon", "dh", "hmac-md5"}),
        ("TLS_ECDH_RSA_WITH_AES_256_CBC_SHA", {"aes-256-cbc", "ecdh-static", "hmac-sha1"}),
        ("TLS_RSA_WITH_NULL_SHA256", {"none", "rsa-key-transport", "hmac-sha256"}),
        ("ECDHE-FANCY-NEW", {""}),
    ],
)
def test_suites_are_taken_apart(name: str, found: set[str]) -> None:
    """Key exchange, cipher and MAC; what nobody knows stays unknown."""
    assert set(of_suite(name)) == found


@pytest.mark.parametrize(
    "text",
    ["HIGH:!aNULL:!MD5", "DEFAULT", "ECDHE+AESGCM:DHE+AESGCM:!DSS", "kRSA:!AES128", "ALL:-SHA1:ECDHE-RSA-AES128-SHA", "AES+ECDH",
     "eNULL", "COMPLEMENTOFDEFAULT", "ALL:!CHACHA20:!PSK:!SRP:!ARIA:!kRSA:!aNULL:!AESCCM8:!CAMELLIA", "kECDHE:!aRSA", "SSLv3",
     "HIGH:-DHE", "AES256:!SHA384", "NOSUCH:AES128-SHA"],
)  # fmt: skip
def test_the_real_openssl_says_the_same(text: str) -> None:
    """``openssl ciphers`` of OpenSSL 3.0, which the table is of."""
    path = shutil.which("openssl")
    if path is None or not subprocess.run([path, "version"], capture_output=True, check=True).stdout.startswith(b"OpenSSL 3.0"):
        pytest.skip("there is no OpenSSL 3.0 here")
    said = subprocess.run([path, "ciphers", "-v", f"{text}:@SECLEVEL=0"], capture_output=True, text=True, check=True).stdout
    assert set(evaluate(text)[0]) == {line.split()[0] for line in said.splitlines() if line.split()[1] != "TLSv1.3"}


@pytest.mark.parametrize(
    ("text", "extra"),
    [("HIGH:RC4", {"rc4"}), ("HIGH:!RC4:RC4", set()), ("3DES:-3DES", set()), ("DES-CBC3-SHA", {"tdea"}),
     ("EXPORT:LOW", {"export", "des"}), ("!3DES:DES-CBC3-SHA", set())],
)  # fmt: skip
def test_what_only_other_builds_have_is_listed(text: str, extra: set[str]) -> None:
    """An old OpenSSL has RC4 and 3DES; a list that asks for them is not made good by a newer table."""
    assert {key for _, key in evaluate(text)[1]} == extra


def openssl(**settings: str) -> FipsFacts:
    """What the FIPS facts say of an openssl.cnf."""
    config = OpensslConfig(
        path="etc/ssl/openssl.cnf", layer="", used_by="usr/lib/libcrypto.so.3", section="openssl_conf", found=True, providers=(),
        default_properties="", state="default", settings=settings,
    )  # fmt: skip
    return FipsFacts(collected=True, openssl=(config,))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"MinProtocol": "TLSv1.2"}, {"tls1.2", "tls1.3"}),
        ({"MinProtocol": "TLSv1"}, {"tls1.0", "tls1.1", "tls1.2", "tls1.3"}),
        ({"MinProtocol": "None"}, {"ssl2", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3"}),
        ({"TLS.MinProtocol": "TLSv1.3"}, {"tls1.3"}),
        ({"Protocol": "ALL,-SSLv3,-TLSv1,-SSLv2"}, {"tls1.1", "tls1.2", "tls1.3"}),
        ({"Protocol": "TLSv1.2"}, {"tls1.2"}),
        ({"Ciphersuites": "TLS_AES_256_GCM_SHA384"}, {"aes-256-gcm"}),
        ({"CipherString": "ECDHE-RSA-AES256-GCM-SHA384"}, {"aes-256-gcm", "ecdh"}),
        ({"Groups": "P-256:X25519:?fancy"}, {"ecdh-p256", "x25519", ""}),
    ],
)
def test_openssl_cnf(settings: dict[str, str], found: set[str]) -> None:
    """Commands of SSL_CONF_cmd(3)."""
    assert keys(fips=openssl(**settings)) == found


TLS13 = {"aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"}
NGINX = "http {{ {} include conf.d/*.conf; }}"
SERVER = "server {{ listen 443 ssl; {} }}"


def nginx(outer: str, *servers: str) -> list[File]:
    """nginx with these servers."""
    return [File("etc/nginx/nginx.conf", NGINX.format(outer).encode())] + [
        File(f"etc/nginx/conf.d/{number}.conf", server.encode()) for number, server in enumerate(servers)
    ]


def test_nginx_settings_in_every_block() -> None:
    """Quotes and comments are read; includes are relative to the main file."""
    files = nginx(
        "", SERVER.format(f'ssl_protocols TLSv1.2; ssl_ciphers "{GOOD}"; # ssl_protocols SSLv3;\n ssl_ecdh_curve secp384r1;')
    )
    assert keys(*files) == {"tls1.2", "ecdh", "ecdh-p384"} | TLS13
    assert keys(*nginx("ssl_protocols TLSv1;", SERVER.format(""))) >= {"tls1.0"}


def test_an_nginx_server_that_says_nothing_has_the_default() -> None:
    """Also beside one that says everything."""
    told = SERVER.format(f"ssl_protocols TLSv1.2; ssl_ciphers {GOOD}; ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;")
    assert "camellia" not in keys(*nginx("", told)) and "tls1.0" not in keys(*nginx("", told))
    assert keys(*nginx("", told, SERVER.format(""))) >= {"camellia", "tls1.0", "chacha20-poly1305"}
    assert keys(*nginx("", "server { listen 80; }")) == set(), "without TLS there is none"
    assert keys(*nginx("ssl_certificate x;", "server { listen 80; }")) >= {"camellia"}


def test_other_commands_leave_the_suites_of_tls_1_3() -> None:
    """Only Ciphersuites changes them."""
    told = SERVER.format(f"ssl_protocols TLSv1.3; ssl_ciphers {GOOD}; ssl_conf_command Options KTLS;")
    assert "chacha20-poly1305" in keys(*nginx("", told))


def test_the_system_profile_of_rhel() -> None:
    """``PROFILE=SYSTEM`` is a file; without it nobody knows what it stands for."""
    server = nginx("", SERVER.format("ssl_protocols TLSv1.2; ssl_ciphers PROFILE=SYSTEM; ssl_conf_command Ciphersuites X;"))
    system = File(
        "etc/crypto-policies/back-ends/openssl.config", b"@SECLEVEL=2:kEECDH:-aNULL:-CHACHA20:-SHA1:-ARIA:-CAMELLIA:-PSK\n"
    )
    left = keys(*server, system, setting="ssl_ciphers")
    assert left >= {"ecdh", "aes-256-gcm"} and not left & {
        "anon",
        "chacha20-poly1305",
        "hmac-sha1",
        "psk",
        "rsa-key-transport",
        "",
    }
    assert keys(*server, setting="ssl_ciphers") == {""}


def test_includes_in_circles_end() -> None:
    """And say so."""
    found = look([File("etc/nginx/nginx.conf", b"include nginx.conf; http { include nginx.conf; }")])
    assert not found.complete


def test_httpd() -> None:
    """Signs of SSLProtocol, the default where nothing is said outside a host, includes."""
    main = File(
        "etc/apache2/apache2.conf", b"IncludeOptional mods-enabled/*.conf\n<VirtualHost *:443>\nSSLEngine on\n</VirtualHost>\n"
    )
    mod = File("etc/apache2/mods-enabled/ssl.conf", b"SSLProtocol -all +TLSv1.2\nSSLCipherSuite ECDHE-RSA-AES128-GCM-SHA256\n")
    assert keys(main, mod) == {"tls1.2", "aes-128-gcm", "ecdh"} | TLS13
    assert keys(main) >= {"tls1.0", "tls1.1", "rsa-key-transport", "chacha20-poly1305"}
    inside = File(
        "etc/apache2/apache2.conf",
        b"<VirtualHost a>\nSSLEngine on\nSSLProtocol TLSv1.2\nSSLCipherSuite AES128-SHA\n</VirtualHost>\n",
    )
    assert keys(inside) >= {"tls1.0"}, "another host may say nothing"


def test_haproxy() -> None:
    """Defaults of the global section and words of a bind line."""
    text = (
        "global\n ssl-default-bind-ciphers ECDHE-RSA-AES128-GCM-SHA256\n ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256\n"
    )
    bind = "frontend f\n bind :443 ssl crt /x ssl-min-ver TLSv1.1\n"
    assert keys(File("etc/haproxy/haproxy.cfg", (text + bind).encode())) == {"aes-128-gcm", "ecdh", "tls1.1", "tls1.2", "tls1.3"}
    assert keys(File("etc/haproxy/haproxy.cfg", b"frontend f\n bind :443 ssl crt /x\n")) >= {
        "rsa-key-transport",
        "chacha20-poly1305",
    }


ENVOY = """
static_resources: {listeners: [{filter_chains: [{transport_socket: {typed_config: {common_tls_context: %s}}}]}]}
"""


def test_envoy() -> None:
    """tls_params, in YAML and JSON, and the default without them; an odd file makes the facts incomplete."""
    suites = "['[ECDHE-RSA-AES128-GCM-SHA256|AES128-SHA]']"
    said = f"{{tls_params: {{tls_minimum_protocol_version: TLSv1_0, cipher_suites: {suites}, ecdh_curves: [P-256]}}}}"
    assert keys(File("etc/envoy/envoy.yaml", (ENVOY % said).encode())) >= {"tls1.0", "rsa-key-transport", "ecdh-p256"}
    assert keys(File("etc/envoy/envoy.yaml", (ENVOY % "{}").encode())) >= {"chacha20-poly1305", "x25519", "tls1.2"}
    assert keys(
        File("etc/envoy/a.json", b'{"a": {"commonTlsContext": {"tlsParams": {"tlsMinimumProtocolVersion": "TLSv1_1"}}}}')
    ) >= {"tls1.1"}
    bomb = "a: &a [x]\n" + "".join(
        f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *{'a' if not n else f'b{n - 1}'}]\n" for n in range(60)
    )
    assert look([File("etc/envoy/envoy.yaml", bomb.encode())]).complete, "each value is looked at once, however often it is named"
    assert not look([File("etc/envoy/envoy.yaml", b"[" * 5000)]).complete
    assert not look([File("etc/envoy/envoy.yaml", b"a: !python/object:os.system x")]).complete


FULL = (
    "jdk.tls.disabledAlgorithms=SSLv3, TLSv1, TLSv1.1, RC4, DES, MD5withRSA, DH keySize < 2048, 3DES_EDE_CBC, anon, NULL, \\\n"
    "    TLS_RSA_*, ChaCha20-Poly1305\njdk.certpath.disabledAlgorithms=MD2, MD5, SHA1, RSA keySize < 2048\n"
)


def test_java() -> None:
    """What is not disabled is allowed; without the property nothing is; RHEL's overlay counts only where it is switched on."""
    path = "usr/lib/jvm/x/conf/security/java.security"
    assert keys(File(path, FULL.encode())) == set()
    assert keys(File(path, b"")) >= {"ssl3", "rc4", "tdea", "chacha20-poly1305", "md5", "sha1-signature", "rsa-legacy", "dh-1024"}
    assert keys(File(path, FULL.replace("SSLv3, TLSv1,", "SSLv3,").encode())) == {"tls1.0"}
    system = File("etc/crypto-policies/back-ends/java.config", FULL.encode())
    assert keys(File(path, b"security.useSystemPropertiesFile=true\n"), system) == set()
    assert keys(File(path, b"security.useSystemPropertiesFile=false\n"), system) >= {"ssl3"}


def test_gnutls() -> None:
    """An allow-list enables, a block-list leaves."""
    allow = b"[global]\noverride-mode = allowlist\n[overrides]\nenabled-version = tls1.2\ntls-enabled-cipher = aes-256-gcm\n"
    assert keys(File("etc/gnutls/config", allow)) == {"tls1.2", "aes-256-gcm"}
    block = b"[overrides]\ndisabled-version = tls1.0\n"
    assert keys(File("etc/gnutls/config", block)) == {"tls1.1", "chacha20-poly1305"}
    assert keys(File("etc/gnutls/config", b"[priorities]\nSYSTEM=NORMAL:+RSA:+ARCFOUR-128\n")) >= {"rsa-key-transport", "rc4"}
