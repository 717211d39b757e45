"""Credentials and tokens."""

import base64
import dataclasses
import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigError, EvidenceUnavailable
from gate.limits import DEFAULT, Limits
from gate.oci import credentials
from gate.oci import image as images
from gate.oci.auth import Challenge, challenges
from gate.oci.options import RegistryOptions
from gate.oci.reference import parse
from gate.oci.source import open_source
from tests.fakes.images import image, referrer
from tests.fakes.registry import IDENTITY, PASSWORD, USER, FakeRegistry

APP = image()
AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _options(tmp_path: Path, config: Any = None, **environ: str) -> RegistryOptions:
    if config is not None:
        (tmp_path / ".docker").mkdir(exist_ok=True)
        (tmp_path / ".docker" / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return RegistryOptions(environ={"HOME": str(tmp_path), "PATH": str(tmp_path / "bin") + ":/usr/bin:/bin", **environ})


def _helper(tmp_path: Path, script: str, name: str = "docker-credential-test") -> None:
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _pull(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> int:
    registry.push("team/app", APP, "1")
    registry.push("team/app", referrer(APP, b"{}"))
    try:
        source = open_source(f"{registry.host}/team/app:1", options=options, limits=limits)
        images.load(source, source.resolve())
        return len(source.attachments(APP.digest))
    finally:
        options.close()


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_password_of_docker_login_is_used(tmp_path: Path, limits: Limits, auth: str) -> None:
    """For both ways of asking; nothing is sent before it is asked for."""
    with FakeRegistry(auth=auth) as registry:
        assert _pull(registry, _options(tmp_path, {"auths": {registry.host: {"auth": AUTH}}}), limits) == 1
        assert "authorization" not in registry.log[0].headers
        if auth == "bearer":
            assert registry.count("/token") == 1
            assert "scope=repository%3Ateam%2Fapp%3Apull" in next(r.path for r in registry.log if "/token" in r.path)


def test_an_identity_token_is_exchanged(tmp_path: Path, limits: Limits) -> None:
    """As docker does for registries that log in through a browser."""
    with FakeRegistry(auth="bearer") as registry:
        assert (
            _pull(registry, _options(tmp_path, {"auths": {registry.host: {"auth": AUTH, "identitytoken": IDENTITY}}}), limits)
            == 1
        )
        assert registry.count("POST /token") == 1


def test_an_anonymous_token_needs_no_configuration(tmp_path: Path, limits: Limits) -> None:
    """Public images of registries that always want a token."""
    with FakeRegistry(auth="bearer", anonymous_token=True) as registry:
        assert _pull(registry, _options(tmp_path), limits) == 1


def test_an_expired_token_is_fetched_anew(tmp_path: Path, limits: Limits) -> None:
    """In the middle of a run, unseen."""
    with FakeRegistry(auth="bearer", anonymous_token=True) as registry:
        registry.push("team/app", APP, "1")
        options = _options(tmp_path)
        source = open_source(f"{registry.host}/team/app:1", options=options, limits=limits)
        source.resolve()
        registry.tokens = dict.fromkeys(registry.tokens, time.monotonic() - 1)
        images.load(source, source.resolve())
        assert registry.count("/token") == 2
        options.close()


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_wrong_credentials_are_named_by_their_source(tmp_path: Path, limits: Limits, auth: str) -> None:
    """The message says which file they came from, and asks no more than once."""
    with FakeRegistry(auth=auth) as registry:
        wrong = base64.b64encode(b"user:hunter2").decode()
        with pytest.raises(EvidenceUnavailable) as caught:
            _pull(registry, _options(tmp_path, {"auths": {registry.host: {"auth": wrong}}}), limits)
        assert "config.json" in caught.value.why
        assert "hunter2" not in caught.value.why
        assert "docker login" in caught.value.fix


def test_no_credentials_at_all_say_anonymous(tmp_path: Path, limits: Limits) -> None:
    """The first thing a new user of a private registry sees."""
    with FakeRegistry(auth="basic") as registry, pytest.raises(EvidenceUnavailable, match="wants credentials") as caught:
        _pull(registry, _options(tmp_path), limits)
    assert "anonymous" in caught.value.why


@pytest.mark.parametrize("seconds", ["1e400", "1" + "0" * 400, "-1", '"60"', "true", "0.1"])
def test_a_strange_lifetime_of_a_token_is_no_crash(tmp_path: Path, limits: Limits, seconds: str) -> None:
    """The token works for as long as it works."""
    with FakeRegistry(auth="bearer", anonymous_token=True) as registry:
        registry.tokens["t"] = time.monotonic() + 60
        registry.fail("/token", status=200, body=f'{{"token":"t","expires_in":{seconds}}}'.encode())
        assert _pull(registry, _options(tmp_path), limits) == 1


@pytest.mark.parametrize("realm", ["http://[::1", "file:///token", "http://127.0.0.1:99999/", "", "//x"])
def test_a_malformed_token_service_is_unavailable(tmp_path: Path, limits: Limits, realm: str) -> None:
    """Also when it is nowhere."""
    with FakeRegistry() as registry:
        registry.push("team/app", APP, "1")
        registry.fail("GET /v2/", status=401, headers={"www-authenticate": f'Bearer realm="{realm}"'})
        with pytest.raises(EvidenceUnavailable, match="unsafe token service"):
            _pull(registry, _options(tmp_path), limits)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"status": 500}, "status 500"),
        ({"status": 200, "body": b"<html>"}, "JSON"),
        ({"status": 200, "body": b"{}"}, "holds none"),
        ({"status": 200, "body": b'{"token":"a\\nb: c"}'}, "holds none"),
        ({"status": 302, "headers": {"location": "file:///x"}}, "no HTTP address"),
    ],
)
def test_a_failing_token_service_is_unavailable(tmp_path: Path, limits: Limits, how: dict[str, Any], why: str) -> None:
    """A fault there is a fault of the registry, never "no such image"."""
    with FakeRegistry(auth="bearer", anonymous_token=True) as registry:
        registry.fail("/token", **how)
        with pytest.raises(EvidenceUnavailable) as caught:
            _pull(registry, _options(tmp_path), limits)
    assert why in f"{caught.value.what} {caught.value.why}"


