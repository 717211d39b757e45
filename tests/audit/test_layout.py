"""The files of the store under hostile folders, full disks, kills and many writers."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gate.audit import layout
from gate.audit.layout import Layout
from gate.audit.store import Store
from gate.errors import StoreError
from gate.model.base import digest_of
from tests.audit.verdicts import fill

WRITER = """
import sys
from pathlib import Path
from gate.audit.store import Store
from tests.audit.verdicts import fill
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    store.put("evidence", (sys.argv[2] + str(number)).encode() * 50_000)
    store.commit_verdict(*fill(store, sys.argv[2] + str(number)))
"""


def start(folder: Path, name: str, count: int, before: str = "") -> subprocess.Popen[str]:
    """A process that enters `count` verdicts."""
    # -B: a process that may not write much must not leave half of a compiled module behind.
    arguments = [sys.executable, "-B", "-c", before + WRITER, str(folder), name, str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_whole(folder: Path) -> int:
    """Every blob has the bytes of its name and every verdict loads; returns the number of verdicts."""
    for blob in (folder / "blobs/sha256").iterdir():
        assert digest_of(blob.read_bytes()) == f"sha256:{blob.name}"
    store = Store(folder)
    records = list(store.verdicts())
    for record in records:
        for digests in store.load(record).refs.values():
            for digest in digests:
                store.get(digest)
    return len(records)


def test_a_killed_writer_leaves_a_whole_store(tmp_path: Path) -> None:
    """SIGKILL at random moments: no half-written blob, the index opens, and the next writer removes the leftovers."""
    folder = tmp_path / "store"
    pick = random.Random(7)
    for attempt in range(8):
        process = start(folder, f"run{attempt}-", 10_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(pick.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        if Layout(folder).exists():
            assert_whole(folder)
    store = Store(folder)
    store.commit_verdict(*fill(store, "after"))
    assert list((folder / "tmp").iterdir()) == []
    assert assert_whole(folder) > 0


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    """Four processes at once: every verdict of every one is in the index."""
    folder = tmp_path / "store"
    processes = [start(folder, f"writer{number}-", 5) for number in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert assert_whole(folder) == 20


def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path: Path) -> None:
    """ENOSPC in the middle of a blob: StoreError that says so, and what was stored before is whole."""
    folder = tmp_path / "store"
    before = Store(folder).commit_verdict(*fill(Store(folder), "before"))
    full = """
import errno, os
write, room = os.write, [150_000]
def limited(descriptor, data):
    if os.readlink(f"/proc/self/fd/{descriptor}").find("/store/") < 0:
        return write(descriptor, data)
    if room[0] <= 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    done = write(descriptor, bytes(data[: min(room[0], 40_000)]))
    room[0] -= done
    return done
os.write = limited
"""
    process = start(folder, "full", 10, full)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "gate.errors.StoreError" in errors
    assert "No space left on device" in errors
    assert assert_whole(folder) == 1
    assert list((folder / "tmp").iterdir()) == []
    assert list(Store(folder).verdicts()) == [before]


def test_a_file_size_limit_is_an_error_too(tmp_path: Path) -> None:
    """EFBIG from the system itself, by RLIMIT_FSIZE."""
    folder = tmp_path / "store"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    process = start(folder, "big", 10, limit)
    _, errors = process.communicate(timeout=60)
    assert "gate.errors.StoreError" in errors
    assert "File too large" in errors
    assert assert_whole(folder) == 0


def test_every_failing_write_leaves_the_index_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever write, flush or rename fails, the verdict is either entered or not, and a second try enters it."""
    for name in ("write", "fsync", "rename"):
        real = getattr(os, name)
        for failing in range(40):
            folder = tmp_path / f"{name}{failing}"
            calls = 0

            def broken(*arguments: object, _real: object = real, _at: int = failing, **options: object) -> object:
                nonlocal calls
                calls += 1
                if calls == _at + 1:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return _real(*arguments, **options)  # type: ignore[operator]  # the function that was replaced

            monkeypatch.setattr(os, name, broken)
            try:
                Store(folder).commit_verdict(*fill(Store(folder)))
            except StoreError:
                monkeypatch.setattr(os, name, real)
                if Layout(folder).exists():
                    assert assert_whole(folder) in (0, 1)
                Store(folder).commit_verdict(*fill(Store(folder)))
                assert assert_whole(folder) == 1
            else:
                monkeypatch.setattr(os, name, real)
                break
        else:
            pytest.fail(f"{name} was called more than 40 times")


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:..",
        "sha256:../../index.json",
        "../x",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha512:" + "a" * 64,
        "sha256:" + "a" * 64 + "\n",
        "sha256:" + "a" * 64 + "/x",
        "sha256:" + "a" * 63 + "\0",
    ],
)
def test_no_digest_is_a_path(tmp_path: Path, digest: str) -> None:
    """Only ``sha256:`` and 64 lower-case hex digits name a blob."""
    store = Store(tmp_path / "s")
    store.put("evidence", b"x")
    with pytest.raises(StoreError, match="not a SHA-256 digest"):
        store.get(digest)


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A blob, the blobs folder or the lock that is a symbolic link is refused, even one to the right bytes."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    store = Store(tmp_path / "s")
    digest = store.put("evidence", b"x")
    blob = store.path / "blobs/sha256" / digest[7:]
    blob.unlink()
    blob.symlink_to(outside)
    for use in (lambda: store.get(digest), lambda: store.put("evidence", b"x")):
        with pytest.raises(StoreError):
            use()
    blob.unlink()
    (store.path / "blobs/sha256").rename(tmp_path / "moved")
    (store.path / "blobs/sha256").symlink_to(tmp_path / "moved")
    for use in (lambda: store.get(digest), lambda: store.put("evidence", b"y")):
        with pytest.raises(StoreError):
            use()
    assert list((tmp_path / "moved").iterdir()) == []


