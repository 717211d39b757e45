"""Configurations that mean harm: nothing raises, nothing takes long, and what was left out is said."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.crypto.support import look, program
from tests.oci.layering import File

SSHD = program("usr/sbin/sshd", "9.2")
PLACES = (
    *("etc/ssh/sshd_config", "etc/nginx/nginx.conf", "etc/apache2/apache2.conf", "etc/haproxy/haproxy.cfg", "etc/gnutls/config"),
    *("etc/envoy/envoy.yaml", "jdk/conf/security/java.security", "var/lib/dpkg/info/ca-certificates.md5sums"),
)
MANY = [File(f"etc/ssh/sshd_config.d/{number}", b"x\n") for number in range(50)]
WORDS = (
    *[
        "Ciphers",
        "Include",
        "include",
        "*",
        "/etc",
        "{",
        "}",
        ";",
        '"',
        "'",
        "\\",
        "=",
        "+",
        "-",
        "^",
        "!",
        ":",
        "@",
        "#",
        "server",
        "listen",
        "ssl",
        "ssl_protocols",
        "ssl_ciphers",
        "SSLProtocol",
    ],
    *[
        "SSLEngine",
        "<VirtualHost",
        "</",
        "bind",
        "ssl-min-ver",
        "TLSv1",
        "jdk.tls.disabledAlgorithms",
        "common_tls_context",
        "tls_params",
        "[",
        "]",
        "&a",
        "*a",
    ],
    *["0x", "2001-99-99", "override-mode", "Match", "RequiredRSASize", "²"],
    *("\0", "\n", " "),
)


@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join), st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
def test_nothing_raises(text: str, noise: bytes) -> None:
    """Whatever stands in a configuration."""
    assert look([SSHD, *(File(place, text.encode() + noise) for place in PLACES)]).collected


@pytest.mark.parametrize(
    "files",
    [
        [SSHD, File("etc/ssh/sshd_config", b"Include /x*/y*\n" * 60_000), *(File(f"x{n}/y", b"") for n in range(300))],
        [SSHD, File("etc/ssh/sshd_config", b"Include sshd_config.d/*\n" * 50), *MANY],
        [SSHD, File("etc/ssh/sshd_config", b"Include x.conf\n" * 400), File("etc/ssh/x.conf", b"Ciphers aes256-ctr\n" * 6000)],
        [File("etc/nginx/nginx.conf", b"a{" * 300_000)],
        [File("etc/nginx/nginx.conf", b"a b;" * 250_000)],
    ],
    ids=["patterns", "matches", "text", "blocks", "directives"],
)  # fmt: skip
def test_work_is_bounded_and_said(files: list[File]) -> None:
    """A small image cannot keep the gate busy, and is not taken for one that was read."""
    start = time.process_time()
    found = look(files)
    assert not found.complete and found.diagnostics
    assert time.process_time() - start < 20
