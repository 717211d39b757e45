"""The exit codes (design §4), in one table: ``gate --help`` and the documentation are made from it."""

from __future__ import annotations

from typing import NamedTuple


class ExitCode(NamedTuple):
    code: int
    name: str
    meaning: str
    acts: str
    """Who has to do something about it."""


EXIT_CODES = (
    ExitCode(
        0, "ALLOW", "at least one subject and one rule, all required evidence there and accepted", "nobody: the image may ship"
    ),
    ExitCode(1, "DENY", "the policy decided against, or required evidence is absent or bad", "developers"),
    ExitCode(2, "USAGE", "flags, configuration or policy bundle", "whoever wrote the pipeline or the policy"),
    ExitCode(3, "NO VERDICT", "evidence, a tool or a service could not be had or read; retry", "operators"),
    ExitCode(4, "BUG", "internal error", "whoever maintains the gate: please report it"),
)
"""Ctrl-C ends in 130, as it does for other programs. Several subjects: the first of 4, 2, 1, 3, 0 that occurs."""


def help_text() -> str:
    """The table as the end of ``gate --help``."""
    width = max(len(entry.name) for entry in EXIT_CODES)
    rows = "\n".join(f"  {entry.code}  {entry.name:<{width}}  {entry.meaning}" for entry in EXIT_CODES)
    return f"\b\nExit codes\n{rows}\n"
