"""`gate inspect` and `gate verify --inspect` on layouts, registries and tarballs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gate import KEY, NO_SCAN, Gate
from tests.fakes import images
from tests.fakes.images import Built, digest_of, encode
from tests.fakes.registry import FakeRegistry
from tests.oci.layering import File, folder, tar_of
from tests.tools import repository

SAMPLES = repository() / "testdata" / "images"
PASSWD = b"root:*:0:0::/root:/bin/sh\nweb::10:10::/:/bin/false\n"
BASE = [
    folder("etc"), File("etc/passwd", PASSWD), File("etc/os-release", b'PRETTY_NAME="Sample 1"\n'), folder("bin"),
    File("bin/su", b"x", mode=0o4755), File("bin/sh", b"x", mode=0o755), File("gone", b"y", mode=0o4755),
]  # fmt: skip
TOP = [File(".wh.gone"), File("odd\x1b[31m", b"", mode=0o2755)]


def built(*layers: Iterable[File], lie: bool = False, media_type: str = "") -> Built:
    """An image of these layers; ``lie``: the configuration names other contents."""
    import gzip

    tars = [tar_of(files) for files in layers]
    blobs = [gzip.compress(tar, mtime=0) for tar in tars]
    config: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"User": "web", "Env": ["A=1", "B_TOKEN=s3cr3"], "ExposedPorts": {"80/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar if not lie else b"") for tar in tars]},
        "history": [],
    }
    data = encode(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": images.OCI_MANIFEST,
        "config": {"mediaType": images.OCI_CONFIG, "digest": digest_of(data), "size": len(data)},
        "layers": [{"mediaType": media_type or images.LAYER, "digest": digest_of(blob), "size": len(blob)} for blob in blobs],
    }
    everything = {digest_of(data): data} | {digest_of(blob): blob for blob in blobs}
    return Built(encode(manifest), images.OCI_MANIFEST, everything, config_digest=digest_of(data))


def layout(folder: Path, image: Built) -> str:
    """The image as a layout."""
    return f"oci:{images.write_layout(folder / 'layout', [(image, {})])}"


def saved(path: Path, image: Built) -> Path:
    """The image as `docker save` writes it."""
    manifest = json.loads(image.data)
    config = manifest["config"]["digest"].removeprefix("sha256:")
    names = [f"{entry['digest'].removeprefix('sha256:')}/layer.tar" for entry in manifest["layers"]]
    files = {f"{config}.json": image.blobs[image.config_digest]}
    files |= {name: image.blobs[entry["digest"]] for name, entry in zip(names, manifest["layers"], strict=True)}
    files["manifest.json"] = encode([{"Config": f"{config}.json", "RepoTags": ["app:1"], "Layers": names}])
    return images.write_tar(path, files)


def facts(gate: Gate, *arguments: str | Path) -> list[dict[str, Any]]:
    """What `gate inspect` says as JSON."""
    done = gate("inspect", *arguments, "--format", "json")
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


def test_every_source_gives_the_same_facts(gate: Gate, tmp_path: Path) -> None:
    """A layout, an archive of one, a registry and a daemon tarball."""
    image = built(BASE, TOP)
    archive = images.write_tar(tmp_path / "oci.tar", images.layout_files([(image, {})]))
    packed = images.write_tar(tmp_path / "oci.tar.gz", images.layout_files([(image, {})]), "w:gz")
    with FakeRegistry() as registry:
        images.push(registry.host, "app", image, "1")
        remote = facts(gate, f"{registry.host}/app:1", "--plain-http")
    places = [layout(tmp_path, image), str(archive), str(packed), str(saved(tmp_path / "save.tar", image))]
    everything = [remote, *(facts(gate, place) for place in places)]
    [expected] = remote
    for [found] in everything:
        for name in ("setuid", "shells"):
            assert [item["path"] for item in found["filesystem"][name]] == [item["path"] for item in expected["filesystem"][name]]
        assert found["filesystem"]["files"] == 5
        assert found["filesystem"]["accounts"] == expected["filesystem"]["accounts"]
    assert [item["path"] for item in expected["filesystem"]["setuid"]] == ["bin/su", "odd\x1b[31m"]


def test_the_text_is_for_people_and_safe(gate: Gate, tmp_path: Path) -> None:
    """Names from the image cannot steer the terminal."""
    done = gate("inspect", layout(tmp_path, built(BASE, TOP)))
    assert done.code == 0 and "\x1b" not in done.out
    for line in ("system: Sample 1", "runs as: web", "  80/tcp", "  4755 0:0 bin/su", "  web 10:10 /bin/false, password empty",
                 "  uid 10, gid 10", "  privilege: bin/su", "  web in etc/passwd: empty"):  # fmt: skip
        assert line in done.out.splitlines()
    assert "  B_TOKEN=(5 characters, not shown)" in done.out.splitlines() and "s3cr3" not in done.out


def test_every_platform_is_shown_or_the_one_asked_for(gate: Gate) -> None:
    """An index has as many file systems as platforms."""
    index = f"oci:{SAMPLES / 'multi'}"
    both = facts(gate, index)
    assert {item["subject"]["platform"]["architecture"] for item in both} == {"amd64", "arm64"}
    assert len(facts(gate, index, "--platform", "linux/arm64")) == 1


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (built(BASE, lie=True), "not the one that the configuration names"),
        (built(BASE, media_type="application/vnd.cncf.helm.chart.content.v1.tar+gzip"), "file systems are read from tar layers"),
    ],
    ids=["diff id", "no layer"],
)
def test_what_cannot_be_read_is_exit_3(gate: Gate, tmp_path: Path, image: Built, word: str) -> None:
    """And `verify --inspect` gives no verdict, whatever else is good."""
    place = layout(tmp_path, image)
    done = gate("inspect", place)
    assert done.code == 3 and word in done.err + done.out
    judged = gate.verify(place, "--profile", "dev", *NO_SCAN, "--inspect", *KEY)
    assert judged.code == 3 and word in judged.out
    assert "evidence.unread" in {rule["rule"] for rule in judged.outcome["rules"] if rule["results"]}


def test_a_digest_alone_has_no_files(gate: Gate) -> None:
    """There is nothing to read."""
    done = gate("inspect", "sha256:" + "1" * 64)
    assert done.code == 3 and "has no file system that can be read" in done.err


def test_policies_see_the_files_when_asked(gate: Gate, tmp_path: Path) -> None:
    """In ``input.filesystem``, and in the stored input that a replay uses; without --inspect nothing is read."""
    place = layout(tmp_path, built(BASE, TOP))
    for flags, collected in (((), False), (("--inspect",), True)):
        done = gate.verify(place, "--profile", "dev", *NO_SCAN, *flags, *KEY)
        again = gate("replay", done.report["verdicts"][0]["outcome_digest"])
        assert again.code == 0 and "the same bytes" in again.out, again.out + again.err
        stored = [path.read_bytes() for path in gate.store.rglob("*") if path.is_file()]
        inputs = [data for data in stored if b'"schema":"gate.input/v1"' in data]
        seen = {json.loads(data)["filesystem"]["collected"] for data in inputs}
        assert collected in seen and (collected or seen == {False})
