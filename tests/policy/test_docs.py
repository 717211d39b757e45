"""Tests that docs/policy-file.md says what the code does."""

from __future__ import annotations

import re

from gate.policy.parameters import SPECS
from gate.policy.template import TEMPLATE
from tests.tools import repository


def test_the_page_shows_the_template_and_every_parameter() -> None:
    """The template verbatim, and one table row for each parameter with its flag and help."""
    page = (repository() / "docs/policy-file.md").read_text()
    assert f"```yaml\n{TEMPLATE}```" in page
    rows = re.findall(r"^\| `([a-z_]+)` \| (?:`([^`]*)`)? ?\| (.*?) \| .+ \|$", page.split("## Parameters")[1], re.MULTILINE)
    assert rows == [(spec.name, spec.flag or "", spec.help) for spec in SPECS]
