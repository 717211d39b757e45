"""Manifests and descriptors."""

from typing import Any

import pytest

from gate.errors import EvidenceInvalid, FormatRefused
from gate.limits import DEFAULT
from gate.oci.media import OCI_INDEX, OCI_MANIFEST, manifest
from tests.fakes.images import encode, image, index

D = "sha256:" + "a" * 64
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": D, "size": 1}


def test_an_image_and_an_index_are_told_by_structure() -> None:
    """The kind follows from what is there, also without a media type."""
    assert manifest(image().data, "it", DEFAULT).kind == "manifest"
    assert manifest(index([image()]).data, "it", DEFAULT).kind == "index"
    bare = manifest(encode({"schemaVersion": 2, "config": CONFIG, "layers": []}), "it", DEFAULT)
    assert (bare.kind, bare.media_type) == ("manifest", OCI_MANIFEST)
    assert manifest(encode({"schemaVersion": 2, "manifests": []}), "it", DEFAULT).media_type == OCI_INDEX


@pytest.mark.parametrize(
    "value",
    [
        {"manifests": [], "layers": []},
        {"manifests": [], "config": CONFIG},
        {"mediaType": OCI_INDEX, "config": CONFIG, "layers": []},
        {"mediaType": OCI_MANIFEST, "manifests": []},
    ],
)
def test_what_can_be_read_as_two_things_is_refused(value: dict[str, Any]) -> None:
    """CVE-2021-41190: one digest, one meaning."""
    with pytest.raises(EvidenceInvalid, match="as an image and as an index"):
        manifest(encode(value), "it", DEFAULT)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "neither"),
        ({"layers": []}, "no configuration"),
        ({"manifests": "x", "layers": 1}, "neither"),
        ({"config": CONFIG, "layers": {}}, "list was expected"),
        ({"config": {**CONFIG, "digest": "sha256:../../etc"}, "layers": []}, "no valid digest"),
        ({"config": {**CONFIG, "size": -1}, "layers": []}, "no valid size"),
        ({"config": {**CONFIG, "size": True}, "layers": []}, "no valid size"),
        ({"config": {**CONFIG, "size": "1"}, "layers": []}, "no valid size"),
        ({"config": {**CONFIG, "mediaType": 1}, "layers": []}, "media type"),
        ({"config": CONFIG, "layers": [1]}, "not an object"),
        ({"config": CONFIG, "layers": [], "annotations": {"a": 1}}, "text to text"),
        ({"config": CONFIG, "layers": [], "mediaType": 3}, "not a text"),
        ({"manifests": [{**CONFIG, "platform": "linux/amd64"}]}, "platform is malformed"),
        ({"manifests": [{**CONFIG, "platform": {"os": 1}}]}, "platform is malformed"),
        ({"config": CONFIG, "layers": [], "subject": 5}, "not an object"),
    ],
)
def test_a_malformed_manifest_says_what_is_wrong(value: dict[str, Any], reason: str) -> None:
    """Types are checked, not assumed."""
    with pytest.raises(EvidenceInvalid, match=reason):
        manifest(encode(value), "it", DEFAULT)


def test_schema_1_and_foreign_types_are_refused_by_name() -> None:
    """Recognised formats that are not read are named."""
    with pytest.raises(FormatRefused, match="schema 1"):
        manifest(encode({"schemaVersion": 1, "fsLayers": []}), "it", DEFAULT)
    with pytest.raises(FormatRefused, match=r"vnd\.other"):
        manifest(encode({"mediaType": "application/vnd.other", "config": CONFIG, "layers": []}), "it", DEFAULT)
