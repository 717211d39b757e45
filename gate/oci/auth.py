"""Answering a registry's challenge: basic, bearer tokens, and identity tokens (distribution-spec "token authentication").

Only what is needed is asked for: pulling, unless something is pushed. A token is kept per repository and access until it expires;
one thread fetches it, the others wait for it.
Credentials go to the realm that the registry names, as the protocol has it, but never over plain HTTP unless the registry itself
is spoken to in plain HTTP.
"""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from gate.errors import EvidenceError, EvidenceUnavailable
from gate.limits import Limits
from gate.oci import credentials
from gate.oci.bound import Bound
from gate.oci.options import RegistryOptions
from gate.oci.reference import Reference
from gate.oci.strict import parse_object
from gate.oci.transport import Answer, Transport, origin

TOKEN_BYTES = 1024 * 1024
DEFAULT_TOKEN_SECONDS = 60.0
MAX_TOKEN_SECONDS = 24 * 3600
_PARAMETER = re.compile(r'([A-Za-z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(r"(?:^|,)\s*(basic|bearer)(?=\s|,|$)", re.IGNORECASE)
_PULL_SCOPE = re.compile(r"repository:[^:\s]+:pull")
PULL = "pull"
PUSH = "pull,push"


@dataclasses.dataclass(frozen=True, slots=True)
class Challenge:
    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


@dataclasses.dataclass(slots=True)
class _Held:
    """What is known about a repository's authorization."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    header: str | None = None
    expires: float = 0.0
    source: str = ""


class Authorizer:
    """Authorization headers for the repositories of one registry; safe to use from many threads."""

    def __init__(self, transport: Transport, options: RegistryOptions, limits: Limits, *, secure: bool) -> None:
        self._transport = transport
        self._options = options
        self._limits = limits
        self._secure = secure
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], _Held] = {}

    def header(self, reference: Reference, access: str = PULL) -> str | None:
        """The header to send at once, None when nothing is known or the token has expired.

        ``access``: `PULL`, `PUSH`, or `PUSH` with a repository after a space from which a blob is mounted.
        """
        held = self._of(reference, access)
        return held.header if held.header is not None and time.monotonic() < held.expires else None

    def source(self, reference: Reference, access: str = PULL) -> str:
        """Where the credentials came from that were last used; empty for anonymous access."""
        return self._of(reference, access).source

    def answer(self, reference: Reference, refused: Answer, sent: str | None, access: str = PULL) -> str | None:
        """A new header after a 401, None when there is nothing (more) to offer; ``sent`` is what was refused.

        Raises EvidenceUnavailable when the token service fails, ConfigError for unreadable credentials.
        """
        held = self._of(reference, access)
        with held.lock:
            current = self.header(reference, access)
            if current is not None and current != sent:
                return current  # another thread was faster
            challenge = _choose(refused.headers.get("www-authenticate", ""))
            if challenge is None:
                return None
            found = credentials.find(reference, self._options, self._limits)
            held.source = found.source if found else ""
            if challenge.scheme == "basic":
                if found is None or found.identity_token or sent == found.basic:
                    return None
                held.header, held.expires = found.basic, float("inf")
                return held.header
            token, seconds = self._token(reference, challenge, found, access)
            held.header, held.expires = f"Bearer {token}", time.monotonic() + seconds
            return held.header

    def _of(self, reference: Reference, access: str) -> _Held:
        with self._lock:
            return self._held.setdefault((reference.repository, access), _Held())

    def _token(
        self, reference: Reference, challenge: Challenge, found: credentials.Credentials | None, access: str
    ) -> tuple[str, float]:
        realm = origin(challenge.realm)
        what = f"a token for {reference.name}"
        if realm is None or (self._secure and realm[0] != "https"):
            raise EvidenceUnavailable(
                f"{reference.registry} names an unsafe token service",
                why="it is no HTTP address" if realm is None else f"{realm[0]}://{realm[1]} would see credentials in plain text",
                fix="tell the registry's operator",
            )
        scopes = _scopes(reference, challenge, access)
        query = {"service": challenge.service, "scope": " ".join(scopes)}
        bound = Bound("document_bytes", TOKEN_BYTES)
        if found is not None and found.identity_token:
            form = {"grant_type": "refresh_token", "refresh_token": found.identity_token, "client_id": "policy-gate", **query}
            reply = self._transport.exchange("POST", challenge.realm, headers={}, bound=bound, what=what, form=form)
        else:
            headers = {"authorization": found.basic} if found is not None else {}
            pairs = [("service", challenge.service)] if challenge.service else []
            pairs += [("scope", scope) for scope in scopes]
            url = f"{challenge.realm}{'&' if '?' in challenge.realm else '?'}{urlencode(pairs)}"
            reply = self._transport.exchange("GET", url, headers=headers, bound=bound, what=what)
        if reply.status != 200:
            raise _refused(reference, realm[1], reply.status, found)
        return _read_token(reply, what, self._limits)


def _scopes(reference: Reference, challenge: Challenge, access: str) -> list[str]:
    """What to ask a token for: what the registry named, if that is to pull; else the repository, and one to mount from."""
    if access == PULL and _PULL_SCOPE.fullmatch(challenge.scope):
        return [challenge.scope]
    actions, _, mounted = access.partition(" ")
    return [f"repository:{reference.repository}:{actions}", *([f"repository:{mounted}:pull"] if mounted else [])]


def challenges(header: str) -> Iterator[Challenge]:
    """The basic and bearer challenges of a ``WWW-Authenticate`` header; others are passed over (RFC 9110 §11.6.1)."""
    starts = [match for match in _SCHEME.finditer(header) if not _quoted(header, match.start(1))]
    for number, match in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(header)
        found = {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted or plain)
            for name, quoted, plain in _PARAMETER.findall(header[match.end() : end])
        }
        yield Challenge(match.group(1).lower(), found.get("realm", ""), found.get("service", ""), found.get("scope", ""))


def _quoted(header: str, position: int) -> bool:
    return header[:position].replace(r"\"", "").count('"') % 2 == 1


def _choose(header: str) -> Challenge | None:
    """Bearer before basic: a token says less than a password."""
    offered = {challenge.scheme: challenge for challenge in challenges(header)}
    return offered.get("bearer") or offered.get("basic")


def _refused(reference: Reference, host: str, status: int, found: credentials.Credentials | None) -> EvidenceUnavailable:
    if status in {400, 401, 403}:
        return EvidenceUnavailable(
            f"{host} gives no token for {reference.name}",
            why=f"status {status} for " + (f"the credentials of {found.source}" if found else "an anonymous request"),
            fix=f"docker login {reference.registry}",
        )
    return EvidenceUnavailable(f"{host} gives no token for {reference.name}", why=f"status {status}", fix="try again later")


def _read_token(reply: Answer, what: str, limits: Limits) -> tuple[str, float]:
    try:
        value = parse_object(reply.body, what, limits)
    except EvidenceError as error:
        raise EvidenceUnavailable(f"{what} could not be had", why=error.what, fix="check the registry's token service") from error
    token = value.get("token") or value.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise EvidenceUnavailable(f"{what} could not be had", why="the token service's answer holds none")
    seconds = value.get("expires_in")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        seconds = DEFAULT_TOKEN_SECONDS
    return token, max(float(min(seconds, MAX_TOKEN_SECONDS)) * 0.8, 5.0)
