"""Debian's real OpenSSL and FIPS provider: the facts are what `openssl` itself says in that root."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.evidence.fips import roots
from tests.evidence.fips.debian_root import ROOT, missing, openssl, small
from tests.evidence.fips.test_openssl import NOT_ENFORCED, PREFERRED, STOCK
from tests.oci.layering import File, tar_of

_KEPT = (
    "etc/ssl/openssl.cnf",
    "etc/os-release",
    "usr/lib/os-release",
    "usr/lib/ssl",
    "var/lib/dpkg/status",
    roots.LIBRARY,
    roots.FIPS,
)
_LISTS = ("libssl3t64:amd64", "openssl-provider-fips")


@pytest.fixture(scope="module")
def base() -> bytes:
    """The parts of the root that matter, as a layer."""
    if why := missing():
        pytest.skip(why)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in (*_KEPT, roots.LIBRARY, roots.FIPS, *(f"var/lib/dpkg/info/{name}.list" for name in _LISTS)):
            archive.add(ROOT / name, name)
    return out.getvalue()


CASES = [
    pytest.param(STOCK, None, {}, id="stock"),
    pytest.param(roots.STRICT, "real", {}, id="strict"),
    pytest.param(PREFERRED, "real", {}, id="default-beside"),
    pytest.param(NOT_ENFORCED, "real", {}, id="no-default-properties"),
    pytest.param(roots.STRICT, None, {}, id="include-missing"),
    pytest.param(roots.STRICT, "00" * 32, {}, id="wrong-mac"),
    pytest.param(roots.STRICT, "real", {"OPENSSL_CONF": "/dev/null"}, id="dev-null"),
    pytest.param(roots.STRICT, "real", {"OPENSSL_CONF": ""}, id="empty-variable"),
    pytest.param(roots.STRICT, "real", {"OPENSSL_CONF": "/nowhere"}, id="variable-leads-nowhere"),
    pytest.param(roots.STRICT.replace("activate = 1", "activate = 0"), "real", {}, id="base-not-active"),
    pytest.param(roots.STRICT.replace("fips=yes", "?fips=yes"), "real", {}, id="a-wish"),
    pytest.param(
        PREFERRED.replace("[default_sect]\nactivate = 1", "[default_sect]\nactivate = 0"), "real", {}, id="default-at-0"
    ),
    pytest.param(roots.STRICT.replace("openssl_conf", "nodejs_conf"), "real", {}, id="for-node-only"),
    pytest.param(roots.STRICT.replace("default_properties = fips=yes", "fips_mode = yes"), "real", {}, id="fips-mode"),
    pytest.param(
        roots.STRICT.replace(".include /etc/ssl/fipsmodule.cnf", "d = /etc/ssl\n.include $d/fipsmodule.cnf"), "real", {}, id="var"
    ),
    pytest.param(
        roots.STRICT.replace("fips = fips_sect", "f = fips_sect\nfips_sect::identity = fips"), "real", {}, id="identity"
    ),
    pytest.param(
        roots.STRICT.replace("[openssl_init]", "[openssl_init]\nactivate = 1"), "real", {}, id="an-unknown-module-ends-it"
    ),
    pytest.param(roots.STRICT.replace("alg_section =", "2.alg_section ="), "real", {}, id="a-number-before-a-module"),
    pytest.param(roots.STRICT.replace("alg_section =", "alg_section.2 ="), "real", {}, id="a-number-behind-a-module"),
    pytest.param(roots.STRICT.replace("[openssl_init]", "[openssl_init]\nssl_conf = none"), "real", {}, id="tls-section-missing"),
    pytest.param("x = $nothing\n" + roots.STRICT, "real", {}, id="variable-without-value"),
]


@pytest.mark.parametrize(("text", "mac", "env"), CASES)
def test_the_facts_are_what_openssl_does(base: bytes, tmp_path: Path, text: str, mac: str | None, env: dict[str, str]) -> None:
    """Active providers, and whether MD5 is refused, by the program in that root and by the facts."""
    data = (ROOT / roots.FIPS).read_bytes()
    recorded = {"real": roots.mac_of(data)}.get(mac or "", mac)
    files = [File("etc/ssl/openssl.cnf", text.encode())]
    if recorded is not None:
        files.append(roots.fipsmodule(recorded))
    facts = roots.openssl_at([_without(base), tar_of(files)], [f"{name}={value}" for name, value in env.items()])
    library = roots.module(facts, roots.LIBRARY)

    root = small(tmp_path)
    for file in files:
        (root / file.name).write_bytes(file.data)
    listed = openssl(root, "list", "-providers", env=env)
    hashed = openssl(root, "md5", env=env, text="a")
    active = sorted(line.strip() for line in listed.stdout.splitlines() if line.startswith("  ") and not line.startswith("   "))
    refused = hashed.returncode != 0
    now = roots.config(facts)
    works = library.activated == "yes" and library.overridden == "no"
    if not refused:
        assert not works, (now, active)
    if now.state not in {"broken", "not_enforced"}:
        # A broken configuration makes some programs stop and others go on with the default provider, and a wish for FIPS leaves
        # nothing else where no other provider is loaded: neither is relied upon.
        assert works is refused, (now, active, hashed.stderr)
        assert sorted(now.providers or ("default",)) == active
    assert (library.package, library.vendor) == ("libssl3t64", "debian")
    assert facts.complete


def test_the_version_and_directories_are_its_own(base: bytes, tmp_path: Path) -> None:
    """What the library says of itself is what `openssl version` says."""
    facts = roots.openssl_at([base])
    small(tmp_path)
    said = openssl(tmp_path, "version", "-v").stdout.split()[1]
    assert roots.module(facts, roots.LIBRARY).version == roots.module(facts, roots.FIPS).version == said
    assert 'OPENSSLDIR: "/usr/lib/ssl"' in openssl(tmp_path, "version", "-d").stdout
    assert roots.config(facts).path == "/usr/lib/ssl/openssl.cnf"


def test_installing_writes_the_mac_that_is_recomputed(base: bytes, tmp_path: Path) -> None:
    """`openssl fipsinstall` records what the facts compare with."""
    root = small(tmp_path)
    done = openssl(root, "fipsinstall", "-module", f"/{roots.FIPS}", "-out", "/etc/ssl/fipsmodule.cnf")
    assert done.returncode == 0, done.stderr
    written = File("etc/ssl/fipsmodule.cnf", (root / "etc/ssl/fipsmodule.cnf").read_bytes())
    facts = roots.openssl_at([_without(base), tar_of([File("etc/ssl/openssl.cnf", roots.STRICT.encode()), written])])
    assert (roots.module(facts, roots.FIPS).integrity, roots.config(facts).state) == ("matches", "strict")


def test_a_provider_with_one_bit_changed_is_told(base: bytes) -> None:
    """The MAC is over the whole file."""
    data = bytearray((ROOT / roots.FIPS).read_bytes())
    data[len(data) // 2] ^= 1
    files = [File("etc/ssl/openssl.cnf", roots.STRICT.encode()), File(roots.FIPS, bytes(data))]
    facts = roots.openssl_at([base, tar_of([*files, roots.fipsmodule(roots.mac_of((ROOT / roots.FIPS).read_bytes()))])])
    assert roots.module(facts, roots.FIPS).integrity == "differs"


def _without(base: bytes) -> bytes:
    """The layer without the configurations of the root itself."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(base)) as old, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in old:
            if member.name != "etc/ssl/openssl.cnf":
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
    return out.getvalue()
