"""Go programs: what their build says, whether their code agrees, and what the environment does to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gate.model.fips import FipsFacts
from tests.evidence.fips.elves import consumer, elf, fips_system, see, system
from tests.evidence.fips.roots import LIBRARY, module
from tests.evidence.fips.test_gobuild import made
from tests.oci.layering import File
from tests.tools import repository

FOLDER = Path(os.environ.get("GATE_CORPUS", repository().parent / "shared" / "corpus")) / "compliance" / "fips-go"
APP = "app"
CRYPTO = b"\0crypto/aes.NewCipher\0"
V1 = CRYPTO + b"\0crypto/internal/fips140/v1.0.0/aes.New\0"
V1_NEW = CRYPTO + b"\0crypto/internal/fips140/v1.0.0-c2097c7c/aes.New\0"
V2 = CRYPTO + b"\0crypto/internal/fips140/v1.26.0/aes.New\0"
BORING = CRYPTO + b"\0_goboringcrypto_EVP_sha1\0"
OPENSSL = CRYPTO + b"\0github.com/golang-fips/openssl/v2.dlopen\0"


def program(build: bytes, traces: bytes) -> File:
    """A program with build information at a multiple of 16, and names in its table of functions."""
    before = len(elf()) - 48  # the dynamic segment comes last
    return File(APP, elf(bytes(-before % 16) + build + traces + bytes(4096)), mode=0o755)


def built(*settings: str, version: str = "go1.24.4", deps: Sequence[str] = ()) -> bytes:
    """Build information with these settings."""
    lines = ["path\ta", *(f"dep\t{dep}" for dep in deps), *(f"build\t{setting}" for setting in settings)]
    return made(version.encode(), "\n".join(lines).encode() + b"\n")


FIXED, ON, ONLY = "GOFIPS140=v1.0.0", "DefaultGODEBUG=fips140=on", "DefaultGODEBUG=a=1,fips140=only,b=2"


@pytest.mark.parametrize(
    ("build", "traces", "env", "version", "capable", "activated", "overridden", "reaches"),
    [
        # frozen module: claim and trace agree
        (built(FIXED, ON), V1, [], "v1.0.0", "yes", "yes", "no", "yes"),
        (built("GOFIPS140=v1.0.0-c2097c7c", ON), V1_NEW, [], "v1.0.0", "yes", "yes", "no", "yes"),
        (built(FIXED, ONLY), V1, [], "v1.0.0", "yes", "yes", "no", "yes"),
        (built(FIXED, "DefaultGODEBUG=fips140=auto"), V1, [], "v1.0.0", "yes", "host", "no", "host"),
        # the environment has the last word
        (built(FIXED, ON), V1, ["GODEBUG=fips140=off"], "v1.0.0", "yes", "yes", "yes", "no"),
        (built(FIXED, ON), V1, ["GODEBUG=x=1,fips140=on,fips140=off"], "v1.0.0", "yes", "yes", "yes", "no"),
        (built(FIXED, ON), V1, ["GODEBUG=fips140=debug"], "v1.0.0", "yes", "yes", "yes", "no"),
        (built(FIXED, ON), V1, ["GODEBUG=http2debug=1"], "v1.0.0", "yes", "yes", "no", "yes"),
        # measured with Go 1.26: an empty value is off, and names have no blanks
        (built(FIXED, ON), V1, ["GODEBUG=fips140="], "v1.0.0", "yes", "yes", "yes", "no"),
        (built(FIXED, ON), V1, ["GODEBUG=x=1, fips140=off"], "v1.0.0", "yes", "yes", "no", "yes"),
        (built(FIXED), V1, ["GODEBUG=x=1, fips140=on"], "v1.0.0", "yes", "no", "no", "no"),
        (built(FIXED), V1, [], "v1.0.0", "yes", "no", "no", "no"),
        (built(FIXED), V1, ["GODEBUG=fips140=on"], "v1.0.0", "yes", "yes", "no", "yes"),
        (built(FIXED, "DefaultGODEBUG=fips140=off"), V1, [], "v1.0.0", "yes", "no", "no", "no"),
        # forged: text says what the code does not
        (built(FIXED, ON), CRYPTO, [], "v1.0.0", "no", "no", "no", "no"),
        (built(FIXED, ON), V2, [], "v1.0.0", "no", "no", "no", "no"),
        (built(FIXED, ON), V1 + V2, [], "v1.0.0", "no", "no", "no", "no"),
        # on, and no frozen module
        (built("GOFIPS140=latest", ON), CRYPTO, [], "latest", "yes", "yes", "no", "yes"),
        (built(ONLY), CRYPTO, [], "latest", "yes", "yes", "no", "yes"),
        (built(), CRYPTO, ["GODEBUG=fips140=on"], "latest", "yes", "yes", "no", "yes"),
        # nothing of the kind
        (built(), CRYPTO, [], "", "no", "no", "no", "no"),
        (built("GOFIPS140=off"), CRYPTO, [], "", "no", "no", "no", "no"),
        (built(ON, version="go1.22.1"), CRYPTO, [], "", "no", "no", "no", "no"),
    ],
)
def test_the_native_module(
    build: bytes, traces: bytes, env: Sequence[str], version: str, capable: str, activated: str, overridden: str, reaches: str
) -> None:
    """Which module, whether it is on, and whether the environment takes it away."""
    found = see([program(build, traces)], env)
    made_module = module(found, APP)
    assert (made_module.family, made_module.version) == ("go", version)
    assert (made_module.capable, made_module.activated, made_module.overridden) == (capable, activated, overridden)
    assert (consumer(found, APP).kind, consumer(found, APP).reaches_fips) == ("go", reaches)


@pytest.mark.parametrize(
    ("build", "traces", "bypassable"),
    [
        (built(FIXED, ON), V1, True),
        (built(FIXED, ONLY), V1, False),
        (built(FIXED, ONLY, deps=["golang.org/x/crypto\tv0.31.0\th1:x="]), V1, False),
        (built(FIXED, ONLY, deps=["golang.org/x/crypto\tv0.31.0\th1:x="]), V1 + b"\0golang.org/x/crypto/chacha20.New\0", True),
    ],
)
def test_what_is_outside_the_module(build: bytes, traces: bytes, bypassable: bool) -> None:
    """Mode `on` refuses nothing outside it; golang.org/x/crypto is outside where its functions are in the program."""
    found = module(see([program(build, traces)]), APP)
    assert found.bypassable == bypassable
    assert ("golang.org/x/crypto" in " ".join(found.reasons)) == (b"x/crypto/" in traces)


def test_a_program_that_nobody_may_execute_counts() -> None:
    """The loader, or a start script with chmod, starts it all the same."""
    file = program(built(), CRYPTO)
    file.mode = 0o644
    assert module(see([file]), APP).capable == "no"


@pytest.mark.parametrize("build", [b"", bytes([*built(version="go1.16")[:15], 0, *built(version="go1.16")[16:]])])
def test_a_program_without_readable_build_information_is_not_known(build: bytes) -> None:
    """Taken out, or of Go before 1.18: its cryptography is there all the same."""
    found = see([program(build, CRYPTO + b"\0runtime.goexit\0")])
    assert [(item.code, item.where) for item in found.diagnostics] == [("go_build_hidden", APP)]
    assert not found.complete
    assert see([program(build, b"\0runtime.goexit\0fmt.Println\0")]).complete


@pytest.mark.parametrize("build", [built(), built(FIXED, ON)])
def test_a_program_without_cryptography(build: bytes) -> None:
    """It is neither module nor consumer, whatever its build says."""
    found = see([program(build, b"\0fmt.Println\0")])
    assert (found.modules, found.consumers, found.complete) == ((), (), True)


@pytest.mark.parametrize(
    ("version", "settings", "traces", "capable", "reaches"),
    [
        ("go1.24.4 X:boringcrypto", ["CGO_ENABLED=1"], BORING, "yes", "yes"),
        ("go1.26.8-X:boringcrypto", ["GOEXPERIMENT=boringcrypto"], BORING, "yes", "yes"),
        ("go1.24.4 X:boringcrypto", ["CGO_ENABLED=1"], CRYPTO, "unknown", "unknown"),
        ("go1.24.4", [], BORING, "unknown", "unknown"),
    ],
)
def test_boringcrypto(version: str, settings: Sequence[str], traces: bytes, capable: str, reaches: str) -> None:
    """Only where build and code agree."""
    found = see([program(built(*settings, version=version), traces)])
    assert (module(found, APP).family, module(found, APP).capable) == ("go-boringcrypto", capable)
    assert consumer(found, APP).reaches_fips == reaches


STRICT = ["GOEXPERIMENT=strictfipsruntime", "CGO_ENABLED=1"]


@pytest.mark.parametrize(
    ("fips", "settings", "traces", "env", "modules", "reaches"),
    [
        (True, STRICT, OPENSSL, [], (LIBRARY,), "yes"),
        (True, ["GOEXPERIMENT=systemcrypto", "CGO_ENABLED=1"], OPENSSL, [], (LIBRARY,), "yes"),
        (True, ["-tags=requirefips", "CGO_ENABLED=1"], OPENSSL, [], (LIBRARY,), "yes"),
        (False, STRICT, OPENSSL, [], (LIBRARY,), "no"),
        (None, STRICT, OPENSSL, [], (), "broken"),
        (None, ["GOEXPERIMENT=systemcrypto", "CGO_ENABLED=1"], OPENSSL, [], (), "no"),
        (True, ["GOEXPERIMENT=systemcrypto", "CGO_ENABLED=0"], OPENSSL, [], (APP,), "no"),
        (True, [*STRICT, "-tags=no_openssl"], OPENSSL, [], (APP,), "broken"),
        (True, STRICT, CRYPTO, [], (APP,), "no"),
        (True, STRICT, OPENSSL, ["GOFIPS=0"], (LIBRARY,), "no"),
        (True, STRICT, OPENSSL, ["GOLANG_FIPS=0"], (LIBRARY,), "no"),
        (True, STRICT, OPENSSL, ["OPENSSL_CONF=/dev/null"], (LIBRARY,), "no"),
    ],
)
def test_programs_that_hand_cryptography_to_openssl(
    fips: bool | None, settings: Sequence[str], traces: bytes, env: Sequence[str], modules: tuple[str, ...], reaches: str
) -> None:
    """They are as good as the image's own OpenSSL; without one they fail, or fall back."""
    app = program(built(*settings), traces)
    found = consumer(see([app] if fips is None else fips_system(app) if fips else system(app), env), APP)
    assert (found.modules, found.reaches_fips) == (modules, reaches)


