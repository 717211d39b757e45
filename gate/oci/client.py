"""The reading half of the distribution-spec v1.1: manifests, blobs, referrers; everything bounded and checked by digest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from urllib.parse import quote

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci.bound import Bound
from gate.oci.media import ACCEPT, OCI_INDEX, Descriptor, descriptor
from gate.oci.reference import Reference
from gate.oci.session import Session, refusal, said
from gate.oci.strict import check_digest, hash_as, is_digest, parse_object
from gate.oci.transport import RETRY_STATUS, Answer, Interrupted, backoff, join, origin

MAX_PAGES = 100
_NO_REFERRERS = frozenset({400, 404, 405, 406, 501})
"""Answers of registries without the referrers API; the specification has 404, the others are met in the wild."""


class RegistryClient:
    """One registry; shared between subjects and threads."""

    def __init__(self, session: Session, limits: Limits) -> None:
        self._session = session
        self._limits = limits

    def resolve(self, reference: Reference) -> tuple[str, bytes]:
        """The digest and the bytes of what the reference stands for now, in one request.

        Raises EvidenceUnavailable when there is no such image or it cannot be had, EvidenceInvalid when the registry contradicts
        itself.
        """
        answer = self._manifest(reference, reference.digest or reference.tag or "latest", missing_ok=False)
        if answer is None:
            raise AssertionError("a missing manifest was not reported")
        if reference.digest is not None:
            return reference.digest, check_digest(reference.digest, answer.body, str(reference))
        header = answer.headers.get("docker-content-digest", "")
        if is_digest(header):
            check_digest(header, answer.body, f"{reference} (digest in the registry's header)")
            return header, answer.body
        return hash_as("sha256:", answer.body), answer.body

    def tagged(self, reference: Reference, tag: str) -> bytes | None:
        """The manifest under another tag of the repository, None when there is none; raises EvidenceUnavailable otherwise."""
        answer = self._manifest(reference, tag, missing_ok=True)
        return None if answer is None else answer.body

    def manifest(self, reference: Reference, digest: str) -> bytes:
        """A manifest by digest; raises EvidenceUnavailable, EvidenceInvalid."""
        answer = self._manifest(reference, digest, missing_ok=False)
        if answer is None:
            raise AssertionError("a missing manifest was not reported")
        return check_digest(digest, answer.body, f"manifest {digest} of {reference.name}")

    def blob(self, reference: Reference, digest: str, bound: Bound) -> bytes:
        """A blob by digest; raises EvidenceUnavailable, EvidenceInvalid, LimitExceeded."""
        what = f"blob {digest} of {reference.name}"
        answer = self._session.get(reference, f"{reference.repository}/blobs/{digest}", "*/*", bound, what)
        if answer.status != 200:
            raise self._session.failure(reference, answer, what)
        return check_digest(digest, answer.body, what)

    def stream(self, reference: Reference, digest: str, size: int) -> Iterator[bytes]:
        """A blob of ``size`` bytes in pieces, hashed on the way; where the connection is cut, it goes on from there.

        The last piece is held back until the digest is checked, so whoever writes the pieces somewhere never has a whole wrong
        blob. Raises EvidenceInvalid for other bytes than the digest's, EvidenceUnavailable.
        """
        what = f"blob {digest} of {reference.name}"
        hasher, got, held, faults = hashlib.new(digest.partition(":")[0]), 0, b"", 0
        while got < size:
            before = got
            try:
                for piece in self._pieces(reference, digest, got, what):
                    got += len(piece)
                    if got > size:
                        raise EvidenceInvalid(f"{what} has more than {size} bytes", why="that is what its descriptor says")
                    hasher.update(piece)
                    if held:
                        yield held
                    held = piece
                if got < size:
                    raise Interrupted(f"{what}: the body ends after {got} of {size} bytes")
            except Interrupted:
                faults = 1 if got > before else faults + 1
                if faults > self._limits.http_retries:
                    raise
                time.sleep(backoff(faults))
        found = f"{digest.partition(':')[0]}:{hasher.hexdigest()}"
        if found != digest:
            raise EvidenceInvalid(
                f"{what}: the bytes served are not the ones asked for",
                why=f"expected {digest}, got {found}",
                fix="the registry or a proxy is damaged or lies; fetch the image again from its origin",
            )
        if held:
            yield held

    def _pieces(self, reference: Reference, digest: str, start: int, what: str) -> Iterator[bytes]:
        """The blob's bytes from ``start`` on, whether the registry knows ranges or not."""
        headers = {"accept": "*/*", **({"range": f"bytes={start}-"} if start else {})}
        path = f"{reference.repository}/blobs/{digest}"
        with self._session.stream("GET", reference, path, headers=headers, what=what) as response:
            if response.status_code in RETRY_STATUS:
                raise Interrupted(f"{what}: status {response.status_code}", why=said(refusal(response)))
            if response.status_code not in {200, 206}:
                raise self._session.failure(reference, refusal(response), what)
            skip = start if response.status_code == 200 else 0
            if response.status_code == 206 and not response.headers.get("content-range", "").startswith(f"bytes {start}-"):
                raise EvidenceInvalid(f"{what}: the registry sent another range than the one asked for")
            for piece in response.iter_raw():
                if skip:
                    piece, skip = piece[skip:], max(0, skip - len(piece))
                if piece:
                    yield piece

    def referrers(self, reference: Reference, digest: str) -> tuple[Descriptor, ...] | None:
        """What refers to the digest, None when the registry has no referrers API.

        Raises EvidenceUnavailable when the list could not be had in full: a list that failed is never an empty one.
        """
        found: list[Descriptor] = []
        for answer in self._pages(reference, digest):
            if answer is None:
                return None
            what = f"the referrers of {digest} in {reference.name}"
            value = parse_object(answer.body, what, self._limits)
            entries = value.get("manifests")
            if not isinstance(entries, list) or "layers" in value or "config" in value:
                raise EvidenceInvalid(f"{what}: the registry's answer is no index", fix="tell the registry's operator")
            found += [descriptor(entry, what) for entry in entries]
            if len(found) > self._limits.referrers:
                raise LimitExceeded("referrers", self._limits.referrers, what)
        return tuple(found)

    def _pages(self, reference: Reference, digest: str) -> Iterator[Answer | None]:
        what = f"the referrers of {digest} in {reference.name}"
        url = f"{self._session.base}{reference.repository}/referrers/{digest}"
        seen: set[str] = set()
        while url not in seen:
            seen.add(url)
            if len(seen) > MAX_PAGES:
                raise EvidenceInvalid(f"{what}: more than {MAX_PAGES} pages", why="the registry's answer does not end")
            answer = self._session.get(reference, url, OCI_INDEX, Bound("manifest_bytes", self._limits.manifest_bytes), what)
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if len(seen) == 1 and (answer.status in _NO_REFERRERS or (answer.status == 200 and kind != OCI_INDEX)):
                yield None
                return
            if answer.status != 200:
                raise self._session.failure(reference, answer, what)
            yield answer
            following = _next(answer.headers.get("link", ""))
            if following is None:
                return
            url = join(url, following)
            if origin(url) != origin(self._session.base):
                raise EvidenceInvalid(f"{what}: the next page is at another server", why="credentials do not go there")
        raise EvidenceInvalid(f"{what}: the pages go in a circle", fix="tell the registry's operator")

    def _manifest(self, reference: Reference, name: str, *, missing_ok: bool) -> Answer | None:
        what = f"{reference.name}{'@' if ':' in name else ':'}{name}"
        bound = Bound("manifest_bytes", self._limits.manifest_bytes)
        answer = self._session.get(reference, f"{reference.repository}/manifests/{quote(name, safe=':')}", ACCEPT, bound, what)
        if answer.status == 404 and missing_ok:
            return None
        if answer.status == 404:
            raise EvidenceUnavailable(
                f"no such image: {what}",
                why=f"{reference.registry} answers 404 to whoever asked" + said(answer),
                fix="check the name and the tag; in a private registry, docker login first, as some hide what you may not see",
            )
        if answer.status != 200:
            raise self._session.failure(reference, answer, what)
        return answer


def _next(link: str) -> str | None:
    """The target of ``rel="next"`` in a Link header (RFC 8288), None without one."""
    for part in link.split(","):
        target, _, parameters = part.partition(";")
        target = target.strip()
        if target.startswith("<") and target.endswith(">") and "next" in parameters.replace('"', "").split("rel=")[-1].split():
            return target[1:-1]
    return None
