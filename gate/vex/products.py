"""How a generated statement names an image and a package, so that every reader of the format finds them.

go-vex (in grype and trivy) matches a purl when type, namespace, name and version are equal and every qualifier of the *statement*
is one of the scan's. Qualifiers that generators spell differently (``arch``, ``distro``, ``upstream``) would make a statement do
nothing in one tool, so they are left out; the image's digest says more than they do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import quote, unquote

from gate.model.verdict import VerdictSubject
from gate.vex.purl import parse

Scope = Literal["digest", "repository", "package"]
"""What a statement is bound to: this image by digest, every image of its repository, or the package wherever it is."""

_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_KEPT = frozenset({"classifier"})
_SPELLINGS = (("pkg:rpm/rhel/", "pkg:rpm/redhat/"), ("pkg:rpm/sles/", "pkg:rpm/suse/"))
"""syft's and trivy's namespace of one distribution."""


def package_purls(purl: str) -> tuple[str, ...]:
    """The purl with version and without qualifiers that do not identify, in every spelling of its namespace and epoch (grype has
    it in the version, trivy as qualifier); none when it does not parse or has no version."""
    found = parse(purl)
    if found is None or not found.version:
        return ()
    kept = [f"{name}={quote(value, safe='')}" for name, value in found.qualifiers if name in _KEPT]
    base = purl.partition("#")[0].partition("?")[0]
    spelt = [(base, kept)]
    if found.type in ("deb", "rpm"):
        head, _, version = base.rpartition("@")
        inside, colon, rest = unquote(version).partition(":")
        if colon and inside.isdecimal():
            spelt.append((f"{head}@{quote(rest, safe='._~+-')}", [*kept, f"epoch={inside}"] if inside != "0" else kept))
        elif (epoch := dict(found.qualifiers).get("epoch", "")).isdecimal():
            spelt = [(base, [*kept, f"epoch={epoch}"]), (f"{head}@{epoch}:{version}", kept)]
    made = [text + (f"?{'&'.join(sorted(query))}" if query else "") for text, query in spelt]
    return tuple(dict.fromkeys((*made, *(other for text in made for other in _respelt(text)))))


def _respelt(base: str) -> Iterable[str]:
    for pair in _SPELLINGS:
        for one, other in (pair, pair[::-1]):
            if base.startswith(one):
                yield other + base.removeprefix(one)


def image_purls(subject: VerdictSubject, *, scope: Scope = "digest") -> tuple[str, ...]:
    """The image by digest without qualifiers first, then with ``repository_url`` in each registry spelling; the index after it.

    For ``repository`` the names without digest. A subject without registry name (a layout, an archive) has only its digest.
    """
    host, path = _repository(subject.name)
    name = quote((path or subject.name).rstrip("/").rpartition("/")[2].lower() or "image", safe="._-")
    hosts = ("docker.io", "index.docker.io") if host in _HUB else (host,)
    urls = [f"repository_url={quote(f'{one}/{path}'.lower(), safe=':')}" for one in hosts if path]
    if scope == "repository":
        return tuple(f"pkg:oci/{name}?{url}" for url in urls)
    digests = dict.fromkeys(digest for digest in (subject.digest, subject.index_digest) if digest)
    return tuple(f"pkg:oci/{name}@{digest.lower()}{query}" for query in ("", *(f"?{url}" for url in urls)) for digest in digests)


def _repository(name: str) -> tuple[str, str]:
    host, slash, path = name.partition("/")
    if not slash or host.startswith(".") or not ("." in host or ":" in host or host == "localhost"):
        return "", ""
    if host in _HUB and "/" not in path:
        path = f"library/{path}"
    return host, path


def products(subject: VerdictSubject, purls: Iterable[str], *, scope: Scope = "digest") -> list[dict[str, Any]]:
    """OpenVEX products for packages of the image: always with subcomponents, never the whole image."""
    packages = [_component(purl) for purl in dict.fromkeys(purls)]
    if scope == "package":
        return packages
    return [{**_component(image), "subcomponents": packages} for image in image_purls(subject, scope=scope)] if packages else []


def _component(purl: str) -> dict[str, Any]:
    made: dict[str, Any] = {"@id": purl, "identifiers": {"purl": purl}}
    _, _, digest = purl.partition("?")[0].partition("@sha256:")
    if digest and purl.startswith("pkg:oci/"):
        made["hashes"] = {"sha-256": digest}
    return made
