"""Image tarballs: OCI archives and `docker save`."""

import tarfile
from pathlib import Path

import pytest

from gate.errors import EvidenceInvalid, EvidenceUnavailable, UsageError
from gate.oci.image import load
from tests.fakes.images import Built, docker_save_files, encode, image, index, layout_files, referrer, write_tar
from tests.oci.conftest import Opener

APP, OTHER = image(), image(seed="other", config={"config": {"User": "root"}})
REF = "org.opencontainers.image.ref.name"
NAME = "io.containerd.image.name"


def _both(
    oci: Built, docker: Built, *, tags: tuple[str, ...] = ("app:1",), name: str = "docker.io/library/app:1"
) -> dict[str, bytes]:
    """What a new `docker save` writes: a layout and a manifest.json beside it."""
    files = layout_files([(oci, {REF: "1", NAME: name})])
    config = f"blobs/{docker.config_digest.replace(':', '/')}"
    files[config] = docker.blobs[docker.config_digest]
    files["manifest.json"] = encode([{"Config": config, "RepoTags": list(tags), "Layers": []}])
    return files


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("prefix", ["", "oci-archive:"])
def test_an_oci_archive_is_a_layout_in_a_tarball(tmp_path: Path, opener: Opener, mode: str, prefix: str) -> None:
    """With its attachments."""
    files = layout_files([(index([APP]), {REF: "1"})], beside=[referrer(APP, b'{"bundle":1}')])
    write_tar(tmp_path / "app.tar", {f"./{name}": data for name, data in files.items()}, mode)
    source = opener(f"{prefix}{tmp_path}/app.tar")
    loaded = load(source, source.resolve())
    assert (loaded.subject.kind, loaded.subject.name) == ("index", "app.tar")
    assert loaded.children[0].subject.digest == APP.digest
    assert [item.data for item in source.attachments(APP.digest)] == [b'{"bundle":1}']


def test_a_daemon_tarball_is_identified_by_its_configuration(tmp_path: Path, opener: Opener) -> None:
    """No registry knows a manifest of it; the digest is recomputed."""
    write_tar(tmp_path / "app.tar", docker_save_files(APP))
    source = opener(f"{tmp_path}/app.tar")
    subject = load(source, source.resolve()).subject
    assert (subject.kind, subject.digest, subject.config_digest) == ("archive", APP.config_digest, APP.config_digest)
    assert subject.config is not None
    assert len(subject.config.diff_ids) == 1
    assert str(subject.platform) == "linux/amd64"
    assert source.attachments(subject.digest) == ()


