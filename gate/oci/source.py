"""Where a subject comes from, and how its text is told apart.

    registry.example/team/app:1.2@sha256:…    a registry              docker://… is the same
    ./dir   oci:PATH[:TAG|@DIGEST]            an OCI image layout     also what `cosign save` writes
    ./app.tar[:TAG|@DIGEST]                   an OCI archive or `docker save`; oci-archive:… and docker-archive:… are the same
    sha256:…   NAME@sha256:… with --offline   a digest alone, with evidence files

A short name that is at once a path here is refused: `gate verify app` must not mean the registry on one machine and a directory
that somebody put into the working tree on another.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, Protocol

from gate.errors import UsageError
from gate.limits import Limits
from gate.oci import reference as references
from gate.oci.attachments import Attachment, Attachments
from gate.oci.media import Descriptor
from gate.oci.options import RegistryOptions
from gate.oci.strict import is_digest

Kind = Literal["image", "archive", "digest"]
_TAR = (".tar", ".tar.gz", ".tgz")
_PATH_PREFIXES = ("oci:", "oci-archive:", "docker-archive:")


class ImageSource(Protocol):
    """One subject. All reading is by digest; `resolve` alone looks at names, and only once."""

    @property
    def kind(self) -> Kind:
        """``image`` (or an index), ``archive`` (identified by its configuration) or ``digest`` (nothing but that is known)."""

    @property
    def name(self) -> str:
        """Repository or file name, without tag and digest."""

    @property
    def reference(self) -> str:
        """As the caller gave it."""

    @property
    def limits(self) -> Limits:
        """The bounds in force."""

    def resolve(self) -> Descriptor:
        """What the name stands for. Later calls give the same answer, whatever has become of the tag."""

    def manifest(self, digest: str) -> bytes:
        """A manifest by digest; raises EvidenceUnavailable, EvidenceInvalid, LimitExceeded."""

    def blob(self, digest: str, max_bytes: int) -> bytes:
        """A blob by digest; raises EvidenceUnavailable, EvidenceInvalid, LimitExceeded."""

    def collect(self, digest: str) -> Attachments:
        """All that is attached to the digest; raises EvidenceUnavailable when that cannot be told."""

    def attachments(self, digest: str) -> tuple[Attachment, ...]:
        """The items of `collect`: evidence candidates, and those that could not be read."""

    def close(self) -> None:
        """Lets go of files. Connections belong to the run: `RegistryOptions.close`."""


class DigestSource:
    """A digest and nothing else; all evidence comes from files."""

    kind: Kind = "digest"

    def __init__(self, name: str, reference: str, digest: str, limits: Limits) -> None:
        self.name = name
        self.reference = reference
        self.limits = limits
        self._digest = digest

    def resolve(self) -> Descriptor:
        """The digest, of unknown type."""
        return Descriptor(self._digest, "")

    def manifest(self, digest: str) -> bytes:
        """Never there."""
        raise UsageError(f"{digest} is given by its digest only", why="there is nothing to read a manifest from")

    def blob(self, digest: str, max_bytes: int) -> bytes:
        """Never there."""
        raise UsageError(f"{digest} is given by its digest only", why="there is nothing to read a blob from")

    def collect(self, digest: str) -> Attachments:
        """Nothing is attached."""
        return Attachments()

    def attachments(self, digest: str) -> tuple[Attachment, ...]:
        """Nothing is attached."""
        return ()

    def close(self) -> None:
        """Nothing is open."""


def open_source(text: str, *, options: RegistryOptions, limits: Limits) -> ImageSource:
    """The source that the text names; no network yet, but files are opened.

    Raises UsageError for a text that names nothing or two things, EvidenceInvalid for a layout or tarball that cannot be read.
    """
    if is_digest(text):
        return DigestSource("", text, text, limits)
    if re.match(r"sha(256|512):", text):
        raise UsageError(f"{text!r} is no digest", why="a digest is sha256: and 64 hexadecimal digits in lower case")
    prefix = next((prefix for prefix in _PATH_PREFIXES if text.startswith(prefix)), None)
    if prefix is not None:
        return _open_path(text, text[len(prefix) :], limits)
    if text.startswith("docker://"):
        return _open_registry(text, text[len("docker://") :], options, limits)
    if text.startswith(("/", "./", "../", "~")) or text in {".", ".."}:
        return _open_path(text, text, limits)
    if text.endswith(_TAR) and os.path.isfile(text):  # noqa: PTH113  # Path.is_file raises for names that are too long
        return _open_path(text, text, limits)
    _refuse_two_meanings(text)
    return _open_registry(text, text, options, limits)


def _open_registry(given: str, text: str, options: RegistryOptions, limits: Limits) -> ImageSource:
    reference = references.parse(text)
    if options.offline:
        if reference.digest is None:
            raise UsageError(
                f"{text} cannot be resolved offline",
                why="a tag means what the registry says, and --offline forbids asking",
                fix=f"name the digest ({reference.name}@sha256:…), a layout or a tarball",
            )
        return DigestSource(reference.name, given, reference.digest, limits)
    from gate.oci.registry import RegistrySource

    return RegistrySource(reference, given, options, limits)


def _open_path(given: str, text: str, limits: Limits) -> ImageSource:
    from gate.oci.archive import open_archive
    from gate.oci.layout import open_layout

    path, selector = split_path(text)
    if path.is_dir():
        return open_layout(path, given, selector, limits)
    return open_archive(path, given, selector, limits)


def split_path(text: str) -> tuple[Path, str]:
    """An existing path and the ``TAG`` or ``@DIGEST`` after it; raises UsageError when no part of the text is a path."""
    if not text or "\0" in text:
        raise UsageError("the path of the image is empty")
    cut = len(text)
    while cut > 0:
        path = os.path.expanduser(text[:cut]) if text.startswith("~/") else text[:cut]  # noqa: PTH111  # Path.expanduser raises
        if os.path.exists(path):  # noqa: PTH110  # Path.exists raises for names that are too long or may not be looked at
            return Path(path), text[cut:].removeprefix(":")
        cut = max(text.rfind(":", 0, cut), text.rfind("@", 0, cut))
    raise UsageError(
        f"there is no image layout or tarball at {text}",
        why="nothing of that name exists",
        fix="check the path; an image in a registry is named without ./ and without a prefix",
    )


def _refuse_two_meanings(text: str) -> None:
    """Invariant: one text, one meaning, whatever lies in the working directory."""
    first = text.split("/", 1)[0]
    if "@" in text or ":" in text or "." in first or first == "localhost":
        return  # a registry, a tag or a digest is named: never a path
    names = (text, f"{text}/oci-layout", f"{text}/index.json")
    if any(os.path.isfile(name) for name in names):  # noqa: PTH113  # Path.is_file raises for names that are too long
        raise UsageError(
            f"{text!r} can be an image in a registry and a path",
            why=f"there is a file or a layout of that name here, and {text} is also docker.io/…/{text.rsplit('/', 1)[-1]}",
            fix=f"write ./{text} for the path, docker://{text} for the registry",
        )
