"""Tests of the history of first sights: nothing makes a finding younger."""

from __future__ import annotations

import concurrent.futures
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.audit import history
from gate.audit.history import History, Sighting, keys_of
from gate.audit.history_remote import RemoteHistory
from gate.errors import GateError, StoreError
from gate.limits import DEFAULT, Limits
from gate.oci.options import RegistryOptions
from tests.fakes.registry import FakeRegistry

NOW, LATEST = "2026-11-23T12:00:00Z", "2026-11-23T12:05:00Z"
OLD, OLDER = "2026-06-01T00:00:00Z", "2026-01-01T00:00:00Z"
KEY, ALIAS = "CVE-1|pypi/idna", "GHSA-1|pypi/idna"


def seen(date: str | None, *keys: str, image: str = "app") -> Sighting:
    return Sighting(image, keys or (KEY,), date)


@pytest.mark.parametrize(
    ("dates", "begun", "expected"),
    [
        ({}, True, NOW),
        ({}, False, None),
        ({KEY: OLD}, True, OLD),
        ({KEY: None}, True, None),
        ({KEY: OLD, ALIAS: OLDER}, True, OLDER),
        ({ALIAS: OLD}, True, OLD),
        ({KEY: OLD, ALIAS: None}, True, None),
        ({"CVE-1|pypi/other": OLD}, True, NOW),
        ({KEY: "2026-11-23T12:04:00Z"}, True, NOW),
        ({KEY: "2026-11-24T00:00:00Z"}, True, None),
        ({KEY: "2999-01-01T00:00:00Z", ALIAS: OLD}, True, OLD),
    ],
)
def test_the_oldest_date_of_all_names_holds(dates: dict[str, str | None], begun: bool, expected: str | None) -> None:
    """Unknown is the oldest; a date beyond the clock skew says nothing; no history, no date."""
    held = History({"app": dates}, begun=begun)
    assert held.first_seen("app", (KEY, ALIAS), NOW, LATEST) == expected
    assert held.first_seen("another", (KEY, ALIAS), NOW, LATEST) == (NOW if begun else None)


@pytest.mark.parametrize(
    ("before", "sighting", "after"),
    [
        ({}, seen(NOW), {KEY: NOW}),
        ({}, seen(None), {KEY: None}),
        ({KEY: OLD}, seen(NOW), {KEY: OLD}),
        ({KEY: NOW}, seen(OLD), {KEY: OLD}),
        ({KEY: None}, seen(NOW), {KEY: None}),
        ({KEY: OLD}, seen(None), {KEY: OLD}),
        ({KEY: OLD}, seen(NOW, KEY, ALIAS), {KEY: OLD, ALIAS: OLD}),
        ({KEY: NOW, ALIAS: OLD}, seen(NOW, KEY, ALIAS), {KEY: OLD, ALIAS: OLD}),
        ({KEY: OLD, ALIAS: None}, seen(OLD, KEY, ALIAS), {KEY: None, ALIAS: None}),
    ],
)
def test_entries_only_grow_older(
    tmp_path: Path, before: dict[str, str | None], sighting: Sighting, after: dict[str, str | None]
) -> None:
    """A stored date is never replaced by a later one, and a run that knows no date unlearns none."""
    path = tmp_path / "history.json"
    path.write_bytes(history.encode({"app": before}))
    history.record(path, [sighting])
    assert history.read(path).images == {"app": after}
    first = path.stat().st_ino
    history.record(path, [sighting])
    assert path.stat().st_ino == first, "the same again writes nothing"


