"""One bounded HTTP exchange: connections kept, redirects followed without credentials, transient faults tried again.

1. A body is read up to its bound and not a byte further; what is compressed in transit is refused, not expanded.
2. Only GET and HEAD are tried again, and what the caller says may be sent twice.
3. Authorization never follows a redirect to another origin, and no redirect leads from HTTPS to plain HTTP.
4. No error of httpx leaves this module, and no error text holds a credential or a query string.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from gate.errors import ConfigError, EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci.bound import Bound
from gate.oci.options import RegistryOptions
from gate.oci.reference import is_loopback

if TYPE_CHECKING:
    import ssl

    import httpx

MAX_REDIRECTS = 5
ERROR_BODY_BYTES = 16 * 1024
SLOWEST_BYTES_PER_SECOND = 50_000
"""A body slower than this over its whole length is given up; a trickle would otherwise hold the gate for days."""
RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 5.0
MAX_RETRY_AFTER_SECONDS = 20.0
USER_AGENT = "policy-gate"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A complete response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Interrupted(EvidenceUnavailable):
    """A connection that failed in the middle; what was exchanged until then may count."""


class _Transient(Exception):
    """A fault that may pass."""

    def __init__(self, reason: str, *, slow: bool = False, after: float | None = None, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.slow = slow
        self.after = after
        self.answer = answer


class Transport:
    """HTTP for all registries of a run; safe to use from many threads."""

    def __init__(self, options: RegistryOptions, limits: Limits) -> None:
        self._options = options
        self._limits = limits
        self._lock = threading.Lock()
        self._clients: dict[tuple[bool, bool], httpx.Client] = {}

    def close(self) -> None:
        """Ends all connections."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        bound: Bound,
        what: str,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        again: bool = False,
    ) -> Answer:
        """The response to a request, whatever its status. ``again``: the request may be sent twice without harm.

        Raises EvidenceUnavailable when there is none after all tries (2), LimitExceeded for a body beyond its bound.
        """
        self._online(what)
        tries = self._limits.http_retries + 1 if again or method in {"GET", "HEAD"} else 1
        timeouts = 0
        for attempt in range(tries):
            try:
                answer = self._follow(method, url, headers, bound, what, form, content)
                if answer.status in RETRY_STATUS:
                    raise _Transient(f"status {answer.status}", after=_retry_after(answer.headers), answer=answer)
                return answer
            except _Transient as fault:
                timeouts += fault.slow
                wait = backoff(attempt) if fault.after is None else fault.after
                if attempt + 1 == tries or timeouts > 1 or wait > MAX_RETRY_AFTER_SECONDS:
                    if fault.answer is not None:
                        return fault.answer
                    raise _unreachable(what, url, fault.reason, attempt + 1) from fault.__cause__
                time.sleep(wait)
        raise AssertionError("a loop of at least one try has ended without a result")

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        what: str,
        content: Iterable[bytes] | None = None,
        patience: float = 0.0,
    ) -> Iterator[httpx.Response]:
        """One try of a request whose body, or whose answer's body, is too large to hold. Nothing is followed or tried again here.

        ``patience``: seconds beyond the usual for which an answer is waited for; a registry hashes what it was sent first.
        Raises Interrupted when the connection fails, also in the middle of either body.
        """
        self._online(what)
        import httpx

        sent = {"user-agent": USER_AGENT, "accept-encoding": "identity", **headers}
        try:
            timeout = httpx.Timeout(self._limits.http_seconds, read=self._limits.http_seconds + patience, pool=None)
            with self._client(url).stream(method, url, headers=sent, content=content, timeout=timeout) as response:
                if response.headers.get("content-encoding", "identity").lower() != "identity":  # (1)
                    raise EvidenceInvalid(f"{what}: {urlsplit(url).netloc} sent a compressed body", why="identity was asked for")
                yield response
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Interrupted(f"{what}: the connection to {urlsplit(url).netloc} was cut", why=reason) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EvidenceUnavailable(f"{what}: the request failed", why=f"{type(error).__name__}: {error}") from error

    def _online(self, what: str) -> None:
        if self._options.offline:
            raise EvidenceUnavailable(
                f"{what} is not here",
                why="--offline forbids the network",
                fix="run without --offline, or give an image layout or tarball",
            )

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        bound: Bound,
        what: str,
        form: Mapping[str, str] | None,
        content: bytes | None,
    ) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(method, url, headers, bound, what, form, content)
            if (
                answer.status not in {301, 302, 303, 307, 308}
                or "location" not in answer.headers
                or method not in {"GET", "HEAD"}
            ):
                return answer
            url, headers = redirected(url, answer.headers["location"], headers, what)
        raise EvidenceUnavailable(f"{what}: more than {MAX_REDIRECTS} redirects", why="the registry sends requests in a circle")

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        bound: Bound,
        what: str,
        form: Mapping[str, str] | None,
        content: bytes | None,
    ) -> Answer:
        import httpx

        started = time.monotonic()
        sent = {"user-agent": USER_AGENT, "accept-encoding": "identity", **headers}
        try:
            with self._client(url).stream(method, url, headers=sent, data=form, content=content) as response:
                names = {name.lower(): value for name, value in response.headers.items()}
                if names.get("content-encoding", "identity").lower() != "identity":  # (1)
                    raise EvidenceInvalid(f"{what}: {urlsplit(url).netloc} sent a compressed body", why="identity was asked for")
                body = _read(response, bound, what, self._limits, started)
                return Answer(response.status_code, names, body, url)
        except httpx.TimeoutException as error:
            raise _Transient(f"no answer within {self._limits.http_seconds:g} s", slow=True) from error
        except httpx.ConnectError as error:
            raise _Transient(f"no connection: {error}") from error
        except httpx.TransportError as error:
            raise _Transient(f"the connection was cut: {str(error) or type(error).__name__}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EvidenceUnavailable(f"{what}: the request failed", why=f"{type(error).__name__}: {error}") from error

    def _client(self, url: str) -> httpx.Client:
        scheme, host, _ = origin(url) or ("", "", 0)
        key = (scheme == "https", is_loopback(f"[{host}]" if ":" in host else host))
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._connect(*key)
            return self._clients[key]

    def _connect(self, secure: bool, loopback: bool) -> httpx.Client:
        import httpx

        size = max(self._limits.workers, 4)
        # A client of http:// URLs never makes a TLS connection: redirects are followed here, by another client.
        verify = _trust(self._options.ca_file) if secure else False
        try:
            return httpx.Client(
                verify=verify,
                trust_env=not loopback,
                timeout=httpx.Timeout(self._limits.http_seconds, pool=None),  # to wait for one's turn is no fault of the registry
                limits=httpx.Limits(max_connections=4 * size, max_keepalive_connections=2 * size),
                follow_redirects=False,
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigError(
                "the proxy settings cannot be used", why=str(error), fix="correct HTTP_PROXY, HTTPS_PROXY, ALL_PROXY or NO_PROXY"
            ) from error


def redirected(url: str, location: str, headers: Mapping[str, str], what: str) -> tuple[str, Mapping[str, str]]:
    """Where a redirect leads, and what may be sent there (3); raises EvidenceUnavailable for an unsafe address."""
    target = join(url, location)
    old, new = origin(url), origin(target)
    if new is None or (old is not None and old[0] == "https" and new[0] != "https"):
        raise EvidenceUnavailable(
            f"{what}: {urlsplit(url).netloc} redirects to an unsafe address",
            why=f"the new address is {'no HTTP address' if new is None else new[0] + '://' + new[1]}",
            fix="tell the registry's operator; the gate does not leave HTTPS",
        )
    if old != new:
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
    return target, headers


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an HTTP address; None for anything else, also for one with a user name in it."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        good = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
        return (parts.scheme, parts.hostname or "", port) if good else None
    except ValueError:
        return None


def join(base: str, target: str) -> str:
    """A relative address made absolute; empty when it is malformed."""
    try:
        return urljoin(base, target)
    except ValueError:
        return ""


def _read(response: httpx.Response, bound: Bound, what: str, limits: Limits, started: float) -> bytes:
    failed = response.status_code >= 400
    most = ERROR_BODY_BYTES if failed else bound.bytes
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > most:
            if failed:
                return bytes(body[:most])
            raise LimitExceeded(bound.name, bound.bytes, what)  # (1)
        if time.monotonic() - started > limits.http_seconds + len(body) / SLOWEST_BYTES_PER_SECOND:
            raise _Transient(f"the body comes too slowly: {len(body)} bytes in {time.monotonic() - started:.0f} s", slow=True)
    return bytes(body)


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's certificate authorities, or certifi's where the system has none, and the given ones beside them."""
    import ssl

    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        import certifi

        context = ssl.create_default_context(cafile=certifi.where())
    else:
        context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"the CA file {ca_file} cannot be used", why=str(error), fix="give a PEM file of certificates"
            ) from error
    return context


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def backoff(attempt: int) -> float:
    ceiling = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0**attempt)
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311  # jitter, not a secret


def _unreachable(what: str, url: str, reason: str, tries: int) -> EvidenceUnavailable:
    host = urlsplit(url).netloc
    fix = f"check that {host} is up and reachable from here, then run again"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        fix = f"give the certificate authority of {host} with --ca-file"
    elif "WRONG_VERSION_NUMBER" in reason or "record layer failure" in reason.lower():
        fix = f"{host} seems to speak plain HTTP: use --plain-http if that is meant"
    return EvidenceUnavailable(
        f"{what} could not be had from {host}", why=f"{reason} ({tries} tr{'y' if tries == 1 else 'ies'})", fix=fix
    )
