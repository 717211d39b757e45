"""What hangs on a digest, from a registry."""

import dataclasses
from typing import Any

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable, LimitExceeded
from gate.limits import Limits
from gate.oci.attachments import DSSE, SIMPLE_SIGNING, attachment_tag, unreachable
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from tests.fakes.images import BUNDLE, OCI_INDEX, Built, digest_of, encode, image, index, legacy, referrer
from tests.fakes.registry import FakeRegistry
from tests.oci.conftest import Opener

APP = image()
TAG = APP.digest.replace(":", "-")
OTHER = image(seed="other")


def _fill(registry: FakeRegistry) -> str:
    registry.push("team/app", APP, "1")
    return f"{registry.host}/team/app:1"


def _fallback(registry: FakeRegistry, *referrers: Built) -> None:
    for item in referrers:
        registry.push("team/app", item)
    registry.push("team/app", index([], entries=[item.descriptor() for item in referrers]), TAG)


def test_nothing_attached_is_an_empty_answer(registry: FakeRegistry, opener: Opener) -> None:
    """Every list was had, and all are empty."""
    source = opener(_fill(registry))
    assert source.collect(APP.digest).items == ()
    assert registry.count("referrers") == 1


@pytest.mark.parametrize("api", [True, False])
def test_bundles_are_found_by_api_and_by_fallback_tag(opener: Opener, api: bool) -> None:
    """With annotations of the manifest, for they are hints to the reader."""
    with FakeRegistry(referrers_api=api) as registry:
        name = _fill(registry)
        built = referrer(APP, b'{"bundle":1}', annotations={"dev.sigstore.bundle.predicateType": "p"})
        registry.push("team/app", built) if api else _fallback(registry, built)
        (found,) = opener(name).attachments(APP.digest)
        assert (found.data, found.kind, found.attached_to) == (b'{"bundle":1}', "bundle", APP.digest)
        assert found.annotations == {"dev.sigstore.bundle.predicateType": "p"}
        assert built.digest in found.source
        assert found.media_type == BUNDLE


@pytest.mark.parametrize("status", [400, 405, 501])
def test_other_ways_to_have_no_api_lead_to_the_fallback_tag(registry: FakeRegistry, opener: Opener, status: int) -> None:
    """Not every registry without the API answers 404."""
    name = _fill(registry)
    _fallback(registry, referrer(APP, b"{}"))
    registry.fail("/referrers/", status=status)
    assert len(opener(name).attachments(APP.digest)) == 1


def test_a_page_of_html_in_place_of_the_list_leads_to_the_fallback_tag(registry: FakeRegistry, opener: Opener) -> None:
    """Some registries answer unknown paths with their web page."""
    name = _fill(registry)
    _fallback(registry, referrer(APP, b"{}"))
    registry.fail("/referrers/", status=200, body=b"<html>", headers={"content-type": "text/html"})
    assert len(opener(name).attachments(APP.digest)) == 1


@pytest.mark.parametrize("what", ["/referrers/", r"manifests/sha256-\w+\.sig", r"manifests/sha256-\w+\.att"])
@pytest.mark.parametrize(
    "how", [{"status": 500}, {"status": 403}, {"status": 401}, {"status": 429}, {"status": 200, "body": b"x" * 50, "cut": True}]
)
def test_a_list_that_failed_is_never_an_empty_one(registry: FakeRegistry, opener: Opener, what: str, how: dict[str, Any]) -> None:
    """Absent and unreachable are two answers (invariant 11)."""
    name = _fill(registry)
    registry.fail(what, **how)
    with pytest.raises(EvidenceUnavailable):
        opener(name).attachments(APP.digest)


def test_a_fallback_tag_that_failed_is_never_an_empty_list(opener: Opener) -> None:
    """The same without the API."""
    with FakeRegistry(referrers_api=False) as registry:
        name = _fill(registry)
        registry.fail(f"manifests/{TAG}$", status=500)
        with pytest.raises(EvidenceUnavailable):
            opener(name).attachments(APP.digest)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{}", b'{"manifests":{}}', b'{"manifests":[],"layers":[]}', b'{"manifests":[{"digest":"x"}]}']
)
def test_a_list_that_is_none_is_invalid(registry: FakeRegistry, opener: Opener, body: bytes) -> None:
    """An index by content type that is no index is an error, not "nothing"."""
    name = _fill(registry)
    registry.fail("/referrers/", status=200, body=body, headers={"content-type": OCI_INDEX})
    with pytest.raises(EvidenceInvalid):
        opener(name).attachments(APP.digest)


