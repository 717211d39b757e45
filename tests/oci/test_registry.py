"""Subjects in a registry: resolving, faults of the network and of the registry, and what is done about each."""

import dataclasses
import json
import time
from pathlib import Path

import pytest

from gate.errors import ConfigError, EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci import image as images
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from tests.fakes.images import encode, image, index, push
from tests.fakes.registry import FakeRegistry
from tests.oci.conftest import Opener

APP = image(annotations={"a": "b"})


def test_an_image_is_resolved_in_one_request(registry: FakeRegistry, opener: Opener) -> None:
    """The manifest comes with the digest; configuration is the only other thing read, and no layer is."""
    registry.push("team/app", APP, "1")
    source = opener(f"{registry.host}/team/app:1")
    descriptor = source.resolve()
    loaded = images.load(source, descriptor)
    assert descriptor.digest == APP.digest == loaded.subject.digest
    assert (loaded.subject.name, loaded.subject.kind) == (f"{registry.host}/team/app", "image")
    assert loaded.subject.config is not None
    assert loaded.subject.config.user == "65532"
    assert [request.path.rsplit("/", 1)[1] for request in registry.log] == ["1", APP.config_digest]


def test_a_tag_moved_during_the_run_does_not_matter(registry: FakeRegistry, opener: Opener) -> None:
    """The tag is asked for once; afterwards everything is by digest (invariant 10)."""
    registry.push("team/app", APP, "1")
    source = opener(f"{registry.host}/team/app:1")
    first = source.resolve()
    registry.push("team/app", image(seed="other"), "1")
    assert source.resolve() == first
    assert images.load(source, first).subject.digest == APP.digest
    source.attachments(first.digest)
    assert registry.count(r"manifests/1$") == 0


def test_a_digest_wins_over_a_tag(registry: FakeRegistry, opener: Opener) -> None:
    """With both, the tag is not even asked for."""
    registry.push("team/app", APP, "1")
    registry.push("team/app", image(seed="other"), "1")
    assert opener(f"{registry.host}/team/app:1@{APP.digest}").resolve().digest == APP.digest


@pytest.mark.parametrize("header", [True, False])
def test_bytes_that_do_not_have_the_digest_are_refused(registry: FakeRegistry, opener: Opener, header: bool) -> None:
    """Whether it is the reference's digest or the one in the registry's header."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", body=image(seed="evil").data)
    with pytest.raises(EvidenceInvalid, match="not the ones asked for") as caught:
        opener(f"{registry.host}/team/app" + (":1" if header else f"@{APP.digest}")).resolve()
    assert APP.digest in caught.value.why


def test_a_configuration_with_another_digest_is_refused(registry: FakeRegistry, opener: Opener) -> None:
    """Blobs are checked as manifests are."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/blobs/", body=b"{}")
    source = opener(f"{registry.host}/team/app:1")
    with pytest.raises(EvidenceInvalid, match="not the ones asked for"):
        images.load(source, source.resolve())


@pytest.mark.parametrize(
    ("status", "headers", "expected", "fix"),
    [
        (401, {}, "wants credentials", "docker login"),
        (403, {}, "forbids access", "pull"),
        (404, {}, "no such image", "check the name"),
        (429, {"retry-after": "0"}, "limits the rate", "log in"),
        (429, {"retry-after": "86400"}, "limits the rate", "log in"),
        (500, {}, "fails", "try again later"),
        (503, {}, "fails", "try again later"),
        (418, {}, "could not be had", ""),
    ],
)
def test_each_status_has_its_own_message(
    registry: FakeRegistry, opener: Opener, status: int, headers: dict[str, str], expected: str, fix: str
) -> None:
    """What the registry said is in the reason, and the advice fits; all of them are "could not tell"."""
    body = encode({"errors": [{"code": "CODE", "message": "what the registry says"}]})
    registry.fail("GET .*/manifests/", status=status, headers=headers, body=body)
    with pytest.raises(EvidenceUnavailable, match=expected) as caught:
        opener(f"{registry.host}/team/app:1").resolve()
    assert caught.value.exit_code == 3
    assert fix in caught.value.fix
    assert "what the registry says" in caught.value.why


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again(registry: FakeRegistry, opener: Opener, status: int) -> None:
    """Two faults, then the answer."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", status=status, times=2)
    assert opener(f"{registry.host}/team/app:1").resolve().digest == APP.digest
    assert registry.count("manifests") == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_final_answer_is_not_tried_again(registry: FakeRegistry, opener: Opener, status: int) -> None:
    """Asking again would change nothing."""
    registry.fail("GET .*/manifests/", status=status)
    with pytest.raises(EvidenceUnavailable):
        opener(f"{registry.host}/team/app:1").resolve()
    assert registry.count("manifests") == 1


def test_retry_after_is_honoured(registry: FakeRegistry, opener: Opener) -> None:
    """The registry's own waiting time is kept, not ours."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", status=429, headers={"retry-after": "1"}, times=1)
    started = time.monotonic()
    opener(f"{registry.host}/team/app:1").resolve()
    assert time.monotonic() - started >= 1.0


