"""Credentials as docker and podman keep them: ``auths``, ``credHelpers``, ``credsStore``, identity tokens.

Sources: docker/cli ``config.json``, containers-auth.json(5), docker/docker-credential-helpers. Looked up only when a registry
asks, so a broken helper hurts nobody who does not need it. Nothing here puts a secret in a message.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gate.errors import ConfigError, EvidenceError, EvidenceUnavailable
from gate.limits import Limits
from gate.oci.options import RegistryOptions
from gate.oci.reference import DOCKER_HUB, Reference
from gate.oci.strict import parse_object

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105  # the user name that marks an identity token in the helper protocol
HELPER_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or an identity token; ``source`` says where it was found, for messages."""

    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    identity_token: str = dataclasses.field(default="", repr=False)
    source: str = ""

    @property
    def basic(self) -> str:
        """The value of a basic Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def find(reference: Reference, options: RegistryOptions, limits: Limits) -> Credentials | None:
    """The credentials for a repository, None for anonymous access.

    Raises ConfigError for a configuration that cannot be read, EvidenceUnavailable for a helper of this registry that fails.
    """
    if options.username is not None and options.credentials_for == reference.registry:
        return Credentials(options.username, options.password or "", source="the command line")
    for path in _files(options):
        config = _load(path, limits)
        found = _from_helper(config, reference, path, options.environ) or _from_auths(config, reference, path)
        if found is not None:
            return found
    return None


def _files(options: RegistryOptions) -> Iterator[Path]:
    """Existing configurations, the first that knows the registry wins; one that was named must exist."""
    env = options.environ
    named = options.docker_config or (Path(env["REGISTRY_AUTH_FILE"]) if env.get("REGISTRY_AUTH_FILE") else None)
    if named is not None:
        if not os.path.isfile(named):  # noqa: PTH113  # Path.is_file raises where it may not look
            raise ConfigError(
                f"the credentials file {named} does not exist", fix="name an existing file, or unset it to be anonymous"
            )
        yield named
        return
    home = env.get("HOME")
    candidates: list[Path] = []
    if env.get("DOCKER_CONFIG"):
        candidates.append(Path(env["DOCKER_CONFIG"]) / "config.json")
    elif home:
        candidates.append(Path(home) / ".docker" / "config.json")
    if env.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(env["XDG_RUNTIME_DIR"]) / "containers" / "auth.json")
    if home:
        candidates.append(Path(home) / ".config" / "containers" / "auth.json")
    yield from (path for path in candidates if os.path.isfile(path))  # noqa: PTH113  # Path.is_file raises where it may not look


def _load(path: Path, limits: Limits) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(limits.policy_file_bytes + 1)
        if len(data) > limits.policy_file_bytes:
            raise ConfigError(f"{path} is larger than {limits.policy_file_bytes} bytes")
        return parse_object(data, str(path), limits)
    except (OSError, EvidenceError) as error:
        raise ConfigError(
            f"the credentials file {path} cannot be read", why=str(error), fix="repair it, or log in again with docker login"
        ) from error


def _keys(reference: Reference) -> Iterator[str]:
    """The names under which credentials may be kept, most specific first (containers-auth.json(5))."""
    parts = reference.name.split("/")
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])
    yield from (f"https://{reference.registry}", f"http://{reference.registry}")
    yield from (f"https://{reference.registry}/v1/", f"https://{reference.registry}/v2/", f"https://{reference.registry}/")
    if reference.registry == DOCKER_HUB:
        yield from (_HUB_KEY, "index.docker.io", "https://index.docker.io/v1", "registry-1.docker.io")


def _from_auths(config: Mapping[str, Any], reference: Reference, path: Path) -> Credentials | None:
    auths = config.get("auths")
    if not isinstance(auths, dict):
        return None
    for key in _keys(reference):
        entry = auths.get(key)
        if not isinstance(entry, dict):
            continue
        source = f"{path} ({key})"
        if isinstance(entry.get("identitytoken"), str) and entry["identitytoken"]:
            return Credentials(identity_token=entry["identitytoken"], source=source)
        if isinstance(entry.get("auth"), str) and entry["auth"]:
            return _decode(entry["auth"], source)
        if isinstance(entry.get("username"), str) and isinstance(entry.get("password"), str):
            return Credentials(entry["username"], entry["password"], source=source)
    return None


def _decode(auth: str, source: str) -> Credentials:
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the credentials in {source} are damaged", why="'auth' is not base64 text", fix="log in again"
        ) from error
    if not colon:
        raise ConfigError(
            f"the credentials in {source} are damaged", why="'auth' does not hold user:password", fix="log in again"
        )
    return Credentials(user, password.rstrip("\0"), source=source)


def _from_helper(config: Mapping[str, Any], reference: Reference, path: Path, environ: Mapping[str, str]) -> Credentials | None:
    helpers = config.get("credHelpers")
    server = _HUB_KEY if reference.registry == DOCKER_HUB else reference.registry
    own = None
    if isinstance(helpers, dict):
        own = next((helpers[key] for key in _keys(reference) if isinstance(helpers.get(key), str)), None)
    store = own or config.get("credsStore")
    if not isinstance(store, str) or not store:
        return None
    if not _HELPER.fullmatch(store):
        raise ConfigError(f"{path} names the credential helper {store!r}", why="that is no program name", fix="correct the file")
    program = shutil.which(f"docker-credential-{store}", path=environ.get("PATH"))
    if program is None:
        if own is None:
            return None  # a general store that is not on this machine; docker's desktop leaves such lines behind
        raise EvidenceUnavailable(
            f"the credential helper docker-credential-{store} is not installed",
            why=f"{path} names it for {reference.registry}",
            fix="install it, or log in to the registry without it",
        )
    return _ask(program, server, environ)


def _ask(program: str, server: str, environ: Mapping[str, str]) -> Credentials | None:
    name = Path(program).name
    try:
        done = subprocess.run(
            [program, "get"], input=server.encode(), capture_output=True, timeout=HELPER_SECONDS, env=dict(environ), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EvidenceUnavailable(
            f"{name} gave no credentials for {server}", why=type(error).__name__, fix=f"run: {name} get"
        ) from error
    if done.returncode != 0:
        said = done.stdout[:200].decode("utf-8", "replace").strip()
        if "credentials not found" in said.lower():
            return None
        raise EvidenceUnavailable(
            f"{name} failed for {server}", why=f"exit code {done.returncode}: {said}", fix=f"run: echo {server} | {name} get"
        )
    try:
        answer = json.loads(done.stdout)
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceUnavailable(
            f"{name} gave no credentials for {server}", why="its answer is not of the helper protocol"
        ) from error
    if not isinstance(user, str) or not isinstance(secret, str):
        raise EvidenceUnavailable(f"{name} gave no credentials for {server}", why="its answer is not of the helper protocol")
    if user == _TOKEN_USER:
        return Credentials(identity_token=secret, source=name)
    return Credentials(user, secret, source=name)
