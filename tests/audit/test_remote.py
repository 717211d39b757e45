"""The store in a registry: what is pushed is found again, and what a registry made up is not believed."""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.audit.remote import RemoteStore, is_remote
from gate.audit.store import Record, Store
from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded, StoreError, UsageError
from gate.limits import DEFAULT, Limits
from gate.oci.options import RegistryOptions
from tests.audit.verdicts import SUBJECT, fill
from tests.fakes.docker_registry import docker_registry
from tests.fakes.registry import FakeRegistry

LIMITS = dataclasses.replace(DEFAULT, http_seconds=1.0, http_retries=1)


@pytest.fixture
def options(tmp_path: Path) -> Iterator[RegistryOptions]:
    """Options of a user with an empty home."""
    made = RegistryOptions(environ={"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]})
    yield made
    made.close()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry for the store."""
    with FakeRegistry() as made:
        yield made


def committed(path: Path, text: str = "one") -> tuple[Store, Record]:
    """A store with a verdict."""
    store = Store(path)
    data, digest, refs = fill(store, text)
    return store, store.commit_verdict(data, digest, refs)


def at(registry: FakeRegistry, options: RegistryOptions, limits: Limits = LIMITS) -> RemoteStore:
    """The remote store."""
    return RemoteStore(f"oci://{registry.host}/audit/store", options, limits)


def test_a_verdict_is_found_from_another_machine(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """By the digest of outcome, verdict, image or record, or by its beginning; with all that it refers to."""
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    names = (record.outcome, record.verdict, record.subject, record.manifest, record.outcome[:20], record.subject[7:15])
    for number, name in enumerate(names):
        there = Store(tmp_path / f"there{number}")
        assert at(registry, options).fetch(name, there) > 0, name
        [found] = there.find(record.outcome)
        assert found == record
        assert there.load(found) == store.load(record)


def test_another_registry_does_as_well(options: RegistryOptions, tmp_path: Path) -> None:
    """docker-registry, which lists tags its own way."""
    store, record = committed(tmp_path / "here")
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry") as host:
        remote = RemoteStore(f"oci://{host}/audit/store", options, LIMITS)
        remote.publish(store, record)
        there = Store(tmp_path / "there")
        assert remote.fetch(record.outcome[7:17], there) == 1
        assert there.find(record.outcome) == (record,)


def test_tags_come_in_pages(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """The beginning of a digest is looked for on all of them."""
    registry.page_size = 2
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    assert at(registry, options).fetch(record.verdict[:20], Store(tmp_path / "there")) == 1


def test_publishing_again_sends_no_blob(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """What is there is asked for only."""
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    registry.log.clear()
    at(registry, options).publish(store, record)
    assert registry.count("^POST") == 0


def test_what_is_not_there_is_not_found(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """Nothing comes, and nothing is made."""
    for name in (SUBJECT, SUBJECT[:20]):
        assert at(registry, options).fetch(name, Store(tmp_path / "there")) == 0
    assert not (tmp_path / "there").exists()


def test_two_verdicts_of_a_beginning_both_come(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """The caller sees that the beginning was too short."""
    for text in ("one", "two"):
        store, record = committed(tmp_path / "here", text)
        at(registry, options).publish(store, record)
    there = Store(tmp_path / "there")
    at(registry, options).fetch(SUBJECT[:20], there)
    assert len(there.find(SUBJECT)) == 1  # the newest of an image, by its tag


def test_a_tag_that_points_elsewhere_is_not_believed(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """A verdict is known by what it holds: under another's tag it is still not the other."""
    store, one = committed(tmp_path / "here", "one")
    _, two = committed(tmp_path / "here", "two")
    for record in (one, two):
        at(registry, options).publish(store, record)
    registry.tags["audit/store", f"outcome-{one.outcome[7:]}"] = two.manifest
    there = Store(tmp_path / "there")
    at(registry, options).fetch(one.outcome, there)
    assert there.find(one.outcome) == ()


def test_a_record_with_another_outcome_is_refused(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """The manifest's word about the outcome is compared with the verdict's bytes."""
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    kind, data = registry.manifests["audit/store", record.manifest]
    value = json.loads(data)
    value["annotations"]["io.policy-gate.outcome"] = "sha256:" + "0" * 64
    registry.manifests["audit/store", record.manifest] = (kind, json.dumps(value).encode())
    with pytest.raises(StoreError, match="outcome has the digest"):
        at(registry, options).fetch(record.outcome, Store(tmp_path / "there"))


def test_what_one_verdict_may_bring_is_bounded(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """Many documents, each small enough, would fill the disk."""
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    small = dataclasses.replace(LIMITS, attachment_bytes=10)
    with pytest.raises(LimitExceeded, match="attachment_bytes"):
        at(registry, options, small).fetch(record.outcome, Store(tmp_path / "there"))


def test_wrong_bytes_are_refused(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """Every blob is hashed."""
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    registry.blobs["audit/store", record.verdict] = b"{}"
    with pytest.raises(EvidenceInvalid, match="not the ones asked for"):
        at(registry, options).fetch(record.outcome, Store(tmp_path / "there"))


@pytest.mark.parametrize("change", [{"artifactType": "x/y"}, {"annotations": {}}, {"layers": [{"mediaType": "x"}]}])
def test_something_else_under_the_tag_is_refused(
    change: dict[str, object], registry: FakeRegistry, options: RegistryOptions, tmp_path: Path
) -> None:
    """An image is no verdict."""
    store, record = committed(tmp_path / "here")
    at(registry, options).publish(store, record)
    kind, data = registry.manifests["audit/store", record.manifest]
    registry.manifests["audit/store", record.manifest] = (kind, json.dumps({**json.loads(data), **change}).encode())
    with pytest.raises(StoreError):
        at(registry, options).fetch(record.outcome, Store(tmp_path / "there"))


def test_a_registry_that_fails_is_not_an_empty_one(registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """What cannot be had is an error."""
    registry.fail("^GET", status=500)
    for name in (SUBJECT, SUBJECT[:20]):
        with pytest.raises(EvidenceUnavailable):
            at(registry, options).fetch(name, Store(tmp_path / "there"))


@pytest.mark.parametrize("text", ["oci://", "oci://r.example/x:1", "oci://r.example/x@" + SUBJECT, "oci:r.example/x", "/tmp/x"])
def test_a_name_that_is_no_repository_is_refused(text: str, options: RegistryOptions) -> None:
    """Tag and digest belong to verdicts, not to the store."""
    with pytest.raises(UsageError):
        RemoteStore(text, options, LIMITS)
    assert is_remote("oci://r.example/x")


@pytest.mark.parametrize("text", ["", "xyz", "sha256:12", "../../etc"])
def test_a_text_that_is_no_digest_is_refused(text: str, registry: FakeRegistry, options: RegistryOptions, tmp_path: Path) -> None:
    """As in a local store."""
    with pytest.raises(UsageError):
        at(registry, options).fetch(text, Store(tmp_path / "there"))
