"""All documents of one image: the files that the caller named, what hangs on its digest, and what hangs on its index's."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from gate.errors import EvidenceError, EvidenceUnavailable, LimitExceeded
from gate.evidence.collect import Opened, Opener
from gate.evidence.interface import Document
from gate.model.evidence import CollectionError
from gate.oci.attachments import Attachment
from gate.oci.source import ImageSource


@dataclasses.dataclass(frozen=True, slots=True)
class Gathered:
    opened: tuple[Opened, ...]
    errors: tuple[CollectionError, ...]


def attached(source: ImageSource, digests: Sequence[str], opener: Opener) -> Gathered:
    """What is attached to any of the digests, looked up concurrently.

    A list or an item that could not be had is an error, never an empty list: evidence that cannot be reached is not absent. An
    item that was reached and is bad is listed as such.
    """
    errors: list[CollectionError] = []
    items: list[Attachment] = []
    with ThreadPoolExecutor(max_workers=max(1, len(digests))) as pool:
        for digest, result in zip(digests, pool.map(lambda digest: _collect(source, digest), digests), strict=True):
            if isinstance(result, EvidenceError):
                errors.append(_error(result, f"attachments of {digest}"))
            else:
                items += result
    opened: list[Opened] = []
    good: list[Document] = []
    for item in items:
        document = _document(item)
        if isinstance(item.problem, EvidenceUnavailable):
            errors.append(_error(item.problem, item.source))
        elif item.problem is not None:
            opened.append(opener.broken(document, item.problem))
        else:
            good.append(document)
    opened += opener.open_all(good)
    return Gathered(tuple(opened), tuple(errors))


def _collect(source: ImageSource, digest: str) -> tuple[Attachment, ...] | EvidenceError:
    try:
        return source.collect(digest).items
    except EvidenceError as error:
        return error


def _document(item: Attachment) -> Document:
    return Document(
        data=item.data,
        origin="referrer" if item.kind == "other" else "attestation",
        source=item.source,
        media_type=item.media_type,
        attached_to=item.attached_to,
        annotations=item.annotations,
    )


def _error(error: EvidenceError, source: str) -> CollectionError:
    code = "limit" if isinstance(error, LimitExceeded) else "unreachable"
    reason = error.what + (f": {error.why}" if error.why else "")
    return CollectionError(kind="unknown", evidence=None, source=source, code=code, reason=reason, fix=error.fix)
