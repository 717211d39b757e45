"""Tests of packs: what is read, hashed and refused."""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from gate.errors import PolicyError, UsageError
from gate.limits import DEFAULT
from gate.policy.bundle import BundleSpec, load_archive, load_pack, load_policy, parse_spec
from tests.policy.packs import domain, rule, write_pack

FILES = domain(rule("limit")) | {"profiles/prod/data.yaml": "a: 1\n"}


def load(path: Path | str, **changes: int) -> str:
    return load_pack(parse_spec(str(path)), dataclasses.replace(DEFAULT, **changes)).digest


def test_the_digest_covers_what_is_evaluated(tmp_path: Path) -> None:
    """Rules, data and manifest change the digest; tests, texts and hidden files do not; nor does where the pack lies."""
    digest = load(write_pack(tmp_path / "a", FILES))
    same = {
        "rules/demo/demo_test.rego": "package rules.demo_test\n",
        "README.md": "x",
        ".git/config": "x",
        "schemas/a.json": "{}",
    }
    assert load(write_pack(tmp_path / "b", FILES | same)) == digest
    assert load(write_pack(tmp_path / "c", FILES | {"profiles/prod/data.yaml": "a: 2\n"})) != digest
    assert load(write_pack(tmp_path / "d", FILES, default_profile="x")) != digest


def test_an_archive_of_a_pack_is_that_pack(tmp_path: Path) -> None:
    """Directory, tar.gz of it and the stored archive have one digest."""
    folder = write_pack(tmp_path / "a", FILES)
    pack = load_pack(BundleSpec(str(folder)), DEFAULT)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(folder, arcname=".")
    assert load(tmp_path / "a.tar.gz") == pack.digest
    assert load_archive(pack.archive, name="stored", limits=DEFAULT).digest == pack.digest


def test_a_pin_is_held(tmp_path: Path) -> None:
    """The right digest pins, another one is exit 2 and both are printed."""
    folder = write_pack(tmp_path / "a", FILES)
    digest = load(folder)
    assert load_policy([parse_spec(f"{folder}@{digest}")], DEFAULT).pinned
    with pytest.raises(PolicyError, match="pinned is sha256:0000"):
        load_policy([parse_spec(f"{folder}@sha256:{'0' * 64}")], DEFAULT)


@pytest.mark.parametrize("text", ["https://x/y.tar.gz", "oci://reg/x", "git::https://x", "git@host:x", "file@sha256:12"])
def test_what_is_not_fetched_is_a_usage_error(text: str) -> None:
    """Remote packs and broken pins are refused by name."""
    with pytest.raises(UsageError):
        parse_spec(text)


def test_symbolic_links_are_refused(tmp_path: Path) -> None:
    """A link could change what is read without the pack changing; that holds for files, directories and hidden targets."""
    folder = write_pack(tmp_path / "a", FILES)
    os.symlink("/etc/passwd", folder / "profiles/prod/x.rego")
    with pytest.raises(PolicyError, match="symbolic links"):
        load(folder)
    os.unlink(folder / "profiles/prod/x.rego")
    os.symlink(tmp_path, folder / "lib")
    with pytest.raises(PolicyError, match="symbolic links"):
        load(folder)


def test_bounds(tmp_path: Path) -> None:
    """Too many files or bytes name the bound."""
    folder = write_pack(tmp_path / "a", FILES)
    with pytest.raises(PolicyError, match="policy_bundle_files"):
        load(folder, policy_bundle_files=2)
    with pytest.raises(PolicyError, match="policy_bundle_bytes"):
        load(folder, policy_bundle_bytes=100)


