"""Image layouts."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable, GateError, LimitExceeded, UsageError
from gate.limits import Limits
from gate.oci.attachments import DSSE, SIMPLE_SIGNING
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.source import ImageSource, open_source
from tests.fakes.images import Built, encode, image, index, legacy, referrer, write_layout
from tests.oci.conftest import Opener

APP, OTHER = image(), image(seed="other")
TAG = APP.digest.replace(":", "-")
REF = "org.opencontainers.image.ref.name"
COSIGN = "dev.cosignproject.cosign/"


def _blob(root: Path, built: Built) -> Path:
    return root / "blobs" / built.digest.replace(":", "/")


def test_the_one_image_needs_no_name(tmp_path: Path, opener: Opener) -> None:
    """The directory alone is enough, as oci:PATH and as a path."""
    write_layout(tmp_path / "app", [(APP, {})])
    for text in (f"oci:{tmp_path}/app", f"{tmp_path}/app", f"{tmp_path}/app/"):
        source = opener(text)
        assert source.resolve().digest == APP.digest
        assert (source.name, source.reference) == ("app", text)


def test_layers_are_not_needed(tmp_path: Path, opener: Opener) -> None:
    """A layout whose layers were left out is judged as well."""
    write_layout(tmp_path, [(APP, {})])
    for digest in APP.blobs:
        if digest != APP.config_digest:
            (tmp_path / "blobs" / digest.replace(":", "/")).unlink()
    source = opener(f"oci:{tmp_path}")
    assert load(source, source.resolve()).subject.config is not None


@pytest.mark.parametrize("selector", [":2", f"@{OTHER.digest}", ":registry.example/app:2"])
def test_one_of_several_is_named_by_tag_or_digest(tmp_path: Path, opener: Opener, selector: str) -> None:
    """A short tag, a full name, or the digest."""
    name = "registry.example/app:2" if "example" in selector else "2"
    write_layout(tmp_path, [(APP, {REF: "1"}), (OTHER, {REF: name})])
    assert opener(f"oci:{tmp_path}{selector}").resolve().digest == OTHER.digest


def test_a_child_of_an_index_may_be_named_by_digest(tmp_path: Path, opener: Opener) -> None:
    """It is in the layout, though not in index.json."""
    write_layout(tmp_path, [(index([APP, OTHER]), {})])
    assert opener(f"{tmp_path}@{APP.digest}").resolve().digest == APP.digest


def test_several_images_without_a_name_are_listed(tmp_path: Path, opener: Opener) -> None:
    """Choosing one silently would judge the wrong one."""
    write_layout(tmp_path, [(APP, {REF: "1"}), (OTHER, {})])
    with pytest.raises(UsageError, match="holds 2 images") as caught:
        opener(f"oci:{tmp_path}").resolve()
    assert f"@{APP.digest} (1)" in caught.value.fix
    assert OTHER.digest in caught.value.fix


def test_one_image_under_two_tags_is_one_image(tmp_path: Path, opener: Opener) -> None:
    """Two names of the same digest leave nothing to choose."""
    write_layout(tmp_path, [(APP, {REF: "1"}), (APP, {REF: "latest"})])
    assert opener(f"oci:{tmp_path}").resolve().digest == APP.digest


@pytest.mark.parametrize("selector", [":9", "@sha256:" + "0" * 64, "@sha256:short", "@md5:1"])
def test_a_name_that_is_not_there_is_a_usage_error(tmp_path: Path, opener: Opener, selector: str) -> None:
    """With the list of those that are."""
    write_layout(tmp_path, [(APP, {REF: "1"})])
    with pytest.raises(UsageError):
        opener(f"oci:{tmp_path}{selector}").resolve()


def test_bundles_beside_the_image_are_found(tmp_path: Path, opener: Opener) -> None:
    """cosign v3 writes them as blobs that index.json does not list."""
    built = referrer(APP, b'{"bundle":1}')
    write_layout(tmp_path, [(APP, {})], beside=[built, referrer(OTHER, b'{"other":1}'), OTHER])
    (found,) = opener(f"oci:{tmp_path}").attachments(APP.digest)
    assert (found.kind, found.data, found.source) == ("bundle", b'{"bundle":1}', f"referrer {built.digest}")


def test_referrers_in_index_json_are_no_images(tmp_path: Path, opener: Opener) -> None:
    """oras copies list them there; the image stays the one to judge."""
    write_layout(tmp_path, [(APP, {}), (referrer(APP, b"{}"), {})])
    source = opener(f"oci:{tmp_path}")
    assert source.resolve().digest == APP.digest
    assert len(source.attachments(APP.digest)) == 1


@pytest.mark.parametrize("how", ["kind", "tag", "full"])
def test_legacy_signatures_are_found_however_they_are_marked(tmp_path: Path, opener: Opener, how: str) -> None:
    """By cosign's annotation, or by their tag."""
    sig, att = legacy([(SIMPLE_SIGNING, b"{}", {"s": "1"})]), legacy([(DSSE, b'{"a":1}', {})])
    marks = {
        "kind": ({"kind": COSIGN + "image"}, {"kind": COSIGN + "sigs"}, {"kind": COSIGN + "atts"}),
        "tag": ({}, {REF: f"{TAG}.sig"}, {REF: f"{TAG}.att"}),
        "full": ({}, {REF: f"registry.example/app:{TAG}.sig"}, {REF: f"registry.example/app:{TAG}.att"}),
    }[how]
    write_layout(tmp_path, list(zip((APP, sig, att), marks, strict=True)))
    source = opener(f"oci:{tmp_path}")
    assert source.resolve().digest == APP.digest
    assert [item.kind for item in source.attachments(APP.digest)] == ["sig", "att"]
    assert source.attachments(OTHER.digest) == ()


