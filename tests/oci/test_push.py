"""Writing blobs and manifests: what is sent, what is sent again, with which credentials, and what a bad registry gets."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable
from gate.limits import Limits
from gate.oci import push
from gate.oci.auth import PUSH, challenges
from gate.oci.options import RegistryOptions
from gate.oci.push import RegistryWriter
from gate.oci.reference import Reference, parse
from gate.oci.registry import client_for, session_for
from tests.fakes.images import OCI_MANIFEST, digest_of, image
from tests.fakes.registry import IDENTITY, PASSWORD, USER, FakeRegistry

BLOB = bytes(range(256)) * 64
DIGEST = digest_of(BLOB)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 4 KiB."""
    monkeypatch.setattr(push, "CHUNK_BYTES", 4096)


def at(registry: FakeRegistry, repository: str = "team/app") -> Reference:
    """A repository of the registry."""
    return parse(f"{registry.host}/{repository}:1")


def writer(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> RegistryWriter:
    """What writes there."""
    return RegistryWriter(session_for(at(registry), options, limits), limits)


def pieces() -> Iterator[bytes]:
    """The blob in odd pieces."""
    for start in range(0, len(BLOB), 1000):
        yield BLOB[start : start + 1000]


def held(registry: FakeRegistry, repository: str = "team/app") -> bytes | None:
    """The blob in the registry."""
    return registry.blobs.get((repository, DIGEST))


def test_a_blob_is_sent_in_one_request(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """It is asked for, begun and put: three requests."""
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB
    assert [request.method for request in registry.log] == ["HEAD", "POST", "PUT"]


def test_a_blob_that_is_there_is_not_sent(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """The second time, one HEAD is all."""
    one = writer(registry, options, limits)
    one.put_blob(at(registry), DIGEST, len(BLOB), pieces)
    registry.log.clear()
    assert not one.put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert [request.method for request in registry.log] == ["HEAD"]


def test_a_blob_of_another_size_under_the_digest_is_not_believed(
    registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """A registry that claims a blob of another length gets the right one."""
    registry.blobs["team/app", DIGEST] = b"short"
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB


def test_an_empty_blob_is_sent(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """No bytes are bytes too."""
    assert writer(registry, options, limits).put_bytes(at(registry), digest_of(b""), b"")
    assert registry.blobs["team/app", digest_of(b"")] == b""


def test_a_blob_is_mounted_from_another_repository(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Nothing is sent when the registry holds the blob elsewhere."""
    registry.blobs["team/base", DIGEST] = BLOB
    assert not writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces, mount_from="team/base")
    assert held(registry) == BLOB
    assert registry.count("^PUT") == 0


def test_a_refused_mount_becomes_an_upload(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """The registry that cannot mount answers with a place to upload to."""
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces, mount_from="team/other")
    assert held(registry) == BLOB


def test_a_cut_upload_is_sent_in_chunks(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """After one cut the whole is sent again, in parts."""
    registry.truncate_upload = 5000
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB
    assert registry.count("^PATCH") == len(BLOB) // 4096


def test_a_cut_chunk_is_taken_up_where_it_was_cut(
    registry: FakeRegistry, options: RegistryOptions, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry is asked how much arrived, and only the rest is sent."""
    registry.whole_limit = 100  # so that chunks come at once
    one = writer(registry, options, limits)
    original = one._chunk

    def cut_once(*arguments: object) -> str:
        if arguments[2] == 4096:
            registry.truncate_upload = 1000
        return original(*arguments)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(one, "_chunk", cut_once)
    assert one.put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB
    assert registry.count("^GET .*/uploads/") == 1
    lengths = [len(request.body) for request in registry.log if request.method == "PATCH"]
    assert lengths == [4096, 1000, 3096, 4096, 4096]


def test_a_chunk_whose_answer_was_lost_is_not_sent_twice(
    registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """What arrived counts, although nobody said so."""
    registry.whole_limit = 100
    registry.fail("^PATCH", hang_up=True, times=1)
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB
    assert registry.count("^PATCH") == 4


def test_a_registry_that_lost_the_upload_is_an_error(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Half a blob with a hole in it is never finished."""
    registry.whole_limit = 100
    registry.fail("^PATCH", hang_up=True, times=1, skip=2)
    registry.fail("^GET .*/uploads/", status=204, headers={"range": "0-99"})
    with pytest.raises(EvidenceInvalid, match="lost a part"):
        writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) is None


def test_the_least_chunk_of_the_registry_is_heeded(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """OCI-Chunk-Min-Length makes chunks larger."""
    registry.whole_limit, registry.chunk_min = 100, 10_000
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert [len(request.body) for request in registry.log if request.method == "PATCH"] == [10_000, len(BLOB) - 10_000]


@pytest.mark.parametrize("number", ["\u00b2", "1\u00b3", "0-\u00b9"])
def test_numbers_that_only_look_like_some_are_an_answer_of_a_bad_registry(
    number: str, registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """A superscript is a digit to Python and no number: the registry's error, and not ours."""
    registry.whole_limit = 100
    registry.fail("^POST .*/uploads/", headers={"oci-chunk-min-length": number})
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    registry.blobs.clear()
    registry.fail("^PATCH", hang_up=True, times=1, skip=2)
    registry.fail("^GET .*/uploads/", status=204, headers={"range": number})
    with pytest.raises(EvidenceInvalid, match="does not say how much"):
        writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)


def test_a_lost_answer_to_a_whole_blob_is_noticed(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """The blob is there: nothing is sent again."""
    registry.fail("^PUT", hang_up=True, times=1)
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert registry.count("^PATCH") == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_registry_is_tried_again(status: int, registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Where the whole was refused for a moment, chunks follow."""
    registry.fail("^(PUT|PATCH) .*/uploads/", status=status, times=2)
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB


def test_a_registry_that_never_takes_it_is_an_error(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """There is an end to trying."""
    registry.fail("^(PUT|PATCH) .*/uploads/", status=503)
    with pytest.raises(EvidenceUnavailable, match="fails"):
        writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)


def test_a_place_to_upload_with_a_query_keeps_it(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Google's and Harbor's addresses carry their state in the query."""
    registry.location_query = "?_state=abc"
    assert writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    [put] = [request for request in registry.log if request.method == "PUT"]
    assert "?_state=abc&digest=sha256%3A" in put.path


@pytest.mark.parametrize("location", ["", "ftp://elsewhere.example/x", "file:///etc/passwd"])
def test_an_unsafe_place_to_upload_is_refused(
    location: str, registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """Bytes go where HTTP goes, and nowhere else."""
    registry.fail("^POST", status=202, headers={"location": location} if location else {})
    with pytest.raises(EvidenceInvalid, match="no safe place"):
        writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)


def test_credentials_do_not_follow_an_upload_elsewhere(options: RegistryOptions, limits: Limits) -> None:
    """A registry that lets another server take the bytes does not give it the password."""
    with FakeRegistry(auth="basic") as registry, FakeRegistry() as elsewhere:
        options = dataclasses.replace(options, username=USER, password=PASSWORD, credentials_for=registry.host)
        elsewhere.blobs["team/app", "/v2/team/app/blobs/uploads/x"] = b""
        where = f"http://{elsewhere.host}/v2/team/app/blobs/uploads/x"
        one = writer(registry, options, limits)
        assert not one.has_blob(at(registry), DIGEST, len(BLOB))  # now the password is known to be wanted
        registry.fail("^POST", status=202, headers={"location": where})
        one.put_blob(at(registry), DIGEST, len(BLOB), pieces)
        assert elsewhere.log
        assert all("authorization" not in request.headers for request in elsewhere.log)
        options.close()


def test_bytes_that_are_not_the_digest_are_never_whole(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """A source that finds its blob wrong at the end breaks the upload off."""

    def wrong() -> Iterator[bytes]:
        yield BLOB[:1000]
        raise EvidenceInvalid("the bytes are not the ones asked for")

    with pytest.raises(EvidenceInvalid, match="not the ones"):
        writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), wrong)
    assert held(registry) is None


def test_a_manifest_is_put_by_digest_and_by_tag(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Both names give the same bytes."""
    one, made = writer(registry, options, limits), image()
    one.put_manifest(at(registry), made.digest, OCI_MANIFEST, made.data, made.digest)
    one.put_manifest(at(registry), "1", OCI_MANIFEST, made.data, made.digest)
    assert client_for(at(registry), options, limits).resolve(at(registry)) == (made.digest, made.data)
    assert one.has_manifest(at(registry), made.digest)
    assert not one.has_manifest(at(registry), DIGEST)


def test_a_registry_that_keeps_another_manifest_is_an_error(
    registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """The digest in its answer is compared."""
    registry.lie, made = True, image()
    with pytest.raises(EvidenceInvalid, match="another manifest"):
        writer(registry, options, limits).put_manifest(at(registry), made.digest, OCI_MANIFEST, made.data, made.digest)


def test_a_manifest_may_be_sent_twice(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """It is known by its digest, so a lost answer costs nothing."""
    made = image()
    registry.fail("^PUT .*/manifests/", hang_up=True, times=1)
    writer(registry, options, limits).put_manifest(at(registry), made.digest, OCI_MANIFEST, made.data, made.digest)
    assert registry.count("^PUT .*/manifests/") == 2


@pytest.mark.parametrize(
    ("status", "says"), [(403, "let that account push"), (404, "create the repository"), (401, "docker login")]
)
def test_a_refusal_says_what_to_do(
    status: int, says: str, registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """ECR makes no repository by itself; others want another role."""
    registry.fail("^POST", status=status)
    with pytest.raises(EvidenceUnavailable) as caught:
        writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert says in caught.value.fix


def test_offline_pushes_nothing(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Not one request."""
    options = dataclasses.replace(options, offline=True)
    with pytest.raises(EvidenceUnavailable, match="not here"):
        writer(registry, options, limits).put_bytes(at(registry), DIGEST, BLOB)
    assert registry.log == []


def test_a_push_wants_another_token_than_a_pull(options: RegistryOptions, limits: Limits) -> None:
    """Docker Hub, GHCR, Harbor and Quay give tokens by scope; one that pulls is not offered for a push."""
    with FakeRegistry(auth="bearer") as registry:
        options = dataclasses.replace(options, username=USER, password=PASSWORD, credentials_for=registry.host)
        one = writer(registry, options, limits)
        client = client_for(at(registry), options, limits)
        assert client.tagged(at(registry), "none") is None
        one.put_bytes(at(registry), DIGEST, BLOB)
        assert sorted(registry.scopes.values()) == ["repository:team/app:pull ", "repository:team/app:pull,push "]
        options.close()


def test_a_challenge_that_names_only_pull_is_not_enough(options: RegistryOptions, limits: Limits) -> None:
    """Some registries name the scope of reading in every challenge; a push asks for what it needs."""
    with FakeRegistry(auth="bearer") as registry:
        registry.pull_scope_only = True
        options = dataclasses.replace(options, username=USER, password=PASSWORD, credentials_for=registry.host)
        writer(registry, options, limits).put_bytes(at(registry), DIGEST, BLOB)
        assert held(registry) == BLOB
        options.close()


def test_a_mount_asks_for_both_repositories(options: RegistryOptions, limits: Limits) -> None:
    """The token names the one to write and the one to read."""
    with FakeRegistry(auth="bearer") as registry:
        registry.blobs["team/base", DIGEST] = BLOB
        options = dataclasses.replace(options, username=USER, password=PASSWORD, credentials_for=registry.host)
        assert not writer(registry, options, limits).put_blob(at(registry), DIGEST, len(BLOB), pieces, mount_from="team/base")
        assert "repository:team/app:pull,push repository:team/base:pull " in registry.scopes.values()
        options.close()


def test_an_identity_token_pushes(options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """Azure's registries keep an identity token where others keep a password."""
    with FakeRegistry(auth="bearer") as registry:
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"auths": {registry.host: {"identitytoken": IDENTITY}}}))
        options = dataclasses.replace(options, docker_config=config)
        writer(registry, options, limits).put_bytes(at(registry), DIGEST, BLOB)
        assert held(registry) == BLOB
        options.close()


@pytest.mark.parametrize(
    "user",
    ["AWS", "_json_key", "oauth2accesstoken", "00000000-0000-0000-0000-000000000000", "robot$team+ci", "team+robot"],
)
def test_the_user_names_of_hosted_registries_pass(user: str, options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """ECR, Artifact Registry, ACR, Harbor and Quay: what `docker login` left is sent as it is."""
    import base64

    with FakeRegistry(auth="basic") as registry:
        config = tmp_path / "config.json"
        auth = base64.b64encode(f"{user}:secret:with:colons".encode()).decode()
        config.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        options = dataclasses.replace(options, docker_config=config)
        with pytest.raises(EvidenceUnavailable):
            writer(registry, options, limits).put_bytes(at(registry), DIGEST, BLOB)
        assert {request.headers.get("authorization") for request in registry.log} == {None, f"Basic {auth}"}
        options.close()


@pytest.mark.parametrize(
    ("header", "realm", "scope"),
    [
        ('Bearer realm="https://auth.docker.io/token",service="registry.docker.io"', "https://auth.docker.io/token", ""),
        ('Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:u/i:pull"', "https://ghcr.io/token", "pull"),
        ('Bearer realm="https://quay.io/v2/auth",service="quay.io"', "https://quay.io/v2/auth", ""),
        (
            'Bearer realm="https://a.azurecr.io/oauth2/token",service="a.azurecr.io",scope="repository:x:pull"',
            "https://a.azurecr.io/oauth2/token",
            "pull",
        ),
        ('Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"', "https://1.dkr.ecr", ""),
    ],
)
def test_the_challenges_of_hosted_registries_are_read(header: str, realm: str, scope: str) -> None:
    """As they come from the registries themselves."""
    [found] = challenges(header)
    assert found.realm.startswith(realm)
    assert found.scope.endswith(scope)
    assert PUSH == "pull,push"


def test_a_proxy_is_used_for_writing_too(options: RegistryOptions, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and NO_PROXY are heeded; loopback never goes through one."""
    with FakeRegistry() as registry:
        monkeypatch.setenv("HTTP_PROXY", f"http://{registry.host}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        options = dataclasses.replace(options, plain_http=True)
        where = parse("registry.test/team/app:1")
        assert RegistryWriter(session_for(where, options, limits), limits).put_bytes(where, DIGEST, BLOB)
        assert held(registry) == BLOB
        assert registry.proxied == 3
        writer(registry, options, limits).put_bytes(at(registry, "other/app"), DIGEST, BLOB)
        assert registry.proxied == 3
        options.close()


def test_a_late_answer_to_the_end_of_chunks_is_noticed(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """The blob is there: nothing is sent again."""
    registry.whole_limit = 100
    registry.fail("^PUT .*/uploads/", hang_up=True, times=1, skip=1)
    registry.whole_limit = 100
    one = writer(registry, options, limits)
    registry.fail("^PUT .*/uploads/", status=413, times=1)
    assert one.put_blob(at(registry), DIGEST, len(BLOB), pieces)
    assert held(registry) == BLOB


def test_a_tag_that_stands_is_not_set_again(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """In repositories whose tags cannot be changed (ECR, Harbor), a push that is repeated goes through all the same."""
    one, made = writer(registry, options, limits), image()
    one.put_tag(at(registry), "1", OCI_MANIFEST, made.data, made.digest)
    registry.fail("^PUT .*/manifests/1$", status=400)
    one.put_tag(at(registry), "1", OCI_MANIFEST, made.data, made.digest)
    other = image(seed="other")
    with pytest.raises(EvidenceUnavailable):
        one.put_tag(at(registry), "1", OCI_MANIFEST, other.data, other.digest)
