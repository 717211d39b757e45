"""From sources to subjects: platforms, bases, inventories."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, LimitExceeded, UsageError
from gate.limits import Limits
from gate.oci.image import LoadedImage, load
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from tests.fakes.images import OCI_EMPTY, OCI_MANIFEST, Built, encode, image, index, write_layout

AMD, ARM = image("linux/amd64"), image("linux/arm64/v8")
ATTESTATION = image("unknown/unknown", config={"config": None})
BUILDKIT = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": AMD.digest}
BASE = "org.opencontainers.image.base."
D = "sha256:" + "d" * 64


def _load(
    root: Path, built: Built, limits: Limits, platform: str | tuple[str, ...] | None = None, beside: tuple[Built, ...] = ()
) -> LoadedImage:
    write_layout(root, [(built, {})], beside=beside)
    source = open_source(f"oci:{root}", options=RegistryOptions(environ={}), limits=limits)
    return load(source, source.resolve(), platform)


def test_an_index_gives_its_platforms(tmp_path: Path, limits: Limits) -> None:
    """Each child is a subject with the index's digest; buildkit's attestations are inventory."""
    entries = [ATTESTATION.descriptor(annotations=BUILDKIT)]
    built = index([AMD, ARM], entries=entries, annotations={"team": "x"})
    loaded = _load(tmp_path, built, limits)
    assert (loaded.subject.kind, loaded.subject.platform, loaded.subject.annotations) == ("index", None, {"team": "x"})
    assert [str(child.subject.platform) for child in loaded.children] == ["linux/amd64", "linux/arm64/v8"]
    assert {child.subject.index_digest for child in loaded.children} == {built.digest}
    assert [item.digest for item in loaded.inventory] == [ATTESTATION.digest]
    assert loaded.skipped == ()


def test_a_filter_takes_platforms_and_says_what_it_left_out(tmp_path: Path, limits: Limits) -> None:
    """An index that was not judged whole must be known as such; what is left out need not be there."""
    loaded = _load(tmp_path, index([], entries=[AMD.descriptor(), ARM.descriptor()]), limits, "linux/arm64", beside=(ARM,))
    assert [child.subject.digest for child in loaded.children] == [ARM.digest]
    assert [(str(item.platform), item.digest) for item in loaded.skipped] == [("linux/amd64", AMD.digest)]


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8", "arm64", "linux/aarch64"])
def test_a_platform_is_found_under_all_its_names(tmp_path: Path, limits: Limits, platform: str) -> None:
    """As runtimes understand them."""
    assert [c.subject.digest for c in _load(tmp_path, index([AMD, ARM]), limits, platform).children] == [ARM.digest]


def test_a_missing_platform_lists_those_there_are(tmp_path: Path, limits: Limits) -> None:
    """For an index and for a single image, also when only one of two is missing."""
    with pytest.raises(UsageError, match="linux/s390x") as caught:
        _load(tmp_path / "a", index([AMD, ARM]), limits, ("linux/amd64", "linux/s390x"))
    assert "linux/amd64, linux/arm64/v8" in caught.value.why
    with pytest.raises(UsageError, match="linux/arm64"):
        _load(tmp_path / "b", AMD, limits, "linux/arm64")
    assert _load(tmp_path / "c", AMD, limits, "linux/amd64").subject.digest == AMD.digest


@pytest.mark.parametrize("entries", [[], [ATTESTATION.descriptor(annotations=BUILDKIT)]])
def test_an_index_without_a_platform_is_no_success(tmp_path: Path, limits: Limits, entries: list[dict[str, Any]]) -> None:
    """Nothing to judge is not "nothing wrong" (invariant 1)."""
    with pytest.raises(EvidenceInvalid, match="without a runnable platform"):
        _load(tmp_path, index([], entries=entries), limits)


def test_a_real_image_hidden_as_unknown_is_judged(tmp_path: Path, limits: Limits) -> None:
    """Calling a platform unknown in the index does not take it out of the judgement."""
    hidden = dataclasses.replace(image("linux/amd64", seed="hidden"), platform={"os": "unknown", "architecture": "unknown"})
    loaded = _load(tmp_path, index([AMD, hidden]), limits)
    assert [child.subject.digest for child in loaded.children] == [AMD.digest, hidden.digest]


def test_a_buildkit_annotation_does_not_hide_a_platform(tmp_path: Path, limits: Limits) -> None:
    """Runtimes choose by platform and ignore the annotation; so does the gate."""
    loaded = _load(tmp_path, index([ARM], entries=[AMD.descriptor(annotations=BUILDKIT)]), limits, beside=(AMD,))
    assert {child.subject.digest for child in loaded.children} == {AMD.digest, ARM.digest}


def test_a_child_without_a_platform_has_that_of_its_configuration(tmp_path: Path, limits: Limits) -> None:
    """Some tools write no platform into the index."""
    bare = dataclasses.replace(AMD, platform=None)
    assert [str(child.subject.platform) for child in _load(tmp_path, index([bare]), limits).children] == ["linux/amd64"]


def test_an_artifact_in_an_index_is_inventory(tmp_path: Path, limits: Limits) -> None:
    """What has no image configuration cannot run."""
    config = {"mediaType": OCI_EMPTY, "digest": D, "size": 2}
    artifact = Built(encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}), OCI_MANIFEST)
    loaded = _load(tmp_path, index([AMD, artifact]), limits)
    assert [child.subject.digest for child in loaded.children] == [AMD.digest]
    assert OCI_EMPTY in loaded.inventory[0].reason


def test_nested_indexes_are_flat_and_bounded(tmp_path: Path, limits: Limits) -> None:
    """Platforms of inner indexes count; a tower of indexes ends."""
    loaded = _load(tmp_path / "a", index([index([AMD]), index([ARM, AMD])]), limits)
    assert [child.subject.digest for child in loaded.children] == [AMD.digest, ARM.digest]
    tower = index([AMD])
    for _ in range(6):
        tower = index([tower])
    with pytest.raises(EvidenceInvalid, match="nested"):
        _load(tmp_path / "b", tower, limits)


def test_the_number_of_platforms_is_bounded(tmp_path: Path, limits: Limits) -> None:
    """By name of the bound."""
    built = index([image("linux/amd64", seed=str(number)) for number in range(4)])
    with pytest.raises(LimitExceeded) as caught:
        _load(tmp_path, built, dataclasses.replace(limits, platforms=3))
    assert caught.value.limit == "platforms"


def test_a_child_of_another_size_is_refused(tmp_path: Path, limits: Limits) -> None:
    """The index lies about the manifest."""
    with pytest.raises(EvidenceInvalid, match="bytes"):
        _load(tmp_path, index([], entries=[AMD.descriptor(size=5)]), limits, beside=(AMD,))


@pytest.mark.parametrize(
    ("built", "origin", "name", "digest"),
    [
        (image(), "none", "", None),
        (image(annotations={BASE + "name": "debian:12", BASE + "digest": D}), "annotation", "debian:12", D),
        (image(config={"config": {"Labels": {BASE + "name": "alpine", BASE + "digest": D}}}), "label", "alpine", D),
        (image(annotations={BASE + "name": "debian:12", BASE + "digest": "sha256:nope"}), "annotation", "debian:12", None),
        (
            image(annotations={BASE + "name": "a"}, config={"config": {"Labels": {BASE + "name": "b", BASE + "digest": D}}}),
            "annotation",
            "a",
            None,
        ),
    ],
)
def test_the_base_is_told_with_its_origin(
    tmp_path: Path, limits: Limits, built: Built, origin: str, name: str, digest: str | None
) -> None:
    """Annotations before labels, and never a mixture of both."""
    base = _load(tmp_path, built, limits).subject.base
    assert (base.origin, base.name, base.digest) == (origin, name, digest)


def test_an_artifact_as_subject_has_no_configuration(tmp_path: Path, limits: Limits) -> None:
    """Anything with a digest can be judged; rules see that there is no image configuration."""
    config = {"mediaType": OCI_EMPTY, "digest": D, "size": 2}
    artifact = Built(encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}), OCI_MANIFEST)
    subject = _load(tmp_path, artifact, limits).subject
    assert (subject.config, subject.config_digest, subject.platform) == (None, None, None)


def test_a_wrong_platform_filter_is_refused_for_every_source(limits: Limits) -> None:
    """Also where there is nothing to filter."""
    source = open_source(D, options=RegistryOptions(environ={}), limits=limits)
    with pytest.raises(UsageError, match="no platform"):
        load(source, source.resolve(), "///")
    assert load(source, source.resolve()).subject.kind == "digest"
