"""Links lead somewhere, and commands on the pages can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from gate.cli import command as root
from tests.docs.pages import anchors, code_blocks, commands, inline_code, links, pages
from tests.tools import repository

PAGES = [page for page in pages() if "adr" not in page.parts]


def _id(page: Path) -> str:
    return str(page.relative_to(repository()))


@pytest.mark.parametrize("page", pages(), ids=_id)
def test_links_resolve(page: Path) -> None:
    """Every relative link names a file that is there, and a heading that is in it."""
    broken = []
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    """docs/index.md links all pages beside it."""
    folder = repository() / "docs"
    linked = set(links((folder / "index.md").read_text("utf-8")))
    assert {page.name for page in folder.glob("*.md")} - {"index.md"} - linked == set()


def _parse(arguments: list[str]) -> click.ClickException | None:
    """Parse without running; the error, when there is one."""
    found: click.Command = root
    words, context = ["gate"], click.Context(root, info_name="gate")
    rest = list(arguments)
    try:
        while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
            _, found, rest = _resolved(found, context, rest)
            words.append(str(found.name))
        if rest in (["--help"], ["--version"]) or isinstance(found, click.Group):
            return None
        # click keeps a command's help option as its first context names it, for the whole process: name it as the gate does.
        found.make_context(" ".join(words), rest, help_option_names=["-h", "--help"])
    except click.ClickException as error:
        return error
    return None


def _resolved(group: click.Group, context: click.Context, rest: list[str]) -> tuple[str, click.Command, list[str]]:
    name, found, after = group.resolve_command(context, rest)
    assert name is not None and found is not None
    return name, found, after


def _incomplete(error: click.ClickException) -> bool:
    """Nothing is wrong but what running text leaves out."""
    return isinstance(error, click.MissingParameter) or error.format_message().endswith("requires an argument.")


MISTAKES = {"--max-hihg"}
"""Misspelt on purpose, to show what the gate says."""


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_commands_parse(page: Path) -> None:
    """Each `gate …` of a code block has flags that exist and all that are needed; in running text they may be incomplete."""
    text = page.read_text("utf-8")
    wrong = []
    for code in code_blocks(text):
        if code.language == "text":
            continue
        for arguments in commands(code.text):
            error = _parse(arguments)
            if error is not None and not MISTAKES & set(arguments):
                wrong.append(f"gate {' '.join(arguments)}: {error.format_message()}")
    for span in inline_code(text):
        for arguments in commands(span):
            error = _parse(arguments)
            if error is not None and not _incomplete(error):
                wrong.append(f"`{span}`: {error.format_message()}")
    assert wrong == []


def test_help_texts_show_commands_that_parse() -> None:
    """The examples in `--help`, and the commands that messages of the gate tell people to type, have flags that exist."""
    wrong = []
    for path in sorted((repository() / "gate").rglob("*.py")):
        source = path.read_text("utf-8").replace("\\\\\n", "\\\n")
        shown = [line.strip() for line in re.sub(r"\\\n\s*", " ", source).splitlines() if re.match(r"\s{4,}gate [a-z]", line)]
        for line in [*shown, *re.findall(r"(?<!`)`(gate [^`{}\n]+)`(?!`)", source)]:
            for arguments in commands(re.split(r" {3,}", line)[0]):
                error = _parse(arguments)
                if error is not None and not _incomplete(error):
                    wrong.append(f"{path.name}: {line}: {error.format_message()}")
    assert wrong == []


def test_flags_that_are_mentioned_exist() -> None:
    """A `--flag` in running text belongs to some command of the gate, or is named as another tool's."""
    from tests.docs.helptext import all_commands

    known = {name for _, found in all_commands() for parameter in found.params for name in parameter.opts} | {
        "--help",
        "--version",
    }
    others = {"--require-hashes", "--schema", "--list-all-pkgs"}  # pip, opa, trivy
    wrong = []
    for page in PAGES:
        for span in inline_code(page.read_text("utf-8")):
            if span.startswith(("--", "gate ")):
                wrong += [
                    f"{page.name}: {flag}" for flag in re.findall(r"(?<!\S)--[a-z][a-z-]*", span) if flag not in known | others
                ]
    assert wrong == []


def test_quoted_messages_exist() -> None:
    """What docs/troubleshooting.md quotes from reports is a rule's id, a code of the gate, or words that the gate says."""
    text = (repository() / "docs" / "troubleshooting.md").read_text("utf-8")
    rules = (repository() / "docs" / "rules.md").read_text("utf-8")
    files = [*(repository() / "gate").rglob("*.py"), *(repository() / "policies").rglob("*.rego")]
    said = "\n".join(path.read_text("utf-8") for path in files)
    rows = [line.split("|")[1] for line in text[: text.index("## Environment variables")].splitlines() if line.startswith("| ")]
    quoted = [span for row in rows for span in re.findall(r"`([^`]+)`", row)]
    assert len(quoted) > 10
    missing = []
    for span in quoted:
        known = f"[`{span}`]" in rules if re.fullmatch(r"[a-z]+\.[a-z_]+", span) and not span.startswith("gate.") else False
        missing += [span] if not known and not all(part in said for part in span.split(" … ")) else []
    assert missing == []
