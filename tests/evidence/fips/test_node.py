"""Node: its own OpenSSL or the system's, and the section of the configuration that it reads."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.evidence.fips.elves import consumer, elf, fips_system, see
from tests.evidence.fips.roots import LIBRARY, STRICT, conf, module
from tests.oci.layering import File

NODE = "usr/bin/node"
SHARED = File(NODE, elf(b'"node_shared_openssl": true,', needed=["libcrypto.so.3", "libssl.so.3"], loader="/l"), mode=0o755)
OWN = (
    b'"node_shared_openssl": false, https://x/v20.20.2/node-v20.20.2 \0crypto/evp/evp_enc.c\0OpenSSL 3.0.19 27 Jan 2026\0'
    b'OPENSSLDIR: "/etc/ssl"\0MODULESDIR: "/home/iojs/x"\0'
)
STATIC = File(NODE, elf(OWN, loader="/l"), mode=0o755)
BOTH = STRICT.replace("openssl_conf = openssl_init", "openssl_conf = openssl_init\nnodejs_conf = openssl_init")


@pytest.mark.parametrize(
    ("files", "env", "command", "reaches"),
    [
        ([SHARED], [], [], "no"),
        ([SHARED, conf(BOTH)], [], [], "yes"),
        ([SHARED], ["NODE_OPTIONS=--openssl-shared-config"], [], "yes"),
        ([SHARED], [], ["node", "--openssl-shared-config", "app.js"], "yes"),
        ([SHARED], [], ["/usr/bin/node", "app.js", "--openssl-shared-config"], "no"),
        ([SHARED], [], ["sh", "-c", "node --openssl-shared-config app.js"], "no"),
        ([SHARED], ["NODE_OPTIONS=--force-fips"], [], "broken"),
        ([SHARED], [], ["node", "--enable-fips", "app.js"], "broken"),
        ([SHARED, conf(BOTH)], ["NODE_OPTIONS=--force-fips"], [], "yes"),
        ([SHARED, conf(BOTH)], ["OPENSSL_CONF=/dev/null"], [], "no"),
        ([SHARED, conf(BOTH)], ["NODE_OPTIONS=--openssl-config=/etc/other.cnf"], [], "no"),
        ([SHARED, conf(BOTH)], ["LD_PRELOAD=/x/libevil.so"], [], "unknown"),
        ([SHARED, conf(BOTH)], ["NODE_OPTIONS=--openssl-legacy-provider"], [], "unknown"),
        ([SHARED, conf(BOTH)], [], ["node", "--openssl-legacy-provider", "app.js"], "unknown"),
        ([SHARED, conf(BOTH)], [], ["sh", "-c", "node --openssl-legacy-provider app.js"], "unknown"),
        ([SHARED, conf(BOTH)], [], ["sh", "-c", "NODE_OPTIONS=--openssl-config=/x node app.js"], "unknown"),
        ([STATIC], [], [], "no"),
        ([STATIC, conf(BOTH)], [], [], "no"),
        ([STATIC], ["NODE_OPTIONS='--openssl-shared-config"], [], "no"),
        ([STATIC, File("etc/ssl/openssl.cnf", BOTH.encode())], [], [], "no"),
        (
            [STATIC, File("etc/ssl/openssl.cnf", BOTH.encode())],
            ["OPENSSL_MODULES=/usr/lib/x86_64-linux-gnu/ossl-modules"], [], "yes",
        ),
    ],
)  # fmt: skip
def test_node_on_a_fips_system(files: Sequence[File], env: Sequence[str], command: Sequence[str], reaches: str) -> None:
    """What everyone else reads does not count for Node; an option that cannot be met ends it, and does not let it run open."""
    found = consumer(see(fips_system(*files), env, command), NODE)
    assert (found.kind, found.reaches_fips) == ("node", reaches)


def test_nodes_own_openssl_is_a_module() -> None:
    """Official builds link it in; Debian's use the system's."""
    made = module(see(fips_system(STATIC)), NODE)
    assert (made.family, made.version, made.place, made.capable) == ("openssl", "3.0.19", "static", "no")
    assert "Node 20.20.2" in consumer(see(fips_system(STATIC)), NODE).reasons
    found = see(fips_system(SHARED))
    assert consumer(found, NODE).modules == (LIBRARY,) and NODE not in {item.path for item in found.modules}


@pytest.mark.parametrize("text", [b"third_party/boringssl/src/crypto/fipsmodule/x", b"\0sodium_init\0"])
def test_words_of_node_hide_nothing(text: bytes) -> None:
    """Other cryptography in a file that looks like Node is told all the same."""
    found = see(fips_system(File(NODE, elf(b'"node_shared_openssl": true,' + text, loader="/l"))))
    assert module(found, NODE).capable == "no"
    assert "no" in {item.reaches_fips for item in found.consumers if item.path == NODE}