def test_all_pages_are_read(registry: FakeRegistry, opener: Opener) -> None:
    """The last page counts as much as the first."""
    name = _fill(registry)
    registry.page_size = 2
    for number in range(5):
        registry.push("team/app", referrer(APP, b'{"n":%d}' % number))
    assert len(opener(name).attachments(APP.digest)) == 5
    assert registry.count("referrers") == 3


def test_a_page_that_failed_fails_the_list(registry: FakeRegistry, opener: Opener) -> None:
    """A second page that cannot be had is no end of the list; nor is a 404."""
    name = _fill(registry)
    registry.page_size = 1
    for number in range(2):
        registry.push("team/app", referrer(APP, b'{"n":%d}' % number))
    registry.fail("referrers/.*last=", status=404)
    with pytest.raises(EvidenceUnavailable):
        opener(name).attachments(APP.digest)


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ('<http://[::1>; rel="next"', "another server"),
        ('<{path}>; rel="next"', "circle"),
        ('<http://registry.example/v2/x>; rel="next"', "another server"),
    ],
)
def test_pages_stay_on_the_registry_and_end(registry: FakeRegistry, opener: Opener, link: str, reason: str) -> None:
    """The token of this registry is not taken elsewhere by a link."""
    name = _fill(registry)
    path = f"/v2/team/app/referrers/{APP.digest}"
    registry.fail("/referrers/", headers={"link": link.format(path=path)})
    with pytest.raises(EvidenceInvalid, match=reason):
        opener(name).attachments(APP.digest)


@pytest.mark.parametrize("api", [True, False])
def test_a_referrer_of_another_digest_is_refused_and_kept_in_sight(opener: Opener, api: bool) -> None:
    """A list that lies gets nobody a signature, and blocks no other attachment."""
    with FakeRegistry(referrers_api=api) as registry:
        name = _fill(registry)
        good, stranger, plain = referrer(APP, b'{"good":1}'), referrer(OTHER, b'{"stranger":1}'), image(seed="no subject")
        for item in (good, stranger, plain):
            registry.push("team/app", item)
        listing = index([], entries=[item.descriptor() for item in (good, stranger, plain)])
        if api:
            registry.fail("/referrers/", status=200, body=listing.data, headers={"content-type": OCI_INDEX})
        else:
            registry.push("team/app", listing, TAG)
        found = opener(name).attachments(APP.digest)
    assert [item.data for item in found] == [b'{"good":1}', b"", b""]
    assert [isinstance(item.problem, EvidenceInvalid) for item in found] == [False, True, True]
    assert stranger.digest in found[1].source


def test_legacy_signatures_and_attestations_are_found(registry: FakeRegistry, opener: Opener) -> None:
    """One attachment per layer, with the annotations that carry the signature."""
    name = _fill(registry)
    registry.push(
        "team/app", legacy([(SIMPLE_SIGNING, b"{}", {"s": "1"}), (SIMPLE_SIGNING, b'{"a":1}', {"s": "2"})]), f"{TAG}.sig"
    )
    registry.push("team/app", legacy([(DSSE, b'{"payload":""}', {"predicateType": "p"})]), f"{TAG}.att")
    found = opener(name).attachments(APP.digest)
    assert [(item.kind, item.annotations) for item in found] == [
        ("sig", {"s": "1"}),
        ("sig", {"s": "2"}),
        ("att", {"predicateType": "p"}),
    ]
    assert found[1].source == f"tag {TAG}.sig layer 1"


