"""Tarballs and layouts that try to be something else."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.e2e.gate import NO_SCAN, Gate
from tests.e2e.lab import Lab
from tests.fakes import images

BUILT = images.image()


def tar_with(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A layout in a tarball, with further members before it."""
    with tarfile.open(path, "w") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, data in images.layout_files([(BUILT, {})]).items():
            plain = tarfile.TarInfo(name)
            plain.size = len(data)
            archive.addfile(plain, io.BytesIO(data))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic or hard link."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def judged(gate: Gate, lab: Lab, subject: object) -> tuple[int, str]:
    """dev without a scan: whatever can be read at all is `no evidence`, exit 3, with a digest; the rest has none."""
    done = gate("verify", str(subject), "--profile", "dev", *NO_SCAN, "--quiet", *lab.key)
    return done.code, done.out + done.err


@pytest.mark.parametrize(
    "member",
    [
        (tarfile.TarInfo("../evil"), b"x"),
        (tarfile.TarInfo("blobs/../../evil"), b"x"),
        (tarfile.TarInfo("/etc/evil"), b"x"),
        (tarfile.TarInfo("index.json"), b"{}"),
    ],
    ids=["dotdot", "inner-dotdot", "absolute", "twice"],
)
def test_names_that_no_image_tool_writes(gate: Gate, lab: Lab, member: tuple[tarfile.TarInfo, bytes]) -> None:
    """Refused with exit 3 and the name; nothing is written anywhere."""
    path = tar_with(lab.folder / "app.tar", member)
    code, text = judged(gate, lab, path)
    assert code == 3 and BUILT.digest not in text
    assert member[0].name.lstrip("/") in text
    assert not (lab.folder.parent / "evil").exists() and not (lab.folder / "evil").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_links_are_not_followed(gate: Gate, lab: Lab, kind: bytes) -> None:
    """An index.json that is a link to a file of the host is not read."""
    secret = lab.file("secret.json", b'{"schemaVersion":2,"manifests":[],"secret":"hunter2"}')
    path = lab.folder / "app.tar"
    with tarfile.open(path, "w") as archive:
        files = images.layout_files([(BUILT, {})])
        for name, data in files.items():
            if name == "index.json":
                archive.addfile(link(name, str(secret), kind)[0])
                continue
            plain = tarfile.TarInfo(name)
            plain.size = len(data)
            archive.addfile(plain, io.BytesIO(data))
    code, text = judged(gate, lab, path)
    assert code in (2, 3) and "hunter2" not in text and BUILT.digest not in text


def test_a_layout_whose_blob_is_a_link_out(gate: Gate, lab: Lab) -> None:
    """Content decides, not the path: a linked blob with the right bytes is those bytes, one with others is refused."""
    subject = lab.layout("app", BUILT)
    blob = lab.folder / "app" / "blobs" / BUILT.digest.replace(":", "/")
    blob.unlink()
    blob.symlink_to(lab.file("other", b"{}"))
    code, text = judged(gate, lab, subject)
    assert code == 3 and "ALLOW" not in text


@pytest.mark.parametrize("cut", [0, 100, 600, 5000])
def test_cut_archives(gate: Gate, lab: Lab, cut: int) -> None:
    """A truncated tarball is never taken for a short one."""
    whole = tar_with(lab.folder / "whole.tar").read_bytes()
    code, text = judged(gate, lab, lab.file("cut.tar", whole[:cut]))
    assert code in (2, 3) and BUILT.digest not in text


def test_a_bomb_of_an_archive(gate: Gate, lab: Lab) -> None:
    """A small gzip that unpacks past the bound: exit 3 with the bound's name."""
    gate.patch.setenv("GATE_LIMIT_ARCHIVE_BYTES", "1000000")
    bomb = io.BytesIO()
    with tarfile.open(fileobj=bomb, mode="w") as archive:
        member = tarfile.TarInfo("zeros")
        member.size = 20_000_000
        archive.addfile(member, io.BytesIO(b"\0" * member.size))
    code, text = judged(gate, lab, lab.file("bomb.tar", gzip.compress(bomb.getvalue())))
    assert code == 3 and "archive_bytes" in text


def test_too_many_members(gate: Gate, lab: Lab) -> None:
    """Exit 3 with the bound's name."""
    gate.patch.setenv("GATE_LIMIT_ARCHIVE_MEMBERS", "10")
    members = [(tarfile.TarInfo(f"file{number}"), b"") for number in range(20)]
    code, text = judged(gate, lab, tar_with(lab.folder / "many.tar", *members))
    assert code == 3 and "archive_members" in text


@pytest.mark.parametrize("data", [b"", b"not a tarball", b"\0" * 10240, b"PK\x03\x04zip", b"\x28\xb5\x2f\xfdzstd"])
def test_files_that_are_no_archive(gate: Gate, lab: Lab, data: bytes) -> None:
    """Exit 2 or 3 with the path."""
    code, text = judged(gate, lab, lab.file("app.tar", data))
    assert code in (2, 3) and "app.tar" in text


def test_a_pipe_is_no_subject(gate: Gate, lab: Lab) -> None:
    """A named pipe is refused at once."""
    os.mkfifo(lab.folder / "pipe.tar")
    code, text = judged(gate, lab, lab.folder / "pipe.tar")
    assert code in (2, 3) and "pipe.tar" in text


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"manifests":[]}', '{"manifests":[{}]}', "[" * 100_000, "\0", '{"manifests":null}']
)
def test_layouts_with_a_broken_index(gate: Gate, lab: Lab, text: str) -> None:
    """Exit 2 or 3; never a traceback, never an image."""
    lab.layout("app", BUILT)
    (lab.folder / "app" / "index.json").write_text(text)
    code, shown = judged(gate, lab, f"oci:{lab.folder / 'app'}")
    assert code in (2, 3) and "ALLOW" not in shown


def test_a_layout_of_several_images_needs_a_choice(gate: Gate, lab: Lab) -> None:
    """Exit 2 or 3 with the names to choose from: no image is picked silently."""
    images.write_layout(lab.folder / "two", [
        (BUILT, {"org.opencontainers.image.ref.name": "a"}),
        (images.image(seed="b"), {"org.opencontainers.image.ref.name": "b"}),
    ])  # fmt: skip
    code, text = judged(gate, lab, f"oci:{lab.folder / 'two'}")
    assert code in (2, 3) and "ALLOW" not in text
    assert judged(gate, lab, f"oci:{lab.folder / 'two'}:a")[0] == 3


def test_an_index_that_contains_itself(gate: Gate, lab: Lab) -> None:
    """Indexes in indexes end at a bound."""
    inner = images.index([BUILT])
    for _ in range(40):
        inner = images.index([inner])
    images.write_layout(lab.folder / "deep", [(inner, {})])
    code, text = judged(gate, lab, f"oci:{lab.folder / 'deep'}")
    assert code == 3 and "ALLOW" not in text


def test_too_many_platforms(gate: Gate, lab: Lab) -> None:
    """An index past the bound is not verified in part."""
    gate.patch.setenv("GATE_LIMIT_PLATFORMS", "2")
    whole = images.index([images.image(f"linux/{arch}") for arch in ("amd64", "arm64", "s390x")])
    code, text = judged(gate, lab, lab.layout("app", whole))
    assert code == 3 and "platforms" in text