def test_links_among_the_layers_of_an_old_docker_save_do_no_harm(tmp_path: Path, opener: Opener) -> None:
    """Docker before 25 writes a repeated layer as a link with '..' in its target."""
    path = write_tar(tmp_path / "app.tar", docker_save_files(APP))
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("other/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../first/layer.tar"
        archive.addfile(link)
    assert opener(f"{path}").resolve().digest == APP.config_digest


def test_a_configuration_under_a_false_name_is_refused(tmp_path: Path, opener: Opener) -> None:
    """The name says one digest, the bytes have another."""
    files = docker_save_files(APP)
    files[f"{APP.config_digest[7:]}.json"] = OTHER.blobs[OTHER.config_digest]
    write_tar(tmp_path / "app.tar", files)
    with pytest.raises(EvidenceInvalid, match="not what its name says"):
        opener(f"{tmp_path}/app.tar")


def test_a_new_docker_save_is_read_by_its_index(tmp_path: Path, opener: Opener) -> None:
    """Its manifest digest says more than the configuration's."""
    write_tar(tmp_path / "app.tar", _both(APP, APP))
    source = opener(f"{tmp_path}/app.tar")
    assert source.resolve().digest == APP.digest
    assert load(source, source.resolve()).subject.kind == "image"


def test_an_incomplete_index_leaves_the_daemon_tarball(tmp_path: Path, opener: Opener) -> None:
    """A daemon saves the index of all platforms and the blobs of one."""
    files = _both(index([APP, OTHER]), APP)
    del files[f"blobs/{OTHER.digest.replace(':', '/')}"]
    write_tar(tmp_path / "app.tar", files)
    assert opener(f"{tmp_path}/app.tar").resolve().digest == APP.config_digest


@pytest.mark.parametrize("kind", ["stranger", "swapped"])
def test_an_archive_that_is_two_images_is_refused(tmp_path: Path, opener: Opener, kind: str) -> None:
    """What the gate judges and what an older docker load takes must be one image, under one name."""
    if kind == "stranger":
        files = _both(APP, OTHER)
    else:
        files = layout_files(
            [(APP, {NAME: "docker.io/library/app:1", REF: "1"}), (OTHER, {NAME: "docker.io/library/evil:1", REF: "e"})]
        )
        names = [f"blobs/{built.config_digest.replace(':', '/')}" for built in (OTHER, APP)]
        tags = ["docker.io/library/app:1", "docker.io/library/evil:1"]
        files["manifest.json"] = encode([{"Config": n, "RepoTags": [t], "Layers": []} for n, t in zip(names, tags, strict=True)])
    write_tar(tmp_path / "app.tar", files)
    with pytest.raises(EvidenceInvalid, match="two different images"):
        opener(f"{tmp_path}/app.tar:docker.io/library/app:1")


def test_several_saved_images_need_a_name(tmp_path: Path, opener: Opener) -> None:
    """By tag or by digest; the error lists them."""
    files = {**docker_save_files(APP), **docker_save_files(OTHER)}
    one, two = f"{APP.config_digest[7:]}.json", f"{OTHER.config_digest[7:]}.json"
    tags = (("app:1", one), ("team/other:2", two))
    files["manifest.json"] = encode([{"Config": config, "RepoTags": [tag], "Layers": []} for tag, config in tags])
    path = write_tar(tmp_path / "app.tar", files)
    with pytest.raises(UsageError, match="holds 2 images") as caught:
        opener(f"{path}")
    assert "app:1, team/other:2" in caught.value.fix
    for selector in (":team/other:2", ":2", f"@{OTHER.config_digest}"):
        assert opener(f"docker-archive:{path}{selector}").resolve().digest == OTHER.config_digest
    with pytest.raises(UsageError, match="holds no image"):
        opener(f"{path}:9")


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[1]",
        b'[{"Config":1}]',
        b'[{"Config":"missing.json"}]',
        b'[{"Config":"c.json","RepoTags":[1]}]',
        b'[{"Config":"../c.json"}]',
        b'[{"Config":"/etc/passwd"}]',
    ],
)
def test_a_malformed_manifest_json_is_invalid(tmp_path: Path, opener: Opener, manifest: bytes) -> None:
    """And paths in it lead nowhere."""
    write_tar(tmp_path / "app.tar", {"manifest.json": manifest, "c.json": b"{}"})
    with pytest.raises(EvidenceInvalid):
        opener(f"{tmp_path}/app.tar")


def test_a_manifest_json_that_is_a_link_is_refused(tmp_path: Path, opener: Opener) -> None:
    """To this machine's files or elsewhere."""
    with tarfile.open(tmp_path / "app.tar", "w") as archive:
        link = tarfile.TarInfo("manifest.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(EvidenceInvalid, match="is a link"):
        opener(f"{tmp_path}/app.tar")


def test_a_tarball_of_something_else_says_what_is_missing(tmp_path: Path, opener: Opener) -> None:
    """With the command that makes a right one."""
    write_tar(tmp_path / "app.tar", {"layout/index.json": b"{}"})
    with pytest.raises(UsageError, match="no image tarball") as caught:
        opener(f"{tmp_path}/app.tar")
    assert "tar -C" in caught.value.fix


def test_a_cut_tarball_is_invalid(tmp_path: Path, opener: Opener) -> None:
    """Not a shorter image."""
    path = write_tar(tmp_path / "app.tar", docker_save_files(APP))
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(EvidenceInvalid, match="cut"):
        opener(f"{path}")


def test_a_gzipped_archive_gives_members_that_are_no_json(tmp_path: Path, opener: Opener) -> None:
    """They are not kept aside, and found by reading again."""
    built = referrer(APP, b"<xml/>" * 1000, "text/spdx")
    write_tar(tmp_path / "app.tar", layout_files([(APP, {})], beside=[built]), "w:gz")
    (found,) = opener(f"{tmp_path}/app.tar").attachments(APP.digest)
    assert found.data == b"<xml/>" * 1000


def test_an_archive_without_a_needed_blob_is_unavailable(tmp_path: Path, opener: Opener) -> None:
    """Incomplete is not bad."""
    files = layout_files([(APP, {})])
    del files[f"blobs/{APP.config_digest.replace(':', '/')}"]
    write_tar(tmp_path / "app.tar", files)
    source = opener(f"{tmp_path}/app.tar")
    with pytest.raises(EvidenceUnavailable):
        load(source, source.resolve())


def test_temporary_files_are_gone_afterwards(tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is unpacked to where others could see it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    write_tar(tmp_path / "app.tar", layout_files([(APP, {})]), "w:gz")
    source = opener(f"{tmp_path}/app.tar")
    load(source, source.resolve())
    assert list((tmp_path / "tmp").iterdir()) == []
