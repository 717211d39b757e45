"""A hook of the documentation site: a link that leads out of docs/ (README, SECURITY, samples) becomes its text."""

from __future__ import annotations

import re
from typing import Any

_OUT = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+)([^)]*)\)")


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Called by MkDocs for every page."""
    depth = page.file.src_uri.count("/")

    def shown(match: re.Match[str]) -> str:
        return match[1] if match[2].count("../") > depth else match[0]

    return _OUT.sub(shown, markdown)