def test_a_connection_cut_once_is_tried_again(registry: FakeRegistry, opener: Opener) -> None:
    """A cut in the middle of a body is a passing fault."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", cut=True, times=1)
    assert opener(f"{registry.host}/team/app:1").resolve().digest == APP.digest


def test_a_connection_always_cut_is_unavailable(registry: FakeRegistry, opener: Opener) -> None:
    """And never a shorter document."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", cut=True)
    with pytest.raises(EvidenceUnavailable, match="could not be had") as caught:
        opener(f"{registry.host}/team/app:1").resolve()
    assert "cut" in caught.value.why
    assert "3 tries" in caught.value.why


@pytest.mark.parametrize("how", [{"delay": 1.6}, {"drip": 0.4}])
def test_a_slow_registry_is_given_up(registry: FakeRegistry, opener: Opener, how: dict[str, float]) -> None:
    """A registry that hangs, and one that sends a byte now and then, each cost two tries at most."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", **how)
    started = time.monotonic()
    with pytest.raises(EvidenceUnavailable) as caught:
        opener(f"{registry.host}/team/app:1").resolve()
    assert "slow" in caught.value.why or "no answer within 1 s" in caught.value.why
    assert time.monotonic() - started < 6


def test_nobody_listening_is_unavailable(opener: Opener) -> None:
    """A refused connection names the host and what to check."""
    with pytest.raises(EvidenceUnavailable, match=r"127\.0\.0\.1:9") as caught:
        opener("127.0.0.1:9/team/app:1").resolve()
    assert "reachable" in caught.value.fix


def test_a_registry_with_tls_expected_and_plain_http_spoken_says_so(registry: FakeRegistry, limits: Limits) -> None:
    """The advice is the flag that is missing."""
    options = RegistryOptions(plain_http=False, environ={})
    try:
        with pytest.raises(EvidenceUnavailable) as caught:
            open_source(f"{registry.host}/team/app:1", options=options, limits=limits).resolve()
    finally:
        options.close()
    assert "--plain-http" in caught.value.fix


def test_an_unreadable_ca_file_is_a_configuration_error(registry: FakeRegistry, limits: Limits, tmp_path: Path) -> None:
    """Not an unreachable registry."""
    (tmp_path / "ca.pem").write_text("no certificate")
    options = RegistryOptions(plain_http=False, ca_file=tmp_path / "ca.pem", environ={})
    try:
        with pytest.raises(ConfigError, match="CA file"):
            open_source(f"{registry.host}/team/app:1", options=options, limits=limits).resolve()
    finally:
        options.close()


def test_a_manifest_beyond_its_bound_is_a_limit_by_name(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Reading stops at the bound, whatever the registry sends."""
    registry.push("team/app", APP, "1")
    small = dataclasses.replace(limits, manifest_bytes=100)
    with pytest.raises(LimitExceeded) as caught:
        open_source(f"{registry.host}/team/app:1", options=options, limits=small).resolve()
    assert caught.value.limit == "manifest_bytes"