def test_an_sbom_tag_is_an_unsigned_referrer_and_said_so(registry: FakeRegistry, opener: Opener) -> None:
    """It is read like anything unsigned that hangs on the image, and its owner learns why it does not count."""
    name = _fill(registry)
    registry.push("team/app", legacy([("text/spdx+json", b"{}", {})]), f"{TAG}.sbom")
    found = opener(name).collect(APP.digest)
    assert [(item.kind, item.data, item.source, item.attached_to) for item in found.items] == [
        ("other", b"{}", f"tag {TAG}.sbom", APP.digest)
    ]
    assert "satisfies nothing" in found.inventory[0].reason


@pytest.mark.parametrize(
    ("artifact_type", "kind"),
    [
        ("application/vnd.dev.sigstore.bundle.v0.3+json", "bundle"),
        ("application/vnd.dev.sigstore.bundle+json;version=0.1", "bundle"),
        ("application/spdx+json", "other"),
        ("application/vnd.cyclonedx+json", "other"),
        ("application/sarif+json", "other"),
        ("application/vnd.in-toto+json", "other"),
        ("application/vnd.openvex+json", "other"),
        ("application/vnd.dsse.envelope.v1+json", "att"),
        ("application/vnd.dev.cosign.artifact.sig.v1+json", "sig"),
        ("application/vnd.example.thing", None),
        ("", None),
    ],
)
def test_kinds_follow_from_the_artifact_type(
    registry: FakeRegistry, opener: Opener, artifact_type: str, kind: str | None
) -> None:
    """Known types of evidence are read, others are listed and not downloaded."""
    name = _fill(registry)
    registry.push("team/app", referrer(APP, b'{"x":1}', artifact_type))
    found = opener(name).collect(APP.digest)
    assert [item.kind for item in found.items] == ([kind] if kind else [])
    assert len(found.inventory) == (0 if kind else 1)
    assert registry.count("GET .*/blobs/") == (1 if kind else 0)


@pytest.mark.parametrize(
    ("how", "error"),
    [({"status": 500}, EvidenceUnavailable), ({"status": 404}, EvidenceUnavailable), ({"body": b"other"}, EvidenceInvalid)],
)
def test_one_bad_attachment_spoils_itself_only(
    registry: FakeRegistry, opener: Opener, how: dict[str, Any], error: type[Exception]
) -> None:
    """The others are read; the bad one is there with its problem, told apart by whether retrying helps."""
    name = _fill(registry)
    good, bad = referrer(APP, b'{"good":1}'), referrer(APP, b'{"bad":1}')
    registry.push("team/app", good)
    registry.push("team/app", bad)
    registry.fail("blobs/" + digest_of(b'{"bad":1}'), **how)
    found = {item.source: item for item in opener(name).attachments(APP.digest)}
    assert found[f"referrer {good.digest}"].data == b'{"good":1}'
    assert isinstance(found[f"referrer {bad.digest}"].problem, error)
    assert found[f"referrer {bad.digest}"].data == b""
    assert len(unreachable(found.values())) == (error is EvidenceUnavailable)


def test_a_layer_of_another_size_is_refused(registry: FakeRegistry, opener: Opener) -> None:
    """The digest is right and the descriptor lies about the size."""
    name = _fill(registry)
    value = {"digest": digest_of(b"{}"), "size": 3, "mediaType": BUNDLE}
    built = referrer(APP, b"{}")
    data = built.data.replace(encode({"mediaType": BUNDLE, "digest": digest_of(b"{}"), "size": 2}), encode(value))
    assert data != built.data
    registry.push("team/app", dataclasses.replace(built, data=data))
    (found,) = opener(name).attachments(APP.digest)
    assert isinstance(found.problem, EvidenceInvalid)


@pytest.mark.parametrize(
    ("change", "limit"),
    [({"referrers": 2}, "referrers"), ({"attachment_bytes": 10}, "attachment_bytes")],
)
def test_counts_and_sizes_are_bounded(
    registry: FakeRegistry, options: RegistryOptions, limits: Limits, change: dict[str, int], limit: str
) -> None:
    """By name, and before anything is downloaded beyond the bound."""
    name = _fill(registry)
    for number in range(3):
        registry.push("team/app", referrer(APP, b'{"n":%d}' % number))
    with pytest.raises(LimitExceeded) as caught:
        open_source(name, options=options, limits=dataclasses.replace(limits, **change)).attachments(APP.digest)
    assert caught.value.limit == limit


