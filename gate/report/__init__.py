"""Reports: every renderer is a pure function of verdicts. `RENDERERS` is the closed list of formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.report.interface import Renderer

__all__ = ["FORMATS", "renderer"]

FORMATS = ("text", "json", "sarif", "markdown", "github", "vsa")
"""``vsa`` needs a verifier id and is written by the command line from `gate.attest`."""


def renderer(name: str) -> Renderer:
    """The renderer of a format; imported only when asked for. Raises KeyError for an unknown name."""
    if name == "text":
        from gate.report.text import render
    elif name == "json":
        from gate.report.json import render
    elif name == "sarif":
        from gate.report.sarif import render
    elif name == "markdown":
        from gate.report.markdown import render
    elif name == "github":
        from gate.report.github import render
    else:
        raise KeyError(name)
    return render
