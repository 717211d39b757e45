"""Real source-track data of the corpus folder: every commit vouched for, back along the first parents, without a gap."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

from gate.evidence.collect import Opened, Opener
from gate.evidence.interface import Document
from gate.evidence.provenance.chain import Items, trusted_level, vouches
from gate.evidence.provenance.history import walk_back
from gate.evidence.provenance.shelves import Folder, Git, Shelves
from gate.evidence.provenance.source import read_commit, read_revision, read_summary
from gate.limits import DEFAULT
from gate.trust.entry import IdentityRule, LevelRule, Trust, TrustEntry
from tests.chain.makers import COMMIT, NAMES, OBJECTS, World
from tests.conformance.client import SIGNATURES
from tests.trust.corpus import GITHUB, needs_corpus, production

FOLDER = SIGNATURES / "source-track" / "go-vex"
SIGNER = r"https://github\.com/slsa-framework/source-actions/\.github/workflows/compute_slsa_source\.yml@refs/.*"
VERIFIER = "https://github.com/slsa-framework/source-actions"
REPOSITORY = "https://github.com/openvex/go-vex"


@functools.cache
def trust() -> Trust:
    """The source verifier of the SLSA project, believed up to level 3."""
    rule = IdentityRule(SIGNER, GITHUB, regexp=True)
    roles = ("vsa", "attestation")
    return Trust(
        (TrustEntry(name="source", roles=roles, identities=(rule,), roots=production(), verifiers=(LevelRule(VERIFIER, 3),)),)
    )


def _line() -> list[list[str]]:
    return [line.split() for line in (FOLDER / "first-parent.txt").read_text().splitlines()]


def _counts(item: Opened, role: str, key: str) -> bool:
    ours = item.verification.state == "verified" and vouches(item.verification.roles, role)
    if role == "attestation" or not ours or item.statement is None:
        return ours
    summary = read_summary(item.statement, key)
    return summary.passed and trusted_level(item.verification, trust(), "vsa", summary.verifier) == 3


def _shelf(folder: Path = FOLDER) -> Shelves:
    return Shelves((), (), Folder(folder), Opener(trust(), DEFAULT))


@needs_corpus
def test_the_whole_line_has_no_gap() -> None:
    """From the newest commit back to where the data ends: each signed, each the successor of its first parent."""
    line = _line()
    past = walk_back(line[0][0], REPOSITORY, _shelf(), _counts, 1000)
    assert past.gaps == ()
    assert past.commits == len(line)
    assert past.last == line[-1][1]


@needs_corpus
def test_every_commit_on_its_own() -> None:
    """Object, summary and source provenance of each say the same, at level 3 of the source track."""
    shelf = _shelf()
    for name, *parents in _line():
        key = f"gitCommit:{name}"
        raw = shelf.commit(name)
        assert raw is not None
        assert list(read_commit(raw, name).parents) == parents
        found = {item.kind: item for item in shelf.about(key)}
        assert {item.verification.state for item in found.values()} == {"verified"}
        summary, revision = found["vsa"].statement, found["attestation"].statement
        assert summary is not None
        assert revision is not None
        assert read_summary(summary, key).level("SOURCE") == 3
        assert read_summary(summary, key).refs == ("refs/heads/main",)
        assert read_summary(summary, key).resource == REPOSITORY
        assert read_revision(revision).previous == parents[0]


@needs_corpus
def test_a_commit_left_out_is_a_gap(tmp_path: Path) -> None:
    """Without the statements about one commit in the middle, the walk ends there and says so."""
    shutil.copytree(FOLDER, tmp_path / "notes")
    (tmp_path / "notes").chmod(0o755)
    missing = _line()[5][0]
    (tmp_path / "notes" / f"{missing}.jsonl").unlink()
    past = walk_back(_line()[0][0], REPOSITORY, _shelf(tmp_path / "notes"), _counts, 1000)
    assert past.commits == 5
    assert missing in past.gaps[0]


@needs_corpus
def test_another_repository_is_a_gap() -> None:
    """The same statements say nothing about a fork."""
    assert walk_back(_line()[0][0], "https://github.com/mallory/go-vex", _shelf(), _counts, 10).gaps


def test_a_commit_object_under_another_name_is_refused() -> None:
    """Objects prove themselves, whatever the file is called."""
    world = World()
    shelf = Items(
        Opener(world.trust(), DEFAULT).open_all([Document(data=one, origin="file", source="x") for one in world.past()])
    )
    swapped = Items((), {NAMES[0]: OBJECTS[NAMES[1]]})
    assert "is not" in walk_back(COMMIT, "", swapped, lambda *_: True, 3).gaps[0]
    assert walk_back(COMMIT, "", shelf, lambda *_: True, 3).detail.endswith("is not at hand")


def test_notes_of_a_clone(tmp_path: Path) -> None:
    """Commits and notes are read through git, from a repository on disk, with the caller's GIT_ variables ignored."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("no git program on PATH")
    environ = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}

    def run(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        done = subprocess.run([git, *who, *arguments], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "-q", "-b", "main")
    run("commit", "-q", "--allow-empty", "-m", "one")
    run("commit", "-q", "--allow-empty", "-m", "two")
    head = run("rev-parse", "HEAD")
    run("notes", "add", "-m", '{"note": 1}', head)
    place = Git(tmp_path, git, "refs/notes/commits", {**environ, "GIT_DIR": "/nowhere"}, DEFAULT)
    assert place.note(head) == b'{"note": 1}\n'
    assert place.note(run("rev-parse", "HEAD~1")) is None
    raw = place.commit(head)
    assert raw is not None
    assert read_commit(raw, head).parents == (run("rev-parse", "HEAD~1"),)
    assert place.commit("0" * 40) is None