def test_signatures_of_two_saved_images_are_not_mixed_up(tmp_path: Path, opener: Opener) -> None:
    """cosign pairs them by name; without one they belong to nobody."""
    entries = [
        (APP, {"kind": COSIGN + "image", REF: "registry.example/a:1"}),
        (OTHER, {"kind": COSIGN + "image", REF: "registry.example/b:1"}),
        (legacy([(SIMPLE_SIGNING, b"{}", {"of": "b"})]), {"kind": COSIGN + "sigs", REF: "registry.example/b:1"}),
        (legacy([(DSSE, b'{"nobody":1}', {})]), {"kind": COSIGN + "atts"}),
    ]
    write_layout(tmp_path, entries)
    source = opener(f"oci:{tmp_path}@{APP.digest}")
    assert source.attachments(APP.digest) == ()
    assert [item.annotations for item in source.attachments(OTHER.digest)] == [{"of": "b"}]


def test_a_damaged_blob_is_refused(tmp_path: Path, opener: Opener) -> None:
    """The name of a file proves nothing."""
    write_layout(tmp_path, [(APP, {})])
    _blob(tmp_path, APP).write_bytes(OTHER.data)
    with pytest.raises(EvidenceInvalid, match="not the ones asked for"):
        opener(f"oci:{tmp_path}").resolve()


def test_a_damaged_referrer_is_a_problem_and_no_signature(tmp_path: Path, opener: Opener) -> None:
    """A manifest under another's digest is kept in sight and not believed."""
    good, evil = referrer(APP, b'{"good":1}'), referrer(APP, b'{"evil":1}')
    write_layout(tmp_path, [(APP, {})], beside=[good, evil])
    _blob(tmp_path, evil).write_bytes(good.data)
    found = opener(f"oci:{tmp_path}").attachments(APP.digest)
    assert sorted(item.data for item in found) == [b"", b'{"good":1}']
    assert sum(item.problem is not None for item in found) == 1


def test_a_missing_blob_is_unavailable(tmp_path: Path, opener: Opener) -> None:
    """An incomplete copy is no verdict, and the fix says how to copy."""
    write_layout(tmp_path, [(index([], entries=[APP.descriptor()]), {})])
    source = opener(f"oci:{tmp_path}")
    with pytest.raises(EvidenceUnavailable, match="is not in") as caught:
        load(source, source.resolve())
    assert "copy" in caught.value.fix


