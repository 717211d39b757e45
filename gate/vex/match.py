"""Whether a VEX product is this image, and whether a VEX package is the package of a finding.

Package rules, from strict to lenient:

* type, namespace and name are equal in their comparable spelling (`Purl.package`; ``rhel`` = ``redhat``, ``sles`` = ``suse``);
* a version in the VEX purl equals the finding's (`Purl.release`); without one every version matches, at a lower rank; a version
  range has to hold the finding's version for sure;
* ``arch=src`` or ``source`` means the source package: it covers the binary packages whose ``upstream`` it is;
* a platform (CPE) has to cover the distribution of the finding;
* every qualifier of the VEX purl is a constraint, except: ``upstream``, ``package-id`` and ``epoch`` (they do not identify);
  ``distro`` (or Docker's ``os_name`` and ``os_version``) may be less precise than the finding's (``debian-12`` covers
  ``debian-12.13``), and its absence from the finding is accepted when the VEX purl has a version; ``arch`` is compared across the
  spellings of Debian, RPM and Go, and taken from the image where the finding has none; maven's ``type`` defaults to ``jar``.

Image rules: a digest (own, index or configuration) in whatever spelling is exact, since it names the content; a name without
digest matches registry and path and ranks as unversioned, since names move.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Sequence

from gate.model.input import Subject
from gate.vex import cpe, vers
from gate.vex.document import VexComponent
from gate.vex.purl import Purl, parse

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
    "armv7": "arm",
    "armhf": "arm",
    "armv7hl": "arm",
}
_ANY_ARCHITECTURE = frozenset({"all", "noarch", "any"})
_SOURCE = frozenset({"src", "source"})
_RELEASE_TAG = re.compile(r"\.el(\d+)(?:_(\d+))?(?![0-9])")
_NOT_IDENTIFYING = frozenset({"upstream", "package-id", "epoch", "os_distro", "os_name", "os_version", "distro"})


class Scope(enum.IntEnum):
    """How precisely a statement names what it is about; higher wins."""

    UNVERSIONED = 0
    VERSIONED = 1
    DIGEST = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """The subject under all its names."""

    digests: frozenset[str]
    """Hex of the manifest, its index and its configuration."""
    registry: str
    path: str
    """Empty when the subject has no registry name (archives, layouts, bare digests)."""
    tag: str
    reference: str
    os: str
    architecture: str
    cpes: tuple[str, ...] = ()
    """What the image says it is, in its label ``cpe``."""
    distro: str = ""
    """``debian 12.4`` as the accepted scans agree; empty when they do not."""

    @classmethod
    def of(cls, subject: Subject, distro: str = "") -> Image:
        digests = (subject.digest, subject.index_digest, subject.config_digest)
        host, slash, path = subject.name.partition("/")
        if not slash or not ("." in host or ":" in host or host == "localhost") or host.startswith("."):
            host, path = "", ""
        tail = subject.reference.partition("@")[0].rpartition("/")[2]
        return cls(
            digests=frozenset(digest.partition(":")[2].lower() for digest in digests if digest and digest.startswith("sha256:")),
            registry="docker.io" if host in _HUB else host,
            path=path.removeprefix("library/") if host in _HUB else path,
            tag=tail.partition(":")[2],
            reference=subject.reference,
            os=subject.platform.os if subject.platform else "",
            architecture=subject.platform.architecture if subject.platform else "",
            cpes=tuple(text for text in (subject.config.labels.get("cpe", "") if subject.config else "",) if text),
            distro=distro,
        )

    def matches(self, product: VexComponent) -> Scope | None:
        """DIGEST or UNVERSIONED when the product is this image, else None.

        A name beside digests of which none is this image's stands for other content under that name.
        """
        named = {value for algorithm, value in product.hashes if algorithm == "sha256"} | {*map(_content, product.ids)} - {""}
        if named & self.digests:
            return Scope.DIGEST
        found = [scope for text in product.ids if (scope := self._matches_id(text)) is not None]
        return None if named else max(found, default=None)

    def _matches_id(self, text: str) -> Scope | None:
        if text.startswith("pkg:"):
            purl = parse(text) if text.startswith(("pkg:oci/", "pkg:docker/")) else None
            return self._matches_purl(purl) if purl else None
        digest = _DIGEST.fullmatch(text.rpartition("@")[2].lower())
        if digest:
            return Scope.DIGEST if digest.group(1) in self.digests else None
        spellings = {f"{host}/{self.path}{end}" for host in self._hosts() for end in self._ends()}
        return Scope.UNVERSIONED if self.path and text in spellings | {self.reference} else None

    def _matches_purl(self, purl: Purl) -> Scope | None:
        digest = _DIGEST.fullmatch(purl.version.lower())
        if digest and ":" in purl.version:
            # Content-addressed: name, registry and tag add nothing to an equal digest.
            return Scope.DIGEST if digest.group(1) in self.digests else None
        qualifiers = dict(purl.qualifiers)
        tag = purl.version or qualifiers.pop("tag", "")
        qualifiers.pop("tag", None)
        if not self.path or (tag and tag != self.tag):
            return None
        if not self._is_here(f"{purl.namespace}/{purl.name}".strip("/").lower(), qualifiers.pop("repository_url", ""), purl.type):
            return None
        for name, value in qualifiers.items():
            own = {"arch": self.architecture, "os": self.os}.get(name, "")
            if not own or _architecture(value) != _architecture(own):
                return None
        return Scope.UNVERSIONED

    def _is_here(self, name: str, url: str, kind: str) -> bool:
        """``repository_url`` may be the whole repository, its parent or only its registry: tools differ."""
        path = self.path.lower()
        parent, _, last = path.rpartition("/")
        if not url:
            if kind == "docker":
                return self.registry == "docker.io" and name.removeprefix("library/") == path
            return name in (path, last)
        url = url.lower().removeprefix("https://").removeprefix("oci://").rstrip("/")
        host, _, rest = url.partition("/")
        if ("docker.io" if host in _HUB else host) != self.registry.lower():
            return False
        paths = {path, f"library/{path}"} if self.registry == "docker.io" and not parent else {path}
        parents = {one.rpartition("/")[0] for one in paths}
        return (rest in paths and name in {*paths, last}) or (rest in parents and name == last) or (not rest and name in paths)

    def _hosts(self) -> tuple[str, ...]:
        return ("docker.io", "index.docker.io", "docker.io/library") if self.registry == "docker.io" else (self.registry,)

    def _ends(self) -> tuple[str, ...]:
        return ("", f":{self.tag}") if self.tag else ("",)


def _content(text: str) -> str:
    """The digest (hex) in the name of an image; empty without one."""
    if text.startswith("pkg:"):
        purl = parse(text) if text.startswith(("pkg:oci/", "pkg:docker/")) else None
        digest = _DIGEST.fullmatch(purl.version.lower()) if purl and ":" in purl.version else None
    else:
        digest = _DIGEST.fullmatch(text.rpartition("@")[2].lower())
    return digest.group(1) if digest else ""


def match_package(
    vex: Purl,
    found: Purl,
    image: Image,
    *,
    ranges: Sequence[str] = (),
    platforms: Sequence[str] = (),
    suppresses: bool = True,
) -> Scope | None:
    """VERSIONED or UNVERSIONED when the VEX purl covers the finding's package, else None.

    What cannot be decided (a range, a platform) matches only for a statement that does not suppress.
    """
    if dict(vex.qualifiers).get("arch", "").lower() in _SOURCE:
        vex, source = _without_arch(vex), source_of(found)
        if source.package != vex.package or (vex.version and vex.release != source.release):
            return None
    elif vex.package != found.package or (vex.version and vex.release != found.release):
        return None
    have = dict(found.qualifiers)
    for name, value in vex.qualifiers:
        if name in _NOT_IDENTIFYING:
            continue
        if name == "arch":
            own = have.get("arch") or image.architecture
            if _architecture(value) != _architecture(own):
                return None
        elif name == "#":
            # A part of the package: what is said of it rules out nothing about the rest.
            if suppresses and have.get(name) != value:
                return None
        elif have.get(name, "jar" if vex.type == "maven" and name == "type" else None) != value:
            return None
    if not _distro_covers(_distro(dict(vex.qualifiers)), _distro(have), versioned=bool(vex.version)):
        return None
    inside = _in_ranges(found, ranges, suppresses=suppresses)
    if not inside or not _on_platforms(found, image, platforms, exact=bool(vex.version), suppresses=suppresses):
        return None
    return Scope.VERSIONED if vex.version or ranges else Scope.UNVERSIONED


def source_of(found: Purl) -> Purl:
    """The source package of a binary one, from ``upstream`` (syft) where there is one; else the package itself."""
    upstream = dict(found.qualifiers).get("upstream", "")
    if not upstream:
        return found
    if found.type == "rpm":
        name, _, rest = upstream.removesuffix(".src.rpm").rpartition("-")
        name, _, version = name.rpartition("-")
        return found._replace(name=name, version=f"{version}-{rest}") if name else found
    name, _, version = upstream.partition("@")
    return found._replace(name=name, version=version or found.version)


def match_cpe(text: str, name: str, version: str) -> bool:
    """Whether an application CPE with a version is this package: product and version are equal; vendors are no packages'."""
    found = cpe.parse(text)
    if found is None or found.part != "a" or found.version in ("", "-"):
        return False
    whole = found.version if found.update in ("", "-") else f"{found.version}{found.update}"
    return cpe_name(found.product) == cpe_name(name) and version.removeprefix("v") == whole


