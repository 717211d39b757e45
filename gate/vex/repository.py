"""VEX repositories in the layout of the VEX Repository Specification 0.1 (aquasecurity/vex-repo-spec), as a folder.

``index.json`` says which document speaks of which package. A repository holds many documents that have nothing to do with an
image, so only those of packages that were seen in it are read. Trivy stops at the first repository that lists a package; here all
of them are heard, and the usual precedence decides.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.vex.document import objects, text
from gate.vex.match import Image
from gate.vex.openvex import VexComponent
from gate.vex.purl import parse

INDEX = "index.json"
MANIFEST = "vex-repository.json"
_VERSION_FOLDER = re.compile(r"v?0\.\d+")
_IMAGES = ("pkg:oci/", "pkg:docker/")


@dataclasses.dataclass(frozen=True, slots=True)
class Repository:
    """The index of one repository; documents stay on disk until one is wanted."""

    folder: Path
    packages: Mapping[tuple[str, str, str], tuple[str, ...]]
    """Locations by package."""
    images: tuple[tuple[str, str], ...]
    """purl and location of image products, whose name may be in ``repository_url``."""

    def locations(self, packages: Iterable[str], image: Image) -> tuple[str, ...]:
        """The documents about any of the packages (purls), or about the image itself, sorted."""
        found: set[str] = set()
        for written in packages:
            purl = parse(written)
            if purl is not None:
                found.update(self.packages.get(purl.package, ()))
        found.update(location for purl_text, location in self.images if image.matches(VexComponent((purl_text,))) is not None)
        return tuple(sorted(found))

    def read(self, location: str, limits: Limits) -> bytes:
        """One document. Raises EvidenceInvalid for a location outside the folder, EvidenceUnavailable, LimitExceeded."""
        parts = PurePosixPath(location)
        path = self.folder.joinpath(*parts.parts)
        if parts.is_absolute() or ".." in parts.parts or not path.resolve().is_relative_to(self.folder.resolve()):
            raise EvidenceInvalid(
                f"the VEX repository {self.folder} names {location[:200]!r}",
                why="a document lies inside its repository; this path leads out of it",
            )
        try:
            with path.open("rb") as file:
                data = file.read(limits.document_bytes + 1)
        except OSError as error:
            raise EvidenceUnavailable(f"{path}: {error.strerror or error}", fix="update the copy of the repository") from None
        if len(data) > limits.document_bytes:
            raise LimitExceeded("document_bytes", limits.document_bytes, str(path))
        return data


def find(folder: Path) -> Path | None:
    """The folder that has the index: this one, or its newest ``0.1``; None when this is no repository."""
    places = [folder]
    if folder.is_dir():
        places += sorted((item for item in folder.iterdir() if _VERSION_FOLDER.fullmatch(item.name)), reverse=True)
    return next((place for place in places if (place / INDEX).is_file() and _is_index(place / INDEX)), None)


def _is_index(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(65_536)
    # An image layout has an index.json too; its list is called manifests.
    return b'"packages"' in head and b'"manifests"' not in head


def load(folder: Path, data: bytes, limits: Limits) -> Repository:
    """The repository whose ``index.json`` is ``data``. Raises EvidenceInvalid, LimitExceeded."""
    try:
        body: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise EvidenceInvalid(f"{folder / INDEX}: not JSON ({error})") from None
    listed = objects(body, "packages")
    if not isinstance(body, dict) or not isinstance(body.get("packages"), list):
        raise EvidenceInvalid(
            f"{folder / INDEX}: no list of packages", why="a VEX repository's index lists packages and documents"
        )
    if len(listed) > limits.components:
        raise LimitExceeded("components", limits.components, "packages of a VEX repository")
    packages: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    images: list[tuple[str, str]] = []
    for item in listed:
        written, location = text(item, "id"), text(item, "location")
        purl = parse(written)
        if purl is None or not location:
            continue
        if written.startswith(_IMAGES):
            images.append((written, location))
        else:
            packages[purl.package].append(location)
    return Repository(folder, {key: tuple(value) for key, value in packages.items()}, tuple(images))
