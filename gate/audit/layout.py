"""An OCI image layout as files: blobs named by their digest, one index, one lock. Nothing here knows what the blobs mean.

What holds at every moment, also after the process was killed or the disk ran full:

(1) a file under ``blobs/sha256/`` is whole: it gets its name by rename, after its bytes were flushed to the disk;
(2) ``index.json`` is whole, for the same reason, and names only blobs that were flushed before it;
(3) bytes read back are the bytes that were written: every read is hashed, and no symbolic link is followed;
(4) one writer at a time changes the index; blob writers share the lock, so whoever holds it alone may remove leftovers.

The lock is ``flock`` on ``.lock``: it goes away with its process, and other OCI tools ignore the file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from gate.errors import StoreError
from gate.model.base import digest_of, to_json

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VERSION = "1.0.0"
_OWN_NAMES = frozenset({".lock", "tmp", "blobs", "index.json"})
"""What a folder may hold that is not yet a store: the leftovers of a creation that was interrupted."""
_INDEX_BYTES = 1024 * 1024 * 1024
LOCK_SECONDS = 30.0
_CHUNK = 1024 * 1024


class Layout:
    """The files of one store under `path`, which need not exist before the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Whether there is a store; a folder with other content is not one."""
        with self._errors("looking for it"):
            return (self.path / "oci-layout").exists()

    # reading

    def read(self, digest: str, max_bytes: int) -> bytes:
        """The blob's bytes, hashed again (3). Raises StoreError when it is missing, larger than `max_bytes`, or changed."""
        with self._errors(f"reading {digest}"), self._blobs() as folder:
            data = _read_file(folder, _name(digest), max_bytes)
        if data is None:
            raise StoreError(f"{digest} is not in the store {self.path}", fix="use the store in which the verdict was made")
        if digest_of(data) != digest:
            raise self._changed(digest, data)
        return data

    def size(self, digest: str) -> int | None:
        """The blob's size in bytes, or None when it is not there. Its bytes are not looked at."""
        with self._errors(f"looking for {digest}"), self._blobs() as folder:
            try:
                found = os.stat(_name(digest), dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{digest} is not a file in the store {self.path}", why="no link is followed in a store")
        return found.st_size

    def read_index(self) -> dict[str, Any]:
        """``index.json`` as it is; raises StoreError when there is no store or it is damaged."""
        with self._errors("reading index.json"), self._root() as root:
            marker, data = _read_file(root, "oci-layout", 4096), _read_file(root, "index.json", _INDEX_BYTES)
        try:
            version = msgspec.json.decode(marker or b"{}", type=dict[str, Any]).get("imageLayoutVersion")
            index = msgspec.json.decode(data or b"", type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise StoreError(f"the store {self.path} is damaged: {error}", fix="restore its index.json from a copy") from None
        manifests = index.get("manifests")
        if version != _VERSION or not isinstance(manifests, list) or not all(isinstance(entry, dict) for entry in manifests):
            raise StoreError(f"{self.path} is not an OCI image layout {_VERSION}", fix="name another folder with --store")
        return index

    # writing

    def add(self, data: bytes) -> str:
        """Keep `data` and return its digest. Bytes that are there already stay. The bytes are on the disk when this returns,
        their name for certain after the next `write_index`."""
        self.create()
        with self._locked(shared=True):
            return self.add_locked(data)

    def add_locked(self, data: bytes) -> str:
        """`add` for a caller that is inside `exclusive`."""
        digest = digest_of(data)
        with self._errors(f"writing {len(data)} bytes"), self._blobs() as folder:
            present = _read_file(folder, _name(digest), len(data))
            if present is None:
                self._replace(folder, _name(digest), data)
            elif present != data:
                raise self._changed(digest, present)
        return digest

    def write_index(self, index: dict[str, Any]) -> None:
        """Replace ``index.json`` (2); for a caller that is inside `exclusive`."""
        with self._errors("flushing the blobs"), self._blobs() as folder:
            os.fsync(folder)  # one for all names given since the last, by whomever: it costs as much as a blob
        with self._errors("writing index.json"), self._root() as root:
            self._replace(root, "index.json", to_json(index))
            os.fsync(root)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store alone (4), without the leftovers of writers that were killed."""
        self.create()
        with self._locked(shared=False):
            with self._errors("removing unfinished files"), self._unfinished() as folder:
                for left in os.listdir(folder):  # noqa: PTH208  # a descriptor, which no link can redirect
                    os.unlink(left, dir_fd=folder)
            yield

    def create(self) -> None:
        """Make the store if it is not there; raises StoreError for a folder that holds something else."""
        if self.exists():
            return
        with self._errors("creating the store"):
            self.path.mkdir(parents=True, exist_ok=True)
            foreign = sorted(entry.name for entry in self.path.iterdir() if entry.name not in _OWN_NAMES)
            if foreign and not self.exists():
                raise StoreError(
                    f"{self.path} holds other files ({foreign[0]})",
                    why="a store is never made among files that are not its own",
                    fix="name an empty or a new folder with --store",
                )
            with self._locked(shared=False):
                if self.exists():
                    return
                for folder in ("blobs", "blobs/sha256"):
                    (self.path / folder).mkdir(exist_ok=True)
                with self._root() as root:
                    if not (self.path / "index.json").exists():
                        empty = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
                        self._replace(root, "index.json", to_json(empty))
                    # last: a folder with this file is a store
                    self._replace(root, "oci-layout", to_json({"imageLayoutVersion": _VERSION}))
                    os.fsync(root)

    def _replace(self, folder: int, name: str, data: bytes) -> None:
        """Give `data` the name in one step (1): all of it, flushed, or nothing."""
        temporary = f"{os.getpid()}-{secrets.token_hex(8)}"
        with self._unfinished() as unfinished:
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=unfinished)
                try:
                    view = memoryview(data)
                    while view:
                        view = view[os.write(descriptor, view) :]
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                os.rename(temporary, name, src_dir_fd=unfinished, dst_dir_fd=folder)
            except BaseException:  # an interrupt too: nothing half-written stays behind
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=unfinished)
                raise

    # the folder

    @contextlib.contextmanager
    def _root(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _blobs(self) -> Iterator[int]:
        """The folder of blobs, each step opened without following a link (3)."""
        with self._root() as root, _folder("blobs", root) as blobs, _folder("sha256", blobs) as inner:
            yield inner

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[int]:
        """The folder of files that are being written; a copied store comes without it."""
        with self._root() as root:
            with contextlib.suppress(FileExistsError):
                os.mkdir("tmp", dir_fd=root)
            with _folder("tmp", root) as folder:
                yield folder

    @contextlib.contextmanager
    def _locked(self, *, shared: bool) -> Iterator[None]:
        with self._errors("opening its lock"):
            descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            self._wait(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _wait(self, descriptor: int, mode: int) -> None:
        end, pause = time.monotonic() + LOCK_SECONDS, 0.001
        while True:
            try:
                return fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StoreError(
                        f"the store {self.path} was locked for {LOCK_SECONDS:g} seconds by another process",
                        fix="wait for it, or give each job a store of its own with --store",
                    ) from None
            except OSError as error:
                raise StoreError(
                    f"the store {self.path} cannot be locked: {error.strerror}", fix="put it on a file system with locks"
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    @contextlib.contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Every error of the system as a StoreError (invariant 11)."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"the store {self.path}: {doing}: {error.strerror or error}", fix=_fix(error)) from None
        except ValueError as error:  # a NUL byte in the path
            raise StoreError(f"the store {str(self.path)!r}: {doing}: {error}") from None

    def _changed(self, digest: str, data: bytes) -> StoreError:
        return StoreError(
            f"the store {self.path} was changed: the file of {digest} now has the digest {digest_of(data)}",
            why="what was decided can be shown only on the bytes it was decided on",
            fix="restore the file from a copy of the store; find out who changed it",
        )


def _fix(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or name a store on another disk with --store; what was stored before is whole"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "name a store that this user may write with --store"
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a link or a file stands where the store has a folder or a blob; name the real folder with --store"
    if error.errno == errno.ENOENT:
        return "there is no store here; name the one to use with --store"
    return ""


@contextlib.contextmanager
def _folder(name: str, parent: int) -> Iterator[int]:
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _name(digest: str) -> str:
    """The blob's file name; anything but a full SHA-256 digest is refused, so that no digest can be a path."""
    if DIGEST.fullmatch(digest) is None:
        raise StoreError(f"{digest!r} is not a SHA-256 digest", why="blobs are named sha256:<64 hex digits>")
    return digest.removeprefix("sha256:")


def _read_file(folder: int, name: str, max_bytes: int) -> bytes | None:
    """All bytes of a regular file, or None when there is none. One byte over `max_bytes` is read to notice excess."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreError(f"{name} in the store is not a file", why="no link or device is followed in a store")
        parts, left = [], max_bytes + 1
        while left > 0 and (part := os.read(descriptor, min(left, _CHUNK))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    if left <= 0:
        raise StoreError(f"{name} in the store is larger than {max_bytes} bytes", why="every reader is bounded")
    return b"".join(parts)
