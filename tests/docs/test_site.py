"""The documentation as a site."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import pages
from tests.tools import repository


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """No link or anchor leads nowhere, every page is in the menu, and no page fetches a script, style, font or picture."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)],
        cwd=repository(),
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    made = list(tmp_path.rglob("*.html"))
    folder = repository() / "docs"
    assert {path.relative_to(tmp_path).with_suffix(".md").as_posix() for path in made} >= {
        page.relative_to(folder).as_posix() for page in pages() if page.is_relative_to(folder) and page.name != "README.md"
    }
    for path in made:
        text = path.read_text("utf-8")
        fetched = re.findall(r"<(?:script|img|iframe)[^>]+src=\"(https?:[^\"]+)", text)
        fetched += re.findall(r"<link[^>]+rel=\"(?:stylesheet|preconnect|icon)\"[^>]+href=\"(https?:[^\"]+)", text)
        assert fetched == [], path
