"""Layers made in memory, honest and hostile, and the reference that they are compared with."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from gate.limits import DEFAULT, Limits
from gate.oci.filesystem import Chooser, FileSystem, Keep, read_layers
from gate.oci.layers import LayerBlob
from gate.oci.layertar import Header


@dataclasses.dataclass
class File:
    """One entry; ``kind`` is a tarfile type."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    link: str = ""
    uid: int = 0
    pax: dict[str, str] = dataclasses.field(default_factory=dict)


def folder(name: str, mode: int = 0o755) -> File:
    """A directory."""
    return File(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> File:
    """A symbolic link."""
    return File(name, kind=tarfile.SYMTYPE, link=target, mode=0o777)


def hardlink(name: str, target: str, mode: int = 0o644) -> File:
    """A hard link."""
    return File(name, kind=tarfile.LNKTYPE, link=target, mode=mode)


def tar_of(files: Iterable[File], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar stream."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for file in files:
            info = tarfile.TarInfo(file.name)
            info.type, info.mode, info.linkname, info.uid, info.size = file.kind, file.mode, file.link, file.uid, len(file.data)
            info.pax_headers = dict(file.pax)
            archive.addfile(info, io.BytesIO(file.data))
    return out.getvalue()


def blob(tar: bytes, packed: bytes | None = None) -> LayerBlob:
    """A layer with a true diff id, gzipped unless given otherwise."""
    data = gzip.compress(tar, 1) if packed is None else packed

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return LayerBlob(digest, f"sha256:{hashlib.sha256(tar).hexdigest()}", len(data), pieces)


def keep_all(header: Header) -> Keep:
    """Every file's contents."""
    return Keep()


def read(*layers: Iterable[File], choose: Chooser = keep_all, limits: Limits = DEFAULT) -> FileSystem:
    """The file system of these layers."""
    return read_layers([blob(tar_of(files)) for files in layers], choose, limits)


def codes(found: FileSystem) -> set[str]:
    """The names of what was odd."""
    return {note.code for note in found.notes}


def listing(found: FileSystem) -> dict[str, tuple[object, ...]]:
    """The merged file system as plain values."""
    out: dict[str, tuple[object, ...]] = {}
    for entry in found.entries():
        if entry.kind == "dir":
            out[entry.path] = ("dir", entry.mode)
        elif entry.kind == "symlink":
            out[entry.path] = ("symlink", entry.link)
        else:
            out[entry.path] = (entry.kind, entry.mode, entry.found or b"")
    return out


def reference(layers: Iterable[Iterable[File]], root: Path) -> dict[str, tuple[object, ...]]:
    """What GNU tar leaves behind, layer by layer, whiteouts applied by hand to the layers below."""
    root.mkdir()
    for files in layers:
        tar = tar_of(files)
        names = [file.name for file in files]
        for name in names:
            place, _, base = name.rpartition("/")
            if base == ".wh..wh..opq" and not (root / place).is_dir():
                continue
            if base == ".wh..wh..opq":
                for child in (root / place).iterdir():
                    _remove(child)
            elif base.startswith(".wh."):
                _remove(root / place / base[4:])
        for file in files:  # which tar does not do by itself
            path = root / file.name
            if path.parent.resolve().is_relative_to(root.resolve()) and path.is_dir() != (file.kind == tarfile.DIRTYPE):
                _remove(path)
        subprocess.run(
            ["tar", "-x", "-p", "-C", str(root), "--no-same-owner", "--exclude=.wh.*", "-f", "-"], input=tar, check=True
        )
    out: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        name, mode = str(path.relative_to(root)), path.lstat().st_mode & 0o7777
        if path.is_symlink():
            out[name] = ("symlink", str(path.readlink()))
        elif path.is_dir():
            out[name] = ("dir", mode)
        else:
            out[name] = ("file", mode, path.read_bytes())
    return out


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