def test_a_bundle_beyond_its_bound_is_a_problem_of_its_own(
    registry: FakeRegistry, options: RegistryOptions, limits: Limits
) -> None:
    """Someone's huge attachment does not stop the others, and is not downloaded."""
    name = _fill(registry)
    registry.push("team/app", referrer(APP, b"{}" + b" " * 100))
    registry.push("team/app", referrer(APP, b"{}"))
    found = open_source(name, options=options, limits=dataclasses.replace(limits, bundle_bytes=50)).attachments(APP.digest)
    assert sorted(type(item.problem).__name__ for item in found) == ["LimitExceeded", "NoneType"]
    assert registry.count("blobs") == 1


def test_a_tag_that_is_no_signature_manifest_is_a_problem(registry: FakeRegistry, opener: Opener) -> None:
    """Anyone who may push can write these tags."""
    name = _fill(registry)
    registry.push("team/app", index([]), f"{TAG}.sig")
    (found,) = opener(name).attachments(APP.digest)
    assert isinstance(found.problem, EvidenceInvalid)


def test_the_order_does_not_depend_on_threads(registry: FakeRegistry, opener: Opener) -> None:
    """The same repository gives the same list."""
    name = _fill(registry)
    for number in range(12):
        registry.push("team/app", referrer(APP, b'{"n":%d}' % number))
    orders = {tuple(item.source for item in opener(name).attachments(APP.digest)) for _ in range(3)}
    assert len(orders) == 1


@pytest.mark.parametrize("built", [APP, Built(b"null", OCI_INDEX), Built(b"{}", OCI_INDEX)])
def test_a_fallback_tag_that_is_no_index_is_a_problem(opener: Opener, built: Built) -> None:
    """Somebody's image under that tag does not hide that the list could not be read."""
    with FakeRegistry(referrers_api=False) as registry:
        name = _fill(registry)
        registry.manifests["team/app", built.digest] = (built.media_type, built.data)
        registry.tags["team/app", TAG] = built.digest
        (found,) = opener(name).attachments(APP.digest)
    assert isinstance(found.problem, EvidenceInvalid)


def test_a_fallback_tag_is_bounded_too(options: RegistryOptions, limits: Limits) -> None:
    """Whoever writes the tag does not choose how much is fetched."""
    with FakeRegistry(referrers_api=False) as registry:
        name = _fill(registry)
        _fallback(registry, *(referrer(APP, b'{"n":%d}' % number) for number in range(3)))
        with pytest.raises(LimitExceeded) as caught:
            open_source(name, options=options, limits=dataclasses.replace(limits, referrers=2)).attachments(APP.digest)
    assert caught.value.limit == "referrers"


def test_a_signature_manifest_of_many_layers_is_bounded(registry: FakeRegistry, options: RegistryOptions, limits: Limits) -> None:
    """Each layer is a signature to verify."""
    name = _fill(registry)
    registry.push("team/app", legacy((SIMPLE_SIGNING, b'{"n":%d}' % number, {}) for number in range(3)), f"{TAG}.sig")
    with pytest.raises(LimitExceeded) as caught:
        open_source(name, options=options, limits=dataclasses.replace(limits, referrers=2)).attachments(APP.digest)
    assert caught.value.limit == "referrers"


@pytest.mark.parametrize("status", [500, 404])
def test_an_sbom_tag_that_failed_hurts_nobody(registry: FakeRegistry, opener: Opener, status: int) -> None:
    """It would not have counted."""
    name = _fill(registry)
    registry.fail(r"manifests/sha256-\w+\.sbom", status=status)
    assert opener(name).collect(APP.digest).inventory == ()


def test_tags_of_long_digests_are_cut() -> None:
    """As the referrers tag schema says."""
    assert attachment_tag("sha256:" + "a" * 64) == "sha256-" + "a" * 64
    assert attachment_tag("sha512:" + "b" * 128) == "sha512-" + "b" * 64