def cpe_name(name: str) -> str:
    return name.lower().replace("_", "-")


def _without_arch(purl: Purl) -> Purl:
    return purl._replace(qualifiers=tuple(pair for pair in purl.qualifiers if pair[0] != "arch"))


def _in_ranges(found: Purl, ranges: Sequence[str], *, suppresses: bool) -> bool:
    if not ranges:
        return True
    answers = [vers.within(found.release, span, found.type) for span in ranges]
    return True in answers or (None in answers and not suppresses)


def _on_platforms(found: Purl, image: Image, platforms: Sequence[str], *, exact: bool, suppresses: bool) -> bool:
    """Each platform covers the image: by the CPE that the image says it is, or by distribution and release."""
    for platform in platforms:
        if any(cpe.covers_cpe(platform, own) for own in image.cpes):
            continue
        wanted, own_release = cpe.release_of(platform), _release(found, image)
        if wanted is None or own_release is None:
            if suppresses:
                return False
        elif not cpe.covers(wanted, own_release, exact=exact):
            return False
    return True


def _release(found: Purl, image: Image) -> cpe.Release | None:
    """The distribution of a package: its own qualifier, the scan's word, or the ``.el8_6`` of a Red Hat build."""
    if found.type not in ("rpm", "deb", "apk"):
        # A language package belongs to no distribution; the image does.
        own = None
    else:
        own = _distro(dict(found.qualifiers))
    if own is not None:
        return cpe.Release(cpe.family(own[0] or found.package[1]), own[1])
    name, _, version = image.distro.rpartition(" ")
    if name:
        return cpe.Release(cpe.family(name), version)
    match = _RELEASE_TAG.search(found.version) if found.type == "rpm" and found.package[1] == "redhat" else None
    return cpe.Release("redhat", ".".join(part for part in match.groups() if part)) if match else None


def _architecture(name: str) -> str:
    name = name.lower()
    return "all" if name in _ANY_ARCHITECTURE else _ARCHITECTURES.get(name, name)


def _distro(qualifiers: dict[str, str]) -> tuple[str, str] | None:
    """Family (may be empty) and version; a code name alone (``os_distro``) is a family that no finding has."""
    text = qualifiers.get("distro", "")
    if not text and ("os_name" in qualifiers or "os_version" in qualifiers):
        text = f"{qualifiers.get('os_name', '')}-{qualifiers.get('os_version', '')}".strip("-")
    if not text:
        return (qualifiers["os_distro"].lower(), "") if "os_distro" in qualifiers else None
    family, dash, version = text.lower().rpartition("-")
    if not dash and not text[0].isdigit():
        family, version = version, ""
    return {"rhel": "redhat", "sles": "suse"}.get(family, family), version


def _distro_covers(wanted: tuple[str, str] | None, found: tuple[str, str] | None, *, versioned: bool) -> bool:
    if wanted is None:
        return True
    if found is None:
        return versioned
    if wanted[0] and found[0] and wanted[0] != found[0]:
        return False
    return not wanted[1] or found[1] == wanted[1] or found[1].startswith(wanted[1] + ".")
