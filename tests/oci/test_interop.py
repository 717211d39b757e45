"""With other people's tools: crane and cosign push and save, docker-registry and crane serve."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.limits import Limits
from gate.oci.image import load
from gate.oci.options import RegistryOptions
from gate.oci.source import open_source
from tests.fakes.docker_registry import crane_registry, docker_registry
from tests.fakes.images import image, index, push, referrer, write_layout
from tests.fakes.registry import PASSWORD, USER, FakeRegistry
from tests.oci.conftest import Opener
from tests.tools import tool

AMD, ARM = image("linux/amd64"), image("linux/arm64")
APP = index([AMD, ARM])


def _run(*command: str | Path, home: Path) -> str:
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "COSIGN_PASSWORD": "", "TUF_ROOT": str(home / "tuf")}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environ, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=["docker-registry", "crane", "fake"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Three registries, of which only ours has the referrers API."""
    if request.param == "docker-registry":
        with docker_registry(tmp_path) as name:
            yield name
    elif request.param == "crane":
        with crane_registry(tool("crane")) as name:
            yield name
    else:
        with FakeRegistry() as registry:
            yield registry.host


def test_every_registry_gives_the_same_subject_and_bundle(host: str, opener: Opener) -> None:
    """With the API or with the fallback tag, which is there for all of them here."""
    push(host, "team/app", APP, "1")
    bundle = referrer(APP, b'{"bundle":1}')
    push(host, "team/app", bundle)
    push(host, "team/app", index([], entries=[bundle.descriptor()]), APP.digest.replace(":", "-"))
    source = opener(f"{host}/team/app:1")
    loaded = load(source, source.resolve())
    assert loaded.subject.digest == APP.digest
    assert [child.subject.digest for child in loaded.children] == [AMD.digest, ARM.digest]
    assert [item.data for item in source.attachments(APP.digest)] == [b'{"bundle":1}']
    assert source.attachments(AMD.digest) == ()


def test_images_of_crane_are_read_in_every_form(tmp_path: Path, opener: Opener) -> None:
    """Pushed, pulled as a layout, as `docker save` and as what crane calls legacy: the same configuration."""
    crane = tool("crane")
    write_layout(tmp_path / "in", [(AMD, {})])
    with crane_registry(crane) as host:
        _run(crane, "push", tmp_path / "in", f"{host}/team/app:1", "--insecure", home=tmp_path)
        digest = _run(crane, "digest", f"{host}/team/app:1", "--insecure", home=tmp_path).strip()
        assert opener(f"{host}/team/app:1").resolve().digest == digest
        _run(crane, "pull", f"{host}/team/app:1", tmp_path / "out", "--format=oci", "--insecure", home=tmp_path)
    assert opener(f"oci:{tmp_path}/out").resolve().digest == digest == AMD.digest


def test_a_daemon_tarball_of_crane_is_read(tmp_path: Path, opener: Opener) -> None:
    """With layers that are real tarballs."""
    crane = tool("crane")
    (tmp_path / "file").write_text("hello")
    _run("tar", "-C", tmp_path, "-cf", tmp_path / "layer.tar", "file", home=tmp_path)
    _run(crane, "append", "-f", tmp_path / "layer.tar", "-t", "app:1", "-o", tmp_path / "app.tar", home=tmp_path)
    source = opener(f"{tmp_path}/app.tar")
    subject = load(source, source.resolve()).subject
    assert subject.kind == "archive"
    assert subject.config is not None
    assert len(subject.config.diff_ids) == 1


def test_our_login_is_the_one_that_crane_wrote(tmp_path: Path, limits: Limits) -> None:
    """One config.json for all tools."""
    crane = tool("crane")
    with FakeRegistry(auth="bearer") as registry:
        registry.push("team/app", APP, "1")
        _run(crane, "auth", "login", registry.host, "-u", USER, "-p", PASSWORD, home=tmp_path)
        options = RegistryOptions(environ={"HOME": str(tmp_path)})
        assert open_source(f"{registry.host}/team/app:1", options=options, limits=limits).resolve().digest == APP.digest
        options.close()


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_what_cosign_signs_and_saves_is_found(tmp_path: Path, opener: Opener, form: str) -> None:
    """In the registry and in the layout of `cosign save`, as a bundle and in the old way."""
    cosign = tool("cosign")
    _run(cosign, "generate-key-pair", "--output-key-prefix", tmp_path / "key", home=tmp_path)
    how = ["--new-bundle-format=true"] if form == "bundle" else ["--new-bundle-format=false"]
    with FakeRegistry() as registry:
        registry.push("team/app", AMD, "1")
        name = f"{registry.host}/team/app@{AMD.digest}"
        offline = ["--tlog-upload=false", "--use-signing-config=false", "--yes", "--allow-http-registry"]
        _run(cosign, "sign", "--key", tmp_path / "key.key", *offline, *how, name, home=tmp_path)
        (tmp_path / "predicate.json").write_text('{"a": 1}')
        statement = ["--type", "https://example.org/p", "--predicate", str(tmp_path / "predicate.json")]
        _run(cosign, "attest", "--key", tmp_path / "key.key", *offline, *how, *statement, name, home=tmp_path)
        here = opener(name).attachments(AMD.digest)
        _run(cosign, "save", "--dir", tmp_path / "saved", "--allow-http-registry", name, home=tmp_path)
    kinds = ["bundle", "bundle"] if form == "bundle" else ["sig", "att"]
    assert [item.kind for item in here] == kinds
    saved = opener(f"oci:{tmp_path}/saved")
    assert saved.resolve().digest == AMD.digest
    there = saved.attachments(AMD.digest)
    assert sorted(item.data for item in there) == sorted(item.data for item in here)
    assert all(item.problem is None for item in (*here, *there))
