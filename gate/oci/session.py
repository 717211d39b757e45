"""Requests to one registry with its credentials, and what its refusals mean. Reading and writing share it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from gate.errors import EvidenceUnavailable
from gate.limits import Limits
from gate.oci.auth import PULL, Authorizer
from gate.oci.bound import Bound
from gate.oci.options import RegistryOptions
from gate.oci.reference import Reference
from gate.oci.transport import ERROR_BODY_BYTES, MAX_REDIRECTS, Answer, Transport, origin, redirected

if TYPE_CHECKING:
    import httpx

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Session:
    """One registry; shared between subjects and threads."""

    def __init__(self, registry: Reference, transport: Transport, options: RegistryOptions, limits: Limits) -> None:
        plain = registry.loopback if options.plain_http is None else options.plain_http
        self.base = f"{'http' if plain else 'https'}://{registry.host}/v2/"
        self.limits = limits
        self._transport = transport
        self._authorizer = Authorizer(transport, options, limits, secure=not plain)

    def get(self, reference: Reference, path: str, accept: str, bound: Bound, what: str) -> Answer:
        """The answer to a GET, whatever its status. ``path`` is absolute, or relative to ``/v2/``."""
        return self.request("GET", reference, path, headers={"accept": accept}, bound=bound, what=what)

    def request(
        self,
        method: str,
        reference: Reference,
        path: str,
        *,
        headers: Mapping[str, str],
        bound: Bound,
        what: str,
        access: str = PULL,
        content: bytes | None = None,
        again: bool = False,
    ) -> Answer:
        """The answer to a request, whatever its status, asked again with credentials after a 401.

        Credentials go to the registry's own origin only. Raises EvidenceUnavailable, LimitExceeded.
        """
        url = urljoin(self.base, path)
        own = origin(url) == origin(self.base)

        def send(authorization: str | None) -> Answer:
            sent = {**headers, "authorization": authorization} if authorization is not None else headers
            return self._transport.exchange(method, url, headers=sent, bound=bound, what=what, content=content, again=again)

        given = self._authorizer.header(reference, access) if own else None
        answer = send(given)
        if answer.status == 401 and own:
            header = self._authorizer.answer(reference, answer, given, access)
            if header is not None and header != given:
                answer = send(header)
        return answer

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        reference: Reference,
        path: str,
        *,
        headers: Mapping[str, str],
        what: str,
        access: str = PULL,
        content: Callable[[], Iterable[bytes]] | None = None,
        patience: float = 0.0,
    ) -> Iterator[httpx.Response]:
        """One exchange with a body that is not held in memory; a GET is redirected, and a 401 answered once.

        ``patience``: seconds more than usual to wait for the answer.
        Raises Interrupted when the connection fails, EvidenceUnavailable.
        """
        url = urljoin(self.base, path)
        header = self._authorizer.header(reference, access) if origin(url) == origin(self.base) else None
        answered = False
        sent = dict(headers) if header is None else {**headers, "authorization": header}
        for _ in range(MAX_REDIRECTS + 2):
            body = None if content is None else content()
            with self._transport.stream(method, url, headers=sent, what=what, content=body, patience=patience) as response:
                if response.status_code in _REDIRECTS and method == "GET" and "location" in response.headers:
                    url, following = redirected(url, response.headers["location"], sent, what)
                    sent = dict(following)
                    continue
                if response.status_code == 401 and not answered and origin(url) == origin(self.base):
                    answered = True
                    new = self._authorizer.answer(reference, refusal(response), header, access)
                    if new is not None and new != header:
                        sent["authorization"] = new
                        continue
                yield response
                return
        raise EvidenceUnavailable(f"{what}: more than {MAX_REDIRECTS} redirects", why="the registry sends requests in a circle")

    def failure(self, reference: Reference, answer: Answer, what: str, access: str = PULL) -> EvidenceUnavailable:
        """The error for an answer that is none of those expected."""
        host, status, text = reference.registry, answer.status, said(answer)
        source = self._authorizer.source(reference, access)
        who = f"the credentials of {source}" if source else "an anonymous request"
        verb = "pull" if access == PULL else "push to"
        if status == 401:
            return EvidenceUnavailable(
                f"{host} wants credentials for {reference.repository}",
                why=f"status 401 for {who}{text}",
                fix=f"docker login {host}",
            )
        if status == 403:
            return EvidenceUnavailable(
                f"{host} forbids access to {what}",
                why=f"status 403 for {who}{text}",
                fix=f"let that account {verb} {reference.repository}",
            )
        if status == 404 and access != PULL:
            return EvidenceUnavailable(
                f"{host} does not take {what}",
                why=f"status 404{text}",
                fix=f"create the repository {reference.repository} first: some registries make none by themselves",
            )
        if status == 404:
            return EvidenceUnavailable(
                f"{what} is missing in the registry",
                why=f"status 404{text}",
                fix="it was deleted or never copied: push or mirror it again",
            )
        if status == 429:
            wait = answer.headers.get("retry-after", "")[:40]
            return EvidenceUnavailable(
                f"{host} limits the rate of requests",
                why=f"status 429 for {who}{text}" + (f"; it says to try again after {wait} s" if wait else ""),
                fix="log in for a higher limit, use a mirror, or try again later",
            )
        if status >= 500:
            return EvidenceUnavailable(f"{host} fails", why=f"status {status} for {what}{text}", fix="try again later")
        if access != PULL:
            return EvidenceUnavailable(f"{host} does not take {what}", why=f"status {status}{text}")
        return EvidenceUnavailable(f"{what} could not be had", why=f"{host} answers with status {status}{text}")


def refusal(response: httpx.Response) -> Answer:
    """A streamed answer that is no success, with the beginning of its body."""
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > ERROR_BODY_BYTES:
            break
    names = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, names, bytes(body[:ERROR_BODY_BYTES]), str(response.url))


def said(answer: Answer) -> str:
    """The registry's own message, shortened (distribution-spec "Error Codes"); empty when it sent none."""
    try:
        errors = json.loads(answer.body)["errors"]
        text = "; ".join(f"{error.get('code', '')} {error.get('message', '')}".strip() for error in errors[:3])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return f" ({text[:200]})" if text else ""