REAL = {
    "plain": ("", "no"), "fips-latest": ("latest", "yes"), "fips-v1.0.0": ("v1.0.0", "yes"), "fips-trim": ("v1.0.0", "yes"),
    "fips-v1.0.0-stripped": ("v1.0.0", "yes"), "fips-inprocess": ("v1.0.0", "yes"), "fips-only": ("v1.0.0", "yes"),
    "only-nofips": ("latest", "yes"), "boring": ("", "yes"), "boring-stripped": ("", "yes"), "nocrypto": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_build_information(name: str) -> None:
    """Sections of real builds, with the names that were seen in the same builds' tables of functions."""
    path = FOLDER / f"{name}.go.buildinfo.bin"
    if not path.is_file():
        pytest.skip(f"no corpus folder at {FOLDER} (GATE_CORPUS)")
    version, reaches = REAL[name]
    traces = {"v1.0.0": V1, "latest": CRYPTO}.get(version, BORING if name.startswith("boring") else CRYPTO)
    found: FipsFacts = see([program(path.read_bytes(), b"" if name == "nocrypto" else traces)])
    if name == "nocrypto":
        assert (found.modules, found.consumers) == ((), ())
        return
    assert (module(found, APP).version, consumer(found, APP).reaches_fips) == (version, reaches)


def test_cgo_and_gos_own_code_count_as_the_weaker() -> None:
    """A validated Go module does not speak for an OpenSSL that cgo linked in."""
    found = see([program(built(FIXED, ON), V1 + b'\0OPENSSLDIR: "/opt/ssl"\0OpenSSL 3.5.9 29 Sep 2026\0')])
    assert module(found, APP).capable == "no"
    assert {item.reaches_fips for item in found.consumers} == {"no"}


def test_hidden_build_information_makes_the_facts_incomplete() -> None:
    """Too many false beginnings before the true one."""
    false = made(version=b"xx")
    found = see([program((false + bytes(-len(false) % 16)) * 70, V1)])
    assert not found.complete and [item.code for item in found.diagnostics] == ["go_build_hidden"]
