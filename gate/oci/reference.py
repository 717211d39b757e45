"""Image references: ``[registry[:port]/]repository[:tag][@digest]`` (distribution-spec and the reference grammar of Docker).

A name without a registry is on Docker Hub, as everywhere: ``alpine`` is ``docker.io/library/alpine:latest``. The first part is a
registry when it holds a dot or a colon, or is ``localhost``.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re

from gate.errors import UsageError
from gate.oci.strict import is_digest

DOCKER_HUB = "docker.io"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference. ``tag`` is None only when a digest is there; both may be, and then the digest counts."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def host(self) -> str:
        """The host to talk to; Docker Hub's API is not at the name that its images carry."""
        return "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry

    @property
    def loopback(self) -> bool:
        """Whether the registry is on this machine, which is where plain HTTP is harmless."""
        return is_loopback(self.registry)

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> Reference:
    """Reads a reference; raises UsageError that says which part is wrong and what would be right."""
    if not text:
        raise UsageError("the image reference is empty", fix="name an image, for example registry.example/team/app:1.2")
    if text != text.strip() or not text.isprintable() or " " in text:
        raise _wrong(text, "it holds white space or control characters", "quote the variable it comes from, and check its value")
    if "://" in text:
        raise _wrong(text, "a reference has no URL scheme", f"write {text.split('://', 1)[1]}")
    name, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _wrong(text, f"{digest!r} is no digest", "a digest is sha256: and 64 hexadecimal digits in lower case")
    registry, rest = _split_registry(name)
    repository, colon, tag = rest.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _wrong(
            text, f"{tag!r} is no tag", "a tag is up to 128 letters, digits, '_', '.', '-', and does not start with '.' or '-'"
        )
    if not _REGISTRY.fullmatch(registry) or not _port_ok(registry):
        raise _wrong(text, f"{registry!r} is no registry name", "a registry is a host name with an optional port")
    if not repository:
        raise _wrong(text, "the repository is missing", f"write {registry}/team/app:tag")
    if repository != repository.lower():
        raise _wrong(text, "a repository name is in lower case", f"try {text.replace(repository, repository.lower(), 1)}")
    if len(repository) > 255 or not _REPOSITORY.fullmatch(repository):
        raise _wrong(text, f"{repository!r} is no repository name", "its parts are a-z and 0-9, joined by '.', '_', '-' and '/'")
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry, repository, tag or (None if digest else "latest"), digest or None)


def is_loopback(registry: str) -> bool:
    """Whether a ``host[:port]`` is localhost or a loopback address."""
    host = registry.rsplit(":", 1)[0] if not registry.endswith("]") else registry
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return (DOCKER_HUB if first in {"index.docker.io", "registry-1.docker.io"} else first), rest
    return DOCKER_HUB, name


def _port_ok(registry: str) -> bool:
    if registry.endswith("]") or ":" not in registry:
        return True
    return 0 < int(registry.rsplit(":", 1)[1]) < 65536


def _wrong(text: str, why: str, fix: str) -> UsageError:
    return UsageError(f"{text!r} is no image reference", why=why, fix=fix)
