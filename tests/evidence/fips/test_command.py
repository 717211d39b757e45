"""What the command of an image does to variables before its program starts."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.evidence.fips.elves import consumer, elf, fips_system, see, system
from tests.evidence.fips.roots import LIBRARY, STRICT, conf, fipsmodule, module
from tests.evidence.fips.test_go import APP, FIXED, ON, V1, built, program
from tests.oci.layering import File, hardlink

OWN = File("etc/own.cnf", STRICT.encode())
STOCK = conf("# nothing\n")


@pytest.mark.parametrize(
    ("command", "env", "overridden"),
    [
        (["app"], [], "no"),
        (["app", "OPENSSL_CONF=/dev/null"], [], "no"),  # an argument of its own
        (["/usr/bin/env", "OPENSSL_CONF=/dev/null", "app"], [], "yes"),
        (["env", "-i", "OPENSSL_CONF=", "app"], [], "yes"),
        (["env", "-u", "OPENSSL_CONF", "app"], ["OPENSSL_CONF=/dev/null"], "no"),
        (["env", "-C", "/srv", "OPENSSL_CONF=/dev/null", "app"], [], "yes"),
        (["env", "-S", "OPENSSL_CONF=/dev/null app"], [], "yes"),
        (["env", "-SOPENSSL_CONF=/dev/null app"], [], "yes"),
        (["env", "-C"], [], "no"),
        (["tini", "--", "env", "OPENSSL_CONF=/dev/null", "app"], [], "yes"),
        (["env", "--", "app", "OPENSSL_CONF=/dev/null"], [], "no"),
        (["sh", "-c", "OPENSSL_CONF=/dev/null app"], [], "yes"),
        (["/bin/bash", "-lc", 'export A=1 OPENSSL_CONF="/dev/null"; exec app'], [], "yes"),
        (["busybox", "sh", "-c", "OPENSSL_CONF= app"], [], "yes"),
        (["tini", "--", "sh", "-c", "OPENSSL_CONF=/dev/null app"], [], "yes"),
        (["sh", "-c", "OPENSSL_CONF=/etc/own.cnf app"], [], "unknown"),  # for some of what it starts
        (["sh", "-c", "OPENSSL_MODULES=/usr/lib/x86_64-linux-gnu/ossl-modules app"], [], "unknown"),
        (["sh", "-c", "LD_PRELOAD=/app/x.so app"], [], "unknown"),
        (["sh", "-c", "MY_OPENSSL_CONF=/dev/null app"], [], "no"),
        (["sh", "-c", "unset OPENSSL_CONF; app"], ["OPENSSL_CONF=/etc/own.cnf"], "unknown"),
        (["sh", "-c", "env -i app"], ["OPENSSL_CONF=/etc/own.cnf"], "unknown"),
        (["sh", "-c", "su - app -c app"], ["OPENSSL_CONF=/etc/own.cnf"], "unknown"),
        (["sh", "-c", "unset OPENSSL_CONF; app"], [], "no"),
        (["/start.sh", "app"], [], "unknown"),
        (["start.sh"], ["PATH=/opt/bin"], "unknown"),
        (["/harmless.sh"], [], "no"),
    ],
)
def test_openssl(command: Sequence[str], env: Sequence[str], overridden: str) -> None:
    """A configuration that is right is switched off, or doubted, by how the image starts."""
    script = File("start.sh", b'#!/bin/sh\n[ -n "$FIPS" ] || export OPENSSL_CONF=/dev/null\nexec "$@"\n', mode=0o755)
    files = [OWN, script, hardlink("opt/bin/start.sh", "start.sh"), File("harmless.sh", b"#!/bin/sh\n# fips\nexec app\n")]
    found = module(see(fips_system(*files), env, command), LIBRARY)
    assert (found.activated, found.overridden) == ("yes", overridden), found.reasons


def test_a_shell_turns_nothing_on() -> None:
    """What it sets holds for some of what it starts; what `env` sets holds for the program."""
    files = system(fipsmodule(), STOCK, OWN)
    assert module(see(files, command=["sh", "-c", "OPENSSL_CONF=/etc/own.cnf true; app"]), LIBRARY).activated == "no"
    assert module(see(files, command=["env", "OPENSSL_CONF=/etc/own.cnf", "app"]), LIBRARY).activated == "yes"


@pytest.mark.parametrize(
    ("command", "overridden", "activated"),
    [
        (["sh", "-c", "GODEBUG=fips140=off /app"], "yes", "yes"),
        (["env", "GODEBUG=fips140=off", "/app"], "yes", "yes"),
        (["sh", "-c", "unset GODEBUG; /app"], "unknown", "yes"),
        (["sh", "-c", "GODEBUG=fips140=on /app"], "no", "yes"),
    ],
)
def test_go(command: Sequence[str], overridden: str, activated: str) -> None:
    """As for OpenSSL."""
    found = module(see([program(built(FIXED, ON), V1)], ["GODEBUG=fips140=on"], command), APP)
    assert (found.overridden, found.activated) == (overridden, activated)
    assert module(see([program(built(FIXED), V1)], command=["sh", "-c", "GODEBUG=fips140=on /app"]), APP).activated == "no"


@pytest.mark.parametrize(("mode", "pax", "reaches"), [(0o755, {}, "yes"), (0o4755, {}, "unknown"), (0o2755, {}, "unknown")])
def test_setuid_programs_do_not_heed_openssls_variables(mode: int, pax: dict[str, str], reaches: str) -> None:
    """`OPENSSL_CONF` alone turns FIPS on here, and OpenSSL reads it with secure_getenv."""
    file = File("usr/bin/p", elf(needed=["libcrypto.so.3"], loader="/lib64/ld"), mode=mode, pax=pax)
    found = see(system(fipsmodule(), STOCK, OWN, file), ["OPENSSL_CONF=/etc/own.cnf"])
    assert consumer(found, "usr/bin/p").reaches_fips == reaches
    assert consumer(see(fips_system(file)), "usr/bin/p").reaches_fips == "yes"


def test_hostile_commands_take_no_time() -> None:
    """Every pattern is bounded."""
    start = time.process_time()
    for text in ("env " * 60_000, 'GODEBUG="' * 25_000, "unset " * 40_000, "GODEBUG=-D" + "-Dfips" * 30_000, "su " * 80_000):
        assert see(fips_system(), command=["sh", "-c", text]).collected
    assert see(fips_system(), command=["env", "-S" * 100_000, *["env"] * 900]).collected
    assert time.process_time() - start < 5
