"""Images for FIPS tests: libraries that say of themselves what real ones say, and the configuration of Debian around them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from gate.evidence.filesystem.choose import several
from gate.evidence.fips import collect, openssl
from gate.evidence.fips.env import overrides
from gate.evidence.fips.openssl_files import CONF, choose_conf, choose_library
from gate.evidence.fips.openssl_files import LIBRARY as LIBRARIES
from gate.evidence.fips.openssl_view import View, variables
from gate.evidence.fips.owners import PACKAGES, Owners, choose_packages
from gate.limits import DEFAULT
from gate.model.fips import CryptoModule, FipsFacts, OpensslConfig
from gate.model.input import ImageConfig, Subject
from gate.oci.filesystem import read_layers
from gate.oci.layers import LayerBlob
from tests import factory
from tests.oci.layering import File, tar_of

KEY = bytes.fromhex("f4556650ac31d35461610bac4ed81b1a181b2d8a43ea2854cbae22ca74560813")
LIBRARY = "usr/lib/x86_64-linux-gnu/libcrypto.so.3"
FIPS = "usr/lib/x86_64-linux-gnu/ossl-modules/fips.so"
_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)

STRICT = """openssl_conf = openssl_init
.include /etc/ssl/fipsmodule.cnf
[openssl_init]
providers = provider_sect
alg_section = algorithm_sect
[provider_sect]
fips = fips_sect
base = base_sect
[base_sect]
activate = 1
[algorithm_sect]
default_properties = fips=yes
"""


def libcrypto(version: str = "3.5.9", folder: str = "/usr/lib/ssl", *said: str) -> bytes:
    """A libcrypto by its texts."""
    modules = "/usr/lib/x86_64-linux-gnu/ossl-modules"
    texts = [f"OpenSSL {version} 29 Sep 2026", f'OPENSSLDIR: "{folder}"', f'MODULESDIR: "{modules}"', *said]
    return _ELF + b"\0".join(text.encode() for text in texts) + b"\0"


def provider(version: str = "3.5.9") -> bytes:
    """A fips.so by its texts."""
    return _ELF + b"OpenSSL FIPS Provider\0buildinfo\0" + version.encode() + b"\0status\0"


def mac_of(data: bytes) -> str:
    """As `openssl fipsinstall` writes it."""
    text = hmac.new(KEY, data, hashlib.sha256).hexdigest().upper()
    return ":".join(text[place : place + 2] for place in range(0, len(text), 2))


def fipsmodule(mac: str | None = None) -> File:
    """`/etc/ssl/fipsmodule.cnf`."""
    recorded = mac_of(provider()) if mac is None else mac
    return File("etc/ssl/fipsmodule.cnf", f"[fips_sect]\nactivate = 1\nmodule-mac = {recorded}\n".encode())


def conf(text: str) -> File:
    """`openssl.cnf` where the library looks."""
    return File("usr/lib/ssl/openssl.cnf", text.encode())


def debian(*more: File) -> list[File]:
    """A system with libcrypto and the provider, owned by packages, and whatever else; later files replace earlier ones."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 3.5.9-1\n\n" for name in ("libssl3t64", "openssl-provider-fips")
    )
    files = {
        file.name: file
        for file in (
            File("etc/os-release", b"ID=debian\n"),
            File("var/lib/dpkg/status", status.encode()),
            File("var/lib/dpkg/info/libssl3t64:amd64.list", f"/{LIBRARY}\n".encode()),
            File("var/lib/dpkg/info/openssl-provider-fips.list", f"/{FIPS}\n".encode()),
            File(LIBRARY, libcrypto()),
            File(FIPS, provider()),
            *more,
        )
    }
    return list(files.values())


def about(env: Iterable[str] = ()) -> Subject:
    """The image with these variables."""
    config = ImageConfig(
        user="", env=tuple(env), entrypoint=(), cmd=(), exposed_ports=(), volumes=(), labels={}, created=None, history=(),
        diff_ids=(),
    )  # fmt: skip
    return factory.subject(config=config)


def look(*layers: Iterable[File], env: Iterable[str] = ()) -> FipsFacts:
    """The facts of these layers."""
    return look_at([tar_of(files) for files in layers], env)


def look_at(tars: Iterable[bytes], env: Iterable[str] = ()) -> FipsFacts:
    """The facts of layers that are tar streams already."""
    files = read_layers([_whole(tar) for tar in tars], several(collect.choosers()), DEFAULT)
    return collect.facts(files, about(env))


def _whole(tar: bytes) -> LayerBlob:
    """A layer that comes in pieces as large as a registry's."""
    digest = f"sha256:{hashlib.sha256(tar).hexdigest()}"
    return LayerBlob(digest, digest, len(tar), lambda: (tar[place : place + 65536] for place in range(0, len(tar), 65536)))


def openssl_at(tars: Iterable[bytes], env: Iterable[str] = ()) -> FipsFacts:
    """The facts of OpenSSL alone, which cost a fraction of all."""
    choosers = {PACKAGES: choose_packages, LIBRARIES: choose_library, CONF: choose_conf}
    files = read_layers([_whole(tar) for tar in tars], several(choosers), DEFAULT)
    view, subject, packages = View(files), about(env), Owners(files)
    found, configs = openssl.find(view, subject, overrides(view, variables(subject), packages), packages)
    return FipsFacts(modules=found.modules, openssl=configs, complete=not found.diagnostics)


def module(facts: FipsFacts, path: str) -> CryptoModule:
    """The module at a path."""
    return next(item for item in facts.modules if item.path == path)


def config(facts: FipsFacts, section: str = "openssl_conf") -> OpensslConfig:
    """The first configuration for a section."""
    return next(item for item in facts.openssl if item.section == section)
