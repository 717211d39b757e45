"""The HTML page: what it says, what it can be made to do, and how it looks in a real browser."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest

from gate.model.evidence import Verification
from gate.model.input import ChainNode, Gap
from gate.report import renderer
from gate.report.interface import Failure, Report, Style
from tests.factory import evidence, finding, result, rule, verdict

EVIL = "a\x1b[2J\u202e</script><script>alert(1)</script>\"onload='x'<img src=x>"
CHROMIUM = next((path for name in ("chromium-headless-shell", "chromium") if (path := shutil.which(name))), None)


def page(*verdicts: object, failures: tuple[Failure, ...] = ()) -> str:
    return renderer("html")(Report(verdicts=verdicts, failures=failures), Style()).decode()  # type: ignore[arg-type]


class Seen(HTMLParser):
    """Tags, identifiers, links and nesting of a page."""

    VOID = frozenset({"meta", "br", "img", "input", "link", "hr", "path", "circle"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.refs: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes |= values.keys()
        self.ids += [values["id"]] if "id" in values else []
        self.refs += values.get("aria-labelledby", "").split()
        self.links += [values[name] for name in ("href", "src") if name in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_well_formed_and_has_landmarks() -> None:
    """One h1, header, nav, main and footer; every label and every internal link leads to something that is there once."""
    seen = Seen(page(verdict(), verdict(decision="ALLOW")))
    for tag in ("h1", "header", "nav", "main", "footer", "title"):
        assert seen.tags.count(tag) == 1, tag
    assert len(seen.ids) == len(set(seen.ids))
    assert set(seen.refs) <= set(seen.ids)
    assert {link[1:] for link in seen.links if link.startswith("#")} <= set(seen.ids)


def test_nothing_is_loaded_and_only_our_script_may_run() -> None:
    """No address but https links, no handler, no inline style attribute, and a policy that forbids everything else."""
    text = page(verdict(findings=(finding(url="javascript:alert(1)"), finding(key="k2", url="https://nvd.example/CVE"))))
    seen = Seen(text)
    assert all(link.startswith(("#", "https://")) for link in seen.links)
    assert "https://nvd.example/CVE" in seen.links
    assert not {name for name in seen.attributes if name.startswith("on") or name == "style"}
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy.group(1).startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
    assert "unsafe" not in policy.group(1)


def test_text_in_evidence_stays_text() -> None:
    """Names, messages and reasons made by an attacker end as text, on one line, in every place of the page."""
    evil = verdict(
        rules=(rule(rule="x.y", title=EVIL, results=(result(msg=EVIL, term=EVIL, fix=EVIL),)),),
        findings=(finding(id=EVIL, package=EVIL, key=EVIL, url=EVIL),),
        evidence=(evidence(source=EVIL, format=EVIL, verification=Verification(state="failed", reason=EVIL, identity=EVIL)),),
        chain=(
            ChainNode(
                kind="provenance",
                name=EVIL,
                digest=EVIL,
                depth=9,
                parent=None,
                evidence="",
                level=1,
                signer=EVIL,
                detail="",
                gaps=(Gap(kind="no_provenance", track="build", reason=EVIL),),
            ),
        ),
    )
    text = page(evil, failures=(Failure(subject=EVIL, exit_code=3, reason=EVIL, fix=EVIL),))
    assert Seen(text).tags.count("script") == 1
    assert "<img" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("word", "shown"), [("ALLOW", "ALLOW"), ("DENY", "DENY"), ("NO_VERDICT", "NO VERDICT")])
def test_the_verdict_is_the_first_thing(word: str, shown: str) -> None:
    """The word stands in title and heading, so that neither colour nor icon carries it alone."""
    text = page(verdict(decision=word))
    assert f"<title>{shown}" in text
    assert re.search(rf"<h1[^>]*>.*?{shown}</h1>", text, re.DOTALL)


def test_an_empty_run_is_no_verdict() -> None:
    """A page about nothing never looks like an ALLOW (invariant 1)."""
    assert "<title>NO VERDICT" in page()
    assert "Nothing was verified." in page()


def _colors(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", text))


def _luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(letter * 2 for letter in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_of_every_colour_in_light_dark_and_print() -> None:
    """Every text colour reaches 4.5 : 1 on page and panel (WCAG 2.2, 1.4.3), and no colour is set past the variables."""
    css = resources.files("gate.report").joinpath("page", "page.css").read_text("utf-8")
    schemes = [match.group(1) for match in re.finditer(r":root \{([^}]*)\}", css)]
    assert len(schemes) == 3
    light = _colors(schemes[0])
    for scheme in schemes:
        colors = light | _colors(scheme)
        for name in colors.keys() - {"page", "panel", "line"}:
            for ground in ("page", "panel"):
                pair = sorted((_luminance(colors[name]), _luminance(colors[ground])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (name, ground, colors[name])
    assert not re.search(r"#[0-9a-f]{3,6}", re.sub(r":root \{[^}]*\}", "", css))


def _pixels(path: Path) -> list[bytes]:
    """Rows of an 8-bit RGB or RGBA PNG without interlacing, unfiltered (PNG 3rd edition, 9)."""
    data = path.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert depth == 8
    step = {2: 3, 6: 4}[kind]
    packed, place = b"", 8
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        packed += data[place + 8 : place + 8 + size] if name == b"IDAT" else b""
        place += size + 12
    raw = zlib.decompress(packed)
    rows, before = [], bytearray(width * step)
    for number in range(height):
        start = number * (width * step + 1)
        rule_, row = raw[start], bytearray(raw[start + 1 : start + 1 + width * step])
        for index in range(len(row)):
            left = row[index - step] if index >= step else 0
            up, corner = before[index], before[index - step] if index >= step else 0
            if rule_ == 1:
                row[index] = (row[index] + left) & 255
            elif rule_ == 2:
                row[index] = (row[index] + up) & 255
            elif rule_ == 3:
                row[index] = (row[index] + (left + up) // 2) & 255
            elif rule_ == 4:
                guess = left + up - corner
                near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                row[index] = (row[index] + near) & 255
        rows.append(b"".join(bytes(row[place : place + 3]) for place in range(0, len(row), step)))
        before = row
    return rows


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium-headless-shell)")
@pytest.mark.parametrize(
    ("scheme", "ground", "word"), [("1", (255, 255, 255), (0xB3, 0x12, 0x1D)), ("0", (0x12, 0x16, 0x1C), (0xFF, 0x9A, 0x94))]
)
def test_a_browser_shows_the_verdict(tmp_path: Path, scheme: str, ground: tuple[int, ...], word: tuple[int, ...]) -> None:
    """Chromium paints the page of a denial, in light and dark, with the verdict's colour near the top left."""
    source, target = tmp_path / "page.html", tmp_path / "page.png"
    source.write_text(page(verdict()), encoding="utf-8")
    assert CHROMIUM is not None
    options = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=640,360", f"--user-data-dir={tmp_path / 'p'}"]
    subprocess.run(
        [CHROMIUM, *options, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={target}", source.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    )
    rows = _pixels(target)
    assert tuple(rows[-1][:3]) == ground
    heading = {row[place : place + 3] for row in rows[:90] for place in range(0, 600, 3)}
    assert bytes(word) in heading


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium-headless-shell)")
def test_the_filter_runs_under_the_page_s_own_policy(tmp_path: Path) -> None:
    """The hashes in the policy are those of the script and the style: the browser runs one and applies the other."""
    source = tmp_path / "page.html"
    source.write_text(page(verdict()), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'p'}", "--dump-dom", source.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert b'<label class="filter">' in done.stdout
