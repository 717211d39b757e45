"""Referrers, the fallback tag and cosign's legacy tags: what is found afterwards, and what two writers do to each other."""

import contextlib
import dataclasses
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.errors import EvidenceError, EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import DEFAULT, Limits
from gate.oci import attach
from gate.oci.attach import Attached, Attacher, referrer
from gate.oci.attachments import DSSE, SIMPLE_SIGNING
from gate.oci.media import Descriptor
from gate.oci.options import RegistryOptions
from gate.oci.reference import parse
from gate.oci.source import open_source
from gate.oci.target import attacher_for
from tests.fakes.docker_registry import crane_registry, docker_registry
from tests.fakes.images import BUNDLE, OCI_INDEX, OCI_MANIFEST, Built, encode, image, push
from tests.fakes.registry import FakeRegistry
from tests.tools import tool

APP = image()
SUBJECT = Descriptor(APP.digest, OCI_MANIFEST, len(APP.data))
TAG = APP.digest.replace(":", "-")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback settles fast."""
    monkeypatch.setattr(attach, "SETTLE_SECONDS", 0.01)


@pytest.fixture(params=["docker-registry", "crane", "fake", "fake without the API"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Registries with and without the referrers API."""
    if request.param == "docker-registry":
        with docker_registry(tmp_path) as name:
            yield name
    elif request.param == "crane":
        with crane_registry(tool("crane")) as name:
            yield name
    else:
        with FakeRegistry(referrers_api=request.param == "fake") as made:
            yield made.host


def item(number: int, subject: Descriptor = SUBJECT) -> Attached:
    """A bundle to attach."""
    return referrer(subject, BUNDLE, encode({"bundle": number}), {"number": str(number)})


def at(host: str, options: RegistryOptions, limits: Limits) -> Attacher:
    """What attaches in ``team/app``."""
    return attacher_for(parse(f"{host}/team/app"), options, limits)


def found(host: str, options: RegistryOptions, limits: Limits) -> list[bytes]:
    """What the gate finds on the image."""
    source = open_source(f"{host}/team/app@{APP.digest}", options=options, limits=limits)
    items = source.attachments(APP.digest)
    assert all(one.problem is None for one in items), [one.problem for one in items]
    return sorted(one.data for one in items)


def test_what_is_attached_is_found(host: str, options: RegistryOptions, limits: Limits) -> None:
    """Whatever the registry knows; a second time changes nothing."""
    push(host, "team/app", APP, "1")
    one = at(host, options, limits)
    one.attach([item(1), item(2)])
    one.attach([item(3)])
    one.attach([item(3), item(1)])
    assert found(host, options, limits) == [encode({"bundle": number}) for number in (1, 2, 3)]


def test_legacy_tags_are_added_to(host: str, options: RegistryOptions, limits: Limits) -> None:
    """Two signatures are two layers, the same one again is none."""
    push(host, "team/app", APP, "1")
    one = at(host, options, limits)
    first = (SIMPLE_SIGNING, b'{"critical":{}}', {"dev.cosignproject.cosign/signature": "AA=="})
    second = (SIMPLE_SIGNING, b'{"critical":{}}', {"dev.cosignproject.cosign/signature": "BB=="})
    for layers in ([first], [second], [second, first]):
        one.legacy(APP.digest, "sig", layers)
    source = open_source(f"{host}/team/app@{APP.digest}", options=options, limits=limits)
    signatures = [one.annotations["dev.cosignproject.cosign/signature"] for one in source.attachments(APP.digest)]
    assert signatures == ["AA==", "BB=="]


def test_writers_of_one_process_do_not_lose_entries(host: str, options: RegistryOptions, limits: Limits) -> None:
    """Eight at once, each with its own entry."""
    push(host, "team/app", APP, "1")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: at(host, options, limits).attach([item(number)]), range(8)))
    assert len(found(host, options, limits)) == 8


