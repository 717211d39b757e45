"""Copying images with what hangs on them, between registries and layouts, and what a source that lies gets."""

import dataclasses
import hashlib
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded, UsageError
from gate.limits import Limits
from gate.oci import attach
from gate.oci.copy import Copied, copy
from gate.oci.media import Descriptor
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from gate.oci.target import open_origin, open_place, open_target
from tests.fakes.docker_registry import crane_registry, docker_registry
from tests.fakes.images import (
    BUNDLE,
    LAYER,
    OCI_MANIFEST,
    Built,
    digest_of,
    docker_save_files,
    encode,
    image,
    index,
    layout_files,
    legacy,
    push,
    referrer,
    write_layout,
    write_tar,
)
from tests.fakes.registry import FakeRegistry
from tests.tools import tool

AMD, ARM = image("linux/amd64"), image("linux/arm64")
APP = index([AMD, ARM])
ON_INDEX, ON_AMD = referrer(APP, b'{"on":"index"}'), referrer(AMD, b'{"on":"amd64"}')
ON_BUNDLE = referrer(ON_INDEX, b'{"on":"the bundle"}', "application/vnd.example.note")
SIGNATURE = legacy([("application/vnd.dev.cosign.simplesigning.v1+json", b"{}", {"dev.cosignproject.cosign/signature": "AA=="})])
ATTACHED = (ON_INDEX, ON_AMD, ON_BUNDLE)
SIG = APP.digest.replace(":", "-") + ".sig"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback settles fast."""
    monkeypatch.setattr(attach, "SETTLE_SECONDS", 0.01)


@pytest.fixture
def source() -> Iterator[FakeRegistry]:
    """A registry with an index, two platforms, referrers on three levels and a legacy signature."""
    with FakeRegistry() as made:
        made.push("team/app", APP, "1")
        for one in ATTACHED:
            made.push("team/app", one)
        made.push("team/app", SIGNATURE, SIG)
        yield made


@pytest.fixture(params=["docker-registry", "crane", "fake", "fake without the API"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
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


def run(source: str, target: str, options: RegistryOptions, limits: Limits, *, attached: bool = True) -> Copied:
    """One copy."""
    origin = open_origin(source, options, limits)
    place, tag, _ = open_target(target, options, limits, origin=origin)
    try:
        return copy(origin, origin.resolve(), place, tag, attached=attached)
    finally:
        origin.close()


def what_hangs_on(text: str, options: RegistryOptions, limits: Limits) -> list[tuple[str, bytes]]:
    """All evidence of the index and the first platform, as the gate sees it."""
    found = open_source(text, options=options, limits=limits)
    assert found.resolve().digest == APP.digest
    items = [*found.attachments(APP.digest), *found.attachments(AMD.digest)]
    assert all(one.problem is None for one in items)
    return sorted((one.kind, one.data) for one in items)


def test_everything_comes_along(source: FakeRegistry, target: str, options: RegistryOptions, limits: Limits) -> None:
    """Platforms, referrers, referrers of referrers and legacy tags, whatever the target knows of referrers."""
    done = run(f"{source.host}/team/app:1", f"{target}/mirror/app:1", options, limits)
    assert (done.manifests, done.referrers, done.legacy_tags, done.left_out) == (6, 3, (SIG,), ())
    expected = what_hangs_on(f"{source.host}/team/app:1", options, limits)
    assert what_hangs_on(f"{target}/mirror/app:1", options, limits) == expected
    assert len(expected) == 3


def test_signatures_that_are_at_the_target_stay(
    source: FakeRegistry, target: str, options: RegistryOptions, limits: Limits, tmp_path: Path
) -> None:
    """A legacy tag holds the signatures of many: those of the source join those that were made at the target."""
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    theirs = legacy([(kind, b'{"by":"them"}', {"dev.cosignproject.cosign/signature": "BB=="})])
    with FakeRegistry() as made:
        made.push("team/app", APP, "1")
        made.push("team/app", theirs, SIG)
        run(f"{made.host}/team/app:1", f"{target}/mirror/app:1", options, limits)
    for _ in range(2):
        run(f"{source.host}/team/app:1", f"{target}/mirror/app:1", options, limits)
        found = what_hangs_on(f"{target}/mirror/app:1", options, limits)
        assert [data for kind, data in found if kind == "sig"] == [b'{"by":"them"}', b"{}"]


def test_a_second_copy_sends_nothing(source: FakeRegistry, target: str, options: RegistryOptions, limits: Limits) -> None:
    """What is there is asked for and not sent."""
    run(f"{source.host}/team/app:1", f"{target}/mirror/app:1", options, limits)
    again = run(f"{source.host}/team/app:1", f"{target}/mirror/app:1", options, limits)
    assert (again.manifests, again.blobs_sent, again.bytes_sent) == (0, 0, 0)


def test_through_a_layout_and_back(source: FakeRegistry, options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """An air gap: registry to directory, directory to another registry, nothing lost."""
    run(f"{source.host}/team/app:1", f"oci:{tmp_path / 'gap'}:1", options, limits)
    expected = what_hangs_on(f"{source.host}/team/app:1", options, limits)
    assert what_hangs_on(f"oci:{tmp_path / 'gap'}:1", options, limits) == expected
    with FakeRegistry() as inside:
        run(f"oci:{tmp_path / 'gap'}:1", f"{inside.host}/inside/app:1", options, limits)
        assert what_hangs_on(f"{inside.host}/inside/app:1", options, limits) == expected


def test_a_layout_keeps_one_entry_for_the_image(
    source: FakeRegistry, options: RegistryOptions, limits: Limits, tmp_path: Path
) -> None:
    """Other tools want to find one image; copying again does not add to the list."""
    for _ in range(2):
        run(f"{source.host}/team/app@{APP.digest}", f"oci:{tmp_path / 'gap'}", options, limits)
    listed = json.loads((tmp_path / "gap" / "index.json").read_bytes())["manifests"]
    assert [entry["digest"] for entry in listed if ".sig" not in str(entry.get("annotations"))] == [APP.digest]


def test_a_layout_is_not_made_among_other_files(options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """A folder with something in it is refused."""
    (tmp_path / "there").write_text("mine")
    origin = open_origin(f"oci:{write_layout(tmp_path / 'app', [(APP, {})])}", options, limits)
    with pytest.raises(UsageError, match="other files"):
        open_target(f"oci:{tmp_path}", options, limits, origin=origin)


def test_an_archive_is_a_source(options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """Plain and gzipped, with its attachments."""
    files = layout_files([(APP, {})], beside=ATTACHED)
    for mode in ("w", "w:gz"):
        path = write_tar(tmp_path / f"app{len(mode)}.tar", files, mode)
        with FakeRegistry() as registry:
            done = run(str(path), f"{registry.host}/team/app:1", options, limits)
            assert done.referrers == 3
            assert registry.tags["team/app", "1"] == APP.digest


def test_a_daemon_tarball_is_refused(options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """It has no manifest; both copying and signing say why."""
    path = write_tar(tmp_path / "app.tar", docker_save_files(AMD))
    with pytest.raises(UsageError, match="no image that a registry would know"):
        open_origin(str(path), options, limits)
    with pytest.raises(UsageError, match="docker save") as caught:
        open_place(str(path), options, limits)
    assert "when it is pushed" in caught.value.why


def test_the_image_alone(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Without attachments nothing is asked about them."""
    with FakeRegistry() as registry:
        run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits, attached=False)
        assert len(registry.manifests) == 3
    assert source.count("/referrers/") == 0


