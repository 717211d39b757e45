"""The lock of the key services goes with the lock of everything else."""

from __future__ import annotations

import re
import tomllib

from tests.tools import repository


def pins(name: str) -> dict[str, str]:
    """Package: version, of a lock file."""
    text = (repository() / "requirements" / name).read_text()
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^ \\]+)", text))


def test_shared_packages_have_one_version() -> None:
    """Installing the one after the other changes nothing that is there."""
    servers, others = pins("servers.txt"), pins("dev.txt")
    assert {name: version for name, version in servers.items() if others.get(name, version) != version} == {}


def test_each_client_of_an_extra_is_locked() -> None:
    """Every package of the extras of key services is in a lock, so that tests run with a known one."""
    extras = tomllib.loads((repository() / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    locked = pins("servers.txt") | pins("dev.txt")
    for extra in ("aws", "azure", "gcp", "keyless", "pkcs11", "vault"):
        for requirement in extras[extra]:
            assert re.split(r"[<>=\[; ]", requirement)[0] in locked
