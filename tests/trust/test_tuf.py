"""Importing a trusted root from a copy of a TUF repository: verified offline, as of a day, never backwards."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # not in its __all__
from tuf.api import metadata as tuf_metadata

from gate.cli.trust_roots import command
from gate.errors import ConfigError, GateError, UsageError
from gate.trust.record import SUFFIX, TufVersions, end_of_day, read_record
from gate.trust.tuf import import_target
from tests.trust.simulator import Sigstore

Metadata: Any = tuf_metadata.Metadata
MetaFile: Any
Root: Any
MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp = (
    vars(tuf_metadata)[name] for name in ("MetaFile", "Root", "Snapshot", "TargetFile", "Targets", "Timestamp")
)
DAY = "2026-03-01"
AS_OF = end_of_day(DAY)
LATER = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
TRUSTED = json.dumps(Sigstore().document()).encode()


class Repository:
    """A small TUF repository, made with the reference implementation."""

    def __init__(self, data: bytes = TRUSTED) -> None:
        self.keys = {name: CryptoSigner.generate_ed25519() for name in ("root", "timestamp", "snapshot", "targets")}
        self.root = Root(version=1, expires=LATER, consistent_snapshot=True)
        for name, signer in self.keys.items():
            self.root.add_key(signer.public_key, name)
        self.files: dict[str, bytes] = {}
        self.data = data
        self.versions = {"timestamp": 1, "snapshot": 1, "targets": 1}
        self.expires = dict.fromkeys(self.versions, LATER)
        self.put_root()
        self.write()

    def put_root(self, *signers: str, rotated_from: dict[str, CryptoSigner] | None = None) -> None:
        """Publish the current root, signed by its own keys (and by those before)."""
        made = Metadata(self.root)
        for keys in (rotated_from, self.keys):
            for name in signers or ("root",):
                if keys is not None:
                    made.sign(keys[name], append=True)
        self.files[f"{self.root.version}.root.json"] = made.to_bytes()

    def write(self) -> None:
        """Publish targets, snapshot and timestamp."""
        info = TargetFile.from_data("trusted_root.json", self.data, ["sha256"])
        self.files[f"targets/{info.hashes['sha256']}.trusted_root.json"] = self.data
        v = self.versions
        targets = self._signed(
            "targets", Targets(version=v["targets"], expires=self.expires["targets"], targets={"trusted_root.json": info})
        )
        self.files[f"{v['targets']}.targets.json"] = targets
        meta = {"targets.json": MetaFile.from_data(v["targets"], targets, ["sha256"])}
        snapshot = self._signed("snapshot", Snapshot(version=v["snapshot"], expires=self.expires["snapshot"], meta=meta))
        self.files[f"{v['snapshot']}.snapshot.json"] = snapshot
        pinned = MetaFile.from_data(v["snapshot"], snapshot, ["sha256"])
        timestamp = Timestamp(version=v["timestamp"], expires=self.expires["timestamp"], snapshot_meta=pinned)
        self.files["timestamp.json"] = self._signed("timestamp", timestamp)

    def _signed(self, role: str, signed: Any) -> bytes:
        made = Metadata(signed)
        made.sign(self.keys[role])
        return bytes(made.to_bytes())

    def take(self, **more: Any) -> Any:
        """Import it."""
        return import_target(self.files.get, more.pop("bootstrap", self.files["1.root.json"]), more.pop("as_of", AS_OF), **more)

    def copy_to(self, folder: Path) -> Path:
        """Onto disk."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder


def test_the_target_and_the_versions() -> None:
    """What is imported is the target, with the versions that vouched for it."""
    found = Repository().take()
    assert found.data == TRUSTED
    assert found.versions == TufVersions(root=1, timestamp=1, snapshot=1, targets=1)
    assert found.expires["root"] == "2026-06-01T00:00:00Z"


def test_root_rotation() -> None:
    """A new root signed by the old and the new key is followed from the pinned one."""
    repository = Repository()
    old = dict(repository.keys)
    repository.keys["root"] = CryptoSigner.generate_ed25519()
    repository.root.revoke_key(old["root"].public_key.keyid, "root")
    repository.root.add_key(repository.keys["root"].public_key, "root")
    repository.root.version = 2
    repository.put_root(rotated_from=old)
    assert repository.take().versions.root == 2
    repository.put_root()
    with pytest.raises(ConfigError, match="root"):
        repository.take()


def _flip(name: str) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        path = next(path for path in repository.files if name in path)
        data = repository.files[path]
        repository.files[path] = data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]

    return change


def _drop(name: str) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        del repository.files[next(path for path in repository.files if name in path)]

    return change


def _expire(role: str) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        repository.expires[role] = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)
        repository.write()

    return change


def _foreign(role: str) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        repository.keys[role] = CryptoSigner.generate_ed25519()
        repository.write()

    return change


def _old_snapshot(repository: Repository) -> None:
    """A timestamp that names a newer snapshot than the copy has under that name."""
    old = repository.files["1.snapshot.json"]
    repository.versions["snapshot"] = 2
    repository.write()
    repository.files["2.snapshot.json"] = old