@pytest.mark.parametrize("where", ["file", "folder", "index"])
def test_links_out_of_the_layout_are_refused(tmp_path: Path, opener: Opener, where: str) -> None:
    """What lies outside is not read, even when its digest would be right."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    write_layout(inside, [(APP, {})])
    shutil.copytree(inside, outside)
    target = {"file": f"blobs/{APP.digest.replace(':', '/')}", "folder": "blobs/sha256", "index": "index.json"}[where]
    shutil.rmtree(inside / target) if where == "folder" else (inside / target).unlink()
    (inside / target).symlink_to(outside / target)
    with pytest.raises(EvidenceInvalid, match="leads out of the layout"):
        opener(f"oci:{inside}").resolve()


def test_links_within_the_layout_are_followed(tmp_path: Path, opener: Opener) -> None:
    """Build tools make layouts of links; the layout itself may be reached by one."""
    write_layout(tmp_path / "in", [(APP, {})])
    path = _blob(tmp_path / "in", APP)
    path.rename(tmp_path / "in" / "moved")
    path.symlink_to("../../moved")
    (tmp_path / "link").symlink_to("in")
    assert opener(f"oci:{tmp_path}/link").resolve().digest == APP.digest


@pytest.mark.timeout(20)
def test_a_fifo_does_not_hang_the_gate(tmp_path: Path, opener: Opener) -> None:
    """Only regular files are read."""
    write_layout(tmp_path, [(APP, {})])
    _blob(tmp_path, APP).unlink()
    os.mkfifo(_blob(tmp_path, APP))
    with pytest.raises(EvidenceInvalid, match="no regular file"):
        opener(f"oci:{tmp_path}").resolve()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("index.json", b""),
        ("index.json", b"null"),
        ("index.json", b"{}"),
        ("index.json", b'{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}'),
        ("index.json", b'{"manifests":[],"manifests":[]}'),
        ("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'),
        ("oci-layout", b"x"),
    ],
)
def test_a_malformed_layout_is_invalid(tmp_path: Path, opener: Opener, name: str, data: bytes) -> None:
    """Digests with paths in them included."""
    write_layout(tmp_path, [(APP, {})])
    (tmp_path / name).write_bytes(data)
    with pytest.raises(EvidenceInvalid):
        opener(f"oci:{tmp_path}").resolve()


def test_an_empty_layout_holds_no_image(tmp_path: Path, opener: Opener) -> None:
    """Nothing to judge is an error of whoever named it."""
    write_layout(tmp_path, [])
    with pytest.raises(UsageError, match="holds no image"):
        opener(f"oci:{tmp_path}").resolve()


def test_a_directory_that_is_no_layout_says_what_is_missing(tmp_path: Path, opener: Opener) -> None:
    """For example the folder above."""
    with pytest.raises(UsageError, match="no OCI image layout") as caught:
        opener(f"{tmp_path}")
    assert "index.json" in caught.value.why


def test_bounds_hold_in_a_layout(tmp_path: Path, limits: Limits) -> None:
    """A huge manifest, and a huge number of blobs."""
    write_layout(tmp_path, [(APP, {})])

    def opened(**change: int) -> ImageSource:
        changed = dataclasses.replace(limits, **change)
        return open_source(f"oci:{tmp_path}", options=RegistryOptions(environ={}), limits=changed)

    with pytest.raises(LimitExceeded) as caught:
        opened(manifest_bytes=len(APP.data) - 1).resolve()
    assert caught.value.limit == "manifest_bytes"
    with pytest.raises(LimitExceeded) as caught:
        opened(archive_members=2).attachments(APP.digest)
    assert caught.value.limit == "archive_members"


def test_documents_that_have_a_subject_are_no_referrers(tmp_path: Path, opener: Opener) -> None:
    """An in-toto statement among the blobs has a subject too, and is left alone."""
    statement = encode({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": APP.digest[7:]}}]})
    write_layout(tmp_path, [(APP, {})], beside=[Built(statement, "x"), Built(b'{"subject"', "x")])
    assert opener(f"oci:{tmp_path}").collect(APP.digest).items == ()


@pytest.mark.parametrize(("version", "kind", "children"), [("v1.4.0", "image", 0), ("v2.1.0", "index", 1)])
def test_real_layouts_of_cosign_are_read(corpus: Path, opener: Opener, version: str, kind: str, children: int) -> None:
    """The digest is the published one, and the provenance hangs on it."""
    root = corpus / "signatures" / "slsa-verifier" / "gha_generic_container" / version
    source = opener(f"oci:{root}/container_workflow_dispatch")
    descriptor = source.resolve()
    assert descriptor.digest == (root / "container_workflow_dispatch.digest").read_text().strip()
    loaded = load(source, descriptor)
    assert (loaded.subject.kind, len(loaded.children), len(loaded.inventory)) == (kind, children, children)
    image_subject = loaded.children[0].subject if children else loaded.subject
    assert str(image_subject.platform) == "linux/amd64"
    assert image_subject.config is not None
    assert image_subject.config.user == "0"
    (found,) = source.attachments(descriptor.digest)
    assert (found.kind, found.media_type, found.problem) == ("att", DSSE, None)
    assert "dev.sigstore.cosign/bundle" in found.annotations


def test_no_layout_of_garbage_causes_another_exception(tmp_path: Path, opener: Opener) -> None:
    """Each file of a good layout is damaged in turn; every outcome is a result or one of our errors."""
    built = referrer(APP, b"{}")
    write_layout(tmp_path / "good", [(index([APP, OTHER]), {})], beside=[built])
    files = [path for path in (tmp_path / "good").rglob("*") if path.is_file()]
    for number, path in enumerate(files):
        for name, data in {"empty": b"", "cut": path.read_bytes()[:-3], "deep": b"[" * 100_000, "zero": b"\0" * 50}.items():
            root = tmp_path / f"{number}-{name}"
            shutil.copytree(tmp_path / "good", root)
            (root / path.relative_to(tmp_path / "good")).write_bytes(data)
            try:
                source = opener(f"oci:{root}")
                load(source, source.resolve())
                source.attachments(APP.digest)
            except GateError:
                continue


def test_a_file_that_may_not_be_read_is_unavailable(tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not absent."""
    write_layout(tmp_path, [(APP, {})])
    source = opener(f"oci:{tmp_path}")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gate.oci.files.os.open", refuse)
    with pytest.raises(EvidenceUnavailable, match="cannot be read"):
        source.resolve()


def test_a_loop_of_links_is_an_error_of_ours(tmp_path: Path, opener: Opener) -> None:
    """And ends."""
    write_layout(tmp_path, [(APP, {})])
    path = _blob(tmp_path, APP)
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(GateError):
        opener(f"oci:{tmp_path}").resolve()