def test_a_lost_history_makes_nothing_younger(tmp_path: Path) -> None:
    """What is found without a history is entered as of unknown age, so the next run does not take it for new."""
    path = tmp_path / "history.json"
    absent = history.read(path)
    assert not absent.begun
    history.record(path, [seen(absent.first_seen("app", (KEY,), NOW, LATEST))])
    later = history.read(path)
    assert later.first_seen("app", (KEY,), NOW, LATEST) is None
    assert later.first_seen("app", ("CVE-2|pypi/idna",), NOW, LATEST) == NOW


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        history.encode({"app": {KEY: OLD}})[:-20],
        b'{"schema":"gate.history/v2","images":{}}',
        b'{"schema":"gate.history/v1","images":{},"more":1}',
        b'{"schema":"gate.history/v1","images":{"app":{"k":"yesterday"}}}',
        b'{"schema":"gate.history/v1","images":{"app":{"k":"2026-11-23"}}}',
        b'{"schema":"gate.history/v1","images":{"app":{"k":"2026-11-23T12:00:00+01:00"}}}',
        b'{"schema":"gate.history/v1","images":{"app":{"k":""}}}',
        b'{"schema":"gate.history/v1","images":{"app":{"k":0}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_history_is_no_empty_one(tmp_path: Path, data: bytes) -> None:
    """Reading and writing refuse it, beginning again too; its bytes stay for whoever repairs them."""
    path = tmp_path / "history.json"
    path.write_bytes(data)
    for attempt in (lambda: history.read(path), lambda: history.record(path, [seen(NOW)]), lambda: history.start(path)):
        with pytest.raises(StoreError):
            attempt()
    assert path.read_bytes() == data


def test_paths_that_hold_no_history(tmp_path: Path) -> None:
    """A folder, a file in the way, and more than the bound are errors and nothing else."""
    (tmp_path / "file").write_bytes(b"x" * 99)
    small = Limits(document_bytes=64)
    for attempt in (
        lambda: history.read(tmp_path),
        lambda: history.read(tmp_path / "file" / "h.json"),
        lambda: history.record(tmp_path / "file" / "h.json", [seen(NOW)]),
        lambda: history.read(tmp_path / "file", small),
        lambda: history.record(tmp_path / "new.json", [seen(NOW)], small),
        lambda: history.read(Path("a\0b")),
    ):
        with pytest.raises(StoreError):
            attempt()
    assert not (tmp_path / "new.json").exists()


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each entry of eight writers is there, in a file that was whole at every moment."""
    path = tmp_path / "history.json"
    history.start(path)

    def write(number: int) -> None:
        for round_ in range(5):
            history.record(path, [seen(NOW, f"CVE-{number}-{round_}|pypi/idna")])
            history.read(path)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(history.read(path).images["app"]) == 40
    assert os.listdir(tmp_path) == ["history.json"]  # the names, hidden ones too


def test_a_write_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up: the error is named, the old file stays, nothing half-written is left."""
    path = tmp_path / "history.json"
    history.record(path, [seen(OLD)])
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        history.record(path, [seen(NOW, "CVE-2|pypi/idna")])
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["history.json"]  # hidden ones too


def test_keys() -> None:
    """Each name once, sorted; the package has no version."""
    assert keys_of(["GHSA-1", "CVE-1", "CVE-1"], "pypi/idna") == (KEY, ALIAS)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as made:
        yield made


def test_a_history_in_a_registry(registry: FakeRegistry, tmp_path: Path) -> None:
    """Read, begun once, added to, and joined with what another runner entered in between."""
    options = RegistryOptions(environ={"HOME": str(tmp_path)}, plain_http=True)

    def place() -> RemoteHistory:
        return RemoteHistory(f"oci://{registry.host}/audit/store", options, DEFAULT)

    assert not place().read().begun
    place().record([seen(None)])
    place().record([seen(NOW, "CVE-2|pypi/idna")])
    place().record([seen(OLD, "CVE-2|pypi/idna")])
    assert place().read().images == {"app": {KEY: None, "CVE-2|pypi/idna": OLD}}
    with pytest.raises(StoreError, match="there already"):
        place().start()
    with pytest.raises(GateError):
        RemoteHistory("oci://registry.example/a:tag", options, DEFAULT)
    options.close()


def test_the_bytes_are_sorted(tmp_path: Path) -> None:
    """Equal histories are equal files, whatever the order of entry."""
    one, other = tmp_path / "1.json", tmp_path / "2.json"
    sightings = [seen(OLD, "b|x/y"), seen(NOW, "a|x/y", image="z"), seen(NOW, "a|x/y", image="b")]
    history.record(one, sightings)
    history.record(other, reversed(sightings))
    assert one.read_bytes() == other.read_bytes()
    assert list(json.loads(one.read_bytes())["images"]) == ["app", "b", "z"]
