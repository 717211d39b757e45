"""HashiCorp Vault and OpenBao, transit engine: ``hashivault://KEY`` and ``openbao://KEY``.

Environment, as their own clients and cosign read it: ``VAULT_ADDR``, ``VAULT_TOKEN`` (or the file ``~/.vault-token``),
``VAULT_NAMESPACE``, ``VAULT_CACERT``; ``TRANSIT_SECRET_ENGINE_PATH`` (default ``transit``). For ``openbao://`` each is looked
for as ``BAO_…`` first. Three requests of a documented HTTP API: no client library is worth its weight for that.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gate.errors import SigningError, UsageError
from gate.sign import publickey
from gate.sign.interface import KeyInfo
from gate.sign.publickey import SignerKey
from gate.sign.service import TIMEOUT_S, bad_uri, digest, guarded

if TYPE_CHECKING:
    import httpx

_NAME = re.compile(r"\w(?:[\w.-]*\w)?", re.ASCII)
_MOUNT = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_SIGNATURE = re.compile(r"[\w.-]+:v(\d+):([A-Za-z0-9+/=]+)", re.ASCII)
_MAX_ANSWER_BYTES = 1024 * 1024


def open_key(uri: str, environ: Mapping[str, str]) -> VaultKey:
    """The key that the URI names. Raises UsageError for a malformed one, SigningError when address or token are not set."""
    scheme, _, key = uri.partition("://")
    if _NAME.fullmatch(key) is None:
        raise bad_uri(uri, "after the scheme comes the bare name of a transit key", f"{scheme}://NAME (letters, digits, _ . -)")
    prefixes = ("BAO", "VAULT") if scheme == "openbao" else ("VAULT",)

    def setting(name: str) -> str:
        return next((environ[f"{prefix}_{name}"] for prefix in prefixes if environ.get(f"{prefix}_{name}")), "")

    address = setting("ADDR").rstrip("/")
    if re.fullmatch(r"https?://[^/@?#\s]+(?:/[\w./-]*)?", address) is None:
        raise SigningError(
            f"{uri}: {prefixes[0]}_ADDR is {'not an address' if address else 'not set'}",
            why="it says where the server is; there is no default, so that no key of another server is taken",
            fix=f"export {prefixes[0]}_ADDR=https://vault.example:8200",
        )
    token = setting("TOKEN") or _token_file(environ)
    if not token or not token.isascii() or not token.isprintable():
        raise SigningError(
            f"{uri}: {prefixes[0]}_TOKEN is {'no token' if token else 'not set'}", fix=f"log in, then export {prefixes[0]}_TOKEN"
        )
    mount = environ.get("TRANSIT_SECRET_ENGINE_PATH") or "transit"
    if _MOUNT.fullmatch(mount) is None or ".." in mount.split("/"):
        raise UsageError(f"TRANSIT_SECRET_ENGINE_PATH is {mount!r}", fix="give the path that the transit engine is mounted at")
    headers = {"X-Vault-Token": token, "X-Vault-Request": "true"}
    if namespace := setting("NAMESPACE"):
        headers["X-Vault-Namespace"] = namespace
    return VaultKey(uri, address, mount, key, headers, setting("CACERT"))


def _token_file(environ: Mapping[str, str]) -> str:
    try:
        return (Path(environ.get("HOME") or "/nonexistent") / ".vault-token").read_text(encoding="ascii")[:4096].strip()
    except (OSError, ValueError):
        return ""


class VaultKey:
    """A transit key; see `gate.sign.interface.KeyService`."""

    def __init__(self, uri: str, address: str, mount: str, key: str, headers: dict[str, str], ca: str) -> None:
        self.name = uri
        self._base = f"{address}/v1/{mount}"
        self._key = key
        self._headers = headers
        self._ca = ca
        self._keys: dict[str, SignerKey] = {}
        self._version = ""
        self._context: ssl.SSLContext | None = None

    def describe(self) -> KeyInfo:
        data = self._call("GET", f"keys/{self._key}", doing="reading the key")
        if data is None:
            raise SigningError(
                f"{self.name}: there is no such key in {self._base}",
                why="the server says 404: another name, another mount, another namespace, or no transit engine",
                fix=f"gate keys generate --kms {self.name}, or set TRANSIT_SECRET_ENGINE_PATH",
            )
        with guarded(self.name, "reading the key"):
            listed, latest = (
                {str(int(version)): value for version, value in data["keys"].items()},
                str(int(data["latest_version"])),
            )
            kind = str(data["type"])
            if not all(isinstance(value, dict) for value in listed.values()):  # symmetric keys have only a time of creation
                raise publickey.refused_kind(kind, self.name)
            self._keys = {version: self._public(value, kind) for version, value in listed.items()}
            key = self._keys[latest]
        self._version = latest
        hash_name = "" if key.kind == "Ed25519" else "sha256"  # with every curve: see LocalSigner
        return KeyInfo(key, hash_name, latest)

    def _public(self, value: Mapping[str, Any], kind: str) -> SignerKey:
        text = str(value["public_key"])
        if kind != "ed25519":
            return publickey.parse(text.encode(), self.name)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return publickey.of(Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True)), self.name)

    def versions(self) -> tuple[str, ...]:
        return tuple(sorted(self._keys, key=int))

    def public_key(self, version: str) -> SignerKey:
        return self._keys[version]

    def sign(self, data: bytes, hash_name: str) -> bytes:
        body: dict[str, Any] = {"key_version": int(self._version)}
        if hash_name:
            body |= {"input": base64.b64encode(digest(data, hash_name)).decode(), "prehashed": True}
            body |= {"hash_algorithm": f"sha2-{hash_name.removeprefix('sha')}", "marshaling_algorithm": "asn1"}
            body |= {"signature_algorithm": "pkcs1v15"}  # what it means for RSA; other kinds pay no attention to it
        else:
            body |= {"input": base64.b64encode(data).decode()}
        answer = self._call("POST", f"sign/{self._key}", body, doing="signing")
        found = _SIGNATURE.fullmatch(str(answer.get("signature"))) if answer else None
        if found is None or found[1] != self._version:
            raise SigningError(f"{self.name}: the server's answer holds no signature by version {self._version} of the key")
        try:
            return base64.b64decode(found[2], validate=True)
        except binascii.Error:
            raise SigningError(f"{self.name}: the signature in the server's answer is not base64") from None

    def create(self) -> None:
        if self._call("GET", f"keys/{self._key}", doing="looking for the key") is not None:
            raise UsageError(f"{self.name}: there is such a key", fix="choose another name, or use the key as it is")
        self._call("POST", f"keys/{self._key}", {"type": "ecdsa-p256"}, doing="making the key")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None, *, doing: str) -> dict[str, Any] | None:
        """The ``data`` of an answer, empty when it has none; None for 404."""
        with guarded(self.name, doing, secrets=(self._headers["X-Vault-Token"],)), self._client() as client:
            sent = None if body is None else msgspec.json.encode(body)
            with client.stream(method, f"{self._base}/{path}", content=sent, headers=self._headers) as response:
                raw = b""
                for part in response.iter_bytes():
                    raw += part
                    if len(raw) > _MAX_ANSWER_BYTES:
                        raise SigningError(f"{self.name}: {doing} failed: the answer is over {_MAX_ANSWER_BYTES} bytes")
            status = response.status_code
            if status == 404:
                return None
            if status >= 300:
                raise self._refused(status, raw, doing, response.headers.get("location", ""))
            document = msgspec.json.decode(raw) if raw.strip() else {}
            data = document.get("data") if isinstance(document, dict) else None
            return data if isinstance(data, dict) else {}

    def _refused(self, status: int, raw: bytes, doing: str, location: str) -> SigningError:
        try:
            errors = "; ".join(str(text) for text in msgspec.json.decode(raw)["errors"])
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
            errors = ""
        if location:  # a token is sent to the address that was given and to no other
            errors = f"redirected to {location.split('?')[0]}"
        errors = " ".join(errors.replace(self._headers["X-Vault-Token"], "…").split())[:300]
        fixes = {
            403: f'the token needs `path "…/keys/{self._key}" {{capabilities = ["read"]}}` and '
            f'`path "…/sign/{self._key}" {{capabilities = ["update"]}}`',
            503: "the server is sealed or in standby; unseal it or name the active one",
        }
        fix = "set the address of the active server" if location else fixes.get(status, "look into the server's audit log")
        return SigningError(f"{self.name}: {doing} failed: HTTP {status}{': ' if errors else ''}{errors}", fix=fix)

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        import httpx

        if self._context is None:  # 30 ms, once
            self._context = ssl.create_default_context(cafile=self._ca) if self._ca else httpx.create_ssl_context()
        # No redirects: the token is sent to the address that was given, and to no other.
        with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, verify=self._context) as client:
            yield client
