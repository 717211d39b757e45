"""OpenSSL in an image: what is capable, installed, activated, intact and not overridden, each by itself."""

import pytest

from tests.evidence.fips.roots import (
    FIPS,
    LIBRARY,
    STRICT,
    conf,
    config,
    debian,
    fipsmodule,
    libcrypto,
    look,
    mac_of,
    module,
    provider,
)
from tests.oci.layering import File, symlink

_DEFAULT = "[default_sect]\nactivate = 1\n"
PREFERRED = STRICT.replace("base = base_sect", "base = base_sect\ndefault = default_sect") + _DEFAULT
NOT_ENFORCED = PREFERRED.replace("alg_section = algorithm_sect\n", "")
STOCK = "openssl_conf = openssl_init\n[openssl_init]\nproviders = p\n[p]\ndefault = default_sect\n[default_sect]\n"
KERNEL = "/proc/sys/crypto/fips_enabled"


@pytest.mark.parametrize(
    ("files", "state", "activated", "integrity"),
    [
        pytest.param([conf(STOCK)], "default", "no", "absent", id="stock-debian"),
        pytest.param([], "absent", "no", "absent", id="no-configuration"),
        pytest.param([conf(STRICT), fipsmodule()], "strict", "yes", "matches", id="strict"),
        pytest.param([conf(PREFERRED), fipsmodule()], "preferred", "yes", "matches", id="default-provider-beside"),
        pytest.param([conf(NOT_ENFORCED), fipsmodule()], "not_enforced", "no", "matches", id="no-default-properties"),
        pytest.param([conf(STRICT)], "broken", "broken", "absent", id="include-missing"),
        pytest.param([conf(STRICT), fipsmodule("00:" + mac_of(provider())[3:])], "broken", "broken", "differs", id="wrong-mac"),
        pytest.param([conf(STRICT), fipsmodule(""), ], "broken", "broken", "absent", id="no-mac"),
        pytest.param([conf(STRICT), fipsmodule(), File(FIPS, provider() + b"x")], "broken", "broken", "differs", id="tampered"),
        pytest.param([conf(STRICT), fipsmodule(), File(FIPS, b"no ELF")], "broken", "unknown", "absent", id="no-library-at-all"),
        pytest.param(
            [symlink("usr/lib/ssl/openssl.cnf", "/etc/ssl/x.cnf"), File("etc/ssl/x.cnf", STRICT.encode()), fipsmodule()],
            "strict", "yes", "matches", id="through-a-link",
        ),
    ],
)  # fmt: skip
def test_the_truth_table(files: list[File], state: str, activated: str, integrity: str) -> None:
    """What each configuration comes to, as `openssl` itself behaves under it."""
    facts = look(debian(*files))
    library = module(facts, LIBRARY)
    assert (config(facts).state, library.activated) == (state, activated)
    assert (library.capable, library.version, library.package, library.vendor) == ("yes", "3.5.9", "libssl3t64", "debian")
    assert library.bypassable is (state == "preferred")
    if any(item.path == FIPS for item in facts.modules):
        found = module(facts, FIPS)
        assert (found.integrity, found.activated, found.capable) == (integrity, activated, "yes")
        assert (found.version, found.package_version) == ("3.5.9", "3.5.9-1")
    assert facts.collected and facts.complete and facts.certain


@pytest.mark.parametrize(
    ("env", "activated", "overridden"),
    [
        (["OPENSSL_CONF=/dev/null"], "yes", "yes"),
        (["OPENSSL_CONF="], "yes", "yes"),
        (["OPENSSL_CONF=/nowhere.cnf"], "yes", "yes"),
        (["OPENSSL_CONF=/app/own.cnf"], "yes", "yes"),
        (["OPENSSL_CONF=/etc/ssl/copy.cnf"], "yes", "no"),
        (["OPENSSL_MODULES=/nowhere"], "yes", "yes"),
        (["OPENSSL_MODULES=/usr/lib/x86_64-linux-gnu/ossl-modules"], "yes", "no"),
        (["LD_PRELOAD=/app/mine.so"], "yes", "unknown"),
        (["LD_PRELOAD=libjemalloc.so.2"], "yes", "no"),
        (["LD_LIBRARY_PATH=/app/lib"], "yes", "unknown"),
        (["LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/lib"], "yes", "no"),
        (["OPENSSL_CONF=/dev/null", "OPENSSL_CONF=/etc/ssl/copy.cnf"], "yes", "no"),
        (["PATH=/bin"], "yes", "no"),
    ],
)
def test_env_takes_fips_away(env: list[str], activated: str, overridden: str) -> None:
    """A configuration that is right is switched off, replaced or doubted by the image's own variables."""
    files = [
        conf(STRICT), fipsmodule(), File("etc/ssl/copy.cnf", STRICT.encode()), File("app/own.cnf", STOCK.encode()),
        File("app/lib/libcrypto.so.3", libcrypto()), File("usr/lib/x86_64-linux-gnu/libjemalloc.so.2", b"x"),
        File("var/lib/dpkg/info/libssl3t64:amd64.list", f"/{LIBRARY}\n/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\n".encode()),
    ]  # fmt: skip
    found = module(look(debian(*files), env=env), LIBRARY)
    assert (found.activated, found.overridden) == (activated, overridden)


