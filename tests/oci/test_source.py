"""Telling subjects apart, and what their modules cost."""

import subprocess
import sys
from pathlib import Path

import pytest

from gate.errors import UsageError
from gate.limits import Limits
from gate.oci.options import RegistryOptions
from gate.oci.source import DigestSource, open_source, split_path
from tests.fakes.images import docker_save_files, image, write_layout, write_tar
from tests.oci.conftest import Opener

D = "sha256:" + "a" * 64
APP = image()


def test_a_bare_digest_is_a_subject_of_its_own(opener: Opener) -> None:
    """Evidence then comes from files alone, and nothing is read or attached."""
    source = opener(D)
    assert isinstance(source, DigestSource)
    assert (source.kind, source.resolve().digest, source.attachments(D)) == ("digest", D, ())
    with pytest.raises(UsageError):
        source.manifest(D)
    with pytest.raises(UsageError):
        source.blob(D, 1)


@pytest.mark.parametrize("text", ["sha256:short", "sha256:" + "A" * 64, "sha512:" + "a" * 64])
def test_a_digest_with_a_mistake_is_not_taken_for_an_image(opener: Opener, text: str) -> None:
    """`sha256:abc` is also the tag abc of docker.io/library/sha256."""
    with pytest.raises(UsageError, match="no digest"):
        opener(text)


def test_offline_needs_a_digest(limits: Limits) -> None:
    """A tag cannot be resolved without asking."""
    options = RegistryOptions(offline=True, environ={})
    with pytest.raises(UsageError, match="offline"):
        open_source("registry.example/app:1", options=options, limits=limits)
    assert open_source(f"registry.example/app:1@{D}", options=options, limits=limits).kind == "digest"


@pytest.mark.parametrize("kind", ["layout", "file"])
def test_a_name_that_is_also_a_path_is_refused(
    tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whoever can write into the working tree must not choose what `gate verify team/app` judges."""
    monkeypatch.chdir(tmp_path)
    if kind == "layout":
        write_layout(tmp_path / "team" / "app", [(APP, {})])
    else:
        (tmp_path / "team").mkdir()
        (tmp_path / "team" / "app").write_bytes(b"")
    with pytest.raises(UsageError, match="an image in a registry and a path") as caught:
        opener("team/app")
    assert "./team/app" in caught.value.fix
    assert opener("docker://team/app").name == "docker.io/team/app"
    assert opener("team/app:1").name == "docker.io/team/app"
    if kind == "layout":
        assert opener("./team/app").resolve().digest == APP.digest


def test_a_complete_reference_is_never_a_path(tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a registry or a tag the working directory has no say."""
    monkeypatch.chdir(tmp_path)
    write_layout(tmp_path / "registry.example" / "app", [(APP, {})])
    assert opener("registry.example/app").name == "registry.example/app"


def test_a_tarball_may_be_named_plainly(tmp_path: Path, opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that ends in .tar and is a file is that file."""
    monkeypatch.chdir(tmp_path)
    write_tar(tmp_path / "app.tar", docker_save_files(APP))
    assert opener("app.tar").resolve().digest == APP.config_digest


@pytest.mark.parametrize(
    "text",
    [
        "./missing",
        "oci:missing:tag",
        "docker-archive:",
        "/nonexistent/a@" + D,
        "oci:",
        "oci:a\0b",
        "./" + "x" * 5000,
        "~nobody-here/x",
    ],
)
def test_a_path_that_is_not_there_is_a_usage_error(opener: Opener, text: str) -> None:
    """Not a registry of that name."""
    with pytest.raises(UsageError):
        opener(text)


def test_a_path_with_colons_is_found_whole(tmp_path: Path) -> None:
    """The longest part that exists is the path."""
    (tmp_path / "a:b").mkdir()
    assert split_path(f"{tmp_path}/a:b") == (tmp_path / "a:b", "")
    assert split_path(f"{tmp_path}/a:b:tag") == (tmp_path / "a:b", "tag")
    assert split_path(f"{tmp_path}/a:b@{D}") == (tmp_path / "a:b", f"@{D}")
    assert split_path(f"{tmp_path}/a:b:registry.example:5000/x:1") == (tmp_path / "a:b", "registry.example:5000/x:1")


def test_a_device_is_no_image(opener: Opener) -> None:
    """Reading it would never end."""
    with pytest.raises(UsageError):
        opener("/dev/zero")


def test_local_images_are_read_without_an_http_library(tmp_path: Path) -> None:
    """Its import costs more than reading a layout."""
    write_layout(tmp_path / "app", [(APP, {})])
    code = (
        "import sys; from gate.limits import DEFAULT; from gate.oci.image import load;"
        "from gate.oci.options import RegistryOptions; from gate.oci.source import open_source;"
        f"s = open_source('oci:{tmp_path}/app', options=RegistryOptions(), limits=DEFAULT); load(s, s.resolve());"
        "s.attachments(s.resolve().digest);"
        "heavy = {'httpx', 'ssl', 'cryptography', 'yaml'} & sys.modules.keys(); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("text", ["x" * 5000, "x" * 300 + ".tar", "a\0b", "\ud800", "..", "./\ud800", "~", "a/" * 3000])
def test_strange_texts_are_usage_errors(opener: Opener, text: str) -> None:
    """Names that the file system refuses, and those that no terminal shows."""
    with pytest.raises(UsageError):
        opener(text)