def tarball(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(gzip.compress(stream.getvalue()))
    return path


def test_hostile_archives_are_refused(tmp_path: Path) -> None:
    """Links, paths upwards, twice the same name, bombs and what is no archive at all."""
    link = tarfile.TarInfo("rules/a.rego")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    plain = tarfile.TarInfo("rules/a/a.rego")
    for members in ([(link, b"")], [(tarfile.TarInfo("../x.rego"), b"x")], [(plain, b"x"), (plain, b"y")]):
        with pytest.raises(PolicyError):
            load(tarball(tmp_path / "x.tar.gz", *members))
    with pytest.raises(PolicyError, match="policy_bundle_bytes"):
        load(tarball(tmp_path / "x.tar.gz", (plain, b"\0" * 5_000_000)), policy_bundle_bytes=1_000_000)
    for data in (b"", b"no archive", b"\x1f\x8bcut"):
        (tmp_path / "x.tar.gz").write_bytes(data)
        with pytest.raises(PolicyError):
            load(tmp_path / "x.tar.gz")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"data.yml": "a: 1"}, "not part of a pack"),
        ({"policy.wasm": "x"}, "not part of a pack"),
        ({"profiles/prod/data.json": "{}"}, "beside data.yaml"),
        ({"rules/demo/evil_test.rego": "package rules.demo\n"}, "must have a package ending in _test"),
        ({"rules/de mo/x.rego": "package x\n"}, "is not allowed in a pack"),
        ({".manifest": "[]"}, "must be an object"),
        ({".manifest": '{"rego_version": 0}'}, "rego_version"),
        ({".manifest": '{"metadata": {"name": "a/../b"}}'}, "pack name"),
    ],
)
def test_what_a_pack_may_not_hold(tmp_path: Path, extra: dict[str, str], message: str) -> None:
    """Files that OPA would take and the gate would not judge, or the reverse, are refused."""
    with pytest.raises(PolicyError, match=message):
        load(write_pack(tmp_path, FILES | extra))


def test_an_empty_directory_is_no_pack(tmp_path: Path) -> None:
    """No rule and no data is not a policy that allows everything."""
    with pytest.raises(PolicyError, match="no Rego and no data"):
        load(tmp_path)
    with pytest.raises(PolicyError, match="no such directory"):
        load(tmp_path / "nowhere")


def test_the_default_pack_is_there_unless_replaced(tmp_path: Path) -> None:
    """A pack of another name is added to the gate's own; one that says standalone takes its place."""
    extra = tmp_path / "extra"
    (extra / "rules/acme").mkdir(parents=True)
    (extra / "rules/acme/acme.rego").write_text("package rules.acme\n")
    assert [pack.name for pack in load_policy([BundleSpec(str(extra))], DEFAULT).packs] == ["policy-gate", "extra"]
    alone = write_pack(tmp_path / "alone", FILES)
    assert [pack.name for pack in load_policy([BundleSpec(str(alone))], DEFAULT).packs] == ["demo"]


def test_an_unpinned_pack_cannot_replace_the_default_beside_a_pinned_one(tmp_path: Path) -> None:
    """Where something is pinned, nothing from outside may take rules away."""
    (tmp_path / "x/rules/acme").mkdir(parents=True)
    (tmp_path / "x/rules/acme/acme.rego").write_text("package rules.acme\n")
    pinned = parse_spec(f"{tmp_path / 'x'}@{load(tmp_path / 'x')}")
    with pytest.raises(PolicyError, match="without being pinned"):
        load_policy([pinned, BundleSpec(str(write_pack(tmp_path / "alone", FILES)))], DEFAULT)


def test_two_packs_need_two_names(tmp_path: Path) -> None:
    """Digests in the verdict are by name."""
    packs = [write_pack(tmp_path / name, domain(rule("x", domain=name), name=name)) for name in ("a", "b")]
    with pytest.raises(PolicyError, match="the pack name 'demo'"):
        load_policy([BundleSpec(str(pack)) for pack in packs], DEFAULT)


def test_engines_must_agree(tmp_path: Path) -> None:
    """Two packs that allow no engine in common allow none; they do not allow every one."""
    packs = [write_pack(tmp_path / n, domain(rule("x", domain=n), name=n), name=n, engines=[f"sha256:{n}"]) for n in ("a", "b")]
    policy = load_policy([BundleSpec(str(pack)) for pack in packs], DEFAULT)
    with pytest.raises(PolicyError, match="no engine in common"):
        _ = policy.engine_required
