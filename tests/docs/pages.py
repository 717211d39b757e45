"""The pages, their generated blocks, their code blocks and their links.

A generated block stands between ``<!-- generated: NAME -->`` and ``<!-- end of generated: NAME -->``.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.tools import repository

__all__ = ["Code", "anchors", "blocks", "code_blocks", "commands", "inline_code", "links", "pages", "replace", "without_code"]

_BLOCK = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->\n(?P<text>.*?)<!-- end of generated: (?P=name) -->", re.DOTALL)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """A fenced block."""

    language: str
    text: str


def pages() -> list[Path]:
    """README, SECURITY, CHANGELOG and every page of docs/."""
    root = repository()
    return [root / "README.md", root / "CHANGELOG.md", root / "SECURITY.md", *sorted((root / "docs").rglob("*.md"))]


def blocks(text: str) -> dict[str, str]:
    """The generated blocks of a page, by name."""
    return {match["name"]: match["text"] for match in _BLOCK.finditer(text)}


def replace(text: str, name: str, body: str) -> str:
    """The page with another text in one block."""

    def new(match: re.Match[str]) -> str:
        return f"<!-- generated: {name} -->\n{body}<!-- end of generated: {name} -->" if match["name"] == name else match[0]

    return _BLOCK.sub(new, text)


def code_blocks(text: str) -> list[Code]:
    """Fenced blocks, in order."""
    return [Code(match["language"], match["text"]) for match in _FENCE.finditer(text)]


def without_code(text: str) -> str:
    """The prose."""
    return _FENCE.sub("", text)


def inline_code(text: str) -> list[str]:
    """What stands between single backticks in the prose."""
    return _INLINE.findall(without_code(text))


def links(text: str) -> list[str]:
    """Targets of links in the prose."""
    return _LINK.findall(_INLINE.sub("", without_code(text)))


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(without_code(text)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        slug, number = plain, 0
        while slug in found:
            number += 1
            slug = f"{plain}-{number}"
        found.add(slug)
    return found


def commands(code: str) -> Iterator[list[str]]:
    """The arguments of each ``gate …`` in a piece of shell or of a pipeline file, without what follows a pipe or redirection."""
    joined = re.sub(r"\\\n\s*", " ", code)
    for line in joined.splitlines():
        match = re.match(r"\s*(?:\$ |- |\w+=\$\(|- run: |run: )*gate (.*)", line)
        if not match:
            continue
        lexer = shlex.shlex(match[1], posix=True, punctuation_chars="|&;<>()")
        lexer.commenters = "#"
        lexer.whitespace_split = True
        arguments = []
        for token in lexer:
            if set(token) <= set("|&;<>()"):
                break
            arguments.append(token)
        yield arguments