def test_writers_of_many_processes_do_not_lose_entries(
    options: RegistryOptions, limits: Limits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each believes itself alone, as processes do, on a registry that has no referrers API and heeds no condition."""

    class NoTurns(dict[str, Any]):
        def setdefault(self, key: str, default: Any = None) -> Any:
            return threading.Lock()

    monkeypatch.setattr(attach, "_TURNS", NoTurns())
    with docker_registry(tmp_path) as host:
        push(host, "team/app", APP, "1")
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda number: at(host, options, limits).attach([item(number)]), range(6)))
        assert len(found(host, options, limits)) == 6


def _overwrite(registry: FakeRegistry, entries: list[Built]) -> None:
    """Another client writes the fallback tag, from what it had read before."""
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [one.descriptor() for one in entries]}
    registry.manifests["team/app", "sha256:other"] = (OCI_INDEX, encode(index))
    registry.tags["team/app", TAG] = "sha256:other"


def test_an_entry_that_another_writer_lost_is_put_back(
    options: RegistryOptions, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag is read again after writing; what is missing is added to what stands there now."""
    theirs = image(seed="theirs")
    with FakeRegistry(referrers_api=False) as registry:
        registry.push("team/app", APP, "1")
        registry.push("team/app", theirs)
        races = iter([True, True])
        true_sleep = time.sleep

        def sleep(seconds: float) -> None:
            if next(races, False):
                _overwrite(registry, [theirs])
            true_sleep(min(seconds, 0.01))

        monkeypatch.setattr(time, "sleep", sleep)
        at(registry.host, options, limits).attach([item(1)])
        _, data = registry.manifests["team/app", registry.tags["team/app", TAG]]
        digests = [entry["digest"] for entry in json.loads(data)["manifests"]]
        assert digests == [theirs.digest, item(1).digest]


def test_a_condition_that_fails_means_to_begin_again(options: RegistryOptions, limits: Limits) -> None:
    """Where the registry knows If-Match, nobody is overwritten at all."""
    with FakeRegistry(referrers_api=False) as registry:
        registry.etags = True
        registry.push("team/app", APP, "1")
        _overwrite(registry, [])
        registry.fail(f"^PUT .*/manifests/{TAG}", status=412, times=1)
        at(registry.host, options, limits).attach([item(1)])
        puts = [request for request in registry.log if request.method == "PUT" and request.path.endswith(TAG)]
        assert len(puts) == 2
        assert all("if-match" in request.headers for request in puts)


def test_a_tag_that_is_always_overwritten_is_an_error(
    options: RegistryOptions, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is an end to it, and it is said what may be the matter."""
    monkeypatch.setattr(attach, "TRIES", 3)
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    with FakeRegistry(referrers_api=False) as registry:
        registry.push("team/app", APP, "1")
        monkeypatch.setattr(time, "sleep", lambda seconds: _overwrite(registry, []))
        with pytest.raises(EvidenceUnavailable, match="overwritten 3 times"):
            at(registry.host, options, limits).attach([item(1)])


@pytest.mark.parametrize("data", [APP.data, b"{}", b'{"manifests":1}', b"[]", b"not json"])
def test_something_else_under_the_tag_is_never_overwritten(data: bytes, options: RegistryOptions, limits: Limits) -> None:
    """An image somebody pushed under that name stays what it is."""
    with FakeRegistry(referrers_api=False) as registry:
        registry.push("team/app", APP, "1")
        registry.manifests["team/app", "sha256:strange"] = (OCI_MANIFEST, data)
        registry.tags["team/app", TAG] = "sha256:strange"
        with pytest.raises(EvidenceInvalid):
            at(registry.host, options, limits).attach([item(1)])
        assert registry.tags["team/app", TAG] == "sha256:strange"


def test_what_others_listed_stays_as_it_is(options: RegistryOptions, limits: Limits) -> None:
    """Fields that the gate does not know are kept."""
    with FakeRegistry(referrers_api=False) as registry:
        registry.push("team/app", APP, "1")
        strange = {"digest": "sha256:" + "1" * 64, "size": 1, "mediaType": "x/y", "x-field": [1]}
        data = encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [strange], "x-top": True})
        registry.manifests["team/app", "sha256:old"] = (OCI_INDEX, data)
        registry.tags["team/app", TAG] = "sha256:old"
        at(registry.host, options, limits).attach([item(1)])
        value = json.loads(registry.manifests["team/app", registry.tags["team/app", TAG]][1])
        assert value["manifests"][0] == strange
        assert value["x-top"] is True


def test_the_fallback_tag_is_bounded(options: RegistryOptions, limits: Limits) -> None:
    """Nobody is made to read a list without end."""
    limits = dataclasses.replace(limits, referrers=2)
    with FakeRegistry(referrers_api=False) as registry:
        registry.push("team/app", APP, "1")
        one = at(registry.host, options, limits)
        one.attach([item(1), item(2)])
        with pytest.raises(LimitExceeded):
            one.attach([item(3)])


def test_a_registry_that_lists_it_elsewhere_is_an_error(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """OCI-Subject names another digest: nobody would find the bundle."""
    registry.push("team/app", APP, "1")
    registry.fail("^PUT .*/manifests/", headers={"oci-subject": "sha256:" + "2" * 64})
    with pytest.raises(EvidenceInvalid, match="another subject"):
        at(registry.host, options, limits).attach([item(1)])


def test_no_answer_about_the_subject_means_the_fallback_tag(options: RegistryOptions, limits: Limits) -> None:
    """The specification demands it, also where the API is there after all."""
    with FakeRegistry() as registry:
        registry.subject_header = False
        registry.push("team/app", APP, "1")
        at(registry.host, options, limits).attach([item(1)])
        assert ("team/app", TAG) in registry.tags


def test_with_the_api_no_tag_is_written(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """OCI-Subject is all it takes."""
    registry.push("team/app", APP, "1")
    at(registry.host, options, limits).attach([item(1)])
    assert ("team/app", TAG) not in registry.tags


def test_a_legacy_tag_of_something_else_is_left_alone(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """An image tagged ``sha256-….sig`` is not turned into signatures."""
    registry.push("team/app", APP, f"{TAG}.sig")
    with pytest.raises(EvidenceInvalid, match="cosign's manifest"):
        at(registry.host, options, limits).legacy(APP.digest, "sig", [(DSSE, b"{}", {})])
    assert registry.tags["team/app", f"{TAG}.sig"] == APP.digest


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["sha256:" + "1" * 64, SIMPLE_SIGNING, DSSE]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["manifests", "layers", "config", "digest", "mediaType", "annotations"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(value=_JSON)
@settings(max_examples=150, deadline=None)
def test_whatever_stands_under_a_tag_is_kept_or_refused(value: object) -> None:
    """Any JSON there: it is added to with nothing lost, or an error of the gate; never another exception."""
    limits = dataclasses.replace(DEFAULT, http_retries=0)
    with FakeRegistry(referrers_api=False) as registry:
        options = RegistryOptions(environ={})
        data = encode(value)
        for tag in (TAG, f"{TAG}.sig"):
            registry.manifests["team/app", f"sha256:{tag}"] = (OCI_INDEX, data)
            registry.tags["team/app", tag] = f"sha256:{tag}"
        one = at(registry.host, options, limits)
        try:
            one.attach([item(1)])
        except EvidenceError:
            assert registry.tags["team/app", TAG] == f"sha256:{TAG}"
        else:
            kept = json.loads(registry.manifests["team/app", registry.tags["team/app", TAG]][1])
            assert isinstance(value, dict) and kept["manifests"][: len(value["manifests"])] == value["manifests"]
        with contextlib.suppress(EvidenceError):
            one.legacy(APP.digest, "sig", [(SIMPLE_SIGNING, b"{}", {"dev.cosignproject.cosign/signature": "AA=="})])
        options.close()


def test_equal_inputs_give_equal_manifests() -> None:
    """So a push that is repeated names the same digest."""
    assert item(1) == item(1)
    assert item(1).digest != item(2).digest
    assert json.loads(item(1).data)["subject"] == {"mediaType": OCI_MANIFEST, "digest": APP.digest, "size": len(APP.data)}