def test_a_compressed_answer_is_refused_not_expanded(registry: FakeRegistry, opener: Opener) -> None:
    """A decompression bomb in transit is never unpacked."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", headers={"content-encoding": "gzip"})
    with pytest.raises(EvidenceInvalid, match="compressed"):
        opener(f"{registry.host}/team/app:1").resolve()
    assert all(request.headers["accept-encoding"] == "identity" for request in registry.log)


def test_a_redirected_blob_is_followed_without_credentials(opener: Opener, limits: Limits) -> None:
    """Registries send blobs from elsewhere; the password stays home."""
    with FakeRegistry(auth="basic") as one, FakeRegistry() as other:
        one.push("team/app", APP, "1")
        other.push("team/app", APP, "1")
        one.fail("GET .*/blobs/", status=307, headers={"location": f"http://{other.host}/v2/team/app/blobs/{APP.config_digest}"})
        options = RegistryOptions(username="gatekeeper", password="open:sesame", credentials_for=one.host, environ={})
        source = open_source(f"{one.host}/team/app:1", options=options, limits=limits)
        assert images.load(source, source.resolve()).subject.config_digest == APP.config_digest
        assert "authorization" in one.log[-1].headers
        assert [("authorization" in request.headers) for request in other.log] == [False]
        options.close()


def test_redirects_in_a_circle_end(registry: FakeRegistry, opener: Opener) -> None:
    """After a few, with an error."""
    registry.fail("GET .*/manifests/", status=302, headers={"location": "/v2/team/app/manifests/1"})
    with pytest.raises(EvidenceUnavailable, match="redirects"):
        opener(f"{registry.host}/team/app:1").resolve()
    assert registry.count("manifests") == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://registry.example/", "http://x:99999/", "http://u:p@127.0.0.1/"])
def test_a_redirect_to_another_scheme_is_refused(registry: FakeRegistry, opener: Opener, target: str) -> None:
    """Only HTTP and HTTPS are spoken, and no user name is taken along."""
    registry.fail("GET .*/manifests/", status=302, headers={"location": target})
    with pytest.raises(EvidenceUnavailable, match="unsafe address"):
        opener(f"{registry.host}/team/app:1").resolve()


@pytest.mark.parametrize("body", [b"", b"null", b"<html>", b'{"a":1,"a":1}', '{"layers":[]}'.encode("utf-16")])
def test_a_body_that_is_no_manifest_is_invalid(registry: FakeRegistry, opener: Opener, body: bytes) -> None:
    """Proxies answer 200 with a log-in page."""
    registry.fail("GET .*/manifests/", status=200, body=body)
    with pytest.raises(EvidenceInvalid):
        opener(f"{registry.host}/team/app:1").resolve()


def test_a_missing_platform_manifest_is_unavailable_not_absent(registry: FakeRegistry, opener: Opener) -> None:
    """An index that leads nowhere is no verdict."""
    amd, arm = image(), image("linux/arm64")
    registry.push("team/app", index([amd, arm]), "1")
    del registry.manifests["team/app", arm.digest]
    source = opener(f"{registry.host}/team/app:1")
    with pytest.raises(EvidenceUnavailable, match="no such image"):
        images.load(source, source.resolve())


def test_offline_sends_nothing(registry: FakeRegistry, limits: Limits) -> None:
    """With --offline and a digest the subject is the digest alone."""
    options = RegistryOptions(offline=True, environ={})
    source = open_source(f"{registry.host}/team/app@{APP.digest}", options=options, limits=limits)
    loaded = images.load(source, source.resolve())
    assert (loaded.subject.kind, loaded.subject.name, loaded.subject.config) == ("digest", f"{registry.host}/team/app", None)
    assert source.attachments(APP.digest) == ()
    assert registry.log == []


def test_a_hundred_subjects_share_a_few_connections(registry: FakeRegistry, opener: Opener, limits: Limits) -> None:
    """Connections are kept between subjects of a run."""
    for number in range(20):
        push(registry.host, "team/app", image(seed=str(number)), f"t{number}")
    before = registry.connections
    for number in range(20):
        source = opener(f"{registry.host}/team/app:t{number}")
        images.load(source, source.resolve())
        source.attachments(source.resolve().digest)
    assert registry.connections - before <= 4


@pytest.mark.parametrize("target", ["http://[::1", "http://", "", "http://x:y/"])
def test_a_malformed_redirect_is_unavailable(registry: FakeRegistry, opener: Opener, target: str) -> None:
    """And no crash."""
    registry.fail("GET .*/manifests/", status=302, headers={"location": target})
    with pytest.raises(EvidenceUnavailable):
        opener(f"{registry.host}/team/app:1").resolve()


@pytest.mark.parametrize(
    "value", ["soon", "-1", "Wed, 21 Oct 9999 99:28:00 GMT", "Mon, 01 Jan 0001 00:00:00 -0000", "1e9", "\u00b2"]
)
def test_a_strange_retry_after_is_passed_over(registry: FakeRegistry, opener: Opener, value: str) -> None:
    """Our own waiting time is taken instead."""
    registry.push("team/app", APP, "1")
    registry.fail("GET .*/manifests/", status=503, headers={"retry-after": value}, times=1)
    assert opener(f"{registry.host}/team/app:1").resolve().digest == APP.digest


def test_broken_proxy_settings_are_a_configuration_error(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named as such, before anything is sent."""
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    options = RegistryOptions(environ={})
    with pytest.raises(ConfigError, match="proxy"):
        open_source("registry.example/app:1", options=options, limits=limits).resolve()


def test_no_secret_is_in_an_error(registry: FakeRegistry, limits: Limits) -> None:
    """Neither the password nor a signed URL's query."""
    registry.fail("GET .*/manifests/", status=302, headers={"location": f"http://{registry.host}/blob?sig=SECRET"})
    registry.fail("GET /blob", cut=True, body=b"xx", status=200)
    options = RegistryOptions(username="u", password="PASSWORD", credentials_for=registry.host, environ={})
    with pytest.raises(EvidenceUnavailable) as caught:
        open_source(f"{registry.host}/team/app:1", options=options, limits=limits).resolve()
    options.close()
    text = json.dumps([caught.value.what, caught.value.why, caught.value.fix, repr(options)])
    assert "SECRET" not in text
    assert "PASSWORD" not in text
