"""Full disks, closed pipes and Ctrl-C: the exit code says so and nothing is half-written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.gate import AGES, KEY, Gate, process, spawn
from tests.e2e.test_outputs import pack_of
from tests.e2e.test_policies import SLOW
from tests.samples import layout
from tests.tools import repository

CLEAN = f"oci:{layout('clean')}"
ARGUMENTS = ("verify", CLEAN, *KEY, *AGES, "--quiet")


def test_standard_output_on_a_full_disk(gate: Gate) -> None:
    """A redirection that cannot be written is exit 3, not 0: the verdict was not delivered."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gate", *ARGUMENTS], cwd=repository(), env={**os.environ, **gate.environment()},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 3
    assert "standard output could not be written" in done.stderr


@pytest.mark.parametrize("command", [["explain"], ["init", "--path", "-"], ["config", "show"], ["doctor"], ["--help"]])
def test_other_commands_on_a_full_disk(gate: Gate, command: list[str]) -> None:
    """No command claims success for output that was lost."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gate", *command], cwd=repository(), env={**os.environ, **gate.environment()},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_file_on_a_full_disk(gate: Gate) -> None:
    """The same for `--output FORMAT=PATH`."""
    done = gate(*ARGUMENTS, "--output", "json=/dev/full")
    assert done.code == 3 and "/dev/full" in done.err


def test_hand_over_on_a_full_disk(gate: Gate) -> None:
    """The next step would work with nothing: exit 3."""
    gate.patch.setenv("GITHUB_OUTPUT", "/dev/full")
    assert gate(*ARGUMENTS).code == 3


def test_a_store_that_cannot_grow(gate: Gate) -> None:
    """A file-size limit in the middle of the store: exit 3, no verdict in the index, and the next run mends it."""
    limit = 20_000
    done = process(
        gate,
        *ARGUMENTS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        # Python too would write at most so much of a compiled module, and every later run would stumble over it.
        env={"TMPDIR": str(gate.folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.code == 3, done.out + done.err
    assert not done.out.startswith("ALLOW")
    assert gate("report", "--from", "sha256:" + "0" * 64).code in (2, 3)
    again = gate.verify(CLEAN, *KEY)
    assert again.code == 0
    assert "the same bytes" in gate("replay", again.report["verdicts"][0]["outcome_digest"]).out


def test_a_store_that_is_a_file(gate: Gate, tmp_path: Path) -> None:
    """Exit 3, and nothing claims to have been kept."""
    (tmp_path / "file").write_text("")
    done = gate(*ARGUMENTS, "--store", tmp_path / "file")
    assert (done.code, done.out) == (3, ""), done.err


def test_a_store_that_is_something_else(gate: Gate, tmp_path: Path) -> None:
    """A folder with an index.json of somebody else's is not written into."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.json").write_text('{"mine": true}')
    done = gate(*ARGUMENTS, "--store", tmp_path / "other")
    assert done.code == 3, done.out + done.err
    assert (tmp_path / "other" / "index.json").read_text() == '{"mine": true}'


def test_ctrl_c(gate: Gate, tmp_path: Path) -> None:
    """SIGINT while OPA works: exit 130, one line, no OPA left, no output and no verdict half-written."""
    pack = pack_of(tmp_path / "acme", SLOW)
    report = tmp_path / "report.json"
    with spawn(gate, *ARGUMENTS, "--bundle", pack, "--output", f"json={report}", start_new_session=True) as child:
        deadline = time.monotonic() + 30
        while not _evaluating(child.pid) and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.02)
        engines = _evaluating(child.pid)
        assert engines, "OPA was never seen at work"
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    assert err.strip().splitlines()[-1] == "interrupted; nothing was decided"
    assert (out, report.exists()) == ("", False)
    assert "Traceback" not in err
    time.sleep(0.2)
    assert not any(
        Path(f"/proc/{pid}/cmdline").exists() and b"eval" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in engines
    )
    again = gate.verify(CLEAN, *KEY)
    assert again.code == 0 and len(list(tmp_path.glob(".report*"))) == 0


def _evaluating(parent: int) -> list[int]:
    """OPA children of the process that evaluate the pack."""
    found = []
    for tasks in Path(f"/proc/{parent}/task").glob("*/children") if Path(f"/proc/{parent}").exists() else []:
        try:
            pids = [int(pid) for pid in tasks.read_text().split()]
            found += [pid for pid in pids if b"--timeout" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        except OSError:
            continue
    return found


def test_a_reader_that_goes_away(gate: Gate) -> None:
    """A closed pipe is exit 3 without a traceback."""
    with spawn(gate, *ARGUMENTS, "--verbose") as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        err = child.stderr.read()
        child.wait(60)
    assert child.returncode == 3, err
    assert "Traceback" not in err and "Exception ignored" not in err


def test_two_runs_share_a_store(gate: Gate) -> None:
    """Both verdicts are in the index afterwards."""
    children = [spawn(gate, *ARGUMENTS) for _ in range(2)]
    for child in children:
        with child:
            child.communicate(timeout=120)
            assert child.returncode == 0
    from gate.audit.store import Store

    assert len(list(Store(gate.store).verdicts())) in (1, 2), "the same second gives the same outcome"


def test_reading_a_first_type_in_many_threads(gate: Gate) -> None:
    """Platforms are read in threads: the decoder's types must not be made by two of them at once, which crashed the process."""
    script = """
import sys, threading
sys.setswitchinterval(1e-6)
from pathlib import Path
from gate.evidence.collect import Opener
from gate.evidence.interface import Document
from gate.limits import DEFAULT
from gate.trust.entry import Trust
import gate.evidence.sniff, gate.evidence.sbom.cyclonedx, gate.evidence.vulnerabilities.grype
files = [Path(name) for name in sys.argv[1:]]
documents = [Document(data=path.read_bytes(), origin="file", source=path.name) for path in files]
barrier = threading.Barrier(8)
def read():
    barrier.wait()
    Opener(Trust(entries=()), DEFAULT).open_all(documents)
threads = [threading.Thread(target=read) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    names = [
        str(path)
        for name in ("multi-amd64", "multi-arm64")
        for path in sorted((repository() / "testdata/evidence" / name).iterdir())
    ]
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", script, *names], cwd=repository(), check=False, timeout=60)
        assert done.returncode == 0
