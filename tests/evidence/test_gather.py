"""What is attached to an image: what cannot be had is an error, what is bad is an item, what is absent is nothing."""

from __future__ import annotations

from typing import Any

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.evidence.collect import Opener
from gate.evidence.gather import attached
from gate.limits import DEFAULT
from gate.oci.attachments import Attachment
from gate.trust.entry import Trust
from tests.factory import DIGEST, OTHER


class Listing:
    """What `ImageSource.collect` answers."""

    def __init__(self, *items: Attachment) -> None:
        self.items = items


class Source:
    """An image source with these attachments by digest, or with an error instead."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def collect(self, digest: str) -> Listing:
        answer = self._answers[digest]
        if isinstance(answer, Exception):
            raise answer
        return Listing(*answer)


def attachment(data: bytes = b"{}", **changes: Any) -> Attachment:
    values: dict[str, Any] = {
        "data": data, "media_type": "application/json", "source": "referrer x", "annotations": {}, "attached_to": DIGEST,
        "kind": "bundle", **changes,
    }  # fmt: skip
    return Attachment(**values)


def gathered(answers: dict[str, Any]) -> Any:
    return attached(Source(answers), list(answers), Opener(Trust(entries=()), DEFAULT))  # type: ignore[arg-type]  # only collect is asked


def test_nothing_attached_is_nothing() -> None:
    """Neither an item nor an error."""
    found = gathered({DIGEST: []})
    assert (found.opened, found.errors) == ((), ())


def test_a_list_that_cannot_be_had_is_an_error() -> None:
    """Not an empty list; the other digest's items are kept."""
    found = gathered({DIGEST: EvidenceUnavailable("500", why="broken", fix="retry"), OTHER: [attachment()]})
    [error] = found.errors
    assert (error.code, error.kind, error.evidence) == ("unreachable", "unknown", None)
    assert DIGEST in error.source and error.reason == "500: broken" and len(found.opened) == 1


def test_a_bound_has_its_own_code() -> None:
    """A list past a bound is not cut to size."""
    [error] = gathered({DIGEST: LimitExceeded("referrers", 3, "referrers")}).errors
    assert error.code == "limit" and "referrers = 3" in error.reason


def test_one_item_that_cannot_be_had() -> None:
    """An error that names the item; one that is bad is an item that failed."""
    items = [attachment(b"", problem=EvidenceUnavailable("404")), attachment(b"x", problem=EvidenceInvalid("wrong digest"))]
    found = gathered({DIGEST: items})
    assert [error.reason for error in found.errors] == ["404"]
    assert [(item.verification.state, item.error) for item in found.opened] == [("failed", None)]


def test_origin_says_who_put_it_there() -> None:
    """Signed forms are attestations, the rest referrers; neither is the caller's own."""
    found = gathered({DIGEST: [attachment(b"1"), attachment(b"2", kind="other")]})
    assert [item.document.origin for item in found.opened] == ["attestation", "referrer"]