@pytest.mark.parametrize(
    ("line", "bypassable"), [("security-checks = 0", True), ("conditional-errors = no", True), ("security-checks = 1", False)]
)
def test_options_of_the_provider_that_let_things_pass(line: str, bypassable: bool) -> None:
    """It is on, and short keys pass."""
    recorded = fipsmodule()
    found = look(debian(conf(STRICT), File(recorded.name, recorded.data + line.encode() + b"\n")))
    assert (module(found, LIBRARY).bypassable, module(found, FIPS).bypassable) == (bypassable, bypassable)
    assert module(found, LIBRARY).activated == "yes"


def test_env_alone_may_turn_it_on() -> None:
    """The stock configuration stays, and `OPENSSL_CONF` names one that is strict: it is followed."""
    facts = look(debian(conf(STOCK), fipsmodule(), File("opt/fips.conf", STRICT.encode())), env=["OPENSSL_CONF=/opt/fips.conf"])
    assert (module(facts, LIBRARY).activated, module(facts, LIBRARY).overridden) == ("yes", "no")
    assert module(facts, FIPS).integrity == "matches"


def test_a_file_that_was_not_kept_is_not_known() -> None:
    """A configuration too large to be kept makes the facts incomplete, and FIPS unknown."""
    large = File("usr/lib/ssl/openssl.cnf", STRICT.encode() + b"#" * 600_000)
    facts = look(debian(large, fipsmodule()))
    assert module(facts, LIBRARY).activated == "unknown"
    assert not facts.complete
    assert [item.code for item in facts.diagnostics] == ["not_looked_at"]


def test_a_replaced_file_belongs_to_no_package() -> None:
    """A later layer puts another provider over the package's: the package's certificate is not its own."""
    facts = look(debian(conf(STRICT), fipsmodule()), [File(FIPS, provider())])
    assert (module(facts, FIPS).package, module(facts, FIPS).vendor) == ("", "")
    assert module(facts, LIBRARY).package == "libssl3t64"


@pytest.mark.parametrize(
    ("said", "env", "activated"),
    [
        ((KERNEL,), [], "host"),
        ((KERNEL, "OPENSSL_FORCE_FIPS_MODE"), ["OPENSSL_FORCE_FIPS_MODE=1"], "yes"),
        ((KERNEL,), ["OPENSSL_FORCE_FIPS_MODE=1"], "host"),
        ((), ["OPENSSL_FORCE_FIPS_MODE=1"], "no"),
    ],
)
def test_builds_that_follow_the_kernel(said: tuple[str, ...], env: list[str], activated: str) -> None:
    """Whether a build asks the kernel, and knows the variable, is read out of the library."""
    facts = look(debian(conf(STOCK), File(LIBRARY, libcrypto("3.0.7", "/usr/lib/ssl", *said))), env=env)
    assert module(facts, LIBRARY).activated == activated


@pytest.mark.parametrize(
    ("line", "activated"),
    [
        ("default_properties = fips=no", "no"),
        ("default_properties = ?fips=yes", "no"),
        ("fips_mode = no", "no"),
        ("default_properties =", "unknown"),
        ("rh-allow-sha1-signatures = yes", "host"),
    ],
)
def test_a_configuration_outdoes_the_kernels_flag(line: str, activated: str) -> None:
    """Default properties of the configuration come after those that the flag sets."""
    text = f"openssl_conf = i\n[i]\nalg_section = a\n[a]\n{line}\n"
    library = File(LIBRARY, libcrypto("3.0.7", "/usr/lib/ssl", KERNEL))
    assert module(look(debian(conf(text), library)), LIBRARY).activated == activated


def test_env_turns_a_host_build_off() -> None:
    """`OPENSSL_FORCE_FIPS_MODE=0` overrides the kernel's flag."""
    library = File(LIBRARY, libcrypto("3.0.7", "/usr/lib/ssl", KERNEL, "OPENSSL_FORCE_FIPS_MODE"))
    found = module(look(debian(conf(STOCK), library), env=["OPENSSL_FORCE_FIPS_MODE=0"]), LIBRARY)
    assert (found.activated, found.overridden) == ("host", "yes")


@pytest.mark.parametrize(
    ("version", "side", "capable", "activated"),
    [
        ("1.1.1w", "", "no", "not_applicable"),
        ("1.1.1k  FIPS", "", "yes", "unknown"),
        ("1.1.1k", "usr/lib64/.libcrypto.so.1.1.hmac", "yes", "unknown"),
        ("1.0.2zg", "", "no", "not_applicable"),
    ],
)
def test_openssl_before_three(version: str, side: str, capable: str, activated: str) -> None:
    """The library is the module itself; a plain build has no FIPS mode."""
    library = File("usr/lib64/libcrypto.so.1.1", b"\x7fELF" + bytes(60) + f"OpenSSL {version} 25 Mar 2021\0".encode())
    found = module(look([library, *([File(side, b"00")] if side else [])]), "usr/lib64/libcrypto.so.1.1")
    assert (found.capable, found.activated, found.version) == (capable, activated, version.split()[0])


def test_nodejs_reads_a_section_of_its_own() -> None:
    """Without `nodejs_conf` Node loads nothing, and there is nothing to tell of it."""
    with_node = STRICT.replace("openssl_conf = openssl_init\n", "openssl_conf = openssl_init\nnodejs_conf = openssl_init\n")
    assert config(look(debian(conf(with_node), fipsmodule())), "nodejs_conf").state == "strict"
    assert {item.section for item in look(debian(conf(STRICT), fipsmodule())).openssl} == {"openssl_conf"}
