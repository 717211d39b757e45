"""The writing half of the distribution-spec v1.1: blobs, manifests, referrers and the fallback tag.

1. A blob is asked for before it is sent, and mounted where the registry already holds it.
2. It is sent in one request; where that is cut, or too large for a proxy, in chunks, each of which can be taken up again.
3. What is pushed is named by its digest, and a registry that answers with another digest is an error.
4. Only what may be sent twice is sent twice: a manifest and a finished blob are known by digest, a new upload is nobody's yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, urlsplit

from gate.errors import EvidenceInvalid, EvidenceUnavailable
from gate.limits import Limits
from gate.oci.auth import PUSH
from gate.oci.bound import Bound
from gate.oci.media import ACCEPT
from gate.oci.reference import Reference
from gate.oci.session import Session, refusal
from gate.oci.transport import ERROR_BODY_BYTES, RETRY_STATUS, Answer, Interrupted, backoff, join

CHUNK_BYTES = 8 * 1024 * 1024
"""Of a chunked upload; held in memory, once per concurrent blob."""
MAX_CHUNK_BYTES = 64 * 1024 * 1024
SLOWEST_COMMIT = 10_000_000
"""Bytes that a registry stores in a second at the least, before it answers."""
_OCTETS = "application/octet-stream"

Opened = Callable[[], Iterable[bytes]]
"""Gives the bytes of a blob from its beginning, each time it is called."""


class RegistryWriter:
    """Writing into the repositories of one registry; safe to use from many threads."""

    def __init__(self, session: Session, limits: Limits) -> None:
        self._session = session
        self._limits = limits
        self._bound = Bound("manifest_bytes", ERROR_BODY_BYTES)

    def has_blob(self, reference: Reference, digest: str, size: int) -> bool:
        """Whether the registry says that it holds the blob, with that size (1)."""
        what = f"blob {digest} of {reference.name}"
        answer = self._request("HEAD", reference, f"{reference.repository}/blobs/{digest}", what=what)
        if answer.status == 404:
            return False
        if answer.status != 200:
            raise self._session.failure(reference, answer, what, PUSH)
        return answer.headers.get("content-length") in {None, str(size)}

    def has_manifest(self, reference: Reference, digest: str) -> bool:
        """Whether the registry says that it holds the manifest."""
        what = f"manifest {digest} of {reference.name}"
        path = f"{reference.repository}/manifests/{digest}"
        answer = self._request("HEAD", reference, path, what=what, headers={"accept": ACCEPT})
        if answer.status not in {200, 404}:
            raise self._session.failure(reference, answer, what, PUSH)
        return answer.status == 200 and answer.headers.get("docker-content-digest", digest) == digest

    def put_blob(self, reference: Reference, digest: str, size: int, opened: Opened, *, mount_from: str = "") -> bool:
        """Brings the blob into the repository; False when it was there already, or could be mounted from ``mount_from``.

        Raises EvidenceUnavailable, EvidenceInvalid, and whatever ``opened`` raises.
        """
        if self.has_blob(reference, digest, size):
            return False
        what = f"blob {digest} for {reference.name}"
        location = self._begin(reference, what, digest if mount_from else "", mount_from)
        if location is None:
            return False
        try:
            if self._whole(reference, location, digest, size, opened, what):
                return True
        except Interrupted:
            if self.has_blob(reference, digest, size):  # the answer was lost, not the blob
                return True
        self._chunked(reference, digest, opened, what)  # (2)
        return True

    def put_bytes(self, reference: Reference, digest: str, data: bytes) -> bool:
        """`put_blob` for what is in memory."""
        return self.put_blob(reference, digest, len(data), lambda: (data,) if data else ())

    def put_manifest(self, reference: Reference, name: str, media_type: str, data: bytes, digest: str, **more: str) -> Answer:
        """Puts a manifest under its digest or a tag; ``more`` are further headers. 412 is an answer, not an error.

        Raises EvidenceUnavailable when it is refused, EvidenceInvalid when the registry keeps other bytes (3).
        """
        what = f"manifest {name} of {reference.name}"
        path = f"{reference.repository}/manifests/{quote(name, safe=':')}"
        headers = {"content-type": media_type, **{key.replace("_", "-"): value for key, value in more.items()}}
        answer = self._request("PUT", reference, path, what=what, headers=headers, content=data, again=not more)
        if answer.status == 412 and more:
            return answer
        if answer.status not in {200, 201, 202}:
            raise self._session.failure(reference, answer, what, PUSH)
        said = answer.headers.get("docker-content-digest", digest)
        if said != digest:
            raise EvidenceInvalid(
                f"{reference.registry} keeps another manifest than the one pushed",
                why=f"pushed {digest}, it says {said[:100]}",
                fix="do not use what was pushed; tell the registry's operator",
            )
        return answer

    def put_tag(self, reference: Reference, tag: str, media_type: str, data: bytes, digest: str) -> None:
        """Lets a tag stand for a manifest, unless it does: where tags cannot be changed, even the same again is refused."""
        what = f"tag {tag} of {reference.name}"
        path = f"{reference.repository}/manifests/{quote(tag)}"
        answer = self._request("HEAD", reference, path, what=what, headers={"accept": ACCEPT})
        if answer.status == 200 and answer.headers.get("docker-content-digest") == digest:
            return
        self.put_manifest(reference, tag, media_type, data, digest)

    def _request(
        self,
        method: str,
        reference: Reference,
        path: str,
        *,
        what: str,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        again: bool = False,
        access: str = PUSH,
    ) -> Answer:
        return self._session.request(
            method,
            reference,
            path,
            headers=headers or {},
            bound=self._bound,
            what=what,
            access=access,
            content=content,
            again=again,
        )

    def _begin(self, reference: Reference, what: str, mount: str = "", mount_from: str = "") -> str | None:
        """Where to upload to; None when the blob was mounted. An unused upload costs the registry nothing (4)."""
        path = f"{reference.repository}/blobs/uploads/"
        access = PUSH
        if mount:
            path += f"?mount={quote(mount)}&from={quote(mount_from, safe='')}"
            access = f"{PUSH} {mount_from}"
        answer = self._request("POST", reference, path, what=what, headers={"content-length": "0"}, again=True, access=access)
        if answer.status == 201 and mount:
            return None
        return self._location(reference, answer, what, {202})

    def _location(self, reference: Reference, answer: Answer, what: str, wanted: set[int]) -> str:
        if answer.status not in wanted:
            raise self._session.failure(reference, answer, what, PUSH)
        where = join(answer.url, answer.headers.get("location", ""))
        old, new = urlsplit(answer.url), urlsplit(where)
        if (
            "location" not in answer.headers
            or new.scheme not in {"http", "https"}
            or (old.scheme, new.scheme) == ("https", "http")
        ):
            raise EvidenceInvalid(f"{reference.registry} names no safe place to upload to", fix="tell the registry's operator")
        return where

    def _whole(self, reference: Reference, location: str, digest: str, size: int, opened: Opened, what: str) -> bool:
        """One PUT with everything; False when the registry would rather have it otherwise (2)."""
        headers = {"content-type": _OCTETS, "content-length": str(size)}
        url = _with_digest(location, digest)
        with self._session.stream(
            "PUT",
            reference,
            url,
            headers=headers,
            what=what,
            access=PUSH,
            content=opened,
            patience=size / SLOWEST_COMMIT,
        ) as response:
            answer = refusal(response)
        if answer.status in {200, 201}:
            return True
        if answer.status in RETRY_STATUS | {404, 411, 413, 416}:
            return False
        raise self._session.failure(reference, answer, what, PUSH)

    def _chunked(self, reference: Reference, digest: str, opened: Opened, what: str) -> None:
        path = f"{reference.repository}/blobs/uploads/"
        begun = self._request("POST", reference, path, what=what, headers={"content-length": "0"}, again=True)
        location = self._location(reference, begun, what, {202})
        least = begun.headers.get("oci-chunk-min-length", "")
        size = min(max(CHUNK_BYTES, int(least[:12]) if _is_number(least) else 0), MAX_CHUNK_BYTES)
        start = 0
        for chunk in _chunks(opened(), size):
            location = self._chunk(reference, location, start, chunk, what)
            start += len(chunk)
        try:
            url = _with_digest(location, digest)
            answer = self._request("PUT", reference, url, what=what, headers={"content-length": "0"}, content=b"")
        except EvidenceUnavailable:
            if self.has_blob(reference, digest, start):  # the answer was late or lost, not the blob
                return
            raise
        if answer.status not in {200, 201} and not self.has_blob(reference, digest, start):
            raise self._session.failure(reference, answer, what, PUSH)

    def _chunk(self, reference: Reference, location: str, start: int, chunk: bytes, what: str) -> str:
        """Sends one chunk, asking after a fault how much of it arrived; the next location."""
        sent = 0
        for attempt in range(self._limits.http_retries + 1):
            first = start + sent
            headers = {"content-type": _OCTETS, "content-range": f"{first}-{start + len(chunk) - 1}"}
            try:
                answer = self._request("PATCH", reference, location, what=what, headers=headers, content=chunk[sent:])
            except EvidenceUnavailable as error:  # the connection failed
                problem = error
            else:
                if answer.status not in RETRY_STATUS | {416}:
                    return self._location(reference, answer, what, {202})
                problem = self._session.failure(reference, answer, what, PUSH)
            if attempt == self._limits.http_retries:
                raise problem
            time.sleep(backoff(attempt))
            location, held = self._held(reference, location, what)
            if held == start + len(chunk):
                return location
            if not start <= held < start + len(chunk):
                raise EvidenceInvalid(
                    f"{reference.registry} lost a part of {what}", why=f"it holds {held} bytes, {start} were sent"
                )
            sent = held - start
        raise AssertionError("a loop of at least one try has ended without a result")

    def _held(self, reference: Reference, location: str, what: str) -> tuple[str, int]:
        """Where an upload goes on, and how many bytes of it have arrived (distribution-spec "GET upload status")."""
        answer = self._request("GET", reference, location, what=what)
        if answer.status not in {202, 204}:
            raise self._session.failure(reference, answer, what, PUSH)
        _, _, last = answer.headers.get("range", "").rpartition("-")
        if not _is_number(last):
            raise EvidenceInvalid(f"{reference.registry} does not say how much of {what} arrived")
        where = join(answer.url, answer.headers["location"]) if "location" in answer.headers else location
        return where, int(last[:18]) + 1 if answer.headers["range"] != "0-0" else 0


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()  # isdigit alone takes superscripts, which int does not


def _with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={quote(digest)}"


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes, cut anew."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)