def test_a_token_service_on_plain_http_is_refused_for_a_secure_registry() -> None:
    """Credentials meant for HTTPS do not go out in plain text."""
    from gate.oci.auth import Authorizer
    from gate.oci.transport import Answer, Transport

    options = RegistryOptions(environ={"HOME": "/nonexistent"})
    authorizer = Authorizer(Transport(options, DEFAULT), options, DEFAULT, secure=True)
    refused = Answer(401, {"www-authenticate": 'Bearer realm="http://token.example/"'}, b"", "https://registry.example/")
    with pytest.raises(EvidenceUnavailable, match="unsafe token service"):
        authorizer.answer(parse("registry.example/a:1"), refused, None)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://t/x",service="s",scope="repository:a/b:pull"',
            [Challenge("bearer", "https://t/x", "s", "repository:a/b:pull")],
        ),
        ('Basic realm="x, Bearer y"', [Challenge("basic", "x, Bearer y")]),
        ('Negotiate, Basic realm="x", Bearer realm="https://t"', [Challenge("basic", "x"), Challenge("bearer", "https://t")]),
        ("bearer realm=https://t/x", [Challenge("bearer", "https://t/x")]),
        ("Digest nonce=1", []),
        ("", []),
    ],
)
def test_challenges_are_read(header: str, expected: list[Challenge]) -> None:
    """Several in one header, quoted commas, and schemes that are not spoken."""
    assert list(challenges(header)) == expected


def test_credentials_on_the_command_line_go_to_their_registry_only() -> None:
    """Another registry of the same run does not see them."""
    options = RegistryOptions(username="u", password="p", credentials_for="one.example", environ={"HOME": "/nonexistent"})
    assert credentials.find(parse("one.example/a"), options, DEFAULT) is not None
    assert credentials.find(parse("two.example/a"), options, DEFAULT) is None
    assert credentials.find(parse("a"), dataclasses.replace(options, credentials_for=None), DEFAULT) is None


@pytest.mark.parametrize(
    ("key", "reference"),
    [
        ("https://index.docker.io/v1/", "alpine"),
        ("docker.io", "alpine"),
        ("registry.example", "registry.example/a/b"),
        ("https://registry.example/v2/", "registry.example/a"),
        ("registry.example/a", "registry.example/a/b"),
    ],
)
def test_keys_of_docker_and_podman_are_understood(tmp_path: Path, key: str, reference: str) -> None:
    """With and without scheme, and podman's namespaces."""
    found = credentials.find(parse(reference), _options(tmp_path, {"auths": {key: {"auth": AUTH}}}), DEFAULT)
    assert found is not None
    assert (found.username, found.password) == (USER, PASSWORD)
    assert PASSWORD not in repr(found)


@pytest.mark.parametrize("key", ["registry.example.evil", "evil/registry.example", "registry.example/ab", "egistry.example"])
def test_a_key_of_another_registry_is_not_used(tmp_path: Path, key: str) -> None:
    """A common prefix is not the same registry or namespace."""
    assert credentials.find(parse("registry.example/a/b"), _options(tmp_path, {"auths": {key: {"auth": AUTH}}}), DEFAULT) is None


