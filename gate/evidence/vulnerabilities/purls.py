"""Package URLs (purl-spec 1.0): one spelling for each, and equality of packages across scanners."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from packageurl import PackageURL

from gate.evidence.vulnerabilities.lenient import Notes
from gate.model.findings import Package

Identity = tuple[str, str, str]

DISTRO_TYPES = frozenset({"deb", "rpm", "apk", "alpm"})
"""One image has one distribution, so its name does not tell packages apart; scanners differ in it (``rhel``, ``redhat``)."""

# Words of syft, grype and trivy for kinds of packages, where the report has no purl.
_TYPES = {
    "debian": "deb", "ubuntu": "deb", "dpkg": "deb",
    "alpine": "apk", "wolfi": "apk", "chainguard": "apk",
    "redhat": "rpm", "centos": "rpm", "rocky": "rpm", "alma": "rpm", "fedora": "rpm", "oracle": "rpm", "amazon": "rpm",
    "suse": "rpm", "opensuse": "rpm", "photon": "rpm", "cbl-mariner": "rpm", "azurelinux": "rpm",
    "go-module": "golang", "gomod": "golang", "gobinary": "golang", "go": "golang",
    "node-pkg": "npm", "yarn": "npm", "pnpm": "npm", "bun": "npm", "javascript": "npm",
    "java-archive": "maven", "jenkins-plugin": "maven", "jar": "maven", "pom": "maven", "gradle": "maven", "sbt": "maven",
    "python": "pypi", "python-pkg": "pypi", "pip": "pypi", "pipenv": "pypi", "poetry": "pypi", "uv": "pypi",
    "gemspec": "gem", "bundler": "gem", "ruby": "gem",
    "rust-crate": "cargo", "rustbinary": "cargo", "rust-binary": "cargo",
    "php-composer": "composer", "composer-vendor": "composer", "packagist": "composer",
    "dotnet": "nuget", "dotnet-core": "nuget", "packages-props": "nuget",
    "conda-pkg": "conda", "conda-environment": "conda", "hex": "hex", "pub": "pub", "cocoapods": "cocoapods", "swift": "swift",
}  # fmt: skip
_PYPI_RUN = re.compile(r"[-_.]+")


class Purls:
    """Purls of one document, each parsed once."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._known: dict[str, tuple[str, str]] = {}

    def normalise(self, raw: str | None, where: str) -> tuple[str, str]:
        """(canonical purl, its type); empty for no text and for what does not parse, which a diagnostic then holds."""
        if not raw:
            return "", ""
        known = self._known.get(raw)
        if known is None:
            known = self._known[raw] = self._parse(raw, where)
        return known

    def _parse(self, raw: str, where: str) -> tuple[str, str]:
        try:
            purl = PackageURL.from_string(raw)
            return purl.to_string(), purl.type
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            # packageurl-python documents ValueError; the others have been seen for odd input.
            self._notes.add("invalid_purl", f"{raw[:200]!r} is no package URL: {error}", where)
            return "", ""


def purl_type(word: str | None) -> str:
    """The purl type for a scanner's word, which stays as it is, lower-case, where none is known."""
    lowered = (word or "").strip().lower()
    return _TYPES.get(lowered, lowered)


def without_qualifiers(purl: str, version: str) -> str:
    """``pkg:type/namespace/name@version``; a version that only the report gives is added, so that keys tell versions apart."""
    base = purl.split("#", 1)[0].split("?", 1)[0]
    if "@" not in base.rpartition("/")[2] and version:
        return f"{base}@{quote(version, safe=':+~')}"
    return base


def identity(package: Package) -> Identity:
    """(type, name with namespace, version), equal for what different scanners call the same package."""
    kind = package.type.lower()
    if package.purl:
        path = package.purl.split("#", 1)[0].split("?", 1)[0].partition("/")[2]
        if "@" in path.rpartition("/")[2]:
            path = path.rpartition("@")[0]
        name = unquote(path).lower()
    else:
        name = package.name.lower()
        if kind == "maven":
            name = name.replace(":", "/")
    if kind in DISTRO_TYPES:
        name = name.rpartition("/")[2]
    elif kind == "pypi":
        name = _PYPI_RUN.sub("-", name)
    return kind, name, _version(kind, name, package.version)


def identity_of_purl(purl: str) -> Identity:
    """As `identity`, from a canonical purl alone."""
    base = purl.split("#", 1)[0].split("?", 1)[0]
    tail = base.rpartition("/")[2]
    version = unquote(tail.rpartition("@")[2]) if "@" in tail else ""
    return identity(Package(name="", version=version, type=base[4:].partition("/")[0], purl=purl))


def _version(kind: str, name: str, version: str) -> str:
    if kind in DISTRO_TYPES:
        return version.removeprefix("0:")
    if kind == "golang":
        return version.removeprefix("go" if name == "stdlib" else "v").removeprefix("v")
    return version