def test_cleaning_up_does_not_leave_the_store(tmp_path: Path) -> None:
    """A tmp folder that is a link to someone's files is refused, and they stay."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    store = Store(tmp_path / "s")
    prepared = fill(store)
    (store.path / "tmp").rmdir()
    (store.path / "tmp").symlink_to(precious)
    with pytest.raises(StoreError):
        store.commit_verdict(*prepared)
    assert (precious / "file").read_text() == "mine"


def test_a_pipe_in_place_of_a_blob_does_not_hang(tmp_path: Path) -> None:
    """What is not a file is refused at once."""
    store = Store(tmp_path / "s")
    digest = store.put("evidence", b"x")
    blob = store.path / "blobs/sha256" / digest[7:]
    blob.unlink()
    os.mkfifo(blob)
    with pytest.raises(StoreError, match="not a file"):
        store.get(digest)


def test_a_changed_blob_is_not_healed_in_silence(tmp_path: Path) -> None:
    """Putting the same document over changed bytes reports the change."""
    store = Store(tmp_path / "s")
    digest = store.put("evidence", b"good")
    (store.path / "blobs/sha256" / digest[7:]).write_bytes(b"evil")
    with pytest.raises(StoreError, match="was changed"):
        store.put("evidence", b"good")


def test_a_folder_of_other_things_is_not_taken(tmp_path: Path) -> None:
    """A store is made in a new or an empty folder only."""
    (tmp_path / "README").write_text("mine")
    with pytest.raises(StoreError, match="holds other files"):
        Store(tmp_path).put("evidence", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["README"]


def test_an_interrupted_creation_is_finished(tmp_path: Path) -> None:
    """Folders without the oci-layout file are what a killed first writer leaves; they become a store."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp/left").write_text("half")
    store = Store(tmp_path)
    data, digest, refs = fill(store)
    assert store.load(store.commit_verdict(data, digest, refs)).data == data
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.json", ""),
        ("index.json", '{"manifests":'),
        ("index.json", "null"),
        ("index.json", '{"manifests":{}}'),
        ("index.json", '{"manifests":[1]}'),
        ("index.json", "[" * 100_000),
        ("oci-layout", '{"imageLayoutVersion":"2.0.0"}'),
        ("oci-layout", "{}"),
        ("index.json", None),
    ],
)
def test_a_damaged_index_is_never_an_empty_store(tmp_path: Path, name: str, content: str | None) -> None:
    """A missing, truncated or foreign index is an error for reading and for writing, and is not overwritten."""
    store = Store(tmp_path / "s")
    prepared = fill(store)
    if content is None:
        (store.path / name).unlink()
    else:
        (store.path / name).write_text(content)
    with pytest.raises(StoreError):
        list(store.verdicts())
    with pytest.raises(StoreError):
        store.commit_verdict(*prepared)
    if content is not None:
        assert (store.path / name).read_text() == content


def test_a_held_lock_is_waited_for_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that never lets go ends in StoreError, not in a hang; reading needs no lock."""
    monkeypatch.setattr(layout, "LOCK_SECONDS", 0.1)
    store = Store(tmp_path / "s")
    prepared = fill(store)
    with (store.path / ".lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="locked for"):
            store.put("evidence", b"late")
        with pytest.raises(StoreError, match="locked for"):
            store.commit_verdict(*prepared)
        assert store.get(prepared[2]["input"][0])
    assert store.commit_verdict(*prepared).outcome == prepared[1]


def test_a_missing_blob_is_named(tmp_path: Path) -> None:
    """A digest that was never stored is a StoreError; so is a store that is not there."""
    with pytest.raises(StoreError):
        Store(tmp_path / "none").get("sha256:" + "0" * 64)
    store = Store(tmp_path / "s")
    store.put("evidence", b"x")
    with pytest.raises(StoreError, match="is not in the store"):
        store.get("sha256:" + "0" * 64)


def test_a_path_that_cannot_be_one(tmp_path: Path) -> None:
    """A file in place of the folder and a NUL byte are StoreErrors."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file/below", Path("a\0b")):
        with pytest.raises(StoreError):
            Store(path).put("evidence", b"x")


def test_a_copied_store_without_its_temporary_folder_works(tmp_path: Path) -> None:
    """OCI tools copy only the layout; lock and temporary folder come back by themselves."""
    store = Store(tmp_path / "s")
    record = store.commit_verdict(*fill(store))
    (store.path / ".lock").unlink()
    (store.path / "tmp").rmdir()
    assert store.commit_verdict(*fill(store)) == record
    assert json.loads((store.path / "index.json").read_bytes())["manifests"]
