"""Keyless: ``keyless://`` (the public Sigstore instance) or ``keyless://PATH`` with the instance's client trust config.

The identity is a token of the CI job: ``SIGSTORE_ID_TOKEN`` (GitLab's ``id_tokens`` with audience ``sigstore``, or any other
issuer), else what the job's surroundings offer: GitHub Actions, Google Cloud, Buildkite, CircleCI. No browser is ever opened.
A key is made, certified by Fulcio, used once, and forgotten; what remains is a bundle with certificate, log entry and timestamp.
The bundle is verified before it is given out, by a second implementation, against the trusted root of that same instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gate.errors import SigningError, UsageError
from gate.sign.publickey import SignerKey
from gate.sign.service import guarded, load_extra

TOKEN_VARIABLE = "SIGSTORE_ID_TOKEN"  # noqa: S105  # the name of a variable, not a token
_INTOTO = "application/vnd.in-toto+json"
_MAX_CONFIG_BYTES = 1024 * 1024


class KeylessSigner:
    """A `BundleSigner`. Opening it finds instance and identity, so that what is missing is known before anything is verified."""

    def __init__(self, uri: str, environ: Mapping[str, str]) -> None:
        self.name = uri
        self._environ = environ
        path = uri.removeprefix("keyless://")
        if "?" in path or "@" in path:
            raise UsageError(f"{uri}: not a keyless address", fix="keyless://, or keyless:///path/of/client-trust-config.json")
        self._models = load_extra("sigstore.models", "keyless", uri)
        self._oidc = load_extra("sigstore.oidc", "keyless", uri)
        with guarded(uri, "reading the instance's configuration", fix="give the client trust config (JSON) of your instance"):
            config = self._models.ClientTrustConfig
            self._config = config.from_json(_read(path, uri)) if path else config.production()
        self._identity()

    @property
    def public_key(self) -> SignerKey:
        raise UsageError(
            f"{self.name}: keyless signing has no key to show: each bundle has a certificate of its own",
            fix="trust its identity: --certificate-identity, --certificate-oidc-issuer and --trusted-root",
        )

    def sign(self, data: bytes) -> bytes:
        """Never: a bare signature without certificate and log entry could not be verified by anyone."""
        raise SigningError(
            f"{self.name}: keyless signing makes Sigstore bundles, not bare signatures",
            why="the key is forgotten at once; only certificate and log entry in a bundle say whose it was",
            fix="leave out the old form of signatures, or sign with a key",
        )

    def bundle(self, payload: bytes, payload_type: str) -> bytes:
        """A bundle around an in-toto statement v1, verified; raises SigningError."""
        if payload_type != _INTOTO:
            raise SigningError(f"{self.name}: keyless signing takes in-toto statements, not {payload_type}")
        sign = load_extra("sigstore.sign", "keyless", self.name)
        dsse = load_extra("sigstore.dsse", "keyless", self.name)
        token = self._identity()  # a fresh one: those of CI jobs live for minutes, and verifying may have taken longer
        with guarded(self.name, "signing", fix="try again; see the status of Fulcio and Rekor", secrets=(str(token),)):
            context = sign.SigningContext.from_trust_config(self._config)
            with context.signer(token, cache=True) as signer:
                made = signer.sign_dsse(dsse.Statement(payload))
            self._verify(made, payload)
            return str(made.to_json()).encode()

    def _verify(self, made: Any, payload: bytes) -> None:
        verifier = load_extra("sigstore.verify", "keyless", self.name).Verifier(trusted_root=self._config.trusted_root)
        kind, found = verifier.verify_dsse(made, _Anyone())
        if kind != _INTOTO or found != payload:
            raise SigningError(f"{self.name}: the bundle that was made holds another payload than the one to be signed")

    def _identity(self) -> Any:
        raw = self._environ.get(TOKEN_VARIABLE)
        if not raw:
            with guarded(
                self.name, "asking the CI system for an identity token", fix="allow the job to have one (id-token: write)"
            ):
                raw = self._oidc.detect_credential()
        if not raw:
            raise SigningError(
                f"{self.name}: there is no identity to sign with",
                why="no token of GitHub Actions, GitLab, Google Cloud, Buildkite or CircleCI was found, and no browser is opened",
                fix=f"GitHub: permissions: id-token: write; GitLab: id_tokens with {TOKEN_VARIABLE}: aud: sigstore; else set it",
            )
        with guarded(
            self.name, "reading the identity token", fix="it needs the audience sigstore, and time left", secrets=(raw,)
        ):
            return self._oidc.IdentityToken(raw)


class _Anyone:
    """Whose certificate it is, the verifying side has to say; here only that it is of this instance, logged and in time."""

    def verify(self, certificate: object) -> None:
        """Demands nothing."""


def _read(path: str, name: str) -> str:
    with Path(path).open("rb") as file:
        data = file.read(_MAX_CONFIG_BYTES + 1)
    if len(data) > _MAX_CONFIG_BYTES:
        raise SigningError(f"{name}: the configuration is over {_MAX_CONFIG_BYTES} bytes")
    msgspec.json.decode(data)  # says "not JSON" in fewer words than what follows would
    return data.decode()
