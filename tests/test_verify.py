"""The pipeline's own promises: order, isolation of subjects, and an end when nobody wants the answer."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import gate.verify as pipeline
from gate.children import end_all, pool_of, watched
from gate.errors import EvidenceUnavailable


def test_answers_come_in_the_order_of_the_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is slow, and whatever fails: each subject has its place."""

    def verify(source: Any, plan: Any) -> list[Any]:
        time.sleep(0.02 * (5 - source % 5))
        if source == 3:
            raise EvidenceUnavailable("three")
        return [source]

    monkeypatch.setattr(pipeline, "verify", verify)
    answers = list(pipeline.verify_all(list(range(12)), None))  # type: ignore[arg-type]  # verify is replaced
    assert [answer if isinstance(answer, list) else str(answer) for answer in answers] == [
        "three" if number == 3 else [number] for number in range(12)
    ]


def test_no_subject_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero subjects are zero answers; the report of none is no verdict."""
    from gate.report.interface import Report

    assert list(pipeline.verify_all([], None)) == []  # type: ignore[arg-type]  # nothing is looked at
    assert (Report(()).decision, Report(()).exit_code) == ("NO_VERDICT", 3)


def test_subjects_are_not_all_started_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with their number: what is not asked for is not begun."""
    begun: list[int] = []

    def verify(source: Any, plan: Any) -> list[Any]:
        begun.append(source)
        return []

    monkeypatch.setattr(pipeline, "verify", verify)
    answers = pipeline.verify_all(list(range(100)), None)  # type: ignore[arg-type]  # verify is replaced
    next(answers)
    time.sleep(0.1)
    assert len(begun) <= 16
    answers.close()  # type: ignore[attr-defined]  # it is a generator


def test_an_interrupt_does_not_wait_for_threads() -> None:
    """The pool is left at once, and the children that its threads wait for are ended."""
    started = threading.Event()
    codes: list[int] = []

    def work() -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], process_group=0)
        with watched(child):
            started.set()
            codes.append(child.wait())

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), pool_of(1, 1, "test") as pool:
        done = pool.submit(work)
        assert started.wait(30)
        raise KeyboardInterrupt
    done.result(timeout=30)
    assert codes == [-9] and time.monotonic() - begin < 30


def test_nothing_to_end() -> None:
    """Ending what has ended is no error."""
    child = subprocess.Popen([sys.executable, "-c", ""], process_group=0)
    with watched(child):
        child.wait()
        end_all()
    end_all()
