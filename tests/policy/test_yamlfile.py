"""Tests of configuration documents: what YAML would do behind the writer's back does not happen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate.errors import ConfigError
from gate.policy.yamlfile import MAX_DEPTH, Source, parse_source, read_source


def parse(text: str | bytes, name: str = "a.yaml", **more: Any) -> Source:
    return parse_source(text.encode() if isinstance(text, str) else text, name=name, max_bytes=100_000, **more)


def test_scalars_keep_their_type() -> None:
    """Only JSON's spellings are numbers, booleans and null; dates, ``no`` and octal numbers are text."""
    text = "{a: 1, b: -1.5e3, c: true, d: null, e: no, f: 2026-12-01, g: 0777, h: '1', i: 1_000, j: 12:30, k: ~, l: .inf, on: x}"
    assert parse(text).value == {
        "a": 1, "b": -1500.0, "c": True, "d": None, "e": "no", "f": "2026-12-01", "g": "0777", "h": "1", "i": "1_000",
        "j": "12:30", "k": None, "l": ".inf", "on": "x",
    }  # fmt: skip


def test_places_are_known_by_line() -> None:
    """The line of a key, of a list element, and of the nearest known parent."""
    source = parse("a:\n  b:\n    - x\n    - {c: 1}\n")
    assert source.value == {"a": {"b": ["x", {"c": 1}]}}
    assert source.at(("a", "b")) == "a.yaml:2" and source.at(("a", "b", 1, "c")) == "a.yaml:4"
    assert source.at(("a", "nothing", "there")) == "a.yaml:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "a.yaml:2: the key 'a' stands twice"),
        ("a: &x 1\nb: *x\n", "anchors and aliases are not read"),
        ("a: !!python/object/apply:os.system [id]\n", "is not read"),
        ("a: !!binary aGk=\n", "is not read"),
        ("? [a]\n: 1\n", "a key must be a string"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("a: [\n", "a.yaml:2"),
        ("a: 'open\n", "a.yaml"),
        ("\x01: 1", "not YAML"),
        ("a: " + "[" * (MAX_DEPTH + 5), "nested deeper"),
        ("[" * 50_000, "nested deeper"),
        (b"\xff\xfea\x00", "not UTF-8"),
        ("a: " + "x" * 200_000, "larger than"),
    ],
)
def test_what_is_refused(text: str | bytes, message: str) -> None:
    """Duplicate keys, aliases, tags, depth, size, other encodings: each by name."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert message in caught.value.what


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a": NaN}', "not JSON"),
        ("{", "a.json:1"),
        ("[" * 100_000, "not readable"),
        ('"\\ud800"', "not readable"),
    ],
)
def test_json_is_as_strict(text: str, message: str) -> None:
    """Duplicate keys, NaN and depth in JSON."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.json")
    assert message in caught.value.what


def test_empty_documents_are_null() -> None:
    """An empty file says nothing; whoever reads it refuses null."""
    assert parse("").value is None and parse("# only a comment\n").value is None


def test_a_missing_file_is_an_error_with_its_path(tmp_path: Path) -> None:
    """As is a directory."""
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError, match=str(path)):
            read_source(path, max_bytes=10)
