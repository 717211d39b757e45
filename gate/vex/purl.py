"""Package URLs (ECMA-427): read leniently, compared by what they mean to the package type.

Generators spell one package in several ways: syft writes ``pkg:rpm/rhel/…``, trivy ``pkg:rpm/redhat/…``; an epoch stands in the
version or in a qualifier. Comparing strings would make VEX statements and SBOM checks silently do nothing.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple
from urllib.parse import unquote

_SEGMENT = r"(?:[A-Za-z0-9._~+\-]|%[0-9A-Fa-f]{2})+"
_VERSION = r"(?:[A-Za-z0-9._~+:\-]|%[0-9A-Fa-f]{2})+"
_WELL_FORMED = re.compile(
    rf"pkg:([a-z][a-z0-9.\-]*)/((?:{_SEGMENT}/)*)({_SEGMENT})(?:@({_VERSION}))?"
    r"(?:\?([a-z][a-z0-9._\-]*=[A-Za-z0-9._~+:/%@,;!*()\[\]\-]+(?:&[a-z][a-z0-9._\-]*=[A-Za-z0-9._~+:/%@,;!*()\[\]\-]+)*))?"
)
_UNFIT = re.compile(r"[\x00-\x20\x7f]")
_LONGEST = 2048
"""Characters; the longest real ones carry a download address and stay under 1,000."""

_LOWER_NAME = frozenset({"pypi", "github", "bitbucket", "gitlab", "composer", "npm", "golang", "deb", "apk", "alpm", "oci"})
_LOWER_NAMESPACE = _LOWER_NAME | {"rpm"}
_SAME_VENDOR = {("rpm", "rhel"): "redhat", ("rpm", "sles"): "suse"}
"""Namespaces that two generators use for one distribution."""


class Purl(NamedTuple):
    """A parsed purl; parts are decoded, absent ones empty."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: tuple[tuple[str, str], ...]
    """Sorted; a subpath stands here as ``#``."""

    @property
    def package(self) -> tuple[str, str, str]:
        """Type, namespace and name in the spelling in which they can be compared."""
        namespace = self.namespace.lower() if self.type in _LOWER_NAMESPACE else self.namespace
        name = self.name.lower() if self.type in _LOWER_NAME else self.name
        if self.type == "pypi":
            name = re.sub(r"[-_.]+", "-", name)
        return self.type, _SAME_VENDOR.get((self.type, namespace), namespace), name

    @property
    def release(self) -> str:
        """The version in the spelling in which it can be compared: ``epoch:version``, no zero epoch, no Go ``v``."""
        version = self.version
        if self.type in ("deb", "rpm"):
            epoch = dict(self.qualifiers).get("epoch", "")
            if epoch and ":" not in version:
                version = f"{epoch}:{version}"
            version = version.removeprefix("0:")
        elif self.type == "golang":
            version = version.removeprefix("v")
        elif self.type == "oci":
            version = version.lower()
        return version


@functools.lru_cache(maxsize=32_768)
def parse(text: str) -> Purl | None:
    """The purl, or None when it does not parse. Never raises."""
    match = _WELL_FORMED.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return _parse_unusual(text)
    kind, namespace, name, version, query = match.groups()
    pairs = (pair.partition("=") for pair in query.split("&")) if query else ()
    return Purl(
        kind,
        _decoded(namespace[:-1]),
        _decoded(name),
        _decoded(version or ""),
        tuple(sorted((key, _decoded(value)) for key, _, value in pairs)),
    )


def is_valid(text: str) -> bool:
    """Whether the purl parses; a well-formed one costs about two microseconds."""
    return (len(text) <= _LONGEST and _WELL_FORMED.fullmatch(text) is not None) or _parse_unusual(text) is not None


def _decoded(part: str) -> str:
    return unquote(part) if "%" in part else part


@functools.lru_cache(maxsize=4_096)
def _parse_unusual(text: str) -> Purl | None:
    """What the pattern does not cover goes to the reference library, which is ten times slower and accepts control characters."""
    if len(text) > _LONGEST or text[:4].lower() != "pkg:" or _UNFIT.search(text):
        return None
    from packageurl import PackageURL

    try:
        found = PackageURL.from_string(text)
    except (ValueError, TypeError, AttributeError):
        return None
    qualifiers: dict[str, str] = dict(found.qualifiers or {})
    if _UNFIT.search(found.name):
        return None
    if found.subpath:
        qualifiers["#"] = found.subpath
    return Purl(found.type, found.namespace or "", found.name, found.version or "", tuple(sorted(qualifiers.items())))