def test_the_most_specific_namespace_wins(tmp_path: Path) -> None:
    """As in containers-auth.json(5)."""
    auths = {"registry.example": {"auth": AUTH}, "registry.example/a": {"username": "x", "password": "y"}}
    found = credentials.find(parse("registry.example/a/b"), _options(tmp_path, {"auths": auths}), DEFAULT)
    assert found is not None
    assert found.username == "x"


def test_places_are_searched_in_order(tmp_path: Path) -> None:
    """REGISTRY_AUTH_FILE alone when set, DOCKER_CONFIG before podman's file."""
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"auths": {"registry.example": {"username": "other", "password": "p"}}}))
    runtime = tmp_path / "run" / "containers"
    runtime.mkdir(parents=True)
    (runtime / "auth.json").write_text(json.dumps({"auths": {"registry.example": {"username": "podman", "password": "p"}}}))
    reference = parse("registry.example/a")

    def user(**environ: str) -> str:
        found = credentials.find(reference, _options(tmp_path, {"auths": {}}, **environ), DEFAULT)
        return found.username if found else ""

    assert user() == ""
    assert user(XDG_RUNTIME_DIR=str(tmp_path / "run")) == "podman"
    assert user(XDG_RUNTIME_DIR=str(tmp_path / "run"), REGISTRY_AUTH_FILE=str(other)) == "other"
    with pytest.raises(ConfigError, match="does not exist"):
        user(REGISTRY_AUTH_FILE=str(tmp_path / "missing.json"))


def test_a_helper_is_asked_by_its_protocol(tmp_path: Path) -> None:
    """The registry on standard input, JSON back."""
    _helper(tmp_path, 'read server; echo "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"s\\"}"')
    found = credentials.find(parse("registry.example/a"), _options(tmp_path, {"credsStore": "test"}), DEFAULT)
    assert found is not None
    assert (found.username, found.password) == ("registry.example", "s")
    hub = credentials.find(parse("alpine"), _options(tmp_path, {"credsStore": "test"}), DEFAULT)
    assert hub is not None
    assert hub.username == "https://index.docker.io/v1/"


def test_a_helper_may_give_an_identity_token(tmp_path: Path) -> None:
    """Under the user name <token>."""
    _helper(tmp_path, 'echo \'{"Username":"<token>","Secret":"t"}\'')
    config = {"credHelpers": {"registry.example": "test"}}
    found = credentials.find(parse("registry.example/a"), _options(tmp_path, config), DEFAULT)
    assert found == credentials.Credentials(identity_token="t", source="docker-credential-test")


def test_a_helper_without_an_entry_means_anonymous(tmp_path: Path) -> None:
    """Which is what docker does."""
    _helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert credentials.find(parse("registry.example/a"), _options(tmp_path, {"credsStore": "test"}), DEFAULT) is None


@pytest.mark.parametrize("script", ["echo locked; exit 2", "echo no json", "echo '{}'", 'echo \'{"Username":1,"Secret":2}\''])
def test_a_failing_helper_is_unavailable(tmp_path: Path, script: str) -> None:
    """With the helper's name; a key chain that is locked is not "anonymous"."""
    _helper(tmp_path, script)
    with pytest.raises(EvidenceUnavailable, match="docker-credential-test"):
        credentials.find(parse("registry.example/a"), _options(tmp_path, {"credsStore": "test"}), DEFAULT)


def test_a_missing_helper_matters_only_to_its_own_registry(tmp_path: Path) -> None:
    """A stale credsStore is passed over, a credHelpers entry for this registry is not."""
    assert credentials.find(parse("registry.example/a"), _options(tmp_path, {"credsStore": "gone"}), DEFAULT) is None
    config = {"credHelpers": {"registry.example": "gone"}}
    with pytest.raises(EvidenceUnavailable, match="not installed"):
        credentials.find(parse("registry.example/a"), _options(tmp_path, config), DEFAULT)


@pytest.mark.parametrize(
    "config", ["", "[]", "{", '{"auths":{"registry.example":{"auth":"%%"}}}', '{"credsStore":"../../bin/sh"}']
)
def test_a_damaged_configuration_is_a_configuration_error(tmp_path: Path, config: str) -> None:
    """Not silently anonymous; and a helper is a name, not a path."""
    with pytest.raises(ConfigError):
        credentials.find(parse("registry.example/a"), _options(tmp_path, config), DEFAULT)
