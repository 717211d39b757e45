"""Keys that stay where they are: in a key service or a hardware module. Only digests go there, and every answer is checked here.

The rules, each marked at the line that keeps it:

(1) the version that was described is the version that signs, so that a rotation in between cannot mix two keys;
(2) the service is never asked whether a signature is good: that is worked out here, with the public half alone;
(3) whatever a client library raises becomes a SigningError, with nothing secret in its text.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import re
from collections.abc import Iterator
from typing import Any

from gate.errors import GateError, SigningError, UsageError
from gate.sign.interface import KeyInfo, KeyService
from gate.sign.publickey import SignerKey

TIMEOUT_S = 30
"""One exchange with a key service."""
_SHOWN = 300
"""Characters of a library's message that are shown."""


class ServiceSigner:
    """A `Signer` whose key is in a key service. Opening it asks for the public key, so that a wrong address is known at once."""

    def __init__(self, service: KeyService) -> None:
        self.service = service
        self.info: KeyInfo = service.describe()
        self.public_key: SignerKey = self.info.key

    def sign(self, data: bytes) -> bytes:
        """See `Signer`. Raises SigningError for an answer that is not a signature of `data` by the key that was described (2)."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        answer = self.service.sign(data, self.info.hash_name)  # (1) the service holds the version that `describe` found
        try:
            signature = self.public_key.normalised(answer)
            self.public_key.verify(signature, data, self.info.hash_name)  # (2)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
            raise SigningError(
                f"{self.service.name}: the service answered with a signature that does not verify ({type(error).__name__})",
                why="every signature is checked here, with the public key alone, before it leaves the gate",
                fix="the key was exchanged meanwhile, or something on the way changes the answers; look there, then try again",
            ) from None
        return signature


def digest(data: bytes, hash_name: str) -> bytes:
    """What is sent instead of the data."""
    return hashlib.new(hash_name, data).digest()


def load_extra(module: str, extra: str, name: str) -> Any:
    """A client library of an extra; raises SigningError that says how to install it. `name` is what messages call the key."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise SigningError(
            f"{name}: keys of this kind need the extra {extra!r}, which is not installed here ({missing} is missing)",
            why="clients of key services are installed only where they are used",
            fix=f"pip install policy-gate[{extra}]",
        ) from None


@contextlib.contextmanager
def guarded(name: str, doing: str, *, fix: str = "", secrets: tuple[str, ...] = ()) -> Iterator[None]:
    """Turn whatever a client library raises into a SigningError (3); `secrets` are texts that no message may hold.

    What a library can raise is not knowable (botocore alone makes exception classes at run time), and each of them means the same
    here: there is no signature. So everything is caught, and nothing passes.
    """
    try:
        yield
    except GateError:
        raise
    except Exception as error:
        text = " ".join(_without(str(error), secrets).split())[:_SHOWN]
        raise SigningError(
            f"{name}: {doing} failed: {type(error).__name__}{': ' if text else ''}{text}",
            why="the key service did not do what was asked, so there is no signature",
            fix=fix or "check the address of the key, the credentials, and that they may read its public key and sign with it",
        ) from None


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    return text


def bad_uri(name: str, why: str, form: str) -> UsageError:
    """A key address that is not of its scheme's form."""
    return UsageError(f"{redact(name)}: not a key address of this kind: {why}", fix=f"write it as {form}")


_SECRET = re.compile(
    r"(pin(?!-source=)[^=&;?\s]*=).*?(?=[&;?](?:token|slot-id|serial|object|id|type|module-path|pin-source|pin-value)=|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""A PIN ends where another attribute begins: what follows a separator that somebody forgot to encode is a part of it."""


def redact(text: str) -> str:
    """The text without what a key URI may hold in secret (the PIN of RFC 7512): for messages and records."""
    return _SECRET.sub(r"\1…", text) if "pkcs11:" in text.lower() else text
