"""Writes what is generated in the documentation; ``python -m tests.docs.generate``. `tests.docs.test_generated` compares.

A transcript that differs only in digests and times is left as it is, so that a second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gate.cli.exit_codes import EXIT_CODES
from tests.docs import controls, fields, formats, helptext, integrations, schemas, transcripts, week
from tests.docs.pages import blocks, pages, replace
from tests.docs.transcripts import normalise, transcript
from tests.tools import repository

__all__ = ["BLOCKS", "FILES", "current"]

DOCS = repository() / "docs"


def exit_codes() -> str:
    """The table of exit codes."""
    rows = "".join(f"| {entry.code} | {entry.name} | {entry.meaning} | {entry.acts} |\n" for entry in EXIT_CODES)
    return "| code | word | meaning | who acts |\n|--:|---|---|---|\n" + rows


BLOCKS: dict[str, Callable[[], str]] = {
    "demo-deny": lambda: transcript(0),
    "demo-allow": lambda: transcript(2, 3),
    "exit-codes": exit_codes,
    "input-fields": fields.input_tables,
    "formats-read": formats.read_list,
    "predicates": formats.predicates_table,
    "formats-refused": formats.refused_table,
    "trouble-usage": transcripts.usage_errors,
    "trouble-refused": transcripts.refused,
    "vex-triage": transcripts.vex_triage,
    "baseline-week": week.baseline_week,
    "limits": fields.limits_table,
    "stig-controls": controls.controls_table,
    "stig-beyond": controls.beyond_table,
    **integrations.BLOCKS,
}
"""Every generated block, and what makes its text."""

FILES: dict[Path, Callable[[], str]] = {
    DOCS / "commands.md": helptext.commands_page,
    **{DOCS / "schemas" / f"{name}.schema.json": (lambda name=name: schemas.schema_text(name)) for name in schemas.NAMES},  # type: ignore[misc]
}
"""Every file that is generated as a whole."""


def current(committed: str, made: str) -> bool:
    """Whether the committed text is what is made now, digests and times aside."""
    return normalise(committed) == normalise(made)


def main() -> None:
    """Write all of it."""
    for path, make in FILES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), encoding="utf-8")
    for page in pages():
        text = page.read_text("utf-8")
        for name, body in blocks(text).items():
            made = BLOCKS[name]()
            if not current(body, made):
                text = replace(text, name, made)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
