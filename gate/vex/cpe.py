"""CPE names (NIST IR 7695) as far as VEX uses them: which distribution a platform is, and a package by product and version."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_ENTERPRISE = re.compile(r"(?:enterprise_linux|rhel)(?:_[a-z0-9_]+)?")
_EDITION = re.compile(r"el(\d+)(?:[._](\d+))?")
_SPLIT = re.compile(r"(?<!\\):")
_OS_PRODUCTS = {
    ("debian", "debian_linux"): "debian",
    ("canonical", "ubuntu_linux"): "ubuntu",
    ("alpinelinux", "alpine_linux"): "alpine",
    ("oracle", "linux"): "oracle",
    ("almalinux", "almalinux"): "almalinux",
    ("rocky", "rocky"): "rocky",
    ("resf", "rocky_linux"): "rocky",
    ("amazon", "linux"): "amazon",
    ("amazon", "linux_2"): "amazon",
    ("fedoraproject", "fedora"): "fedora",
    ("opensuse", "leap"): "opensuse-leap",
    ("microsoft", "azure_linux"): "azurelinux",
}
_SUSE = re.compile(r"(?:sle[sd]?|suse_linux_enterprise|sle-module|sled|sles).*")
_FAMILIES = {
    "rhel": "redhat",
    "red": "redhat",
    "sles": "suse",
    "suse linux enterprise server": "suse",
    "sle_hpc": "suse",
    "ol": "oracle",
    "amzn": "amazon",
    "alma": "almalinux",
    "rockylinux": "rocky",
    "opensuse": "opensuse-leap",
    "opensuse.leap": "opensuse-leap",
}


class Cpe(NamedTuple):
    """The components that are looked at, lower case and unescaped; ``*`` and absent ones are empty, ``-`` stays."""

    part: str
    vendor: str
    product: str
    version: str
    update: str
    edition: str


class Release(NamedTuple):
    """A distribution and its version, either of which may be empty."""

    family: str
    version: str


@functools.lru_cache(maxsize=4_096)
def parse(text: str) -> Cpe | None:
    """A CPE 2.2 URI or a CPE 2.3 formatted string; None for anything else."""
    if len(text) > 1_000:
        return None
    lowered = text.lower()
    if lowered.startswith("cpe:2.3:"):
        fields = _SPLIT.split(lowered[8:])
    elif lowered.startswith("cpe:/"):
        fields = lowered[5:].split(":")
    else:
        return None
    fields = [re.sub(r"\\(.)", r"\1", field).replace("%2b", "+").replace("%3a", ":") for field in fields]
    part, vendor, product, version, update, edition = ("" if field == "*" else field for field in (fields + [""] * 6)[:6])
    return Cpe(part, vendor, product, version, update, edition) if part in ("a", "o", "h") and product else None


def family(name: str) -> str:
    """One name for a distribution family, whatever a scanner calls it."""
    name = name.strip().lower()
    return _FAMILIES.get(name, name)


@functools.lru_cache(maxsize=4_096)
def release_of(text: str) -> Release | None:
    """The distribution that a platform CPE stands for; None when it names no distribution.

    Red Hat names the release of a layered product in the edition: ``cpe:/a:redhat:openshift:4.14::el9`` is for RHEL 9.
    """
    cpe = parse(text)
    if cpe is None or cpe.part == "h":
        return None
    if cpe.vendor == "redhat":
        edition = _EDITION.fullmatch(cpe.edition) or _EDITION.fullmatch(cpe.update)
        if _ENTERPRISE.fullmatch(cpe.product):
            # rhel_software_collections:3::el7 has the release in the edition, enterprise_linux:8::baseos in the version.
            return Release("redhat", ".".join(part for part in edition.groups() if part) if edition else cpe.version)
        return Release("redhat", ".".join(part for part in edition.groups() if part)) if edition else None
    if cpe.vendor == "suse" and _SUSE.fullmatch(cpe.product):
        return Release("suse", f"{cpe.version}.{cpe.update[2:]}" if re.fullmatch(r"sp\d+", cpe.update) else cpe.version)
    found = _OS_PRODUCTS.get((cpe.vendor, cpe.product))
    if found is None:
        return None
    return Release(found, "2" if cpe.product == "linux_2" else cpe.version)


def covers(platform: Release, found: Release, *, exact: bool) -> bool:
    """Whether a platform holds for the found distribution: the same family, and a version that begins with the platform's.

    With ``exact`` (the statement names a package version, which a vendor builds for one release) a distribution that is known
    less precisely than the platform is enough.
    """
    if platform.family != found.family:
        return False
    if not platform.version or platform.version == "-" or found.version == platform.version:
        return True
    if found.version.startswith(f"{platform.version}."):
        return True
    return exact and (not found.version or platform.version.startswith(f"{found.version}."))


def covers_cpe(wanted: str, own: str) -> bool:
    """Whether the CPE that an image says it is (label ``cpe``) lies in a wanted one: equal wherever that one says anything."""
    left, right = parse(wanted), parse(own)
    return (
        left is not None
        and right is not None
        and bool(left.version)
        and all(not a or a == b for a, b in zip(left, right, strict=True))
    )
