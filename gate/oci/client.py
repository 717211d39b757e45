"""The reading half of the distribution-spec v1.1: manifests, blobs, referrers; everything bounded and checked by digest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote, urljoin

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci.auth import Authorizer
from gate.oci.bound import Bound
from gate.oci.media import ACCEPT, OCI_INDEX, Descriptor, descriptor
from gate.oci.options import RegistryOptions
from gate.oci.reference import Reference
from gate.oci.strict import check_digest, hash_as, is_digest, parse_object
from gate.oci.transport import Answer, Transport, join, origin

MAX_PAGES = 100
_NO_REFERRERS = frozenset({400, 404, 405, 406, 501})
"""Answers of registries without the referrers API; the specification has 404, the others are met in the wild."""


class RegistryClient:
    """One registry; shared between subjects and threads."""

    def __init__(self, registry: Reference, transport: Transport, options: RegistryOptions, limits: Limits) -> None:
        plain = registry.loopback if options.plain_http is None else options.plain_http
        self._base = f"{'http' if plain else 'https'}://{registry.host}/v2/"
        self._transport = transport
        self._limits = limits
        self._authorizer = Authorizer(transport, options, limits, secure=not plain)

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
        said = answer.headers.get("docker-content-digest", "")
        if is_digest(said):
            check_digest(said, answer.body, f"{reference} (digest in the registry's header)")
            return said, answer.body
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
        answer = self._get(reference, f"{reference.repository}/blobs/{digest}", "*/*", bound, what)
        if answer.status != 200:
            raise self._failure(reference, answer, what)
        return check_digest(digest, answer.body, what)

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
        url = f"{self._base}{reference.repository}/referrers/{digest}"
        seen: set[str] = set()
        while url not in seen:
            seen.add(url)
            if len(seen) > MAX_PAGES:
                raise EvidenceInvalid(f"{what}: more than {MAX_PAGES} pages", why="the registry's answer does not end")
            answer = self._get(reference, url, OCI_INDEX, Bound("manifest_bytes", self._limits.manifest_bytes), what)
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if len(seen) == 1 and (answer.status in _NO_REFERRERS or (answer.status == 200 and kind != OCI_INDEX)):
                yield None
                return
            if answer.status != 200:
                raise self._failure(reference, answer, what)
            yield answer
            following = _next(answer.headers.get("link", ""))
            if following is None:
                return
            url = join(url, following)
            if origin(url) != origin(self._base):
                raise EvidenceInvalid(f"{what}: the next page is at another server", why="credentials do not go there")
        raise EvidenceInvalid(f"{what}: the pages go in a circle", fix="tell the registry's operator")

    def _manifest(self, reference: Reference, name: str, *, missing_ok: bool) -> Answer | None:
        what = f"{reference.name}{'@' if ':' in name else ':'}{name}"
        bound = Bound("manifest_bytes", self._limits.manifest_bytes)
        answer = self._get(reference, f"{reference.repository}/manifests/{quote(name, safe=':')}", ACCEPT, bound, what)
        if answer.status == 404 and missing_ok:
            return None
        if answer.status == 404:
            raise EvidenceUnavailable(
                f"no such image: {what}",
                why=f"{reference.registry} answers 404 to whoever asked" + _said(answer),
                fix="check the name and the tag; in a private registry, docker login first, as some hide what you may not see",
            )
        if answer.status != 200:
            raise self._failure(reference, answer, what)
        return answer

    def _get(self, reference: Reference, path: str, accept: str, bound: Bound, what: str) -> Answer:
        url = urljoin(self._base, path)
        sent = self._authorizer.header(reference)
        answer = self._send(url, accept, sent, bound, what)
        if answer.status == 401:
            header = self._authorizer.answer(reference, answer, sent)
            if header is not None and header != sent:
                answer = self._send(url, accept, header, bound, what)
        return answer

    def _send(self, url: str, accept: str, authorization: str | None, bound: Bound, what: str) -> Answer:
        headers = {"accept": accept}
        if authorization is not None:
            headers["authorization"] = authorization
        return self._transport.exchange("GET", url, headers=headers, bound=bound, what=what)

    def _failure(self, reference: Reference, answer: Answer, what: str) -> EvidenceUnavailable:
        host, status, said = reference.registry, answer.status, _said(answer)
        source = self._authorizer.source(reference)
        who = f"the credentials of {source}" if source else "an anonymous request"
        if status == 401:
            return EvidenceUnavailable(
                f"{host} wants credentials for {reference.repository}",
                why=f"status 401 for {who}{said}",
                fix=f"docker login {host}",
            )
        if status == 403:
            return EvidenceUnavailable(
                f"{host} forbids access to {what}",
                why=f"status 403 for {who}{said}",
                fix=f"let that account pull {reference.repository}",
            )
        if status == 404:
            return EvidenceUnavailable(
                f"{what} is missing in the registry",
                why=f"status 404{said}",
                fix="it was deleted or never copied: push or mirror it again",
            )
        if status == 429:
            wait = answer.headers.get("retry-after", "")[:40]
            return EvidenceUnavailable(
                f"{host} limits the rate of requests",
                why=f"status 429 for {who}{said}" + (f"; it says to try again after {wait} s" if wait else ""),
                fix="log in for a higher limit, use a mirror, or try again later",
            )
        if status >= 500:
            return EvidenceUnavailable(f"{host} fails", why=f"status {status} for {what}{said}", fix="try again later")
        return EvidenceUnavailable(f"{what} could not be had", why=f"{host} answers with status {status}{said}")


def _said(answer: Answer) -> str:
    """The registry's own message, shortened (distribution-spec "Error Codes"); empty when it sent none."""
    try:
        errors = json.loads(answer.body)["errors"]
        text = "; ".join(f"{error.get('code', '')} {error.get('message', '')}".strip() for error in errors[:3])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return f" ({text[:200]})" if text else ""


def _next(link: str) -> str | None:
    """The target of ``rel="next"`` in a Link header (RFC 8288), None without one."""
    for part in link.split(","):
        target, _, parameters = part.partition(";")
        target = target.strip()
        if target.startswith("<") and target.endswith(">") and "next" in parameters.replace('"', "").split("rel=")[-1].split():
            return target[1:-1]
    return None
