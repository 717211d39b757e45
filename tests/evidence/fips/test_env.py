"""Variables of Env: what each does to which family."""

import pytest

from tests.evidence.fips.roots import LIBRARY, STRICT, conf, debian, fipsmodule, libcrypto, look
from tests.oci.layering import File, folder


@pytest.mark.parametrize(
    ("variable", "effect", "family"),
    [
        ("OPENSSL_CONF=/dev/null", "disables", "openssl"),
        ("OPENSSL_CONF=", "disables", "openssl"),
        ("OPENSSL_CONF=relative.cnf", "disables", "openssl"),
        ("OPENSSL_MODULES=/nowhere", "disables", "openssl"),
        ("OPENSSL_FORCE_FIPS_MODE=0", "disables", "openssl"),
        ("OPENSSL_FORCE_FIPS_MODE=1", "enables", "openssl"),
        ("OPENSSL_FIPS=1", "enables", "openssl"),
        ("OPENSSL_FIPS=no", "disables", "openssl"),
        ("GODEBUG=fips140=off", "disables", "go"),
        ("GODEBUG=fips140=on,fips140=off", "disables", "go"),
        ("GODEBUG=http2debug=1,fips140=only", "enables", "go"),
        ("GODEBUG=fips140=surprise", "disables", "go"),
        ("GODEBUG=netdns=go", None, ""),
        ("GOFIPS=0", "disables", "go"),
        ("GOLANG_FIPS=1", "enables", "go"),
        ("GO_OPENSSL_VERSION_OVERRIDE=1.1", "redirects", "go"),
        ("NODE_OPTIONS=--max-old-space-size=4096", None, ""),
        ("NODE_OPTIONS=--openssl-shared-config", "enables", "node"),
        ("NODE_OPTIONS=--openssl-config=/x", "redirects", "node"),
        ("NODE_OPTIONS=--openssl-legacy-provider", "redirects", "node"),
        ("JAVA_TOOL_OPTIONS=-Xmx1g -Dcom.redhat.fips=false", "disables", "java"),
        ("JDK_JAVA_OPTIONS=-Djava.security.disableSystemPropertiesFile=true", "disables", "java"),
        ("_JAVA_OPTIONS=-Djava.security.properties==/x", "redirects", "java"),
        ("JAVA_TOOL_OPTIONS=-Xmx1g", None, ""),
        ("LD_PRELOAD=/app/x.so:/app/y.so", "unknown", "openssl"),
        ("LD_AUDIT=/app/x.so", "unknown", "gnutls"),
        (f"LD_PRELOAD=/{LIBRARY}", None, ""),
        ("LD_LIBRARY_PATH=/app/lib", "redirects", "openssl"),
        ("LD_LIBRARY_PATH=/app/empty", None, ""),
        ("NSS_FIPS=1", "enables", "nss"),
        ("GNUTLS_FORCE_FIPS_MODE=0", "disables", "gnutls"),
        ("GNUTLS_FORCE_FIPS_MODE=maybe", "unknown", "gnutls"),
        ("GNUTLS_SKIP_FIPS_INTEGRITY_CHECKS=1", "disables", "gnutls"),
        ("LIBGCRYPT_FORCE_FIPS_MODE=1", "enables", "libgcrypt"),
        ("CLR_OPENSSL_VERSION_OVERRIDE=1.1", "redirects", "openssl"),
        ("openssl_conf=/dev/null", None, ""),
    ],
)
def test_each_variable(variable: str, effect: str | None, family: str) -> None:
    """Only what switches off is told as that; names are exact."""
    files = debian(
        conf(STRICT), fipsmodule(), File("app/lib/libcrypto.so.3", libcrypto()), File("app/x.so", b"x"), folder("app/empty")
    )
    found = look(files, env=[variable]).env
    assert [item.effect for item in found] == ([effect] if effect else [])
    assert all(family in item.families and item.name == variable.partition("=")[0] for item in found)


def test_a_preload_file_makes_the_facts_incomplete() -> None:
    """`/etc/ld.so.preload` puts a library before every program, without any variable."""
    facts = look(debian(conf(STRICT), fipsmodule(), File("etc/ld.so.preload", b"/app/x.so\n")))
    assert [(item.code, item.where) for item in facts.diagnostics] == [("preload", "/app/x.so")]
    assert not facts.complete
    assert look(debian(File("etc/ld.so.preload", f"# ours\n/{LIBRARY}\n".encode()))).complete
