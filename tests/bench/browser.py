"""How soon a browser paints a page."""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

_REPORT = """<script>
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.name === "first-contentful-paint") document.title = "painted " + entry.startTime;
}).observe({type: "paint", buffered: true});
</script>"""


def first_paint(page: Path, times: int = 5) -> float | None:
    """Median milliseconds from navigation to the first contentful paint; None without Chromium or when it does not tell.

    The copy that is opened has no content security policy, which would forbid the observer; the page is otherwise the same.
    """
    browser = next((path for name in ("chromium-headless-shell", "chromium") if (path := shutil.which(name))), None)
    if browser is None:
        return None
    text = page.read_text("utf-8")
    copy = re.sub(r"<meta http-equiv[^>]*>", _REPORT, text, count=1)
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(copy, encoding="utf-8")
        options = [
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=3000",
            "--dump-dom",
        ]
        for _ in range(times):
            done = subprocess.run([browser, *options, source.as_uri()], check=True, capture_output=True, timeout=120)
            found = re.search(rb"<title>painted ([0-9.]+)", done.stdout)
            if found:
                seen.append(float(found.group(1)))
    return statistics.median(seen) if seen else None
