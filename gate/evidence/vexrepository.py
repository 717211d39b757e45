"""The documents of VEX repositories that speak of an image or of a package in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gate.errors import EvidenceError, LimitExceeded
from gate.evidence.collect import Opened, Opener
from gate.evidence.interface import Document
from gate.limits import Limits
from gate.model.evidence import CollectionError
from gate.model.input import Subject
from gate.vex.match import Image
from gate.vex.repository import Repository


def from_repositories(
    repositories: Sequence[Repository], opened: Sequence[Opened], subject: Subject, opener: Opener, limits: Limits
) -> tuple[list[Opened], list[CollectionError]]:
    """Opened as files, since the caller named the repository. What cannot be read is an error of kind ``vex``."""
    if not repositories:
        return [], []
    packages = set(_packages(opened))
    image = Image.of(subject)
    documents: list[Document] = []
    errors: list[CollectionError] = []
    for repository in repositories:
        for location in repository.locations(packages, image):
            source = str(repository.folder / location)
            if len(documents) >= limits.evidence_documents:
                raise LimitExceeded("evidence_documents", limits.evidence_documents, "VEX of one subject")
            try:
                documents.append(Document(data=repository.read(location, limits), origin="file", source=source))
            except EvidenceError as error:
                reason = error.what + (f": {error.why}" if error.why else "")
                errors.append(
                    CollectionError(kind="vex", evidence=None, source=source, code="unreadable", reason=reason, fix=error.fix)
                )
    return opener.open_all(documents), errors


def _packages(opened: Sequence[Opened]) -> Iterable[str]:
    """purls that scans and SBOMs mention: a repository may speak of a package around the vulnerable one."""
    for item in opened:
        reading = item.reading
        if reading is not None and reading.scan is not None:
            yield from (finding.package.purl for finding in reading.scan.findings if finding.package.purl)
        if reading is not None and reading.sbom is not None:
            yield from (component.purl for component in reading.sbom.components if component.purl)