def test_the_tag_comes_last(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Nobody who pulls by the tag finds the image without its signatures."""
    with FakeRegistry() as registry:
        run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits)
        puts = [
            request.path.rpartition("/")[2] for request in registry.log if "PUT" in request.method and "manif" in request.path
        ]
        assert puts[-2:] == [SIG, "1"]


def test_a_copy_that_failed_leaves_no_tag_and_is_taken_up(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """The next run sends what is missing, and no more."""
    with FakeRegistry() as registry:
        registry.fail(f"^PUT .*/manifests/{ARM.digest}", status=403)
        with pytest.raises(EvidenceUnavailable):
            run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits)
        assert registry.tags == {}
        registry.faults.clear()
        registry.log.clear()
        done = run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits)
        assert done.blobs_sent == 0
        assert registry.tags["a/b", "1"] == APP.digest


def test_blobs_are_mounted_within_a_registry(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Between repositories of one registry no layer is sent."""
    done = run(f"{source.host}/team/app:1", f"{source.host}/other/app:1", options, limits)
    assert done.blobs_sent == 0
    assert source.tags["other/app", "1"] == APP.digest


def test_a_referrer_of_something_else_is_left_out(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """A list that names a manifest whose own subject is another one is not believed."""
    foreign = referrer("sha256:" + "9" * 64, b"{}")
    source.push("team/app", foreign)
    answer = encode({"schemaVersion": 2, "manifests": [ON_INDEX.descriptor(), foreign.descriptor()]})
    kind = {"content-type": "application/vnd.oci.image.index.v1+json"}
    source.fail(f"/referrers/{APP.digest}", status=200, body=answer, headers=kind)
    with FakeRegistry() as registry:
        done = run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits)
        [left] = done.left_out
        assert "its own subject is" in left
        assert ("a/b", ON_INDEX.digest) in registry.manifests


@pytest.mark.parametrize("what", ["manifest", "layer", "longer layer", "referrer blob"])
def test_a_source_that_lies_about_digests(what: str, source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Wrong bytes never become a whole blob of the target, and no tag appears."""
    layer = next(digest for digest in AMD.blobs if digest != AMD.config_digest)
    blob = next(digest for digest in ON_INDEX.blobs if ON_INDEX.blobs[digest] != b"{}")
    path = {"manifest": f"manifests/{AMD.digest}", "referrer blob": f"blobs/{blob}"}.get(what, f"blobs/{layer}")
    true = ON_INDEX.blobs[blob] if what == "referrer blob" else AMD.blobs[layer]
    body = true + b"more" if what == "longer layer" else bytes(len(true) * [65])
    source.fail(f"^GET .*/{path}", status=200, body=ARM.data if what == "manifest" else body)
    with FakeRegistry() as registry:
        with pytest.raises(EvidenceInvalid):
            run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits)
        assert registry.tags == {}
        assert all(digest_of(data) == digest for (_, digest), data in registry.blobs.items() if digest.startswith("sha256:"))


def test_a_list_that_cannot_be_had_breaks_the_copy_off(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """A mirror without its signatures, made because of a hiccup, would look unsigned for ever."""
    source.fail("/referrers/", status=500)
    with FakeRegistry() as registry:
        with pytest.raises(EvidenceUnavailable):
            run(f"{source.host}/team/app:1", f"{registry.host}/a/b:1", options, limits)
        assert registry.tags == {}


def _big(size: int) -> Built:
    """An image with one layer of that size, which compresses badly."""
    made = image()
    data = hashlib.shake_128(b"seed").digest(size)
    value = {**json.loads(made.data), "layers": [{"mediaType": LAYER, "digest": digest_of(data), "size": size}]}
    config = {made.config_digest: made.blobs[made.config_digest]}
    return Built(encode(value), OCI_MANIFEST, {**config, digest_of(data): data})


def test_a_cut_download_goes_on_where_it_was_cut(options: RegistryOptions, limits: Limits) -> None:
    """With a range where the registry knows ranges; the target gets every byte once."""
    big = _big(3_000_000)
    with FakeRegistry() as source, FakeRegistry() as registry:
        source.push("a/b", big, "1")
        [layer] = [digest for digest, data in big.blobs.items() if len(data) == 3_000_000]
        source.fail(f"^GET .*/blobs/{layer}", cut=True, times=2)
        done = run(f"{source.host}/a/b:1", f"{registry.host}/a/b:1", options, limits)
        assert done.bytes_sent > 3_000_000
        ranges = [request.headers.get("range") for request in source.log if layer in request.path]
        assert ranges[0] is None
        assert all(text is not None and text.startswith("bytes=") for text in ranges[1:])
        assert registry.blobs["a/b", layer] == big.blobs[layer]


def test_a_registry_without_ranges_starts_again(options: RegistryOptions, limits: Limits) -> None:
    """What was had before is passed over."""
    big = _big(1_000_000)
    with FakeRegistry() as source, FakeRegistry() as registry:
        source.push("a/b", big, "1")
        [layer] = [digest for digest, data in big.blobs.items() if len(data) == 1_000_000]
        source.fail(f"^GET .*/blobs/{layer}", cut=True, times=1)
        source.fail(f"^GET .*/blobs/{layer}", status=200, body=big.blobs[layer])
        run(f"{source.host}/a/b:1", f"{registry.host}/a/b:1", options, limits)
        assert registry.blobs["a/b", layer] == big.blobs[layer]


def test_a_download_that_never_ends_well_is_an_error(options: RegistryOptions, limits: Limits) -> None:
    """A body that is always too short stops after as many tries as are allowed."""
    big = _big(200_000)
    with FakeRegistry() as source, FakeRegistry() as registry:
        source.push("a/b", big, "1")
        [layer] = [digest for digest, data in big.blobs.items() if len(data) == 200_000]
        source.fail(f"^GET .*/blobs/{layer}", status=503)
        with pytest.raises(EvidenceUnavailable):
            run(f"{source.host}/a/b:1", f"{registry.host}/a/b:1", options, limits)
        assert source.count(f"GET .*/blobs/{layer}") <= 2 * (limits.http_retries + 2)


def test_a_layer_is_not_held_in_memory(options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """From a layout to a layout, 24 MB pass through far less."""
    path = write_layout(tmp_path / "app", [(_big(24_000_000), {})])
    tracemalloc.start()
    try:
        run(f"oci:{path}", f"oci:{tmp_path / 'copy'}:1", options, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


def test_layers_of_elsewhere_stay_there(options: RegistryOptions, limits: Limits) -> None:
    """Foreign layers of Windows images are in no registry."""
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": "sha256:" + "3" * 64,
        "size": 9,
    }
    made = image(layers=[foreign])
    with FakeRegistry() as source, FakeRegistry() as registry:
        source.push("a/b", Built(made.data, made.media_type, {made.config_digest: made.blobs[made.config_digest]}), "1")
        run(f"{source.host}/a/b:1", f"{registry.host}/a/b:1", options, limits)
        assert registry.tags["a/b", "1"] == made.digest


def test_a_target_with_a_digest_is_refused(source: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """The digest is the image's own."""
    origin = open_origin(f"{source.host}/team/app:1", options, limits)
    with pytest.raises(UsageError, match="no digest"):
        open_target(f"{source.host}/x/y@{APP.digest}", options, limits, origin=origin)


def test_fifty_referrers_are_copied(options: RegistryOptions, limits: Limits) -> None:
    """In a registry without the API they make one list, written once."""
    with FakeRegistry() as source, FakeRegistry(referrers_api=False) as registry:
        source.push("a/b", AMD, "1")
        for number in range(50):
            source.push("a/b", referrer(AMD, encode({"n": number}), BUNDLE))
        done = run(f"{source.host}/a/b:1", f"{registry.host}/a/b:1", options, limits)
        assert done.referrers == 50
        assert registry.count("^PUT .*/manifests/sha256-") == 1


def test_pushed_images_can_be_pulled_by_others(target: str, options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """A layout pushed by the gate is what `push` of the tests would have put there."""
    path = write_layout(tmp_path / "app", [(APP, {})])
    run(f"oci:{path}", f"{target}/team/app:2", options, limits)
    assert (
        push(target, "team/app", APP, "3") == open_source(f"{target}/team/app:2", options=options, limits=limits).resolve().digest
    )


class Endless:
    """A source where five things hang on everything, each made up when it is asked for."""

    name = "endless"

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.made = {AMD.digest: AMD.data}

    def manifest(self, digest: str) -> bytes:
        return self.made[digest]

    def stream(self, digest: str, size: int) -> Iterator[bytes]:
        raise AssertionError("nothing is to be sent")

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        found = []
        for number in range(5):
            subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
            data = encode({**json.loads(AMD.data), "subject": subject, "annotations": {"n": str(number)}})
            self.made[digest_of(data)] = data
            found.append(Descriptor(digest_of(data), OCI_MANIFEST, len(data)))
        return tuple(found)

    def tagged(self, tag: str, digest: str) -> bytes | None:
        return None


def test_a_source_without_end_is_left(options: RegistryOptions, limits: Limits, tmp_path: Path) -> None:
    """Each list is short, and together they would fill the memory: the whole is bounded too."""
    endless = Endless(dataclasses.replace(limits, referrers=5))
    place, _, _ = open_target(f"oci:{tmp_path / 'gap'}", options, limits, origin=cast(Any, endless))
    with pytest.raises(LimitExceeded, match="referrers"):
        copy(endless, Descriptor(AMD.digest, OCI_MANIFEST, len(AMD.data)), place, None)
    assert len(endless.made) < 500
