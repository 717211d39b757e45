"""Reports: every renderer is a pure function of verdicts. `FORMATS` is the closed list of formats."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gate.report.interface import Renderer

__all__ = ["FORMATS", "renderer"]

_MODULES = {
    "text": "gate.report.text",
    "json": "gate.report.json",
    "sarif": "gate.report.sarif",
    "markdown": "gate.report.markdown",
    "github": "gate.report.github",
    "junit": "gate.report.junit",
    "gitlab-codequality": "gate.report.codequality",
    "csv": "gate.report.csv",
    "cyclonedx-vdr": "gate.report.vdr",
    "html": "gate.report.html",
    "oscal-ar": "gate.report.compliance.oscal_ar",
    "oscal-poam": "gate.report.compliance.oscal_poam",
    "cklb": "gate.report.compliance.cklb",
    "xccdf": "gate.report.compliance.xccdf",
}
FORMATS = (*_MODULES, "vsa")
"""``vsa`` needs a verifier id and is written by the command line from `gate.attest`."""


def renderer(name: str) -> Renderer:
    """The renderer of a format; imported only when asked for. Raises KeyError for an unknown name."""
    return cast("Renderer", importlib.import_module(_MODULES[name]).render)