def _wrong_type(repository: Repository) -> None:
    repository.files["timestamp.json"] = repository.files["1.snapshot.json"]


BAD: dict[str, Callable[[Repository], None]] = {
    **{f"changed {name}": _flip(name) for name in ("timestamp", "snapshot", "targets.json", "trusted_root")},
    **{f"missing {name}": _drop(name) for name in ("timestamp", "snapshot", "targets.json", "trusted_root")},
    **{f"expired {role}": _expire(role) for role in ("timestamp", "snapshot", "targets")},
    **{f"foreign key of {role}": _foreign(role) for role in ("timestamp", "snapshot", "targets")},
    "an old snapshot": _old_snapshot,
    "a snapshot as timestamp": _wrong_type,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_copy_is_refused(name: str) -> None:
    """Anything changed, missing, expired or signed by another key is a configuration error that says how to mend it."""
    repository = Repository()
    BAD[name](repository)
    with pytest.raises(ConfigError, match="does not verify") as caught:
        repository.take()
    assert caught.value.fix


def test_expired_on_the_day() -> None:
    """Metadata counts as of the day of the import, not of today: neither later nor earlier."""
    repository = Repository()
    with pytest.raises(ConfigError, match="expired"):
        repository.take(as_of=LATER + datetime.timedelta(days=1))
    assert repository.take(as_of=AS_OF)


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_an_older_copy_than_the_last_is_refused(role: str) -> None:
    """No version goes back behind an earlier import."""
    before = TufVersions(**{**dict.fromkeys(("root", "timestamp", "snapshot", "targets"), 1), role: 2})
    with pytest.raises(ConfigError, match="this copy is older"):
        Repository().take(before=before)


@pytest.mark.parametrize(
    "bootstrap", [b"", b"{}", b"[]", Repository().files["1.root.json"], Repository().files["timestamp.json"]]
)
def test_another_bootstrap_is_refused(bootstrap: bytes) -> None:
    """What is no root, or another repository's, vouches for nothing."""
    with pytest.raises(ConfigError):
        Repository().take(bootstrap=bootstrap)


def _gate(*arguments: str) -> tuple[int, str]:
    """The command's exit code, or that of the error, and what it said."""
    done = CliRunner().invoke(command, list(arguments), standalone_mode=False)
    if isinstance(done.exception, GateError):
        return done.exception.exit_code, done.exception.what
    assert done.exception is None, done.exception
    return int(done.return_value or 0), done.output


def test_import_from_the_command_line(tmp_path: Path) -> None:
    """The file, its record and the snippet; the second import may not be older."""
    copy = Repository().copy_to(tmp_path / "copy")
    pin = hashlib.sha256((copy / "1.root.json").read_bytes()).hexdigest()
    where = ["--dir", str(tmp_path / "trust")]
    code, text = _gate("import", str(copy), "--as-of", DAY, *where, "--bootstrap-digest", pin)
    assert code == 0, text
    assert "root 1, timestamp 1, snapshot 1, targets 1" in text
    assert f'as_of: "{DAY}"' in text
    file = tmp_path / "trust" / "trusted_root.json"
    record = read_record(file.with_name(file.name + SUFFIX).read_bytes(), "r")
    assert (record.method, record.as_of, record.bootstrap_sha256) == ("tuf", DAY, pin)
    assert record.sha256 == hashlib.sha256(file.read_bytes()).hexdigest() == hashlib.sha256(TRUSTED).hexdigest()
    newer = Repository()
    newer.versions["timestamp"] = 5
    newer.write()
    again = newer.copy_to(tmp_path / "newer")
    assert _gate("import", str(again), "--as-of", DAY, *where, "--bootstrap", str(again / "1.root.json"))[0] == 0
    code, text = _gate("import", str(copy), "--as-of", DAY, *where, "--bootstrap", str(copy / "1.root.json"))
    assert (code, "this copy is older" in text) == (2, True)


def test_nothing_vouches_for_itself(tmp_path: Path) -> None:
    """Without a bootstrap root, or with a pin that nothing has, the import is refused."""
    copy = Repository().copy_to(tmp_path / "copy")
    where = ["--as-of", DAY, "--dir", str(tmp_path / "trust")]
    assert _gate("import", str(copy), *where) == (2, "nothing says which TUF root to begin with")
    assert _gate("import", str(copy), *where, "--bootstrap-digest", "0" * 64)[0] == 2
    assert _gate("import", str(copy), *where, "--bootstrap", str(copy / "1.root.json"), "--bootstrap-digest", "0" * 64)[0] == 2
    assert not (tmp_path / "trust").exists()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without python-tuf the message names the extra."""
    import sys

    monkeypatch.setitem(sys.modules, "tuf.api", None)
    with pytest.raises(UsageError) as caught:
        import_target(lambda _: None, b"", AS_OF)
    assert "policy-gate[tuf]" in caught.value.fix
