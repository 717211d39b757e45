"""All that is looked up inside an image, in one pass over its layers."""

from __future__ import annotations

import dataclasses

import msgspec

from gate.evidence.crypto import collect as crypto
from gate.evidence.filesystem import collect as filesystem
from gate.evidence.filesystem.hardening import collect as hardening
from gate.evidence.fips import collect as fips
from gate.evidence.interface import Document
from gate.evidence.sbom import inside
from gate.model.compliance import Filesystem
from gate.model.crypto import CryptoFacts
from gate.model.fips import FipsFacts
from gate.model.hardening import Hardening
from gate.model.input import Subject
from gate.oci.filesystem import FileSystem
from gate.oci.source import ImageSource


@dataclasses.dataclass(frozen=True, slots=True)
class Looked:
    """The facts, and the file system that they are from."""

    filesystem: Filesystem
    fips: FipsFacts
    crypto: CryptoFacts
    files: FileSystem
    hardening: Hardening
    sboms: tuple[Document, ...] = ()
    """Files inside that look like SBOMs; nobody vouches for them."""


def look(source: ImageSource, subject: Subject, now: str) -> Looked:
    """Reads one image; ``now`` is the evaluation time (RFC 3339).

    Raises EvidenceUnavailable, EvidenceInvalid, FormatRefused, LimitExceeded.
    """
    others = {**hardening.choosers(), **fips.choosers(), **crypto.choosers_at(now), inside.COLLECTOR: inside.chooser()}
    seen, files = filesystem.collect(source, subject, now, others)
    modules = fips.facts(files, subject)
    sboms, notes = inside.documents(files)
    seen = msgspec.structs.replace(seen, diagnostics=(*seen.diagnostics, *notes))
    keys = crypto.facts(files, subject, now, modules)
    return Looked(seen, modules, keys, files, hardening.facts(files, subject), sboms)
